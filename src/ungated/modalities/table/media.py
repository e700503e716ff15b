"""Columns of a table whose cells are files: pictures and sounds, each read by the modality of its own.

A cell comes as the path of a file (below the folder that the table lies in), as a file's bytes, or decoded already.
This page only fetches and hands on; what a picture or a sound is, their own modalities know.
"""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from ..broken import Broken

MEDIA = ("picture", "sound")
SAMPLE = 400  # files that a survey looks at
MOST_BYTES = 2**30  # of a medium's decoded cells, where no limit is given


def modality(kind: str) -> Any:
    """The package that knows a medium; loaded only where there is something for it to read."""
    return importlib.import_module(f"...{kind}", __package__)


def kind_of(values: pl.Series, base: Path | None) -> str | None:
    """"picture" or "sound" where nearly all cells are paths of such files below `base`, else None."""
    if values.dtype != pl.String or base is None:
        return None
    from ..folder import paths_kind

    some = values.drop_nulls()
    return paths_kind(some.gather_every(max(1, len(some) // 100)).to_list(), base) if len(some) else None


def survey(kind: str, values: pl.Series, base: Path | None, limit_bytes: int | None, rows: int) -> dict[str, Any]:
    """How the cells of a column are to be kept (size, rate, ...), from a sample of them and the memory allowed."""
    some = values.drop_nulls()
    files = _files(some.gather_every(max(1, len(some) // SAMPLE)), base)
    how: dict[str, Any] = modality(kind).survey([f for f in files if f is not None], limit_bytes or MOST_BYTES, rows)
    return how


def decode(
    kind: str, values: pl.Series, how: dict[str, Any], base: Path | None, names: Sequence[str]
) -> tuple[pl.Series, list[Broken]]:
    """Every cell decoded as `how` says (pl.Binary, null where there is none or it is broken), and what is broken."""
    cells, broken = modality(kind).decode(_files(values, base), how, names=names)
    return pl.Series(values.name, cells, pl.Binary), broken


def _files(values: pl.Series, base: Path | None) -> list[Path | bytes | None]:
    """Each cell as what can be decoded: bytes as they are, a text as a path."""
    if values.dtype != pl.String:
        return values.to_list()
    from ..folder import resolve

    return resolve(values.to_list(), base)
