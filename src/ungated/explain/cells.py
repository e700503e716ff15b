"""A row as a person meets it: what was true and said of it, its cells in a table, its picture or sound to look at."""

from typing import Any

import polars as pl

from ..core.numbers import Answer
from ..model import Model

LONGEST = 200  # characters of a cell


def columns_of(model: Model, kind: str) -> list[str]:
    """The features of that kind."""
    return [name for name in model.features if model.schema[name].kind == kind]


def told(model: Model, typed: pl.DataFrame, answer: Answer, row: int) -> dict[str, Any]:
    """What was true of a row, what the model said, and how sure it was."""
    said = show(model.supervised.decode(answer[row : row + 1])[0])
    about: dict[str, Any] = {"true": show(typed[model.target][row]), "said": said}
    return about | ({"sure": float(answer[row].max())} if model.task.id == "classify" else {})


def show(value: Any, kind: str = "") -> str:
    """A cell as a table tells it."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        return f"a {kind or 'file'}"
    return f"{value:.6g}" if isinstance(value, float) else str(value)[:LONGEST]


def preview(kind: str, cell: bytes, side: int) -> dict[str, str]:
    """A picture as {"image"}, a sound as {"audio", "image"}, its spectrogram: data URIs."""
    if kind == "picture":
        from ..modalities import picture  # type: ignore[attr-defined]

        return {"image": picture.preview(cell, side)}
    from ..modalities import sound  # type: ignore[attr-defined]

    player, spectrogram = sound.preview(cell)
    return {"audio": player, "image": spectrogram}
