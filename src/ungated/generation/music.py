"""Composing: a model that has learned from tunes makes new ones, a code at a time, and they are written to files.

Codes are drawn from the mixture that was judged on sealed tunes (see `text`). What could not stand at its place,
a pitch where a length is due, is never drawn; nor does a tune end before its last bar.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..core.errors import InputError, UsageError
from ..core.numbers import Array
from ..engines.sampling import drawn
from ..modalities.music import (
    RATE,
    StreamEncoder,
    Tune,
    recognise,
    roll,
    unpack,
    wave_of,
    write_midi,
    write_png,
    write_wav,
)
from ..model import Model
from . import files
from .text import Chorus

PROGRAMS = {"piano": 0, "organ": 19}  # instruments of General MIDI, counted from 0
MOST_BARS = 1000
MOST_NOTES = 64  # of a bar: more is a tremolo that never ends
WRITERS = (".mid", ".midi", ".wav", ".png")


def composes(model: Model) -> bool:
    """Whether the model makes tunes."""
    return model.task.id == "generate" and getattr(model.task, "kind", "") == "tune"


def encoder_of(model: Model) -> StreamEncoder:
    """How the model reads and writes tunes. Raises UsageError for one that makes something else."""
    if not composes(model) or not model.members:
        raise UsageError("This model does not make tunes. Train one on MIDI, ABC or MusicXML with --task generate.")
    encoder = model.encoders[model.members[0].fits[0][0]].encoder  # type: ignore[attr-defined]
    assert isinstance(encoder, StreamEncoder)
    return encoder


def compose(
    model: Model,
    bars: int = 16,
    *,
    temperature: float = 0.9,
    top_p: float = 0.95,
    seed: int | None = None,
    opening: Tune | None = None,
) -> Tune:
    """A new tune of that many bars.

    opening: a tune with which it begins; the bars are those that come after. temperature: 0 takes the likeliest each
    time. top_p: the share of the chances that is drawn from. seed: the same gives the same.

    Raises UsageError for a model that makes no tunes, and for settings out of their range.
    """
    if not 1 <= bars <= MOST_BARS:
        raise UsageError(f"A tune has 1 to {MOST_BARS:,} bars, not {bars:,}.")
    if temperature < 0 or not 0 < top_p <= 1:
        raise UsageError("The temperature must be at least 0, top-p above 0 and at most 1.")
    encoder, chorus = encoder_of(model), Chorus.of(model)
    codes = _begun(encoder, opening)
    for code in codes:
        chorus.take(code)
    rng = np.random.default_rng(seed)
    now = sum(map(encoder.passes, codes[:: encoder.period])) - encoder.passes_at_first
    last = (-(-now // encoder.bar) if codes else 0) * encoder.bar + bars * encoder.bar
    most = len(codes) + bars * max(MOST_NOTES, encoder.bar) * encoder.period
    while len(codes) < most:
        place = len(codes) % encoder.period
        first, end = encoder.allowed[place]
        code = first + drawn(_certain(chorus.next()[first:end]), temperature, top_p, rng)
        if place == 0:
            now += encoder.passes(code)
            if now >= last:
                break
        codes.append(code)
        chorus.take(code)
    if len(codes) < encoder.period:
        raise UsageError("The model waits longer than that many bars before its first note. Ask for more bars.")
    return encoder.decode(np.array(codes))


def opening(path: Path) -> Tune:
    """The first tune in a file, to go on from. Raises InputError where there is none."""
    found = recognise(path) if path.is_file() else None
    cells: list[bytes] = found.frame["tune"].drop_nulls().to_list() if found is not None else []
    if not cells:
        raise InputError(
            f"{path}: there is no tune to go on from. Give a file of MIDI, ABC, MusicXML or JSON of notes."
        )
    return unpack(cells[0])


def write_tune(tune: Tune, path: Path, sound: str = "") -> None:
    """The tune as a file: MIDI, WAV or a picture of its piano roll, by the end of the name.

    sound: "piano" or "organ"; where "", what suits the tune. Raises UsageError for another kind of file.
    """
    try:
        path.write_bytes(_written(tune, path, sound))
    except OSError as e:
        raise UsageError(f"{path} cannot be written: {e.strerror or e}.") from e


def check_writable(paths: Sequence[Path]) -> None:
    """Raise UsageError where one of these could not be written as a tune, before any is composed."""
    files.check_writable(paths, WRITERS, f"a tune is written as {', '.join(WRITERS)}")


def _written(tune: Tune, path: Path, sound: str) -> bytes:
    suffix = path.suffix.lower()
    if suffix in (".mid", ".midi"):
        return write_midi(tune, PROGRAMS.get(sound or tune.sound, 0))
    if suffix == ".wav":
        return write_wav(wave_of(tune, RATE, sound), RATE)
    if suffix == ".png":
        return write_png(roll(tune, width=1200, row=6))
    raise UsageError(f"{path}: a tune is written as {', '.join(WRITERS)}, by the end of the name.")


def _begun(encoder: StreamEncoder, opening: Tune | None) -> list[int]:
    return [] if opening is None else [int(c) for c in encoder.encode(opening)]


def _certain(chances: Array) -> Array:
    """The chances of the codes that may stand here, (k,), to add up to 1; all alike where none has any."""
    total = float(chances.sum())
    return chances / total if total > 0 else np.full(len(chances), 1.0 / len(chances))
