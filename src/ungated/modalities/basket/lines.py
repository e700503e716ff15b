"""One basket a line: items parted by commas, tabs, semicolons or bars; or whole numbers parted by spaces (FIMI).

There is no header and no number of columns. Quotes around an item keep a comma inside it.
"""

import codecs
import csv
import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from ...core.errors import InputError
from ..table.read import Keeper
from ..table.schema import many
from ..table.sniff import encoding
from ..table.sources import Source

HEAD = 1 << 18
MARKS = ("\t", ";", "|", ",")
WORDS = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas", " ": "spaces"}
MOST_ITEMS = 100_000  # in one basket
LONGEST = 1000  # characters of an item
NUMBERS = re.compile(r"\s*\d+(?:\s+\d+)*\s*")


@dataclass(frozen=True)
class Head:
    """The first lines of a file. mark: what parts items, "" where nothing does; " " parts whole numbers alone."""

    codec: str
    words: str
    lines: list[str]
    mark: str

    @property
    def rows(self) -> list[list[str]]:
        return [split(line, self.mark) for line in self.lines]


def head_of(source: Source) -> Head:
    """What the first lines tell. Raises InputError for an empty file and for what is no text."""
    data = source.head(HEAD)
    if not data.strip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n"):
        raise InputError(f"{source.name} is empty.\nEach line should hold a basket: its items, parted by commas.")
    codec, words = encoding(source.name, data)
    text = codecs.getincrementaldecoder(codec)("replace").decode(data)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    cut = text.rfind("\n") if len(data) >= HEAD else len(text)
    lines = [line for line in text[: cut if cut > 0 else None].split("\n") if line.strip()][:2000]
    return Head(codec, words, lines, _mark(lines))


def _mark(lines: list[str]) -> str:
    if sum(bool(NUMBERS.fullmatch(line)) for line in lines) >= 0.9 * len(lines):
        return " "
    counts = {m: sum(m in line for line in lines) for m in MARKS}
    best = max(MARKS, key=lambda m: counts[m])
    return best if counts[best] else ""


def split(line: str, mark: str) -> list[str]:
    """The items of one line, stripped, none of them empty."""
    if mark == " ":
        return line.split()
    if not mark:
        return [line.strip()] if line.strip() else []
    cells = next(csv.reader([line], delimiter=mark, skipinitialspace=True), []) if '"' in line else line.split(mark)
    return [cell.strip() for cell in cells if cell.strip()]


def ragged(rows: list[list[str]]) -> bool:
    """Whether lines differ in how many items they have, as rows of a table do not."""
    counts = Counter(map(len, rows))
    return len(counts) >= 3 and counts.most_common(1)[0][1] < 0.7 * len(rows)


def wandering(rows: list[list[str]]) -> bool:
    """Whether the same items stand now here, now there: in a table each column has its own values."""
    places: dict[str, set[int]] = defaultdict(set)
    met: Counter[str] = Counter()
    for row in rows:
        for place, item in enumerate(row):
            places[item].add(place)
            met[item] += 1
    often = [item for item, n in met.items() if n >= 2]
    return len(often) >= 3 and sum(len(places[i]) > 1 for i in often) >= 0.5 * len(often)


def goes_on(lines: list[str]) -> bool:
    """Whether a quote stays open past the end of a line, as around a text of several lines in a table's cell."""
    return any(line.count('"') % 2 for line in lines)


def numbered(rows: list[list[str]]) -> bool:
    """Whether these are baskets of numbered items: no line has the same number twice."""
    return sum(len(set(row)) == len(row) for row in rows) >= 0.98 * len(rows)


def read(source: Source, head: Head, keeper: Keeper, notes: list[str]) -> None:
    """All baskets of a file into `keeper`, one row a line that is not empty. Raises InputError that names the line."""
    number, empty, lossy = 0, 0, 0
    words = all(c.isdigit() for row in head.rows for item in row for c in item) and head.mark == " "
    for lines in _blocks(source, head.codec):
        baskets = []
        for line in lines:
            number += 1
            items = list(dict.fromkeys(split(line, head.mark)))
            if not items:
                empty += 1
                continue
            _check(source.name, number, items, words)
            lossy = lossy or (number if "\ufffd" in line else 0)
            baskets.append(items)
        keeper.add(pl.DataFrame({"basket": pl.Series(baskets, dtype=pl.List(pl.String))}))
    if empty:
        notes.append(f"{source.name}: {many(empty, 'empty line')} left out")
    if lossy:
        notes.append(f"{source.name}, line {lossy:,}: some bytes are not {head.words} and were replaced by \ufffd")


def _check(name: str, number: int, items: list[str], whole_numbers: bool) -> None:
    where = f"{name}, line {number:,}"
    if len(items) > MOST_ITEMS:
        raise InputError(f"{where} holds {len(items):,} items; at most {MOST_ITEMS:,} are one basket.")
    longest = max(items, key=len)
    if len(longest) > LONGEST:
        raise InputError(
            f"{where}: an item of {len(longest):,} characters, {longest[:40]!r}…, is none.\n"
            "Items are parted by commas, tabs, semicolons or bars, one basket a line."
        )
    if whole_numbers and not all(map(str.isdigit, items)):
        odd = next(i for i in items if not i.isdigit())
        raise InputError(f"{where}: {odd[:40]!r} is not a whole number, as the items before it are. Mend that line.")


def _blocks(source: Source, codec: str) -> Iterator[list[str]]:
    """The lines of a file, a block at a time; the last may be without an end."""
    decoder, rest = codecs.getincrementaldecoder(codec)("replace"), ""
    for block in itertools.chain(source.blocks(), [b""]):
        text = rest + decoder.decode(block, final=not block)
        text = text.replace("\0", "").removeprefix("\ufeff")
        cut = len(text) if not block else text.rfind("\n") + 1
        rest = text[cut:]
        if "\n" not in text and block and len(text) > 1 << 26:
            raise InputError(f"{source.name} holds a line of more than {1 << 26:,} characters: no basket is so large.")
        lines = text[:cut].replace("\r\n", "\n")
        lines = lines.replace("\r", "\n") if "\n" not in lines else lines
        if lines:
            yield lines.removesuffix("\n").split("\n")
