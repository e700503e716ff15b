"""One text file as frames of strings: what `sniff` tells of its head, carried out on all of it by `delimited`."""

import codecs
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from ...core.errors import InputError
from .delimited import Faults, frames, records
from .frames import unique
from .sniff import WORDS_OF, Dialect, dialect, encoding, has_header, is_utf8
from .sources import Source

MOST_COLUMNS = 50_000
HEAD, LONG_HEAD = 1 << 18, 1 << 24
DROPPED = b"\0\x1e\x1f"  # no part of any text, and used as marks in `delimited`


@dataclass(frozen=True)
class Layout:
    """How one text file is laid out. skip: records before the first row (0 or 1)."""

    codec: str
    codec_words: str
    mac: bool
    how: Dialect
    names: list[str]
    header: bool

    def words(self, source: Source) -> str:
        """The layout in one line for people."""
        parts = ["TSV" if self.how.delimiter == "\t" else "CSV", f"delimiter {WORDS_OF[self.how.delimiter]}"]
        parts += ["decimal comma"] if self.how.decimal == "," else []
        parts += ["single quotes"] if self.how.quote == "'" else []
        parts += [self.codec_words, "header in line 1" if self.header else "no header, columns called by number"]
        return ", ".join(parts + list(source.packing))


def layout(source: Source, header: bool | None, notes: list[str], like: list[str] | None = None) -> Layout:
    """How `source` is laid out, from its first lines. like: names that the first line has if it is a header.

    Raises InputError where the file is empty or no text.
    """
    head = source.head()
    if len(head) >= HEAD and b"\n" not in head and b"\r" not in head:
        head = source.head(LONG_HEAD)
    if not head.strip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n"):
        raise InputError(f"{source.name} is empty.\nA table needs a line of names and lines of values.")
    codec, words = encoding(source.name, head)
    if words not in ("UTF-8",):
        notes.append(f"{source.name}: read as {words}")
    if b"\0" in head and not codec.startswith(("utf-16", "utf-32")):
        notes.append(f"{source.name}: zero bytes were left out")
    text = codecs.getincrementaldecoder(codec)("replace").decode(head).translate(dict.fromkeys(DROPPED))
    mac = "\r" in text and "\n" not in text
    text = text.replace("\r", "\n") if mac else text
    cut = text.rfind("\n") if len(head) >= HEAD else len(text)
    text = text[:cut] if cut > 0 else text
    how = dialect(text, source.suffix)
    rows = _first(text, how, source.name)
    width = _width(rows)
    first = rows[0]
    if header is None:
        even = [(r + [""] * width)[:width] for r in rows]
        header = first == like if like is not None else has_header(even) or len(first) == width - 1
    if header and len(first) != width - 1:
        width = len(first)  # rows longer than the line of names are at fault, not it
    names = _names(first, width, rows) if header else [str(i) for i in range(1, width + 1)]
    if len(names) > MOST_COLUMNS:
        raise InputError(f"{source.name} has {len(names):,} columns; at most {MOST_COLUMNS:,} can be read.")
    return Layout(codec, words, mac, how, unique(names, notes), header)


def _first(text: str, how: Dialect, name: str) -> list[list[str]]:
    """The first records, as many as a decision needs."""
    rows: list[list[str]] = []
    try:
        for row, _ in itertools.islice(records(iter([text.encode("utf-8", "replace")]), how, name), 400):
            rows.append(row)
    except InputError:
        if not rows:
            raise
    if not rows:
        raise InputError(f"{name} is empty.\nA table needs a line of names and lines of values.")
    return rows


def _width(rows: list[list[str]]) -> int:
    """How many cells most rows have."""
    counts = Counter(len(r) for r in rows[1:] or rows)
    most = max(counts.values())
    return max(k for k, n in counts.items() if n == most)


def _names(first: list[str], width: int, rows: list[list[str]]) -> list[str]:
    names = [c.strip().strip("\ufeff") for c in first]
    if len(names) == width - 1:  # R leaves the row names' column unnamed; some programs end each row with a delimiter
        trailing = all(not r[-1] for r in rows[1:] if len(r) == width)
        return [*names, ""] if trailing else ["", *names]
    return names + [""] * (width - len(names))


def text_frames(source: Source, lay: Layout, faults: Faults, notes: list[str]) -> Iterator[pl.DataFrame]:
    """The rows of a text file, as frames of strings."""
    yield from frames(_utf8(source, lay, notes), lay.how, lay.names, faults, int(lay.header))


def _utf8(source: Source, lay: Layout, notes: list[str]) -> Iterator[bytes]:
    """The file's bytes as UTF-8 with \\n line ends, no byte order mark and no zero bytes."""
    decoder = codecs.getincrementaldecoder(lay.codec)("replace")
    whole, told = True, False
    for block in itertools.chain(source.blocks(), [b""]):
        plain = lay.codec in ("utf-8", "utf-8-sig") and whole and block.isascii()
        if plain and block:
            out = block
        else:
            text = decoder.decode(block, final=not block)
            if "\ufffd" in text and not told and not (lay.codec == "utf-8" and is_utf8(block)):
                notes.append(f"{source.name}: some bytes are not {lay.codec_words} and were replaced by \ufffd")
                told = True
            out = text.encode("utf-8", "replace")
            whole = not decoder.getstate()[0]
        out = out.translate(None, DROPPED) if any(b in out for b in DROPPED) else out
        out = out.replace(b"\r", b"\n") if lay.mac else out
        if out:
            yield out
