"""A set is frequent only if all its parts are: so grow frequent sets by one item at a time, and count few candidates.

First count single items. Pairs of frequent items are the next candidates, then triples all of whose pairs were
frequent, and so on: each round joins sets that differ in their last item, throws out candidates with an infrequent
part, and counts what is left in the baskets. That nothing is missed follows from the first sentence, which gave the
method its name: what is known beforehand. It goes breadth first, so all candidates of one size are there at once; how
many they are is its weakness.

Cost: O(candidates x size x baskets / 64) time; memory O(candidates of one size).
Paper: Agrawal & Srikant, "Fast algorithms for mining association rules", VLDB 1994.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...core.algorithm import Algorithm, Card, Cost, Machine, Task, setting
from ...core.clock import Clock
from ...core.numbers import Array, Form, Numbers, Shape
from ...engines.itemsets import SLICE, Limits, Sets, Unfinished, bitsets, counted
from ...engines.recommend import ByRules, check, found

MOST_CANDIDATES = 5_000_000  # of one size


@dataclass(frozen=True)
class Apriori(Algorithm):
    card: ClassVar = Card(
        id="apriori",
        name="Apriori",
        year=1994,
        paper="Agrawal & Srikant, Fast algorithms for mining association rules, VLDB (1994)",
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
        return Cost(0.1 + (300 * entries + 300 * pairs) / on.bandwidth, 5e7 + job.rows * job.width / 8 + 60.0 * entries)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> ByRules:
        return ByRules(**found(self.card, train, clock, self.support, apriori).fields(self.confidence))


def apriori(x: Any, least: int, limits: Limits) -> Sets:
    """Every set of items that at least `least` baskets of x, a csr_array (n, items), hold."""
    counts = np.bincount(x.indices, minlength=x.shape[1])
    items = np.flatnonzero(counts >= least)
    limits.check(len(items))
    found = [(items[:, None].astype(np.int32), counts[items])]
    narrow = x[:, items].tocsr()
    sets, support = _pairs(narrow, least, limits)
    bits = bitsets(narrow) if len(sets) else np.empty((0, 0), np.uint64)
    while len(sets):
        found.append((items[sets].astype(np.int32), support))
        limits.check(sum(len(s) for _, s in found))
        candidates = _joined(sets)
        candidates = candidates[_parts_are_frequent(candidates, sets)]
        support = _counted(candidates, bits, limits)
        sets, support = candidates[support >= least], support[support >= least]
    return Sets.joined(found, least)


def _pairs(x: Any, least: int, limits: Limits) -> tuple[Array, Array]:
    """The frequent pairs, from a table of how often any two items meet, some rows of it at a time."""
    pairs, support = [np.empty((0, 2), np.int64)], [np.empty(0, np.int64)]
    entries, turned = x.astype(np.int32), x.astype(np.int32).T.tocsr()
    step = max(1, 4_000_000 // max(x.shape[1], 1))
    for low in range(0, x.shape[1], step):
        limits.check(0)
        meet = (turned[low : low + step] @ entries).tocoo()
        kept = (meet.data >= least) & (meet.col > meet.row + low)
        pairs.append(np.stack([meet.row[kept] + low, meet.col[kept]], axis=1))
        support.append(meet.data[kept].astype(np.int64))
    together = np.concatenate(pairs)
    order = np.lexsort(together.T[::-1])
    return together[order], np.concatenate(support)[order]


def _joined(sets: Array) -> Array:
    """Candidates of one item more: any two sets that differ in their last item alone. sets: (m, k), sorted."""
    same = np.all(sets[1:, :-1] == sets[:-1, :-1], axis=1)
    group = np.concatenate([[0], np.cumsum(~same)])
    end = np.searchsorted(group, group, side="right")
    many = end - np.arange(len(sets)) - 1
    if many.sum() > MOST_CANDIDATES:
        raise Unfinished
    a = np.repeat(np.arange(len(sets)), many)
    b = np.arange(len(a)) - np.repeat(np.cumsum(many) - many, many) + a + 1
    return np.concatenate([sets[a], sets[b, -1:]], axis=1)


def _parts_are_frequent(candidates: Array, sets: Array) -> Array:
    """Which candidates, (c,) bool, have only frequent parts of one item less. Two of them were joined, and are."""
    good = np.ones(len(candidates), bool)
    keys = np.random.default_rng(0).integers(0, 2**64, int(sets.max()) + 1, np.uint64)
    known = np.sort(keys[sets].sum(axis=1))
    whole = keys[candidates].sum(axis=1) if len(candidates) else np.empty(0, np.uint64)
    for k in range(candidates.shape[1] - 2):
        part = whole - keys[candidates[:, k]]  # whole numbers wrap around
        good &= known[np.minimum(np.searchsorted(known, part), len(known) - 1)] == part
    return good


def _counted(candidates: Array, bits: Array, limits: Limits) -> Array:
    """How many baskets hold each candidate, (c,)."""
    support = np.empty(len(candidates), np.int64)
    step = max(1, SLICE // max(bits.shape[1], 1))
    for low in range(0, len(candidates), step):
        limits.check(0)
        part = candidates[low : low + step]
        held = bits[part[:, 0]]
        for k in range(1, part.shape[1]):
            held &= bits[part[:, k]]
        support[low : low + step] = counted(held)
    return support
