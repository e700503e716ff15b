"""A tune as numbers: which note begins when, how high, how long, how loud, in which voice. And as the bytes of a cell.

Time is counted in ticks of a quarter note, so that a tune is the same at any tempo. All notations are read into this.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...core.errors import InputError
from ...core.numbers import Array

GRID = 24  # ticks a quarter note: thirty-second notes and triplets of sixteenths fall on it
MOST_NOTES = 200_000  # of one tune
LAST_TICK = 1 << 24
START, PITCH, LENGTH, VELOCITY, VOICE = range(5)  # the columns of `Tune.notes`
LOUDNESS = 80  # the velocity of a note that does not say

ORGAN, PIANO = "organ", "piano"

_HEAD = struct.Struct("<4sHBBfIIB")
_MAGIC = b"tune"


class Faulty(ValueError):
    """Why a file is no tune, in words that follow its name: "is cut short"."""


@dataclass(frozen=True)
class Tune:
    """notes: int32 (n, 5), a row a note in the order of their beginnings, the highest first: start and length in ticks,
    pitch as in MIDI (60 is middle C), velocity 1 to 127, voice from 0.

    grid: ticks a quarter note. tempo: quarter notes a minute. meter: beats a bar, and which note is a beat (4: a
    quarter). length: ticks in all, with the silence after the last note. frames: whether it came as chords a step, as
    the piano roll of an organ: then a note is one step long, and nothing says which are held.
    """

    notes: Array
    grid: int = GRID
    tempo: float = 100.0
    meter: tuple[int, int] = (4, 4)
    length: int = 0
    frames: bool = False

    @property
    def bar(self) -> int:
        """Ticks of one bar."""
        return max(1, self.grid * 4 * self.meter[0] // self.meter[1])

    @property
    def widest(self) -> int:
        """The most notes that begin together."""
        return int(np.unique(self.notes[:, START], return_counts=True)[1].max())

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return self.length / self.grid * 60.0 / self.tempo

    @property
    def sound(self) -> str:
        """The instrument that suits it: "organ" for several voices, whose notes are held, else "piano"."""
        return ORGAN if self.frames or len(np.unique(self.notes[:, VOICE])) > 1 else PIANO

    def pack(self) -> bytes:
        """The tune as the bytes of a cell; `unpack` reads them."""
        beats, unit = self.meter
        head = _HEAD.pack(_MAGIC, self.grid, beats, unit, self.tempo, self.length, len(self.notes), self.frames)
        return head + np.ascontiguousarray(self.notes, "<i4").tobytes()


def tune_of(
    notes: Array | Sequence[Sequence[int]],
    *,
    grid: int = GRID,
    tempo: float = 100.0,
    meter: tuple[int, int] = (4, 4),
    length: int = 0,
    frames: bool = False,
) -> Tune:
    """A tune whose notes are checked and put in order. Raises Faulty where there are none, or what no tune has."""
    if len(notes) > MOST_NOTES:
        raise Faulty(f"has more than {MOST_NOTES:,} notes")
    rows = np.asarray(notes, np.int64).reshape(len(notes), 5)
    if len(rows) == 0:
        raise Faulty("has no notes")
    if rows.min() < 0 or rows[:, PITCH].max() > 127:
        raise Faulty("has notes out of MIDI's range")
    rows[:, LENGTH] = np.maximum(rows[:, LENGTH], 1)
    end = int((rows[:, START] + rows[:, LENGTH]).max())
    if max(end, length) > LAST_TICK:
        raise Faulty("is longer than any tune")
    rows[:, VELOCITY] = rows[:, VELOCITY].clip(1, 127)
    order = np.lexsort((rows[:, VOICE], -rows[:, PITCH], rows[:, START]))
    beats, unit = meter
    meter = meter if 1 <= beats <= 64 and unit in (1, 2, 4, 8, 16, 32) else (4, 4)
    tempo = tempo if 10 <= tempo <= 1000 else 100.0
    return Tune(rows[order].astype(np.int32), grid, tempo, meter, max(end, length), frames)


def unpack(cell: bytes) -> Tune:
    """The tune in a cell. Raises InputError where the bytes are not those of one."""
    try:
        magic, grid, beats, unit, tempo, length, count, frames = _HEAD.unpack_from(cell)
        rows = np.frombuffer(cell, "<i4", offset=_HEAD.size).reshape(count, 5)
        if magic != _MAGIC or not grid or not unit:
            raise ValueError
    except (struct.error, ValueError) as e:
        raise InputError("A cell of the kind tune does not hold one. Read the file again.") from e
    return Tune(rows, grid, tempo, (beats, unit), length, bool(frames))


def rounded(values: Array, ticks: int) -> Array:
    """Times in ticks of `ticks` a quarter note, on the grid that tunes have."""
    return np.rint(np.asarray(values, np.float64) * GRID / ticks).astype(np.int64)
