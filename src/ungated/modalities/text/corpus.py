"""A corpus: files of prose or code as rows, to learn to write from; one long file as pieces in their order.

What a person did not write is left out, and it is said how many files that are: those that .gitignore names, as git
reads it, folders of other people's packages, files that are no text, that are larger than a megabyte, or that a program
has squeezed or made (minified scripts, lists of versions), and copies. Hidden files are not looked at.
"""

import codecs
import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from ...core.errors import InputError, listed
from ..broken import Broken
from ..folder.found import Found
from ..medium import CODE, by_name, legal
from ..table.schema import many
from ..table.sniff import encoding, is_utf8
from ..table.sources import sources
from ..walk import walk

MOST_BYTES = 1 << 20  # of a file among others
MOST_WHOLE = 1 << 30  # of one file alone
SEALED = 0.1  # of one long text: its end
PIECES = 100  # that a long text is cut into
LONGEST_LINE = 2000  # bytes a line of a file has on average that nobody wrote by hand
OTHERS = frozenset({"node_modules", "site-packages", "bower_components", "dist-packages"})
MADE = (".min.js", ".min.css", ".map", ".lock", "package-lock.json", "pnpm-lock.yaml")
DATA = frozenset({"table", "picture", "sound", "array", "packed"})
NEVER_TEXT = frozenset(".so .o .a .dll .exe .pyc .class .jar .pdf .woff .woff2 .ttf .ico .bin".split())  # noqa: SIM905


def recognise(path: Path) -> Found | None:
    """The corpus that `path` is: a folder with any text in it, or one file of text; None for neither.

    Raises InputError for a folder from which all was left out.
    """
    path = path.expanduser()
    if path.is_dir():
        return _folder(path)
    if path.is_file() and by_name(_unpacked(path.name)) in ("text", "", "aside"):
        return _file(path)
    return None


def _unpacked(name: str) -> str:
    stem, dot, end = name.rpartition(".")
    return stem if dot and f".{end}" in (".gz", ".xz", ".bz2", ".zst") else name


# -- a folder ----------------------------------------------------------------------------------------------------------


def _folder(path: Path) -> Found | None:
    root = str(path.resolve())
    names, broken = walk(root)
    if _of_another_kind(names):
        return None
    if (alone := _alone(names)) and (found := _file(path / alone)):
        notes = sorted(set(names) - {alone})
        said = [f"{many(len(notes), 'file')} left out, about the text: {listed(notes)}"] if notes else []
        return replace(found, notes=[*found.notes, *said], broken=broken)
    left_out: Counter[str] = Counter()
    kept, texts, seen = [], [], set()
    for name in _wanted(names, root, left_out):
        try:
            text, why = _read(os.path.join(root, name), name)
        except OSError as e:
            broken.append(Broken(name, f"cannot be read: {e.strerror or e}"))
            continue
        if not why:
            digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()
            why = "copies of others" if digest in seen else ""
            seen.add(digest)
        if why:
            left_out[why] += 1
            continue
        kept.append(name)
        texts.append(text)
    if not texts:
        if not left_out:
            return None
        raise InputError(f"{path}: there is no text to learn from. {_said(left_out)}.")
    frame = pl.DataFrame({"text": texts, "file": kept}, schema={"text": pl.String, "file": pl.String})
    size = sum(map(len, texts))
    language = _language({name: len(text) for name, text in zip(kept, texts, strict=True)})
    how = f"{many(len(texts), 'file')} of {language or 'text'}, {size:,} characters"
    notes = [_said(left_out)] if left_out else []
    return _found(frame, how, language, broken, notes, len(names) + len(broken), joined=False)


def _alone(names: Sequence[str]) -> str | None:
    """The one text of a folder, packed or not, beside which others stand only to tell of it; None where it has more."""
    others = [name for name in names if not legal(name)]
    text = len(others) == 1 and by_name(_unpacked(others[0])) in ("text", "", "aside") and not _is_code(others[0])
    return others[0] if text else None


def _of_another_kind(names: Sequence[str]) -> bool:
    """Whether most files are pictures, recordings or the like, beside which a text describes them."""
    media = Counter(by_name(name) for name in names)
    return sum(media[kind] for kind in ("picture", "sound", "array")) > media["text"] + media[""]


def _found(
    frame: pl.DataFrame,
    how: str,
    language: str,
    broken: list[Broken],
    notes: list[str],
    files: int,
    *,
    joined: bool,
    sealed: pl.DataFrame | None = None,
) -> Found:
    kinds = {"text": "text", "file": "identifier"}
    about: dict[str, Any] = {"text": {"joined": joined, "fills": bool(language), "language": language}}
    return Found("text", frame, kinds, None, how, files, sealed, broken, notes, in_order=joined, hows=about)


def _said(left_out: Counter[str]) -> str:
    reasons = ", ".join(f"{count:,} {why}" for why, count in left_out.most_common())
    return f"{many(left_out.total(), 'file')} left out: {reasons}"


def _language(sizes: Mapping[str, int]) -> str:
    """What most of the files of those names and sizes are written in: "Python", other "code", or "" for prose."""
    half = sum(sizes.values()) / 2
    if sum(size for name, size in sizes.items() if name.lower().endswith((".py", ".pyi"))) > half:
        return "Python"
    return "code" if sum(size for name, size in sizes.items() if _is_code(name)) > half else ""


def _is_code(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in CODE


def _wanted(names: Sequence[str], root: str, left_out: Counter[str]) -> Iterator[str]:
    """The files that a person means, without having opened them."""
    ignored = Ignored(root)
    for name in names:
        base = name.rpartition("/")[2].lower()
        if OTHERS & set(name.split("/")[:-1]):
            left_out["of other people's packages"] += 1
        elif ignored(name):
            left_out["named by .gitignore"] += 1
        elif by_name(name) in DATA or os.path.splitext(base)[1] in NEVER_TEXT:
            left_out["no text"] += 1
        elif base.endswith(MADE):
            left_out["squeezed or made by a program"] += 1
        else:
            yield name


def _read(path: str, name: str) -> tuple[str, str]:
    """(the text of a file, ""), or ("", why it is left out). Line ends become "\\n". Raises OSError."""
    with open(path, "rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        return "", "larger than 1 MB"
    if not data.strip():
        return "", "empty"
    try:
        text = _decoded(name, data)
    except InputError:
        return "", "no text"
    if len(data) > 4 * LONGEST_LINE and len(data) > LONGEST_LINE * (1 + data.count(b"\n")):
        return "", "squeezed or made by a program"
    return text, ""


def _decoded(name: str, data: bytes) -> str:
    """The text of these bytes. Raises InputError where they are none."""
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if b"\0" in data[: 1 << 13] and not marked:  # as git tells what is binary
        raise InputError(f"{name} is not text.")
    told = encoding(name, data[: 1 << 16])[0]  # raises for bytes that are no text
    return (
        data.decode("utf-8-sig" if not marked and is_utf8(data) else told, "replace")
        .replace("\r\n", "\n")
        .replace("\0", "")
    )


class Ignored:
    """What git would pass over below a folder: the .gitignore of each folder, the deeper ones last, and of those above
    it up to the repository's root."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._specs: dict[str, Any] = {}  # folder -> its patterns, None where it has none
        self._verdicts: dict[str, bool] = {"": False}
        self._above = [] if os.path.exists(os.path.join(root, ".git")) else _above(root)

    def __call__(self, name: str) -> bool:
        """Whether the file `name`, relative to the root, is ignored."""
        folder = name.rpartition("/")[0]
        return self._folder(folder) or self._matches(name, folder)

    def _folder(self, folder: str) -> bool:
        if folder not in self._verdicts:
            above = folder.rpartition("/")[0]
            self._verdicts[folder] = self._folder(above) or self._matches(f"{folder}/", above)
        return self._verdicts[folder]

    def _matches(self, name: str, folder: str) -> bool:
        """What the patterns say of `name`, which lies in `folder`: the last that matches decides."""
        ignored = False
        for base in self._above:
            full = os.path.relpath(self.root, base) + "/" + name
            ignored = _verdict(self._spec(base), full, ignored)
        parts = folder.split("/") if folder else []
        for depth in range(len(parts) + 1):
            inside = "/".join(parts[:depth])
            within = name[len(inside) + 1 :] if inside else name
            ignored = _verdict(self._spec(os.path.join(self.root, inside)), within, ignored)
        return ignored

    def _spec(self, folder: str) -> Any:
        if folder not in self._specs:
            self._specs[folder] = _patterns(os.path.join(folder, ".gitignore"))
        return self._specs[folder]


def _above(root: str) -> list[str]:
    """The folders above `root` in the same repository, its root first; none where it is in no repository."""
    found = []
    folder = os.path.dirname(root)
    while True:
        found.append(folder)
        if os.path.exists(os.path.join(folder, ".git")):
            return found[::-1]
        if os.path.dirname(folder) == folder:
            return []
        folder = os.path.dirname(folder)


def _patterns(path: str) -> Any:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read(1 << 20).splitlines()
    except OSError:
        return None
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError:  # a line that is no pattern, which git passes over: so each line alone
        return GitIgnoreSpec.from_lines([line for line in lines if _is_pattern(line)])


def _is_pattern(line: str) -> bool:
    from pathspec import GitIgnoreSpec

    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True


def _verdict(spec: Any, name: str, before: bool) -> bool:
    """What patterns say of a name; as it was `before` where none of them matches."""
    if spec is None:
        return before
    said = spec.check_file(name).include
    return before if said is None else bool(said)


# -- one file ----------------------------------------------------------------------------------------------------------


def _file(path: Path) -> Found | None:
    """One long text: all but its last tenth as pieces, and that tenth sealed. None where it is no text."""
    source = sources(path)[0]
    data = b""
    for block in source.blocks():
        data += block
        if len(data) > MOST_WHOLE:
            raise InputError(f"{path} is larger than {MOST_WHOLE >> 30} GB. Give a folder of smaller files.")
    try:
        text = _decoded(path.name, data)
    except InputError:
        return None
    if not text.strip():
        raise InputError(f"{path} is empty: there is nothing to learn from.")
    cut = int(len(text) * (1 - SEALED))
    pieces = _pieces(text[:cut], PIECES)
    frame = pl.DataFrame({"text": pieces, "file": [path.name] * len(pieces)})
    sealed = pl.DataFrame({"text": [text[cut:]], "file": [path.name]})
    how = f"one text of {len(text):,} characters; its last {SEALED:.0%} are sealed"
    return _found(frame, how, _language({_unpacked(path.name): 1}), [], [], 1, joined=True, sealed=sealed)


def _pieces(text: str, count: int) -> list[str]:
    """The text cut into about `count` pieces, after the end of a line where there is one near."""
    size = max(1, -(-len(text) // count))
    pieces, at = [], 0
    while at < len(text):
        end = text.find("\n", at + size, at + size + size // 2) + 1 or at + size
        pieces.append(text[at:end])
        at = end
    return pieces
