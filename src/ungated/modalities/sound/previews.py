"""A clip for a page: a small player and a small picture, each a data URI that needs no other file."""

import io

import numpy as np
import soundfile
import soxr

from ...core.numbers import Array
from ...core.shown import data_uri
from .clip import FULL, unpack
from .spectrum import Spectrum

SECONDS, RATE = 4.0, 8000  # of the player: 64 kB at most
HEIGHT, WIDEST = 64, 256  # pixels of the picture
RANGE = 70.0  # decibels from the quietest to the loudest shade
_STOPS = ((0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164))  # from black over purple to yellow


def preview(cell: bytes) -> tuple[str, str]:
    """The clip as a WAV (its first seconds, at most 8,000 samples a second) and its log-mel spectrogram as a PNG."""
    samples, rate = unpack(cell)
    wave = samples[: int(SECONDS * rate)].astype(np.float32) / np.float32(FULL)
    if rate > RATE:
        wave, rate = soxr.resample(wave, rate, RATE), RATE
    return data_uri("audio/wav", wav(wave, rate)), data_uri("image/png", picture(cell))


def wav(wave: Array, rate: int) -> bytes:
    """float32 (samples,) between -1 and 1 as a WAV file of one channel of 16 bits."""
    file = io.BytesIO()
    soundfile.write(file, wave, rate, format="WAV", subtype="PCM_16")
    return file.getvalue()


def picture(cell: bytes) -> bytes:
    """The log-mel spectrogram of the whole clip as a PNG, high pitches on top."""
    from PIL import Image

    samples, rate = unpack(cell)
    hop = max(1, round(max(0.008 * rate, len(samples) / WIDEST)))
    spectrum = Spectrum(rate, HEIGHT, hop, max(round(0.032 * rate), min(2 * hop, rate)))
    heard = spectrum.decibels(samples.astype(np.float32) / np.float32(FULL))
    shades = np.clip(1 + (heard - heard.max()) / RANGE, 0, 1).T[::-1]
    file = io.BytesIO()
    Image.fromarray(_coloured(shades)).save(file, "PNG", optimize=True)
    return file.getvalue()


def _coloured(shades: Array) -> Array:
    """Shades from 0 to 1, (h, w), as uint8 colours (h, w, 3)."""
    at = np.linspace(0, 1, len(_STOPS))
    return np.stack([np.interp(shades, at, channel) for channel in zip(*_STOPS, strict=True)], axis=-1).astype(np.uint8)
