"""Numbers for every fold, as each algorithm takes them: encoded once, on disk, mapped by whichever worker needs them.

An encoder is fitted on a fold's training rows only; its validation rows pass through it as new rows would. So nothing
that a candidate learns from, the medians and word lists of the encoding included, has seen the rows that judge it.
"""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from .core.algorithm import Algorithm
from .core.numbers import Array, Form, Numbers, Takes
from .engines import blocks
from .modalities import table
from .search.split import Fold

View = frozenset[Takes]


class Prepared:
    """The development rows of a table, in folds.

    frame: typed rows. y: their answers. features: the columns that may be learned from. folder: where blocks go.
    """

    def __init__(
        self,
        frame: pl.DataFrame,
        y: Array,
        schema: table.Schema,
        features: Sequence[str],
        folds: Sequence[Fold],
        folder: Path,
    ) -> None:
        self._frame, self._y, self._schema = frame, y, schema
        self._features, self._folds, self._folder = list(features), folds, folder
        self._encoders: dict[tuple[int, View], table.RowEncoder] = {}

    def blocks(self, algorithm: Algorithm, fold: int) -> tuple[Path, Path]:
        """Where the fold's rows to learn from and rows to judge by lie, as this algorithm takes them."""
        view = algorithm.card.takes
        name = f"{fold}-" + ("-".join(sorted(t.name.lower() for t in view)) or "plain")
        train, valid = self._folder / f"{name}-train", self._folder / f"{name}-valid"
        if (fold, view) not in self._encoders:
            part = self._folds[fold]
            learned = self._frame[part.train]
            encoder = table.RowEncoder.fit(learned, self._schema, self._features, view)
            for folder, rows, index in ((train, learned, part.train), (valid, self._frame[part.valid], part.valid)):
                blocks.write(folder, Numbers(Form.ROWS, encoder.rows(rows), self._y[index], encoder.columns))
            self._encoders[fold, view] = encoder
        return train, valid

    def encoder(self, algorithm: Algorithm, fold: int) -> table.RowEncoder:
        """The encoder through which this algorithm read the fold."""
        self.blocks(algorithm, fold)
        return self._encoders[fold, algorithm.card.takes]
