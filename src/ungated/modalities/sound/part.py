"""One column of sounds as dense rows: what `describe` says of each clip, centred and scaled where that is wanted."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import polars as pl

from ...core.numbers import Array, Column, Takes
from .clip import waves
from .describe import describe, names, spectrum_of
from .spectrogram import in_parts
from .spectrum import Spectrum

FURTHEST = 10.0  # spreads from the centre, where scaled: one odd clip is not to outweigh all others


@dataclass(frozen=True)
class SoundPart:
    """One column of sounds.

    source: the column. rate: samples a second. centre, scale: float32 (numbers,) of the training rows; a missing clip
    gets the centre unless `keep` leaves it NaN. raw: whether numbers keep their units.
    """

    source: str
    rate: int
    raw: bool
    keep: bool
    centre: Array
    scale: Array

    @classmethod
    def fit(cls, values: pl.Series, how: dict[str, Any], takes: frozenset[Takes]) -> Self:
        """From training rows alone. how: of `survey`, with "rate"."""
        rate = int(how["rate"])
        rows = _described(values, spectrum_of(rate))
        known = rows[~np.isnan(rows[:, 0])]
        if not len(known):
            known = np.zeros((1, rows.shape[1]), np.float32)
        spread = known.std(axis=0, dtype=np.float64)
        raw, keep = Takes.RAW_SCALE in takes, Takes.MISSING in takes
        centre = known.mean(axis=0, dtype=np.float64).astype(np.float32)
        return cls(values.name, rate, raw, keep, centre, np.where(spread > 1e-6, spread, 1).astype(np.float32))

    def columns(self) -> tuple[Column, ...]:
        return tuple(Column(f"{self.source}: {name}", self.source) for name in names(self.rate))

    @cached_property
    def spectrum(self) -> Spectrum:
        return spectrum_of(self.rate)

    def fill(self, values: pl.Series, out: Array) -> None:
        """Writes float32 into out (n, len(columns())); missing clips as NaN, or as the centre where none may miss."""
        rows = _described(values, self.spectrum)
        if not self.keep:
            rows = np.where(np.isnan(rows), self.centre, rows)
        out[:] = rows if self.raw else np.clip((rows - self.centre) / self.scale, -FURTHEST, FURTHEST)


def described(values: pl.Series, how: dict[str, Any]) -> pl.Series:
    """The numbers of each clip, before any training row has been looked at: what a part takes in place of clips."""
    return pl.Series(values.name, _described(values, spectrum_of(int(how["rate"]))))


def _described(values: pl.Series, spectrum: Spectrum) -> Array:
    """float32 (n, numbers), NaN where there is no clip. values: clips, or what `described` made of them."""
    if values.dtype != pl.Binary:
        return values.to_numpy()
    rows = np.full((len(values), len(names(spectrum.rate))), np.nan, np.float32)

    def work(part: slice) -> None:
        for i, wave in enumerate(waves(values[part]), part.start):
            if wave is not None:
                rows[i] = describe(wave, spectrum)

    in_parts(work, len(values))
    return rows
