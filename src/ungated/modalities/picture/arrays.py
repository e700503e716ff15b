"""Pictures that come as arrays: IDX files (LeCun's MNIST format), plain or gzipped, and NumPy's NPZ and NPY.

A header may lie: nothing is allocated on its word alone. Nothing is ever unpickled.
"""

import gzip
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import InputError
from .decode import GREY, to_bytes, white_of

_MOST = 8 << 30  # bytes of one array
_PIECE = 1 << 24
_DEFLATE = 1040  # gzip cannot make a file smaller than by this factor
_IDX = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_PICTURES = ("x", "images", "image", "imgs", "pictures", "data", "features", "arr_0")
_LABELS = ("y", "labels", "label", "targets", "target", "classes", "arr_1")
_PARTS = {"train": "train", "training": "train", "test": "test", "val": "val", "valid": "val", "validation": "val"}


@dataclass(frozen=True)
class Pictures:
    """pictures: uint8 (n, height, width, channels), channels 1 or 3. labels: (n,) numbers or texts; or None."""

    pictures: np.ndarray
    labels: np.ndarray | None

    def __len__(self) -> int:
        return len(self.pictures)


def read_idx(path: Path) -> Pictures:
    """The pictures of an IDX file, and the labels of the file beside it that is named alike (`labels_beside`).

    Raises InputError where the file is no IDX file of pictures, where its header promises other than what it holds, and
    where the labels are not as many as the pictures.
    """
    numbers = _idx(path)
    if numbers.ndim not in (3, 4):
        raise InputError(f"{path} holds {numbers.ndim}-dimensional numbers, not pictures.")
    beside = labels_beside(path)
    labels = _idx(beside) if beside else None
    return _together(path, _pictures(path, numbers)[0], labels)


def labels_beside(path: Path) -> Path | None:
    """The file of labels that belongs to a file of pictures, by its name, gzipped or not; None where there is none.

    "train-images-idx3-ubyte.gz" goes with "train-labels-idx1-ubyte.gz" or "train-labels-idx1-ubyte".
    """
    name = path.name.removesuffix(".gz")
    fits = re.sub(r"idx[34]", "idx1", re.sub("images?", "labels", name))
    found = (path.with_name(fits + end) for end in ("", ".gz"))
    return next((f for f in found if fits != name and f.is_file()), None)


def read_npz(path: Path) -> dict[str, Pictures]:
    """The pictures of an NPZ or NPY file by its parts: {"": all} or {"train": ..., "test": ..., "val": ...}.

    Arrays are told by their names (x, images, data, x_train, test_images, ...; y, labels, target, ...) and shapes;
    where names say nothing, the one array of pictures and the one of as many labels. Labels may be one-hot.
    Raises InputError for objects (they would run code), for headers that lie, and where no array is of pictures.
    """
    arrays = _npz(path)
    parts = _by_name(arrays) or _by_shape(arrays)
    if not parts:
        held = ", ".join(f"{k} {v.shape}" for k, v in list(arrays.items())[:8])
        raise InputError(f"{path} has no array of pictures, which is (n, height, width) or with channels: {held}.")
    done, white = {}, None
    for part in sorted(parts, key=lambda p: p != "train"):  # what is white, the training pictures decide
        x, y = parts[part]
        pictures, white = _pictures(path, x, white)
        done[part] = _together(path, pictures, y)
    return done


def _together(path: Path, pictures: np.ndarray, labels: np.ndarray | None) -> Pictures:
    if labels is None:
        return Pictures(pictures, None)
    if (
        labels.ndim == 2
        and labels.shape[1] > 1
        and ((labels == 0) | (labels == 1)).all()
        and (labels.sum(1) == 1).all()
    ):
        labels = labels.argmax(1)
    if labels.ndim != 1 and labels.size == len(labels):
        labels = labels.reshape(-1)
    if labels.ndim != 1 or len(labels) != len(pictures):
        raise InputError(f"{path}: {len(pictures):,} pictures, but labels of shape {labels.shape}.")
    if labels.dtype.kind == "S":
        labels = np.char.decode(labels, "utf-8", "replace")
    return Pictures(pictures, labels.astype(labels.dtype.newbyteorder("=")))


def _pictures(
    path: Path, x: np.ndarray, scale: tuple[float, float] | None = None
) -> tuple[np.ndarray, tuple[float, float]]:
    """(uint8 (n, height, width, 1 or 3), (black, white) that they were scaled by) from an array of any layout."""
    if x.dtype.kind not in "buif":
        raise InputError(f"{path} holds pictures as {x.dtype}, not as numbers.")
    if not x.size:
        raise InputError(f"{path} holds no pictures: its shape is {x.shape}.")
    if x.ndim == 3:
        x = x[..., None]
    elif x.shape[3] > 4 and x.shape[1] <= 4:
        x = np.moveaxis(x, 1, 3)
    if x.shape[3] > 4 or max(x.shape[1:3]) > 65_535:
        raise InputError(f"{path} holds pictures of shape {x.shape[1:]}: neither side is one of 1 to 4 channels.")
    black, white = scale or _ends(path, x)
    if x.dtype != np.uint8 or (black, white) != (0.0, 255.0):
        step = max(1, _PIECE // max(1, math.prod(x.shape[1:])))
        x = np.concatenate(
            [to_bytes(x[i : i + step].astype(np.float64) - black, white - black) for i in range(0, len(x), step)]
        )
    if x.shape[3] in (2, 4):
        solid = x[..., -1:].astype(np.float32) / 255
        x = np.rint(x[..., :-1] * solid + GREY * (1 - solid)).astype(np.uint8)
    return np.ascontiguousarray(x), (black, white)


def _ends(path: Path, x: np.ndarray) -> tuple[float, float]:
    """What is black and what is white: bytes as they are, fractions of 1, -1 to 1, or as many bits as there are."""
    if x.dtype == np.uint8:
        return 0.0, 255.0
    if x.dtype == np.bool_:
        return 0.0, 1.0
    low, high = float(x.min()), float(x.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise InputError(
            f"{path} holds pictures with numbers that are not finite (NaN or infinity). Replace them first."
        )
    if low < 0:
        return (-1.0, 1.0) if low >= -1 and high <= 1 else (low, max(high, low + 1e-6))
    if x.dtype.kind in "ui" and high <= 1:
        return 0.0, 1.0
    return 0.0, white_of(high)


def _idx(path: Path) -> np.ndarray:
    zipped = path.name.endswith(".gz")
    try:
        size = path.stat().st_size
        with gzip.open(path) if zipped else open(path, "rb") as file:
            start = file.read(4)
            if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in _IDX or not 1 <= start[3] <= 4:
                raise InputError(f"{path} is not an IDX file: it does not begin like one.")
            dtype, dimensions = np.dtype(_IDX[start[2]]), start[3]
            sides = file.read(4 * dimensions)
            if len(sides) < 4 * dimensions:
                raise InputError(f"{path} is cut short within its header.")
            shape = struct.unpack(f">{dimensions}I", sides)
            wanted = math.prod(shape) * dtype.itemsize
            if wanted > _MOST or wanted > size * (_DEFLATE if zipped else 1):
                raise InputError(f"{path}: its header promises {shape}, far more than the file can hold.")
            data = _exactly(file, wanted)
    except (OSError, EOFError, zlib.error) as e:
        raise InputError(f"{path} cannot be read: {e}") from None
    if len(data) != wanted:
        kind = "fewer" if len(data) < wanted else "more"
        raise InputError(f"{path}: its header promises {shape}, but it holds {kind} numbers. It may be cut short.")
    return np.frombuffer(data, dtype).reshape(shape)


def _exactly(file: Any, wanted: int) -> bytearray:
    """What was promised, and one byte more where there is more; memory grows with what comes, not with the promise."""
    data = bytearray()
    while len(data) <= wanted and (piece := file.read(min(_PIECE, wanted + 1 - len(data)))):
        data += piece
    return data


def _npz(path: Path) -> dict[str, np.ndarray]:
    """Every array of an NPZ or NPY file, its header checked against its bytes before it is read."""
    try:
        if not zipfile.is_zipfile(path):
            with open(path, "rb") as file:
                return {"x": _npy(path, "it", file, path.stat().st_size)}
        with zipfile.ZipFile(path) as archive:
            arrays = {}
            for entry in archive.infolist():
                if entry.filename.endswith(".npy"):
                    name = entry.filename.removesuffix(".npy")
                    with archive.open(entry) as inside:
                        arrays[name] = _npy(path, name, inside, entry.file_size)
            return arrays
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as e:
        if isinstance(e, InputError):
            raise
        raise InputError(f"{path} cannot be read as NumPy's arrays: {e}") from None


def _npy(path: Path, name: str, file: Any, size: int) -> np.ndarray:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(file)
    if dtype.hasobject:
        raise InputError(f"{path}: {name} holds Python objects, which could run code. Save plain numbers or texts.")
    wanted = math.prod(shape) * dtype.itemsize
    if wanted > _MOST or wanted > size or min(shape, default=1) < 0:
        raise InputError(f"{path}: the header of {name} promises {shape}, more than the file holds.")
    data = _exactly(file, wanted)
    if len(data) < wanted:
        raise InputError(f"{path}: {name} is cut short.")
    flat = np.frombuffer(data, dtype, count=math.prod(shape))
    return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)


def _by_name(arrays: dict[str, np.ndarray]) -> dict[str, tuple[np.ndarray, np.ndarray | None]]:
    """(pictures, labels) of each part that names speak of."""
    met: dict[tuple[str, bool], np.ndarray] = {}
    for part, is_label, array in _named(arrays):
        met.setdefault((part, is_label), array)
    return {p: (x, met.get((p, True))) for (p, label), x in met.items() if not label and x.ndim in (3, 4)}


def _named(arrays: dict[str, np.ndarray]) -> Iterator[tuple[str, bool, np.ndarray]]:
    for name, array in arrays.items():
        words = re.split(r"[_\-. ]", name.lower())
        part = next((_PARTS[w] for w in words if w in _PARTS), "")
        rest = "_".join(w for w in words if w not in _PARTS)
        if rest in _PICTURES:
            yield part, False, array
        elif rest in _LABELS:
            yield part, True, array


def _by_shape(arrays: dict[str, np.ndarray]) -> dict[str, tuple[np.ndarray, np.ndarray | None]]:
    """The one array of pictures, and the one array of as many labels, whatever they are called."""
    x = [a for a in arrays.values() if a.ndim in (3, 4)]
    if len(x) != 1:
        return {}
    y = [a for a in arrays.values() if a.ndim == 1 and len(a) == len(x[0])]
    return {"": (x[0], y[0] if len(y) == 1 else None)}
