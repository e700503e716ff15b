"""Dates and times as float32: the calendar's parts and the days gone by."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl

from ...core.numbers import Column

PARTS = ("days", "year", "month", "day", "weekday", "hour")
CYCLES = {"month": 12.0, "weekday": 7.0, "hour": 24.0}
DAY = 86_400_000_000


def _parts(values: pl.Series, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """float64 arrays, NaN where missing. days: since 1970, with their fraction. weekday: Monday is 0."""
    d = values.dt
    made = {
        "days": lambda: values.cast(pl.Int64) / DAY,
        "year": lambda: d.year(),
        "month": lambda: d.month(),
        "day": lambda: d.day(),
        "weekday": lambda: d.weekday() - 1,
        "hour": lambda: d.hour() + d.minute() / 60,
    }
    return {n: made[n]().cast(pl.Float64).to_numpy() for n in names}


@dataclass(frozen=True)
class DatePart:
    """One column of dates. parts: those of PARTS that differ among training rows. raw: numbers in their own units;
    otherwise each is centred and scaled, and cycles become a sine and a cosine.

    centre, scale, fill_in: for each part. keep: missing stays NaN. flag: a 0/1 column for missing.
    """

    source: str
    parts: tuple[str, ...]
    centre: tuple[float, ...]
    scale: tuple[float, ...]
    fill_in: tuple[float, ...]
    raw: bool
    keep: bool
    flag: bool

    @classmethod
    def fit(cls, values: pl.Series, raw: bool, missing: bool) -> Self:
        known = values.drop_nulls()
        parts = {n: x for n, x in _parts(known, PARTS).items() if len(x) and x.min() < x.max()}
        gap = values.null_count() > 0
        return cls(
            values.name,
            tuple(parts),
            tuple(float(np.median(x)) for x in parts.values()),
            tuple(2 / float(x.max() - x.min()) for x in parts.values()),
            tuple(float(np.median(x)) for x in parts.values()),
            raw,
            missing,
            gap and not missing,
        )

    def columns(self) -> tuple[Column, ...]:
        names: list[str] = []
        for part in self.parts:
            wave = not self.raw and part in CYCLES
            names += [f"{part}, sine", f"{part}, cosine"] if wave else [part]
        names += ["missing"] if self.flag else []
        return tuple(Column(f"{self.source}: {n}", self.source) for n in names)

    def fill(self, values: pl.Series, out: np.ndarray) -> None:
        gone = values.is_null().to_numpy()
        at = 0
        for i, (name, x) in enumerate(_parts(values, self.parts).items()):
            if not self.keep:
                x = np.where(gone, self.fill_in[i], x)
            if self.raw:
                out[:, at] = x
            elif name in CYCLES:
                angle = x * (2 * np.pi / CYCLES[name])
                out[:, at], out[:, at + 1] = np.sin(angle), np.cos(angle)
                at += 1
            else:
                x = (x - self.centre[i]) * self.scale[i]
                out[:, at] = x / np.sqrt(1 + np.square(x / 3))
            at += 1
        if self.flag:
            out[:, at] = gone
