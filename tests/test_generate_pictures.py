"""Making pictures: the exam, how made ones are told from real ones, levels, sheets, and a whole run from the shell."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import ungated
from ungated.algorithms.classical.pca_mixture import PCAMixture
from ungated.algorithms.modern.flow_matching import FlowMatching
from ungated.core.clock import Clock
from ungated.core.errors import UsageError
from ungated.core.numbers import Form, Numbers
from ungated.engines.made import levels_like, proportional, relevelled, rounded, straight
from ungated.engines.two_samples import distance, rightly_told, scores, separation
from ungated.explain.pictures_made import nearest
from ungated.generation import pictures as generation
from ungated.tasks.generate_pictures import MOST, GeneratePictures, pictures_of


def discs(count: int, seed: int, channels: int = 1, size: tuple[int, int] = (12, 12)) -> tuple[np.ndarray, np.ndarray]:
    """Discs (class 0) and rings (class 1) somewhere on black: uint8 (n, channels, h, w), int64 (n,)."""
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=count)
    up = np.arange(size[0])[:, None] - rng.uniform(4, size[0] - 5, (count, 1, 1))
    across = np.arange(size[1]) - rng.uniform(4, size[1] - 5, (count, 1, 1))
    far = np.hypot(up, across)
    light = np.where(y[:, None, None] == 0, far < 3, abs(far - 3) < 0.8) * rng.uniform(120, 255, (count, 1, 1))
    return light.round().astype(np.uint8)[:, None].repeat(channels, axis=1), y.astype(np.int64)


def test_real_pictures_are_not_told_from_real_ones() -> None:
    said = scores(discs(400, 0)[0], discs(400, 1)[0])
    assert rightly_told(said).shape == (400,)
    assert abs(rightly_told(said).mean() - 0.5) < 0.06
    assert abs(separation(said)) < 0.3
    assert distance(discs(400, 0)[0], discs(400, 1)[0]) < 0.05


def test_what_differs_is_told() -> None:
    real, made = discs(300, 0)[0], discs(300, 1)[0]
    grey = np.maximum(made, 3)  # a black that is not quite black
    rng = np.random.default_rng(0)
    noisy = np.clip(made + rng.normal(0, 12, made.shape), 0, 255).astype(np.uint8)
    shuffled = rng.permuted(made.reshape(300, -1), axis=0).reshape(made.shape)
    for worse in (grey, noisy, shuffled):
        assert rightly_told(scores(real, worse)).mean() > 0.9
        assert separation(scores(real, worse)) > 2
    assert distance(real, shuffled) > distance(real, noisy) > distance(real, made)


def test_the_exam_is_the_pictures_themselves_but_not_too_many() -> None:
    x, y = discs(MOST + 200, 0)
    task = GeneratePictures.learn("picture", ("disc", "ring"))
    exam = task.exam(Numbers(Form.PIXELS, x, y), seed=1)
    assert len(exam) == len(exam.y) == MOST
    np.testing.assert_array_equal(exam.x, exam.y)
    np.testing.assert_array_equal(exam.x, task.exam(Numbers(Form.PIXELS, x, y), seed=1).x)


def test_the_baseline_has_all_levels_and_no_shape() -> None:
    task, (x, y) = GeneratePictures.learn("picture"), discs(300, 0)
    trivial = np.tile(task.baseline(y), (300, 1))
    np.testing.assert_array_equal(np.sort(pictures_of(x, trivial), axis=0), np.sort(x, axis=0))
    assert task.measure(x, trivial) > 0.95
    answer = discs(300, 1)[0].reshape(300, -1).astype(np.float64)
    assert task.loss(x, answer) < task.loss(x, trivial)
    assert task.measure(x, answer) < 0.6
    assert GeneratePictures.from_json(task.to_json()) == task
    with pytest.raises(UsageError, match="ungated generate"):
        task.said(answer, ())


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=12), st.integers(0, 200))
def test_classes_are_as_frequent_as_they_were(weights: list[float], count: int) -> None:
    shares = np.array(weights) / sum(weights)
    each = np.bincount(proportional(shares, count), minlength=len(shares))
    assert each.sum() == count
    assert (abs(each - shares * count) < 1).all()


def test_levels_become_as_frequent_as_they_were() -> None:
    rng = np.random.default_rng(0)
    real = (rng.random((200, 2, 6, 6)) < 0.5).astype(np.uint8) * 200
    made = np.where(rng.random((200, 2, 6, 6)) < 0.5, -1.0, 200 / 127.5 - 1) + 0.02 * rng.normal(size=(200, 2, 6, 6))
    plain, bent = (rounded(relevelled(made, c)) for c in (straight(2), levels_like(made, real)))
    assert (plain == 200).mean() < 0.3
    assert abs((bent == 0).mean() - 0.5) < 0.03
    assert (bent == 200).mean() > 0.4
    assert (np.diff(levels_like(made, real), axis=1) >= 0).all()


@pytest.mark.parametrize(("channels", "size"), [(1, (12, 12)), (3, (11, 14))])
def test_a_maker_makes_what_it_was_asked_for(channels: int, size: tuple[int, int]) -> None:
    x, y = discs(300, 0, channels, size)
    train, task = Numbers(Form.PIXELS, x, y), GeneratePictures(("disc", "ring"))
    for algorithm in (PCAMixture(), FlowMatching(width=32, steps=6)):
        made_by = algorithm.fit(train, task, Clock(seconds=3.0))
        labels = np.array([0, 1, 1, 0])
        made = made_by.make(labels, 5)
        assert made.shape == (4, channels, *size)
        assert made.dtype == np.uint8
        np.testing.assert_array_equal(
            made_by.make(labels[:2], 5), made[:2] if algorithm.card.era == "modern" else made_by.make(labels[:2], 5)
        )
        assert (made_by.make(labels, 6) != made).any()
        np.testing.assert_allclose(made_by.shares, np.bincount(y) / len(y))


def test_a_flow_is_shown_on_its_way_and_guided() -> None:
    x, y = discs(200, 0, size=(40, 36))
    flow = FlowMatching(width=32, steps=6, side=16).fit(
        Numbers(Form.PIXELS, x, y), GeneratePictures(("a", "b")), Clock(seconds=4)
    )
    assert flow.scaled == [16, 16]
    steps = flow.make_steps(np.array([0, 1]), 3, moments=3)
    assert steps.shape == (3, 2, 1, 40, 36)
    np.testing.assert_array_equal(steps[-1], flow.make(np.array([0, 1]), 3))
    assert steps[0].std() > 0
    assert flow.make(np.array([0, 1]), 3, guidance=2.0).shape == (2, 1, 40, 36)


def test_the_nearest_are_found() -> None:
    known = discs(5000, 0)[0]
    where, far = nearest(known[[3, 4700]], known, 3)
    assert far[:, 0].max() < 1e-2
    np.testing.assert_array_equal(known[where[:, 0]], known[[3, 4700]])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    x, y = discs(240, 0)
    root = tmp_path_factory.mktemp("discs")
    for k, (picture, label) in enumerate(zip(x, y, strict=True)):
        at = root / ("disc", "ring")[label] / f"{k}.png"
        at.parent.mkdir(exist_ok=True)
        Image.fromarray(picture[0]).save(at)
    return root


@pytest.fixture(scope="module")
def model(folder: Path) -> ungated.Model:
    return ungated.fit(str(folder), task="generate", time="20s", algorithms="pca_mixture")


def test_a_folder_of_pictures_becomes_a_maker(model: ungated.Model, folder: Path) -> None:
    assert model.error.metric == "two-sample"
    assert {f["title"] for f in model.run.figures} >= {"What it makes of each class"}
    assert "What it makes" in model.report
    assert any("nearest training picture" in note for note in model.run.found)
    made = generation.make(model, 6, label="ring", seed=2)
    assert made.shape == (6, 1, 12, 12)
    assert generation.make(model, 5).shape[0] == 5
    sheet = Image.open(BytesIO(generation.grid(made, 3)))
    assert sheet.size == (3 * (12 * 4 + 1), 2 * (12 * 4 + 1))
    for wrong in ({"label": "square"}, {"count": 0}, {"guidance": 1.0}):
        with pytest.raises(UsageError):
            generation.make(model, **wrong)


def test_a_model_that_answers_makes_nothing(folder: Path) -> None:
    said = ungated.fit(str(folder), time="10s", algorithms="naive_bayes", candidates=2)
    with pytest.raises(UsageError, match="--task generate"):
        generation.make(said, 3)
