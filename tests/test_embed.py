"""Maps: how true they are, that new rows find their place, and what the report shows of them."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.manifold import trustworthiness

import ungated
from ungated import report
from ungated.algorithms import discover
from ungated.core.clock import Clock
from ungated.core.errors import UsageError
from ungated.core.numbers import Form, Numbers
from ungated.engines import push
from ungated.engines.pace import paced
from ungated.engines.placing import median, turned
from ungated.modalities import picture
from ungated.report.figures import figure
from ungated.tasks.embed import Embed

MAPS = {k: v for k, v in discover().items() if "embed" in v.card.tasks and k != "baseline"}


def digits() -> tuple[np.ndarray, np.ndarray]:
    x, y = load_digits(return_X_y=True)
    return (x[:900] / 16).astype(np.float32), y[:900]


def mapped(id_: str, x: np.ndarray, dims: int = 2, **settings: object) -> np.ndarray:
    made = MAPS[id_](**settings).fit(Numbers(Form.ROWS, x, np.zeros(len(x))), Embed.learn("", dims=dims), Clock(seed=1))
    return made.answer(x)


@settings(deadline=None, max_examples=20)
@given(st.integers(12, 60), st.integers(0, 1000))
def test_the_error_is_what_trustworthiness_falls_short_of_one(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    y, place = rng.normal(size=(n, 5)), rng.normal(size=(n, 2))
    k = min(5, (n - 1) // 3)
    task = Embed.learn("")
    assert task.loss(y, place) == pytest.approx(1 - trustworthiness(y, place, n_neighbors=k), abs=1e-9)
    assert task.loss(y, y) == pytest.approx(0)
    low, high = task.measure.interval(y, place)
    assert low <= task.loss(y, place) <= high


@pytest.mark.parametrize(("id_", "least"), [("pacmap", 0.965), ("t_sne", 0.98), ("pca", 0.8), ("classical_mds", 0.8)])
def test_digits_keep_their_neighbours(id_: str, least: float) -> None:
    x, _ = digits()
    assert trustworthiness(x, mapped(id_, x), n_neighbors=15) > least


@pytest.mark.parametrize("id_", ["pacmap", "t_sne"])
def test_a_new_digit_lands_among_its_own_class(id_: str) -> None:
    x, y = digits()
    task = Embed.learn("")
    fitted = MAPS[id_]().fit(Numbers(Form.ROWS, x[:700], np.zeros(700)), task, Clock())
    place, new = fitted.answer(x[:700]), fitted.answer(x[700:])
    far = np.square(new[:, None] - place).sum(axis=2)
    votes = y[:700][np.argsort(far, axis=1)[:, :10]]
    said = np.array([np.bincount(v, minlength=10).argmax() for v in votes])
    assert np.mean(said == y[700:]) >= 0.9


@pytest.mark.parametrize("id_", MAPS)
def test_more_dimensions_are_vectors_to_reuse(id_: str) -> None:
    pytest.importorskip("torch") if "modern" in MAPS[id_].card.extras else None
    x = digits()[0][:150]
    place = mapped(id_, x, dims=5)
    assert place.shape == (150, 5)
    assert np.isfinite(place).all()


def test_principal_components_are_scikit_learns() -> None:
    from sklearn.decomposition import PCA

    x, _ = digits()
    theirs = PCA(3, svd_solver="full").fit_transform(x.astype(float))
    np.testing.assert_allclose(np.abs(mapped("pca", x, dims=3)), np.abs(theirs), atol=1e-3)


def test_turned_rows_keep_their_distances() -> None:
    x = np.random.default_rng(0).normal(size=(50, 600)).astype(np.float32)
    rows, middle, axes = turned(x, 600)
    np.testing.assert_allclose(np.square(rows[0] - rows[1]).sum(), np.square(x[0] - x[1]).sum(), rtol=1e-4)
    np.testing.assert_allclose((x - middle) @ axes, rows, atol=1e-4)


def test_the_push_over_a_grid_is_that_of_all_pairs() -> None:
    place = 8 * np.random.default_rng(0).normal(size=(500, 2))
    exact, total = push._by_pairs(place)
    quick, nearly = push._by_grid(place)
    assert abs(nearly / total - 1) < 0.05
    assert np.abs(quick - exact).mean() < 0.1 * np.abs(exact).mean()


def test_a_new_row_goes_to_the_island_with_more_of_its_neighbours() -> None:
    points = np.array([[[0.0, 0.0]] * 6 + [[100.0, 0.0]] * 4])
    assert np.abs(median(points, np.full((1, 10), 0.1))).max() < 1.0


def test_steps_are_all_there_unless_the_clock_runs_out() -> None:
    assert np.allclose(list(paced(50, Clock())), np.arange(50) / 50)
    assert len(list(paced(10**6, Clock(seconds=0.05)))) < 10**6


def test_dims_are_checked() -> None:
    for wrong in (0, 2.5, "two", True):
        with pytest.raises(UsageError, match="dims"):
            Embed.learn("", dims=wrong)
    assert list(Embed.learn("").said(np.zeros((3, 2)), ())) == ["x", "y"]
    assert len(Embed.learn("", dims=8).said(np.zeros((3, 8)), ())) == 8


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ungated.Model:
    out = tmp_path_factory.mktemp("embed") / "model"
    return ungated.fit("digits", task="embed", algorithms="pca,pacmap", candidates=3, time="60s", out=out)


def test_a_map_is_made_and_asked(model: ungated.Model) -> None:
    assert model.error.value < 0.1 < model.error.baseline
    assert model.run.metrics["lands among its own label"] > 0.9
    assert any("trustworthiness" in line for line in model.run.found)
    made = next(f for f in model.run.figures if f["kind"] == "map")
    assert len(made["x"]) == len(made["labels"]) == len(made["colours"]["digit"])
    assert made["sheet"]["image"].startswith("data:image/jpeg")
    page = report.html(model.run)
    assert len(page.encode()) < 1_000_000
    assert '"draw":"map"' in page
    assert model.folder is not None
    assert ungated.load(model.folder).error.value == model.error.value


def test_a_sheet_holds_every_picture_in_its_place() -> None:
    cells = [picture.pack(np.full((8, 8, 1), v, np.uint8)) for v in (0, 120, 250)] + [None]
    uri = picture.sheet(cells, 8, 2, 50_000)
    assert uri.startswith("data:image/jpeg;base64,")
    assert picture.sheet(cells, 8, 2, 10) == ""


def test_a_map_that_is_not_as_it_should_be_is_a_table() -> None:
    good = {
        "kind": "map",
        "title": "m",
        "x": [0.0, 1.0],
        "y": [1.0, 2.0],
        "colours": {"a": [1, None]},
        "labels": ["p", "q"],
    }
    assert figure(good).chart == "map"
    for broken in ({"y": [1.0]}, {"x": ["<b>", 2], "y": [None, None]}, {"labels": ["p"]}, {"colours": {"a": [1]}}):
        assert figure(good | broken).chart == ""
    hostile = figure(good | {"images": ["javascript:alert(1)", "data:text/html;base64,AAAA"]})
    assert "images" not in hostile.data
    many = {"kind": "map", "title": "m", "x": list(range(9000)), "y": list(range(9000)), "colours": {}, "labels": []}
    assert len(figure(many).data["x"]) <= 2000


def test_tables_have_maps_too() -> None:
    rng = np.random.default_rng(0)
    group = rng.integers(3, size=200)
    table = pl.DataFrame({"a": group * 5 + rng.normal(size=200), "b": -group + 0.1 * rng.normal(size=200)})
    made = ungated.fit(table, task="embed", algorithms="pca", candidates=1, time="30s")
    assert set(made.predict(table).columns) == {"x", "y"}
