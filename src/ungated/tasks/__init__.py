"""What "right" means: each task owns its error, its trivial baseline, its secondary measures and its figures.

A task knows labels and numbers; it does not know tables, algorithms or files. `infer` says which task a target wants.
"""

import abc
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np

from ..core.errors import UsageError
from ..core.numbers import Answer, Array, Floats
from .measures import Measure


class Task(abc.ABC):
    """The contract of a task with known answers. Subclasses are frozen dataclasses of plain values."""

    id: ClassVar[str]
    measures: ClassVar[dict[str, Measure]]
    metric: str

    @property
    @abc.abstractmethod
    def outputs(self) -> int:
        """Columns of an answer."""

    @classmethod
    @abc.abstractmethod
    def learn(cls, values: Sequence[Any], metric: str | None = None) -> Self:
        """The task for a target's values (strings or floats, none missing). Raises InputError, UsageError."""

    @abc.abstractmethod
    def encode(self, values: Sequence[Any]) -> Array:
        """The target's values as y: int64 codes (-1: a class never seen) or float64."""

    @abc.abstractmethod
    def decode(self, answer: Answer) -> Array:
        """What the answers say, in the target's own values."""

    @abc.abstractmethod
    def baseline(self, y: Array) -> Answer:
        """The trivial answer, (1, outputs), learned from y alone."""

    @property
    @abc.abstractmethod
    def guide(self) -> Measure:
        """The smooth measure that training watches and the search minimises."""

    @abc.abstractmethod
    def losses(self, y: Array, answer: Answer) -> Floats:
        """Each row's own error, (n,), by which the worst mistakes are found."""

    @abc.abstractmethod
    def adjust(self, answer: Answer, by: float) -> Answer:
        """The answers made less sure (by > 1) or surer (by < 1), where sureness means something."""

    @abc.abstractmethod
    def figures(self, y: Array, answer: Answer) -> list[dict[str, Any]]:
        """Drawings of how the answers err, as data for the report."""

    @abc.abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Plain values from which `from_json` makes the same task again."""

    @classmethod
    @abc.abstractmethod
    def from_json(cls, values: dict[str, Any]) -> Self: ...

    @property
    def measure(self) -> Measure:
        """The headline measure."""
        return self.measures[self.metric]

    def loss(self, y: Array, answer: Answer) -> float:
        """The guide's error of the answers; lower is better."""
        return self.guide(y, answer)

    def all_measures(self, y: Array, answer: Answer) -> dict[str, float]:
        """Every measure of the answers, by id."""
        return {m.id: m(y, answer) for m in self.measures.values()}


def known() -> dict[str, type[Task]]:
    """Every task by id."""
    from .classify import Classify
    from .regress import Regress

    return {task.id: task for task in (Classify, Regress)}


_OTHER_NAMES = {"logloss": "log-loss", "accuracy": "error", "balanced-accuracy": "balanced-error", "roc-auc": "auc"}


def check_metric(task: type[Task], metric: str | None, default: str) -> str:
    """`metric`, or the default where none is given. Raises UsageError for one that the task does not have."""
    if metric is None:
        return default
    name = metric.lower().replace("_", "-")
    name = _OTHER_NAMES.get(name, name)
    if name not in task.measures:
        known = ", ".join(task.measures)
        raise UsageError(f"{metric!r} is not an error of the task {task.id}. Choose one of: {known}.")
    return name


def infer(kind: str, distinct: int, whole: bool, target: str) -> tuple[str, str]:
    """The task that a target asks for, and why, with its override.

    kind: the target column's kind. distinct: how many different values it has. whole: whether all are whole numbers.
    """
    if kind in ("number", "date") and not (whole and distinct <= 10):
        amount = "whole numbers" if whole else "numbers"
        return "regress", f"{target} holds {distinct:,} different {amount} (--task classify treats them as labels)"
    if kind == "number":
        few = f"only {distinct} different whole numbers"
        return "classify", f"{target} holds {few} (--task regress treats them as amounts)"
    return "classify", f"{target} holds {distinct:,} different labels"


def bins(values: Array, count: int) -> list[Array]:
    """Indices of `values` parted into at most `count` bins of like size, in rising order."""
    return [part for part in np.array_split(np.argsort(values, kind="stable"), count) if len(part)]
