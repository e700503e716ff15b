"""How many groups, and which: shapes that a person sees through, and sets with known kinds, beside what one would do.

    python benchmarks/cluster.py [--data DATA] [--seeds 3] [--only shapes,sets] [--time 60s]

Each system is told nothing but the rows. Ungated: `fit --task cluster`, by the clock from the call to the model; for
shapes the same steps in this process, without workers. k-means by hand: columns standardised, 2 to 15 groups, the
number with the best silhouette (so one group is never the answer). HDBSCAN: scikit-learn's defaults on standardised
columns; rows in no group count as a group of their own in the agreement, not in the number.
Told are the number of groups found beside the true one, adjusted Rand and normalised mutual information with what is
true, and seconds.
"""

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import ungated
from ungated.modalities.reading import read
from ungated.tasks.cluster import adjusted_rand, mutual_information

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from cluster_shapes import FLAT, MORE, found, frame

SETS = {"iris": "species", "wine": "cultivar", "digits": "digit"}
FILES = {  # set -> (file, labels, columns that are left out)
    "penguins, measured": ("tables-seaborn/penguins.csv.gz", "species", ("island", "sex")),
    "penguins, all columns": ("tables-seaborn/penguins.csv.gz", "species", ()),
}
Found = tuple[np.ndarray, int]


def standardised(x: np.ndarray) -> np.ndarray:
    x = np.where(np.isfinite(x), x, np.nanmean(x, axis=0))
    return (x - x.mean(axis=0)) / np.where(x.std(axis=0) > 0, x.std(axis=0), 1)


def by_silhouette(x: np.ndarray, seed: int) -> Found:
    """k-means with the number of groups that has the best silhouette."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    x, best, least = standardised(x), None, -2.0
    for k in range(2, 16):
        groups = KMeans(k, n_init=10, random_state=seed).fit_predict(x)
        if (score := silhouette_score(x, groups)) > least:
            best, least = groups, score
    assert best is not None
    return best, len(np.unique(best))


def by_hdbscan(x: np.ndarray, seed: int) -> Found:
    from sklearn.cluster import HDBSCAN

    groups = HDBSCAN(copy=True).fit_predict(standardised(x))
    return groups, max(1, len(np.unique(groups[groups >= 0])))


def by_fit(data: Any, truth: str, seconds: str, seed: int) -> tuple[Found, str]:
    """(groups, how many) and the algorithm that was chosen, of a whole fit."""
    model = ungated.fit(data, task="cluster", truth=truth, time=seconds, seed=seed)
    answer = model.answer_table(data if isinstance(data, pl.DataFrame) else read(data).frame)
    groups = np.where(answer.max(axis=1) > 0, answer.argmax(axis=1), -1)
    return (groups, len(np.unique(groups[groups >= 0]))), model.members[0].algorithm.card.name


def line(name: str, who: str, count: int, true: int, groups: np.ndarray, y: np.ndarray, took: float, by: str) -> None:
    mark = "ok" if count == true else "  "
    rand, told = adjusted_rand(groups, y), mutual_information(groups, y)
    print(
        f"{name:24} {who:22} {count:3d} of {true:2d} {mark}  {rand:6.3f}  {told:6.3f}  {took:7.2f} s  {by}", flush=True
    )


def shapes(seeds: int) -> None:
    right: dict[str, int] = {}
    for seed in range(seeds):
        for name, shape in {**FLAT, **MORE}.items():
            x, y = shape(np.random.default_rng(seed))
            true = len(np.unique(y[y >= 0]))
            others: dict[str, Callable[[np.ndarray, int], Found]] = {
                "k-means, silhouette": by_silhouette,
                "HDBSCAN as it comes": by_hdbscan,
            }
            began = time.perf_counter()
            groups, count, by = found(frame(x), seed)
            line(name, "Ungated", count, true, groups, y, time.perf_counter() - began, by)
            right["Ungated"] = right.get("Ungated", 0) + (count == true)
            for who, how in others.items():
                began = time.perf_counter()
                groups, count = how(x, seed)
                line(name, who, count, true, groups, y, time.perf_counter() - began, "")
                right[who] = right.get(who, 0) + (count == true)
    total = seeds * len({**FLAT, **MORE})
    print("\nthe number right: " + ", ".join(f"{who} {n} of {total}" for who, n in right.items()) + "\n")


def sets(data: Path | None, seconds: str) -> None:
    from sklearn import datasets

    plain = {"iris": datasets.load_iris, "wine": datasets.load_wine, "digits": datasets.load_digits}
    for name, truth in SETS.items():
        x, y = plain[name](return_X_y=True)
        _beside(name, name, truth, np.asarray(x, float), y, seconds)
    for name, (file, truth, left_out) in FILES.items() if data else ():
        assert data is not None
        table = pl.read_csv(data / file, null_values=["", "NA"]).drop(left_out)
        x = table.select(pl.col(pl.Float64, pl.Int64)).cast(pl.Float64).fill_null(float("nan")).to_numpy()
        _beside(name, table, truth, x, table[truth].to_numpy(), seconds)


def _beside(name: str, given: Any, truth: str, x: np.ndarray, y: np.ndarray, seconds: str) -> None:
    true = len(np.unique(y))
    began = time.perf_counter()
    (groups, count), by = by_fit(given, truth, seconds, 0)
    line(name, "Ungated", count, true, groups, y, time.perf_counter() - began, by)
    for who, how in (("k-means, silhouette", by_silhouette), ("HDBSCAN as it comes", by_hdbscan)):
        began = time.perf_counter()
        groups, count = how(x, 0)
        line(name, who, count, true, groups, y, time.perf_counter() - began, "")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, help="folder of real data sets; without it those of scikit-learn alone")
    asked.add_argument("--seeds", type=int, default=3)
    asked.add_argument("--only", default="shapes,sets")
    asked.add_argument("--time", default="60s")
    args = asked.parse_args()
    warnings.simplefilter("ignore")
    print(f"{'':24} {'':22} groups        Rand    mutual   seconds")
    if "shapes" in args.only:
        shapes(args.seeds)
    if "sets" in args.only:
        sets(args.data, args.time)


if __name__ == "__main__":
    main()
