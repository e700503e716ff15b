"""Frequent sets of items, all of them, quickly: depth-first over bitsets, thousands of candidates in one step of NumPy.

Each item has a bitset: one bit a basket. The baskets that hold two items are the AND of their bitsets, and how many
they are is the number of bits set (Eclat: Zaki 2000). Three things make this fast from NumPy alone:

- Candidates are not tried one by one. A block holds many sets that share prefixes; all their extensions are made,
  counted and sifted at once, in slices small enough for the processor's cache. Blocks are worked off depth first, so
  that memory stays bounded whatever the support.
- An item that is in every basket of a set (a perfect extension) is put aside, and at the end every set below is doubled
  by it. Mushrooms have 53,583 frequent sets at 20%, and far fewer have to be counted.
- Where baskets hold few of the items, pairs are counted from the baskets themselves, and every prefix then keeps bits
  for its own baskets alone: 1,378 words of retail's 88,162 baskets become two or three.

Items go from rare to common, so that prefixes are rare. Diffsets (Zaki & Gouda 2003) would save nothing here: a bitset
is as wide whichever of the two it holds.

Cost: O(candidates x baskets / 64) time; memory O(entries + sets found + depth x slice).
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from ..core.numbers import Array

SLICE = 1 << 16  # words of candidates at a time: half a megabyte, so that a slice stays in the cache
PAIRS = 1 << 17  # pairs of entries at a time, where baskets are sparse
SPARSE = 0.05  # share of the items in a basket below which pairs are counted from the baskets
MOST_SETS = 5_000_000
NEAR, LAST = 1.05, 0.03  # how close to a support that is beyond reach to come; the share of time not worth a try


@dataclass(frozen=True)
class Sets:
    """Frequent sets, the smaller before the larger; m of them with t items in all.

    items: int32 (t,), the items of one set after those of another, in no order. start: int64 (m + 1,), where each set
    begins. support: int64 (m,), baskets that hold it. least: every set held by so many baskets is here.
    """

    items: Array
    start: Array
    support: Array
    least: int

    def __len__(self) -> int:
        return len(self.support)

    @property
    def size(self) -> Array:
        """Items in each set, int64 (m,)."""
        return np.diff(self.start)

    def of_size(self, size: int) -> tuple[Array, Array]:
        """The sets of so many items, int32 (k, size), and their supports, int64 (k,)."""
        low, high = np.searchsorted(self.size, [size, size + 1])
        return self.items[self.start[low] : self.start[high]].reshape(-1, size), self.support[low:high]

    def in_order(self) -> "Sets":
        """The same sets in an order that does not depend on how they were found: by size, then by their items."""
        parts = []
        for size in np.unique(self.size).tolist():
            items, support = self.of_size(size)
            items = np.sort(items, axis=1)
            order = np.lexsort(items.T[::-1])
            parts.append((items[order], support[order]))
        return Sets.joined(parts, self.least)

    def as_dict(self) -> dict[frozenset[int], int]:
        """Each set with its support, as plain values."""
        items, start = self.items.tolist(), self.start.tolist()
        return {frozenset(items[a:b]): s for a, b, s in zip(start, start[1:], self.support.tolist(), strict=False)}

    @classmethod
    def joined(cls, parts: list[tuple[Array, Array]], least: int) -> "Sets":
        """From matrices of sets (k, size), with their supports (k,), by rising size."""
        lengths = np.concatenate([np.full(len(s), m.shape[1]) for m, s in parts] or [np.empty(0, np.int64)])
        items = np.concatenate([m.ravel() for m, _ in parts] or [np.empty(0)]).astype(np.int32, copy=False)
        support = np.concatenate([s for _, s in parts] or [np.empty(0)]).astype(np.int64, copy=False)
        return cls(items, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), support, least)


class Unfinished(Exception):
    """The time is up, or there are more sets than may be kept."""


@dataclass
class Limits:
    """What one search may take: seconds of wall clock from now, and how many sets it may find."""

    seconds: float = float("inf")
    most: int = MOST_SETS
    started: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        """Seconds until it must end; negative after it."""
        return self.seconds - (time.monotonic() - self.started)

    def check(self, found: int) -> None:
        """Raise Unfinished where that is spent."""
        if found > self.most or self.left < 0:
            raise Unfinished


def frequent(x: Any, least: int, limits: Limits | None = None) -> Sets:
    """Every set of items that at least `least` baskets hold.

    x: csr_array (n, items), what is stored is held. Raises Unfinished beyond the limits.
    """
    search = _Search(max(1, least), limits or Limits())
    items, baskets = _frequent_items(x, search.least)
    search.singles(items, baskets.support)
    if len(items) > 1:
        sparse = len(baskets.held) < SPARSE * baskets.count * len(items)
        for block in _pairs(search, baskets) if sparse else [_whole(search, baskets)]:
            search.below(block)
    return search.sets(items)


Miner = Callable[[Any, int, Limits], Sets]
"""(csr_array (n, items), least support, limits) -> every frequent set; raises Unfinished beyond the limits."""


def lowered(x: Any, least: int, limits: Limits, miner: Miner = frequent) -> Sets:
    """Every set that `least` baskets hold; where that takes too long or finds too many, of a support within reach.

    A fifth of the time is for `least` itself. Then the support is halved from high up, until a step is too much, and
    the place between is closed in on. What the last whole step found is the answer: its `least` says how far it came.
    """
    try:
        return miner(x, least, Limits(limits.seconds / 5, limits.most))
    except Unfinished:
        beyond, high = least, True
    counts = np.bincount(x.indices, minlength=x.shape[1])
    reached = Sets.joined([], int(counts.max(initial=0)) + 1)
    while reached.least > NEAR * beyond and reached.least > beyond + 1 and limits.left >= LAST * limits.seconds:
        lower = max(beyond + 1, reached.least // 2) if high else int(np.sqrt(beyond * reached.least)) + 1
        try:
            reached = miner(x, min(lower, reached.least - 1), Limits(limits.left / 2, limits.most))
        except Unfinished:
            beyond, high = lower, False
    return reached


@dataclass(frozen=True)
class _Baskets:
    """The entries of k frequent items, by item from rare to common; e entries.

    count: baskets. held: int32 (e,), the item of each entry, basket by basket, each basket's in rising order.
    start: int64 (k + 1,), where each item's entries begin; the others are by item. basket: int32 (e,), whose entry it
    is. place: int32 (e,), where in `held` it stands. after: int32 (e,), how many items of its basket come after it.
    """

    count: int
    held: Array
    start: Array
    basket: Array
    place: Array
    after: Array

    @property
    def support(self) -> Array:
        return np.diff(self.start)


def _frequent_items(x: Any, least: int) -> tuple[Array, _Baskets]:
    """The frequent items' codes, from rare to common, and the baskets with them alone."""
    from scipy.sparse import csc_array, csr_array

    counts = np.bincount(x.indices, minlength=x.shape[1])
    items = np.flatnonzero(counts >= least)
    items = items[np.argsort(counts[items], kind="stable")]
    rank = np.full(x.shape[1], -1, np.int32)
    rank[items] = np.arange(len(items), dtype=np.int32)
    ranked = rank[x.indices]
    kept = ranked >= 0
    ends = np.concatenate([[0], np.cumsum(kept, dtype=np.int32)])[x.indptr].astype(np.int32)
    shape = (x.shape[0], len(items))
    by_item = csr_array((np.empty(ends[-1], np.int8), ranked[kept], ends), shape=shape).tocsc()
    number = np.arange(ends[-1], dtype=np.int32)
    held = csc_array((number, by_item.indices, by_item.indptr), shape=shape).tocsr()  # sorted on the way
    place = np.empty_like(number)
    place[held.data] = number
    after = ends[1:][by_item.indices] - place - 1
    return items, _Baskets(x.shape[0], held.indices, by_item.indptr.astype(np.int64), by_item.indices, place, after)


@dataclass(frozen=True)
class _Block:
    """Sets whose extensions are to be counted: r of them, w words each. Sets of one class differ in their last item.

    bits: uint64 (r, w). node: int64 (r,), which sets they are. item: int32 (r,), their last items. support: int64 (r,).
    end: int64 (r,), where the class of each ends. depth: items in each set. begin: the first row not yet extended.
    """

    bits: Array
    node: Array
    item: Array
    support: Array
    end: Array
    depth: int
    begin: int = 0


class _Search:
    """What was found so far: a tree of sets, each its parent with one item more, and the perfect extensions."""

    def __init__(self, least: int, limits: Limits) -> None:
        self.least, self.limits, self.count = least, limits, 0
        self.nodes: list[tuple[Array, Array, Array, int]] = []  # parents, items, supports, depth
        self.perfect: list[tuple[Array, Array]] = []  # sets, items

    def add(self, parent: Array, item: Array, support: Array, depth: int) -> Array:
        """Note sets; their numbers."""
        first, self.count = self.count, self.count + len(item)
        self.limits.check(self.count)
        self.nodes.append((parent, item, support, depth))
        return np.arange(first, self.count)

    def singles(self, items: Array, support: Array) -> None:
        """Note the items by themselves."""
        self.add(np.full(len(items), -1), np.arange(len(items), dtype=np.int32), support, 1)

    def below(self, block: _Block) -> None:
        """Note every set that extends one of the block."""
        stack = [block]
        while stack:
            block = stack.pop()
            rest, child = self.extend(block)
            stack += [b for b in (rest, child) if b is not None]

    def extend(self, block: _Block) -> tuple[_Block | None, _Block | None]:
        """Extend some of the block's sets: what remains of the block, and of what was found what can be extended."""
        many = block.end - np.arange(len(block.end)) - 1  # candidates of each row
        upto = np.cumsum(many[block.begin :])
        width = block.bits.shape[1]
        stop = block.begin + max(1, int(np.searchsorted(upto, SLICE // width, side="right")))
        rows = np.arange(block.begin, stop)
        rest = None
        if stop < len(many):
            rest = _Block(block.bits, block.node, block.item, block.support, block.end, block.depth, stop)
        count = many[rows]
        a = np.repeat(rows, count)
        if not len(a):
            self.limits.check(self.count)
            return rest, None
        b = np.arange(len(a)) + np.repeat(rows + 1 - (np.cumsum(count) - count), count)
        both = block.bits.take(a, axis=0)
        both &= block.bits.take(b, axis=0)
        support = counted(both)
        return rest, self._sift(block, a, b, support, both)

    def _sift(self, block: _Block, a: Array, b: Array, support: Array, both: Array) -> _Block | None:
        """Keep what is frequent; the sets among them that can be extended, as a block."""
        kept = np.flatnonzero(support >= self.least)
        perfect = support[kept] == block.support[a[kept]]
        if perfect.any():
            these = kept[perfect]
            self.perfect.append((block.node[a[these]], block.item[b[these]]))
            kept = kept[~perfect]
        a, b, support = a[kept], b[kept], support[kept]
        node = self.add(block.node[a], block.item[b], support, block.depth + 1)
        return _classes(both, kept, node, block.item[b], support, a, block.depth + 1)

    def sets(self, items: Array) -> Sets:
        """All that was found, with the perfect extensions multiplied out. items: the code of each frequent item."""
        parent, item, support = (np.concatenate([n[k] for n in self.nodes]) for k in range(3))
        size = np.concatenate([np.full(len(n[1]), n[3], np.int16) for n in self.nodes])
        if self.perfect:
            of, extra = self._inherited(parent, size)
            if len(parent) * 1.0 + np.exp2(np.diff(of)).sum() > 2 * self.limits.most:
                raise Unfinished
            parent, item, support, size = _doubled(parent, item, support, size, of, extra)
        return _by_size(parent, items[item].astype(np.int32), support, size, self.least)

    def _inherited(self, parent: Array, size: Array) -> tuple[Array, Array]:
        """The perfect extensions of each set, its ancestors' included: where each set's begin, and the items."""
        of, item = (np.concatenate([p[k] for p in self.perfect]) for k in range(2))
        order = np.argsort(of, kind="stable")
        own = np.bincount(of, minlength=len(parent))
        own_item, own_start = item[order], np.cumsum(own) - own
        total = own.copy()
        deep = [np.flatnonzero(size == d) for d in range(1, int(size.max()) + 1)]
        for nodes in deep[1:]:
            total[nodes] += total[parent[nodes]]
        start = np.concatenate([[0], np.cumsum(total)])
        extra = np.empty(start[-1], np.int32)
        for depth, nodes in enumerate(deep):
            nodes = nodes[total[nodes] > 0]
            at = start[nodes]
            if depth:
                above = parent[nodes]
                to, source = _runs(at, total[above]), _runs(start[above], total[above])
                extra[to] = extra[source]
                at = at + total[above]
            extra[_runs(at, own[nodes])] = own_item[_runs(own_start[nodes], own[nodes])]
        return start, extra


def _runs(start: Array, length: Array) -> Array:
    """start[0], start[0] + 1, ... for length[0] numbers, then from start[1], and so on."""
    before = np.cumsum(length) - length
    return np.arange(int(length.sum())) + np.repeat(start - before, length)


def _doubled(
    parent: Array, item: Array, support: Array, size: Array, of: Array, extra: Array
) -> tuple[Array, Array, Array, Array]:
    """Every set joined with every choice of its perfect extensions, as further sets of the tree."""
    many, node = np.diff(of), np.arange(len(parent))
    for k in range(int(many.max())):
        more = np.flatnonzero(many[node] > k)
        parent = np.concatenate([parent, more])
        item = np.concatenate([item, extra[of[node[more]] + k]])
        support = np.concatenate([support, support[more]])
        size = np.concatenate([size, size[more] + 1])
        node = np.concatenate([node, node[more]])
    return parent, item, support, size


def _by_size(parent: Array, item: Array, support: Array, size: Array, least: int) -> Sets:
    """The tree as sets written out."""
    order = np.argsort(size, kind="stable")
    many = np.bincount(size)[1:]
    start = np.concatenate([[0], np.cumsum(np.repeat(np.arange(1, len(many) + 1), many))])
    written, where = np.empty(int(start[-1]), np.int32), np.empty(len(size), np.int64)
    done, shorter = 0, written.reshape(-1, 1)
    for k, count in enumerate(many):
        these = order[done : done + count]
        where[these] = np.arange(count)
        sets = written[start[done] : start[done + count]].reshape(count, k + 1)
        sets[:, k] = item[these]
        if k:
            sets[:, :k] = shorter.take(where[parent[these]], axis=0)
        done, shorter = done + count, sets
    return Sets(written, start, support[order].astype(np.int64, copy=False), least)


def _classes(
    bits: Array, kept: Array, node: Array, item: Array, support: Array, group: Array, depth: int
) -> _Block | None:
    """The sets that have siblings, as a block: only they can be extended. group: rising, the same within a class."""
    if len(kept) < 2:
        return None
    fresh = np.flatnonzero(np.diff(group, prepend=-1))
    many = np.diff(np.append(fresh, len(group)))
    end = np.repeat(np.cumsum(np.where(many > 1, many, 0)), many)
    some = np.repeat(many > 1, many)
    if not some.any():
        return None
    return _Block(bits[kept[some]], node[some], item[some], support[some], end[some], depth)


def _whole(search: _Search, baskets: _Baskets) -> _Block:
    """The items by themselves as one class, a bit for every basket."""
    k = len(baskets.start) - 1
    bits = np.empty((k, -(-baskets.count // 64)), np.uint64)
    row = np.zeros(64 * bits.shape[1], bool)
    for item in range(k):
        mine = baskets.basket[baskets.start[item] : baskets.start[item + 1]]
        row[mine] = True
        bits[item] = np.packbits(row).view(np.uint64)
        row[mine] = False
    return _Block(bits, np.arange(k), np.arange(k, dtype=np.int32), baskets.support, np.full(k, k), 1)


def _pairs(search: _Search, baskets: _Baskets) -> Iterator[_Block]:
    """The frequent pairs, noted, in blocks whose sets have bits for the baskets of their first item alone."""
    k, support = len(baskets.start) - 1, baskets.support
    upto = np.concatenate([[0], np.cumsum(baskets.after, dtype=np.int64)])[baskets.start]
    low = 0
    while low < k:
        high = int(np.searchsorted(upto, upto[low] + PAIRS, side="right")) - 1
        high = max(low + 1, min(high, low + max(1, 8 * PAIRS // k)))
        meetings = _Meetings(baskets, low, high)
        counts = meetings.counts()
        pair = np.flatnonzero(counts >= search.least)
        both, a, b = counts[pair], pair // k + low, (pair % k).astype(np.int32)
        perfect = both == support[a]
        search.perfect.append((a[perfect], b[perfect]))
        pair, both, a, b = pair[~perfect], both[~perfect], a[~perfect], b[~perfect]
        node = search.add(a, b, both, 2)
        sibling = np.zeros(len(a) + 1, bool)
        sibling[1:-1] = a[1:] == a[:-1]
        rows = np.flatnonzero(sibling[1:] | sibling[:-1])
        if len(rows):
            bits = meetings.bits(pair[rows], a[rows])
            block = _classes(bits, np.arange(len(rows)), node[rows], b[rows], both[rows], a[rows], 2)
            if block:
                yield block
        low = high


@dataclass(frozen=True)
class _Meetings:
    """Where two items meet in one basket, the first of them from `low` up to `high`."""

    baskets: _Baskets
    low: int
    high: int

    def _spans(self) -> list[tuple[int, int]]:
        """The entries of the first items in spans of about PAIRS meetings."""
        first, last = (int(self.baskets.start[i]) for i in (self.low, self.high))
        upto = np.cumsum(self.baskets.after[first:last], dtype=np.int64)
        cuts = first + np.searchsorted(upto, np.arange(PAIRS, int(upto[-1]), PAIRS), side="right")
        edges = [first, *np.unique(cuts[(cuts > first) & (cuts < last)]).tolist(), last]
        return list(pairwise(edges))

    @cached_property
    def _kept(self) -> list[tuple[Array, Array]]:
        """All meetings, where they are few enough to be kept; else none, and they are made when they are asked for."""
        spans = self._spans()
        return [self._made(*spans[0])] if len(spans) == 1 else []

    def _made(self, first: int, last: int) -> tuple[Array, Array]:
        """The meetings of those entries: (item - low) x items + other item, int64, and the entry."""
        baskets, k = self.baskets, len(self.baskets.start) - 1
        after, place = baskets.after[first:last], baskets.place[first:last]
        own = np.repeat(np.arange(last - first, dtype=np.int32), after)
        before = np.cumsum(after, dtype=np.int32) - after
        other = np.arange(len(own), dtype=np.int32)
        other += (place + 1 - before).take(own)
        codes = baskets.held.take(other).astype(np.int64)
        codes += ((baskets.held.take(place).astype(np.int64) - self.low) * k).take(own)
        own += np.int32(first)
        return codes, own

    def all(self) -> Iterator[tuple[Array, Array]]:
        """All meetings, span by span."""
        return iter(self._kept) if self._kept else (self._made(*span) for span in self._spans())

    def counts(self) -> Array:
        """How often each pair meets, int64 ((high - low) x items,)."""
        size = (self.high - self.low) * (len(self.baskets.start) - 1)
        return sum((np.bincount(codes, minlength=size) for codes, _ in self.all()), np.zeros(size, np.int64))

    def bits(self, pair: Array, first: Array) -> Array:
        """A bit for each basket of a pair's first item, set where the second is in it: uint64 (pairs, words).

        pair: int64, the codes of the pairs, rising. first: their first items.
        """
        start, support = self.baskets.start, self.baskets.support
        wide = 64 * int(-(-support[first].max() // 64))
        slot = np.full((self.high - self.low) * len(support), -1)
        slot[pair] = np.arange(len(pair)) * wide - start[first]
        wanted = np.zeros(len(slot), bool)
        wanted[pair] = True
        flags = np.zeros(len(pair) * wide, bool)
        for codes, entry in self.all():
            hit = np.flatnonzero(wanted.take(codes))
            flags[slot.take(codes.take(hit)) + entry.take(hit)] = True
        return np.packbits(flags).view(np.uint64).reshape(len(pair), wide // 64)


def bitsets(x: Any) -> Array:
    """A bit for each basket of x, a csr_array (n, items), a row for each item: uint64 (items, words)."""
    turned, wide = x.tocsc(), 64 * max(1, -(-x.shape[0] // 64))
    bits, flags = np.empty((x.shape[1], wide // 64), np.uint64), np.zeros(wide, bool)
    for item in range(x.shape[1]):
        baskets = turned.indices[turned.indptr[item] : turned.indptr[item + 1]]
        flags[baskets] = True
        bits[item] = np.packbits(flags).view(np.uint64)
        flags[baskets] = False
    return bits


def counted(bits: Array) -> Array:
    """Bits set in each row of uint64 (r, w): int64 (r,)."""
    ones = _bits_in(bits)
    if ones.shape[1] == 1:
        return ones[:, 0].astype(np.int64)
    whole = np.float32 if 64 * bits.shape[1] < 1 << 24 else np.float64  # in which the sums are exact
    return (ones.astype(whole) @ np.ones(ones.shape[1], whole)).astype(np.int64)


if hasattr(np, "bitwise_count"):

    def _bits_in(words: Array) -> Array:
        return np.bitwise_count(words)

else:  # NumPy before 2.0
    _BITS = np.array([bin(i).count("1") for i in range(1 << 16)], np.uint8)

    def _bits_in(words: Array) -> Array:
        return _BITS[np.ascontiguousarray(words).view(np.uint16)]
