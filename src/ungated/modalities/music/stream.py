"""Tunes as one stream of codes, and back: what a writer of sequences learns from, be it of text, code or music.

Two layouts, chosen by how the training tunes came:

- voices: tunes of chords a step (chorales) give one code a voice and step: the highest voice, the lowest, then those
  inside from above, as students of harmony write them. Codes of a step say the step's set of notes, no more.
- notes: all other tunes give, for each note in the order of their beginnings, the wait since the note before, its
  pitch, its length and, where they differ, how loud it is.

Every place in a step or a note has codes of its own, so that a code says what it is about. Code 0 begins each tune.
A tune in another key is as good a tune: `renames` says which codes stand for which in every other key.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import polars as pl

from ...core.algorithm import State
from ...core.errors import InputError, ModelError
from ...core.numbers import Array, Form, Numbers
from .tune import GRID, LENGTH, LOUDNESS, PITCH, START, VELOCITY, Tune, tune_of, unpack
from .voices import SILENT, tune_from, voices_of

MOST_VOICES = 8
KEYS = (
    0,
    *(k for d in range(1, 7) for k in (-d, d) if k != 6),
)  # semitones to each of the twelve keys, near ones first
NAMES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
MARGIN = 6  # semitones beyond the training pitches that have codes, so that tunes fit in every key
MOST_TIMES = 96  # different waits, and different lengths
LOUDNESSES = 8


@dataclass(frozen=True)
class StreamEncoder:
    """One column of tunes as a stream.

    source: name of the column. layout: "voices" or "notes". lows, highs: the lowest and highest pitch with a code, for
    each voice in the order of the codes, or for all notes. waits, lengths, loudnesses: the values that have codes, in
    ticks or MIDI's velocity, rising; () for voices, and loudnesses () where all are alike. grid, tempo, meter: those
    of most training tunes, which made ones are given.
    """

    source: str
    layout: str
    lows: tuple[int, ...]
    highs: tuple[int, ...]
    waits: tuple[int, ...] = ()
    lengths: tuple[int, ...] = ()
    loudnesses: tuple[int, ...] = ()
    grid: int = GRID
    tempo: float = 100.0
    meter: tuple[int, int] = (4, 4)

    @classmethod
    def fit(cls, values: pl.Series, how: dict[str, Any]) -> Self:
        """Learn which codes there are from training tunes. Raises InputError where there is none.

        how: "unit", "frame" or "note", chooses the layout; others are not looked at.
        """
        tunes = [unpack(cell) for cell in values.drop_nulls().to_list()]
        if not tunes:
            raise InputError(f"There is no tune in {values.name} to learn from.")
        wide = max(t.widest for t in tunes) if all(t.frames for t in tunes) else MOST_VOICES + 1
        told = {"frame": "voices", "note": "notes"}.get(how.get("unit", ""))
        layout = told or ("voices" if wide <= MOST_VOICES else "notes")
        grids, meters = [t.grid for t in tunes], [t.meter for t in tunes]
        usual: dict[str, Any] = {
            "grid": max(set(grids), key=grids.count) if layout == "voices" else GRID,
            "tempo": float(np.float32(np.median([t.tempo for t in tunes]))),
            "meter": max(set(meters), key=meters.count),
        }
        if layout == "voices":
            lines = np.concatenate([voices_of(t, wide)[:, _order(wide)] for t in tunes])
            lines = lines[lines[:, 0] != SILENT]
            lows, highs = lines.min(axis=0) - MARGIN, lines.max(axis=0) + MARGIN
            return cls(values.name, layout, _ints(lows.clip(0)), _ints(highs.clip(max=127)), **usual)
        rows = np.concatenate([_fields(t) for t in tunes])
        low, high = int(rows[:, 1].min()) - MARGIN, int(rows[:, 1].max()) + MARGIN
        loud = np.unique(rows[:, 3])
        if len(loud) > LOUDNESSES:
            loud = np.unique(np.quantile(rows[:, 3], (np.arange(LOUDNESSES) + 0.5) / LOUDNESSES).round())
        times = [_often(rows[:, k], MOST_TIMES) for k in (0, 2)]
        said = _ints(loud) if len(loud) > 1 else ()
        return cls(values.name, layout, (max(0, low),), (min(127, high),), times[0], times[1], said, **usual)

    @property
    def unit(self) -> str:
        """What `Numbers.y` counts: whole steps or notes, each parted among its codes."""
        return "frame" if self.layout == "voices" else "note"

    @property
    def period(self) -> int:
        """Codes of one step or one note."""
        return len(self.lows) if self.layout == "voices" else 3 + bool(self.loudnesses)

    @cached_property
    def _sizes(self) -> list[int]:
        """How many codes each place has. A voice has one more, for silence."""
        if self.layout == "voices":
            return [high - low + 2 for low, high in zip(self.lows, self.highs, strict=True)]
        sizes = [len(self.waits), self.highs[0] - self.lows[0] + 1, len(self.lengths), len(self.loudnesses)]
        return sizes[: self.period]

    @cached_property
    def _firsts(self) -> Array:
        """The first code of each place."""
        return 1 + np.cumsum([0, *self._sizes[:-1]])

    @property
    def levels(self) -> int:
        """Codes in all, the 0 included."""
        return 1 + sum(self._sizes)

    @property
    def size(self) -> tuple[int, ...]:
        """The shape of one code."""
        return ()

    def numbers(self, values: pl.Series, y: Array | None = None) -> Numbers:
        """x int32 (n,): all tunes, one after another; y float64 (n,): the share of a step or note that a code says.

        A 0 says nothing of any note: its share is 0. Cells that are null are passed over.
        """
        parts = [self.encode(unpack(cell)) for cell in values.drop_nulls().to_list()]
        x = np.concatenate([np.r_[0, part] for part in parts] or [np.zeros(0)]).astype(np.int32)
        units = np.where(x > 0, 1.0 / self.period, 0.0)
        return Numbers(Form.STREAM, x, units, levels=self.levels, renames=self.renames)

    def encode(self, tune: Tune) -> Array:
        """int64 (n,): the codes of one tune, without the 0. What has no code is given the nearest."""
        if self.layout == "voices":
            tune = tune if tune.frames and tune.grid == self.grid else _stepped(tune, self.grid)
            lines = voices_of(tune, self.period)[:, _order(self.period)]
            lows, highs = np.array(self.lows), np.array(self.highs)
            codes = np.where(lines == SILENT, 0, 1 + _folded(lines, lows, highs) - lows)
        else:
            rows = _fields(tune)
            low, high = self.lows[0], self.highs[0]
            codes = np.stack(
                [
                    _nearest(rows[:, 0], self.waits),
                    _folded(rows[:, 1], low, high) - low,
                    _nearest(rows[:, 2], self.lengths),
                    *([_nearest(rows[:, 3], self.loudnesses)] if self.loudnesses else []),
                ],
                axis=1,
            )
        return (codes + self._firsts).ravel()

    def decode(self, codes: Array, joined: bool = True) -> Tune:
        """The tune of a run of codes, up to a 0 where one comes; a step or note that is not whole is left out.

        joined: voices that stay on a pitch hold it, and voices that meet are two notes. Raises InputError where the
        codes are not one step or note after another.
        """
        codes = np.asarray(codes, np.int64)
        ends = np.flatnonzero(codes == 0)
        codes = codes[: ends[0]] if len(ends) else codes
        rows = codes[: len(codes) // self.period * self.period].reshape(-1, self.period) - self._firsts
        if len(rows) == 0 or (rows < 0).any() or (rows >= np.array(self._sizes)).any():
            raise InputError("These codes are no tune: they do not say one step or note after another.")
        if self.layout == "voices":
            lines = np.where(rows == 0, SILENT, rows - 1 + np.array(self.lows))
            back = np.argsort(_order(self.period))
            return tune_from(lines[:, back], self.grid, self.tempo, self.meter, joined)
        waits, lengths = np.array(self.waits)[rows[:, 0]], np.array(self.lengths)[rows[:, 2]]
        loud = np.array(self.loudnesses)[rows[:, 3]] if self.loudnesses else np.full(len(rows), LOUDNESS)
        notes = np.stack([np.cumsum(waits), rows[:, 1] + self.lows[0], lengths, loud, np.zeros(len(rows))], axis=1)
        return tune_of(notes.astype(np.int64), grid=self.grid, tempo=self.tempo, meter=self.meter)

    def said(self, codes: Array) -> list[str]:
        """What each code of a tune says: a pitch ("A4"; "–": a voice is silent), or a wait, a length, a loudness."""
        told = []
        for k, code in enumerate(np.asarray(codes).tolist()):
            place = k % self.period
            value = code - int(self._firsts[place])
            if self.layout == "voices":
                told.append(named(value - 1 + self.lows[place]) if value else "–")
            elif place == 1:
                told.append(named(value + self.lows[0]))
            else:
                word, values = {0: ("wait", self.waits), 2: ("length", self.lengths)}.get(
                    place, ("loud", self.loudnesses)
                )
                told.append(f"{word} {values[value]}")
        return told

    @property
    def bar(self) -> int:
        """Ticks of a bar of the tunes that are made."""
        return max(1, self.grid * 4 * self.meter[0] // self.meter[1])

    @property
    def passes_at_first(self) -> int:
        """Ticks that `passes` counts before the first step: it begins at 0."""
        return int(self.layout == "voices")

    def passes(self, code: int) -> int:
        """Ticks from the step or note before to the one whose first code this is."""
        return 1 if self.layout == "voices" else self.waits[code - int(self._firsts[0])]

    @cached_property
    def allowed(self) -> tuple[tuple[int, int], ...]:
        """For each place in a step or note, the first code that may stand there and the one after the last."""
        return tuple((int(a), int(a) + size) for a, size in zip(self._firsts, self._sizes, strict=True))

    @cached_property
    def renames(self) -> Array:
        """int32 (keys, levels): which code stands for each in every key, -1 where none does; the first is their own."""
        own = np.arange(self.levels, dtype=np.int32)
        out = np.tile(own, (len(KEYS), 1))
        silence = self.layout == "voices"
        for place, (first, end) in enumerate(self.allowed):
            if self.layout == "notes" and place != 1:
                continue
            for row, by in enumerate(KEYS):
                moved = own[first + silence : end] + by
                good = (moved >= first + silence) & (moved < end)
                out[row, first + silence : end] = np.where(good, moved, -1)
        return out

    def state(self) -> State:
        """What was learned, to be saved."""
        return State({f: getattr(self, f) for f in self.__dataclass_fields__})

    @classmethod
    def load(cls, state: State) -> Self:
        """The same encoder again. Raises ModelError where the state is not of one."""
        try:
            told: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in state.values.items()}
            encoder = cls(**told)
            if encoder.layout not in ("voices", "notes") or min(encoder._sizes) < 1 or len(encoder.meter) != 2:
                raise ValueError("its codes make no sense")
        except (TypeError, ValueError, IndexError) as e:
            raise ModelError(f"The codes of a column of tunes cannot be read: {e}") from e
        return encoder


def named(pitch: int) -> str:
    """A pitch as musicians call it.

    >>> named(60), named(70)
    ('C4', 'A♯4')
    """
    return f"{NAMES[pitch % 12]}{pitch // 12 - 1}"


def _order(voices: int) -> list[int]:
    """The highest, the lowest, then the others from above."""
    return [0, voices - 1, *range(1, voices - 1)][:voices]


def _stepped(tune: Tune, grid: int) -> Tune:
    """What sounds at the beginning of each step of a tune whose notes are of any length."""
    first = -(-tune.notes[:, START] * grid // tune.grid)
    last = np.maximum(-(-(tune.notes[:, START] + tune.notes[:, LENGTH]) * grid // tune.grid), first + 1)
    sounding = {(s, int(p)) for p, a, b in zip(tune.notes[:, PITCH], first, last, strict=True) for s in range(a, b)}
    rows = [(step, pitch, 1, LOUDNESS, 0) for step, pitch in sounding]
    return tune_of(rows, grid=grid, tempo=tune.tempo, meter=tune.meter, frames=True)


def _fields(tune: Tune) -> Array:
    """int64 (notes, 4): ticks since the note before, pitch, length and velocity."""
    rows = tune.notes.astype(np.int64)
    start, length = rows[:, START] * GRID // tune.grid, rows[:, LENGTH] * GRID // tune.grid
    return np.stack([np.diff(start, prepend=0), rows[:, PITCH], length, rows[:, VELOCITY]], axis=1)


def _folded(pitches: Array, low: Any, high: Any) -> Array:
    """Pitches out of range, by octaves brought into it."""
    up = np.maximum(0, -(-(low - pitches) // 12))
    down = np.maximum(0, -(-(pitches - high) // 12))
    return np.clip(pitches + 12 * up - 12 * down, low, high)


def _often(values: Array, most: int) -> tuple[int, ...]:
    """The values that are met most often, rising."""
    found, counts = np.unique(values, return_counts=True)
    return _ints(np.sort(found[np.argsort(-counts, kind="stable")[:most]]))


def _nearest(values: Array, known: tuple[int, ...]) -> Array:
    """The place of the known value that is nearest to each."""
    among = np.array(known)
    at = np.searchsorted(among, values).clip(0, len(among) - 1)
    below = (at - 1).clip(0)
    return np.where(np.abs(among[below] - values) <= np.abs(among[at] - values), below, at)


def _ints(values: Any) -> tuple[int, ...]:
    return tuple(int(v) for v in values)
