"""Anomalies found without labels, beside each detector of scikit-learn alone: area under ROC, labels opened at the end.

    python benchmarks/detect.py --data DATA [--sets mammography,ionosphere] [--time 60s]

Every set has a class that is rare, or what a person looks for; it is the truth, and nobody sees it. scikit-learn's
detectors have their defaults and columns centred and scaled, as its own examples do. Ungated runs by its command line
on the same columns as a CSV file, and answers all rows of it (of the isolation forests, both draw at random). "best" is
the best of scikit-learn's on that set, which nobody knows without labels; "one" is the one that is best on average.
DATA holds the folder tables-classic: github.com/jbrownlee/Datasets, the files of its root, gzipped.
"""

import argparse
import datetime
import gzip
import io
import os
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

FIRST = "mammography,ionosphere,oil-spill,new-thyroid,breast-w"
SETS: dict[str, tuple[str, tuple[str, ...], str]] = {  # name -> file, labels of what is looked for, what that is
    "mammography": ("mammography", ("1",), "microcalcifications"),
    "ionosphere": ("ionosphere", ("b",), "returns without structure"),
    "oil-spill": ("oil-spill", ("1",), "oil slicks"),
    "new-thyroid": ("new-thyroid", ("2", "3"), "hyper- and hypothyroid"),
    "breast-w": ("breast-cancer-wisconsin", ("4",), "malignant"),
    "ecoli": ("ecoli", ("imL", "imS", "omL"), "rare localisations"),
    "glass": ("glass", ("5", "6", "7"), "no windows"),
    "wine-white": ("winequality-white", ("3", "9"), "the worst and the best"),
    "wine-red": ("winequality-red", ("3", "8"), "the worst and the best"),
    "pima": ("pima-indians-diabetes", ("1",), "diabetes"),
    "haberman": ("haberman", ("2",), "died within five years"),
}


def read(data: Path, name: str) -> tuple[pl.DataFrame, np.ndarray]:
    """(the columns, whether each row is what is looked for)."""
    file, labels, _ = SETS[name]
    raw = gzip.decompress((data / "tables-classic" / f"{file}.csv.gz").read_bytes())
    frame = pl.read_csv(io.BytesIO(raw), has_header=False, null_values=["?"], infer_schema_length=None)
    truth = frame[:, -1].cast(pl.String).str.strip_chars("' ").is_in(list(labels)).to_numpy()
    frame = frame[:, :-1]
    return frame.rename({c: f"c{i + 1}" for i, c in enumerate(frame.columns)}), truth


def by_hand() -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """scikit-learn's detectors: rows, scaled, to how unusual each is."""
    from sklearn.covariance import EllipticEnvelope
    from sklearn.ensemble import IsolationForest
    from sklearn.neighbors import LocalOutlierFactor
    from sklearn.svm import OneClassSVM

    return {
        "envelope": lambda x: -EllipticEnvelope(random_state=0).fit(x).score_samples(x),
        "lof": lambda x: -LocalOutlierFactor().fit(x).negative_outlier_factor_,
        "forest": lambda x: -IsolationForest(random_state=0).fit(x).score_samples(x),
        "svm": lambda x: -OneClassSVM().fit(x).score_samples(x),
    }


def scaled(frame: pl.DataFrame) -> np.ndarray:
    """As a person would: words as 0/1 columns, medians for what is missing, columns centred and scaled."""
    from sklearn.preprocessing import StandardScaler

    words = [c for c in frame.columns if frame[c].dtype == pl.String]
    x = frame.to_dummies(words).cast(pl.Float64).to_numpy()
    x = np.where(np.isnan(x), np.nanmedian(x, axis=0), x)
    return StandardScaler().fit_transform(x)


def ungated(frame: pl.DataFrame, truth: np.ndarray, limit: str) -> tuple[np.ndarray, np.ndarray]:
    """(the score of each row, whether it is called an anomaly), by the command line."""
    with tempfile.TemporaryDirectory(prefix="ungated-bench-") as box:
        file, model, said = (str(Path(box) / name) for name in ("rows.csv", "model", "said.csv"))
        frame.write_csv(file)
        command = [sys.executable, "-m", "ungated"]
        fit = [*command, "fit", file, "--task", "detect", "--time", limit, "--out", model]
        subprocess.run(fit, check=True, capture_output=True)
        subprocess.run([*command, "predict", model, file, "--out", said], check=True, capture_output=True)
        found = pl.read_csv(said)
    return found["score"].to_numpy(), (found["anomaly"] == "yes").to_numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("UNGATED_DATA", "../shared/data")))
    parser.add_argument("--sets", default=FIRST, help=f"of {', '.join(SETS)}; or all")
    parser.add_argument("--time", default="60s")
    options = parser.parse_args()
    from sklearn.metrics import roc_auc_score

    warnings.simplefilter("ignore")
    names = list(SETS) if options.sets == "all" else options.sets.split(",")
    methods = by_hand()
    heads = [*methods, "best", "ungated", "called", "true", "seconds"]
    print(f"{datetime.date.today()}, {platform.processor() or platform.machine()}, {os.cpu_count()} cores\n")
    print(f"{'area under ROC':16s}" + "".join(f"{h:>10s}" for h in heads))
    table: list[list[float]] = []
    for name in names:
        frame, truth = read(options.data, name)
        x = scaled(frame)
        alone = [float(roc_auc_score(truth, score(x))) for score in methods.values()]
        began = time.monotonic()
        score, called = ungated(frame, truth, options.time)
        took = time.monotonic() - began
        row = [*alone, max(alone), float(roc_auc_score(truth, score)), float(called.mean()), float(truth.mean()), took]
        table.append(row)
        print(f"{name:16s}" + "".join(f"{v:10.3f}" for v in row[:-1]) + f"{took:10.0f}", flush=True)
    mean: Any = np.mean(table, axis=0)
    print(f"{'mean':16s}" + "".join(f"{v:10.3f}" for v in mean[:-1]) + f"{mean[-1]:10.0f}")
    one = list(methods)[int(np.argmax(mean[: len(methods)]))]
    print(
        f"\nOf scikit-learn's, {one} is best on average. Looked for: " + "; ".join(f"{n}: {SETS[n][2]}" for n in names)
    )


if __name__ == "__main__":
    main()
