"""Texts as sparse rows: which words, pairs of words and runs of characters are in each, and how much each says.

A term counts by how often it is in the text (damped by a logarithm) and by how few texts have it: TF-IDF, with rows of
length 1 for the words and for the characters, side by side. Runs of characters stay within a word and its two spaces;
they catch endings, spelling mistakes, and languages that write no spaces.
Paper: Spärck Jones, "A Statistical Interpretation of Term Specificity", Journal of Documentation 28, 1972.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl

from ...core.numbers import Array, Takes
from . import grams
from .clean import folded

LONGEST = 50_000  # characters of one text; of a longer one both ends are read
SAMPLE = 20_000_000  # characters from which a vocabulary is learned
MOST_WORDS, MOST_PAIRS, MOST_RUNS = 50_000, 100_000, 100_000


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
    def fit(cls, values: pl.Series, how: dict[str, Any], takes: frozenset[Takes]) -> Self:
        """Learn the vocabulary, and how common each term is, from these texts alone."""
        texts = folded(_sample(values), LONGEST)
        words, pairs, word_share = _word_terms(texts)
        letters, runs, run_share = _run_terms(texts)
        weights = np.zeros(0, np.float32)
        if Takes.COUNTS not in takes:
            n = len(texts)
            common = np.concatenate([word_share, run_share])
            weights = (1 + np.log((1 + n) / (1 + common))).astype(np.float32)
        return cls(values.name, tuple(words), letters, pairs, runs, weights)

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
        from scipy.sparse import hstack

        texts = folded(values, LONGEST)
        blocks = [self._word_block(texts), self._run_block(texts)]
        if len(self.weights):
            at = blocks[0].shape[1]
            blocks = [_weighted(b, w) for b, w in zip(blocks, (self.weights[:at], self.weights[at:]), strict=True)]
        return hstack(blocks, format="csr", dtype=np.float32)

    def _word_block(self, texts: pl.Series) -> Any:
        found = grams.tokens(texts, grams.WORD)
        index = {w: i for i, w in enumerate(self.words)}
        known = np.array([index.get(w, -1) for w in found.words], np.int64)
        code = known[found.code] if len(known) else found.code
        both = (code[1:] >= 0) & (code[:-1] >= 0) & (found.row[1:] == found.row[:-1])
        keys = (code[:-1] * len(self.words) + code[1:])[both]
        place = grams.look_up(keys, self.pairs)
        row = np.concatenate([found.row, found.row[1:][both]])
        column = np.concatenate([code, np.where(place < 0, -1, place + len(self.words))])
        return grams.counted(row, column, (len(texts), len(self.words) + len(self.pairs)))

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


def _common(share: Array, most: int, least: int) -> Array:
    """The places of the terms that are in at least `least` texts; of too many, those in the most texts."""
    kept = np.flatnonzero(share >= least)
    if len(kept) > most:
        kept = np.sort(kept[np.argsort(-share[kept], kind="stable")[:most]])
    return kept


LEAST_WORD, LEAST_PAIR, LEAST_RUN = 2, 2, 2


def _word_terms(texts: pl.Series) -> tuple[list[str], Array, Array]:
    """(words, keys of pairs, in how many texts each of both is)."""
    found = grams.tokens(texts, grams.WORD)
    share = np.bincount(
        grams.counted(found.row, found.code, (len(texts), len(found.words))).indices, minlength=len(found.words)
    )
    kept = _common(share, MOST_WORDS, LEAST_WORD)
    known = np.full(len(found.words), -1, np.int64)
    known[kept] = np.arange(len(kept))
    code = known[found.code]
    both = (code[1:] >= 0) & (code[:-1] >= 0) & (found.row[1:] == found.row[:-1])
    keys, place = np.unique((code[:-1] * len(kept) + code[1:])[both], return_inverse=True)
    pair_share = np.bincount(
        grams.counted(found.row[1:][both], place, (len(texts), len(keys))).indices, minlength=len(keys)
    )
    pairs = _common(pair_share, MOST_PAIRS, LEAST_PAIR)
    return [found.words[i] for i in kept], keys[pairs], np.concatenate([share[kept], pair_share[pairs]])


def _run_terms(texts: pl.Series) -> tuple[str, Array, Array]:
    """(alphabet, keys of runs of characters, in how many texts each is)."""
    found = grams.tokens(texts, grams.CHUNK)
    characters, starts = grams.codepoints(found.words)
    times = np.bincount(found.code, minlength=len(found.words))
    letters = grams.alphabet(characters[:-1], np.repeat(times, np.diff(starts)))
    word, key = grams.runs(found.words, letters)
    keys, place = np.unique(key, return_inverse=True)
    enough = np.bincount(place, times[word]) >= LEAST_RUN
    column = np.where(enough, np.cumsum(enough) - 1, -1)
    keys = keys[enough]
    inside = grams.counted(word, column[place], (len(found.words), len(keys)))
    whole = grams.counted(found.row, found.code, (len(texts), len(found.words))) @ inside
    share = np.bincount(whole.indices, minlength=len(keys))
    kept = _common(share, MOST_RUNS, LEAST_RUN)
    return letters, keys[kept], share[kept]


def _weighted(counts: Any, weights: Array) -> Any:
    """(1 + log count) * weight, each row then of length 1."""
    x = counts.copy()
    x.data = ((1 + np.log(x.data)) * weights[x.indices]).astype(np.float32)
    rows = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
    length = np.sqrt(np.bincount(rows, np.square(x.data), minlength=x.shape[0]))
    x.data /= length[rows].astype(np.float32)
    return x
