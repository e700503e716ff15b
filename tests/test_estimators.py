"""Scikit-learn's conventions: its own checks of an estimator, and its cross-validation, pipelines and clones."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from ungated import means, pipeline
from ungated.engines.pool import Pool
from ungated.estimators import UngatedClassifier, UngatedRegressor
from ungated.hardware.probe import probe

CLASSIFIER: dict[str, Any] = {"algorithms": "linear_discriminant", "candidates": 2, "time": "20s"}
REGRESSOR: dict[str, Any] = {"algorithms": "ridge", "candidates": 2, "time": "20s"}

# Checks of scikit-learn's that do not apply, each with its reason.
EXPECTED_TO_FAIL: dict[str, str] = {}


class Kept(Pool):
    """A pool that outlives the fit that it was made for."""

    def __exit__(self, *_: object) -> None:
        for job in self.running:
            self.kill(job.id, "the fit is over")


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    """Workers for all fits of this page, which are hundreds: to start them anew for each would take minutes."""
    kept = Kept(2, bytes=2 * 10**9, scratch=tmp_path_factory.mktemp("workers"), preload=["sklearn.svm"])
    yield kept
    kept.close()


@pytest.fixture(autouse=True)
def _quick_starts(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(means, "probe", cache(probe))
    monkeypatch.setattr(pipeline, "_pool", lambda *_: pool)


@parametrize_with_checks(
    [UngatedClassifier(**CLASSIFIER), UngatedRegressor(**REGRESSOR)],
    expected_failed_checks=lambda estimator: EXPECTED_TO_FAIL,
)
def test_scikit_learns_own_checks(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize("as_frame", [True, False], ids=["pandas", "NumPy"])
def test_cross_validation_on_iris(as_frame: bool) -> None:
    X, y = load_iris(return_X_y=True, as_frame=as_frame)
    scores = cross_val_score(UngatedClassifier(**CLASSIFIER), X, y, cv=3)
    assert scores.min() > 0.9


def test_cross_validation_on_diabetes() -> None:
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    assert cross_val_score(UngatedRegressor(**REGRESSOR), X, y, cv=3).min() > 0.35


def test_labels_columns_and_missing_values_of_a_mixed_table() -> None:
    rng = np.random.default_rng(0)
    age, city = rng.normal(40, 10, 90), rng.choice(["Basel", "Lyon", None], 90)
    X = pd.DataFrame({"age": np.where(rng.random(90) < 0.1, np.nan, age), "city": city}, index=range(7, 97))
    y = np.where(age + 5 * (city == "Lyon") > 41, "old", "young")
    model = UngatedClassifier(**CLASSIFIER).fit(X, y)
    assert list(model.classes_) == ["old", "young"]
    assert list(model.feature_names_in_) == ["age", "city"]
    assert model.predict_proba(X).shape == (90, 2)
    assert model.score(X, y) > 0.8
    assert (model.predict(X[["age", "city"]].head(9)) == model.predict(X)[:9]).all()


def test_in_a_pipeline_under_a_search_and_cloned() -> None:
    X, y = load_iris(return_X_y=True)
    chain = make_pipeline(StandardScaler(), UngatedClassifier(**CLASSIFIER))
    search = GridSearchCV(chain, {"ungatedclassifier__algorithms": ["naive_bayes", "linear_discriminant"]}, cv=2)
    search.fit(X, y)
    assert search.best_params_ == {"ungatedclassifier__algorithms": "linear_discriminant"}
    twin = clone(search.best_estimator_[-1])
    assert twin.get_params() == search.best_estimator_[-1].get_params()
    with pytest.raises(NotFittedError):
        twin.predict(X)


def test_the_same_random_state_gives_the_same_answers() -> None:
    X, y = load_diabetes(return_X_y=True)
    first, second = (UngatedRegressor(**REGRESSOR, random_state=3).fit(X, y).predict(X) for _ in range(2))
    assert (first == second).all()
