"""From typed columns to rows of float32: what was learned from training rows, and nothing else, decides every number.

Each column becomes one part, chosen by its kind: `NumberPart`, `CodePart`, `LevelsPart`, `SeriesPart`, `FlagPart`,
`DatePart`, `WordsPart`, or what the column's own modality makes of a text, a picture or a sound. A part is a frozen
dataclass of plain JSON values and arrays with three methods: `fit`, `columns`, `fill`; a sparse one has `width` and
`matrix`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol, Self

import numpy as np
import polars as pl

from ...core.algorithm import State
from ...core.errors import InputError, listed
from ...core.numbers import Array, Column, Form, Numbers, Takes
from .alike import measured_alike
from .categories import CodePart, FlagPart, LevelsPart
from .codes import SeriesPart, are_codes
from .dates import DatePart
from .media import modality
from .numeric import NumberPart
from .schema import ColumnKind, Schema
from .words import WordsPart

LONG = (
    6  # words of a text, in the middle of them, from which on its meaning is looked for and not just its common words
)
LEFT_OUT = ("identifier", "constant")
SAMPLE = 20_000  # rows that `widths` looks at


class Part(Protocol):
    """What one column of the table becomes. `fill` writes float32 into `out`, shape (n, len(columns))."""

    @property
    def source(self) -> str: ...
    def columns(self) -> tuple[Column, ...]: ...
    def fill(self, values: pl.Series, out: np.ndarray) -> None: ...


class SparsePart(Protocol):
    """What a text becomes for those who take SPARSE: thousands of columns, mostly empty."""

    @property
    def source(self) -> str: ...
    @property
    def width(self) -> int: ...
    def matrix(self, values: pl.Series) -> Any: ...


PARTS: dict[str, Any] = {
    p.__name__: p for p in (NumberPart, CodePart, LevelsPart, SeriesPart, FlagPart, DatePart, WordsPart)
}
Memo = dict[Any, Any]
COUNTED = "counted"  # with a column's name the place of its counts in a memo
MEDIA_PARTS = {"TermsPart": "text", "MeaningPart": "text", "PicturePart": "picture", "SoundPart": "sound"}


def part_class(name: str) -> Any:
    """The part of that name; those of other modalities are loaded where there is something for them to read."""
    if name in PARTS:
        return PARTS[name]
    return getattr(modality(MEDIA_PARTS[name]), name)


@dataclass(frozen=True)
class RowEncoder:
    """What training rows taught about turning columns into numbers.

    parts: one for each column that is encoded densely. sparse: those encoded as mostly empty columns, which stand after
    the others; where there are any, the rows are a csr_array.
    """

    parts: tuple[Part, ...]
    sparse: tuple[SparsePart, ...] = ()

    @classmethod
    def fit(
        cls,
        frame: pl.DataFrame,
        schema: Schema,
        features: Sequence[str],
        takes: frozenset[Takes],
        memo: Memo | None = None,
    ) -> Self:
        """Learn from these rows alone.

        frame: typed by `cast`. features: names of the columns to encode; identifiers and constants among them are left
        out, as is whatever carries no information in these rows. takes: what the algorithm can swallow unprepared.
        memo: what was learned of long texts, pictures and sounds in the same rows before, and shall be now; and, where
        `counted` put them there, texts as counts.
        """
        here = set(frame.columns)
        wanted = [n for n in features if schema[n].kind not in LEFT_OUT and n in here]
        frame = _plain(frame.select(wanted))
        parts = measured_alike([_part(schema[n], frame[n], takes, {} if memo is None else memo) for n in wanted])
        return cls(tuple(p for p in parts if not _is_sparse(p)), tuple(p for p in parts if _is_sparse(p)))

    @property
    def columns(self) -> tuple[Column, ...]:
        """What each number of a dense row means; of sparse rows there would be too many to say."""
        return () if self.sparse else tuple(c for part in self.parts for c in part.columns())

    @property
    def sources(self) -> list[str]:
        """The columns of the table that it reads."""
        return [p.source for p in self.parts] + [p.source for p in self.sparse]

    @property
    def texts(self) -> list[str]:
        """Those of them that are texts of which it counts terms."""
        parts: list[Part | SparsePart] = [*self.parts, *self.sparse]
        return [p.source for p in parts if MEDIA_PARTS.get(type(p).__name__) == "text"]

    def numbers(self, frame: pl.DataFrame, y: Array, memo: Memo | None = None) -> Numbers:
        """The rows with their answers, as an algorithm takes them. memo: as for `rows`."""
        return Numbers(Form.ROWS, self.rows(frame, memo), y, self.columns)

    def rows(self, frame: pl.DataFrame, memo: Memo | None = None) -> Any:
        """float32 (n, d), C order; a csr_array where parts are sparse. Raises InputError where a column is missing.

        memo: what long texts, pictures and sounds of the same rows became before, and shall be now; and, where
        `counted` put them there, texts as counts.
        """
        here = set(frame.columns)
        absent = [n for n in self.sources if n not in here]
        if absent:
            raise InputError(f"These columns are missing: {listed(absent)}.")
        memo = {} if memo is None else memo
        dense = self._dense(_plain(frame.select([p.source for p in self.parts])), frame.height, memo)
        if not self.sparse:
            return dense
        from scipy.sparse import csr_array, hstack

        blocks = [self._block(part, frame, memo) for part in self.sparse]
        return csr_array(hstack([csr_array(dense), *blocks] if dense.shape[1] else blocks, format="csr"))

    def _block(self, part: SparsePart, frame: pl.DataFrame, memo: Memo) -> Any:
        texts = _texts(memo, frame, part.source)
        if not isinstance(texts, pl.Series):  # so little is left to do that it is not worth the memory
            return part.matrix(texts)
        return remembered(memo, part, lambda: part.matrix(texts))

    def _filled(self, part: Part, frame: pl.DataFrame, memo: Memo) -> np.ndarray:
        def make() -> np.ndarray:
            out = np.empty((frame.height, len(part.columns())), np.float32)
            part.fill(_texts(memo, frame, part.source), out)
            return out

        return remembered(memo, part, make)  # type: ignore[no-any-return]

    def _dense(self, frame: pl.DataFrame, rows: int, memo: Memo) -> np.ndarray:
        widths, texts = [len(p.columns()) for p in self.parts], self.texts
        out = np.empty((rows, sum(widths)), np.float32)
        at = 0
        for part, width in zip(self.parts, widths, strict=True):
            if width and part.source in texts:
                out[:, at : at + width] = self._filled(part, frame, memo)
            elif width:
                part.fill(frame[part.source], out[:, at : at + width])
            at += width
        return out

    def state(self) -> State:
        """Everything learned: plain JSON values, and the arrays of part i as "i.name"."""
        state = State(values={"parts": []})
        for i, part in enumerate((*self.parts, *self.sparse)):
            learned = {f.name: getattr(part, f.name) for f in fields(part)}  # type: ignore[arg-type]
            state.arrays.update({f"{i}.{k}": v for k, v in learned.items() if isinstance(v, np.ndarray)})
            values = {k: v for k, v in learned.items() if not isinstance(v, np.ndarray)}
            state.values["parts"].append({"part": type(part).__name__, **values})
        return state

    @classmethod
    def load(cls, state: State) -> Self:
        """The same encoder again from `state`."""
        parts = []
        for i, saved in enumerate(state.values["parts"]):
            values = {k: tuple(v) if isinstance(v, list) else v for k, v in saved.items() if k != "part"}
            arrays = {k.removeprefix(f"{i}."): v for k, v in state.arrays.items() if k.startswith(f"{i}.")}
            parts.append(part_class(saved["part"])(**values, **arrays))
        return cls(tuple(p for p in parts if not _is_sparse(p)), tuple(p for p in parts if _is_sparse(p)))


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Numbers with NaN for null in all columns at once, so that NumPy sees them without a copy of each."""
    return frame.with_columns(pl.col(pl.Float64).fill_null(float("nan"))) if frame.width else frame


def _is_sparse(part: Any) -> bool:
    return hasattr(part, "matrix")


def remembered(memo: Memo, of: Any, make: Callable[[], Any]) -> Any:
    """What is in `memo` for a part, made where it is not there yet."""
    key = (of.source, id(of))
    if key not in memo:
        memo[key] = make()
    return memo[key]


def counted(memo: Memo, texts: Mapping[str, Any]) -> Memo:
    """`memo` with columns of texts as counts of the rows that it is about; see `Described.counted`."""
    memo.update({(COUNTED, name): found for name, found in texts.items()})
    return memo


def _texts(memo: Memo, frame: pl.DataFrame, name: str) -> Any:
    return memo.get((COUNTED, name), frame[name])


def _part(column: ColumnKind, values: pl.Series, takes: frozenset[Takes], memo: Memo) -> Any:
    raw, missing, kind = Takes.RAW_SCALE in takes, Takes.MISSING in takes, column.kind
    if kind == "number":
        return NumberPart.fit(values, raw, missing)
    if kind == "boolean":
        return FlagPart.fit(values, missing)
    if kind == "date":
        return DatePart.fit(values, raw, missing)
    if kind == "text" and not by_terms(column, takes):
        return WordsPart.fit(values, raw)
    if kind in ("text", "picture", "sound"):
        name = {"picture": "PicturePart", "sound": "SoundPart"}.get(kind, "TermsPart")
        name = "MeaningPart" if kind == "text" and Takes.SPARSE not in takes else name
        # Dear to learn, so learned once for all who take it: only whether terms are counted or weighted differs.
        same = takes & {Takes.SPARSE, Takes.COUNTS} if name == "TermsPart" else frozenset()
        key = (column.name, name, same)
        if key not in memo:
            texts = memo.get((COUNTED, column.name), values) if kind == "text" else values
            memo[key] = part_class(name).fit(texts, column.how, same)
        return memo[key]
    if are_codes(values):
        return SeriesPart.fit(values, raw, missing, Takes.CATEGORIES in takes)
    if Takes.CATEGORIES in takes:
        return CodePart.fit(values, missing)
    return LevelsPart.fit(values)


def widths(
    frame: pl.DataFrame, schema: Schema, features: Sequence[str], takes: frozenset[Takes], memo: Memo | None = None
) -> tuple[int, tuple[int, ...], float]:
    """(numbers in a row, levels of each category column, numbers that are not 0 by construction) of an encoder's rows.

    From at most 20,000 rows, or 300 where there are long texts, pictures or sounds. memo: as for `RowEncoder.fit`.
    """
    most = 300 if any(heavy(schema[n]) for n in features) else SAMPLE
    some = frame.gather_every(-(-len(frame) // most)) if len(frame) > most else frame
    numbers = [n for n in features if schema[n].kind == "number"]
    flags = 0
    if numbers and Takes.MISSING not in takes:  # counted in one query: a table may have thousands of columns
        flags = sum(_plain(some.select(numbers)).select(pl.all().is_nan().any()).row(0))
    memo = {} if memo is None else memo
    for n in (n for n in features if by_terms(schema[n], takes)):  # counted once for all whose shapes are asked for
        key = ("widths", n, some.height)
        if key not in memo:
            memo[key] = modality("text").Counted.shared(some[n])
        counted(memo, {n: memo[key] if memo[key] is not None else some[n]})
    encoder = RowEncoder.fit(some, schema, [n for n in features if schema[n].kind != "number"], takes, memo)
    others = [c for part in encoder.parts for c in part.columns()]
    dense = len(numbers) + flags + len(others)
    filled = sum(part.matrix(_texts(memo, some, part.source)).nnz for part in encoder.sparse) / max(1, some.height)
    growth = (len(frame) / max(1, some.height)) ** 0.6  # Heaps' law: new terms come ever more slowly
    terms = sum(part.width for part in encoder.sparse) * growth
    return round(dense + terms), tuple(c.levels for c in others if c.levels), dense + filled


def by_terms(column: ColumnKind, takes: frozenset[Takes]) -> bool:
    """Whether a column of texts becomes what its terms say, not just which common words there are."""
    return column.kind == "text" and (Takes.SPARSE in takes or _long(column))


def heavy(column: ColumnKind) -> bool:
    """Whether a column's cells are of a medium of their own: pictures, sounds, or texts of some length."""
    return column.kind in ("picture", "sound") or (column.kind == "text" and _long(column))


def _long(column: ColumnKind) -> bool:
    """Whether texts are long enough to mean something; in scripts without spaces by their characters."""
    spaceless = column.how.get("spaceless", 0) > 0.5
    return bool(column.how.get("characters", 0) >= 2 * LONG if spaceless else column.how.get("words", 0) >= LONG)
