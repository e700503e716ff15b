"""Figures of what is unlike the rest: rows with the reasons, and scores in the order of time."""

from typing import Any

from . import words
from .media import Group, item
from .placed import FOUND, Figure
from .tables import Cell, Head, Table, table

MOST_ITEMS = 60
MOST_REASONS = 5
MOST_POINTS = 2000
SAYS = (
    "A reason is a column that makes the row less unusual when a usual row's value is put there; the share is how much "
    "of its surprise goes with it. Two values that are odd only together are both named."
)
OVER_TIME = (
    "Each point is a row, in the order of time; the line is the mean of stretches of as many rows each. "
    "A stretch that lies high is a time at which many rows were a little unusual."
)


def anomalies(title: str, about: dict[str, Any]) -> Figure:
    """items [{label, score, anomaly, why [{column, value, usual, share}], image}]."""
    items = about["items"][:MOST_ITEMS]
    reasons = any(i["why"] for i in items)
    heads = [
        Head("row"),
        Head("score", number=True, about="The share of rows that are less unusual."),
        Head("anomaly"),
        *([Head("why")] if reasons else []),
    ]
    rows = []
    for i in items:
        cells = [
            Cell(words.shortened(i["label"], 80), look="name"),
            Cell(f"{float(i['score']):.4f}", float(i["score"])),
            Cell("yes" if i["anomaly"] else "no"),
        ]
        rows.append([*cells, *([Cell(_why(i["why"]))] if reasons else [])])
    note = words.shortened(about.get("note") or "")
    says = " ".join(part for part in (note, SAYS if reasons else "") if part)
    groups: tuple[Group, ...] = ()
    if any(i.get("image") for i in items):
        shown = [
            {"image": i["image"], "caption": f"{i['label']}: {float(i['score']):.4f}"} for i in items if i.get("image")
        ]
        groups = (Group("", tuple(item(one) for one in shown)),)
    made = Table(title, heads, rows, sortable=True)
    return Figure(title, says, "", {}, made, open=True, place=FOUND, look="pictures" if groups else "", groups=groups)


def _why(why: list[dict[str, Any]]) -> str:
    told = []
    for w in why[:MOST_REASONS]:
        usual = f", usual: {words.shortened(w['usual'], 60)}" if w.get("usual") else ""
        told.append(
            f"{words.shortened(w['column'], 40)} {words.shortened(w['value'], 40)}{usual} ({words.percent(w['share'])})"
        )
    return "; ".join(told)


def timeline(title: str, about: dict[str, Any]) -> Figure:
    """column; at [milliseconds since 1970], score [...]: points; windows [{from, to, mean, most}]; bar or None."""
    at, score = [float(v) for v in about["at"][:MOST_POINTS]], [float(v) for v in about["score"][:MOST_POINTS]]
    windows = [
        {"from": str(w["from"])[:30], "to": str(w["to"])[:30], "mean": float(w["mean"]), "most": float(w["most"])}
        for w in about["windows"][:200]
    ]
    if len(at) != len(score) or len(at) < 2:
        raise ValueError("nothing to draw")
    heads: list[str | Head] = ["from", "to", Head("mean score", number=True), Head("highest", number=True)]
    rows: list[list[object]] = [[w["from"], w["to"], w["mean"], w["most"]] for w in windows]
    data = {"at": at, "score": score, "windows": windows, "bar": about.get("bar")}
    made = table("Scores by stretches of time", heads, rows, sortable=True)
    return Figure(title, OVER_TIME, "timeline", data, made, place=FOUND)


KINDS = {"anomalies": anomalies, "timeline": timeline}
