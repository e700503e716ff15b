"""What looks wrong with a table, in plain words with the way out. Large tables are looked at through a sample."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from .media import MEDIA
from .schema import Schema, many

ROWS = 20_000  # rows looked at for columns that give the answer away
WIDE = 200  # more columns than this are not searched for answers
RARE = 5


def warnings(frame: pl.DataFrame, schema: Schema, target: str | None, task: str | None) -> list[str]:
    """One line for each thing that looks wrong: repeated rows, empty or useless columns, answers among the columns.

    frame: typed by `cast`. task: "classify", "regress" or None where there is nothing to predict.
    """
    lines = [*_useless(frame, schema, target), *_repeated(frame, schema, target), *_missing(frame, schema, target)]
    if target is not None and target in frame.columns and task in ("classify", "regress"):
        known = frame.filter(pl.col(target).is_not_null())
        lost = len(frame) - len(known)
        if lost:
            lines.append(f"{many(lost, 'row')} without {target}, left out: nothing can be learned there.")
        lines += _rare(known[target]) if task == "classify" else []
        lines += _answers(known, schema, target, task)
    return lines


def _names(names: list[str], most: int = 8) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"


def _useless(frame: pl.DataFrame, schema: Schema, target: str | None) -> Iterator[str]:
    constant = [c.name for c in schema.columns if c.kind == "constant" and c.name != target]
    identifiers = [c.name for c in schema.columns if c.kind == "identifier" and c.name != target]
    if any(c.kind in MEDIA for c in schema.columns):  # nobody takes the names of files for something to learn from
        identifiers = [name for name in identifiers if name != "file"]
    if constant:
        yield f"Always the same, so left out: {_names(constant)}."
    if identifiers:
        one = identifiers[0]
        names = _names(identifiers)
        yield f"Identifies a row and so cannot generalise, left out: {names} (--kind {one}=category keeps it)."


def _repeated(frame: pl.DataFrame, schema: Schema, target: str | None) -> Iterator[str]:
    here = set(frame.columns)
    said = [c.name for c in schema.columns if c.kind not in ("identifier", "constant") and c.name in here]
    features = [c for c in said if c != target]
    if not features or len(frame) < 2:
        return
    of_features = frame.select(features).hash_rows(seed=1)
    distinct = of_features.n_unique()
    if distinct == len(frame):
        return
    if target is None or target not in said:
        yield f"{many(len(frame) - distinct, 'row')} too many: exact repeats of another."
        return
    both = pl.DataFrame({"f": of_features, "t": frame.select(target).hash_rows(seed=1)})
    pairs = both.n_unique()
    if pairs < len(frame):
        yield (
            f"{many(len(frame) - pairs, 'row')} too many: exact copies of others. "
            "A copy may fall both into the rows learned from and into the test. "
            "Remove copies unless they are separate cases."
        )
    share = 1 - distinct / len(frame)
    if pairs > distinct and frame[target].dtype == pl.String and share > 0.001:
        against = (
            both.group_by("f").agg(pl.col("t").n_unique().alias("k"), pl.len()).filter(pl.col("k") > 1)["len"].sum()
        )
        yield f"{against:,} rows agree in every column with a row of another {target}: no model can tell those apart."


def _missing(frame: pl.DataFrame, schema: Schema, target: str | None) -> Iterator[str]:
    nulls = frame.null_count().row(0, named=True)
    n = max(1, len(frame))
    empty = [
        f"{c.name} ({nulls[c.name] / n:.0%})"
        for c in schema.columns
        if c.kind != "constant" and c.name != target and nulls.get(c.name, 0) > 0.6 * n
    ]
    if empty:
        yield f"Mostly missing: {_names(empty)}."


def _rare(labels: pl.Series) -> Iterator[str]:
    counts = labels.value_counts().sort("count")
    rare = counts.filter(pl.col("count") < RARE)
    if len(rare) and len(counts) > 1:
        shown = [f"{v} ({k})" for v, k in rare.iter_rows()]
        yield f"Classes with fewer than {RARE} rows can hardly be learned or tested: {_names(shown, 5)}."


def _answers(frame: pl.DataFrame, schema: Schema, target: str, task: str) -> Iterator[str]:
    """Columns from which the target can be read off, one by one, or for numbers as an exact weighted sum."""
    features = [c for c in schema.columns if c.kind not in ("identifier", "constant") and c.name != target]
    here = set(frame.columns)
    features = [c for c in features if c.name in here]
    if len(frame) < 40 or len(features) > WIDE:
        return
    order = np.random.default_rng(0).permutation(len(frame))[:ROWS]
    some = frame[order]
    found = []
    if task == "classify":
        y = some[target].cast(pl.String).rank("dense").to_numpy().astype(np.int64) - 1
        found = [c.name for c in features if c.kind != "text" and _tells_class(_groups(some[c.name]), y)]
    else:
        y = some[target].cast(pl.Float64, strict=False).to_numpy()
        if not np.isfinite(y).all() or len(np.unique(y)) < 3:
            return
        rank = _rank(y)
        numbers = {c.name: some[c.name].to_numpy() for c in features if c.kind == "number"}
        found = [n for n, x in numbers.items() if np.isfinite(x).all() and abs(_correlation(_rank(x), rank)) > 0.9999]
        found += [c.name for c in features if c.kind == "category" and _tells_number(_groups(some[c.name]), y)]
        if not found:
            yield from _exact_sum(numbers, y, target)
    if found:
        verb = "gives" if len(found) == 1 else "give"
        yield (
            f"{_names(found)} {verb} {target} away almost perfectly. If it is not known when predicting, "
            "remove it: the error reported would be far too good."
        )


def _groups(values: pl.Series) -> np.ndarray:
    """Each row's group: its level, or its bin by rank where a number has many values; int64, 0 for missing."""
    place = values.rank("dense").fill_null(0).cast(pl.Int64).to_numpy()
    distinct = int(place.max()) + 1
    bins = max(10, min(200, len(place) // 10))
    if values.dtype == pl.String or distinct <= bins:
        return place
    return np.ceil(values.rank("average").fill_null(0).to_numpy() * bins / len(place)).astype(np.int64)


def _tells_class(group: np.ndarray, y: np.ndarray) -> bool:
    """Whether naming each group's commonest class, learned on half of the rows, is right on the other half."""
    half = len(y) // 2
    classes = int(y.max()) + 1
    most = np.bincount(y[:half], minlength=classes).argmax()
    base = float(np.mean(y[half:] != most))
    if base < 0.01 or (int(group.max()) + 1) * classes > 5_000_000:
        return False
    table = np.zeros((int(group.max()) + 1, classes), np.int32)
    np.add.at(table, (group[:half], y[:half]), 1)
    says = np.where(table.sum(axis=1) > 0, table.argmax(axis=1), most)
    wrong = float(np.mean(says[group[half:]] != y[half:]))
    return wrong <= 0.005 and wrong <= 0.05 * base


def _tells_number(group: np.ndarray, y: np.ndarray) -> bool:
    """Whether y hardly varies within groups that hold more than one row."""
    size = np.bincount(group)
    if (size > 1).sum() < 2 or np.count_nonzero(size == 1) > 0.2 * len(y):
        return False
    mean = np.bincount(group, y) / np.maximum(size, 1)
    within = float(np.mean(np.square(y - mean[group])))
    return within < 1e-6 * float(np.var(y))


def _rank(x: np.ndarray) -> np.ndarray:
    return pl.Series(x).rank("average").to_numpy()


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size else 0.0


def _exact_sum(numbers: dict[str, np.ndarray], y: np.ndarray, target: str) -> Iterator[str]:
    """Say so where y is a weighted sum of few columns, as a total is of its parts."""
    names = [n for n, x in numbers.items() if np.isfinite(x).all() and x.std() > 0][:60]
    rows = min(len(y), 2000)
    if len(names) < 2 or rows < 3 * len(names) + 10:
        return
    x = np.column_stack([(numbers[n][:rows] - numbers[n][:rows].mean()) for n in names])
    x /= np.maximum(x.std(axis=0), 1e-300)
    goal = y[:rows] - y[:rows].mean()
    weights, *_ = np.linalg.lstsq(x, goal, rcond=1e-10)
    left_over = goal - x @ weights
    if float(left_over @ left_over) < 1e-12 * float(goal @ goal):
        parts = [n for n, w in zip(names, weights, strict=True) if abs(w) > 1e-5 * np.abs(weights).max()]
        yield (
            f"{target} is exactly a weighted sum of {_names(parts)}. If they are not known when predicting, "
            "remove them: the error reported would be far too good."
        )
