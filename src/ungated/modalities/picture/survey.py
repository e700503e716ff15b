"""Which size all pictures of a column get, and whether they are in colour: from the headers of a few hundred of them.

Small pictures that are all of one size keep it: a digit of 28 x 28 is not made better by scaling. Large ones come down
to at most 96 pixels on the long side, fewer where memory is short or the pictures are many: what a network costs grows
with the area.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .decode import MOST_PIXELS, decode, opened, orientation, quiet, white_of
from .formats import Unreadable, header
from .packed import HEADER, is_packed, unpack

LONGEST, SHORTEST = 96, 16  # pixels on the long side of what is scaled down
_OWN = 64  # pixels on the long side up to which pictures of one size keep it
_HEADERS, _LOOKED_AT = 256, 48  # pictures whose header is read; whose pixels are
_WIDEST = 2.0  # sides' ratio
_WORK = 1 << 27  # pixels of all pictures together that a network can go over many times in minutes
_TINT = 12  # grey levels between a pixel's channels that make it coloured: less is a scanner's yellow


def survey(files: Sequence[Path | bytes], most_bytes: int, rows: int) -> dict[str, Any]:
    """How to decode a column: {"height", "width", "channels", "white", "why"}, plain JSON values.

    files: paths, contents or packed pictures, some or all of the column's. most_bytes: what the whole column may take
    in memory. rows: how many pictures it has. white: what is white in pictures of more than 8 bits, 0 for none seen.
    Files that cannot be read are passed over; where none can, the answer is 16 x 16, and `decode` says why.
    """
    with quiet():
        sizes = [s for f in _some(files, _HEADERS) if (s := size_of(f))]
        white = max((_white(f) for f in _some(files, _LOOKED_AT)), default=0.0)
    if not sizes:
        return {"height": SHORTEST, "width": SHORTEST, "channels": 1, "white": 0.0, "why": "no picture could be read"}
    high, wide = np.array(sizes, np.float64).T
    channels = 3 if _coloured(_some(files, _LOOKED_AT)) else 1
    longest = _longest(np.maximum(high, wide), most_bytes, rows, channels)
    common, same = _commonest(sizes)
    if same and max(common) <= max(_OWN, SHORTEST) and common[0] * common[1] * channels * rows <= max(most_bytes, 1):
        height, width, why = *common, "the pictures' own size"
    else:
        height, width = _sides(high, wide, longest)
        why = f"scaled: pictures are {_range(wide)} pixels wide, {_range(high)} high"
    return {"height": height, "width": width, "channels": channels, "white": white, "why": why}


def _some(files: Sequence[Path | bytes], most: int) -> list[Path | bytes]:
    """At most so many, spread evenly over the whole."""
    at = np.linspace(0, len(files) - 1, min(most, len(files))).astype(int)
    return [files[k] for k in np.unique(at).tolist()]


def size_of(source: Path | bytes) -> tuple[int, int] | None:
    """(height, width) once upright; None where it cannot be read."""
    if isinstance(source, bytes) and is_packed(source):
        height, width, _ = HEADER.unpack_from(source)
        return height, width
    try:
        with opened(source) as file:
            image = header(file)
            if not 0 < image.width * image.height <= MOST_PIXELS:
                return None
            turned = orientation(image) >= 5 and image.format != "TIFF"  # whose size is given as turned already
    except Unreadable:
        return None
    return (image.width, image.height) if turned else (image.height, image.width)


def _white(source: Path | bytes) -> float:
    """What is white in a picture of more than 8 bits a pixel; 0 for others."""
    if isinstance(source, bytes) and is_packed(source):
        return 0.0
    try:
        with opened(source) as file:
            image = header(file)
            deep = image.mode[:1] in "IF" and 0 < image.width * image.height <= MOST_PIXELS
            numbers = np.asarray(image, np.float32) if deep else np.zeros(0)
    except Exception:  # damaged pixels are told of by `decode`
        return 0.0
    finite = numbers[np.isfinite(numbers)]
    return white_of(float(finite.max())) if len(finite) and finite.max() > 0 else 0.0


def _coloured(files: list[Path | bytes]) -> bool:
    """Whether some pictures show colour in more than a hundredth of their pixels."""
    cells, _ = decode(files, {"height": 32, "width": 32, "channels": 3})
    return any((np.ptp(unpack(c).astype(np.int16), axis=2) > _TINT).mean() > 0.01 for c in cells if c)


def _commonest(sizes: list[tuple[int, int]]) -> tuple[tuple[int, int], bool]:
    """The size that most have, and whether nearly all have it."""
    met, counts = np.unique(np.array(sizes), axis=0, return_counts=True)
    height, width = met[counts.argmax()]
    return (int(height), int(width)), bool(counts.max() >= 0.9 * len(sizes))


def _longest(sides: np.ndarray, most_bytes: int, rows: int, channels: int) -> int:
    """Pixels on the long side: the pictures' own, at most 96, less where memory or work would be too much."""
    by_memory = math.sqrt(max(1, most_bytes) / max(1, rows) / channels)
    by_work = max(32.0, math.sqrt(_WORK / max(1, rows)))
    return int(max(SHORTEST, min(LONGEST, float(np.median(sides)), by_work, by_memory)))


def _sides(high: np.ndarray, wide: np.ndarray, longest: int) -> tuple[int, int]:
    """(height, width): the middle ratio of sides; square where some stand and some lie, or nearly square.

    In steps of 8 pixels, which networks halve three times without a remainder; of 4 below 32.
    """
    ratio = wide / high
    mixed = min((ratio > 1.1).mean(), (ratio < 1 / 1.1).mean()) > 0.15
    middle = float(np.clip(np.median(ratio), 1 / _WIDEST, _WIDEST))
    if mixed or 1 / 1.15 < middle < 1.15:
        middle = 1.0
    step = 8 if longest >= 32 else 4
    height, width = (longest / middle, longest) if middle >= 1 else (longest, longest * middle)
    return max(step, int(height / step + 0.25) * step), max(step, int(width / step + 0.25) * step)


def _range(sides: np.ndarray) -> str:
    low, high = int(sides.min()), int(sides.max())
    return f"{low}" if low == high else f"{low} to {high}"
