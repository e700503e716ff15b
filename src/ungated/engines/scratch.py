"""A folder for what a fit writes while it runs, gone with it; what killed fits left is cleared away by the next one."""

import contextlib
import hashlib
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

_HERE = "ungated-" + hashlib.sha256(platform.node().encode()).hexdigest()[:8]  # process ids mean nothing elsewhere


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A new empty folder below the system's temporary one, removed at the end."""
    _clear()
    with tempfile.TemporaryDirectory(prefix=f"{_HERE}-{os.getpid()}-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _clear() -> None:
    """Remove the folders of processes that are no more: killed, they could not do so themselves."""
    with contextlib.suppress(OSError):
        for old in Path(tempfile.gettempdir()).glob(f"{_HERE}-*"):
            pid = re.fullmatch(rf"{_HERE}-(\d+)-\w+", old.name)
            if pid and not psutil.pid_exists(int(pid[1])):
                shutil.rmtree(old, ignore_errors=True)
