"""Pictures that come as arrays, IDX files (as MNIST's) and NPZ archives, as rows of packed pictures and labels."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from ...core.errors import InputError
from ..table.media import modality
from ..table.schema import many
from .found import Found

_SIDES = {
    "test": re.compile(r"(?:^|[^a-z])(?:test|t10k)(?:[^a-z]|$)"),
    "val": re.compile(r"(?:^|[^a-z])(?:val|valid|validation|dev)(?:[^a-z]|$)"),
}
_LABELS = re.compile(r"idx1", re.IGNORECASE)


def arrays_found(files: Sequence[Path], where: str) -> Found:
    """The pictures and labels in IDX or NPZ files that belong together. Raises InputError where they hold none.

    What is for testing is sealed, else what is for validation; where there are both, validation is learned from.
    """
    frames: dict[str, pl.DataFrame] = {}
    sizes: dict[str, tuple[int, ...]] = {}
    for side, pictures, labels in _sides(files):
        if side not in frames:
            frames[side], sizes[side] = _frame(pictures, labels, Path(where).name or where), pictures.shape[1:]
    if not frames:
        raise InputError(f"{where} holds labels but no pictures. Give the file of pictures that they belong to.")
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{side} {size}" for side, size in sizes.items())
        raise InputError(f"{where} holds pictures of several sizes: {told}.\nGive one of the files by its own path.")
    learned = next(side for side in ("train", "test", "val") if side in frames)
    frame, notes = frames.pop(learned), []
    target = "label" if "label" in frame.columns else None
    sealed = next((s for s in ("test", "val") if s in frames and target in frames[s].columns), None) if target else None
    if sealed == "test" and "val" in frames and target in frames["val"].columns:
        frame = pl.concat([frame, frames["val"]])
        notes.append(f"{many(len(frames['val']), 'picture')} for validation are learned from too")
    tested = frames[sealed] if sealed else None
    height, width = sizes[learned][:2]
    how = f"arrays of {many(len(frame), 'picture')} of {height} × {width} pixels"
    how += f", and {len(tested):,} sealed" if tested is not None else ""
    labelled = {"label": "category"} if target and not frame["label"].dtype.is_float() else {}
    kinds = {"picture": "picture", "file": "identifier"} | labelled
    count = len(frame) + (0 if tested is None else len(tested))
    return Found("picture", frame, kinds, target, how, count, tested, notes=notes)


def _sides(files: Sequence[Path]) -> Iterator[tuple[str, np.ndarray, np.ndarray | None]]:
    """(side, pictures uint8 (n, height, width, channels), labels) of every file that holds pictures."""
    picture = modality("picture")
    for path in files:
        if path.suffix.lower() == ".npz":
            for part, read in picture.read_npz(path).items():
                yield part or "train", read.pictures, read.labels
        elif not _LABELS.search(path.name):
            read = picture.read_idx(path)
            low = path.name.lower()
            side = next((side for side, sign in _SIDES.items() if sign.search(low)), "train")
            yield side, read.pictures, read.labels


def _frame(pictures: np.ndarray, labels: np.ndarray | None, name: str) -> pl.DataFrame:
    columns = [modality("picture").pack_all(pictures)]
    if labels is not None:
        whole = labels.dtype.kind in "biu"
        values = (
            labels.astype(np.int64) if whole else labels if labels.dtype.kind == "f" else labels.astype(str).tolist()
        )
        columns.append(pl.Series("label", values))
    columns.append(pl.Series("file", [f"{name}: {i}" for i in range(1, len(pictures) + 1)], pl.String))
    return pl.DataFrame(columns)
