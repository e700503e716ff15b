"""Forms of numbers: what a modality makes of files and what an algorithm eats.

This page does not know where the numbers came from. A `Numbers` is one block of examples in one form, with what its
columns mean; `Shape` is the same block's size alone, which is all that a cost estimate may look at.
"""

from dataclasses import dataclass, field, replace
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
cluster: as many as there are clusters, each row its share in them; a row that is in none is all 0.
associate: codes of the forty items that should go with the basket, the likeliest first, -1 for none; then the rules
that the basket fires (see `engines.recommend`).
detect: outputs = 1, the share of the training rows that are less unusual.
embed: outputs = 2, the row's place on the map; more for vectors to reuse.
generate: of a stream outputs = 1, the probability that each code was given by those before it; of pixels one made
example for each that is held out, flattened.
"""


class Form(StrEnum):
    """The shapes that numbers come in. One algorithm eats one form."""

    ROWS = "rows"  # (n, d) float32, one example a row: an array, or a scipy csr_array for who takes SPARSE
    TOKENS = "tokens"  # (n, length) int32: codes 1..levels-1, padded at the end with 0
    PIXELS = "pixels"  # (n, channels, height, width) uint8
    WAVES = "waves"  # (n, samples) float32
    ITEMS = "items"  # (n, items) a csr_array of uint8, 1 where the basket holds the item
    STREAM = "stream"  # (n,) int32: one sequence after another, each begun by code 0


class Takes(StrEnum):
    """What an algorithm can swallow unprepared, in the form `rows`; and of `stream`, what alone it takes.

    What it cannot swallow, the encoder prepares.
    """

    MISSING = "missing"  # NaN stays NaN; otherwise it is filled in and flagged in a column of its own
    CATEGORIES = "categories"  # codes 0..levels-1, -1 for unseen; otherwise one 0/1 column a level
    RAW_SCALE = "raw scale"  # numbers keep their units; otherwise they are centred, scaled and their tails tamed
    SPARSE = "sparse"  # texts as tens of thousands of mostly empty columns (TF-IDF); otherwise as a few dense ones
    TERMS = "terms"  # with SPARSE: texts alone, and no dense rows
    COUNTS = "counts"  # with SPARSE: texts alone, their terms counted and not weighted
    RENAMES = "renames"  # of streams those alone whose codes may be renamed, as a tune may be moved to another key


class Change(StrEnum):
    """What may be done to an example's pixels while its answer stays: a network may learn from examples so changed."""

    MIRROR = "mirror"  # left and right swapped
    SHIFT = "shift"  # moved by a few pixels, any way
    ZOOM = "zoom"  # a part of it, enlarged
    LIGHT = "light"  # brighter or darker, more or less contrast
    SLIDE = "slide"  # moved along the width alone, as a sound in time
    MASK = "mask"  # a band of rows or of columns blanked (SpecAugment, Park et al. 2019)


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

    x: the examples, shaped as `form` says; for rows float32 (n, d), C order, possibly a read-only memory map; sparse
    rows are a scipy csr_array of float32 instead.
    y: what is to be answered, (n,): int64 class codes (classify), float64 in the target's units (regress); where no
    answers are given, what the task's exam asks for (see `tasks.Unsupervised`).
    columns: for dense rows and for items, one `Column` for each of the d columns; for sparse rows none.
    levels: for tokens and streams, how many codes there are, the 0 included.
    changes: for pixels, what may be done to them while the answer stays.
    renames: for streams, int32 (k, levels) or None: ways to rename all codes of a sequence so that it stays as likely
    (a tune in another key); the first leaves them as they are, -1 stands where a code has no other name.
    marks: for streams, how many of the last codes never stand in one, and are left to whoever parts it (see
    `engines/streams`).
    """

    form: Form
    x: Any
    y: Array
    columns: tuple[Column, ...] = ()
    levels: int = 0
    changes: frozenset[Change] = frozenset()
    renames: Array | None = None
    marks: int = 0

    def __len__(self) -> int:
        return int(self.x.shape[0])

    @property
    def sparse(self) -> bool:
        """Whether the rows are a csr_array."""
        return not isinstance(self.x, np.ndarray)

    def take(self, index: Array) -> "Numbers":
        """The examples at `index` (integers or booleans), copied."""
        return replace(self, x=self.x[index], y=self.y[index])


@dataclass(frozen=True)
class Shape:
    """The size of a training job: everything that a cost may be computed from.

    rows: examples to learn from. width: numbers in one example. outputs: columns of an answer.
    levels: for each category column its number of levels; for tokens, the number of codes alone.
    size: the shape of one example, (d,), (length,) or (channels, height, width).
    filled: numbers in one example that are not 0 by construction, less than `width` for sparse rows.
    """

    form: Form
    task: str
    rows: int
    width: int
    outputs: int
    levels: tuple[int, ...] = field(default=())
    size: tuple[int, ...] = ()
    filled: float = 0.0

    @classmethod
    def of(cls, numbers: Numbers, task: str, outputs: int) -> "Shape":
        """The shape of `numbers` under a task with `outputs` answer columns."""
        size = tuple(int(k) for k in numbers.x.shape[1:])
        width = int(np.prod(size))
        levels = (numbers.levels,) if numbers.levels else tuple(c.levels for c in numbers.columns if c.levels)
        filled = numbers.x.nnz / max(1, len(numbers)) if numbers.sparse else float(width)
        return cls(numbers.form, task, len(numbers), width, outputs, levels, size, filled)


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
