"""Tasks: their measures against references, their intervals, what they refuse."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ungated import tasks
from ungated.core.errors import InputError, UsageError
from ungated.tasks.classify import Classify
from ungated.tasks.measures import CLASSIFY, REGRESS, wilson
from ungated.tasks.regress import Regress


def _answers(seed: int, n: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(k), n).round(2) + 1e-3  # rounded, so that ties occur
    return rng.integers(k, size=n), p / p.sum(axis=1, keepdims=True)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(20, 200), k=st.integers(2, 4))
def test_measures_agree_with_scikit_learn(seed: int, n: int, k: int) -> None:
    from sklearn import metrics

    y, p = _answers(seed, n, k)
    y[:k] = np.arange(k)
    said = p.argmax(axis=1)
    assert CLASSIFY["error"](y, p) == pytest.approx(1 - metrics.accuracy_score(y, said))
    assert CLASSIFY["log-loss"](y, p) == pytest.approx(metrics.log_loss(y, p, labels=range(k)))
    assert CLASSIFY["balanced-error"](y, p) == pytest.approx(1 - metrics.balanced_accuracy_score(y, said))
    average = "binary" if k == 2 else "macro"
    assert CLASSIFY["f1"](y, p) == pytest.approx(1 - metrics.f1_score(y, said, average=average, zero_division=0))
    auc = metrics.roc_auc_score(y, p[:, 1] if k == 2 else p, multi_class="ovr", average="macro")
    assert CLASSIFY["auc"](y, p) == pytest.approx(1 - auc)


@settings(max_examples=30, deadline=None)
@given(y=hnp.arrays(float, 30, elements=st.floats(0, 1e6)), said=hnp.arrays(float, 30, elements=st.floats(0, 1e6)))
def test_amounts_agree_with_scikit_learn(y: np.ndarray, said: np.ndarray) -> None:
    from sklearn import metrics

    answer = said[:, None]
    assert REGRESS["rmse"](y, answer) == pytest.approx(metrics.root_mean_squared_error(y, said))
    assert REGRESS["mae"](y, answer) == pytest.approx(metrics.mean_absolute_error(y, said))
    assert REGRESS["rmsle"](y, answer) == pytest.approx(metrics.root_mean_squared_log_error(y, said))
    if np.var(y) > 1e-6:
        assert REGRESS["r2"](y, answer) == pytest.approx(1 - metrics.r2_score(y, said), rel=1e-6)


@pytest.mark.parametrize("measure", [*CLASSIFY.values(), *REGRESS.values()], ids=lambda m: m.id)
@pytest.mark.parametrize("n", [60, 3000])
def test_an_interval_holds_its_measure(measure, n: int) -> None:
    if measure.id in CLASSIFY:
        y, answer = _answers(1, n, 2)
    else:
        y = np.random.default_rng(1).gamma(2, size=n)
        answer = (y + np.random.default_rng(2).normal(size=n))[:, None]
    low, high = measure.interval(y, answer)
    assert low <= measure(y, answer) <= high
    assert high - low > 0


def test_intervals_cover_as_often_as_they_say() -> None:
    rng, covered = np.random.default_rng(0), 0
    for _ in range(400):
        wrong = rng.random(50) < 0.1
        low, high = wilson(wrong.mean(), 50)
        covered += low <= 0.1 <= high
    assert 0.92 <= covered / 400 <= 0.99


def test_a_class_never_seen_counts_as_wrong() -> None:
    task = Classify.learn(["a", "b", "a"])
    y = task.encode(["a", "c"])
    assert y.tolist() == [0, -1]
    answer = np.array([[0.9, 0.1], [0.9, 0.1]])
    assert task.all_measures(y, answer)["error"] == 0.5
    assert task.figures(y, answer)[0]["counts"] == [[1, 0], [0, 0]]


def test_number_labels_are_in_the_order_of_their_size() -> None:
    assert Classify.learn(["10", "2", "1"]).classes == ("1", "2", "10")


@settings(max_examples=30, deadline=None)
@given(by=st.floats(0.3, 3.0), seed=st.integers(0, 1000))
def test_a_temperature_keeps_distributions_and_their_order(by: float, seed: int) -> None:
    _, p = _answers(seed, 20, 3)
    made = Classify(("a", "b", "c")).adjust(p, by)
    assert np.allclose(made.sum(axis=1), 1)
    assert (made.argmax(axis=1) == p.argmax(axis=1)).all()
    assert np.allclose(Classify(("a", "b", "c")).adjust(made, 1 / by), p, atol=1e-9)


@pytest.mark.parametrize("task", [Classify(("a", "b"), "auc"), Regress("mae")], ids=lambda t: t.id)
def test_conformance(task: tasks.Task) -> None:
    """What every task promises: plain JSON there and back, a baseline of the right shape, figures that are JSON."""
    assert type(task).from_json(json.loads(json.dumps(task.to_json()))) == task
    y = np.array([0, 1, 0, 1, 1] * 10)
    base = task.baseline(y)
    assert base.shape == (1, task.outputs)
    answer = np.tile(base, (len(y), 1)) + np.random.default_rng(0).normal(scale=1e-3, size=(len(y), task.outputs))
    assert np.isfinite(task.loss(y, answer))
    assert task.losses(y, answer).shape == (len(y),)
    assert task.adjust(answer, 2.0).shape == answer.shape
    assert len(task.decode(answer)) == len(y)
    figures = json.loads(json.dumps(task.figures(y, answer)))
    assert figures
    assert all({"kind", "title"} <= set(f) for f in figures)
    assert task.metric in task.all_measures(y, answer)


def test_every_task_is_known_by_its_id() -> None:
    assert tasks.known()[:2] == ["classify", "regress"]
    assert all((tasks.unsupervised(i) or tasks.supervised(i)).id == i for i in tasks.known())


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: Classify.learn(["a", "a"]), InputError, "at least two classes"),
        (lambda: Classify.learn([str(i) for i in range(2000)]), InputError, "2,000 different labels"),
        (lambda: Classify.learn(["a", "b"], "rmse"), UsageError, "log-loss"),
        (lambda: Regress.learn([1.0, 1.0]), InputError, "only 1"),
        (lambda: Regress.learn([1.0, np.inf]), InputError, "infinite"),
        (lambda: Regress.learn([1.0, 2.0], "accuracy"), UsageError, "rmse"),
    ],
)
def test_what_is_refused(make, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        make()


@pytest.mark.parametrize(
    ("kind", "distinct", "whole", "task"),
    [("number", 500, False, "regress"), ("number", 3, True, "classify"), ("number", 28, True, "regress"),
     ("category", 2, False, "classify"), ("boolean", 2, False, "classify")],
)  # fmt: skip
def test_inference(kind: str, distinct: int, whole: bool, task: str) -> None:
    inferred, why = tasks.infer(kind, distinct, whole, "price")
    assert inferred == task
    assert "price" in why
