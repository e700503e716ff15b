"""What a person named, where it is music: a file or a folder of MIDI, ABC, MusicXML or JSON of notes; else None."""

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import polars as pl

from ...core.errors import InputError, listed
from ..broken import Broken
from ..folder.found import Found
from ..folder.splits import TRAIN, VALID, official
from ..medium import litter
from ..table.schema import many
from ..walk import walk
from . import abc, midi, musicxml, notes
from .stream import MOST_VOICES
from .tune import Faulty, Tune

MIDI, ABC, XML = (".mid", ".midi", ".kar", ".rmi"), (".abc",), (".musicxml", ".mxl", ".xml")
SURE = (*MIDI, *ABC, ".musicxml", ".mxl")
MOST_BYTES = 1 << 26  # of one file
MOST_ABC = 1 << 24
MOST_TUNES = 200_000
LEARN, JUDGE, SEALED = "to learn from", "to judge", "sealed"
TRIED = 8  # JSON files looked into before a folder of them is taken for music


def recognise(path: Path, evident: bool = False) -> Found | None:
    """The tunes at `path`, one row each; None where there are none, or where it is something else.

    evident: only what can be nothing but music, by its names; else JSON and XML are looked into as well.
    Columns are `tune` (pl.Binary, null where a file is broken) and `file`. An official test, said by folders (train/,
    test/) or by a JSON file's own parts, is sealed. Raises InputError where nothing could be read.
    """
    path = path.expanduser()
    if path.is_dir():
        return _folder(path, evident)
    known = SURE if evident else (*SURE, ".xml", ".json")
    if not path.is_file() or litter(path.name) or _suffix(path.name) not in known:
        return None
    pile = _Pile()
    if not pile.read(path, path.name, _suffix(path.name) in SURE):
        return None
    return pile.found(f"{_NOUN.get(_suffix(path.name), 'a file of notes')}, ")


_NOUN = {".abc": "an ABC file", ".json": "JSON of notes", ".mid": "a MIDI file", ".mxl": "a MusicXML file"}


def _folder(path: Path, evident: bool) -> Found | None:
    root = str(path.resolve())
    names, faults = walk(root)
    sure = [n for n in names if _suffix(n) in SURE]
    maybe = [] if evident else [n for n in names if _suffix(n) in (".json", ".xml")]
    others = len(names) - len(sure) - len(maybe)
    if not sure:
        tried = [n for n in maybe[:: max(1, len(maybe) // TRIED)][:TRIED] if _Pile().read(path / n, n, False)]
        if not tried or others > len(maybe):
            return None
    elif len(sure) + len(maybe) < others:
        return None
    wanted = sorted(sure + maybe)
    split = official(wanted)
    left_out = sorted(set(names) - set(wanted))
    told = [f"{many(len(left_out), 'file')} left out, no tunes: {listed(left_out)}"] if left_out else []
    pile = _Pile(broken=faults, notes=[*split.notes, *told])
    sealed = set(split.sealed)
    for name in split.train + split.sealed:
        pile.read(path / name, name, _suffix(name) in SURE, name in sealed)
    return pile.found("a folder, ")


def _suffix(name: str) -> str:
    low = name.lower().removesuffix(".gz")
    return low[low.rfind(".") :] if "." in low else ""


Rows: TypeAlias = list[tuple[bytes | None, str]]  # a packed tune, None where it is broken, and its name


@dataclass
class _Pile:
    """Rows gathered file by file, by the part of a split that they are of. wide: the most notes of a step."""

    of: dict[str, Rows] = field(default_factory=lambda: {LEARN: [], JUDGE: [], SEALED: []})
    broken: list[Broken] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    files: int = 0
    frames: bool = True
    wide: int = 0

    def read(self, path: Path, name: str, sure: bool, sealed: bool = False) -> bool:
        """Read one file; False where it may be something else and is."""
        try:
            found = list(_tunes(path))
        except Faulty as e:
            if not sure:
                return False
            found = [(LEARN, "", str(e))]
        except OSError as e:
            found = [(LEARN, "", f"cannot be read: {e.strerror or e}")]
        if not found:
            return False
        self.files += 1
        for part, title, tune in found:
            row = f"{name}: {title}" if title else name
            if sum(map(len, self.of.values())) >= MOST_TUNES:
                raise InputError(f"There are more than {MOST_TUNES:,} tunes. Give a folder with fewer of them.")
            if isinstance(tune, str):
                self.broken.append(Broken(row, tune))
            else:
                self.frames = self.frames and tune.frames
                self.wide = max(self.wide, tune.widest)
            to = self.of[SEALED if sealed else part]
            to.append((None if isinstance(tune, str) else tune.pack(), row))
        return True

    def found(self, what: str) -> Found:
        """All of it as rows. Raises InputError where no file could be read."""
        learn, judge, sealed = self.of[LEARN], self.of[JUDGE], self.of[SEALED]
        rows = learn + judge
        if not any(cell is not None for cell, _ in rows):
            why = "\n".join(f"{b.file} {b.why}" for b in self.broken[:3])
            raise InputError(f"None of the {many(max(1, len(rows)), 'tune')} can be learned from.\n{why}")
        unit = "frame" if self.frames and self.wide <= MOST_VOICES else "note"
        how = f"{what}{many(len(rows), 'tune')}{' of chords a step' if unit == 'frame' else ''}"
        if sealed:
            how += f"; {len(sealed):,} more, the official test, are sealed"
        return Found(
            "tune",
            _frame(rows),
            {"tune": "tune", "file": "identifier"},
            None,
            how,
            self.files,
            _frame(sealed) if sealed else None,
            self.broken,
            self.notes,
            hows={"tune": {"unit": unit}},
            judges=len(judge) if sealed and learn else 0,
        )


def _frame(rows: Rows) -> pl.DataFrame:
    cells = pl.Series("tune", [cell for cell, _ in rows], pl.Binary)
    return pl.DataFrame([cells, pl.Series("file", [name for _, name in rows], pl.String)])


def _tunes(path: Path) -> Iterator[tuple[str, str, Tune | str]]:
    """(part of a split, title in the file, the tune or why it is none). Raises Faulty and OSError."""
    data, suffix = _bytes(path), _suffix(path.name)
    if not data.strip():
        raise Faulty("is empty")
    if suffix in MIDI:
        yield LEARN, "", midi.read_midi(data)
    elif suffix in XML:
        yield LEARN, "", musicxml.read_musicxml(data)
    elif suffix in ABC:
        if len(data) > MOST_ABC:
            raise Faulty(f"is larger than {MOST_ABC >> 20} MB")
        tunes = abc.read_abc(data.decode("utf-8-sig", "replace"))
        yield from ((LEARN, title if len(tunes) > 1 else "", tune) for title, tune in tunes)
    else:
        songs = notes.read_notes(data, _steps(path.name))
        for part, tunes in (songs.of if songs else {}).items():
            alone = len(tunes) == 1 and not part
            for title, tune in tunes:
                where = JUDGE if part in VALID else LEARN if part in ("", *TRAIN) else SEALED
                yield where, "" if alone else f"{part} {title}".strip(), tune


def _steps(name: str) -> int:
    """Chords to a quarter note, where a file's name says it: "jsb-chorales-16th.json"."""
    told = re.search(r"(\d{1,2})th", name)
    return {8: 2, 16: 4, 32: 8}.get(int(told[1]), 1) if told else 1


def _bytes(path: Path) -> bytes:
    """The bytes of a file, unpacked. Raises Faulty where they are more than a tune's could be."""
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if path.suffix.lower() == ".gz":
        try:
            unpacker = zlib.decompressobj(wbits=31)
            data = unpacker.decompress(data, MOST_BYTES + 1)
        except (zlib.error, gzip.BadGzipFile) as e:
            raise Faulty("is a damaged gzip file") from e
    if len(data) > MOST_BYTES:
        raise Faulty(f"is larger than {MOST_BYTES >> 20} MB")
    return data
