"""The map that a model makes, for the report: every row a point, with its picture or its text under the pointer."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from ..core.numbers import Array
from ..core.run import Run
from ..model import Model
from ..tasks.embed import Embed
from .cells import columns_of, show

MOST_POINTS, MOST_PICTURED = 1500, 900  # of a map; and where each has its picture
MOST_COLUMNS = 8  # by which points may be coloured
SHEET_BYTES = 150_000
SIDE = 24  # pixels of a picture on the sheet, or what it has where that is less
LABEL = 100  # characters of a text under the pointer


def figures(
    model: Model, rows: pl.DataFrame, sealed: pl.DataFrame, truth: str, seconds: float, run: Run
) -> list[dict[str, Any]]:
    """The map of all rows, or of a sample. Fills in run.found, and run.metrics where there are labels."""
    assert isinstance(model.task, Embed)
    member = model.members[0].algorithm
    if member.card.id == "baseline":
        run.found.append("no map was drawn in the time given: --time gives more")
        return []
    typed = sample(pl.concat([rows, sealed]), model)
    answer = model.answer(typed)
    dims = model.task.dims
    run.found.append(
        f"{'a map' if dims == 2 else f'{dims} numbers a row'} by {member}, of {rows.height:,} rows and more"
    )
    if run.error is not None:
        kept = 1 - run.metrics.get("lost", float("nan"))
        run.found[-1] = (
            f"{'a map' if dims == 2 else f'{dims} numbers for each row'} by {member}: trustworthiness "
            f"{1 - run.error.value:.3f} for rows that it was not drawn from, which keep {kept:.0%} of their neighbours"
        )
    values: dict[str, Sequence[Any]] = {}
    if truth:
        values[truth] = [None if v is None else show(v) for v in typed[truth].to_list()]
        against = model.task.against(answer, np.asarray(values[truth], object))
        run.metrics.update(against)
        run.found += [
            f"{share:.1%} of the rows have mostly neighbours of their own {truth}" for share in against.values()
        ]
    return [drawn(model, typed, answer, "The map", values)]


def sample(typed: pl.DataFrame, model: Model) -> pl.DataFrame:
    """So many of the rows as a map can show, evenly spaced."""
    most = MOST_PICTURED if columns_of(model, "picture") else MOST_POINTS
    if typed.height <= most:
        return typed
    return typed[np.linspace(0, typed.height - 1, most).astype(int)]


def drawn(
    model: Model,
    typed: pl.DataFrame,
    places: Array,
    title: str,
    values: Mapping[str, Sequence[Any]] | None = None,
    marks: Sequence[bool] = (),
    note: str = "",
) -> dict[str, Any]:
    """A figure of typed rows at `places` (n, dims), flattened where there are more than two dimensions.

    values: by column, what colours the points, beside the table's own columns; the first is chosen. marks: points that
    are ringed.
    """
    flat = flattened(places)
    colours: dict[str, list[Any]] = {name: [_plain(v) for v in column] for name, column in (values or {}).items()}
    for name in model.features:
        if len(colours) < MOST_COLUMNS and name not in colours and model.schema[name].kind in _COLOURING:
            colours[name] = [_plain(v) for v in typed[name].to_list()]
    made: dict[str, Any] = {"kind": "map", "title": title, "x": flat[:, 0].tolist(), "y": flat[:, 1].tolist()}
    made |= {"colours": colours, "labels": labels(model, typed)}
    if (pictures := columns_of(model, "picture")) and (sheet := _sheet(typed[pictures[0]].to_list())):
        made["sheet"] = sheet
    if len(marks):
        made["marks"] = [bool(m) for m in marks]
    return made | ({"note": note} if note else {})


_COLOURING = ("number", "category", "boolean", "date")


def flattened(places: Array) -> Array:
    """Places (n, 2): as they are, or along their two widest directions."""
    if places.shape[1] == 2:
        return places
    if places.shape[1] == 1:
        return np.column_stack([places, np.zeros(len(places))])
    offset = places - places.mean(axis=0)
    return np.asarray(offset @ np.linalg.svd(offset, full_matrices=False)[2][:2].T)


def labels(model: Model, typed: pl.DataFrame) -> list[str]:
    """What each row is called: its file, the beginning of its text, an identifier, or its number."""
    if "file" in typed.columns:
        return [show(v) for v in typed["file"]]
    if texts := columns_of(model, "text"):
        return [show(v)[:LABEL] for v in typed[texts[0]]]
    named = [c.name for c in model.schema.columns if c.kind == "identifier" and c.name in typed.columns]
    if named:
        return [show(v) for v in typed[named[0]]]
    return [f"row {i + 1}" for i in range(typed.height)]


def _plain(value: Any) -> Any:
    return value if value is None or (isinstance(value, int | float) and not isinstance(value, bool)) else str(value)


def _sheet(cells: Sequence[bytes | None]) -> dict[str, Any] | None:
    """All pictures as one."""
    from ..modalities import picture  # type: ignore[attr-defined]

    across = int(np.ceil(np.sqrt(len(cells))))
    uri = picture.sheet(cells, SIDE, across, SHEET_BYTES)
    return {"image": uri, "side": SIDE, "across": across} if uri else None
