"""What one row of the data becomes: `show(data, row)` reads as a fit would, and tells each column's way into numbers.

How a cell of a kind is shown is looked up in `SHOWS`. Kinds without an entry there are cells of a table. Only the files
of the row asked for are decoded, and what must be learned from other rows is learned from a few thousand of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from .core.errors import InputError, UsageError
from .core.numbers import Array, Takes
from .core.shown import Shown
from .modalities import table
from .modalities.broken import Broken
from .modalities.reading import read
from .modalities.table.paths import resolve

Show = Callable[[str, Any, pl.Series, Mapping[str, Any]], dict[str, Any]]
"""(column, cell, some cells of the column, details of the schema) -> an item of `Shown`, as its kind describes it.

Of columns whose cells are files, the cell shown is the only one that was decoded.
"""

MOST_ROWS = 20_000  # that the encoding of a table's cells is learned from
MOST_TEXTS, MOST_CHARACTERS = 4000, 2_000_000  # that tokens and terms are learned from
PLAIN = frozenset({Takes.RAW_SCALE})  # so that numbers are seen in their own units, and categories as 0/1 columns
AMID = (
    "text",
    "category",
    "boolean",
    *table.LEFT_OUT,
)  # a short text beside these alone is what there is to learn from

MOST_TUNES, MOST_CODES = 300, 64  # that codes are learned from, and that are shown of one
SIDE = 288  # pixels of a picture on the page
CROP = {1: 14, 3: 8}  # pixels a side of the square that is told as numbers: of colour there are three such squares
MOST_TERMS = 20
MOMENTS = 600  # of a wave


def show(data: Any, row: int = 1, kinds: Mapping[str, str] | None = None, label_from: str | None = None) -> Shown:
    """What row `row` of `data`, counted from 1, becomes. Raises InputError and UsageError.

    data, label_from: as in `fit`. kinds: column -> kind, where the person knows better.
    """
    raw = read(data, label_from=label_from)
    _there(raw, row)
    schema = table.look(raw, kinds=kinds)
    at = row - 1
    files = [c.name for c in schema.columns if c.kind in table.MEDIA]
    one = table.cast(raw.frame[at : at + 1], schema, where=raw.source, base=raw.base)
    if one.broken and raw.frame.height == 1:
        raise InputError(f"{one.broken[0].file} {one.broken[0].why}.")
    typed = table.cast(raw.frame.drop(files), _without(schema, files), where=raw.source, base=raw.base).frame
    broken = {name: b for name in files if (b := _broken(raw, one, name)) is not None}
    file = raw.frame["file"][at] if "file" in raw.frame.columns else None
    items = []
    for c in schema.columns:
        if not _in_its_own_way(c, schema):
            continue
        about: dict[str, Any] = {"kind": c.kind, "title": c.name, "column": c.name, "why": c.why}
        about |= {"file": file} if file else {}
        if c.name in broken:
            items.append(about | {"kind": "broken", "file": broken[c.name].file, "why": broken[c.name].why})
        elif (cell := one.frame[c.name][0]) is not None:
            some = one.frame[c.name] if c.name in files else typed[c.name]
            items.append(about | SHOWS[c.kind](c.name, cell, some, c.how) | _came(raw, c, at))
    plain = [c for c in schema.columns if not _in_its_own_way(c, schema)]
    if plain:
        items.append(_cells(raw, typed, schema, plain, at))
    return Shown(f"Row {row:,} of {raw.source}", _how(raw, schema), items)


def _there(raw: table.Raw, row: int) -> None:
    if 1 <= row <= raw.frame.height:
        return
    rows = f"{raw.frame.height:,} row{'s'[: raw.frame.height != 1]}"
    sealed = f" (and {raw.sealed.height:,} sealed ones, which are not shown)" if raw.sealed is not None else ""
    raise UsageError(f"{raw.source} has {rows}{sealed}; --row {row} is not one of them. Rows are counted from 1.")


def _how(raw: table.Raw, schema: table.Schema) -> str:
    columns = len(schema.columns)
    told = [raw.how] if raw.how else []
    told.append(f"{raw.frame.height:,} row{'s'[: raw.frame.height != 1]}, {columns} column{'s'[: columns != 1]}")
    if raw.broken:
        first = f"{raw.broken[0].file} {raw.broken[0].why}"
        told.append(f"{len(raw.broken):,} more left out, such as: {first}")
    return "; ".join(told)


def _in_its_own_way(column: table.ColumnKind, schema: table.Schema) -> bool:
    """Whether a cell is more than a cell of a table; short texts are, where there is nothing else to learn from."""
    if column.kind not in SHOWS:
        return False
    return column.kind != "text" or table.heavy(column) or all(c.kind in AMID for c in schema.columns)


def _without(schema: table.Schema, names: list[str]) -> table.Schema:
    return table.Schema(tuple(c for c in schema.columns if c.name not in names))


def _broken(raw: table.Raw, one: Any, name: str) -> Broken | None:
    """Why the row's file in this column could not be read; None where it could, or where there is none."""
    if one.frame[name][0] is not None or not one.broken:
        return None
    column = raw.frame[name]
    return next((b for b in one.broken if b.file == column.first()), one.broken[0])


# -- cells of a table --------------------------------------------------------------------------------------------------


def _cells(
    raw: table.Raw, typed: pl.DataFrame, schema: table.Schema, columns: list[table.ColumnKind], at: int
) -> dict[str, Any]:
    """The cells of a row as they came, and the numbers that each became."""
    names = [c.name for c in columns if c.kind not in (*table.LEFT_OUT, "basket")]
    became: dict[str, list[list[Any]]] = {}
    if names:
        encoder = table.RowEncoder.fit(_some(typed, MOST_ROWS), schema, names, PLAIN)
        numbers = encoder.rows(typed[at : at + 1])[0]
        for column, value in zip(encoder.columns, numbers, strict=True):
            became.setdefault(column.source, []).append([column.name, float(value)])
    for basket in (c.name for c in columns if c.kind == "basket"):
        became[basket] = [[item, 1.0] for item in typed[basket][at]]
    rows = [
        {
            "column": c.name,
            "kind": c.kind,
            "why": c.why + (" (left out: it tells nothing)" if c.kind in table.LEFT_OUT else ""),
            "cell": _as_it_came(raw.frame[c.name][at]),
            "numbers": became.get(c.name, []),
        }
        for c in columns
    ]
    return {"kind": "cells", "title": "Each cell, and the numbers it became", "rows": rows}


def _some(values: Any, most: int) -> Any:
    """At most so many rows, evenly spread: files are often sorted by class."""
    return values.gather_every(-(-len(values) // most)) if len(values) > most else values


def _as_it_came(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, pl.Series):
        return ", ".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


# -- pictures ----------------------------------------------------------------------------------------------------------


def _picture(column: str, cell: bytes, values: pl.Series, how: Mapping[str, Any]) -> dict[str, Any]:
    """The picture at the size it is kept at, the square of it in which most happens as numbers, and its edges."""
    from .modalities import picture

    pixels = picture.unpack(cell)
    height, width, channels = pixels.shape
    side = CROP.get(channels, 8)
    top, left = _busiest(pixels, side)
    square = pixels[top : top + side, left : left + side]
    return {
        "image": picture.preview(cell, SIDE),
        "size": [height, width, channels],
        "crop": {"top": top, "left": left, "values": square.transpose(2, 0, 1).tolist()},
        "hog": picture.edges(cell, SIDE),
    }


def _came(raw: table.Raw, column: table.ColumnKind, at: int) -> dict[str, Any]:
    """A picture in its own file, as it was before it was brought to the column's size."""
    if column.kind != "picture":
        return {}
    from .modalities import picture

    cell = raw.frame[column.name][at]
    if isinstance(cell, bytes) and picture.is_packed(cell):
        return {}
    (file,), _ = resolve([cell], raw.base) if isinstance(cell, str) and raw.base else ([cell], [])
    return {"came": picture.original(Path(file) if isinstance(file, str) else file)} if file else {}


def _busiest(pixels: Array, side: int) -> tuple[int, int]:
    """(top, left) of the square in which neighbouring pixels differ most; of equals, the one nearest the middle."""
    grey = pixels.astype(np.float32).mean(axis=2)
    steep = np.abs(np.diff(grey, axis=0, prepend=grey[:1])) + np.abs(np.diff(grey, axis=1, prepend=grey[:, :1]))
    height, width = (min(side, n) for n in steep.shape)
    whole = np.pad(steep.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    sums = whole[height:, width:] - whole[:-height, width:] - whole[height:, :-width] + whole[:-height, :-width]
    rows, columns = np.nonzero(sums >= 0.999 * sums.max())
    middle = np.square(rows - (sums.shape[0] - 1) / 2) + np.square(columns - (sums.shape[1] - 1) / 2)
    return int(rows[middle.argmin()]), int(columns[middle.argmin()])


# -- sounds ------------------------------------------------------------------------------------------------------------


def _sound(column: str, cell: bytes, values: pl.Series, how: Mapping[str, Any]) -> dict[str, Any]:
    """The sound to be heard and seen, and what is told of it as a row, in its own units."""
    from .modalities import sound

    samples, rate = sound.unpack(cell)
    player, spectrogram = sound.preview(cell)
    part = sound.SoundPart.fit(values, dict(how), PLAIN)
    numbers = np.empty((1, len(part.columns())), np.float32)
    part.fill(values, numbers)
    names = [c.name.removeprefix(f"{column}: ") for c in part.columns()]
    return {
        "audio": player,
        "rate": rate,
        "seconds": len(samples) / rate,
        "wave": _outline(samples),
        "spectrogram": spectrogram,
        "numbers": [[name, float(value)] for name, value in zip(names, numbers[0], strict=True)],
    }


def _outline(samples: Array) -> list[list[float]]:
    """The lowest and the highest sample of each moment, as shares of the loudest: what is quiet is still seen."""
    if not len(samples):
        return []
    wave = samples / max(1, int(np.abs(samples.astype(np.int32)).max()))
    starts = np.unique(np.linspace(0, len(wave), MOMENTS, endpoint=False).astype(int))
    low, high = np.minimum.reduceat(wave, starts), np.maximum.reduceat(wave, starts)
    return [[round(float(a), 4), round(float(b), 4)] for a, b in zip(low, high, strict=True)]


# -- texts -------------------------------------------------------------------------------------------------------------


def _text(column: str, cell: str, values: pl.Series, how: Mapping[str, Any]) -> dict[str, Any]:
    """The text as tokens, as networks get it, and its strongest terms, as methods that count get it."""
    from .modalities import text

    known = values.drop_nulls()
    room = max(1, MOST_CHARACTERS // max(1, int(known.str.len_chars().clip(0, 50_000).mean() or 1)))  # type: ignore[arg-type]
    some = _some(known, min(MOST_TEXTS, room))
    encoder = text.TokenEncoder.fit(some, dict(how))
    spans = encoder.spans(cell)
    told: dict[str, Any] = {"text": cell, "tokens": [[cell[start:end], code] for start, end, code in spans]}
    if len(replace(encoder, length=len(cell.encode()) + 1).spans(cell)) > len(spans):
        told["kept"] = f"networks get {len(spans):,} tokens of it, half of its beginning and half of its end"
    part = text.TermsPart.fit(some, dict(how), frozenset({Takes.SPARSE}))
    row = part.matrix(pl.Series(column, [cell]))
    strongest = np.argsort(-row.data, kind="stable")[:MOST_TERMS]
    terms = part.terms()
    told["terms"] = [[terms[row.indices[k]], float(row.data[k])] for k in strongest]
    told["learned"] = len(some)
    return told


# -- tunes -------------------------------------------------------------------------------------------------------------


def _tune(column: str, cell: bytes, values: pl.Series, how: Mapping[str, Any]) -> dict[str, Any]:
    """The tune to be heard and seen, and its first codes, as those get it who learn to write music."""
    from .modalities import music

    tune = music.unpack(cell)
    heard, seen = music.preview(tune)
    encoder = music.StreamEncoder.fit(_some(values.drop_nulls(), MOST_TUNES), dict(how))
    codes = encoder.encode(tune)
    few = codes[: MOST_CODES // encoder.period * encoder.period]
    return {
        "audio": heard,
        "image": seen,
        "seconds": tune.seconds,
        "notes": len(tune.notes),
        "tokens": [[said, code] for said, code in zip(encoder.said(few), few.tolist(), strict=True)],
        "kept": f"{len(codes):,} codes, {encoder.period} for each {encoder.unit}",
    }


SHOWS: dict[str, Show] = {"picture": _picture, "sound": _sound, "text": _text, "tune": _tune}
