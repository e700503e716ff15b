"""Learn from mistakes alone: say a class; if it was wrong, push the weights towards the right one. Repeat.

Every class has a weight for each column, and the class with the greatest weighted sum is said. After a mistake the row
is added to the weights of the right class and taken from those of the class said; a right answer changes nothing.
Rosenblatt's machine of 1958 did this with motors and light cells, and whatever lines can part, it learns to part. Where
they cannot it never rests, so the average of all weights on the way is kept, not the last (Freund & Schapire 1999).
Rows are answered 64 at a time for speed. Its margins say which class, not how likely: Platt's squash (1999), fitted on
watched rows, makes probabilities of them, and the passes end when the log-loss of those rows falls no more.

Cost: O(n d k) a pass, up to 20 passes; O(d k) memory beyond the data.
Paper: Rosenblatt, "The Perceptron: A Probabilistic Model", Psychological Review 65, 1958.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.algorithm import Algorithm, Card, Cost, Machine, Task, setting, watch_split
from ...core.clock import Clock
from ...core.numbers import Array, Floats, Numbers, Shape
from ...engines.linear import LinearClasses, platt, softmax
from ...engines.rows import checked

BLOCK = 64


@dataclass(frozen=True)
class Perceptron(Algorithm):
    card: ClassVar = Card(
        id="perceptron",
        name="perceptron",
        year=1958,
        paper="Rosenblatt, The Perceptron, Psychological Review 65 (1958)",
        tasks=frozenset({"classify"}),
        anytime=True,
    )
    fitted: ClassVar = LinearClasses

    passes: int = setting(20, "most passes over the rows")

    def cost(self, job: Shape, on: Machine) -> Cost:
        n, d, k = job.rows, job.width, job.outputs
        passes = min(self.passes, 10)
        row = d * (8.0 * k / (on.gflops * 1e9) + 8 / on.bandwidth) + 2e-8 * k
        block = 2e-5 + BLOCK * row + 12.0 * d * k / on.bandwidth
        return Cost(0.005 + passes * (n / BLOCK * block + 1e-3), 10.0 * n * d + 16.0 * d * k)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> LinearClasses:
        x, y = checked(self.card, train, task)
        x = np.column_stack([x, np.ones(len(x), np.float32)])  # the bias is the weight of a column of ones
        part, watched = Numbers(train.form, x, y), Numbers(train.form, x, y)
        if len(x) >= 10:
            part, watched = watch_split(part, task, clock.seed, share=0.1 if len(x) > 5000 else 0.25)
        rng = np.random.default_rng(clock.seed)
        weights, total = np.zeros((2, x.shape[1], task.outputs), np.float32)
        best, least, since = LinearClasses(weights[:-1], weights[-1]), np.inf, 0
        for step in range(self.passes):
            _pass(part.x, part.y, weights, total, rng)
            size = np.abs(watched.x @ total).mean() or 1.0
            said, loss = _squashed(total / size, watched, task)
            best, least, since = (said, loss, 0) if loss < least - 1e-4 else (best, least, since + 1)
            if not clock.tick(step, loss) or since == 3:
                break
        return best


def _pass(x: Array, y: Array, weights: Array, total: Array, rng: np.random.Generator) -> None:
    """One pass over the rows in random order: `weights` learn from mistakes, `total` adds them up after each block."""
    order = rng.permutation(len(y))
    for start in range(0, len(y), BLOCK):
        block = order[start : start + BLOCK]
        rows, right = x[block], y[block]
        said = (rows @ weights).argmax(axis=1)
        push = np.zeros((len(block), weights.shape[1]), np.float32)
        push[np.arange(len(block)), right] += 1
        push[np.arange(len(block)), said] -= 1  # where the answer was right the two cancel
        weights += rows.T @ push
        total += weights


def _squashed(weights: Floats, watched: Numbers, task: Task) -> tuple[LinearClasses, float]:
    """The weights (d + 1, k) with margins made probabilities, and the log-loss of those on the watched rows."""
    margins = watched.x @ weights
    scale, bias = platt(margins, watched.y)
    loss = task.loss(watched.y, softmax(scale * margins + bias))
    weights = scale * weights
    return LinearClasses(weights[:-1].astype(np.float32), (weights[-1] + bias).astype(np.float32)), loss
