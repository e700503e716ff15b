"""What Ungated costs before it does anything: megabytes installed, and seconds to start.

The size is that of `pip install ungated` without extras: every file of every distribution that it needs, compiled
bytecode included, as recorded by pip. It is read from the environment that runs this script; nothing is installed.

    python benchmarks/footprint.py
"""

import re
import statistics
import subprocess
import sys
import time
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import cache_from_source
from pathlib import Path

LIMIT_MEGABYTES = 500
LIMIT_IMPORT, LIMIT_HELP = 0.15, 0.30  # seconds; the import's is over bare Python's
REPEATS = 7


def core_distributions(name: str = "ungated") -> dict[str, Distribution]:
    """The distribution `name` and all that it needs without extras, by name."""
    found: dict[str, Distribution] = {}
    waiting = [name]
    while waiting:
        this = waiting.pop()
        if this in found:
            continue
        try:
            found[this] = distribution(this)
        except PackageNotFoundError:  # needed on other systems or older Pythons only
            continue
        for requirement in found[this].requires or []:
            needed, _, marker = requirement.partition(";")
            if "extra" not in marker:
                waiting.append(re.split(r"[\s\[<>=!~(]", needed, maxsplit=1)[0].lower())
    return found


def installed_bytes(dist: Distribution) -> int:
    """Bytes on disk of a distribution's files, and of their bytecode where it has been compiled since."""
    files = {Path(str(dist.locate_file(file))) for file in dist.files or []}
    files |= {Path(cache_from_source(str(file))) for file in files if file.suffix == ".py"}
    return sum(file.stat().st_size for file in files if file.is_file())


def seconds(arguments: list[str]) -> float:
    """Median wall seconds of a Python command, after one run that warms the disk's cache."""
    times = []
    for _ in range(1 + REPEATS):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def main() -> int:
    sizes = {name: installed_bytes(dist) / 1e6 for name, dist in core_distributions().items()}
    total = sum(sizes.values())
    print(f"installed without extras: {total:.0f} MB (limit {LIMIT_MEGABYTES} MB)")
    for name in sorted(sizes, key=lambda name: -sizes[name])[:6]:
        print(f"  {name:20} {sizes[name]:6.1f} MB")
    bare = seconds(["-c", "pass"])
    imported = seconds(["-c", "import ungated"]) - bare
    helped = seconds(["-m", "ungated", "--help"])
    print(f"import ungated: {imported:.3f} s over bare Python's {bare:.3f} s (quiet machine: at most {LIMIT_IMPORT} s)")
    print(f"ungated --help: {helped:.3f} s (quiet machine: at most {LIMIT_HELP} s)")
    return int(total > LIMIT_MEGABYTES)


if __name__ == "__main__":
    raise SystemExit(main())
