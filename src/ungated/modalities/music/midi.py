"""MIDI files, read and written: what was pressed when, and let go (Standard MIDI Files 1.0, 1988).

A file is a list of chunks, a chunk a list of events, each after so many ticks. Nothing is believed of what a file says
of its own lengths. Drums (channel 10) have no pitches, and are left out; instruments, pedals and bends are not kept.
"""

import struct
from collections import defaultdict, deque
from collections.abc import Iterator

import numpy as np

from ...core.numbers import Array
from .tune import LENGTH, MOST_NOTES, PITCH, START, VELOCITY, VOICE, Faulty, Tune, rounded, tune_of

DRUMS = 9  # counted from 0
TICKS = 480  # a quarter note, in what is written
MOST_TRACKS = 256
_OPERANDS = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}


def read_midi(data: bytes) -> Tune:
    """The tune in a MIDI file. Raises Faulty where it is none, is cut short, or has no notes but drums."""
    if data[:4] == b"RIFF" and data[8:12] == b"RMID":
        data = data[max(0, data.find(b"MThd")) :]
    if data[:4] != b"MThd":
        raise Faulty("is not a MIDI file")
    if len(data) < 14:
        raise Faulty("is cut short")
    _, tracks, division = struct.unpack(">HHH", data[8:14])
    if division & 0x8000:  # frames of film a second and ticks a frame: then a quarter note is half a second
        division = (256 - (division >> 8)) * (division & 0xFF) // 2
    if division == 0:
        raise Faulty("does not say how long a quarter note is")
    song = _Song()
    for number, chunk in enumerate(_chunks(data, 8 + max(6, struct.unpack(">I", data[4:8])[0]))):
        if number >= min(max(tracks, 1), MOST_TRACKS):
            break
        song.play(number, chunk)
    if not song.notes:
        raise Faulty("has drums alone" if song.drums else "has no notes")
    rows = np.array(song.notes, np.int64)
    rows[:, LENGTH] = rounded(rows[:, START] + rows[:, LENGTH], division) - rounded(rows[:, START], division)
    rows[:, START] = rounded(rows[:, START], division)
    rows[:, VOICE] = np.unique(rows[:, VOICE], return_inverse=True)[1]
    return tune_of(rows, tempo=song.tempo, meter=song.meter)


class _Song:
    """What the tracks gathered."""

    def __init__(self) -> None:
        self.notes: list[tuple[int, int, int, int, int]] = []
        self.tempo, self.meter, self.drums, self.struck = 120.0, (4, 4), 0, 0
        self._told: set[int] = set()

    def play(self, track: int, chunk: bytes) -> None:
        """Every note of one track: it sounds from its being struck to its being let go, or struck again."""
        held: dict[int, deque[tuple[int, int]]] = defaultdict(deque)
        now = 0
        for now, status, a, b, text in _events(chunk):
            if status == 0xFF:
                self._meta(a, text)
                continue
            kind, channel = status & 0xF0, status & 0x0F
            if kind not in (0x80, 0x90):
                continue
            if channel == DRUMS:
                self.drums += 1
                continue
            key = channel << 7 | a
            if kind == 0x90 and b:
                held[key].append((now, b))
                self.struck += 1
                if self.struck > MOST_NOTES:
                    raise Faulty(f"has more than {MOST_NOTES:,} notes")
            elif held[key]:
                began, loud = held[key].popleft()
                self.notes.append((began, a, now - began, loud, track << 4 | channel))
        for key, waiting in held.items():
            self.notes += [(t, key & 127, now - t, loud, track << 4 | key >> 7) for t, loud in waiting]

    def _meta(self, kind: int, text: bytes) -> None:
        """The first tempo and the first metre are the tune's."""
        if kind in self._told:
            return
        if kind == 0x51 and len(text) == 3 and any(text):
            self.tempo = 60e6 / int.from_bytes(text, "big")
            self._told.add(kind)
        elif kind == 0x58 and len(text) >= 2 and text[1] <= 5:
            self.meter = (text[0], 1 << text[1])
            self._told.add(kind)


def _chunks(data: bytes, at: int) -> Iterator[bytes]:
    """The tracks' bytes; the last may end early."""
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "big")
        if name == b"MTrk":
            yield data[at + 8 : at + 8 + size]
        at += 8 + size


def _events(chunk: bytes) -> Iterator[tuple[int, int, int, int, bytes]]:
    """(ticks from the beginning, status, first operand, second, text of a meta event). Raises Faulty."""
    at, now, status = 0, 0, 0
    while at < len(chunk):
        wait, at = _varying(chunk, at)
        now += wait
        if at >= len(chunk):
            return
        if chunk[at] & 0x80:
            status, at = chunk[at], at + 1
        if status == 0xFF:
            kind = chunk[at] if at < len(chunk) else 0x2F
            size, at = _varying(chunk, at + 1)
            if kind == 0x2F:
                return
            yield now, status, kind, 0, chunk[at : at + size]
            at += size
        elif status in (0xF0, 0xF7):
            size, at = _varying(chunk, at)
            at += size
        elif status & 0xF0 in _OPERANDS:
            count = _OPERANDS[status & 0xF0]
            if at + count > len(chunk):
                return
            yield now, status, chunk[at] & 127, chunk[at + 1] & 127 if count == 2 else 0, b""
            at += count
        else:
            raise Faulty("is damaged: it holds an event that MIDI files have not")


def _varying(chunk: bytes, at: int) -> tuple[int, int]:
    """A number of one to four bytes, and where it ends."""
    value = 0
    for _ in range(4):
        if at >= len(chunk):
            return value, at
        value, at = value << 7 | chunk[at] & 127, at + 1
        if not chunk[at - 1] & 0x80:
            return value, at
    raise Faulty("is damaged: it holds a number that never ends")


def write_midi(tune: Tune, program: int = 0) -> bytes:
    """The tune as a MIDI file, a track a voice. program: the instrument, from 0 (0: piano, 19: church organ)."""
    beats, unit = tune.meter
    head = [
        (0, b"\xff\x51\x03" + round(60e6 / tune.tempo).to_bytes(3, "big")),
        (0, b"\xff\x58\x04" + bytes([beats, unit.bit_length() - 1, 24, 8])),
    ]
    voices = np.unique(tune.notes[:, VOICE])
    tracks = [_track(head)]
    for place, voice in enumerate(voices):
        channel = place % 15 + (place % 15 >= DRUMS)
        tracks.append(_track(_pressed(tune.notes[tune.notes[:, VOICE] == voice], tune.grid, channel, program)))
    return struct.pack(">4sIHHH", b"MThd", 6, 1, len(tracks), TICKS) + b"".join(tracks)


def _pressed(notes: Array, grid: int, channel: int, program: int) -> list[tuple[int, bytes]]:
    """What a voice's notes are as events; where a note ends as another begins, it ends first."""
    events: list[tuple[int, int, bytes]] = [(0, 0, bytes([0xC0 | channel, program]))]
    for row in notes.tolist():
        first, last = row[START] * TICKS // grid, (row[START] + row[LENGTH]) * TICKS // grid
        events.append((first, 2, bytes([0x90 | channel, row[PITCH], row[VELOCITY]])))
        events.append((last, 1, bytes([0x80 | channel, row[PITCH], 0])))
    return [(at, event) for at, _, event in sorted(events)]


def _track(events: list[tuple[int, bytes]]) -> bytes:
    out, now = bytearray(), 0
    for at, event in [*events, (events[-1][0], b"\xff\x2f\x00")]:
        out += _written(at - now) + event
        now = at
    return b"MTrk" + struct.pack(">I", len(out)) + bytes(out)


def _written(value: int) -> bytes:
    """A number as MIDI writes it: seven bits a byte, the last without the eighth."""
    parts = [value & 127]
    while value := value >> 7:
        parts.append(value & 127 | 128)
    return bytes(reversed(parts))
