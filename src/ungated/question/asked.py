"""What a person wishes, and the question that it becomes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from .. import tasks
from ..core.algorithm import Algorithm, Entrant
from ..core.numbers import Array, Form, Shape, Takes
from ..modalities import table
from ..modalities.views import View, plain, renamed, views


@dataclass(frozen=True)
class Wish:
    """What the person asked for; None where it is left to us.

    data, test: a path, the name of a set, or a dataframe. kinds: column -> kind, where the person knows better.
    seal: whether to keep rows back for the one honest number. group: the column whose equal values stay on one side of
    every split. label_from: a pattern of file names, which gives columns. allow_broken: go on however many files are.
    truth: the column of labels that are compared with at the end and never learned from. settings: of the task and of
    the algorithms, by name.
    """

    data: Any
    target: str | None = None
    test: Any = None
    task: str | None = None
    metric: str | None = None
    kinds: Mapping[str, str] = field(default_factory=dict)
    seal: bool = True
    group: str | None = None
    label_from: str | None = None
    allow_broken: bool = False
    truth: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """What is to be learned. rows, y: to learn from; sealed: opened once, at the end. All typed by `schema`.

    target: the column that is answered, or by whose classes examples are made; "" where there is none. groups: (n,)
    integers where rows of one group must stay together, or None. truth: the column to compare with at the end, or "".
    in_order: the rows are pieces of one whole, the sealed ones its end. judges: how many of the last rows came as those
    by which candidates are judged; 0: they are drawn.
    """

    task: tasks.Task
    target: str
    schema: table.Schema
    features: tuple[str, ...]
    rows: pl.DataFrame
    y: Array
    sealed: pl.DataFrame
    groups: Array | None = None
    truth: str = ""
    in_order: bool = False
    judges: int = 0
    _views: dict[str, dict[str, View]] = field(default_factory=dict)  # by algorithm; found once for each
    _shapes: dict[View, Shape] = field(default_factory=dict)
    _memo: table.Memo = field(default_factory=dict)

    @property
    def strata(self) -> Array | None:
        """By what rows are spread evenly over folds: their class, where there are classes."""
        return self.y if getattr(self.task, "classes", ()) else None

    @property
    def mixed(self) -> bool:
        """Whether a picture, sound or text stands beside other columns."""
        return len(self.features) > 1 and self.heavy

    @property
    def heavy(self) -> bool:
        """Whether there is a picture, a sound or a text of some length."""
        return any(table.heavy(self.schema[n]) for n in self.features)

    @property
    def reference(self) -> View | None:
        """The view of which the exam is made where no answers are given; None where they are."""
        if not isinstance(self.task, tasks.Unsupervised):
            return None
        return plain(self.task.form, self.schema, self.features, self.task.takes)

    def entrants(self, algorithm: Algorithm) -> list[Entrant]:
        """The algorithm with each view that it may have of these data; none where they have not its form."""
        return [Entrant(algorithm, name) for name in self._views_of(algorithm)]

    def view(self, entrant: Entrant) -> View:
        """What an entrant is to see."""
        return self._views_of(entrant.algorithm)[entrant.view]

    def _views_of(self, algorithm: Algorithm) -> dict[str, View]:
        card = algorithm.card
        if card.id not in self._views:  # asked for at every step of the climb, and columns may be thousands
            if self.reference is not None:  # all see the same, so that their errors compare
                same = card.id == "baseline" or card.form is self.reference.form
                only = self.reference if same else plain(card.form, self.schema, self.features)
                strange = only is not None and Takes.RENAMES in card.takes and not renamed(only, self.schema)
                self._views[card.id] = {"": only} if only and not strange else {}
            else:
                self._views[card.id] = views(card, self.schema, self.features)
        return self._views[card.id]

    def weighs_words(self, entrant: Entrant) -> bool:
        """Whether it gives terms of a text a weight, or meanings: not trees, nor what is learned step by step."""
        view, card = self.view(entrant), entrant.algorithm.card
        if view.form is not Form.ROWS or Takes.RAW_SCALE in view.takes or card.anytime:
            return False
        return any(table.by_terms(self.schema[name], view.takes) for name in view.columns)

    def shape(self, entrant: Entrant) -> Shape:
        """The size of a fit of this entrant to all rows, without encoding them."""
        view = self.view(entrant)
        if view not in self._shapes:
            self._shapes[view] = view.shape(self.rows, self.schema, self.task.id, self.task.outputs, self._memo)
        return self._shapes[view]
