"""Making pictures: what a model that has learned to make them gives on demand, and a sheet of them as a PNG file."""

import math
from io import BytesIO

import numpy as np

from ..core.algorithm import Maker
from ..core.errors import UsageError, listed
from ..core.numbers import Array
from ..engines.made import proportional
from ..model import Model

GAP = 1  # pixels between the pictures of a sheet
LEAST_SIDE = 56  # pixels to which small pictures are enlarged on a sheet, by a whole factor
PAPER = 255


def maker(model: Model) -> Maker:
    """What makes the model's pictures. Raises UsageError where it makes none."""
    fits = [fitted for member in model.members for _, fitted in member.fits]
    if not fits or not isinstance(fits[0], Maker):
        raise UsageError(
            "This model makes no pictures. Train one with: ungated fit PICTURES --task generate --time 15m"
            if model.task.id != "generate"
            else "This model has learned nothing that makes pictures: give it more --time."
        )
    return fits[0]


def make(
    model: Model, count: int = 64, label: str | None = None, seed: int = 0, guidance: float | None = None
) -> Array:
    """New pictures, uint8 (count, channels, height, width).

    label: the class of all of them; without it, of each class as many as it had among those that were learned from.
    seed: the same gives the same pictures. guidance: how far the class is exaggerated, 0 for not at all; None: as the
    model was set. Raises UsageError for a class that is not there, and for settings that the model has not.
    """
    if count < 1:
        raise UsageError("--count must be at least 1.")
    made_by = maker(model)
    labels = _labels(model, made_by, count, label)
    if guidance is None:
        return made_by.make(labels, seed)
    if getattr(made_by, "guidance", None) is None or len(classes_of(model)) < 2:
        raise UsageError("--guidance is for flow matching that was told the class of each picture (--target COLUMN).")
    return made_by.make(labels, seed, guidance)  # type: ignore[call-arg]


def classes_of(model: Model) -> tuple[str, ...]:
    """The classes that may be asked for; none where the model knows of none."""
    return tuple(getattr(model.task, "classes", ()))


def grid(pictures: Array, columns: int | None = None) -> bytes:
    """Pictures, uint8 (n, channels, height, width), side by side as a PNG file; small ones are enlarged and stay sharp.

    columns: how many stand in a row; without it, about as many as there are rows.
    """
    from PIL import Image

    n, channels, height, width = pictures.shape
    across = columns or math.ceil(math.sqrt(max(n, 1)))
    by = max(1, LEAST_SIDE // max(height, width))
    sheet = np.full((-(-n // across) * (height * by + GAP), across * (width * by + GAP), channels), PAPER, np.uint8)
    for k, picture in enumerate(pictures):
        top, left = k // across * (height * by + GAP), k % across * (width * by + GAP)
        large = picture.transpose(1, 2, 0).repeat(by, axis=0).repeat(by, axis=1)
        sheet[top : top + height * by, left : left + width * by] = large
    out = BytesIO()
    Image.fromarray(sheet[..., 0] if channels == 1 else sheet).save(out, "PNG", optimize=True)
    return out.getvalue()


def upright(spectrograms: Array) -> Array:
    """Spectrograms, uint8 (n, 1, bands, frames), with high pitches on top, as eyes expect them."""
    return spectrograms[:, :, ::-1]


def _labels(model: Model, made_by: Maker, count: int, label: str | None) -> Array:
    classes = classes_of(model)
    if label is None:
        return proportional(getattr(made_by, "shares", np.ones(1)), count)
    if not classes:
        raise UsageError("--label: this model was not told of any classes. Train it with --target COLUMN.")
    if label not in classes:
        raise UsageError(f"--label: there is no class {label!r}. There are: {listed(classes, 40)}.")
    return np.full(count, classes.index(label), np.int64)
