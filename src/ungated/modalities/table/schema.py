"""What each column of a table is: the words that reading, casting and encoding share, as plain JSON values."""

from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Self


def many(n: int, noun: str) -> str:
    """A count with its noun.

    >>> many(1, "row"), many(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


KINDS = (
    *("number", "category", "boolean", "date", "text", "picture", "sound", "basket", "tune"),
    *("identifier", "constant"),
)

MARKS = frozenset(
    """ ? ?? na n/a n.a. #n/a #na nan -nan null (null) #null! none nil nat <na> - -- --- . \\n
    #value! #div/0! #ref! #num! #name? missing""".split()  # noqa: SIM905
) | {""}
"""What stands for a missing value in a text cell, lower-case and stripped of spaces."""


@dataclass(frozen=True)
class ColumnKind:
    """One column. kind: one of KINDS. why: the reason in one line.

    how: parse details as plain JSON values: "dtype" (the caller's: "text", "integer", "float", "boolean", "date",
    "duration"), "decimal", "thousands", "formats" (of dates), "marks" (of missing values met); for texts "words" (of
    one, on average); for pictures and sounds what their modality found in a survey of the files.
    """

    name: str
    kind: str
    why: str
    how: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Schema:
    """The columns of a table in the order of its file."""

    columns: tuple[ColumnKind, ...]

    def __getitem__(self, name: str) -> ColumnKind:
        return self._index[name]

    def __contains__(self, name: object) -> bool:
        return name in self._index

    @cached_property
    def _index(self) -> dict[str, ColumnKind]:
        return {c.name: c for c in self.columns}

    @property
    def names(self) -> tuple[str, ...]:
        """Every column's name, in order."""
        return tuple(c.name for c in self.columns)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"columns": [asdict(c) for c in self.columns]}

    @classmethod
    def from_json(cls, d: dict[str, Any]) -> Self:
        """The same schema again from `to_json`."""
        return cls(tuple(ColumnKind(**c) for c in d["columns"]))
