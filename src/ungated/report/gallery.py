"""Figures made of examples: pictures, sounds and texts, what a network looked at, and what it learned to look for."""

from collections.abc import Callable
from typing import Any

from . import words
from .media import Group, Item, Piece, item, plain_text, weight
from .placed import ERRS, FOUND, GOES_BY, Figure
from .tables import Cell, Head, Table, table

MOST_ITEMS = 24
MOST_FILTERS = 64
MOST_GROUPS = 10
MOST_PIECES = 200
WORDS_TOLD = 5

LOOK_FOR = "Look for what they share, and for labels that are wrong."
PAIRS = "Classes that the model took for one another, the most frequent first, with examples."
MARKED = (
    "A word on orange, underlined, pushed the answer towards what was said; one on blue, dotted, pushed against it. "
    "The stronger the shade, the further the answer moves when the word is left out."
)
COVERED = (
    "Orange is what the answer rests on: covering it makes the model less sure of what it said. "
    "Covering what is blue makes it surer."
)
FILTERS = (
    "What the first layer learned to look for: each small picture is slid over the whole, and the layer tells where it "
    "finds its like. Edges, bars and colours are signs of learning; grey noise is a sign that it had too little."
)


def pictures(title: str, about: dict[str, Any]) -> Figure:
    return _examples(title, about, "pictures", LOOK_FOR)


def players(title: str, about: dict[str, Any]) -> Figure:
    says = f"{LOOK_FOR} Above each player is its spectrogram: time runs to the right, pitch upwards."
    return _examples(title, about, "players", says)


def texts(title: str, about: dict[str, Any]) -> Figure:
    made = _examples(title, about, "texts", LOOK_FOR)
    items = [i for g in made.groups for i in g.items]
    marked = any(p.strength for i in items for p in i.pieces)
    right = marked and all(i.said and i.said == i.true for i in items)  # they are there for their words
    says = MARKED if right else f"{made.says} {MARKED}" if marked else made.says
    place = GOES_BY if right else ERRS
    return Figure(title, says, "", {}, _with_words(made.table, about), place=place, look="texts", groups=made.groups)


def occlusion(title: str, about: dict[str, Any]) -> Figure:
    return _examples(title, about, "heat", COVERED, GOES_BY)


def filters(title: str, about: dict[str, Any]) -> Figure:
    items = tuple(i for a in about["items"][:MOST_FILTERS] if (i := item(a)).image)
    if not items:
        raise ValueError("no filter can be shown")
    rows: list[list[object]] = [[k + 1, i.caption] for k, i in enumerate(items)]
    made = table(title, [Head("filter", number=True), "about"], rows)
    return Figure(title, _says(about, FILTERS), "", {}, made, place=GOES_BY, look="filters", groups=(Group("", items),))


def sheets(title: str, about: dict[str, Any]) -> Figure:
    return _examples(title, about, "sheets", "None of these was chosen by hand.", FOUND)


def tunes(title: str, about: dict[str, Any]) -> Figure:
    says = "None of these was chosen by ear. Time runs to the right, pitch upwards, each voice has a colour."
    return _examples(title, about, "tunes", says, FOUND)


def sounds(title: str, about: dict[str, Any]) -> Figure:
    says = "None of these was chosen by ear. Time runs to the right, pitch upwards."
    return _examples(title, about, "players", says, FOUND)


def written(title: str, about: dict[str, Any]) -> Figure:
    """Texts as they were written, line for line: what was given, and what came of it, copied spans marked."""
    items = tuple(_text_item(a) for a in about["items"][:MOST_ITEMS])
    if not items:
        raise ValueError("no text to show")
    rows: list[list[object]] = [[k + 1, i.caption] for k, i in enumerate(items)]
    made = table(title, [Head("text", number=True), "about it"], rows)
    return Figure(title, _says(about, ""), "", {}, made, place=FOUND, look="written", groups=(Group("", items),))


def _text_item(about: dict[str, Any]) -> Item:
    pieces = [Piece(plain_text(about["before"]), towards=False)] if about.get("before") else []
    pieces += [Piece(plain_text(text), 2 if copied else 0) for text, copied in about["pieces"][:MOST_PIECES]]
    return Item(pieces=tuple(pieces), caption=words.shortened(about.get("caption") or "", 120))


KINDS: dict[str, Callable[[str, dict[str, Any]], Figure]] = {
    "pictures": pictures,
    "players": players,
    "texts": texts,
    "occlusion": occlusion,
    "attention": occlusion,
    "filters": filters,
    "sheets": sheets,
    "tunes": tunes,
    "sounds": sounds,
    "written": written,
}


def _examples(title: str, about: dict[str, Any], look: str, says: str, place: str = ERRS) -> Figure:
    groups = _groups(about)
    items = [i for g in groups for i in g.items]
    if not items:
        raise ValueError("no example to show")
    says = _says(about, PAIRS if about.get("groups") else says)
    return Figure(title, says, "", {}, _table(title, items), place=place, look=look, groups=groups)


def _says(about: dict[str, Any], default: str) -> str:
    return words.shortened(about.get("note") or default, 600)


def _groups(about: dict[str, Any]) -> tuple[Group, ...]:
    strongest = _strongest(about)
    if "groups" not in about:
        return (Group("", tuple(item(i, strongest) for i in about["items"][:MOST_ITEMS])),)
    made = [
        Group(_pair(g), tuple(item({**_shared(g), **i}, strongest) for i in g["items"][:MOST_ITEMS]))
        for g in about["groups"][:MOST_GROUPS]
    ]
    return tuple(g for g in made if g.items)


def _shared(group: dict[str, Any]) -> dict[str, Any]:
    """What a heading has said already need not stand under each example, but its table tells it."""
    return {k: group[k] for k in ("true", "said") if k in group}


def _pair(group: dict[str, Any]) -> str:
    if group.get("title"):
        return words.shortened(group["title"], 120)
    count = group.get("count")
    times = f", {words.count(count)} time{'s'[: count != 1]}" if isinstance(count, int) else ""
    true, said = (words.shortened(group[k], 50) for k in ("true", "said"))
    return f"\u2068{true}\u2069 taken for \u2068{said}\u2069{times}"  # isolated: a name may run from right to left


def _strongest(about: dict[str, Any]) -> float:
    """The greatest weight of any word in the figure."""
    items = [i for g in about.get("groups", [about]) for i in g.get("items", ())]
    return max((abs(weight(v)) for i in items for _, v in i.get("pieces") or ()), default=0.0)


def _table(title: str, items: list[Item]) -> Table:
    """The examples as words, without the columns that say nothing of any."""
    told: list[tuple[str | Head, list[object]]] = [
        ("file", [Cell(i.file, look="name") if i.file else None for i in items]),
        ("what", [i.caption or None for i in items]),
        ("true", [i.true or None for i in items]),
        ("said", [i.said or None for i in items]),
        (Head("sure", number=True), [i.sure or None for i in items]),
    ]
    kept = [(head, column) for head, column in told if any(v is not None for v in column)]
    kept = kept or [("example", list(range(1, len(items) + 1)))]
    return table(title, [head for head, _ in kept], [list(row) for row in zip(*(c for _, c in kept), strict=True)])


def _with_words(made: Table, about: dict[str, Any]) -> Table:
    """The table with the strongest words of each text, for who does not see shades."""
    items = [i for g in about.get("groups", [about]) for i in g["items"][:MOST_ITEMS]]
    if len(items) != len(made.rows):
        return made
    rows = []
    for row, about_item in zip(made.rows, items, strict=True):
        pieces = [(w, weight(v)) for w, v in about_item.get("pieces") or ()]
        rows.append([*row, Cell(_strong(pieces, 1)), Cell(_strong(pieces, -1))])
    return Table(made.caption, [*made.heads, Head("words for it"), Head("words against it")], rows)


def _strong(pieces: list[tuple[str, float]], sign: int) -> str:
    strong = sorted((p for p in pieces if sign * p[1] > 0), key=lambda p: -abs(p[1]))[:WORDS_TOLD]
    return ", ".join(words.shortened(w.strip(), 40) for w, _ in strong)
