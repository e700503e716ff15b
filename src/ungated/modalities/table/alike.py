"""Columns that measure the same thing on the same scale, as pixels or marks from 1 to 5 do, keep their proportions.

Scaled one by one, a pixel in the corner, which is nearly always dark, would count as much as one in the middle. Where
many columns share their smallest and their largest value, that is no accident: they are scaled by one width.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .numeric import NumberPart

FEWEST = 8  # columns of one range that are no accident
SHARE = 0.4  # of the columns of numbers that they must be


def measured_alike(parts: Sequence[Any]) -> list[Any]:
    """The parts, those of numbers within a range that many share scaled by one width: the median of theirs."""
    scaled = [p for p in parts if isinstance(p, NumberPart) and p.scale and p.high > p.low]
    ranges = Counter((p.low, p.high) for p in scaled)
    if not ranges:
        return list(parts)
    (low, high), count = ranges.most_common(1)[0]
    if count < max(FEWEST, SHARE * len(scaled)):
        return list(parts)
    within = {p.source for p in scaled if low <= p.low and p.high <= high}
    widths = [1 / p.scale for p in scaled if p.source in within and not p.log]
    scale = 1 / float(np.median(widths or [high - low]))
    return [
        replace(p, log=0.0, centre=p.fill_in, scale=scale)
        if isinstance(p, NumberPart) and p.scale and p.source in within
        else p
        for p in parts
    ]
