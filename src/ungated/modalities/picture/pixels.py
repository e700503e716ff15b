"""A column of pictures as pixels, for networks: (n, channels, height, width) in uint8, as they were decoded."""

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import polars as pl

from ...core.algorithm import State
from ...core.numbers import Array, Change, Form, Numbers
from .changes import MOST, changes
from .packed import chunks


@dataclass(frozen=True)
class PixelEncoder:
    """One column of pictures as pixels.

    height, width, channels: of every cell. may: the names of what may be done to the pictures while their answer stays
    (see `changes`). mean: uint8 (channels, height, width), the mean training picture, which stands in for missing ones.
    """

    source: str
    height: int
    width: int
    channels: int
    may: tuple[str, ...]
    mean: np.ndarray = field(repr=False)

    @classmethod
    def fit(cls, values: pl.Series, how: dict[str, Any], y: Array | None = None) -> Self:
        """Learn the mean picture and what may be done to pictures from training rows; y, if known, helps to decide."""
        size = (int(how["height"]), int(how["width"]), int(how["channels"]))
        total, count = np.zeros(size, np.float64), 0
        for rows, pictures in chunks(values, size):
            total += pictures.sum(0, dtype=np.uint64)
            count += len(rows)
        mean = np.rint(total / max(1, count)).astype(np.uint8).transpose(2, 0, 1)
        here = np.flatnonzero(values.is_not_null().to_numpy())
        some = here[:: max(1, len(here) // MOST)][:MOST]
        looked = [p for _, p in chunks(values.gather(some), size)]
        pictures = np.concatenate(looked) if looked else np.empty((0, *size), np.uint8)
        may = changes(pictures, None if y is None else np.asarray(y)[some])
        return cls(values.name, *size, tuple(sorted(c.value for c in may)), np.ascontiguousarray(mean))

    @property
    def size(self) -> tuple[int, ...]:
        """(channels, height, width)."""
        return self.channels, self.height, self.width

    @property
    def levels(self) -> int:
        """Pixels have no codes."""
        return 0

    @property
    def changes(self) -> frozenset[Change]:
        return frozenset(Change(m) for m in self.may)

    def numbers(self, values: pl.Series, y: Array) -> Numbers:
        """The pictures with their answers. Raises ValueError where a cell has another size."""
        x = np.empty((len(values), *self.size), np.uint8)
        gone = values.is_null().to_numpy()
        if gone.any():
            x[gone] = self.mean
        for rows, pictures in chunks(values, (self.height, self.width, self.channels)):
            x[rows] = pictures.transpose(0, 3, 1, 2)
        return Numbers(Form.PIXELS, x, y, changes=self.changes)

    def state(self) -> State:
        """Everything learned: plain JSON values, and the mean picture."""
        plain = {k: v for k, v in vars(self).items() if k != "mean"}
        return State({**plain, "may": list(self.may)}, {"mean": self.mean})

    @classmethod
    def load(cls, state: State) -> Self:
        """The same encoder again from `state`."""
        return cls(**{**state.values, "may": tuple(state.values["may"]), "mean": state.arrays["mean"]})
