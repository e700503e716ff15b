"""What one row of the data became, as plain data: filled in for `ungated show`, told by a page or a terminal."""

import base64
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Shown:
    """One row, from what the person has to the numbers that algorithms get.

    title: which row of what. how: how the data were read. items: dictionaries with a "kind"; any key may be missing.

        cells    rows [{column, kind, why, cell, numbers [[name, value], ...]}]: what each cell of a table became
        picture  column, file, came (data URI): the file's own picture, image (data URI): what is kept of it,
                 size [height, width, channels], numbers [[name, value], ...],
                 crop {top, left, values [channel][row][column]}: some pixels, hog (data URI): its edges, drawn
        text     column, text, tokens [[piece, code], ...], terms [[term, weight], ...]: the strongest of TF-IDF,
                 kept: how much of it networks get, learned: how many texts tokens and terms were learned from
        sound    column, file, audio (data URI, WAV), rate, seconds, wave [[low, high], ...] of the loudest,
                 spectrogram (data URI), numbers [[name, value], ...]
        tune     column, file, image (data URI): its piano roll, audio (data URI, WAV), notes, seconds,
                 tokens [[what is said, code], ...]: the first of its codes, kept: how many there are
        broken   column, file, why: a file that cannot be read, in words that follow its name
    """

    title: str
    how: str = ""
    items: list[dict[str, Any]] = field(default_factory=list)


def data_uri(kind: str, content: bytes) -> str:
    """A file within a page (RFC 2397). kind: its media type, as "image/png"."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
