"""JSON of notes, as programs and published sets write it: a list of notes, or of chords a step; one tune or many.

A tune is a list of chords, each the pitches that sound in one step (`[[60, 64, 67], [], ...]`, -1: a silent voice), or
a list of notes (`[{"pitch": 60, "start": 0, "duration": 1}, ...]`, times in quarter notes), or a mapping that holds one
of these as "notes", perhaps with "tempo". A file is a tune, a list of tunes, or a mapping of an official split to lists
of them: {"train": [...], "valid": [...], "test": [...]}.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from ..folder.splits import TEST, TRAIN, VALID
from .tune import GRID, LOUDNESS, MOST_NOTES, VOICE, Faulty, Tune, tune_of

MOST_BYTES = 1 << 28
MOST_VOICES = 16  # notes of one chord
_BEGIN, _LONG, _LOUD = ("start", "time", "onset"), ("duration", "length"), ("velocity", "loudness")


@dataclass
class Songs:
    """What a file holds: (name, tune or why it is none) by the part of an official split, "" where there is none."""

    of: dict[str, list[tuple[str, Tune | str]]] = field(default_factory=dict)


def read_notes(data: bytes, steps: int = 1) -> Songs | None:
    """The tunes in a JSON text; None where it is JSON of something else.

    steps: how many chords there are to a quarter note. Raises Faulty where it is no JSON.
    """
    try:
        told = json.loads(data)
    except (ValueError, RecursionError) as e:
        raise Faulty("is no JSON, or cut short") from e
    if isinstance(told, dict):
        parts = {str(k).lower(): v for k, v in told.items() if isinstance(v, list)}
        train = next((k for k in TRAIN if k in parts), None)
        if train is not None:
            names = [k for k in (*TRAIN, *VALID, *TEST) if k in parts]
            found = {k: _tunes(parts[k], steps) for k in names}
            return Songs({k: v for k, v in found.items() if v}) if found[train] else None
    if _is_tune(told):
        return Songs({"": [("tune 1", _read(told, steps))]})
    tunes = _tunes(told, steps) if isinstance(told, list) else None
    return Songs({"": tunes}) if tunes else None


def _tunes(told: list[Any], steps: int) -> list[tuple[str, Tune | str]] | None:
    """Every tune of a list; None where most are none."""
    good = [_is_tune(t) for t in told]
    if not good or sum(good) < len(good) / 2:
        return None
    names = [str(t["name"])[:80] if isinstance(t, dict) and "name" in t else f"tune {i}" for i, t in enumerate(told, 1)]
    return [(n, _read(t, steps) if ok else "is no tune") for n, t, ok in zip(names, told, good, strict=True)]


def _is_tune(told: Any) -> bool:
    """Whether the first entries look like chords or notes."""
    if isinstance(told, dict):
        return isinstance(told.get("notes"), list) and _is_tune(told["notes"])
    if not isinstance(told, list) or not told:
        return False
    few = told[:64]
    return all(_is_chord(t) for t in few) or all(isinstance(t, dict) and "pitch" in t for t in few)


def _is_chord(told: Any) -> bool:
    return isinstance(told, list) and len(told) <= MOST_VOICES and all(map(_is_pitch, told))


def _is_pitch(told: Any) -> bool:
    return type(told) in (int, float) and told % 1 == 0 and -1 <= told <= 127  # 73.0 is how some programs write 73


def _read(told: Any, steps: int) -> Tune | str:
    """A tune, or why it is none."""
    tempo = told.get("tempo", 100.0) if isinstance(told, dict) else 100.0
    entries = told["notes"] if isinstance(told, dict) else told
    tempo = float(tempo) if isinstance(tempo, int | float) else 100.0
    try:
        return _chords(entries, steps, tempo) if isinstance(entries[0], list) else _notes(entries, tempo)
    except Faulty as e:
        return str(e)


def _chords(entries: list[Any], steps: int, tempo: float) -> Tune:
    """A step has each pitch once, as on the keys of a piano: who sings it beside another is not told."""
    if len(entries) * MOST_VOICES > MOST_NOTES * 4:
        raise Faulty("has more steps than any tune")
    rows = []
    for step, chord in enumerate(entries):
        if not _is_chord(chord):
            raise Faulty(f"has no chord of pitches at step {step + 1}")
        for voice, pitch in enumerate(sorted({int(p) for p in chord if p >= 0}, reverse=True)):
            rows.append((step, pitch, 1, LOUDNESS, voice))
    return tune_of(rows, grid=steps, tempo=tempo, length=len(entries), frames=True)


def _notes(entries: list[Any], tempo: float) -> Tune:
    rows: list[tuple[int, ...]] = []
    if len(entries) > MOST_NOTES:
        raise Faulty(f"has more than {MOST_NOTES:,} notes")
    for place, entry in enumerate(entries, 1):
        if not isinstance(entry, dict):
            raise Faulty(f"has no note at place {place}")
        begin, pitch = _amount(entry, _BEGIN, place, None), _amount(entry, ("pitch",), place, None)
        length = _amount(entry, _LONG, place, float(entry["end"]) - begin if _is_number(entry.get("end")) else None)
        loud = _amount(entry, _LOUD, place, LOUDNESS)
        loud = loud * 127 if 0 < loud < 1 else loud
        voice = _amount(entry, ("voice",), place, 0)
        first = round(begin * GRID)
        rows.append((first, round(pitch), round((begin + length) * GRID) - first, round(loud), int(voice)))
    voices = {v: i for i, v in enumerate(sorted({row[VOICE] for row in rows}))}
    return tune_of([(*row[:VOICE], voices[row[VOICE]]) for row in rows], tempo=tempo)


def _amount(entry: dict[str, Any], names: tuple[str, ...], place: int, default: float | None) -> float:
    value = next((entry[n] for n in names if n in entry), default)
    if value is None or not _is_number(value) or not 0 <= value < 1e6:
        raise Faulty(f"has no usable {names[0]} at note {place}")
    return float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
