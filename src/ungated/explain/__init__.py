"""What mattered, what it looked at, and where it erred worst: found on sealed rows, after the error is known.

Everything here asks the model as a person would, through `model.answer`, and gives figures for the report. What takes
time is given an allowance of seconds, and is None, or shorter, where that does not suffice.
"""

import importlib
from typing import Any

import polars as pl

from ..core.numbers import Answer, Array
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
    model: Model, rows: pl.DataFrame, sealed: pl.DataFrame, truth: str, seconds: float, run: Run
) -> list[dict[str, Any]]:
    """Every figure of what was found where no answers were given, within about `seconds`.

    rows, sealed: typed, those that were learned from and those that were not. truth: the column of labels to compare
    with, or "". What was found is added to the run in words, and to its notes and secondary measures.
    """
    about = (getattr(model.task, "kind", ""), getattr(model.task, "form", ""))
    name = next(
        (WITHOUT_TARGET[model.task.id, str(a)] for a in about if (model.task.id, str(a)) in WITHOUT_TARGET), None
    )
    if name is None:
        return []
    figures: list[dict[str, Any]] = importlib.import_module(f"{__name__}.{name}").figures(
        model, rows, sealed, truth, seconds, run
    )
    return figures
