"""What particular algorithms get right: agreement with the libraries they could have been, and their own tricks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression as SklearnLogistic
from sklearn.linear_model import Ridge as SklearnRidge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from ungated.algorithms.classical.extra_trees import ExtraTrees
from ungated.algorithms.classical.gradient_boosting import GradientBoosting
from ungated.algorithms.classical.kernel_svm import KernelSVM
from ungated.algorithms.classical.random_forest import RandomForest
from ungated.algorithms.theory.linear_discriminant import LinearDiscriminant
from ungated.algorithms.theory.logistic_regression import LogisticRegression
from ungated.algorithms.theory.naive_bayes import NaiveBayes
from ungated.algorithms.theory.nearest_neighbours import NearestNeighbours, nearest
from ungated.algorithms.theory.perceptron import Perceptron
from ungated.algorithms.theory.ridge import Ridge
from ungated.core.algorithm import Card
from ungated.core.clock import Clock
from ungated.core.errors import InputError
from ungated.core.numbers import Array, Column, Form, Numbers, Takes
from ungated.engines.linear import platt, softmax
from ungated.engines.rows import checked
from ungated.engines.trees import Bag, fill_for, filled, grow
from ungated.tasks.classify import Classify
from ungated.tasks.regress import Regress

THREE = Classify(("a", "b", "c"))
AMOUNT = Regress()
CARD = Card("some", "some", 1984, "1984", frozenset({"classify", "regress"}), takes=frozenset({Takes.MISSING}))


def table(rows: int = 300, width: int = 5, task: str = "classify", seed: int = 0) -> Numbers:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, width)).astype(np.float32)
    score = x @ rng.normal(size=width) + np.sin(3 * x[:, 0]) + 0.5 * rng.normal(size=rows)
    y = np.digitize(score, np.quantile(score, [0.3, 0.7])) if task == "classify" else score
    return Numbers(Form.ROWS, x, y, tuple(Column(f"c{j}", f"c{j}") for j in range(width)))


def test_logistic_regression_finds_the_bottom_of_the_bowl() -> None:
    train = table()
    ours = LogisticRegression(alpha=2.0).fit(train, THREE, Clock()).answer(train.x)
    theirs = SklearnLogistic(C=0.5, tol=1e-8, max_iter=1000).fit(train.x, train.y).predict_proba(train.x)
    np.testing.assert_allclose(ours, theirs, atol=0.01)


def test_wide_rows_walk_on_scaled_axes_to_the_same_bottom(monkeypatch: pytest.MonkeyPatch) -> None:
    train = table()
    turned = LogisticRegression(alpha=2.0).fit(train, THREE, Clock()).answer(train.x)
    monkeypatch.setattr("ungated.algorithms.theory.logistic_regression.WIDE", 2)
    scaled = LogisticRegression(alpha=2.0).fit(train, THREE, Clock()).answer(train.x)
    np.testing.assert_allclose(scaled, turned, atol=0.01)


def test_linear_discriminant_agrees_with_the_textbook() -> None:
    train = table()
    ours = LinearDiscriminant(shrinkage=0.0).fit(train, THREE, Clock()).answer(train.x)
    theirs = LinearDiscriminantAnalysis().fit(train.x, train.y).predict_proba(train.x)
    np.testing.assert_allclose(ours, theirs, atol=0.01)


@pytest.mark.parametrize(("rows", "width"), [(300, 5), (20, 30)])
def test_ridge_agrees_by_either_decomposition(rows: int, width: int) -> None:
    train = table(rows, width, "regress")
    ours = Ridge(alpha=3.0).fit(train, AMOUNT, Clock()).answer(train.x)[:, 0]
    theirs = SklearnRidge(alpha=3.0).fit(train.x.astype(np.float64), train.y).predict(train.x.astype(np.float64))
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_ridge_survives_columns_that_repeat_others() -> None:
    train = table(200, 4, "regress")
    doubled = Numbers(train.form, np.column_stack([train.x, train.x[:, 0]]), train.y)
    one, two = (Ridge().fit(t, AMOUNT, Clock()).answer(t.x) for t in (train, doubled))
    np.testing.assert_allclose(one, two, atol=0.05)


@settings(max_examples=30, deadline=None)
@given(rows=st.integers(1, 3000), k=st.integers(1, 40), seed=st.integers(0, 9))
def test_the_nearest_are_the_nearest(rows: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    known, asked, k = (
        rng.normal(size=(rows, 3)).astype(np.float32),
        rng.normal(size=(4, 3)).astype(np.float32),
        min(k, rows),
    )
    distance = np.sqrt(np.square(asked[:, None, :] - known).sum(axis=2))
    index, found = nearest(known, asked, k)
    np.testing.assert_allclose(found, np.sort(distance, axis=1)[:, :k], atol=2e-3)
    assert all(len(set(row)) == k for row in index.tolist())


def test_neighbours_average_as_the_library_does() -> None:
    train = table(task="regress")
    ours = NearestNeighbours(k=7, nearer=False).fit(train, AMOUNT, Clock()).answer(train.x)[:, 0]
    np.testing.assert_allclose(ours, KNeighborsRegressor(7).fit(train.x, train.y).predict(train.x), atol=1e-6)


def test_naive_bayes_counts_zeros_and_ones_as_such() -> None:
    x = np.array([[0], [0], [0], [1], [1], [1], [1], [0]], np.float32)
    y = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    answer = NaiveBayes(smoothing=0.1).fit(Numbers(Form.ROWS, x, y), Classify(("no", "yes")), Clock()).answer(x)
    assert answer[0, 0] == pytest.approx(0.75, abs=0.03)
    assert answer[4, 1] == pytest.approx(0.75, abs=0.03)


def test_a_perceptron_parts_what_a_line_can_part() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 2)).astype(np.float32)
    x = x[np.abs(x[:, 0] - x[:, 1]) > 0.2]
    y = (x[:, 0] > x[:, 1]).astype(np.int64)
    answer = Perceptron().fit(Numbers(Form.ROWS, x, y), Classify(("below", "above")), Clock()).answer(x)
    assert (answer.argmax(axis=1) == y).mean() > 0.99


@settings(max_examples=25, deadline=None)
@given(scale=st.floats(0.1, 20), k=st.integers(2, 5), seed=st.integers(0, 99))
def test_platt_never_worsens_the_log_loss(scale: float, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    margins = scale * rng.normal(size=(200, k))
    y = (margins / scale + rng.gumbel(size=margins.shape)).argmax(axis=1)
    by, shift = platt(margins, y)
    task = Classify(tuple(map(str, range(k))))
    assert by > 0
    assert task.loss(y, softmax(by * margins + shift)) <= task.loss(y, softmax(margins)) + 0.01


def test_duels_answer_as_the_library_does() -> None:
    train = table()
    two = Numbers(train.form, train.x, (train.y > 0).astype(np.int64))
    task = Classify(("no", "yes"))
    gamma = 1 / train.x.var(axis=0).sum()
    fitted = KernelSVM()._duel(two, task, gamma, Clock())
    theirs = SVC(C=3.0, gamma=gamma).fit(two.x, two.y).decision_function(two.x)
    np.testing.assert_allclose(fitted.margins(two.x)[:, 1], np.clip(theirs, -3, 3), atol=1e-3)


def test_a_short_clock_gives_kernel_machines_fewer_rows() -> None:
    train = table(4000)
    short = KernelSVM().fit(train, THREE, Clock(seconds=0.3))
    assert len(short.remembered) < 2000
    assert THREE.loss(train.y, short.answer(train.x)) < THREE.loss(
        train.y, THREE.baseline(train.y).repeat(4000, axis=0)
    )


@pytest.mark.parametrize("task", ["classify", "regress"])
def test_trees_answer_as_the_library_does(task: str) -> None:
    train = table(2000, 6, task)
    model = DecisionTreeClassifier if task == "classify" else DecisionTreeRegressor

    def make(seed: int) -> DecisionTreeClassifier | DecisionTreeRegressor:
        return model(min_samples_leaf=3, random_state=0)

    about = THREE if task == "classify" else AMOUNT
    ours = grow(CARD, make, 1, Bag(replace=False), train, about, Clock()).answer(train.x)
    theirs = make(0).fit(train.x, train.y)
    theirs = theirs.predict_proba(train.x) if task == "classify" else theirs.predict(train.x)[:, None]
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("forest", [RandomForest(trees=12), ExtraTrees(trees=12)])
def test_a_forest_is_the_same_on_any_number_of_threads(forest: RandomForest | ExtraTrees) -> None:
    train = table()
    alone, together = (forest.fit(train, THREE, Clock(threads=n)).answer(train.x) for n in (1, 3))
    np.testing.assert_array_equal(alone, together)


def test_the_out_of_bag_error_is_that_of_unseen_rows() -> None:
    train, fresh, clock = table(1500, task="regress"), table(1500, task="regress", seed=0), Clock()
    rng = np.random.default_rng(1)
    fresh = Numbers(fresh.form, fresh.x, fresh.y)
    half = rng.random(1500) < 0.5
    forest = RandomForest(trees=60).fit(train.take(half), AMOUNT, clock)
    unseen = AMOUNT.loss(fresh.y[~half], forest.answer(fresh.x[~half]))
    assert clock.curve[-1][1] == pytest.approx(unseen, rel=0.15)
    assert [step for step, _ in clock.curve] == [10, 20, 30, 40, 50, 60]


def test_missing_values_are_a_side_of_their_own() -> None:
    x = np.array([[1.0, 2], [np.nan, 4], [3, 6]], np.float32)
    fill = fill_for(x)
    assert fill[0] < 1
    assert fill[1] == 4
    assert not np.isnan(filled(x, fill)).any()
    rng = np.random.default_rng(0)
    gone = rng.random(400) < 0.5
    column = np.where(gone, np.nan, rng.normal(size=400)).astype(np.float32)[:, None]
    train = Numbers(Form.ROWS, column, gone.astype(np.int64), (Column("a", "a"),))
    for algorithm in (RandomForest(trees=10), ExtraTrees(trees=30), GradientBoosting(rounds=50)):
        said = algorithm.fit(train, Classify(("there", "gone")), Clock()).answer(column).argmax(axis=1)
        assert (said == gone).mean() > 0.97


def test_boosting_splits_categories_as_sets() -> None:
    rng = np.random.default_rng(0)
    code = rng.integers(30, size=3000)
    y = (code % 2).astype(np.float64) * 10
    train = Numbers(Form.ROWS, code.astype(np.float32)[:, None], y, (Column("code", "code", levels=30),))
    fitted = GradientBoosting(num_leaves=4, learning_rate=0.2).fit(train, AMOUNT, Clock())
    assert AMOUNT.loss(y, fitted.answer(train.x)) < 1
    unseen: Array = np.array([[-1.0], [np.nan]], np.float32)
    assert np.isfinite(fitted.answer(unseen)).all()


def test_boosting_stops_when_the_watched_error_does() -> None:
    clock, train = Clock(), table(1000)
    GradientBoosting(learning_rate=0.2).fit(train, THREE, clock)
    steps = [step for step, _ in clock.curve]
    assert steps == sorted(steps)
    assert steps[-1] < 500


def test_a_kernel_machine_s_answers_do_not_lag_the_mean_of_amounts_with_a_long_tail() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(900, 3)).astype(np.float32)
    y = np.exp(rng.normal(size=900)) + x[:, 0]
    columns = tuple(Column(c, c) for c in "abc")
    answer = KernelSVM(C=1.0, reach=4.0).fit(Numbers(Form.ROWS, x, y, columns), AMOUNT, Clock()).answer(x)
    assert answer.mean() == pytest.approx(y.mean(), abs=0.01)


@pytest.mark.parametrize("family", ["poisson", "tweedie", "gamma"])
def test_boosting_by_a_family_answers_the_mean_of_what_scatters_more_where_it_is_larger(family: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3000, 4)).astype(np.float32)
    mean = 50 * np.exp(x[:, 0] + 0.5 * np.sin(3 * x[:, 1]))
    y = mean * rng.gamma(4, 1 / 4, len(mean))
    columns = tuple(Column(c, c) for c in "abcd")
    train = Numbers(Form.ROWS, x[:2000], y[:2000], columns)
    error = {}
    for name in ("normal", family):
        answer = GradientBoosting(family=name).fit(train, AMOUNT, Clock()).answer(x[2000:])[:, 0]
        error[name] = float(np.mean(np.abs(answer - mean[2000:])))
    assert error[family] < error["normal"]


def test_amounts_below_zero_are_learned_as_normal_whatever_the_family() -> None:
    train = table(task="regress")
    by = [GradientBoosting(family=f).fit(train, AMOUNT, Clock()).answer(train.x) for f in ("normal", "gamma")]
    np.testing.assert_array_equal(*by)
    counts = Numbers(train.form, train.x, np.maximum(np.round(train.y), 0), train.columns)
    by = [GradientBoosting(family=f).fit(counts, AMOUNT, Clock()).answer(train.x) for f in ("tweedie", "gamma")]
    np.testing.assert_array_equal(*by)  # gamma knows no 0
    assert (by[0] > 0).all()


def test_the_door_names_the_column() -> None:
    train = table(20)
    x = np.array(train.x)
    x[3, 2] = np.inf
    with pytest.raises(InputError, match="column 'c2' is infinite in training row 4"):
        checked(CARD, Numbers(train.form, x, train.y, train.columns), THREE)
    x[3, 2] = np.nan
    assert np.isnan(checked(CARD, Numbers(train.form, x, train.y, train.columns), THREE)[0][3, 2])
