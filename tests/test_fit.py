"""The main job from end to end: the command line on real data, what it prints, what it leaves, how it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import psutil
import pytest

import ungated as ug
from ungated.core.errors import InputError, ModelError, UsageError

UNGATED = [sys.executable, "-m", "ungated"]
QUICK = {"algorithms": "logistic_regression,ridge,nearest_neighbours,decision_tree", "time": "15s"}


def run(*args: object, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*UNGATED, *map(str, args)], capture_output=True, text=True, timeout=timeout)


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, Path]:
    """A model of a set that ships with scikit-learn, made by the command line, and what --json said of it."""
    folder = tmp_path_factory.mktemp("wine") / "model"
    done = run("fit", "wine", "--candidates", 10, "--time", "60s", "--out", folder, "--json", "--seed", 1)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), folder


def test_json_is_one_document_with_all_that_was_promised(wine: tuple[dict, Path]) -> None:
    said, folder = wine
    assert said["model"] == str(folder)
    assert said["task"] == "classify"
    error = said["error"]
    assert error["metric"] == "error"
    assert 0 <= error["low"] <= error["value"] <= error["high"] < error["baseline"] <= 1
    assert error["rows"] == 36
    keys = {
        "algorithm",
        "era",
        "year",
        "error",
        "low",
        "high",
        "seconds",
        "peak_bytes",
        "planned_seconds",
        "planned_bytes",
    }
    assert all(keys <= set(entry) for entry in said["leaderboard"])
    assert {e["era"] for e in said["leaderboard"]} >= {"theory", "classical"}
    assert {"metrics", "seconds", "peak_bytes", "plan", "notes"} <= set(said)
    assert said["metrics"]["error"] == error["value"]


def _wine() -> pl.DataFrame:
    from ungated.modalities import table

    return table.read("wine").frame


def test_the_model_answers_by_command_and_in_python_alike(wine: tuple[dict, Path], tmp_path: Path) -> None:
    _, folder = wine
    new = _wine().drop("cultivar").head(20)
    new.write_csv(tmp_path / "new.csv")
    done = run("predict", folder, tmp_path / "new.csv", "--out", tmp_path / "said.csv")
    assert done.returncode == 0, done.stderr
    said = pl.read_csv(tmp_path / "said.csv")
    assert said.columns == ["cultivar", "P(class_0)", "P(class_1)", "P(class_2)"]
    model = ug.load(folder)
    assert model.predict(new).to_list() == said["cultivar"].to_list()
    assert np.allclose(model.predict_proba(new)["class_1"], said["P(class_1)"], atol=1e-9)
    assert np.allclose(said.select(pl.selectors.numeric()).sum_horizontal(), 1)


def test_evaluate_says_the_error_beside_the_baselines(wine: tuple[dict, Path], tmp_path: Path) -> None:
    _, folder = wine
    _wine().write_csv(tmp_path / "all.csv")
    done = run("evaluate", folder, tmp_path / "all.csv", "--json")
    error = json.loads(done.stdout)["error"]
    assert error["rows"] == 178
    assert error["value"] < 0.1 < error["baseline"]
    assert "178 rows" in run("evaluate", folder, tmp_path / "all.csv").stdout


def test_the_same_seed_and_number_of_candidates_give_the_same_model(wine: tuple[dict, Path], tmp_path: Path) -> None:
    first, folder = wine
    done = run("fit", "wine", "--candidates", 10, "--time", "60s", "--out", tmp_path / "m", "--json", "--seed", 1)
    second = json.loads(done.stdout)
    timed = ("seconds", "peak_bytes", "planned_seconds", "planned_bytes", "predict_us", "finished_at")

    def timeless(entries: list[dict]) -> list[dict]:
        return [{k: v for k, v in e.items() if k not in timed} for e in entries]

    assert timeless(first["leaderboard"]) == timeless(second["leaderboard"])
    assert first["error"] == second["error"]
    a, b = ug.load(folder), ug.load(tmp_path / "m")
    assert (a.predict_proba(_wine()).to_numpy() == b.predict_proba(_wine()).to_numpy()).all()


def test_a_model_can_be_moved_and_a_changed_one_is_refused(wine: tuple[dict, Path], tmp_path: Path) -> None:
    import shutil

    _, folder = wine
    moved = tmp_path / "elsewhere" / "m"
    shutil.copytree(folder, moved)
    before = ug.load(moved).predict(_wine()).to_list()
    assert before == ug.load(folder).predict(_wine()).to_list()
    victim = next(moved.rglob("arrays.safetensors"))
    data = bytearray(victim.read_bytes())
    data[-1] ^= 1
    victim.write_bytes(bytes(data))
    with pytest.raises(ModelError):
        ug.load(moved)
    assert run("predict", moved, "wine").returncode == 2


def test_the_report_is_one_file_that_names_every_candidate(wine: tuple[dict, Path]) -> None:
    said, folder = wine
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert len(page.encode()) <= 1_000_000
    assert all(e["name"] in page for e in said["leaderboard"])
    assert run("report", folder).stdout.strip() == str(folder / "report.html")


def test_fit_tells_every_step_in_plain_words(tmp_path: Path) -> None:
    done = run("fit", "diabetes", "--candidates", 4, "--time", "30s", "--out", tmp_path / "m")
    assert done.returncode == 0, done.stderr
    for word in (
        "Read",
        "442 rows",
        "Task",
        "regress",
        "--task",
        "Plan",
        "ridge",
        "Error",
        "95% interval",
        "baseline",
        "Report",
    ):
        assert word in done.stdout
    assert "\x1b" not in done.stdout


def _table(n: int = 240, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    age, city = rng.normal(40, 12, n).round(1), rng.choice(["Basel", "Lyon", "Turin"], n)
    chance = 1 / (1 + np.exp(-(age - 40) / 4 - (city == "Lyon") * 2))
    bought = np.where(rng.random(n) < chance, "yes", "no")
    return pl.DataFrame({"age": age, "city": city, "bought": bought})


@pytest.fixture(scope="module")
def shop() -> ug.Model:
    return ug.fit(_table(), "bought", candidates=5, **QUICK)


@pytest.mark.parametrize("home", ["pandas", "polars", "pyarrow"])
def test_answers_come_in_the_callers_kind(shop: ug.Model, home: str) -> None:
    rows = _table(30, 1).drop("bought")
    if home == "pandas":
        import pandas as pd

        mine = pd.DataFrame({c: rows[c].to_list() for c in rows.columns}, index=range(100, 130))
        said = shop.predict(mine)
        assert isinstance(said, pd.Series)
        assert said.index.tolist() == list(range(100, 130))
        assert list(shop.predict_proba(mine).columns) == ["no", "yes"]
    elif home == "polars":
        assert isinstance(shop.predict(rows), pl.Series)
        assert isinstance(shop.predict_proba(rows), pl.DataFrame)
    else:
        assert type(shop.predict(rows.to_arrow())).__module__.startswith("pyarrow")


def test_other_orders_types_and_unseen_values_are_taken(shop: ug.Model) -> None:
    rows = _table(30, 1).drop("bought")
    plain = shop.predict_proba(rows)["yes"].to_numpy()
    other = rows.select(pl.lit(1).alias("extra"), "city", pl.col("age").cast(pl.String))
    assert np.allclose(shop.predict_proba(other)["yes"].to_numpy(), plain)
    unseen = rows.with_columns(pl.lit("Oslo").alias("city"), pl.lit(None, pl.Float64).alias("age"))
    assert np.isfinite(shop.predict_proba(unseen)["yes"].to_numpy()).all()
    with pytest.raises(InputError, match="city"):
        shop.predict(rows.drop("city"))


def test_save_load_error_and_leaderboard(shop: ug.Model, tmp_path: Path) -> None:
    shop.save(tmp_path / "m")
    again = ug.load(tmp_path / "m")
    assert again.error == shop.error
    assert again.leaderboard.equals(shop.leaderboard)
    assert {"theory"} <= set(again.leaderboard["era"])
    assert "better" not in shop.error.words
    assert shop.error.value < shop.error.baseline


def test_whole_number_labels_come_back_as_numbers() -> None:
    table = _table().with_columns(pl.when(pl.col("bought") == "yes").then(7).otherwise(3).alias("bought"))
    model = ug.fit(table, "bought", task="classify", candidates=2, **QUICK)
    assert set(model.predict(table.drop("bought")).to_list()) <= {3, 7}


def test_no_pattern_is_said_in_those_words() -> None:
    rng = np.random.default_rng(0)
    table = pl.DataFrame({"a": rng.normal(size=200), "b": rng.normal(size=200), "y": rng.choice(["u", "v"], 200)})
    assert "no better than the baseline" in ug.fit(table, "y", candidates=3, **QUICK).error.words


def test_nothing_learned_changes_with_rows_that_judge(tmp_path: Path) -> None:
    """Fitted states and encoders of a fold are the same bytes whatever its validation rows and the sealed rows hold."""
    from ungated.algorithms import discover
    from ungated.core.algorithm import Entrant
    from ungated.core.clock import Clock
    from ungated.core.run import Run
    from ungated.engines import blocks
    from ungated.modalities import table
    from ungated.modalities.views import views
    from ungated.prepare import Prepared
    from ungated.search import split
    from ungated.tasks.classify import Classify

    frame = _table(150)
    raw = table.read(frame)
    schema = table.look(raw, target="bought")
    y = Classify(("no", "yes")).encode(frame["bought"].to_list())
    folds = split.folds(y, 150, 0, 3)
    assert Run  # the record is not needed to learn
    learned = []
    for spoil in (False, True):
        rows = table.cast(raw.frame, schema, where="made").frame
        answers = y.copy()
        if spoil:  # every row that judges fold 0 becomes another
            judge = np.zeros(150, bool)
            judge[folds[0].valid] = True
            new_age = pl.when(pl.Series(judge)).then(1e6).otherwise(pl.col("age"))
            new_city = pl.when(pl.Series(judge)).then(pl.lit("nowhere")).otherwise(pl.col("city"))
            rows = rows.with_columns(new_age.alias("age"), new_city.alias("city"))
            answers[judge] = 1 - answers[judge]
        prepared = Prepared(
            rows,
            answers,
            schema,
            lambda e: views(e.algorithm.card, schema, ["age", "city"])[e.view],
            folds,
            tmp_path / str(spoil),
        )
        states = []
        for name in ("logistic_regression", "gradient_boosting"):
            algorithm = discover()[name]()
            entrant = Entrant(algorithm)
            train = blocks.read(prepared.blocks(entrant, 0)[0])
            states.append(
                (algorithm.fit(train, Classify(("no", "yes")), Clock(seed=3)).state(), prepared.encoder(entrant, 0))
            )
        learned.append(states)
    for (a, encoder_a), (b, encoder_b) in zip(*learned, strict=True):
        assert encoder_a == encoder_b
        assert a.values == b.values
        assert a.texts == b.texts
        assert all((a.arrays[k] == b.arrays[k]).all() for k in a.arrays)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["fit", "nothing.csv", "--target", "y"], "nothing.csv"),
        (["fit", "wine", "--target", "colour"], "cultivar"),
        (["fit", "wine", "--time", "soon"], "30s"),
        (["fit", "wine", "--memory", "much"], "2GB"),
        (["fit", "wine", "--algorithms", "magic"], "logistic_regression"),
        (["fit", "wine", "--metric", "rmse"], "log-loss"),
        (["fit", "wine", "--task", "divine"], "regress"),
        (["fit", "wine", "--kind", "alcohol"], "COLUMN=KIND"),
        (["fit", "wine", "--kind", "alcohol=liquid"], "number"),
        (["predict", "no-model", "wine"], "no-model"),
        (["fti"], "fit"),
    ],
)
def test_wrong_words_end_with_2_and_the_way_out(args: list[str], says: str) -> None:
    done = run(*args)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 6
    assert done.stdout == ""


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as a POSIX signal here")
def test_ctrl_c_keeps_the_best_model(tmp_path: Path) -> None:
    started = subprocess.Popen(
        [*UNGATED, "fit", "digits", "--time", "90s", "--out", str(tmp_path / "m")], stdout=-1, stderr=-1
    )
    time.sleep(14)
    started.send_signal(signal.SIGINT)
    _, err = started.communicate(timeout=60)
    assert started.returncode == 130, err
    assert b"Traceback" not in err
    assert ug.load(tmp_path / "m").error.value < 0.9


def test_a_killed_parent_leaves_no_half_model_and_no_children(tmp_path: Path) -> None:
    started = subprocess.Popen(
        [*UNGATED, "fit", "digits", "--time", "60s", "--out", str(tmp_path / "m")], stdout=-1, stderr=-1
    )
    time.sleep(5)
    children = psutil.Process(started.pid).children(recursive=True)
    started.kill()
    started.communicate()
    assert not (tmp_path / "m").exists()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    began = time.monotonic()
    done = run("fit", "wine", "--time", "60s", "--out", tmp_path / "mine")
    assert done.returncode == 2
    assert "left alone" in done.stderr
    assert time.monotonic() - began < 30
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_reading_is_quick_to_refuse(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="target"):
        ug.fit(_table(), task="classify", time="5s")
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="too few"):
        ug.fit(tmp_path / "t.csv", "b", time="5s")


def test_help_and_import_are_light() -> None:
    heavy = "{'torch', 'sklearn', 'polars', 'lightgbm', 'numpy', 'rich'}"
    code = f"import sys, ungated, ungated.cli; print(sorted({heavy} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
    assert os.path.basename(sys.executable).startswith("python")
