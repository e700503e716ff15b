"""What a row of a table becomes: the cells as they came, and the very numbers that an algorithm gets."""

from pathlib import Path

import polars as pl
import pytest

from ungated import show as showing
from ungated.core.errors import UsageError
from ungated.report.show import html_of, lines


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    rows = [f"{i},{20 + i % 50},{'abc'[i % 3]},2024-01-{1 + i % 28:02},{i % 2}" for i in range(90)]
    path.write_text("\n".join(["id,age,job,hired,y", *rows]) + "\n90,,c,2024-01-05,1\n", encoding="utf-8")
    return path


def test_a_row_of_a_table_is_told_cell_by_cell(table: Path) -> None:
    shown = showing.show(table, 3)
    (item,) = shown.items
    cells = {row["column"]: row for row in item["rows"]}
    assert list(cells) == ["id", "age", "job", "hired", "y"]
    assert cells["age"]["cell"] == "22"
    assert cells["age"]["numbers"][0] == ["age", 22.0]
    assert dict(cells["job"]["numbers"]) == {"job = a": 0.0, "job = b": 0.0, "job = c": 1.0}
    assert cells["id"]["numbers"] == []
    assert "left out" in cells["id"]["why"]
    assert "Row 3 of" in shown.title
    assert "job = c" in html_of(shown)
    assert any("job = c" in line for line in lines(shown))


def test_a_missing_cell_is_called_missing(table: Path) -> None:
    cells = {row["column"]: row for row in showing.show(table, 91).items[0]["rows"]}
    assert cells["age"]["cell"] in (None, "")
    assert ["age is missing", 1.0] in cells["age"]["numbers"]


@pytest.mark.parametrize("row", [0, 92, -1])
def test_a_row_that_is_not_there_is_refused(table: Path, row: int) -> None:
    with pytest.raises(UsageError, match="91 rows"):
        showing.show(table, row)


def test_a_kind_may_be_shown_in_its_own_way(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def told(column: str, cell: object, values: pl.Series, how: object) -> dict[str, object]:
        return {"text": f"{column}: {cell} of {len(values)}"}

    monkeypatch.setitem(showing.SHOWS, "category", told)
    shown = showing.show(table, 1)
    assert [item["kind"] for item in shown.items] == ["category", "cells"]
    assert shown.items[0]["text"] == "job: a of 91"
    assert shown.items[0]["why"]
