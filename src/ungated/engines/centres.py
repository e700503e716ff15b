"""Centres that gather the rows around them: k-means++ to begin with, then Lloyd's steps.

Paper: Lloyd, "Least squares quantization in PCM", Bell Labs 1957 (IEEE Transactions on Information Theory 28, 1982);
Arthur & Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007.
"""

import numpy as np

from ..core.clock import Clock
from ..core.numbers import Array, Floats
from .grouping import nearest, squared

STARTS = 3
STEPS = 100
MOST_BEGIN = 5000  # rows of which the beginnings are drawn


def scattered(x: Floats, k: int, rng: np.random.Generator) -> Floats:
    """k rows as centres (k, d), each drawn by its squared distance from those before it: far apart, yet typical."""
    chosen = [int(rng.integers(len(x)))]
    far = squared(x, x[chosen])[:, 0]
    for _ in range(k - 1):
        if far.sum() <= 0:
            chosen.append(int(rng.integers(len(x))))
            continue
        tried = rng.choice(len(x), size=2 + int(np.log(k)), p=far / far.sum())  # of a few, the one that helps most
        left = np.minimum(far, squared(x[tried], x))
        chosen.append(int(tried[left.sum(axis=1).argmin()]))
        far = left[left.sum(axis=1).argmin()]
    return x[chosen].copy()


def settled(x: Floats, centres: Floats, clock: Clock) -> tuple[Floats, Array, float]:
    """Lloyd's steps until no row changes its centre: (centres (k, d), the centre of each row (n,), squared error)."""
    groups = np.full(len(x), -1)
    for _ in range(STEPS):
        found = nearest(x, centres)
        if (found == groups).all():
            break
        groups = found
        centres = centres.copy()
        for c in range(len(centres)):
            if (inside := groups == c).any():
                centres[c] = x[inside].mean(axis=0)
        if clock.expired:
            break
    return centres, nearest(x, centres), float(np.square(x - centres[groups]).sum())


def k_means(x: Floats, k: int, clock: Clock, starts: int = STARTS) -> tuple[Floats, Array]:
    """The best of several starts: centres (k, d) and the centre of each row (n,)."""
    rng = np.random.default_rng([clock.seed, k])
    few = x if len(x) <= MOST_BEGIN else x[rng.permutation(len(x))[:MOST_BEGIN]]
    best = None
    for _ in range(starts):
        found = settled(few, scattered(few, k, rng), clock)
        best = found if best is None or found[2] < best[2] else best
        if clock.expired:
            break
    assert best is not None
    centres, groups, _ = best if few is x else settled(x, best[0], clock)
    return centres, groups
