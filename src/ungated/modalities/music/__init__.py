"""Music: tunes read from MIDI, ABC, MusicXML and JSON, as streams of codes, and back as MIDI, sound and a piano roll.

found = recognise(path)
encoder = StreamEncoder.fit(values, how)
numbers = encoder.numbers(values, y)
tune = encoder.decode(codes)
"""

from .midi import read_midi, write_midi
from .previews import preview
from .recognise import recognise
from .roll import roll, write_png
from .stream import StreamEncoder
from .synth import RATE, wave_of, write_wav
from .tune import Tune, unpack

__all__ = [
    "RATE",
    "StreamEncoder",
    "Tune",
    "preview",
    "read_midi",
    "recognise",
    "roll",
    "unpack",
    "wave_of",
    "write_midi",
    "write_png",
    "write_wav",
]
