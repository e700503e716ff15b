"""What can be said of one sound in a row of numbers: its colour, its pitch, its loudness, and how they change.

Cepstral coefficients (MFCC) say the shape of the spectrum in a few numbers that hardly overlap: the cosine transform of
the log-mel bands. The pitch is where a sound is most like itself a little later (autocorrelation).
Papers: Davis & Mermelstein, "Comparison of Parametric Representations for Monosyllabic Word Recognition", 1980;
Boersma, "Accurate Short-Term Analysis of the Fundamental Frequency", 1993 (the correction for the window's own shape).
"""

import numpy as np

from ...core.numbers import Array
from .spectrum import QUIET, Spectrum

BANDS = 24
CEPSTRA = 12
HOP, WINDOW = 0.012, 0.048  # seconds; three periods of the lowest voice
LOWEST_PITCH, HIGHEST_PITCH = 65.0, 500.0  # hertz
VOICED = 0.5  # likeness to itself above which there is a pitch
HEARD = 40.0  # decibels below the loudest frame at which a frame still counts
PARTS = ("first third", "middle third", "last third")


def spectrum_of(rate: int) -> Spectrum:
    return Spectrum(rate, BANDS, max(1, round(HOP * rate)), max(4, round(WINDOW * rate)))


def names(rate: int) -> list[str]:
    """What each number of `describe` is, readable."""
    bands = [f"{f:.0f} Hz" for f in spectrum_of(rate).centres]
    cepstra = [f"MFCC {i + 1}" for i in range(CEPSTRA)]
    return [
        "seconds",
        "seconds heard",
        *(f"loudness, {how}" for how in ("loudest dB", "mean dB", "spread dB", "change dB")),
        *(f"pitch, {how}" for how in ("median Hz", "spread Hz", "rise Hz", "share with pitch")),
        *(f"zero crossings, {how}" for how in ("mean per s", "spread per s")),
        *(f"brightness, {how}" for how in ("mean Hz", "spread Hz")),
        *(f"{b}, {how}" for how in ("mean dB", "spread dB") for b in bands),
        *(f"{c}, {how}" for how in ("mean", "spread", "change", "change of change") for c in cepstra),
        *(f"{c}, {part}" for part in PARTS for c in cepstra),
    ]


def describe(wave: Array, spectrum: Spectrum) -> Array:
    """float32 (len(names),) for a wave of float32 (samples,) from -1 to 1. Silence has numbers, too."""
    power = spectrum.power(wave)
    loudness = 10 * np.log10(np.maximum(power.mean(axis=1), QUIET))
    heard = np.flatnonzero(loudness >= loudness.max() - HEARD)
    heard = np.arange(heard[0], heard[-1] + 1)  # pauses within the sound belong to it
    shades = 10 * np.log10(np.maximum(power[heard], QUIET))
    shades = np.maximum(shades - shades.max(), -80.0)
    cepstra = shades @ _cosines(spectrum.bands)
    numbers = [
        np.array([len(wave), len(heard) * spectrum.hop], np.float32) / spectrum.rate,
        _over_time(loudness[heard], loudness.max()),
        _pitch(wave, spectrum, heard),
        _crossings(wave, spectrum, heard),
        _brightness(power[heard], spectrum),
        shades.mean(axis=0),
        shades.std(axis=0),
        cepstra.mean(axis=0),
        cepstra.std(axis=0),
        *_changes(cepstra),
        *(part.mean(axis=0) if len(part) else cepstra.mean(axis=0) for part in np.array_split(cepstra, 3)),
    ]
    return np.concatenate(numbers).astype(np.float32)


def _cosines(bands: int) -> Array:
    """float32 (bands, CEPSTRA): the cosine transform, its constant left out, which is loudness."""
    at = np.pi * (np.arange(bands)[:, None] + 0.5) * np.arange(1, CEPSTRA + 1) / bands
    return (np.cos(at) * np.sqrt(2 / bands)).astype(np.float32)


def _changes(cepstra: Array) -> tuple[Array, Array]:
    """How much the coefficients move from frame to frame, and how much that movement does: (CEPSTRA,) each."""
    if len(cepstra) < 5:
        return np.zeros(CEPSTRA), np.zeros(CEPSTRA)
    once = (cepstra[2:] - cepstra[:-2]) / 2
    return once.std(axis=0), ((once[2:] - once[:-2]) / 2).std(axis=0)


def _over_time(loudness: Array, loudest: float) -> Array:
    change = np.abs(np.diff(loudness)).mean() if len(loudness) > 1 else 0.0
    return np.array([loudest, loudness.mean(), loudness.std(), change])


def _crossings(wave: Array, spectrum: Spectrum, heard: Array) -> Array:
    """How often the wave changes sign, a second: mean and spread over the frames."""
    signs = np.concatenate([[0], np.cumsum(np.diff(wave >= 0))])
    edges = np.minimum(np.append(heard, heard[-1] + 1) * spectrum.hop, len(signs) - 1)
    rates = np.diff(signs[edges]) * spectrum.rate / spectrum.hop
    return np.array([rates.mean(), rates.std()])


def _brightness(power: Array, spectrum: Spectrum) -> Array:
    """The frequency about which a frame's power lies: mean and spread over the frames, hertz."""
    centre = (power @ spectrum.centres) / np.maximum(power.sum(axis=1), QUIET)
    return np.array([centre.mean(), centre.std()])


def _pitch(wave: Array, spectrum: Spectrum, heard: Array) -> Array:
    """Median, spread, last third less first third (hertz; 0 where there is no pitch), and share of frames with one."""
    low, high = int(spectrum.rate / HIGHEST_PITCH), int(spectrum.rate / LOWEST_PITCH)
    high = min(high, spectrum.window * 2 // 3)
    found = likeness(spectrum, spectrum.cut(wave)[heard])[:, low : high + 1]
    if found.shape[1] < 3:
        return np.zeros(4)
    best = _first_high(found)
    voiced = found[np.arange(len(found)), best] > VOICED
    pitch = spectrum.rate / (low + best[voiced])
    if not len(pitch):
        return np.zeros(4)
    third = max(1, len(pitch) // 3)
    rise = np.median(pitch[-third:]) - np.median(pitch[:third])
    return np.array([np.median(pitch), pitch.std(), rise, voiced.mean()])


def likeness(spectrum: Spectrum, frames: Array) -> Array:
    """How like each frame is to itself so many samples later, 1 at 0: float32 (frames, length / 2)."""
    from scipy.fft import irfft, rfft

    half = spectrum.length // 2
    tapered = (frames - frames.mean(axis=1, keepdims=True)) * spectrum.taper
    itself = irfft(np.square(np.abs(rfft(tapered, 2 * spectrum.length, axis=1))), axis=1)[:, :half]
    window = irfft(np.square(np.abs(rfft(spectrum.taper, 2 * spectrum.length))))[:half]
    return itself / np.maximum(itself[:, :1], QUIET) / np.maximum(window / window[0], 1e-3)


def _first_high(found: Array) -> Array:
    """The first lag at a peak nearly as high as the highest: a multiple of the period is as like, but no pitch."""
    inner = found[:, 1:-1]
    peak = (inner >= found[:, :-2]) & (inner >= found[:, 2:])
    high = peak & (inner > 0.9 * np.where(peak, inner, 0).max(axis=1, keepdims=True)) & (inner > 0)
    return np.where(high.any(axis=1), high.argmax(axis=1) + 1, found.argmax(axis=1))
