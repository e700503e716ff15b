"""MusicXML, plain (.musicxml, .xml) and packed (.mxl): what notation programs exchange (Good 2001).

Read are notes, chords, ties, several voices and staves, metre and tempo; each part and voice is a voice of the tune.
Nothing that a file defines is ever expanded, fetched or followed: entities are refused, and all sizes are bounded.
"""

import io
import zipfile
import zlib
from typing import Any, TypeAlias
from xml.etree import ElementTree as ET  # builds the tree only; what parses is below, without entities
from xml.parsers import expat

from .abc import STEPS
from .tune import GRID, LOUDNESS, MOST_NOTES, Faulty, Tune, tune_of

MOST_BYTES = 1 << 25
MOST_DEPTH = 64
MOST_RATIO = 200

Ties: TypeAlias = dict[tuple[int, int], tuple[float, float]]  # (voice, pitch) -> beginning and length so far


def read_musicxml(data: bytes) -> Tune:
    """The tune in a MusicXML file. Raises Faulty where it is none, is damaged, or could harm its reader."""
    root = _tree(_unpacked(data) if data[:2] == b"PK" else data)
    if root.tag != "score-partwise":
        other = root.tag == "score-timewise"
        raise Faulty("is MusicXML by time, not by part: export it again" if other else "is XML, but not MusicXML")
    score = _Score()
    for part in root.iter("part"):
        score.part(part)
    return tune_of(score.notes, tempo=score.tempo, meter=score.meter, length=score.end)


def _unpacked(data: bytes) -> bytes:
    """The score in an .mxl archive: the file that META-INF/container.xml names, or the first that is XML."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [i.filename for i in archive.infolist()]
            wanted = ""
            if "META-INF/container.xml" in names:
                root = _tree(_member(archive, "META-INF/container.xml", len(data)))
                wanted = next((r.get("full-path", "") for r in root.iter() if r.tag.endswith("rootfile")), "")
            if wanted not in names:
                scores = [n for n in names if n.endswith((".xml", ".musicxml")) and not n.startswith("META-INF")]
                if not scores:
                    raise Faulty("is an archive without a score")
                wanted = scores[0]
            return _member(archive, wanted, len(data))
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, NotImplementedError, EOFError) as e:
        raise Faulty("is a damaged archive") from e


def _member(archive: zipfile.ZipFile, name: str, packed: int) -> bytes:
    with archive.open(name) as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES or len(data) > max(1 << 20, MOST_RATIO * packed):
        raise Faulty("unpacks to more than an honest score would")
    return data


def _tree(data: bytes) -> ET.Element:
    """The elements of an XML text. Raises Faulty for what declares entities, nests too deep, or is no XML."""
    if len(data) > MOST_BYTES:
        raise Faulty("is larger than any score")
    builder, depth = ET.TreeBuilder(), 0
    parser = expat.ParserCreate()

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MOST_DEPTH:
            raise Faulty("is nested deeper than any score")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def refused(*_: Any) -> int:
        raise Faulty("declares entities, which a score has no need of")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = parser.ExternalEntityRefHandler = refused
    try:
        parser.Parse(data, True)
        return builder.close()
    except (expat.ExpatError, ValueError, AssertionError) as e:
        if isinstance(e, Faulty):
            raise
        raise Faulty("is no XML, or cut short") from e


class _Score:
    """What the parts gathered."""

    def __init__(self) -> None:
        self.notes: list[tuple[int, int, int, int, int]] = []
        self.tempo, self.meter, self.end = 100.0, (4, 4), 0
        self._voices: dict[tuple[int, str], int] = {}
        self._parts = 0
        self._told: set[str] = set()

    def part(self, part: ET.Element) -> None:
        """The notes of one part, in its voices."""
        now, divisions = 0.0, 1.0  # quarter notes; parts of one
        open_ties: Ties = {}
        for measure in part.iter("measure"):
            start, furthest, last = now, now, now
            for item in measure:
                if item.tag == "attributes":
                    divisions = abs(_number(item.findtext("divisions"), divisions)) or divisions
                    self._metre(item.find("time"))
                elif item.tag in ("direction", "sound"):
                    self._pace(item)
                elif item.tag in ("backup", "forward"):
                    step = _number(item.findtext("duration"), 0.0) / divisions
                    now = max(start, now - step) if item.tag == "backup" else now + step
                elif item.tag == "note" and item.find("grace") is None:
                    length = max(0.0, _number(item.findtext("duration"), 0.0) / divisions)
                    if item.find("chord") is None:
                        last, now = now, now + length
                    self._note(item, last, length, open_ties)
                furthest = max(furthest, now)
                if furthest * GRID > 1 << 24:
                    raise Faulty("is longer than any tune")
            now = furthest
        for (voice, pitch), (began, length) in open_ties.items():
            self._add(voice, pitch, began, length)
        self.end = max(self.end, round(now * GRID))
        self._parts += 1

    def _note(
        self, item: ET.Element, at: float, length: float, ties: dict[tuple[int, int], tuple[float, float]]
    ) -> None:
        where = item.find("pitch")
        if where is None or length <= 0:  # a rest, or a drum
            return
        step, octave = where.findtext("step", "").strip(), _number(where.findtext("octave"), -9)
        if step not in STEPS:
            raise Faulty(f"has a note {step!r}")
        pitch = round(12 * (octave + 1) + STEPS[step] + _number(where.findtext("alter"), 0.0))
        if not 0 <= pitch <= 127:
            raise Faulty("has notes out of MIDI's range")
        key = (self._parts, item.findtext("voice", "1"))
        voice = self._voices.setdefault(key, len(self._voices) % 256)
        kinds = {tie.get("type") for tie in item.iter("tie")}
        began, before = ties.pop((voice, pitch), (at, 0.0)) if "stop" in kinds else (at, 0.0)
        if "start" in kinds:
            ties[voice, pitch] = (began, before + length)
        else:
            self._add(voice, pitch, began, before + length)

    def _add(self, voice: int, pitch: int, began: float, length: float) -> None:
        first = round(began * GRID)
        self.notes.append((first, pitch, round((began + length) * GRID) - first, LOUDNESS, voice))
        if len(self.notes) > MOST_NOTES:
            raise Faulty(f"has more than {MOST_NOTES:,} notes")

    def _metre(self, time: ET.Element | None) -> None:
        if time is not None and "metre" not in self._told:
            beats, unit = _number(time.findtext("beats"), 4), _number(time.findtext("beat-type"), 4)
            self.meter = (int(beats), int(unit))
            self._told.add("metre")

    def _pace(self, item: ET.Element) -> None:
        for sound in item.iter("sound"):
            if sound.get("tempo") and "tempo" not in self._told:
                self.tempo = _number(sound.get("tempo"), 100.0)
                self._told.add("tempo")


def _number(text: str | None, default: float) -> float:
    """A finite number; `default` where none is written."""
    try:
        value = float(text) if text else default
    except ValueError as e:
        raise Faulty(f"has {str(text)[:20]!r} where a number belongs") from e
    if not abs(value) < 1e9:
        raise Faulty("has a number out of all bounds")
    return value
