"""A column of pictures as rows: edges, small pixels, colours and patterns, for methods that know nothing of pictures.

Small pictures (a digit, a garment) are told by what stands where: gradients on a fine grid, and the pixels themselves
on a coarser one. Large ones are told by what they are made of: gradients on a coarse grid at three scales, colours as
they are mixed and roughly where, patterns at three scales.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import polars as pl

from ...core.numbers import Column, Takes
from . import hog
from .packed import chunks
from .reduce import grey, halved, to_grid
from .texture import PATTERNS, colour_names, colours, patterns

SMALL = 48  # pixels on the long side up to which a picture is told by what stands where
_BYTES = 2 << 20  # pictures worked on at once: their gradients, many times larger, stay within 100 MB
_SAMPLE = 20_000  # training pictures that centre and scale are taken from


@dataclass(frozen=True)
class PicturePart:
    """One column of pictures as rows.

    size: (height, width, channels) of every cell. keep: missing cells stay NaN, else they get the training mean. flag:
    a 0/1 column for missing. raw: numbers keep their units. mean, scale: float32 (d,), of the training rows.
    """

    source: str
    size: tuple[int, ...]
    keep: bool
    flag: bool
    raw: bool
    mean: np.ndarray = field(repr=False)
    scale: np.ndarray = field(repr=False)

    @classmethod
    def fit(cls, values: pl.Series, how: dict[str, Any], takes: frozenset[Takes]) -> Self:
        """Learn each number's mean and spread from training pictures.

        A number that hardly varies is not blown up: it is scaled by at least a tenth of its block's own spread.
        """
        size = (int(how["height"]), int(how["width"]), int(how["channels"]))
        keep = Takes.MISSING in takes
        flag = bool(values.null_count()) and not keep
        x = _features(_sample(values.drop_nulls()), size)
        mean = x.mean(0, dtype=np.float64) if len(x) else np.zeros(x.shape[1])
        spread = x.std(0, dtype=np.float64) if len(x) else np.ones(x.shape[1])
        least, at = np.empty_like(spread), 0
        for _, names in _blocks(size):
            block = slice(at, at := at + len(names))
            least[block] = 0.1 * np.sqrt(np.square(spread[block]).mean())
        scale = 1 / np.maximum(np.maximum(spread, least), 1e-3)
        return cls(
            values.name, size, keep, flag, Takes.RAW_SCALE in takes, mean.astype(np.float32), scale.astype(np.float32)
        )

    def columns(self) -> tuple[Column, ...]:
        """What each number means, as "picture: edges row 2, column 3, 40 degrees"."""
        names = [n for _, block in _blocks(self.size) for n in block]
        names += ["is missing"] if self.flag else []
        return tuple(Column(f"{self.source}: {n}", self.source) for n in names)

    def fill(self, values: pl.Series, out: np.ndarray) -> None:
        """Write float32 into out (n, len(columns()))."""
        d = len(self.mean)
        gone = values.is_null().to_numpy()
        if self.flag:
            out[:, d] = gone
        if gone.any():
            out[gone, :d] = np.nan if self.keep else self.mean if self.raw else 0.0
        for rows, x in _told(values, self.size):
            out[rows, :d] = x if self.raw else (x - self.mean) * self.scale


def _sample(values: pl.Series) -> pl.Series:
    return values.gather_every(-(-len(values) // _SAMPLE)) if len(values) > _SAMPLE else values


def described(values: pl.Series, how: dict[str, Any]) -> pl.Series:
    """The numbers of each picture, before any training row was looked at: what a part takes in place of pictures."""
    size = (int(how["height"]), int(how["width"]), int(how["channels"]))
    missing = values.is_null()
    told = pl.Series(values.name, _features(values, size))
    return pl.select(pl.when(~missing).then(told).alias(values.name)).to_series()


def _features(values: pl.Series, size: tuple[int, ...]) -> np.ndarray:
    """float32 (n, d); 0 for a missing picture."""
    width = sum(len(names) for _, names in _blocks(size))
    out = np.zeros((len(values), width), np.float32)
    for rows, x in _told(values, size):
        out[rows] = x
    return out


def _told(values: pl.Series, size: tuple[int, ...]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(rows, their numbers, float32 (k, d)) a few at a time, missing ones passed over.

    values: pictures, or what `described` made of them.
    """
    if values.dtype != pl.Binary:
        yield np.flatnonzero(values.is_not_null().to_numpy()), values.drop_nulls().to_numpy()
        return
    for rows, pictures in chunks(values, size, _BYTES):  # type: ignore[arg-type]
        yield rows, _numbers(pictures)


def _numbers(pictures: np.ndarray) -> np.ndarray:
    """float32 (n, d): what `_blocks` names, of uint8 (n, height, width, channels)."""
    n = len(pictures)
    size = pictures.shape[1:]
    scales = [pictures]
    while len(scales) < len(_edge_grids(size)):
        scales.append(halved(scales[-1]))
    edges = [hog.normalised(hog.cells(hog.gradients(p), g)) for p, g in zip(scales, _edge_grids(size), strict=True)]
    blocks = [*edges, to_grid(pictures if size[2] == 3 else grey(pictures), _pixel_grid(size)) / 255]
    if size[2] == 3:
        blocks.append(colours(pictures))
    if _large(size):
        blocks += [patterns(grey(p)) for p in scales]
    return np.concatenate([b.reshape(n, -1) for b in blocks], axis=1)


def _large(size: tuple[int, ...]) -> bool:
    """Whether a picture is told by what it is made of; a strip is not, for nothing is left of it at quarter size."""
    return max(size[:2]) > SMALL and min(size[:2]) >= SMALL // 2


def _edge_grids(size: tuple[int, ...]) -> list[tuple[int, int]]:
    """Rows and columns of cells at full size, at half, at a quarter."""
    if _large(size):
        return [(4, 4), (4, 4), (4, 4)]
    return [(max(1, min(7, size[0] // 3)), max(1, min(7, size[1] // 3)))]


def _pixel_grid(size: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns of small pixels: 14 x 14 in grey, 8 x 8 in colour, 3 x 3 for large ones in colour."""
    most = 3 if _large(size) and size[2] == 3 else 8 if size[2] == 3 else 14
    return min(most, size[0]), min(most, size[1])


def _blocks(size: tuple[int, ...]) -> list[tuple[str, list[str]]]:
    """The blocks of numbers in a row, in order: (what they are, the name of each)."""
    blocks = []
    for scale, (rows, columns) in zip(("", " at half size", " at quarter size"), _edge_grids(size), strict=False):
        cells = [
            (r + 1, c + 1, 180 * k // hog.DIRECTIONS)
            for r in range(rows)
            for c in range(columns)
            for k in range(hog.DIRECTIONS)
        ]
        blocks.append(("edges", [f"edges{scale}, row {r}, column {c}, {a} degrees" for r, c, a in cells]))
    rows, columns = _pixel_grid(size)
    kinds = ("red", "green", "blue") if size[2] == 3 else ("brightness",)
    blocks.append(
        ("pixels", [f"{k}, row {r + 1}, column {c + 1}" for r in range(rows) for c in range(columns) for k in kinds])
    )
    if size[2] == 3:
        blocks.append(("colours", [f"share of {c}" for c in colour_names()]))
    if _large(size):
        for scale in ("", " at half size", " at quarter size"):
            blocks.append(("patterns", [f"light pattern {k}{scale}" for k in range(PATTERNS)]))
    return blocks
