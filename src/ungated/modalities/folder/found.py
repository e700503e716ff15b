"""What a folder or file turned out to be: rows, what is known of their columns, and what could not be used."""

from dataclasses import dataclass, field
from typing import Any

import polars as pl

from ..broken import Broken

NOUNS = {"picture": "picture", "sound": "recording", "text": "text"}


@dataclass(frozen=True)
class Found:
    """One row an example.

    medium: "picture", "sound" or "text", which is also the name of the column that holds it.
    frame: the medium's column, then "label" where there are labels, columns made of file names, and "file": the path
    that people know, relative to what they named. Pictures and sounds are absolute paths (pl.String), or decoded
    pictures (pl.Binary) where they came in arrays; texts are their contents. Cells are null where a file is broken.
    kinds: the kinds of columns that need no guessing. target: the column of labels, None where there are none.
    how: what it is, in words. sealed: the official test rows, columns as in `frame`, None without them.
    in_order: the rows are pieces of one whole, in their order, such as a long text.
    judges: how many of the last rows came as the part by which candidates are judged.
    hows: column -> what its encoders are to know of it (see `ColumnKind.how`).
    broken: every file that was not or cannot be read. files: how many were looked at, broken ones included.
    """

    medium: str
    frame: pl.DataFrame
    kinds: dict[str, str]
    target: str | None
    how: str
    files: int
    sealed: pl.DataFrame | None = None
    broken: list[Broken] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    in_order: bool = False
    hows: dict[str, dict[str, Any]] = field(default_factory=dict)
    judges: int = 0
