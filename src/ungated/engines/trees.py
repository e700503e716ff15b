"""Trees as flat arrays: grown by scikit-learn, then ours, so that they are saved without its classes and never rot.

All trees of a forest stand one after the other in four arrays. Answering drops every row down one tree at a time,
level by level, all rows at once.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from ..core.algorithm import Card, Cost, Fitted, Machine, Shape, Task
from ..core.clock import Clock
from ..core.numbers import Answer, Array, Floats, Numbers
from .level_means import LevelMeans
from .rows import checked

JUDGES = 2000  # rows on which trees that have not seen them are judged while the forest grows
AT_ONCE = 4096  # rows dropped down a tree at a time: they and the tree stay in the processor's cache


@dataclass(frozen=True)
class Forest(Fitted):
    """The average of trees.

    Nodes of all trees, in the order in which scikit-learn numbers them: feature int16/int32 (-1 at a leaf), threshold
    float32 (left where x <= threshold), left and right int32, counted from the first node of the tree (at a leaf:
    itself). value float32 (leaves, outputs or outputs - 1): answers at the leaves, in the order of the nodes; of
    probabilities the last is left out, being one less the others. starts int64 (trees + 1): first node of each tree.
    depth int32 (trees,). fill float32 (d,): what stands for a missing value. level, spread: undo standardising. places,
    means: of the `LevelMeans` that stand in columns after the others; empty for none.
    """

    feature: Array
    threshold: Array
    left: Array
    right: Array
    value: Array
    starts: Array
    depth: Array
    fill: Array
    outputs: int
    level: float
    spread: float
    places: Array = field(default_factory=lambda: np.empty(0, np.int64))
    means: Array = field(default_factory=lambda: np.empty((0, 2), np.float32))

    def answer(self, x: Array) -> Answer:
        x = LevelMeans(self.places, self.means).beside(np.asarray(x, np.float32))
        x = filled(x, self.fill)
        leaf = np.cumsum(self.feature < 0, dtype=np.int64) - 1  # of each node: its place in `value`, if it is a leaf
        answer = np.zeros((len(x), self.value.shape[1]))
        for i in range(0, len(x), AT_ONCE):
            block = x[i : i + AT_ONCE]
            for t in range(len(self.depth)):
                answer[i : i + AT_ONCE] += self.value[leaf[self.starts[t] + self._drop(block, t)]]
        answer = self.level + self.spread * answer / len(self.depth)
        return answer if self.outputs == 1 else np.column_stack([answer, np.maximum(1 - answer.sum(axis=1), 0)])

    def _drop(self, x: Array, t: int) -> Array:
        """The node of tree t at which each row of x ends."""
        tree = slice(self.starts[t], self.starts[t + 1])
        feature, threshold = np.maximum(self.feature[tree], 0).astype(np.intp), self.threshold[tree]
        below = np.column_stack([self.left[tree], self.right[tree]]).ravel()
        flat, row = x.ravel(), np.arange(len(x)) * x.shape[1]
        node = np.zeros(len(x), np.intp)
        for _ in range(self.depth[t]):
            goes_right = flat.take(row + feature.take(node)) > threshold.take(node)
            node = below.take(2 * node + goes_right)
        return node


def filled(x: Array, fill: Array) -> Array:
    """x with its missing values replaced by each column's `fill`."""
    missing = np.isnan(x)
    return np.where(missing, fill, x) if missing.any() else x


def fill_for(x: Array) -> Array:
    """What stands for a missing value in each column (d,): below all others where some are missing, so that a split
    can part them from the rest; the median where none is."""
    fill = np.zeros(x.shape[1], np.float32)
    for j in range(x.shape[1]):
        known = x[~np.isnan(x[:, j]), j]
        if len(known) == len(x):
            fill[j] = np.median(known)
        elif len(known):
            fill[j] = known.min() - max(float(known.std()), 1.0)
    return fill


@dataclass(frozen=True)
class Bag:
    """How the rows of one tree are chosen: drawn with replacement (Breiman), or all but a share."""

    replace: bool
    leave_out: float = 0.0

    def draw(self, n: int, rng: np.random.Generator) -> Array:
        """How often each of n rows counts (n,)."""
        if self.replace:
            return np.bincount(rng.integers(n, size=n), minlength=n).astype(np.float64)
        times = np.ones(n)
        times[rng.permutation(n)[: int(self.leave_out * n)]] = 0
        return times


def grow(
    card: Card,
    make: Callable[[int], Any],
    trees: int,
    bag: Bag,
    train: Numbers,
    task: Task,
    clock: Clock,
    prior: float = 0.0,
    means: bool = False,
) -> Forest:
    """Grow up to `trees` trees, as many as the clock allows and at least one, and average them.

    make: gives an unfitted scikit-learn tree for a seed. prior: rows of the overall answer added to each leaf.
    means: whether a level of many is also told by how the target was in earlier rows that had it.
    After every ten trees the clock is told the error on rows that trees had not seen (Breiman's out-of-bag error),
    wherever the bag leaves rows out.
    """
    x, y = checked(card, train, task)
    level, spread = (float(y.mean()), float(y.std()) or 1.0) if task.id == "regress" else (0.0, 1.0)
    target = (y - level) / spread if task.id == "regress" else y
    told = LevelMeans.none()
    if means and task.outputs <= 2:
        told, x = LevelMeans.learned(x, target, train.columns, clock.seed)
    fill = fill_for(x)
    x = filled(x, fill)
    judges = np.random.default_rng(clock.seed).permutation(len(x))[:JUDGES]
    votes, voted = np.zeros((len(judges), task.outputs)), np.zeros(len(judges))
    grown: list[_Tree] = []

    def one(seed: int) -> tuple[_Tree, Array, Array]:
        times = bag.draw(len(x), np.random.default_rng((clock.seed, seed)))
        tree = make(int(np.random.default_rng((clock.seed, seed, 1)).integers(2**31)))
        tree.fit(x, target, sample_weight=times)
        packed = _pack(tree, task, prior)
        unseen = np.flatnonzero(times[judges] == 0)
        return packed, unseen, packed.value_at(tree.apply(x[judges[unseen]])) if len(unseen) else np.empty(0)

    for tree, unseen, answer in _in_turn(one, trees, clock):
        grown.append(tree)
        votes[unseen] += _whole(answer, task) if len(unseen) else 0
        voted[unseen] += 1
        known = voted > 0
        if len(grown) % 10 == 0 and known.any():
            said = level + spread * votes[known] / voted[known, None]
            clock.tick(len(grown), task.loss(y[judges[known]], said))
        if clock.expired:
            break
    return _join(grown, fill, told, task.outputs, level, spread)


def _in_turn(one: Callable[[int], Any], trees: int, clock: Clock) -> Iterator[Any]:
    """one(0), one(1), ... on as many threads as the clock allows; always in that order, so the same for any number."""
    if clock.threads == 1:
        yield from map(one, range(trees))
        return
    with ThreadPoolExecutor(clock.threads) as pool:
        seeds = iter(range(trees))
        while batch := list(islice(seeds, 2 * clock.threads)):
            yield from pool.map(one, batch)


@dataclass(frozen=True)
class _Tree:
    """One tree, as `Forest` holds them."""

    feature: Array
    threshold: Array
    left: Array
    right: Array
    value: Array
    depth: int

    def value_at(self, node: Array) -> Array:
        leaf = np.cumsum(self.feature < 0) - 1
        return self.value[leaf[node]]


def _pack(tree: Any, task: Task, prior: float) -> _Tree:
    """scikit-learn's fitted tree as arrays; class columns as wide as the task, whatever classes it met."""
    inner = tree.tree_
    at_leaf = inner.children_left < 0
    itself = np.arange(inner.node_count)
    threshold = inner.threshold.astype(np.float32)
    over = threshold > inner.threshold  # round down: float32 x <= the double is then float32 x <= the rounded
    threshold[over] = np.nextafter(threshold[over], np.float32(-np.inf))
    feature = np.where(at_leaf, -1, inner.feature).astype(np.int16 if inner.n_features < 2**15 else np.int32)
    rows = inner.weighted_n_node_samples[:, None]
    value = inner.value[:, 0]
    if task.id == "classify":
        value = value / value.sum(axis=1, keepdims=True)
    value = ((rows * value + prior * value[0]) / (rows + prior))[at_leaf]
    if task.id == "classify":
        spread = np.zeros((len(value), task.outputs))
        spread[:, tree.classes_] = value
        value = spread[:, :-1]
    left, right = (np.where(at_leaf, itself, c).astype(np.int32) for c in (inner.children_left, inner.children_right))
    return _Tree(feature, threshold, left, right, value.astype(np.float32), int(inner.max_depth))


def _whole(value: Array, task: Task) -> Floats:
    """Answers at leaves with the class column that was left out."""
    if task.id != "classify":
        return value.astype(np.float64)
    return np.column_stack([value, 1 - value.sum(axis=1)]).astype(np.float64)


def _join(trees: list[_Tree], fill: Array, told: LevelMeans, outputs: int, level: float, spread: float) -> Forest:
    starts = np.cumsum([0, *(len(t.feature) for t in trees)]).astype(np.int64)
    feature, threshold, left, right, value = (
        np.concatenate([getattr(t, part) for t in trees]) for part in ("feature", "threshold", "left", "right", "value")
    )
    depth = np.array([t.depth for t in trees], np.int32)
    nodes = feature, threshold, left, right, value, starts, depth
    return Forest(*nodes, fill, outputs, level, spread, told.places, told.means)


def packed(grown: Sequence[Any], at_leaf: Callable[[Any], Array], width: int) -> Forest:
    """A forest of scikit-learn's fitted trees that answers with the mean of what `at_leaf` gives for their leaves.

    at_leaf: an inner tree -> float (leaves,), in the order of its nodes. width: columns of a row.
    """
    trees = []
    for tree in grown:
        inner = tree.tree_
        ends, itself = inner.children_left < 0, np.arange(inner.node_count)
        threshold = inner.threshold.astype(np.float32)
        over = threshold > inner.threshold  # as in `_pack`
        threshold[over] = np.nextafter(threshold[over], np.float32(-np.inf))
        feature = np.where(ends, -1, inner.feature).astype(np.int16 if width < 2**15 else np.int32)
        left, right = (np.where(ends, itself, c).astype(np.int32) for c in (inner.children_left, inner.children_right))
        value = np.asarray(at_leaf(inner), np.float32)[:, None]
        trees.append(_Tree(feature, threshold, left, right, value, int(inner.max_depth)))
    return _join(trees, np.zeros(width, np.float32), LevelMeans.none(), 1, 0.0, 1.0)


def cost_of(trees: int, columns: float, leaf: int, exact: bool, job: Shape, on: Machine) -> Cost:
    """Of growing `trees` that look at `columns` columns a split down to leaves of `leaf` rows.

    exact: whether each column is sorted for its best threshold; otherwise a threshold is drawn.
    """
    n, k = job.rows, job.outputs
    levels = max(np.log2(max(n / leaf, 2)), 1.0)
    scan = columns * n * levels * (0.15 + 0.008 * k if exact else 0.04 + 0.006 * k) / (on.scalar * 1e6)
    nodes = n / leaf
    each = 1.6e-3 + scan + nodes * (6 + columns * 0.6) * 1e-7
    size = trees * nodes * (14 + 4 * k)
    return Cost(0.01 + trees * each, 2e5 + 2 * size + 40.0 * n + 4.0 * n * job.width)
