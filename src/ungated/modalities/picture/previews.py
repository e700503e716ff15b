"""Small pictures for a page: a picture, its edges, or many side by side, as data URIs that need no file beside them."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from ...core.shown import data_uri
from . import hog
from .decode import decode
from .packed import unpack
from .survey import size_of

_GAP = 2  # pixels between the pictures of a mosaic
_PAPER = 255
_PLACE = (4, 6)  # pixels a side of a place whose edges are drawn, about, of small pictures and of others
_PLACES = (4, 16)  # places along a side, at least and at most
_FINE = 3  # times as large it is drawn before it is scaled down, so that lines are smooth


def preview(cell: bytes, side: int = 96) -> str:
    """A packed picture as a data URI, about `side` pixels on its long side.

    Small ones are enlarged by a whole factor, their pixels left sharp, and kept exact (PNG); others are JPEG.
    """
    return _uri(_sized(unpack(cell), side))


def original(source: Path | bytes, side: int = 288) -> str:
    """A file's own picture, upright and in its own shape, as `preview` gives it; "" where it cannot be read."""
    size = size_of(source)
    if size is None:
        return ""
    scale = min(1.0, side / max(size))
    height, width = (max(1, round(n * scale)) for n in size)
    cells, _ = decode([source], {"height": height, "width": width, "channels": 3})
    return preview(cells[0], side) if cells[0] is not None else ""


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


def sheet(cells: Sequence[bytes | None], side: int, across: int, most: int) -> str:
    """Many packed pictures in squares of `side` pixels, `across` in a line, nothing between them, as one data URI.

    As coarse as it must be for at most about `most` bytes; "" where even that is too much. None stays empty.
    """
    lines = -(-len(cells) // across) or 1
    tiles = [None if c is None else _sized(unpack(c), side) for c in cells]
    grey = all(t is None or t.mode == "L" for t in tiles)
    whole = Image.new("L" if grey else "RGB", (across * side, lines * side), 128 if grey else (128,) * 3)
    for k, tile in enumerate(tiles):
        if tile is not None:
            square = tile.convert(whole.mode).resize((side, side), Image.Resampling.LANCZOS)
            whole.paste(square, (k % across * side, k // across * side))
    for quality in (80, 60, 40, 20):
        out = BytesIO()
        whole.save(out, "JPEG", quality=quality, optimize=True)
        if out.tell() <= most:
            return data_uri("image/jpeg", out.getvalue())
    return ""


def edges(cell: bytes, side: int = 288) -> str:
    """A packed picture's histograms of oriented gradients, drawn, as a data URI of `side` pixels on its long side.

    Each place has a line for each direction in which edges run there, the brighter the stronger they are.
    """
    pixels = unpack(cell)
    height, width = pixels.shape[:2]
    place = _PLACE[max(height, width) > 48]
    rows, columns = (min(n, max(_PLACES[0], min(_PLACES[1], round(n / place)))) for n in (height, width))
    strong = hog.normalised(hog.cells(hog.gradients(pixels[None]), (rows, columns)))[0]
    strong /= max(float(strong.max()), 1e-6)
    scale = _FINE * side / max(height, width)
    image = Image.new("L", (max(1, round(width * scale)), max(1, round(height * scale))))
    draw = ImageDraw.Draw(image)
    high, wide = image.height / rows, image.width / columns
    reach, thick = 0.46 * min(high, wide), max(1, round(0.07 * min(high, wide)))
    for k in np.argsort(strong, axis=None, kind="stable"):  # the strongest last, on top
        r, c, direction = np.unravel_index(k, strong.shape)
        angle = np.pi * direction / hog.DIRECTIONS  # of the gradient: its edge runs across it
        dx, dy = -np.sin(angle) * reach, np.cos(angle) * reach
        x, y = (c + 0.5) * wide, (r + 0.5) * high
        draw.line((x - dx, y - dy, x + dx, y + dy), int(255 * strong[r, c, direction]), thick)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return _uri(image)


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
    return data_uri(f"image/{'png' if few else 'jpeg'}", out.getvalue())
