"""What is unlike the rest: its exam, its ensemble, its bar, and what is told of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ungated
from ungated import explain, report
from ungated.algorithms import discover
from ungated.core.clock import Clock
from ungated.core.errors import UsageError
from ungated.core.numbers import Form, Numbers
from ungated.engines.neighbours import Neighbours
from ungated.engines.trees import packed
from ungated.engines.unusual import levels_of, share
from ungated.explain import FEWEST
from ungated.modalities.table import cast
from ungated.tasks.detect import NEVER, Detect, short_of_area, spoiled

DETECTORS = {k: v for k, v in discover().items() if "detect" in v.card.tasks and k != "baseline"}


def crowd(rows: int = 400, odd: int = 8, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose columns go together, in units of their own, and some far outside; whether each is."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 4)) @ rng.normal(size=(4, 4))
    x[:odd] = x.mean(axis=0) + 9 * x.std(axis=0) * rng.choice([-1, 1], size=(odd, 4))
    order = rng.permutation(rows)
    return (1000 + 50 * x[order]).astype(np.float32), np.arange(rows)[order] < odd


@pytest.mark.parametrize("id_", DETECTORS)
def test_every_detector_finds_what_is_far_away(id_: str) -> None:
    x, odd = crowd()
    pytest.importorskip("torch") if "modern" in DETECTORS[id_].card.extras else None
    fitted = DETECTORS[id_]().fit(Numbers(Form.ROWS, x, np.zeros(len(x))), Detect.learn(""), Clock(seconds=5, seed=1))
    answer = fitted.answer(x)
    assert short_of_area(odd, answer) < 0.02
    assert 0 <= answer.min() < 0.05 < 0.95 < answer.max() <= 1


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.lists(st.floats(-1e7, 1e7), min_size=1, max_size=20))
def test_a_share_rises_with_the_score_and_stays_between_0_and_1(known: list[float], asked: list[float]) -> None:
    levels = levels_of(np.array(known))
    found = share(levels, np.sort(asked))[:, 0]
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diff(found) >= -1e-15).all()  # but for rounding


def test_a_share_is_that_of_known_rows_below() -> None:
    known = np.random.default_rng(0).normal(size=20_000)
    asked = np.array([-2.0, 0.0, 1.0, 3.0])
    true = np.array([(known < a).mean() for a in asked])
    np.testing.assert_allclose(share(levels_of(known), asked)[:, 0], true, atol=2e-3)
    beyond = share(levels_of(known), np.array([10.0, 11.0, 1000.0]))[:, 0]
    assert known.max() < 10
    assert (np.diff(beyond) > 0).all()


def test_a_row_that_was_learned_from_does_not_count_itself() -> None:
    x = np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32)
    index, distance = Neighbours(x).of(x, 5)
    assert (index != np.arange(300)[:, None]).all()
    true = np.sort(np.sqrt(np.square(x[:, None].astype(float) - x).sum(axis=2)), axis=1)[:, 1:6]
    np.testing.assert_allclose(distance, true, rtol=1e-4)
    assert (Neighbours(x).of(x, 1, itself=True)[0][:, 0] == np.arange(300)).all()


def test_the_isolation_forest_counts_as_scikit_learns_does() -> None:
    from sklearn.ensemble import IsolationForest

    from ungated.algorithms.classical.isolation_forest import cuts, more_cuts

    x = np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32)
    theirs = IsolationForest(n_estimators=20, random_state=0).fit(x)
    ours = packed(theirs.estimators_, cuts, 3).answer(x)[:, 0]
    expected = -np.log2(-theirs.score_samples(x)) * more_cuts(np.array([theirs.max_samples_]))[0]
    np.testing.assert_allclose(ours, expected, rtol=1e-5)


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(1, 40))
def test_the_ensemble_is_the_median(several: int, rows: int) -> None:
    answers = [np.random.default_rng(k).random((rows, 1)) for k in range(several)]
    said = Detect.learn("").blend(answers, np.full(several, 1 / several))
    np.testing.assert_allclose(said[:, 0], np.median(np.concatenate(answers, axis=1), axis=1))


def test_one_that_has_most_of_the_share_decides() -> None:
    answers = [np.full((3, 1), v) for v in (0.1, 0.9, 0.2)]
    np.testing.assert_allclose(Detect.learn("").blend(answers, np.array([0.2, 0.6, 0.2]))[:, 0], 0.9)


def test_rows_are_made_odd_within_their_columns() -> None:
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.normal(size=500), rng.integers(2, size=500), rng.random(500)]).astype(np.float32)
    made = spoiled(x, 200, rng)
    assert made.shape == (200, 3)
    assert (made.min(axis=0) >= x.min(axis=0)).all()
    assert (made.max(axis=0) <= x.max(axis=0)).all()
    assert set(np.unique(made[:, 1])) <= {0.0, 1.0}
    same = (made[:, None] == x).sum(axis=2).max(axis=1)
    assert (same >= 2).all()  # of three columns one alone is replaced


def test_who_sees_no_more_than_a_guess_has_no_share() -> None:
    task = Detect.learn("")
    np.testing.assert_allclose(task.weigh(np.array([0.5, 0.1, 0.3, 0.49])), [0, 0.5, 0.5, 0])
    np.testing.assert_allclose(task.weigh(np.array([0.5, 0.48, 0.6])), [0, 1, 0])


def test_the_bar_is_the_exams_or_the_persons() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat([0.0, 1.0], 500)
    seen = np.concatenate([rng.random(500) * 0.8, 0.5 + 0.5 * rng.random(500)])[:, None]
    task = Detect.learn("").settled(y, seen)
    assert 0.85 < task.bar < 0.9
    given = Detect.learn("", share=0.1).settled(y, seen)
    assert abs((seen[:500, 0] > given.bar).mean() - 0.1) < 0.01
    blind = Detect.learn("").settled(y, rng.random((1000, 1)))
    assert blind.bar == NEVER
    assert Detect.from_json(task.to_json()) == task
    for wrong in (0.7, -0.1, "many"):
        with pytest.raises(UsageError, match="share"):
            Detect.learn("", share=wrong)


def test_labels_are_compared_with_by_the_rarest() -> None:
    measures = Detect.learn("").against(np.array([[0.9], [0.8], [0.1], [0.2]]), np.array(["a", "b", "b", "b"]))
    assert measures == {"area under ROC": 1.0, "precision at 1": 1.0}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[ungated.Model, pl.DataFrame]:
    """A model of machines' readings, in which some have a sensor that is stuck, with days and labels."""
    rng = np.random.default_rng(0)
    n = 400
    load = rng.normal(size=n)
    table = pl.DataFrame(
        {
            "day": pl.datetime_range(pl.datetime(2024, 1, 1), pl.datetime(2025, 2, 3), "1d", eager=True)[:n],
            "load": 100 + 10 * load,
            "heat": 40 + 5 * load + 0.5 * rng.normal(size=n),
            "noise": 60 + rng.normal(size=n),
            "stuck": np.where(np.arange(n) >= 380, "yes", "no"),
        }
    ).with_columns(heat=pl.when(pl.col("stuck") == "yes").then(pl.lit(90.0)).otherwise("heat"))
    model = ungated.fit(
        table,
        task="detect",
        truth="stuck",
        algorithms="mahalanobis,neighbour_distance,ecod",
        candidates=8,
        settings={"share": 0.05},
        time="60s",
        out=tmp_path_factory.mktemp("detect") / "model",
    )
    return model, table


def test_a_stuck_sensor_is_found_and_named(found: tuple[ungated.Model, pl.DataFrame]) -> None:
    model, table = found
    assert model.run.metrics["area under ROC"] > 0.98
    listed = next(f for f in model.run.figures if f["kind"] == "anomalies")["items"]
    named = [reason["column"] for item in listed[:10] for reason in item["why"][:1]]
    assert named.count("heat") >= 8
    said = model.predict(table)
    assert set(said.columns) == {"anomaly", "score"}
    stuck = said.filter(table["stuck"] == "yes")["anomaly"]
    assert (stuck == "yes").mean() > 0.8
    assert (said["anomaly"] == "yes").mean() < 0.12


def test_scores_are_told_in_the_order_of_time(found: tuple[ungated.Model, pl.DataFrame]) -> None:
    model, _ = found
    when = next(f for f in model.run.figures if f["kind"] == "timeline")
    assert when["at"] == sorted(when["at"])
    worst = max(when["windows"], key=lambda w: w["mean"])
    assert worst["from"] > "2025-01"
    assert any("stretch by day" in line for line in model.run.found)


def test_the_report_shows_what_was_found(found: tuple[ungated.Model, pl.DataFrame]) -> None:
    page = report.html(found[0].run)
    assert len(page.encode()) < 1_000_000
    for words in ("The most unusual rows", "Where they lie", "Scores by day", "heat is 90"):
        assert words in page


def test_a_saved_model_says_the_same(found: tuple[ungated.Model, pl.DataFrame]) -> None:
    model, table = found
    assert isinstance(model.folder, Path)
    again = ungated.load(model.folder)
    assert again.predict(table.head(20)).equals(model.predict(table.head(20)))


def test_no_more_rows_are_looked_at_than_there_is_time_for(found: tuple[ungated.Model, pl.DataFrame]) -> None:
    model, table = found
    run = replace(model.run, found=[], notes=[], metrics={})
    typed = cast(table, model.schema, where="here").frame
    rows, sealed = typed[: len(typed) * 4 // 5], typed[len(typed) * 4 // 5 :]
    explain.discovered(model, rows, sealed, "", 1e-9, run, left=0.0)
    assert f" of {FEWEST} rows" in run.found[0]
    assert f"{FEWEST} of the {len(typed):,} rows" in run.notes[0]
    explain.discovered(model, rows, sealed, "", 1e-9, run)
    assert len(run.notes) == 1
