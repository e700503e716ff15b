"""Sounds: read files as clips, say how a column is to be held, describe clips as rows, draw them as spectrograms.

how = survey(files, most_bytes, rows)
cells, broken = decode(files, how, names=names)
values = pl.Series("sound", cells, pl.Binary)
part = SoundPart.fit(values, how, takes)
pixels = SpectrogramEncoder.fit(values, how).numbers(values, y)
"""

from .clip import pack, unpack
from .decode import decode
from .duplicates import fingerprints
from .part import SoundPart, described
from .previews import preview, wav
from .spectrogram import SpectrogramEncoder
from .survey import survey

__all__ = [
    "SoundPart",
    "SpectrogramEncoder",
    "decode",
    "described",
    "fingerprints",
    "pack",
    "preview",
    "survey",
    "unpack",
    "wav",
]
