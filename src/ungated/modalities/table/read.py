"""From whatever a person names to one frame: files and folders of any common format, named sets, dataframes, arrays."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ...core.errors import InputError, listed
from ..broken import Broken
from .columnar import columnar_frames, is_columnar, json_frames
from .delimited import Faults
from .frames import home_of, is_frame, to_polars
from .named import NAMED, load_named
from .plaintext import layout, text_frames
from .sources import Source, sources


@dataclass(frozen=True)
class Raw:
    """A table as it was read.

    frame: strings for text files, typed columns otherwise. source: readable name. how: how it was read, in words.
    rows_in_file: set where only a uniform random sample of rows was kept. notes: what a person should know.
    home: the caller's kind: "polars", "pandas", "pyarrow", "numpy" or "path". decimal: the file's decimal mark.
    base: the folder against which paths in cells are read. kinds: columns whose kind is known from what was read.
    target: the column that is the answer, where what was read says so. sealed: rows that came as the test's own part.
    broken: files that could not be read. limit_bytes: what the frame may hold. in_order: the rows are pieces of one
    whole, such as a long text. hows: column -> what its encoders are to know of it. judges: how many of the last rows
    came as the part by which candidates are judged.
    """

    frame: pl.DataFrame
    source: str
    how: str = ""
    rows_in_file: int | None = None
    notes: list[str] = field(default_factory=list)
    home: str = "path"
    decimal: str = "."
    base: Path | None = None
    kinds: dict[str, str] = field(default_factory=dict)
    target: str | None = None
    sealed: pl.DataFrame | None = None
    broken: list[Broken] = field(default_factory=list)
    limit_bytes: int | None = None
    in_order: bool = False
    hows: dict[str, dict[str, Any]] = field(default_factory=dict)
    judges: int = 0

    @property
    def unread(self) -> np.ndarray:
        """Which rows, (n,) bool, are texts or tunes that could not be read: their cells came empty."""
        gone = np.zeros(self.frame.height, bool)
        for name in [n for n, kind in self.kinds.items() if kind in ("text", "tune")]:
            gone |= self.frame[name].is_null().to_numpy()
        return gone


class Keeper:
    """Keeps frames while they fit into `limit` bytes, and from then on a uniform random sample of all rows seen.

    Each row draws a random key; the rows with the smallest keys stay. In the order of the file.
    """

    def __init__(self, limit: int | None, seed: int) -> None:
        self.limit, self.rng = limit, np.random.default_rng(seed)
        self.seen, self.threshold = 0, 1.0
        self.frames: list[pl.DataFrame] = []
        self.keys: list[np.ndarray] = []
        self.size: float = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Take in the next rows."""
        self.seen += len(frame)
        keys = self.rng.random(len(frame))
        if self.threshold < 1:
            frame, keys = frame.filter(pl.Series(keys < self.threshold)), keys[keys < self.threshold]
        self.frames.append(frame)
        self.keys.append(keys)
        self.size += frame.estimated_size()
        if self.limit is not None and self.size > self.limit:
            self._prune()

    def _prune(self) -> None:
        keys = np.concatenate(self.keys)
        keep = max(1, int(0.7 * len(keys) * self.limit / self.size))  # type: ignore[operator]
        if keep < len(keys):
            self.threshold = float(np.partition(keys, keep)[keep])
            whole = together(self.frames)
            stay = keys < self.threshold
            # Boolean filtering keeps order; a fresh frame lets go of the old buffers.
            self.frames, self.keys = [whole.filter(pl.Series(stay))], [keys[stay]]
            self.size = self.frames[0].estimated_size()

    def frame(self) -> pl.DataFrame | None:
        """All rows kept; None where there never were any columns."""
        return together(self.frames) if self.frames else None

    @property
    def rows_in_file(self) -> int | None:
        """How many rows there were, where not all were kept."""
        return self.seen if self.threshold < 1 else None


def together(frames: list[pl.DataFrame]) -> pl.DataFrame:
    """Frames one below the other; a column missing in some is null there, one of several types becomes text."""
    if len(frames) == 1:
        return frames[0]
    if all(f.schema == frames[0].schema for f in frames):
        return pl.concat(frames)
    types: dict[str, pl.DataType] = {}
    for f in frames:
        for name, dtype in f.schema.items():
            types[name] = _common(types.get(name), dtype)
    full = [
        f.select(pl.col(n).cast(t) if n in f.columns else pl.lit(None, t).alias(n) for n, t in types.items())
        for f in frames
    ]
    return pl.concat(full)


def _common(a: pl.DataType | None, b: pl.DataType) -> pl.DataType:
    if a is None or a == b:
        return b
    if a.is_numeric() and b.is_numeric():
        return pl.Float64() if a.is_float() or b.is_float() else pl.Int64()
    return pl.String()


def read(source: Any, *, limit_bytes: int | None = None, seed: int = 0, header: bool | None = None) -> Raw:
    """Read a table.

    source: path of a file or folder, the name of a set in NAMED (a file or folder of that name in the current folder
    wins), a pandas, polars or Arrow dataframe, a 2-D NumPy array, or a mapping of columns.
    limit_bytes: where the table in memory would be larger, a uniform random sample of rows is kept (under `seed`).
    header: whether text files begin with a line of names; None decides by their first lines.
    Raises InputError naming file, line and column where there is no table to be read.
    """
    if not isinstance(source, str | PathLike):
        return _in_memory(source, limit_bytes, seed)
    path = Path(source).expanduser()
    if str(source) in NAMED and not path.exists():
        return Raw(load_named(str(source)), str(source), f"the data set {source!r} that ships with scikit-learn")
    if not str(source).strip() or "\0" in str(source):
        raise InputError("The name of the file is empty or holds a zero byte. Give the path of a table.")
    try:
        raw = _files(path, limit_bytes, seed, header)
    except (OSError, MemoryError) as e:
        raise InputError(f"{path} cannot be read: {e}.") from e
    if str(source) in NAMED:
        raw.notes.append(f"read the file or folder {source!r} that is here, not the data set of that name")
    return raw


def _in_memory(source: Any, limit: int | None, seed: int) -> Raw:
    if not is_frame(source):
        raise InputError(f"A {type(source).__name__} is not a table. Give a path, a dataframe, a 2-D array or columns.")
    frame, notes = to_polars(source)
    home = home_of(source)
    words = {"pandas": "pandas dataframe", "pyarrow": "Arrow table", "numpy": "NumPy array"}
    keeper = Keeper(limit, seed)
    keeper.add(frame)
    kept = keeper.frame()
    assert kept is not None
    if not kept.width:
        raise InputError("The table has no columns.")
    what = words.get(home, "columns" if home == "path" else "polars dataframe")
    return Raw(kept, what, f"{what} in memory", keeper.rows_in_file, notes, home if home != "path" else "polars")


def _files(path: Path, limit: int | None, seed: int, header: bool | None) -> Raw:
    notes: list[str] = []
    keeper = Keeper(limit, seed)
    found = sources(path)
    hows: list[str] = []
    columns: list[str] | None = None
    decimal = "."
    for source in found:
        how, mark, names = _one(source, keeper, notes, header, columns)
        if columns is not None and set(names) != set(columns):
            raise InputError(_differing(found[0], source, columns, names))
        columns = columns or names
        hows += [how] if how not in hows else []
        decimal = mark if mark != "." else decimal
    frame = keeper.frame()
    if frame is None or not frame.width:
        raise InputError(f"{path.name} holds no rows.")
    if not len(frame):
        raise InputError(f"{path.name} has a header ({listed(frame.columns, 8)}) but no rows below it.")
    if keeper.rows_in_file:
        notes.append(
            f"too large for the memory given: a uniform random sample of {len(frame):,} of {keeper.seen:,} rows is kept"
        )
    base = path if path.is_dir() else path.parent
    how = "; ".join(hows[:3]) if len(found) == 1 else f"{len(found)} files: {'; '.join(hows[:3])}"
    return Raw(frame, str(path), how, keeper.rows_in_file, notes, "path", decimal, base, limit_bytes=limit)


def _differing(first: Source, other: Source, a: list[str], b: list[str]) -> str:
    only_a, only_b = [c for c in a if c not in b], [c for c in b if c not in a]
    lines = [f"{first.name} and {other.name} do not have the same columns, so they are not one table."]
    lines += [f"Only in {first.name}: {', '.join(only_a[:8])}."] if only_a else []
    lines += [f"Only in {other.name}: {', '.join(only_b[:8])}."] if only_b else []
    return "\n".join([*lines, "Give one of the files by its own path."])


def _one(
    source: Source, keeper: Keeper, notes: list[str], header: bool | None, like: list[str] | None
) -> tuple[str, str, list[str]]:
    """Read one source into `keeper`: (how in words, decimal mark, names of its columns)."""
    head = source.head(4096)
    kind = is_columnar(source, head)
    if kind:
        return _all(columnar_frames(source, kind), keeper, source, like, kind), ".", _names(keeper)
    if source.suffix in (".jsonl", ".ndjson", ".json") or head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(
        (b'{"', b'[{"')
    ):
        if not head.strip():
            raise InputError(f"{source.name} is empty.")
        return _all(json_frames(source), keeper, source, like, "JSON records"), ".", _names(keeper)
    if source.suffix in (".parquet", ".pq", ".arrow", ".ipc", ".feather"):
        raise InputError(
            f"{source.name} is not what its name says: it does not begin as such a file does.\nWrite it again."
        )
    own: list[str] = []
    lay = layout(source, header, own, like)
    faults = Faults(len(lay.names), source.name)
    empty = pl.DataFrame(schema=dict.fromkeys(lay.names, pl.String))
    keeper.add(empty)
    if like is not None and set(like) != set(lay.names):
        return lay.words(source), lay.how.decimal, lay.names
    for frame in text_frames(source, lay, faults, own):
        keeper.add(frame if like is None else frame.select(like))
    notes += own
    notes += [f"{source.name}: {n}" for n in faults.notes()]
    return lay.words(source), lay.how.decimal, lay.names


def _names(keeper: Keeper) -> list[str]:
    return keeper.frames[-1].columns if keeper.frames else []


def _all(frames: Iterator[pl.DataFrame], keeper: Keeper, source: Source, like: list[str] | None, word: str) -> str:
    for frame in frames:
        if like is not None and set(frame.columns) == set(like):
            frame = frame.select(like)
        keeper.add(frame)
    return ", ".join([word, *source.packing])
