"""Making sounds: a spectrogram becomes a wave that has it, and a whole run from the shell gives sounds to hear."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import ungated
from ungated.cli import app
from ungated.generation.pictures import make
from ungated.generation.sounds import encoder_of
from ungated.modalities.sound import SpectrogramEncoder, pack
from ungated.modalities.sound.griffin_lim import wave_of
from ungated.modalities.sound.spectrum import Spectrum
from ungated.model import Model

RATE = 8000
HOW = {"rate": RATE, "seconds": 0.5}


def glide(low: float, high: float, rng: np.random.Generator, seconds: float = 0.4) -> np.ndarray:
    """A tone with overtones that goes from one pitch to another, and a little noise."""
    pitch = np.geomspace(low, high, round(seconds * RATE))
    turns = 2 * np.pi * np.cumsum(pitch) / RATE
    wave = sum(np.sin(k * turns) / k for k in range(1, 6)) * np.hanning(len(turns))
    return np.float32(0.2 * wave + 0.001 * rng.standard_normal(len(turns)))


@settings(max_examples=15, deadline=None)
@given(st.floats(100, 1500), st.floats(100, 1500), st.integers(0, 99), st.sampled_from([20, 32, 44]))
def test_the_wave_has_the_spectrogram_that_was_asked_for(low: float, high: float, seed: int, bands: int) -> None:
    spectrum = Spectrum(RATE, bands, hop=80, window=256)
    asked = spectrum.power(glide(low, high, np.random.default_rng(seed)))
    wave = wave_of(asked, spectrum, seed)
    assert wave.dtype == np.float32
    heard = spectrum.power(wave)
    assert heard.shape == asked.shape
    loud = asked > asked.max() / 1000
    assert np.abs(10 * np.log10(heard[loud] / asked[loud])).mean() < 2.5, "decibels, where it can be heard"
    assert (wave_of(asked, spectrum, seed) == wave).all()


def test_a_picture_becomes_a_sound_without_the_black_around_it() -> None:
    wave = glide(200, 800, np.random.default_rng(0))
    cell = pack(np.round(wave * 32767).astype(np.int16), RATE)
    encoder = SpectrogramEncoder.fit(pl.Series("sound", [cell], pl.Binary), HOW)
    picture = encoder.numbers(pl.Series("sound", [cell], pl.Binary), np.zeros(1)).x[0]
    made = encoder.wave(picture)
    assert np.abs(made).max() == pytest.approx(0.8, abs=1e-3)
    assert 0.3 < len(made) / RATE <= 0.45
    silence = encoder.wave(np.zeros_like(picture))
    assert not silence.any()
    assert len(silence)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made of glides up and glides down, by principal components with clouds."""
    folder, rng = tmp_path_factory.mktemp("glides"), np.random.default_rng(0)
    for k in range(120):
        ends = rng.uniform(200, 400), rng.uniform(900, 1500)
        name = ("up", "down")[k % 2]
        (folder / "recordings" / name).mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / "recordings" / name / f"{k}.wav", glide(*ends[:: 1 - 2 * (k % 2)], rng), RATE)
    asked = {"task": "generate", "algorithms": "pca_mixture", "candidates": 2}
    ungated.fit(str(folder / "recordings"), out=folder / "model", **asked)
    return folder / "model"


def test_sounds_are_made_on_demand(model: Path, tmp_path: Path) -> None:
    asked = ["generate", str(model), "--count", "2", "--label", "up", "--seed", "1"]
    done = CliRunner().invoke(app, [*asked, "--out", str(tmp_path / "up.wav"), "--wav", str(tmp_path / "more.wav")])
    assert done.exit_code == 0, done.output
    assert "2 sounds are in" in done.output
    for name in ("up-1.wav", "up-2.wav", "more-1.wav"):
        wave, rate = soundfile.read(tmp_path / name)
        assert rate == RATE
        assert len(wave) > 0.1 * RATE
        assert np.abs(wave).max() > 0.5
    done = CliRunner().invoke(app, ["generate", str(model), "--count", "4", "--out", str(tmp_path / "sheet.png")])
    assert "4 spectrograms are in" in done.output
    assert min(Image.open(tmp_path / "sheet.png").size) > 50


def test_what_is_asked_to_glide_up_does(model: Path) -> None:
    """By the pitch band that is loudest at the beginning and at the end."""
    loaded = Model.load(str(model))
    assert encoder_of(loaded) is not None
    for label, sign in (("up", 1), ("down", -1)):
        made = make(loaded, 20, label=label, seed=3)[:, 0].astype(float)
        middle = made.shape[2] // 2
        places = [
            part.mean(axis=(0, 2)) @ np.arange(made.shape[1]) for part in (made[:, :, :middle], made[:, :, middle:])
        ]
        assert sign * (places[1] - places[0]) > 0


def test_the_report_plays_what_it_made(model: Path) -> None:
    report = (model / "report.html").read_text(encoding="utf-8")
    assert "Sounds that it made" in report
    assert report.count("data:audio/wav;base64,") >= 4


@pytest.mark.parametrize(("out", "words"), [("song.mp3", ".wav or .png"), ("nowhere/a.wav", "there is no folder")])
def test_what_cannot_be_written_is_told_before(model: Path, tmp_path: Path, out: str, words: str) -> None:
    done = CliRunner().invoke(app, ["generate", str(model), "--out", str(tmp_path / out)], standalone_mode=False)
    assert done.exception is not None
    assert words in str(done.exception)
