"""What every algorithm of baskets learns: frequent sets, the rules that they give, and what to put into a basket next.

They differ in how they find the sets and in how they score items. Here is the rest: which support is worth asking for,
the items that are answered, and the rules by which a basket is told why.
"""

import abc
import math
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
MOST_TOLD, MOST_SCORING = 20_000, 20_000
SCORING = 3  # items before the arrow of a rule that scores, at most
PRIOR = 5.0  # baskets that a rule is mixed with in which the item is as common as anywhere
CHOSEN_MOST = 100_000  # sets, where nobody asked for a support
CHUNK = 4_000_000  # entries of a matrix of baskets by rules, or by items, at a time


@dataclass(frozen=True)
class Recommender(Fitted):
    """Frequent sets of the baskets, and how common each item is.

    items, start, support: the sets (see `itemsets.Sets`). counts: int64 (items,), baskets that hold each item. baskets:
    how many there were. least: the support, in baskets, down to which the sets are complete; wanted: the one meant; asked:
    whether a person gave it. confidence: that a rule must have to be told.
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

    @abc.abstractmethod
    def scores(self, x: Any) -> Floats:
        """How much each item should be in each basket of x, a csr_array (n, items): float64 (n, items)."""

    def answer(self, x: Any) -> Answer:
        """For each basket the forty items that should be in it and are not, and then the rules that it fires.

        (n, 40 + 3 x 7): codes, the likeliest first, -1 where there is none; then of up to three rules the item after
        the arrow, the confidence, the lift, and the up to four items before it, -1 where there is none.
        """
        step = max(1, CHUNK // max(self.counts.size, 1))
        parts = [self._answer(x[i : i + step]) for i in range(0, x.shape[0], step)]
        return np.concatenate(parts) if parts else np.empty((0, ITEMS + TOLD * (3 + LONGEST)))

    def _answer(self, x: Any) -> Answer:
        from scipy.sparse import csr_array

        x = csr_array((np.ones(x.nnz, np.float32), x.indices, x.indptr), shape=x.shape)
        return np.hstack([self._best(x), self._fired(x)])

    def _best(self, x: Any) -> Floats:
        scores = self.scores(x)
        scores[:, self.counts == 0] = -np.inf
        scores[np.repeat(np.arange(x.shape[0]), np.diff(x.indptr)), x.indices] = -np.inf
        codes = np.full((x.shape[0], ITEMS), -1.0)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :ITEMS]
        held = np.isfinite(np.take_along_axis(scores, best, axis=1))
        codes[:, : best.shape[1]] = np.where(held, best, -1)
        return codes

    def _fired(self, x: Any) -> Floats:
        """The surest rules of those worth telling, whose items before the arrow a basket holds, but not the one after."""
        told = np.full((x.shape[0], TOLD, 3 + LONGEST), -1.0)
        rules, before = self._short
        for low, row, rule in fired(x, rules, before):
            surest = np.lexsort((rule, -rules.confidence[rule], rules.then[rule], row))
            row, rule = row[surest], rule[surest]
            first = np.flatnonzero((np.diff(row, prepend=-1) != 0) | (np.diff(rules.then[rule], prepend=-1) != 0))
            row, rule = row[first], rule[first]  # of all rules for one item the surest
            surest = np.lexsort((rule, -rules.confidence[rule], row))
            row, rule = row[surest], rule[surest]
            place = np.arange(len(row)) - np.searchsorted(row, row)
            row, rule, place = row[place < TOLD] + low, rule[place < TOLD], place[place < TOLD]
            told[row, place, 0] = rules.then[rule]
            told[row, place, 1] = rules.confidence[rule]
            told[row, place, 2] = rules.lift[rule]
            told[row, place, 3:] = before[rule]
        return told.reshape(x.shape[0], -1)

    @cached_property
    def _short(self) -> tuple[Rules, Array]:
        """The told rules that are short enough, and what is before their arrows, int32 (k, LONGEST), -1 for nothing."""
        rules = self.told.take(np.flatnonzero(self.told.size <= LONGEST)[:MOST_TOLD])
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

    def scores(self, x: Any) -> Floats:
        scores = np.tile(self.common, (x.shape[0], 1))
        rules, sure = self._scoring
        before = np.full((len(rules), SCORING), -1, np.int32)
        for k in range(SCORING):
            some = rules.size > k
            before[some, k] = rules.before[rules.start[:-1][some] + k]
        for low, row, rule in fired(x, rules, before):
            np.maximum.at(scores, (row + low, rules.then[rule]), sure[rule])
        return scores

    @cached_property
    def _scoring(self) -> tuple[Rules, Floats]:
        """The rules that may raise an item's score, and how sure they are when mixed with what is common."""
        rules = self.lattice.rules(self.counts, self.baskets, 0.0)
        rules = rules.take((rules.size <= SCORING) & (rules.lift > 1))
        if len(rules) > MOST_SCORING:
            rules = rules.take(np.sort(np.argsort(-rules.both, kind="stable")[:MOST_SCORING]))
        return rules, (rules.both + PRIOR * rules.expected) / (rules.first + PRIOR)


def fired(x: Any, rules: Rules, before: Array) -> Any:
    """(first basket, baskets counted from it, rules) of every rule that a basket of x fires, some baskets at a time.

    before: int32 (k, at most), the items before each rule's arrow, -1 for nothing.
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
        part = held[low:high]
        has = np.zeros(part.shape, bool)
        has[np.repeat(np.arange(high - low), np.diff(part.indptr)), part.indices] = True
        new = ~has[row, rules.then[which]]
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
