"""The same photograph twice, though saved anew, scaled or a little brighter: fingerprints that stay alike.

A picture's 64 coarsest waves (a discrete cosine transform of 32 x 32 grey pixels), one bit for each: above or below
their median (pHash, after Zauner 2010). Near-duplicates differ in a few bits, different pictures in about 32.
"""

from functools import cache

import numpy as np
import polars as pl

from .packed import HEADER, unpack
from .reduce import grey, to_grid

_SIDE, _WAVES = 32, 8
_FLAT = 2.0  # grey levels: whose pixels spread less than this shows nothing that could be recognised
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


def confirmed(values: pl.Series, groups: np.ndarray) -> np.ndarray:
    """`groups` of likely duplicates, (n,) int64, parted further until all of a group rise and fall together in pixels.

    Among many small pictures of one kind (60,000 garments) most that share a fingerprint are not the same picture, so
    each group is looked at again in 32 x 32 grey pixels.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    order = np.argsort(groups, kind="stable")
    out, least = groups.copy(), int(groups.max(initial=-1)) + 1
    for members in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        for start in range(0, len(members), _BLOCK):
            some = members[start : start + _BLOCK]
            if len(some) > 1:
                small = _small(values.gather(some).to_list())
                part = connected_components(csr_array(small @ small.T >= _TOGETHER), directed=False)[1]
                out[some] = least + part
                least += int(part.max()) + 1
    return out


def _small(cells: list[bytes]) -> np.ndarray:
    """float32 (n, 1024): grey pixels whose products are their correlation."""
    small = np.stack([to_grid(grey(unpack(cell)[None]), (_SIDE, _SIDE)).ravel() for cell in cells])
    small -= small.mean(1, keepdims=True)
    return small / np.maximum(np.linalg.norm(small, axis=1, keepdims=True), 1e-6)
