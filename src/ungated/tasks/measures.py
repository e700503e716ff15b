"""Measures of error: one number, lower is better, with a 95% interval.

Most are the mean of a loss that each row has for itself; their interval resamples those losses. The others (area under
ROC, F1) are resampled whole. A measure of success, such as accuracy, is given here as what it falls short of 1.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..core.numbers import Answer, Array, Floats


@dataclass(frozen=True)
class Measure:
    """One way of counting errors.

    rows: each row's own loss, (n,), where there is such a thing; finish: from their mean to the measure.
    whole: otherwise, the measure of all rows at once.
    """

    id: str
    words: str
    rows: Callable[[Array, Answer], Floats] | None = None
    finish: Callable[[Floats], Floats] = lambda mean: mean
    whole: Callable[[Array, Answer], float] | None = None
    percent: bool = False

    def __call__(self, y: Array, answer: Answer) -> float:
        if self.rows:
            return float(self.finish(np.asarray(np.mean(self.rows(y, answer)))))
        assert self.whole is not None
        return self.whole(y, answer)

    def interval(self, y: Array, answer: Answer, seed: int = 0) -> tuple[float, float]:
        """The 95% interval of the measure over samples of rows: Wilson's for a share, else normal or the bootstrap's.

        Wilson, "Probable inference", JASA 22 (1927); Efron, "Bootstrap methods", Annals of Statistics 7 (1979).
        """
        n, rng = len(y), np.random.default_rng(seed)
        if n < 2:
            return float("nan"), float("nan")
        if self.id == "error":
            return wilson(self(y, answer), n)
        if self.rows and n > 2000:  # the mean of so many losses is normal: no need to resample
            loss = self.rows(y, answer)
            half = 1.959964 * loss.std() / np.sqrt(n)
            return tuple(self.finish(np.maximum([loss.mean() - half, loss.mean() + half], 0)).tolist())
        if self.rows:
            loss = self.rows(y, answer)
            spread = self.finish(loss[rng.integers(n, size=(1000, n))].mean(axis=1))
        else:
            picks = (rng.integers(n, size=n) for _ in range(int(np.clip(2e6 / n, 50, 300))))
            spread = np.asarray([self(y[p], answer[p]) for p in picks])
        low, high = np.nanpercentile(spread, [2.5, 97.5])
        return float(low), float(high)

    def show(self, value: float | None) -> str:
        """The value as a person reads it: shares in percent, the rest to four digits."""
        if value is None or not np.isfinite(value):
            return "–"
        return f"{100 * value:.1f}%" if self.percent else f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def wilson(share: float, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's 95% interval of a share seen in n rows.

    >>> [round(v, 3) for v in wilson(0.0, 36)]
    [0.0, 0.096]
    """
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return float(max(middle - half, 0.0)), float(min(middle + half, 1.0))


def _chance_of_truth(y: Array, answer: Answer) -> Floats:
    """The probability that each row's answer gave to what was true; 0 for a class that was never seen (code -1)."""
    known = y >= 0
    return np.where(known, answer[np.arange(len(y)), np.where(known, y, 0)], 0.0)


def _wrong(y: Array, answer: Answer) -> Floats:
    return (answer.argmax(axis=1) != y).astype(np.float64)


def log_losses(y: Array, answer: Answer) -> Floats:
    """Each row's surprise at its true class, in nats."""
    return -np.log(np.clip(_chance_of_truth(y, answer), 1e-15, 1.0))


def _brier(y: Array, answer: Answer) -> Floats:
    return np.square(answer).sum(axis=1) - 2 * _chance_of_truth(y, answer) + 1


def _balanced_error(y: Array, answer: Answer) -> float:
    wrong = _wrong(y, answer)
    return float(np.mean([wrong[y == c].mean() for c in np.unique(y)]))


def _short_of_f1(y: Array, answer: Answer) -> float:
    """1 - F1; the mean over classes, but of the second class alone where there are two, as is the custom."""
    said, scores = answer.argmax(axis=1), []
    for c in [1] if answer.shape[1] == 2 else np.unique(y):
        hit = np.sum((said == c) & (y == c))
        scores.append(2 * hit / max(np.sum(said == c) + np.sum(y == c), 1))
    return float(1 - np.mean(scores))


def _short_of_auc(y: Array, answer: Answer) -> float:
    """1 - area under ROC by Mann and Whitney's ranks; one class against the rest, averaged, where there are more."""
    areas = []
    for c in [1] if answer.shape[1] == 2 else range(answer.shape[1]):
        of_class = y == c
        hits, rest = int(of_class.sum()), int((~of_class).sum())
        if hits and rest:
            _, place, count = np.unique(answer[:, c], return_inverse=True, return_counts=True)
            rank = (np.cumsum(count) - (count - 1) / 2)[place]
            areas.append((rank[of_class].sum() - hits * (hits + 1) / 2) / (hits * rest))
    return float(1 - np.mean(areas)) if areas else float("nan")


def squares(y: Array, answer: Answer) -> Floats:
    """Each row's squared error."""
    return np.square(answer[:, 0] - y)


def _distances(y: Array, answer: Answer) -> Floats:
    return np.abs(answer[:, 0] - y)


def _short_of_r2(y: Array, answer: Answer) -> float:
    return float(np.mean(squares(y, answer)) / max(float(np.var(y)), 1e-300))


def _log_squares(y: Array, answer: Answer) -> Floats:
    return np.square(np.log1p(np.maximum(answer[:, 0], 0)) - np.log1p(np.maximum(y, 0)))


CLASSIFY = {
    m.id: m
    for m in (
        Measure("error", "share of rows answered wrongly", _wrong, percent=True),
        Measure("log-loss", "mean surprise at the true class, in nats", log_losses),
        Measure("auc", "1 - area under ROC", whole=_short_of_auc),
        Measure(
            "balanced-error", "share answered wrongly, each class counted alike", whole=_balanced_error, percent=True
        ),
        Measure("f1", "1 - F1", whole=_short_of_f1),
        Measure("brier", "squared distance of the probabilities from the truth", _brier),
    )
}

REGRESS = {
    m.id: m
    for m in (
        Measure("rmse", "root of the mean squared error, in the target's units", squares, np.sqrt),
        Measure("mae", "mean distance from the truth, in the target's units", _distances),
        Measure("r2", "1 - R², the share of the variance that is not explained", whole=_short_of_r2),
        Measure("rmsle", "root of the mean squared error of logarithms", _log_squares, np.sqrt),
    )
}
