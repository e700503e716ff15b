"""Figures of clusters: the map on which they lie, what sets each apart, their typical rows, and labels beside them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from . import gallery, words
from .placed import FOUND, Figure
from .tables import Cell, Head, Table, cell, table

MOST_POINTS = 2000
MOST_GROUPS = 40
MOST_TRAITS = 6
MOST_ROWS = 60
MOST_CELLS = 12

MAP = "Each point is a row, its colour and shape the cluster that it is in; the number stands amid each cluster."
APART = (
    "The columns in which each cluster differs most from the other rows, in their own units: the middle value (median) "
    "or the share of a level, and what it is among the others. A long bar is a difference of several deviations."
)
TYPICAL = (
    "Typical rows lie in the middle of their cluster; a row on the border lies about as near to another one, and might "
    "as well be there."
)
LOOK = "The most typical of each cluster: look for what they share."
CROSSED = "Nothing was learned from these labels. A strong cell is a label most of whose rows are in one cluster."


def clusters(title: str, about: dict[str, Any]) -> Figure:
    """points [[x, y, group], ...], groups [{name, rows}], labels of the first points, x, y: names of the axes."""
    groups: list[dict[str, Any]] = [
        {"name": words.shortened(g["name"], 30), "rows": int(g["rows"])} for g in about["groups"][:MOST_GROUPS]
    ]
    points = [[float(x), float(y), int(g)] for x, y, g in about["points"][:MOST_POINTS]]
    if not points or any(not 0 <= p[2] < len(groups) for p in points):
        raise ValueError("nothing to draw")
    labels = [words.shortened(v, 120) for v in about.get("labels", ())[: len(points)]]
    total = sum(g["rows"] for g in groups)
    heads: list[str | Head] = ["cluster", Head("rows", number=True), Head("share", number=True)]
    rows: list[list[object]] = [
        [
            Cell(g["name"], look="name"),
            Cell(words.count(g["rows"]), g["rows"]),
            Cell(words.percent(g["rows"] / max(total, 1)), g["rows"]),
        ]
        for g in groups
    ]
    says = f"{MAP} {words.shortened(about['note'], 400)}".strip() if about.get("note") else MAP
    names = {k: words.shortened(about.get(k) or "", 60) for k in ("x", "y")}
    data = {"points": points, "groups": groups, "labels": labels, **names}
    return Figure(title, says, "clusters", data, table("Rows in each cluster", heads, rows), place=FOUND)


def groups(title: str, about: dict[str, Any]) -> Figure:
    """groups [{name, rows, share, apart [{column, here, others, effect}]}]."""
    drawn: list[dict[str, Any]] = []
    rows: list[list[object]] = []
    for g in about["groups"][:MOST_GROUPS]:
        name, size = words.shortened(g["name"], 30), words.count(int(g["rows"]))
        apart: list[dict[str, Any]] = [
            {
                "column": words.shortened(t["column"], 40),
                "here": words.shortened(t["here"], 120),
                "others": words.shortened(t["others"], 60),
                "effect": float(t["effect"]),
            }
            for t in g["apart"][:MOST_TRAITS]
        ]
        drawn.append({"name": name, "rows": size, "share": words.percent(float(g["share"])), "apart": apart})
        for t in apart or [{"column": "", "here": "", "others": "", "effect": 0.0}]:
            way = "higher" if t["effect"] > 0 else "lower"
            by = Cell(f"{abs(t['effect']):.1f} deviations {way}", t["effect"]) if t["column"] else None
            rows.append([Cell(name, look="name"), size, t["column"], t["here"], t["others"], by])
    if not drawn:
        raise ValueError("no group")
    heads: list[str | Head] = ["cluster", Head("rows", number=True), "column", "here", "others", "by"]
    drawing = "groups" if any(g["apart"] for g in drawn) else ""
    return Figure(title, APART, drawing, {"groups": drawn}, table(title, heads, rows), place=FOUND)


def group_rows(title: str, about: dict[str, Any]) -> Figure:
    """columns [...], rows [[...]]: of each cluster some rows."""
    heads = [Head(words.shortened(c, 40)) for c in about["columns"][:MOST_CELLS]]
    rows = [[cell(v, 60) for v in row[: len(heads)]] for row in about["rows"][:MOST_ROWS]]
    made = Table(title, heads, rows, wide=len(heads) > 6, sortable=True)
    return Figure(title, TYPICAL, "", {}, made, open=True, place=FOUND)


def group_examples(title: str, about: dict[str, Any]) -> Figure:
    """As pictures, players or texts, by `look`: groups [{title, items}]."""
    look = about["look"]
    made = {"pictures": gallery.pictures, "players": gallery.players, "texts": gallery.texts}[look](title, about)
    return replace(made, says=LOOK, place=FOUND)


def crossed(title: str, about: dict[str, Any]) -> Figure:
    """labels [...], groups [...], counts [[...]]: how many rows of each label (down) are in each group (across)."""
    names = [words.shortened(g, 20) for g in about["groups"][:MOST_GROUPS]]
    labels = [words.shortened(label, 40) for label in about["labels"][:MOST_ROWS]]
    counts = [[int(n) for n in row[: len(names)]] for row in about["counts"][: len(labels)]]
    of = words.shortened(about.get("of") or "label", 40)
    heads: list[str | Head] = [of, *(Head(f"in {n}", number=True) for n in names)]
    rows: list[list[object]] = [
        [Cell(label, look="name"), *(Cell(words.count(n), n) for n in row)]
        for label, row in zip(labels, counts, strict=True)
    ]
    data = {"labels": labels, "groups": names, "counts": counts, "of": of}
    made = table(title, heads, rows, wide=len(names) > 6)
    return Figure(title, CROSSED, "crossed", data, made, place=FOUND)


KINDS: dict[str, Callable[[str, dict[str, Any]], Figure]] = {
    "clusters": clusters,
    "groups": groups,
    "group-rows": group_rows,
    "group-examples": group_examples,
    "crossed": crossed,
}
