"""Which known rows are nearest to a row: exact, in any number of columns, a row that is itself known left out.

In few columns a tree of boxes finds them (Bentley, "Multidimensional binary search trees", CACM 18, 1975), in many a
matrix product; scikit-learn knows when which. Who asks about a row that was learned from means the others: so that a
row's answer is the same whether it is met while learning or later, one known row at no distance is passed over.
"""

from functools import cached_property
from typing import Any

import numpy as np

from ..core.algorithm import Machine
from ..core.numbers import Array, Floats

AT_ONCE = 2048  # rows asked about at a time, so that memory stays bounded and a clock can be asked
FLAT = 15  # columns up to which a tree is quicker than comparing with all
SAME = 1e-6  # of the rows' spread: nearer than that is the same row


class Neighbours:
    """Known rows, float32 (n, d), to be asked for the nearest."""

    def __init__(self, known: Array) -> None:
        self.known = np.ascontiguousarray(known, np.float32)
        self.same = SAME * max(float(np.sqrt(self.known.var(axis=0, dtype=np.float64).sum())), 1e-12)

    @cached_property
    def _finder(self) -> Any:
        from sklearn.neighbors import NearestNeighbors

        flat = self.known.shape[1] <= FLAT and len(self.known) > 64
        return NearestNeighbors(algorithm="kd_tree" if flat else "brute").fit(self.known)

    def of(self, x: Array, k: int, itself: bool = False) -> tuple[Array, Floats]:
        """Indices and distances (m, k) of the nearest to each row of x, nearest first; fewer where fewer are known.

        One known row that is the asked row itself is passed over, unless it is the only one or wanted (`itself`).
        """
        n = len(self.known)
        k = min(k, n if itself else max(n - 1, 1))
        if not len(x):
            return np.zeros((0, k), np.int64), np.zeros((0, k))
        wanted = k if itself else min(k + 1, n)
        asked = np.ascontiguousarray(x, np.float32)
        distance, index = self._finder.kneighbors(asked, n_neighbors=wanted)
        if wanted == k:
            return index, distance.astype(np.float64)
        passed = (distance[:, 0] <= self.same)[:, None]
        index = np.where(passed, index[:, 1:], index[:, :-1])
        return index, np.where(passed, distance[:, 1:], distance[:, :-1]).astype(np.float64)


def seconds(known: float, asked: float, d: int, k: int, on: Machine) -> float:
    """What finding the k nearest of so many rows takes on one thread."""
    if d <= FLAT:
        return 2e-3 + asked * (1e-6 * k + 4e-6 * 1.35**d) + 2e-6 * known
    return 2e-3 + asked * known * (5.0 * d / (on.gflops * 1e9) + 0.012 / (on.scalar * 1e6)) + asked * k * 1e-6
