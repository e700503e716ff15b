"""What linear algorithms share: a saved form of weights and biases, and the way from scores to probabilities.

Margins that are not probabilities (of a perceptron, of support vectors) become so by Platt's squash: a scale and one
bias a class, fitted on rows that the margins were not learned from.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.algorithm import Fitted
from ..core.numbers import Answer, Array, Floats


def softmax(scores: Array) -> Floats:
    """Scores (n, k) as probabilities: positive, in the order of the scores, each row adding up to 1."""
    shifted = np.asarray(scores, np.float64)
    grown = np.exp(shifted - shifted.max(axis=1, keepdims=True))
    return grown / grown.sum(axis=1, keepdims=True)


def weighed(x: Any, weights: Array) -> Array:
    """The weighted sums of rows, (n, k) or (n,), in the weights' precision; sparse rows are not unfolded."""
    return (np.asarray(x, weights.dtype) if isinstance(x, np.ndarray) else x) @ weights


@dataclass(frozen=True)
class LinearClasses(Fitted):
    """One weighted sum a class, made probabilities by softmax. weights float32 (d, k), bias float32 (k,)."""

    weights: Array
    bias: Array

    def answer(self, x: Any) -> Answer:
        return softmax(weighed(x, self.weights) + self.bias)


@dataclass(frozen=True)
class LinearAmount(Fitted):
    """One weighted sum. weights float64 (d,), bias float64 (1,)."""

    weights: Floats
    bias: Floats

    def answer(self, x: Any) -> Answer:
        return (weighed(x, self.weights) + self.bias)[:, None]


def platt(margins: Array, y: Array, pull: float = 1.0) -> tuple[float, Floats]:
    """The scale and biases (k,) with which softmax(scale * margins + biases) has the least log-loss on y.

    `pull` draws the scale and the biases to those of no adjustment, which steadies it where y has few rows.
    Paper: Platt, "Probabilistic Outputs for Support Vector Machines", 1999; here for k classes at once.
    """
    from scipy.optimize import minimize

    k = margins.shape[1]
    spread = float(np.abs(margins).mean()) or 1.0
    unit = np.asarray(margins, np.float64) / spread
    hot = np.eye(k)[y]

    def error(v: Floats) -> tuple[float, Floats]:
        p = softmax(np.exp(v[0]) * unit + v[1:])
        off = p - hot
        slope = np.concatenate([[np.exp(v[0]) * np.sum(off * unit)], off.sum(axis=0)])
        log_loss = -np.log(np.maximum(p[np.arange(len(y)), y], 1e-300)).sum()
        return log_loss + pull / 2 * v @ v, slope + pull * v

    best = minimize(error, np.zeros(k + 1), jac=True, method="L-BFGS-B", bounds=[(-6, 6)] * (k + 1)).x
    return float(np.exp(best[0])) / spread, best[1:]
