"""Scikit-learn's conventions: `UngatedClassifier` and `UngatedRegressor`, for pipelines and cross-validation.

Each `fit` is a whole climb within `time` and `memory`. Unlike `ungated.fit` it seals no rows, since whoever
cross-validates keeps rows back already; the honest number is then the cross-validation's.
"""

from typing import Any, Self

import numpy as np
import polars as pl
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from . import pipeline
from .core.errors import InputError
from .core.numbers import Array
from .modalities.table.frames import to_polars

_TARGET = "the answer"


class _Ungated(BaseEstimator):
    """What both have in common: a table of X with a column of answers beside it, and a model of that."""

    _task: str

    def __init__(
        self,
        *,
        time: str | float = "1m",
        memory: str | float | None = None,
        algorithms: Any = None,
        metric: str | None = None,
        candidates: int | None = None,
        random_state: int = 0,
    ) -> None:
        self.time = time
        self.memory = memory
        self.algorithms = algorithms
        self.metric = metric
        self.candidates = candidates
        self.random_state = random_state

    def _learn(self, X: Any, answers: list[Any]) -> Self:
        frame = self._table(X)
        kind = "number" if self._task == "regress" else "category"
        numbers = {c: "number" for c, t in frame.schema.items() if t.is_numeric()}
        self.model_ = pipeline.fit(
            frame.with_columns(pl.Series(_TARGET, answers)),
            _TARGET,
            time=self.time,
            memory=self.memory,
            task=self._task,
            metric=self.metric,
            algorithms=self.algorithms,
            kinds={**numbers, _TARGET: kind},
            candidates=self.candidates,
            seed=self.random_state or 0,
            seal=False,
        )
        return self

    def _answer(self, X: Any) -> Array:
        check_is_fitted(self)
        X = self._checked(X, reset=False)
        return self.model_.answer_table(self._table(X))

    def _checked(self, X: Any, y: Any = None, *, reset: bool) -> Any:
        """X (and y) as scikit-learn validates them; dataframes keep their columns' types."""
        rules: dict[str, Any] = {"dtype": None, "ensure_all_finite": "allow-nan", "reset": reset}
        mixed = hasattr(X, "columns") and not all(
            getattr(t, "kind", "O") in "biuf" for t in getattr(X, "dtypes", [object()])
        )
        if reset:
            rules["ensure_min_samples"] = 2
        if mixed:  # validation would make all columns of a mixed table objects: check its form, keep the table
            rules |= {"skip_check_array": True}
        return validate_data(self, X, y, **rules) if reset else validate_data(self, X, **rules)

    def _table(self, X: Any) -> pl.DataFrame:
        try:
            return to_polars(X)[0]
        except InputError as error:
            raise TypeError(f"Each cell's argument must be a string or a real number. {error}") from error

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.non_deterministic = self.candidates is None
        return tags


class UngatedClassifier(ClassifierMixin, _Ungated):
    """Says to which class each row belongs, with the best that could be learned in `time`.

    time, memory: of each fit, as "1m", "2GB". algorithms: ids to try. metric: what guides the search. candidates: try
    just so many; the same `random_state` then gives the same model.
    Attributes: classes_ (k,), model_ (an `ungated.Model`), n_features_in_, feature_names_in_ where X has names.
    """

    _task = "classify"

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from X (n, d) and labels y (n,). Raises ValueError where there is nothing to learn."""
        X, y = self._checked(X, y, reset=True)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"{type(self).__name__} needs at least two classes; y holds one class.")
        return self._learn(X, [str(c) for c in codes])

    def predict_proba(self, X: Any) -> Array:
        """The probability of each of `classes_`, (n, k)."""
        answer = self._answer(X)
        place = [int(c) for c in self.model_.classes]
        whole = np.zeros((len(answer), len(self.classes_)))
        whole[:, place] = answer
        return whole

    def predict(self, X: Any) -> Array:
        """The likeliest class of each row, (n,)."""
        chances = self.predict_proba(X)
        return self.classes_[chances.argmax(axis=1)]


class UngatedRegressor(RegressorMixin, _Ungated):
    """Says how much, with the best that could be learned in `time`. Settings as `UngatedClassifier`'s.

    Attributes: model_ (an `ungated.Model`), n_features_in_, feature_names_in_ where X has names.
    """

    _task = "regress"

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from X (n, d) and amounts y (n,). Raises ValueError where there is nothing to learn."""
        X, y = self._checked(X, y, reset=True)
        y = np.asarray(y, np.float64)
        if y.ndim != 1:
            raise ValueError("Only one amount a row can be learned; y has several columns.")
        return self._learn(X, y.tolist())

    def predict(self, X: Any) -> Array:
        """The amount of each row, (n,)."""
        return self._answer(X)[:, 0]
