"""Where it erred worst, as rows of a table and as what a person would look at, listen to or read."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl

from ..core.numbers import Answer, Array
from ..model import Model
from .cells import columns_of, preview, show, told
from .occlusion import Patience, pieces_of

WORST = 12
SHOWN_COLUMNS = 12
PAIRS = 5  # of classes most often taken for one another
EACH = 6  # examples of a pair
SIDE, SMALL_SIDE = 96, 56  # pixels of a picture that is shown
MOST_BYTES = 200_000  # of one figure's pictures and sounds: run.json holds them too

Files = Sequence[str] | None


def mistakes(model: Model, typed: pl.DataFrame, y: Array, answer: Answer) -> dict[str, Any]:
    """A figure of the sealed rows that the model answered worst: what was true, what it said, and the row itself."""
    said = model.supervised.decode(answer)
    shown = list(model.features[:SHOWN_COLUMNS])
    rows = []
    for i in _worst(model, y, answer):
        told = show(said[i]) + (f" ({100 * answer[i].max():.0f}%)" if model.task.id == "classify" else "")
        cells = typed.row(int(i), named=True)
        rows.append([show(cells[model.target]), told, *(show(cells[c], model.schema[c].kind) for c in shown)])
    left_out = len(model.features) - len(shown)
    note = f"{left_out} more columns are not shown." if left_out > 0 else ""
    columns = [f"{model.target} (true)", "said", *shown]
    return {"kind": "mistakes", "title": "The worst mistakes", "columns": columns, "rows": rows, "note": note}


def examples(
    model: Model, typed: pl.DataFrame, y: Array, answer: Answer, seconds: float, files: Files = None
) -> list[dict[str, Any]]:
    """Figures of the worst mistakes for the first column of pictures, of sounds and of texts that there is.

    files: the name of the file that each row came from. seconds: for finding the words that mattered; without them
    texts are shown unmarked.
    """
    patience = Patience(seconds)
    worst = _wrong(model, y, answer)
    made = []
    for kind, figure, title in (
        ("picture", "pictures", "The worst mistakes, to look at"),
        ("sound", "players", "The worst mistakes, to hear"),
        ("text", "texts", "The worst mistakes, to read"),
    ):
        column = next(iter(columns_of(model, kind)), None)
        if column is None:
            continue
        drawn = _drawer(kind, model, typed, column, answer, patience)
        items = _items(model, typed, y, answer, files, worst, drawn, MOST_BYTES)
        if items:
            made.append({"kind": figure, "title": title, "items": items})
    return made


def confused(model: Model, typed: pl.DataFrame, y: Array, answer: Answer, files: Files = None) -> dict[str, Any] | None:
    """A figure of the pairs of classes taken most often for one another, with pictures or sounds; None without."""
    kind = next((k for k in ("picture", "sound") if columns_of(model, k)), None)
    said = answer.argmax(axis=1)
    if kind is None or model.task.id != "classify":
        return None
    wrong = np.flatnonzero((y >= 0) & (said != y))
    pairs, counts = np.unique(np.stack([y[wrong], said[wrong]]), axis=1, return_counts=True)
    drawn = _drawer(kind, model, typed, columns_of(model, kind)[0], answer, Patience(0), SMALL_SIDE)
    if counts.max(initial=0) < 2:  # no pair is more than a slip, and the worst mistakes show those
        return None
    groups = []
    for k in np.argsort(-counts, kind="stable")[:PAIRS]:
        true, told = pairs[:, k]
        rows = wrong[(y[wrong] == true) & (said[wrong] == told)]
        sure = rows[np.argsort(-answer[rows, told], kind="stable")][: EACH if kind == "picture" else 2]
        items = _items(model, typed, y, answer, files, sure, drawn, MOST_BYTES // PAIRS)
        if items:
            names = {"true": items[0].pop("true"), "said": items[0].pop("said")}
            groups.append({**names, "count": int(counts[k]), "items": items})
    if not groups:
        return None
    figure = "pictures" if kind == "picture" else "players"
    return {"kind": figure, "title": "What it takes for what", "groups": groups}


def _worst(model: Model, y: Array, answer: Answer) -> Array:
    return np.argsort(-model.supervised.losses(y, answer), kind="stable")[:WORST]


def _wrong(model: Model, y: Array, answer: Answer) -> Array:
    """The worst rows; of classes, only those that were answered wrongly."""
    worst = _worst(model, y, answer)
    return worst[answer[worst].argmax(axis=1) != y[worst]] if model.task.id == "classify" else worst


Drawer = Callable[[int], dict[str, Any] | None]


def _items(
    model: Model, typed: pl.DataFrame, y: Array, answer: Answer, files: Files, rows: Array, drawn: Drawer, most: int
) -> list[dict[str, Any]]:
    """What the report shows of these rows, until the figure is as large as it may be."""
    items: list[dict[str, Any]] = []
    spent = 0
    for i in map(int, rows):
        look = drawn(i)
        if look is None:
            continue
        spent += sum(len(v) for v in look.values() if isinstance(v, str))
        if spent > most and items:
            break
        items.append({**look, **told(model, typed, answer, i), **({"file": files[i]} if files is not None else {})})
    return items


def _drawer(
    kind: str, model: Model, typed: pl.DataFrame, column: str, answer: Answer, patience: Patience, side: int = SIDE
) -> Drawer:
    """What makes of a row the parts of an item that are particular to its kind; None where the cell is empty."""

    def drawn(row: int) -> dict[str, Any] | None:
        cell = typed[column][row]
        if cell is None:
            return None
        if kind == "text":
            return {"pieces": pieces_of(model, typed, column, answer, row, patience)}
        return preview(kind, cell, side)

    return drawn
