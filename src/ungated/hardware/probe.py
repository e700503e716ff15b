"""What is here, measured: cores, memory, and how fast one thread multiplies, copies and sorts.

The best of a few short repeats is taken, so that a busy neighbour slows the probe but hardly changes what it finds;
what the neighbour takes is in `Machine.load`.
"""

import contextlib
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..core.algorithm import Machine
from ..engines.load import Load
from . import limits

_SIDE = 384  # of the matrices multiplied
_ALONE = 64  # side up to which a linear algebra library leaves a product on one thread
_COPIED = 2**24  # bytes; more than most processors keep beside one core
_SORTED = 100_000


def probe() -> Machine:
    """This computer. Takes about a tenth of a second."""
    load = Load([os.getpid()])
    began = time.perf_counter()
    total, free = limits.memory()
    flags, processor = _processor()
    gflops, bandwidth, scalar = _gflops(), _bandwidth(), _scalar()
    time.sleep(max(0.0, 0.1 - (time.perf_counter() - began)))  # the system counts load in hundredths of a second
    return Machine(
        cores=limits.cores(),
        memory=total,
        free=free,
        gflops=gflops,
        bandwidth=bandwidth,
        scalar=scalar,
        load=load.update([os.getpid()]),
        bf16=bool(flags & {"avx512_bf16", "amx_bf16", "bf16", "avx_ne_convert"}),
        gpu=_gpu(),
        system=f"{platform.system()} {platform.release()}",
        processor=processor,
    )


def describe(machine: Machine) -> list[str]:
    """The machine in a few plain lines."""
    gb = 1e9
    lines = [
        f"processor  {machine.processor or 'unknown'}, {machine.cores} core{'s'[: machine.cores > 1]} usable"
        + (", bfloat16" if machine.bf16 else ""),
        f"memory     {machine.memory / gb:.1f} GB, of which {machine.free / gb:.1f} GB are available now",
        f"speed      one thread: {machine.gflops:.0f} Gflop/s (float32 matrix product), "
        f"{machine.bandwidth / gb:.1f} GB/s copied, {machine.scalar:.1f} million numbers/s sorted",
        f"load       others keep {machine.load:.0%} of the cores busy",
        f"GPU        {machine.gpu or 'none found'}",
        f"system     {machine.system}",
    ]
    return lines


def _best(action: Callable[[], object], repeats: int) -> float:
    """Seconds of the fastest of some repeats."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return max(min(times), 1e-9)


def _gflops() -> float:
    """float32 matrix product on one thread, 10^9 operations a second."""
    side, one_thread = _ALONE, contextlib.nullcontext()
    with contextlib.suppress(ImportError):
        from threadpoolctl import threadpool_limits

        side, one_thread = _SIDE, threadpool_limits(1)
    a = np.full((side, side), 0.5, np.float32)
    b, c = a.copy(), np.empty_like(a)
    with one_thread:
        np.matmul(a, b, out=c)  # the first call sets the library up
        return 2.0 * side**3 / _best(lambda: np.matmul(a, b, out=c), 6) / 1e9


def _bandwidth() -> float:
    """Bytes a second, copied."""
    source, target = np.ones(_COPIED, np.uint8), np.ones(_COPIED, np.uint8)
    return _COPIED / _best(lambda: np.copyto(target, source), 4)


def _scalar() -> float:
    """Million float64 a second that NumPy's stable sort puts in order.

    The stable sort compares and branches one element at a time, as growing a tree does; the default one is done by
    vector instructions where there are any, and says nothing about that.
    """
    numbers = np.random.default_rng(0).random(_SORTED)
    return _SORTED / _best(lambda: np.sort(numbers, kind="stable"), 3) / 1e6


def _processor() -> tuple[set[str], str]:
    """What the processor can do, as the system's own words, and its name."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            return _read_cpuinfo(Path("/proc/cpuinfo").read_text(errors="replace"))
    if sys.platform == "darwin":
        name = _asked("sysctl", "-n", "machdep.cpu.brand_string")
        return ({"bf16"} if _asked("sysctl", "-n", "hw.optional.arm.FEAT_BF16") == "1" else set()), name
    return set(), platform.processor()


def _read_cpuinfo(text: str) -> tuple[set[str], str]:
    about = {}
    for line in text.split("\n\n")[0].splitlines():
        key, _, value = line.partition(":")
        about[key.strip().lower()] = value.strip()
    flags = about.get("flags") or about.get("features") or ""
    return set(flags.split()), about.get("model name") or platform.machine()


def _asked(*command: str) -> str:
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(command, capture_output=True, text=True, timeout=1).stdout.strip()
    return ""


def _gpu() -> str:
    """The name of a graphics processor, without asking its driver, which takes a second to wake."""
    for about in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        with contextlib.suppress(OSError):
            for line in about.read_text().splitlines():
                if line.startswith("Model:"):
                    return line.partition(":")[2].strip()
    return "NVIDIA" if shutil.which("nvidia-smi") else ""
