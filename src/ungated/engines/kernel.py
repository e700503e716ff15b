"""The saved form of kernel machines: remembered rows, and weights on the likeness to each."""

from dataclasses import dataclass

import numpy as np

from ..core.algorithm import Fitted
from ..core.numbers import Answer, Array, Floats
from .linear import softmax

AT_ONCE = 2**22  # likenesses held in memory at a time
FAR = 3.0  # margins beyond this say no more


@dataclass(frozen=True)
class Duels(Fitted):
    """One kernel machine for each pair of classes; for regress a single one.

    remembered float32 (m, d): rows compared with. weights float32 (m, pairs), bias float64 (pairs,): a positive sum
    speaks for the second class of the pair. pairs int32 (pairs, 2). present bool (outputs,): classes that have duels.
    gamma: likeness is exp(-gamma · squared distance). scale, shift (outputs,): Platt's, or the spread and, with
    `level`, the mean of the target for regress.
    """

    remembered: Array
    weights: Array
    bias: Array
    pairs: Array
    present: Array
    gamma: float
    scale: float
    shift: Array
    level: float

    def answer(self, x: Array) -> Answer:
        if len(self.present) == 1:
            return self.level + self.scale * self._sums(x)
        return softmax(self.scale * self.margins(x) + self.shift)

    def margins(self, x: Array) -> Floats:
        """How well each class does on average in its duels: float64 (n, outputs); -1 for a class without any."""
        sums = np.clip(self._sums(x), -FAR, FAR)
        won = np.zeros((len(x), len(self.present)))
        for at, (one, other) in enumerate(self.pairs):
            won[:, one] -= sums[:, at]
            won[:, other] += sums[:, at]
        won[:, self.present] /= max(self.present.sum() - 1, 1)
        won[:, ~self.present] = -FAR
        return won

    def _sums(self, x: Array) -> Floats:
        sums = np.tile(self.bias, (len(x), 1))
        if not len(self.remembered):
            return sums
        step = max(1, AT_ONCE // len(self.remembered))
        size = np.square(self.remembered).sum(axis=1)
        for i in range(0, len(x), step):
            block = np.asarray(x[i : i + step], np.float32)
            square = np.square(block).sum(axis=1, keepdims=True) - 2 * (block @ self.remembered.T) + size
            sums[i : i + step] += np.exp(-np.float32(self.gamma) * np.maximum(square, 0)) @ self.weights
        return sums
