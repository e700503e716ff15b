"""The other systems, each as its own documentation says to use it; run in a process of its own, in any interpreter.

    python benchmarks/peers.py SYSTEM JOB.json

The job names train and new CSV files, the target, the task, a deadline (seconds since the epoch), a seed, a scratch
folder and a file for the predictions. A system is told the task and the measure that it is judged by, and is given the
time that is left after its own imports and reading. When it has fitted and saved, `fitted` is written into the scratch
folder (the end of the time that counts); then the new rows are predicted. Nothing here knows the answers.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

Predict = Callable[[pd.DataFrame], tuple[Any, Any, Any]]  # rows -> labels or numbers, probabilities or None, classes


@dataclass(frozen=True)
class Job:
    """What a system is asked. `classes` is how many there are, 0 for regress."""

    train: str
    new: str
    target: str
    task: str
    classes: int
    deadline: float
    seed: int
    scratch: str
    predictions: str

    def left(self) -> float:
        return max(1.0, self.deadline - time.time())


def autogluon(train: pd.DataFrame, job: Job) -> Predict:
    """AutoGluon's default preset."""
    from autogluon.tabular import TabularPredictor

    problem = "regression" if job.task == "regress" else "binary" if job.classes == 2 else "multiclass"
    measure = "root_mean_squared_error" if job.task == "regress" else "log_loss"
    predictor = TabularPredictor(
        label=job.target, problem_type=problem, eval_metric=measure, path=f"{job.scratch}/model", verbosity=1
    )
    predictor.fit(train, time_limit=job.left())

    def predict(rows: pd.DataFrame) -> tuple[Any, Any, Any]:
        if job.task == "regress":
            return predictor.predict(rows), None, None
        sure = predictor.predict_proba(rows)
        return predictor.predict(rows), sure.to_numpy(), sure.columns

    return predict


def flaml(train: pd.DataFrame, job: Job) -> Predict:
    """FLAML's AutoML with its defaults."""
    import joblib
    from flaml import AutoML

    model = AutoML()
    model.fit(
        train.drop(columns=job.target),
        train[job.target],
        task="regression" if job.task == "regress" else "classification",
        metric="rmse" if job.task == "regress" else "log_loss",
        time_budget=job.left(),
        seed=job.seed,
        verbose=0,
    )
    joblib.dump(model, f"{job.scratch}/model.joblib")
    return _like_scikit_learn(model, job)


def mljar(train: pd.DataFrame, job: Job) -> Predict:
    """mljar-supervised in the mode that its documentation names for models to be used, "Perform"."""
    from supervised import AutoML

    problem = "regression" if job.task == "regress" else "binary_classification"
    model = AutoML(
        results_path=f"{job.scratch}/model",
        mode="Perform",
        ml_task=problem if job.classes <= 2 else "multiclass_classification",
        eval_metric="rmse" if job.task == "regress" else "logloss",
        total_time_limit=int(job.left()),
        random_state=job.seed,
        verbose=0,
    )
    model.fit(train.drop(columns=job.target), train[job.target])

    def predict(rows: pd.DataFrame) -> tuple[Any, Any, Any]:
        if job.task == "regress":
            return model.predict(rows), None, None
        every = model.predict_all(rows)
        sure = every[[name for name in every.columns if name.startswith("prediction_")]]
        return every["label"], sure.to_numpy(), [name.removeprefix("prediction_") for name in sure.columns]

    return predict


def lightgbm(train: pd.DataFrame, job: Job) -> Predict:
    """LightGBM as it comes: 100 trees, text columns as categories. It has no time limit and stops when done."""
    import joblib
    from lightgbm import LGBMClassifier, LGBMRegressor

    words = [name for name in train.columns.drop(job.target) if not pd.api.types.is_numeric_dtype(train[name])]
    kinds = {name: pd.CategoricalDtype(sorted(train[name].dropna().unique())) for name in words}
    model = (LGBMRegressor if job.task == "regress" else LGBMClassifier)(random_state=job.seed, verbose=-1)
    model.fit(train.drop(columns=job.target).astype(kinds), train[job.target])
    joblib.dump(model, f"{job.scratch}/model.joblib")
    predict = _like_scikit_learn(model, job)
    return lambda rows: predict(rows.astype(kinds))


def _like_scikit_learn(model: Any, job: Job) -> Predict:
    def predict(rows: pd.DataFrame) -> tuple[Any, Any, Any]:
        if job.task == "regress":
            return model.predict(rows), None, None
        return model.predict(rows), model.predict_proba(rows), model.classes_

    return predict


SYSTEMS: dict[str, Callable[[pd.DataFrame, Job], Predict]] = {
    "autogluon": autogluon,
    "flaml": flaml,
    "mljar": mljar,
    "lightgbm": lightgbm,
}


def main(system: str, job_file: str) -> None:
    job = Job(**json.loads(Path(job_file).read_text()))
    predict = SYSTEMS[system](pd.read_csv(job.train), job)
    Path(job.scratch, "fitted").write_text(str(time.time()))
    labels, sure, classes = predict(pd.read_csv(job.new))
    answers = pd.DataFrame({job.target: list(labels)})
    if sure is not None:
        for place, name in enumerate(classes):
            answers[f"P({name})"] = sure[:, place]
    answers.to_csv(job.predictions, index=False)


if __name__ == "__main__":
    # This folder's datasets.py must not be taken for the library of that name, which some peers import.
    sys.path.pop(0)
    main(*sys.argv[1:])
