"""Music: tunes read from every notation, written as codes and read back, heard, seen, learned from and made."""

import contextlib
import dataclasses
import gzip
import io
import json
import subprocess
import sys
import time
import wave
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from ungated.algorithms.classical.factored_ngrams import FactoredNgrams
from ungated.core.clock import Clock
from ungated.core.errors import InputError, ModelError, UsageError
from ungated.core.numbers import Form, Numbers
from ungated.engines import blocks
from ungated.modalities.music import (
    StreamEncoder,
    Tune,
    read_midi,
    recognise,
    roll,
    unpack,
    wave_of,
    write_midi,
    write_png,
    write_wav,
)
from ungated.modalities.music.abc import read_abc
from ungated.modalities.music.musicxml import read_musicxml
from ungated.modalities.music.notes import read_notes
from ungated.modalities.music.synth import frequency
from ungated.modalities.music.tune import GRID, LENGTH, PITCH, START, Faulty, tune_of
from ungated.tasks.generate import Generate

REEL = """X:1
T:A reel
M:4/4
L:1/8
K:G
|:GABc dedB|[1 d2 z2 F4:|[2 (3gfe ^c2 G4-|G8|]
X:2
T:Broken rhythm
M:6/8
K:Dm
B>A [DFA]2 C,/
X:3
T:Not a tune
K:C
c''''''''''''
"""
SCORE = b"""<?xml version="1.0"?>
<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 3.1 Partwise//EN" "http://example.invalid/p.dtd">
<score-partwise><part-list/><part id="P1">
<measure><attributes><divisions>2</divisions><time><beats>3</beats><beat-type>4</beat-type></time></attributes>
<direction><sound tempo="84"/></direction>
<note><pitch><step>C</step><octave>4</octave></pitch><duration>4</duration><tie type="start"/></note>
<note><chord/><pitch><step>E</step><alter>-1</alter><octave>4</octave></pitch><duration>4</duration></note>
<note><rest/><duration>2</duration></note>
<backup><duration>6</duration></backup>
<note><pitch><step>C</step><octave>3</octave></pitch><duration>6</duration><voice>2</voice></note></measure>
<measure><note><pitch><step>C</step><octave>4</octave></pitch><duration>2</duration><tie type="stop"/></note></measure>
</part></score-partwise>"""


def melody(pitches: list[int], length: int = GRID) -> Tune:
    return tune_of([(i * length, p, length, 80, 0) for i, p in enumerate(pitches)])


def chorale(seed: int, steps: int = 32) -> list[list[int]]:
    """Chords of four voices that go up and down a scale together."""
    rng, scale = np.random.default_rng(seed), [0, 2, 4, 5, 7, 9, 11]
    degree, out = int(rng.integers(7)), []
    for _ in range(steps):
        degree = (degree + int(rng.choice([-1, 0, 1, 1]))) % 7
        out.append([p + scale[degree] for p in (48, 55, 64, 72)])
    return out


def tunes(chorales: list[list[list[int]]]) -> pl.Series:
    songs = read_notes(json.dumps(chorales).encode())
    assert songs is not None
    return pl.Series("tune", [t.pack() for _, t in songs.of[""] if isinstance(t, Tune)], pl.Binary)


# -- reading -----------------------------------------------------------------------------------------------------------


def test_midi_is_read_as_another_library_wrote_it() -> None:
    mido = pytest.importorskip("mido")
    track = mido.MidiTrack()
    track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(90)))
    track.append(mido.MetaMessage("time_signature", numerator=3, denominator=8))
    for pitch, ticks in ((60, 96), (64, 48), (67, 240)):
        track.append(mido.Message("note_on", note=pitch, velocity=70, time=24))
        track.append(mido.Message("note_on", channel=9, note=35, velocity=99))
        track.append(mido.Message("note_on", note=pitch, velocity=0, time=ticks))
    song = mido.MidiFile(ticks_per_beat=96)
    song.tracks.append(track)
    file = io.BytesIO()
    song.save(file=file)
    tune = read_midi(file.getvalue())
    assert tune.notes[:, :4].tolist() == [[6, 60, 24, 70], [36, 64, 12, 70], [54, 67, 60, 70]]
    assert tune.tempo == pytest.approx(90)
    assert tune.meter == (3, 8)


def test_another_library_opens_what_is_written() -> None:
    mido = pytest.importorskip("mido")
    tune = tune_of([(0, 60, 24, 80, 0), (24, 60, 24, 90, 0), (0, 48, 48, 70, 1)], tempo=75)
    song = mido.MidiFile(file=io.BytesIO(write_midi(tune, 19)))
    assert song.length == pytest.approx(tune.seconds)
    struck = [(m.note, m.velocity) for t in song.tracks for m in t if m.type == "note_on"]
    assert struck == [(60, 80), (60, 90), (48, 70)]
    assert {m.program for t in song.tracks for m in t if m.type == "program_change"} == {19}


@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 127), st.integers(1, 400)), min_size=1, max_size=40))
@settings(max_examples=40, deadline=None)
def test_midi_comes_back_as_it_was(notes: list[tuple[int, int, int]]) -> None:
    apart = {(s // 401, p): (s // 401 * 401, p, n) for s, p, n in notes}.values()  # no two of one pitch overlap
    tune = tune_of([(s, p, n, 64, 0) for s, p, n in apart])
    np.testing.assert_array_equal(read_midi(write_midi(tune)).notes, tune.notes)


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_no_bytes_break_the_reader_of_midi(noise: bytes) -> None:
    whole = write_midi(melody([60, 62, 64]))
    for data in (noise, whole[:30] + noise, whole[: len(whole) - len(noise) % 40]):
        with contextlib.suppress(Faulty):
            assert len(read_midi(data).notes)


def test_abc_has_repeats_endings_tuplets_ties_and_keys() -> None:
    (name, reel), (_, rhythm), (_, wrong) = read_abc(REEL)
    assert isinstance(reel, Tune)
    assert isinstance(rhythm, Tune)
    assert name == "A reel"
    eighth = GRID // 2
    begun = [67, 69, 71, 72, 74, 76, 74, 71]
    assert reel.notes[:, PITCH].tolist() == [*begun, 74, 66, *begun, 79, 78, 76, 73, 67]
    assert reel.notes[-1, LENGTH] == 12 * eighth  # tied over the bar line
    assert reel.notes[18:21, LENGTH].tolist() == [8, 8, 8]
    assert reel.length == (16 + 8 + 8 + 8) * eighth
    assert rhythm.meter == (6, 8)
    assert rhythm.notes[:, PITCH].tolist() == [70, 69, 69, 65, 62, 48]  # B flat, as the key says
    assert rhythm.notes[:2, LENGTH].tolist() == [9 * 2, 3 * 2]
    assert wrong == "has notes out of MIDI's range"


@given(st.text(alphabet='ABcd|:[]{}()"!+<>-_^=/0123 \nKMLV%', max_size=120))
@settings(max_examples=200, deadline=None)
def test_no_letters_break_the_reader_of_abc(noise: str) -> None:
    for _, tune in read_abc(f"X:1\nM:6/0\nK:D\n{noise}\n"):
        assert isinstance(tune, str) or tune.length > 0


@pytest.mark.parametrize("letters", ['"', "{", "[K:", "!a", "+a", "(3", "[", "|:"])
def test_long_lines_of_abc_are_read_in_no_time(letters: str) -> None:
    began = time.process_time()
    read_abc("X:1\nK:C\nC" + letters * 20_000)
    assert time.process_time() - began < 5


def test_musicxml_plain_and_packed() -> None:
    tune = read_musicxml(SCORE)
    assert tune.notes[:, :3].tolist() == [[0, 63, 48], [0, 60, 72], [0, 48, 72]]
    assert (tune.tempo, tune.meter) == (84.0, (3, 4))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("META-INF/container.xml", '<container><rootfile full-path="s.xml"/></container>')
        archive.writestr("s.xml", SCORE)
    np.testing.assert_array_equal(read_musicxml(file.getvalue()).notes, tune.notes)


def test_hostile_scores_are_refused() -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("s.xml", b"<score-partwise>" + b" " * 30_000_000)
    laughs = b'<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>'
    refused = {
        "declares entities": laughs,
        "nested deeper": b"<a>" * 5000,
        "no XML": b"<score-partwise><part>",
        "not MusicXML": b"<html/>",
        "unpacks to more": bomb.getvalue(),
        "damaged archive": b"PK\x03\x04 and then nothing",
        "never|longer|bounds": SCORE.replace(b"<duration>4<", b"<duration>1e308<"),
        "number belongs": SCORE.replace(b"<octave>4<", b"<octave>four<"),
    }
    for word, data in refused.items():
        with pytest.raises(Faulty, match=word):
            read_musicxml(data)


def test_json_of_notes_and_of_chords() -> None:
    told = [{"notes": [{"pitch": 60, "start": 0, "duration": 1.5}, {"pitch": 62, "start": 1.5, "end": 2}], "tempo": 70}]
    songs = read_notes(json.dumps(told).encode())
    assert songs is not None
    tune = songs.of[""][0][1]
    assert isinstance(tune, Tune)
    assert tune.notes[:, :3].tolist() == [[0, 60, 36], [36, 62, 12]]
    assert tune.tempo == 70
    split = read_notes(json.dumps({"train": [[[60, 64], [60, -1]]], "valid": [], "test": [[[62], []]]}).encode())
    assert split is not None
    assert {k: len(v) for k, v in split.of.items()} == {"train": 1, "test": 1}
    assert read_notes(b'[{"name": "Ann", "age": 3}]') is None
    assert read_notes(b"[[1.5, 2.5], [3.5, 4.5]]") is None
    broken = read_notes(b'[[[60], [61]], [[60], [600]], [[1, 2]], [{"pitch": 60, "start": "now"}]]')
    assert broken is not None
    assert [t for _, t in broken.of[""] if isinstance(t, str)] == ["is no tune", "has no usable start at note 1"]


def test_a_folder_of_tunes_with_broken_files(tmp_path: Path) -> None:
    for part in ("train", "test"):
        (tmp_path / part).mkdir()
        for i in range(3):
            (tmp_path / part / f"{i}.mid").write_bytes(write_midi(melody([60 + i, 64, 67])))
    (tmp_path / "train" / "cut.mid").write_bytes(b"MThd\0\0")
    (tmp_path / "train" / "reels.abc").write_text(REEL)
    (tmp_path / "train" / "huge.abc").write_text("X:1\nK:C\n" + "C1000000 " * 10)
    (tmp_path / "train" / "score.xml").write_bytes(SCORE)
    (tmp_path / "train" / "readme.txt").write_text("tunes")
    found = recognise(tmp_path)
    assert found is not None
    assert found.kinds["tune"] == "tune"
    assert found.sealed is not None
    assert len(found.sealed) == 3
    assert found.frame["tune"].is_not_null().sum() == 3 + 2 + 1
    why = {b.file: b.why for b in found.broken}
    assert why["train/cut.mid"] == "is cut short"
    assert why["train/huge.abc"] == "has a note that never ends"
    assert found.hows["tune"]["unit"] == "note"
    assert recognise(tmp_path / "train" / "readme.txt") is None


def test_only_music_is_taken_for_music(tmp_path: Path) -> None:
    (tmp_path / "people.json").write_text('[{"name": "Ann", "age": 3}, {"name": "Bob", "age": 4}]')
    (tmp_path / "page.xml").write_text("<page/>")
    (tmp_path / "notes.json.gz").write_bytes(gzip.compress(json.dumps([chorale(0), chorale(1)]).encode()))
    assert recognise(tmp_path / "people.json") is None
    assert recognise(tmp_path / "page.xml") is None
    assert recognise(tmp_path / "notes.json.gz", evident=True) is None
    found = recognise(tmp_path / "notes.json.gz")
    assert found is not None
    assert found.hows["tune"]["unit"] == "frame"
    (tmp_path / "a.mid").write_bytes(b"")
    with pytest.raises(InputError, match=r"a\.mid is empty"):
        recognise(tmp_path / "a.mid")


def test_a_cell_that_is_no_tune_is_refused() -> None:
    cell = melody([60, 62]).pack()
    assert unpack(cell).notes.shape == (2, 5)
    for bad in (b"", cell[:-1], b"x" * len(cell)):
        with pytest.raises(InputError, match="does not hold one"):
            unpack(bad)


# -- codes -------------------------------------------------------------------------------------------------------------

CHORDS = st.lists(st.sets(st.integers(40, 90), max_size=5).map(sorted), min_size=1, max_size=20).filter(any)


@given(st.lists(CHORDS, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_chords_come_back_from_their_codes(songs: list[list[list[int]]]) -> None:
    column = tunes(songs)
    encoder = StreamEncoder.fit(column, {"unit": "frame"})
    for cell in column:
        tune = unpack(cell)
        again = encoder.decode(encoder.encode(tune), joined=False)
        np.testing.assert_array_equal(again.notes[:, (START, PITCH)], tune.notes[:, (START, PITCH)])
        assert again.length == tune.length


def test_notes_come_back_from_their_codes() -> None:
    tune = tune_of([(0, 60, 24, 30, 0), (0, 64, 12, 99, 0), (24, 67, 36, 64, 0), (96, 55, 24, 30, 0)], tempo=90)
    column = pl.Series("tune", [tune.pack()], pl.Binary)
    encoder = StreamEncoder.fit(column, {})
    assert (encoder.layout, encoder.unit, encoder.period) == ("notes", "note", 4)
    numbers = encoder.numbers(column)
    assert numbers.form is Form.STREAM
    assert numbers.x[0] == 0
    assert numbers.y.sum() == pytest.approx(4)
    np.testing.assert_array_equal(encoder.decode(numbers.x[1:]).notes, tune.notes)
    assert StreamEncoder.load(encoder.state()) == encoder


def test_codes_beyond_what_was_learned_have_a_nearest() -> None:
    encoder = StreamEncoder.fit(pl.Series("tune", [melody([60, 64, 67]).pack()], pl.Binary), {})
    codes = encoder.encode(melody([20, 120, 64], 1000))
    tune = encoder.decode(codes)
    assert (tune.notes[:, PITCH] % 12).tolist() == [8, 0, 4]  # by octaves into the range
    with pytest.raises(InputError, match="no tune"):
        encoder.decode(codes[1:])
    with pytest.raises(ModelError):
        StreamEncoder.load(type(encoder.state())({"source": "tune", "layout": "notes"}))


@pytest.mark.parametrize("unit", ["frame", "note"])
def test_another_key_is_another_name_for_each_code(unit: str) -> None:
    column = tunes([chorale(s) for s in range(3)])
    encoder = StreamEncoder.fit(column, {"unit": unit})
    codes = encoder.encode(unpack(column[0]))
    own = encoder.decode(codes, joined=False)
    shifts = set()
    for names in encoder.renames:
        assert names[0] == 0
        moved = encoder.decode(names[codes], joined=False)
        by = np.unique(moved.notes[:, PITCH] - own.notes[:, PITCH])
        assert len(by) == 1
        np.testing.assert_array_equal(moved.notes[:, (START, LENGTH)], own.notes[:, (START, LENGTH)])
        shifts.add(int(by[0]))
    assert shifts == set(range(-6, 6))


def test_renames_travel_with_the_numbers(tmp_path: Path) -> None:
    column = tunes([chorale(0)])
    numbers = StreamEncoder.fit(column, {}).numbers(column)
    blocks.write(tmp_path, numbers)
    np.testing.assert_array_equal(blocks.read(tmp_path).renames, numbers.renames)


# -- sound and picture -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sound", ["piano", "organ"])
def test_each_note_sounds_at_its_pitch(sound: str) -> None:
    tune = tune_of([(0, 57, 48, 80, 0), (48, 64, 48, 80, 0), (48, 72, 48, 80, 1)], tempo=60)
    data = write_wav(wave_of(tune, sound=sound))
    with wave.open(io.BytesIO(data)) as file:
        rate, samples = file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert np.abs(samples).max() > 20_000
    for start, pitches in ((0.2, [57]), (2.2, [64, 72])):
        part = samples[int(start * rate) : int((start + 1.5) * rate)] * np.hanning(int(1.5 * rate))
        power, hertz = np.abs(np.fft.rfft(part)), np.fft.rfftfreq(len(part), 1 / rate)
        for pitch in pitches:
            near = np.abs(hertz - frequency(pitch)) < 3
            assert power[near].max() > 0.25 * power.max()
        silent = np.abs(hertz - frequency(61)) < 3
        assert power[silent].max() < 0.05 * power.max()
    assert np.abs(samples[-rate // 10 :]).max() < 400  # it dies away
    with pytest.raises(UsageError, match="piano"):
        wave_of(tune, sound="kazoo")


def test_a_piano_roll_shows_each_note() -> None:
    image = pytest.importorskip("PIL.Image")
    tune = tune_of([(0, 60, 96, 100, 0), (96, 64, 96, 100, 1)])
    page = roll(tune, width=200, row=4)
    seen = np.asarray(image.open(io.BytesIO(write_png(page))))
    np.testing.assert_array_equal(seen, page)
    height = lambda pitch: (66 - pitch) * 4 + 1  # noqa: E731
    assert page[height(60), 50].tolist() != page[height(60), 150].tolist()
    assert page[height(64), 150].tolist() not in (page[height(64), 50].tolist(), page[height(60), 50].tolist())


# -- learning and making -----------------------------------------------------------------------------------------------


def numbers_of(seeds: range) -> tuple[StreamEncoder, Numbers, Numbers]:
    column = tunes([chorale(s) for s in seeds])
    encoder = StreamEncoder.fit(column, {})
    return encoder, encoder.numbers(column), encoder.numbers(tunes([chorale(s) for s in range(100, 110)]))


def test_factored_ngrams_find_the_step_and_learn_from_every_key() -> None:
    _, train, held = numbers_of(range(30))
    task = Generate("tune", "nats-per-frame", "frame")
    fitted = FactoredNgrams().fit(train, task, Clock())
    assert fitted.period == 4
    assert set(fitted.renamed) == {False, True}
    error = task.measure(held.y, fitted.answer(held.x))
    entropy = -(0.5 * np.log(0.5) + 2 * 0.25 * np.log(0.25))
    assert entropy < error < entropy + 0.25  # the voices go together: one choice a step
    elsewhere = train.renames[3][held.x]  # type: ignore[index]
    alone = FactoredNgrams().fit(dataclasses.replace(train, renames=None), task, Clock())
    in_another_key = task.measure(held.y, fitted.answer(elsewhere))
    assert in_another_key < 0.6 * task.measure(held.y, alone.answer(elsewhere))


def test_published_errors_leave_out_where_a_tune_ends() -> None:
    task = Generate.learn("tune", unit="frame")
    assert task.metric == "nats-per-frame"
    y, answer = np.array([0.0, 0.5, 0.5, 0.0, 0.5, 0.5]), np.array([[1.0], [0.5], [0.5], [1e-9], [0.5], [0.5]])
    assert task.measure(y, answer) == pytest.approx(2 * np.log(2))
    assert Generate.from_json(task.to_json()) == task


@pytest.mark.parametrize("unit", ["frame", "note"])
def test_from_files_to_a_song_by_the_command_line(unit: str, tmp_path: Path) -> None:
    from ungated.cli import app
    from ungated.generation.music import compose, write_tune
    from ungated.model import Model

    if unit == "frame":
        data = tmp_path / "chorales.json"
        data.write_text(json.dumps({k: [chorale(s) for s in r] for k, r in SPLIT.items()}))
    else:
        data = tmp_path / "tunes"
        data.mkdir()
        for seed in range(30):
            pitches = [chord[3] for chord in chorale(seed)]
            (data / f"{seed}.mid").write_bytes(write_midi(melody(pitches, GRID // 2)))
    out = tmp_path / "model"
    words = ["fit", str(data), "--task", "generate", "--out", str(out), "--candidates", "2"]
    words += ["--algorithms", "factored_ngrams", "--time", "60s"]
    # A process of its own: time counts from the start of the process.
    ran = subprocess.run([sys.executable, "-m", "ungated", *words], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert f"per-{unit}" in ran.stdout
    model = Model.load(out)
    tune = compose(model, 4, seed=3)
    assert tune.length <= 4 * tune.bar + 4 * GRID
    assert len(tune.notes) >= 8
    np.testing.assert_array_equal(compose(model, 4, seed=3).notes, tune.notes)
    for name in ("song.mid", "song.wav", "song.png"):
        write_tune(tune, tmp_path / name)
        assert (tmp_path / name).stat().st_size > 100
    np.testing.assert_array_equal(read_midi((tmp_path / "song.mid").read_bytes()).notes[:, PITCH], tune.notes[:, PITCH])
    longer = compose(model, 2, seed=3, opening=tune)
    assert longer.length > tune.length
    for bars in (0, 100_000):
        with pytest.raises(UsageError, match="bars"):
            compose(model, bars)
    words = [
        "generate",
        str(out),
        "--prompt",
        str(tmp_path / "song.mid"),
        "--bars",
        "2",
        "--out",
        str(tmp_path / "2.mid"),
    ]
    ran = CliRunner().invoke(app, words, catch_exceptions=False, standalone_mode=False)
    assert len(read_midi((tmp_path / "2.mid").read_bytes()).notes) > len(tune.notes) // 2
    with pytest.raises(UsageError, match="generate"):
        model.predict(str(data))
    page = (out / "report.html").read_text()
    assert "audio/wav" in page
    assert "copied" in page


SPLIT = {"train": range(30), "valid": range(30, 36), "test": range(36, 42)}


def test_bach_chorales_as_published(data_dir: Path) -> None:
    """The standard split of Boulanger-Lewandowski et al. 2012: every frame of the test tunes, quarter notes."""
    path = data_dir / "jsb-chorales" / "jsb-chorales-quarter.json.gz"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    found = recognise(path)
    assert found is not None
    assert found.sealed is not None
    assert (len(found.frame), found.judges, len(found.sealed)) == (305, 76, 77)
    learn = found.frame["tune"][: -found.judges]
    encoder = StreamEncoder.fit(learn, found.hows["tune"])
    train, test = encoder.numbers(learn), encoder.numbers(found.sealed["tune"])
    assert test.y.sum() == pytest.approx(4725)
    for cell in found.sealed["tune"]:  # the codes say each frame's set of notes, no less
        tune = unpack(cell)
        np.testing.assert_array_equal(encoder.decode(encoder.encode(tune), joined=False).notes, tune.notes)
    task = Generate("tune", "nats-per-frame", "frame")
    fitted = FactoredNgrams().fit(train, task, Clock())
    assert task.measure(test.y, fitted.answer(test.x)) < 4.8


def test_pitches_may_be_written_as_whole_fractions_and_what_is_no_tune_is_named(tmp_path: Path) -> None:
    (tmp_path / "songs.json").write_text(json.dumps([[[60.0, 64.0], [62, -1]], [[60.5, 61]]]))
    (tmp_path / "README.md").write_text("Two songs.")
    found = recognise(tmp_path)
    assert found is not None
    assert unpack(found.frame["tune"][0]).notes[:, PITCH].tolist() == [64, 60, 62]
    assert found.frame["tune"][1] is None
    assert any("README.md" in note for note in found.notes)
