"""Detect: say how unlike the rest each row is, and which are so unlike that somebody should look.

Nobody says what is odd, so rows are made odd to find out who sees it: real rows that were held back, and others of
which a few values were replaced by any between the least and the greatest of their column. An answer is the share of
known rows that are less unusual. The headline error is how often a made-up row seems less unusual than a real one
(1 - area under ROC); half is guessing.

That exam tells who sees nothing. It does not tell well who sees most, as we measured on labelled sets, because what
people call odd is odd in ways of its own; nor does any exam that we tried, of eight. But different detectors err
differently. So the ensemble is not chosen by the exam: it is the median of the ranks by all detectors that pass it.
A detector that has gone astray on some rows then does no harm. Median and not mean: on fourteen labelled sets its area
under ROC was larger by 0.006 (Aggarwal & Sathe, "Outlier Ensembles", 2017, on both).

How many are anomalies? A row is called one that is more unusual than three in four of the rows made odd, and than nine
in ten of the real ones. Where the exam is no better than guessing, rows as unusual as the made-up ones are everywhere,
and none is called so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from ..core.errors import UsageError
from ..core.numbers import Answer, Array, Column, Floats, Numbers, Takes
from . import Unsupervised, check_metric
from .measures import Measure

FEWEST_MADE = 300  # rows made up where few are held back: their number costs nothing
SPOILED = 3  # at most one in so many columns of a made-up row is replaced, but at least one
ODDER = 0.75  # a row more unusual than this share of the made-up ones is an anomaly
MOST = 0.1  # of real rows that may be called anomalies: what is common is none
BLIND = 0.45  # an error above this is as good as guessing
NEVER = 2.0  # a bar above all answers


def short_of_area(y: Array, answer: Answer) -> float:
    """1 - area under ROC of rows whose y is 1 against those whose y is 0, by Mann and Whitney's ranks."""
    odd, score = np.asarray(y) > 0, answer[:, 0]
    hits, rest = int(odd.sum()), int((~odd).sum())
    if not hits or not rest:
        return float("nan")
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]
    return float(1 - (rank[odd].sum() - hits * (hits + 1) / 2) / (hits * rest))


def _missed(y: Array, answer: Answer) -> float:
    """Of as many rows as are made up, the most unusual: the share that is real."""
    odd = np.asarray(y) > 0
    first = np.argsort(-answer[:, 0], kind="stable")[: max(int(odd.sum()), 1)]
    return float(1 - odd[first].mean())


MEASURES = {
    m.id: m
    for m in (
        Measure("auc", "how often a made-up row seems less unusual than a real one", whole=short_of_area, percent=True),
        Measure(
            "missed",
            "share of real rows among the most unusual, of as many as are made up",
            whole=_missed,
            percent=True,
        ),
    )
}


@dataclass(frozen=True)
class Detect(Unsupervised):
    """share: of anomalies, as a person gives it; 0 estimates it. bar: whose answer is above it is called an anomaly."""

    id: ClassVar = "detect"
    measures: ClassVar = MEASURES
    takes: ClassVar = frozenset({Takes.RAW_SCALE})
    refits: ClassVar = True
    aside: ClassVar = frozenset({"date"})  # the first and the last days of a table are not odd for that
    counted: ClassVar = "rows, the sealed ones and others made up"

    share: float = 0.0
    bar: float = NEVER
    metric: str = "auc"

    @property
    def outputs(self) -> int:
        return 1

    @property
    def guide(self) -> Measure:
        return self.measures["auc"]

    @classmethod
    def learn(cls, kind: str, classes: Sequence[str] = (), metric: str | None = None, **settings: Any) -> Self:
        share = settings.get("share", 0.0)
        if not isinstance(share, int | float) or not 0 <= share < 0.5:
            raise UsageError(
                f"share must be the share of anomalies, such as 0.01, and less than a half; not {share!r}."
            )
        return cls(float(share), NEVER, check_metric(cls, metric, "auc"))

    def exam(self, held: Numbers, seed: int) -> Numbers:
        """The rows (y 0), and others of which a few values are replaced by any within their column's range (y 1)."""
        x = np.asarray(held.x)
        made = spoiled(x, max(len(x), FEWEST_MADE), np.random.default_rng([seed, 4]))
        y = np.concatenate([np.zeros(len(x)), np.ones(len(made))])
        return replace(held, x=np.concatenate([x, made]), y=y)

    def baseline(self, y: Array) -> Answer:
        """Every row as usual as any other."""
        return np.array([[0.5]])

    def weigh(self, losses: Floats) -> Floats:
        """Alike for all that see more than a guess does; for the best alone where none does."""
        sees = losses < BLIND if np.any(losses < BLIND) else losses == np.min(losses)
        return np.asarray(sees / sees.sum())

    def blend(self, answers: Sequence[Answer], shares: Floats) -> Answer:
        """The median, each answer counted by its share."""
        values = np.concatenate(answers, axis=1)
        order = np.argsort(values, axis=1, kind="stable")
        values, passed = np.take_along_axis(values, order, axis=1), np.cumsum(np.asarray(shares)[order], axis=1)
        half = 0.5 * passed[:, -1:]
        low = (passed < half - 1e-9).sum(axis=1)
        high = (passed < half + 1e-9).sum(axis=1)  # the next one where the shares part evenly
        rows, last = np.arange(len(values)), values.shape[1] - 1
        return ((values[rows, low] + values[rows, np.minimum(high, last)]) / 2)[:, None]

    def settled(self, y: Array, answer: Answer) -> Self:
        """With the bar above which a row is called an anomaly."""
        odd = np.asarray(y) > 0
        if self.share > 0:
            return replace(self, bar=float(np.quantile(answer[~odd, 0], 1 - self.share)))
        if not self.loss(y, answer) < BLIND:
            return replace(self, bar=NEVER)
        least = float(np.quantile(answer[~odd, 0], 1 - MOST))
        return replace(self, bar=max(least, float(np.quantile(answer[odd, 0], ODDER))))

    def flagged(self, answer: Answer) -> Array:
        """Which rows are called anomalies, bool (n,)."""
        return np.asarray(answer[:, 0] > self.bar)

    def said(self, answer: Answer, columns: Sequence[Column]) -> dict[str, Array]:
        words = np.where(self.flagged(answer), "yes", "no").astype(object)
        return {"anomaly": words, "score": np.round(answer[:, 0], 6)}

    def against(self, answer: Answer, truth: Array) -> dict[str, float]:
        """Area under ROC and precision at k, the number of true anomalies; the rarest label is taken for these."""
        labels, counts = np.unique(np.asarray(truth).astype(str), return_counts=True)
        if len(labels) < 2:
            return {}
        odd = (np.asarray(truth).astype(str) == labels[int(np.argmin(counts))]).astype(float)
        return {
            "area under ROC": 1 - short_of_area(odd, answer),
            f"precision at {int(odd.sum()):,}": 1 - _missed(odd, answer),
        }

    def to_json(self) -> dict[str, Any]:
        return {"share": self.share, "bar": self.bar, "metric": self.metric}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        return cls(values["share"], values["bar"], values["metric"])


def spoiled(x: Array, count: int, rng: np.random.Generator) -> Array:
    """`count` rows drawn from x, a few columns of each replaced by values drawn evenly from the column's range.

    In a column of few different values, such as 0 and 1, one of them is drawn.
    """
    n, d = x.shape
    made = np.array(x[rng.integers(n, size=count)]) if n else np.empty((0, d), np.float32)
    several = rng.integers(1, max(1, d // SPOILED) + 1, size=len(made))
    chosen = np.argsort(rng.random((len(made), d)), axis=1) < np.minimum(several, d)[:, None]
    for j in range(d if n else 0):
        values = np.unique(x[:, j])
        where = np.flatnonzero(chosen[:, j])
        if len(values) <= 10:
            made[where, j] = values[rng.integers(len(values), size=len(where))]
        else:
            made[where, j] = rng.uniform(values[0], values[-1], size=len(where))
    return made
