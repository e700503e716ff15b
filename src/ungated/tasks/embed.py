"""Embed: a place on a map for each row, so that what is alike lies together; or a few numbers that stand for it.

A map is judged by its neighbourhoods. The headline error is what its trustworthiness falls short of 1: who lies among
a row's neighbours on the map (fifteen, or fewer among few rows) without being among them in truth costs as many points
as he is out of place, of those possible (Venna & Kaski, "Neighborhood Preservation in Nonlinear Projection Methods",
ICANN 2001). Beside it, the share of the true neighbours that the map lost. Both are measured on rows that were held
back and had to be placed on the finished map. The truth is how far apart rows are in the numbers that all methods see.

Places of two maps have nothing in common, so the best map stands alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from ..core.errors import UsageError
from ..core.numbers import Answer, Array, Column, Floats
from . import Unsupervised, check_metric
from .measures import Measure

NEIGHBOURS, FEWEST = 15, 5  # that are compared: one in a hundred, within these
MOST_JUDGED = 2000  # rows among which neighbours are compared: all with all
MOST_DIMS = 512


@dataclass(frozen=True)
class Neighbourhoods(Measure):
    """The mean over rows of what `of` finds wrong with a row's neighbours: (true ranks (n, n), map's k (n, k), k)."""

    of: Callable[[Array, Array, int], Floats] | None = None

    def __call__(self, y: Array, answer: Answer) -> float:
        return float(self.each(y, answer).mean())

    def interval(self, y: Array, answer: Answer, seed: int = 0) -> tuple[float, float]:
        each = self.each(y, answer)
        if len(each) < 2:
            return float("nan"), float("nan")
        half = 1.959964 * each.std() / np.sqrt(len(each))
        return max(float(each.mean() - half), 0.0), min(float(each.mean() + half), 1.0)

    def each(self, y: Array, answer: Answer) -> Floats:
        """What is wrong with each row's neighbours, (n,), of 2,000 rows at most."""
        assert self.of is not None
        n = len(y)
        if n > MOST_JUDGED:
            kept = np.linspace(0, n - 1, MOST_JUDGED).astype(int)
            y, answer, n = y[kept], answer[kept], MOST_JUDGED
        if n < 4:
            return np.full(n, np.nan)
        k = min(int(np.clip(n // 100, FEWEST, NEIGHBOURS)), (n - 1) // 3)
        return self.of(_ranks(np.asarray(y, np.float64)), _nearest(answer, k), k)


def _apart(x: Array) -> Floats:
    """Squared distances (n, n) of all rows from all; a row is infinitely far from itself."""
    squares = np.square(x).sum(axis=1)
    apart = squares[:, None] - 2 * x @ x.T + squares
    np.fill_diagonal(apart, np.inf)
    return np.asarray(apart)


def _ranks(x: Array) -> Array:
    """The place (n, n) of each row among another's neighbours, from 1; rows as far come in their order."""
    order = np.argsort(_apart(x), axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(1, len(x) + 1)[None, :], axis=1)
    return ranks


def _nearest(place: Array, k: int) -> Array:
    return np.argsort(_apart(place), axis=1, kind="stable")[:, :k]


def _out_of_place(ranks: Array, near: Array, k: int) -> Floats:
    """1 - trustworthiness, row by row."""
    over = np.maximum(np.take_along_axis(ranks, near, axis=1) - k, 0).sum(axis=1)
    return np.asarray(2 * over / (k * (2 * len(ranks) - 3 * k - 1)))


def _lost(ranks: Array, near: Array, k: int) -> Floats:
    """The share of the true neighbours that are no neighbours on the map."""
    return np.asarray((np.take_along_axis(ranks, near, axis=1) > k).mean(axis=1))


MEASURES = {
    m.id: m
    for m in (
        Neighbourhoods(
            "trust", "1 - trustworthiness: how far neighbours on the map are out of place", of=_out_of_place
        ),
        Neighbourhoods("lost", "share of the true neighbours that the map lost", percent=True, of=_lost),
    )
}


@dataclass(frozen=True)
class Embed(Unsupervised):
    """dims: numbers that a row becomes; two are a map."""

    id: ClassVar = "embed"
    measures: ClassVar = MEASURES
    mixes: ClassVar = False
    refits: ClassVar = True
    most_held: ClassVar = MOST_JUDGED

    dims: int = 2
    metric: str = "trust"

    @property
    def outputs(self) -> int:
        return self.dims

    @property
    def guide(self) -> Measure:
        return self.measure

    @classmethod
    def learn(cls, kind: str, classes: Sequence[str] = (), metric: str | None = None, **settings: Any) -> Self:
        dims = settings.get("dims", 2)
        if not isinstance(dims, int) or isinstance(dims, bool) or not 1 <= dims <= MOST_DIMS:
            raise UsageError(f"dims must be a whole number from 1 to {MOST_DIMS}, such as 2 for a map; not {dims!r}.")
        return cls(dims, check_metric(cls, metric, "trust"))

    def baseline(self, y: Array) -> Answer:
        """Every row in the same place."""
        return np.zeros((1, self.dims))

    def said(self, answer: Answer, columns: Sequence[Column]) -> dict[str, Array]:
        names = "xyz"[: self.dims] if self.dims <= 3 else [f"v{i + 1}" for i in range(self.dims)]
        return {name: np.asarray(values) for name, values in zip(names, answer.T, strict=True)}

    def against(self, answer: Answer, truth: Array) -> dict[str, float]:
        """How often most of a row's ten neighbours on the map have its label."""
        n = len(answer)
        kept = np.linspace(0, n - 1, min(n, 2 * MOST_JUDGED)).astype(int)
        _, label = np.unique(np.asarray(truth)[kept].astype(str), return_inverse=True)
        if n < 4:
            return {}
        votes = label[_nearest(answer[kept], min(10, len(kept) - 1))]
        counts = np.stack([(votes == c).sum(axis=1) for c in range(label.max() + 1)], axis=1)
        return {"lands among its own label": float((counts.argmax(axis=1) == label).mean())}

    def to_json(self) -> dict[str, Any]:
        return {"dims": self.dims, "metric": self.metric}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        return cls(values["dims"], values["metric"])
