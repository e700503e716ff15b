"""What was written in this very document: counts that begin with nothing and grow as it is read.

A name that no training text holds is met again a line later; whoever looks back knows it then. At each place the runs
of the last few codes are looked up in what came before since the document began, long runs last. Where a run was met,
what followed it then is mixed with what was expected anyway, the more the oftener it was met; each count is made a
little smaller, and what is taken off goes to the rest, as Kneser and Ney do.

A whole stream is reckoned at once: how often a run was met before a place is its rank among all places that have it.
"""

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from ..core.numbers import Array, Floats

MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Recent:
    """How the document so far is looked back at.

    lengths: codes of the runs that are looked up, short ones first. off: what is taken of each count, 0 to 1. doubt:
    how many times a run must have been met to count as much as what was expected anyway.
    """

    lengths: tuple[int, ...]
    off: float
    doubt: float

    def chances(self, x: Array, expected: Floats) -> Floats:
        """float64 (n,): the probability of each code, of which `expected` is what is said without looking back."""
        x, chance = np.asarray(x, np.int64), expected.copy()
        begins = np.flatnonzero(x == 0)
        document = np.cumsum(x == 0)
        document[1:] = document[:-1].copy()  # the 0 that ends a document is foretold from within it
        since = np.arange(len(x)) - np.concatenate([[0], begins])[np.searchsorted(begins, np.arange(len(x)), "left")]
        for length in self.lengths:
            run = document.astype(np.uint64)
            for back in range(length, 0, -1):
                run = (run ^ (run >> np.uint64(29))) * MIX
                run[back:] += x[:-back].astype(np.uint64) if back else 0
            whole = (run ^ (run >> np.uint64(29))) * MIX + x.astype(np.uint64)
            met, same = _rank(run), _rank(whole)
            kinds = _sum_before(run, same == 0)
            able = (since >= length) & (met > 0)
            told = np.maximum(same - self.off, 0) + (self.off * kinds + self.doubt) * chance
            chance = np.where(able, told / (met + self.doubt), chance)
        return chance


def _rank(keys: Array) -> Array:
    """int64 (n,): how many earlier places have the same key."""
    order = np.argsort(keys, kind="stable")
    starts = _starts(keys[order])
    rank = np.empty(len(keys), np.int64)
    rank[order] = np.arange(len(keys)) - np.repeat(starts, np.diff(np.append(starts, len(keys))))
    return rank


def _sum_before(keys: Array, counted: Array) -> Array:
    """int64 (n,): how many earlier places with the same key are counted."""
    order = np.argsort(keys, kind="stable")
    starts = _starts(keys[order])
    upto = np.cumsum(counted[order])
    before = upto - counted[order]
    sums = np.empty(len(keys), np.int64)
    sums[order] = before - np.repeat(before[starts], np.diff(np.append(starts, len(keys))))
    return sums


def _starts(ordered: Array) -> Array:
    new = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    return np.flatnonzero(new)


@dataclass
class Memory:
    """The document so far, as a voice remembers it."""

    how: Recent
    codes: list[int] = field(default_factory=lambda: [0])
    met: dict[tuple[int, ...], dict[int, int]] = field(default_factory=lambda: defaultdict(dict))

    def mixed(self, expected: Floats) -> Floats:
        """float64 (levels,): what is expected, with what the document so far says."""
        chance = expected
        for length in self.how.lengths:
            followed = self.met.get(tuple(self.codes[-length:])) if len(self.codes) >= length else None
            if not followed:
                continue
            total = sum(followed.values())
            chance = chance * (self.how.off * len(followed) + self.how.doubt)
            for code, count in followed.items():
                chance[code] += count - self.how.off
            chance = chance / (total + self.how.doubt)
        return chance

    def take(self, code: int, own: bool = False) -> None:
        """Go on by that code. What is its own is not counted: it would take what it repeats for what is often said."""
        for length in () if own else self.how.lengths:
            if len(self.codes) >= length:
                followed = self.met[tuple(self.codes[-length:])]
                followed[code] = followed.get(code, 0) + 1
        self.codes.append(code)
