"""Texts that are nearly the same have nearly the same fingerprint: 64 bits, voted on by their shingles.

A shingle is three words in a row; each has a number of 64 bits that looks random, and each bit of the fingerprint is
what most shingles say. Case, punctuation and white space are not heard. Texts of a few words have too few voters, so
theirs is the number of the text itself, equal only where the words are.
Paper: Charikar, "Similarity Estimation Techniques from Rounding Algorithms", STOC 2002
(shingles: Broder, "On the Resemblance and Containment of Documents", 1997).
"""

import numpy as np
import polars as pl

from ...core.numbers import Array
from . import grams
from .clean import folded

MOST = 20_000  # characters of a text that are heard
WORD = rf"[{grams.SPACELESS}]|[\w--[{grams.SPACELESS}]]+"
SHINGLE = 3
FEW = 12  # words below which only the same words have the same fingerprint
VOTES = 200_000  # shingles counted at once


def fingerprints(values: pl.Series) -> Array:
    """uint64 (n,): equal or a few bits apart for near-duplicates; 0 for a text without a word. The same on any day."""
    found = grams.tokens(folded(values, MOST), WORD)
    words = _numbered(found.words)[found.code]
    lengths = np.bincount(found.row, minlength=found.rows)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    out = np.zeros(found.rows, np.uint64)
    place = np.arange(len(words)) - starts[found.row]
    few = lengths[found.row] < FEW
    if few.any():
        whole = _mixed(words[few] + _mixed(place[few].astype(np.uint64)))
        np.add.at(out, found.row[few], whole)
    whole_shingle = ~few & (place <= lengths[found.row] - SHINGLE)
    at = np.flatnonzero(whole_shingle)
    shingle = words[at]
    for step in range(1, SHINGLE):
        shingle = _mixed(shingle) + words[at + step]
    out |= _voted(_mixed(shingle), found.row[at], found.rows)
    return np.where((out == 0) & (lengths > 0), np.uint64(1), out)


def _voted(shingles: Array, row: Array, rows: int) -> Array:
    """The majority of each bit over the shingles of each row; rows in order."""
    votes, most = np.zeros((rows, 64), np.int32), np.bincount(row, minlength=rows)
    for first in range(0, len(shingles), VOTES):
        part = shingles[first : first + VOTES]
        bits = np.unpackbits(part[:, None].view(np.uint8), axis=1)
        here, begin = np.unique(row[first : first + VOTES], return_index=True)
        votes[here] += np.add.reduceat(bits, begin, axis=0, dtype=np.int32)
    return np.packbits(2 * votes > most[:, None], axis=1).view(np.uint64)[:, 0]


def _numbered(words: list[str]) -> Array:
    """A number for each word, uint64, made of its characters and their places."""
    if not words:
        return np.zeros(0, np.uint64)
    characters, starts = grams.codepoints(words)
    place = np.arange(len(characters) - 1) - np.repeat(starts[:-1], np.diff(starts))
    mixed = _mixed((characters[:-1].astype(np.uint64) << np.uint64(32)) | place.astype(np.uint64))
    return np.add.reduceat(mixed, starts[:-1])


def _mixed(x: Array) -> Array:
    """Whole numbers stirred so that every bit depends on every bit (splitmix64, Steele et al. 2014)."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
