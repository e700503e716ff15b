"""What every algorithm that makes pictures has in common: what it is given, for which classes it makes, its levels.

It does not know how pictures are made.
"""

import numpy as np

from ..core.algorithm import Card
from ..core.errors import InputError
from ..core.numbers import Array, Floats, Numbers
from .rows import check_counts

LEVELS = 1024  # steps of the curve from what is made, -REACH to REACH, to what a pixel may hold, 0 to 255
REACH = 1.5  # pictures go from -1 (black) to 1; what is made may overshoot
MOST_BENT = 24  # levels of a pixel, of 256, by which the curve may leave the straight line
SEEN = 2000  # training pictures by which the frequency of levels is known


def checked_pictures(card: Card, train: Numbers) -> tuple[Array, Array]:
    """x as uint8 (n, channels, height, width), y as int64 class codes from 0 on, or why not.

    Raises InputError for examples without pixels or with pixels that are not bytes, no examples, and labels that are
    not class codes.
    """
    x, y = np.asarray(train.x), np.asarray(train.y)
    if x.ndim != 4 or 0 in x.shape[1:]:
        raise InputError(f"{card.id}: there is no row or column of pixels to learn from (shape {x.shape}).")
    if x.dtype != np.uint8:
        raise InputError(f"{card.id}: it learns pictures whose pixels are bytes, not {x.dtype}.")
    check_counts(card, train)
    if not np.equal(y, np.floor(y)).all() or y.min() < 0:
        raise InputError(f"{card.id}: class codes must be integers from 0 on.")
    return x, y.astype(np.int64)


def proportional(shares: Floats, count: int) -> Array:
    """`count` class codes, int64, each as often as its share says (largest remainders), in rising order."""
    wanted = np.asarray(shares, np.float64) * count
    each = np.floor(wanted).astype(np.int64)
    each[np.argsort(each - wanted, kind="stable")[: count - each.sum()]] += 1
    return np.repeat(np.arange(len(each)), each)


def straight(channels: int) -> Array:
    """The curve that changes nothing: float32 (channels, LEVELS), from -REACH to REACH to levels, 0 to 255."""
    return np.tile(np.clip((_middles() + 1) * 127.5, 0, 255).astype(np.float32), (channels, 1))


def levels_like(made: Array, real: Array) -> Array:
    """The curves, float32 (channels, LEVELS), that make the levels of `made` as frequent as those of `real`.

    made: float (n, channels, height, width), about -1 to 1. real: uint8, the same but for n. Each channel's curve rises
    and stays near the straight one.
    """
    curves = straight(real.shape[1])
    some = real[:: max(1, len(real) // SEEN)]
    for c, line in enumerate(curves):
        places = np.clip((made[:, c] + REACH) * (LEVELS / (2 * REACH)), 0, LEVELS - 1).astype(np.int64)
        here = np.bincount(places.ravel(), minlength=LEVELS)
        there = np.bincount(some[:, c].ravel(), minlength=256)
        at = (np.cumsum(here) - here / 2) / here.sum()
        bent = np.searchsorted(np.cumsum(there) / there.sum(), at)
        curves[c] = np.clip(bent, np.maximum(line - MOST_BENT, 0), np.minimum(line + MOST_BENT, 255))
    return curves


def relevelled(made: Array, curves: Array) -> Array:
    """What was made, float (n, channels, height, width), as levels from 0 to 255, not rounded: float32."""
    levels = [np.interp(made[:, c], _middles(), curve) for c, curve in enumerate(curves)]
    return np.stack(levels, axis=1).astype(np.float32)


def rounded(levels: Array) -> Array:
    """Levels as bytes."""
    return np.rint(levels).astype(np.uint8)


def _middles() -> Floats:
    return np.asarray((np.arange(LEVELS) + 0.5) * (2 * REACH / LEVELS) - REACH, np.float64)
