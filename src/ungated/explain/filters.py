"""What a network's first layer looks for: its filters, as it has learned them."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..core.algorithm import State

SIDES = range(3, 17)  # pixels a side that a filter of a first layer may have: less shows nothing, more is no filter
PLANES = (1, 3)  # grey or colour
MOST = 48


def filters(states: Iterable[State]) -> dict[str, Any] | None:
    """A figure of the first layer of the first of these that learned any; None where none did.

    states: what fitted algorithms learned, the weightiest first. A first layer is an array of (filters, planes, height,
    width) with the planes of a picture.
    """
    for state in states:
        found = [a for a in state.arrays.values() if a.ndim == 4 and a.shape[1] in PLANES and _seen(a.shape)]
        if found:
            kernels = np.asarray(found[0], np.float64)
            strong = np.argsort(-np.square(kernels).sum(axis=(1, 2, 3)), kind="stable")[:MOST]
            items = [{"values": np.round(kernels[k], 4).tolist()} for k in strong]
            return {"kind": "filters", "title": "What its first layer looks for", "items": items}
    return None


def _seen(shape: tuple[int, ...]) -> bool:
    return shape[2] in SIDES and shape[3] in SIDES
