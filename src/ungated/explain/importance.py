"""What mattered: how much the error grows when a column, or all columns of a kind, tell nothing of their row any more.

A column's importance is how much the error grows when the column's values are dealt out anew among the rows, so that
what it told of each row is lost (Breiman 2001; Fisher, Rudin & Dominici 2019). It speaks of the model, not of causes:
of two columns that say the same, either may seem needless.
"""

import time
from typing import Any

import numpy as np
import polars as pl

from ..core.numbers import Answer, Array
from ..model import Model

MOST_ROWS = 2000
FEWEST_ROWS = 100
TRIED_ROWS = 20  # asked first, to see what a row costs: some models take long over each
KINDS = {"picture": "pictures", "sound": "sounds", "text": "texts"}  # all else are numbers


def importance(model: Model, typed: pl.DataFrame, seconds: float, took: float | None = None) -> dict[str, Any] | None:
    """A figure of each column's permutation importance on sealed rows, or None where there is no time for it.

    took: seconds that the model's answer to `typed` took, where that is known.
    """
    items = _grown(model, typed, seconds, {name: [name] for name in model.features}, took)
    if items is None:
        return None
    title = "How much the error grows when a column is dealt out anew"
    return {"kind": "importance", "title": title, "metric": model.task.guide.id, "items": items[:30]}


def worth(model: Model, typed: pl.DataFrame, seconds: float, took: float | None = None) -> dict[str, Any] | None:
    """The same of each kind of input, all its columns dealt out anew together; None where there is only one kind."""
    groups: dict[str, list[str]] = {}
    for name in model.features:
        groups.setdefault(KINDS.get(model.schema[name].kind, "numbers and categories"), []).append(name)
    items = _grown(model, typed, seconds, groups, took) if len(groups) > 1 else None
    if items is None:
        return None
    title = "What each kind of input is worth"
    return {"kind": "parts", "title": title, "metric": model.task.guide.id, "items": items}


def _grown(
    model: Model, typed: pl.DataFrame, seconds: float, groups: dict[str, list[str]], took: float | None
) -> list[dict[str, Any]] | None:
    """How much the error grows for each group of columns, the most first; None where there is no time for it."""
    rng = np.random.default_rng(0)
    kept = typed[np.sort(rng.permutation(typed.height)[:MOST_ROWS])]
    row = took / max(1, typed.height) if took is not None else _seconds_a_row(model, kept, seconds)
    affordable = int(seconds / (max(row, 1e-9) * (len(groups) + 1)))
    if affordable < min(FEWEST_ROWS, kept.height) or not kept.height:
        return None
    kept = kept.head(affordable)
    y = model.supervised.encode(kept[model.target].to_list())
    measure = model.task.guide
    whole = model.answer(kept)
    items: list[dict[str, Any]] = []
    for name, columns in groups.items():
        order = rng.permutation(kept.height)
        answer = model.answer(kept.with_columns(kept[c].gather(order).alias(c) for c in columns))
        growth = measure(y, answer) - measure(y, whole)
        half = _half_interval(measure, y, answer, whole)
        items.append({"name": name, "value": growth, "low": growth - half, "high": growth + half})
    return sorted(items, key=lambda item: -item["value"])


def _seconds_a_row(model: Model, rows: pl.DataFrame, seconds: float) -> float:
    """What an answer costs: measured on few rows, and again on more where that is cheap, since few flatter nobody."""
    for count in (TRIED_ROWS, FEWEST_ROWS):
        began = time.monotonic()
        model.answer(rows[:count])
        took = time.monotonic() - began
        if took > seconds / 20:
            break
    return max(took / max(1, min(count, rows.height)), 1e-9)


def _half_interval(measure: Any, y: Array, answer: Answer, whole: Answer) -> float:
    """Half of the 95% interval of the growth, from the rows' own growths where the measure has them."""
    if not measure.rows or len(y) < 2:
        return 0.0
    grown = measure.rows(y, answer) - measure.rows(y, whole)
    spread = 1.96 * grown.std() / np.sqrt(len(y))
    slope = measure.finish(np.mean(measure.rows(y, answer)) + spread) - measure.finish(np.mean(measure.rows(y, answer)))
    return float(slope)
