"""How much of the machine is ours: cores and memory within a container's limits (Linux control groups, v1 and v2)."""

import contextlib
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

from ..engines.load import cores as allowed_cores

_ROOT = Path("/sys/fs/cgroup")
_NO_LIMIT = 2**60  # v1 writes "no limit" as a number about as large as there is


def cores(root: Path = _ROOT) -> int:
    """Cores that may be kept busy: those we may run on, or fewer where a container has a quota; at least 1."""
    quotas = [q for folder in _groups(root) if (q := _quota(folder))]
    return max(1, min(len(allowed_cores()), math.floor(min(quotas, default=math.inf) + 0.5) if quotas else 10**6))


def memory(root: Path = _ROOT) -> tuple[int, int]:
    """Bytes in all and available now, whichever is tighter: the machine's or a container's."""
    machine = psutil.virtual_memory()
    total, free = machine.total, machine.available
    for folder in _groups(root):
        limit, used = _memory(folder)
        if 0 < limit < _NO_LIMIT:
            total, free = min(total, limit), min(free, max(0, limit - used))
    return int(total), int(free)


def _groups(root: Path) -> Iterator[Path]:
    """The control groups that this process is in, from its own up to the root, in every hierarchy."""
    if sys.platform != "linux" and root == _ROOT:
        return
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            for top in (
                [root] if not controllers else [root / c for c in controllers.split(",") if c in ("memory", "cpu")]
            ):
                own = top / path.lstrip("/")
                # Inside a container the path may be the host's, and the mount is the group itself.
                yield from dict.fromkeys([*(f for f in (own, *own.parents) if f.is_relative_to(top)), top])


def _quota(folder: Path) -> float:
    """Cores' worth of time that a group may use; 0 for no limit."""
    with contextlib.suppress(OSError, ValueError):
        most, each = (folder / "cpu.max").read_text().split()
        return 0.0 if most == "max" else int(most) / int(each)
    quota, period = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
    return quota / period if quota > 0 and period > 0 else 0.0


def _memory(folder: Path) -> tuple[int, int]:
    """Limit and use of a group in bytes; (0, 0) for none. Cached files count as free, being given up on demand."""
    for limit, used, cached in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        if (most := _number(folder / limit)) > 0:
            return most, max(0, _number(folder / used) - _stat(folder, cached))
    return 0, 0


def _number(path: Path) -> int:
    with contextlib.suppress(OSError, ValueError):
        return int(path.read_text())
    return 0


def _stat(folder: Path, key: str) -> int:
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = (folder / "memory.stat").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(key + " "))
    return 0
