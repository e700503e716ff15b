"""No candidates at all: fold the baskets into a tree of common beginnings, and read the frequent sets off its branches.

Write each basket with its commonest items first. Baskets that begin alike then share the beginning of a branch, and
each node counts how many pass through it: the tree is often far smaller than the baskets. All about an item is in the
paths from its nodes up to the root. Those paths, counted as often as the node, are baskets themselves, of what is found
together with that item: they are folded into a smaller tree, and so on down. A tree that is one path gives every choice
of its items at once.

Cost: O(nodes of all trees) time, as many trees as there are frequent sets that can be extended; memory O(entries).
Paper: Han, Pei & Yin, "Mining frequent patterns without candidate generation", SIGMOD 2000.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar

import numpy as np

from ...core.algorithm import Algorithm, Card, Cost, Machine, Task, setting
from ...core.clock import Clock
from ...core.numbers import Array, Form, Numbers, Shape
from ...engines.itemsets import Limits, Sets, Unfinished
from ...engines.recommend import ByRules, check, found

MOST_CELLS = 100_000_000  # baskets times the longest: more are not laid out at once


@dataclass(frozen=True)
class FPGrowth(Algorithm):
    card: ClassVar = Card(
        id="fp_growth",
        name="FP-growth",
        year=2000,
        paper="Han, Pei & Yin, Mining frequent patterns without candidate generation, SIGMOD (2000)",
        tasks=frozenset({"associate"}),
        form=Form.ITEMS,
        loads=("scipy.sparse", "scipy.special"),
    )
    fitted: ClassVar = ByRules

    support: float = setting(0.0, "share (or, from 1, number) of baskets that hold a frequent set; 0 chooses")
    confidence: float = setting(0.0, "how sure a rule must be to be told")

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self.card, self.support, self.confidence)

    def cost(self, job: Shape, on: Machine) -> Cost:
        entries = job.rows * max(job.filled, 1.0)
        pairs = entries * max(job.filled, 1.0)
        return Cost(0.3 + (1500 * entries + 500 * pairs) / on.bandwidth, 5e7 + 100.0 * entries)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> ByRules:
        return ByRules(**found(self.card, train, clock, self.support, fp_growth).fields(self.confidence))


@dataclass(frozen=True)
class Tree:
    """A tree of common beginnings, without its root. Nodes stand by depth, the uppermost first.

    item: the item of each node. parent: the node above it, -1 for the root. count: baskets that pass through it.
    """

    item: Array
    parent: Array
    count: Array

    @classmethod
    def of(cls, baskets: Array, weight: Array) -> "Tree":
        """Folded baskets. baskets: (n, longest) items, the commonest first, padded at the end with -1. weight: (n,)."""
        order = np.lexsort(baskets.T[::-1])
        column = np.ascontiguousarray(baskets[order].T)  # those that begin alike now stand together
        fresh = column >= 0
        fresh[:, 1:] &= np.logical_or.accumulate(column[:, 1:] != column[:, :-1], axis=0)
        many = fresh.sum(axis=1)
        node = np.cumsum(fresh, axis=1) - 1 + (np.cumsum(many) - many)[:, None]
        count = np.bincount(node[column >= 0], np.broadcast_to(weight[order], column.shape)[column >= 0])
        above = np.concatenate([np.full((1, len(order)), -1), node[:-1]])
        return cls(column[fresh], above[fresh], count.astype(np.int64))

    def paths(self, item: int) -> tuple[Array, Array]:
        """What is above each node of the item: (nodes, depth) items, commonest first, -1 for nothing; the counts."""
        nodes = np.flatnonzero(self.item == item)
        at, steps = self.parent[nodes], []
        while (at >= 0).any():
            steps.append(np.where(at >= 0, self.item[at], -1))
            at = np.where(at >= 0, self.parent[at], -1)
        above = np.stack(steps[::-1], axis=1) if steps else np.empty((len(nodes), 0), np.int64)
        return above, self.count[nodes]

    @property
    def one_path(self) -> bool:
        """Whether it does not branch."""
        return bool((self.parent == np.arange(len(self.parent)) - 1).all())


def fp_growth(x: Any, least: int, limits: Limits) -> Sets:
    """Every set of items that at least `least` baskets of x, a csr_array (n, items), hold."""
    counts = np.bincount(x.indices, minlength=x.shape[1])
    items = np.flatnonzero(counts >= least)
    items = items[np.argsort(-counts[items], kind="stable")]  # from common to rare
    limits.check(len(items))
    narrow = x[:, items].tocsr()
    narrow.sort_indices()
    length = np.diff(narrow.indptr)
    longest = int(length.max(initial=0))
    if len(length) * longest > MOST_CELLS:
        raise Unfinished
    baskets = np.full((len(length), longest), -1, np.int32)
    row = np.repeat(np.arange(len(length)), length)
    baskets[row, np.arange(len(row)) - np.repeat(narrow.indptr[:-1], length)] = narrow.indices
    found: dict[int, list[tuple[tuple[int, ...], int]]] = {}
    if longest:
        _grow(Tree.of(baskets, np.ones(len(length), np.int64)), (), least, limits, found)
    parts = [
        (items[np.array([s for s, _ in found[size]])].astype(np.int32), np.array([c for _, c in found[size]]))
        for size in sorted(found)
    ]
    return Sets.joined(parts, least)


def _grow(tree: Tree, suffix: tuple[int, ...], least: int, limits: Limits, found: dict[int, list[Any]]) -> None:
    """Note every frequent set that holds `suffix` and items of the tree, which is folded from the baskets with it."""
    limits.check(sum(map(len, found.values())))
    if tree.one_path:
        _choices(tree, suffix, limits, found)
        return
    total = np.bincount(tree.item, tree.count).astype(np.int64)
    for item in np.flatnonzero(total).tolist():
        found.setdefault(len(suffix) + 1, []).append(((*suffix, item), int(total[item])))
        above, weight = tree.paths(item)
        there = above >= 0
        if not there.any():
            continue
        often = np.bincount(above[there], np.broadcast_to(weight[:, None], above.shape)[there]) >= least
        kept = np.where(there & often[above], above, -1)
        if often.any():
            packed = np.take_along_axis(kept, np.argsort(kept < 0, axis=1, kind="stable"), axis=1)
            some = packed[:, 0] >= 0
            _grow(Tree.of(packed[some], weight[some]), (*suffix, item), least, limits, found)


def _choices(tree: Tree, suffix: tuple[int, ...], limits: Limits, found: dict[int, list[Any]]) -> None:
    """Every choice of items of a tree that is one path; the rarest of them says how many baskets hold it."""
    if len(tree.item) > 40 or 2 ** len(tree.item) > limits.most:
        raise Unfinished
    path = list(zip(tree.item.tolist(), tree.count.tolist(), strict=True))
    for size in range(1, len(path) + 1):
        sets = (((*suffix, *(i for i, _ in some)), some[-1][1]) for some in combinations(path, size))
        found.setdefault(len(suffix) + size, []).extend(sets)
