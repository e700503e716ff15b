"""What a fitted algorithm has learned, on disk: values.json, arrays.safetensors, and texts as NAME.txt. Never a pickle.

values.json also lists the names of the arrays and texts, so that a missing file is noticed.
"""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from ..core.algorithm import State
from ..core.errors import ModelError
from ..core.numbers import Array

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")  # a text's name is a file's name: no dots, no separators


def write(folder: Path, state: State) -> None:
    """Write `state` as `folder`, all or nothing: into a sibling first, which then takes the folder's name.

    Raises TypeError or ValueError for what such files cannot hold (values that are not JSON, arrays of objects or of
    text, a text whose name is no file name).
    """
    fresh = folder.with_name(f".{folder.name}.{os.getpid()}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        _write_files(fresh, state)
        _put_in_place(fresh, folder)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def write_file(path: Path, state: State) -> None:
    """Write values and arrays as one safetensors file, all or nothing, and onto the disk before it takes its name.

    Raises TypeError for what such a file cannot hold; texts are not for it.
    """
    from safetensors.numpy import save

    if state.texts:
        raise TypeError("a checkpoint holds no texts")
    values = {"values": json.dumps(state.values, default=_number)}
    replace_file(path, save({k: _storable(k, a) for k, a in state.arrays.items()}, values))


def read_file(path: Path, arrays: bool = True) -> State:
    """What `write_file` wrote; without its arrays where only the values are asked for. Raises ModelError."""
    from safetensors import safe_open

    try:
        with safe_open(path, "np") as file:
            values = json.loads(file.metadata()["values"])
            return State(values, {name: file.get_tensor(name) for name in file.keys()} if arrays else {})  # noqa: SIM118
    except Exception as e:  # whatever the parsers make of a file that was cut short
        raise ModelError(f"{path} cannot be read: {e}") from e


def replace_file(path: Path, data: bytes) -> None:
    """Write a file, all or nothing: it is on the disk, whatever happens to the machine, before it takes its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with open(fresh, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def _write_files(folder: Path, state: State) -> None:
    from safetensors.numpy import save_file

    for name, text in state.texts.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} cannot be the name of a text file")
        (folder / f"{name}.txt").write_bytes(text.encode("utf-8"))  # bytes: line ends stay as they are
    if state.arrays:
        save_file({k: _storable(k, a) for k, a in state.arrays.items()}, folder / "arrays.safetensors")
    about = {"values": state.values, "arrays": sorted(state.arrays), "texts": sorted(state.texts)}
    (folder / "values.json").write_text(json.dumps(about, default=_number, indent=1), encoding="utf-8")


def _put_in_place(fresh: Path, folder: Path) -> None:
    if not folder.exists():
        os.rename(fresh, folder)
        return
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    shutil.rmtree(old, ignore_errors=True)
    os.rename(folder, old)
    os.rename(fresh, folder)
    shutil.rmtree(old, ignore_errors=True)


def _storable(name: str, array: Array) -> Array:
    if array.dtype.kind not in "biufc":
        raise TypeError(f"array {name!r} of dtype {array.dtype} cannot be stored")
    return np.array(array, dtype=array.dtype.newbyteorder("="), order="C", copy=True, subok=False)


def _number(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is not a JSON value")


def read(folder: Path) -> State:
    """The state in `folder`, every file checked.

    Raises ModelError, naming the file, where one is missing, damaged or names something outside the folder.
    """
    about = _read_values(folder / "values.json")
    return State(
        about["values"],
        _read_arrays(folder / "arrays.safetensors", about["arrays"]) if about["arrays"] else {},
        {name: _read_text(folder / f"{name}.txt") for name in about["texts"]},
    )


def check(folder: Path) -> None:
    """Raise ModelError or OSError unless every file of the state in `folder` is there and as long as it says."""
    from safetensors import safe_open

    about = _read_values(folder / "values.json")
    for name in about["texts"]:
        _read_text(folder / f"{name}.txt")
    if about["arrays"]:
        try:
            with safe_open(folder / "arrays.safetensors", "np"):
                return
        except Exception as e:
            raise ModelError(f"{folder / 'arrays.safetensors'} is damaged: {e}") from e


def _read_values(path: Path) -> dict[str, Any]:
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path} is missing.") from None
    except (OSError, ValueError, RecursionError) as e:
        raise ModelError(f"{path} is damaged: {e}") from e
    if not (isinstance(about, dict) and isinstance(about.get("values"), dict)):
        raise ModelError(f"{path} is damaged: it holds no values.")
    for kind in ("arrays", "texts"):
        names = about.get(kind)
        if not (isinstance(names, list) and all(isinstance(n, str) for n in names)):
            raise ModelError(f"{path} is damaged: it lists no {kind}.")
    for name in about["texts"]:
        if not _NAME.fullmatch(name):
            raise ModelError(f"{path} names a text {name!r}, which is not the name of a file in this folder.")
    return about


def _read_arrays(path: Path, names: list[str]) -> dict[str, Array]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        arrays = load_file(path)
    except FileNotFoundError:
        raise ModelError(f"{path} is missing.") from None
    except (OSError, SafetensorError, ValueError, TypeError, KeyError) as e:
        raise ModelError(f"{path} is damaged: {e}") from e
    if sorted(arrays) != sorted(names):
        raise ModelError(f"{path} holds the arrays {sorted(arrays)}, where values.json lists {sorted(names)}.")
    return arrays


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise ModelError(f"{path} is missing.") from None
    except (OSError, UnicodeDecodeError) as e:
        raise ModelError(f"{path} is damaged: {e}") from e
