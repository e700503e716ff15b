"""A column of paths in a table: whether it is one, and where its files are."""

import os
from collections.abc import Sequence
from pathlib import Path

from ..broken import Broken
from ..medium import by_name
from ..walk import within

SAMPLE = 200
MOST_ODD = 0.1  # share of a sample that may be missing or of another kind


def paths_kind(values: Sequence[str | None], base: Path) -> str | None:
    """ "picture" or "sound" where `values` name such files below the folder `base`; None where they do not.

    Nine in ten of a sample must end as files of one kind do, and be there. Files outside `base` do not count.
    """
    known = list(dict.fromkeys(v.strip() for v in values if v and v.strip()))
    if not known:
        return None
    step = max(1, len(known) // SAMPLE)
    sample = known[::step][:SAMPLE]
    need = (1 - MOST_ODD) * len(sample)
    media = [by_name(v) for v in sample]
    medium = max(("picture", "sound"), key=media.count)
    if media.count(medium) < need:
        return None
    root = os.path.realpath(base)
    there = sum(m == medium and bool(_file(v, root)[0]) for v, m in zip(sample, media, strict=True))
    return medium if there >= need else None


def resolve(values: Sequence[str | None], base: Path) -> tuple[list[str | None], list[Broken]]:
    """For each value the absolute path of its file, None where there is none or it lies outside `base`; and those."""
    root = os.path.realpath(base)
    found: list[str | None] = []
    broken: list[Broken] = []
    for value in values:
        path, why = _file(value.strip(), root) if value and value.strip() else (None, "")
        found.append(path)
        if why and value:
            broken.append(Broken(value.strip(), why))
    return found, broken


def _file(value: str, root: str) -> tuple[str | None, str]:
    """(absolute path, "") or (None, why not)."""
    if "\0" in value or len(value) > 4096:
        return None, "is no path"
    path = os.path.normpath(os.path.join(root, value))
    if os.sep == "/" and "\\" in value and not os.path.lexists(path):  # a table that was written on Windows
        path = os.path.normpath(os.path.join(root, value.replace("\\", "/")))
    try:
        real = os.path.realpath(path, strict=True)
    except OSError:
        # Outside the folder nothing is said of what is there and what is not.
        return None, "is not there" if within(path, root) else "lies outside the table's folder"
    if not within(real, root):
        return None, "lies outside the table's folder"
    return (path, "") if os.path.isfile(real) else (None, "is no file")
