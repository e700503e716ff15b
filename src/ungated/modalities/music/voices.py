"""Chords a step as voices: which of its notes each voice sings, told from the notes alone.

A step's notes are a set: where two voices sing the same one it stands there once. So the voice that sings beside
another is found, by the least motion from the step before. Read back, the voices give the same set again.
"""

import itertools
from functools import cache

import numpy as np

from ...core.numbers import Array
from .tune import LOUDNESS, PITCH, START, Tune, tune_of

SILENT = -1


def voices_of(tune: Tune, count: int) -> Array:
    """int64 (steps, count): the pitch of each voice, the highest first; SILENT in all of them where nothing sounds.

    Of a step with more notes than voices, those inside are left out.
    """
    steps: list[list[int]] = [[] for _ in range(tune.length)]
    for start, pitch in tune.notes[:, (START, PITCH)].tolist():
        steps[start].append(pitch)  # the highest first, as a tune is sorted
    out = np.full((tune.length, count), SILENT, np.int64)
    before: Array | None = None
    for step, chord in enumerate(steps):
        if not chord:
            continue
        if len(chord) >= count:
            out[step] = [*chord[: count - 1], chord[-1]]
        else:
            ways = np.array(chord)[_ways(len(chord), count)]
            near = before if before is not None else np.linspace(chord[0], chord[-1], count)
            out[step] = ways[np.abs(ways - near).sum(axis=1).argmin()]
        before = out[step]
    return out


@cache
def _ways(notes: int, voices: int) -> Array:
    """Every way to give `notes` in falling order to more voices: which note each voice sings."""
    cuts = itertools.combinations(range(1, voices), notes - 1)
    return np.array([np.searchsorted(cut, np.arange(voices), side="right") for cut in cuts])


def tune_from(voices: Array, grid: int, tempo: float, meter: tuple[int, int], joined: bool) -> Tune:
    """The tune that voices (steps, count) make; the inverse of `voices_of`.

    joined: a voice that stays on its pitch holds it until the bar ends, and voices that meet are two notes, as is
    pleasant to hear. Otherwise each step has each of its pitches once, as the piano roll that the voices came from.
    """
    if not joined:
        rows = [
            (step, pitch, 1, LOUDNESS, voice)
            for step, chord in enumerate(voices.tolist())
            for voice, pitch in enumerate(dict.fromkeys(p for p in chord if p != SILENT))
        ]
        return tune_of(rows, grid=grid, tempo=tempo, meter=meter, length=len(voices), frames=True)
    bar = max(1, grid * 4 * meter[0] // meter[1])
    rows = []
    for voice, line in enumerate(voices.T.tolist()):
        start = 0
        for step in range(1, len(line) + 1):
            if step == len(line) or line[step] != line[start] or step % bar == 0:
                if line[start] != SILENT:
                    rows.append((start, line[start], step - start, LOUDNESS, voice))
                start = step
    return tune_of(rows, grid=grid, tempo=tempo, meter=meter, length=len(voices))
