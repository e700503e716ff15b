"""What every algorithm of baskets learns: frequent sets, the rules that they give, and what to put into a basket next.

They differ in how they find the sets and in how they score items. Here is the rest: which support is worth asking for,
the items that are answered, and the rules by which a basket is told why.
"""

import abc
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..core.algorithm import Card, Fitted
from ..core.clock import Clock
from ..core.errors import InputError, UsageError
from ..core.numbers import Answer, Array, Floats, Numbers
from .itemsets import Limits, Miner, Sets, Unfinished, frequent, lowered
from .rules import Lattice, Rules, chosen_support, worth_telling

ITEMS = 40  # answered for each basket, the likeliest first
TOLD, LONGEST = 3, 4  # rules told with them, and how many items may stand before their arrows
LOOKED_AT = 40  # of the rules that a basket fires, to find those that are told
MOST_TOLD, MOST_SCORING = 20_000, 20_000
SCORING = 3  # items before the arrow of a rule that scores, at most
PRIOR = 5.0  # baskets that a rule is mixed with in which the item is as common as anywhere
COMMON = 200  # items that are offered for being common, those in the basket included
CHOSEN_MOST = 100_000  # sets, where nobody asked for a support
CHUNK = 4_000_000  # entries of a matrix of baskets by rules, or by items, at a time


@dataclass(frozen=True)
class Recommender(Fitted):
    """Frequent sets of the baskets, and how common each item is.

    items, start, support: the sets (see `itemsets.Sets`). counts: int64 (items,), baskets that hold each item. baskets:
    how many there were. least: the support, in baskets, down to which the sets are complete; wanted: the one meant;
    asked: whether a person gave it. confidence: that a rule must have to be told.
    """

    items: Array
    start: Array
    support: Array
    counts: Array
    baskets: int
    least: int
    wanted: int
    asked: bool
    confidence: float

    @property
    def sets(self) -> Sets:
        return Sets(self.items, self.start, self.support, self.least)

    @cached_property
    def lattice(self) -> Lattice:
        return Lattice.of(self.sets)

    @cached_property
    def rules(self) -> Rules:
        """Every rule that is as sure as was asked for."""
        return self.lattice.rules(self.counts, self.baskets, self.confidence)

    @cached_property
    def told(self) -> Rules:
        """Those of them that are worth telling, the most reliable first."""
        return self.rules.take(worth_telling(self.rules))

    @property
    def common(self) -> Floats:
        """The share of baskets that hold each item."""
        return self.counts / max(self.baskets, 1)

    @property
    @abc.abstractmethod
    def offered(self) -> Array:
        """The items that may be offered, int64 (k,), rising: with many thousands, most are too rare for it."""

    @abc.abstractmethod
    def scores(self, x: Any) -> Floats:
        """How much each item that may be offered should be in each basket of x, a csr_array (n, items): (n, k)."""

    def answer(self, x: Any) -> Answer:
        """For each basket the forty items that should be in it and are not, and then the rules that it fires.

        (n, 40 + 3 x 7): codes, the likeliest first, -1 where there is none; then of up to three rules the item after
        the arrow, the confidence, the lift, and the up to four items before it, -1 where there is none.
        """
        step = max(1, CHUNK // max(len(self.offered), 1))
        parts = [self._answer(x[i : i + step]) for i in range(0, x.shape[0], step)]
        return np.concatenate(parts) if parts else np.empty((0, ITEMS + TOLD * (3 + LONGEST)))

    def _answer(self, x: Any) -> Answer:
        from scipy.sparse import csr_array

        x = csr_array((np.ones(x.nnz, np.float32), x.indices.copy(), x.indptr), shape=x.shape)
        x.sort_indices()
        return np.hstack([self._best(x), self._fired(x)])

    def _best(self, x: Any) -> Floats:
        offered, scores = self.offered, self.scores(x)
        scores[:, self.counts[offered] == 0] = -np.inf
        place = np.full(self.counts.size, -1)
        place[offered] = np.arange(len(offered))
        row, column = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr)), place[x.indices]
        scores[row[column >= 0], column[column >= 0]] = -np.inf
        best = np.argpartition(-scores, ITEMS - 1, axis=1)[:, :ITEMS] if scores.shape[1] > ITEMS else None
        best = np.sort(best, axis=1) if best is not None else np.tile(np.arange(scores.shape[1]), (x.shape[0], 1))
        best = np.take_along_axis(
            best, np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable"), axis=1
        )
        codes = np.full((x.shape[0], ITEMS), -1.0)
        codes[:, : best.shape[1]] = np.where(np.isfinite(np.take_along_axis(scores, best, axis=1)), offered[best], -1)
        return codes

    def _fired(self, x: Any) -> Floats:
        """The surest rules of those worth telling that a basket fires: (n, 3 x 7)."""
        told = np.full((x.shape[0], TOLD, 3 + LONGEST), -1.0)
        rules, before = self._short
        for low, row, rule in fired(x, rules, before):
            row, rule = _surest(row, rule, rules.then)
            place = np.arange(len(row)) - np.searchsorted(row, row)
            row, rule, place = row[place < TOLD] + low, rule[place < TOLD], place[place < TOLD]
            told[row, place, 0] = rules.then[rule]
            told[row, place, 1] = rules.confidence[rule]
            told[row, place, 2] = rules.lift[rule]
            told[row, place, 3:] = before[rule]
        return told.reshape(x.shape[0], -1)

    @cached_property
    def _short(self) -> tuple[Rules, Array]:
        """The told rules that are short enough, the surest first; the items before their arrows, int32 (k, LONGEST)."""
        short = np.flatnonzero(self.told.size <= LONGEST)[:MOST_TOLD]
        rules = self.told.take(short[np.argsort(-self.told.confidence[short], kind="stable")])
        before = np.full((len(rules), LONGEST), -1, np.int32)
        for k in range(LONGEST):
            some = rules.size > k
            before[some, k] = rules.before[rules.start[:-1][some] + k]
        return rules, np.where(before < 0, -1, before)


@dataclass(frozen=True)
class ByRules(Recommender):
    """An item is scored by the surest rule for it that a basket fires; by how common it is where none does.

    A rule seen in few baskets is less sure than it looks: its confidence is mixed with the item's share of all baskets.
    """

    @cached_property
    def offered(self) -> Array:
        common = np.argsort(-self.counts, kind="stable")[:COMMON]
        return np.union1d(common, self._scoring[0].then).astype(np.int64)

    def scores(self, x: Any) -> Floats:
        scores = np.tile(self.common[self.offered], (x.shape[0], 1))
        rules, sure = self._scoring
        column = np.searchsorted(self.offered, rules.then)
        before = np.full((len(rules), SCORING), -1, np.int32)
        for k in range(SCORING):
            some = rules.size > k
            before[some, k] = rules.before[rules.start[:-1][some] + k]
        for low, row, rule in fired(x, rules, before):
            np.maximum.at(scores, (row + low, column[rule]), sure[rule])
        return scores

    @cached_property
    def _scoring(self) -> tuple[Rules, Floats]:
        """The rules that may raise an item's score, and how sure they are when mixed with what is common."""
        rules = self.lattice.rules(self.counts, self.baskets, 0.0)
        rules = rules.take((rules.size <= SCORING) & (rules.lift > 1))
        if len(rules) > MOST_SCORING:
            rules = rules.take(np.sort(np.argsort(-rules.both, kind="stable")[:MOST_SCORING]))
        return rules, (rules.both + PRIOR * rules.expected) / (rules.first + PRIOR)


def _surest(row: Array, rule: Array, then: Array) -> tuple[Array, Array]:
    """Of the rules that each row fires the surest for each item, looking at few; rules are numbered surest first."""
    many = int(rule.max(initial=0)) + 1
    row, rule = np.divmod(np.sort(row.astype(np.int64) * many + rule), many)
    few = np.arange(len(row)) - np.searchsorted(row, row) < LOOKED_AT
    row, rule = row[few], rule[few]
    _, first = np.unique(row * (int(then.max(initial=0)) + 1) + then[rule], return_index=True)
    first.sort()
    return row[first], rule[first]


def fired(x: Any, rules: Rules, before: Array) -> Iterator[tuple[int, Array, Array]]:
    """(first basket, baskets counted from it, rules) of every rule that a basket of x fires, some baskets at a time.

    A rule is fired by a basket that holds what is before its arrow, and not what is after it. x: csr_array (n, items),
    its indices sorted. before: int32 (k, at most), the items before each rule's arrow, -1 for nothing.
    """
    from scipy.sparse import csr_array

    rule, place = np.nonzero(before >= 0)
    items = before[rule, place]
    ones = np.ones(len(items), np.float32)
    needed = csr_array((ones, (items, rule)), shape=(x.shape[1], len(rules)))
    work = np.concatenate([[0], np.cumsum(np.diff(needed.indptr)[x.indices])])[x.indptr]
    held = x.tocsr()
    low = 0
    while low < x.shape[0] and len(rules):
        high = max(low + 1, int(np.searchsorted(work, work[low] + CHUNK, side="right")) - 1)
        met = (held[low:high] @ needed).tocoo()
        whole = met.data >= rules.size[met.col]
        row, which = met.row[whole], met.col[whole]
        part, wide = held[low:high], x.shape[1]
        there = np.repeat(np.arange(high - low), np.diff(part.indptr)) * wide + part.indices  # rising, as x is sorted
        sought = row.astype(np.int64) * wide + rules.then[which]
        new = there[np.minimum(np.searchsorted(there, sought), len(there) - 1)] != sought
        yield low, row[new], which[new]
        low = high


@dataclass(frozen=True)
class Found:
    """What a search found, as a `Recommender` keeps it."""

    sets: Sets
    counts: Array
    baskets: int
    wanted: int
    asked: bool

    def fields(self, confidence: float) -> dict[str, Any]:
        """The fields of a `Recommender`."""
        return {
            "items": self.sets.items,
            "start": self.sets.start,
            "support": self.sets.support,
            "counts": self.counts,
            "baskets": self.baskets,
            "least": self.sets.least,
            "wanted": self.wanted,
            "asked": self.asked,
            "confidence": confidence,
        }


def found(card: Card, train: Numbers, clock: Clock, support: float, miner: Miner = frequent) -> Found:
    """The frequent sets of training baskets. support: as `check` says; 0 chooses one. Raises InputError."""
    if len(train) == 0 or train.x.shape[1] == 0:
        raise InputError(f"{card.id}: there are no baskets to learn from, or nothing is in them.")
    x, baskets = train.x, len(train)
    counts = np.bincount(x.indices, minlength=x.shape[1]).astype(np.int64)
    least = in_baskets(support, baskets) if support else chosen_support(baskets, int(np.count_nonzero(counts)))
    limits = Limits(0.6 * max(clock.left(), 0.0))
    if not support:
        limits.most = CHOSEN_MOST
    try:
        sets = lowered(x, least, limits, miner)
    except Unfinished:  # not even the items by themselves
        sets = Sets.joined([], baskets + 1)
    sets = sets.in_order()
    return Found(sets, counts, baskets, least, bool(support))


def in_baskets(support: float, baskets: int) -> int:
    """A support as a count: a share of the baskets where it is below 1, else the count itself."""
    return max(1, math.ceil(support * baskets - 1e-9) if support < 1 else round(support))


def check(card: Card, support: float, confidence: float) -> None:
    """Raise UsageError for settings that are none."""
    if not isinstance(support, int | float) or isinstance(support, bool) or not 0 <= support < math.inf:
        raise UsageError(f"{card.id}: support is a share of the baskets, as 0.001, or a count from 1; not {support!r}.")
    if not isinstance(confidence, int | float) or isinstance(confidence, bool) or not 0 <= confidence <= 1:
        raise UsageError(f"{card.id}: confidence is between 0 and 1, as 0.8; not {confidence!r}.")
