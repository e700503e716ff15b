"""What a picture is made of, wherever it stands: how often each colour, how often each small pattern of light.

Colours: a histogram of hue, saturation and value (Swain & Ballard, 1991). Patterns: local binary patterns (Ojala,
Pietikainen & Maenpaa, 2002), which ask of each pixel which of its eight neighbours are brighter. All are square roots
of shares, under which a straight distance compares histograms fairly (Hellinger).
"""

from functools import cache

import numpy as np

HUES, SATURATIONS, VALUES = 12, 4, 4
PATTERNS = 59  # the 58 in which brightness changes at most twice on the way round, and all others as one
_NOISE = 2  # grey levels by which a neighbour must be brighter
_NEIGHBOURS = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))


@cache
def _colour_of() -> np.ndarray:
    """uint8 (32 * 32 * 32,): the bin of hue, saturation and value of each colour of five bits a channel."""
    level = (np.arange(32, dtype=np.float32) * 8 + 4) / 256
    red, green, blue = np.meshgrid(level, level, level, indexing="ij")
    high, low = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    span = np.maximum(high - low, 1e-6)
    hue = np.where(
        high == red,
        (green - blue) / span % 6,
        np.where(high == green, (blue - red) / span + 2, (red - green) / span + 4),
    )
    parts = (hue / 6 % 1.0, (high - low) / high, high)
    h, s, v = (np.minimum((p * k).astype(int), k - 1) for p, k in zip(parts, (HUES, SATURATIONS, VALUES), strict=True))
    return ((h * SATURATIONS + s) * VALUES + v).ravel().astype(np.uint8)


def colours(pictures: np.ndarray) -> np.ndarray:
    """float32 (n, 192): how much of each colour, from uint8 (n, height, width, 3)."""
    five = pictures.reshape(len(pictures), -1, 3).astype(np.int32) >> 3
    return _shares(_colour_of()[(five[..., 0] * 32 + five[..., 1]) * 32 + five[..., 2]], HUES * SATURATIONS * VALUES)


def colour_names() -> list[str]:
    """What each number of `colours` counts."""
    hues = ("red", "orange", "yellow", "lime", "green", "mint", "cyan", "azure", "blue", "violet", "magenta", "pink")
    strong, bright = ("greyish", "pale", "mild", "strong"), ("black", "dark", "medium", "bright")
    return [f"{b} {s} {h}" for h in hues for s in strong for b in bright]


@cache
def _pattern_of() -> np.ndarray:
    """uint8 (256,): which of the 59 patterns each set of brighter neighbours is."""
    bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)
    even = (bits != np.roll(bits, 1, axis=1)).sum(1) <= 2
    return np.where(even, np.cumsum(even), 0).astype(np.uint8)


def patterns(pictures: np.ndarray) -> np.ndarray:
    """float32 (n, 59): how often each pattern of light, from uint8 (n, height, width, 1), 3 or more a side."""
    x = pictures[..., 0]
    height, width = x.shape[1] - 2, x.shape[2] - 2
    middle = np.minimum(x[:, 1:-1, 1:-1], 255 - _NOISE) + np.uint8(_NOISE)
    codes = np.zeros(middle.shape, np.uint8)
    for bit, (dy, dx) in enumerate(_NEIGHBOURS):
        codes |= (x[:, dy : dy + height, dx : dx + width] > middle).astype(np.uint8) << np.uint8(bit)
    return _shares(_pattern_of()[codes].reshape(len(x), -1), PATTERNS)


def _shares(codes: np.ndarray, levels: int) -> np.ndarray:
    """float32 (n, levels): the square root of each code's share of a row."""
    n, each = codes.shape
    flat = codes.astype(np.int64) + np.arange(n)[:, None] * levels
    counts = np.bincount(flat.ravel(), minlength=n * levels).reshape(n, levels)
    return np.sqrt(counts / each).astype(np.float32)
