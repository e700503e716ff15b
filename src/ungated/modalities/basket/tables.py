"""Baskets out of a table: rows of (basket, item), yes/no columns, or columns of categories."""

import re
from dataclasses import dataclass

import polars as pl

from ...core.errors import InputError, UsageError, listed
from ..table.schema import many

YES = frozenset(["1", "1.0", "true", "t", "yes", "y", "x", "✓", "✔", "on"])
NO = frozenset(["0", "0.0", "false", "f", "no", "n", "off", "?", "na", "n/a", "null", "none", "-"]) | {""}
NEARLY = 0.95  # of a column's cells that say yes or no: the others are then wrong, and named
BASKET = re.compile(
    r"basket|order|transaction|\btrans|invoice|receipt|ticket|session|customer|user|member|\btid\b|patient", re.I
)
ITEM = re.compile(r"item|product|article|sku|description|good|movie|song|title|name|stock.?code|diagnos", re.I)
MOST_LEVELS = 50  # values of a column that are items each


@dataclass(frozen=True)
class Made:
    """frame: the column `basket`, and `id` where baskets have one. how: what the table was taken for, and why."""

    frame: pl.DataFrame
    how: str
    notes: list[str]


def from_rows(frame: pl.DataFrame, where: str, basket: str, item: str, why: str) -> Made:
    """Rows of (basket, item) in the order in which baskets begin. Raises UsageError for a column that is not there."""
    for name in (basket, item):
        if name not in frame.columns:
            raise UsageError(f"{where} has no column {name!r}. Its columns are {listed(frame.columns)}.")
    pairs = frame.select(pl.col(basket).cast(pl.String).str.strip_chars().alias("id"), _text(item).alias("item"))
    pairs = pairs.with_row_index("line", offset=2)
    gaps = pairs.filter((pl.col("id").fill_null("") == "") | (pl.col("item").fill_null("") == ""))
    notes = []
    if gaps.height:
        first = ", ".join(f"{n:,}" for n in gaps["line"].head(3).to_list())
        notes.append(f"{where}: {many(gaps.height, 'row')} without a basket or an item left out (first: row {first})")
        pairs = pairs.join(gaps.select("line"), on="line", how="anti", maintain_order="left")
    if not pairs.height:
        raise InputError(f"{where}: no row has both a {basket} and an {item}.")
    baskets = pairs.group_by("id", maintain_order=True).agg(pl.col("item").unique(maintain_order=True))
    frame = baskets.select(pl.col("item").alias("basket"), "id")
    how = f"rows of ({basket}, {item}), {why}; {many(frame.height, 'basket')} in {many(pairs.height, 'row')}"
    return Made(frame, how, notes)


def named_pair(frame: pl.DataFrame) -> tuple[str, str, str] | None:
    """(column of baskets, column of items, why), where two columns look like these."""
    names = frame.columns
    if len(names) == 2:
        first, second = names
        if frame[first].n_unique() < 0.9 * frame.height and not _says(frame[first]) and not _says(frame[second]):
            return first, second, "two columns, the first of which repeats"
        return None
    items = [n for n in names if ITEM.search(n) and not _says(frame[n])]
    if not items:
        return None
    numbers = [n for n in names if n not in items or n != items[0]]
    for name in numbers:
        if BASKET.search(name) and 1 < frame[name].n_unique() < 0.9 * frame.height:
            chosen = next((i for i in items if i != name and frame[i].n_unique() < frame.height), None)
            if chosen:
                return name, chosen, "by their names"
    return None


def from_columns(frame: pl.DataFrame, where: str, forced: bool = False) -> Made | None:
    """A table whose columns say yes or no; None where most do not, unless it is `forced`.

    Raises InputError that names the row and the column of a cell that says neither.
    """
    saying = [n for n in frame.columns if _says(frame[n], forced)]
    if len(saying) < (1 if forced else 2) or (len(saying) < 0.5 * frame.width and not forced):
        return None
    found = []
    for name in saying:
        cells = _text_of(frame[name]).str.to_lowercase()
        yes, no = cells.is_in(list(YES)), cells.is_in(list(NO))
        if not (yes | no).all():
            row = int((~(yes | no)).arg_max() or 0)
            raise InputError(
                f"{where}, row {row + 1:,}, column {name!r}: {str(frame[name][row])[:40]!r} says neither yes nor no.\n"
                "Mend the cell, or leave the column out."
            )
        found.append(yes.alias(name))
    frame_yes = pl.DataFrame(found).with_row_index("row")
    long = frame_yes.unpivot(index="row", variable_name="item").filter("value").sort("row", maintain_order=True)
    grouped = long.group_by("row", maintain_order=True).agg(pl.col("item").alias("basket"))
    whole = frame_yes.select("row").join(grouped, on="row", how="left", maintain_order="left")
    left = [n for n in frame.columns if n not in saying]
    notes = [f"{where}: columns that do not say yes or no are left out: {listed(left, 8)}"] if left else []
    baskets = whole.select(pl.col("basket").fill_null(pl.lit([], pl.List(pl.String))))
    return Made(baskets, f"a table of {many(len(saying), 'yes/no column')}, each an item", notes)


def from_values(frame: pl.DataFrame, where: str, forced: bool = False) -> Made | None:
    """Any other table: each row is the set of what its columns of few values say, as "odor = foul".

    forced: take every column, however many values it has.
    """
    most = min(MOST_LEVELS, max(2, frame.height // 2))
    few = [n for n in frame.columns if forced or 1 < frame[n].n_unique() <= most]
    if len(few) < (1 if forced else 2):
        return None
    said = []
    for name in few:
        cells = _text_of(frame[name])
        said.append(
            pl.DataFrame({"cell": cells})
            .select(pl.when(pl.col("cell") == "").then(None).otherwise(pl.lit(f"{name} = ") + pl.col("cell")))
            .to_series()
            .alias(name)
        )
    baskets = pl.DataFrame(said).select(pl.concat_list(pl.all()).list.drop_nulls().alias("basket"))
    left = [n for n in frame.columns if n not in few]
    notes = [f"{where}: columns of many values or of one are left out: {listed(left, 8)}"] if left else []
    return Made(baskets, f"a table of {many(len(few), 'column')} of few values, each value an item", notes)


def _text(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.String).str.strip_chars()


def _text_of(values: pl.Series) -> pl.Series:
    return values.cast(pl.String).fill_null("").str.strip_chars()


def _says(values: pl.Series, always_no: bool = False) -> bool:
    """Whether cells say yes or no, but for a few. always_no: whether a column may say no throughout."""
    if values.dtype == pl.Boolean:
        return True
    if values.dtype.is_nested():
        return False
    cells = _text_of(values).str.to_lowercase()
    yes = cells.is_in(list(YES))
    return (always_no or bool(yes.any())) and int((yes | cells.is_in(list(NO))).sum()) >= NEARLY * max(len(cells), 1)
