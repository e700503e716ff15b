"""Encoding: rows mean the same later, nothing is learned from other rows, the caller's kind comes back."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ungated.core.algorithm import State
from ungated.core.errors import InputError
from ungated.core.numbers import Takes
from ungated.modalities import table

ALL = [frozenset(), frozenset(Takes), *(frozenset({t}) for t in Takes), frozenset({Takes.CATEGORIES, Takes.MISSING})]
SCHEMA = table.Schema(
    tuple(
        table.ColumnKind(n, k, "")
        for n, k in [
            ("n", "number"),
            ("c", "category"),
            ("s", "category"),
            ("b", "boolean"),
            ("d", "date"),
            ("t", "text"),
            ("i", "identifier"),
        ]
    )
)


def make(n: int, seed: int, missing: bool = True) -> pl.DataFrame:
    """A typed table of every kind."""
    rng = np.random.default_rng(seed)
    day = 86_400_000_000
    frame = pl.DataFrame(
        {
            "n": np.exp(rng.normal(size=n) * 2),
            "c": pl.Series(rng.choice(["red", "green", "blue", "rare1", "rare2"], n, p=[0.5, 0.3, 0.18, 0.01, 0.01])),
            "s": [f"{rng.choice(['A', 'b/', ''])}{rng.integers(1000)}" for _ in range(n)],
            "b": rng.choice(["yes", "no"], n),
            "d": pl.Series(rng.integers(0, 20_000, n) * day).cast(pl.Datetime("us")),
            "t": [" ".join(rng.choice(["cat", "dog", "bird", "fish"], 3)) for _ in range(n)],
            "i": [f"row{i}" for i in range(n)],
        }
    )
    if missing:
        gone = pl.Series(rng.random(n) < 0.1)
        frame = frame.with_columns(pl.when(~gone).then(pl.all()))
    return frame


@pytest.mark.parametrize("takes", ALL, ids=lambda t: "+".join(sorted(t)) or "nothing")
def test_rows_are_what_was_promised(takes: frozenset[Takes]) -> None:
    frame = make(300, 0)
    encoder = table.RowEncoder.fit(frame, SCHEMA, SCHEMA.names, takes)
    x = encoder.rows(frame)
    assert x.dtype == np.float32
    assert x.flags.c_contiguous
    assert x.shape == (300, len(encoder.columns))
    assert len({c.name for c in encoder.columns}) == len(encoder.columns)
    assert {c.source for c in encoder.columns} == {"n", "c", "s", "b", "d", "t"}
    assert np.isnan(x).any() == (Takes.MISSING in takes)
    assert not np.isinf(x).any()
    for j, column in enumerate(encoder.columns):
        if column.levels:
            codes = x[:, j][~np.isnan(x[:, j])]
            assert ((codes >= -1) & (codes < column.levels) & (codes == codes.round())).all()
    if Takes.RAW_SCALE not in takes and Takes.CATEGORIES not in takes:
        assert np.nanmax(np.abs(x)) <= 3.1
    assert table.widths(frame, SCHEMA, SCHEMA.names, takes)[0] == x.shape[1]


@pytest.mark.parametrize("takes", ALL, ids=lambda t: "+".join(sorted(t)) or "nothing")
def test_nothing_is_learned_from_other_rows(takes: frozenset[Takes]) -> None:
    train = make(200, 1)
    learned = [
        table.RowEncoder.fit(pl.concat([train, other])[:200], SCHEMA, SCHEMA.names, takes).state().values
        for other in (make(100, 2), make(100, 3, missing=False), make(50, 4).clear())
    ]
    assert learned[0] == learned[1] == learned[2]
    encoder = table.RowEncoder.fit(train, SCHEMA, SCHEMA.names, takes)
    alone = encoder.rows(train[:5])
    assert np.array_equal(alone, encoder.rows(pl.concat([train[:5], make(100, 5)]))[:5], equal_nan=True)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 60), takes=st.sampled_from(ALL))
def test_state_survives_json(seed: int, n: int, takes: frozenset[Takes]) -> None:
    frame = make(n, seed)
    encoder = table.RowEncoder.fit(frame, SCHEMA, SCHEMA.names, takes)
    again = table.RowEncoder.load(State(json.loads(json.dumps(encoder.state().values))))
    new = make(20, seed + 1)
    assert again.columns == encoder.columns
    assert np.array_equal(again.rows(new), encoder.rows(new), equal_nan=True)


def test_unseen_rare_and_missing_categories() -> None:
    schema = table.Schema((table.ColumnKind("c", "category", ""),))
    train = pl.DataFrame({"c": ["a"] * 600 + ["b"] * 500 + ["once"]})
    new = pl.DataFrame({"c": ["a", "b", "once", "never", None]})
    codes = table.RowEncoder.fit(train, schema, ["c"], frozenset({Takes.CATEGORIES, Takes.MISSING}))
    assert codes.rows(new)[:, 0].tolist()[:4] == [0, 1, -1, -1]
    assert np.isnan(codes.rows(new)[4, 0])
    levels = table.RowEncoder.fit(train, schema, ["c"], frozenset())
    assert [c.name for c in levels.columns] == ["c = a", "c = b", "c = other"]
    assert levels.rows(new).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1], [0, 0, 0]]
    with_gap = pl.concat([train, pl.DataFrame({"c": [None] * 10}, schema={"c": pl.String})])
    own = table.RowEncoder.fit(with_gap, schema, ["c"], frozenset({Takes.CATEGORIES}))
    assert own.columns[0].levels == 3
    assert own.rows(new)[4, 0] == 2


def test_codes_give_their_letters_and_their_number() -> None:
    known = pl.DataFrame({"s": [f"{'a/ ' if i % 3 else 'PC '}{i}" for i in range(60)] + ["LINE", None]})
    schema = table.Schema((table.ColumnKind("s", "category", ""),))
    encoder = table.RowEncoder.fit(known, schema, ["s"], frozenset(Takes))
    assert [c.name for c in encoder.columns] == ["s", "s: letters", "s: number"]
    x = encoder.rows(pl.DataFrame({"s": ["PC 7777", "A 12", "LINE", None]}))
    np.testing.assert_array_equal(x[:, 1], [1, 0, 2, np.nan])  # "A" is more common than "PC"
    np.testing.assert_array_equal(x[:, 2], [7777, 12, np.nan, np.nan])
    bare = table.RowEncoder.fit(known, schema, ["s"], frozenset())
    assert {"s: letters = PC", "s: number", "s: number is missing"} <= {c.name for c in bare.columns}
    few = table.RowEncoder.fit(known.head(30), schema, ["s"], frozenset(Takes))
    assert [c.name for c in few.columns] == ["s"]


def test_numbers_that_hurt() -> None:
    schema = table.Schema((table.ColumnKind("n", "number", ""),))
    train = pl.DataFrame({"n": [1.0, 2.0, 3.0, float("inf"), float("-inf"), None, 1e300, 5e-324]})
    for takes in ALL:
        x = table.RowEncoder.fit(train, schema, ["n"], takes).rows(train)
        assert not np.isinf(x).any()
        if Takes.RAW_SCALE not in takes:
            assert x[4, 0] < x[0, 0] < x[3, 0]
    big = pl.DataFrame({"n": [1.7e9 + i for i in range(100)]})
    x = table.RowEncoder.fit(big, schema, ["n"], frozenset(Takes)).rows(big)
    assert len(np.unique(x)) == 100
    gone = pl.DataFrame({"n": [None] * 5}, schema={"n": pl.Float64})
    assert np.isfinite(table.RowEncoder.fit(gone, schema, ["n"], frozenset()).rows(gone)).all()


def test_a_missing_column_is_named() -> None:
    encoder = table.RowEncoder.fit(make(50, 0), SCHEMA, ["n", "c"], frozenset())
    with pytest.raises(InputError, match="c"):
        encoder.rows(make(5, 0).select("n"))


DATA = {"n": [1.5, None, 3.0], "k": [1, 2, 3], "s": ["a", None, "c"], "b": [True, False, True]}
HOMES = {
    "polars": pl.DataFrame(DATA),
    "pyarrow": pa.table(DATA),
    "pandas": pd.DataFrame(DATA, index=[7, 8, 9]),
}


@pytest.mark.parametrize("home", HOMES)
def test_any_dataframe_in_the_same_kind_out(home: str) -> None:
    source = HOMES[home]
    raw = table.read(source)
    assert raw.home == home
    assert raw.frame.to_dict(as_series=False) == DATA
    back = table.give_back(np.array([1, 2, 3]), "y", source)
    assert type(back).__module__.split(".")[0] == home
    both = table.give_back_table({"no": np.array([0.1, 0.2, 0.3]), "yes": np.array([0.9, 0.8, 0.7])}, source)
    assert type(both) is type(source)
    if home == "pandas":
        assert list(back.index) == list(both.index) == [7, 8, 9]
        assert back.name == "y"


def test_pandas_of_all_sorts() -> None:
    frame = pd.DataFrame(
        {
            "Int": pd.array([1, None, 3], dtype="Int64"),
            "cat": pd.Categorical(["a", "b", None]),
            "when": pd.to_datetime(["2020-01-01", None, "2020-01-03"]),
            "zone": pd.to_datetime(["2020-01-01", None, "2020-01-03"]).tz_localize("UTC"),
            "mixed": pd.Series([1, "x", None], dtype=object),
            "half": np.array([1, 2, 3], np.float16),
            "string": pd.array(["a", None, "b"], dtype="string"),
            5: [1, 2, 3],
        }
    )
    got = table.read(frame).frame
    assert got["Int"].to_list() == [1, None, 3]
    assert got["cat"].to_list() == ["a", "b", None]
    assert got["mixed"].to_list() == ["1", "x", None]
    assert got["string"].to_list() == ["a", None, "b"]
    assert got["when"].null_count() == got["zone"].null_count() == 1
    assert got["5"].to_list() == [1, 2, 3]
    raw = table.read(frame)
    table.cast(raw.frame, table.look(raw), where="t")


def test_arrays() -> None:
    raw = table.read(np.array([[1.0, 2.0], [3.0, np.nan]]))
    assert raw.frame.columns == ["0", "1"]
    assert raw.home == "numpy"
    assert isinstance(table.give_back(["a", "b"], "y", np.zeros((2, 1))), np.ndarray)
    assert table.read(np.array([["1", "a"], ["2", "b"]], dtype=object)).frame.shape == (2, 2)
    assert table.read({"a": [1, 2], "b": ["x", "y"]}).frame.shape == (2, 2)
    for bad in (np.zeros(3), np.zeros((2, 2, 2)), np.zeros((2, 2), complex), 5, None):
        with pytest.raises(InputError):
            table.read(bad)
    with pytest.raises(InputError, match="'a'"):
        table.read(pd.DataFrame({"a": [[1], [2]]}))
