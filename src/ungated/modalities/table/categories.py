"""Categories and truth values as float32: as codes, or as one 0/1 column a level."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl

from ...core.numbers import Column
from .parse import truths

MOST_CODES = 255
MOST_LEVELS = 40


def levels_of(values: pl.Series, most: int) -> tuple[list[str], int]:
    """(levels by falling frequency, how many distinct values there are), without rare levels and those beyond `most`.

    A level needs three rows, fewer in small tables. Ties are in alphabetical order.
    """
    n = len(values)
    least = 1 if n < 100 else 2 if n < 1000 else 3
    counts = values.drop_nulls().alias("v").to_frame().group_by("v").len("n").sort(["n", "v"], descending=[True, False])
    common = counts.filter(pl.col("n") >= least).head(most)["v"].to_list()
    return common, len(counts)


def codes_of(values: pl.Series, levels: tuple[str, ...]) -> np.ndarray:
    """float32 (n,): the place of each value among `levels`, -1 where it is none of them, NaN where it is missing."""
    if not levels:
        known = np.full(len(values), -1, np.float32)
    else:
        place = pl.Series(range(len(levels)), dtype=pl.Float32)
        found = values.replace_strict(pl.Series(levels, dtype=pl.String), place, default=-1.0, return_dtype=pl.Float32)
        known = found.fill_null(-1.0).to_numpy().copy()
    known[values.is_null().to_numpy()] = np.nan
    return known


@dataclass(frozen=True)
class CodePart:
    """A category as one column of codes by falling frequency; rare and unseen values are -1.

    keep: missing stays NaN; otherwise, where training rows had any, it is a level of its own, the last.
    """

    source: str
    levels: tuple[str, ...]
    keep: bool
    gap: bool

    @classmethod
    def fit(cls, values: pl.Series, missing: bool) -> Self:
        gap = not missing and values.null_count() > 0
        levels, _ = levels_of(values, MOST_CODES - gap)
        return cls(values.name, tuple(levels), missing, gap)

    def columns(self) -> tuple[Column, ...]:
        return (Column(self.source, self.source, max(1, len(self.levels) + self.gap)),)

    def fill(self, values: pl.Series, out: np.ndarray) -> None:
        code = codes_of(values, self.levels)
        if not self.keep:
            code[np.isnan(code)] = len(self.levels) if self.gap else -1
        out[:, 0] = code


@dataclass(frozen=True)
class LevelsPart:
    """A category as one 0/1 column a level.

    other: whether there is a column for rare and unseen values. gap: whether there is one for missing ones.
    seen, share: in columns of many values, how common each is among training rows: 0 for all, -1 for 1 in 10,000.
    """

    source: str
    levels: tuple[str, ...]
    other: bool
    gap: bool
    seen: tuple[str, ...] = ()
    share: tuple[float, ...] = ()

    @classmethod
    def fit(cls, values: pl.Series) -> Self:
        levels, distinct = levels_of(values, MOST_LEVELS)
        seen: list[str] = []
        share: list[float] = []
        if distinct > MOST_LEVELS:
            counts = values.drop_nulls().value_counts(sort=True).head(5000)
            counts = counts.sort(["count", values.name], descending=[True, False])
            seen = counts[values.name].to_list()
            share = [max(-1.0, float(np.log10(c / len(values))) / 4) for c in counts["count"]]
        return cls(
            values.name, tuple(levels), distinct > len(levels), values.null_count() > 0, tuple(seen), tuple(share)
        )

    def columns(self) -> tuple[Column, ...]:
        names = [f"{self.source} = {level}" for level in self.levels]
        names += [f"{self.source} = other"] if self.other else []
        names += [f"{self.source} is missing"] if self.gap else []
        names += [f"{self.source}: how common"] if self.seen else []
        return tuple(Column(name, self.source) for name in names)

    def fill(self, values: pl.Series, out: np.ndarray) -> None:
        out[:] = 0
        code = codes_of(values, self.levels)
        gone = np.isnan(code)
        place = np.where(gone, -1, code).astype(np.int64)
        rows = np.flatnonzero(place >= 0)
        out[rows, place[rows]] = 1
        at = len(self.levels)
        if self.other:
            out[:, at] = (place < 0) & ~gone
            at += 1
        if self.gap:
            out[:, at] = gone
            at += 1
        if self.seen:
            where = codes_of(values, self.seen)
            known = where >= 0
            out[:, at] = -1
            out[known, at] = np.asarray(self.share, np.float32)[where[known].astype(np.int64)]


@dataclass(frozen=True)
class FlagPart:
    """A truth value as one 0/1 column. common: the value most rows have, for missing cells unless `keep`."""

    source: str
    common: float
    keep: bool
    flag: bool

    @classmethod
    def fit(cls, values: pl.Series, missing: bool) -> Self:
        truth = truths(values)
        gap = truth.null_count() > 0
        return cls(values.name, float((truth.mean() or 0) > 0.5), missing, gap and not missing)  # type: ignore[operator]

    def columns(self) -> tuple[Column, ...]:
        own = Column(self.source, self.source)
        return (own, Column(f"{self.source} is missing", self.source)) if self.flag else (own,)

    def fill(self, values: pl.Series, out: np.ndarray) -> None:
        truth = truths(values).cast(pl.Float32).to_numpy()
        gone = np.isnan(truth)
        out[:, 0] = truth if self.keep else np.where(gone, self.common, truth)
        if self.flag:
            out[:, 1] = gone
