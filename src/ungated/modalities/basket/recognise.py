"""Whether data are baskets, and in which of their forms: lines, rows of (basket, item), or yes/no columns."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Self

import polars as pl

from ...core.errors import InputError, UsageError
from ..table.read import Keeper, Raw
from ..table.schema import many
from ..table.sources import Source, sources
from . import lines, tables

TEXTS = (".csv", ".tsv", ".tab", ".txt", ".data", ".dat", ".basket", ".baskets", "")
FORMS = ("", "lines", "rows", "columns", "values")
KINDS = {"basket": "basket", "id": "identifier"}
OVERRIDE = "--set baskets=lines, rows, columns or values says otherwise"
FEWEST_LINES = 10  # by which a file is taken for baskets though nobody said so


@dataclass(frozen=True)
class Layout:
    """What a person says of the form: lines, rows, columns, values, or "" for nothing; the two columns of rows."""

    form: str = ""
    basket: str = ""
    item: str = ""

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Self:
        """By a person's settings, or by what was made out before. Raises UsageError for words that are none."""
        layout = cls(*(str(said.get(name, "")) for name in ("baskets", "basket", "item")))
        layout.check()
        return layout

    @property
    def how(self) -> dict[str, Any]:
        """By which new data are read alike."""
        return {"baskets": self.form, "basket": self.basket, "item": self.item}

    def check(self) -> None:
        """Raise UsageError for words that are none."""
        if self.form not in FORMS:
            raise UsageError(f"baskets={self.form!r} is no form of baskets. Choose lines, rows, columns or values.")
        if bool(self.basket) != bool(self.item):
            raise UsageError("basket and item go together: --set basket=COLUMN --set item=COLUMN.")


def recognise(
    source: Any, *, asked: bool, layout: Layout | None = None, limit_bytes: int | None = None, seed: int = 0
) -> Raw | None:
    """Baskets as a table with the column `basket`; None where `source` is no baskets, or a table to be read first.

    asked: whether a person wants baskets; else only files that can hardly be anything else are taken for such.
    Raises InputError that names the line, and UsageError.
    """
    layout = layout or Layout()
    if not isinstance(source, str | PathLike) or not str(source).strip() or "\0" in str(source):
        return None
    path = Path(source).expanduser()
    if not path.is_file() or layout.form in ("rows", "columns", "values") or layout.basket:
        return None
    try:
        found = sources(path)
        if len(found) != 1 or found[0].suffix not in TEXTS or not (asked or _looks_like_text(found[0])):
            return None
        return _lines(found[0], str(source), asked, layout, limit_bytes, seed)
    except InputError:
        if asked:
            raise
        return None  # whoever reads it as what it is says better what is wrong with it


def from_input(data: bytes, limit_bytes: int | None = None, seed: int = 0) -> Raw:
    """Baskets as they are typed, one a line, however those came that were learned from. Raises InputError."""
    source = Source("standard input", ".txt", lambda: io.BytesIO(data), len(data))
    raw = _lines(source, source.name, True, Layout("lines"), limit_bytes, seed)
    assert raw is not None
    return raw


def _looks_like_text(source: Source) -> bool:
    head = source.head(4096)
    return b"\0" not in head and not head.startswith((b"PAR1", b"ARROW1", b"{", b"["))


def _lines(source: Source, name: str, asked: bool, layout: Layout, limit: int | None, seed: int) -> Raw | None:
    """The file as one basket a line, where it is that."""
    head = lines.head_of(source)
    if layout.form == "lines":
        why = "you said so"
    elif not (why := _why(head, asked)):
        return None
    keeper, notes = Keeper(limit, seed), list[str]()
    lines.read(source, head, keeper, notes)
    frame = keeper.frame()
    assert frame is not None
    if keeper.rows_in_file:
        notes.append(f"too large for the memory given: a random sample of {frame.height:,} of {keeper.seen:,} baskets")
    parted = f"parted by {lines.WORDS[head.mark]}" if head.mark else "of one item each"
    how = f"one basket a line, items {parted} ({why}; {OVERRIDE})"
    return Raw(
        frame,
        name,
        ", ".join([how, *source.packing]),
        keeper.rows_in_file,
        notes,
        kinds=_kinds(frame),
        limit_bytes=limit,
        hows={"basket": Layout("lines").how},
    )


def _kinds(frame: pl.DataFrame) -> dict[str, str]:
    return {n: KINDS[n] for n in frame.columns}


def _why(head: lines.Head, asked: bool) -> str:
    """Why the file is one basket a line; "" where it is not, or may be a table."""
    rows = head.rows
    if not head.mark or (not asked and (len(rows) < FEWEST_LINES or lines.goes_on(head.lines))):
        return ""
    uneven = lines.ragged(rows)
    if head.mark == " ":
        if lines.numbered(rows) and (uneven or asked):
            return "lines of numbered items"
        return ""
    if uneven and (asked or lines.wandering(rows)):
        return "lines differ in how many items they hold"
    if asked and lines.wandering(rows) and len({len(r) for r in rows}) > 1:
        return "the same items stand at different places of different lines"
    return ""


def from_table(raw: Raw, layout: Layout | None = None) -> Raw:
    """A table as baskets. Raises InputError where it holds none, and UsageError for columns that are not there."""
    layout = layout or Layout()
    frame, where = raw.frame, raw.source
    if "basket" in frame.columns and isinstance(frame["basket"].dtype, pl.List) and not layout.form:
        ready = frame.select(pl.col("basket").cast(pl.List(pl.String)).fill_null(pl.lit([], pl.List(pl.String))))
        return _told(raw, tables.Made(ready, raw.how, []), Layout())
    made, form, said = None, layout.form, bool(layout.form)
    pair = (layout.basket, layout.item, "you said so") if layout.basket else None
    if pair is None and form in ("", "rows"):
        pair = tables.named_pair(frame)
    if pair:
        made, layout = tables.from_rows(frame, where, *pair), Layout("rows", *pair[:2])
    elif form in ("", "columns"):
        made, layout = tables.from_columns(frame, where, said), Layout("columns")
    if made is None and form in ("", "values"):
        made, layout = tables.from_values(frame, where, said), Layout("values")
    if made is None:
        raise InputError(
            f"{where}: no baskets are found in its {many(frame.width, 'column')}.\n"
            "Baskets come one a line, as rows of (basket, item), or as a table of yes/no columns.\n"
            "Say which: --set baskets=lines; --set basket=COLUMN --set item=COLUMN; or --set baskets=columns."
        )
    return _told(raw, made, layout)


def _told(raw: Raw, made: tables.Made, layout: Layout) -> Raw:
    how = made.how if made.how == raw.how else f"{raw.how}: {made.how} ({OVERRIDE})"
    return Raw(
        made.frame,
        raw.source,
        how,
        notes=[*raw.notes, *made.notes],
        home=raw.home,
        kinds=_kinds(made.frame),
        hows={"basket": layout.how},
        limit_bytes=raw.limit_bytes,
    )
