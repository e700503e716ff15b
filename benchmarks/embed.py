"""Maps of pictures beside those that a person would make by hand: how true they are, and in what time.

    python benchmarks/embed.py --data DATA [--sets digits,fashion-mnist] [--time 60s]

trust: scikit-learn's trustworthiness with fifteen neighbours, of 5,000 rows of the map at most, against the numbers
that Ungated sees of the pictures (edges and a coarse grid of pixels, each centred and scaled), and against the plain
pixels; every method is given the numbers against which it is first judged. own: new pictures, a fifth that was held
back, whose ten nearest on the map are mostly of their class; scikit-learn's t-SNE cannot place new ones. fashion-mnist
is its 10,000 test pictures. Ungated runs by its command line on the others, of which it once more keeps a part back
until it knows its error. umap-learn, openTSNE and pacmap take part where they are installed.
"""

import argparse
import datetime
import gzip
import importlib.util
import os
import platform
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

JUDGED = 5000
Placer = Callable[[np.ndarray], np.ndarray]


def pictures(data: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """(uint8 (n, height, width), labels)."""
    if name == "digits":
        from sklearn.datasets import load_digits

        x, y = load_digits(return_X_y=True)
        return (x.reshape(-1, 8, 8) * (255 / 16)).round().astype(np.uint8), y
    folder = data / "fashion-mnist"
    return _idx(folder / "t10k-images-idx3-ubyte.gz"), _idx(folder / "t10k-labels-idx1-ubyte.gz")


def _idx(file: Path) -> np.ndarray:
    raw = gzip.decompress(file.read_bytes())
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(struct.unpack_from(f">{raw[3]}I", raw, 4))


def described(x: np.ndarray) -> np.ndarray:
    """The numbers that Ungated sees of pictures."""
    from ungated.modalities import picture, table

    cells = pl.Series("picture", [picture.pack(p[..., None]) for p in x])
    how = {"height": x.shape[1], "width": x.shape[2], "channels": 1}
    part = picture.PicturePart.fit(cells, how, frozenset())
    frame = pl.DataFrame([cells])
    schema = table.Schema((table.ColumnKind("picture", "picture", "", how),))
    return table.RowEncoder((part,)).rows(table.Described(frame, schema).rows(["picture"]))


def by_hand() -> dict[str, Callable[[np.ndarray], tuple[np.ndarray, Placer | None]]]:
    """Each method: rows to (their places, what places new ones)."""

    def pca(x: np.ndarray) -> tuple[np.ndarray, Placer | None]:
        from sklearn.decomposition import PCA

        made = PCA(2, random_state=0).fit(x)
        return made.transform(x), made.transform

    def tsne(x: np.ndarray) -> tuple[np.ndarray, Placer | None]:
        from sklearn.manifold import TSNE

        return TSNE(random_state=0, n_jobs=-1).fit_transform(x), None

    def umap(x: np.ndarray) -> tuple[np.ndarray, Placer | None]:
        made = importlib.import_module("umap").UMAP(random_state=0).fit(x)
        return made.embedding_, made.transform

    def open_tsne(x: np.ndarray) -> tuple[np.ndarray, Placer | None]:
        made = importlib.import_module("openTSNE").TSNE(random_state=0, n_jobs=-1).fit(x)
        return np.asarray(made), lambda new: np.asarray(made.transform(new))

    def pacmap(x: np.ndarray) -> tuple[np.ndarray, Placer | None]:
        made = importlib.import_module("pacmap").PaCMAP(random_state=0)
        return made.fit_transform(x), lambda new: made.transform(new, basis=x)

    found = {"pca (sklearn)": pca, "t-SNE (sklearn)": tsne}
    others = {"umap": umap, "openTSNE": open_tsne, "pacmap": pacmap}
    return found | {name: make for name, make in others.items() if importlib.util.find_spec(name)}


def ungated(x: np.ndarray, y: np.ndarray, new: np.ndarray, truth: np.ndarray, limit: str) -> tuple[Any, Any, str]:
    """(places of x, places of new, what the command said that it found)."""
    with tempfile.TemporaryDirectory(prefix="ungated-bench-") as box:
        folder, command = Path(box), [sys.executable, "-m", "ungated"]
        np.savez(folder / "rows.npz", x_train=x, y_train=y)
        np.savez(folder / "new.npz", x_train=new, y_train=truth)
        fit = [*command, "fit", str(folder / "rows.npz"), "--task", "embed", "--time", limit]
        told = subprocess.run([*fit, "--out", str(folder / "m")], check=True, capture_output=True, text=True).stdout
        places = []
        for name in ("rows", "new"):
            said = str(folder / f"{name}.csv")
            ask = [*command, "predict", str(folder / "m"), str(folder / f"{name}.npz"), "--out", said]
            subprocess.run(ask, check=True, capture_output=True)
            places.append(pl.read_csv(said).select("x", "y").to_numpy())
    found = [line.strip() for line in told.splitlines() if "trustworthiness" in line or line.startswith("Took")]
    return places[0], places[1], "; ".join(found)


def own(place: np.ndarray, y: np.ndarray, new: np.ndarray, truth: np.ndarray) -> float:
    """The share of the new ones whose ten nearest are mostly of their class."""
    from sklearn.neighbors import KNeighborsClassifier

    return float(KNeighborsClassifier(10).fit(place, y).score(new, truth))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("UNGATED_DATA", "../shared/data")))
    parser.add_argument("--sets", default="digits,fashion-mnist")
    parser.add_argument("--methods", default="", help="of those by hand, and ungated; all where not given")
    parser.add_argument("--time", default="60s")
    options = parser.parse_args()
    from sklearn.manifold import trustworthiness

    print(f"{datetime.date.today()}, {platform.processor() or platform.machine()}, {os.cpu_count()} cores\n")
    print(f"{'':14s}{'method':18s}{'trust':>8s}{'pixels':>8s}{'own':>8s}{'seconds':>9s}")
    for name in options.sets.split(","):
        x, y = pictures(options.data, name)
        order = np.random.default_rng(0).permutation(len(x))
        held, rest = order[: len(x) // 5], order[len(x) // 5 :]
        numbers, pixels = described(x), x.reshape(len(x), -1).astype(float)
        judged = rest[:JUDGED]
        methods = {**by_hand(), "ungated": None}
        for method, make in methods.items():
            if options.methods and method.split()[0] not in options.methods.split(","):
                continue
            began = time.monotonic()
            said, new = "", None
            if make is None:
                place, new, said = ungated(x[rest], y[rest], x[held], y[held], options.time)
                took = time.monotonic() - began
            else:
                place, placer = make(numbers[rest])
                took = time.monotonic() - began
                new = placer(numbers[held]) if placer else None
            some = place[: len(judged)]
            told = [trustworthiness(of[judged], some, n_neighbors=15) for of in (numbers, pixels)]
            lands = f"{own(place, y[rest], new, y[held]):8.3f}" if new is not None else f"{'-':>8s}"
            print(f"{name:14s}{method:18s}{told[0]:8.4f}{told[1]:8.4f}{lands}{took:9.1f}", flush=True)
            if said:
                print(f"{'':14s}{said}", flush=True)


if __name__ == "__main__":
    main()
