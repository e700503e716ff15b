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
UNITS = {"text": "byte", "tune": "note"}  # kind -> what is counted, where what was read does not say
BLANK = {"byte": 8.0}  # bits of a unit where nothing is known; of music, 7 bits (MIDI's numbers) of each code


def bits(answer: Answer) -> Floats:
    """What each code costs, (n,), in bits."""
    return -np.log2(np.maximum(answer[:, 0], LEAST))


@dataclass(frozen=True)
class PerUnit(Measure):
    """Bits, times `scale`, for each unit (byte, note) that the codes stand for: y is the units of each code.

    ends: whether it costs to tell where a sequence ends, as it does in a file; published errors of music leave it out.
    """

    scale: float = 1.0
    ends: bool = True

    def __call__(self, y: Array, answer: Answer) -> float:
        return float(self._cost(y, answer).sum() / max(float(np.sum(y)), 1e-9))

    def _cost(self, y: Array, answer: Answer) -> Floats:
        cost = self.scale * bits(answer)
        return cost if self.ends else np.where(np.asarray(y) > 0, cost, 0.0)

    def interval(self, y: Array, answer: Answer, seed: int = 0) -> tuple[float, float]:
        """The 95% interval over samples of stretches of codes, with replacement (Künsch 1989)."""
        size = max(1, min(STRETCH, len(y) // 20))
        starts = np.arange(0, len(y), size)
        if len(starts) < 2:
            return float("nan"), float("nan")
        cost = np.add.reduceat(self._cost(y, answer), starts)
        units = np.add.reduceat(np.asarray(y, np.float64), starts)
        drawn = np.random.default_rng(seed).integers(len(starts), size=(1000, len(starts)))
        ratios = cost[drawn].sum(axis=1) / np.maximum(units[drawn].sum(axis=1), 1e-9)
        low, high = np.percentile(ratios, [2.5, 97.5])
        return float(low), float(high)


MEASURES: dict[str, Measure] = {
    m.id: m
    for m in (
        PerUnit("bits-per-byte", "bits it takes to tell a byte of sealed text"),
        PerUnit("nats-per-byte", "the same in nats; a byte is a character where text is plain ASCII", scale=np.log(2)),
        PerUnit("bits-per-note", "bits it takes to tell a note of sealed tunes", ends=False),
        PerUnit("nats-per-note", "the same in nats", scale=np.log(2), ends=False),
        PerUnit("bits-per-frame", "bits it takes to tell the notes that sound in one step of sealed tunes", ends=False),
        PerUnit("nats-per-frame", "the same in nats, as it is published", scale=np.log(2), ends=False),
    )
}


@dataclass(frozen=True)
class Generate(Unsupervised):
    """kind: what is written, "text" or "tune". metric: the headline error, one of `measures`.

    unit: what the error is counted by: "byte", "note", or "frame" for tunes of chords a step.
    """

    id: ClassVar = "generate"
    form: ClassVar = Form.STREAM
    measures: ClassVar = MEASURES
    sealed: ClassVar = 0.1
    counted: ClassVar = "sealed codes"

    kind: str = "text"
    metric: str = "bits-per-byte"
    unit: str = "byte"

    @property
    def outputs(self) -> int:
        return 1

    @property
    def held(self) -> float:  # type: ignore[override]
        """The share that judges: tunes are fewer than letters, and differ more."""
        return 0.05 if self.unit == "byte" else 0.15

    @property
    def guide(self) -> Measure:
        return self.measures[f"bits-per-{self.unit}"]

    @classmethod
    def learn(cls, kind: str, classes: Sequence[str] = (), metric: str | None = None, **settings: Any) -> Self:
        unit = str(settings.get("unit") or UNITS.get(kind, "byte"))
        usual = "nats-per-frame" if unit == "frame" else f"bits-per-{unit}"
        return cls(kind, check_metric(cls, metric, usual), unit)

    def exam(self, held: Numbers, seed: int) -> Numbers:
        """The held-out stream itself; y stays the units of each code."""
        return replace(held)

    def baseline(self, y: Array) -> Answer:
        """Every byte (or note) as likely as any other; y is the units of each code."""
        each = BLANK[self.unit] * float(np.mean(y)) if self.unit in BLANK else 7.0
        return np.array([[2.0**-each]])

    def said(self, answer: Answer, columns: Sequence[Column]) -> dict[str, Array]:
        """How many bits each code takes."""
        return {"bits": bits(answer)}

    def all_measures(self, y: Array, answer: Answer) -> dict[str, float]:
        return {m.id: m(y, answer) for m in self.measures.values() if m.id.endswith(self.unit)}

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "metric": self.metric, "unit": self.unit}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        return cls(values["kind"], values["metric"], values["unit"])
