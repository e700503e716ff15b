"""How much memory processes hold, what a process may take, and giving back what it no longer needs.

Private bytes are a process's own; shared ones belong to files that it has mapped (blocks of numbers, libraries), which
the system holds once however many processes map them.
"""

import contextlib
import ctypes
import gc
import os
import sys
import threading
from collections.abc import Iterable

import psutil

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_LINUX = sys.platform == "linux"
FULL = 77  # exit code of a process that ended itself because it held more than it may
FASTEST = 4e9  # bytes a second: no machine of today fills its memory much faster; who watches keeps ahead of this
SLEEP = 0.002, 0.05  # seconds between two looks at what a process holds: least and most


def held(pid: int) -> tuple[int, int]:
    """Resident bytes of a process: (private, shared); (0, 0) once it is gone. Outside Linux all count as private."""
    try:
        if _LINUX:
            with open(f"/proc/{pid}/statm", "rb") as f:
                _, resident, shared = f.read().split()[:3]
            return (int(resident) - int(shared)) * _PAGE, int(shared) * _PAGE
        return int(psutil.Process(pid).memory_info().rss), 0
    except (OSError, ValueError, psutil.Error):
        return 0, 0


def pause(room: float) -> float:
    """Seconds until the next look at a process that may take so many bytes more."""
    return min(max(room / FASTEST, SLEEP[0]), SLEEP[1])


class Watch(threading.Thread):
    """Ends this process, with the exit code FULL, once it holds more private bytes than `most`, until `over` is set."""

    def __init__(self, most: float) -> None:
        super().__init__(name="ungated-memory", daemon=True)
        self.most = most
        self.over = threading.Event()
        self.start()

    def run(self) -> None:
        """Look, and look again: the sooner the less room there is."""
        room = self.most
        while not self.over.wait(pause(room)):
            room = self.most - held(os.getpid())[0]
            if room < 0:
                os._exit(FULL)


def together(holdings: Iterable[tuple[int, int]]) -> int:
    """Bytes of several processes: what is private added up, what is shared counted once."""
    pairs = list(holdings)
    return sum(p for p, _ in pairs) + max((s for _, s in pairs), default=0)


class Peak:
    """The highest private bytes that this process reaches from here on, beyond what it holds now.

    Linux keeps a high-water mark, which can be reset; elsewhere `read` is what is held at that moment.
    """

    def __init__(self) -> None:
        self._marked = False
        if _LINUX:
            with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as f:
                f.write("5")
                self._marked = True
        self.start, self._shared = held(os.getpid())

    def read(self) -> int:
        """Bytes beyond the start, at least 0."""
        private, shared = held(os.getpid())
        highest = private
        if self._marked:
            # Mapped files only come to stay, so what is now mapped was at most mapped at the peak.
            highest = max(private, _high_water() - shared)
        return max(0, highest - self.start)


def _high_water() -> int:
    with contextlib.suppress(OSError, ValueError, StopIteration), open("/proc/self/status") as f:
        return int(next(line for line in f if line.startswith("VmHWM")).split()[1]) * 1024
    return 0


def limit(growth: float) -> None:
    """Make the system refuse this process more than `growth` bytes of data beyond what it has; inf lifts the limit.

    Only Linux counts data well enough for this (RLIMIT_DATA); elsewhere nothing happens. The count is of memory asked
    for, not of memory touched, so it is a backstop to be set above what is expected.
    """
    if not _LINUX:
        return
    import resource

    ceiling = resource.getrlimit(resource.RLIMIT_DATA)[1]
    soft = ceiling
    if growth < 2**60:
        with open("/proc/self/statm", "rb") as f:
            soft = int(f.read().split()[5]) * _PAGE + int(growth)
        soft = soft if ceiling == resource.RLIM_INFINITY else min(soft, ceiling)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (soft, ceiling))


def give_back() -> None:
    """Return freed memory to the system."""
    gc.collect()
    if _LINUX:
        with contextlib.suppress(OSError, AttributeError):  # not in every C library
            ctypes.CDLL(None).malloc_trim(0)
