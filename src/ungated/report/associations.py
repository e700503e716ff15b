"""Figures of what goes with what: rules, as a graph and as a table to be sorted, and the sets that they come from."""

from typing import Any

from . import words
from .placed import FOUND, Figure
from .tables import Cell, Head, Table, table

MOST_RULES = 300
MOST_LINES = 45  # of the graph: more are a ball of wool
MOST_ITEMS = 8  # of one side of a rule, as it is shown


def rules(title: str, about: dict[str, Any]) -> Figure:
    """A graph of the first rules, and all of them as a table."""
    found = about["rules"][:MOST_RULES]
    sealed = all("sealed" in rule for rule in found)
    heads = [
        Head("who has"),
        Head("also has"),
        Head("confidence", number=True, about="Of the baskets with the first, the share that has the second."),
        Head("lift", number=True, about="How many times as often as in any basket."),
        Head("support", number=True, about="Share of all baskets that hold both."),
        Head("baskets", number=True, about="How many hold both."),
        Head("leverage", number=True, about="Share of the baskets beyond what chance would give."),
        Head("conviction", number=True, about="How many times less often it fails than it would by chance."),
        Head(
            "false rate", number=True, about="The false discovery rate at which the rule is told (Benjamini-Hochberg)."
        ),
        *(
            [Head("sealed", number=True, about="In the sealed baskets alone: how often it came true.")]
            if sealed
            else []
        ),
    ]
    rows = [[*_row(rule), *([_came_true(rule["sealed"])] if sealed else [])] for rule in found]
    left = int(about.get("of") or 0) - len(found)
    rest = f"{left:,} more rules are not shown; a higher support or confidence leaves fewer." if left > 0 else ""
    drawn = _drawable(found)
    several = any(len(rule["before"]) > 1 for rule in drawn)
    together = "Items that lead on together meet in a dot first. " if several else ""
    says = (
        f"Arrows lead from what a basket has to what it then has more often than others. {len(drawn)} of the most "
        f"reliable rules are drawn, of each set of items one, thicker the surer. {together}"
        "The table holds the rest: a click on a head sorts it."
    )
    data = {"rules": [_drawn(rule) for rule in drawn], "share": _shares(about, drawn)}
    made = Table("Rules", heads, rows, sortable=True, wide=True, rest=rest)
    return Figure(title, says, "rules", data, made, open=True, place=FOUND)


def sets(title: str, about: dict[str, Any]) -> Figure:
    """How many sets there are of each size."""
    heads: list[str | Head] = [
        *(Head(h, number=True) for h in ("items", "sets", "closed", "maximal")),
        "the most frequent",
        Head("baskets", number=True),
    ]
    sizes = about["sizes"][:60]
    rows: list[list[object]] = [
        [
            s["size"],
            Cell(words.count(s["sets"]), s["sets"]),
            Cell(words.count(s["closed"]), s["closed"]),
            Cell(words.count(s["maximal"]), s["maximal"]),
            Cell(words.shortened(s["often"], 200), look="name"),
            Cell(words.count(s["baskets"]), s["baskets"]),
        ]
        for s in sizes
    ]
    says = (
        f"Sets of items that at least {words.count(about['least'])} of {words.count(about['of'])} baskets hold. A set "
        "is closed if every further item loses baskets, and maximal if no larger set is frequent: from the closed ones "
        "all others follow, with their supports."
    )
    return Figure(title, says, "", {}, table("Sets by size", heads, rows, sortable=True), open=True, place=FOUND)


def _drawable(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first rules, as long as their lines stay few; of those about the same items the first alone."""
    drawn: list[dict[str, Any]] = []
    seen: list[set[str]] = []
    lines = 0
    for rule in found:
        items = {*rule["before"], rule["then"]}
        if any(items <= other or other <= items for other in seen):
            continue
        many = min(len(rule["before"]), MOST_ITEMS)
        lines += many + (many > 1)
        if drawn and lines > MOST_LINES:
            break
        drawn.append(rule)
        seen.append(items)
    return drawn


def _row(rule: dict[str, Any]) -> list[Cell]:
    before = " + ".join(words.shortened(i, 60) for i in rule["before"][:MOST_ITEMS])
    more = len(rule["before"]) - MOST_ITEMS
    conviction = rule["conviction"]
    return [
        Cell(before + (f" + {more} more" if more > 0 else ""), look="name"),
        Cell(words.shortened(rule["then"], 60), look="name"),
        Cell(words.percent(rule["confidence"]), rule["confidence"]),
        Cell(words.number(_three(rule["lift"])), rule["lift"]),
        Cell(f"{100 * rule['support']:.2g}%", rule["support"]),
        Cell(words.count(rule["both"]), rule["both"]),
        Cell(f"{100 * rule['leverage']:.2g}%", rule["leverage"]),
        Cell(
            "never fails" if conviction is None else words.number(_three(conviction)),
            1e300 if conviction is None else conviction,
        ),
        Cell(f"{rule['false_rate']:.1g}", rule["false_rate"]),
    ]


def _came_true(sealed: list[int]) -> Cell:
    true, tried = (int(v) for v in sealed)
    return Cell(f"{true:,} of {tried:,}", true / tried if tried else None)


def _drawn(rule: dict[str, Any]) -> dict[str, Any]:
    return {
        "before": [words.shortened(i, 40) for i in rule["before"][:MOST_ITEMS]],
        "then": words.shortened(rule["then"], 40),
        "confidence": _three(rule["confidence"]),
        "lift": _three(rule["lift"]),
    }


def _shares(about: dict[str, Any], found: list[dict[str, Any]]) -> dict[str, float]:
    named = {i for rule in found for i in (*rule["before"][:MOST_ITEMS], rule["then"])}
    return {words.shortened(k, 40): _three(v) for k, v in about.get("share", {}).items() if k in named}


def _three(value: float) -> float:
    return float(f"{value:.3g}")


KINDS = {"rules": rules, "sets": sets}
