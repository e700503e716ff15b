"""Ungated beside what a person would write by hand for sound: error against seconds on test recordings.

    python benchmarks/sound.py --time 60
    python benchmarks/sound.py --sets fsdd-speakers --folds 0,1,2,3,4,5

fsdd: recordings 0 to 4 of each speaker and digit are the test (the publisher's split). fsdd-speakers: one speaker is
(the fold's), whom no system has heard: the honest number. forest: means and deviations of MFCC into a random forest of
scikit-learn's. cnn: the log-mel spectrogram into the network of PyTorch's own MNIST example.
"""

import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import beside
import numpy as np

RATE, WINDOW, HOP, MELS, MFCC, FRAMES = 8000, 256, 128, 40, 13, 64


def _fsdd(data: Path, folder: Path, fold: int) -> beside.Prepared:
    return _parted(data, folder, lambda digit, speaker, n: int(n) < 5, "{label}_{_}_{_}.wav", [])


def _speakers(data: Path, folder: Path, fold: int) -> beside.Prepared:
    people = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
    left_out = people[fold]
    group = ["--group", "speaker"]
    return _parted(data, folder, lambda digit, speaker, n: speaker == left_out, "{label}_{speaker}_{_}.wav", group)


def _parted(
    data: Path, folder: Path, is_test: Callable[[str, str, str], bool], pattern: str, more: list[str]
) -> beside.Prepared:
    root = folder / "fsdd"
    for side in ("train", "test"):
        (root / side).mkdir(parents=True)
    with tarfile.open(data / "fsdd" / "recordings.tar.gz") as archive:
        for member in archive:
            name = Path(member.name).name
            if member.isfile() and name.endswith(".wav"):
                side = "test" if is_test(*name.removesuffix(".wav").split("_")) else "train"
                (root / side / name).write_bytes(archive.extractfile(member).read())  # type: ignore[union-attr]
    truth = [f.name[0] for f in sorted((root / "test").iterdir())]
    return beside.Prepared([str(root), "--label-from", pattern, *more], truth, {"root": str(root)})


def load(job: dict[str, Any], side: str) -> tuple[list[np.ndarray], np.ndarray]:
    """(log-mel spectrograms, each (frames, MELS), in decibels; labels)."""
    import soundfile

    files = sorted((Path(job["root"]) / side).iterdir())
    filters = mel_filters()
    return [log_mel(soundfile.read(f)[0], filters) for f in files], np.array([f.name[0] for f in files])


def mel_filters() -> np.ndarray:
    """Triangles even on the mel scale, (MELS, WINDOW // 2 + 1)."""
    top = 2595 * np.log10(1 + RATE / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, MELS + 2) / 2595) - 1)
    at = np.fft.rfftfreq(WINDOW, 1 / RATE)
    up = (at - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    down = (edges[2:, None] - at) / (edges[2:] - edges[1:-1])[:, None]
    return np.maximum(0, np.minimum(up, down))


def log_mel(wave: np.ndarray, filters: np.ndarray) -> np.ndarray:
    wave = np.pad(wave, (0, max(0, WINDOW - len(wave))))
    frames = np.lib.stride_tricks.sliding_window_view(wave, WINDOW)[::HOP] * np.hanning(WINDOW)
    return 10 * np.log10(np.abs(np.fft.rfft(frames)) ** 2 @ filters.T + 1e-10)


def forest(job: dict[str, Any], left: Callable[[], float]) -> Callable[[], Sequence[str]]:
    from scipy.fft import dct
    from sklearn.ensemble import RandomForestClassifier

    def rows(spectrograms: list[np.ndarray]) -> np.ndarray:
        mfcc = [dct(s, norm="ortho")[:, :MFCC] for s in spectrograms]
        return np.array([np.concatenate([m.mean(0), m.std(0)]) for m in mfcc])

    x, y = load(job, "train")
    model = RandomForestClassifier(500, n_jobs=-1, random_state=0).fit(rows(x), y)
    return lambda: list(model.predict(rows(load(job, "test")[0])))


def cnn(job: dict[str, Any], left: Callable[[], float]) -> Callable[[], Sequence[str]]:
    x, y = load(job, "train")
    classes, codes = np.unique(y, return_inverse=True)
    every = np.concatenate(x)
    mean, deviation = every.mean(), every.std()

    def numbers(spectrograms: list[np.ndarray]) -> np.ndarray:
        out = np.full((len(spectrograms), 1, MELS, FRAMES), (every.min() - mean) / deviation, np.float32)
        for place, s in enumerate(spectrograms):
            out[place, 0, :, : len(s)] = ((s[:FRAMES] - mean) / deviation).T
        return out

    predict = beside.tutorial_network(numbers(x), codes, len(classes), left)
    return lambda: list(classes[predict(numbers(load(job, "test")[0]))])


SETS = {"fsdd": _fsdd, "fsdd-speakers": _speakers}

if __name__ == "__main__":
    beside.main(beside.Benchmark(__file__, SETS, {"cnn": cnn, "forest": forest}, __doc__))
