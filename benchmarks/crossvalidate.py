"""Ten-fold cross-validation of what `fit` chose: its algorithms, settings and weights, learned anew in every fold.

    python benchmarks/crossvalidate.py reviews.csv --target sentiment --time 60s

One fit to all rows chooses. Then each fold's encoders and algorithms learn from the other nine folds alone, and their
weighted mean is judged on the fold. The choice itself has seen all rows, so the figure is a little flattering, as are
published ones of the kind; `fit` with its own sealed rows is not.
"""

import argparse

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

import ungated as ug
from ungated.core.clock import Clock
from ungated.modalities import table
from ungated.modalities.reading import read
from ungated.modalities.views import views
from ungated.search import split


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--target", required=True)
    parser.add_argument("--time", default="60s", help="of the fit that chooses")
    parser.add_argument("--folds", type=int, default=10)
    options = parser.parse_args()
    model = ug.fit(options.data, target=options.target, time=options.time, seal=False)
    for member in model.members:
        print(f"{member.weight:.2f}  {member.algorithm}", flush=True)
    raw = read(options.data)
    frame = table.cast(raw.frame, model.schema, where=raw.source, base=raw.base).frame
    y = model.task.encode(frame[options.target].to_list())
    errors = []
    with threadpool_limits(1):
        for fold in split.folds(y, len(y), 42, options.folds):
            errors.append(_error(model, frame, y, fold))
            print(f"fold {len(errors)}: {100 * errors[-1]:.2f}% wrong", flush=True)
    print(f"{options.data}: {100 * np.mean(errors):.2f}% wrong on average of {options.folds} folds")


def _error(model: ug.Model, frame: pl.DataFrame, y: np.ndarray, fold: split.Fold) -> float:
    """The share of the fold's rows that the members, learned from the others, answer wrongly together."""
    learned, judged = frame[fold.train], frame[fold.valid]
    total = np.zeros((judged.height, model.task.outputs))
    for member in model.members:
        view = views(member.algorithm.card, model.schema, model.features)[""]
        encoder = view.fit(learned, model.schema)
        fitted = member.algorithm.fit(encoder.numbers(learned, y[fold.train]), model.task, Clock(seed=0))
        total += member.weight * fitted.answer(encoder.numbers(judged, y[fold.valid]).x)
    return float(np.mean(total.argmax(axis=1) != y[fold.valid]))


if __name__ == "__main__":
    main()
