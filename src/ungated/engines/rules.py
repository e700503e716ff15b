"""Rules from frequent sets: whoever has these has that as well; how sure that is, and whether it may be chance.

A set {a, b, c} gives three rules with one item after the arrow: a, b → c and so on. How sure a rule is, its confidence,
is the support of the set over that of what stands before the arrow, which is a frequent set too. Thousands of rules are
tried, so some look good by chance: each is given the probability of so many meetings if its two sides had nothing to do
with one another (Fisher's exact test), corrected for how many rules were tried (the false discovery rate).

A longer rule is told only if it is surer than the shorter ones within it by more than chance.

Papers: Agrawal, Imieliński & Swami, "Mining association rules between sets of items", SIGMOD 1993; Benjamini &
Hochberg, "Controlling the false discovery rate", JRSS B 57 (1995); Webb, "Discovering significant patterns", Machine
Learning 68 (2007).
"""

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..core.numbers import Array, Floats
from .itemsets import SLICE, Sets, bitsets, counted

FALSE = 0.05  # of the rules that are told, the share that may be chance
Z = 1.959964


@dataclass(frozen=True)
class Rules:
    """k rules with one item after the arrow.

    before: int32 (t,), the items before the arrow, of one rule after those of another. start: int64 (k + 1,). then:
    int32 (k,). both, first, last: int64 (k,), how many of the `baskets` hold the whole set, what is before the arrow,
    what is after it. tried: how many rules there were to choose from.
    """

    before: Array
    start: Array
    then: Array
    both: Array
    first: Array
    last: Array
    baskets: int
    tried: int

    def __len__(self) -> int:
        return len(self.then)

    @property
    def size(self) -> Array:
        """Items before the arrow, int64 (k,)."""
        return np.diff(self.start)

    @property
    def support(self) -> Floats:
        """Share of the baskets that hold the whole rule."""
        return self.both / max(self.baskets, 1)

    @property
    def confidence(self) -> Floats:
        """Of the baskets with what is before the arrow, the share that holds what is after it."""
        return self.both / np.maximum(self.first, 1)

    @property
    def expected(self) -> Floats:
        """Share of all baskets that hold what is after the arrow: the confidence of a rule that says nothing."""
        return self.last / max(self.baskets, 1)

    @property
    def lift(self) -> Floats:
        """By how many times that is surer than for any basket."""
        return self.confidence / np.maximum(self.expected, 1e-300)

    @property
    def leverage(self) -> Floats:
        """Share of the baskets that hold the rule beyond what chance would give."""
        return self.support - self.first / max(self.baskets, 1) * self.expected

    @property
    def conviction(self) -> Floats:
        """How many times less often it fails than if its sides had nothing to do with one another; inf if never."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return (1 - self.expected) / (1 - self.confidence)

    @cached_property
    def chance(self) -> Floats:
        """The probability of so many meetings or more, were the two sides strangers: Fisher's exact test, one-sided."""
        return tail(self.both, self.first, self.last, self.baskets)

    @cached_property
    def false_rate(self) -> Floats:
        """The least false discovery rate at which each rule would be told, among all that were tried (q-values)."""
        return false_rates(self.chance, self.tried)

    @cached_property
    def no_more(self) -> Array:
        """Which rules, bool (k,), say no more than a shorter one that is here too, with the same item at its end."""
        return _no_more(self)

    @property
    def surely(self) -> Floats:
        """The lift at the lower end of the confidence's 95% interval (Wilson's): what can be relied on."""
        p, n = self.confidence, np.maximum(self.first, 1)
        middle = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
        half = Z / (1 + Z * Z / n) * np.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
        return np.maximum(middle - half, 0.0) / np.maximum(self.expected, 1e-300)

    def take(self, index: Array) -> "Rules":
        """Those rules, as many having been tried."""
        index = np.flatnonzero(index) if index.dtype == bool else index
        size = self.size[index]
        start = np.concatenate([[0], np.cumsum(size)])
        before = self.before[np.arange(start[-1]) + np.repeat(self.start[index] - start[:-1], size)]
        rest = {f.name: getattr(self, f.name) for f in fields(self)}
        rest |= {name: rest[name][index] for name in ("then", "both", "first", "last")}
        return Rules(**(rest | {"before": before, "start": start}))

    def seen_in(self, x: Any) -> "Rules":
        """The same rules, counted in other baskets: x, a csr_array (n, items)."""
        bits = bitsets(x)
        first = np.empty(len(self), np.int64)
        both, last = first.copy(), np.bincount(x.indices, minlength=x.shape[1]).astype(np.int64)[self.then]
        step = max(1, SLICE // bits.shape[1])
        for size in np.unique(self.size):
            mine = np.flatnonzero(self.size == size)
            for low in range(0, len(mine), step):
                some = mine[low : low + step]
                held = bits[self.before[self.start[some]]]
                for k in range(1, int(size)):
                    held &= bits[self.before[self.start[some] + k]]
                first[some], both[some] = counted(held), counted(held & bits[self.then[some]])
        return replace(self, both=both, first=first, last=last, baskets=x.shape[0])

    def of(self, rule: int) -> tuple[list[int], int]:
        """(the items before the arrow, the one after it) of one rule."""
        return sorted(self.before[self.start[rule] : self.start[rule + 1]].tolist()), int(self.then[rule])


@dataclass(frozen=True)
class Lattice:
    """Frequent sets, each with those that have one item less.

    without: int64, for each item of each set (as `sets.items`) the set that remains without it; -1 where none does.
    """

    sets: Sets
    without: Array

    @classmethod
    def of(cls, sets: Sets) -> "Lattice":
        keys = _keys(int(sets.items.max(initial=-1)) + 1)
        key = keys[sets.items]
        whole = np.add.reduceat(key, sets.start[:-1]) if len(sets) else np.empty(0, np.uint64)
        order = np.argsort(whole, kind="stable")
        sought = np.repeat(whole, sets.size) - key  # the sum of the keys of the rest: whole numbers wrap around
        at = np.minimum(np.searchsorted(whole, sought, sorter=order), max(len(sets) - 1, 0))
        found = order[at] if len(sets) else at
        return cls(sets, np.where(whole[found] == sought, found, -1) if len(sets) else at)

    @property
    def owner(self) -> Array:
        """The set of each item of each set."""
        return np.repeat(np.arange(len(self.sets)), self.sets.size)

    @cached_property
    def closed(self) -> Array:
        """Which sets, bool (m,), lose baskets with any item that is added: the others follow from them."""
        owner, known = self.owner, self.without >= 0
        same = known & (self.sets.support[owner] == self.sets.support[self.without])
        closed = np.ones(len(self.sets), bool)
        closed[self.without[same]] = False
        return closed

    @cached_property
    def maximal(self) -> Array:
        """Which sets, bool (m,), are in no larger frequent set."""
        maximal = np.ones(len(self.sets), bool)
        maximal[self.without[self.without >= 0]] = False
        return maximal

    def rules(self, counts: Array, baskets: int, confidence: float) -> Rules:
        """Every rule of at least this confidence, by its set. counts: int64, baskets that hold each item."""
        sets, known = self.sets, self.without >= 0
        first = np.where(known, sets.support[self.without], baskets)
        both = np.repeat(sets.support, sets.size)
        entry = np.flatnonzero(known & (both >= confidence * first * (1 - 1e-12)))
        of = self.owner[entry]
        size = sets.size[of] - 1
        start = np.concatenate([[0], np.cumsum(size)])
        place = np.arange(start[-1]) - np.repeat(start[:-1], size)
        skipped = place >= np.repeat(entry - sets.start[of], size)
        before = sets.items[np.repeat(sets.start[of], size) + place + skipped]
        then = sets.items[entry]
        return Rules(before, start, then, both[entry], first[entry], counts[then], baskets, int(known.sum()))


def tail(both: Array, first: Array, last: Array, baskets: int | Array) -> Floats:
    """P(X >= both), X the meetings of sets of `first` and `last` baskets placed at random among `baskets`: (k,).

    The hypergeometric tail, summed term by term for all rules at once; each term is a known multiple of the one before.
    """
    from scipy.special import gammaln

    x, a, b, n = np.broadcast_arrays(*(np.asarray(v, np.float64) for v in (both, first, last, baskets)))

    def choose(of: Floats, k: Floats) -> Floats:
        return gammaln(of + 1) - gammaln(k + 1) - gammaln(of - k + 1)

    term = np.exp(choose(b, x) + choose(n - b, a - x) - choose(n, a))
    total, active = term.copy(), np.arange(len(x))
    for step in range(int(np.max(np.minimum(a, b) - x, initial=0))):
        at = x[active] + step
        rise = (a[active] - at) * (b[active] - at) / ((at + 1) * (n[active] - a[active] - b[active] + at + 1))
        term[active] *= rise
        total[active] += term[active]
        active = active[(term[active] > 1e-17 * total[active]) | (rise > 1)]
        if not len(active):
            break
    return np.minimum(total, 1.0)


def _no_more(rules: Rules) -> Array:
    """Which rules, bool (k,), say no more than the surest that has an item less before the arrow.

    By Fisher's exact test among the baskets of that shorter rule, at a false discovery rate over all longer rules.
    """
    if not len(rules):
        return np.zeros(0, bool)
    top = int(max(rules.before.max(initial=0), rules.then.max(initial=0))) + 1
    keys, ends = _keys(top), _keys(top, 1)
    key = keys[rules.before]
    whole = np.add.reduceat(key, rules.start[:-1]) + ends[rules.then]
    order = np.argsort(whole, kind="stable")
    sought = np.repeat(whole, rules.size) - key
    shorter = order[np.minimum(np.searchsorted(whole, sought, sorter=order), len(rules) - 1)]
    longer = np.repeat(np.arange(len(rules)), rules.size)
    there = np.flatnonzero(whole[shorter] == sought)
    there = there[np.lexsort((rules.confidence[shorter[there]], longer[there]))]
    last = np.flatnonzero(np.diff(longer[there], append=len(rules)))  # of each the surest shorter one
    a, b = longer[there[last]], shorter[there[last]]
    chance = np.ones(len(a))
    surer = np.flatnonzero(rules.confidence[a] > rules.confidence[b])
    chance[surer] = tail(rules.both[a[surer]], rules.first[a[surer]], rules.both[b[surer]], rules.first[b[surer]])
    no_more = np.zeros(len(rules), bool)
    no_more[a] = false_rates(chance, len(chance)) > FALSE
    return no_more


def false_rates(chance: Floats, tried: int) -> Floats:
    """Benjamini and Hochberg's q-values of p-values, of `tried` in all; those that are not here count as 1."""
    order = np.argsort(chance, kind="stable")
    scaled = chance[order] * max(tried, len(chance)) / np.arange(1, len(chance) + 1)
    rate = np.empty(len(chance))
    rate[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return rate


def worth_telling(rules: Rules) -> Array:
    """Which rules, int64, to tell, the most reliable first: surer than chance, hardly chance themselves, not folded."""
    good = (rules.lift > 1) & (rules.false_rate <= FALSE) & ~rules.no_more
    kept = np.flatnonzero(good)
    return kept[np.argsort(-rules.surely[kept], kind="stable")]


def chosen_support(x_rows: int, items: int) -> int:
    """The least count at which no pair of items should look associated by chance.

    A pair that meets twice as often as it should, `count` times in all, is chance with the probability that a Poisson
    number of mean count / 2 reaches count. The count is the least at which fewer than one of all pairs would do so.
    """
    from scipy.special import gammainc

    pairs = max(items * (items - 1) / 2, 1.0)
    counts = np.arange(2, 400)
    chance = gammainc(counts, counts / 2)  # P(Poisson(count / 2) >= count)
    enough = np.flatnonzero(pairs * chance < 1)
    return int(min(counts[enough[0]] if len(enough) else counts[-1], max(x_rows // 2, 1)))


def _keys(items: int, which: int = 0) -> Array:
    """A random 64-bit number for each item; sets are told apart by their sums."""
    return np.random.default_rng([20, which]).integers(0, 2**64, items, np.uint64)
