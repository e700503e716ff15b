"""How a text file is written, told from its first lines: encoding, delimiter, quotes, header, decimal mark."""

import codecs
import re
from collections import Counter
from dataclasses import dataclass

from ...core.errors import InputError
from .schema import MARKS

SURE = (",", "\t", ";", "|")
UNSURE = ("^", ":", " ")
NUMBER = re.compile(r"^\s*[-+−(]?\s*[$€£¥]?\s*(?:\d[\d.,'\u00a0 ]*|[.,]\d+)(?:[eE][-+]?\d+)?\s*[%€)]?\s*$")
DECIMAL_COMMA = re.compile(r"^\s*[-+]?(?:\d{1,3}(?:\.\d{3})+|\d*),\d+\s*$")
WORDS_OF = {
    ",": "','",
    ";": "';'",
    "\t": "tab",
    "|": "'|'",
    ":": "':'",
    "^": "'^'",
    " ": "spaces",
    "": "none, one column",
}

BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Dialect:
    """delimiter: "" for one column, " " for runs of spaces. quote: "" where quotes are plain characters."""

    delimiter: str
    quote: str = '"'
    decimal: str = "."


def encoding(name: str, head: bytes) -> tuple[str, str]:
    """(codec, name for people) by byte order mark, else UTF-8, else what charset-normalizer believes.

    Raises InputError for bytes that are no text.
    """
    for bom, codec in BOMS:
        if head.startswith(bom):
            return codec, f"{codec.upper().replace('-SIG', '')} with a byte order mark"
    sample = head[: 1 << 16]
    if sample.count(0) > len(sample) // 8:  # text in UTF-16 without a mark has a zero in every other byte
        even, odd = sample[::2].count(0), sample[1::2].count(0)
        if max(even, odd) > len(sample) // 5 and min(even, odd) < len(sample) // 50:
            return ("utf-16-le", "UTF-16") if odd > even else ("utf-16-be", "UTF-16")
        raise InputError(f"{name} is not text: it is full of zero bytes.\nExport it as CSV or Parquet and try again.")
    strange = sum(sample.count(bytes([b])) for b in (*range(1, 9), *range(14, 32)))
    if strange > max(4, len(sample) // 20):
        raise InputError(
            f"{name} is not text: {strange:,} of its first bytes are control characters.\nExport it as CSV."
        )
    if is_utf8(head):
        return "utf-8", "UTF-8"
    return _guessed(head)


def is_utf8(data: bytes) -> bool:
    """Whether the bytes are UTF-8, but for a character cut off at the end."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return False
    return True


def _guessed(head: bytes) -> tuple[str, str]:
    """A single-byte or East Asian encoding. cp1252 where the guess is one of its close relatives, or none."""
    from charset_normalizer import from_bytes

    lines = [line for line in head.splitlines() if any(b > 127 for b in line)][:200]
    best = from_bytes(b"\n".join(lines)[:16384]).best()
    codec = best.encoding if best else "cp1252"
    asian = ("gb", "big5", "shift", "cp932", "cp949", "euc", "johab", "iso2022")
    wide = codec.startswith(asian)
    cyrillic = codec in ("cp1251", "koi8_r", "koi8_u", "iso8859_5", "cp866", "mac_cyrillic")
    other = codec in ("cp1253", "cp1255", "cp1256", "iso8859_7", "iso8859_8", "iso8859_6")
    if not (wide or cyrillic or other):
        codec = "cp1252"
    return codec, {"cp1252": "Windows-1252"}.get(codec, codec.replace("_", "-").upper())


def dialect(text: str, suffix: str = "") -> Dialect:
    """How the first lines part their cells. `text` ends at the end of a line."""
    text = text.replace("\r\n", "\n")
    lines = [line for line in text.split("\n") if line.strip()][:1000]
    quote = "'" if '"' not in text and _single_quoted(lines) else '"'
    bare = _without_quoted(text, quote)[:1000]
    best = _delimiter(bare, suffix)
    decimal = "."
    if best and best != ",":
        cells = [c.strip(quote) for line in lines[:300] for c in line.split(best)]
        commas = sum(bool(DECIMAL_COMMA.match(c)) for c in cells)
        points = sum(
            bool(re.match(r"^\s*[-+]?\d+\.\d+\s*$", c)) and not re.match(r"^\d{1,3}\.\d{3}$", c) for c in cells
        )
        decimal = "," if commas > points else "."
    return Dialect(best, quote, decimal)


def _single_quoted(lines: list[str]) -> bool:
    """Whether ' does what " usually does: it always wraps a whole cell, on most lines."""
    wrapped = sum(len(re.findall(r"(?:^|[,;\t|])'[^']*'(?=[,;\t|]|$)", line)) for line in lines[:200])
    return wrapped > 0.9 * len(lines[:200]) and 2 * wrapped == sum(line.count("'") for line in lines[:200])


def _without_quoted(text: str, quote: str) -> list[str]:
    """Non-empty lines with what is inside quotes taken out; a lone quote is left alone."""
    if quote in text:
        text = re.sub(rf"(^|[,;\t|:^ \n]){quote}(?:[^{quote}]|{quote}{quote})*{quote}", r"\1Q", text)
    return [line for line in text.split("\n") if line.strip()]


def _delimiter(lines: list[str], suffix: str) -> str:
    sure = {d: _consistency([line.count(d) for line in lines]) for d in SURE}
    found = {d: (share, k) for d, (share, k) in sure.items() if k and share >= 0.5}
    if found:
        top = max(share for share, _ in found.values())
        close = {d: k for d, (share, k) in found.items() if share >= top - 0.02}
        if "\t" in close:
            return "\t"
        for d in (";", "|"):  # 1,5;2,5 splits evenly at its commas too, but they are decimal marks
            cells = [c for line in lines[1:50] or lines for c in line.split(d)]
            if d in close and "," in close and _mostly(DECIMAL_COMMA, [c for c in cells if "," in c]):
                return d
        return max(close, key=lambda d: (close[d], -SURE.index(d)))
    for d in UNSURE:
        rows = [line.split() if d == " " else line.split(d) for line in lines]
        share, k = _consistency([len(r) - 1 for r in rows])
        fit = [r for r in rows if len(r) == k + 1]
        if (
            share >= 0.95
            and k
            and len(fit) > 1
            and _numeric_columns(fit[1:]) >= (2 if d == ":" else 1)
            and (k > 1 or d != ":")
        ):
            return d
    counts = {d: sum(line.count(d) for line in lines) for d in SURE}
    common = max(counts, key=lambda d: counts[d])
    ragged = sum(common in line for line in lines) > 0.8 * len(lines)
    named = {".tsv": "\t", ".tab": "\t", ".csv": common if ragged else ""}
    return named.get(suffix, common if ragged and len(lines[0]) < 400 else "") if counts[common] else ""


def _mostly(pattern: re.Pattern[str], cells: list[str]) -> bool:
    return bool(cells) and sum(bool(pattern.match(c)) for c in cells) > 0.8 * len(cells)


def _consistency(counts: list[int]) -> tuple[float, int]:
    """(share of lines, count) of the most common count of a delimiter."""
    if not counts:
        return 0.0, 0
    (k, n), *_ = Counter(counts).most_common(1)
    return n / len(counts), k


def _numeric_columns(rows: list[list[str]]) -> int:
    return sum(all(NUMBER.match(c) or c.strip() in "?" for c in column) for column in zip(*rows, strict=True))


def has_header(rows: list[list[str]]) -> bool:
    """Whether the first row names the columns, by how it differs from the rows below it. `rows` are of one length."""
    first, below = [c.strip() for c in rows[0]], rows[1:]
    if not below:
        return not any(NUMBER.match(c) for c in first)
    if len(first) > 1 and all(c.isdigit() for c in first):  # columns numbered by a program
        return [int(c) for c in first] in (list(range(len(first))), list(range(1, len(first) + 1))) and len(first) > 3
    if len(first) > 2 and not first[0] and [str(i) for i in range(len(first) - 1)] == first[1:]:
        return True
    score = 0.0
    for name, column in zip(first, zip(*below, strict=True), strict=True):
        score += _header_vote(name, [c.strip() for c in column])
    named = len({c for c in first if c}) >= len([c for c in first if c]) and not any(NUMBER.match(c) for c in first)
    return score > 0 or (
        score == 0 and named and len(first) > 1 and all(re.match(r"^[^\W\d][\w .()/-]*$", c) for c in first)
    )


def _header_vote(name: str, column: list[str]) -> float:
    """How much the cell `name` looks like the name of the cells below it: above 0 for, below 0 against."""
    known = [c for c in column if c.lower() not in MARKS]
    if not known:
        return 0.0
    numeric = sum(bool(NUMBER.match(c)) for c in known) / len(known)
    if numeric > 0.8:
        if NUMBER.match(name):
            return -1.0
        return 0.0 if name.lower() in MARKS else 1.0
    if NUMBER.match(name):
        return -1.0
    if name.lower() in MARKS:
        return 0.0
    distinct = set(known)
    if name in distinct:
        return -1.0
    dated = sum(bool(re.match(r"^\d{1,4}[-/.]\d", c)) for c in known) > 0.8 * len(known)
    if dated:
        return -1.0 if re.match(r"^\d{1,4}[-/.]\d", name) else 1.0
    return 0.5 if len(distinct) < 0.5 * len(known) else 0.0
