"""One decoded clip as bytes, the way a table's cell holds it: its rate, then its samples.

Four bytes of little-endian uint32, the rate in samples a second; then int16 samples, little-endian, one channel.
"""

import numpy as np
import polars as pl

from ...core.numbers import Array

HEADER = 4  # bytes
FULL = 32768.0  # the int16 value that stands for the loudest sample


def pack(samples: Array, rate: int) -> bytes:
    """int16 samples (n,) and their rate as one cell."""
    return np.uint32(rate).astype("<u4").tobytes() + np.asarray(samples, "<i2").tobytes()


def unpack(cell: bytes) -> tuple[Array, int]:
    """The samples of a cell, int16 (n,), and their rate."""
    return np.frombuffer(cell, "<i2", offset=HEADER), int(np.frombuffer(cell, "<u4", count=1)[0])


def waves(values: pl.Series) -> list[Array | None]:
    """The clips of a column as float32 from -1 to 1, (samples,) each; None where there is none."""
    return [None if c is None else unpack(c)[0].astype(np.float32) / np.float32(FULL) for c in values]
