"""From typed columns to rows of float32: what was learned from training rows, and nothing else, decides every number.

Each column becomes one part, chosen by its kind: `NumberPart`, `CodePart`, `LevelsPart`, `SeriesPart`, `FlagPart`,
`DatePart`, `WordsPart`. A part is a frozen dataclass of plain JSON values with three methods: `fit`, `columns`, `fill`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, Self

import numpy as np
import polars as pl

from ...core.algorithm import State
from ...core.errors import InputError
from ...core.numbers import Column, Takes
from .categories import CodePart, FlagPart, LevelsPart
from .codes import SeriesPart, are_codes
from .dates import DatePart
from .numeric import NumberPart
from .schema import Schema
from .words import WordsPart

LEFT_OUT = ("identifier", "constant")
SAMPLE = 20_000  # rows that `widths` looks at


class Part(Protocol):
    """What one column of the table becomes. `fill` writes float32 into `out`, shape (n, len(columns))."""

    @property
    def source(self) -> str: ...
    def columns(self) -> tuple[Column, ...]: ...
    def fill(self, values: pl.Series, out: np.ndarray) -> None: ...


PARTS: dict[str, Any] = {
    p.__name__: p for p in (NumberPart, CodePart, LevelsPart, SeriesPart, FlagPart, DatePart, WordsPart)
}


@dataclass(frozen=True)
class RowEncoder:
    """What training rows taught about turning columns into numbers. parts: one for each column that is encoded."""

    parts: tuple[Part, ...]

    @classmethod
    def fit(cls, frame: pl.DataFrame, schema: Schema, features: Sequence[str], takes: frozenset[Takes]) -> Self:
        """Learn from these rows alone.

        frame: typed by `cast`. features: names of the columns to encode; identifiers and constants among them are left
        out, as is whatever carries no information in these rows. takes: what the algorithm can swallow unprepared.
        """
        here = set(frame.columns)
        wanted = [n for n in features if schema[n].kind not in LEFT_OUT and n in here]
        frame = _plain(frame.select(wanted))
        return cls(tuple(_part(schema[n].kind, frame[n], takes) for n in wanted))

    @property
    def columns(self) -> tuple[Column, ...]:
        """What each number of a row means."""
        return tuple(c for part in self.parts for c in part.columns())

    def rows(self, frame: pl.DataFrame) -> np.ndarray:
        """float32 (n, d), C order. Raises InputError where a column is missing."""
        here = set(frame.columns)
        absent = [p.source for p in self.parts if p.source not in here]
        if absent:
            raise InputError(f"These columns are missing: {', '.join(absent[:20])}.")
        frame = _plain(frame.select([p.source for p in self.parts]))
        widths = [len(p.columns()) for p in self.parts]
        out = np.empty((len(frame), sum(widths)), np.float32)
        at = 0
        for part, width in zip(self.parts, widths, strict=True):
            if width:
                part.fill(frame[part.source], out[:, at : at + width])
            at += width
        return out

    def state(self) -> State:
        """Everything learned, as plain JSON values."""
        return State(values={"parts": [{"part": type(p).__name__, **asdict(p)} for p in self.parts]})  # type: ignore[call-overload]

    @classmethod
    def load(cls, state: State) -> Self:
        """The same encoder again from `state`."""
        parts = []
        for saved in state.values["parts"]:
            values = {k: tuple(v) if isinstance(v, list) else v for k, v in saved.items() if k != "part"}
            parts.append(PARTS[saved["part"]](**values))
        return cls(tuple(parts))


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Numbers with NaN for null in all columns at once, so that NumPy sees them without a copy of each."""
    return frame.with_columns(pl.col(pl.Float64).fill_null(float("nan"))) if frame.width else frame


def _part(kind: str, values: pl.Series, takes: frozenset[Takes]) -> Part:
    raw, missing = Takes.RAW_SCALE in takes, Takes.MISSING in takes
    if kind == "number":
        return NumberPart.fit(values, raw, missing)
    if kind == "boolean":
        return FlagPart.fit(values, missing)
    if kind == "date":
        return DatePart.fit(values, raw, missing)
    if kind == "text":
        return WordsPart.fit(values, raw)
    if are_codes(values):
        return SeriesPart.fit(values, raw, missing, Takes.CATEGORIES in takes)
    if Takes.CATEGORIES in takes:
        return CodePart.fit(values, missing)
    return LevelsPart.fit(values)


def widths(
    frame: pl.DataFrame, schema: Schema, features: Sequence[str], takes: frozenset[Takes]
) -> tuple[int, tuple[int, ...]]:
    """(numbers in a row, levels of each category column) that an encoder would give, from at most 20,000 rows."""
    some = frame.gather_every(-(-len(frame) // SAMPLE)) if len(frame) > SAMPLE else frame
    numbers = [n for n in features if schema[n].kind == "number"]
    flags = 0
    if numbers and Takes.MISSING not in takes:  # counted in one query: a table may have thousands of columns
        flags = sum(_plain(some.select(numbers)).select(pl.all().is_nan().any()).row(0))
    others = RowEncoder.fit(some, schema, [n for n in features if schema[n].kind != "number"], takes).columns
    return len(numbers) + flags + len(others), tuple(c.levels for c in others if c.levels)
