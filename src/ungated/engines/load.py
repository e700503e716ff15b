"""How busy the processor is with other people's work: a machine that a person uses is rarely idle."""

import os
import time
from collections.abc import Iterable

import psutil

_BUSY = ("user", "nice", "system", "irq", "softirq", "interrupt", "dpc", "steal")  # where the system tells them apart


def cores() -> list[int]:
    """The cores that this process may run on, by number."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


class Load:
    """Watches the share of our cores that processes other than ours keep busy."""

    def __init__(self, pids: Iterable[int] = ()) -> None:
        self._cores = cores()
        self._busy, self._at, self._ours = self._busy_seconds(), time.monotonic(), _our_seconds(pids)
        self.value = 0.0

    def update(self, pids: Iterable[int]) -> float:
        """Share of the cores, 0 to 1, that was busy with others since the last update; `pids` are our processes."""
        busy, now, ours = self._busy_seconds(), time.monotonic(), _our_seconds(pids)
        by_others = (busy - self._busy) - (ours - self._ours)
        spent = by_others / max(now - self._at, 1e-3) / len(self._cores)
        self._busy, self._at, self._ours = busy, now, ours
        self.value = min(max(spent, 0.0), 1.0)
        return self.value

    def _busy_seconds(self) -> float:
        times = psutil.cpu_times(percpu=True)
        ours = [times[i] for i in self._cores if i < len(times)] or times
        return float(sum(getattr(t, kind, 0.0) for t in ours for kind in _BUSY))


def _our_seconds(pids: Iterable[int]) -> float:
    ended = os.times()  # a child that has ended is counted here, where the system keeps it
    return ended.children_user + ended.children_system + sum(map(cpu_seconds, pids))


def cpu_seconds(pid: int) -> float:
    """Processor seconds of a process so far, all its threads together; 0 once it is gone."""
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)
