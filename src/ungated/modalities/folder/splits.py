"""Classes and official splits as folders say them: train/cats/1.jpg beside val/cats/9.jpg."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..table.schema import many

TRAIN = ("train", "training")
TEST = ("test", "testing")
VALID = ("val", "valid", "validation", "dev")


@dataclass
class Split:
    """train, sealed: names of files, each relative to the folder. label: the class of those that lie in one.

    sealed_in: the folder of the sealed ones, "" where there are none. notes: what is not used, and why.
    """

    train: list[str]
    sealed: list[str] = field(default_factory=list)
    sealed_in: str = ""
    label: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def official(names: Sequence[str]) -> Split:
    """The split and the classes of the files `names`, told from their folders.

    Folders that hold everything are looked through. The class is the first folder below the split; deeper ones join.
    """
    start = _start(names)
    tops: dict[str, list[str]] = {}
    for name in names:
        tops.setdefault(name[start:].partition("/")[0] if "/" in name[start:] else "", []).append(name)
    low = {top.lower(): top for top in tops}
    train = next((low[w] for w in TRAIN if w in low), None)
    tests = [low[w] for w in (*TEST, *VALID) if w in low]
    if train is None or not tests:
        return Split(list(names), label=_classes(names, start))
    split = Split(tops[train], label=_classes(tops[train], start + len(train) + 1))
    labelled = bool(split.label)
    for top in tests:
        labels = _classes(tops[top], start + len(top) + 1)
        if labelled and not any(label in split.label.values() for label in labels.values()):
            split.notes.append(f"{top}/ names no class of {train}/, so it is not used")
        elif not split.sealed:
            split.sealed, split.sealed_in = tops[top], top
            split.label |= labels
        else:
            split.train = split.train + tops[top]
            split.label |= labels
            split.notes.append(f"{many(len(tops[top]), 'file')} in {top}/ are learned from too")
    for top, files in tops.items():
        if top not in (train, *tests):
            where = f"in {top}/" if top else "outside the folders"
            split.notes.append(f"{many(len(files), 'file')} {where} beside {train}/ not used")
    return split


def _start(names: Sequence[str]) -> int:
    """The length of the folders that all files share."""
    start = 0
    while names:
        top = names[0][start:].partition("/")[0] + "/"
        if not all(name.startswith(top, start) for name in names):
            return start
        start += len(top)
    return start


def _classes(names: Sequence[str], start: int) -> dict[str, str]:
    """The class of each file that lies in a folder below `start`; empty where there is but one such folder."""
    label = {name: name[start:].partition("/")[0] for name in names if "/" in name[start:]}
    return label if len(set(label.values())) > 1 else {}
