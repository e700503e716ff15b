"""From a spectrogram back to a sound: a wave that has that spectrogram, found by going to and fro.

A log-mel spectrogram says how loud each band is, neither which frequencies inside the band are, nor where in its swing
each of them stands (its phase). So first the powers of frequencies are looked for that make up the bands, none of them
negative, each step nearer by a factor (Lee & Seung 2001). Then the phases: begin with any, make the wave, look which
phases that wave has, keep those and put the loudness that is wanted in place of the wave's own, and again. Overlapping
frames must agree, and each time they agree better. A push in the direction of the last step makes it quicker
(Perraudin, Balazs & Søndergaard 2013).
Paper: Griffin & Lim, "Signal Estimation from Modified Short-Time Fourier Transform", IEEE Transactions on Acoustics,
Speech, and Signal Processing 32, 1984.
"""

import numpy as np

from ...core.numbers import Array
from .spectrum import Spectrum

STEPS = 100  # towards the powers of frequencies
ROUNDS = 60  # towards phases that agree
PUSH = 0.99
LEAST = 1e-12  # power that stands for none


def wave_of(power: Array, spectrum: Spectrum, seed: int = 0) -> Array:
    """A wave, float32 (samples,), whose power in each band is about `power`, float (frames, bands), none negative.

    seed: of the phases with which it begins; the same gives the same.
    """
    from scipy.fft import irfft, rfft

    loud = np.sqrt(_frequencies(np.asarray(power, np.float64), spectrum))
    turned = np.exp(2j * np.pi * np.random.default_rng(seed).random(loud.shape))
    before = np.zeros_like(turned)
    for _ in range(ROUNDS):
        wave = _laid_over(irfft(loud * turned, spectrum.length, axis=1), spectrum)
        here = rfft(spectrum.cut(wave) * spectrum.taper, axis=1)
        turned = np.exp(1j * np.angle(here + PUSH * (here - before)))
        before = here
    return _laid_over(irfft(loud * turned, spectrum.length, axis=1), spectrum)


def _frequencies(power: Array, spectrum: Spectrum) -> Array:
    """The power of each frequency, (frames, length / 2 + 1), that makes these powers of bands."""
    filters = spectrum.filters.astype(np.float64)
    wanted = power @ filters.T + LEAST
    found = wanted.copy()
    for _ in range(STEPS):
        found *= wanted / (found @ filters @ filters.T + LEAST)
    return found


def _laid_over(frames: Array, spectrum: Spectrum) -> Array:
    """Tapered frames (frames, length), each laid over the one before it, as one wave: least squares between them."""
    half, hop, taper = spectrum.length // 2, spectrum.hop, spectrum.taper.astype(np.float64)
    total = np.zeros((2, (len(frames) - 1) * hop + spectrum.length))
    for k, frame in enumerate(frames * taper):
        total[:, k * hop : k * hop + spectrum.length] += frame, taper**2
    wave, weight = total[:, half : half + (len(frames) - 1) * hop]
    return np.asarray(wave / np.maximum(weight, 0.01 * weight.max(initial=LEAST)), np.float32)
