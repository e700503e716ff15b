"""Associate: what goes with what. Which items meet in baskets more often than chance would have it, as rules.

Rules are easily found and easily believed, so an exam keeps them honest: one item is taken out of each held-out basket,
and has to be among the ten that what is left of the basket suggests. Whoever offers everybody what is common passes
that exam fairly often; that is the baseline, and an algorithm that does no better has learned nothing of what goes with
what.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from ..core.errors import InputError
from ..core.numbers import Answer, Array, Column, Floats, Form, Numbers
from . import Unsupervised, check_metric
from .measures import Measure

LISTED = 40  # items of an answer, the likeliest first
OFFERED = 10  # of them that count
BESIDE = 3  # numbers of a rule in an answer: the item after its arrow, its confidence, its lift
LONGEST = 4  # items before the arrow
SHOWN = 100  # items of a basket that an exam remembers


def _place(y: Array, answer: Answer) -> Array:
    """Where in its answer each missing item stands, from 1; 0 where it does not. What is in the basket is not counted.

    Only the baseline lists what is in the basket; without this it would seem worse than it is.
    """
    missing, held = y[:, 0], y[:, 1:]
    listed = answer[:, :LISTED]
    right = listed == missing[:, None]
    place = right.argmax(axis=1)
    before = np.arange(listed.shape[1]) < place[:, None]
    repeated = np.zeros(len(y), np.int64)
    for column in held.T:
        repeated += ((listed == column[:, None]) & before & (column >= 0)[:, None]).any(axis=1)
    return np.where(right.any(axis=1), place + 1 - repeated, 0)


def _missed(y: Array, answer: Answer) -> Floats:
    place = _place(y, answer)
    return ((place == 0) | (place > OFFERED)).astype(np.float64)


def _not_first(y: Array, answer: Answer) -> Floats:
    return (_place(y, answer) != 1).astype(np.float64)


def _short_of_rank(y: Array, answer: Answer) -> Floats:
    place = _place(y, answer)
    return 1 - np.where(place > 0, 1 / np.maximum(place, 1), 0.0)


@dataclass(frozen=True)
class Associate(Unsupervised):
    """metric: the headline error. baskets, basket, item: how a person wants the data read (see `modalities.basket`)."""

    id: ClassVar = "associate"
    form: ClassVar = Form.ITEMS
    mixes: ClassVar = False
    refits: ClassVar = True
    counted: ClassVar = "sealed baskets, an item taken out of each"
    measures: ClassVar = {
        m.id: m
        for m in (
            Measure("miss-rate", "share of items taken out that are not among the ten offered", _missed, percent=True),
            Measure("miss-first", "share of items taken out that are not offered first", _not_first, percent=True),
            Measure("reciprocal-rank", "1 - mean of 1 / the place of the item taken out", _short_of_rank),
        )
    }

    metric: str = "miss-rate"
    baskets: str = ""
    basket: str = ""
    item: str = ""

    @property
    def outputs(self) -> int:
        return 0

    @property
    def guide(self) -> Measure:
        return self.measure

    @classmethod
    def learn(cls, kind: str, classes: Sequence[str] = (), metric: str | None = None, **settings: Any) -> Self:
        return cls(check_metric(cls, metric, "miss-rate"), **settings)

    def exam(self, held: Numbers, seed: int) -> Numbers:
        """Baskets of at least two items with one taken out at random.

        y: int64 (n, 1 + others): the item, then those that are left, up to 100, padded with -1.
        Raises InputError where no basket holds two items.
        """
        from scipy.sparse import csr_array

        whole = np.flatnonzero(np.diff(held.x.indptr) >= 2)
        if not len(whole):
            raise InputError(
                "No basket that is held out has two items that others have too: nothing can be taken out.\n"
                "More baskets are needed, or larger ones."
            )
        x = held.x[whole]
        many = np.diff(x.indptr)
        out = x.indptr[:-1] + (np.random.default_rng([seed, 11]).random(len(whole)) * many).astype(np.int64)
        kept = np.ones(x.nnz, bool)
        kept[out] = False
        start = np.concatenate([[0], np.cumsum(many - 1)]).astype(x.indptr.dtype)
        left = csr_array((x.data[kept], x.indices[kept], start), shape=x.shape)
        y = np.full((len(whole), 1 + min(int(many.max()) - 1, SHOWN)), -1, np.int64)
        y[:, 0] = x.indices[out]
        row = np.repeat(np.arange(len(whole)), many - 1)
        place = np.arange(left.nnz) - start[row] + 1
        few = place < y.shape[1]
        y[row[few], place[few]] = left.indices[few]
        return replace(held, x=left, y=y)

    def baseline(self, y: Array) -> Answer:
        """What is common, the commonest first."""
        items = y[:, 0] if y.ndim == 2 else y
        counts = np.bincount(items[items >= 0].astype(np.int64))
        common = np.argsort(-counts, kind="stable")[:LISTED]
        common = common[counts[common] > 0]
        return np.concatenate([common, np.full(LISTED - len(common), -1)]).astype(np.float64)[None]

    def said(self, answer: Answer, columns: Sequence[Column]) -> dict[str, Array]:
        """recommended: ten items that should go with the basket, the likeliest first. rules: those that it fires."""
        names = [c.name for c in columns]
        rules = answer[:, LISTED:].reshape(len(answer), -1, BESIDE + LONGEST)
        return {
            "recommended": _texts("; ".join(names[int(i)] for i in row if i >= 0) for row in answer[:, :OFFERED]),
            "rules": _texts("; ".join(_rule(rule, names) for rule in row if rule[0] >= 0) for row in rules),
        }

    def to_json(self) -> dict[str, Any]:
        return {"metric": self.metric, "baskets": self.baskets, "basket": self.basket, "item": self.item}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        return cls(**values)


def _rule(rule: Floats, names: Sequence[str]) -> str:
    before = " + ".join(names[int(i)] for i in rule[BESIDE:] if i >= 0)
    return f"{before} → {names[int(rule[0])]} ({100 * rule[1]:.0f}%, lift {rule[2]:.1f})"


def _texts(values: Any) -> Array:
    found = list(values)
    texts = np.empty(len(found), object)
    texts[:] = found
    return texts
