"""Sounds: what is read of files of every kind, what broken ones say, and what is made of clips."""

import base64
import io
import struct
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ungated.algorithms.classical.random_convolutions import RandomConvolutions
from ungated.core.algorithm import State
from ungated.core.clock import Clock
from ungated.core.numbers import Change, Form, Numbers, Takes
from ungated.engines import state
from ungated.modalities.duplicates import ones
from ungated.modalities.sound import (
    SoundPart,
    SpectrogramEncoder,
    decode,
    fingerprints,
    pack,
    preview,
    survey,
    unpack,
)
from ungated.modalities.sound.spectrum import Spectrum, hertz, mel
from ungated.tasks.classify import Classify

HOW = {"rate": 8000, "seconds": 1.0}


def tone(frequency: float, seconds: float = 0.5, rate: int = 8000, loud: float = 0.5) -> np.ndarray:
    return (loud * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def written(wave: np.ndarray, rate: int, form: str = "WAV", subtype: str | None = None) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, wave, rate, format=form, subtype=subtype)
    return file.getvalue()


def column(*waves: np.ndarray | None, rate: int = 8000) -> pl.Series:
    cells = [None if w is None else pack(np.round(w * 32767).astype(np.int16), rate) for w in waves]
    return pl.Series("voice", cells, pl.Binary)


def pitch(samples: np.ndarray, rate: int) -> float:
    """The strongest frequency, hertz."""
    spectrum = np.abs(np.fft.rfft(samples.astype(float) * np.hanning(len(samples)), 2**16))
    return float(np.argmax(spectrum) * rate / 2**16)


@pytest.mark.parametrize(
    ("form", "subtype"),
    [
        ("WAV", "PCM_U8"),
        ("WAV", "PCM_16"),
        ("WAV", "PCM_24"),
        ("WAV", "PCM_32"),
        ("WAV", "FLOAT"),
        ("WAV", "DOUBLE"),
        ("WAV", "ULAW"),
        ("FLAC", "PCM_16"),
        ("FLAC", "PCM_24"),
        ("OGG", "VORBIS"),
        ("OGG", "OPUS"),
        ("MP3", "MPEG_LAYER_III"),
        ("AIFF", "PCM_16"),
        ("AU", "PCM_16"),
    ],
)
@pytest.mark.parametrize("rate", [8000, 48000])
def test_every_format_keeps_length_pitch_and_level(form: str, subtype: str, rate: int, tmp_path: Path) -> None:
    path = tmp_path / f"a tone.{form.lower()}"
    path.write_bytes(written(tone(440, rate=rate), rate, form, subtype))
    cells, broken = decode([path, path.read_bytes()], HOW)
    assert broken == []
    for cell in cells:
        samples, found = unpack(cell or b"")
        assert found == 8000
        assert abs(len(samples) - 4000) <= (0 if form in ("WAV", "FLAC", "AIFF", "AU") else 1000)
        assert abs(pitch(samples[500:3500], 8000) - 440) < 3
        assert 0.45 < np.abs(samples[500:3500]).max() / 32768 < 0.55


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 96000])
def test_resampling_keeps_the_pitch_and_leaves_no_echo_of_what_is_too_high(rate: int) -> None:
    heard = tone(1000, rate=rate) + (tone(5000, rate=rate) if rate > 10000 else 0)
    samples, _ = unpack(decode([written(heard, rate)], HOW)[0][0] or b"")
    assert abs(pitch(samples, 8000) - 1000) < 3
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 8000))
    assert spectrum[2900:3100].max() < spectrum[1000] / 300


def test_channels_are_mixed_and_long_clips_cut_to_their_loudest_stretch() -> None:
    left = np.concatenate([0.02 * tone(300, 2), tone(700, 1), 0.02 * tone(300, 2)])
    cells, broken = decode([written(np.stack([left, 0 * left], axis=1), 8000)], HOW)
    assert not broken
    samples, _ = unpack(cells[0] or b"")
    assert len(samples) == 8000
    assert abs(pitch(samples, 8000) - 700) < 3
    assert 0.2 < np.abs(samples).max() / 32768 < 0.3
    assert np.abs(samples[2000:6000].astype(float)).mean() > 2000


def test_samples_beyond_full_scale_are_turned_down_not_clipped() -> None:
    samples, _ = unpack(decode([written(3 * tone(440), 8000, "WAV", "FLOAT")], HOW)[0][0] or b"")
    assert np.abs(samples).max() == 32767
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 8000))
    assert spectrum[1320] < spectrum[440] / 1000


def test_broken_files_are_named_with_their_reasons(tmp_path: Path) -> None:
    good, long = written(tone(440), 8000), written(tone(440, 3), 8000, "FLAC")
    lying = bytearray(good)
    lying[40:44] = struct.pack("<I", 0xFFFFFF00)
    promising = bytearray(long)
    promising[21] |= 0x0F  # the header's count of samples: 64 billion
    promising[22] = 0xFF
    mp3 = written(tone(440, 3), 8000, "MP3")
    wrong_rate = bytearray(good)
    wrong_rate[24:28] = struct.pack("<I", 2_000_000)
    broken = {
        "empty.wav": (b"", "is empty"),
        "cut.wav": (good[:2000], "cut short"),
        "lies.wav": (bytes(lying), "cut short: 8,000 of the 4,294,967,040 bytes"),
        "lies.flac": (bytes(promising), "cut short"),
        "cut.flac": (long[: len(long) // 2], "cut short"),
        "cut.mp3": (mp3[: len(mp3) // 2], "cut short"),
        "cut.ogg": (written(tone(440, 3), 8000, "OGG")[:2000], "cut short"),
        "text.wav": ("Grüße, this is no sound.\n".encode() * 200, "is text, not a sound"),
        "picture.wav": (b"\x89PNG\r\n\x1a\n" + bytes(100), "is a picture, not a sound"),
        "noise.mp3": (np.random.default_rng(0).bytes(3000), "is not a sound file"),
        "silent header.wav": (written(tone(440)[:0], 8000), "holds no samples"),
        "rate.wav": (bytes(wrong_rate), "damaged header"),
        "nan.wav": (written(np.full(800, np.nan, np.float32), 8000, "WAV", "FLOAT"), "not numbers"),
    }
    for name, (content, _) in broken.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "good.wav").write_bytes(good)
    (tmp_path / "folder.wav").mkdir()
    names = ["good.wav", *broken, "folder.wav", "gone.wav"]
    cells, found = decode([None, *(tmp_path / n for n in names)], HOW, names=["none", *names])
    assert [c is not None for c in cells] == [False, True] + [False] * (len(names) - 1)
    assert [b.file for b in found] == names[1:]
    reasons = {b.file: b.why for b in found}
    for name, (_, why) in broken.items():
        assert why in reasons[name], name
    assert reasons["folder.wav"] == "is not a file"
    assert reasons["gone.wav"] == "does not exist"
    assert all(len(why) < 120 and "\n" not in why for why in reasons.values())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(["WAV", "FLAC", "OGG", "AIFF", "AU"]),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=8),
    st.floats(0, 1),
)
def test_damaged_bytes_are_a_clip_or_a_reason(form: str, changes: list[tuple[float, int]], kept: float) -> None:
    content = bytearray(written(tone(440, 0.1), 8000, form))
    for where, value in changes:
        content[int(where * 200) % len(content)] = value
    cells, broken = decode([bytes(content[: int(kept * len(content)) + 1])], HOW)
    assert (cells[0] is None) == (len(broken) == 1)
    if cells[0] is not None:
        samples, rate = unpack(cells[0])
        assert rate == 8000
        assert 0 < len(samples) <= 8000


@given(st.binary(max_size=400))
def test_any_bytes_are_a_reason(content: bytes) -> None:
    cells, broken = decode([content], HOW)
    assert (cells[0] is None) == (len(broken) == 1)


def test_the_survey_finds_rate_and_room() -> None:
    files = [written(tone(440, 0.1 * (i + 1)), 22050 if i % 4 else 8000) for i in range(20)]
    how = survey([*files, b"broken"], 10**9, 21)
    assert how["rate"] == 16000
    assert how["native"] == [8000, 22050]
    assert how["longest"] == pytest.approx(max(soundfile.info(io.BytesIO(f)).duration for f in files), abs=1e-3)
    assert how["seconds"] <= how["longest"]
    tight = survey(files, 20 * 2 * 16000 // 5, 20)
    assert tight["seconds"] == pytest.approx(0.2)
    assert survey([b"broken"], 10**9, 1)["rate"] == 16000


@given(st.floats(20, 20000))
def test_the_mel_scale_and_its_inverse(frequency: float) -> None:
    assert float(hertz(mel(frequency))) == pytest.approx(frequency)


@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize("frequency", [200, 440, 1000, 3000])
def test_a_tone_peaks_in_its_band(frequency: float, rate: int) -> None:
    spectrum = Spectrum(rate, 32, rate // 100, round(0.032 * rate))
    heard = spectrum.decibels(tone(frequency, rate=rate))
    assert heard.shape == (51, 32)
    nearest = int(np.abs(mel(spectrum.centres) - mel(frequency)).argmin())
    assert (np.abs(heard[5:-5].argmax(axis=1) - nearest) <= 1).all()
    louder = spectrum.decibels(2 * tone(frequency, rate=rate))
    np.testing.assert_allclose((louder - heard)[5:-5, nearest], 20 * np.log10(2), atol=0.01)


def test_spectrograms_are_centred_whatever_the_level_and_saved_as_they_are() -> None:
    values = column(tone(440, 0.4), 0.05 * tone(440, 0.4), None, 0 * tone(440, 0.4), tone(440, 1.5))
    encoder = SpectrogramEncoder.fit(values[:2], HOW)
    numbers = encoder.numbers(values, np.arange(5))
    assert numbers.form is Form.PIXELS
    assert numbers.x.dtype == np.uint8
    assert numbers.x.shape == (5, *encoder.size)
    assert numbers.changes == {Change.SLIDE, Change.MASK}
    assert np.abs(numbers.x[0].astype(int) - numbers.x[1]).max() <= 40  # what is beyond the tone is rounding noise
    assert not numbers.x[2].any()
    assert not numbers.x[3].any()
    lit = np.flatnonzero(numbers.x[0, 0].max(axis=0) > 200)
    assert abs((lit[0] + lit[-1]) / 2 - (encoder.size[2] - 1) / 2) <= 1
    again = SpectrogramEncoder.load(State(values=dict(encoder.state().values)))
    assert again == encoder
    np.testing.assert_array_equal(again.numbers(values[1:2], np.zeros(1)).x[0], numbers.x[1])
    long = SpectrogramEncoder.fit(values, {"rate": 16000, "seconds": 30.0})
    assert long.size[2] <= 128
    assert long.window >= long.hop


def test_rows_say_what_a_clip_is_like() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.1, 4000).astype(np.float32)
    values = column(tone(220), 0.1 * tone(220), noise, tone(100, 0.25), None)
    raw = SoundPart.fit(values, HOW, frozenset({Takes.RAW_SCALE, Takes.MISSING}))
    out = np.empty((5, len(raw.columns())), np.float32)
    raw.fill(values, out)
    of = {c.name: out[:, i] for i, c in enumerate(raw.columns())}
    assert len(of) == out.shape[1]
    assert all(c.source == "voice" for c in raw.columns())
    np.testing.assert_allclose(of["voice: seconds"][:4], [0.5, 0.5, 0.5, 0.25])
    np.testing.assert_allclose(of["voice: pitch, median Hz"][[0, 1, 3]], [220, 220, 100], rtol=0.03)
    assert of["voice: pitch, share with pitch"][0] > 0.9
    assert of["voice: pitch, share with pitch"][2] < 0.2
    assert of["voice: loudness, loudest dB"][0] - of["voice: loudness, loudest dB"][1] == pytest.approx(20, abs=0.5)
    np.testing.assert_allclose(of["voice: zero crossings, mean per s"][[0, 3]], [440, 200], rtol=0.1)
    assert np.isnan(out[4]).all()
    assert np.isfinite(out[:4]).all()


def test_rows_are_scaled_by_training_clips_alone() -> None:
    known, fresh = column(tone(220), tone(300), tone(900)), column(tone(3000, 1.0), None, 0 * tone(50), tone(1)[:1])
    part = SoundPart.fit(known, HOW, frozenset())
    whole, out = np.empty((3, len(part.columns())), np.float32), np.empty((4, len(part.columns())), np.float32)
    part.fill(known, whole)
    np.testing.assert_allclose(whole.mean(axis=0), 0, atol=1e-3)
    part.fill(fresh, out)
    assert np.isfinite(out).all()
    assert np.abs(out).max() <= 10
    assert not out[1].any()
    alone = np.empty((1, out.shape[1]), np.float32)
    part.fill(fresh[:1], alone)
    np.testing.assert_array_equal(alone[0], out[0])


def test_the_same_clip_twice_has_the_same_fingerprint() -> None:
    rng = np.random.default_rng(1)
    clips = [np.convolve(rng.normal(size=6000), np.hanning(k), "same").astype(np.float32) for k in range(3, 23)]
    clips = [c / np.abs(c).max() * 0.9 * np.interp(np.arange(6000), np.arange(7) * 1000, rng.random(7)) for c in clips]
    clips = [c.astype(np.float32) for c in clips]
    quieter = [0.3 * np.concatenate([np.zeros(800, np.float32), c]) for c in clips]
    decoded, broken = decode([written(c, 8000, "OGG") for c in clips], HOW)
    assert not broken
    prints, again = fingerprints(column(*clips)), fingerprints(column(*quieter))
    packed = fingerprints(pl.Series("voice", decoded, pl.Binary))
    assert prints.dtype == np.uint64
    assert np.median(ones(prints ^ again)) <= 2
    assert np.median(ones(prints ^ packed)) <= 4
    apart = ones(prints[:, None] ^ prints)[np.triu_indices(len(clips), 1)]
    assert apart.min() > 6
    assert not fingerprints(column(None, 0 * tone(50), tone(300, 0.01))).any()


def test_a_preview_plays_and_shows() -> None:
    player, picture = preview(pack((tone(440, 6, 16000) * 32767).astype(np.int16), 16000))
    wave, rate = soundfile.read(io.BytesIO(base64.b64decode(player.removeprefix("data:audio/wav;base64,"))))
    assert rate == 8000
    assert len(wave) == 4 * 8000
    assert abs(pitch(wave, 8000) - 440) < 3
    assert base64.b64decode(picture.removeprefix("data:image/png;base64,")).startswith(b"\x89PNG")
    assert len(player) + len(picture) < 150_000


def test_random_convolutions_tell_rising_from_falling(tmp_path: Path) -> None:
    """Two kinds of sound that differ in nothing but the order of their parts; saved, loaded, and asked again."""
    rng = np.random.default_rng(0)

    def sweep(up: bool) -> np.ndarray:
        low, high = rng.uniform(200, 400), rng.uniform(1500, 2500)
        path = np.linspace(low, high, 4000) if up else np.linspace(high, low, 4000)
        return (0.3 * np.sin(2 * np.pi * np.cumsum(path) / 8000) + rng.normal(0, 0.01, 4000)).astype(np.float32)

    y = np.arange(160) % 2
    values = column(*(sweep(bool(k)) for k in y))
    numbers = SpectrogramEncoder.fit(values, HOW).numbers(values, y)
    known: Numbers = numbers.take(np.arange(100))
    fitted = RandomConvolutions(kernels=400).fit(known, Classify(("down", "up")), Clock(seed=0))
    said = fitted.answer(numbers.x[100:])
    assert np.mean(said.argmax(axis=1) == y[100:]) > 0.95
    state.write(tmp_path / "model", fitted.state())
    again = RandomConvolutions().load(state.read(tmp_path / "model"))
    np.testing.assert_array_equal(again.answer(numbers.x[100:]), said)
