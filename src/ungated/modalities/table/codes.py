"""Categories that are written as codes, such as "PC 17599" or "C85": the whole, its letters, and its number.

Most codes stand in a few rows, too few to learn anything of each. What leads them (a series, a deck, a district) is
shared by many, and their numbers lie near one another where the things do.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl

from ...core.numbers import Column
from .categories import MOST_LEVELS, CodePart, LevelsPart
from .numeric import NumberPart

LEAST_SHARE = 0.5  # of the different values must hold a digit


def are_codes(values: pl.Series) -> bool:
    """Whether there are many different values and most of them hold a digit."""
    distinct = values.drop_nulls().unique()
    return len(distinct) > MOST_LEVELS and float(distinct.str.contains(r"\d").mean() or 0) >= LEAST_SHARE  # type: ignore[arg-type]


def _letters(values: pl.Series) -> pl.Series:
    """What stands before the first digit, in capitals, without spaces and punctuation at its ends; may be ""."""
    return values.str.extract(r"^(\D*)").str.strip_chars(" \t.,:;/#-_()").str.to_uppercase()


def _number(values: pl.Series) -> pl.Series:
    """The last digits, at most fifteen of them, as float64."""
    return values.str.extract(r"(\d{1,15})\D*$").cast(pl.Float64)


@dataclass(frozen=True)
class SeriesPart:
    """One column of codes.

    whole, letters: a `CodePart` (where `coded`) or a `LevelsPart` each, as its fields; number: a `NumberPart`, as its.
    """

    source: str
    coded: bool
    whole: dict[str, Any]
    letters: dict[str, Any]
    number: dict[str, Any]

    @classmethod
    def fit(cls, values: pl.Series, raw: bool, missing: bool, coded: bool) -> Self:
        whole, letters = (CodePart.fit(v, missing) if coded else LevelsPart.fit(v) for v in (values, _letters(values)))
        number = NumberPart.fit(_number(values), raw, missing)
        return cls(values.name, coded, dict(vars(whole)), dict(vars(letters)), dict(vars(number)))

    def _parts(self) -> tuple[CodePart | LevelsPart, CodePart | LevelsPart, NumberPart]:
        kind = CodePart if self.coded else LevelsPart
        return _again(kind, self.whole), _again(kind, self.letters), _again(NumberPart, self.number)

    def columns(self) -> tuple[Column, ...]:
        whole, letters, number = (part.columns() for part in self._parts())
        named = [
            Column(f"{self.source}: letters{c.name.removeprefix(self.source)}", self.source, c.levels) for c in letters
        ]
        named += [Column(f"{self.source}: number{c.name.removeprefix(self.source)}", self.source) for c in number]
        return (*whole, *named)

    def fill(self, values: pl.Series, out: np.ndarray) -> None:
        at = 0
        for part, seen in zip(self._parts(), (values, _letters(values), _number(values)), strict=True):
            seen = seen.fill_null(float("nan")) if isinstance(part, NumberPart) else seen
            width = len(part.columns())
            part.fill(seen, out[:, at : at + width])
            at += width


def _again(kind: Any, fields: dict[str, Any]) -> Any:
    """A part from its fields, as they come back from JSON."""
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()})
