"""Baskets as people keep them: each form is recognised, with its reason, and bad ones are named by their line."""

import io
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ungated.core.algorithm import State
from ungated.core.errors import InputError, ModelError, UsageError
from ungated.modalities.basket import ItemEncoder, Layout, recognise
from ungated.modalities.basket.recognise import from_table
from ungated.modalities.reading import read

LINES = ["bread,butter", "milk, bread ,jam", "butter", "jam,milk,bread,butter", "bread,milk"] * 4


def baskets(raw: object) -> list[list[str]]:
    return raw.frame["basket"].to_list()  # type: ignore[attr-defined]


def written(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_lines_of_uneven_length_are_baskets(tmp_path: Path) -> None:
    for task in ("associate", None):  # nothing else has such lines, so nobody needs to say so
        raw = read(written(tmp_path, "shop.csv", *LINES), task=task)
        assert baskets(raw)[:3] == [["bread", "butter"], ["milk", "bread", "jam"], ["butter"]]
        assert raw.kinds == {"basket": "basket"}
        assert "one basket a line" in raw.how
        assert "--set baskets=" in raw.how


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_items_may_be_parted_by_other_marks(tmp_path: Path, mark: str) -> None:
    raw = read(written(tmp_path, "shop.txt", *(line.replace(",", mark) for line in LINES)), task="associate")
    assert baskets(raw)[1] == ["milk", "bread", "jam"]


def test_numbers_parted_by_spaces_are_baskets_where_they_are_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, "even.dat", *(["1 2 3", "2 4 5", "1 4 6"] * 5))
    assert baskets(read(path, task="associate"))[1] == ["2", "4", "5"]
    assert recognise(path, asked=False) is None  # it may as well be a table of three columns


def test_quotes_keep_commas_inside_an_item_and_an_item_counts_once(tmp_path: Path) -> None:
    raw = read(written(tmp_path, "a.csv", '"salt, fine",bread,bread', "bread", *LINES), task="associate")
    assert baskets(raw)[0] == ["salt, fine", "bread"]


def test_rows_of_basket_and_item_by_their_names(tmp_path: Path) -> None:
    rows = ["order_id,date,product,price", "7,Mon,bread,1", "7,Mon,jam,2", "9,Tue,bread,1", "7,Mon,bread,1"]
    raw = read(written(tmp_path, "rows.csv", *rows), task="associate")
    assert baskets(raw) == [["bread", "jam"], ["bread"]]
    assert raw.frame["id"].to_list() == ["7", "9"]
    assert "by their names" in raw.how


def test_two_columns_are_basket_and_item_and_gaps_are_named(tmp_path: Path) -> None:
    rows = ["t,what", "a,bread", "a,jam", "b,", "b,milk", "a,milk", ",tea"]
    raw = read(written(tmp_path, "two.csv", *rows), task="associate")
    assert baskets(raw) == [["bread", "jam", "milk"], ["milk"]]
    assert any("2 rows without a basket or an item left out (first: row 4, 7)" in note for note in raw.notes)


def test_yes_and_no_columns_in_many_spellings() -> None:
    frame = pl.DataFrame(
        {"bread": ["yes", "no", "Yes"], "jam": [1, 0, 0], "milk": [True, True, False], "tea": ["t", "?", ""]}
    )
    raw = read(frame, task="associate")
    assert baskets(raw) == [["bread", "jam", "milk", "tea"], ["milk"], ["bread"]]
    assert "yes/no" in raw.how


def test_a_cell_that_says_neither_yes_nor_no_is_named(tmp_path: Path) -> None:
    rows = ["bread,jam", *["yes,no"] * 30, "maybe,yes", *["no,yes"] * 10]
    with pytest.raises(InputError, match=r"row 31, column 'bread': 'maybe' says neither yes nor no"):
        read(written(tmp_path, "cells.csv", *rows), task="associate")


def test_any_table_of_few_values_is_baskets_of_what_its_columns_say() -> None:
    frame = pl.DataFrame({"odor": ["foul", "none"] * 6, "cap": ["flat", "bell", "knob"] * 4, "weight": np.arange(12.0)})
    raw = read(frame, task="associate")
    assert baskets(raw)[1] == ["odor = none", "cap = bell"]
    assert any("weight" in note for note in raw.notes)


def test_a_person_may_say_which_form_it_is(tmp_path: Path) -> None:
    path = written(tmp_path, "both.csv", "who,what", *["ann,tea", "bob,jam", "ann,jam"] * 5)
    assert baskets(read(path, task="associate")) == [["tea", "jam"], ["jam"]]
    assert baskets(read(path, task="associate", said={"baskets": "lines"}))[1] == ["ann", "tea"]
    said = {"basket": "what", "item": "who"}
    assert baskets(read(path, task="associate", said=said)) == [["ann"], ["bob", "ann"]]
    with pytest.raises(UsageError, match="no form of baskets"):
        read(path, task="associate", said={"baskets": "sideways"})
    with pytest.raises(UsageError, match="go together"):
        read(path, task="associate", said={"basket": "who"})
    with pytest.raises(UsageError, match="no column 'nobody'"):
        read(path, task="associate", said={"basket": "nobody", "item": "what"})


def test_tables_without_a_task_stay_tables(tmp_path: Path) -> None:
    rows = ["age,income,job", *(f"{20 + i},{1000 * i},{'cook' if i % 2 else 'baker'}" for i in range(30))]
    assert "basket" not in read(written(tmp_path, "people.csv", *rows)).kinds.values()
    said = "so\nyes, well, no\nwell, no, yes, of course\nof course, so, well, no, yes\nwell"
    texts = ["label,text", *(f'{"pos" if i % 2 else "neg"},"{said}"' for i in range(30))]
    assert read(written(tmp_path, "talk.csv", *texts)).frame.columns == ["label", "text"]
    prose = ["Once, there was a king.", "He had a horse, a dog, and a son.", "The horse ran."] * 8
    assert "basket" not in read(written(tmp_path, "tale.txt", *prose)).kinds.values()


def test_baskets_may_be_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = io.BytesIO(b"milk, bread\nbeer\n")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(typed))
    assert read(["-"], task="associate").frame["basket"].to_list() == [["milk", "bread"], ["beer"]]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\n")))
    with pytest.raises(InputError, match="standard input is empty"):
        read(["-"], task="associate")


def test_bad_lines_are_named(tmp_path: Path) -> None:
    numbers = ["1 2 3", "4 5", "2 3", "1 2 3 4"] * 600
    with pytest.raises(InputError, match=r"odd\.dat, line 2,401: 'x7' is not a whole number"):
        read(written(tmp_path, "odd.dat", *numbers, "3 x7"), task="associate")
    with pytest.raises(InputError, match=r"line 21: an item of 5,000 characters"):
        read(written(tmp_path, "long.csv", *LINES, "bread," + "x" * 5000), task="associate")
    with pytest.raises(InputError, match=r"line 21 holds 100,001 items"):
        read(written(tmp_path, "many.csv", *LINES, ",".join(map(str, range(100_001)))), task="associate")
    with pytest.raises(InputError, match="empty"):
        read(written(tmp_path, "nothing.csv", ""), task="associate")


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "noise.csv"
    path.write_bytes(bytes(range(256)) * 40)
    with pytest.raises(InputError):
        read(path, task="associate")


def test_empty_lines_and_strange_bytes_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(("\n".join(LINES) + "\n\n\n").encode() + b"bread,caf\xe9\n" + ("\n".join(LINES)).encode())
    raw = read(path, task="associate")
    assert len(baskets(raw)) == 2 * len(LINES) + 1
    assert any("empty lines left out" in note for note in raw.notes)


def test_a_table_without_baskets_says_how_they_come() -> None:
    with pytest.raises(InputError, match="one a line, as rows of"):
        from_table(read(pl.DataFrame({"x": np.arange(100.0), "y": np.arange(100.0) ** 2})), Layout())


def test_items_become_columns_the_commonest_first() -> None:
    held = pl.Series("basket", [["b", "a"], ["a"], [], ["a", "c", "c"], None, ["b"]], dtype=pl.List(pl.String))
    encoder = ItemEncoder.fit(held, {})
    assert encoder.names == ("a", "b", "c")
    numbers = encoder.numbers(held, np.zeros(6))
    dense = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0], [1, 0, 1], [0, 0, 0], [0, 1, 0]])
    np.testing.assert_array_equal(numbers.x.toarray(), dense)
    assert [c.name for c in numbers.columns] == ["a", "b", "c"]
    assert all(dense[row, item] for row, item in enumerate(numbers.y) if item >= 0)
    assert (numbers.y < 0).tolist() == (dense.sum(axis=1) == 0).tolist()


def test_items_never_seen_are_left_out() -> None:
    encoder = ItemEncoder.fit(pl.Series("basket", [["a", "b"]]), {})
    new = encoder.numbers(pl.Series("basket", [["z", "a"], ["z"]]), np.zeros(2))
    assert new.x.toarray().sum(axis=1).tolist() == [1, 0]


def test_the_encoder_is_the_same_after_save_and_load() -> None:
    encoder = ItemEncoder.fit(pl.Series("basket", [["ä", "b"], ["b"]]), {})
    assert ItemEncoder.load(encoder.state()) == encoder
    for broken in ({"source": "x"}, {"source": "x", "names": ["a", "a"]}):
        with pytest.raises(ModelError):
            ItemEncoder.load(State(broken))
