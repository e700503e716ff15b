"""Every term learns a place in a small space; a text lies where its terms lie on average; lines part the classes there.

A linear classifier gives every term a weight of its own for each class, so that a rare term must learn alone. Here all
terms share a narrow bottleneck: each has a short vector, a text is the weighted sum of its terms' vectors, and the
classes are told apart in that space, so that terms of one mind come to lie together. Vectors and lines are learned
together, a few texts at a time, each number with a step that shrinks as it moves (AdaGrad). In every step most terms of
a text are left out at random: no term may lean on another, and that, with reading the examples a few times only, is
what keeps so many numbers from learning them by heart.

The idea is usually met as fastText (Joulin et al. 2016); the year taken is of the paper that trained a low-rank matrix
over the terms of texts on the answer itself. Steps are of 2011 (Duchi et al.); leaving out is of 2012 (Hinton et al.).

Cost: O(n d h) an epoch, four epochs or more, where d is the terms in one text and h = 16; O(width h) memory.
Paper: Bai et al., "Supervised Semantic Indexing", CIKM 2009.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from ...core.algorithm import Algorithm, Card, Cost, Fitted, Machine, Task, setting
from ...core.clock import Clock
from ...core.numbers import Answer, Array, Numbers, Shape, Takes
from ...engines.linear import softmax, weighed
from ...engines.rows import checked

BATCH = 64
FEWEST_STEPS = 250  # few rows are read more often
START = 0.03  # spread of the vectors at the start


@dataclass(frozen=True)
class Embedded(Fitted):
    """places: float32 (d, h), where each term lies. lines: float32 (h, k). bias: float32 (k,)."""

    places: Array
    lines: Array
    bias: Array

    def answer(self, x: Any) -> Answer:
        return softmax(weighed(x, self.places) @ self.lines + self.bias)


@dataclass(frozen=True)
class NgramEmbeddings(Algorithm):
    card: ClassVar = Card(
        id="ngram_embeddings",
        name="n-gram embeddings",
        year=2009,
        paper="Bai et al., Supervised Semantic Indexing, CIKM (2009)",
        tasks=frozenset({"classify"}),
        takes=frozenset({Takes.SPARSE, Takes.TERMS}),
        loads=("scipy.sparse",),
        anytime=True,
    )
    fitted: ClassVar = Embedded
    variants: ClassVar = ({"rate": 0.1, "left_out": 0.5}, {"left_out": 0.8, "epochs": 6})

    size: int = setting(16, "numbers in a term's vector", low=4, high=64, log=True)
    epochs: int = setting(4, "times that every row is read", low=2, high=12, log=True)
    rate: float = setting(0.05, "size of the first step", low=0.01, high=0.3, log=True)
    left_out: float = setting(0.7, "share of a text's terms left out in each step", low=0.0, high=0.8)

    def cost(self, job: Shape, on: Machine) -> Cost:
        n, d, k = job.rows, job.filled or job.width, job.outputs
        epoch = n * d * (40.0 * self.size + 1500.0) / on.bandwidth + n / BATCH * (3e-4 + 8e-7 * k * self.size)
        held = 2.0 * n * d + 8.0 * job.width * (self.size + 1) + 40.0 * self.size * k + 16.0 * n * k
        return Cost(0.005 + self._epochs(n) * epoch, 1.5 * held)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Embedded:
        x, y = checked(self.card, train, task)
        known, rng = replace(train, x=x, y=y), np.random.default_rng(clock.seed)
        steps = _Steps(x.shape[1], self.size, task.outputs, rng)
        done, epochs = 0, self._epochs(len(y))
        while done < epochs:
            shares = 1 - (done + np.linspace(0, 1, -(-len(y) // BATCH), endpoint=False)) / epochs
            loss = self._epoch(steps, known, self.rate * shares, rng)
            done += 1
            if not clock.tick(done, loss):
                break
            fitting = done + int(0.9 * clock.left() / (clock.spent() / done)) if np.isfinite(clock.left()) else epochs
            epochs = min(epochs, max(done, fitting))
        return Embedded(steps.places, steps.lines, steps.bias)

    def _epochs(self, rows: int) -> int:
        return max(self.epochs, min(40, round(FEWEST_STEPS * BATCH / max(rows, BATCH))))

    def _epoch(self, steps: "_Steps", known: Numbers, rates: Array, rng: np.random.Generator) -> float:
        """Every row once, in a new order, with terms left out; the mean log-loss on the way."""
        order, total = rng.permutation(len(known)), 0.0
        for step, rate in enumerate(rates):
            some = order[step * BATCH : (step + 1) * BATCH]
            rows = known.x[some]
            if known.sparse:
                stays = rng.random(len(rows.data), np.float32) >= self.left_out
                rows.data = rows.data * stays / np.float32(1 - self.left_out)
            total += steps.step(rows, known.y[some], float(rate))
        return total / len(known)


class _Steps:
    """The numbers that are learned, and how far each has moved."""

    def __init__(self, d: int, size: int, k: int, rng: np.random.Generator) -> None:
        self.places = START * rng.standard_normal((d, size), np.float32)
        self.lines = rng.standard_normal((size, k), np.float32) / np.float32(math.sqrt(size))
        self.bias = np.zeros(k, np.float32)
        self.moved = [np.full(s, 1e-8, np.float32) for s in ((d,), (size, k), (k,))]

    def step(self, rows: Any, y: Array, rate: float) -> float:
        """One step downhill by the log-loss of these rows, which is given; only terms that are in them move."""
        met, few = _narrow(rows)
        places = self.places[met]
        text = few @ places
        off = softmax(text @ self.lines + self.bias).astype(np.float32)
        loss = float(-np.log(np.maximum(off[np.arange(len(y)), y], 1e-30)).sum())
        off[np.arange(len(y)), y] -= 1
        off /= len(y)
        slope = few.T @ (off @ self.lines.T)
        far, far_lines, far_bias = self.moved
        far[met] += np.square(slope).mean(axis=1)
        self.places[met] = places - rate * slope / np.sqrt(far[met])[:, None]
        lines, bias = text.T @ off, off.sum(axis=0)
        far_lines += np.square(lines)
        far_bias += np.square(bias)
        self.lines -= rate * lines / np.sqrt(far_lines)
        self.bias -= rate * bias / np.sqrt(far_bias)
        return loss


def _narrow(rows: Any) -> tuple[Array, Any]:
    """(the columns that are not empty, the rows of those columns alone)."""
    if isinstance(rows, np.ndarray):
        return np.arange(rows.shape[1]), rows
    from scipy.sparse import csr_array

    met, place = np.unique(rows.indices, return_inverse=True)
    return met, csr_array((rows.data, place.astype(np.int32), rows.indptr), shape=(rows.shape[0], len(met)))
