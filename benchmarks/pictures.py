"""Ungated beside what a person would write by hand for pictures: error against seconds on the official test rows.

    python benchmarks/pictures.py --sets fashion-mnist --time 60,300

cnn: the network of PyTorch's own MNIST example. forest: scikit-learn's random forest on the pixels. Photographs are
made 64 x 64 for both, as tutorials do.
"""

import struct
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import beside
import numpy as np

SIDE = 64


def _fashion(data: Path, folder: Path, fold: int) -> beside.Prepared:
    source = data / "fashion-mnist"
    truth = _idx(source / "t10k-labels-idx1-ubyte.gz")
    return beside.Prepared([str(source)], [str(k) for k in truth], {"idx": str(source)})


def _digits(data: Path, folder: Path, fold: int) -> beside.Prepared:
    """scikit-learn's digits, a tenth as the test; 8 x 8 pixels of 0 to 16."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import StratifiedKFold

    x, y = load_digits(return_X_y=True)
    train, test = list(StratifiedKFold(10, shuffle=True, random_state=42).split(x, y))[fold]
    x = (x.reshape(-1, 8, 8) * (255 / 16)).round().astype(np.uint8)
    file = folder / "digits.npz"
    np.savez(file, x_train=x[train], y_train=y[train], x_test=x[test], y_test=y[test])
    return beside.Prepared([str(file)], [str(k) for k in y[test]], {"npz": str(file)})


def _hymenoptera(data: Path, folder: Path, fold: int) -> beside.Prepared:
    with tarfile.open(data / "hymenoptera-256" / "hymenoptera_data_256.tar") as archive:
        archive.extractall(folder, filter="data")
    root = folder / "hymenoptera_data"
    truth = [p.parent.name for p in sorted(root.glob("val/*/*.jpg"))]
    return beside.Prepared([str(root)], truth, {"photos": str(root)})


def _idx(file: Path) -> np.ndarray:
    import gzip

    data = gzip.decompress(file.read_bytes())
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(struct.unpack_from(f">{data[3]}I", data, 4))


def _photos(root: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    from PIL import Image

    files = sorted(root.glob(f"{part}/*/*.jpg"))
    x = [np.asarray(Image.open(f).convert("RGB").resize((SIDE, SIDE))) for f in files]
    return np.stack(x), np.array([f.parent.name for f in files])


def load(job: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(train pictures uint8 (n, height, width, channels), their labels, test pictures)."""
    if "idx" in job:
        root = Path(job["idx"])
        x, new = (_idx(root / f"{side}-images-idx3-ubyte.gz")[..., None] for side in ("train", "t10k"))
        return x, _idx(root / "train-labels-idx1-ubyte.gz"), new
    if "npz" in job:
        with np.load(job["npz"]) as arrays:
            return arrays["x_train"][..., None], arrays["y_train"], arrays["x_test"][..., None]
    x, y = _photos(Path(job["photos"]), "train")
    return x, y, _photos(Path(job["photos"]), "val")[0]


def cnn(job: dict[str, Any], left: Callable[[], float]) -> Callable[[], Sequence[str]]:
    x, y, new = load(job)
    classes, codes = np.unique(y, return_inverse=True)
    mean, deviation = x.mean(), x.std()

    def numbers(a: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(((a - mean) / deviation).astype(np.float32).transpose(0, 3, 1, 2))

    predict = beside.tutorial_network(numbers(x), codes, len(classes), left)
    return lambda: [str(k) for k in classes[predict(numbers(new))]]


def forest(job: dict[str, Any], left: Callable[[], float]) -> Callable[[], Sequence[str]]:
    from sklearn.ensemble import RandomForestClassifier

    x, y, new = load(job)
    model = RandomForestClassifier(n_jobs=-1, random_state=0).fit(x.reshape(len(x), -1), y)
    return lambda: [str(k) for k in model.predict(new.reshape(len(new), -1))]


SETS = {"fashion-mnist": _fashion, "digits": _digits, "hymenoptera": _hymenoptera}

if __name__ == "__main__":
    beside.main(beside.Benchmark(__file__, SETS, {"cnn": cnn, "forest": forest}, __doc__))
