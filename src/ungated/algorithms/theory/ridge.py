"""Least squares with a leash: draw the straight line (plane) that misses the known answers by the least squared sum.

Each number of a row gets a weight; the answer is the weighted sum. Legendre found the best weights by calculus in 1805:
they solve one set of linear equations. With many or overlapping columns those weights run wild, so ridge regression
adds alpha times their squared size to the error, which pulls them towards zero. Here alpha is chosen among a few
magnitudes by the leave-one-out error, which for least squares costs one decomposition of the columns and no refitting.
The sparse rows that texts make are too wide for that: there, steps along conjugate slopes (LSMR) walk to the weights,
and watched rows choose alpha.

Cost: O(n d²) time, O(n d) memory; for sparse rows O(n d) a step, where d is the numbers in a row that are not zero.
Paper: Hoerl & Kennard, "Ridge Regression", Technometrics 12, 1970 (least squares: Legendre 1805;
sparse rows: Fong & Saunders, "LSMR", SIAM Journal on Scientific Computing 33, 2011).
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from ...core.algorithm import Algorithm, Card, Cost, Machine, Task, setting, watch_split
from ...core.clock import Clock
from ...core.numbers import Array, Floats, Numbers, Shape, Takes
from ...engines.linear import LinearAmount
from ...engines.rows import checked

STRENGTHS = (30.0, 10.0, 3.0, 1.0, 0.3)  # for sparse rows, which are of length 1 or so
STEPS = 60


@dataclass(frozen=True)
class Ridge(Algorithm):
    card: ClassVar = Card(
        id="ridge",
        name="ridge regression",
        year=1970,
        paper="Hoerl & Kennard, Ridge Regression, Technometrics 12 (1970)",
        tasks=frozenset({"regress"}),
        takes=frozenset({Takes.SPARSE}),
        loads=("scipy.sparse.linalg",),
    )
    fitted: ClassVar = LinearAmount

    alpha: float = setting(0.0, "strength of the pull to zero; 0 chooses it by the error left out")

    def cost(self, job: Shape, on: Machine) -> Cost:
        n, d = job.rows, job.width
        if 0 < job.filled < d:
            steps = STEPS * (1 if self.alpha else len(STRENGTHS) + 1)
            moved = n * job.filled * 60.0 + 60.0 * (n + d)
            return Cost(0.003 + steps * (moved / on.bandwidth + 1e-4), 24.0 * n * job.filled + 60.0 * d)
        products = 4.0 * n * d * min(n, d) * (1 if n >= 2 * d else 5)
        moved = 8.0 * n * d * 2 * 17 if self.alpha == 0 else 0.0  # the columns are read twice for each magnitude
        seconds = 0.001 + 2 * products / (on.gflops * 1e9) + moved / on.bandwidth  # float64 is half as fast as float32
        return Cost(seconds, 4 * 8.0 * n * d)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> LinearAmount:
        rows, y = checked(self.card, train, task)
        if train.sparse:
            return self._fit_sparse(replace(train, x=rows.astype(np.float64), y=y), task, clock)
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

    def _fit_sparse(self, train: Numbers, task: Task, clock: Clock) -> LinearAmount:
        if self.alpha or len(train) < 10:
            return _walk(train.x, train.y, self.alpha or 1.0)
        part, watched = watch_split(train, task, clock.seed, 0.1 if len(train) > 5000 else 0.25)
        losses: dict[float, float] = {}
        for alpha in STRENGTHS:
            line = _walk(part.x, part.y, alpha)
            losses[alpha] = task.loss(watched.y, line.answer(watched.x))
            if not clock.tick(len(losses), losses[alpha]):
                return line
            if losses[alpha] > min(losses.values()):
                break
        return _walk(train.x, train.y, min(losses, key=lambda a: losses[a]))


def _walk(x: Any, y: Array, alpha: float) -> LinearAmount:
    """The weights for sparse float64 x; its columns are centred on the way, and not unfolded."""
    from scipy.sparse.linalg import LinearOperator, lsmr

    n, level, centre = len(y), y.mean(), np.asarray(x.mean(axis=0))
    turned = x.T.tocsr()
    centred = LinearOperator(
        x.shape,
        matvec=lambda w: x @ w.ravel() - centre @ w.ravel(),
        rmatvec=lambda r: turned @ r.ravel() - centre * r.sum(),
        dtype=np.float64,
    )
    weights = lsmr(centred, y - level, damp=float(np.sqrt(alpha)), atol=1e-4, btol=1e-4, maxiter=min(STEPS, n + 1))[0]
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
