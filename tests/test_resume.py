"""Checkpoints, and runs that are gone on with: after a kill, after Ctrl-C, with more time."""

import dataclasses
import json
import math
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from ungated.core.algorithm import Entrant, State
from ungated.core.clock import Clock
from ungated.core.errors import ModelError, UsageError
from ungated.engines import state
from ungated.engines.jobs import Job
from ungated.journal import Journal
from ungated.search.diary import Diary
from ungated.search.ladder import Ladder, Result, Step
from ungated.search.split import folds

UNGATED = [sys.executable, "-m", "ungated"]


# -- a checkpoint ------------------------------------------------------------------------------------------------------


class Stopped(Exception):
    """The process was killed here."""


def learned(clock: Clock, plan: dict[str, Any] | None = None, stop_after: int | None = None) -> dict[str, Any]:
    """The weights of a small network trained by the common loop, with everything in it that a checkpoint must hold."""
    torch = pytest.importorskip("torch")
    from ungated.engines.torch_loop import Schedule, descend, session, to_arrays

    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 4)).astype(np.float32)
    y = (x[:, 0] * x[:, 1]).astype(np.float32)
    steps = 0

    with session(1, clock.seed):
        net = torch.nn.Sequential(
            torch.nn.Linear(4, 16),
            torch.nn.BatchNorm1d(16),
            torch.nn.ReLU(),
            torch.nn.Dropout(0.2),
            torch.nn.Linear(16, 1),
        )

        def loss(net: Any, x: Any, y: Any) -> Any:
            nonlocal steps
            steps += 1
            if stop_after is not None and steps > stop_after:
                raise Stopped
            return (net(x + 0.1 * torch.randn_like(x))[:, 0] - y).square().mean()

        def watch(net: Any) -> float:
            with torch.no_grad():
                return float((net(torch.from_numpy(x))[:, 0] - torch.from_numpy(y)).square().mean())

        course = Schedule(**{"epochs": 12, "batch": 16, "rate": 0.01, "muon": 0.02, "patience": 50} | (plan or {}))
        sizes = rng.integers(1, 9, len(x))
        descend(net, (torch.from_numpy(x), torch.from_numpy(y)), loss, watch, course, clock, sizes)
        return to_arrays(net)


@pytest.mark.parametrize("stop_after", [1, 5, 20, 50, 83])
def test_a_loop_that_is_taken_up_ends_bit_for_bit_where_it_would_have(
    stop_after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ungated.core.clock.EVERY", 0.0)  # after every step
    path = tmp_path / "kept.safetensors"
    whole = Clock(seed=3)
    unbroken = learned(whole)
    clock = Clock(seed=3, keep=lambda kept: state.write_file(path, kept))
    with pytest.raises(Stopped):
        learned(clock, stop_after=stop_after)
    kept = state.read_file(path)
    assert kept.values["taken"] == stop_after
    again = Clock(seed=3, kept=kept, curve=list(clock.curve))
    resumed = learned(again)
    assert set(resumed) == set(unbroken)
    assert all(np.array_equal(resumed[name], unbroken[name]) for name in unbroken)
    assert again.curve[-1] == whole.curve[-1]


def test_more_time_rewinds_the_schedule_to_where_a_longer_run_would_have_been() -> None:
    from ungated.engines.torch_loop import Schedule, _Pace

    plan = Schedule(epochs=1000, batch=1, rate=0.01)
    ended = _Pace(plan, 100, Clock(30.0, before=10.0))
    assert ended.go_on(taken=500, progress=0.98, watched=0.97)
    assert ended.progress == pytest.approx(10 / (10 + 0.95 * 30), abs=1e-3)
    killed = _Pace(plan, 100, Clock(10.0, before=10.0))
    assert not killed.go_on(taken=500, progress=0.51, watched=0.5)
    assert (killed.progress, killed.watched) == (0.51, 0.5)
    by_steps = _Pace(plan, 100, Clock(1e9, before=10.0))
    assert not by_steps.go_on(taken=50_000, progress=0.5, watched=0.5)


def test_checkpoints_are_written_every_minute_and_when_the_error_falls_but_never_all_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    written: list[float] = []

    def keep(kept: State) -> None:
        nonlocal now
        written.append(now)
        now += 0.2  # what writing takes

    clock = Clock(keep=keep, started=0.0, _last=0.0)
    while now < 300:
        now += 0.5
        clock.checkpoint(State, better=now < 100)
    apart = np.diff(written)
    assert written[0] < 4
    assert apart[: sum(t < 100 for t in written) - 1].max() < 11
    assert apart.min() > 10 - 0.5
    assert 40 < apart.max() < 60
    assert len(written) < 0.02 * 300 / 0.2
    Clock().checkpoint(lambda: pytest.fail("nobody keeps it"), last=True)


def test_a_checkpoint_is_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a" / "kept.safetensors"
    kept = State({"steps": 3, "none": None, "x": math.inf}, {"w": np.arange(6.0).reshape(2, 3), "none": np.zeros(0)})
    state.write_file(path, kept)
    read = state.read_file(path)
    assert read.values == kept.values
    assert np.array_equal(read.arrays["w"], kept.arrays["w"])
    assert state.read_file(path, arrays=False).arrays == {}
    assert [p.name for p in path.parent.iterdir()] == ["kept.safetensors"]
    whole = path.read_bytes()
    for cut in (0, 1, 9, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(ModelError, match="cannot be read"):
            state.read_file(path)


def test_a_job_takes_up_its_own_checkpoint_and_no_other(tmp_path: Path) -> None:
    from ungated.engines.worker import _clock

    job = Job(
        "1-0", "a:A", {"x": 1.5}, "t:T", {}, tmp_path, tmp_path, tmp_path / "out", keep=tmp_path / "k.safetensors"
    )
    first = _clock(job, lambda step, error: None)
    assert first.kept is None
    first.curve.append((1.0, 0.5))
    assert first.keep is not None
    first.keep(State({"taken": 7}, {"w": np.ones(3)}))
    again = _clock(Job.from_json(json.loads(json.dumps(job.to_json()))), lambda step, error: None)
    assert again.kept is not None
    assert again.kept.values["taken"] == 7
    assert again.curve == [(1.0, 0.5)]
    assert again.before > 0
    for other in ({"settings": {"x": 2.0}}, {"algorithm": "b:B"}, {"seed": 1}, {"rows": 5}):
        assert _clock(dataclasses.replace(job, **other), lambda step, error: None).kept is None
    (tmp_path / "k.safetensors").write_bytes(b"torn")
    assert _clock(job, lambda step, error: None).kept is None


# -- the ladder and the diary ------------------------------------------------------------------------------------------


def ladder_of(entrants: list[Entrant], limit: int | None = None) -> Ladder:
    planned = dict.fromkeys((e.key for e in entrants), 0.1)
    return Ladder(entrants, planned, folds(None, 100, 0, 5), seed=0, width=3 if limit is None else 8, limit=limit)


def entrants() -> list[Entrant]:
    from ungated.algorithms import discover

    known = discover()
    return [Entrant(known[i]()) for i in ("decision_tree", "extra_trees", "residual_mlp", "kernel_svm", "ridge")]


def result(loss: float) -> Result:
    return Result(np.full((20, 1), loss), loss, 0.1, 1000, 0.01, 10, [(1.0, loss)])


def fit(folder: Path, ladder: Ladder, diary: Diary, step: Step) -> None:
    """Make up what a worker leaves of a fit, and note it."""
    rng = np.random.default_rng([step.trial.key, step.fold])
    found = result(float(rng.random()))
    name = f"{step.trial.key}-{step.fold}"
    state.write(folder / "trials" / name, State({}, {"w": np.ones(2)}))
    np.save(folder / "trials" / name / "answer.npy", found.answer)
    job = Job(name, "", {}, "", {}, folder, folder, folder / "trials" / name, keep=diary.checkpoint(name))
    ladder.record(step, found)
    diary.came(job, found, over=True)


def begun(all_entrants: list[Entrant], limit: int | None = None) -> Ladder:
    from ungated.algorithms import discover

    ladder = ladder_of(all_entrants, limit)
    baseline = ladder.begin(Entrant(discover()["baseline"]()))
    baseline.trial.rung = 2
    for k in range(5):
        ladder.record(Step(baseline.trial, k), result(2.0))
    return ladder


@pytest.mark.parametrize("steps", [0, 1, 7, 40, 150])
def test_a_ladder_goes_on_from_its_diary_as_if_nothing_had_happened(steps: int, tmp_path: Path) -> None:
    known = entrants()
    ladder, diary = begun(known), Diary(tmp_path, lambda: 12.5)
    for _ in range(steps):
        step = ladder.next(1000.0, 1)
        assert step is not None
        fit(tmp_path, ladder, diary, step)
    diary.write(ladder, [], now=True)
    other, read = begun(known), Diary(tmp_path, lambda: 12.5)
    read.go_on(other, known, 1000.0, 1)
    assert read.kept() == 12.5
    for _ in range(60):
        a, b = ladder.next(1000.0, 1), other.next(1000.0, 1)
        assert a is not None
        assert b is not None
        assert (a.trial.key, a.fold, a.trial.entrant) == (b.trial.key, b.fold, b.trial.entrant)
        fit(tmp_path, ladder, diary, a)
        other.record(b, ladder.trials[a.trial.key].results[a.fold])
    assert [t.loss([0]) for t in ladder.trials] == [t.loss([0]) for t in other.trials]


@pytest.mark.parametrize("stop_after", [1, 3, 6, 11, 20, 33])
def test_where_decisions_wait_for_all_results_a_kill_changes_none(stop_after: int, tmp_path: Path) -> None:
    known = entrants()

    def candidates(folder: Path, stops: tuple[int, ...]) -> list[Any]:
        diary, done = Diary(folder, lambda: 1.0), 0
        ladder = begun(known, limit=14)
        wave: list[Step] = []
        while True:
            wave = wave or list(iter(partial(ladder.next, math.inf, 2), None))
            if not wave:
                return [(t.entrant, sorted(t.results)) for t in ladder.trials]
            order = np.random.default_rng(done).permutation(len(wave))
            for step in [wave[k] for k in order]:
                if done in stops:
                    stops = tuple(s for s in stops if s != done)
                    diary.write(ladder, [], now=True)
                    ladder = begun(known, limit=14)
                    diary.go_on(ladder, known, 1000.0, 2)
                    break
                fit(folder, ladder, diary, step)
                done += 1
            wave = ladder.pending()

    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    assert candidates(tmp_path / "parts", (stop_after, stop_after + 1)) == candidates(tmp_path / "whole", ())


def test_what_was_under_way_or_is_torn_is_done_again_and_its_time_given_back(tmp_path: Path) -> None:
    known = entrants()
    ladder, diary = begun(known), Diary(tmp_path, lambda: 100.0)
    first, second = ladder.next(1000.0, 2), ladder.next(1000.0, 2)
    assert first is not None
    assert second is not None
    fit(tmp_path, ladder, diary, first)
    job = Job(f"{second.trial.key}-0", "", {}, "", {}, tmp_path, tmp_path, tmp_path, keep=diary.checkpoint("2-0"))
    diary.begun(job)
    diary._begun[job.id] -= 30.0  # it began that long ago
    diary.write(ladder, [job], now=True)
    assert Diary(tmp_path).kept() == pytest.approx(70.0, abs=1)
    assert job.keep is not None
    state.write_file(job.keep, State({"spent": 25.0}))
    assert Diary(tmp_path).kept() == pytest.approx(95.0, abs=1)
    (tmp_path / "trials" / f"{first.trial.key}-0" / "arrays.safetensors").write_bytes(b"")
    other = begun(known)
    Diary(tmp_path, lambda: 95.0).go_on(other, known, 1000.0, 2)
    again = [other.next(1000.0, 2), other.next(1000.0, 2)]
    assert [(s.trial.key, s.fold) for s in again if s] == [(first.trial.key, 0), (second.trial.key, 0)]


def test_a_checkpoint_goes_only_once_the_diary_knows_the_result(tmp_path: Path) -> None:
    known = entrants()
    ladder, diary = begun(known), Diary(tmp_path, lambda: 100.0)
    step = ladder.next(1000.0, 2)
    assert step is not None
    path = diary.checkpoint(f"{step.trial.key}-0")
    assert path is not None
    state.write_file(path, State({"spent": 25.0}))
    diary.write(ladder, [], now=True)
    fit(tmp_path, ladder, diary, step)
    assert path.exists()
    diary.write(ladder, [], now=True)
    assert not path.exists()


def test_with_more_time_who_ran_the_long_course_runs_on(tmp_path: Path) -> None:
    known = entrants()
    ladder, diary = begun(known), Diary(tmp_path, lambda: 100.0)
    steps = [ladder.next(1000.0, 2) for _ in range(3)]
    for step in steps:
        assert step is not None
        fit(tmp_path, ladder, diary, step)
    diary.write(ladder, [], now=True)
    course = ladder.trials[2]
    course.course = 40.0
    for trial in (course, ladder.trials[1]):
        state.write_file(tmp_path / "going" / f"{trial.key}-0.safetensors", State({"spent": 40.0}))
    diary.write(ladder, [], now=True)
    diary.over(ladder)
    assert [p.stem for p in (tmp_path / "going").iterdir()] == ["2-0"]
    other = begun(known)
    Diary(tmp_path, lambda: 100.0, longer=True).go_on(other, known, 500.0, 2)
    step = other.next(500.0, 2)
    assert step is not None
    assert (step.trial.key, step.fold) == (2, 0)
    assert step.trial.course == pytest.approx(0.95 * 500)
    assert 0 in step.trial.results  # until it comes in again, what it had come to counts


# -- whole runs --------------------------------------------------------------------------------------------------------


def prose(folder: Path, most: int = 200_000) -> Path:
    """Texts that are on every machine, on which a network has to run the long course."""
    library = Path(json.__file__).parent.parent
    text = "".join(p.read_text(encoding="utf-8") for p in sorted(library.glob("*.py"))[:20])[:most]
    (folder / "prose.txt").write_text(text, encoding="utf-8")
    return folder / "prose.txt"


def start(*words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*UNGATED, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def end(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    said: dict[str, Any] = json.loads(out)
    return said


def entry(run: Path) -> dict[str, Any]:
    return Diary(run).last()


def until(process: subprocess.Popen[str], sure: Any, seconds: float = 60) -> None:
    began = time.monotonic()
    while not sure():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() - began < seconds
        time.sleep(0.05)


@pytest.mark.alone
def test_a_table_s_run_is_killed_and_gone_on_with(tmp_path: Path) -> None:
    out, run = tmp_path / "m", tmp_path / "m.run"
    process = start("fit", "diabetes", "--time", "60s", "--out", out, "--json")
    until(process, lambda: len(entry(run).get("ladder", {}).get("trials", ())) > 5)
    other = subprocess.run([*UNGATED, "fit", "--resume", out], capture_output=True, text=True)
    assert (other.returncode, f"Process {process.pid} is at the run" in other.stderr) == (2, True)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    before = entry(run)
    assert not out.exists()
    given = before["spent"] + 8
    said = end(start("fit", "--resume", run, "--time", f"{given:.1f}s", "--json"))
    assert said["model"] == str(out)
    assert len(said["leaderboard"]) >= len([t for t in before["ladder"]["trials"] if t["folds"]])
    assert said["error"]["value"] < said["error"]["baseline"]
    assert before["spent"] < said["seconds"] < given + 3
    assert not run.exists()  # nothing could be gone on with


@pytest.mark.alone
def test_ctrl_c_keeps_the_model_and_the_run(tmp_path: Path) -> None:
    out, run = tmp_path / "m", tmp_path / "m.run"
    process = start("fit", "diabetes", "--time", "10m", "--out", out)
    until(process, lambda: len(entry(run).get("ladder", {}).get("trials", ())) > 5)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"ungated fit --resume {run}" in said
    tried = len(entry(run)["ladder"]["trials"])
    again = end(start("fit", "--resume", out, "--time", f"{entry(run)['spent'] + 8:.1f}s", "--json"))
    assert len(again["leaderboard"]) >= tried
    refused = subprocess.run([*UNGATED, "fit", "--resume", out], capture_output=True, text=True)
    assert refused.returncode == 2
    assert "There is no run to go on with" in refused.stderr


@pytest.mark.alone
def test_a_network_s_long_course_is_killed_gone_on_with_and_lengthened(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    out, run = tmp_path / "m", tmp_path / "m.run"
    words = ("--algorithms", "language_transformer,markov_chain", "--set", "width=64")
    process = start("fit", prose(tmp_path), "--task", "generate", "--time", "45s", "--out", out, "--json", *words)
    until(process, lambda: _courses(run) and any((run / "going").glob(f"{_courses(run)[0]}-0.*")), seconds=90)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    course = f"{_courses(run)[0]}-0"
    kept, learned = Diary(run).kept(), Diary(run).before(course)
    assert 0 < learned < kept <= entry(run)["spent"]
    said = end(start("fit", "--resume", run, "--time", f"{kept + 12:.0f}s", "--json"))
    assert said["error"]["value"] < said["error"]["baseline"]
    assert Diary(run).before(course) > learned  # it went on from there, and could go on further
    for option in ("--seed", "--target"):
        refused = subprocess.run([*UNGATED, "fit", "--resume", run, option, "3"], capture_output=True, text=True)
        assert "goes on with what the run was begun with" in refused.stderr
    refused = subprocess.run([*UNGATED, "fit", "--resume", run], capture_output=True, text=True)
    assert "--time +10m" in refused.stderr
    learned = Diary(run).before(course)
    longer = end(start("fit", "--resume", run, "--time", "+12s", "--json"))
    assert longer["seconds"] > said["seconds"]
    assert Diary(run).before(course) > learned


def _courses(run: Path) -> list[int]:
    """The keys of trials that run the long course."""
    trials = entry(run).get("ladder", {}).get("trials", ())
    return [key for key, trial in enumerate(trials) if trial["course"]]


@pytest.mark.alone
def test_ctrl_c_keeps_what_the_long_course_has_learned(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    out, run = tmp_path / "m", tmp_path / "m.run"
    words = ("--algorithms", "language_transformer", "--set", "width=64", "--json")
    process = start("fit", prose(tmp_path), "--task", "generate", "--time", "45s", "--out", out, *words)
    until(process, lambda: _courses(run) and any((run / "going").glob(f"{_courses(run)[0]}-0.*")), seconds=60)
    process.send_signal(signal.SIGINT)
    said, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    board = [e for e in json.loads(said)["leaderboard"] if e["id"] == "language_transformer" and e["error"] is not None]
    taste, course = sorted(board, key=lambda e: e["seconds"])
    assert course["error"] < taste["error"]
    assert course["weight"] > taste["weight"]


def test_other_rows_are_noticed(tmp_path: Path) -> None:
    table = pl.DataFrame({"x": np.arange(300.0), "y": np.arange(300.0) % 7})
    table.write_csv(tmp_path / "t.csv")
    out, run = tmp_path / "m", tmp_path / "m.run"
    process = start("fit", tmp_path / "t.csv", "--target", "y", "--time", "30s", "--out", out)
    until(process, lambda: entry(run).get("ladder"))
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    table.with_columns(pl.col("x") + 1).write_csv(tmp_path / "t.csv")
    done = subprocess.run([*UNGATED, "fit", "--resume", run], capture_output=True, text=True)
    assert done.returncode == 2
    assert "does not hold the same rows" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_damaged_journal_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no run"):
        Journal.take_up(tmp_path / "m")
    (tmp_path / "m.run").mkdir()
    for text in ("", "{", "[]", '{"version": 1}'):
        (tmp_path / "m.run" / "run.json").write_text(text)
        with pytest.raises(ModelError, match="cannot be read"):
            Journal.take_up(tmp_path / "m")
