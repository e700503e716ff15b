"""A figure of the run, as the page shows it: what to draw, one sentence that teaches how to read it, and a table.

Each kind has a function here that makes its table and checks its data, and one of the same name in charts.js that
draws it. A kind that is not known, or data that are not as they should be, become a table and nothing is drawn.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from . import anomalies, associations, clusters, gallery, maps, words
from .placed import DATA, GOES_BY, Figure
from .tables import Cell, Head, Table, cell, table

MOST_CLASSES = 30
MOST_POINTS = 2000
MOST_ROWS = 25
MOST_ITEMS = 25
MOST_CELLS = 30  # of a row that is shown
MOST_FILES = 200


def figure(about: dict[str, Any]) -> Figure:
    """One entry of `Run.figures`."""
    title = words.shortened(about.get("title") or str(about.get("kind") or "A figure").capitalize(), 120)
    make = _KINDS.get(str(about.get("kind")))
    try:
        return make(title, about) if make else _plain(title, about)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ZeroDivisionError):
        return _plain(title, about)


def _confusion(title: str, about: dict[str, Any]) -> Figure:
    labels = [words.shortened(name, 40) for name in about["labels"][:MOST_CLASSES]]
    counts = [[int(n) for n in row[: len(labels)]] for row in about["counts"][: len(labels)]]
    if any(len(row) != len(labels) for row in counts) or len(counts) != len(labels) or not labels:
        raise ValueError("not a square")
    right = [row[i] / sum(row) if sum(row) else None for i, row in enumerate(counts)]
    heads: list[str | Head] = ["true", *(Head(name, number=True) for name in labels), Head("right", number=True)]
    rows: list[list[object]] = [
        [Cell(name, look="name"), *row, Cell(words.percent(share), share)]
        for name, row, share in zip(labels, counts, right, strict=True)
    ]
    left = len(about["labels"]) - len(labels)
    says = (
        "Each row is a true class, each column what the model said. The diagonal is right; a strong red square "
        "is a pair of classes that the model takes for one another. The stronger, the larger its share of the row."
    )
    if left > 0:
        says += f" The {len(labels)} most frequent of {left + len(labels)} classes are shown."
    return Figure(
        title, says, "confusion", {"labels": labels, "counts": counts}, table("Counts", heads, rows, wide=True)
    )


def _calibration(title: str, about: dict[str, Any]) -> Figure:
    bins = [{k: _real(b.get(k)) for k in ("predicted", "observed", "low", "high", "rows")} for b in about["bins"][:50]]
    if any(b["predicted"] is None or b["observed"] is None for b in bins) or not bins:
        raise ValueError("a bin without a place")
    heads: list[str | Head] = [Head(h, number=True) for h in ("it was so sure", "it was right", "95% interval", "rows")]
    rows: list[list[object]] = [
        [
            Cell(words.error(b["predicted"], "error"), b["predicted"]),
            Cell(words.error(b["observed"], "error"), b["observed"]),
            Cell(f"{words.error(b['low'], 'error')} to {words.error(b['high'], 'error')}", b["low"]),
            Cell(words.count(b["rows"]), b["rows"]),
        ]
        for b in bins
    ]
    says = (
        "A point below the diagonal is a group of rows for which the model was surer than it had reason to be; "
        "a point above it, for which it was too modest. Bars are 95% intervals."
    )
    return Figure(title, says, "calibration", {"bins": bins}, table("Groups of rows by how sure it was", heads, rows))


def _residuals(title: str, about: dict[str, Any]) -> Figure:
    pairs = [(float(p), float(a)) for p, a in zip(about["predicted"], about["actual"], strict=True) if _both(p, a)]
    if not pairs:
        raise ValueError("nothing to draw")
    step = -(-len(pairs) // MOST_POINTS)
    drawn = pairs[::step]
    gaps = sorted(a - p for p, a in pairs)
    heads: list[str | Head] = [Head("of the rows, this share"), Head("errs by at most (true − said)", number=True)]
    at = [(share, gaps[min(int(share * len(gaps)), len(gaps) - 1)]) for share in (0.05, 0.25, 0.5, 0.75, 0.95)]
    rows: list[list[object]] = [[Cell(words.percent(share), share), gap] for share, gap in at]
    says = (
        "A point below the diagonal is a row for which the model said too much, one above it too little. "
        "A fan that opens to the right means that it errs more where the amount is large."
    )
    data = {
        "predicted": [_short(p) for p, _ in drawn],
        "actual": [_short(a) for _, a in drawn],
        "unit": words.shortened(about.get("unit") or "", 20),
    }
    return Figure(title, says, "residuals", data, table("Residuals", heads, rows))


def _importance(title: str, about: dict[str, Any]) -> Figure:
    metric = str(about.get("metric") or "error")
    items = [
        {
            "name": words.shortened(i["name"], 60),
            "value": float(i["value"]),
            "low": _real(i.get("low")),
            "high": _real(i.get("high")),
        }
        for i in about["items"]
    ]
    items.sort(key=lambda i: -float(i["value"] or 0))
    heads: list[str | Head] = [
        Head("column"),
        Head(f"{metric} rises by", number=True),
        Head("95% interval", number=True),
    ]
    rows: list[list[object]] = [
        [
            Cell(str(i["name"]), look="name"),
            Cell(words.error(_real(i["value"]), metric), _real(i["value"])),
            Cell(f"{words.error(_real(i['low']), metric)} to {words.error(_real(i['high']), metric)}", _real(i["low"])),
        ]
        for i in items[:100]
    ]
    says = (
        f"How much the {metric} rises on the sealed rows when one column is shuffled. A long bar is a column that the "
        "model leans on; two columns that say the same can both look short, since either stands in for the other."
    )
    if len(items) > MOST_ITEMS:
        says += f" The {MOST_ITEMS} longest of {len(items)} are drawn."
    data = {"items": items[:MOST_ITEMS], "percent": metric in words.PERCENT, "metric": metric}
    return Figure(title, says, "importance", data, table("What mattered", heads, rows), place=GOES_BY)


def _parts(title: str, about: dict[str, Any]) -> Figure:
    """As importance, of whole kinds of input."""
    made = _importance(title, about)
    says = (
        f"How much the {made.data['metric']} rises on the sealed rows when all inputs of one kind are shuffled "
        "together, so that they tell nothing of their row. A bar that reaches zero is a kind that it could do without."
    )
    heads = [Head("kind of input"), *made.table.heads[1:]]
    told = Table("What each kind of input is worth", heads, made.table.rows)
    return Figure(title, says, "importance", made.data, told, place=GOES_BY)


def _costs(title: str, about: dict[str, Any]) -> Figure:
    """As importance, of what each part of an answer costs."""
    made = _importance(title, about)
    heads = [Head("what is told"), Head(made.data["metric"], number=True), *made.table.heads[2:]]
    told = Table(title, heads, made.table.rows)
    data = {**made.data, "verb": ""}
    return Figure(title, words.shortened(about.get("note") or ""), "importance", data, told, place=GOES_BY)


def _broken(title: str, about: dict[str, Any]) -> Figure:
    """items [{file, why}]; of: how many files there were; counts {why: how many}, where not all are listed."""
    items = [(words.shortened(i["file"], 160), words.shortened(i["why"], 160)) for i in about["items"]]
    given = about.get("counts") or {}
    counts = {words.shortened(k, 160): int(v) for k, v in given.items()} or dict(Counter(why for _, why in items))
    if not counts:
        raise ValueError("nothing is broken")
    total, of = sum(counts.values()), _real(about.get("of"))
    share = f" of {of:,.0f} ({words.percent(total / of)})" if of else ""
    says = f"{total:,} file{'s'[: total != 1]}{share} could not be read and {'was' if total == 1 else 'were'} left out."
    by_count = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    heads: list[str | Head] = ["it", Head("files", number=True), "for example"]
    first = {why: file for file, why in reversed(items)}
    rows: list[list[object]] = [[why, n, first.get(why, "")] for why, n in by_count[:MOST_ROWS]]
    listed: list[list[object]] = [[Cell(file, look="name"), why] for file, why in items[:MOST_FILES]]
    files = table("Every file that was left out", ["file", "it"], listed, sortable=True)
    if total > len(listed):
        files = replace(files, rest=f"{total - len(listed):,} more files were left out.")
    return Figure(title, says, "", {}, table(title, heads, rows), open=True, place=DATA, more=[files])


def _roc(title: str, about: dict[str, Any]) -> Figure:
    curves: list[dict[str, Any]] = [
        {
            "label": words.shortened(c["label"], 40),
            "fpr": [_short(float(v)) for v in c["fpr"][:500]],
            "tpr": [_short(float(v)) for v in c["tpr"][:500]],
        }
        for c in about["curves"][:6]
    ]
    if not curves or any(len(c["fpr"]) != len(c["tpr"]) for c in curves):
        raise ValueError("nothing to draw")
    alarms = (0.01, 0.05, 0.1, 0.2, 0.5)
    heads: list[str | Head] = [
        "curve",
        *(Head(f"found at {words.percent(a)} false alarms", number=True) for a in alarms),
    ]
    rows: list[list[object]] = [
        [Cell(str(c["label"]), look="name"), *(_found(c["fpr"], c["tpr"], a) for a in alarms)] for c in curves
    ]
    says = (
        "Walk up the curve by lowering the bar for saying yes: more is found, and more false alarms are raised. "
        "Guessing walks the diagonal; the closer to the upper left corner, the better."
    )
    return Figure(title, says, "roc", {"curves": curves}, table("Found at a given share of false alarms", heads, rows))


def _found(fpr: list[float], tpr: list[float], alarms: float) -> Cell:
    share = max((t for f, t in zip(fpr, tpr, strict=True) if f <= alarms), default=0.0)
    return Cell(words.percent(share), share)


def _histogram(title: str, about: dict[str, Any]) -> Figure:
    edges, counts = [float(e) for e in about["edges"]], [float(c) for c in about["counts"]]
    if len(edges) != len(counts) + 1 or not counts or len(counts) > 500:
        raise ValueError("edges and counts do not match")
    heads: list[str | Head] = [Head(h, number=True) for h in ("from", "to", "rows")]
    rows: list[list[object]] = [[low, high, n] for low, high, n in zip(edges[:-1], edges[1:], counts, strict=True)]
    says = str(about.get("note") or "How many rows fall into each span.")
    data = {"edges": edges, "counts": counts, "unit": words.shortened(about.get("unit") or "", 20)}
    return Figure(title, says, "histogram", data, table("Counts", heads, rows))


def _mistakes(title: str, about: dict[str, Any]) -> Figure:
    made = _rows(title, about)
    says = "The sealed rows on which the model was most wrong: look for what they share, and for labels that are wrong."
    if about.get("note"):
        says += f" {words.shortened(about['note'])}"
    return Figure(title, says, "", {}, made, open=True)


def _rows(title: str, about: dict[str, Any]) -> Table:
    heads = [Head(words.shortened(c, 40)) for c in about["columns"][:MOST_CELLS]]
    rows = [[cell(v, 60) for v in row[: len(heads)]] for row in about["rows"][:MOST_ROWS]]
    return Table(title, heads, rows, wide=len(heads) > 6, sortable=True)


def _plain(title: str, about: dict[str, Any]) -> Figure:
    """A kind that this page cannot draw, as a table of whatever it holds."""
    try:
        made = _rows(title, about)
    except (KeyError, TypeError, AttributeError):
        rows: list[list[object]] = [[k, words.shortened(v, 400)] for k, v in list(about.items())[:40] if k != "title"]
        made = table(title, ["what", "value"], rows)
    return Figure(title, words.shortened(about.get("note") or ""), "", {}, made, open=True)


_KINDS: dict[str, Callable[[str, dict[str, Any]], Figure]] = {
    "confusion": _confusion,
    "calibration": _calibration,
    "residuals": _residuals,
    "importance": _importance,
    "roc": _roc,
    "histogram": _histogram,
    "mistakes": _mistakes,
    "parts": _parts,
    "costs": _costs,
    "broken": _broken,
    **gallery.KINDS,
    **anomalies.KINDS,
    **associations.KINDS,
    **clusters.KINDS,
    **maps.KINDS,
}


def _real(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _both(a: Any, b: Any) -> bool:
    return _real(a) is not None and _real(b) is not None


def _short(value: float) -> float:
    """Five digits that count: a page is no archive."""
    return float(f"{value:.5g}")
