"""Reading: what a person may call a table comes in as it was written, or is refused in a few clear lines."""

import csv
import gzip
import io
import lzma
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ungated.core.errors import InputError
from ungated.modalities import table
from ungated.modalities.reading import read

sys.path.insert(0, str(Path(__file__).parent))
from nasty import GOOD, NASTY, nasty_csv

CELL = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Zs"], exclude_characters="'"), max_size=8)
SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def write(folder: Path, data: bytes | str, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def whole(path: Path) -> table.Raw | InputError:
    """The table read, looked at, cast and encoded; or the refusal."""
    try:
        raw = table.read(path)
        schema = table.look(raw)
        typed = table.cast(raw.frame, schema, where=raw.source).frame
        rows = table.RowEncoder.fit(typed, schema, schema.names, frozenset()).rows(typed)
        table.warnings(typed, schema, schema.names[-1], "classify")
    except InputError as e:
        refusal = e
    else:
        assert np.isfinite(rows).all()
        return raw
    assert 1 <= len(str(refusal).splitlines()) <= 5, str(refusal)
    return refusal


@SOME
@given(
    rows=st.integers(1, 5).flatmap(lambda d: st.lists(st.lists(CELL, min_size=d, max_size=d), min_size=2, max_size=12)),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_a_written_table_comes_back(
    tmp_path: Path, rows: list[list[str]], delimiter: str, quoting: int, end: str
) -> None:
    head = [f"name{i}" for i in range(len(rows[0]))]
    many = [[str(k), *row] for k, row in enumerate(rows * 4)]
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows([["number", *head], *many])
    raw = table.read(write(tmp_path, out.getvalue()), header=True)
    assert raw.frame.columns == ["number", *head]
    assert [[c or "" for c in row] for row in raw.frame.rows()] == many


@pytest.mark.parametrize("text", ["line\nbreak", 'say "hi"', "a,b", "a;b", " spaced ", "", "tab\there", "it's"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_quoted_cells(tmp_path: Path, text: str, delimiter: str) -> None:
    out = io.StringIO()
    rows = [[str(i), text, "x"] for i in range(10)]
    csv.writer(out, delimiter=delimiter).writerows([["n", "text", "z"], *rows])
    frame = table.read(write(tmp_path, out.getvalue())).frame
    assert [c or "" for c in frame["text"]] == [text] * 10


@pytest.mark.parametrize("name", NASTY)
def test_nasty_by_hand(tmp_path: Path, name: str) -> None:
    started = time.monotonic()
    found = whole(write(tmp_path, NASTY[name]))
    assert isinstance(found, InputError | table.Raw)
    assert time.monotonic() - started < 20


def test_a_name_that_no_file_can_have_is_refused() -> None:
    with pytest.raises(InputError, match="too long"):
        read("x" * 300)


def test_there_are_enough_nasty_tables() -> None:
    assert len(NASTY) >= 60


@settings(SOME, max_examples=150)
@given(data=nasty_csv())
def test_nasty_by_chance(tmp_path: Path, data: bytes) -> None:
    assert isinstance(whole(write(tmp_path, data)), InputError | table.Raw)


GOOD_ONES = [
    "gzip", "gzip twice", "xz", "bzip2", "zip", "UTF-16", "UTF-16 BE no BOM", "UTF-32", "UTF-8 BOM", "Mac newlines",
    "Windows newlines", "mixed newlines", "blank lines", "no newline at the end",
]  # fmt: skip


@pytest.mark.parametrize("name", GOOD_ONES)
def test_the_same_table_however_it_is_packed(tmp_path: Path, name: str) -> None:
    plain = table.read(write(tmp_path, GOOD)).frame
    assert table.read(write(tmp_path, NASTY[name])).frame.equals(plain)


SAYS = {
    "empty": "empty",
    "header only": "no rows",
    "unclosed quote": "line 62",
    "ragged long, many": "line 3",
    "spreadsheet": "export",
    "PDF": "PDF",
    "pickle": "pickle",
    "web page": "web page",
    "gzip cut short": "gzip",
    "zip of two": "same columns",
    "zip of pictures": "no table",
    "JSON lines, nested": "line 2: 'a'",
    "JSON lines, cut short": "line 2",
    "300,000 columns": "300,000 columns",
}


@pytest.mark.parametrize("name", SAYS)
def test_a_refusal_names_the_place(tmp_path: Path, name: str) -> None:
    found = whole(write(tmp_path, NASTY[name]))
    assert isinstance(found, InputError)
    assert SAYS[name] in str(found)
    assert "t.csv" in str(found)


def test_short_and_long_rows_are_noted(tmp_path: Path) -> None:
    short = table.read(write(tmp_path, NASTY["ragged short"]))
    assert len(short.frame) == 60
    assert any("7 rows too short, the first in line 6" in n for n in short.notes)
    long = table.read(write(tmp_path, NASTY["ragged long, one"]))
    assert len(long.frame) == 399
    assert any("line 42" in n for n in long.notes)


def test_headers(tmp_path: Path) -> None:
    twice = table.read(write(tmp_path, NASTY["duplicate headers"]))
    assert twice.frame.columns == ["a", "a.1", "y"]
    assert any("more than once" in n for n in twice.notes)
    assert table.read(write(tmp_path, "1,2,x\n3,4,y\n5,6,x\n")).frame.columns == ["1", "2", "3"]
    assert table.read(write(tmp_path, "x,u\ny,v\nx,u\ny,u\n")).frame.columns == ["1", "2"]
    assert table.read(write(tmp_path, "a,b\nx,u\ny,v\nx,u\ny,u\n")).frame.columns == ["a", "b"]
    assert len(table.read(write(tmp_path, "1,2\n3,4\n"), header=True).frame) == 1
    assert table.read(write(tmp_path, NASTY["R row names"])).frame.columns == ["1", "a", "b", "y"]


def test_decimal_comma_and_delimiters(tmp_path: Path) -> None:
    raw = table.read(write(tmp_path, NASTY["semicolons, decimal commas"]))
    typed = table.cast(raw.frame, table.look(raw), where="t").frame
    assert raw.decimal == ","
    assert "decimal comma" in raw.how
    assert typed["a"].to_list()[:2] == [0.5, 1.5]
    spaced = table.read(write(tmp_path, NASTY["aligned by spaces"]))
    assert spaced.frame.shape == (60, 3)
    assert table.read(write(tmp_path, NASTY["single quotes"])).frame["y"][0] == "no"


def test_folders(tmp_path: Path) -> None:
    for i in range(3):
        write(tmp_path, GOOD, f"part{i}.csv")
    (tmp_path / "part3.csv.gz").write_bytes(gzip.compress(GOOD))
    assert table.read(tmp_path).frame.shape == (240, 3)
    write(tmp_path, "p,q\n1,2\n2,3\n", "other.csv")
    with pytest.raises(InputError, match="same columns") as e:
        table.read(tmp_path)
    assert "other.csv" in str(e.value)
    with pytest.raises(InputError, match="no table"):
        table.read((tmp_path / "empty", (tmp_path / "empty").mkdir())[0])
    with pytest.raises(InputError, match=r"part0\.csv"):
        table.read(tmp_path / "part")


def test_a_large_file_is_sampled_uniformly(tmp_path: Path) -> None:
    n = 300_000
    path = write(tmp_path, "i,x\n" + "".join(f"{i},{i % 10}\n" for i in range(n)))
    raw = table.read(path, limit_bytes=600_000, seed=1)
    assert raw.rows_in_file == n
    assert raw.frame.estimated_size() <= 600_000
    assert any("sample" in note for note in raw.notes)
    kept = raw.frame["i"].cast(pl.Int64).to_numpy()
    assert (np.diff(kept) > 0).all()
    # Uniform: the kept row numbers have the mean and spread of a uniform draw, within five standard errors.
    assert abs(kept.mean() / n - 0.5) < 5 / np.sqrt(12 * len(kept))
    assert np.array_equal(kept, table.read(path, limit_bytes=600_000, seed=1).frame["i"].cast(pl.Int64).to_numpy())
    assert table.read(path).rows_in_file is None


def test_columnar_and_json(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": [1, 2, None], "b": ["x", None, "z"], "c": [True, False, None]})
    frame.write_parquet(tmp_path / "t.parquet")
    frame.write_ipc(tmp_path / "t.arrow")
    frame.write_ndjson(tmp_path / "t.jsonl")
    for name in ("t.parquet", "t.arrow", "t.jsonl"):
        assert table.read(tmp_path / name).frame.equals(frame), name
    pl.DataFrame({"a": [[1], [2]]}).write_parquet(tmp_path / "nested.parquet")
    with pytest.raises(InputError, match="'a'"):
        table.look(table.read(tmp_path / "nested.parquet"))


def test_zstd_with_and_without_a_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zstandard = pytest.importorskip("zstandard")
    path = write(tmp_path, zstandard.compress(GOOD), "t.csv.zst")
    plain = table.read(write(tmp_path, GOOD)).frame
    assert table.read(path).frame.equals(plain)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    assert table.read(path).frame.equals(plain)


@pytest.mark.parametrize("name", table.NAMED)
def test_named_sets(name: str) -> None:
    about = table.NAMED[name]
    raw = table.read(name)
    assert raw.frame.shape == (about.rows, about.columns)
    assert raw.frame.columns[-1] == about.target
    kind = table.look(raw, target=about.target)[about.target].kind
    assert kind == {"classify": "category", "regress": "number"}[about.task]


def test_a_file_with_the_name_of_a_set_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, GOOD, "iris")
    raw = table.read("iris")
    assert raw.frame.columns == ["a", "b", "y"]
    assert any("not the data set" in n for n in raw.notes)


def test_archives_are_not_written_to_disk(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../../escaped.csv", GOOD)
    whole(tmp_path / "evil.zip")
    assert not list(tmp_path.parent.rglob("escaped.csv"))


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ungated.modalities.table.sources.BOMB_BYTES", 1 << 20)
    path = write(tmp_path, lzma.compress(b"1,2,3\n" * 2_000_000), "t.csv.xz")
    with pytest.raises(InputError, match="300 times"):
        table.read(path)


@pytest.mark.parametrize("limit", [1 << 16, 1 << 20])
def test_blocks_do_not_change_what_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    rows = "".join(f'{i},"q""{i}\nline é",{"x" * (i % 50)}\n' for i in range(5000))
    path = write(tmp_path, "n,text,z\n" + rows)
    once = table.read(path).frame
    monkeypatch.setattr(table.sources.Source.blocks, "__defaults__", (limit,))
    assert table.read(path).frame.equals(once)
