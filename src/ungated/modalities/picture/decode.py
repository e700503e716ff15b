"""Files of pictures become pixels of one size: uint8, upright, without transparency.

What a file is, its first bytes say, not its name. Its size is known from its header before a pixel is unpacked, so a
small file cannot fill the memory. Whatever a file does wrong makes it `Broken`, with a reason, and its cell empty.

A picture of another shape than the table's is scaled to cover it and cut at the sides, but at most a quarter of a side
is cut: what a picture is of mostly stands in the middle. What then is still too long is kept whole and the rest filled
with the colour of the picture's edge, so that no edge appears that is not in the picture. Nothing is ever squeezed.
Transparent parts lie over mid-grey, on which neither black nor white drawings vanish.
"""

import logging
import math
import os
import stat
import threading
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageFile

from ..broken import Broken
from .formats import Unreadable, header
from .packed import is_packed, pack, unpack

MOST_PIXELS = 100_000_000  # of one picture: 300 MB while it is unpacked
MOST_CUT = 0.25  # of one side of a picture
GREY = 128
_MOST_THREADS = 4
_LARGE = 16_000_000  # pixels: such pictures are unpacked one at a time
_one_at_a_time = threading.Lock()
_DEEP = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")  # more than 8 bits a pixel, all of them grey
_WHITES = (1.0, 255.0, 1023.0, 4095.0, 16383.0, 65535.0)  # what counts as white, by how many bits the numbers need
_TURNS = {  # EXIF orientation: what sets the picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
logging.getLogger("PIL").addHandler(logging.NullHandler())  # what it would say to a terminal, `Broken` says


def decode(
    files: Sequence[Path | bytes | None], how: dict[str, Any], *, names: Sequence[str] | None = None
) -> tuple[list[bytes | None], list[Broken]]:
    """One cell for each file, all of the size in `how` (see `survey`): (cells as `pack` makes them, what was broken).

    files: paths, contents of files, or packed pictures of any size; None where there is none, which is not an error.
    names: what to call each file in `Broken`; without them, its path, or its number counted from 1.
    """

    def one(at: int) -> bytes | Broken | None:
        source = files[at]
        if source is None:
            return None
        try:
            return _cell(source, how)
        except Unreadable as e:
            return Broken(_name(files, names, at), str(e))

    threads = min(_MOST_THREADS, _cores(), len(files))
    with quiet():
        if threads < 2 or len(files) < 8:
            done = [one(at) for at in range(len(files))]
        else:
            with ThreadPoolExecutor(threads) as pool:
                done = list(pool.map(one, range(len(files))))
    return [None if isinstance(d, Broken) else d for d in done], [d for d in done if isinstance(d, Broken)]


def _name(files: Sequence[Path | bytes | None], names: Sequence[str] | None, at: int) -> str:
    if names is not None:
        return names[at]
    return str(files[at]) if isinstance(files[at], Path) else f"picture {at + 1}"


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


@contextmanager
def quiet() -> Iterator[None]:
    """No warnings of decoders: what is wrong with a file is said by `Broken`, or was put right."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _cell(source: Path | bytes, how: dict[str, Any]) -> bytes:
    height, width, channels = how["height"], how["width"], how["channels"]
    if isinstance(source, bytes) and is_packed(source):
        picture = unpack(source)
        if picture.shape == (height, width, channels):
            return source
        image = Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)
        return pack(_to_size(image, height, width, channels))
    with opened(source) as file:
        return pack(_read(file, height, width, channels, how.get("white", 0.0)))


@contextmanager
def opened(source: Path | bytes) -> Iterator[BinaryIO]:
    """A file to read from. Raises Unreadable where there is nothing that can be read; never waits for a pipe."""
    if isinstance(source, bytes):
        if not source:
            raise Unreadable("is empty")
        yield BytesIO(source)
        return
    try:
        about = os.stat(source)
        if stat.S_ISDIR(about.st_mode):
            raise Unreadable("is a folder, not a picture")
        if not stat.S_ISREG(about.st_mode):
            raise Unreadable("is not a plain file")
        if not about.st_size:
            raise Unreadable("is empty")
        file = open(source, "rb")  # noqa: SIM115 (closed below, so that errors of reading are not taken for errors of opening)
    except FileNotFoundError:
        raise Unreadable("is a link to nothing" if os.path.islink(source) else "is not there") from None
    except PermissionError:
        raise Unreadable("may not be read") from None
    except (OSError, ValueError) as e:
        raise Unreadable(f"cannot be opened ({getattr(e, 'strerror', None) or e})") from None
    with file:
        yield file


def _read(file: BinaryIO, height: int, width: int, channels: int, white: float) -> np.ndarray:
    """uint8 (height, width, channels) of an open file. Raises Unreadable."""
    image = header(file)
    pixels = image.width * image.height
    if not pixels:
        raise Unreadable("has no pixels")
    if pixels > MOST_PIXELS:
        raise Unreadable(f"would unpack to {_count(pixels)} pixels")
    try:
        if pixels <= _LARGE:
            return _picture(image, height, width, channels, white)
        with _one_at_a_time:
            return _picture(image, height, width, channels, white)
    except Unreadable:
        raise
    except MemoryError:
        raise Unreadable(f"does not fit into memory ({_count(pixels)} pixels)") from None
    except Exception as e:  # decoders raise whatever they like on damaged bytes: the file is at fault, not the run
        raise Unreadable(_why(e)) from None


def _picture(image: ImageFile.ImageFile, height: int, width: int, channels: int, white: float) -> np.ndarray:
    """Unpacked, in 8 bits, upright, in size."""
    longest = 2 * max(height, width)  # twice the size: a JPEG is then unpacked to a fraction and still scaled smoothly
    image.draft(None, (longest, longest))
    image.load()
    upright = _turned(_shallow(image, white), orientation(image))
    return _to_size(upright, height, width, channels)


def orientation(image: ImageFile.ImageFile) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none or it cannot be read."""
    try:
        said = image.getexif().get(0x0112, 1)
    except Exception:  # damaged EXIF does not make the pixels worse
        return 1
    return said if said in _TURNS else 1


def _turned(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(_TURNS[orientation]) if orientation in _TURNS else image


def _shallow(image: Image.Image, white: float) -> Image.Image:
    """In one of the modes L, RGB, LA, RGBA."""
    if image.mode in _DEEP:
        numbers = np.nan_to_num(np.asarray(image, np.float32), posinf=0.0, neginf=0.0)
        return Image.fromarray(to_bytes(numbers, white or white_of(float(numbers.max(initial=0.0)))))
    if image.mode in ("L", "RGB", "LA", "RGBA"):
        clear = image.info.get("transparency") is not None
        return image.convert("LA" if image.mode == "L" else "RGBA") if clear and image.mode in ("L", "RGB") else image
    if image.mode == "1":
        return image.convert("L")
    if image.mode in ("La", "PA", "RGBa") or image.info.get("transparency") is not None:
        return image.convert("LA" if image.mode == "La" else "RGBA")
    return image.convert("RGB")


def white_of(largest: float) -> float:
    """What white is where the largest number is this: 1 for fractions, then 8, 10, 12, 14, 16 bits, then itself.

    >>> white_of(0.9), white_of(200), white_of(3000), white_of(1e6)
    (1.0, 255.0, 4095.0, 1000000.0)
    """
    return next((w for w in _WHITES if largest <= w), largest)


def to_bytes(numbers: np.ndarray, white: float) -> np.ndarray:
    """uint8 from numbers between 0 (black) and `white`; what lies outside is clipped."""
    return np.rint(np.clip(numbers * (255.0 / white), 0, 255)).astype(np.uint8)


def _to_size(image: Image.Image, height: int, width: int, channels: int) -> np.ndarray:
    """uint8 (height, width, channels) of a picture in mode L, RGB, LA or RGBA: covered, cut, filled up."""
    box, (wide, high) = _fit(image.width, image.height, width, height)
    if image.size != (wide, high) or box != (0, 0, *image.size):
        image = image.resize((wide, high), Image.Resampling.BICUBIC, box=box, reducing_gap=2.0)
    if image.mode in ("LA", "RGBA"):  # after scaling, which weighs colours by how solid they are
        solid = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", solid.size, (GREY, GREY, GREY, 255)), solid).convert("RGB")
    picture = np.asarray(image.convert("L" if channels == 1 else "RGB")).reshape(high, wide, channels)
    if (high, wide) == (height, width):
        return picture
    edge = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    out = np.empty((height, width, channels), np.uint8)
    out[:] = np.median(edge, axis=0).astype(np.uint8)
    top, left = (height - high) // 2, (width - wide) // 2
    out[top : top + high, left : left + wide] = picture
    return out


def _fit(wide: int, high: int, width: int, height: int) -> tuple[tuple[float, float, float, float], tuple[int, int]]:
    """What to take of a picture, wide x high, and how large it becomes in width x height: (box, (width, height))."""
    cover, whole = max(width / wide, height / high), min(width / wide, height / high)
    scale = max(whole, min(cover, whole / (1 - MOST_CUT)))
    taken_w, taken_h = min(wide, width / scale), min(high, height / scale)
    left, top = (wide - taken_w) / 2, (high - taken_h) / 2
    to = max(1, min(width, round(taken_w * scale))), max(1, min(height, round(taken_h * scale)))
    return (left, top, left + taken_w, top + taken_h), to


def _why(error: Exception) -> str:
    said = str(error).lower()
    if isinstance(error, EOFError) or any(
        w in said for w in ("truncated", "unexpected end", "eof", "broken data stream", "not enough")
    ):
        return "is cut short"
    return "is damaged"


def _count(pixels: int) -> str:
    """A large number in words.

    >>> _count(1_600_000_000), _count(120_000_000)
    ('1.6 billion', '120 million')
    """
    unit, word = (1e9, "billion") if pixels >= 1e9 else (1e6, "million")
    digits = 0 if math.floor(pixels / unit) >= 10 else 1
    return f"{pixels / unit:.{digits}f} {word}"
