"""From whatever a person names to one table: a table as such, or a folder of files as one with a row a file.

The one door through which `question`, `model` and `show` read data; it asks `folder` first, and `table` for the rest.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ..core.errors import InputError
from ..engines.extras import missing
from . import basket, folder, music, table
from .table import Raw
from .text import corpus


def read(
    source: Any,
    *,
    limit_bytes: int | None = None,
    seed: int = 0,
    label_from: str | None = None,
    task: str | None = None,
    said: Mapping[str, Any] | None = None,
) -> Raw:
    """Read a table, or a folder, file or list of files of pictures, recordings or texts.

    source: as `table.read` takes it; a folder of files; or, to be asked about, several paths ("-": standard input).
    label_from: a pattern of file names that gives columns. task: what it is read for, where that is known: a folder of
    code is a corpus to whoever generates. said: a person's settings; for new data, what was made out of those that
    were learned from. Raises InputError and UsageError.
    """
    _can_be(source)
    if task in (None, "associate"):
        if task is not None and isinstance(source, list | tuple) and [str(s) for s in source] == ["-"]:
            return basket.from_input(sys.stdin.buffer.read(), limit_bytes, seed)
        layout = basket.Layout.of(said or {})
        baskets = basket.recognise(source, asked=task is not None, layout=layout, limit_bytes=limit_bytes, seed=seed)
        if baskets is not None:
            return baskets
        if task is not None:
            return basket.from_table(_read(source, limit_bytes, seed, label_from, task), layout)
    return _read(source, limit_bytes, seed, label_from, task)


def _can_be(source: Any) -> None:
    """Raise InputError for a path that no file can have, or that may not be looked at."""
    if isinstance(source, str | PathLike):
        try:
            os.stat(source)
        except (FileNotFoundError, NotADirectoryError, ValueError):
            pass  # it may be the name of a set, and else it is told who looked for what
        except OSError as e:
            raise InputError(f"{source} cannot be read: {e.strerror}.") from e


def _read(source: Any, limit_bytes: int | None, seed: int, label_from: str | None, task: str | None) -> Raw:
    """A table, or a folder, file or list of files, whatever it is but baskets."""
    if isinstance(source, list | tuple) and all(isinstance(s, str | PathLike) for s in source):
        found = folder.recognise_many([Path(s) for s in source])
        if found is None:
            return table.read(source[0], limit_bytes=limit_bytes, seed=seed)
        return _raw(found, ", ".join(map(str, source[:3])), limit_bytes)
    if isinstance(source, str | PathLike) and str(source).strip() and "\0" not in str(source):
        path = Path(source)
        if found := music.recognise(path, evident=task != "generate"):
            return _raw(found, str(source), limit_bytes)
        if task == "generate" and (found := corpus.recognise(path)):
            return _raw(found, str(source), limit_bytes)
        if (str(source) not in table.NAMED or path.exists()) and (found := folder.recognise(path, label_from)):
            return _raw(found, str(source), limit_bytes)
    try:
        raw = table.read(source, limit_bytes=limit_bytes, seed=seed)
    except InputError:  # JSON of notes is no table: who has not said what it is for is shown the tunes
        if task is not None or not isinstance(source, str | PathLike) or not (found := music.recognise(Path(source))):
            raise
        return _raw(found, str(source), limit_bytes)
    about = table.NAMED.get(source) if isinstance(source, str) else None
    drawn = about is not None and about.picture and raw.base is None and not missing(("media",))
    return _drawn(raw, about) if about is not None and drawn else raw


def _drawn(raw: Raw, about: table.NamedSet) -> Raw:
    """A named set whose features are pixels, as pictures."""
    from .picture import pack_all

    assert about.picture is not None
    height, width, white = about.picture
    pixels = raw.frame.select(about.features).to_numpy().reshape(-1, height, width, 1)
    pictures = np.rint(pixels * 255 / white).astype(np.uint8)
    frame = pl.DataFrame([pack_all(pictures), raw.frame[about.target]])
    return replace(raw, frame=frame, kinds={"picture": "picture"}, target=about.target)


def _raw(found: folder.Found, source: str, limit_bytes: int | None) -> Raw:
    return Raw(
        found.frame,
        source,
        found.how,
        notes=list(found.notes),
        kinds=found.kinds,
        target=found.target,
        sealed=found.sealed,
        broken=found.broken,
        in_order=found.in_order,
        hows=found.hows,
        judges=found.judges,
        limit_bytes=limit_bytes,
    )
