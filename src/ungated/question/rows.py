"""Steps that every question takes: typed rows, what was left out of them, which of them belong together, the record."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from ..core.errors import InputError, UsageError, listed
from ..core.numbers import Array
from ..core.run import ColumnRecord, DataRecord, Run
from ..modalities import duplicates, table
from .asked import Wish

FEWEST_ROWS = 10
MOST_BROKEN = 0.1  # of the files; where more cannot be read, something else is wrong


def typed_rows(raw: table.Raw, schema: table.Schema, run: Run) -> pl.DataFrame:
    """The rows whose files could be read, typed; the others are left out, and that is noted."""
    cast = table.cast(raw.frame, schema, where=raw.source, base=raw.base)
    run.notes += cast.notes
    run.broken += [[b.file, b.why] for b in (*raw.broken, *cast.broken)]
    return cast.frame.filter(~pl.Series(cast.lost | raw.unread))


def few_broken(raw: table.Raw, run: Run, wish: Wish) -> None:
    """Say how many files were skipped. Raises InputError where that is more than a tenth of them."""
    if not run.broken:
        return
    rows = set(raw.frame["file"]) if raw.kinds and "file" in raw.frame.columns else set()
    count, files = len(run.broken), raw.frame.height + sum(b.file not in rows for b in raw.broken)
    first = "; ".join(f"{file} {why}" for file, why in run.broken[:3])
    said = f"{raw.source}: {count:,} of {files:,} files could not be read, such as: {first}"
    if count > MOST_BROKEN * files and not wish.allow_broken:
        raise InputError(f"{said}.\nLook at them, or go on without them with --allow-broken.")
    run.notes.append(f"{said}. They are skipped; the report lists them")


def keep_together(typed: pl.DataFrame, schema: table.Schema, group: str | None, run: Run) -> Array | None:
    """Integers (n,) that are equal for rows of one group: the column's that was asked for, and near-duplicates'.

    Raises UsageError for a column that is not there or that has but one value.
    """
    if group is not None and group not in typed.columns:
        raise UsageError(f"--group names a column that is not there: {group}. There are: {listed(typed.columns)}.")
    groups = None
    if group is not None:
        groups = typed[group].rank("dense").fill_null(0).to_numpy().astype(np.int64)
        if len(np.unique(groups)) < 2:
            raise UsageError(f"--group {group}: there is only one value, so no group could be kept back to test on.")
    for column in schema.columns:
        alike = table.alike(column.kind, typed[column.name]) if table.heavy(column) else None
        if alike is None:
            continue
        run.notes.append(
            f"column {column.name}: {len(alike) - len(np.unique(alike)):,} cells are all but copies of others; "
            "copies are kept on one side of every split"
        )
        groups = alike if groups is None else duplicates.joined(groups, alike)
    return groups


def usable(raw: table.Raw, schema: table.Schema, beside: Sequence[str]) -> tuple[str, ...]:
    """The columns to learn from: all but those in `beside` and those that tell nothing. Raises InputError for none."""
    features = tuple(c.name for c in schema.columns if c.name not in beside and c.kind not in table.LEFT_OUT)
    if not features:
        why_not = "; ".join(f"{c.name}: {c.kind}, {c.why}" for c in schema.columns[:5] if c.name not in beside)
        answered = f" {beside[0]!r}" if beside and beside[0] else ""
        raise InputError(
            f"{raw.source}: no column is left to learn{answered} from.\n{why_not or 'There is no other column.'}\n"
            "Say what a column is with --kind NAME=KIND."
        )
    return features


def record(
    raw: table.Raw, typed: pl.DataFrame, schema: table.Schema, roles: dict[str, str], warnings: list[str]
) -> DataRecord:
    """What was read. roles: of columns that are not features, as "target"."""
    columns = []
    different = typed.select(pl.all().n_unique()).row(0, named=True)
    for c in schema.columns:
        values = typed[c.name]
        role = roles.get(c.name) or ("left out" if c.kind in table.LEFT_OUT else "feature")
        shown = values.head(0 if values.dtype == pl.Binary else 1000)  # decoded pictures and sounds are no words
        shown = shown.list.join(", ") if isinstance(shown.dtype, pl.List) else shown
        seen = [v for v in dict.fromkeys(shown.to_list()) if v is not None][:3]
        examples = [f"{v:g}" if isinstance(v, float) else " ".join(str(v)[:60].split()) for v in seen]
        columns.append(ColumnRecord(c.name, c.kind, c.why, role, values.null_count(), different[c.name], examples))
    return DataRecord(raw.source, typed.height, columns, warnings, raw.how, raw.rows_in_file)
