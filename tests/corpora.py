"""Corpora that tests and benchmarks make: Python's own standard library as files of code."""

import shutil
import sysconfig
from pathlib import Path

LEFT_OUT = frozenset(
    {"site-packages", "dist-packages", "__pycache__", "test", "tests", "idlelib", "lib2to3", "turtledemo"}
)


def standard_library(folder: Path, most: int | None = None) -> Path:
    """The .py files of Python's standard library, but for its tests and demonstrations, copied into `folder`.

    most: so many files, evenly drawn from all; None for all.
    """
    root = Path(sysconfig.get_paths()["stdlib"])
    files = [f for f in sorted(root.rglob("*.py")) if not LEFT_OUT & set(f.relative_to(root).parts[:-1])]
    step = 1 if most is None else max(1, len(files) // most)
    for file in files[::step]:
        to = folder / file.relative_to(root)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, to)
    return folder
