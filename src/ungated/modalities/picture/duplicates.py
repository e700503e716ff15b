"""The same photograph twice, though saved anew, scaled or a little brighter: fingerprints that stay alike.

A picture's 64 coarsest waves (a discrete cosine transform of 32 x 32 grey pixels), one bit for each: above or below
their median (pHash, after Zauner 2010). Near-duplicates differ in a few bits, different pictures in about 32.
"""

from functools import cache
from itertools import pairwise

import numpy as np
import polars as pl

from .packed import HEADER, unpack
from .reduce import grey, to_grid

_SIDE, _WAVES = 32, 8
_FLAT = 2.0  # grey levels: whose pixels spread less than this shows nothing that could be recognised
ALIKE = 4  # bits of 64 in which the same picture may differ
_TOGETHER = 0.99  # correlation of the pixels of what is one picture
_BLOCK = 1024


@cache
def _cosines() -> np.ndarray:
    """float32 (8, 32): the waves 0 to 7 of the orthonormal discrete cosine transform (DCT-II)."""
    k, x = np.arange(_WAVES)[:, None], np.arange(_SIDE)[None]
    return (np.cos(np.pi * k * (2 * x + 1) / (2 * _SIDE)) * np.sqrt(2 / _SIDE)).astype(np.float32)


def fingerprints(values: pl.Series) -> np.ndarray:
    """uint64 (n,): one for each picture; 0 where there is none, or where it shows one even colour.

    values: packed pictures, of any sizes.
    """
    out = np.zeros(len(values), np.uint64)
    cells = values.to_list()
    for head, rows in _by_size(cells).items():
        size = HEADER.unpack(head)
        step = max(1, (16 << 20) // max(1, int(np.prod(size))))
        for start in range(0, len(rows), step):
            some = rows[start : start + step]
            out[some] = _hashes(np.stack([unpack(cells[k]) for k in some]))
    return out


def _by_size(cells: list[bytes | None]) -> dict[bytes, list[int]]:
    rows: dict[bytes, list[int]] = {}
    for k, cell in enumerate(cells):
        if cell is not None:
            rows.setdefault(cell[: HEADER.size], []).append(k)
    return rows


def _hashes(pictures: np.ndarray) -> np.ndarray:
    small = to_grid(grey(pictures), (_SIDE, _SIDE))[..., 0]
    waves = (_cosines() @ small @ _cosines().T).reshape(len(small), -1)
    bits = waves[:, 1:] > np.median(waves[:, 1:], axis=1, keepdims=True)  # the first wave is the brightness alone
    powers = np.uint64(1) << np.arange(1, 64, dtype=np.uint64)
    codes = (bits * powers).sum(1, dtype=np.uint64) | np.uint64(1)  # the spare bit keeps a fingerprint from being 0
    return np.where(small.std(axis=(1, 2)) < _FLAT, np.uint64(0), codes)


def alike(prints: np.ndarray, most: int = ALIKE) -> np.ndarray:
    """int64 (k, 2): the pairs of rows, first < second, whose fingerprints differ in at most `most` bits; 0s in none.

    Each fingerprint is cut into `most` + 1 pieces, of which a pair must share one whole (the pigeonhole principle), so
    that only rows that share a piece are compared. Of a piece that thousands share, neighbours in order alone are.
    """
    rows = np.flatnonzero(prints)
    edges = np.linspace(0, 64, most + 2).astype(np.uint64)
    found = [np.empty((0, 2), np.int64)]
    for low, high in pairwise(edges):
        piece = (prints[rows] >> low) & ((np.uint64(1) << (high - low)) - np.uint64(1))
        order = np.lexsort((prints[rows], piece))
        bounds = np.flatnonzero(np.diff(piece[order])) + 1
        for members in np.split(rows[order], bounds):
            for start in range(0, len(members), _BLOCK):
                found.append(_pairs(prints, np.sort(members[start : start + _BLOCK]), most))
    return np.unique(np.concatenate(found), axis=0)


@cache
def _ones() -> np.ndarray:
    """uint8 (65536,): how many bits of each number are set."""
    return np.unpackbits(np.arange(1 << 16, dtype=np.uint16).view(np.uint8).reshape(-1, 2), axis=1).sum(
        1, dtype=np.uint8
    )


def near_duplicates(values: pl.Series, most: int = ALIKE) -> np.ndarray:
    """int64 (k, 2): pairs of rows, first < second, that show the same picture: alike in fingerprint and in pixels.

    Among many small pictures of one kind (60,000 garments) most that share a fingerprint are not the same picture, so
    every pair is looked at again in 32 x 32 grey pixels, which must rise and fall together.
    """
    pairs = alike(fingerprints(values), most)
    asked = np.unique(pairs)
    place = {int(row): k for k, row in enumerate(asked)}
    small = np.empty((len(asked), _SIDE * _SIDE), np.float32)
    for k, cell in enumerate(values.gather(asked).to_list()):
        small[k] = to_grid(grey(unpack(cell)[None]), (_SIDE, _SIDE)).ravel()
    small -= small.mean(1, keepdims=True)
    small /= np.maximum(np.linalg.norm(small, axis=1, keepdims=True), 1e-6)
    first, second = (np.array([place[int(r)] for r in side], np.int64) for side in pairs.T)
    same = np.zeros(len(pairs), bool)
    for start in range(0, len(pairs), _BLOCK):
        some = slice(start, start + _BLOCK)
        same[some] = np.einsum("nd,nd->n", small[first[some]], small[second[some]]) >= _TOGETHER
    return pairs[same]


def _pairs(prints: np.ndarray, rows: np.ndarray, most: int) -> np.ndarray:
    if len(rows) < 2:
        return np.empty((0, 2), np.int64)
    differ = _ones()[(prints[rows][:, None] ^ prints[rows][None]).view(np.uint16).reshape(len(rows), len(rows), 4)].sum(
        2
    )
    first, second = np.nonzero(np.triu(differ <= most, 1))
    return np.stack([rows[first], rows[second]], axis=1)
