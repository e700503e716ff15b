"""Columns of a table whose cells are files: pictures and sounds, each read by the modality of its own.

A cell comes as the path of a file (below the folder that the table lies in), as a file's bytes, or decoded already.
This page only fetches and hands on; what a picture or a sound is, their own modalities know.
"""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ...engines.extras import require
from ..broken import Broken
from ..duplicates import Groups, near_duplicates
from .paths import paths_kind, resolve
from .schema import Schema

MEDIA = ("picture", "sound")
SAMPLE = 400  # files that a survey looks at
MOST_BYTES = 2**30  # of a medium's decoded cells, where no limit is given
MOST_BITS = {"picture": 4, "sound": 2, "text": 2}  # of 64, in which fingerprints of the same thing may differ


def modality(kind: str) -> Any:
    """The package that knows a medium; loaded only where there is something for it to read.

    Raises MissingExtra where its libraries are not installed.
    """
    if kind in MEDIA:
        require("media", what=f"A column of the kind {kind}")
    return importlib.import_module(f"..{kind}", __package__)


def kind_of(values: pl.Series, base: Path | None) -> str | None:
    """ "picture" or "sound" where nearly all cells are paths of such files below `base`, else None."""
    if values.dtype != pl.String or base is None:
        return None
    some = values.drop_nulls()
    return paths_kind(some.gather_every(max(1, len(some) // 100)).to_list(), base) if len(some) else None


def survey(kind: str, values: pl.Series, base: Path | None, limit_bytes: int | None, rows: int) -> dict[str, Any]:
    """How the cells of a column are to be kept (size, rate, ...), from a sample of them and the memory allowed."""
    some = values.drop_nulls()
    files, _ = _files(some.gather_every(max(1, len(some) // SAMPLE)), base)
    how: dict[str, Any] = modality(kind).survey([f for f in files if f is not None], limit_bytes or MOST_BYTES, rows)
    return how


def decode(
    kind: str, values: pl.Series, how: dict[str, Any], base: Path | None, names: Sequence[str]
) -> tuple[pl.Series, list[Broken]]:
    """Every cell decoded as `how` says (pl.Binary, null where there is none or it is broken), and what is broken."""
    files, missing = _files(values, base)
    cells, broken = modality(kind).decode(files, how, names=names)
    return pl.Series(values.name, cells, pl.Binary), missing + broken


class Described:
    """Typed rows for row encoders, however many: pictures and sounds as the numbers that describe them, found once.

    And texts as counts of their terms. No other row has a part in those numbers: they are dear to find, and the same
    whatever an encoder has learned.

    least: rows that a term must be in for an encoder to ask for it: 2 where encoders are to learn from these rows.
    """

    def __init__(self, frame: pl.DataFrame, schema: Schema, least: int = 1) -> None:
        self._frame, self._schema, self._least = frame, schema, least
        self._found: dict[str, pl.Series] = {}
        self._counted: dict[str, Any] = {}

    def rows(self, columns: Sequence[str]) -> pl.DataFrame:
        """The rows, those of `columns` described that are pictures or sounds."""
        media = [c for c in columns if self._schema[c].kind in MEDIA]
        for name in media:
            if name not in self._found:
                column = self._schema[name]
                self._found[name] = modality(column.kind).described(self._frame[name], column.how)
        return self._frame.with_columns(self._found[name] for name in media)

    def counted(self, columns: Sequence[str]) -> dict[str, Any]:
        """Those of `columns` that are texts, as counts (`text.Counted`) where all rows may share them."""
        texts = [c for c in columns if self._schema[c].kind == "text"]
        for name in texts:
            if name not in self._counted:
                self._counted[name] = modality("text").Counted.shared(self._frame[name], self._least)
        return {name: self._counted[name] for name in texts if self._counted[name] is not None}


def alike(kind: str, values: pl.Series) -> Groups | None:
    """The group of each cell, where some are all but copies of others, else None."""
    medium = modality(kind)
    groups = near_duplicates(medium.fingerprints(values), MOST_BITS[kind])
    if kind == "picture":
        groups = medium.confirmed(values, groups)
    return groups if len(np.unique(groups)) < len(groups) else None


def _files(values: pl.Series, base: Path | None) -> tuple[list[Path | bytes | None], list[Broken]]:
    """Each cell as what can be decoded, bytes as they are or a text as a path; and those with no file to them."""
    if values.dtype != pl.String:
        return values.to_list(), []
    found, broken = (values.to_list(), []) if base is None else resolve(values.to_list(), base)
    return [None if f is None else Path(f) for f in found], broken
