"""Pictures that come as arrays: IDX files (as MNIST's) and NPZ archives, as packed pictures and labels."""

import gzip
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from ...core.errors import InputError
from ..table.schema import many
from ..table.sources import BOMB_BYTES, BOMB_RATIO
from .found import Found

CHUNK = 4096  # pictures made into cells at a time: their bytes exist twice only for so many
MOST_BYTES = 1 << 34
_SIDES = {
    "test": re.compile(r"(?:^|[^a-z])(?:test|t10k)(?:[^a-z]|$)"),
    "valid": re.compile(r"(?:^|[^a-z])(?:val|valid|validation|dev)(?:[^a-z]|$)"),
}
_LABELS = re.compile(r"(?:^|[^a-z])(?:y|label|labels|target|targets|class|classes)(?:[^a-z]|$)")
_KINDS = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


@dataclass
class _Part:
    """One side of a split. pictures: (n, …). labels: (n,) or None."""

    pictures: np.ndarray | None = None
    labels: np.ndarray | None = None
    where: str = ""


def pack(pictures: np.ndarray) -> pl.Series:
    """uint8 (n, height, width, channels) as cells of bytes: little-endian uint16 height, width, channels; then pixels.

    >>> cell = pack(np.zeros((1, 2, 3, 1), np.uint8))[0]
    >>> len(cell), cell[:6]
    (12, b'\\x02\\x00\\x03\\x00\\x01\\x00')
    """
    n, height, width, channels = pictures.shape
    head = np.frombuffer(struct.pack("<3H", height, width, channels), np.uint8)
    size = len(head) + height * width * channels
    parts = [pl.Series("picture", [], pl.Binary)]
    for start in range(0, n, CHUNK):
        some = pictures[start : start + CHUNK].reshape(-1, height * width * channels)
        flat = np.concatenate([np.broadcast_to(head, (len(some), 6)), some], axis=1).tobytes()
        parts.append(pl.Series("picture", [flat[i : i + size] for i in range(0, len(flat), size)], pl.Binary))
    return pl.concat(parts)


def read_idx(path: Path) -> np.ndarray:
    """The array in an IDX file, gzip or not, in the machine's byte order. Raises InputError where it is none."""
    try:
        packed = path.read_bytes()
        if packed[:2] == b"\x1f\x8b":
            data = gzip.GzipFile(fileobj=io.BytesIO(packed)).read(max(BOMB_BYTES, BOMB_RATIO * len(packed)) + 1)
            if len(data) > max(BOMB_BYTES, BOMB_RATIO * len(packed)):
                raise InputError(f"{path.name} unpacks to more than {BOMB_RATIO} times its size.\nUnpack it yourself.")
        else:
            data = packed
    except (OSError, EOFError, zlib.error) as e:
        raise InputError(f"{path.name} cannot be read: {e}.\nCopy or download it again.") from e
    if len(data) < 8 or data[:2] != b"\0\0" or data[2] not in _KINDS or not 1 <= data[3] <= 4:
        raise InputError(f"{path.name} is no IDX file: its first bytes are not an IDX header.")
    sizes = struct.unpack_from(f">{data[3]}I", data.ljust(4 + 4 * data[3], b"\0"), 4)
    dtype = np.dtype(_KINDS[data[2]])
    count = int(np.prod(sizes, dtype=object))
    have = (len(data) - 4 - 4 * data[3]) // dtype.itemsize
    if have < count:
        raise InputError(f"{path.name} is cut short: {have:,} of {count:,} values are there.\nDownload it again.")
    array = np.frombuffer(data, dtype, count, 4 + 4 * data[3]).reshape(sizes)
    return array if dtype.itemsize == 1 else array.astype(dtype.newbyteorder("="))


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an NPZ archive by name, no pickled ones. Raises InputError where it is none or cannot be."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(i.file_size for i in archive.infolist())
            if size > MOST_BYTES or size > max(BOMB_BYTES, BOMB_RATIO * path.stat().st_size):
                raise InputError(f"{path.name} unpacks to {size / 1e9:,.1f} GB, more than can be read.")
        with np.load(path, allow_pickle=False) as arrays:
            return {name: a for name in arrays.files if isinstance(a := arrays[name], np.ndarray)}
    except InputError:
        raise
    except (OSError, ValueError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError) as e:
        raise InputError(
            f"{path.name} cannot be read: {str(e).splitlines()[0]}.\nWrite it again with numpy.savez."
        ) from e


def arrays_found(files: Sequence[Path], where: str) -> Found:
    """The pictures and labels in IDX or NPZ files that belong together. Raises InputError where they hold none."""
    named = list(_arrays(files))
    parts = {side: _Part(where=where) for side in ("train", "test", "valid")}
    for name, array in named:
        low = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()
        part = parts[next((side for side, sign in _SIDES.items() if sign.search(low)), "train")]
        squeezed = array.reshape(len(array)) if array.ndim == 2 and array.shape[1] == 1 else array
        if squeezed.ndim == 1 and (_LABELS.search(low) or part.labels is None):
            part.labels = squeezed
        elif array.ndim >= 3 and part.pictures is None:
            part.pictures = array
    if parts["train"].pictures is None:  # one side alone was named
        side = next((s for s in ("test", "valid") if parts[s].pictures is not None), None)
        if side is None:
            held = ", ".join(f"{name} {a.shape}" for name, a in named[:5]) or "nothing"
            raise InputError(
                f"{where} holds no pictures: {held}.\nPictures are arrays of n × height × width, or with channels last."
            )
        parts["train"], parts[side] = parts[side], _Part()
    sealed = next((parts[s] for s in ("test", "valid") if parts[s].pictures is not None and _labelled(parts[s])), None)
    for used in (parts["train"], sealed):
        _check(used, where)
    first = _shaped(parts["train"])
    shape, span = first.shape[1:3], _span(first, where)  # the rows learned from decide how all are scaled
    frame = _frame(parts["train"], span)
    notes = [] if span is None else [f"pixels from {span[0]:g} to {span[1]:g} were brought to 0 to 255"]
    spare = parts["valid"]
    if sealed is not spare and spare.pictures is not None and spare.labels is not None:
        _check(spare, where)
        frame = pl.concat([frame, _frame(spare, span)])
        notes.append(f"{many(len(spare.labels), 'picture')} for validation are learned from too")
    how = f"arrays of {many(len(frame), 'picture')} of {shape[0]} × {shape[1]} pixels"
    tested = _frame(sealed, span) if sealed is not None and "label" in frame.columns else None
    how += f", and {len(tested):,} sealed" if tested is not None else ""
    target = "label" if "label" in frame.columns else None
    kinds = {"picture": "picture", "file": "identifier"} | (
        {"label": "category"} if target and not frame["label"].dtype.is_float() else {}
    )
    count = len(frame) + (0 if tested is None else len(tested))
    return Found("picture", frame, kinds, target, how, count, tested, notes=notes)


def _arrays(files: Sequence[Path]) -> Iterator[tuple[str, np.ndarray]]:
    for path in files:
        if path.suffix.lower() == ".npz":
            yield from read_npz(path).items()
        else:
            yield path.name, read_idx(path)


def _labelled(part: _Part) -> bool:
    return part.labels is not None


def _check(part: _Part | None, where: str) -> None:
    if part is None or part.pictures is None or part.labels is None:
        return
    if len(part.pictures) != len(part.labels):
        raise InputError(
            f"{where}: {many(len(part.pictures), 'picture')} but {many(len(part.labels), 'label')}.\n"
            "The files do not belong together; give those that do, in a folder of their own."
        )


def _frame(part: _Part, span: tuple[float, float] | None) -> pl.DataFrame:
    pictures = _bytes_of(_shaped(part), span)
    columns = [pack(pictures)]
    if part.labels is not None:
        labels = part.labels.astype(np.int64) if part.labels.dtype.kind in "biu" else part.labels
        columns.append(pl.Series("label", labels if labels.dtype.kind in "if" else labels.astype(str).tolist()))
    name = Path(part.where).name or part.where
    columns.append(pl.Series("file", [f"{name}: {i}" for i in range(1, len(pictures) + 1)], pl.String))
    return pl.DataFrame(columns)


def _shaped(part: _Part) -> np.ndarray:
    """The pictures as (n, height, width, channels). Channels may come first; an alpha channel goes."""
    a = part.pictures
    assert a is not None
    if a.ndim == 3:
        a = a[..., None]
    elif a.ndim == 4 and a.shape[3] > 4 and a.shape[1] in (1, 3, 4):
        a = a.transpose(0, 2, 3, 1)
    if a.ndim != 4 or a.shape[3] > 4 or 0 in a.shape or max(a.shape[1:3]) > 65535:
        raise InputError(f"{part.where}: arrays of shape {a.shape} are no pictures: 1 to 4 channels come last.")
    return a[..., :3] if a.shape[3] == 4 else a[..., :1] if a.shape[3] == 2 else a


def _span(a: np.ndarray, where: str) -> tuple[float, float] | None:
    """The values that stand for black and white; None for uint8, which stays as it is."""
    if a.dtype == np.uint8:
        return None
    if a.dtype.kind not in "biuf":
        raise InputError(f"{where}: pictures of {a.dtype} cannot be read.\nSave whole numbers 0 to 255.")
    low, high = float(np.nanmin(a)), float(np.nanmax(a))
    if not np.isfinite([low, high]).all():
        raise InputError(f"{where}: some pixels are infinite or none is a number.\nSave whole numbers 0 to 255.")
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    if low >= 0 and high <= 255:
        return 0.0, 255.0
    return (0.0, 65535.0) if a.dtype == np.uint16 else (low, high)


def _bytes_of(a: np.ndarray, span: tuple[float, float] | None) -> np.ndarray:
    if a.dtype == np.uint8 and span is None:
        return np.ascontiguousarray(a)
    low, high = span or (0.0, 255.0)
    out = np.empty(a.shape, np.uint8)
    for start in range(0, len(a), CHUNK):
        some = (a[start : start + CHUNK].astype(np.float32) - low) * (255 / max(high - low, 1e-30))
        out[start : start + CHUNK] = np.clip(np.nan_to_num(some).round(), 0, 255)
    return out
