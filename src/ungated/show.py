"""What one row of the data becomes: `show(data, row)` reads as a fit would, and tells each column's way into numbers.

How a cell of a kind is shown is looked up in `SHOWS`. Kinds without an entry there are cells of a table.
"""

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from .core.errors import UsageError
from .core.numbers import Takes
from .core.shown import Shown
from .modalities import table

Show = Callable[[str, Any, pl.Series, Mapping[str, Any]], dict[str, Any]]
"""(column, cell, the whole column, details of the schema) -> an item of `Shown`, as its kind describes it."""

SHOWS: dict[str, Show] = {}

MOST_ROWS = 20_000  # that the encoding is learned from
PLAIN = frozenset({Takes.RAW_SCALE})  # so that numbers are seen in their own units, and categories as 0/1 columns


def show(data: Any, row: int = 1, kinds: Mapping[str, str] | None = None) -> Shown:
    """What row `row` of `data`, counted from 1, becomes. Raises InputError and UsageError.

    data: as in `fit`. kinds: column -> kind, where the person knows better.
    """
    raw = table.read(data)
    schema = table.look(raw, kinds=kinds)
    typed = table.cast(raw.frame, schema, where=raw.source).frame
    if not 1 <= row <= typed.height:
        rows = f"{typed.height:,} row{'s'[: typed.height != 1]}"
        raise UsageError(f"{raw.source} has {rows}; --row {row} is not one of them. Rows are counted from 1.")
    at = row - 1
    items = [
        {"kind": c.kind, "title": c.name, "column": c.name, "why": c.why}
        | SHOWS[c.kind](c.name, typed[c.name][at], typed[c.name], c.how)
        for c in schema.columns
        if c.kind in SHOWS and typed[c.name][at] is not None
    ]
    plain = [c for c in schema.columns if c.kind not in SHOWS]
    if plain:
        items.append(_cells(raw, typed, schema, plain, at))
    how = f"{raw.how}; " if raw.how else ""
    return Shown(f"Row {row:,} of {raw.source}", f"{how}{typed.height:,} rows, {len(schema.columns)} columns", items)


def _cells(
    raw: table.Raw, typed: pl.DataFrame, schema: table.Schema, columns: list[table.ColumnKind], at: int
) -> dict[str, Any]:
    """The cells of a row as they came, and the numbers that each became."""
    names = [c.name for c in columns if c.kind not in table.LEFT_OUT]
    encoder = table.RowEncoder.fit(typed.head(MOST_ROWS), schema, names, PLAIN)
    numbers = encoder.rows(typed[at : at + 1])[0]
    became: dict[str, list[list[Any]]] = {}
    for column, value in zip(encoder.columns, numbers, strict=True):
        became.setdefault(column.source, []).append([column.name, float(value)])
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


def _as_it_came(value: Any) -> str | None:
    if value is None:
        return None
    return f"{value:g}" if isinstance(value, float) else str(value)
