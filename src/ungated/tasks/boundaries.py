"""How clearly groups are parted, seen on rows that they were not made of: are their boundaries emptier than chance?

Cut any cloud of points in two, and near neighbours are parted less often than far ones: in a cloud without gaps, the
share of a row's neighbours that lie on the other side grows in proportion to how far one looks, whatever the cloud's
shape, its density and its number of columns. Where a valley runs along the boundary the share is small at first and
then rises steeply. So of each group the *leak* is taken: the share of parted neighbours close by, over the share that
the steepest of all wider looks foretells for so close by. It is about 1 where a boundary was merely drawn, and near 0
where it was found.

Cost: O(n² log n) once for the rows that judge, n of 2,000 at most; O(n²) for each parting.
Idea: the variogram of an indicator near its origin (Matheron, Economic Geology 58, 1963).
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from ..core.numbers import Answer, Array, Floats
from ..engines.grouping import squared, unrounded, weights

NEAR = 0.7  # times the root of the rows: neighbours that are close by ...
FEWEST_NEAR, MOST_NEAR = 3, 10  # ... within these bounds
GROWTH = 1.5  # from one look to the next wider one
WIDEST = 0.7  # of the rows: beyond that every look sees everything
MOST_ROWS = 2000
DEMANDED = 2.5  # a boundary counts in so far as it is less than 1/DEMANDED as leaky as one that was merely drawn
DOUBT = 1.0  # standard errors of a count of parted neighbours that are held against a parting, in the search
MOST_LEAK = 1.5
KEPT = 3  # sets of rows whose neighbours are remembered


@dataclass(frozen=True)
class Places:
    """Rows that judge, and who is near whom.

    rows: places of those looked at, of all that were given. order: (n, widest) each row's neighbours, nearest first.
    looks: how many neighbours each look takes in. far: (n, looks) the mean distance of these.
    """

    rows: Array
    order: Array
    looks: Array
    far: Floats


_KEPT: OrderedDict[bytes, Places] = OrderedDict()


def places(y: Array) -> Places:
    """Who is near whom among rows y (n, d). The last few sets of rows are remembered."""
    y = np.ascontiguousarray(y)
    key = hashlib.blake2b(y.tobytes(), digest_size=16).digest()
    if key not in _KEPT:
        _KEPT[key] = _places(y)
        while len(_KEPT) > KEPT:
            _KEPT.popitem(last=False)
    _KEPT.move_to_end(key)
    return _KEPT[key]


def _places(y: Array) -> Places:
    rows = np.arange(len(y))
    if len(y) > MOST_ROWS:
        rows = np.sort(np.random.default_rng(0).permutation(len(y))[:MOST_ROWS])
    x = unrounded(y[rows] * weights(y[rows]), seed=1)
    x -= x.mean(axis=0)
    looks = [min(int(np.clip(NEAR * np.sqrt(len(x)), FEWEST_NEAR, MOST_NEAR)), len(x) - 1)]
    while looks[-1] * GROWTH < WIDEST * len(x):
        looks.append(int(np.ceil(looks[-1] * GROWTH)))
    far = squared(x, x)
    np.fill_diagonal(far, -1)
    order = np.argsort(far, axis=1, kind="stable")[:, 1 : looks[-1] + 1].astype(np.int32)
    away = np.cumsum(np.sqrt(np.take_along_axis(far, order, axis=1)), axis=1)
    counts = np.array(looks)
    return Places(rows, order, counts, away[:, counts - 1] / counts)


@dataclass(frozen=True)
class Parted:
    """Of each row that judges: its group (n,), -1 for none, and the share of its neighbours parted from it (n, looks).

    A row in no group is parted from all.
    """

    groups: Array
    shares: Floats
    places: Places

    def leaks(self, chosen: Floats, doubt: float) -> tuple[Floats, Floats]:
        """(share of the rows, leak) of every group, each (..., groups).

        chosen: how often each row counts, (..., n). doubt: standard errors that are added to what is parted close by.
        """
        inside = (self.groups[:, None] == np.arange(max(1, self.groups.max(initial=0) + 1))).astype(np.float64)
        mass = np.maximum(chosen @ inside, 1e-12)
        near, of = self.places.looks[0], self.places.looks
        parted = np.stack([chosen @ (inside * self.shares[:, j, None]) for j in range(len(of))])
        away = np.stack([chosen @ (inside * self.places.far[:, j, None]) for j in range(len(of))])
        slope = parted / np.maximum(away, 1e-12)
        steepest = slope.max(axis=0)
        close = np.minimum(parted[0] + doubt * np.sqrt(parted[0] / near), mass) / np.maximum(away[0], 1e-12)
        leak = np.where(steepest > 0, close / np.maximum(steepest, 1e-12), 0.0)
        return mass / chosen.sum(axis=-1, keepdims=True), np.minimum(leak, MOST_LEAK)


def parted(y: Array, answer: Answer) -> Parted:
    """Who is parted from whom by the answers (n, groups) to the rows y (n, d)."""
    at = places(y)
    said = answer[at.rows]
    groups = np.where(said.max(axis=1) > 0, said.argmax(axis=1), -1)
    other = groups[at.order] != groups[:, None]
    other[groups < 0] = True
    starts = np.r_[0, at.looks[:-1]]
    counts = np.cumsum(np.add.reduceat(other, starts, axis=1, dtype=np.int64), axis=1)
    return Parted(groups, counts / at.looks, at)


def blur(said: Parted, chosen: Floats, doubt: float, demanded: float = DEMANDED) -> Floats:
    """1 over the number of groups that hold up, (...,): their entropy, each with what its leak leaves of it.

    One group is 1; k groups of like size without a leak are 1/k; groups that were merely drawn come to more than 1.
    demanded: as DEMANDED; where it is less than 1/MOST_LEAK, no group counts for less than nothing.
    """
    if len(np.unique(said.groups[said.groups >= 0])) < 2:  # one group and rows beside it part nothing
        return np.ones(chosen.shape[:-1])
    share, leak = said.leaks(chosen, doubt)
    held = -share * np.log2(np.maximum(share, 1e-12)) * (1 - demanded * leak)
    return np.exp2(-held.sum(axis=-1))
