"""What each column is: number, category, boolean, date, text, identifier or constant, and why, in one line each.

Decisions look at the distinct values of a column, as a careful person would. A person's own word always wins.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from ...core.errors import InputError, UsageError, listed
from . import media, parse
from .read import Raw
from .schema import KINDS, ColumnKind, Schema, many

ID_WORDS = frozenset(
    "id ids idx index key row rowid rownum no nr number instant record serial uuid guid unnamed".split()  # noqa: SIM905
)
CODE_WORDS = frozenset(
    """class type category cat code region group cluster label kind color colour brand district ward country
    state city store shop dept department branch division segment sector""".split()  # noqa: SIM905
)
POST_WORDS = frozenset("zip zipcode postcode postal plz phone".split())  # noqa: SIM905
READ_AS = {"identifier": "the names of the files", "text": "what the files hold", "category": "came with the files"}
OF_NAMES = "part of the names of the files"
MOST_CLASSES = 20  # a target of more different whole numbers than this is a number
ROWS = 200_000  # decisions look at no more rows than this


def look(raw: Raw, *, target: str | None = None, kinds: Mapping[str, str] | None = None) -> Schema:
    """The kind of every column of `raw`, with reasons.

    target: the column to be predicted, which is never left out. kinds: a person's own choice for some columns.
    Raises UsageError for a column that is not there or a kind that does not exist.
    """
    kinds = dict(kinds or {})
    for name, kind in kinds.items():
        if name not in raw.frame.columns:
            raise UsageError(f"No column is called {name!r}. The columns are {listed(raw.frame.columns)}.")
        if kind not in KINDS:
            raise UsageError(f"{kind!r} is not a kind of column (for {name!r}). Use one of {', '.join(KINDS)}.")
    if target is not None and target not in raw.frame.columns:
        raise UsageError(f"No column is called {target!r}. The columns are {listed(raw.frame.columns)}.")
    frame = raw.frame
    if len(frame) > ROWS:
        frame = frame.gather_every(-(-len(frame) // ROWS))
    found = {c: m for c in frame.columns if c != target and (m := _medium(frame[c], raw, kinds.get(c)))}
    plain = _plain_numbers(frame.drop(found), raw)
    return Schema(
        tuple(
            found.get(c) or _told(_known(frame[c], raw, c == target, kinds.get(c), plain.get(c)), frame[c])
            for c in frame.columns
        )
    )


def _medium(values: pl.Series, raw: Raw, said: str | None) -> ColumnKind | None:
    """The column as pictures or sounds, surveyed for the size to keep them at; None where it holds neither."""
    kind = said or raw.kinds.get(values.name) or media.kind_of(values, raw.base)
    if kind not in media.MEDIA:
        return None
    why = "you said so" if said else many(len(values) - values.null_count(), kind)
    how = media.survey(kind, values, raw.base, raw.limit_bytes, len(raw.frame))
    return ColumnKind(values.name, kind, f"{why}; {how.get('why', '')}".rstrip("; "), how)


def _known(values: pl.Series, raw: Raw, is_target: bool, said: str | None, plain: np.ndarray | None) -> ColumnKind:
    """The column's kind: as a person says, as it was read, or as it looks."""
    read = raw.kinds.get(values.name)
    if said is not None or read is None or is_target:
        return _column(values, raw, is_target, said, plain)
    why = READ_AS.get(read, "as it was read") if read != "identifier" or values.name == "file" else OF_NAMES
    return ColumnKind(values.name, read, why, {"dtype": "text"} | raw.hows.get(values.name, {}))


def _told(column: ColumnKind, values: pl.Series) -> ColumnKind:
    """A text with what is to be known of it: the number of its words, by which it is long or short, and the like."""
    if column.kind != "text" or values.dtype != pl.String:
        return column
    from ..text import survey

    return replace(column, how=column.how | survey(values))


def _plain_numbers(frame: pl.DataFrame, raw: Raw) -> dict[str, np.ndarray]:
    """Text columns without a gap whose every cell is a plain number, read in one query: a table may have thousands."""
    texts = [n for n, t in frame.schema.items() if t == pl.String]
    if raw.decimal != "." or not texts or not len(frame):
        return {}
    # Leading zeros are codes' and eight digits may be a date: both are looked at one by one.
    odd = frame.select(pl.col(texts).str.contains(r"^\s*(?:0\d\d+|\d{8})\s*$").any()).row(0, named=True)
    values = frame.select(pl.col([n for n in texts if not odd[n]]).str.strip_chars().cast(pl.Float64, strict=False))
    values = values.select(pl.all().fill_nan(None)) if values.width else values
    return {s.name: s.to_numpy() for s in values.get_columns() if not s.null_count()}


def _column(
    values: pl.Series, raw: Raw, is_target: bool, said: str | None, plain: np.ndarray | None = None
) -> ColumnKind:
    text = values.dtype == pl.String
    if plain is not None:
        found = _plain_number(values.name, plain, raw, is_target)
    else:
        found = _text(values, raw, is_target) if text else _typed(values, raw, is_target)
    if said is None or said == found.kind:
        return replace(found, why="you said so") if said else found
    how = dict(found.how)
    if said == "number" and text:
        distinct = parse.strip(values).drop_nulls().unique()
        how["decimal"], how["thousands"] = parse.number_style(distinct, raw.decimal)
    if said == "date":
        if text:
            distinct = parse.strip(values).drop_nulls().unique()
            how["formats"] = parse.date_formats(distinct)[0]
        if how.get("formats") == [] or how["dtype"] in ("integer", "float", "boolean"):
            raise UsageError(f"Column {values.name!r} does not read as dates: {_examples(values)}.")
    return ColumnKind(values.name, said, "you said so", how)


def _plain_number(name: str, value: np.ndarray, raw: Raw, is_target: bool) -> ColumnKind:
    distinct = np.unique(value)
    how = {"dtype": "text", "marks": []}
    if len(distinct) == 1:
        return ColumnKind(name, "constant", f"always {_plain(distinct[0])}", how)
    kind, why = number_or_label(name, distinct, len(value), len(value), is_target, raw)
    return ColumnKind(name, kind, why, how | {"decimal": ".", "thousands": ","})


@dataclass(frozen=True)
class _Cells:
    """A column of text, counted once: distinct stripped cells with how often each occurs."""

    name: str
    distinct: pl.Series
    counts: pl.Series
    rows: int
    present: int

    @classmethod
    def of(cls, values: pl.Series) -> "_Cells":
        table = values.alias("v").to_frame().group_by("v").len("n")
        bare = parse.strip(table["v"])
        table = (
            pl.DataFrame({"v": bare, "n": table["n"]}).drop_nulls("v").group_by("v").agg(pl.col("n").sum()).sort("v")
        )
        return cls(values.name, table["v"], table["n"], len(values), int(table["n"].sum()))

    def share(self, which: pl.Series) -> float:
        """The share of rows with a value whose distinct value is one of `which`."""
        return float(self.counts.filter(which).sum()) / max(1, self.present)

    @property
    def all_different(self) -> bool:
        return len(self.distinct) == self.present


def _text(values: pl.Series, raw: Raw, is_target: bool) -> ColumnKind:
    cells = _Cells.of(values)
    how: dict[str, Any] = {"dtype": "text", "marks": parse.marks(values.unique())}

    def decided(kind: str, why: str, **more: Any) -> ColumnKind:
        return ColumnKind(values.name, kind, why, how | more)

    u = len(cells.distinct)
    if u == 0:
        return decided("constant", "no values at all")
    if u == 1 and cells.present == cells.rows:
        return decided("constant", f"always {_shown(cells.distinct[0])}")
    for check in (_as_boolean, _as_number, _as_date):
        found = check(cells, raw, is_target)
        if found:
            return decided(*found[:2], **found[2])
    return decided(*_as_words(cells, is_target))


Found = tuple[str, str, dict[str, Any]]


def _as_boolean(cells: _Cells, raw: Raw, is_target: bool) -> Found | None:
    low = set(cells.distinct.str.to_lowercase().to_list()) if len(cells.distinct) <= 4 else set()
    for yes, no in parse.PAIRS:
        if low and low <= {yes, no}:
            return "boolean", f"only {' and '.join(sorted(_shown(v) for v in cells.distinct))}", {}
    return None


def _as_number(cells: _Cells, raw: Raw, is_target: bool) -> Found | None:
    decimal, thousands = parse.number_style(cells.distinct, raw.decimal)
    value = parse.numbers(cells.distinct, decimal, thousands)
    share = cells.share(value.is_not_null())
    odd = cells.distinct.filter(value.is_null())
    few = len(cells.distinct) <= 20 and len(odd)  # "3+" beside 0, 1, 2 names a group, it is no slip
    if share < 0.9 or few or _eight_digit_dates(value.drop_nulls().to_numpy()):
        return None
    if _zero_padded(cells) or (_tokens(cells.name) & POST_WORDS and _whole(value.drop_nulls().to_numpy())):
        return "category", f"{len(cells.distinct):,} different codes such as {_shown(cells.distinct[0])}", {}
    how = {"decimal": decimal, "thousands": thousands}
    known = np.unique(value.drop_nulls().to_numpy())
    kind, why = number_or_label(cells.name, known, cells.present, cells.rows, is_target, raw)
    if kind == "number":
        why += ", decimal comma" if decimal == "," else ""
        why += ", in percent" if cells.distinct.str.ends_with("%").mean() > 0.5 else ""  # type: ignore[operator]
        if len(odd):
            count = int(cells.counts.filter(value.is_null()).sum())
            why += f"; {many(count, 'odd cell')} such as {_shown(odd[0])} read as missing"
    return kind, why, how


def _eight_digit_dates(known: np.ndarray) -> bool:
    """Whether whole numbers are dates such as 20240131; for a few numbers drawn at random that is most unlikely."""
    if len(known) < 3 or known.min() < 19000101 or known.max() > 21001231 or not _whole(known):
        return False
    return bool(parse.dates(pl.Series(known.astype(np.int64)).cast(pl.String), ["%Y%m%d"]).is_not_null().all())


def number_or_label(
    name: str, distinct: np.ndarray, present: int, rows: int, is_target: bool, raw: Raw
) -> tuple[str, str]:
    """(kind, why) of a column whose distinct values are the finite or infinite numbers `distinct`, sorted."""
    u = len(distinct)
    span = f"from {_plain(distinct[0])} to {_plain(distinct[-1])}"
    whole = _whole(distinct)
    words = _tokens(name)
    if is_target:
        if u == 1 and present == rows:
            return "constant", f"always {_plain(distinct[0])}"
        if u == 2 or (whole and u <= MOST_CLASSES and present >= 5 * u):
            return "category", f"a target of {u} different {'whole ' if whole else ''}numbers {span}: read as labels"
        return "number", f"{u:,} different {'whole ' if whole else ''}numbers {span}"
    if whole and u == present and present == rows and rows >= 20 and raw.home != "numpy":
        consecutive = distinct[-1] - distinct[0] == u - 1
        named = bool(words & ID_WORDS) or name.lower().endswith(("id", "_no")) or not re.search(r"[^\W\d]", name)
        if (consecutive and (named or (words == set() and raw.frame.width > 2))) or (
            words & (ID_WORDS - {"number", "no"}) and rows >= 50
        ):
            return "identifier", f"a different whole number in each row, {span}, under a name like an identifier's"
    if whole and 2 < u <= 50 and words & CODE_WORDS and present >= 5 * u:
        return "category", f"{u} different whole numbers {span}, under a name like a label's"
    if whole and u == 2 and distinct[0] == 0 and distinct[-1] == 1:
        return "number", "only 0 and 1, kept as a number"
    return "number", f"{u:,} different {'whole ' if whole else ''}numbers {span}"


def _as_date(cells: _Cells, raw: Raw, is_target: bool) -> Found | None:
    formats, share, doubt = parse.date_formats(cells.distinct)
    if share < 0.95:
        return None
    found = parse.dates(cells.distinct, formats)
    example = cells.distinct.filter(found.is_not_null())[0]
    if formats[0] in parse.CLOCKS:
        return "date", f"times of day such as {_shown(example)}", {"formats": formats}
    why = f"dates such as {_shown(example)}, from {str(found.min())[:10]} to {str(found.max())[:10]}"
    if doubt:
        order = "day first" if formats[0].startswith("%d") else "month first"
        why += f"; day and month could be either, read {order}"
    return "date", why, {"formats": formats}


def _as_words(cells: _Cells, is_target: bool) -> tuple[str, str]:
    """(kind, why) of text that is no number, date or truth value: category, text or identifier."""
    u, n = len(cells.distinct), cells.present
    if is_target:
        return "category", f"a target of {u:,} different labels such as {_shown(cells.distinct[0])}"
    sample = cells.distinct.gather_every(max(1, u // 2000))
    words = float(sample.str.count_matches(r"\S+").mean() or 0)  # type: ignore[arg-type]
    length = float(sample.str.len_chars().mean() or 0)  # type: ignore[arg-type]
    share = u / max(1, n)
    if share > 0.3 and u > 20 and (words >= 4 or (length > 40 and words >= 2)):
        return "text", f"{u:,} different texts of {words:.0f} words on average"
    if share > 0.9 and u > 20 and words >= 2:
        return "text", f"{u:,} different texts of {words:.0f} words in {n:,} rows"
    if cells.all_different and n >= 20:
        if words < 1.05 and _uniform(sample):
            return "identifier", f"a different code in each row, all shaped like {_shown(cells.distinct[0])}"
        if words < 1.05:
            return "text", f"a different word in each row, such as {_shown(cells.distinct[0])}"
    if u == 1:
        return "category", f"{_shown(cells.distinct[0])} or missing"
    common = cells.distinct[int(cells.counts.arg_max() or 0)]
    return "category", f"{u:,} different values in {n:,} rows, most often {_shown(common)}"


def _typed(values: pl.Series, raw: Raw, is_target: bool) -> ColumnKind:
    """A column that came with a type of its own, from Parquet or a dataframe."""
    kind_of = type_word(values.dtype, values.name)
    how: dict[str, Any] = {"dtype": kind_of}
    distinct = values.drop_nulls().unique()
    if values.dtype.is_float():
        distinct = distinct.filter(distinct.is_not_nan()).sort()
        present = len(values) - values.null_count() - int(values.is_nan().sum() or 0)
    else:
        present = len(values) - values.null_count()
    if len(distinct) == 0:
        return ColumnKind(values.name, "constant", "no values at all", how)
    if kind_of in ("date", "duration") and len(distinct) == 1 and present == len(values):
        return ColumnKind(values.name, "constant", f"always {distinct[0]}", how)
    if kind_of == "date":
        return ColumnKind(values.name, "date", f"{len(distinct):,} different dates or times", how)
    if kind_of == "duration":
        return ColumnKind(values.name, "number", "lengths of time, in seconds", how)
    if len(distinct) == 1 and present == len(values):
        return ColumnKind(values.name, "constant", f"always {distinct[0]}", how)
    if kind_of == "boolean":
        return ColumnKind(values.name, "boolean", "true or false", how)
    if kind_of == "integer" and not is_target and _eight_digit_dates(distinct.to_numpy()):
        first = _shown(distinct.min())
        return ColumnKind(values.name, "date", f"dates such as {first}", how | {"formats": ["%Y%m%d"]})
    known = np.unique(distinct.cast(pl.Float64).to_numpy())
    kind, why = number_or_label(values.name, known, present, len(values), is_target, raw)
    return ColumnKind(values.name, kind, why, how)


def type_word(dtype: pl.DataType, name: str) -> str:
    """The word for a polars type in `ColumnKind.how`. Raises InputError where a cell is not a single value."""
    if dtype == pl.String or dtype in (pl.Categorical, pl.Enum, pl.Null):
        return "text"
    if dtype.is_integer():
        return "integer"
    if dtype.is_float() or dtype.is_decimal():
        return "float"
    if dtype == pl.Boolean:
        return "boolean"
    if dtype in (pl.Date, pl.Datetime, pl.Time):
        return "date"
    if dtype == pl.Duration:
        return "duration"
    raise InputError(
        f"Column {name!r} holds {dtype} in each cell, not a single value.\n"
        "Split it into columns of its own or leave it out."
    )


def _tokens(name: str) -> set[str]:
    """The words in a column's name: "MSSubClass" gives ms, sub, class."""
    apart = re.sub(r"([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])", r"\1\3 \2\4", name)
    return {w for w in re.split(r"[^a-z]+", apart.lower()) if w}


def _whole(known: np.ndarray) -> bool:
    return bool(len(known)) and bool(np.all(np.isfinite(known) & (known == np.round(known))))


def _zero_padded(cells: _Cells) -> bool:
    """Whether cells are digit codes of one length such as 02134, where the leading zero carries meaning."""
    coded = cells.distinct.str.contains(r"^\d{3,}$")
    if not coded.all() or cells.distinct.str.len_chars().n_unique() > 1:
        return False
    return bool(cells.distinct.str.contains("^0").any())


def _uniform(sample: pl.Series) -> bool:
    """Whether nearly all cells have the same shape once digits and letters are masked, as codes do."""
    shape = sample.str.replace_all(r"\d", "9").str.replace_all(r"[A-Z]", "A").str.replace_all(r"[a-z]", "a")
    if not sample.str.contains(r"\d").mean() > 0.5:  # type: ignore[operator]
        return False
    hexadecimal = sample.str.contains(r"^[0-9a-fA-F-]{8,}$").mean() > 0.95  # type: ignore[operator]
    return bool(hexadecimal or shape.value_counts()["count"].top_k(3).sum() > 0.9 * len(sample))


def _plain(value: Any) -> str:
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.0f}"  # years stay as they are written
    return f"{value:,.6g}"


def _shown(value: Any, most: int = 30) -> str:
    text = str(value).replace("\n", " ")
    return repr(text if len(text) <= most else text[: most - 1] + "…")


def _examples(values: pl.Series) -> str:
    return ", ".join(_shown(v) for v in values.drop_nulls().unique(maintain_order=True).head(3).to_list())
