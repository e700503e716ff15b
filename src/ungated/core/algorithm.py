"""The contract of an algorithm: a frozen dataclass of settings, with a card that is true before any data is seen.

`Algorithm.fit` gives a `Fitted`; there is no unfitted state to be in. A `Fitted` is a frozen dataclass of arrays and
plain values: its `state` is its fields, so that whatever was learned can be written as JSON and safetensors and read
back without running anything.
"""

import abc
import dataclasses
import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, Self

import numpy as np

from .clock import Clock
from .errors import UsageError
from .numbers import Answer, Array, Form, Numbers, Shape, Takes, spread

ERAS = ("theory", "classical", "modern")


def era_of(year: int) -> str:
    """The shelf on which an idea of that year stands: theory (to 1990), classical (to 2011), modern (since 2012)."""
    return ERAS[(year > 1990) + (year > 2011)]


@dataclass(frozen=True)
class Machine:
    """The computer, as measured by `hardware.probe` on one thread.

    memory, free: bytes (free is what is available now, within a container's limit). gflops: float32 matrix product,
    10^9 operations a second. bandwidth: bytes a second, copied. scalar: million elements a second that NumPy sorts,
    a stand-in for branching work such as growing trees. load: share of the cores that others keep busy, 0 to 1.
    """

    cores: int
    memory: int
    free: int
    gflops: float
    bandwidth: float
    scalar: float
    load: float = 0.0
    bf16: bool = False
    gpu: str = ""
    system: str = ""
    processor: str = ""


@dataclass(frozen=True)
class Cost:
    """What one fit would take on one thread: wall-clock seconds, and bytes at the peak beyond the idle worker."""

    seconds: float
    bytes: float


@dataclass(frozen=True)
class Card:
    """What is true of an algorithm before any data is seen.

    year: of the idea, not of the library. paper: a reference that can be looked up. takes: what it swallows unprepared.
    extras: names of the optional installs it needs (as in `pip install ungated[modern]`).
    loads: modules that a fit imports; workers load them while they are idle. answers_with: those that an answer needs.
    anytime: hands in what it has when its clock runs out, so that it fits any budget, if not to its best.
    ends: with anytime: has an end that it comes to, after which more time would teach it nothing.
    transfers: has `fit_from`, which starts from what the same algorithm learned elsewhere.
    skips: conformance checks that do not apply, each with its reason.
    """

    id: str
    name: str
    year: int
    paper: str
    tasks: frozenset[str]
    form: Form = Form.ROWS
    takes: frozenset[Takes] = frozenset()
    extras: tuple[str, ...] = ()
    loads: tuple[str, ...] = ()
    answers_with: tuple[str, ...] = ()
    anytime: bool = False
    ends: bool = False
    transfers: bool = False
    skips: Mapping[str, str] = field(default_factory=dict)

    @property
    def era(self) -> str:
        return era_of(self.year)


class Task(Protocol):
    """As much of a task as an algorithm may know: its name, how wide an answer is, the error to watch, the baseline.

    outputs: 0 where each algorithm has its own width.
    """

    @property
    def id(self) -> str: ...
    @property
    def outputs(self) -> int: ...
    def loss(self, y: Array, answer: Answer) -> float:
        """The smooth error that training watches and the search minimises; lower is better."""
        ...

    def baseline(self, y: Array) -> Answer:
        """The trivial answer, (1, outputs), learned from y alone."""
        ...


@dataclass(frozen=True)
class State:
    """What was learned: plain JSON values, named arrays, and named texts (a library's own format)."""

    values: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)


class Fitted(abc.ABC):
    """Something learned. Subclasses are frozen dataclasses whose fields are arrays, plain JSON values or `Text`."""

    @abc.abstractmethod
    def answer(self, x: Array) -> Answer:
        """What it says of each example of x: float64 (n, outputs)."""

    def state(self) -> State:
        """The fields, sorted into values, arrays and texts."""
        state = State()
        for f in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, f.name)
            if isinstance(value, np.ndarray):
                state.arrays[f.name] = value
            elif isinstance(value, Text):
                state.texts[f.name] = str(value)
            else:
                state.values[f.name] = value
        return state

    @classmethod
    def load(cls, state: State) -> Self:
        """The same thing again from its state."""
        return cls(**state.values, **state.arrays, **{k: Text(v) for k, v in state.texts.items()})


class Voice(Protocol):
    """One sequence while it is being written, by what was learned of others."""

    def next(self) -> Array:
        """The probability of each code to come, float64 (levels,), given all that were taken."""
        ...

    def take(self, code: int, own: bool = False) -> None:
        """Go on by that code. own: it was drawn from what this voice expected, and is no news to it."""
        ...


class Writer(Fitted):
    """Learned from a stream of sequences; it can go on with one."""

    @abc.abstractmethod
    def voice(self) -> Voice:
        """A sequence with nothing in it yet but the code 0, by which each begins."""


class Maker(Fitted):
    """Learned from pixels; it can make new ones."""

    @abc.abstractmethod
    def make(self, labels: Array, seed: int) -> Array:
        """New examples, uint8 (n, channels, height, width): one for each class code of labels (n,).

        Where there are no classes all codes are 0.
        """


class Text(str):
    """A long text in a library's own format (LightGBM's trees, say), stored as a file of its own."""


def setting(
    default: Any,
    doc: str,
    *,
    low: float | None = None,
    high: float | None = None,
    log: bool = False,
    choices: tuple[Any, ...] = (),
    drawn: bool = True,
    tasks: Collection[str] = (),
) -> Any:
    """A dataclass field with its meaning and its range beside it.

    low, high: the range within which the search draws and outside which a value is refused; log: drawn by magnitude.
    choices: the only values allowed. With none of them the setting is fixed unless a person sets it.
    drawn: whether the search draws it; else it is only checked, and tried as `variants` say. tasks: the only ones to
    which it makes a difference, where it does not to all.
    """
    about = {"doc": doc, "low": low, "high": high, "log": log, "choices": choices, "drawn": drawn, "tasks": tasks}
    return field(default=default, metadata=about)


@dataclass(frozen=True)
class Algorithm(abc.ABC):
    """One way of learning. Subclasses are frozen dataclasses of settings, one a file."""

    card: ClassVar[Card]
    fitted: ClassVar[type[Fitted]]
    variants: ClassVar[tuple[Mapping[str, Any], ...]] = ()  # settings worth trying after the defaults, best first

    def __post_init__(self) -> None:
        for f in dataclasses.fields(self):
            about, value = f.metadata, getattr(self, f.name)
            low, high, choices = about.get("low"), about.get("high"), about.get("choices")
            if choices and value not in choices:
                allowed = ", ".join(map(str, choices))
                raise UsageError(f"{self.card.id}: {f.name} must be one of {allowed}, not {value!r}.")
            number = isinstance(value, int | float)
            if type(f.default) is int and (isinstance(value, bool) or not isinstance(value, int)):
                raise UsageError(f"{self.card.id}: {f.name} must be a whole number, not {value!r}.")
            if low is not None and high is not None and not (number and low <= value <= high):
                raise UsageError(f"{self.card.id}: {f.name} must be between {low} and {high}, not {value!r}.")

    @abc.abstractmethod
    def cost(self, job: Shape, on: Machine) -> Cost:
        """Seconds and bytes of one fit on one thread of `on`: arithmetic alone, no data touched."""

    @abc.abstractmethod
    def fit(self, train: Numbers, task: Task, clock: Clock) -> Fitted:
        """Learn from `train` alone, within `clock`. Deterministic under `clock.seed`.

        An algorithm that stops early watches a part that it takes from `train` itself (see `watch_split`).
        """

    def fit_from(self, start: State | None, train: Numbers, task: Task, clock: Clock) -> Fitted:
        """As `fit`, beginning with whatever fits of what this algorithm learned of other examples, and said `start`.

        None is nothing. Only for those whose card says `transfers`.
        """
        raise NotImplementedError(f"{self.card.id} cannot start from an earlier model.")

    def load(self, state: State) -> Fitted:
        """What `fit` gave, again from its saved state."""
        return self.fitted.load(state)

    def settled(self, learned: State) -> Self:
        """The algorithm with what a fit chose for itself made a setting, to learn the same again from more examples."""
        return self

    def settings(self) -> dict[str, Any]:
        """The settings as plain values."""
        return dataclasses.asdict(self)

    def searchable(self, task: str) -> set[str]:
        """Names of the settings that the search may draw, of those that make a difference to that task."""
        own = [f for f in dataclasses.fields(self) if _searchable(f)]
        return {f.name for f in own if task in (f.metadata["tasks"] or {task})}

    def draw(self, rng: np.random.Generator) -> Self:
        """The same algorithm with every searchable setting drawn at random from its range."""
        return dataclasses.replace(self, **{f.name: _draw(f, rng) for f in dataclasses.fields(self) if _searchable(f)})

    def __str__(self) -> str:
        changed = [
            (f.name, getattr(self, f.name)) for f in dataclasses.fields(self) if getattr(self, f.name) != f.default
        ]
        inside = ", ".join(f"{k}={v:.3g}" if isinstance(v, float) else f"{k}={v}" for k, v in changed)
        return f"{self.card.name} ({inside})" if inside else self.card.name


@dataclass(frozen=True)
class Entrant:
    """Who enters the climb: an algorithm, and what of the data it is to see.

    view: the name of one of the views that the data give for its form; "" is the widest. start: the model from whose
    learned features it begins; "" is from scratch.
    """

    algorithm: Algorithm
    view: str = ""
    start: str = ""

    @property
    def key(self) -> str:
        """The same for all settings of the algorithm: its id, with what it sees and where it starts."""
        seen, begun = f"@{self.view}" if self.view else "", f"<{self.start}" if self.start else ""
        return self.algorithm.card.id + seen + begun

    @property
    def tastes(self) -> bool:
        """Whether it is given a short course first: it takes any time it gets, and on a form that asks for much."""
        card = self.algorithm.card
        return card.anytime and not card.ends and card.form is not Form.ROWS

    @property
    def name(self) -> str:
        """The algorithm's name as a person reads it, with what it sees and where it starts."""
        return self._beside(self.algorithm.card.name)

    def __str__(self) -> str:
        return self._beside(str(self.algorithm))

    def _beside(self, name: str) -> str:
        return name + (f", {self.view}" if self.view else "") + (f", from {self.start}" if self.start else "")


def _searchable(f: dataclasses.Field[Any]) -> bool:
    ranged = bool(f.metadata.get("choices")) or f.metadata.get("low") is not None
    return ranged and bool(f.metadata.get("drawn"))


def _draw(f: dataclasses.Field[Any], rng: np.random.Generator) -> Any:
    about = f.metadata
    if about["choices"]:
        return about["choices"][rng.integers(len(about["choices"]))]
    low, high = about["low"], about["high"]
    value = math.exp(rng.uniform(math.log(low), math.log(high))) if about["log"] else rng.uniform(low, high)
    return round(value) if isinstance(f.default, int) else float(f"{value:.3g}")


def watch_split(train: Numbers, task: Task, seed: int, share: float = 0.1) -> tuple[Numbers, Numbers]:
    """Part `train` into rows to learn from and rows to watch for early stopping; by class where there are classes.

    Validation rows of the search are never watched: their error would then flatter whoever stops on it.
    """
    strata = train.y if task.id == "classify" else None
    order = spread(strata, len(train), np.random.default_rng(seed))
    watched = min(max(1, round(share * len(train))), len(train) - 1)
    return train.take(order[watched:]), train.take(order[:watched])


def plain(value: Any) -> Any:
    """`value` as JSON can hold it: NumPy scalars and tuples become Python's own, NaN and infinities None."""

    def fallback(v: Any) -> Any:
        if isinstance(v, np.generic | np.ndarray):
            return v.tolist()
        if dataclasses.is_dataclass(v) and not isinstance(v, type):
            return dataclasses.asdict(v)
        return list(v) if isinstance(v, set | frozenset) else str(v)

    def finite(v: Any) -> Any:
        if isinstance(v, dict):
            return {str(k): finite(x) for k, x in v.items()}
        if isinstance(v, list | tuple):
            return [finite(x) for x in v]
        return None if isinstance(v, float) and not math.isfinite(v) else v

    return finite(json.loads(json.dumps(value, default=fallback)))
