"""The benchmark's tables: each read from the folder of data sets, split once and for all, written as CSV with a header.

`prepare` gives every system the same bytes: train.csv, new.csv (the test rows without their answers), and test.csv,
which only the scorer reads. The publisher's split is used where there is one; otherwise 80/20, stratified by class,
drawn anew for each seed. Values stay as their publishers wrote them, "?" for unknown included; only spaces after commas
are dropped.
"""

import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import pandas as pd
from sklearn.model_selection import train_test_split

ADULT_COLUMNS = (
    "age workclass fnlwgt education education-num marital-status occupation relationship race sex "
    "capital-gain capital-loss hours-per-week native-country income"
)
ABALONE_COLUMNS = "sex length diameter height whole shucked viscera shell rings"
GERMAN_COLUMNS = (
    "status months history purpose amount savings employment installment personal debtors residence property age "
    "plans housing credits job dependants telephone foreign risk"
)
PHONEME_COLUMNS = "a1 a2 a3 a4 a5 nasal"

Task = Literal["classify", "regress"]
Halves = tuple[pd.DataFrame, pd.DataFrame]


@dataclass(frozen=True)
class Prepared:
    """One data set on disk, split."""

    name: str
    task: Task
    target: str
    classes: tuple[str, ...]  # empty for regress
    rows: int  # of train.csv
    folder: Path

    @property
    def train(self) -> Path:
        return self.folder / "train.csv"

    @property
    def new(self) -> Path:
        return self.folder / "new.csv"

    @property
    def test(self) -> Path:
        return self.folder / "test.csv"


@dataclass(frozen=True)
class DataSet:
    """Where a set comes from and what is asked of it; `read` takes the folder of data sets and a seed for the split."""

    task: Task
    target: str
    read: Callable[[Path, int], Halves]


def _raw(path: Path, columns: str = "") -> pd.DataFrame:
    """Cells as strings, so that writing them again changes nothing. `columns` where the file has no header."""
    names = {"header": None, "names": columns.split()} if columns else {}
    return pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True, **names)  # type: ignore[call-overload]


def _parted(table: pd.DataFrame, target: str, task: Task, seed: int) -> Halves:
    classes = table[target] if task == "classify" else None
    train, test = train_test_split(table, test_size=0.2, random_state=42 + seed, stratify=classes)
    return train, test


def _adult(data: Path, seed: int) -> Halves:
    train = _raw(data / "adult-census/adult-train.csv.gz", ADULT_COLUMNS)
    test = _raw(data / "adult-census/adult-test.csv.gz", ADULT_COLUMNS)
    test["income"] = test["income"].str.rstrip(".")  # the official test file ends each line with a full stop
    return train, test


def _titanic(data: Path, seed: int) -> Halves:
    train = _raw(data / "titanic-kaggle/train.csv")
    return train, _raw(data / "titanic-kaggle/test_with_Survived.csv")[train.columns]


def _california(data: Path, seed: int) -> Halves:
    with tarfile.open(data / "california-housing/housing.tgz") as archive:
        table = pd.read_csv(archive.extractfile("housing.csv"), dtype=str, keep_default_na=False)  # type: ignore[call-overload]
    return _parted(table, "median_house_value", "regress", seed)


def _bikes(data: Path, seed: int) -> Halves:
    table = _raw(data / "bike-sharing/hour.csv.gz")
    # casual and registered riders add up to the answer; instant is the row's number
    return _parted(table.drop(columns=["instant", "casual", "registered"]), "cnt", "regress", seed)


def _table(file: str, columns: str, target: str, task: Task, data: Path, seed: int) -> Halves:
    return _parted(_raw(data / file, columns), target, task, seed)


def _whole(file: str, columns: str, target: str, task: Task) -> DataSet:
    return DataSet(task, target, partial(_table, file, columns, target, task))


SETS: dict[str, DataSet] = {
    "adult": DataSet("classify", "income", _adult),
    "titanic": DataSet("classify", "Survived", _titanic),
    "diamonds": _whole("tables-seaborn/diamonds.csv.gz", "", "price", "regress"),
    "california-housing": DataSet("regress", "median_house_value", _california),
    "bike-sharing": DataSet("regress", "cnt", _bikes),
    "abalone": _whole("tables-classic/abalone.csv.gz", ABALONE_COLUMNS, "rings", "regress"),
    "german": _whole("tables-classic/german.csv.gz", GERMAN_COLUMNS, "risk", "classify"),
    "phoneme": _whole("tables-classic/phoneme.csv.gz", PHONEME_COLUMNS, "nasal", "classify"),
}


def prepare(name: str, data: Path, scratch: Path, seed: int = 0) -> Prepared:
    """Split the set `name` from the folder `data` and write it below `scratch`."""
    this = SETS[name]
    train, test = this.read(data, seed)
    folder = scratch / f"{name}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    classes = tuple(sorted(train[this.target].unique())) if this.task == "classify" else ()
    prepared = Prepared(name, this.task, this.target, classes, len(train), folder)
    train.to_csv(prepared.train, index=False)
    test.to_csv(prepared.test, index=False)
    test.drop(columns=this.target).to_csv(prepared.new, index=False)
    return prepared
