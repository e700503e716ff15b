"""What a person named: a folder of pictures, recordings or texts, a single such file, arrays; or None for a table."""

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from ...core.errors import InputError, UsageError, listed
from ..broken import Broken
from ..medium import PACKED, WORDS, by_name, legal, medium_of
from ..table.schema import many
from ..table.sources import sources
from ..walk import walk
from . import names as file_names
from .arrays import arrays_found
from .found import NOUNS, Found
from .splits import Split, official
from .texts import lines_of, one_a_line, read_texts, tabular

TRIED = 8  # .txt files looked into before a folder of them is taken for documents
_IDX_SIDE = re.compile(r"^(train|t10k|test)[-_.]", re.IGNORECASE)


def recognise(path: Path, label_from: str | None = None) -> Found | None:
    """What `path` is; None where it is a table as `table.read` reads, or is not there, which that says better.

    label_from: a pattern of file names, as "{label}_{speaker}_{n}.wav", for a folder. Raises UsageError where the
    pattern cannot be meant, InputError where it does not fit the names or an array is no picture.
    """
    path = path.expanduser()
    found = None
    try:
        if path.is_dir():
            found = _folder(path, label_from)
        elif path.is_file():
            found = _file(path, label_from)
    except (OSError, ValueError) as e:
        if isinstance(e, InputError | UsageError):
            raise
        raise InputError(f"{path} cannot be read: {e}.") from e
    if found is None and label_from is not None and path.exists():
        raise UsageError(
            "--label-from takes labels from the names of pictures, recordings or texts in a folder.\n"
            f"{path} is read as a table: name its column with --target."
        )
    return found


def recognise_many(paths: Sequence[Path]) -> Found | None:
    """Several files and folders, or "-" for texts from standard input, one a line: what a model is asked about.

    One row a file, in the order given; no splits, and nothing is sealed. None for one table.
    Raises InputError where a file is not there or tables stand among media.
    """
    if not paths:
        raise UsageError("Name at least one file or folder, or - for texts from standard input.")
    if any(str(p) == "-" for p in paths):
        if len(paths) > 1:
            raise UsageError("Standard input (-) cannot be read beside files. Give the one or the other.")
        return _lines(lines_of(sys.stdin.buffer.read().decode("utf-8-sig", "replace")), "standard input")
    for path in paths:
        if not path.exists():
            sources(path)  # says that there is none, and what has a name like it
    if len(paths) == 1:
        found = recognise(paths[0])
        return _unsplit(found) if found is not None else None
    listing = _Listing()
    for path in paths:
        if path.is_dir():
            some, broken = walk(str(path.resolve()))
            listing.broken += [Broken(f"{path}/{b.file}", b.why) for b in broken]
            listing.add([(f"{path}/{n}".removeprefix("./"), f"{path.resolve()}/{n}") for n in some])
        else:
            listing.add([(str(path), str(path.absolute()))])
    medium = listing.majority()
    tables = listing.of.get("table", [])
    if medium in ("picture", "sound", "text"):  # whoever names a file gets an answer for it, be it that it is no such
        said = {str(p) for p in paths}
        for other in [o for o in listing.of if o not in (medium, "table")]:
            listing.of[medium] += [f for f in listing.of[other] if f[0] in said]
            listing.of[other] = [f for f in listing.of[other] if f[0] not in said]
        place = {str(p): i for i, p in enumerate(paths)}
        listing.of[medium].sort(key=lambda f: _place(f[0], place))
    if medium is None or tables:
        those = ", ".join(n for n, _ in tables[:3]) or "They"
        raise InputError(f"{those}: tables are answered one at a time, and apart from pictures, sound and texts.")
    return _together(medium, listing, "files and folders")


def _place(name: str, place: dict[str, int]) -> int:
    """Where among the paths that were named a file or its folder stands."""
    if name in place:
        return place[name]
    return max((i for path, i in place.items() if f"{path}/" == "./" or name.startswith(f"{path}/")), default=0)


@dataclass
class _Listing:
    """Files by medium, as (name for people, absolute path); "" where the medium is unknown."""

    of: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)

    def add(self, files: Sequence[tuple[str, str]]) -> None:
        for name, path in files:
            self.of.setdefault(medium_of(Path(path), name), []).append((name, path))

    def majority(self) -> str | None:
        """The medium of most files; None where most are tables, or nothing is known.

        A table beside each picture describes it. A text or two beside tables describe them.
        """
        media = {m: len(self.of.get(m, [])) for m in ("picture", "sound", "text", "array")}
        best = max(media, key=lambda m: media[m])
        files = self.of.get(best, [])
        stems = {name.rpartition(".")[0] for name, _ in files}
        tables = [name for name, _ in self.of.get("table", []) if name.rpartition(".")[0] not in stems]
        if best == "text":
            tables += [name for name, _ in self.of.get("packed", [])]
            if tables and not official([name for name, _ in files]).label:
                return None
        return best if files and len(files) >= len(tables) else None

    def strangers(self, medium: str) -> list[Broken]:
        """The files of every other medium, but for descriptions beside them and what programs write about them."""
        wanted = WORDS[medium]
        out = []
        for other, files in self.of.items():
            if other in (medium, "table", "aside"):
                continue
            for name, _ in files:
                if not (other in ("text", "") and legal(name)):
                    out.append(Broken(name, f"is {WORDS[other]}, not {wanted}" if other else f"is not {wanted}"))
        return sorted(out, key=lambda b: b.file)


def _folder(path: Path, label_from: str | None) -> Found | None:
    root = os.path.realpath(path)
    all_names, broken = walk(root)
    listing = _Listing(broken=broken)
    listing.add([(n, f"{root}/{n}") for n in all_names])
    medium = listing.majority()
    if medium == "text":
        # What tells of the others is no text itself, unless it lies in a class.
        listing.of["text"] = [f for f in listing.of["text"] if "/" in f[0] or not legal(f[0])]
    if medium is None or not listing.of[medium] or (medium == "text" and _table_parts(listing)):
        return None
    if medium == "array":
        _no_labels_from(label_from)
        return arrays_found([Path(p) for _, p in listing.of["array"]], str(path))
    names = [n for n, _ in listing.of[medium]]
    split = official(names)
    found = _Rows(medium, root, label_from)
    frame, sealed = found.frames(split)
    broken = sorted(broken + listing.strangers(medium) + found.broken, key=lambda b: b.file)
    notes = split.notes + found.notes
    if tables := listing.of.get("table", []):
        notes.append(f"{tables[0][0]} was not read: to learn from a table that names files, give the table's own path")
    target = "label" if frame["label"].null_count() < len(frame) else None
    frame, sealed = (
        (frame, sealed) if target else (frame.drop("label"), None if sealed is None else sealed.drop("label"))
    )
    kinds = {medium: medium, "file": "identifier"} | (
        {"label": "category"} if target and not found.pattern_labels else {}
    )
    if found.pattern is not None:  # names tell of files, not of what is in them: new files may be called otherwise
        kinds |= dict.fromkeys((c for c in found.pattern.columns if c != "label"), "identifier")
    rows = set(split.train + split.sealed)
    files = len(rows) + sum(b.file not in rows for b in broken)
    return Found(medium, frame, kinds, target, _how(found, split, frame, sealed), files, sealed, broken, notes)


def _table_parts(listing: _Listing) -> bool:
    """Whether a folder's texts are tables: only .txt files, most with rows and columns, or a lone one."""
    texts = listing.of["text"]
    plain = [n for n, _ in texts if n.lower().endswith((".txt", ".text"))]
    if len(plain) == 1 and all(n in plain or n.lower().endswith(".md") for n, _ in texts):
        return True  # a list and what tells of it
    if len(plain) < len(texts):
        return False
    tried = texts[:: max(1, len(texts) // TRIED)][:TRIED]
    heads, _, _ = read_texts("", [path for _, path in tried])
    return sum(head is not None and tabular(head) for head in heads) > len(tried) / 2


class _Rows:
    """Makes the frames of one medium; gathers what was broken and is to be noted on the way."""

    def __init__(self, medium: str, root: str, label_from: str | None) -> None:
        self.medium, self.root = medium, root
        self.pattern = file_names.Pattern.of(label_from, (medium, "file")) if label_from is not None else None
        self.pattern_labels = self.pattern is not None and "label" in self.pattern.columns
        self.broken: list[Broken] = []
        self.notes: list[str] = []

    def frames(self, split: Split) -> tuple[pl.DataFrame, pl.DataFrame | None]:
        """The rows to learn from, and those of the official test."""
        frame = self._frame(split.train, split)
        return frame, self._frame(split.sealed, split) if split.sealed else None

    def _frame(self, names: list[str], split: Split) -> pl.DataFrame:
        labels = [split.label.get(n) for n in names]
        more: dict[str, list[str | None]] = {}
        if self.pattern is not None:
            rows, odd = file_names.columns_of(self.pattern, names)
            self.broken += odd
            keep = [i for i, row in enumerate(rows) if row is not None]
            names, labels = [names[i] for i in keep], [labels[i] for i in keep]
            more = {c: [(rows[i] or {})[c] for i in keep] for c in self.pattern.columns}
            labels = more.pop("label", labels)
        elif any(labels):
            stray = [n for n, label in zip(names, labels, strict=True) if label is None]
            self.broken += [Broken(n, "lies beside the folders that are the classes, in none") for n in stray]
            names, labels = [n for n in names if split.label.get(n)], [label for label in labels if label]
        cells: list[str | None] = [f"{self.root}/{n}" for n in names]
        if self.medium == "text":
            cells, broken, notes = read_texts(self.root, names)
            self.broken, self.notes = self.broken + broken, self.notes + notes
        columns: dict[str, list[str] | list[str | None]] = {self.medium: cells, "label": labels, **more, "file": names}
        return pl.DataFrame([pl.Series(name, values, pl.String) for name, values in columns.items()])


def _how(rows: _Rows, split: Split, frame: pl.DataFrame, sealed: pl.DataFrame | None) -> str:
    """ "a folder of 245 pictures in 2 folders, one a class; 153 more, in val/, are sealed"."""
    words = f"a folder of {many(len(frame), NOUNS[rows.medium])}"
    if rows.pattern is not None:
        words += f", {listed(rows.pattern.columns)} from their names"
    if not rows.pattern_labels and "label" in frame.columns:
        classes = frame["label"].n_unique()
        words += f" in {many(classes, 'folder')}, one a class"
    elif "label" not in frame.columns:
        words += ", without labels"
    return words + (f"; {len(sealed):,} more, in {split.sealed_in}/, are sealed" if sealed is not None else "")


def _file(path: Path, label_from: str | None) -> Found | None:
    medium = medium_of(path)
    if medium in ("picture", "sound"):
        return _one(path, medium, label_from)
    if medium == "array":
        _no_labels_from(label_from)
        return arrays_found(_beside(path), str(path))
    suffix = path.suffix.lower()
    if suffix in (".txt", ".text") or (suffix in PACKED and by_name(path.stem) == "text"):
        lines = one_a_line(path)
        note = "each line is a text of its own; to learn from whole files, give the folder that they lie in"
        return None if lines is None else _lines(lines, path.name, [note])
    return _one(path, "text", label_from) if suffix and by_name(path.name) == "text" else None


def _one(path: Path, medium: str, label_from: str | None) -> Found:
    listing = _Listing({medium: [(path.name, str(path.absolute()))]})
    found = _together(medium, listing, f"one {NOUNS[medium]}")
    if label_from is not None:
        pattern = file_names.Pattern.of(label_from, (medium, "file"))
        row = file_names.columns_of(pattern, [path.name])[0][0] or {}
        columns = [pl.Series(name, [value], pl.String) for name, value in row.items()]
        return Found(
            medium, found.frame.with_columns(columns), found.kinds, "label" if "label" in row else None, found.how, 1
        )
    return found


def _beside(path: Path) -> list[Path]:
    """The IDX files that belong with the one named: its labels, and for training pictures the test's too."""
    if path.suffix.lower() == ".npz":
        return [path]
    own = _IDX_SIDE.match(path.name)
    others = [p for p in sorted(path.parent.iterdir()) if p.is_file() and by_name(p.name) == "array"]
    others = [p for p in others if p.suffix.lower() != ".npz"]
    if own is None:
        return [path] if len(others) != 2 else others
    if own[1].lower() == "train":
        return [p for p in others if _IDX_SIDE.match(p.name)]
    return [p for p in others if p.name.lower().startswith(own[0].lower())]


def _lines(lines: list[str], name: str, notes: Sequence[str] = ()) -> Found:
    if not lines:
        raise InputError(f"{name} holds no text.\nGive one text a line.")
    frame = pl.DataFrame({"text": pl.Series(lines, dtype=pl.String)})
    frame = frame.with_columns(pl.Series("file", [f"{name}: {i}" for i in range(1, len(lines) + 1)], pl.String))
    how = f"{many(len(lines), 'text')}, one a line"
    return Found("text", frame, {"text": "text", "file": "identifier"}, None, how, len(lines), notes=list(notes))


def _together(medium: str, listing: _Listing, how: str) -> Found:
    """Files from anywhere as rows without labels."""
    if medium == "array":
        return arrays_found([Path(p) for _, p in listing.of["array"]], "the arrays")
    files = listing.of[medium]
    broken = listing.broken + listing.strangers(medium)
    names, notes = [n for n, _ in files], list[str]()
    cells: list[str | None] = [p for _, p in files]
    if medium == "text":
        cells, faults, notes = read_texts("", [p for _, p in files])
        people = dict(zip([p for _, p in files], names, strict=True))
        broken = broken + [Broken(people[b.file], b.why) for b in faults]
    frame = pl.DataFrame([pl.Series(medium, cells, pl.String), pl.Series("file", names, pl.String)])
    count = len(files) + len([b for b in broken if b.file not in set(names)])
    return Found(medium, frame, {medium: medium, "file": "identifier"}, None, how, count, None, broken, notes)


def _unsplit(found: Found) -> Found:
    """All rows together: a split is for learning, not for asking."""
    if found.sealed is None:
        return found
    frame = pl.concat([found.frame, found.sealed])
    return Found(
        found.medium, frame, found.kinds, found.target, found.how, found.files, None, found.broken, found.notes
    )


def _no_labels_from(label_from: str | None) -> None:
    if label_from is not None:
        raise UsageError("--label-from reads file names, and arrays bring their labels along. Leave it out.")
