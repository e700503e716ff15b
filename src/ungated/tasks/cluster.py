"""Cluster: part the rows into groups, as many as there are; "no clusters here" where there are none.

An answer is each row's share in every group; a row with none belongs to none. Nobody knows the true groups, but a
parting can be held to rows that it was not made of: do its boundaries run where these rows are sparse? The error,
*blur*, is 1 over the number of groups that hold up so (see `boundaries`), and 1 for one single group, the baseline.
So few groups and many, and those of any algorithm, are held to the same measure.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from ..core.errors import UsageError
from ..core.numbers import Answer, Array, Column, Form, Numbers
from ..engines.grouping import shrunk
from . import Unsupervised, boundaries, check_metric
from .measures import Measure

RESAMPLED = 200
LENIENT = 0.6  # demanded of a boundary where the number of groups is given: see `boundaries.DEMANDED`
UNASKED = 100.0  # the error of an answer that a person has ruled out
NOWHERE = "none"  # the cluster of a row that is in none, in words


@dataclass(frozen=True)
class Blur(Measure):
    """doubt: standard errors by which a parting must be better than it looks: the search doubts, the telling not."""

    doubt: float = 0.0

    def __call__(self, y: Array, answer: Answer) -> float:
        if len(y) < 3:
            return 1.0
        said = boundaries.parted(y, answer)
        return float(boundaries.blur(said, np.ones(len(said.groups)), self.doubt))

    def interval(self, y: Array, answer: Answer, seed: int = 0) -> tuple[float, float]:
        """The bootstrap's 95% interval over rows, whose neighbours stay whom they are."""
        if len(y) < 3:
            return float("nan"), float("nan")
        said = boundaries.parted(y, answer)
        n = len(said.groups)
        drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=RESAMPLED).astype(np.float64)
        low, high = np.percentile(boundaries.blur(said, drawn, self.doubt), [2.5, 97.5])
        return float(low), float(high)


def _crossing(y: Array, answer: Answer) -> float:
    said = boundaries.parted(y, answer)
    return float(said.shares[:, 0].mean())


def _nowhere(y: Array, answer: Answer) -> float:
    return float((answer.max(axis=1) <= 0).mean())


_MEASURES = (
    Blur("blur", "1 over the number of groups that hold up on rows that they were not made of; 1 is none"),
    Measure("parted", "share of the nearest rows that are in another group", whole=_crossing, percent=True),
    Measure("nowhere", "share of the rows that are in no group", whole=_nowhere, percent=True),
)
_GUIDE = Blur("blur", "blur, in doubt", doubt=boundaries.DOUBT)


@dataclass(frozen=True)
class Cluster(Unsupervised):
    """metric: the headline error, one of `measures`. groups: how many a person asks for; 0: as many as hold up."""

    id: ClassVar = "cluster"
    measures: ClassVar = {m.id: m for m in _MEASURES}
    mixes: ClassVar = False
    held: ClassVar = 0.5
    refits: ClassVar = True

    metric: str = "blur"
    groups: int = 0

    @property
    def outputs(self) -> int:
        return 0

    @property
    def guide(self) -> Measure:
        return _GUIDE

    @classmethod
    def learn(cls, kind: str, classes: Sequence[str] = (), metric: str | None = None, **settings: Any) -> Self:
        groups = settings.get("groups", 0)
        if not isinstance(groups, int) or groups < 0:
            raise UsageError(f"groups must be a whole number, not {groups!r}.")
        return cls(check_metric(cls, metric, "blur"), groups)

    def loss(self, y: Array, answer: Answer) -> float:
        """The guide's error; where several groups are asked for, one is no answer, and a leak no reason for few."""
        if self.groups < 2:
            return super().loss(y, answer)
        if answer.shape[1] == 1 or len(y) < 3:
            return UNASKED
        said = boundaries.parted(y, answer)
        return float(boundaries.blur(said, np.ones(len(said.groups)), boundaries.DOUBT, LENIENT))

    def baseline(self, y: Array) -> Answer:
        """All rows in one group."""
        return np.ones((1, 1))

    def exam(self, held: Numbers, seed: int) -> Numbers:
        """The rows themselves; where only pixels are seen, these as rows."""
        return replace(held, y=shrunk(held.x) if held.form is Form.PIXELS else held.x)

    def said(self, answer: Answer, columns: Sequence[Column] = ()) -> dict[str, Array]:
        """The cluster of each row, counted from 1 by falling size, or "none"; and how sure that is."""
        inside = answer.max(axis=1) > 0
        names = np.where(inside, (answer.argmax(axis=1) + 1).astype(str), NOWHERE).astype(object)
        return {"cluster": names, "share": answer.max(axis=1)}

    def against(self, answer: Answer, truth: Array) -> dict[str, float]:
        """Adjusted Rand (Hubert & Arabie 1985) and normalised mutual information with labels (n,).

        Both are 1 where the groups are the labels; the former is 0 where chance would do as well. Rows in no group
        count as a group of their own.
        """
        groups = np.where(answer.max(axis=1) > 0, answer.argmax(axis=1), -1)
        return {"adjusted Rand": adjusted_rand(groups, truth), "mutual information": mutual_information(groups, truth)}

    def to_json(self) -> dict[str, Any]:
        return {"metric": self.metric, "groups": self.groups}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        return cls(**values)


def _together(a: Array, b: Array) -> Array:
    """How many rows have each pair of labels, (labels of a, labels of b)."""
    a, b = (np.unique(np.asarray(v).astype(str), return_inverse=True)[1] for v in (a, b))
    counts = np.zeros((a.max(initial=0) + 1, b.max(initial=0) + 1))
    np.add.at(counts, (a, b), 1)
    return counts


def adjusted_rand(a: Array, b: Array) -> float:
    """Share of pairs of rows that both partings treat alike, so scaled that chance is 0 and agreement is 1."""
    counts = _together(a, b)

    def pairs(v: Array) -> float:
        return float((v * (v - 1) / 2).sum())

    both, one, other, all_ = pairs(counts), pairs(counts.sum(axis=1)), pairs(counts.sum(axis=0)), pairs(counts.sum())
    chance = one * other / max(all_, 1e-300)
    most = (one + other) / 2
    return 1.0 if most == chance else (both - chance) / (most - chance)


def mutual_information(a: Array, b: Array) -> float:
    """What one parting tells of the other, over the mean of their entropies: 0 nothing, 1 everything."""
    joint = _together(a, b)
    joint /= max(joint.sum(), 1)

    def entropy(p: Array) -> float:
        return float(-(p[p > 0] * np.log(p[p > 0])).sum())

    one, other = entropy(joint.sum(axis=1)), entropy(joint.sum(axis=0))
    mean = (one + other) / 2
    return 1.0 if mean == 0 else max(0.0, (one + other - entropy(joint.ravel())) / mean)
