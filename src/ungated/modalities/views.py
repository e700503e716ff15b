"""What a candidate sees of a table, and the encoder that makes numbers of it.

Every algorithm eats one form. Rows can be made of all columns together (late fusion); pixels and tokens of one column,
by the modality of its cells. Where a table holds both plain columns and pictures, sounds or long texts, there is more
than one view of it, and the ensemble decides what each is worth.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, Self

import numpy as np
import polars as pl

from ..core.algorithm import Card, State
from ..core.numbers import Array, Form, Numbers, Shape, Takes
from . import table
from .table import LEFT_OUT, Memo, RowEncoder, Schema

READ = 500_000  # characters of texts by which the size of their tokens is told
SAMPLE = 500  # cells by which the size of a column's tokens or pixels is told
ENCODERS = {  # the form and the kind of a column -> the encoder that its modality has for it
    (Form.TOKENS, "text"): ("text", "TokenEncoder"),
    (Form.STREAM, "tune"): ("music", "StreamEncoder"),
    (Form.STREAM, "text"): ("text", "StreamEncoder"),
    (Form.PIXELS, "picture"): ("picture", "PixelEncoder"),
    (Form.PIXELS, "sound"): ("sound", "SpectrogramEncoder"),
    (Form.ITEMS, "basket"): ("basket", "ItemEncoder"),
}


class Encoder(Protocol):
    """What training rows taught about turning typed columns into one form of numbers."""

    def numbers(self, frame: pl.DataFrame, y: Array, memo: Memo | None = None) -> Numbers: ...
    def state(self) -> State: ...


@dataclass(frozen=True)
class View:
    """The columns that a candidate sees, the form that it sees them in, and what it swallows unprepared.

    given, giver: an encoder that stays as it is instead of being fitted, and the name of the model that it is from.
    """

    form: Form
    columns: tuple[str, ...]
    takes: frozenset[Takes]
    giver: str = ""
    given: "Encoder | None" = field(default=None, compare=False)

    def fit(self, frame: pl.DataFrame, schema: Schema, memo: Memo | None = None) -> Encoder:
        """An encoder for this view, learned from these rows alone. memo: what other views have learned from them."""
        if self.form is Form.ROWS:
            return RowEncoder.fit(frame, schema, self.columns, self.takes, memo)
        if isinstance(self.given, Alone):
            return self.given.on(self.columns[0])
        return Alone.fit(frame, schema, self.columns[0], self.form)

    def shape(self, frame: pl.DataFrame, schema: Schema, task: str, outputs: int, memo: Memo | None = None) -> Shape:
        """The size of a fit to all of `frame` without encoding it. memo: what was learned for other views' shapes."""
        rows = frame.height
        if self.form is Form.ROWS:
            width, levels, filled = table.widths(frame, schema, self.columns, self.takes, memo)
            return Shape(self.form, task, rows, width, outputs, levels, (width,), filled)
        if foreseen := getattr(_encoder(self.form, schema[self.columns[0]].kind), "foreseen", None):
            codes, levels = foreseen(frame[self.columns[0]], schema[self.columns[0]].how)
            return Shape(self.form, task, codes, 1, outputs, (levels,), (), 1.0)
        cells = SAMPLE
        if self.form is Form.TOKENS:  # of long texts fewer say as much
            cells = max(50, min(cells, READ // max(1, schema[self.columns[0]].how.get("characters", 1))))
        few = frame.gather_every(max(1, rows // cells))
        alone = Alone.fit(few, schema, self.columns[0], self.form)
        if self.form in (Form.STREAM, Form.ITEMS):  # whose number or width only the numbers themselves tell
            numbers = alone.numbers(few, np.zeros(few.height))
            return replace(Shape.of(numbers, task, outputs), rows=round(len(numbers) * rows / few.height))
        encoder = alone.encoder
        width = 1
        for k in encoder.size:
            width *= k
        levels = (encoder.levels,) if self.form is Form.TOKENS else ()
        return Shape(self.form, task, rows, width, outputs, levels, tuple(encoder.size), float(width))


@dataclass(frozen=True)
class Alone:
    """One column in a form of its own, through the encoder of its modality."""

    kind: str
    form: Form
    encoder: Any

    @classmethod
    def fit(cls, frame: pl.DataFrame, schema: Schema, column: str, form: Form) -> Self:
        """Learned from these rows alone."""
        kind = schema[column].kind
        return cls(kind, form, _encoder(form, kind).fit(frame[column], schema[column].how))

    def on(self, column: str) -> Self:
        """The same encoder for a column of another name."""
        return replace(self, encoder=replace(self.encoder, source=column))

    def numbers(self, frame: pl.DataFrame, y: Array, memo: Memo | None = None) -> Numbers:
        """The column's cells with their answers."""
        found: Numbers = self.encoder.numbers(frame[self.encoder.source], y)
        return found

    def state(self) -> State:
        state: State = self.encoder.state()
        return State({"form": str(self.form), "kind": self.kind, "encoder": state.values}, state.arrays, state.texts)


def load(state: State) -> Encoder:
    """An encoder again from its state."""
    if "form" not in state.values:
        return RowEncoder.load(state)
    form, kind = Form(state.values["form"]), state.values["kind"]
    inner = State(state.values["encoder"], state.arrays, state.texts)
    return Alone(kind, form, _encoder(form, kind).load(inner))


def _encoder(form: Form, kind: str) -> Any:
    package, name = ENCODERS[form, kind]
    return getattr(table.modality(package), name)


def renamed(view: View, schema: Schema) -> bool:
    """Whether it is a stream whose codes may be renamed, and it stays as likely."""
    return view.form is Form.STREAM and hasattr(_encoder(view.form, schema[view.columns[0]].kind), "renames")


def views(card: Card, schema: Schema, features: Sequence[str]) -> dict[str, View]:
    """The views that an algorithm with this card may have of these columns, by name; "" is the widest. None: {}."""
    usable = [n for n in features if schema[n].kind not in LEFT_OUT]
    media = [n for n in usable if table.heavy(schema[n])] or _only_texts(schema, usable)
    if card.form is not Form.ROWS:
        able = [n for n in media if (card.form, schema[n].kind) in ENCODERS]
        only = len(able) == 1 and len(usable) == 1
        return {"" if only else n: View(card.form, (n,), card.takes) for n in able}
    texts = [n for n in usable if schema[n].kind == "text"]
    if {Takes.TERMS, Takes.COUNTS} & card.takes:
        named = "" if len(texts) == len(usable) else " and ".join(texts[:3])
        return {named: _rows(card, schema, texts)} if set(texts) & set(media) else {}
    found = {"": _rows(card, schema, usable)}
    plain = [n for n in usable if n not in media]
    if plain and media:
        found["without " + " and ".join(media[:3])] = _rows(card, schema, plain)
        if Takes.SPARSE in card.takes and texts:
            found[" and ".join(texts[:3])] = _rows(card, schema, texts)
    return found


def plain(form: Form, schema: Schema, features: Sequence[str], takes: frozenset[Takes] = frozenset()) -> View | None:
    """The one view in that form which all who see these columns without a target share; None where there is none."""
    usable = [n for n in features if schema[n].kind not in LEFT_OUT]
    if form is Form.ROWS:
        rowless = any(schema[n].kind in ("basket", "tune") for n in usable)
        return View(form, tuple(usable), takes) if usable and not rowless else None
    able = [n for n in usable if (form, schema[n].kind) in ENCODERS]
    return View(form, (able[0],), frozenset()) if able else None


def _rows(card: Card, schema: Schema, columns: Sequence[str]) -> View:
    """Rows of these columns, with what of the card's makes a difference to them: who sees the same shares it."""
    takes = card.takes
    if not any(schema[n].kind == "text" for n in columns):
        takes -= {Takes.SPARSE}
    if all(table.heavy(schema[n]) for n in columns):
        takes &= {Takes.SPARSE, Takes.COUNTS}
    takes -= {Takes.TERMS}
    return View(Form.ROWS, tuple(columns), takes)


def _only_texts(schema: Schema, usable: Sequence[str]) -> list[str]:
    """Texts however short, where there is nothing else to learn from."""
    return list(usable) if all(schema[n].kind == "text" for n in usable) else []
