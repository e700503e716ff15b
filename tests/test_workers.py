"""Workers: what becomes of a job costs no other job; and what goes to disk comes back as it was."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nst

from ungated.algorithms.theory.ridge import Ridge
from ungated.core.algorithm import State
from ungated.core.clock import Clock
from ungated.core.errors import ModelError
from ungated.core.numbers import Column, Form, Numbers
from ungated.engines import blocks, state
from ungated.engines.jobs import DEADLINE, MEMORY, Done, Job, Progress, named
from ungated.engines.pool import Pool

HERE = str(Path(__file__).parent)
MB = 2**20

pytestmark = pytest.mark.alone


def line(rows: int = 200, width: int = 5) -> Numbers:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, width)).astype(np.float32)
    columns = tuple(Column(f"c{i}", f"c{i}") for i in range(width))
    return Numbers(Form.ROWS, x, (x @ np.arange(width) + 3).astype(np.float64), columns)


@pytest.fixture(scope="module")
def block(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("block") / "b"
    blocks.write(folder, line())
    return folder


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    sys.path.append(HERE)  # as a user's own module would be importable
    with Pool(1, bytes=1500 * MB, scratch=tmp_path_factory.mktemp("pool")) as pool:
        yield pool
    sys.path.remove(HERE)


def job(block: Path, how: str, **changes: Any) -> Job:
    plain = {
        "id": f"{how}-{time.monotonic_ns()}",
        "algorithm": "jobs_for_workers:Behaves",
        "settings": {"how": how},
        "task": "jobs_for_workers:Regress",
        "task_values": {},
        "train": block,
        "valid": block,
        "out": block.parent / f"out-{time.monotonic_ns()}",
        "seconds": 20.0,
        "bytes": 400 * MB,
    }
    return Job(**(plain | changes))


def finish(pool: Pool, job: Job, within: float = 30) -> tuple[Done, list[Progress]]:
    pool.submit(job)
    return outcome(pool, job, within)


def outcome(pool: Pool, job: Job, within: float = 30) -> tuple[Done, list[Progress]]:
    until, progress = time.monotonic() + within, []
    while time.monotonic() < until:
        for event in pool.wait(1):
            if isinstance(event, Progress):
                progress.append(event)
            elif event.job == job:
                return event, progress
    raise AssertionError(f"{job.id} was not done within {within} s")


def test_the_answer_is_that_of_a_fit_in_process(pool: Pool, block: Path) -> None:
    done, _ = finish(pool, job(block, "well", algorithm="ungated.algorithms.theory.ridge:Ridge", settings={}))
    assert done.fate == ""
    data = line()
    fitted = Ridge().fit(data, named("jobs_for_workers:Regress")(), Clock())
    np.testing.assert_allclose(np.load(done.job.out / "answer.npy"), fitted.answer(data.x), rtol=1e-9)
    again = Ridge().load(state.read(done.job.out))
    np.testing.assert_array_equal(again.answer(data.x), np.load(done.job.out / "answer.npy"))
    assert done.size_bytes > 0
    assert done.seconds > 0


def test_a_job_costs_milliseconds_beside_its_fit(pool: Pool, block: Path) -> None:
    finish(pool, job(block, "well"))
    beside = []
    for _ in range(10):
        began = time.perf_counter()
        done, _ = finish(pool, job(block, "well"))
        beside.append(time.perf_counter() - began - done.seconds)
    assert min(beside) < 0.02


def test_an_error_is_that_jobs_fate_alone(pool: Pool, block: Path) -> None:
    done, _ = finish(pool, job(block, "raise"))
    assert done.fate == "failed: ValueError: no such luck"
    assert "_raise" in done.error
    assert finish(pool, job(block, "well"))[0].fate == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"settings": {"how": "well", "no": 1}}, "TypeError"),
        ({"algorithm": "no_such_module:X"}, "ModuleNotFoundError"),
        ({"train": Path("nowhere")}, "ModelError"),
        ({"settings": {"how": "nan"}}, "not finite"),
    ],
)
def test_a_job_that_makes_no_sense_fails_with_words(pool: Pool, block: Path, changes: Any, words: str) -> None:
    done, _ = finish(pool, job(block, "well", **changes))
    assert done.fate.startswith("failed: ")
    assert words in done.fate


def test_what_libraries_print_does_not_reach_the_parent(pool: Pool, block: Path) -> None:
    assert finish(pool, job(block, "print"))[0].fate == ""


def test_progress_arrives_while_it_learns(pool: Pool, block: Path) -> None:
    done, progress = finish(pool, job(block, "step"))
    assert 2 <= len(progress) <= 100
    assert done.curve[0] == (0.0, 1.0)
    assert len(done.curve) == 100


def test_a_job_past_its_deadline_is_killed(pool: Pool, block: Path) -> None:
    done, _ = finish(pool, job(block, "hang", seconds=0.2))
    assert done.fate == DEADLINE
    assert 0.2 < done.seconds < 5
    assert finish(pool, job(block, "well"))[0].fate == ""


def test_the_caller_may_kill_a_job(pool: Pool, block: Path) -> None:
    hangs = job(block, "hang")
    pool.submit(hangs)
    assert (pool.idle, pool.running) == (0, [hangs])
    pool.kill(hangs.id, "killed at the deadline of the run")
    assert outcome(pool, hangs)[0].fate == "killed at the deadline of the run"


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_worker_killed_from_outside_costs_its_job_only(pool: Pool, block: Path, number: int) -> None:
    hangs = job(block, "hang")
    pool.submit(hangs)
    time.sleep(0.1)
    os.kill(workers_of(os.getpid())[0].pid, number)
    assert outcome(pool, hangs)[0].fate == f"crashed (signal {int(number)})"
    assert finish(pool, job(block, "well"))[0].fate == ""


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_whatever_is_killed_every_job_is_answered_once(pool: Pool, block: Path) -> None:
    rng = np.random.default_rng(0)
    for i in range(12):
        steps = job(block, "step", id=f"random-{i}")
        pool.submit(steps)
        time.sleep(rng.random() * 0.3)
        for worker in workers_of(os.getpid()):  # listening, still starting, or not there yet
            worker.kill()
        assert outcome(pool, steps)[0].fate in ("", "crashed (signal 9)")
    assert finish(pool, job(block, "well"))[0].fate == ""
    assert not [e for e in pool.wait(0.1) if isinstance(e, Done)]
    assert pool.workers == 1


@pytest.mark.parametrize(("how", "limit"), [("fill", 300 * MB), ("reserve", 300 * MB)])
def test_a_job_without_bounds_ends_and_the_next_one_works(pool: Pool, block: Path, how: str, limit: int) -> None:
    done, _ = finish(pool, job(block, how, bytes=limit))
    assert done.fate == MEMORY
    assert done.peak_bytes < limit + 150 * MB
    assert finish(pool, job(block, "well"))[0].fate == ""


def test_peak_memory_is_what_the_job_took(pool: Pool, block: Path) -> None:
    done, _ = finish(pool, job(block, "big"))
    assert 80 * MB < done.peak_bytes < 130 * MB
    assert finish(pool, job(block, "well"))[0].peak_bytes < 20 * MB


def test_the_tree_stays_within_its_limit_by_ending_the_hungriest(block: Path, tmp_path: Path) -> None:
    sys.path.append(HERE)
    here = psutil.Process().memory_info().rss
    with Pool(2, bytes=here + 400 * MB, scratch=tmp_path) as pool:
        modest, greedy = job(block, "slow", bytes=2**40), job(block, "fill", bytes=2**40)
        pool.submit(modest)
        pool.submit(greedy)
        fates = {}
        while len(fates) < 2:
            fates |= {e.job.id: e.fate for e in pool.wait(30) if isinstance(e, Done)}
    sys.path.remove(HERE)
    assert fates == {modest.id: "", greedy.id: MEMORY}
    assert pool.peak_bytes < here + 600 * MB


def test_a_worker_keeps_to_its_room_though_nobody_looks(
    block: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sys.path.append(HERE)
    monkeypatch.setattr(Pool, "_watch", lambda _: 0.05)
    here = psutil.Process().memory_info().rss
    with Pool(1, bytes=here + 400 * MB, scratch=tmp_path) as pool:
        assert finish(pool, job(block, "fill", bytes=2**40))[0].fate == MEMORY
        assert finish(pool, job(block, "well"))[0].fate == ""
    sys.path.remove(HERE)


def test_close_ends_everything_at_once(block: Path, tmp_path: Path) -> None:
    others = workers_of(os.getpid())
    pool = Pool(2, bytes=2**40, scratch=tmp_path)
    pool.submit(job(block, "hang"))
    while pool.warm < 1:
        time.sleep(0.02)
    ours = [p for p in workers_of(os.getpid()) if p not in others]
    began = time.monotonic()
    pool.close()
    assert time.monotonic() - began < 3
    assert len(ours) == 2
    assert not any(p.is_running() for p in ours)
    assert list(tmp_path.glob("*.log")) == []


def test_the_pool_does_not_wait_for_its_workers(tmp_path: Path) -> None:
    began = time.monotonic()
    pool = Pool(4, bytes=2**40, scratch=tmp_path, preload=["sklearn.ensemble"])
    assert time.monotonic() - began < 0.1
    assert pool.idle == 4
    pool.close()


def test_workers_that_cannot_start_are_given_up(block: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", sys.executable + "-of-no-such-place")
    with Pool(1, bytes=2**40, scratch=tmp_path) as pool:
        until = time.monotonic() + 5
        while pool.workers and time.monotonic() < until:
            time.sleep(0.02)
        with pytest.raises(RuntimeError, match="no worker can start"):
            pool.submit(job(block, "well"))


PARENT = """
import sys, time
sys.path.append({here!r})
from pathlib import Path
from ungated.engines.jobs import Job
from ungated.engines.pool import Pool

pool = Pool(2, bytes=2**40, scratch=Path({scratch!r}))
b = Path({block!r})
for i in range(2):
    names = "jobs_for_workers:Behaves", {{"how": {how!r}}}, "jobs_for_workers:Regress", {{}}
    pool.submit(Job(str(i), *names, b, b, b.parent / "o"))
while pool.warm < 2:
    time.sleep(0.01)
time.sleep(0.1)
try:
    print("busy", flush=True)
    while True:
        pool.wait(1)
except KeyboardInterrupt:
    print("interrupted", len(pool.running), flush=True)
    pool.close()
    print("closed", flush=True)
"""


def start_parent(block: Path, tmp_path: Path, how: str) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    code = PARENT.format(here=HERE, scratch=str(tmp_path), block=str(block), how=how)
    env = os.environ | {"PYTHONPATH": str(Path(state.__file__).parents[2])}
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=env, start_new_session=os.name == "posix"
    )
    assert parent.stdout
    assert parent.stdout.readline() == "busy\n"
    return parent, workers_of(parent.pid)


@pytest.mark.parametrize("how", ["hang", "spin"])
def test_a_killed_parent_leaves_no_orphan(block: Path, tmp_path: Path, how: str) -> None:
    parent, children = start_parent(block, tmp_path, how)
    assert len(children) == 2
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []


@pytest.mark.skipif(os.name != "posix", reason="process groups are POSIX's")
def test_ctrl_c_is_the_parents_to_answer(block: Path, tmp_path: Path) -> None:
    parent, children = start_parent(block, tmp_path, "hang")
    os.killpg(parent.pid, signal.SIGINT)  # as a terminal sends it: to parent and workers alike
    assert parent.communicate(timeout=20)[0] == "interrupted 2\nclosed\n"
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []


def workers_of(pid: int) -> list[psutil.Process]:
    found = []
    for p in psutil.Process(pid).children(recursive=True):
        try:
            if "ungated.engines.worker" in p.cmdline():
                found.append(p)
        except psutil.Error:
            continue
    return found


# On disk

DTYPES = st.sampled_from(["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?", ">f8", ">i4", "c8"])
ARRAYS = st.dictionaries(
    st.text(max_size=8), DTYPES.flatmap(lambda d: nst.arrays(d, nst.array_shapes(min_dims=0, min_side=0)))
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,8}", fullmatch=True).map(str.lower)
AGAIN = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@AGAIN
@given(st.dictionaries(st.text(), JSON, max_size=4), ARRAYS, st.dictionaries(NAMES, st.text(), max_size=2))
def test_a_state_survives_the_disk(tmp_path: Path, values: Any, arrays: Any, texts: Any) -> None:
    state.write(tmp_path / "s", State(values, {k: a.T for k, a in arrays.items()}, texts))
    again = state.read(tmp_path / "s")
    assert json.dumps(again.values) == json.dumps(values)
    assert again.texts == texts
    assert again.arrays.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(again.arrays[name], array.T)
        assert again.arrays[name].dtype == array.dtype.newbyteorder("=")
    assert [p.name for p in tmp_path.iterdir()] == ["s"]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    state.write(tmp_path / "s", State({"a": 1}, {"w": np.arange(5.0)}, {"trees": "x = 1\r\n"}))
    return tmp_path / "s"


@pytest.mark.parametrize("name", ["values.json", "arrays.safetensors", "trees.txt"])
def test_a_missing_file_is_named(written: Path, name: str) -> None:
    (written / name).unlink()
    with pytest.raises(ModelError, match=f"{name} is missing"):
        state.read(written)


@pytest.mark.parametrize("name", ["values.json", "arrays.safetensors", "trees.txt"])
@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\x80\x04K\x01."])
def test_a_damaged_file_is_named(written: Path, name: str, content: bytes) -> None:
    (written / name).write_bytes(content)
    with pytest.raises(ModelError, match=f"{name} is damaged"):
        state.read(written)


@pytest.mark.parametrize("name", ["../secret", "a/b", "a.b", "", "C:x"])
def test_a_text_cannot_climb_out_of_the_folder(written: Path, name: str) -> None:
    about = json.loads((written / "values.json").read_text())
    (written / "values.json").write_text(json.dumps(about | {"texts": [name]}))
    with pytest.raises(ModelError, match="not the name of a file"):
        state.read(written)


@pytest.mark.parametrize("cut", [0, 1, 4, 7, 8, 20, 50, -1])
def test_a_cut_array_file_is_refused(written: Path, cut: int) -> None:
    path = written / "arrays.safetensors"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ModelError, match=r"arrays\.safetensors"):
        state.read(written)


def test_what_cannot_be_stored_leaves_what_was_there(written: Path) -> None:
    for bad in (State({"f": object()}), State({}, {"o": np.array([object()])}), State({}, {}, {"../t": ""})):
        with pytest.raises((TypeError, ValueError)):
            state.write(written, bad)
    assert state.read(written).values == {"a": 1}
    assert [p.name for p in written.parent.iterdir()] == ["s"]


@AGAIN
@given(nst.arrays(np.float32, nst.array_shapes(min_dims=2, max_dims=2, min_side=0)))
def test_a_block_survives_the_disk(tmp_path: Path, x: Any) -> None:
    columns = tuple(Column(f"ä{i}", "s", i) for i in range(x.shape[1]))
    numbers = Numbers(Form.ROWS, x[::-1], np.arange(len(x)), columns)
    blocks.write(tmp_path / "b", numbers)
    again = blocks.read(tmp_path / "b")
    np.testing.assert_array_equal(again.x, numbers.x)
    np.testing.assert_array_equal(again.y, numbers.y)
    assert (again.form, again.columns, again.x.dtype) == (Form.ROWS, columns, np.float32)
    assert type(again.x) is np.ndarray
    assert not again.x.flags.writeable


@pytest.mark.parametrize("name", ["x.npy", "y.npy", "columns.json"])
def test_a_damaged_block_is_named(tmp_path: Path, name: str) -> None:
    blocks.write(tmp_path, line())
    (tmp_path / name).write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(ModelError, match=name):
        blocks.read(tmp_path)
