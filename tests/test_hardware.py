"""The machine as measured, a container's limits, and what the plan says of an algorithm's cost."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ungated.core.algorithm import Algorithm, Card, Cost, Entrant, Machine
from ungated.core.clock import Budget
from ungated.core.clock import seconds as parse
from ungated.core.numbers import Form, Shape
from ungated.engines import extras
from ungated.engines.load import Load, cores
from ungated.hardware import limits, plan
from ungated.hardware.probe import describe, probe
from ungated.means import Means

MACHINE = Machine(cores=4, memory=8 * 10**9, free=8 * 10**9, gflops=50.0, bandwidth=1e10, scalar=10.0)
SHAPE = Shape(Form.ROWS, "regress", 1000, 10, 1)


@dataclass(frozen=True)
class Priced(Algorithm):
    card: ClassVar = Card("priced", "priced", 1950, "none", frozenset({"regress"}))
    seconds: float = 1.0
    bytes: float = 1e6

    def cost(self, job: Shape, on: Machine) -> Cost:
        return Cost(self.seconds, self.bytes)

    def fit(self, train: Any, task: Any, clock: Any) -> Any:
        raise NotImplementedError


@dataclass(frozen=True)
class Extra(Priced):
    card: ClassVar = Card("extra", "extra", 2015, "none", frozenset({"regress"}), extras=("modern",))


def say(
    algorithm: Algorithm, machine: Machine = MACHINE, time: float = 60, memory: int = 2 * 10**9, **more: Any
) -> Any:
    return plan.plan([Entrant(algorithm)], lambda e: SHAPE, machine, Budget(time, memory), **more)[0]


def test_the_probe_measures_what_is_plausible() -> None:
    machine = probe()
    assert 1 <= machine.cores <= 4096
    assert 0 < machine.free <= machine.memory
    assert 0.1 < machine.gflops < 2000
    assert 1e8 < machine.bandwidth < 1e12
    assert 0.5 < machine.scalar < 500
    assert 0 <= machine.load <= 1
    assert all(isinstance(line, str) and "\n" not in line for line in describe(machine))


@pytest.mark.alone
def test_the_probe_is_quick() -> None:
    taken = []
    for _ in range(3):
        began = time.perf_counter()
        probe()
        taken.append(time.perf_counter() - began)
    assert min(taken) < 0.3  # 0.11 s alone; the machine that tests run on is rarely alone


@pytest.mark.alone
def test_our_own_work_is_not_others_load() -> None:
    knows, knows_not = Load([os.getpid()]), Load()
    worked, until = time.process_time(), time.perf_counter() + 1
    while time.perf_counter() < until:
        pass
    ours = (time.process_time() - worked) / len(cores())
    others, everyone = knows.update([os.getpid()]), knows_not.update([])
    assert others <= everyone
    if everyone < 1:
        assert everyone - others == pytest.approx(ours, abs=0.1)


def group(root: Path, **files: str) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (root / name.replace("__", ".")).write_text(text)
    return root


def test_version_2_limits_are_respected(tmp_path: Path) -> None:
    group(tmp_path, memory__max=f"{10**9}\n", memory__current=f"{6 * 10**8}\n", cpu__max="50000 100000\n")
    group(tmp_path, memory__stat=f"anon 5\ninactive_file {10**8}\n")
    assert limits.memory(tmp_path) == (10**9, 5 * 10**8)
    assert limits.cores(tmp_path) == 1


def test_no_limit_is_the_machine_itself(tmp_path: Path) -> None:
    group(tmp_path, memory__max="max\n", cpu__max="max 100000\n")
    assert limits.memory(tmp_path)[0] == limits.memory(tmp_path / "nothing")[0]
    assert limits.cores(tmp_path) == limits.cores(tmp_path / "nothing") >= 1


def test_a_quota_and_a_limit_of_version_1(tmp_path: Path) -> None:
    folder = group(
        tmp_path, memory__limit_in_bytes="1000", memory__usage_in_bytes="400", memory__stat="total_inactive_file 100"
    )
    group(folder, cpu__cfs_quota_us="150000", cpu__cfs_period_us="100000")
    assert limits._memory(folder) == (1000, 300)
    assert limits._quota(folder) == 1.5
    group(folder, cpu__cfs_quota_us="-1")
    assert limits._quota(folder) == 0


def test_what_fits_is_said_without_words() -> None:
    line = say(Priced())
    assert (line.fits, line.why, line.seconds, line.era) == (True, "", 1.0, "theory")


def test_what_is_too_slow_names_the_time_that_would_do() -> None:
    line = say(Priced(seconds=540))
    assert not line.fits
    assert line.why == "would take about 9 min on this machine; the budget is 60 s: --time 1h would let it in"
    assert say(Priced(seconds=540), time=parse("1h")).fits


def test_what_is_too_large_names_the_memory_that_would_do() -> None:
    line = say(Priced(bytes=3e9))
    assert not line.fits
    assert "--memory 3500MB" in line.why or "--memory 3400MB" in line.why
    assert say(Priced(bytes=3e9), memory=3500 * 10**6).fits


def test_more_memory_than_the_machine_has_is_not_suggested() -> None:
    assert "--memory" not in say(Priced(bytes=3e10)).why


def test_a_busy_machine_is_slower() -> None:
    busy = Machine(**(MACHINE.__dict__ | {"load": 1.0}))
    assert say(Priced(), busy, workers=4).seconds == pytest.approx(2.0)
    assert say(Priced(), busy, workers=1).seconds == pytest.approx(1.25)
    assert say(Priced(), MACHINE, workers=4).seconds == 1.0


def test_a_missing_extra_gives_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "PACKAGES", {"modern": ("no_such_library",)})
    line = say(Extra())
    assert not line.fits
    assert "pip install 'ungated[modern]'" in line.why


def test_a_size_that_only_a_missing_library_could_tell_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "PACKAGES", {"modern": ("no_such_library",)})

    def size(entrant: Entrant) -> Shape:
        extras.require("modern", what="Text as tokens")
        raise AssertionError

    (line,) = plan.plan([Entrant(Extra())], size, MACHINE, Budget(60, 4 * 10**9))
    assert not line.fits
    assert "pip install 'ungated[modern]'" in line.why


@pytest.mark.parametrize(
    ("budget", "expected"), [(4 * 10**9, (4, 1)), (10**9, (2, 2)), (600 * 10**6, (1, 4)), (10**8, (1, 4))]
)
def test_workers_are_as_many_as_the_memory_holds(budget: int, expected: tuple[int, int]) -> None:
    assert plan.workers_for(MACHINE, budget) == expected


def test_threads_leave_the_others_their_cores() -> None:
    busy = Machine(**(MACHINE.__dict__ | {"load": 0.5}))
    assert plan.workers_for(busy, 600 * 10**6) == (1, 2)


def test_torch_leaves_room_for_fewer() -> None:
    assert plan.workers_for(MACHINE, 1300 * 10**6, extras=["modern"])[0] < plan.workers_for(MACHINE, 1300 * 10**6)[0]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.3, "0.3 s"),
        (42, "42 s"),
        (540, "9 min"),
        (3 * 3600, "3 h"),
        (12 * 86400, "12 days"),
        (1e12, "11,574,074 days"),
    ],
)
def test_lengths_of_time_in_words(seconds: float, words: str) -> None:
    assert plan.duration(seconds) == words


def test_time_counts_from_the_call_unless_it_is_said_otherwise() -> None:
    before = time.time()
    assert before <= Means.of("10s", None).budget.started <= time.time()
    assert Means.of("10s", None, before - 5).budget.started == before - 5
