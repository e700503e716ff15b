"""Pictures, sounds and texts as a page holds them: checked, cut, and drawn here where they come as numbers.

Whatever comes in may be hostile. A picture or a sound is a data URI of a known type or it is nothing; all else is text.
"""

import base64
import math
import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from unicodedata import category

from ..core.shown import data_uri
from . import words

LONGEST_URI = 600_000
LONGEST_TEXT = 700  # characters of a text that are shown
LONGEST_PIECE = 200
LONGEST_WORD = 30
CONTEXT = 70  # characters on either side of a word that matters
MOST_PIECES = 20_000
STRENGTHS = 4  # shades in which a word can be marked
FAINTEST = 0.08  # of the strongest word: weaker ones are not marked
COARSE = 48  # pixels: a picture of at most so many is enlarged with its pixels sharp
MOST_SIDE = 256  # numbers a side of what is drawn here

TOWARDS, AWAY = (255, 122, 0), (40, 120, 255)  # on any picture, orange and blue can be told apart by all eyes

_IMAGE = re.compile(r"data:image/(?:png|jpeg|webp|gif);base64,[A-Za-z0-9+/]+={0,2}")
_WORD = re.compile(r"\S+\s*|\s+")
_AUDIO = re.compile(r"data:audio/(?:wav|wave|x-wav|mpeg|ogg|flac);base64,[A-Za-z0-9+/]+={0,2}")


@dataclass(frozen=True)
class Piece:
    """A bit of a text. strength: 0 for plain, to 4; towards: whether it pushed for the answer or against it."""

    text: str
    strength: int = 0
    towards: bool = True


@dataclass(frozen=True)
class Item:
    """One example of a figure. image, heat, audio: data URIs or "". wrong: whether it is known to be a mistake."""

    image: str = ""
    heat: str = ""
    audio: str = ""
    pieces: tuple[Piece, ...] = ()
    caption: str = ""
    true: str = ""
    said: str = ""
    sure: str = ""
    file: str = ""
    flat: bool = False  # its heat speaks of moments alone, as for a sound
    silent: bool = False  # its sound was too large for the page

    @property
    def bytes(self) -> int:
        """What its data URIs add to a page."""
        return len(self.image) * (2 if self.heat else 1) + len(self.heat) + len(self.audio)

    @property
    def wrong(self) -> bool:
        return bool(self.true and self.said and self.true != self.said)

    @property
    def alt(self) -> str:
        """What it is, for those who do not see it."""
        told = [f"true {self.true}" if self.true else "", f"said {self.said}" if self.said else ""]
        return ", ".join(t for t in (self.caption, *told) if t) or self.file or "an example"

    @property
    def coarse(self) -> bool:
        """Whether its pixels are few enough to be seen one by one."""
        return coarse(self.image)


@dataclass(frozen=True)
class Group:
    """Examples under one heading."""

    title: str
    items: tuple[Item, ...]


def item(about: dict[str, Any], strongest: float = 0.0) -> Item:
    """An example from a figure's dictionary. strongest: the greatest weight of any word in the figure."""
    sure = about.get("sure")
    known = isinstance(sure, int | float) and not isinstance(sure, bool)
    drawn = image(about.get("image")) or (weights(about["values"]) if about.get("values") else "")
    heat = about.get("heat")
    return Item(
        image=drawn,
        heat=warmth(heat) if isinstance(heat, list) else image(heat),
        audio=audio(about.get("audio")),
        pieces=text(about["pieces"], strongest) if about.get("pieces") else (),
        caption=_text(about.get("caption"), 120),
        true=_text(about.get("true"), 60),
        said=_text(about.get("said"), 60),
        sure=(words.percent(sure) if known else _text(sure, 20)),
        file=_text(about.get("file"), 120),
        flat=isinstance(heat, list) and len(heat) == 1,
    )


def image(uri: Any) -> str:
    """The data URI of a picture, or "" for anything else."""
    return uri if isinstance(uri, str) and len(uri) < LONGEST_URI and _IMAGE.fullmatch(uri) else ""


def audio(uri: Any) -> str:
    """The data URI of a sound, or "" for anything else."""
    return uri if isinstance(uri, str) and len(uri) < LONGEST_URI and _AUDIO.fullmatch(uri) else ""


def coarse(uri: str) -> bool:
    """Whether it is a PNG of few pixels: its header says."""
    head, _, body = uri[:80].partition(",")
    if not head.startswith("data:image/png"):
        return False
    start = base64.b64decode(body[:32] + "=" * (-len(body[:32]) % 4))
    return len(start) >= 24 and max(struct.unpack(">II", start[16:24])) <= COARSE


def _text(value: Any, most: int) -> str:
    return "" if value is None else words.shortened(value, most)


# -- texts -------------------------------------------------------------------------------------------------------------


def text(pieces: Sequence[Sequence[Any]], strongest: float = 0.0) -> tuple[Piece, ...]:
    """Consecutive bits of a text, each with its weight, cut to what matters and marked by strength.

    A text's own strongest word is marked most, unless all its words are weak beside the figure's strongest.
    """
    plain = [(words.shortened(w, LONGEST_PIECE), weight(v)) for p, v in pieces[:MOST_PIECES] for w in _words(p)]
    most = max([abs(v) for _, v in plain] + [strongest / 5])
    made: list[Piece] = []
    for word, value in _cut(plain):
        share = abs(value) / most if most > 0 else 0.0
        strength = math.ceil(share * STRENGTHS - 1e-9) if share >= FAINTEST and not word.isspace() else 0
        if made and not strength and not made[-1].strength:
            made[-1] = replace(made[-1], text=made[-1].text + word)
        else:
            made.append(Piece(word, strength, value > 0))
    return tuple(made)


def plain_text(value: Any, most: int = 2000) -> str:
    """A text with its lines as they are, cut, without what a browser cannot show."""
    return "".join(c for c in str(value)[:most] if c in "\n\t" or category(c) not in ("Cc", "Cs"))


def _words(piece: Any) -> list[str]:
    """A bit of a text as it is, or where it is long, word by word, so that it can be cut between them."""
    return [str(piece)] if len(str(piece)) <= LONGEST_WORD else _WORD.findall(str(piece))


def weight(value: Any) -> float:
    """A weight as a finite number."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else 0.0


def _cut(pieces: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """The pieces around those that weigh most, with an ellipsis for each gap; the beginning where none weighs more."""
    if sum(len(w) for w, _ in pieces) <= LONGEST_TEXT:
        return pieces
    kept: set[int] = set()
    left = LONGEST_TEXT
    least = FAINTEST * max(abs(v) for _, v in pieces)
    matter = [i for i, (_, v) in enumerate(pieces) if abs(v) >= least]
    for i in sorted(matter, key=lambda i: (-abs(pieces[i][1]), i)):
        near = [j for j in _around(pieces, i) if j not in kept]
        left -= sum(len(pieces[j][0]) for j in near)
        if kept and left < 0:
            break
        kept.update(near)
    shown: list[tuple[str, float]] = []
    last = -1
    for i in sorted(kept):
        shown += [(" … ", 0.0)] if i > last + 1 else []
        shown.append(pieces[i])
        last = i
    return shown + ([(" …", 0.0)] if last < len(pieces) - 1 else [])


def _around(pieces: list[tuple[str, float]], at: int) -> list[int]:
    """The places of a piece and its neighbours, as far as a reader needs to see what it stands in."""
    found = [at]
    for step in (-1, 1):
        room, j = CONTEXT, at + step
        while 0 <= j < len(pieces) and room > 0:
            found.append(j)
            room -= len(pieces[j][0])
            j += step
    return found


# -- drawings ----------------------------------------------------------------------------------------------------------


def warmth(grid: Any) -> str:
    """A grid of weights as a transparent picture: orange for what pushed towards the answer, blue for what did not."""
    rows = _square(grid)
    most = max((abs(v) for row in rows for v in row), default=0.0) or 1.0
    pixels = [
        bytes(c for v in row for c in (*(TOWARDS if v > 0 else AWAY), round(205 * (abs(v) / most) ** 0.8)))
        for row in rows
    ]
    return _png(pixels, len(rows[0]), 6)


def weights(values: Any) -> str:
    """What a network learned to look for, (height, width) or (channels, height, width): grey is nothing."""
    planes = [_square(values)] if not isinstance(values[0][0], list) else [_square(plane) for plane in values]
    planes = planes if len(planes) == 3 else planes[:1]
    if len({(len(p), len(p[0])) for p in planes}) != 1:
        raise ValueError("planes of different sizes")
    most = max((abs(v) for plane in planes for row in plane for v in row), default=0.0) or 1.0
    pixels = [
        bytes(round(127.5 + 127.5 * plane[y][x] / most) for x in range(len(planes[0][0])) for plane in planes)
        for y in range(len(planes[0]))
    ]
    return _png(pixels, len(planes[0][0]), 2 if len(planes) == 3 else 0)


def _square(grid: Any) -> list[list[float]]:
    rows = [[weight(v) for v in row] for row in grid]
    if not rows or not rows[0] or len({len(row) for row in rows}) != 1 or max(len(rows), len(rows[0])) > MOST_SIDE:
        raise ValueError("not a grid")
    return rows


def _png(rows: list[bytes], width: int, colour: int) -> str:
    """Rows of 8-bit samples as a PNG's data URI (ISO/IEC 15948). colour: 0 grey, 2 RGB, 6 RGB and alpha."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, len(rows), 8, colour, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    file = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    return data_uri("image/png", file)


# -- room --------------------------------------------------------------------------------------------------------------


def bare(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """The same without what makes them heavy: to weigh the rest of the page."""
    return tuple(replace(i, image="", heat="", audio="") for i in items)


def lightened(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """Without the last item's sound, or without it where it has none; one that outweighs the others goes first."""
    each = [i.bytes for i in items]
    heaviest = max(range(len(items)), key=each.__getitem__)
    at = heaviest if each[heaviest] > 3 * sum(each) / len(each) else max(i for i, b in enumerate(each) if b)
    if items[at].audio:
        return (*items[:at], replace(items[at], audio="", silent=True), *items[at + 1 :])
    return items[:at] + items[at + 1 :]
