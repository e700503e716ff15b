"""The log-mel spectrogram: how loud each pitch band of a sound is, moment by moment, as an ear would part the bands.

A window slides over the clip; the Fourier transform of what is in it says how much of each frequency there is;
triangles that are evenly spaced on the mel scale gather frequencies into bands, narrow ones below and wide ones above.
Paper: the scale is O'Shaughnessy's, "Speech Communication: Human and Machine", 1987; the triangles and the cosine
transform are Davis & Mermelstein's, "Comparison of Parametric Representations for Monosyllabic Word Recognition", 1980.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...core.numbers import Array

QUIET = 1e-10  # power below which there is nothing to hear; -100 dB
LOWEST = 50.0  # hertz


def mel(hertz: Array | float) -> Array:
    """The pitch of a frequency on the mel scale."""
    return np.asarray(2595 * np.log10(1 + np.asarray(hertz, np.float64) / 700))


def hertz(mels: Array | float) -> Array:
    """The frequency of a pitch on the mel scale."""
    return np.asarray(700 * (10 ** (np.asarray(mels, np.float64) / 2595) - 1))


@dataclass(frozen=True)
class Spectrum:
    """How sounds of one rate become spectrograms.

    rate: samples a second. bands: how many mel bands, from 50 hertz to half the rate. hop: samples from one frame to
    the next. window: samples that one frame looks at.
    """

    rate: int
    bands: int
    hop: int
    window: int

    @cached_property
    def length(self) -> int:
        """Points of the Fourier transform: a power of two that has the window in it."""
        return 1 << (self.window - 1).bit_length()

    @cached_property
    def centres(self) -> Array:
        """The frequency in hertz in the middle of each band, (bands,)."""
        return hertz(self._edges)[1:-1]

    @cached_property
    def _edges(self) -> Array:
        return np.linspace(mel(LOWEST), mel(self.rate / 2), self.bands + 2)

    @cached_property
    def filters(self) -> Array:
        """float32 (length / 2 + 1, bands): the weight of each frequency in each band; no band is without any."""
        at = mel(np.fft.rfftfreq(self.length, 1 / self.rate))[:, None]
        low, middle, high = self._edges[:-2], self._edges[1:-1], self._edges[2:]
        rise, fall = (at - low) / (middle - low), (high - at) / (high - middle)
        filters = np.maximum(0, np.minimum(rise, fall))
        nearest = np.abs(at - middle).argmin(axis=0)
        bare = filters.sum(axis=0) == 0
        filters[nearest[bare], np.flatnonzero(bare)] = 1
        return (filters / filters.sum(axis=0)).astype(np.float32)

    @cached_property
    def taper(self) -> Array:
        """The window itself, float32 (length,): Hann's, with a sum of squares of 1."""
        taper = np.zeros(self.length, np.float32)
        begin = (self.length - self.window) // 2
        taper[begin : begin + self.window] = np.hanning(self.window + 2)[1:-1]
        return taper / np.float32(np.sqrt(np.square(taper).sum()))

    def frames(self, samples: int) -> int:
        """How many frames a clip of so many samples has."""
        return 1 + samples // self.hop

    def cut(self, wave: Array) -> Array:
        """The clip in overlapping pieces, a view, float32 (frames, length); the middle of frame i is sample i · hop."""
        half = self.length // 2
        padded = np.pad(np.asarray(wave, np.float32), (half, half + self.hop))
        return np.lib.stride_tricks.sliding_window_view(padded, self.length)[:: self.hop][: self.frames(len(wave))]

    def power(self, wave: Array) -> Array:
        """The power in each band, float32 (frames, bands), for a wave of float32 (samples,) from -1 to 1."""
        from scipy.fft import rfft

        found = rfft(self.cut(wave) * self.taper, axis=1)
        return (found.real**2 + found.imag**2) @ self.filters

    def decibels(self, wave: Array) -> Array:
        """The loudness of each band in decibels below full scale, float32 (frames, bands), -100 for silence."""
        return np.asarray(10 * np.log10(np.maximum(self.power(wave), QUIET)), np.float32)
