"""The parent's side of the workers: hands out jobs, watches deadlines and memory, survives whatever becomes of a job.

A thread of the pool's own, the keeper, starts the processes and watches them, so that a limit holds whatever the caller
is doing meanwhile. A worker that is killed or crashes costs its job and nothing else; another takes its place.
"""

import contextlib
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import psutil

from .child import Child
from .jobs import DEADLINE, MEMORY, Done, Job, Progress, Shown
from .load import Load, cpu_seconds
from .memory import FULL, SLEEP, held, pause, together

GRACE = 0.5, 0.05  # seconds, and share of the limit, by which a fit may outlast its clock
ANSWER = 1.0, 0.25  # seconds, and share of the limit, for answering and writing after the fit
START = 60.0  # seconds that a worker may take from being given a job to beginning it
MARGIN = 64 * 2**20  # bytes below the limit at which a worker is ended: what may be taken between two busy looks
BLOATED = 64 * 2**20  # bytes that an idle worker may keep from earlier jobs when memory is short
LOOK_AROUND = 0.5  # seconds between two measurements of the machine's load


class Pool:
    """Worker processes that fit jobs, within `bytes` for the whole process tree, this process included.

    Construct it early: workers start beside whatever the caller does next. scratch: a folder for the workers' logs.
    preload: modules that workers import while idle. threads: what libraries are set to at the workers' start.
    """

    def __init__(
        self,
        workers: int,
        *,
        bytes: int,  # noqa: A002
        scratch: Path,
        preload: Sequence[str] = (),
        threads: int = 1,
    ) -> None:
        self.bytes = bytes
        self.peak_bytes = 0
        self.load = 0.0  # share of the cores that others keep busy, 0 to 1
        self._scratch, self._preload, self._threads = scratch, tuple(preload), threads
        scratch.mkdir(parents=True, exist_ok=True)
        self._events: queue.SimpleQueue[Done | Progress | Shown] = queue.SimpleQueue()
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._closing = False
        self._made = self._false_starts = 0
        self._last_words = ""
        self._to_start: list[Child] = []
        self._children: list[Child] = []
        for _ in range(workers):
            self._add()
        self._keeper = threading.Thread(target=self._keep, name="ungated-pool", daemon=True)
        self._keeper.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What the caller asks

    @property
    def idle(self) -> int:
        """Workers without a job. One that is still starting counts: it begins as soon as it can."""
        with self._lock:
            return sum(c.job is None and not c.verdict for c in self._children)

    @property
    def workers(self) -> int:
        """Workers that live or are being started: as many as were asked for; 0 once starting them proved hopeless."""
        with self._lock:
            return len(self._children)

    @property
    def warm(self) -> int:
        """Workers that have started and imported everything: a job given to one of them begins at once."""
        with self._lock:
            return sum(c.warm for c in self._children)

    def get_warm(self, seconds: float) -> None:
        """Wait until all workers are warm, but no longer than that."""
        until = time.monotonic() + seconds
        while self.warm < self.workers and time.monotonic() < until:
            time.sleep(0.05)

    @property
    def running(self) -> list[Job]:
        """Jobs submitted and not yet done."""
        with self._lock:
            return [c.job for c in self._children if c.job]

    @property
    def held_bytes(self) -> int:
        """Bytes that the process tree holds now."""
        with self._lock:
            return together(map(held, self._pids()))

    def submit(self, job: Job) -> None:
        """Give a job to an idle worker, a warm one first. Raises RuntimeError where none is idle."""
        with self._lock:
            free = [c for c in self._children if c.job is None and not c.verdict]
            if not free:
                raise RuntimeError(f"no worker can start: {self._last_words}" if self._broken else "no worker is idle")
            child = max(free, key=lambda c: (c.warm, c.started))
            child.give(job, self._room(child))
        self._wake.set()

    def _room(self, child: Child) -> int:
        """Private bytes that a worker could hold were its job the only one.

        It keeps to that itself: on a machine that others keep busy, this process may look at it too late.
        """
        holdings = [held(os.getpid())]
        for other in self._children:
            if other.pid and other is not child:
                private, shared = held(other.pid)
                holdings.append((min(private, other.warm_bytes + BLOATED) if other.warm else private, shared))
        return max(0, self.bytes - MARGIN - together(holdings))

    def wait(self, timeout: float) -> list[Done | Progress | Shown]:
        """What happened, as soon as something has; empty after `timeout` seconds."""
        until = time.monotonic() + timeout
        events: list[Done | Progress | Shown] = []
        while not events:
            left = until - time.monotonic()
            with contextlib.suppress(queue.Empty):
                events.append(self._events.get(timeout=min(max(left, 0.0), 0.2)))  # short: Windows hears Ctrl-C between
            if left <= 0:
                break
        with contextlib.suppress(queue.Empty):
            while True:
                events.append(self._events.get_nowait())
        return events

    def hurry(self, job_id: str) -> None:
        """Let a job hand in what it has; one that cannot goes on as before."""
        with self._lock:
            for child in self._children:
                if child.job and child.job.id == job_id:
                    child.hurry(child.job)

    def kill(self, job_id: str, why: str) -> None:
        """End a job; its `Done` follows with `why` as its fate."""
        with self._lock:
            for child in self._children:
                if child.job and child.job.id == job_id:
                    child.kill(why)

    def close(self) -> None:
        """End all workers and wait until they are gone."""
        with self._lock:
            self._closing = True
            children = list(self._children)
        self._wake.set()
        if threading.current_thread() is not self._keeper:
            self._keeper.join(10)
        for child in children:
            child.kill("the pool was closed")
        for child in children:
            if child.pid:
                child.ended.wait(5)
        for log in self._scratch.glob(f"worker-{os.getpid()}-*.log"):
            with contextlib.suppress(OSError):
                log.unlink()

    # What the children say (each in its own thread)

    def _heard(self, child: Child, message: dict[str, Any] | None) -> None:
        with self._lock:
            if message is None:
                self._end(child)
            elif "ready" in message or "warm" in message:
                self._false_starts, child.warm, child.warm_bytes = 0, "warm" in message, held(child.pid)[0]
            elif child.job and "began" in message:
                child.began, child.start_cpu = time.monotonic(), message["cpu"]
                child.idle_bytes = child.peak = message["held"]
            elif child.job and "fitted" in message:
                child.fitted = time.monotonic()
            elif child.job and "step" in message:
                child.curve.append((message["step"], message["error"]))
                self._events.put(Progress(child.job, message["step"], message["error"]))
            elif child.job and "shown" in message:
                self._events.put(Shown(child.job))
            elif child.job and "done" in message and not child.verdict:
                self._finish(child, message)

    def _finish(self, child: Child, message: dict[str, Any]) -> None:
        job, child.job = child.job, None
        assert job
        message.pop("done")
        message["peak_bytes"] = max(message["peak_bytes"], child.grown)
        message["curve"] = [(s, e) for s, e in message.get("curve", ())]
        self._events.put(Done(job, **message))

    def _end(self, child: Child) -> None:
        """A worker has ended, by our hand or not: tell of its job, and put another in its place."""
        job, child.job = child.job, None
        if child in self._children:
            self._children.remove(child)
        if job:
            now = time.monotonic()
            self._events.put(
                Done(
                    job,
                    child.verdict or _fate(child),
                    seconds=(child.fitted or now) - child.began if child.began else 0.0,
                    cpu_seconds=max(0.0, child.end_cpu - child.start_cpu),
                    peak_bytes=child.grown,
                    curve=child.curve,
                    error=child.last_words(),
                )
            )
        # One that a signal or we ended might have started well.
        self._false_starts += not child.started and not child.verdict and child.code >= 0
        self._last_words = child.last_words()
        if not self._closing and not self._broken:
            self._add()
            self._wake.set()

    @property
    def _broken(self) -> bool:
        return self._false_starts > 3

    def _add(self) -> None:
        self._made += 1
        child = Child(self._scratch / f"worker-{os.getpid()}-{self._made}.log", self._heard)
        self._children.append(child)
        self._to_start.append(child)

    # The keeper

    def _keep(self) -> None:
        """Start workers and watch them until the pool closes.

        Linux ties a child's life to the thread that started it, so all are started by this one, which lives as long
        as they may.
        """
        load = Load(self._pids())
        looked = time.monotonic()
        while not self._closing:
            with self._lock:
                to_start, self._to_start = self._to_start, []
            for child in to_start:
                child.start(self._preload, self._threads)
            with self._lock:
                until_next = self._watch()
                pids = self._pids()
            if time.monotonic() - looked > LOOK_AROUND:
                self.load, looked = load.update(pids), time.monotonic()
            self._wake.wait(until_next)
            self._wake.clear()

    def _pids(self) -> list[int]:
        return [os.getpid(), *(c.pid for c in self._children if c.pid)]

    def _watch(self) -> float:
        """Look at every worker once; the seconds until the next look."""
        holdings = {pid: held(pid) for pid in self._pids()}
        total = together(holdings.values())
        self.peak_bytes = max(self.peak_bytes, total)
        room = float(self.bytes - MARGIN - total)
        for child in self._children:
            if child.job and not child.verdict:
                child.peak = max(child.peak, holdings.get(child.pid, (0, 0))[0])
                room = min(room, child.job.bytes - child.grown)
                if child.grown > child.job.bytes:
                    self._put_down(child, MEMORY)
                elif _overdue(child, time.monotonic()):
                    self._put_down(child, DEADLINE)
        if total > 0.9 * self.bytes:
            self._make_room(total, holdings)
        busy = any(c.job for c in self._children)
        return pause(room) if busy else 5 * SLEEP[1]

    def _make_room(self, total: int, holdings: dict[int, tuple[int, int]]) -> None:
        """Memory runs short: renew idle workers that kept much of earlier jobs; past the limit, end the hungriest."""
        if any(c.verdict for c in self._children):
            return  # one is dying: what it held is about to come back
        for child in self._children:
            if child.job is None and child.warm and holdings[child.pid][0] > child.warm_bytes + BLOATED:
                return child.kill("renewed")
        working = [c for c in self._children if c.job]
        if total > self.bytes - MARGIN and working:
            self._put_down(max(working, key=lambda c: c.grown), MEMORY)

    def _put_down(self, child: Child, why: str) -> None:
        child.end_cpu = cpu_seconds(child.pid)
        child.kill(why)


def _overdue(child: Child, now: float) -> bool:
    assert child.job
    limit = child.job.seconds
    if child.fitted:  # who learned for less than it might have may answer for longer
        return now > max(child.fitted, child.began + limit) + ANSWER[0] + ANSWER[1] * (child.job.before + limit)
    if child.began:
        return now > child.began + limit + GRACE[0] + GRACE[1] * limit
    return now > child.given + START + limit


def _fate(child: Child) -> str:
    """What ended a worker that we did not end."""
    if not child.pid:
        return "failed: no worker could be started"
    if child.code == FULL or "bad_alloc" in child.last_words():
        return MEMORY
    if child.code == -getattr(signal, "SIGKILL", 9) and sys.platform == "linux":
        memory = psutil.virtual_memory()
        if memory.available < 0.05 * memory.total:  # the system's own hand
            return MEMORY
    return f"crashed (signal {-child.code})" if child.code < 0 else f"crashed (exit code {child.code})"
