"""What a maker of pictures makes: of each class, beside the training pictures that come nearest, and step by step.

Spectrograms are pictures too; what they sound like is to be heard.
"""

from typing import Any

import numpy as np
import polars as pl

from ..core.algorithm import Maker
from ..core.numbers import Array
from ..core.run import Run
from ..core.shown import data_uri
from ..generation.pictures import classes_of, grid, upright
from ..generation.sounds import encoder_of
from ..modalities.sound import SpectrogramEncoder, wav
from ..model import Model

MOST_CLASSES, EACH = 10, 10
UNTOLD = 60  # pictures shown where there are no classes
NEAREST, COMPARED = 3, 8
MOMENTS, SHOWN = 7, 5
HEARD = 10  # sounds that the report plays
MOST_KNOWN = 20_000  # training pictures among which the nearest are looked for


def figures(
    model: Model, rows: pl.DataFrame, sealed: pl.DataFrame, truth: str, seconds: float, run: Run
) -> list[dict[str, Any]]:
    """A sheet of what it makes, by class; sounds to hear; the nearest training pictures; the way out of the noise."""
    made_by = model.members[0].fits[0][1]
    if not isinstance(made_by, Maker):
        return []
    classes = classes_of(model)
    labels = np.arange(min(len(classes), MOST_CLASSES)).repeat(EACH) if classes else np.zeros(UNTOLD, np.int64)
    made, encoder = made_by.make(labels, seed=1), encoder_of(model)

    def seen(pictures: Array) -> Array:
        return upright(pictures) if encoder else pictures

    found = [_sheet(seen(made), labels, classes)]
    if encoder:
        some = np.linspace(0, len(made) - 1, min(HEARD, len(made))).round().astype(int)
        found.append(_heard(made[some], [str(classes[k]) for k in labels[some]] if classes else [], encoder))
    if sealed.height:  # how far a real picture is that was never seen is else not known
        known = model.numbers(rows.sample(min(rows.height, MOST_KNOWN), seed=run.seed)).x
        fresh, noun = model.numbers(sealed.head(500)).x, "sound" if encoder else "picture"
        found.append(_nearest(seen(made), seen(known), seen(fresh), noun, run))
    if hasattr(made_by, "make_steps"):
        moments = made_by.make_steps(labels[:: max(1, len(labels) // SHOWN)][:SHOWN], 2, MOMENTS)
        found.append(_steps(np.stack([seen(m) for m in moments])))
    return found


def _heard(made: Array, names: list[str], encoder: SpectrogramEncoder) -> dict[str, Any]:
    items = [
        {"audio": data_uri("audio/wav", wav(encoder.wave(x), encoder.rate)), "image": _uri(upright(x[None]), 1)}
        | {"caption": names[k] if names else ""}
        for k, x in enumerate(made)
    ]
    note = (
        "None of these was chosen by ear. A picture tells how loud each band of pitches is, time running to the right; "
        "a wave that looks so is then found by Griffin and Lim's way, which guesses what no picture tells."
    )
    return {"kind": "sounds", "title": "Sounds that it made", "items": items, "note": note}


def _sheet(pictures: Array, labels: Array, classes: tuple[str, ...]) -> dict[str, Any]:
    if not classes:
        items = [{"image": _uri(pictures, 12), "caption": f"{len(pictures)} made pictures, none chosen by hand"}]
        return {"kind": "sheets", "title": "What it makes", "items": items}
    groups = [
        {"title": str(classes[label]), "items": [{"image": _uri(pictures[labels == label], EACH), "caption": "made"}]}
        for label in np.unique(labels)
    ]
    note = "Made on demand, each row of one class, none chosen by hand."
    if len(classes) > MOST_CLASSES:
        note += f" The first {MOST_CLASSES} of {len(classes):,} classes."
    return {"kind": "sheets", "title": "What it makes of each class", "groups": groups, "note": note}


def _nearest(made: Array, known: Array, fresh: Array, noun: str, run: Run) -> dict[str, Any]:
    """Some made pictures, each beside the training pictures that are nearest in pixels."""
    where, far = nearest(made, known, NEAREST)
    usual = float(np.median(nearest(fresh, known, 1)[1]))
    share = float(np.median(far[:, 0])) / max(usual, 1e-9)
    some = np.linspace(0, len(made) - 1, min(COMPARED, len(made))).round().astype(int)
    items = []
    for k in some:
        pictures = np.concatenate([made[k : k + 1], known[where[k]]])
        items.append({"image": _uri(pictures, 1 + NEAREST), "caption": f"{far[k, 0] / max(usual, 1e-9):.0%}"})
    copied = float((far[:, 0] < 0.3 * usual).mean())
    said = (
        f"made {noun}s are as far from the nearest training {noun} as {share:.0%} of what sealed {noun}s are; "
        f"{copied:.0%} are nearer than a third of that, as copies would be"
    )
    run.found.append(said)
    note = (
        "On the left a made picture, then the training pictures that are nearest to it, pixel by pixel: had it copied, "
        "they would be the same. Below, how far the first of them is, as a share of what is usual for a real picture "
        f"that was never seen. In all, {said}."
    )
    return {"kind": "sheets", "title": "Made, and the nearest that it learned from", "items": items, "note": note}


def nearest(asked: Array, known: Array, count: int) -> tuple[Array, Array]:
    """(rows of `known`, distances): of the `count` nearest pictures to each of `asked`, both (n, count)."""
    count = min(count, len(known))
    a = asked.reshape(len(asked), -1).astype(np.float32) / 255
    norms, rows, far = np.square(a).sum(axis=1), [], []
    for i in range(0, len(known), 4096):
        k = known[i : i + 4096].reshape(-1, a.shape[1]).astype(np.float32) / 255
        apart = np.sqrt(np.maximum(norms[:, None] + np.square(k).sum(axis=1) - 2 * a @ k.T, 0))
        first = np.argsort(apart, axis=1, kind="stable")[:, :count]
        rows.append(first + i)
        far.append(np.take_along_axis(apart, first, axis=1))
    every, distances = np.concatenate(rows, axis=1), np.concatenate(far, axis=1)
    first = np.argsort(distances, axis=1, kind="stable")[:, :count]
    return np.take_along_axis(every, first, axis=1), np.take_along_axis(distances, first, axis=1)


def _steps(moments: Array) -> dict[str, Any]:
    """moments: uint8 (moments, count, c, h, w)."""
    items = [{"image": _uri(moments[:, k], len(moments)), "caption": ""} for k in range(moments.shape[1])]
    note = (
        "From noise on the left to a picture on the right: at each step it follows the direction that it has learned."
    )
    return {"kind": "sheets", "title": "How a picture comes out of noise", "items": items, "note": note}


def _uri(pictures: Array, columns: int) -> str:
    return data_uri("image/png", grid(pictures, columns))
