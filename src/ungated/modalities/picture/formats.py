"""Which kind of picture a file is, by its first bytes; its size and mode, by its header.

Only the six kinds that are read here are ever handed to a decoder, each to its own: a library that guesses would also
open kinds that run other programs, and would warn of sizes that are judged by ourselves.
"""

from typing import BinaryIO

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

_KINDS: tuple[tuple[bytes, type[ImageFile.ImageFile]], ...] = (
    (b"\x89PNG\r\n\x1a\n", PngImagePlugin.PngImageFile),
    (b"\xff\xd8\xff", JpegImagePlugin.JpegImageFile),
    (b"GIF87a", GifImagePlugin.GifImageFile),
    (b"GIF89a", GifImagePlugin.GifImageFile),
    (b"BM", BmpImagePlugin.BmpImageFile),
    (b"II*\0", TiffImagePlugin.TiffImageFile),
    (b"MM\0*", TiffImagePlugin.TiffImageFile),
    (b"II+\0", TiffImagePlugin.TiffImageFile),
    (b"MM\0+", TiffImagePlugin.TiffImageFile),
)
_OTHERS = (  # where, what stands there, whose it is
    (4, b"ftyphei", "HEIC"),
    (4, b"ftypmif", "HEIC"),
    (4, b"ftypavif", "AVIF"),
    (0, b"%PDF", "PDF"),
    (0, b"8BPS", "Photoshop"),
    (0, b"\0\0\0\x0cjP", "JPEG 2000"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"RIFF", "sound or film"),
    (0, b"OggS", "sound"),
    (0, b"fLaC", "sound"),
    (0, b"ID3", "sound"),
)
_LOOK = 512


class Unreadable(Exception):
    """Why a file is not a picture that can be read, in words that end a sentence. It never leaves this package."""


def header(file: BinaryIO) -> ImageFile.ImageFile:
    """The picture in an open file, its header read and no pixel unpacked. Raises Unreadable."""
    start = file.read(_LOOK)
    file.seek(0)
    kind = _kind(start)
    if kind is None:
        raise Unreadable(_instead(start))
    try:
        return kind(file)
    except Exception as e:  # a decoder raises whatever it likes on a damaged header
        short = len(start) < _LOOK or isinstance(e, EOFError) or "truncated" in str(e).lower()
        raise Unreadable("is cut short" if short else "is damaged") from None


def _kind(start: bytes) -> type[ImageFile.ImageFile] | None:
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return WebPImagePlugin.WebPImageFile
    return next((kind for magic, kind in _KINDS if start.startswith(magic)), None)


def _instead(start: bytes) -> str:
    """What the first bytes of something else say that it is."""
    if not start.strip(b"\0"):
        return "holds nothing but zeros"
    for at, magic, name in _OTHERS:
        if start[at:].startswith(magic):
            return f"is {name}, not a picture of a kind that is read (PNG, JPEG, WebP, GIF, BMP, TIFF)"
    try:
        text = start.decode("utf-8")
    except UnicodeDecodeError as e:
        text = start[: e.start].decode("utf-8") if len(start) == _LOOK and e.start > _LOOK - 4 else "\0"
    if all(c.isprintable() or c.isspace() for c in text):
        drawn = "<svg" in text.lower()
        return "is a drawing (SVG), not a picture made of pixels" if drawn else "is text, not a picture"
    return "is not a picture of a kind that is read (PNG, JPEG, WebP, GIF, BMP, TIFF)"
