"""Tables that nobody wants, through the main job: a question and a plan, or an error that a person can act on."""

import sys
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

import ungated as ug
from ungated import means, pipeline, tasks
from ungated.core.algorithm import Machine
from ungated.core.errors import UngatedError
from ungated.core.run import Run
from ungated.hardware.probe import probe
from ungated.modalities import table
from ungated.question.supervised import LIKELY_TARGETS

sys.path.insert(0, str(Path(__file__).parent))
from nasty import GOOD, NASTY, nasty_csv

FEW = {"algorithms": "naive_bayes,ridge,decision_tree", "candidates": 2, "time": "10s"}
MODELS = ("UTF-16", "huge numbers", "emoji", "brackets and braces", "columns that look like ours", "infinities")


@pytest.fixture(autouse=True)
def _measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = once()
    monkeypatch.setattr(means, "probe", lambda: machine)


@cache
def once() -> Machine:
    return probe()


def planned(path: Path, target: str | None) -> Run | None:
    """The plan for a file, or None where it was refused in words that name the file."""
    refused = ""
    try:
        run = pipeline.plan(path, target, time="30s", memory="2GB")
    except UngatedError as error:
        refused = str(error)
    if refused:
        assert 1 <= len(refused.splitlines()) <= 5
        assert max(map(len, refused.splitlines())) <= 1000
        assert path.name in refused
        return None
    assert run.data is not None
    assert run.task is not None
    assert run.task.id in ("classify", "regress") if target else tasks.known()
    assert any(line.fits for line in run.plan)
    return run


def targets(path: Path) -> list[str | None]:
    """None, and the last column where there is one that would not be taken anyway."""
    try:
        last = str(table.read(path).frame.columns[-1])
    except UngatedError:
        return [None]
    return [None] if last in LIKELY_TARGETS else [None, last]


@pytest.mark.parametrize("name", NASTY)
def test_nasty_files_are_planned_or_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "nasty.csv"
    path.write_bytes(NASTY[name])
    for target in [None] if name == "gzip bomb" else targets(path):  # each reads it anew, which takes seconds
        planned(path, target)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(nasty_csv())
def test_made_files_are_planned_or_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "made.csv"
    path.write_bytes(data * 3)  # enough rows, often, to get beyond the reading
    planned(path, targets(path)[-1])


def test_good_rows_among_them_are_planned(tmp_path: Path) -> None:
    path = tmp_path / "good.csv"
    path.write_bytes(GOOD)
    run = planned(path, None)
    assert run is not None
    assert (run.task.id, run.task.target) == ("classify", "y")
    assert run.data.rows == 60


@pytest.mark.parametrize("name", MODELS)
def test_nasty_but_usable_files_make_models_that_answer_them(name: str, tmp_path: Path) -> None:
    path = tmp_path / "nasty.csv"
    path.write_bytes(NASTY[name])
    model = ug.fit(path, "y", out=tmp_path / "model", **FEW)
    assert model.error.rows >= 10
    assert ug.load(tmp_path / "model").answers(path).height == table.read(path).frame.height
