"""A decoded picture as one cell of a table: 6 bytes of header, then its pixels.

The header is height, width and channels as little-endian uint16; then follow height x width x channels bytes, row by
row. This page does not know where a picture came from.
"""

import struct
from collections.abc import Iterator

import numpy as np
import polars as pl

HEADER = struct.Struct("<HHH")
CHUNK = 16 << 20  # bytes of pixels that are worked on at once


def pack(picture: np.ndarray) -> bytes:
    """One cell from uint8 (height, width) or (height, width, channels).

    >>> unpack(pack(np.zeros((2, 3, 1), np.uint8))).shape
    (2, 3, 1)
    """
    if picture.dtype != np.uint8 or picture.ndim not in (2, 3):
        raise ValueError(f"a picture is uint8 (height, width, channels), not {picture.dtype} {picture.shape}")
    height, width, channels = picture.shape if picture.ndim == 3 else (*picture.shape, 1)
    return HEADER.pack(height, width, channels) + picture.tobytes()


def pack_all(pictures: np.ndarray, most: int = CHUNK) -> pl.Series:
    """Many pictures of one size, uint8 (n, height, width, channels), as a column of cells named "picture".

    most: bytes that exist twice meanwhile.

    >>> pack_all(np.zeros((2, 2, 3, 1), np.uint8))[1] == pack(np.zeros((2, 3), np.uint8))
    True
    """
    head = np.frombuffer(HEADER.pack(*pictures.shape[1:]), np.uint8)
    size = len(head) + int(np.prod(pictures.shape[1:]))
    parts, step = [pl.Series("picture", [], pl.Binary)], max(1, most // size)
    for start in range(0, len(pictures), step):
        some = pictures[start : start + step].reshape(-1, size - len(head))
        flat = np.concatenate([np.broadcast_to(head, (len(some), len(head))), some], axis=1).tobytes()
        parts.append(pl.Series("picture", [flat[i : i + size] for i in range(0, len(flat), size)], pl.Binary))
    return pl.concat(parts)


def unpack(cell: bytes) -> np.ndarray:
    """The picture in a cell: uint8 (height, width, channels), read-only. Raises ValueError where it is not one."""
    if not is_packed(cell):
        raise ValueError("these bytes are not a packed picture")
    return np.frombuffer(cell, np.uint8, offset=HEADER.size).reshape(HEADER.unpack_from(cell))


def is_packed(cell: bytes) -> bool:
    """Whether the bytes are a packed picture: its header accounts for every byte that follows."""
    if len(cell) <= HEADER.size:
        return False
    height, width, channels = HEADER.unpack_from(cell)
    return channels in (1, 3) and len(cell) == HEADER.size + height * width * channels


def chunks(values: pl.Series, size: tuple[int, int, int], most: int = CHUNK) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pictures of one size a few at a time: (their rows, uint8 (k, height, width, channels)), nulls passed over.

    size: (height, width, channels) that every cell must have. most: bytes in one go. Raises ValueError where a cell
    has another size: it was decoded for another column.
    """
    head, length = HEADER.pack(*size), int(np.prod(size))
    rows = np.flatnonzero(values.is_not_null().to_numpy())
    step = max(1, most // max(1, length))
    for start in range(0, len(rows), step):
        some = rows[start : start + step]
        cells = values.gather(some).to_list() if len(some) < len(values) else values.to_list()
        for cell in cells:
            if cell[: HEADER.size] != head or len(cell) != HEADER.size + length:
                raise ValueError(f"column {values.name!r} holds a picture that is not {size[0]} x {size[1]}")
        joined = np.frombuffer(b"".join(cells), np.uint8).reshape(len(some), HEADER.size + length)
        yield some, joined[:, HEADER.size :].reshape(len(some), *size)
