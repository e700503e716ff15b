"""A figure as the page places it: its words, its drawing or its examples, and the same as a table."""

from dataclasses import dataclass, field, replace
from typing import Any

from .media import Group, bare, lightened
from .tables import Table

FOUND, ERRS, GOES_BY, DATA = "found", "errs", "goes-by", "data"  # the sections of the page in which a figure can stand


@dataclass(frozen=True)
class Figure:
    """chart: the name of the function in charts.js that draws `data`, or "" where none does.

    look, groups: how examples are laid out ("pictures", "players", "texts", "heat", "filters", "sheets", "tunes"), and
    which.
    """

    title: str
    says: str
    chart: str
    data: dict[str, Any]
    table: Table
    open: bool = False  # whether the table is the figure itself
    place: str = ERRS
    look: str = ""
    groups: tuple[Group, ...] = ()
    more: list[Table] = field(default_factory=list)  # further tables, folded away

    @property
    def full(self) -> bool:
        """Whether it needs the width of the page."""
        labels = self.data.get("labels", [])
        crowded = len(labels) > 8 or (len(labels) > 3 and max(map(len, labels)) > 10)
        wide = ("", "residuals", "importance", "rules", "clusters", "groups", "crossed", "map", "timeline")
        return crowded or self.chart in wide

    @property
    def bytes(self) -> int:
        """What its pictures and sounds add to the page."""
        return sum(i.bytes for g in self.groups for i in g.items)


def bared(figures: list[Figure]) -> list[Figure]:
    """The figures without their pictures and sounds: to weigh the rest of the page."""
    return [replace(f, groups=tuple(replace(g, items=bare(g.items)) for g in f.groups)) for f in figures]


def fitted(figures: list[Figure], room: int) -> list[Figure]:
    """The figures with only as many pictures and sounds as `room` bytes hold; the heaviest figure gives way first."""
    kept, dropped = list(figures), set()
    while sum(f.bytes for f in kept) > room:
        at = max(range(len(kept)), key=lambda i: kept[i].bytes)
        heaviest = max(kept[at].groups, key=lambda g: sum(i.bytes for i in g.items))
        groups = [replace(g, items=lightened(g.items)) if g is heaviest else g for g in kept[at].groups]
        kept[at] = replace(kept[at], groups=tuple(g for g in groups if g.items))
        dropped.add(at)
    more = " Some examples are left out so that the page stays small."
    return [replace(f, says=f.says + more) if i in dropped else f for i, f in enumerate(kept)]
