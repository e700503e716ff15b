"""Delimited text as a frame of strings, a block at a time.

Two ways lead there. Where every quote in a block stands where a writer puts it, NumPy finds the ends of records and
polars parses them, fast. Elsewhere Python's csv module reads record by record, which also finds the line of a fault.
Either way rows end up with one length: short ones are padded, a few long ones are left out, many are an error.
"""

import csv
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from ...core.errors import InputError
from .schema import many
from .sniff import Dialect

LONGEST = 1 << 26  # bytes in one record; beyond it stands an unclosed quote or no table at all
BATCH = 20_000
SENTINEL = "\x1e"


@dataclass
class Faults:
    """What was odd on the way, for the notes. Lines count from 1, in the file as it is."""

    width: int
    name: str
    rows: int = 0
    short: int = 0
    first_short: int = 0
    long: list[int] = field(default_factory=list)

    def notes(self) -> list[str]:
        """In words. Raises InputError where more than 1% of rows are too long."""
        if len(self.long) > max(1, 0.01 * (self.rows + len(self.long))) or (self.long and not self.rows):
            raise InputError(
                f"{self.name}: {many(len(self.long), 'row')} with more than {self.width} cells, the first in line "
                f"{self.long[0]:,}.\nPut cells that contain the delimiter in quotes, or use another delimiter."
            )
        out = []
        if self.short:
            out.append(
                f"{many(self.short, 'row')} too short, the first in line {self.first_short:,}; cells were left empty"
            )
        if self.long:
            lines = ", ".join(f"{i:,}" for i in self.long[:5])
            out.append(f"{many(len(self.long), 'row')} with more than {self.width} cells left out (line {lines})")
        return out


def frames(
    blocks: Iterator[bytes], how: Dialect, names: list[str], faults: Faults, skip: int
) -> Iterator[pl.DataFrame]:
    """Frames of strings, one a block of UTF-8 bytes with \\n or \\r\\n line ends, without the first `skip` records.

    Raises InputError naming the line where a quote is never closed or a record has no end.
    """
    rest, line = b"", 1
    for block in blocks:
        rest += block
        cut = _Scan.of(rest, how) if how.delimiter != " " else None
        if cut is None:  # a quote inside a cell: from here on with care
            yield from _careful(itertools.chain([rest], blocks), how, names, faults, skip, line)
            return
        if not len(cut.ends):
            if len(rest) > LONGEST:
                raise _endless(rest, how, faults, line)
            continue
        yield from _fast(rest, cut, how, names, faults, skip, line)
        skip = max(0, skip - len(cut.ends))
        size = int(cut.ends[-1]) + 1
        line += rest.count(b"\n", 0, size)
        rest = rest[size:]
    if rest:
        cut = _Scan.of(rest + b"\n", how) if how.delimiter != " " else None
        if cut is not None and len(cut.ends) and cut.ends[-1] == len(rest):
            yield from _fast(rest + b"\n", cut, how, names, faults, skip, line)
        else:
            yield from _careful(iter([rest]), how, names, faults, skip, line)


def _endless(rest: bytes, how: Dialect, faults: Faults, line: int) -> InputError:
    quoted = how.quote and how.quote.encode() in rest[:LONGEST]
    cause = "perhaps a quote is opened there and never closed" if quoted else "this is no table of rows"
    return InputError(
        f"{faults.name}: the row that begins in line {line:,} is longer than {LONGEST >> 20} MB;\n{cause}."
    )


@dataclass(frozen=True)
class _Scan:
    """ends: positions of the line ends that end a record. cells: how many delimiters each record has."""

    ends: np.ndarray
    cells: np.ndarray

    @classmethod
    def of(cls, data: bytes, how: Dialect) -> "_Scan | None":
        """None where a quote stands neither at the edge of a cell nor beside its twin."""
        raw = np.frombuffer(data, np.uint8)
        newline = raw == 10
        delimiter = raw == ord(how.delimiter) if how.delimiter else np.zeros(len(raw), bool)
        quote = how.quote.encode()
        if quote and quote in data:
            marks = raw == quote[0]
            inside = np.bitwise_xor.accumulate(marks.view(np.uint8)).view(bool)
            if not _in_place(raw, marks, inside, how):
                return None
            newline &= ~inside
            delimiter &= ~inside
        ends = np.flatnonzero(newline)
        total = np.cumsum(
            np.bincount(np.searchsorted(ends, np.flatnonzero(delimiter)), minlength=len(ends) + 1)[: len(ends)]
        )
        return cls(ends, np.diff(total, prepend=0))


def _in_place(raw: np.ndarray, marks: np.ndarray, inside: np.ndarray, how: Dialect) -> bool:
    """Whether each opening quote follows a delimiter or line end and each closing one precedes one, or is doubled."""
    edge = np.array([10, 13, ord(how.quote), *how.delimiter.encode()], np.uint8)
    opens = np.flatnonzero(marks & inside)
    closes = np.flatnonzero(marks & ~inside)
    before = raw[opens[opens > 0] - 1]
    after = raw[closes[closes < len(raw) - 1] + 1]
    return bool(np.isin(before, edge[edge != 13]).all() and np.isin(after, edge).all())


def _fast(
    data: bytes, cut: _Scan, how: Dialect, names: list[str], faults: Faults, skip: int, line: int
) -> Iterator[pl.DataFrame]:
    starts = np.concatenate([[0], cut.ends[:-1] + 1])
    lengths = cut.ends - starts
    blank = lengths <= 1
    if blank.any():
        blank &= (lengths == 0) | (np.frombuffer(data, np.uint8)[starts] == 13)
    good = ~blank
    if skip:
        good[np.flatnonzero(good)[:skip]] = False
    bad = np.flatnonzero(good & (cut.cells != faults.width - 1))
    if len(bad) or skip or blank.any():
        data = _mended(data, starts, cut, bad, good, how, faults, line)
    else:
        data = data[: int(cut.ends[-1]) + 1]
    added = int(good.sum()) - int((cut.cells[bad] >= faults.width).sum())
    faults.rows += added
    if not data:
        return
    try:
        yield _parse(data, how, names)
    except pl.exceptions.PolarsError:  # its idea of a quoted cell is a little narrower than ours
        faults.rows -= added
        yield from _careful(iter([data]), how, names, faults, 0, line)


def _mended(
    data: bytes,
    starts: np.ndarray,
    cut: _Scan,
    bad: np.ndarray,
    good: np.ndarray,
    how: Dialect,
    faults: Faults,
    line: int,
) -> bytes:
    """The records that are `good`, short ones padded and long ones dropped."""
    lines = np.frombuffer(data, np.uint8) == 10
    ranks = np.cumsum(lines) if len(bad) else lines
    odd = set(bad.tolist())
    pieces: list[bytes] = []
    keep = good.copy()
    keep[bad] = False
    # Runs of good records are copied whole; only the odd ones are touched one by one.
    edges = np.flatnonzero(np.diff(np.concatenate([[False], keep, [False]]).astype(np.int8)))
    runs = {int(a): int(b) for a, b in edges.reshape(-1, 2)}
    for i in sorted(odd | runs.keys()):
        if i in odd:
            at = line + (int(ranks[starts[i] - 1]) if starts[i] else 0)
            missing = faults.width - 1 - int(cut.cells[i])
            if not cut.cells[i] and not data[starts[i] : cut.ends[i]].strip():  # a line of nothing but spaces
                faults.rows -= 1
                continue
            if missing < 0:
                faults.long.append(at)
                continue
            faults.short += 1
            faults.first_short = faults.first_short or at
            record = data[starts[i] : cut.ends[i]].removesuffix(b"\r")
            pieces.append(record + how.delimiter.encode() * missing + b"\n")
        else:
            pieces.append(data[starts[i] : int(cut.ends[runs[i] - 1]) + 1])
    return b"".join(pieces)


def _parse(data: bytes, how: Dialect, names: list[str]) -> pl.DataFrame:
    quote = how.quote if how.quote and how.quote.encode() in data else None
    keys = [str(i) for i in range(len(names))]
    frame = pl.read_csv(
        io.BytesIO(data),
        has_header=False,
        separator=how.delimiter or "\x1f",
        quote_char=quote,
        schema=dict.fromkeys(keys, pl.String),
    )
    return frame.rename(dict(zip(keys, names, strict=True)))


def _careful(
    blocks: Iterator[bytes], how: Dialect, names: list[str], faults: Faults, skip: int, line: int
) -> Iterator[pl.DataFrame]:
    rows: list[list[str]] = []
    size = max(1, BATCH * 20 // max(20, len(names)))
    for row, at in records(blocks, how, faults.name, line):
        if skip:
            skip -= 1
        elif len(row) > faults.width and (len(row) > faults.width + 1 or row[-1]):
            faults.long.append(at)
        else:
            row = row[: faults.width]
            if len(row) < faults.width:
                faults.short += 1
                faults.first_short = faults.first_short or at
                row += [""] * (faults.width - len(row))
            rows.append(row)
        if len(rows) >= size:
            faults.rows += len(rows)
            yield _columns(rows, names)
            rows = []
    if rows:
        faults.rows += len(rows)
        yield _columns(rows, names)


def _columns(rows: list[list[str]], names: list[str]) -> pl.DataFrame:
    return pl.DataFrame([pl.Series(n, c, pl.String) for n, c in zip(names, zip(*rows, strict=True), strict=True)])


def records(blocks: Iterator[bytes], how: Dialect, name: str, line: int = 1) -> Iterator[tuple[list[str], int]]:
    """(cells, line on which they begin) of each record that is not blank, by Python's csv module."""
    reader = csv.reader(
        itertools.chain(_lines(blocks, how), [SENTINEL + "\n"]),
        delimiter=how.delimiter or "\x1f",
        quotechar=how.quote or None,
        quoting=csv.QUOTE_MINIMAL if how.quote else csv.QUOTE_NONE,
        skipinitialspace=True,
    )
    before = csv.field_size_limit(LONGEST)
    try:
        at, row = line, [SENTINEL]
        while True:
            try:
                row = next(reader)
            except StopIteration:
                break
            except csv.Error as e:
                raise InputError(f"{name}: the row that begins in line {at:,} cannot be read: {_plainly(e)}.") from e
            if row != [SENTINEL] and row and (len(row) > 1 or not how.delimiter or row[0].strip()):
                if row[-1].endswith(SENTINEL + "\n"):
                    raise InputError(
                        f"{name}: a quote that is opened in line {at:,} is never closed.\n"
                        "Close it, or double it if it is part of the text."
                    )
                yield row, at
            at = line + reader.line_num
    finally:
        csv.field_size_limit(before)


def _plainly(error: csv.Error) -> str:
    """What Python's csv module complains of, for whoever wrote the file."""
    if "new-line character" in str(error):
        return "a carriage return stands amid a cell.\nRemove it, or put the cell in quotes"
    if "field larger" in str(error):
        return f"a cell is longer than {LONGEST:,} characters"
    return str(error)


def _lines(blocks: Iterator[bytes], how: Dialect) -> Iterator[str]:
    """Lines with their ends, as text; for runs of spaces without the ones around them."""
    rest = b""
    for block in blocks:
        rest += block
        *lines, rest = rest.split(b"\n")
        for line in lines:
            text = line.decode("utf-8", "replace")
            yield (text.strip(" \t\r") if how.delimiter == " " else text) + "\n"
    if rest:
        yield rest.decode("utf-8", "replace").strip(" \t\r" if how.delimiter == " " else "\r") + "\n"
