"""Numbers as float32: in their own units, or centred, scaled and with tame tails for methods that weigh and measure."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl

from ...core.numbers import Column

LARGEST = 3e38  # just inside float32; what lies beyond is taken for it before anything is computed


@dataclass(frozen=True)
class NumberPart:
    """One column of numbers.

    low, high: smallest and largest finite value in the training rows; infinities go one range beyond them.
    fill_in: the training median; missing cells get it unless `keep` leaves them NaN. flag: a 0/1 column for missing.
    log: the scale of log1p for a long right tail, 0 for none. centre, scale: applied after it, scale 0 for raw units.
    """

    source: str
    low: float
    high: float
    fill_in: float
    keep: bool
    flag: bool
    log: float = 0.0
    centre: float = 0.0
    scale: float = 0.0

    @classmethod
    def fit(cls, values: pl.Series, raw: bool, missing: bool) -> Self:
        """Robust scale after RealMLP (Holzmüller et al., 2024): median and quartiles, then a smooth clip."""
        x = values.to_numpy()
        finite = np.clip(x[np.isfinite(x)], -LARGEST, LARGEST)
        gone = len(x) - int(np.count_nonzero(~np.isnan(x)))
        if not len(finite):
            finite = np.zeros(1)
        low, high, middle = float(finite.min()), float(finite.max()), float(np.median(finite))
        flag = bool(gone) and not missing
        if raw:
            return cls(values.name, low, high, middle, missing, flag, centre=_offset(low, high, middle))
        log = _log_scale(finite)
        if log:
            finite = np.log1p(np.maximum(finite, 0) / log)
        centre, scale = _robust(finite)
        return cls(values.name, low, high, middle, missing, flag, log, centre, scale)

    def columns(self) -> tuple[Column, ...]:
        own = Column(self.source, self.source)
        return (own, Column(f"{self.source} is missing", self.source)) if self.flag else (own,)

    def fill(self, values: pl.Series, out: np.ndarray) -> None:
        x = values.to_numpy()
        gone = np.isnan(x)
        if self.flag:
            out[:, 1] = gone
        if gone.any() and not self.keep:
            x = np.where(gone, self.fill_in, x)
        span = max(self.high - self.low, 1.0)
        if np.isinf(x).any():
            x = np.where(x == np.inf, self.high + span, np.where(x == -np.inf, self.low - span, x))
        x = np.clip(x, -LARGEST, LARGEST)
        if self.log:
            x = np.log1p(np.maximum(x, 0) / self.log)
        if self.scale:
            with np.errstate(over="ignore"):
                x = np.clip((x - self.centre) * self.scale, -1e100, 1e100)
            x = x / np.sqrt(1 + np.square(x / 3))
        elif self.centre:
            x = x - self.centre
        out[:, 0] = np.clip(x, -LARGEST, LARGEST)


def _offset(low: float, high: float, middle: float) -> float:
    """What to subtract where float32 would merge neighbours such as 1,700,000,001 and 1,700,000,002; else 0."""
    size, span = max(abs(low), abs(high)), high - low
    return middle if size > 2**24 and 0 < span < size / 16 else 0.0


def _log_scale(finite: np.ndarray) -> float:
    """The scale of log1p where non-negative numbers have a long right tail, else 0."""
    if finite.min() < 0:
        return 0.0
    low, mid, high = np.quantile(finite, [0.01, 0.5, 0.99])
    positive = finite[finite > 0]
    if not len(positive) or high - mid <= 8 * (mid - low):
        return 0.0
    scale = float(np.median(positive))
    return scale if finite.max() > 8 * scale and scale > 1e-200 else 0.0


def _robust(x: np.ndarray) -> tuple[float, float]:
    """(median, 1 / distance between quartiles), or by the range where the quartiles meet; scale 1 for a constant."""
    q1, centre, q3 = np.quantile(x, [0.25, 0.5, 0.75])
    span = float(x.max() - x.min())
    width = float(q3 - q1) or span / 2
    scale = 1 / width if width > 1e-300 else 1.0
    return float(centre), scale if np.isfinite(scale) else 1.0
