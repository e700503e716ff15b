"""Bach's chorales as published: nats a frame against seconds, each algorithm alone, and a song that is made.

    python benchmarks/music.py --time 5,60 --memory 2GB
    python benchmarks/music.py --alone            # every algorithm by itself, on one thread
    python benchmarks/music.py --song song        # song.mid, .wav, .png of 16 bars, and what was checked of them

The recipe is that of Boulanger-Lewandowski et al. 2012: their split (229 to learn from, 76 to judge, 77 to test), their
quarter-note frames, every frame of the test counted, the first ones too; the error is the mean over frames of minus the
logarithm of the probability of the frame's set of notes, given all frames before. Codes say each set of notes, no less:
the test's sets come back from them, which is checked. They say a little more, since where voices meet they also name
the voice, so the error is an upper bound. Where a tune ends is not counted, as in the published errors. The validation
part judges and is not learned from.
"""

import argparse
import io
import os
import subprocess
import sys
import tempfile
import time
import wave
from pathlib import Path

import numpy as np

PUBLISHED = {  # as others quote them
    "RNN-NADE (Boulanger-Lewandowski et al. 2012)": 5.56,
    "GRU (Chung et al. 2014)": 8.54,
    "TCN (Bai et al. 2018)": 8.09,
}


def chorales() -> Path:
    data = Path(os.environ.get("UNGATED_DATA", Path(__file__).parents[2] / "shared" / "data"))
    return data / "jsb-chorales" / "jsb-chorales-quarter.json.gz"


def fitted(seconds: str, memory: str, out: Path, seed: int) -> tuple[float, str]:
    """(wall seconds, the last lines) of a fit by the command line."""
    words = ["fit", str(chorales()), "--task", "generate", "--time", seconds, "--memory", memory, "--out", str(out)]
    began = time.monotonic()
    ran = subprocess.run(
        [sys.executable, "-m", "ungated", *words, "--seed", str(seed)], capture_output=True, text=True, check=False
    )
    if ran.returncode:
        sys.exit(ran.stdout + ran.stderr)
    return time.monotonic() - began, ran.stdout


def against_seconds(times: list[str], memory: str, seed: int) -> None:
    import ungated

    print(f"{'':44}{'nats a frame':>14}{'95% interval':>18}{'wall s':>9}{'peak MB':>9}")
    for name, error in PUBLISHED.items():
        print(f"{name:44}{error:14.3f}")
    for seconds in times:
        with tempfile.TemporaryDirectory() as folder:
            wall, _ = fitted(seconds, memory, Path(folder) / "model", seed)
            run = ungated.load(Path(folder) / "model").run
        error = run.error
        told = f"{error.low:.3f} to {error.high:.3f}"
        print(f"{'ungated --time ' + seconds:44}{error.value:14.3f}{told:>18}{wall:9.1f}{run.peak_bytes / 1e6:9.0f}")
        for entry in run.leaderboard[:8]:
            held = f"{entry.error:.3f}" if entry.error is not None else entry.fate
            print(f"    {entry.algorithm[:52]:52}{held:>8} held out, weight {entry.weight:.2f}, {entry.seconds:.1f} s")


def alone(limit: float) -> None:
    """Each algorithm that writes, by itself: learned from the 229, tested on the 77."""
    from threadpoolctl import threadpool_limits

    from ungated import algorithms
    from ungated.core.clock import Clock
    from ungated.core.numbers import Form
    from ungated.modalities.music import StreamEncoder, recognise
    from ungated.tasks.generate import Generate

    found = recognise(chorales())
    assert found is not None
    assert found.sealed is not None
    learn = found.frame["tune"][: -found.judges]
    encoder = StreamEncoder.fit(learn, found.hows["tune"])
    train, test = encoder.numbers(learn), encoder.numbers(found.sealed["tune"])
    task = Generate.learn("tune", unit="frame")
    print(f"{'algorithm':28}{'year':>6}{'nats a frame':>14}{'seconds':>9}")
    for id_, cls in sorted(algorithms.discover().items(), key=lambda kv: kv[1].card.year):
        if cls.card.form is not Form.STREAM:
            continue
        for settings in ({}, *cls.variants):
            clock = Clock(seconds=limit)
            with threadpool_limits(1):
                model = cls(**settings).fit(train, task, clock)
                spent = clock.spent()
                error = task.measure(test.y, model.answer(test.x))
            name = f"{id_} {' '.join(f'{k}={v}' for k, v in settings.items())}"
            print(f"{name:28}{cls.card.year:6}{error:14.3f}{spent:9.1f}", flush=True)


def song(model: Path | None, to: Path, seed: int) -> None:
    """A song of 16 bars, and what another library and a spectrum say of its files."""
    import ungated
    from ungated.generation.music import compose, write_tune
    from ungated.modalities.music.synth import frequency
    from ungated.modalities.music.tune import LENGTH, PITCH, START

    with tempfile.TemporaryDirectory() as folder:
        if model is None:
            model = Path(folder) / "model"
            fitted("10s", "2GB", model, seed)
        loaded = ungated.load(model)
        began = time.monotonic()
        tune = compose(loaded, 16, seed=seed)
        print(
            f"16 bars, {len(tune.notes)} notes, {tune.seconds:.0f} s of music, made in {time.monotonic() - began:.1f} s"
        )
    for end in (".mid", ".wav", ".png"):
        write_tune(tune, to.with_suffix(end))
    from importlib.metadata import version

    import mido

    opened = mido.MidiFile(to.with_suffix(".mid"))
    struck = sum(m.type == "note_on" for track in opened.tracks for m in track)
    print(f"mido {version('mido')} opens {to.with_suffix('.mid')}: {struck} notes, {opened.length:.0f} s")
    with wave.open(io.BytesIO(to.with_suffix(".wav").read_bytes())) as file:
        rate, sound = file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)
    tick, heard, asked = 60 / tune.tempo / tune.grid, 0, 0
    for row in tune.notes[tune.notes[:, LENGTH] * tick > 0.3].tolist():
        part = sound[int((row[START] * tick + 0.05) * rate) :][: int(0.3 * rate)] * np.hanning(int(0.3 * rate))
        power, hertz = np.abs(np.fft.rfft(part, 1 << 16)), np.fft.rfftfreq(1 << 16, 1 / rate)
        near = np.abs(hertz - frequency(row[PITCH])) < 0.02 * frequency(row[PITCH])
        heard, asked = heard + int(power[near].max() > 0.1 * power.max()), asked + 1
    print(f"{to.with_suffix('.wav')}: {len(sound) / rate:.0f} s; {heard} of {asked} notes stand out in its spectrum")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--time", default="5s,60s", help="limits, such as 5s,60s,600s")
    parser.add_argument("--memory", default="2GB")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--alone", action="store_true", help="each algorithm by itself instead")
    parser.add_argument("--each", type=float, default=60.0, help="seconds of each with --alone")
    parser.add_argument("--song", type=Path, help="make a song instead, into files of this name")
    parser.add_argument("--model", type=Path, help="the model that makes it; without, one is fitted in 10 s")
    asked = parser.parse_args()
    if asked.song:
        song(asked.model, asked.song, asked.seed)
    elif asked.alone:
        alone(asked.each)
    else:
        against_seconds(asked.time.split(","), asked.memory, asked.seed)


if __name__ == "__main__":
    main()
