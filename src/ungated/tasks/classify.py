"""Classify: say to which of a few known classes each row belongs, and how sure that is.

An answer is a probability for each class. The headline error is the share of rows answered wrongly; the search is
guided by log-loss (Good 1952), which sees how sure a wrong answer was, and moves when that share does not yet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from ..core.errors import InputError
from ..core.numbers import Answer, Array, Floats
from . import Supervised, bins, check_metric
from .measures import CLASSIFY, Measure, log_losses, wilson

MOST_CLASSES = 1000


@dataclass(frozen=True)
class Classify(Supervised):
    """classes: the labels, in the order of the codes."""

    id: ClassVar = "classify"
    measures: ClassVar = CLASSIFY

    classes: tuple[str, ...]
    metric: str = "error"

    @property
    def outputs(self) -> int:
        return len(self.classes)

    @property
    def guide(self) -> Measure:
        smooth = self.metric in ("log-loss", "auc", "brier")
        return self.measures[self.metric if smooth else "log-loss"]

    @classmethod
    def learn(cls, values: Sequence[Any], metric: str | None = None) -> Self:
        labels = sorted(set(map(str, values)), key=_in_order)
        if len(labels) < 2:
            only = f"only {labels[0]!r}" if labels else "nothing"
            raise InputError(
                f"The target holds {only}: there is nothing to tell apart. Give rows of at least two classes."
            )
        if len(labels) > MOST_CLASSES:
            raise InputError(
                f"The target holds {len(labels):,} different labels, more than {MOST_CLASSES:,}.\n"
                "Is it an identifier? Name another column with --target, or use --task regress if they are amounts."
            )
        return cls(tuple(labels), check_metric(cls, metric, "error"))

    def encode(self, values: Sequence[Any]) -> Array:
        codes = {label: code for code, label in enumerate(self.classes)}
        return np.array([codes.get(str(v), -1) for v in values], np.int64)

    def decode(self, answer: Answer) -> Array:
        return np.array(self.classes, object)[answer.argmax(axis=1)]

    def baseline(self, y: Array) -> Answer:
        """Each class as often as it was seen, with one imagined row of each (Laplace 1774)."""
        seen = np.bincount(y, minlength=self.outputs) + 1.0
        return (seen / seen.sum())[None, :]

    def losses(self, y: Array, answer: Answer) -> Floats:
        return log_losses(y, answer)

    def adjust(self, answer: Answer, by: float) -> Answer:
        """Temperature scaling (Guo et al., "On calibration of modern neural networks", ICML 2017)."""
        logs = np.log(np.clip(answer, 1e-15, 1.0)) / by
        powers = np.exp(logs - logs.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    def figures(self, y: Array, answer: Answer) -> list[dict[str, Any]]:
        known = y >= 0
        y, answer = y[known], answer[known]
        if not len(y):
            return []
        drawn = [self._confusion(y, answer), self._calibration(y, answer)]
        return [*drawn, self._roc(y, answer)] if self.outputs == 2 else drawn

    def _confusion(self, y: Array, answer: Answer) -> dict[str, Any]:
        counts = np.zeros((self.outputs, self.outputs), int)
        np.add.at(counts, (y, answer.argmax(axis=1)), 1)
        shown = np.sort(np.argsort(-counts.sum(axis=1), kind="stable")[:30])
        title = "What was true (rows) against what was said (columns)"
        labels = [self.classes[c] for c in shown]
        return {"kind": "confusion", "title": title, "labels": labels, "counts": counts[np.ix_(shown, shown)].tolist()}

    def _calibration(self, y: Array, answer: Answer) -> dict[str, Any]:
        sure, right = answer.max(axis=1), answer.argmax(axis=1) == y
        drawn = []
        for part in bins(sure, int(np.clip(len(y) // 20, 1, 10))):
            share = float(right[part].mean())
            low, high = wilson(share, len(part))
            said = float(sure[part].mean())
            drawn.append({"predicted": said, "observed": share, "low": low, "high": high, "rows": len(part)})
        return {"kind": "calibration", "title": "How sure it was against how often it was right", "bins": drawn}

    def _roc(self, y: Array, answer: Answer) -> dict[str, Any]:
        order = np.argsort(-answer[:, 1], kind="stable")
        hits = np.concatenate([[0], np.cumsum(y[order] == 1)]) / max(1, int(np.sum(y == 1)))
        alarms = np.concatenate([[0], np.cumsum(y[order] == 0)]) / max(1, int(np.sum(y == 0)))
        kept = np.unique(np.linspace(0, len(order), 200).astype(int))
        curve = {"label": self.classes[1], "fpr": alarms[kept].tolist(), "tpr": hits[kept].tolist()}
        return {"kind": "roc", "title": f"Found {self.classes[1]} against false alarms", "curves": [curve]}

    def to_json(self) -> dict[str, Any]:
        return {"classes": list(self.classes), "metric": self.metric}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        return cls(tuple(values["classes"]), values["metric"])


def _in_order(label: str) -> tuple[int, float, str]:
    """Numbers by size, then words by the alphabet."""
    try:
        return 0, float(label), label
    except ValueError:
        return 1, 0.0, label
