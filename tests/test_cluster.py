"""Cluster: the right number of groups, none where there are none, and what a person is told of them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ungated

sys.path.insert(0, str(Path(__file__).parent))
from cluster_shapes import FLAT, blobs, even, found, frame, moons, one_cloud

from ungated.core.clock import Clock
from ungated.core.numbers import Form, Numbers
from ungated.engines.grouping import in_order, shares, unrounded, weights
from ungated.explain.apart import told, traits
from ungated.tasks import boundaries
from ungated.tasks.cluster import Cluster, adjusted_rand, mutual_information

QUICK = ("k_means", "agglomerative", "gaussian_mixture", "spectral_clustering", "dbscan", "hdbscan")


def numbers(x: np.ndarray) -> Numbers:
    return Numbers(Form.ROWS, x.astype(np.float32), np.zeros(len(x)))


# The error


def test_true_groups_err_less_than_too_few_too_many_and_none() -> None:
    x, y = blobs(np.random.default_rng(0))
    task, halved = Cluster(), np.where((y == 0) & (x[:, 0] > 0), 3, y)
    right, few, many = (task.loss(x, shares(g)) for g in (y, np.minimum(y, 1), halved))
    assert right < few < 1
    assert right < many
    assert 1 / 3 <= right < 0.55


def test_groups_of_any_form_are_judged_alike() -> None:
    x, y = moons(np.random.default_rng(0))
    straight = (x[:, 0] > 0.5).astype(int)
    assert Cluster().loss(x, shares(y)) < 0.6 < 1 < Cluster().loss(x, shares(straight))


@pytest.mark.parametrize("shape", [even, one_cloud])
@pytest.mark.parametrize("k", [2, 5])
def test_what_is_merely_cut_errs_more_than_one_group(shape, k: int) -> None:
    x, _ = shape(np.random.default_rng(k))
    turned = (x - x.mean(axis=0)) @ np.array([0.6, 0.8])
    cut = np.digitize(turned, np.quantile(turned, np.linspace(0, 1, k + 1)[1:-1]))
    assert Cluster().loss(x, shares(cut)) > 1


def test_one_group_is_the_baseline_whatever_the_rows() -> None:
    x, _ = blobs(np.random.default_rng(0))
    task = Cluster()
    assert task.loss(x, np.tile(task.baseline(x), (len(x), 1))) == 1
    assert task.measure.interval(x, np.ones((len(x), 1))) == (1, 1)


def test_one_group_and_rows_in_none_part_nothing() -> None:
    x, y = blobs(np.random.default_rng(0))
    assert Cluster().loss(x, shares(np.where(y == 0, 0, -1))) == 1


def test_the_interval_holds_the_error() -> None:
    x, y = blobs(np.random.default_rng(1))
    measure = Cluster().measure
    low, high = measure.interval(x, shares(y))
    assert low <= measure(x, shares(y)) <= high
    assert 0 < high - low < 0.4


@given(st.integers(0, 50), st.integers(2, 6), st.floats(0.01, 100))
@settings(max_examples=25, deadline=None)
def test_the_error_knows_neither_the_names_of_groups_nor_the_scale(seed: int, k: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    x, groups = rng.normal(size=(60, 3)), rng.integers(k, size=60)
    renamed = rng.permutation(k)[groups]
    said = [boundaries.parted(v, shares(g, k)) for v, g in ((x, groups), (x, renamed), (scale * x, groups))]
    one, two, three = (float(boundaries.blur(s, np.ones(60), 1.0)) for s in said)
    assert one == pytest.approx(two)
    assert one == pytest.approx(three, rel=1e-6)
    assert np.isfinite(one)


def test_a_category_alone_is_no_group() -> None:
    rng = np.random.default_rng(0)
    side = rng.integers(2, size=400)
    x = np.c_[rng.normal(size=(400, 2)), side]
    assert Cluster().loss(x, shares(side)) > 1


def test_rounded_numbers_are_spread_over_what_they_stand_for() -> None:
    x = np.repeat(np.arange(5.0), 40)[:, None]
    spread = unrounded(x, 0)
    assert np.abs(spread - x).max() <= 0.5
    assert len(np.unique(spread)) == 200
    own = np.random.default_rng(0).normal(size=(200, 1))
    np.testing.assert_array_equal(unrounded(own, 0), own)


def test_rare_levels_weigh_little() -> None:
    x = np.c_[np.arange(100.0), np.arange(100) < 50, np.arange(100) < 2]
    one, half, rare = weights(x)
    assert one == 1
    assert one > half > rare > 0


@given(st.lists(st.integers(-1, 5), min_size=1, max_size=60))
def test_groups_are_counted_by_falling_size(groups: list[int]) -> None:
    before = np.array(groups)
    after = in_order(before)
    assert ((before < 0) == (after < 0)).all()
    counts = np.bincount(after[after >= 0])
    assert (np.diff(counts) <= 0).all()
    assert adjusted_rand(before, after) == pytest.approx(1)


# The labels beside


def test_agreement_with_labels_is_scikit_learns() -> None:
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = rng.integers(4, size=50), rng.integers(3, size=50)
        assert adjusted_rand(a, b) == pytest.approx(adjusted_rand_score(a, b))
        assert mutual_information(a, b) == pytest.approx(normalized_mutual_info_score(a, b))


# The number of groups


def test_the_right_number_of_groups_on_nine_of_ten_shapes() -> None:
    wrong = {}
    for name, shape in FLAT.items():
        x, y = shape(np.random.default_rng(1))
        _, count, by = found(frame(x), 1, only=QUICK)
        if count != len(np.unique(y)):
            wrong[name] = count, by
    assert len(wrong) <= 1, wrong
    assert not {"even noise", "one Gaussian"} & set(wrong)


def test_wine_has_its_three_cultivars() -> None:
    from sklearn.datasets import load_wine

    groups, count, _ = found("wine", 0, leave=("cultivar",), only=QUICK)
    assert count == 3
    assert adjusted_rand(groups, load_wine().target) > 0.75


def test_a_number_that_is_asked_for_is_found() -> None:
    x, _ = blobs(np.random.default_rng(0))
    for cls in (c for c in ungated.algorithms.discover().values() if c.card.id in QUICK):
        fitted = cls(groups=4).fit(numbers(x), Cluster(), Clock())
        count = fitted.answer(x.astype(np.float32)).sum(axis=0)
        assert (count > 0).sum() in (3, 4, 5), cls.card.id
        assert cls().settled(fitted.state()).groups == len(count)


# What a person is told


@pytest.fixture(scope="module")
def customers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    kind = rng.integers(3, size=240)
    table = pl.DataFrame(
        {
            "age": (np.array([25, 45, 70])[kind] + 3 * rng.normal(size=240)).round(1),
            "spent": np.array([900.0, 100.0, 500.0])[kind] + 30 * rng.normal(size=240),
            "visits": rng.normal(10, 2, 240),
            "kind": [["young", "busy", "calm"][k] for k in kind],
        }
    )
    path = tmp_path_factory.mktemp("customers") / "customers.csv"
    table.write_csv(path)
    return path


@pytest.fixture(scope="module")
def model(customers: Path) -> ungated.Model:
    return ungated.fit(customers, task="cluster", truth="kind", time="40s", algorithms=["k_means", "dbscan"])


def test_groups_are_found_described_and_compared(model: ungated.Model) -> None:
    told_ = "\n".join(model.run.found)
    assert "3 clusters in 240 rows" in told_
    assert "age" in told_
    assert "adjusted Rand" in told_
    assert model.run.metrics["adjusted Rand"] > 0.95
    assert model.error.high < model.error.baseline == 1


def test_new_rows_are_placed(model: ungated.Model) -> None:
    new = pl.DataFrame({"age": [25.0, 26.0, 70.0], "spent": [900.0, 880.0, 500.0], "visits": [10.0, 11.0, 9.0]})
    said = model.predict(new)
    assert said.columns[:1] == ["cluster"]
    first, second, third = said["cluster"]
    assert first == second != third


def test_the_report_shows_map_traits_and_labels(model: ungated.Model) -> None:
    kinds = {f["kind"] for f in model.run.figures}
    assert {"clusters", "groups", "group-rows", "crossed"} <= kinds
    for title in ("The clusters on a map", "What sets each cluster apart", "Clusters beside kind"):
        assert title in model.report
    page = model.report
    assert page.count('"draw": "clusters"') + page.count('"draw":"clusters"') == 1


def test_no_clusters_here_is_an_answer(tmp_path: Path) -> None:
    x, _ = even(np.random.default_rng(3))
    frame(x[:200]).write_csv(tmp_path / "noise.csv")
    command = [sys.executable, "-m", "ungated", "fit", str(tmp_path / "noise.csv"), "--task", "cluster", "--json"]
    more = ["--algorithms", "k_means,dbscan", "--time", "30s", "--out", str(tmp_path / "m")]
    done = subprocess.run([*command, *more], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["found"][0].startswith("No clusters here")
    assert "no clusters here" in ungated.load(tmp_path / "m").error.words
    said = ungated.load(tmp_path / "m").predict(frame(x[:5]))
    assert said["cluster"].to_list() == ["1"] * 5


def test_traits_are_told_in_units_levels_and_words(model: ungated.Model) -> None:
    typed = pl.DataFrame({"age": [20.0, 21.0, 22.0, 60.0, 61.0, 62.0], "spent": [1.0] * 6, "visits": [5.0] * 6})
    told_ = told(traits(model, typed, np.arange(6) < 3))
    assert "age 21 (others 61)" in told_
    assert "visits" not in told_
