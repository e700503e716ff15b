"""Blocks of numbers on disk, so that worker processes share one copy: written once, memory-mapped by each reader.

A block is a folder: x.npy and y.npy in NumPy's own format (never with pickled objects), and columns.json. Sparse rows
lie as the three arrays of a csr_array: x.npy holds the numbers, x-indices.npy and x-indptr.npy where they stand. A
stream whose codes may be renamed has renames.npy too.
"""

import dataclasses
import json
from pathlib import Path

import numpy as np

from ..core.errors import ModelError
from ..core.numbers import Array, Change, Column, Form, Numbers


def write(folder: Path, numbers: Numbers) -> None:
    """Write `numbers` into `folder`, which is made where it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    x = numbers.x
    parts = {"x": x.data, "x-indices": x.indices, "x-indptr": x.indptr} if numbers.sparse else {"x": x}
    more = {} if numbers.renames is None else {"renames": numbers.renames}
    for name, array in (parts | {"y": numbers.y} | more).items():
        with open(folder / f"{name}.npy", "wb") as f:
            np.lib.format.write_array(f, np.asarray(array, order="C"), allow_pickle=False)
    about = {
        "form": str(numbers.form),
        "columns": [dataclasses.astuple(c) for c in numbers.columns],
        "levels": numbers.levels,
        "changes": sorted(numbers.changes),
        "marks": numbers.marks,
        "sparse": list(x.shape) if numbers.sparse else None,
        "renames": bool(more),
    }
    (folder / "columns.json").write_text(json.dumps(about), encoding="utf-8")


def read(folder: Path) -> Numbers:
    """The block in `folder`: arrays are read-only memory maps, so that processes share their pages.

    Raises ModelError, naming the file, where one is missing or damaged.
    """
    try:
        about = json.loads((folder / "columns.json").read_text(encoding="utf-8"))
        form, columns = Form(about["form"]), tuple(Column(*c) for c in about["columns"])
        levels, changes = int(about["levels"]), frozenset(Change(c) for c in about["changes"])
        marks = int(about["marks"])
        sparse = tuple(about["sparse"]) if about["sparse"] else None
        renames = _map(folder / "renames.npy") if about["renames"] else None
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise ModelError(f"{folder / 'columns.json'} cannot be read: {e}") from e
    x = _map(folder / "x.npy")
    if sparse:
        from scipy.sparse import csr_array

        x = csr_array((x, _map(folder / "x-indices.npy"), _map(folder / "x-indptr.npy")), shape=sparse, copy=False)
    return Numbers(form, x, _map(folder / "y.npy"), columns, levels, changes, renames, marks)


def _map(path: Path) -> Array:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError:  # an empty array has nothing to map
        array = _load_empty(path)
    except OSError as e:
        raise ModelError(f"{path} cannot be read: {e}") from e
    array = array.view(np.ndarray)  # a plain array over the map: results computed from it are then plain too
    array.flags.writeable = False
    return array


def _load_empty(path: Path) -> Array:
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as e:
        raise ModelError(f"{path} cannot be read: {e}") from e
    if array.size:
        raise ModelError(f"{path} cannot be memory-mapped.")
    return array
