"""What mattered, and where it erred worst: found on sealed rows, after the error is known.

A column's importance is how much the error grows when the column's values are dealt out anew among the rows, so that
what it told of each row is lost (Breiman 2001; Fisher, Rudin & Dominici 2019). It speaks of the model, not of causes:
of two columns that say the same, either may seem needless.
"""

import time
from typing import Any

import numpy as np
import polars as pl

from .core.numbers import Answer, Array
from .model import Model

MOST_ROWS = 2000
FEWEST_ROWS = 100
WORST = 12
SHOWN_COLUMNS = 12


def importance(model: Model, typed: pl.DataFrame, seconds: float) -> dict[str, Any] | None:
    """A figure of each column's permutation importance on sealed rows, or None where there is no time for it."""
    rng = np.random.default_rng(0)
    kept = typed[np.sort(rng.permutation(typed.height)[:MOST_ROWS])]
    began = time.monotonic()
    model.answer(kept[:FEWEST_ROWS])
    each = (time.monotonic() - began) / min(FEWEST_ROWS, kept.height)
    affordable = int(seconds / (max(each, 1e-9) * (len(model.features) + 1)))
    if affordable < min(FEWEST_ROWS, kept.height):
        return None
    kept = kept.head(affordable)
    y = model.task.encode(kept[model.target].to_list())
    measure = model.task.guide
    whole = model.answer(kept)
    items: list[dict[str, Any]] = []
    for name in model.features:
        dealt = kept.with_columns(kept[name].gather(rng.permutation(kept.height)).alias(name))
        answer = model.answer(dealt)
        growth = measure(y, answer) - measure(y, whole)
        half = _half_interval(measure, y, answer, whole)
        items.append({"name": name, "value": growth, "low": growth - half, "high": growth + half})
    items.sort(key=lambda item: item["value"], reverse=True)
    title = "How much the error grows when a column is dealt out anew"
    return {"kind": "importance", "title": title, "metric": measure.id, "items": items[:30]}


def _half_interval(measure: Any, y: Array, answer: Answer, whole: Answer) -> float:
    """Half of the 95% interval of the growth, from the rows' own growths where the measure has them."""
    if not measure.rows or len(y) < 2:
        return 0.0
    grown = measure.rows(y, answer) - measure.rows(y, whole)
    spread = 1.96 * grown.std() / np.sqrt(len(y))
    slope = measure.finish(np.mean(measure.rows(y, answer)) + spread) - measure.finish(np.mean(measure.rows(y, answer)))
    return float(slope)


def mistakes(model: Model, typed: pl.DataFrame, y: Array, answer: Answer) -> dict[str, Any]:
    """A figure of the sealed rows that the model answered worst: what was true, what it said, and the row itself."""
    loss = model.task.losses(y, answer)
    said = model.task.decode(answer)
    shown = list(model.features[:SHOWN_COLUMNS])
    rows = []
    for i in np.argsort(-loss, kind="stable")[:WORST]:
        told = _show(said[i]) + (f" ({100 * answer[i].max():.0f}%)" if model.task.id == "classify" else "")
        cells = typed.row(int(i), named=True)
        rows.append([_show(cells[model.target]), told, *(_show(cells[c]) for c in shown)])
    left_out = len(model.features) - len(shown)
    note = f"{left_out} more columns are not shown." if left_out > 0 else ""
    columns = [f"{model.target} (true)", "said", *shown]
    return {"kind": "mistakes", "title": "The worst mistakes", "columns": columns, "rows": rows, "note": note}


def _show(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
