"""Steps of what is learned bit by bit: all of them where the clock allows, else as far apart as they must be."""

import math
import time
from collections.abc import Iterator

from ..core.clock import Clock

TRIED = 5  # steps by which it is known how long one takes
SPENT = 0.95  # of the time left that steps may take


def paced(steps: int, clock: Clock) -> Iterator[float]:
    """How far it is, from 0 to below 1, before each step; always the same `steps` unless the clock would run out.

    What is in turn done early and late is so done in its share of whatever steps there are.
    """
    started, taken, progress = time.monotonic(), 0, 0.0
    while progress < 1 - 1e-9:
        yield progress
        taken += 1
        if clock.expired:
            return
        a_step = (time.monotonic() - started) / taken
        affordable = SPENT * clock.left() / max(a_step, 1e-9) if taken >= TRIED else math.inf
        progress += (1 - progress) / max(1.0, min(steps - taken + 1, affordable))
