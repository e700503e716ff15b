"""Dataframes of any kind in, the same kind out: pandas, polars, Arrow, NumPy, and whatever else narwhals knows."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from ...core.errors import InputError

Home = str  # "polars", "pandas", "pyarrow", "numpy" or "path"


def is_frame(source: Any) -> bool:
    """Whether `source` is a table in memory rather than the name of one."""
    return isinstance(source, np.ndarray | Mapping | pl.DataFrame | pl.LazyFrame) or _narwhals(source) is not None


def home_of(source: Any) -> Home:
    """The caller's kind of table."""
    if isinstance(source, np.ndarray):
        return "numpy"
    frame = _narwhals(source)
    if frame is None:
        return "path"
    kind = frame.implementation
    return "pandas" if kind.is_pandas_like() else "pyarrow" if kind.is_pyarrow() else "polars"


def to_polars(source: Any) -> tuple[pl.DataFrame, list[str]]:
    """The table as a polars frame with typed columns and text names, and notes on what was changed on the way.

    A NumPy array's columns are named "0", "1", …. Raises InputError for what is not a two-dimensional table.
    """
    notes: list[str] = []
    if isinstance(source, np.ndarray):
        frame = _from_numpy(source)
    elif isinstance(source, pl.LazyFrame):
        frame = source.collect()
    elif isinstance(source, pl.DataFrame):
        frame = source
    elif isinstance(source, Mapping):
        frame = _from_columns({str(k): v for k, v in source.items()})
    else:
        native = _narwhals(source)
        if native is None:
            raise InputError(f"A {type(source).__name__} is not a table. Give a path, a dataframe or a 2-D array.")
        if isinstance(native, nw.LazyFrame):
            native = native.collect()
        if native.implementation.is_pandas_like():
            frame = _from_pandas(native.to_native(), notes)
        else:
            frame = native.to_polars()
    return simple(frame), notes


def _narwhals(source: Any) -> Any:
    try:
        return nw.from_native(source)
    except (TypeError, ValueError):
        return None


def _from_numpy(array: np.ndarray) -> pl.DataFrame:
    if array.dtype.names:
        return _from_columns({name: array[name] for name in array.dtype.names})
    if array.ndim != 2:
        raise InputError(f"An array of shape {array.shape} is not a table: two dimensions are needed, rows by columns.")
    if array.dtype.kind == "c":
        raise InputError("Complex numbers are not supported. Give real and imaginary parts as columns of their own.")
    return _from_columns({str(i): array[:, i] for i in range(array.shape[1])})


def _from_columns(columns: Mapping[str, Any]) -> pl.DataFrame:
    try:
        return pl.DataFrame([_series(name, values) for name, values in columns.items()])
    except (pl.exceptions.PolarsError, TypeError, ValueError) as e:
        raise InputError(f"These columns do not make a table: {str(e).splitlines()[0]}") from e


def _from_pandas(frame: Any, notes: list[str]) -> pl.DataFrame:
    names = unique([str(c) for c in frame.columns], notes)
    return pl.DataFrame([_series(name, frame.iloc[:, i]) for i, name in enumerate(names)])


def _series(name: str, values: Any) -> pl.Series:
    """One column of anything array-like, missing cells as null. pyarrow is not needed for pandas columns."""
    if isinstance(values, pl.Series):
        return values.alias(name)
    dtype = getattr(values, "dtype", None)
    if isinstance(dtype, np.dtype) and dtype.kind in "biuf":
        array = np.asarray(values)
        return pl.Series(name, array.astype(np.float32) if array.dtype == np.float16 else array, nan_to_null=True)
    if isinstance(dtype, np.dtype) and dtype.kind == "M":
        return pl.Series(name, np.asarray(values).astype("datetime64[us]"))
    if isinstance(dtype, np.dtype) and dtype.kind == "m":
        return pl.Series(name, np.asarray(values).astype("timedelta64[us]"))
    if hasattr(values, "isna"):  # pandas' own types: text, category, nullable numbers, zoned times
        gone = np.asarray(values.isna())
        cells = [None if g else v for v, g in zip(values.tolist(), gone, strict=True)]
    else:
        cells = values.tolist() if hasattr(values, "tolist") else list(values)
    return from_cells(name, cells)


def from_cells(name: str, cells: list[Any]) -> pl.Series:
    """A column of Python values; where their types are mixed, as text."""
    cells = [None if c is None or (isinstance(c, float) and c != c) else c for c in cells]
    kinds = {type(c) for c in cells if c is not None}
    if any(issubclass(k, list | dict | set | tuple | np.ndarray) for k in kinds):
        raise InputError(
            f"Column {name!r} holds lists or records, not single values. Split it into columns of its own."
        )
    if kinds <= {int, float} or len(kinds) <= 1:
        try:
            made = pl.Series(name, cells, strict=False)
            if made.dtype != pl.Object:
                return made
        except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError):
            pass
    return pl.Series(name, [None if c is None else str(c) for c in cells], pl.String)


def simple(frame: pl.DataFrame) -> pl.DataFrame:
    """Categoricals and columns of nothing become text, other types stay for `kinds` to judge; no name is a pattern."""
    if (names := [_no_pattern(n) for n in frame.columns]) != frame.columns:
        frame = pl.DataFrame([s.alias(n) for s, n in zip(frame.get_columns(), names, strict=True)])
    plain = [c for c, t in frame.schema.items() if t in (pl.Categorical, pl.Enum, pl.Null)]
    return frame.with_columns(pl.col(plain).cast(pl.String)) if plain else frame


def _no_pattern(name: str) -> str:
    """The name, with a space before one that polars would take for a pattern of names ("*", "^a$")."""
    return f" {name}" if name == "*" or (name.startswith("^") and name.endswith("$")) else name


def unique(names: Sequence[str], notes: list[str]) -> list[str]:
    """Names made different: "a", "a" become "a", "a.1"; an empty name becomes its column's number. Says so in notes."""
    names = [_no_pattern(n) for n in names]
    taken = Counter(names)
    out: list[str] = []
    used: set[str] = set()
    for i, name in enumerate(names, 1):
        wanted = name or str(i)
        new, k = wanted, 0
        while new in used or (new != name and new in taken):
            k += 1
            new = f"{wanted}.{k}"
        used.add(new)
        out.append(new)
    twice = [n for n, k in taken.items() if k > 1 and n]
    if twice:
        notes.append(f"column names that occur more than once were numbered: {', '.join(map(repr, twice[:5]))}")
    if taken.get("", 0):
        numbers = [o for n, o in zip(names, out, strict=True) if not n]
        notes.append(f"columns without a name are called by their number: {', '.join(numbers[:5])}")
    return out


def give_back(values: Any, name: str, like: Any = None) -> Any:
    """One answer a row, in the caller's kind: pandas Series (with `like`'s index), polars Series, Arrow or NumPy array.

    like: the caller's table, or a `Home` word. A path gets a polars Series.
    """
    home = like if isinstance(like, str) else home_of(like)
    array = np.asarray(values)
    if home == "numpy":
        return array
    if home == "pandas":
        import pandas as pd

        return pd.Series(array, index=getattr(like, "index", None), name=name)
    series = pl.Series(name, array.tolist() if array.dtype == object else array)
    return series.to_arrow() if home == "pyarrow" else series


def give_back_table(columns: Mapping[str, Any], like: Any = None) -> Any:
    """Columns of answers (probabilities by class name, say) in the caller's kind of table; NumPy gets a 2-D array."""
    home = like if isinstance(like, str) else home_of(like)
    if home == "numpy":
        return np.column_stack([np.asarray(v) for v in columns.values()])
    if home == "pandas":
        import pandas as pd

        return pd.DataFrame({k: np.asarray(v) for k, v in columns.items()}, index=getattr(like, "index", None))
    frame = pl.DataFrame([give_back(v, k, "polars") for k, v in columns.items()])
    return frame.to_arrow() if home == "pyarrow" else frame
