"""Baskets as items: which of the known items each basket holds. Known are those that training baskets hold.

Items are told apart as they are written, but for white space around them. One that no training basket holds is left
out of the new baskets that hold it: nothing could be said of it.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl

from ...core.algorithm import State
from ...core.errors import ModelError
from ...core.numbers import Array, Column, Form, Numbers


@dataclass(frozen=True)
class ItemEncoder:
    """One column of baskets as items. source: name of the column. names: the items, in the order of their codes."""

    source: str
    names: tuple[str, ...]

    @classmethod
    def fit(cls, values: pl.Series, how: dict[str, Any]) -> Self:
        """The items of training baskets, those of most baskets first, else by name."""
        items = _entries(values).group_by("item").len().sort(["len", "item"], descending=[True, False])["item"]
        return cls(values.name, tuple(items.to_list()))

    @property
    def size(self) -> tuple[int, ...]:
        return (len(self.names),)

    @property
    def levels(self) -> int:
        return 0

    def numbers(self, values: pl.Series, y: Array) -> Numbers:
        """x: csr_array uint8 (n, items). y: int64 (n,), one of each basket's items at random, -1 where it has none."""
        from scipy.sparse import csr_array

        codes = pl.DataFrame({"item": self.names, "code": np.arange(len(self.names), dtype=np.int32)})
        known = _entries(values).join(codes, on="item", how="inner", maintain_order="left").sort(["row", "code"])
        row, code = known["row"].to_numpy(), known["code"].to_numpy()
        start = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(values)))]).astype(np.int32)
        x = csr_array((np.ones(len(code), np.uint8), code, start), shape=(len(values), len(self.names)))
        columns = tuple(Column(name, self.source) for name in self.names)
        return Numbers(Form.ITEMS, x, one_of_each(x, np.random.default_rng(0)), columns)

    def state(self) -> State:
        """What was learned, to be saved."""
        return State({"source": self.source, "names": list(self.names)})

    @classmethod
    def load(cls, state: State) -> Self:
        """The same encoder again. Raises ModelError where the state is not of one."""
        try:
            source, names = str(state.values["source"]), tuple(map(str, state.values["names"]))
        except (KeyError, TypeError) as e:
            raise ModelError(f"The items of the baskets cannot be read: {e}") from e
        if len(set(names)) != len(names):
            raise ModelError("The items of the baskets cannot be read: one is there twice")
        return cls(source, names)


def _entries(values: pl.Series) -> pl.DataFrame:
    """Each item of each basket once: row, item."""
    rows = pl.DataFrame({"row": np.arange(len(values)), "item": values.cast(pl.List(pl.String))})
    return rows.explode("item", empty_as_null=True).drop_nulls("item").unique(maintain_order=True)


def one_of_each(x: Any, rng: np.random.Generator) -> Array:
    """One item of each basket of x, a csr_array (n, items), at random: int64 (n,), -1 where it is empty."""
    many = np.diff(x.indptr)
    at = x.indptr[:-1] + (rng.random(len(many)) * many).astype(np.int64)
    found = np.full(len(many), -1, np.int64)
    found[many > 0] = x.indices[at[many > 0]]
    return found
