"""Regress: say how much, in the target's own units.

An answer is one number a row. The headline error and the search's guide are the root of the mean squared error unless
another is asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from ..core.errors import InputError
from ..core.numbers import Answer, Array, Floats
from . import Supervised, check_metric
from .measures import REGRESS, Measure, squares


@dataclass(frozen=True)
class Regress(Supervised):
    """metric: the headline error, one of `measures`."""

    id: ClassVar = "regress"
    measures: ClassVar = REGRESS

    metric: str = "rmse"

    @property
    def outputs(self) -> int:
        return 1

    @property
    def guide(self) -> Measure:
        return self.measure

    @classmethod
    def learn(cls, values: Sequence[Any], metric: str | None = None) -> Self:
        y = np.asarray(values, np.float64)
        if not np.isfinite(y).all():
            raise InputError("The target holds an infinite number. Remove those rows, or use --task classify.")
        if len(y) == 0 or y.min() == y.max():
            only = f"only {y[0]:g}" if len(y) else "nothing"
            raise InputError(
                f"The target holds {only}: there is nothing to predict. Name another column with --target."
            )
        return cls(check_metric(cls, metric, "rmse"))

    def encode(self, values: Sequence[Any]) -> Array:
        return np.asarray(values, np.float64)

    def decode(self, answer: Answer) -> Array:
        return answer[:, 0]

    def baseline(self, y: Array) -> Answer:
        """The middle: the median where distances count, else the mean."""
        return np.array([[np.median(y) if self.metric == "mae" else np.mean(y)]])

    def losses(self, y: Array, answer: Answer) -> Floats:
        return squares(y, answer)

    def adjust(self, answer: Answer, by: float) -> Answer:
        return answer

    def figures(self, y: Array, answer: Answer) -> list[dict[str, Any]]:
        kept = np.random.default_rng(0).permutation(len(y))[:2000]
        title = "What was true against what was said"
        said, true = answer[kept, 0].tolist(), np.asarray(y)[kept].tolist()
        return [{"kind": "residuals", "title": title, "predicted": said, "actual": true, "unit": ""}]

    def to_json(self) -> dict[str, Any]:
        return {"metric": self.metric}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        return cls(values["metric"])
