"""The worker process: `python -m ungated.engines.worker`. One long-lived process fits job after job.

It reads jobs as JSON lines from its standard input and answers on its standard output, both taken over at once, so that
what a library prints cannot come between. It ends with its parent: when the input closes, or, on Linux, by the system's
own signal. An error in a job is an answer like any other; the worker stays.
"""

import contextlib
import ctypes
import faulthandler
import gc
import importlib
import json
import os
import queue
import random
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..core.algorithm import Algorithm, Fitted, State, Task
from ..core.clock import Clock
from ..core.errors import ModelError
from ..core.numbers import Answer, Array, Form, Numbers, spread
from . import blocks, state
from .extras import PACKAGES
from .jobs import MEMORY, Job, named
from .memory import Peak, Watch, give_back, limit
from .sampling import sample

PARENT = "UNGATED_PARENT"  # the parent's process id
PRELOAD = "UNGATED_PRELOAD"  # modules to import while idle, separated by commas
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
OWN = ("safetensors.numpy",)  # needed by every job
SPARE_BYTES = 128 * 2**20, 10 * 2**20  # what the system's limit allows beyond the job's, in all and for each thread:
# it counts memory asked for, touched or not, such as the threads' stacks
UNUSED = ("pandas", "pyarrow", "matplotlib")  # scikit-learn and LightGBM load them where they are; jobs never need them
TELL_EVERY = 0.1  # seconds between two points of progress


def environment(threads: int) -> dict[str, str]:
    """Variables that a worker needs before it imports anything.

    OpenMP threads that wait by spinning make a fit many times slower as soon as others want their cores, so ours sleep
    while they wait. Boosting 700 rows with 2 threads, beside 8 busy processes on 2 cores, took 2 s with no spinning,
    6 s with a spin count of 1000, 11 s with 2000; one thread, which never waits, took under 2 s at any setting.
    """
    return dict.fromkeys(THREADS, str(threads)) | {
        "GOMP_SPINCOUNT": "0",
        "OMP_WAIT_POLICY": "PASSIVE",
        "KMP_BLOCKTIME": "0",
        "OMP_PROC_BIND": "false",
        "MALLOC_ARENA_MAX": "2",
        "PYTHONHASHSEED": "0",
    }


class Pipe:
    """The worker's two private ends: jobs come in, messages go out."""

    def __init__(self) -> None:
        self._out = _private(1, "w")
        self._in = _private(0, "r")
        self.jobs: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.clock: tuple[str, Clock] = "", Clock()  # the job that is under way, and its clock
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with contextlib.suppress(Exception):
            for line in self._in:
                message = json.loads(line)
                job, clock = self.clock
                if "hurry" not in message:
                    self.jobs.put(message)
                elif message["hurry"] == job:
                    clock.hurry()
        os._exit(0)  # the parent is gone, or wants us gone: a fit in progress is worth nothing to anyone

    def send(self, **message: Any) -> None:
        try:
            self._out.write(json.dumps(message) + "\n")
            self._out.flush()
        except (OSError, ValueError):
            os._exit(0)


def _private(number: int, mode: str) -> IO[str]:
    """A duplicate of a standard stream that no library knows; the known one then leads to the log or nowhere."""
    own = os.fdopen(os.dup(number), mode, encoding="utf-8", newline="\n")
    if number == 1:
        os.dup2(2, 1)
    else:
        nowhere = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nowhere, 0)
        os.close(nowhere)
    return own


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides what it means
    pipe = Pipe()
    _die_with_parent()
    faulthandler.enable(2)  # a crash in native code leaves its last words in the log
    preload(OWN)
    pipe.send(ready=os.getpid())
    _load_while_idle([m for m in os.environ.get(PRELOAD, "").split(",") if m], pipe)
    while True:
        run(pipe.jobs.get(), pipe)


def _load_while_idle(modules: list[str], pipe: Pipe) -> None:
    """Import the modules one by one; a job that comes meanwhile goes first, and loads what it needs itself."""
    for module in modules:
        while not pipe.jobs.empty():
            run(pipe.jobs.get(), pipe)
        preload([module])
    pipe.send(warm=True)


def _die_with_parent() -> None:
    """Arrange to end with the parent, even amid native code, and to be the first to go when memory runs out."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as f:
            f.write("500")
    parent = os.environ.get(PARENT)
    if parent and os.name == "posix":
        threading.Thread(target=_watch_parent, args=(int(parent),), daemon=True).start()


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


def preload(modules: Sequence[str]) -> None:
    """Import what jobs will need, before the first of them is timed, and nothing that they will not."""
    hidden = [m for m in UNUSED if m not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: to import it is an ImportError
    for module in modules:
        with contextlib.suppress(Exception):  # it fails again, and is told, in the job that needs it
            importlib.import_module(module)
    for module in hidden:
        del sys.modules[module]
    if modules:
        gc.collect()
        gc.freeze()  # it is here to stay: no later collection need look at it


def run(message: dict[str, Any], pipe: Pipe) -> None:
    """One job from its message to its reply."""
    room = message.pop("room")
    job = Job.from_json(message)
    with contextlib.suppress(OSError):
        os.ftruncate(2, 0)  # the log holds the last words of this job alone
    figures: dict[str, Any] = {}
    peak = watch = None
    try:
        use_threads(job.threads)
        algorithm, task = _prepared(job)
        peak, watch = Peak(), Watch(room)
        limit(job.bytes * 1.25 + SPARE_BYTES[0] + SPARE_BYTES[1] * job.threads)
        _fit(job, algorithm, task, pipe, figures, peak.start)
    except Exception as e:
        figures |= {"fate": _fate(e), "error": traceback.format_exc(limit=-8)}
    limit(float("inf"))
    if watch:
        watch.over.set()
    grown = peak.read() if peak else 0
    if grown > 32 * 2**20:
        give_back()
    pipe.send(done=job.id, peak_bytes=grown, **figures)


def _fate(e: Exception) -> str:
    if isinstance(e, MemoryError) or "can't allocate memory" in str(e) or "bad_alloc" in str(e):  # torch's, LightGBM's
        return MEMORY
    return f"failed: {type(e).__name__}: {str(e).strip().splitlines()[0][:300] if str(e).strip() else 'no message'}"


def _prepared(job: Job) -> tuple[Algorithm, Task]:
    """The algorithm and the task of a job, with the libraries that they need loaded: that is not part of the fit."""
    random.seed(job.seed)
    np.random.seed(job.seed % 2**32)  # for libraries that draw from the common source unasked
    algorithm = named(job.algorithm)(**job.settings)
    preload([m for m in algorithm.card.loads if m not in sys.modules])
    for extra in algorithm.card.extras:
        for package in PACKAGES.get(extra, ()):
            importlib.import_module(package)
    use_threads(job.threads)
    return algorithm, named(job.task).from_json(job.task_values)


def _fit(job: Job, algorithm: Algorithm, task: Task, pipe: Pipe, figures: dict[str, Any], held: int) -> None:
    """Fit, answer, write; `figures` is filled in as they become known."""
    train, valid = blocks.read(job.train), blocks.read(job.valid)
    if job.rows is not None and job.rows < len(train):
        train = _part(train, max(job.rows, 1), train.y if task.id == "classify" else None, job.seed)
    told = 0.0

    def tell(step: float, error: float) -> None:
        nonlocal told
        if time.monotonic() - told > TELL_EVERY:
            told = time.monotonic()
            pipe.send(step=step, error=error, id=job.id)

    cpu = time.process_time()
    pipe.send(began=job.id, held=held, cpu=cpu)
    clock = _clock(job, tell)
    clock.show = _shower(job, pipe) if job.show else None
    pipe.clock = job.id, clock
    try:
        if job.start:
            fitted = algorithm.fit_from(state.read(job.start), train, task, clock)
        else:
            fitted = algorithm.fit(train, task, clock)
    finally:
        took, used = clock.before + clock.spent(), time.process_time() - cpu
        figures |= {"seconds": took, "cpu_seconds": used, "curve": _thin(clock.curve)}
    pipe.send(fitted=job.id)
    began = time.perf_counter()
    answer = np.asarray(fitted.answer(valid.x), np.float64)
    figures["predict_seconds"] = time.perf_counter() - began
    _check(answer, len(valid), task.outputs)
    state.write(job.out, fitted.state())
    figures["size_bytes"] = sum(f.stat().st_size for f in job.out.iterdir())
    _save(job.out / "answer.npy", answer)


def _clock(job: Job, tell: Callable[[float, float], None]) -> Clock:
    """The job's clock, with the checkpoint to go on from where there is one of this job."""
    clock = Clock(job.seconds, job.threads, job.seed, tell)
    if job.keep is None:
        return clock
    path, own = job.keep, {"job": job.identity}

    def keep(found: State) -> None:
        about = own | {"spent": clock.before + clock.spent(), "curve": _thin(clock.curve)}
        state.write_file(path, State(found.values | about, found.arrays))

    clock.keep = keep
    with contextlib.suppress(ModelError):  # none, or one that a dying machine cut short
        kept = state.read_file(path)
        if kept.values.get("job") == json.loads(json.dumps(own["job"])):
            clock.kept, clock.before = kept, kept.values["spent"]
            clock.curve = [(step, error) for step, error in kept.values["curve"]]
    return clock


def _shower(job: Job, pipe: Pipe) -> Callable[[Fitted], None]:
    """What shows how far a fit has come, by a sample in the job's file."""

    def show(fitted: Fitted) -> None:
        with contextlib.suppress(Exception):  # a sample that cannot be had costs nobody the fit
            found = sample(fitted, job.seed)
            if found is not None and job.show:
                job.show.parent.mkdir(parents=True, exist_ok=True)
                _save(job.show, found)
                pipe.send(shown=job.id)

    return show


def _part(train: Numbers, rows: int, strata: Array | None, seed: int) -> Numbers:
    """So many of the examples, at random; of a stream its beginning."""
    if train.form is Form.STREAM:
        return train.take(np.arange(rows))
    return train.take(np.sort(spread(strata, len(train), np.random.default_rng(seed))[:rows]))


def _check(answer: Answer, rows: int, outputs: int) -> None:
    wide = outputs or answer.shape[-1]
    if answer.shape != (rows, wide):
        raise ValueError(f"its answer has the shape {answer.shape}, not {(rows, wide)}")
    if not np.isfinite(answer).all():
        raise ValueError("its answer is not finite")


def _save(path: Path, answer: Array) -> None:
    fresh = path.with_suffix(".new")
    with open(fresh, "wb") as f:
        np.save(f, answer, allow_pickle=False)
    os.replace(fresh, path)


def _thin(curve: list[tuple[float, float]], most: int = 1000) -> list[tuple[float, float]]:
    every = -(-len(curve) // most) or 1
    return curve[::every] + ([curve[-1]] if curve and (len(curve) - 1) % every else [])


def use_threads(threads: int) -> None:
    """Let libraries use that many threads: those loaded are told, those to come read it from the environment."""
    if os.environ.get(THREADS[0]) == str(threads):
        return
    os.environ.update(dict.fromkeys(THREADS, str(threads)))
    with contextlib.suppress(ImportError):
        from threadpoolctl import threadpool_limits

        threadpool_limits(threads)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(threads)


if __name__ == "__main__":
    main()
