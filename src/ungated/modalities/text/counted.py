"""Texts as counts of all their terms, found once, from which any of the rows can teach an encoder or be encoded.

To find the words and the runs of characters takes far longer than to choose among them and to weigh them. Every fold of
the same texts chooses anew, from its own training rows alone: a row's counts are the same whatever other rows there
are, and a term that only other rows hold is met in no text, and so is never chosen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import polars as pl

from ...core.numbers import Array
from . import grams
from .clean import folded

LONGEST = 50_000  # characters of one text; of a longer one both ends are read
AT_ONCE = 10_000_000  # characters that are counted in one go
LEAST = 2  # texts that a term must be in to be learned


@dataclass(frozen=True)
class Counted:
    """One column of texts, or some rows of it.

    rows: int64 places of these rows in what was counted. words: in sorted order. letters: the characters of runs, in
    the order of their codes. pair_keys: first word * number of words + second. run_keys: as `grams.runs` has them.
    word_counts, pair_counts, run_counts: csr_array float32, all rows. lengths: float32 (n, 2), logarithms of 1 +
    characters and 1 + words, and null, bool (n,), of these rows.
    """

    name: str
    rows: Array
    words: Sequence[str]
    letters: str
    pair_keys: Array
    run_keys: Array
    word_counts: Any
    pair_counts: Any
    run_counts: Any
    lengths: Array
    null: Array

    @classmethod
    def of(cls, values: pl.Series, least: int = LEAST) -> Self:
        """The terms of these texts that are in at least `least` of them."""
        texts = folded(values, LONGEST)
        words, word_counts, pair_keys, pair_counts = _words(texts, least)
        letters, run_keys, run_counts = _runs(texts, least)
        return cls(
            *(values.name, np.arange(len(values)), words, letters, pair_keys, run_keys),
            *(word_counts, pair_counts, run_counts, lengths(values), values.is_null().to_numpy()),
        )

    @classmethod
    def shared(cls, values: pl.Series, least: int = LEAST) -> Self | None:
        """The same, or None where it may not serve some of the rows as well as themselves.

        So it is with very much text, and where there are more different characters than have codes: which of them do
        have one, the training rows alone may say.
        """
        if int(values.str.len_bytes().clip(0, LONGEST).sum() or 0) > AT_ONCE:
            return None
        found = cls.of(values, least)
        return found if found.spells_all else None

    @property
    def spells_all(self) -> bool:
        """Whether every character has a code of its own."""
        return len(self.letters) < grams.MOST_LETTERS

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, rows: Array) -> Self:
        """Some of these rows."""
        return replace(self, rows=self.rows[rows], lengths=self.lengths[rows], null=self.null[rows])

    def gather_every(self, n: int) -> Self:
        """Every n-th row, as of a series."""
        return self.take(np.arange(0, len(self), n))

    def here(self, counts: Any) -> Any:
        """Of the counts of all rows those of these."""
        return counts if np.array_equal(self.rows, np.arange(counts.shape[0])) else counts[self.rows]


def lengths(values: pl.Series) -> Array:
    """Logarithms of 1 + characters and 1 + words, float32 (n, 2)."""
    text = values.fill_null("")
    counts = [text.str.len_chars().to_numpy(), text.str.count_matches(r"\S+").to_numpy()]
    return np.log1p(np.column_stack(counts).astype(np.float32))


def in_texts(counts: Any) -> Array:
    """In how many rows each column is met, int64 (columns,)."""
    return np.bincount(counts.indices, minlength=counts.shape[1])


def kept_columns(counts: Any, place: Array, width: int) -> Any:
    """csr_array with each column at its place, int64 (columns,); -1 is left out. What has the same place is summed."""
    from scipy.sparse import csr_array

    at = place.astype(np.int32)[counts.indices]
    met = at >= 0
    before = np.concatenate([[0], np.cumsum(met)])[counts.indptr]
    found = csr_array((counts.data[met], at[met], before.astype(np.int32)), shape=(counts.shape[0], width))
    if (np.diff(place[place >= 0]) <= 0).any():
        found.sum_duplicates()
    return found


def _known(counts: Any, least: int) -> tuple[Array, Any]:
    """(which columns are met in enough rows, their counts)."""
    known = np.flatnonzero(in_texts(counts) >= least)
    if len(known) == counts.shape[1]:
        return known, counts
    place = np.full(counts.shape[1], -1, np.int64)
    place[known] = np.arange(len(known))
    return known, kept_columns(counts, place, len(known))


def _words(texts: pl.Series, least: int) -> tuple[list[str], Any, Array, Any]:
    """(words, their counts, keys of pairs, their counts)."""
    found = grams.words(texts)
    known, counts = _known(grams.counted(found.row, found.code, (len(texts), len(found.words))), least)
    place = np.full(len(found.words), -1, np.int64)
    place[known] = np.arange(len(known))
    row, keys = grams.pairs(found, place[found.code], len(known))
    different, column = np.unique(keys, return_inverse=True)
    often = np.bincount(column, minlength=len(different)) >= least  # the others need not be counted by text
    column = np.where(often, np.cumsum(often) - 1, -1)[column]
    pairs, pair_counts = _known(grams.counted(row, column, (len(texts), int(often.sum()))), least)
    return [found.words[i] for i in known], counts, different[often][pairs], pair_counts


def _runs(texts: pl.Series, least: int) -> tuple[str, Array, Any]:
    """(alphabet, keys of runs of characters, their counts)."""
    found = grams.tokens(texts, grams.CHUNK)
    characters, starts = grams.codepoints(found.words)
    times = np.bincount(found.code, minlength=len(found.words))
    letters = grams.alphabet(characters[:-1], np.repeat(times, np.diff(starts)))
    word, key = grams.runs(found.words, letters)
    different, column = np.unique(key, return_inverse=True)
    often = np.bincount(column, times[word], minlength=len(different)) >= least  # the others need not be multiplied out
    column = np.where(often, np.cumsum(often) - 1, -1)[column]
    inside = grams.counted(word, column, (len(found.words), int(often.sum())))
    counts = grams.counted(found.row, found.code, (len(texts), len(found.words))) @ inside
    counts.sort_indices()
    runs, counts = _known(counts, least)
    return letters, different[often][runs], counts
