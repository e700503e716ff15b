"""Made sounds: whether a separate model, which has learned from real recordings, hears what was asked for.

    python benchmarks/sound_generation.py --time 10m --memory 2GB --out sounds

The recordings are the Free Spoken Digit Dataset's with its official split. A model is fitted that makes digits, by the
command a person would type, and another that answers which digit is heard, to whom the made ones are played, beside
real test recordings as they are, and as they come back from their spectrograms.
"""

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import polars as pl

import ungated
from ungated.generation import pictures, sounds
from ungated.modalities.sound import decode, wav

NAMES = "{label}_{speaker}_{n}.wav"
EACH = 20  # made of each digit
JUDGE = "60s"


def recordings(data: Path, folder: Path) -> tuple[Path, Path]:
    """(the folder to learn from, that of the test): recordings 0 to 4 of each speaker and digit are the test."""
    parts = folder / "learn", folder / "test"
    for part in parts:
        part.mkdir()
    with tarfile.open(data / "fsdd" / "recordings.tar.gz") as archive:
        for member in archive:
            name = Path(member.name).name
            file = archive.extractfile(member) if name.endswith(".wav") else None
            if file is not None:
                (parts[int(name.removesuffix(".wav").split("_")[2]) < 5] / name).write_bytes(file.read())
    return parts


def fitted(source: Path, out: Path, *words: str) -> ungated.Model:
    """Fitted by the command line, its words on the terminal."""
    command = [sys.executable, "-m", "ungated", "fit", str(source), "--label-from", NAMES, "--target", "label"]
    subprocess.run([*command, "--out", str(out), *words], check=True)
    return ungated.load(out)


def heard(judge: ungated.Model, waves: Iterable[tuple[str, bytes]], folder: Path) -> str:
    """In words, how many of the sounds are heard as the digit that they should be."""
    folder.mkdir(parents=True, exist_ok=True)
    digits, files = [], []
    for k, (digit, contents) in enumerate(waves):
        files.append(folder / f"{digit}-{k}.wav")
        files[-1].write_bytes(contents)
        digits.append(digit)
    said = [str(v) for v in judge.predict([str(f) for f in files])]
    right = sum(a == b for a, b in zip(said, digits, strict=True))
    return f"{right / len(digits):.1%} of {len(digits)}"


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--time", default="10m")
    ask.add_argument("--memory", default="2GB")
    ask.add_argument("--data", default=os.environ.get("UNGATED_DATA", "../shared/data"))
    ask.add_argument("--out", type=Path, default=Path("sounds"))
    given = ask.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        learn, test = recordings(Path(given.data), Path(scratch))
        limits = "--memory", given.memory
        judge = fitted(learn, Path(scratch) / "judge", "--time", JUDGE, *limits)
        model = fitted(learn, Path(scratch) / "maker", "--task", "generate", "--time", given.time, *limits)
        encoder = sounds.encoder_of(model)
        assert encoder is not None
        real = sorted(test.glob("*.wav"))
        digits = [f.name.split("_")[0] for f in real]
        known = zip(digits, (f.read_bytes() for f in real), strict=True)
        print(f"real      {heard(judge, known, given.out / 'real')} test recordings are heard as what they are")
        cells, _ = decode(real, model.schema[encoder.source].how, names=[f.name for f in real])
        drawn = encoder.numbers(pl.Series("sound", cells, pl.Binary), np.zeros(len(real))).x
        back = zip(digits, (wav(encoder.wave(x), encoder.rate) for x in drawn), strict=True)
        print(f"back      {heard(judge, back, given.out / 'back')} real ones that became spectrograms and waves again")
        classes = pictures.classes_of(model)
        for guidance in (None, 1.0):
            made = [(c, x) for c in classes for x in pictures.make(model, EACH, c, seed=5, guidance=guidance)]
            waves = ((c, wav(encoder.wave(x), encoder.rate)) for c, x in made)
            name = "made" if guidance is None else "guided"
            print(f"{name:<10}{heard(judge, waves, given.out / name)} are heard as the digit that was asked for")
        sheet = np.stack([x for _, x in made[:: EACH // 4]])
        (given.out / "guided.png").write_bytes(pictures.grid(pictures.upright(sheet), 8))
        print(f"sheet     {given.out / 'guided.png'}")


if __name__ == "__main__":
    main()
