"""Counts of what follows what, to any depth: n-grams of a stream of codes as a tree that lies in sorted arrays.

A node is a run of codes that was seen; its children are the same run with one code more. All nodes of one depth lie in
one array, sorted by parent and then by code, so that the children of a node are neighbours: what may follow is a slice,
and whether a run was seen is a binary search, made for a whole stream at once. Nothing is hashed; nothing collides.

Code 0 begins every document. A run never reaches back across it; a 0 that follows a run says that the document ended.

`Counts` is what smoothing needs while it learns; `Grams` is what is kept: for each node its share of what its parent
expects, and what is left over for shorter runs.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..core.numbers import Array, Floats


@dataclass
class Counts:
    """Runs of 1..order codes in a stream. Lists have one entry a length, the first for single codes.

    keys: node -> parent * levels + code, sorted. raw: node -> how often. left: node -> how many different codes stand
    before it; of the longest runs, how often.
    """

    levels: int
    keys: list[Array]
    raw: list[Array]
    left: list[Array]

    @classmethod
    def of(cls, x: Array, levels: int, order: int) -> "Counts":
        """Count the runs of `x`, (n,) int32 in 0..levels-1. O(n log n + order · n) time, about 40 n bytes at the peak.

        All runs that begin at a place are one number, the longest one's codes side by side as bits. Once these are
        sorted, those of every shorter length are sorted too. `order` is cut to what 63 bits hold.
        """
        width = max(1, int(levels - 1).bit_length())
        order = max(1, min(order, 63 // width, len(x)))
        packed, reach = _packed(np.ascontiguousarray(x, np.int64), order, width)
        by = np.argsort(packed)
        ordered, reach = packed[by], reach[by]
        first = np.arange(levels, dtype=np.int64)
        counts = cls(levels, [first], [np.bincount(x[1:], minlength=levels)], [])
        shorter = np.asarray(x, np.int32)  # place -> the node that begins there
        for length in range(2, order + 1):
            whole = reach >= length
            places, runs = by[whole], ordered[whole] >> (width * (order - length))
            new = np.ones(len(runs), bool)
            np.not_equal(runs[1:], runs[:-1], out=new[1:])
            starts = np.flatnonzero(new)
            at = places[starts]
            codes = runs[starts] & ((1 << width) - 1)
            counts.keys.append(shorter[at] * np.int64(levels) + codes)
            counts.raw.append(np.diff(np.append(starts, len(runs))))
            counts.left.append(np.bincount(shorter[at + 1], minlength=len(counts.keys[-2])))
            if length < order:
                longer = np.full(len(x), -1, np.int32)
                longer[places] = np.cumsum(new, dtype=np.int32) - 1
                shorter = longer
        counts.left.append(counts.raw[-1])
        return counts

    def parents(self, length: int) -> Array:
        """int64: for each run of that length, the node of all its codes but the last."""
        return self.keys[length - 1] // self.levels


def _packed(x: Array, order: int, width: int) -> tuple[Array, Array]:
    """(int64 (n,): the `order` codes from each place on, side by side as bits; how many of them are one document's).

    A run may begin with the 0 that begins its document, and end with the 0 that ends it, but none is within.
    """
    n = len(x)
    packed, reach = x.copy(), np.ones(n, np.int8)
    whole = np.ones(n, bool)
    for k in range(1, order):
        packed <<= width
        whole[n - k :] = False
        if k > 1:
            whole[: n - k + 1] &= x[k - 1 :] != 0
        packed[: n - k] |= np.where(whole[: n - k], x[k:], 0)
        reach += whole
    return packed, reach


@dataclass(frozen=True)
class Grams:
    """What is kept of runs: all nodes one after another, the short ones first.

    starts: where the nodes of each length begin, and the end. keys: parent * levels + code, sorted within a length.
    share: the probability of a node's last code after the others, as far as that was counted.
    rest: of a node as what stands before, the weight of what shorter runs say; 1 where nothing was seen to follow.
    """

    levels: int
    starts: Array
    keys: Array
    share: Array
    rest: Array

    @property
    def order(self) -> int:
        """Codes in the longest run."""
        return len(self.starts) - 1

    def arrays(self) -> dict[str, Array]:
        """What was learned, by the names of the fields."""
        return {"starts": self.starts, "keys": self.keys, "share": self.share, "rest": self.rest}

    @cached_property
    def _by_length(self) -> list[tuple[Array, Array, Array]]:
        parts = [slice(a, b) for a, b in zip(self.starts[:-1], self.starts[1:], strict=True)]
        return [(self.keys[p], self.share[p], self.rest[p]) for p in parts]

    def chances(self, x: Array) -> Floats:
        """float64 (n,): the probability of each code of the stream, from what stands before it in its document.

        The beginning of a stream has nothing to be told by: a code 0 there is certain.
        """
        x = np.ascontiguousarray(x, np.int32)
        n = len(x)
        chance = np.full(n, 1.0 / self.levels)
        context = np.zeros(n, np.int32)  # the node of what stands before, of the length so far
        for length, (keys, share, _) in enumerate(self._by_length, start=1):
            if not len(keys):  # no run of that length was seen, nor any longer one
                break
            known = np.flatnonzero(context >= 0)
            at = keys.searchsorted(wanted := context[known] * np.int64(self.levels) + x[known])
            at[at == len(keys)] = 0
            found = keys[at] == wanted
            rest = self._by_length[length - 2][2][context[known]] if length > 1 else self._root
            chance[known] = chance[known] * rest + np.where(found, share[at], 0.0)
            ends = np.full(n, -1, np.int32)
            ends[known] = np.where(found, at, -1)
            context = np.full(n, -1, np.int32)
            context[1:] = ends[:-1]
            if length > 1:
                context[1:][x[:-1] == 0] = -1
        if n and x[0] == 0:
            chance[0] = 1.0
        return chance

    def table(self, x: Array) -> Array:
        """float32 (n, levels): the probability of every code at each place of the stream, from what stands before."""
        x, n = np.ascontiguousarray(x, np.int32), len(x)
        chance = np.full((n, self.levels), 1.0 / self.levels, np.float32)
        context = np.zeros(n, np.int32)
        for length, (keys, share, _) in enumerate(self._by_length, start=1):
            if not len(keys):
                break
            known = np.flatnonzero(context >= 0)
            parent = context[known] * np.int64(self.levels)
            if length == 1:
                chance *= self._root
                chance += share
            else:
                rest = np.ones(n, np.float32)  # to multiply all rows in place is faster than some of them by number
                rest[known] = self._by_length[length - 2][2][context[known]]
                chance *= rest[:, None]
                low, high = keys.searchsorted(parent), keys.searchsorted(parent + self.levels)
                many = high - low
                rows = np.repeat(np.arange(len(known)), many)
                at = np.arange(len(rows)) - (np.cumsum(many) - many - low)[rows]
                chance.reshape(-1)[known[rows] * self.levels + keys[at] - parent[rows]] += share[at]
            if length == self.order:
                break
            at = keys.searchsorted(wanted := parent + x[known])
            at[at == len(keys)] = 0
            ends = np.full(n, -1, np.int32)
            ends[known] = np.where(keys[at] == wanted, at, -1)
            context = np.full(n, -1, np.int32)
            context[1:] = ends[:-1]
            if length > 1:
                context[1:][x[:-1] == 0] = -1
        return chance

    @cached_property
    def _root(self) -> float:
        """The weight of the even chance of every code, below which nothing is known."""
        return max(0.0, 1.0 - float(self._by_length[0][1].sum(dtype=np.float64)))

    def begun(self) -> list[int]:
        """The nodes of what stands before the first code of a document: the empty run, and code 0."""
        return [0, 0]

    def follow(self, context: list[int], code: int) -> list[int]:
        """The nodes of what stands before the next code, by length from 0, when `code` followed `context`."""
        nodes = [0]
        for length, node in enumerate(context[: self.order - 1], start=1):
            keys = self._by_length[length - 1][0]
            wanted = node * self.levels + code
            at = int(keys.searchsorted(wanted))
            if at == len(keys) or keys[at] != wanted:
                break
            nodes.append(at)
        return nodes

    def expected(self, context: list[int]) -> Floats:
        """float64 (levels,): the probability of each code after what stands before, as `follow` gives it."""
        chance = np.full(self.levels, 1.0 / self.levels)
        for length, node in enumerate(context[: self.order], start=1):
            keys, share, _ = self._by_length[length - 1]
            chance *= self._by_length[length - 2][2][node] if length > 1 else self._root
            low, high = keys.searchsorted([node * self.levels, (node + 1) * self.levels])
            chance[keys[low:high] - node * self.levels] += share[low:high]
        return chance


def kneser_ney(counts: Counts) -> Grams:
    """Modified Kneser-Ney smoothing, interpolated, of all that was counted (Chen & Goodman 1998)."""
    shares, rests = [], []
    for length in range(1, len(counts.keys) + 1):
        part = Discounted.of(counts, length)
        shares.append(part.shares(counts.parents(length)))
        if length > 1:
            rests.append(part.rests())
    rests.append(np.ones(len(counts.keys[-1])))
    starts = np.cumsum([0, *map(len, counts.keys)])
    return Grams(
        counts.levels,
        starts.astype(np.int64),
        np.concatenate(counts.keys),
        np.concatenate(shares).astype(np.float32),
        np.concatenate(rests).astype(np.float32),
    )


@dataclass
class Discounted:
    """Runs of one length, each count made a little less so that something is left for what was not seen.

    seen: node -> the count that matters: how often for the longest runs, else after how many different codes, since a
    run that always follows the same one is told by the longer run. total, few: of each context the sum of its
    children's, and how many of them count 1, 2, and 3 or more, (contexts, 3). off: what is taken of each such count.
    """

    seen: Array
    total: Array
    few: Array
    off: Floats

    @classmethod
    def of(cls, counts: Counts, length: int) -> "Discounted":
        left, raw = counts.left[length - 1], counts.raw[length - 1]
        begins = left == 0  # only where a document begins has a run nothing before it: then how often it was seen
        seen = np.where(begins, raw, left) if length > 1 else left
        contexts = len(counts.keys[length - 2]) if length > 1 else 1
        parents = counts.parents(length) if length > 1 else np.zeros(len(seen), np.int64)
        total = np.bincount(parents, seen, minlength=contexts)
        few = np.stack([np.bincount(parents[_bin(seen) == k], minlength=contexts) for k in (1, 2, 3)], axis=1)
        return cls(seen, total, few, _discounts(seen))

    def shares(self, parents: Array) -> Floats:
        total = self.total[parents if len(self.total) > 1 else np.zeros(len(self.seen), np.int64)]
        return (self.seen - self.off[_bin(self.seen)]) / np.maximum(total, 1)

    def rests(self) -> Floats:
        left_over = self.few @ self.off[1:]
        return np.where(self.total > 0, left_over / np.maximum(self.total, 1), 1.0)


def _bin(seen: Array) -> Array:
    return np.minimum(seen, 3).astype(np.int64)


def _discounts(seen: Array) -> Floats:
    """What to take of counts of 0, 1, 2 and 3 or more, by how many runs have each (Chen & Goodman 1998, eq. 26)."""
    n = np.bincount(np.minimum(seen, 5), minlength=6)[1:5].astype(np.float64)
    if n.min() == 0:
        return np.array([0.0, 0.5, 1.0, 1.4])
    y = n[0] / (n[0] + 2 * n[1])
    off = np.array([k + 1 - (k + 2) * y * n[k + 1] / n[k] for k in range(3)])
    return np.array([0.0, *np.clip(off, 0.05, [0.95, 1.9, 2.8])])
