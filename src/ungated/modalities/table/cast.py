"""From cells as they came to typed columns as the schema says, for training rows and for new ones alike."""

import difflib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from ...core.errors import InputError, listed
from ..broken import Broken
from . import media, parse
from .kinds import type_word
from .schema import ColumnKind, Schema, many

TYPES = {"number": pl.Float64, "date": pl.Datetime("us")}
AS_READ = ("basket", "tune")  # cells that come from their readers as their encoders take them
MEDIA = ("text", "picture", "sound")  # their cells are read by modalities of their own


@dataclass(frozen=True)
class Cast:
    """frame: typed, in the schema's order. notes: cells that could not be read, one line a column.

    broken: files that could not be read, which are null in the frame; lost: whether a row, (n,) bool, has one of them.
    """

    frame: pl.DataFrame
    notes: list[str]
    broken: list[Broken]
    lost: np.ndarray


def cast(
    frame: pl.DataFrame, schema: Schema, *, where: str, optional: Collection[str] = (), base: Path | None = None
) -> Cast:
    """Columns as the schema says: number as Float64, date as Datetime(us), pictures and sounds decoded, as Binary, all
    else as String; null where missing.

    where: names the table in messages. optional: columns that may be absent (the target, when predicting) and are then
    left out. base: the folder against which paths in cells are read. Extra columns are ignored, order and types may
    differ.
    Raises InputError for a missing column, or where over half of a column's cells cannot be read as its kind.
    """
    here = set(frame.columns)
    absent = [c.name for c in schema.columns if c.name not in here and c.name not in optional]
    if absent:
        raise InputError(_absent(absent, frame.columns, where))
    wanted = [c for c in schema.columns if c.name in here]
    done = _easy(frame, wanted)
    notes: list[str] = []
    columns = []
    broken: list[Broken] = []
    lost = np.zeros(frame.height, bool)
    for column in wanted:
        if column.name in done:
            columns.append(done[column.name])
            continue
        if column.kind in media.MEDIA:
            cells, faults = media.decode(column.kind, frame[column.name], column.how, base, _names(frame, schema))
            lost |= (cells.is_null() & frame[column.name].is_not_null()).to_numpy()
            columns.append(cells)
            broken += faults
            continue
        if column.kind in AS_READ:
            columns.append(frame[column.name])
            continue
        values, note = _cast(frame[column.name], column, where)
        columns.append(values.alias(column.name))
        if note:
            notes.append(note)
    return Cast(pl.DataFrame(columns), notes, broken, lost)


def _names(frame: pl.DataFrame, schema: Schema) -> list[str]:
    """What to call the rows in messages: by the file that each came from, else by its number."""
    if "file" in frame.columns and "file" in schema:
        return [str(name) for name in frame["file"].to_list()]
    return [f"row {i + 1:,}" for i in range(frame.height)]


def _easy(frame: pl.DataFrame, columns: list[ColumnKind]) -> dict[str, pl.Series]:
    """Columns that need no second look, all in one query: plain numbers, and text that stays text."""
    types = dict(frame.schema)  # the property is made anew each time: slow in a loop over thousands of columns
    texts = [c.name for c in columns if c.kind not in (*TYPES, *MEDIA, *AS_READ) and types[c.name] == pl.String]
    typed = [c.name for c in columns if c.kind == "number" and types[c.name].is_numeric()]
    plain = [c.name for c in columns if c.kind == "number" and types[c.name] == pl.String and _pointed(c)]
    bare = parse.stripped(frame, texts + plain)
    numbers = bare.select(pl.col(plain).cast(pl.Float64, strict=False))
    gaps, lost = (f.null_count().row(0, named=True) if f.width else {} for f in (bare, numbers))
    good = [n for n in plain if lost[n] == gaps[n]]
    floats = pl.DataFrame([*numbers.select(good), *frame.select(pl.col(typed).cast(pl.Float64))])
    floats = floats.with_columns(pl.all().fill_nan(None)) if floats.width else floats
    return {s.name: s for s in (*bare.select(texts).get_columns(), *floats.get_columns())}


def _pointed(column: ColumnKind) -> bool:
    return bool(column.how.get("decimal", ".") == ".")


def _absent(absent: list[str], present: list[str], where: str) -> str:
    near = {a: difflib.get_close_matches(a, present, 1, 0.75) for a in absent[:20]}
    hints = [f"{a!r} may be {n[0]!r}" for a, n in near.items() if n]
    lines = [f"{where}: {'column' if len(absent) == 1 else 'columns'} missing: {listed(absent)}."]
    lines.append(f"The columns there are {listed(present)}." if present else "There are no columns at all.")
    if hints:
        lines.append(f"Perhaps {', '.join(hints[:3])}: rename and try again.")
    elif present and all(p.isdigit() for p in present):
        lines.append(
            "They are numbered because no header line was found; give the file the header it was trained with."
        )
    return "\n".join(lines)


def _cast(values: pl.Series, column: ColumnKind, where: str) -> tuple[pl.Series, str]:
    """The typed column, and a note where some cells could not be read."""
    if column.kind == "number":
        typed = _number(values, column)
    elif column.kind == "date":
        typed = _date(values, column)
    elif column.kind == "text" and values.dtype == pl.String:
        return values.set(parse.strip(values).is_null(), None), ""  # its white space is part of it
    else:
        return _string(values), ""
    known = parse.strip(values) if values.dtype == pl.String else values
    lost = known.is_not_null() & typed.is_null()
    if values.dtype.is_float():
        lost = lost & values.is_not_nan()
    count = int(lost.sum())
    if not count:
        return typed, ""
    first = int(lost.arg_true()[0])
    seen = repr(str(values[first]))[:60]
    if count > (len(known) - known.null_count()) / 2:
        raise InputError(
            f"{where}: column {column.name!r} should be a {column.kind}, but {many(count, 'cell')} cannot be read so;\n"
            f"the first is {seen} in row {first + 1:,}."
        )
    odd = f"{many(count, 'cell')} taken as missing for being no {column.kind}"
    return typed, f"column {column.name}: {odd}, first {seen} in row {first + 1:,}"


def _number(values: pl.Series, column: ColumnKind) -> pl.Series:
    word = type_word(values.dtype, values.name)
    if word == "duration":
        return (values.dt.total_microseconds() / 1e6).cast(pl.Float64)
    if word == "text":
        text = values.cast(pl.String)
        return parse.numbers(parse.strip(text), column.how.get("decimal", "."), column.how.get("thousands", ","))
    if word == "date":
        return pl.Series(values.name, [None] * len(values), pl.Float64)
    return values.cast(pl.Float64).fill_nan(None)


def _date(values: pl.Series, column: ColumnKind) -> pl.Series:
    word = type_word(values.dtype, values.name)
    if word == "text":
        formats = [*column.how.get("formats", [])]
        bare = parse.strip(values.cast(pl.String))
        found = parse.dates(bare, formats or ["%Y-%m-%d"])
        if found.null_count() > bare.null_count():  # a typed column may come back as ISO text, and dates gain times
            iso = [d + t for d in ("%Y-%m-%d",) for t in ("", *parse.TIMES)] + list(parse.ZONED)
            found = parse.dates(bare, formats + [f for f in iso if f not in formats])
        return found
    if values.dtype == pl.Datetime:
        zoned = values.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if values.dtype.time_zone else values  # type: ignore[attr-defined]
        return zoned.cast(pl.Datetime("us"))
    if values.dtype == pl.Date:
        return values.cast(pl.Datetime("us"))
    if values.dtype == pl.Time:
        return values.cast(pl.Duration("us")).cast(pl.Int64).cast(pl.Datetime("us"))
    if word == "integer" and column.how.get("formats") == ["%Y%m%d"]:
        return parse.dates(values.cast(pl.String), ["%Y%m%d"])
    return pl.Series(values.name, [None] * len(values), pl.Datetime("us"))


def _string(values: pl.Series) -> pl.Series:
    """Cells as labels: 1 and 1.0 are both "1" where all are whole, truth values are "True" and "False"."""
    word = type_word(values.dtype, values.name)
    if word == "text":
        return parse.strip(values.cast(pl.String))
    if word == "boolean":
        labels = values.to_frame("v").select(
            pl.when(pl.col("v")).then(pl.lit("True")).when(~pl.col("v")).then(pl.lit("False"))
        )
        return labels.to_series()
    if word == "float":
        number = values.cast(pl.Float64).fill_nan(None)
        whole = number.is_finite() & (number == number.round()) & (number.abs() < 2**53)
        if whole.drop_nulls().all():
            return number.cast(pl.Int64).cast(pl.String)
        return number.cast(pl.String)
    return values.cast(pl.String)
