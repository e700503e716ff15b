"""Made pictures: how well they are told from real ones, whether a class on demand is that class, and sheets to look at.

    python benchmarks/picture_generation.py --sets digits,fashion-mnist,sprites --time 15m --memory 2GB --out sheets

Each set is fitted by the command a person would type; its leaderboard has every era. Then, on pictures made by the
saved model: `on demand`, the share that a separate classifier (the residual network, trained here on real pictures)
takes for the class that was asked for, beside the same on real test pictures; `network`, how often a residual network,
trained on half of made and test pictures, tells the other half (50% is perfect), a second opinion on the two-sample
error of the report; `Fréchet`, the distance on the classifier's own probabilities' logarithms.
digits are scikit-learn's, enlarged to 28 x 28 pixels; sprites are the 32 x 32 tiles of Dungeon Crawl.
"""

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

import ungated
from ungated.algorithms.modern.residual_network import ResidualNetwork
from ungated.core.clock import Clock
from ungated.core.numbers import Form, Numbers
from ungated.generation import pictures as generation
from ungated.tasks.classify import Classify

SIDE = 28
MADE = 1000  # pictures by which the benchmark judges
SECONDS = 90.0  # for each network that judges


def _digits(data: Path, folder: Path) -> Path:
    """scikit-learn's digits, 8 x 8, enlarged; a fifth is sealed."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    small = (x.reshape(-1, 8, 8) * (255 / 16)).round().astype(np.uint8)
    large = np.stack([np.asarray(Image.fromarray(p).resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for p in small])
    x_train, x_test, y_train, y_test = train_test_split(large, y, test_size=0.2, random_state=0, stratify=y)
    np.savez(folder / "digits.npz", x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return folder / "digits.npz"


def _fashion(data: Path, folder: Path) -> Path:
    return data / "fashion-mnist"


def _sprites(data: Path, folder: Path) -> Path:
    """The tiles that are 32 x 32, as files."""
    to = folder / "sprites"
    to.mkdir()
    with tarfile.open(data / "dcss-tiles" / "Nov-2015.tar.gz") as archive:
        for k, member in enumerate(m for m in archive if m.name.endswith(".png")):
            file = archive.extractfile(member)
            contents = file.read() if file else b""
            if Image.open(BytesIO(contents)).size == (32, 32):
                (to / f"{k:05d}.png").write_bytes(contents)
    return to


SETS: dict[str, Callable[[Path, Path], Path]] = {"digits": _digits, "fashion-mnist": _fashion, "sprites": _sprites}


def fitted(source: Path, time_: str, memory: str, out: Path) -> None:
    """Fit by the command line, its words on the terminal."""
    command = [sys.executable, "-m", "ungated", "fit", str(source), "--task", "generate"]
    subprocess.run([*command, "--time", time_, "--memory", memory, "--out", str(out)], check=True)


def real(model: ungated.Model, source: Path) -> tuple[Numbers, Numbers]:
    """(what was learned from, what was sealed): pictures with their class codes."""
    from ungated.modalities import table
    from ungated.modalities.reading import read

    raw, classes = read(str(source), task="generate"), list(generation.classes_of(model))
    parts = []
    for frame in (raw.frame, raw.sealed):
        assert frame is not None
        typed = table.cast(frame, model.schema, where=str(source), base=raw.base).frame
        codes = np.array([classes.index(str(v)) for v in typed[model.target]], np.int64)
        parts.append(Numbers(Form.PIXELS, model.numbers(typed).x, codes))
    return parts[0], parts[1]


def judged(train: Numbers, x: np.ndarray, classes: int) -> np.ndarray:
    """What a residual network says of x, (n, classes), trained on `train` for SECONDS."""
    task = Classify(tuple(map(str, range(classes))))
    clock = Clock(seconds=SECONDS, threads=os.cpu_count() or 1)
    return ResidualNetwork().fit(train, task, clock).answer(x)


def on_demand(model: ungated.Model, source: Path) -> None:
    """Print the share of made pictures that are what was asked for, and the Fréchet distance by the same classifier."""
    train, test = real(model, source)
    classes = len(generation.classes_of(model))
    asked = np.arange(classes).repeat(MADE // classes)
    made = generation.maker(model).make(asked, 11)
    said = judged(train, np.concatenate([made, test.x]), classes)
    right, usual = (said[: len(made)].argmax(1) == asked).mean(), (said[len(made) :].argmax(1) == test.y).mean()
    logs = np.log(np.clip(said, 1e-6, 1))
    print(f"on demand {right:.1%} are the class that was asked for (of real test pictures {usual:.1%})")
    print(f"Fréchet   {frechet(logs[: len(made)], logs[len(made) :]):.3f} on the classifier's log-probabilities")


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """Fréchet's distance between two Gaussians with the means and spreads of rows a and b."""
    from scipy.linalg import sqrtm

    here, there = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    apart = float(np.square(a.mean(0) - b.mean(0)).sum())
    return apart + float(np.trace(here + there - 2 * np.real(sqrtm(here @ there))))


def second_opinion(made: np.ndarray, test: np.ndarray) -> None:
    """Print how often a residual network tells made from real."""
    n = min(len(made), len(test)) // 2
    rng = np.random.default_rng(0)
    made, test = made[rng.permutation(len(made))], test[rng.permutation(len(test))]
    y = np.repeat([0, 1], n)
    said = judged(Numbers(Form.PIXELS, np.concatenate([made[:n], test[:n]]), y), _joined(made, test, n), 2)
    print(f"network   tells {(said.argmax(1) == y).mean():.1%} of {2 * n:,} rightly, learned from as many")


def _joined(made: np.ndarray, test: np.ndarray, n: int) -> np.ndarray:
    return np.concatenate([made[n : 2 * n], test[n : 2 * n]])


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--sets", default=",".join(SETS))
    ask.add_argument("--time", default="15m")
    ask.add_argument("--memory", default="2GB")
    ask.add_argument("--data", default=os.environ.get("UNGATED_DATA", "../shared/data"))
    ask.add_argument("--out", type=Path, default=Path("sheets"))
    given = ask.parse_args()
    given.out.mkdir(exist_ok=True)
    for name in given.sets.split(","):
        with tempfile.TemporaryDirectory() as scratch:
            print(f"\n== {name}, {given.time}")
            source, out = SETS[name](Path(given.data), Path(scratch)), Path(scratch) / "model"
            fitted(source, given.time, given.memory, out)
            model = ungated.load(out)
            began = time.perf_counter()
            made = generation.make(model, 100, seed=1)
            print(f"making    {time.perf_counter() - began:.1f} s a hundred")
            (given.out / f"{name}.png").write_bytes(generation.grid(made, 10))
            print(f"sheet     {given.out / name}.png")
            if len(generation.classes_of(model)) > 1:
                on_demand(model, source)
                second_opinion(generation.make(model, MADE, seed=12), real(model, source)[1].x[:MADE])


if __name__ == "__main__":
    main()
