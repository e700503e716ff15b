"""Texts as counts found once: whatever rows are learned from or encoded, the numbers are those that texts give."""

import dataclasses

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ungated.core.numbers import Takes
from ungated.modalities.table import ColumnKind, Described, RowEncoder, Schema, counted
from ungated.modalities.text import Counted, MeaningPart, TermsPart, grams
from ungated.modalities.text import counted as counting

SPARSE = frozenset({Takes.SPARSE})
COUNTS = frozenset({Takes.SPARSE, Takes.COUNTS})
words = st.sampled_from(
    ["a", "the", "café", "İt", "don't", "日本", "ไทย", "!", "x" * 9, "b\u0301a", "\n", "👩‍👩‍👧", "Ж"]
)
texts = st.none() | st.lists(words | st.text(max_size=4), max_size=8).map(" ".join)


def same(a: object, b: object) -> None:
    for field in dataclasses.fields(a):  # type: ignore[arg-type]
        np.testing.assert_array_equal(getattr(a, field.name), getattr(b, field.name), err_msg=field.name)


@settings(max_examples=80, deadline=None)
@given(st.lists(texts, min_size=1, max_size=14), st.data(), st.sampled_from([SPARSE, COUNTS]), st.integers(5, 40))
def test_counts_teach_and_become_what_texts_do(
    values: list[str | None], data: st.DataObject, takes: frozenset[Takes], most: int
) -> None:
    column = pl.Series("text", values, pl.String)
    learns = np.array(data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values))))
    known, fresh = np.flatnonzero(learns), np.flatnonzero(~learns)
    whole = Counted.shared(column)
    assert whole is not None
    part = TermsPart.fit(column[known], {}, takes, most)
    same(part, TermsPart.fit(whole.take(known), {}, takes, most))
    for rows in (known, fresh):
        assert (part.matrix(column[rows]) != part.matrix(whole.take(rows))).nnz == 0
    new = Counted.shared(column[fresh], least=1)
    assert new is not None
    assert (part.matrix(column[fresh]) != part.matrix(new)).nnz == 0


def test_meaning_is_the_same_from_counts() -> None:
    rng = np.random.default_rng(0)
    column = pl.Series("text", [None, *(" ".join(rng.choice(["cat", "dog", "bank", "loan"], 5)) for _ in range(40))])
    whole = Counted.shared(column)
    assert whole is not None
    part, again = (MeaningPart.fit(v, {}, frozenset()) for v in (column[:30], whole.take(np.arange(30))))
    same(part, again)
    one, two = (np.empty((11, len(part.columns())), np.float32) for _ in range(2))
    part.fill(column[30:], one)
    part.fill(whole.take(np.arange(30, 41)), two)
    np.testing.assert_array_equal(one, two)


def test_what_stands_in_other_rows_alone_is_not_learned() -> None:
    ours = ["good day", "good night", "bad day"]
    parts = []
    for others in (["good day"] * 3, ["ünseen wörd", "ünseen wörd good night"] * 9):
        whole = Counted.shared(pl.Series("text", ours + others))
        assert whole is not None
        parts.append(TermsPart.fit(whole.take(np.arange(3)), {}, SPARSE))
    same(*parts)


def test_very_much_text_and_very_many_characters_are_not_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    many = "".join(map(chr, range(0x4E00, 0x4E00 + grams.MOST_LETTERS + 1)))
    assert Counted.shared(pl.Series("text", [many, many])) is None
    monkeypatch.setattr(counting, "AT_ONCE", 100)
    assert Counted.shared(pl.Series("text", ["word " * 10] * 3)) is None


def test_characters_beyond_the_alphabet_are_alike_wherever_they_are_counted() -> None:
    many = [chr(c) * 3 for c in range(0x4E00, 0x4E00 + grams.MOST_LETTERS + 50)]
    part = TermsPart.fit(pl.Series("text", many + many), {}, COUNTS, most=10**6)
    fresh = pl.Series("text", [" ".join(many[-60:]), "日 unseen"])
    new = Counted.shared(fresh, least=1)
    assert new is not None
    assert (part.matrix(fresh) != part.matrix(new)).nnz == 0


@pytest.mark.parametrize("takes", [frozenset(), SPARSE])
def test_rows_are_the_same_with_counts(takes: frozenset[Takes]) -> None:
    rng = np.random.default_rng(1)
    said = [" ".join(rng.choice(["one", "two", "three", "four", "five", "six"], 8)) for _ in range(50)]
    frame = pl.DataFrame({"n": rng.normal(size=50), "t": said})
    how = {"words": 8, "characters": 40}
    schema = Schema((ColumnKind("n", "number", ""), ColumnKind("t", "text", "", how)))
    alone = RowEncoder.fit(frame[:40], schema, ["n", "t"], takes)
    found = Described(frame, schema, least=2).counted(["n", "t"])
    learned, asked = (
        counted({}, {k: v.take(np.arange(a, b)) for k, v in found.items()}) for a, b in ((0, 40), (40, 50))
    )
    encoder = RowEncoder.fit(frame[:40], schema, ["n", "t"], takes, learned)
    assert encoder.texts == ["t"]
    a, b = alone.rows(frame[40:]), encoder.rows(frame[40:], asked)
    assert a.shape == b.shape == (10, a.shape[1])
    assert np.abs(a - b).max() == 0
