"""Runs a command as a user would meet it: how long it took, what its whole process tree held, what it last said.

Knows nothing of machine learning. Memory is the sum over the tree of each process's proportional share (PSS, where the
system tells it; otherwise resident size), sampled; a page that two processes share is counted once.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

SAMPLE_SECONDS = 0.1


@dataclass(frozen=True)
class Watched:
    """A command that has ended: `code` is its exit code, None where it had to be killed at the limit."""

    seconds: float
    peak_bytes: int
    code: int | None
    said: str  # the end of its standard output and error


def run(command: list[str], limit: float, log: Path, until: Callable[[], bool] = lambda: False) -> Watched:
    """Run `command` to its end, or kill its whole tree `limit` seconds from its start.

    Memory is watched until `until()` is true, so that what comes after the part of interest does not count.
    """
    peak, watching = 0, True
    with log.open("wb") as output:
        start = time.monotonic()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            code = None
            while time.monotonic() - start < limit:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    code = process.wait(SAMPLE_SECONDS)
                    break
                watching = watching and not until()
                if watching:
                    peak = max(peak, tree_bytes(process.pid))
            seconds = time.monotonic() - start
        finally:
            kill_tree(process.pid)
            process.wait()
    return Watched(seconds, peak, code, log.read_text(errors="replace")[-2000:])


def tree(pid: int) -> list[psutil.Process]:
    """The process `pid` and all its descendants that still live."""
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def tree_bytes(pid: int) -> int:
    """Bytes that the tree below `pid` holds now."""
    total = 0
    for process in tree(pid):
        with contextlib.suppress(psutil.Error):
            memory = process.memory_full_info()
            total += getattr(memory, "pss", memory.rss)
    return total


def kill_tree(pid: int) -> None:
    """End everything that the command started, those that left its tree but not its session included."""
    for process in tree(pid):
        with contextlib.suppress(psutil.Error):
            process.kill()
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


@contextlib.contextmanager
def busy(processes: int) -> Iterator[None]:
    """Keep `processes` cores busy with counting, as somebody else's work on the same machine would."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
