"""Generate pictures: make new ones that could have been among those that were given, of any class on demand.

An exam is held-out pictures; the answer is as many made ones, in no order. The headline error is how often a fresh
classifier tells one from the other, half of the pictures told by what was learned of the other half (see
engines/two_samples.py): 50% is perfect. The search is guided by how far apart that classifier's scores are, which still
moves where nearly all are told. A Fréchet distance on the same features is told beside them; it guides less well, since
it forgives noise and blur that any classifier sees. The trivial baseline draws each pixel from the same place in some
other picture: all levels right, and no shape.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from ..core.errors import UsageError
from ..core.numbers import Answer, Array, Column, Floats, Form, Numbers
from ..engines import two_samples
from . import Unsupervised, check_metric
from .measures import Measure

MOST = 1000  # pictures of an exam: each is answered by a made one, which takes time

_scored: dict[tuple[int, int], tuple[Floats, Floats]] = {}  # what the last few answers came to: each takes seconds


def pictures_of(y: Array, answer: Answer) -> Array:
    """What was made, uint8 (n, c, h, w), by the shape of the real pictures y; the baseline's where there is nothing."""
    if answer.shape[1] == 1:
        rng = np.random.default_rng(0)
        flat = np.asarray(y).reshape(len(y), -1)
        return rng.permuted(flat, axis=0).reshape(y.shape)
    return np.rint(np.clip(answer, 0, 255)).astype(np.uint8).reshape(y.shape)


def _scores(y: Array, answer: Answer) -> tuple[Floats, Floats]:
    key = hash(np.asarray(y).tobytes()), hash(answer.tobytes())
    if key not in _scored:
        while len(_scored) > 50:
            _scored.pop(next(iter(_scored)))
        _scored[key] = two_samples.scores(np.asarray(y), pictures_of(y, answer))
    return _scored[key]


def _rightly_told(y: Array, answer: Answer) -> Floats:
    return two_samples.rightly_told(_scores(y, answer))


def _separation(y: Array, answer: Answer) -> float:
    return two_samples.separation(_scores(y, answer))


def _distance(y: Array, answer: Answer) -> float:
    return two_samples.distance(np.asarray(y), pictures_of(y, answer))


MEASURES = {
    m.id: m
    for m in (
        Measure("two-sample", "how often a fresh classifier tells made from real", _rightly_told, percent=True),
        Measure("separation", "deviations between that classifier's scores of made and real", whole=_separation),
        Measure("frechet", "Fréchet distance of made from real pictures, on random features", whole=_distance),
    )
}


@dataclass(frozen=True)
class GeneratePictures(Unsupervised):
    """classes: labels by which pictures may be asked for, in the order of their codes; none where there are none."""

    id: ClassVar = "generate"
    form: ClassVar = Form.PIXELS
    measures: ClassVar = MEASURES
    mixes: ClassVar = False
    held: ClassVar = 0.1
    most_held: ClassVar = MOST
    sealed: ClassVar = 0.1
    counted: ClassVar = "sealed examples, and as many made"
    asks: ClassVar = MOST  # pictures that an exam asks for, at most: whoever makes them slowly keeps time for it

    classes: tuple[str, ...] = ()
    metric: str = "two-sample"

    @property
    def outputs(self) -> int:
        return 0

    @property
    def guide(self) -> Measure:
        return self.measures["frechet" if self.metric == "frechet" else "separation"]

    @classmethod
    def learn(cls, kind: str, classes: Sequence[str] = (), metric: str | None = None, **settings: Any) -> Self:
        return cls(tuple(classes), check_metric(cls, metric, "two-sample"))

    def exam(self, held: Numbers, seed: int) -> Numbers:
        """The pictures themselves, MOST of them at most, drawn at random."""
        chosen = np.sort(np.random.default_rng([seed, 7]).permutation(len(held))[:MOST])
        x = np.asarray(held.x[chosen])
        return replace(held, x=x, y=x)

    def baseline(self, y: Array) -> Answer:
        """One number, the mid-grey, that stands for pictures without shape (see `pictures_of`)."""
        return np.array([[127.5]])

    def said(self, answer: Answer, columns: Sequence[Column]) -> dict[str, Array]:
        raise UsageError(
            "This model makes pictures and answers nothing. Ask it with: ungated generate MODEL --count 64"
        )

    def to_json(self) -> dict[str, Any]:
        return {"classes": list(self.classes), "metric": self.metric}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        return cls(tuple(values["classes"]), values["metric"])
