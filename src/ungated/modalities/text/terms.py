"""Texts as sparse rows: which words, pairs of words and runs of characters are in each, and how much each says.

A term counts by how often it is in the text (damped by a logarithm) and by how few texts have it: TF-IDF, with rows of
length 1 for the words and for the characters, side by side. Runs of characters stay within a word and its two spaces;
they catch endings, spelling mistakes, and languages that write no spaces.
Paper: Spärck Jones, "A Statistical Interpretation of Term Specificity", Journal of Documentation 28, 1972.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl

from ...core.numbers import Array, Takes
from . import grams
from .clean import folded

LONGEST = 50_000  # characters of one text; of a longer one both ends are read
SAMPLE = 10_000_000  # characters from which a vocabulary is learned
AT_ONCE = 10_000_000  # characters that become rows in one go
MOST = 250_000  # terms: a fifth of them words, two fifths each pairs and runs
LEAST = 2  # texts that a term must be in


@dataclass(frozen=True)
class TermsPart:
    """One column of texts.

    words: in sorted order. pairs: int64 keys of neighbouring words. runs: int64 keys of runs of characters, which are
    `letters`. weights: float32, one for each term, by how few texts have it; none where terms are only counted. share:
    what one run of characters counts where a word counts 1, so that runs, which are many, weigh no more than words.
    """

    source: str
    words: tuple[str, ...]
    letters: str
    pairs: Array
    runs: Array
    weights: Array
    share: float = 1.0

    @classmethod
    def fit(cls, values: pl.Series, how: dict[str, Any], takes: frozenset[Takes], most: int = MOST) -> Self:
        """Learn the vocabulary of at most `most` terms, and how common each is, from these texts alone."""
        texts = folded(_sample(values), LONGEST)
        words, pairs, word_share = _word_terms(texts, most)
        letters, runs, run_share = _run_terms(texts, most)
        weights, share = np.zeros(0, np.float32), 1.0
        if Takes.COUNTS in takes:
            share = float(np.sqrt(max(1, word_share.sum()) / max(1, run_share.sum())))
        else:
            n = len(texts)
            common = np.concatenate([word_share, run_share])
            weights = (1 + np.log((1 + n) / (1 + common))).astype(np.float32)
        return cls(values.name, tuple(words), letters, pairs, runs, weights, share)

    @property
    def width(self) -> int:
        """How many terms there are."""
        return len(self.words) + len(self.pairs) + len(self.runs)

    def terms(self) -> list[str]:
        """Each column's term: a word, two words, or a run of characters in guillemets."""
        base = max(1, len(self.words))
        two = [f"{self.words[k // base]} {self.words[k % base]}" for k in self.pairs.tolist()]
        return [*self.words, *two, *(f"«{grams.spelled(k, self.letters)}»" for k in self.runs.tolist())]

    def matrix(self, values: pl.Series) -> Any:
        """csr_array float32 (n, width)."""
        from scipy.sparse import vstack

        blocks = [self._rows(some) for some in _portions(values)]
        return vstack(blocks, format="csr") if len(blocks) > 1 else blocks[0]

    def _rows(self, values: pl.Series) -> Any:
        from scipy.sparse import hstack

        texts = folded(values, LONGEST)
        blocks = [self._word_block(texts), self._run_block(texts)]
        if len(self.weights):
            at = blocks[0].shape[1]
            blocks = [_weighted(b, w) for b, w in zip(blocks, (self.weights[:at], self.weights[at:]), strict=True)]
        else:
            blocks[1].data *= np.float32(self.share)
        return hstack(blocks, format="csr", dtype=np.float32)

    def _word_block(self, texts: pl.Series) -> Any:
        found = grams.tokens(texts, grams.WORD)
        index = {w: i for i, w in enumerate(self.words)}
        code = np.array([index.get(w, -1) for w in found.words], np.int64)[found.code]
        row, keys = grams.pairs(found, code, len(self.words))
        place = grams.look_up(keys, self.pairs)
        columns = np.concatenate([code, np.where(place < 0, -1, place + len(self.words))])
        shape = (len(texts), len(self.words) + len(self.pairs))
        return grams.counted(np.concatenate([found.row, row]), columns, shape)

    def _run_block(self, texts: pl.Series) -> Any:
        found = grams.tokens(texts, grams.CHUNK)
        word, key = grams.runs(found.words, self.letters)
        inside = grams.counted(word, grams.look_up(key, self.runs), (len(found.words), len(self.runs)))
        block = grams.counted(found.row, found.code, (len(texts), len(found.words))) @ inside
        block.sort_indices()
        return block


def _sample(values: pl.Series) -> pl.Series:
    """Evenly spaced texts of about `SAMPLE` characters in all, each cut at `LONGEST`."""
    total = int(values.str.len_bytes().clip(0, LONGEST).sum() or 0)
    return values.gather_every(-(-total // SAMPLE)) if total > SAMPLE else values


def _portions(values: pl.Series) -> Iterator[pl.Series]:
    """The texts in slices of about `AT_ONCE` characters, at least one slice."""
    long = values.str.len_bytes().fill_null(0).clip(0, LONGEST).cast(pl.Int64).cum_sum().to_numpy()
    first = 0
    while first < len(values) or not first:
        before = long[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(long, before + AT_ONCE, side="right")))
        yield values[first:last]
        first = last


def _common(share: Array, most: int) -> Array:
    """The places of the terms that are in enough texts; of too many terms, those in the most texts."""
    kept = np.flatnonzero(share >= LEAST)
    if len(kept) > most:
        kept = np.sort(kept[np.argsort(-share[kept], kind="stable")[:most]])
    return kept


def _in_texts(counts: Any) -> Array:
    """In how many rows each column is met, int64 (columns,)."""
    return np.bincount(counts.indices, minlength=counts.shape[1])


def _word_terms(texts: pl.Series, most: int) -> tuple[list[str], Array, Array]:
    """(words, keys of pairs, in how many texts each of both is)."""
    found = grams.tokens(texts, grams.WORD)
    share = _in_texts(grams.counted(found.row, found.code, (len(texts), len(found.words))))
    words = _common(share, most // 5)
    place = np.full(len(found.words), -1, np.int64)
    place[words] = np.arange(len(words))
    row, keys = grams.pairs(found, place[found.code], len(words))
    different, column = np.unique(keys, return_inverse=True)
    pair_share = _in_texts(grams.counted(row, column, (len(texts), len(different))))
    pairs = _common(pair_share, 2 * most // 5)
    return [found.words[i] for i in words], different[pairs], np.concatenate([share[words], pair_share[pairs]])


def _run_terms(texts: pl.Series, most: int) -> tuple[str, Array, Array]:
    """(alphabet, keys of runs of characters, in how many texts each is)."""
    found = grams.tokens(texts, grams.CHUNK)
    characters, starts = grams.codepoints(found.words)
    times = np.bincount(found.code, minlength=len(found.words))
    letters = grams.alphabet(characters[:-1], np.repeat(times, np.diff(starts)))
    word, key = grams.runs(found.words, letters)
    different, column = np.unique(key, return_inverse=True)
    often = np.bincount(column, times[word], minlength=len(different)) >= LEAST  # the others need not be multiplied out
    column = np.where(often, np.cumsum(often) - 1, -1)[column]
    inside = grams.counted(word, column, (len(found.words), int(often.sum())))
    share = _in_texts(grams.counted(found.row, found.code, (len(texts), len(found.words))) @ inside)
    kept = _common(share, 2 * most // 5)
    return letters, different[often][kept], share[kept]


def _weighted(counts: Any, weights: Array) -> Any:
    """(1 + log count) * weight, each row then of length 1."""
    x = counts.copy()
    x.data = ((1 + np.log(x.data)) * weights[x.indices]).astype(np.float32)
    rows = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
    length = np.sqrt(np.bincount(rows, np.square(x.data), minlength=x.shape[0]))
    x.data /= length[rows].astype(np.float32)
    return x
