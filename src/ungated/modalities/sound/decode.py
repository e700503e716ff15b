"""Sound files as clips: any rate, any channels, any depth, made one channel of int16 at one rate, in parallel.

libsndfile reads WAV, FLAC, OGG, MP3 and a few more; soxr resamples. A header is never believed: a file is read block by
block, so that one that promises gigabytes costs no more memory than what is in it, and one that holds less than it
promises is broken. Of a clip longer than the table has room for, the stretch with the most energy is kept: what a
recording is about is seldom its silence, and the loudest stretch of the same clip is always the same.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from ...core.numbers import Array
from ..broken import Broken
from .clip import FULL, pack

LEAST_RATE, MOST_RATE = 1000, 1_000_000  # samples a second; outside them the header is nonsense
MOST_CHANNELS = 64
BLOCK = 2**20  # samples decoded at a time, all channels together
HOP = 0.02  # seconds: the step in which the loudest stretch is sought
SLACK = 0.02  # an MP3 without an index only estimates its length

_OTHERS = {  # first bytes of what is often found among sounds
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"PK\x03\x04": "a ZIP archive",
    b"%PDF": "a PDF",
}


class NotSound(Exception):
    """Why a file is no sound; the words follow its name, as in "cat.wav is empty"."""


def decode(
    files: Sequence[Path | bytes | None], how: dict[str, Any], *, names: Sequence[str] | None = None
) -> tuple[list[bytes | None], list[Broken]]:
    """Each file (a path, or its bytes) as a cell, None where it is missing or broken; and the broken ones with reasons.

    how: of `survey`: "rate" in samples a second, "seconds" at most. names: what to call each file in a `Broken`.
    Clips with samples beyond full scale are turned down as a whole; nothing else is done to loudness.
    """
    rate, seconds = int(how["rate"]), float(how["seconds"])

    def one(file: Path | bytes | None) -> bytes | str | None:
        try:
            return None if file is None else pack(_canonical(file, rate, seconds), rate)
        except NotSound as e:
            return str(e)

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        read = list(pool.map(one, files))
    broken = [Broken(names[i] if names else _name(files[i], i), why) for i, why in enumerate(read) if type(why) is str]
    return [cell if isinstance(cell, bytes) else None for cell in read], broken


def header(file: Path | bytes) -> tuple[int, float]:
    """Rate in samples a second and length in seconds, as the header says. Raises NotSound."""
    with _opened(file) as sound:
        return sound.samplerate, sound.frames / sound.samplerate


def _name(file: Path | bytes | None, at: int) -> str:
    return str(file) if isinstance(file, Path) else f"clip {at + 1}"


def _canonical(file: Path | bytes, rate: int, seconds: float) -> Array:
    """int16 (samples,) at `rate`, at most `seconds` of them."""
    with _opened(file) as sound:
        native, most = sound.samplerate, max(1, round(seconds * sound.samplerate))
        try:
            start, frames = _stretch(sound, most)
            wave = _mono(sound, start, min(most, frames))
        except (soundfile.SoundFileError, RuntimeError) as e:
            raise NotSound("is cut short or damaged") from e
    if not np.isfinite(wave).all():
        raise NotSound("holds samples that are not numbers")
    if native != rate:
        wave = soxr.resample(wave, native, rate, quality="HQ")
    wave = wave[: max(1, round(seconds * rate))]
    if not len(wave):
        raise NotSound("is too short to hear")
    peak = float(np.abs(wave).max())
    level = FULL - 1 if peak <= 1 else (FULL - 1) / peak
    return np.round(wave * np.float32(level)).astype(np.int16)


class _Bytes(BytesIO):
    """Bytes in which a damaged header may send libsndfile to no place: it calls from C, where nothing may be raised."""

    def seek(self, offset: int, whence: int = 0) -> int:
        try:
            return super().seek(offset, whence)
        except ValueError:
            return -1


def _opened(file: Path | bytes) -> soundfile.SoundFile:
    """The file, open at its first sample, with a header that can be true. Raises NotSound."""
    head, size = _head(file)
    if not size:
        raise NotSound("is empty")
    _check_size(head, size)
    try:
        sound = soundfile.SoundFile(_Bytes(file) if isinstance(file, bytes) else file)
    except (soundfile.SoundFileError, RuntimeError, TypeError, ValueError, OSError) as e:
        raise NotSound(_what(head)) from e
    if not (LEAST_RATE <= sound.samplerate <= MOST_RATE and sound.channels <= MOST_CHANNELS):
        claim = f"{sound.samplerate:,} samples a second in {sound.channels} channels"
        sound.close()
        raise NotSound(f"has a damaged header ({claim})")
    return sound


def _head(file: Path | bytes) -> tuple[bytes, int]:
    """The first bytes and the size in bytes."""
    if isinstance(file, bytes):
        return file[:4096], len(file)
    try:
        if not file.is_file():
            raise NotSound("is not a file" if file.exists() else "does not exist")
        with file.open("rb") as f:
            return f.read(4096), os.fstat(f.fileno()).st_size
    except OSError as e:
        raise NotSound(f"cannot be opened ({e.strerror or e})") from e


def _check_size(head: bytes, size: int) -> None:
    """Refuse a WAV or AIFF whose header promises more samples than the file has bytes for; the library would not say.

    Only chunks that begin in `head` are looked at, which is where the samples of nearly every such file begin.
    """
    if head[:4] not in (b"RIFF", b"FORM"):
        return
    order, at = "little" if head[:4] == b"RIFF" else "big", 12
    while at + 8 <= len(head):
        long = int.from_bytes(head[at + 4 : at + 8], order)  # type: ignore[arg-type]
        if head[at : at + 4] in (b"data", b"SSND"):
            if long > size - at - 8:
                raise NotSound(f"is cut short: {size - at - 8:,} of the {long:,} bytes that its header promises")
            return
        at += 8 + long + long % 2


def _what(head: bytes) -> str:
    """The reason why libsndfile knows no such file, from its first bytes."""
    for magic, name in _OTHERS.items():
        if head.startswith(magic):
            return f"is {name}, not a sound"
    if head[:4] in (b"RIFF", b"FORM", b"fLaC", b"OggS") or head[:3] == b"ID3":
        return "is cut short or damaged"
    try:
        text = head[:1000].decode("utf-8", errors="strict" if len(head) < 1000 else "ignore")
    except UnicodeDecodeError:
        text = "\0"
    return (
        "is text, not a sound" if all(c.isprintable() or c in "\r\n\t\f\ufeff" for c in text) else "is not a sound file"
    )


def _stretch(sound: soundfile.SoundFile, most: int) -> tuple[int, int]:
    """Where the loudest `most` samples start, and how many samples there are. Raises NotSound.

    The file is decoded once for this where it is longer than that or where only so it is known how long it is.
    """
    promised, hop = sound.frames, max(1, round(HOP * sound.samplerate))
    energies, frames = [np.zeros(0)], 0
    step = max(hop, BLOCK // sound.channels // hop * hop)
    while frames <= promised and len(block := sound.read(step, dtype="float32", always_2d=True)):
        frames += len(block)
        energy = np.square(block).sum(axis=1, dtype=np.float64)
        energies.append(np.add.reduceat(energy, np.arange(0, len(energy), hop)))
    if not frames:
        raise NotSound("holds no samples")
    estimated = sound.format in ("MP3", "MPEG")
    if frames < promised * (1 - SLACK * estimated) - 4608 * estimated:
        raise NotSound(f"is cut short: {frames:,} of the {promised:,} samples that its header promises")
    if frames <= most:
        return 0, frames
    total = np.concatenate([[0.0], np.concatenate(energies).cumsum()])
    window = max(1, most // hop)
    start = int(np.argmax(total[window:] - total[:-window])) * hop
    return min(start, frames - most), frames


def _mono(sound: soundfile.SoundFile, start: int, frames: int) -> Array:
    """`frames` samples from `start` on, float32 (n,), the channels averaged."""
    sound.seek(start)
    return np.asarray(sound.read(frames, dtype="float32", always_2d=True).mean(axis=1, dtype=np.float32))
