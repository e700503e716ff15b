"""Texts as sparse rows: which words, pairs of words and runs of characters are in each, and how much each says.

A term counts by how often it is in the text (damped by a logarithm) and by how few texts have it: TF-IDF, with rows of
length 1 for the words and for the characters, side by side. With which word a text begins is a pair too. Runs of
characters stay within a word and its two spaces; they catch endings, spelling mistakes, and languages that write no
spaces.
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
from .counted import AT_ONCE, LEAST, LONGEST, Counted, in_texts, kept_columns

SAMPLE = 10_000_000  # characters from which a vocabulary is learned
MOST = 250_000  # terms: a fifth of them words, two fifths each pairs and runs


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
    def fit(cls, values: pl.Series | Counted, how: dict[str, Any], takes: frozenset[Takes], most: int = MOST) -> Self:
        """Learn the vocabulary of at most `most` terms, and how common each is, from these texts alone."""
        found = values if isinstance(values, Counted) else Counted.of(_sample(values))
        words, word_share = _common(in_texts(found.here(found.word_counts)), most // 5)
        place = _places(words, len(found.words))
        both = _pairs(found, place, len(words))
        pairs, pair_share = _common(np.where(both < 0, 0, in_texts(found.here(found.pair_counts))), 2 * most // 5)
        runs, run_share = _common(in_texts(found.here(found.run_counts)), 2 * most // 5)
        letters, keys = found.letters, found.run_keys[runs]
        if found.spells_all:  # what stands in other rows only, or in no run, stays unknown
            letters = grams.letters_of(keys, found.letters)
            keys = grams.respelled(keys, found.letters, letters)
        weights, share = np.zeros(0, np.float32), 1.0
        if Takes.COUNTS in takes:
            share = float(np.sqrt(max(1, word_share.sum() + pair_share.sum()) / max(1, run_share.sum())))
        else:
            common = np.concatenate([word_share, pair_share, run_share])
            weights = (1 + np.log((1 + len(found)) / (1 + common))).astype(np.float32)
        named = tuple(found.words[i] for i in words.tolist())
        return cls(found.name, named, letters, both[pairs], keys, weights, share)

    @property
    def width(self) -> int:
        """How many terms there are."""
        return len(self.words) + len(self.pairs) + len(self.runs)

    def terms(self) -> list[str]:
        """Each column's term: a word, two words, or a run of characters in guillemets."""
        base = max(1, len(self.words))
        two = [f"{self.words[k // base]} {self.words[k % base]}" for k in self.pairs.tolist()]
        return [*self.words, *two, *(f"«{grams.spelled(k, self.letters)}»" for k in self.runs.tolist())]

    def matrix(self, values: pl.Series | Counted) -> Any:
        """csr_array float32 (n, width)."""
        from scipy.sparse import vstack

        if isinstance(values, Counted):
            return self._weighed(*self._chosen(values))
        blocks = [self._rows(some) for some in _portions(values)]
        return vstack(blocks, format="csr") if len(blocks) > 1 else blocks[0]

    def _rows(self, values: pl.Series) -> Any:
        texts = folded(values, LONGEST)
        return self._weighed(self._word_block(texts), self._run_block(texts))

    def _weighed(self, *blocks: Any) -> Any:
        """Words with pairs, and runs, side by side."""
        from scipy.sparse import hstack

        at = blocks[0].shape[1]
        if len(self.weights):
            weights = self.weights[:at], self.weights[at:]
            return hstack([_weighted(b, w) for b, w in zip(blocks, weights, strict=True)], format="csr")
        return hstack([blocks[0], blocks[1] * np.float32(self.share)], format="csr", dtype=np.float32)

    def _chosen(self, found: Counted) -> tuple[Any, Any]:
        """(words with pairs, runs): the counts of this vocabulary's terms."""
        from scipy.sparse import hstack

        index = {w: i for i, w in enumerate(self.words)}
        place = np.array([index.get(w, -1) for w in found.words], np.int64)
        pairs = grams.look_up(_pairs(found, place, len(self.words)), self.pairs)
        runs = grams.look_up(grams.respelled(found.run_keys, found.letters, self.letters), self.runs)
        words = kept_columns(found.here(found.word_counts), place, len(self.words))
        two = kept_columns(found.here(found.pair_counts), pairs, len(self.pairs))
        return hstack([words, two], format="csr"), kept_columns(found.here(found.run_counts), runs, len(self.runs))

    def _word_block(self, texts: pl.Series) -> Any:
        found = grams.words(texts)
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


def _common(share: Array, most: int) -> tuple[Array, Array]:
    """The places of the terms that are in enough texts, of too many those in the most texts; in how many each is."""
    kept = np.flatnonzero(share >= LEAST)
    if len(kept) > most:
        kept = np.sort(kept[np.argsort(-share[kept], kind="stable")[:most]])
    return kept, share[kept]


def _places(kept: Array, of: int) -> Array:
    place = np.full(of, -1, np.int64)
    place[kept] = np.arange(len(kept))
    return place


def _pairs(found: Counted, place: Array, base: int) -> Array:
    """The keys of its pairs where its words have other places, of which there are `base`; -1 where one has none."""
    first, second = (place[k] for k in np.divmod(found.pair_keys, max(1, len(found.words))))
    return np.where((first < 0) | (second < 0), -1, first * base + second)


def _weighted(counts: Any, weights: Array) -> Any:
    """(1 + log count) * weight, each row then of length 1."""
    x = counts.copy()
    x.data = ((1 + np.log(x.data)) * weights[x.indices]).astype(np.float32)
    rows = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
    length = np.sqrt(np.bincount(rows, np.square(x.data), minlength=x.shape[0]))
    x.data /= length[rows].astype(np.float32)
    return x
