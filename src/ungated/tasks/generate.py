"""Generate: go on writing, letter by letter or note by note, as what was learned from goes on.

Whoever foretells held-out text well could also have written it. So the error is how many bits it takes to tell somebody
who holds the model what comes next, summed over a whole sealed text and divided by its bytes (Shannon, "Prediction and
Entropy of Printed English", 1951). It is the size to which the model would pack that text, and so it compares every
method and every way of cutting text into codes, and them with the programs that pack files.

An answer is the probability given to each code of a stream, from what stands before it. The weighted mean of several
candidates' answers is again such a probability: a mixture of methods is an ensemble like any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from ..core.numbers import Answer, Array, Column, Floats, Form, Numbers
from . import Unsupervised, check_metric
from .measures import Measure

LEAST = 2.0**-100  # a probability below this costs no more
STRETCH = 500  # codes that are resampled together: neighbours are easy or hard together
UNITS = {"text": ("byte", 8.0), "tune": ("note", 7.0)}  # kind -> what is counted, and its bits where nothing is known


def bits(answer: Answer) -> Floats:
    """What each code costs, (n,), in bits."""
    return -np.log2(np.maximum(answer[:, 0], LEAST))


@dataclass(frozen=True)
class PerUnit(Measure):
    """Bits, times `scale`, for each unit (byte, note) that the codes stand for: y is the units of each code."""

    scale: float = 1.0

    def __call__(self, y: Array, answer: Answer) -> float:
        return self.scale * float(bits(answer).sum() / max(float(np.sum(y)), 1e-9))

    def interval(self, y: Array, answer: Answer, seed: int = 0) -> tuple[float, float]:
        """The 95% interval over samples of stretches of codes, with replacement (Künsch 1989)."""
        size = max(1, min(STRETCH, len(y) // 20))
        starts = np.arange(0, len(y), size)
        if len(starts) < 2:
            return float("nan"), float("nan")
        cost, units = np.add.reduceat(bits(answer), starts), np.add.reduceat(np.asarray(y, np.float64), starts)
        drawn = np.random.default_rng(seed).integers(len(starts), size=(1000, len(starts)))
        ratios = self.scale * cost[drawn].sum(axis=1) / np.maximum(units[drawn].sum(axis=1), 1e-9)
        low, high = np.percentile(ratios, [2.5, 97.5])
        return float(low), float(high)


MEASURES = {
    m.id: m
    for m in (
        PerUnit("bits-per-byte", "bits it takes to tell a byte of sealed text"),
        PerUnit("nats-per-byte", "the same in nats; a byte is a character where text is plain ASCII", scale=np.log(2)),
        PerUnit("bits-per-note", "bits it takes to tell a note of sealed tunes"),
        PerUnit("nats-per-note", "the same in nats", scale=np.log(2)),
    )
}


@dataclass(frozen=True)
class Generate(Unsupervised):
    """kind: what is written, "text" or "tune". metric: the headline error, one of `measures`."""

    id: ClassVar = "generate"
    form: ClassVar = Form.STREAM
    measures: ClassVar = MEASURES
    sealed: ClassVar = 0.1
    held: ClassVar = 0.05
    counted: ClassVar = "sealed codes"

    kind: str = "text"
    metric: str = "bits-per-byte"

    @property
    def outputs(self) -> int:
        return 1

    @property
    def guide(self) -> Measure:
        return self.measures[f"bits-per-{self.unit}"]

    @property
    def unit(self) -> str:
        """What the error is counted by: "byte" or "note"."""
        return UNITS.get(self.kind, UNITS["text"])[0]

    @classmethod
    def learn(cls, kind: str, classes: Sequence[str] = (), metric: str | None = None, **settings: Any) -> Self:
        return cls(kind, check_metric(cls, metric, f"bits-per-{cls(kind).unit}"))

    def exam(self, held: Numbers, seed: int) -> Numbers:
        """The held-out stream itself; y stays the units of each code."""
        return replace(held)

    def baseline(self, y: Array) -> Answer:
        """Every byte (or note) as likely as any other; y is the units of each code."""
        known_nothing = UNITS.get(self.kind, UNITS["text"])[1]
        return np.array([[2.0 ** -(known_nothing * float(np.mean(y)))]])

    def said(self, answer: Answer, columns: Sequence[Column]) -> dict[str, Array]:
        """How many bits each code takes."""
        return {"bits": bits(answer)}

    def all_measures(self, y: Array, answer: Answer) -> dict[str, float]:
        return {m.id: m(y, answer) for m in self.measures.values() if m.id.endswith(self.unit)}

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "metric": self.metric}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        return cls(values["kind"], values["metric"])
