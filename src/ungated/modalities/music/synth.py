"""A tune as sound: a small synthesiser, so that what was made can be heard without any other program.

Each note is a sum of a few sines at whole multiples of its pitch (Helmholtz 1863). A pipe of an organ sounds as long as
its key is held; a string of a piano dies away, the high parts of its sound first, and faster for high notes.
"""

import io
import wave

import numpy as np

from ...core.errors import UsageError
from ...core.numbers import Array
from .tune import LENGTH, ORGAN, PIANO, PITCH, START, VELOCITY, Tune

RATE = 22_050  # samples a second
MOST_SECONDS = 1200.0
_PARTS = {ORGAN: (1.0, 0.55, 0.25, 0.22, 0.05, 0.1, 0.0, 0.06), PIANO: (1.0, 0.6, 0.35, 0.22, 0.14, 0.09, 0.06)}
_ATTACK = {ORGAN: 0.03, PIANO: 0.004}
_RELEASE = {ORGAN: 0.09, PIANO: 0.15}  # seconds that a note sounds after it is let go
_STIFF = 0.0004  # how much a string's parts lie above whole multiples of its pitch


def wave_of(tune: Tune, rate: int = RATE, sound: str = "", seconds: float = MOST_SECONDS) -> Array:
    """float32 (samples,) between -1 and 1: the tune played, of at most its first `seconds`.

    sound: "organ" or "piano"; an organ where the tune came as chords a step, whose notes are held.
    """
    sound = sound or tune.sound
    if sound not in _PARTS:
        raise UsageError(f"There is no sound {sound!r}. Choose {ORGAN} or {PIANO}.")
    tick = 60.0 / tune.tempo / tune.grid
    last = min(tune.seconds, seconds)
    out = np.zeros(int((last + 1.0) * rate) + 1, np.float32)
    for row in tune.notes.tolist():
        start = row[START] * tick
        if start >= last:
            break
        tone = _note(row[PITCH], min(row[LENGTH] * tick, last - start), rate, sound) * (row[VELOCITY] / 127.0)
        first = int(start * rate)
        out[first : first + len(tone)] += tone[: len(out) - first]
    peak = float(np.abs(out).max())
    return out * np.float32(0.89 / peak) if peak > 0 else out


def frequency(pitch: float) -> float:
    """Hertz of a MIDI pitch: 440 at 69, twice that an octave higher."""
    return 440.0 * 2.0 ** ((pitch - 69) / 12)


def _note(pitch: int, seconds: float, rate: int, sound: str) -> Array:
    """float32: one note, with what sounds on after it is let go."""
    hold, release = max(seconds - 0.02, 0.02), _RELEASE[sound]
    t = np.arange(int((hold + release) * rate)) / rate
    base = frequency(pitch)
    tone = np.zeros(len(t))
    for number, strength in enumerate(_PARTS[sound], start=1):
        hertz = base * number * (np.sqrt(1 + _STIFF * number**2) if sound == PIANO else 1.0)
        if hertz > 0.45 * rate or strength == 0:
            continue
        fade = np.exp(-t * (0.6 + 0.5 * number) * (base / 262.0) ** 0.5) if sound == PIANO else 1.0
        tone += strength * fade * np.sin(2 * np.pi * hertz * t)
    swell = np.minimum(t / _ATTACK[sound], 1.0)
    swell *= np.where(t > hold, 0.5 + 0.5 * np.cos(np.pi * np.clip((t - hold) / release, 0, 1)), 1.0)
    loud = (262.0 / base) ** 0.25  # the ear hears high notes as louder
    return (tone * swell * loud).astype(np.float32)


def write_wav(wave_form: Array, rate: int = RATE, bits: int = 16) -> bytes:
    """float (samples,) between -1 and 1 as a WAV file: one channel of 16 bits, or 8 where it must be small."""
    level = np.clip(wave_form, -1, 1)
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(bits // 8)
        out.setframerate(rate)
        samples = (level * 32767).astype("<i2") if bits == 16 else (128 + level * 127).astype(np.uint8)
        out.writeframes(samples.tobytes())
    return file.getvalue()
