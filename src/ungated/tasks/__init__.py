"""What "right" means: each task owns its error, its trivial baseline, its secondary measures and its figures.

A task knows labels and numbers; it does not know tables, algorithms or files. Where a target is given, rows are judged
by it (`Supervised`). Where none is, a task makes an exam of held-out rows, whose truth is known without being given: an
item taken out of a basket, the next letter, a row made up among real ones (`Unsupervised`). `infer` says which task a
target wants.
"""

import abc
import importlib
import inspect
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, ClassVar, Self

import numpy as np

from ..core.errors import ModelError, UsageError
from ..core.numbers import Answer, Array, Column, Floats, Form, Numbers, Takes
from .measures import Measure


class Task(abc.ABC):
    """The contract of every task. Subclasses are frozen dataclasses of plain values.

    mixes: whether the mean of several candidates' answers is an answer; else the best one stands alone.
    """

    id: ClassVar[str]
    measures: ClassVar[Mapping[str, Measure]]
    mixes: ClassVar[bool] = True
    metric: str

    @property
    @abc.abstractmethod
    def outputs(self) -> int:
        """Columns of an answer; 0 where each algorithm has its own number of them."""

    @abc.abstractmethod
    def baseline(self, y: Array) -> Answer:
        """The trivial answer, (1, outputs), learned from y alone."""

    @property
    @abc.abstractmethod
    def guide(self) -> Measure:
        """The smooth measure that training watches and the search minimises."""

    def adjust(self, answer: Answer, by: float) -> Answer:
        """The answers made less sure (by > 1) or surer (by < 1), where sureness means something."""
        return answer

    def blend(self, answers: Sequence[Answer], shares: Floats) -> Answer:
        """What several candidates' answers come to together: here their mean, by their shares."""
        return np.asarray(sum(share * answer for share, answer in zip(shares, answers, strict=True)))

    def weigh(self, losses: Floats) -> Floats | None:
        """The candidates' shares in the ensemble, by their errors alone; None: those by which the mean errs least."""
        return None

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


class Supervised(Task):
    """A task whose answers are given in a column, the target."""

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
    def losses(self, y: Array, answer: Answer) -> Floats:
        """Each row's own error, (n,), by which the worst mistakes are found."""

    @abc.abstractmethod
    def figures(self, y: Array, answer: Answer) -> list[dict[str, Any]]:
        """Drawings of how the answers err, as data for the report."""


class Unsupervised(Task):
    """A task without given answers: held-out numbers become an exam whose truth is known all the same.

    form: of the numbers that the exam is made of; takes: how they are prepared. aside: kinds of columns that are not
    learned from, unless there are no others. sealed: the share of the rows that are sealed. held: the share of the rows
    that judge the candidates, `most_held` at most. refits: whether what was chosen is learned once more from all rows,
    the sealed ones too, once these have judged it. counted: what an exam is made of, in words.
    """

    form: ClassVar[Form] = Form.ROWS
    aside: ClassVar[frozenset[str]] = frozenset()
    takes: ClassVar[frozenset[Takes]] = frozenset()
    sealed: ClassVar[float] = 0.2
    held: ClassVar[float] = 0.2
    most_held: ClassVar[int] = 5000
    refits: ClassVar[bool] = False
    counted: ClassVar[str] = "sealed rows"

    @classmethod
    @abc.abstractmethod
    def learn(cls, kind: str, classes: Sequence[str] = (), metric: str | None = None, **settings: Any) -> Self:
        """The task for examples of a kind ("text", "picture", "tune", "basket"; "" for several columns).

        classes: labels by which examples may be asked for (generate). settings: a person's own, such as the share of
        anomalies, of which those that are fields of the task are given. Raises UsageError.
        """

    def settled(self, y: Array, answer: Answer) -> Self:
        """The task once it is known what the ensemble answers to the exam: with a bar that is set by that, say."""
        return self

    def exam(self, held: Numbers, seed: int) -> Numbers:
        """Held-out numbers as an exam: x to be answered, y what is true. Here, the rows themselves."""
        return replace(held, y=held.x)

    @abc.abstractmethod
    def said(self, answer: Answer, columns: Sequence[Column]) -> dict[str, Array]:
        """What the answers say, as columns that a person reads. columns: of the numbers that were answered."""

    def against(self, answer: Answer, truth: Array) -> dict[str, float]:
        """How the answers compare with labels (n,), which were not looked at before; measures by name."""
        return {}


@cache
def _all() -> dict[tuple[str, str], type[Task]]:
    """Every task by its id and the form of its exam ("" for the supervised), found by walking this package."""
    found: dict[tuple[str, str], type[Task]] = {}
    for name in sorted(m.name for m in pkgutil.iter_modules(__path__)):
        module = importlib.import_module(f"{__name__}.{name}")
        for cls in vars(module).values():
            if inspect.isclass(cls) and issubclass(cls, Task) and cls.__module__ == module.__name__:
                found[cls.id, str(getattr(cls, "form", ""))] = cls
    return found


def known() -> list[str]:
    """The ids of all tasks, those with a target first."""
    return list(dict.fromkeys(id_ for id_, _ in sorted(_all(), key=lambda k: (k[1] != "", k[0]))))


def supervised(id_: str) -> type[Supervised]:
    """The task with a target that has this id; KeyError where there is none."""
    found = _all()[id_, ""]
    assert issubclass(found, Supervised)
    return found


def unsupervised(id_: str, form: Form | None = None) -> type[Unsupervised] | None:
    """The task without a target that has this id, for examples that come in that form, if there is such a one."""
    able = [c for (i, f), c in _all().items() if i == id_ and issubclass(c, Unsupervised) and form in (None, Form(f))]
    return able[0] if able else None  # type: ignore[return-value]


def from_json(described: dict[str, Any]) -> Task:
    """A task again from `to_json` of this page. Raises ModelError for one that is not here."""
    cls = _all().get((described["id"], described.get("form", "")))
    if cls is None:
        raise ModelError(f"The model's task is {described['id']!r}, which is not here. Install a newer Ungated.")
    return cls.from_json(described["values"])


def to_json(task: Task) -> dict[str, Any]:
    """A task as plain values."""
    return {"id": task.id, "form": str(getattr(task, "form", "")), "values": task.to_json()}


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
