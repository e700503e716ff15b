"""Numbers for every fold, as each algorithm takes them: encoded once, on disk, mapped by whichever worker needs them.

An encoder is fitted on a fold's training rows only; its validation rows pass through it as new rows would. So nothing
that a candidate learns from, the medians and word lists of the encoding included, has seen the rows that judge it.
Where no answers are given, validation rows are made into an exam, the same for all who sit it.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from .core.algorithm import Entrant
from .core.numbers import Array, Form, Numbers
from .engines import blocks
from .modalities.table import Described, Memo, Schema, by_terms, counted
from .modalities.views import Encoder, View
from .search.split import Fold

MOST_CODES = 16_000  # of a stream that judge candidates: more would take longer to answer than it would tell


class Prepared:
    """The development rows of a table, in folds.

    frame: typed rows. y: their answers. view: what an entrant is to see of them. folder: where blocks go. exam: what
    makes numbers to judge by into an exam, None where answers are given; reference: the view that it is made of.
    """

    def __init__(
        self,
        frame: pl.DataFrame,
        y: Array,
        schema: Schema,
        view: Callable[[Entrant], View],
        folds: Sequence[Fold],
        folder: Path,
        exam: Callable[[Numbers], Numbers] | None = None,
        reference: View | None = None,
    ) -> None:
        self._frame, self._y, self._schema = frame, y, schema
        self._view, self._folds, self._folder = view, list(folds), folder
        self._encoders: dict[tuple[int, View], tuple[str, Encoder]] = {}
        self._exam, self._reference = exam, reference
        self._described = Described(frame, schema, least=2)
        self._took: dict[View, float] = {}  # seconds that its blocks took to make, when last they were made
        self._memos: dict[int, tuple[Memo, Memo, Memo]] = {}  # of each fold: parts, and what its rows became by them

    def blocks(self, entrant: Entrant, fold: int) -> tuple[Path, Path]:
        """Where the fold's rows to learn from and rows to judge by lie, as this entrant takes them."""
        return self._blocks(self._view(entrant), fold)

    def answers(self, fold: int) -> tuple[Array, Array]:
        """(y in the numbers to learn from, y in the exam): of a fold, in the view of which the exam is made."""
        assert self._reference is not None
        train, valid = self._blocks(self._reference, fold)
        return np.asarray(blocks.read(train).y), np.asarray(blocks.read(valid).y)

    def _blocks(self, view: View, fold: int) -> tuple[Path, Path]:
        if (fold, view) not in self._encoders:
            began = time.monotonic()
            name, part = str(len(self._encoders)), self._folds[fold]
            parts, train, valid = self._memos.setdefault(fold, ({}, {}, {}))
            for memo, rows in ((parts, part.train), (train, part.train), (valid, part.valid)):
                counted(memo, {name: texts.take(rows) for name, texts in self._counted(view).items()})
            frame = self._described.rows(view.columns) if view.form is Form.ROWS else self._frame
            learned = frame[part.train]
            with threadpool_limits(1):  # the workers have the other cores
                encoder = view.fit(learned, self._schema, parts)
                blocks.write(self._folder / f"{name}-train", encoder.numbers(learned, self._y[part.train], train))
                judged = encoder.numbers(frame[part.valid], self._y[part.valid], valid)
            blocks.write(self._folder / f"{name}-valid", self._examined(judged, view, fold))
            self._encoders[fold, view] = name, encoder
            self._took[view] = time.monotonic() - began
        name = self._encoders[fold, view][0]
        return self._folder / f"{name}-train", self._folder / f"{name}-valid"

    def _counted(self, view: View) -> dict[str, Any]:
        """The columns of texts of which the view counts terms, as counts."""
        if view.form is not Form.ROWS:
            return {}
        return self._described.counted([c for c in view.columns if by_terms(self._schema[c], view.takes)])

    def _examined(self, judged: Numbers, view: View, fold: int) -> Numbers:
        """What candidates are judged by: who sees another form than the exam's is asked the same."""
        if self._exam is None:
            return judged
        if view.form is Form.STREAM:
            judged = judged.take(np.arange(min(len(judged), MOST_CODES)))
        if view.form is self._reference.form:  # type: ignore[union-attr]
            return self._exam(judged)
        return replace(judged, y=self.answers(fold)[1])

    def whole(self, judges: int) -> int:
        """The number of a fold more: all rows to learn from, the first `judges` of them only to be asked."""
        rows = np.arange(self._frame.height)
        self._folds.append(Fold(rows, rows[:judges]))
        return len(self._folds) - 1

    def making(self, entrant: Entrant, fold: int) -> float:
        """Seconds that `blocks` should take: none where they are there, else as on another fold, or as the quickest."""
        view = self._view(entrant)
        if (fold, view) in self._encoders:
            return 0.0
        return self._took.get(view, min(self._took.values(), default=0.0))

    @property
    def took(self) -> float:
        """Seconds that the numbers took of which most is to be made: as long it takes to make them of all rows anew."""
        return max(self._took.values(), default=0.0)

    def encoder(self, entrant: Entrant, fold: int) -> Encoder:
        """The encoder through which this entrant read the fold."""
        self.blocks(entrant, fold)
        return self._encoders[fold, self._view(entrant)][1]
