"""Small pictures for a page: a picture, or many side by side, as a data URI that needs no file beside it."""

import base64
from collections.abc import Sequence
from io import BytesIO

import numpy as np
from PIL import Image

from .packed import unpack

_GAP = 2  # pixels between the pictures of a mosaic
_PAPER = 255


def preview(cell: bytes, side: int = 96) -> str:
    """A packed picture as a data URI, about `side` pixels on its long side.

    Small ones are enlarged by a whole factor, their pixels left sharp, and kept exact (PNG); others are JPEG.
    """
    return _uri(_sized(unpack(cell), side))


def mosaic(cells: Sequence[bytes], side: int = 48, across: int = 10) -> str:
    """Many packed pictures in rows of `across`, as one data URI; each within a square of `side` pixels."""
    tiles = [_sized(unpack(c), side) for c in cells]
    wide = min(across, len(tiles)) or 1
    high = -(-len(tiles) // wide) or 1
    sheet = Image.new("RGB", (wide * (side + _GAP), high * (side + _GAP)), (_PAPER,) * 3)
    for k, tile in enumerate(tiles):
        left, top = k % wide * (side + _GAP), k // wide * (side + _GAP)
        sheet.paste(tile.convert("RGB"), (left + (side - tile.width) // 2, top + (side - tile.height) // 2))
    return _uri(sheet)


def _sized(picture: np.ndarray, side: int) -> Image.Image:
    image = Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)
    longest = max(image.size)
    if longest * 2 <= side:
        factor = side // longest
        return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    if longest > side:
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return image


def _uri(image: Image.Image) -> str:
    few = image.width * image.height <= 64 * 64 or image.mode == "L"
    out = BytesIO()
    image.save(out, "PNG", optimize=True) if few else image.save(out, "JPEG", quality=85)
    return f"data:image/{'png' if few else 'jpeg'};base64,{base64.b64encode(out.getvalue()).decode('ascii')}"
