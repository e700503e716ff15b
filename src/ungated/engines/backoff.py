"""What comes next, told by codes at chosen distances before it: counts that back off from the least telling ones first.

A chain is a list of distances, the most telling first: 4, 1, 8 says of each code what stood four, one and eight places
before it. Contexts of a chain are a tree: those that agree in the first distance, of these the ones that agree in the
second, and so on. Each node knows what followed there, smoothed as by Kneser and Ney; what a node does not know it
takes from its parent, which knows less of the context but has seen more.

Positions have a phase, their place in a step of `period` codes; each phase has chains and counts of its own. Nothing
before the code 0 that begins a document is looked at: there, every code is 0.
"""

from dataclasses import dataclass

import numpy as np

from ..core.numbers import Array, Floats


@dataclass(frozen=True)
class Places:
    """The positions of a stream at which a code is foretold: all but a 0 at its very beginning.

    x: int (n,), the stream. at: the positions. inside: how many places each is after the 0 that began its document.
    """

    x: Array
    at: Array
    inside: Array

    @classmethod
    def of(cls, x: Array) -> "Places":
        """The positions of `x`; one that does not begin with 0 is read as if one stood before it."""
        x = np.asarray(x)
        x = x if len(x) and x[0] == 0 else np.concatenate([np.zeros(1, x.dtype), x])
        index = np.arange(len(x))
        begun = np.maximum.accumulate(np.where(x == 0, index, 0))
        at = index[1:]
        return cls(x, at, at - begun[:-1])

    def phases(self, period: int) -> Array:
        """(m,): the place of each position in its step, 0..period-1."""
        return (self.inside - 1) % period

    def before(self, chain: tuple[int, ...], which: Array) -> Array:
        """(k, m): the codes at each distance of the chain before the positions `which`."""
        at, inside = self.at[which], self.inside[which]
        return np.stack([np.where(inside >= lag, self.x[at - np.minimum(lag, inside)], 0) for lag in chain])


@dataclass(frozen=True)
class Backoff:
    """The counts of one chain, smoothed. Lists have an entry a depth, the first for no context at all.

    branches: parent node * levels + code -> node, sorted keys (those of depth 0 are the root alone).
    grams: node * levels + next code, sorted. share: what of each gram's probability was counted there. rest: of each
    node, the weight of what its parent says.
    """

    levels: int
    branches: list[Array]
    grams: list[Array]
    share: list[Floats]
    rest: list[Floats]

    @classmethod
    def of(cls, contexts: Array, codes: Array, levels: int) -> "Backoff":
        """Count and smooth. contexts: (k, m) codes, the most telling row first; codes: (m,), what followed."""
        branches, nodes, last = _tree(contexts, codes, levels)
        found, share, rest = [], [], []
        counts: Array | None = None
        for depth in range(len(contexts), -1, -1):
            keys = nodes[depth].astype(np.int64) * levels + last
            if counts is not None:
                keys.sort(kind="stable")  # long runs of it are in order already
            new = np.flatnonzero(np.diff(keys, prepend=-1))
            grams, counts = keys[new], np.diff(new, append=len(keys))
            off = _discounts(counts)[np.minimum(counts, 3)]
            of = grams // levels
            total = np.bincount(of, counts, minlength=len(branches[depth]))
            found.append(grams)
            share.append((counts - off) / total[of])
            rest.append(np.bincount(of, off, minlength=len(branches[depth])) / np.maximum(total, 1))
            # A shorter context counts how many longer ones it was part of, not how often.
            last = grams - of * levels
            if depth:
                nodes[depth - 1] = (branches[depth] // levels)[of]
        return cls(levels, branches, found[::-1], share[::-1], rest[::-1])

    def chances(self, contexts: Array, codes: Array) -> Floats:
        """float64 (m,): the probability of each code after its context."""
        chance = np.full(len(codes), 1.0 / self.levels)
        known, node = np.arange(len(codes)), np.zeros(len(codes), np.int64)
        for depth in range(len(contexts) + 1):
            if depth:
                node, hit = _find(self.branches[depth], node * self.levels + contexts[depth - 1][known])
                known, node = known[hit], node[hit]
            at, hit = _find(self.grams[depth], node * self.levels + codes[known])
            chance[known] = chance[known] * self.rest[depth][node] + np.where(hit, self.share[depth][at], 0.0)
        return chance

    def expected(self, context: list[int]) -> Floats:
        """float64 (levels,): the probability of each code after one context."""
        chance, node = np.full(self.levels, 1.0 / self.levels), 0
        for depth in range(len(context) + 1):
            if depth:
                keys, wanted = self.branches[depth], node * self.levels + context[depth - 1]
                node = int(keys.searchsorted(wanted))
                if node == len(keys) or keys[node] != wanted:
                    break
            chance *= self.rest[depth][node]
            low, high = self.grams[depth].searchsorted([node * self.levels, (node + 1) * self.levels])
            chance[self.grams[depth][low:high] - node * self.levels] += self.share[depth][low:high]
        return chance


def _tree(contexts: Array, codes: Array, levels: int) -> tuple[list[Array], list[Array], Array]:
    """(branches, the node of each position at each depth, its code), the positions sorted by context and code."""
    small = np.int16 if levels <= 1 << 15 else np.int32  # short numbers are sorted many times faster
    order = np.lexsort((codes.astype(small), *contexts.astype(small)[::-1]))
    node = np.zeros(len(codes), np.int64)
    branches, nodes = [np.zeros(1, np.int64)], [node]
    for context in contexts:
        keys = node * levels + context[order]
        new = np.diff(keys, prepend=-1) != 0
        branches.append(keys[new])
        node = np.cumsum(new) - 1
        nodes.append(node)
    return branches, nodes, codes[order]


def _find(keys: Array, wanted: Array) -> tuple[Array, Array]:
    """(place of each, whether it is there)."""
    at = keys.searchsorted(wanted)
    at[at == len(keys)] = 0
    return at, keys[at] == wanted


def _discounts(counts: Array) -> Floats:
    """What to take off counts of 0, 1, 2 and 3 or more, by how many there are of each (Chen & Goodman 1998, eq. 26)."""
    n = np.bincount(np.minimum(counts, 5), minlength=6)[1:5].astype(np.float64)
    if n.min() == 0:
        return np.array([0.0, 0.5, 1.0, 1.4])
    y = n[0] / (n[0] + 2 * n[1])
    off = np.array([k + 1 - (k + 2) * y * n[k + 1] / n[k] for k in range(3)])
    return np.array([0.0, *np.clip(off, 0.05, [0.95, 1.9, 2.8])])
