"""A tune as a piano roll: time to the right, pitch upwards, a bar for each note, a colour for each voice."""

import struct
import zlib

import numpy as np

from ...core.numbers import Array
from .tune import LENGTH, PITCH, START, VELOCITY, VOICE, Tune

COLOURS = np.array(
    [(38, 99, 184), (204, 85, 41), (42, 138, 88), (140, 72, 163), (188, 143, 25), (30, 150, 170), (170, 60, 90)],
    np.float64,
)
PAPER, BLACK_KEYS, LINE = (252, 252, 250), (241, 241, 238), (214, 214, 210)
WIDEST = 4000  # pixels


def roll(tune: Tune, width: int = 900, row: int = 4, seconds: float = 0.0) -> Array:
    """uint8 (height, width, 3): the tune drawn, `row` pixels a semitone; of its first `seconds` where that is not 0."""
    end = tune.length if not seconds else min(tune.length, int(seconds * tune.tempo / 60 * tune.grid) + 1)
    notes = tune.notes[tune.notes[:, START] < end]
    low, high = int(notes[:, PITCH].min()) - 2, int(notes[:, PITCH].max()) + 2
    width = max(64, min(width, WIDEST))
    height = (high - low + 1) * row
    page = np.empty((height, width, 3), np.uint8)
    page[:] = PAPER
    for pitch in range(low, high + 1):
        if pitch % 12 in (1, 3, 6, 8, 10):
            page[(high - pitch) * row : (high - pitch + 1) * row] = BLACK_KEYS
    scale = width / max(1, end)
    every = tune.bar * max(1, -(-end // tune.bar) // 32)
    page[:, (np.arange(0, end, every) * scale).astype(int)] = LINE
    for start, pitch, length, velocity, voice in notes[:, (START, PITCH, LENGTH, VELOCITY, VOICE)].tolist():
        left, right = int(start * scale), int(min(start + length, end) * scale)
        colour = COLOURS[voice % len(COLOURS)] * (0.55 + 0.45 * velocity / 127) + 255 * (0.45 - 0.45 * velocity / 127)
        top = (high - pitch) * row
        page[top : top + max(1, row - 1), left : max(left + 1, right - 1)] = colour.clip(0, 255)
    return page


def write_png(pixels: Array) -> bytes:
    """uint8 (height, width, 3) as a PNG file."""
    height, width, _ = pixels.shape
    lines = np.zeros((height, 1 + 3 * width), np.uint8)  # each line begins with 0: as it is, unfiltered
    lines[:, 1:] = pixels.reshape(height, -1)
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(lines.tobytes(), 9)),
        (b"IEND", b""),
    ]
    chunks = [struct.pack(">I", len(b)) + name + b + struct.pack(">I", zlib.crc32(name + b)) for name, b in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
