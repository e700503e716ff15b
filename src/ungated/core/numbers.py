"""Forms of numbers: what a modality makes of files and what an algorithm eats.

This page does not know where the numbers came from. A `Numbers` is one block of examples in one form, with what its
columns mean; `Shape` is the same block's size alone, which is all that a cost estimate may look at.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Floats = NDArray[np.float64]

Answer = Floats
"""What a fitted algorithm says of n examples: float64, shape (n, outputs).

classify: outputs = number of classes, each row a probability distribution over them.
regress: outputs = 1, in the target's own units.
"""


class Form(StrEnum):
    """The shapes that numbers come in. One algorithm eats one form."""

    ROWS = "rows"  # (n, d) float32, one example a row
    TOKENS = "tokens"  # (n, length) int32, padded with 0
    PIXELS = "pixels"  # (n, channels, height, width) uint8
    WAVES = "waves"  # (n, samples) float32
    ITEMS = "items"  # (n, items) bool, for baskets


class Takes(StrEnum):
    """What an algorithm can swallow unprepared, in the form `rows`. What it cannot, the encoder prepares."""

    MISSING = "missing"  # NaN stays NaN; otherwise it is filled in and flagged in a column of its own
    CATEGORIES = "categories"  # codes 0..levels-1, -1 for unseen; otherwise one 0/1 column a level
    RAW_SCALE = "raw scale"  # numbers keep their units; otherwise they are centred, scaled and their tails tamed


@dataclass(frozen=True)
class Column:
    """What one column of `rows` means.

    name: readable, naming the column it was made from, as "age", "hired: month", "workclass = Private".
    source: the column of the user's table that it was made from.
    levels: 0 for a number; k > 0 for an unordered category coded 0..k-1 (-1: unseen or rare, NaN: missing).
    """

    name: str
    source: str
    levels: int = 0


@dataclass(frozen=True)
class Numbers:
    """n examples in one form.

    x: the examples, shaped as `form` says; for rows float32 (n, d), C order, possibly a read-only memory map.
    y: what is to be answered, (n,): int64 class codes (classify), float64 in the target's units (regress).
    columns: for rows, one `Column` for each of the d columns.
    """

    form: Form
    x: Array
    y: Array
    columns: tuple[Column, ...] = ()

    def __len__(self) -> int:
        return len(self.x)

    def take(self, index: Array) -> "Numbers":
        """The examples at `index` (integers or booleans), copied."""
        return Numbers(self.form, self.x[index], self.y[index], self.columns)


@dataclass(frozen=True)
class Shape:
    """The size of a training job: everything that a cost may be computed from.

    rows: examples to learn from. width: numbers in one example. outputs: columns of an answer.
    levels: for each category column its number of levels.
    """

    form: Form
    task: str
    rows: int
    width: int
    outputs: int
    levels: tuple[int, ...] = field(default=())

    @classmethod
    def of(cls, numbers: Numbers, task: str, outputs: int) -> "Shape":
        """The shape of `numbers` under a task with `outputs` answer columns."""
        width = int(np.prod(numbers.x.shape[1:]))
        levels = tuple(c.levels for c in numbers.columns if c.levels)
        return cls(numbers.form, task, len(numbers), width, outputs, levels)


def spread(strata: Array | None, rows: int, rng: np.random.Generator) -> Array:
    """A random order of the rows in which each stratum is spread evenly, so that every slice is stratified."""
    order = rng.permutation(rows)
    if strata is None:
        return order
    place = np.empty(rows)
    of = np.asarray(strata)[order]
    for stratum in np.unique(of):
        where = np.flatnonzero(of == stratum)
        place[where] = (np.arange(len(where)) + rng.random()) / len(where)
    return order[np.argsort(place, kind="stable")]
