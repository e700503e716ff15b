"""Least squares with a leash: draw the straight line (plane) that misses the known answers by the least squared sum.

Each number of a row gets a weight; the answer is the weighted sum. Legendre found the best weights by calculus in 1805:
they solve one set of linear equations. With many or overlapping columns those weights run wild, so ridge regression
adds alpha times their squared size to the error, which pulls them towards zero. Here alpha is chosen among a few
magnitudes by the leave-one-out error, which for least squares costs one decomposition of the columns and no refitting.

Cost: O(n d²) time, O(n d) memory.
Paper: Hoerl & Kennard, "Ridge Regression", Technometrics 12, 1970 (least squares: Legendre 1805).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.algorithm import Algorithm, Card, Cost, Machine, Task, setting
from ...core.clock import Clock
from ...core.numbers import Floats, Numbers, Shape
from ...engines.linear import LinearAmount
from ...engines.rows import checked


@dataclass(frozen=True)
class Ridge(Algorithm):
    card: ClassVar = Card(
        id="ridge",
        name="ridge regression",
        year=1970,
        paper="Hoerl & Kennard, Ridge Regression, Technometrics 12 (1970)",
        tasks=frozenset({"regress"}),
    )
    fitted: ClassVar = LinearAmount

    alpha: float = setting(0.0, "strength of the pull to zero; 0 chooses it by leave-one-out error")

    def cost(self, job: Shape, on: Machine) -> Cost:
        n, d = job.rows, job.width
        products = 4.0 * n * d * min(n, d) * (1 if n >= 2 * d else 5)
        moved = 8.0 * n * d * 2 * 17 if self.alpha == 0 else 0.0  # the columns are read twice for each magnitude
        seconds = 0.001 + 2 * products / (on.gflops * 1e9) + moved / on.bandwidth  # float64 is half as fast as float32
        return Cost(seconds, 4 * 8.0 * n * d)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> LinearAmount:
        rows, y = checked(self.card, train, task)
        x = rows.astype(np.float64)
        centre, level = x.mean(axis=0), y.mean()
        x -= centre
        u, s, vt = _decompose(x)
        seen, squared = u.T @ (y - level), np.square(u)

        def leave_one_out(alpha: float) -> float:
            shrink = s**2 / (s**2 + alpha)
            left_over = y - level - u @ (shrink * seen)
            leverage = 1 / len(y) + squared @ shrink
            return float(np.mean(np.square(left_over / np.maximum(1 - leverage, 1e-9))))

        alpha = self.alpha or min(np.logspace(-3, 5, 17), key=leave_one_out)
        weights = vt.T @ (s / (s**2 + alpha) * seen)
        return LinearAmount(weights, np.array([level - centre @ weights]))


def _decompose(x: Floats) -> tuple[Floats, Floats, Floats]:
    """x as u @ diag(s) @ vt. Tall x goes by way of the d × d matrix of its products, ten times quicker than the SVD."""
    n, d = x.shape
    if n < 2 * d:
        return np.linalg.svd(x, full_matrices=False)
    squares, v = np.linalg.eigh(x.T @ x)
    kept = squares > 1e-10 * max(squares[-1], 1e-300)  # below that is rounding: columns that repeat others
    s, v = np.sqrt(squares[kept]), v[:, kept]
    return x @ (v / s), s, v.T
