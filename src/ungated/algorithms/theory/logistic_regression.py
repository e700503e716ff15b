"""Weigh the evidence: each number of a row pushes the odds of each class up or down, and the pushes add up.

Every class has a weight for each column; a row's score for the class is the weighted sum of its numbers, and softmax
turns the scores into probabilities. There is no formula for the best weights, but the error (log-loss) is a smooth
bowl: L-BFGS walks downhill, remembering its last steps to guess the bowl's curvature. Columns that overlap make the
bowl a narrow gorge, so the walk is done on stretched axes along which it is nearly round. A pull of strength alpha
keeps the weights small. It is chosen by starting strong, loosening tenfold at a time while the log-loss of watched
rows falls, each walk starting where the last one ended; then all rows are learned from with the best. Of the sparse
rows that texts make, only what is not zero is touched.

Cost: O(n d k) an evaluation, about a hundred evaluations, and O(n d²) for the axes; O(n (d + k)) memory. For sparse
rows d is the numbers in one row that are not zero, the axes are only scaled, and the weights take O(width k) more.
Paper: Cox, "The Regression Analysis of Binary Sequences", Journal of the Royal Statistical Society B 20, 1958.
"""

import contextlib
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from ...core.algorithm import Algorithm, Card, Cost, Machine, Task, setting, watch_split
from ...core.clock import Clock
from ...core.numbers import Array, Floats, Numbers, Shape, Takes
from ...engines.descent import descend
from ...engines.linear import LinearClasses, softmax
from ...engines.rows import checked

STRENGTHS = (300.0, 30.0, 3.0, 0.3, 0.03)
SPARSE_STRENGTHS = (1.0, 0.3, 0.1, 0.03)  # rows of texts are of length 1 or so, whatever their width
WIDE = 1000  # with more columns than this the axes are only scaled, not turned


@dataclass(frozen=True)
class LogisticRegression(Algorithm):
    card: ClassVar = Card(
        id="logistic_regression",
        name="logistic regression",
        year=1958,
        paper="Cox, The Regression Analysis of Binary Sequences, JRSS B 20 (1958)",
        tasks=frozenset({"classify"}),
        takes=frozenset({Takes.SPARSE}),
        loads=("scipy.optimize", "scipy.sparse"),
    )
    fitted: ClassVar = LinearClasses

    alpha: float = setting(0.0, "strength of the pull to zero; 0 chooses it on watched rows")
    steps: int = setting(100, "most steps downhill for one strength")

    def cost(self, job: Shape, on: Machine) -> Cost:
        n, d, k = job.rows, job.width, job.outputs
        evaluations = 160 if self.alpha == 0 else 40
        if sparse := 0 < job.filled < d:  # a number and its place are read, and hop to the weights and back
            one = n * job.filled * (40.0 + 16.0 * k) / on.bandwidth + 120.0 * (d + n) * k / on.bandwidth + 5e-5
        else:
            one = 4.0 * n * d * k / (on.gflops * 1e9) + 8.0 * n * d / on.bandwidth + 60.0 * n * k / on.bandwidth + 5e-5
        held = 12.0 * n * job.filled + 250.0 * d * k if sparse else 8.0 * n * d
        return Cost(0.003 + evaluations * one, held + 40.0 * n * k)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> LinearClasses:
        x, y = checked(self.card, train, task)
        start = np.zeros((x.shape[1] + 1, task.outputs))
        if self.alpha or len(y) < 10:
            best = self._descend(x, y, self.alpha or 1.0, start, clock)
        else:
            alpha, start = self._choose(replace(train, x=x, y=y), task, start, clock)
            best = self._descend(x, y, alpha, start, clock)
        return LinearClasses(best[:-1].astype(np.float32), best[-1].astype(np.float32))

    def _choose(self, train: Numbers, task: Task, start: Floats, clock: Clock) -> tuple[float, Floats]:
        """The strength with the least log-loss on watched rows, and the weights it led to."""
        part, watched = watch_split(train, task, clock.seed, share=0.1 if len(train) > 5000 else 0.25)
        strengths = SPARSE_STRENGTHS if train.sparse else STRENGTHS
        chosen, best, least = strengths[0], start, np.inf
        weights = start
        for step, alpha in enumerate(strengths):
            weights = self._descend(part.x, part.y, alpha, weights, clock)
            loss = task.loss(watched.y, LinearClasses(weights[:-1], weights[-1]).answer(watched.x))
            going = clock.tick(step, loss)
            if loss < least:
                chosen, best, least = alpha, weights, loss
            if loss > least or not going:
                break
        return chosen, best

    def _descend(self, x: Any, y: Array, alpha: float, start: Floats, clock: Clock) -> Floats:
        """Weights (d + 1, k), the last row the bias, downhill from `start`; where the clock ends, as far as it came."""
        from scipy.optimize import minimize

        rows, n, sparse = np.arange(len(y)), len(y), not isinstance(x, np.ndarray)
        sides = 2 if sparse and start.shape[1] == 2 else 1  # the weights of two classes are each other's mirror image
        axes = _axes(x, alpha)
        from_ = start[:, sides - 1 :]
        reached = np.vstack([_turn_back(axes, from_[:-1]), from_[-1:]]).ravel()

        def weights_of(flat: Floats) -> Floats:
            v = flat.reshape(from_.shape)
            return np.vstack([_turn(axes, v[:-1]), v[-1:]])

        def error(flat: Floats) -> tuple[float, Floats]:
            w = weights_of(flat)
            scores = x @ w[:-1].astype(np.float32) + w[-1]
            p = softmax(np.hstack([-scores, scores]) if sides == 2 else scores)
            log_loss = -np.log(np.maximum(p[rows, y], 1e-300)).mean()
            p[rows, y] -= 1
            off = p[:, sides - 1 :]
            slope = (x.T @ off.astype(np.float32)).astype(np.float64) / n + alpha / n * w[:-1]
            # the bias is held too, very lightly: that of an absent class would otherwise run off to minus infinity
            pulls = alpha / n * np.square(w[:-1]).sum() + 1e-4 * np.square(w[-1]).sum()
            turned = axes[:, None] * slope if axes.ndim == 1 else axes.T @ slope
            whole = np.vstack([turned, off.mean(axis=0) + 1e-4 * w[-1]]).ravel()
            return log_loss + sides * pulls / 2, sides * whole

        if sparse:
            found = weights_of(descend(error, reached, self.steps, 1e-5, lambda: not clock.expired))
            return np.hstack([-found, found]) if sides == 2 else found

        def watch(flat: Floats) -> None:
            nonlocal reached
            reached = flat.copy()
            if clock.expired:
                raise StopIteration

        options = {"maxiter": self.steps, "ftol": 1e-6, "gtol": 1e-5}
        with contextlib.suppress(StopIteration):
            reached = minimize(error, reached, jac=True, method="L-BFGS-B", callback=watch, options=options).x
        return weights_of(reached)


def _axes(x: Any, alpha: float) -> Floats:
    """Axes (d, d), or their lengths (d,) for wide or sparse x, along which the log-loss is about equally curved."""
    n, d = x.shape
    curve = 0.15 / n  # p (1 - p) of a row, typically
    if not isinstance(x, np.ndarray):
        return 1 / np.sqrt(curve * np.bincount(x.indices, np.square(x.data), minlength=d) + alpha / n)
    if d > WIDE:
        return 1 / np.sqrt(curve * np.square(x).sum(axis=0, dtype=np.float64) + alpha / n)
    bowl = curve * (x.T @ x).astype(np.float64)
    bowl[np.diag_indices(d)] += alpha / n + 1e-5 * np.trace(bowl) / d + 1e-12
    return np.linalg.inv(np.linalg.cholesky(bowl)).T


def _turn(axes: Floats, v: Floats) -> Floats:
    return axes[:, None] * v if axes.ndim == 1 else axes @ v


def _turn_back(axes: Floats, w: Floats) -> Floats:
    return w / axes[:, None] if axes.ndim == 1 else np.linalg.solve(axes, w).astype(np.float64)
