"""Kinds as a careful person would give them, on hand-made columns and on real data."""

from pathlib import Path

import polars as pl
import pytest

from ungated.core.errors import InputError, UsageError
from ungated.modalities import table
from ungated.modalities.table.parse import date_formats, dates, number_style, numbers, strip


def kind(values: list, name: str = "x", **more: object) -> table.ColumnKind:
    return table.look(table.Raw(pl.DataFrame({name: values}), "t"), **more)[name]  # type: ignore[arg-type]


N = 100
COLUMNS = [
    ("number", [f"{i},234.5" for i in range(1, N)], "x"),
    ("number", [f"{i}%" for i in range(N)], "x"),
    ("number", [f"$ {i}" for i in range(N)], "x"),
    ("number", [f"{i}" if i % 30 else "oops" for i in range(N)], "x"),
    ("number", [f"{i}e-3" for i in range(N)], "x"),
    ("number", [f"{i / 7}" for i in range(N)], "id"),
    ("number", ["0", "1"] * 50, "x"),
    ("number", list(range(N)), "age"),
    ("number", ["-9999" if i % 9 == 0 else str(i) for i in range(N)], "x"),
    ("identifier", list(range(N)), "PassengerId"),
    ("identifier", [str(i) for i in range(1, N)], "index"),
    ("identifier", [f"{i:04d}-ABC" for i in range(N)], "customer"),
    ("category", ["02134", "10001", "94105"] * 40, "place"),
    ("category", ["10001", "94105", "60601"] * 40, "zip_code"),
    ("category", [1, 2, 3, 4] * 25, "car_type"),
    ("category", ["0", "1", "2", "3+"] * 25, "dependents"),
    ("category", ["red", "green", "blue", "?"] * 25, "x"),
    ("boolean", ["yes", "no", "NA", "Yes"] * 25, "x"),
    ("boolean", [True, False, None] * 25, "x"),
    ("boolean", ["t", "f"] * 25, "x"),
    ("date", [f"2020-01-{i % 28 + 1:02d}" for i in range(N)], "x"),
    ("date", [f"{i % 28 + 1}/3/2020" for i in range(N)], "x"),
    ("date", [f"2020-01-01T{i % 24:02d}:30:00+02:00" for i in range(N)], "x"),
    ("date", [f"{1949 + i // 12}-{i % 12 + 1:02d}" for i in range(N)], "x"),
    ("text", [f"the quick brown fox number {i} jumps" for i in range(N)], "x"),
    ("constant", ["a"] * N, "x"),
    ("constant", [None] * N, "x"),
    ("constant", ["?", "NA"] * 50, "x"),
    ("category", ["a", None] * 50, "x"),
]


@pytest.mark.parametrize(("wanted", "values", "name"), COLUMNS, ids=[f"{i}-{c[0]}" for i, c in enumerate(COLUMNS)])
def test_kinds(wanted: str, values: list, name: str) -> None:
    found = kind(values, name)
    assert found.kind == wanted, found
    assert found.why
    assert "\n" not in found.why


def test_numbers_as_people_write_them() -> None:
    cells = pl.Series([" 1,234.5", "12%", "$3", "€ 5", "(3.2)", "1e-3", "?", "abc", "-$5", "1,2,3", "inf", ".28", "−3"])
    wanted = [1234.5, 12, 3, 5, -3.2, 0.001, None, None, -5, None, float("inf"), 0.28, -3]
    assert numbers(strip(cells)).to_list() == wanted
    german = pl.Series(["1.234,5", "12,5", "7", "1.000", "-3,2"])
    assert number_style(german) == (",", ".")
    assert numbers(german, ",", ".").to_list() == [1234.5, 12.5, 7, 1000, -3.2]


@pytest.mark.parametrize(
    ("cells", "iso", "doubt"),
    [
        (["13/02/2020", "01/02/2020"], "2020-02-01", False),
        (["02/13/2020", "01/02/2020"], "2020-01-02", False),
        (["03/02/2020", "01/02/2020"], "2020-02-01", True),
        (["3 Jan 2020", "2 Jan 2020"], "2020-01-02", False),
        (["January 3, 2020", "January 2, 2020"], "2020-01-02", False),
        (["20200103", "20200102"], "2020-01-02", False),
        (["2020-01-03T00:00:00Z", "2020-01-03T00:30:00+02:00"], "2020-01-02", False),
        (["12.01.2020 10:00", "13.01.2020 23:59"], "2020-01-13", False),
    ],
)
def test_dates(cells: list[str], iso: str, doubt: bool) -> None:
    formats, share, unsure = date_formats(pl.Series(cells))
    assert share == 1
    assert unsure == doubt
    assert str(dates(pl.Series(cells), formats)[1])[:10] == iso


def test_a_target_of_few_whole_numbers_is_labels_and_of_many_is_a_number() -> None:
    assert kind([0, 1, 2] * 50, target="x").kind == "category"
    assert kind([0, 1, 2] * 50, target="x").how["dtype"] == "integer"
    assert kind(list(range(100)), target="x").kind == "number"
    assert kind([f"id-{i:03d}" for i in range(100)], target="x").kind == "category"
    assert kind([i / 3 for i in range(100)], target="x").kind == "number"


def test_a_person_has_the_last_word() -> None:
    found = kind(["1", "2", "3"] * 10, kinds={"x": "category"})
    assert (found.kind, found.why) == ("category", "you said so")
    with pytest.raises(UsageError, match="'y'"):
        kind(["1"], kinds={"y": "number"})
    with pytest.raises(UsageError, match="not a kind"):
        kind(["1"], kinds={"x": "nummer"})
    with pytest.raises(UsageError, match="dates"):
        kind(["a", "b"], kinds={"x": "date"})


def test_schema_survives_json() -> None:
    schema = table.look(table.read("iris"), target="species")
    assert table.Schema.from_json(schema.to_json()) == schema


def test_cast_takes_what_predicting_brings() -> None:
    raw = table.Raw(
        pl.DataFrame({"n": ["1", "2", "3"] * 20, "c": ["1", "2", "a"] * 20, "y": ["u", "v", "w"] * 20}), "t"
    )
    schema = table.look(raw, target="y")
    new = pl.DataFrame({"extra": [1, 2], "c": [1, 2], "n": [5, None]})
    done = table.cast(new, schema, where="new.csv", optional=["y"])
    assert done.frame.columns == ["n", "c"]
    assert done.frame["n"].to_list() == [5.0, None]
    assert done.frame["c"].to_list() == ["1", "2"]
    with pytest.raises(InputError, match=r"new\.csv: column missing: n") as e:
        table.cast(pl.DataFrame({"N": [1], "c": ["a"]}), schema, where="new.csv", optional=["y"])
    assert "N, c" in str(e.value)


def test_cells_that_cannot_be_read() -> None:
    schema = table.look(table.Raw(pl.DataFrame({"n": [str(i) for i in range(50)]}), "t"))
    few = table.cast(pl.DataFrame({"n": ["1", "2", "x", "?"]}), schema, where="t")
    assert few.frame["n"].to_list() == [1, 2, None, None]
    assert few.notes == ["column n: 1 cell taken as missing for being no number, first 'x' in row 3"]
    with pytest.raises(InputError, match=r"'n'.*\n.*'p' in row 2"):
        table.cast(pl.DataFrame({"n": ["1", "p", "q", "?"]}), schema, where="t")


def test_typed_columns_cast() -> None:
    from datetime import date, datetime, time, timedelta
    from decimal import Decimal

    frame = pl.DataFrame(
        {
            "date": [date(2020, 1, 1), date(2020, 1, 2)],
            "zoned": pl.Series([datetime(2020, 1, 1), datetime(2020, 1, 2)]).dt.replace_time_zone("Asia/Tokyo"),
            "time": [time(1, 30), time(2)],
            "long": [timedelta(minutes=1), timedelta(minutes=2)],
            "dec": [Decimal("1.5"), Decimal("2.5")],
            "cat": pl.Series(["a", "b"], dtype=pl.Categorical),
            "nan": [1.5, float("nan")],
        }
    )
    raw = table.read(frame)
    typed = table.cast(raw.frame, table.look(raw), where="t").frame
    assert typed["long"].to_list() == [60, 120]
    assert typed["dec"].to_list() == [1.5, 2.5]
    assert typed["nan"].to_list() == [1.5, None]
    assert str(typed["zoned"][0]) == "2019-12-31 15:00:00"
    assert typed["time"].dt.hour().to_list() == [1, 2]


REAL = {
    "adult-census/adult-train.csv.gz": {"1": "number", "2": "category", "14": "category", "15": "category"},
    "titanic-kaggle/train.csv": {
        "PassengerId": "identifier", "Name": "text", "Sex": "category", "Age": "number", "Ticket": "category",
        "Cabin": "category", "Fare": "number",
    },
    "telco-churn/Telco-Customer-Churn.csv.gz": {
        "customerID": "identifier", "TotalCharges": "number", "Partner": "boolean", "Contract": "category",
    },
    "bike-sharing/hour.csv.gz": {"instant": "identifier", "dteday": "date", "hr": "number", "cnt": "number"},
    "tables-seaborn/taxis.csv.gz": {"pickup": "date", "fare": "number", "pickup_zone": "category"},
    "tables-seaborn/penguins.csv.gz": {"species": "category", "body_mass_g": "number", "sex": "category"},
    "tables-seaborn/diamonds.csv.gz": {"carat": "number", "cut": "category"},
    "sms-spam/sms_spam.csv.gz": {"type": "category", "text": "text"},
}  # fmt: skip


@pytest.mark.parametrize("name", REAL)
def test_kinds_of_real_tables(data_dir: Path, name: str) -> None:
    schema = table.look(table.read(data_dir / name))
    assert {c: schema[c].kind for c in REAL[name]} == REAL[name]


def test_headers_of_real_tables(data_dir: Path) -> None:
    classic = sorted((data_dir / "tables-classic").glob("*.csv.gz"))
    headed = [p.name for p in classic if table.read(p).frame.columns[0] != "1"]
    assert headed == []
    seaborn = sorted((data_dir / "tables-seaborn").glob("*.csv.gz"))
    bare = [p.name for p in seaborn if table.read(p).frame.columns[0] == "1"]
    assert bare == []


def test_warnings_on_real_tables(data_dir: Path) -> None:
    def said(name: str, target: str, task: str) -> str:
        raw = table.read(data_dir / name)
        schema = table.look(raw, target=target)
        typed = table.cast(raw.frame, schema, where=name).frame
        return "\n".join(table.warnings(typed, schema, target, task))

    titanic = said("tables-seaborn/titanic.csv.gz", "survived", "classify")
    assert "alive gives survived away" in titanic
    assert "107 rows too many" in titanic
    assert "deck (77%)" in titanic
    assert "casual, registered" in said("bike-sharing/day.csv.gz", "cnt", "regress")
    assert "away" not in said("tables-seaborn/diamonds.csv.gz", "price", "regress")
    assert "away" not in said("telco-churn/Telco-Customer-Churn.csv.gz", "Churn", "classify")
