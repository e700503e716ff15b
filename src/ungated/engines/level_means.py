"""How the target was, on average, among rows of the same level: a category of many levels as one number.

Of a level that few rows have, such a mean says little but what those very rows said, and whoever learns from it learns
them by heart. So in training a row is told only of the rows before it, in an order drawn at random, as it would have
been told had they come one after another; new rows are told of all (ordered target statistics: Prokhorenkova et al.,
"CatBoost: Unbiased Boosting with Categorical Features", NeurIPS 2018).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from ..core.numbers import Array, Column

MANY, FEW = 16, 100  # levels of a column, and rows that each has at most on average: of more, trees learn by themselves
DOUBT = 1.0  # rows that the mean of all counts for beside those of a level


@dataclass(frozen=True)
class LevelMeans:
    """Made of training rows by `learned`.

    places: int64 (k,), columns of codes (-1 for rare values, NaN where missing). means: float32 (k, 2 + most levels):
    of rare values, of each level, and last of the missing.
    """

    places: Array
    means: Array

    @classmethod
    def none(cls) -> Self:
        """Nothing to tell."""
        return cls(np.empty(0, np.int64), np.empty((0, 2), np.float32))

    @classmethod
    def learned(cls, x: Array, y: Array, columns: Sequence[Column], seed: int) -> tuple[Self, Array]:
        """(what to tell new rows, x float32 (n, d + k) with what its own rows are told), y float (n,)."""
        places = np.array([i for i, c in enumerate(columns) if c.levels >= max(MANY, len(y) / FEW)], np.int64)
        if not len(places):
            return cls.none(), x
        most = max(columns[i].levels for i in places)
        mean, order = float(np.mean(y)), np.random.default_rng(seed).permutation(len(y))
        means = np.full((len(places), most + 2), mean, np.float32)
        told = np.empty((len(y), len(places)), np.float32)
        for k, place in enumerate(places):
            level = _level(x[:, place], most)
            told[order, k] = _before(level[order], y[order], mean)
            rows, sums = np.bincount(level, minlength=most + 2), np.bincount(level, y, minlength=most + 2)
            means[k] = (sums + DOUBT * mean) / (rows + DOUBT)
        return cls(places, means), np.concatenate([x, told], axis=1)

    def beside(self, x: Array) -> Array:
        """x float32 (n, d + k), with what is told of each row's levels."""
        most = self.means.shape[1] - 2
        told = [self.means[k, _level(x[:, place], most)] for k, place in enumerate(self.places)]
        return np.column_stack([x, *told]) if told else x


def _level(codes: Array, most: int) -> Array:
    """int64 (n,): 0 for rare values, 1 and more for the levels, the last for what is missing."""
    return np.where(np.isnan(codes), most, codes).astype(np.int64) + 1


def _before(level: Array, y: Array, mean: float) -> Array:
    """float64 (n,): the mean of y over the rows before each that have its level."""
    by = np.argsort(level, kind="stable")
    of, sums = level[by], np.cumsum(y[by])
    first = np.flatnonzero(np.append(True, of[1:] != of[:-1]))
    group = np.repeat(first, np.diff(np.append(first, len(of))))
    sums = sums - y[by] - (sums - y[by])[group]
    rows = np.arange(len(of)) - group
    told = np.empty(len(level))
    told[by] = (sums + DOUBT * mean) / (rows + DOUBT)
    return told
