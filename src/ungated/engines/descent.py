"""Downhill over very many numbers: L-BFGS in a few passes over its memory, for the weights of sparse rows.

SciPy's own keeps track of bounds, which costs more than the error itself once there are 100,000 numbers to move.
Paper: Nocedal, "Updating Quasi-Newton Matrices with Limited Storage", Mathematics of Computation 35, 1980.
"""

from collections import deque
from collections.abc import Callable

import numpy as np

from ..core.numbers import Floats

MEMORY = 6  # steps by which the curvature is known
ARMIJO = 1e-4


def descend(
    error: Callable[[Floats], tuple[float, Floats]],
    start: Floats,
    steps: int,
    tolerance: float,
    more: Callable[[], bool],
) -> Floats:
    """The place (d,) with the least error that is reached from `start` in at most `steps` steps.

    error: gives the error and its slope (d,). It ends where a step betters the error by less than `tolerance` of it,
    and after any step where `more` says no.
    """
    here = start.copy()
    value, slope = error(here)
    past: deque[tuple[Floats, Floats, float]] = deque(maxlen=MEMORY)
    for _ in range(steps):
        way = -_bent(slope, past)
        fall = float(way @ slope)
        if fall >= 0 or not np.isfinite(fall):
            break
        length = 1.0 if past else min(1.0, 1.0 / (float(np.abs(slope).sum()) + 1e-12))
        for _ in range(20):
            there = here + length * way
            next_value, next_slope = error(there)
            if next_value <= value + ARMIJO * length * fall:
                break
            length /= 2
        else:
            break
        moved, turned = there - here, next_slope - slope
        if (curve := float(moved @ turned)) > 1e-12:
            past.append((moved, turned, curve))
        gained = value - next_value
        here, value, slope = there, next_value, next_slope
        if (gained <= tolerance * max(abs(value), 1e-12) and len(past) > 1) or not more():
            break
    return here


def _bent(slope: Floats, past: deque[tuple[Floats, Floats, float]]) -> Floats:
    """The slope as the remembered curvature bends it towards the bottom: the two loops of the paper."""
    bent, shares = slope.copy(), []
    for moved, turned, curve in reversed(past):
        shares.append(float(moved @ bent) / curve)
        bent -= shares[-1] * turned
    if past:
        _, turned, curve = past[-1]
        bent *= curve / float(turned @ turned)
    for (moved, turned, curve), share in zip(past, reversed(shares), strict=True):
        bent += (share - float(turned @ bent) / curve) * moved
    return bent
