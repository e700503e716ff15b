"""Documents, a text each, and files of one text a line. Encodings are told as for tables; what is no text is broken."""

import codecs
import os
from collections.abc import Sequence
from pathlib import Path

from ...core.errors import InputError
from ..broken import Broken
from ..table.schema import many
from ..table.sniff import NUMBER, SURE, dialect, encoding, is_utf8
from ..table.sources import Source, sources

MOST_BYTES = 1 << 20  # of one document; what comes after is left out
HEAD = 1 << 18
LINES = 400  # that decide whether a file is prose


def read_texts(root: str, names: Sequence[str]) -> tuple[list[str | None], list[Broken], list[str]]:
    """The contents of the files `names` below `root`, None where one is no text or empty; the broken ones; notes.

    Files that are neither UTF-8 nor marked otherwise are one folder's: all of them vote on one encoding.
    """
    texts: list[str | None] = []
    foreign: dict[int, bytes] = {}
    broken: list[Broken] = []
    long = 0
    for name in names:
        text: str | None = None
        try:
            data = _bytes(os.path.join(root, name))
            long += len(data) > MOST_BYTES
            data = data[:MOST_BYTES]
            codec = _codec(name, data)
            if codec:
                text = codecs.getincrementaldecoder(codec)("replace").decode(data)
            else:
                foreign[len(texts)] = data
            if not data.strip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n"):
                foreign.pop(len(texts), None)
                text = None
                broken.append(Broken(name, "is empty"))
        except OSError as e:
            broken.append(Broken(name, f"cannot be read: {e.strerror or e}"))
        except InputError:
            broken.append(Broken(name, "is not text"))
        texts.append(text)
    notes = [f"{many(long, 'text')} longer than {MOST_BYTES >> 20} MB: what comes after is left out"] if long else []
    if foreign:
        pool = b"\n".join(data[: max(256, HEAD // len(foreign))] for data in foreign.values())
        codec, words = encoding("", pool)
        codec, words = (codec, words) if codec != "utf-8" else ("cp1252", "Windows-1252")
        for place, data in foreign.items():
            texts[place] = data.decode(codec, "replace")
        notes.append(f"{many(len(foreign), 'text')} read as {words}")
    return texts, broken, notes


def _bytes(path: str) -> bytes:
    """One byte more than may be used, so that it is seen where there are more."""
    with open(path, "rb") as file:
        return file.read(MOST_BYTES + 1)


def _codec(name: str, data: bytes) -> str:
    """The encoding of one document; "" where it is text of one that only many documents tell. InputError for others."""
    if is_utf8(data) and b"\0" not in data:
        encoding(name, data[: 1 << 12])  # raises for control characters
        return "utf-8-sig"
    if b"\0" in data or data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return encoding(name, data)[0]
    strange = sum(data[: 1 << 16].count(bytes([b])) for b in (*range(1, 9), *range(14, 32)))
    if strange > max(4, len(data[: 1 << 16]) // 20):
        raise InputError(f"{name} is not text.")
    return ""


def tabular(text: str) -> bool:
    """Whether the lines are rows of a table: the same delimiter, about as often in each, or numbers alone."""
    lines = [line for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n") if line.strip()][:LINES]
    if len(lines) < 2:
        return False
    if sum(bool(NUMBER.match(line)) for line in lines) > 0.8 * len(lines):
        return True
    mark = dialect("\n".join(lines)).delimiter
    if mark not in SURE:
        return bool(mark)
    counts = [line.count(mark) for line in lines]
    even = max(counts.count(k) for k in set(counts)) / len(lines)
    if mark not in (",", ";") or (even > 0.9 and len(lines) >= 5):
        return True
    # Commas of a sentence have a space after them and several words between them; those of a table seldom do.
    spaced = sum(line.count(mark + " ") for line in lines) > 0.8 * sum(counts)
    words = sum(len(line.replace(mark, " ").split()) for line in lines) / sum(k + 1 for k in counts)
    return not (spaced and words >= 2)


def one_a_line(path: Path) -> list[str] | None:
    """The texts of a .txt file (or one packed) that has one in each line; None where it is a table or no text.

    Raises InputError where it is damaged.
    """
    found = sources(path)
    if len(found) != 1 or found[0].suffix not in (".txt", ".text"):
        return None
    head = found[0].head(HEAD)
    if not head.strip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n"):
        return None
    codec, _ = encoding(found[0].name, head)
    text = codecs.getincrementaldecoder(codec)("replace").decode(head)
    return None if tabular(text) or not wordy(text) else _lines(found[0], codec)


def wordy(text: str) -> bool:
    """Whether lines are more than single words, in scripts with spaces or without."""
    lines = [line for line in text.splitlines() if line.strip()][:LINES]
    words = sum(len(line.split()) for line in lines)
    signs = sum(sum(ord(c) > 0x2E80 for c in line) for line in lines)
    return words >= 2 * len(lines) > 0 or signs >= 6 * len(lines) > 0


def _lines(source: Source, codec: str) -> list[str]:
    return lines_of(codecs.decode(b"".join(source.blocks()), codec, "replace"))


def lines_of(text: str) -> list[str]:
    """One text a line; empty lines are none. Only line ends part: other separators of Unicode belong to the text.

    >>> lines_of("one\\r\\n\\n two \\n")
    ['one', ' two ']
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\0", "")
    text = text.replace("\r", "\n") if "\n" not in text else text
    return [line for line in text.split("\n") if line.strip()]
