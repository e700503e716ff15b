"""Let pairs of rows pull and push until a map appears: pairwise controlled manifold approximation (PaCMAP).

Three kinds of pairs are drawn once. Near pairs are each row and its ten nearest, measured in the scale of their own
crowd; they pull until they touch. Mid-near pairs, the second closest of six rows drawn at random, pull hard at first
and then let go: they put whole regions where they belong before details are settled. Far pairs are drawn at random and
push, but only while they are close. So few forces, with the mid-near ones ahead of the others, keep both the islands
and how they lie to one another, and make it quicker than maps that weigh every neighbour of every neighbour.
A new row is placed among its nearest known rows.

Cost: O(n² d) time to find neighbours among n rows (O(n log n) in few columns), O(450 · 35 n) to move; O(n d) memory.
Paper: Wang, Huang, Rudin & Shaposhnik, "Understanding How Dimension Reduction Tools Work: An Empirical Approach to
Deciphering t-SNE, UMAP, TriMap, and PaCMAP for Data Visualization", Journal of Machine Learning Research 22, 2021.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.algorithm import Algorithm, Card, Cost, Machine, Task, setting
from ...core.clock import Clock
from ...core.numbers import Array, Floats, Numbers, Shape
from ...engines import neighbours
from ...engines.neighbours import Neighbours
from ...engines.pace import paced
from ...engines.placing import Placed, turned
from ...engines.rows import checked
from ...engines.unusual import some

MOST_KNOWN = 50_000
MOST_AXES = 100  # directions kept before neighbours are looked for
EXTRA = 50  # nearest rows among which the near pairs are chosen
MID, FAR, DRAWN = 5, 20, 6  # mid-near and far pairs of a row; rows drawn for one mid-near pair
STEPS = (100, 100, 250)
RATE, KEPT, KEPT_SQUARE = 1.0, 0.9, 0.999  # Adam's


@dataclass(frozen=True)
class PaCMAP(Algorithm):
    card: ClassVar = Card(
        id="pacmap",
        name="PaCMAP",
        year=2021,
        paper="Wang, Huang, Rudin & Shaposhnik, Understanding How Dimension Reduction Tools Work, JMLR 22 (2021)",
        tasks=frozenset({"embed"}),
        loads=("sklearn.neighbors", "scipy.sparse.linalg"),
        answers_with=("sklearn.neighbors",),
        anytime=True,
    )
    fitted: ClassVar = Placed
    variants: ClassVar = ({"near": 20},)

    near: int = setting(10, "near pairs of a row, more where there are over 10,000 rows")

    def cost(self, job: Shape, on: Machine) -> Cost:
        n, d = min(job.rows, MOST_KNOWN), min(job.width, MOST_AXES)
        turning = (2.0 * min(n, 20_000) * job.width**2 + 4.0 * n * job.width * d) / (on.gflops * 1e9)
        pairs = n * (self._near(n) + MID + FAR)
        moved = sum(STEPS) * (2e-4 + pairs * 0.25 / (on.scalar * 1e6))
        found = neighbours.seconds(n, n, d, self.near + EXTRA, on)
        return Cost(0.05 + turning + found + moved, 5e6 + n * (24.0 * job.width + 16.0 * EXTRA) + 60.0 * pairs)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Placed:
        x = some(checked(self.card, train, task)[0], MOST_KNOWN, clock.seed)
        rows, middle, axes = turned(x, MOST_AXES, clock.seed)
        rng = np.random.default_rng(clock.seed)
        known = rows.astype(np.float32)
        start = first_places(rows, task.outputs, rng)
        if len(x) > 2:
            pairs = near_pairs(known, self._near(len(x))), mid_pairs(known, rng), far_pairs(len(x), rng)
            start = move(start, pairs, clock)
        return Placed(known, start.astype(np.float32), middle, axes)

    def _near(self, n: int) -> int:
        return self.near + round(max(0.0, 15 * (math.log10(max(n, 1)) - 4)))


def first_places(rows: Floats, dims: int, rng: np.random.Generator) -> Array:
    """Along the widest directions, in a small space, with a little noise where there are too few of them."""
    place = 1e-4 * rng.normal(size=(len(rows), dims))
    use = min(dims, rows.shape[1])
    return (place + 0.01 * np.pad(rows[:, :use], ((0, 0), (0, dims - use)))).astype(np.float32)


def near_pairs(known: Array, near: int) -> Array:
    """(n, near): the rows that are nearest in the scale of both crowds."""
    index, distance = Neighbours(known).of(known, near + EXTRA)
    near = min(near, index.shape[1])
    scale = np.maximum(distance[:, 3:6].mean(axis=1) if distance.shape[1] > 5 else distance.mean(axis=1), 1e-10)
    scaled = np.square(distance) / (scale[:, None] * scale[index])
    return np.take_along_axis(index, np.argsort(scaled, axis=1, kind="stable")[:, :near], axis=1)


def mid_pairs(known: Array, rng: np.random.Generator) -> Array:
    """(n, MID): each the second nearest of six rows drawn at random."""
    n, found = len(known), []
    for _ in range(MID):
        drawn = rng.integers(n, size=(n, DRAWN))
        far = np.stack([np.square(known[drawn[:, k]] - known).sum(axis=1) for k in range(DRAWN)], axis=1)
        far[drawn == np.arange(n)[:, None]] = np.inf
        found.append(drawn[np.arange(n), np.argsort(far, axis=1, kind="stable")[:, 1]])
    return np.stack(found, axis=1)


def far_pairs(n: int, rng: np.random.Generator) -> Array:
    """(n, FAR): rows drawn at random, none the row itself."""
    return (np.arange(n)[:, None] + rng.integers(1, max(n, 2), size=(n, FAR))) % n


def move(place: Array, pairs: tuple[Array, Array, Array], clock: Clock) -> Array:
    """The places after all steps, or as many as the clock allows."""
    forces = [_Springs(p) for p in pairs]
    mean, square = np.zeros_like(place), np.zeros_like(place)
    for step, progress in enumerate(paced(sum(STEPS), clock)):
        near, mid = _weights(progress * sum(STEPS))
        gradient = forces[0].gradient(place, 20.0 * near, 10.0) + forces[2].gradient(place, -2.0, 1.0)
        if mid:
            gradient += forces[1].gradient(place, 20_000.0 * mid, 10_000.0)
        mean += (1 - KEPT) * (gradient - mean)
        square += (1 - KEPT_SQUARE) * (np.square(gradient) - square)
        rate = RATE * math.sqrt(1 - KEPT_SQUARE ** (step + 1)) / (1 - KEPT ** (step + 1))
        place = place - np.float32(rate) * mean / (np.sqrt(square) + np.float32(1e-7))
    return place


def _weights(step: float) -> tuple[float, float]:
    """How strongly near and mid-near pairs pull at a step; far pairs always push by 1."""
    if step < STEPS[0]:
        share = step / STEPS[0]
        return 2.0, 1000.0 * (1 - share) + 3.0 * share
    return (3.0, 3.0) if step < STEPS[0] + STEPS[1] else (1.0, 0.0)


class _Springs:
    """Pairs (n, k) of row i with rows pairs[i], whose pull is strong * (y_i - y_j) / (soft + 1 + |y_i - y_j|²)²."""

    def __init__(self, pairs: Array) -> None:
        from scipy.sparse import csr_array

        n, k = pairs.shape
        self.pairs, self.ones = pairs, np.ones((n, 1), np.float32)
        at = np.arange(0, n * k + 1, k)
        self.matrix = csr_array((np.zeros(n * k, np.float32), pairs.ravel().astype(np.int32), at), shape=(n, n))
        self.transposed = self.matrix.T

    def gradient(self, place: Array, strong: float, soft: float) -> Array:
        """What moves each row, (n, dims), by both ends of its pairs: a Laplacian times the places."""
        far = sum(np.square(column[:, None] - column[self.pairs]) for column in place.T)
        pull = np.float32(strong) / np.square(np.float32(soft + 1) + far)
        self.matrix.data[:] = pull.ravel()
        filled = np.concatenate([place, self.ones], axis=1)
        out, into = self.matrix @ filled, self.transposed @ filled
        both = out + into
        return np.asarray(place * both[:, -1:] - both[:, :-1])
