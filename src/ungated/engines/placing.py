"""Places on a map for rows that it was not drawn from: where their nearest known rows are.

A map such as t-SNE's is drawn row by row; there is no formula into which a new row could be put. But rows that are
alike lie close together on it, so a new row belongs where those most like it are. The middle of them would lie between
two islands where its neighbours are on both; so the place is taken that is least far from all of them in sum, the
geometric median, which goes to the island with more of them (Weiszfeld, Tohoku Mathematical Journal 43, 1937).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..core.algorithm import Fitted
from ..core.numbers import Answer, Array, Floats
from .neighbours import Neighbours

ASKED = 10  # neighbours that say where a new row belongs
STEPS = 12
AT_ONCE = 2048
LEAST = 1e-4  # of the widest direction: narrower ones are rounding
WIDE = 400  # directions from which on only those that are wanted are looked for


@dataclass(frozen=True)
class Placed(Fitted):
    """known float32 (n, r): rows, turned and cut by `axes` float32 (d, r) about `middle` float32 (d,), where drawn.

    places float32 (n, dims): where each lies.
    """

    known: Array
    places: Array
    middle: Array
    axes: Array

    @cached_property
    def _neighbours(self) -> Neighbours:
        return Neighbours(self.known)

    def answer(self, x: Array) -> Answer:
        parts = [self._place(x[i : i + AT_ONCE]) for i in range(0, len(x), AT_ONCE)]
        return np.concatenate(parts) if parts else np.empty((0, self.places.shape[1]))

    def _place(self, x: Array) -> Floats:
        turned = (np.asarray(x, np.float32) - self.middle) @ self.axes
        index, distance = self._neighbours.of(turned, ASKED, itself=True)
        found = self.places[index].astype(np.float64)
        known = distance[:, 0] <= self._neighbours.same
        weight = 1 / (np.square(distance) + 1e-3 * np.square(distance[:, -1:]) + 1e-30)
        weight /= weight.sum(axis=1, keepdims=True)
        place = median(found, weight)
        place[known] = found[known, 0]
        return place


def median(points: Floats, weight: Floats) -> Floats:
    """The places (m, dims) that are least far from their points (m, k, dims) in sum, each counted by its weight."""
    place = np.einsum("mk,mkd->md", weight, points)
    reach = np.sqrt(np.square(points - place[:, None]).sum(axis=2).mean(axis=1, keepdims=True)) * 1e-3 + 1e-12
    for _ in range(STEPS):
        far = np.sqrt(np.square(points - place[:, None]).sum(axis=2))
        pull = weight / np.maximum(far, reach)
        place = np.einsum("mk,mkd->md", pull / pull.sum(axis=1, keepdims=True), points)
    return place


def turned(x: Array, most: int, seed: int = 0) -> tuple[Floats, Array, Array]:
    """x (n, r), its middle (d,) and axes (d, r): along the r <= most directions in which x varies most, widest first.

    Turned and cut so, distances stay what they were but for what little the left-out directions add.
    """
    from scipy.sparse.linalg import eigsh

    n, d = x.shape
    middle = x.mean(axis=0, dtype=np.float64)
    sample = x if n <= 20_000 else x[np.random.default_rng(seed).permutation(n)[:20_000]]
    offset = (sample - middle).astype(np.float32)
    tall = len(offset) >= d
    products = (offset.T @ offset if tall else offset @ offset.T).astype(np.float64)
    r = max(1, min(most, *offset.shape))
    if len(products) > WIDE and r < len(products) // 4 and np.trace(products) > 0:
        start = np.random.default_rng(seed).normal(size=len(products))
        squares, vectors = eigsh(products, k=r, v0=start)
    else:
        squares, vectors = np.linalg.eigh(products)
    order = np.argsort(-squares, kind="stable")[:r]
    squares, vectors = np.maximum(squares[order], 0), vectors[:, order]
    axes = vectors if tall else offset.T @ vectors
    length = np.sqrt(np.square(axes).sum(axis=0))
    axes = np.where(length > LEAST * length.max(initial=1e-30), axes / np.maximum(length, 1e-30), 0.0)
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(r)] < 0, -1, 1)  # the same whichever way found
    return (x - middle) @ axes, middle.astype(np.float32), axes.astype(np.float32)
