"""One column of sounds as pixels: the log-mel spectrogram of each clip, its bands as rows, its moments as columns.

The loudest band at the loudest moment is white and what is 70 decibels below it is black, clip by clip, so that neither
the distance to the microphone nor the level of the recording matters. A clip shorter than the picture lies in its
middle, with black on both sides; one that is longer, or a silent or missing one, is cut or black.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import pairwise
from os import cpu_count
from typing import Any, Self

import numpy as np
import polars as pl

from ...core.algorithm import State
from ...core.numbers import Array, Change, Form, Numbers
from .clip import waves
from .griffin_lim import wave_of
from .spectrum import LOWEST, Spectrum, mel

BAND = 65.0  # mels that a band is wide: 32 bands for 8,000 samples a second, 44 for 16,000
SHORTEST_HOP = 0.010  # seconds from one frame to the next
WIDEST, NARROWEST = 128, 9  # frames in a picture
WINDOW = 0.032  # seconds
RANGE = 70.0  # decibels from black to white
FAINT = 8  # shades that are not heard at the ends of a picture
LOUD = 0.8  # peak of a sound that is made, of full scale


@dataclass(frozen=True)
class SpectrogramEncoder:
    """How the clips of one column become pictures.

    source: the column. rate: samples a second. bands, frames: height and width of a picture. hop, window: samples from
    one frame to the next, and that one frame looks at.
    """

    source: str
    rate: int
    bands: int
    frames: int
    hop: int
    window: int

    @classmethod
    def fit(cls, values: pl.Series, how: dict[str, Any]) -> Self:
        """The picture has room for `how["seconds"]`, in at most 128 frames. Nothing is learned from the values."""
        rate, seconds = int(how["rate"]), float(how["seconds"])
        hop = max(1, round(rate * max(SHORTEST_HOP, seconds / (WIDEST - 1))))
        frames = min(WIDEST, max(NARROWEST, 1 + int(seconds * rate) // hop))
        bands = 4 * round(float(mel(rate / 2) - mel(LOWEST)) / BAND / 4)
        return cls(values.name, rate, bands, frames, hop, max(2 * hop, round(WINDOW * rate)))

    @property
    def size(self) -> tuple[int, int, int]:
        """The shape of one example: one channel, bands, frames."""
        return 1, self.bands, self.frames

    @property
    def levels(self) -> int:
        """Pixels have no codes."""
        return 0

    @cached_property
    def spectrum(self) -> Spectrum:
        return Spectrum(self.rate, self.bands, self.hop, self.window)

    def numbers(self, values: pl.Series, y: Array) -> Numbers:
        """uint8 (n, 1, bands, frames); a missing clip is black. The picture may slide in time and lose a band."""
        pictures = np.zeros((len(values), *self.size), np.uint8)

        def draw(part: slice) -> None:
            for i, wave in enumerate(waves(values[part]), part.start):
                if wave is not None:
                    self._draw(wave, pictures[i, 0])

        in_parts(draw, len(values))
        return Numbers(Form.PIXELS, pictures, y, changes=frozenset({Change.SLIDE, Change.MASK}))

    def wave(self, picture: Array) -> Array:
        """A sound that looks like this picture, uint8 (1, bands, frames): float32 (samples,), its peak at LOUD.

        The black before and behind it is left out; a picture that is all black is a moment of silence.
        """
        shades = np.asarray(picture, np.float64)[0].T
        heard = np.flatnonzero(shades.max(axis=1) > FAINT)
        if not len(heard):
            return np.zeros(self.hop, np.float32)
        shades = shades[heard[0] : heard[-1] + 1]
        power = np.where(shades > 0, 10 ** ((shades / 255 - 1) * RANGE / 10), 0)
        wave = wave_of(power, self.spectrum)
        return wave * np.float32(LOUD / max(float(np.abs(wave).max(initial=0)), 1e-9))

    def state(self) -> State:
        return State(values=asdict(self))

    @classmethod
    def load(cls, state: State) -> Self:
        return cls(**state.values)

    def _draw(self, wave: Array, out: Array) -> None:
        """One clip into `out`, uint8 (bands, frames), zeros before. The lowest band is the first row."""
        heard = self.spectrum.decibels(wave)
        top = heard.max()
        if top <= heard.min():  # the same everywhere: silence
            return
        shades = np.clip(255 * (1 + (heard - top) / RANGE), 0, 255).round().astype(np.uint8).T
        spare = self.frames - shades.shape[1]
        shades = shades[:, max(0, -spare) // 2 :][:, : self.frames]
        out[:, max(0, spare) // 2 :][:, : shades.shape[1]] = shades


def in_parts(work: Callable[[slice], None], rows: int, least: int = 64) -> None:
    """`work` on slices that cover the rows, in threads where there are enough of them to pay."""
    threads = min(cpu_count() or 1, max(1, rows // least))
    if threads == 1:
        return work(slice(0, rows))
    edges = np.linspace(0, rows, threads + 1).astype(int).tolist()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, [slice(a, b) for a, b in pairwise(edges)]))
    return None
