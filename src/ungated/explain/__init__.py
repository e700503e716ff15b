"""What mattered, what it looked at, and where it erred worst: found on sealed rows, after the error is known.

Everything here asks the model as a person would, through `model.answer`, and gives figures for the report. What takes
time is given an allowance of seconds, and is None, or shorter, where that does not suffice.
"""

import importlib
import time
from typing import Any

import numpy as np
import polars as pl

from ..core.numbers import Answer, Array, Form
from ..core.run import Run
from ..model import Model
from .filters import filters
from .importance import importance, worth
from .mistakes import confused, examples, mistakes
from .occlusion import looked, pushed
from .skipped import skipped

__all__ = [
    "confused",
    "discovered",
    "examples",
    "explained",
    "filters",
    "importance",
    "looked",
    "mistakes",
    "pushed",
    "skipped",
    "worth",
]

WITHOUT_TARGET: dict[tuple[str, str], str] = {  # task, and what it makes or the form of its exam -> who explains it
    ("associate", "items"): "rules",
    ("cluster", "rows"): "clusters",
    ("detect", "rows"): "anomalies",
    ("embed", "rows"): "maps",
    ("generate", "text"): "writing",
    ("generate", "tune"): "music",
    ("generate", "pixels"): "pictures_made",
}
MEDIA = ("picture", "sound", "text")
ANSWERED = 0.4  # of the time left, for the answers to all rows of which it is told what was found
FEWEST, TRIED = 200, 20  # rows that are looked at however long each takes; of which a few are asked first


def explained(
    model: Model, typed: pl.DataFrame, y: Array, answer: Answer, seconds: float, took: float | None = None
) -> list[dict[str, Any]]:
    """Every figure that these sealed rows give, in the order in which a person asks, within about `seconds`.

    took: seconds that the answer to them took, where that is known: what cannot be afforded is not begun.
    """
    kinds = [model.schema[name].kind for name in model.features]
    several, text, seen = len(kinds) > 1, "text" in kinds, bool({"picture", "sound"} & set(kinds))
    shares = seconds / max(1, 3 * several + 2 * text + seen)  # what takes time, each about as long
    files = typed["file"].to_list() if "file" in typed.columns else None
    found: list[dict[str, Any] | None] = []
    if several:
        mixed = bool(set(kinds) & set(MEDIA))
        found.append(worth(model, typed, (2 if mixed else 1) * shares, took))
        found.append(importance(model, typed, (1 if mixed else 2) * shares, took))
    if not set(kinds) <= set(MEDIA):
        found.append(mistakes(model, typed, y, answer))
    if set(kinds) & set(MEDIA):
        found.append(confused(model, typed, y, answer, files))
        found += examples(model, typed, y, answer, shares, files)
        found += [looked(model, typed, y, answer, shares), pushed(model, typed, y, answer, shares)]
        states = [fits[0][1].state() for fits in (m.fits for m in sorted(model.members, key=lambda m: -m.weight))]
        found.append(filters(states))
    return [figure for figure in found if figure]


def discovered(
    model: Model,
    rows: pl.DataFrame,
    sealed: pl.DataFrame,
    truth: str,
    seconds: float,
    run: Run,
    left: float = float("inf"),
) -> list[dict[str, Any]]:
    """Every figure of what was found where no answers were given, within about `seconds`.

    rows, sealed: typed, those that were learned from and those that were not. truth: the column of labels to compare
    with, or "". left: seconds until the budget is spent: of a table no more rows are looked at than can be answered in
    part of it. What was found is added to the run in words, and to its notes and secondary measures.
    """
    about = (getattr(model.task, "kind", ""), getattr(model.task, "form", ""))
    name = next(
        (WITHOUT_TARGET[model.task.id, str(a)] for a in about if (model.task.id, str(a)) in WITHOUT_TARGET), None
    )
    if name is None:
        return []
    if getattr(model.task, "form", None) is Form.ROWS:
        rows, sealed = _afforded(model, rows, sealed, ANSWERED * max(left, seconds), run)
    figures: list[dict[str, Any]] = importlib.import_module(f"{__name__}.{name}").figures(
        model, rows, sealed, truth, seconds, run
    )
    return figures


def _afforded(
    model: Model, rows: pl.DataFrame, sealed: pl.DataFrame, seconds: float, run: Run
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows and sealed ones, evenly spaced, no more than can be answered in `seconds`; it is noted if not all."""
    whole = rows.height + sealed.height
    if whole <= FEWEST:
        return rows, sealed
    share = max(seconds / max(_seconds_a_row(model, rows), 1e-9), FEWEST) / whole
    if share >= 1:
        return rows, sealed
    fewer = [f[np.linspace(0, f.height - 1, round(share * f.height)).astype(int)] for f in (rows, sealed)]
    seen = sum(f.height for f in fewer)
    run.notes.append(
        f"what is shown is of {seen:,} of the {whole:,} rows: there was no time for all (--time gives more)"
    )
    return fewer[0], fewer[1]


def _seconds_a_row(model: Model, rows: pl.DataFrame) -> float:
    """What one more row costs: by how much longer many take than few, since to ask at all costs something too."""
    took = []
    for count in (TRIED, FEWEST):
        began = time.monotonic()
        model.answer(rows[:count])
        took.append(time.monotonic() - began)
    return max(took[1] - took[0], 0.0) / max(min(FEWEST, rows.height) - TRIED, 1)
