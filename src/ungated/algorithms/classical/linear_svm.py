"""The widest street: part the classes by the line with the most room on both sides.

Of all lines that part two classes, support vector machines take the one farthest from the nearest rows; rows on the
wrong side of the street pay by how far they intrude, and C says how dearly. Only rows at the kerb matter. With more
classes, each is parted from all others. For numbers the street is laid along the rows: errors within a small band cost
nothing. liblinear finds it for a few values of C, watched rows choose among them, and make probabilities of distances
to the line (Platt's squash); then all rows are learned from with that C. Of the sparse rows that texts make, the line
is found row by row (in the dual), which touches only what is not zero.

Cost: O(n d k) a step of Newton's method, about ten steps for each C; O(n d) memory. For sparse rows d is the numbers
in one row that are not zero.
Paper: Cortes & Vapnik, "Support-Vector Networks", Machine Learning 20, 1995
(library: Fan et al., "LIBLINEAR", Journal of Machine Learning Research 9, 2008).
"""

import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...core.algorithm import Algorithm, Card, Cost, Fitted, Machine, State, Task, setting, watch_split
from ...core.clock import Clock
from ...core.numbers import Array, Numbers, Shape, Takes
from ...engines.linear import LinearAmount, LinearClasses, platt
from ...engines.rows import checked

CHOICES = (0.003, 0.03, 0.3)
SPARSE_CHOICES = (0.1, 0.3, 1.0)  # rows of texts are of length 1 or so


@dataclass(frozen=True)
class LinearSVM(Algorithm):
    card: ClassVar = Card(
        id="linear_svm",
        name="linear support vectors",
        year=1995,
        paper="Cortes & Vapnik, Support-Vector Networks, Machine Learning 20 (1995)",
        tasks=frozenset({"classify", "regress"}),
        takes=frozenset({Takes.SPARSE}),
        loads=("sklearn.svm",),
    )
    fitted: ClassVar = LinearClasses

    C: float = setting(0.0, "price of intruding on the street; 0 chooses on watched rows")
    epsilon: float = setting(
        0.1, "half width of the free band, in standard deviations", low=0.0, high=0.5, tasks=("regress",)
    )

    def cost(self, job: Shape, on: Machine) -> Cost:
        n, d, k = job.rows, job.width, job.outputs if job.outputs > 2 else 1
        fits = 2 if self.C else len(CHOICES) + 1
        if 0 < job.filled < d:  # 16 bytes for a number and its place, read about twenty times
            each = 20 * n * job.filled * k * (100.0 if k == 1 else 50.0) / on.bandwidth
            return Cost(0.005 + fits * each, n * job.filled * 40.0 + 50.0 * d * job.outputs)
        return Cost(0.005 + fits * (1e-3 + k * n * d * 5e-7 / on.scalar), 36.0 * n * d + 24.0 * n)

    def load(self, state: State) -> Fitted:
        return (LinearAmount if state.arrays["weights"].ndim == 1 else LinearClasses).load(state)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> LinearClasses | LinearAmount:
        x, y = checked(self.card, train, task)
        level, spread = (y.mean(), y.std() or 1.0) if task.id == "regress" else (0.0, 1.0)
        whole = Numbers(train.form, x, (y - level) / spread if task.id == "regress" else y, train.columns)
        part, watched = (
            watch_split(whole, task, clock.seed, 0.1 if len(y) > 5000 else 0.25) if len(y) > 9 else (whole,) * 2
        )
        losses: dict[float, float] = {}
        squash: dict[float, tuple[float, Array]] = {}
        for C in (self.C,) if self.C else SPARSE_CHOICES if train.sparse else CHOICES:
            weights, bias = self._street(part, task, C, clock)
            margins = watched.x @ weights + bias
            squash[C] = platt(margins, watched.y) if task.id == "classify" else (1.0, np.zeros(1))
            scale, shift = squash[C]
            line = _line(scale * weights, scale * bias + shift, task, level, spread)
            losses[C] = task.loss(
                watched.y * spread + level if task.id == "regress" else watched.y, line.answer(watched.x)
            )
            if not clock.tick(len(losses), losses[C]):
                return line
        best = min(losses, key=lambda C: losses[C])
        scale, shift = squash[best]
        weights, bias = self._street(whole, task, best, clock)
        return _line(scale * weights, scale * bias + shift, task, level, spread)

    def _street(self, part: Numbers, task: Task, C: float, clock: Clock) -> tuple[Array, Array]:
        """Weights (d, outputs) and biases (outputs,) whose sums are margins, one against the others."""
        from sklearn.svm import LinearSVC, LinearSVR

        d, x, y = part.x.shape[1], part.x.astype(np.float64), part.y
        held = 1.0 if part.sparse else 10.0  # the bias is held as lightly as the dual's steps allow
        how: dict[str, Any] = {"C": C, "dual": part.sparse, "intercept_scaling": held, "random_state": clock.seed}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # stopping at the most iterations is what they are for
            if task.id == "regress":
                loss = "squared_epsilon_insensitive"
                street = LinearSVR(loss=loss, epsilon=self.epsilon, max_iter=50, **how).fit(x, y)
                return street.coef_.reshape(d, 1), np.atleast_1d(street.intercept_)
            weights, bias = np.zeros((d, task.outputs)), np.full(task.outputs, -1.0)  # of a class without rows
            if len(present := np.unique(y)) == 1:
                bias[present] = 1.0
                return weights, bias
            street = LinearSVC(max_iter=50, **how).fit(x, y)
        if len(present) == 2:
            weights[:, present] = np.vstack([-street.coef_, street.coef_]).T
            bias[present] = np.concatenate([-street.intercept_, street.intercept_])
        else:
            weights[:, present], bias[present] = street.coef_.T, street.intercept_
        return weights, bias


def _line(weights: Array, bias: Array, task: Task, level: float, spread: float) -> LinearClasses | LinearAmount:
    if task.id == "regress":
        return LinearAmount(spread * weights[:, 0], level + spread * bias)
    return LinearClasses(weights.astype(np.float32), bias.astype(np.float32))
