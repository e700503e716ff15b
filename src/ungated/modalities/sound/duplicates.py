"""Fingerprints of clips: nearly the same recording has nearly the same 64 bits, at another level or in another format.

The heard part of the clip is cut into nine spans of time and nine bands of pitch. A bit says whether a band gains on
the next higher one from one span to the next, which neither loudness nor the colour of a microphone changes.
Paper: Haitsma & Kalker, "A Highly Robust Audio Fingerprinting System", ISMIR 2002.
"""

import numpy as np
import polars as pl

from ...core.numbers import Array
from .clip import HEADER, unpack, waves
from .spectrogram import in_parts
from .spectrum import Spectrum

SIDE = 9  # spans and bands, between which there are 8 × 8 differences
HEARD = 30.0  # decibels below the loudest frame at which the sound begins and ends
LEAST = 0.1  # seconds: a shorter sound says too little of itself


def fingerprints(values: pl.Series) -> Array:
    """uint64 (n,): 0 for a missing clip, one that is silent, or one too short to tell."""
    prints = np.zeros(len(values), np.uint64)
    first = next((c for c in values if c is not None and len(c) > HEADER), None)
    if first is None:
        return prints
    rate = unpack(first)[1]
    spectrum = Spectrum(rate, SIDE, max(1, round(0.004 * rate)), max(4, round(0.032 * rate)))

    def work(part: slice) -> None:
        for i, wave in enumerate(waves(values[part]), part.start):
            if wave is not None:
                prints[i] = _fingerprint(wave, spectrum)

    in_parts(work, len(values))
    return prints


def _fingerprint(wave: Array, spectrum: Spectrum) -> int:
    heard = spectrum.decibels(np.pad(wave, spectrum.window))  # silence around it or none, it begins at the same frame
    loudness = 10 * np.log10(np.maximum((10 ** (heard / 10)).mean(axis=1), 1e-10))
    sounding = np.flatnonzero(loudness >= loudness.max() - HEARD)
    heard = heard[sounding[0] : sounding[-1] + 1]
    if loudness.max() < -90 or len(heard) * spectrum.hop < LEAST * spectrum.rate:
        return 0
    spans = _spans(np.maximum(heard, heard.max() - 60))
    slopes = np.diff(spans, axis=1)
    bits = (np.diff(slopes, axis=0) > 0).ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _spans(heard: Array) -> Array:
    """The mean of each of SIDE equal spans of time, with shares of the frames that lie across an edge."""
    total = np.concatenate([np.zeros((1, heard.shape[1])), np.cumsum(heard, axis=0, dtype=np.float64)])
    edges = np.linspace(0, len(heard), SIDE + 1)
    low = np.minimum(edges.astype(int), len(heard) - 1)
    at = total[low] + (edges - low)[:, None] * heard[low]
    return np.diff(at, axis=0)
