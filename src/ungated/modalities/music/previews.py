"""A tune for a page: a small player and its piano roll, each a data URI that needs no other file."""

from ...core.shown import data_uri
from .roll import roll, write_png
from .synth import wave_of, write_wav
from .tune import Tune

SECONDS = 12.0  # of a tune that are heard and seen
RATE, BITS = 8000, 8  # of what is heard on a page, which must stay small; files are written in full
WIDTH, ROW = 720, 4  # pixels of the roll, and of a semitone


def preview(tune: Tune) -> tuple[str, str]:
    """The tune's first seconds as a WAV and as a PNG."""
    heard = write_wav(wave_of(tune, RATE, seconds=SECONDS), RATE, BITS)
    return data_uri("audio/wav", heard), data_uri("image/png", write_png(roll(tune, WIDTH, ROW, SECONDS)))
