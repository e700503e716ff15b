"""Grams as whole numbers: words, neighbouring words and runs of characters, counted without a string for each.

Characters are counted by way of the different words: the runs inside a word are the same wherever the word stands, so
they are looked up once a word and multiplied out. A run of up to five characters is one int64, twelve bits each; so a
vocabulary is a sorted array, and looking up is a binary search.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from ...core.numbers import Array

SPACELESS = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"  # scripts without spaces
WORD = rf"[{SPACELESS}]|[\w--[{SPACELESS}]]+(?:['’][\w--[{SPACELESS}]]+)*|[^\w\s]"
CHUNK = r"\S+"
BEGIN = "␂"  # a word before the first, so that the pair of both tells with which word a text begins
BITS, SHORTEST, LONGEST = 12, 2, 5
OTHER = 1  # the code of a character that is not in the alphabet; 0 is none
MOST_LETTERS = 2**BITS - 2


@dataclass(frozen=True)
class Tokens:
    """The tokens of texts in their order. row, code: int64, one for each token; words: what the codes stand for."""

    rows: int
    row: Array
    code: Array
    words: list[str]


def tokens(texts: pl.Series, pattern: str) -> Tokens:
    """What `pattern` finds in each text, with codes in the order of the words."""
    found = texts.str.extract_all(pattern)
    lengths = found.list.len().to_numpy()
    flat = found.explode().drop_nulls()  # a text without a token explodes into a null
    words = flat.unique().sort()
    code = flat.cast(pl.Enum(words)).to_physical().to_numpy().astype(np.int64)
    return Tokens(len(texts), np.repeat(np.arange(len(texts)), lengths), code, words.to_list())


def words(texts: pl.Series) -> Tokens:
    """The words of each text, with BEGIN before them where there are any."""
    return tokens(texts.str.replace(r"^\s*(\S)", f"{BEGIN} $1"), WORD)


def pairs(found: Tokens, code: Array, base: int) -> tuple[Array, Array]:
    """(rows, keys) of neighbours in the same text whose codes are both known: first code * base + second code.

    code: int64, one for each token, -1 for unknown.
    """
    both = (code[1:] >= 0) & (code[:-1] >= 0) & (found.row[1:] == found.row[:-1])
    return found.row[1:][both], (code[:-1] * base + code[1:])[both]


def codepoints(words: Sequence[str]) -> tuple[Array, Array]:
    """(uint32 characters of all words with a space before, between and after them, int64 starts, one more at the end).

    A word and the spaces at its ends lie at starts[i] : starts[i + 1] + 1.
    """
    joined = np.frombuffer(("".join(f" {w}" for w in words) + " ").encode("utf-32-le"), np.uint32)
    lengths = np.fromiter((len(w) for w in words), np.int64, len(words))
    return joined, np.concatenate([[0], np.cumsum(lengths + 1)])


def alphabet(characters: Array, weights: Array) -> str:
    """The characters that are met most often, as many as have room in a gram, in the order of their codes."""
    different, place = np.unique(characters, return_inverse=True)
    often = np.bincount(place, weights)
    kept = different[np.argsort(-often, kind="stable")[:MOST_LETTERS]]
    return "".join(map(chr, np.sort(kept)))


def runs(words: Sequence[str], letters: str) -> tuple[Array, Array]:
    """(word, key) of every run of 2 to 5 characters in each word, the spaces at its ends included."""
    characters, starts = codepoints(words)
    known = np.frombuffer(letters.encode("utf-32-le"), np.uint32)
    place = np.searchsorted(known, characters)
    met = known[np.minimum(place, len(known) - 1)] == characters if len(known) else np.zeros(len(characters), bool)
    codes = np.where(met, place + 2, OTHER).astype(np.int64)
    word = np.repeat(np.arange(len(words)), np.diff(starts))  # of the character with which a run begins
    end = starts[1:][word]  # the place of the space after the word
    at, key = np.arange(len(word)), codes[: len(word)].copy()
    of, keys = [], []
    for size in range(SHORTEST, LONGEST + 1):
        inside = at + size - 1 <= end[at]
        at, key = at[inside], key[inside]
        key = (key << BITS) | codes[at + size - 1]
        of.append(word[at])
        keys.append(key)
    return np.concatenate(of), np.concatenate(keys)


def spelled(key: int, letters: str) -> str:
    """The run that a key stands for; a character outside the alphabet is shown as �."""
    out = ""
    while key:
        code = key & (2**BITS - 1)
        out = (letters[code - 2] if code > OTHER else "\ufffd") + out
        key >>= BITS
    return out


def respelled(keys: Array, letters: str, others: str) -> Array:
    """Keys of runs in one alphabet, `letters`, as keys of the same runs in another."""
    index = {c: i for i, c in enumerate(others, OTHER + 1)}
    code = np.array([0, OTHER, *(index.get(c, OTHER) for c in letters)], np.int64)
    shifts = [BITS * i for i in range(LONGEST)]
    return sum((code[(keys >> s) & (2**BITS - 1)] << s for s in shifts), np.zeros(len(keys), np.int64))


def letters_of(keys: Array, letters: str) -> str:
    """The characters of an alphabet that are met in some of these runs."""
    met = np.unique(np.concatenate([(keys >> (BITS * i)) & (2**BITS - 1) for i in range(LONGEST)]))
    return "".join(letters[c - OTHER - 1] for c in met.tolist() if c > OTHER)


def look_up(keys: Array, vocabulary: Array) -> Array:
    """The place of each key in the sorted vocabulary, -1 where it is not in it."""
    if not len(vocabulary):
        return np.full(len(keys), -1, np.int64)
    place = np.searchsorted(vocabulary, keys)
    place[place == len(vocabulary)] = 0
    return np.where(vocabulary[place] == keys, place, -1)


def counted(row: Array, column: Array, shape: tuple[int, int]) -> Any:
    """How often each column was met in each row: csr_array float32, sorted indices; columns of -1 are left out."""
    from scipy.sparse import coo_array

    met = column >= 0
    ones = np.ones(int(met.sum()), np.float32)
    return coo_array((ones, (row[met].astype(np.int32), column[met].astype(np.int32))), shape).tocsr()
