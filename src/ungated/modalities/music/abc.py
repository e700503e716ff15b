"""ABC notation (Walshaw 1993; standard 2.1): tunes as letters, as fiddlers write and send them.

`X:1 … K:G` is the head of a tune, then come its notes: `G2 A>B | [ceg]4 :|`. Read are notes, accidentals and the key's,
lengths, chords, ties, tuplets, broken rhythm, repeats with their endings, and voices. Ornaments, grace notes, chord
symbols and words are passed over.
"""

import re
from dataclasses import dataclass, field
from fractions import Fraction

from .tune import GRID, LOUDNESS, MOST_NOTES, Faulty, Tune, tune_of

STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_FIFTHS = {"C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5, "F": -1}
_MODES = {"": 0, "maj": 0, "ion": 0, "mix": -1, "dor": -2, "m": -3, "min": -3, "aeo": -3, "phr": -4, "loc": -5}
_MODES["lyd"] = 1
_SHARPS, _FLATS = "FCGDAEB", "BEADGCF"
_SHIFTS = {"^": 1, "_": -1, "=": 0, "^^": 2, "__": -2}
MOST_LETTERS = 1 << 20  # of one tune
MOST_TICKS = 64 * 4 * GRID  # of one note

_TOKEN = re.compile(
    r"""(?P<aside>"[^"\n]{0,200}"|![^!\n]{0,40}!|\+[a-z]{1,20}\+|\{[^}\n]{0,200}\}|\[[A-Zr-w]:[^\]\n]{0,200}\])
    |(?P<bar>:*\|+[\]\[:|]*(?:\s*\[?[1-9])?|::|\[[1-9])
    |(?P<tuplet>\([2-9](?::[1-9]?(?::[1-9]?)?)?)
    |(?P<open>\[)|(?P<close>\])(?P<times>[\d/]*)
    |(?P<mark>\^\^|\^|__|_|=)?(?P<note>[A-Ga-g])(?P<octave>[',]*)(?P<length>[\d/]*)
    |(?P<rest>[xzZ])(?P<pause>[\d/]*)
    |(?P<broken>>{1,3}|<{1,3})|(?P<tie>-)|(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_FIELD = re.compile(r"^\s*([A-Za-z]):(.*)$")


def read_abc(text: str) -> list[tuple[str, Tune | str]]:
    """Every tune of a file as (its title, the tune or why it cannot be read). Raises Faulty where there is none."""
    parts = re.split(r"(?m)^(?=X:)", text)
    tunes = [part for part in parts if re.search(r"(?m)^K:", part)]
    if not tunes:
        raise Faulty("holds no ABC tune: none has a line K: with its key")
    found: list[tuple[str, Tune | str]] = []
    for number, part in enumerate(tunes, 1):
        title = re.search(r"(?m)^T:\s*(.*)$", part)
        name = title[1].strip() if title and title[1].strip() else f"tune {number}"
        try:
            found.append((name, _Reader().read(part)))
        except Faulty as e:
            found.append((name, str(e)))
    return found


@dataclass
class _Voice:
    """One voice while it is read; times in quarter notes. start: where a repeat goes back to."""

    number: int
    now: Fraction = Fraction(0)
    notes: list[list[Fraction | int]] = field(default_factory=list)  # start, length, pitch
    repeat: int = 0
    repeat_at: Fraction = Fraction(0)
    first: tuple[int, Fraction] | None = None
    shift: dict[tuple[str, int], int] = field(default_factory=dict)
    tuplet: list[Fraction] = field(default_factory=list)
    chord: list[int] | None = None
    chord_length: Fraction = Fraction(1)
    last: list[int] = field(default_factory=list)  # notes that the last token made
    span: Fraction = Fraction(0)  # how long the last token lasted
    swing: Fraction = Fraction(1)  # what broken rhythm leaves for the next note
    tied: dict[int, int] = field(default_factory=dict)  # pitch -> the note that goes on


class _Reader:
    """Reads one tune, line by line."""

    def __init__(self) -> None:
        self.unit: Fraction | None = None
        self.meter, self.tempo, self.beat = (4, 4), 120.0, Fraction(1, 4)
        self.key: dict[str, int] = {}
        self.voices: dict[str, _Voice] = {}
        self.voice = self._named("1")
        self.count = 0

    def read(self, text: str) -> Tune:
        """The tune. Raises Faulty."""
        if len(text) > MOST_LETTERS:
            raise Faulty("is longer than any tune")
        body = False
        for raw in text.splitlines():
            line = re.split(r"(?<!\\)%", raw, maxsplit=1)[0]
            told = _FIELD.match(line)
            if told:
                self._field(told[1], told[2].strip(), body)
                body = body or told[1] == "K"
            elif body and line.strip():
                self._line(line)
        rows = []
        for voice in self.voices.values():
            for start, length, pitch in voice.notes:
                first, last = round(start * GRID), round((start + length) * GRID)
                rows.append((first, int(pitch), last - first, LOUDNESS, voice.number))
        return tune_of(rows, tempo=self.tempo, meter=self.meter)

    def _named(self, name: str) -> _Voice:
        if name not in self.voices and len(self.voices) < 64:
            self.voices[name] = _Voice(len(self.voices))
        return self.voices.get(name, next(iter(self.voices.values())))

    def _field(self, name: str, value: str, body: bool) -> None:
        if name == "M":
            beats = re.match(r"(\d{1,2})\s*/\s*(\d{1,2})", value)
            told = (int(beats[1]), int(beats[2])) if beats else (2, 2) if value.startswith("C|") else (4, 4)
            self.meter = told if min(told) > 0 else (4, 4)
        elif name == "L" and (unit := re.match(r"1\s*/\s*(\d{1,3})", value)) and int(unit[1]):
            self.unit = Fraction(1, int(unit[1]))
        elif name == "Q":
            self._tempo(value)
        elif name == "K":
            self.key = _signature(value)
        elif name == "V" and value:
            name = value.split()[0]
            if not body and len(self.voices) == 1 and not self.voice.notes:
                self.voices.clear()
            self.voice = self._named(name)

    def _tempo(self, value: str) -> None:
        """ "1/4=120", "3/8=60" or a bare number of unit notes a minute."""
        told = re.search(r"(\d{1,2})\s*/\s*(\d{1,2})\s*=\s*(\d{1,4})", value)
        if told and int(told[2]):
            self.tempo = float(Fraction(int(told[1]) * 4, int(told[2])) * int(told[3]))
        elif bare := re.fullmatch(r"\s*(\d{1,4})\s*", value):
            self.tempo = float(bare[1])

    @property
    def _quarters(self) -> Fraction:
        """The unit of lengths in quarter notes; without L: a sixteenth where the metre is less than 3/4."""
        unit = self.unit or (Fraction(1, 16) if Fraction(*self.meter) < Fraction(3, 4) else Fraction(1, 8))
        return unit * 4

    def _line(self, line: str) -> None:
        voice = self.voice
        for token in _TOKEN.finditer(line):
            kind = token.lastgroup
            if token["aside"]:
                told = re.match(r"\[([A-Za-z]):(.*)\]", token["aside"])
                if told:
                    self._field(told[1], told[2].strip(), True)
                    voice = self.voice
            elif token["bar"]:
                self._bar(voice, token["bar"])
            elif token["tuplet"]:
                voice.tuplet = _tuplet(token["tuplet"], self.meter)
            elif token["open"]:
                voice.chord, voice.chord_length = [], Fraction(0)
            elif kind in ("close", "times") and voice.chord is not None:
                pitches, voice.chord = voice.chord, None
                self._sound(voice, pitches, (voice.chord_length or 1) * _length(token["times"]))
            elif token["note"]:
                self._note(voice, token)
            elif token["rest"]:
                whole = Fraction(*self.meter) * 4 / self._quarters if token["rest"] == "Z" else Fraction(1)
                self._sound(voice, [], _length(token["pause"]) * whole)
            elif token["broken"]:
                self._swing(voice, token["broken"])
            elif token["tie"] and voice.last:
                voice.tied = {int(voice.notes[i][2]): i for i in voice.last}

    def _note(self, voice: _Voice, token: re.Match[str]) -> None:
        letter = token["note"]
        octave = 60 + 12 * letter.islower() + 12 * token["octave"].count("'") - 12 * token["octave"].count(",")
        place = (letter.upper(), octave)
        if token["mark"] is not None:
            voice.shift[place] = _SHIFTS[token["mark"]]
        pitch = octave + STEPS[letter.upper()] + voice.shift.get(place, self.key.get(letter.upper(), 0))
        if not 0 <= pitch <= 127:
            raise Faulty("has notes out of MIDI's range")
        length = _length(token["length"])
        if voice.chord is None:
            self._sound(voice, [pitch], length)
        else:
            voice.chord.append(pitch)
            voice.chord_length = max(voice.chord_length, length)

    def _sound(self, voice: _Voice, pitches: list[int], length: Fraction) -> None:
        """The pitches sound together, none of them for a rest, and time goes on."""
        length *= self._quarters * voice.swing
        voice.swing = Fraction(1)
        if voice.tuplet:
            length *= voice.tuplet.pop()
        if length * GRID > MOST_TICKS:
            raise Faulty("has a note that never ends")
        self.count += max(1, len(pitches))
        if self.count > MOST_NOTES:
            raise Faulty(f"has more than {MOST_NOTES:,} notes")
        voice.last = []
        for pitch in dict.fromkeys(pitches):
            if pitch in voice.tied:
                voice.notes[voice.tied[pitch]][1] += length
                voice.last.append(voice.tied[pitch])
            else:
                voice.notes.append([voice.now, length, pitch])
                voice.last.append(len(voice.notes) - 1)
        voice.tied = {}
        voice.span = length
        voice.now += length

    def _swing(self, voice: _Voice, signs: str) -> None:
        """a>b: the first is longer by half and the second shorter by it; more signs, more so."""
        short = Fraction(1, 2 ** len(signs))
        this, other = (2 - short, short) if signs[0] == ">" else (short, 2 - short)
        voice.now += voice.span * (this - 1)
        for i in voice.last:
            voice.notes[i][1] += voice.span * (this - 1)
        voice.span, voice.swing = Fraction(0), other

    def _bar(self, voice: _Voice, sign: str) -> None:
        """A bar line ends accidentals; `:|` plays again from `|:`, and endings `[1 [2` take turns."""
        voice.shift = {}
        ending = sign.strip()[-1:] if sign.strip()[-1:].isdigit() else ""
        if sign.startswith(":"):
            self._again(voice)
        if sign.rstrip("[] 123456789").endswith(":"):
            voice.repeat, voice.repeat_at, voice.first = len(voice.notes), voice.now, None
        if ending == "1":
            voice.first = (len(voice.notes), voice.now)

    def _again(self, voice: _Voice) -> None:
        stop, until = voice.first or (len(voice.notes), voice.now)
        played = voice.notes[voice.repeat : stop]
        self.count += len(played)
        if self.count > MOST_NOTES:
            raise Faulty(f"has more than {MOST_NOTES:,} notes")
        later = voice.now - voice.repeat_at
        voice.notes += [[start + later, length, pitch] for start, length, pitch in played]
        voice.now += until - voice.repeat_at
        voice.repeat, voice.repeat_at, voice.first = len(voice.notes), voice.now, None


def _length(text: str) -> Fraction:
    """ "", "2", "/2", "3/2", "//" in unit notes."""
    above, slash, below = text.partition("/")
    low = below.replace("/", "")
    parts = Fraction(int(above[:4] or 1), 1)
    if not slash:
        return parts
    return parts / (max(1, int(low[:4])) if low else 2 ** min(8, 1 + below.count("/")))


def _tuplet(text: str, meter: tuple[int, int]) -> list[Fraction]:
    """(p:q:r: the next r notes take the time of q instead of p."""
    told = [int(t) if t else 0 for t in text[1:].split(":")] + [0, 0]
    notes = told[0]
    usual = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}.get(notes, 3 if meter[0] % 3 == 0 and meter[1] == 8 else 2)
    return [Fraction(told[1] or usual, notes)] * (told[2] or notes)


def _signature(value: str) -> dict[str, int]:
    """What a key does to each letter: "G" sharpens F, "Bbm" flattens five."""
    told = re.match(r"([A-G])([#b]?)\s*([A-Za-z]*)", value)
    if not told:
        return {}
    mode = told[3].lower()
    shift = _MODES.get(mode[:3], _MODES["m"] if mode == "m" else 0)
    count = _FIFTHS[told[1]] + {"#": 7, "b": -7, "": 0}[told[2]] + shift
    letters = _SHARPS[: max(0, count)] if count > 0 else _FLATS[: max(0, -count)]
    return dict.fromkeys(letters, 1 if count > 0 else -1)
