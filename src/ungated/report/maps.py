"""A map: rows as points of a chart that can be pointed at and coloured by any column."""

from typing import Any

from . import words
from .media import image
from .placed import FOUND, Figure
from .tables import Cell, Head, table

MOST_POINTS = 2000
MOST_COLUMNS = 12
MOST_LISTED = 50
LONGEST = 120  # characters of a label
MOST_BYTES = 240_000  # of one map's pictures
SAYS = (
    "Each point is a row, and rows that are alike lie together. Point at one, or touch it, to see what it is. "
    "How far groups lie from one another, and how large they are drawn, tells less than who lies beside whom."
)


def map_(title: str, about: dict[str, Any]) -> Figure:
    """x, y: places; colours: values by column; labels; images, or a sheet of them; marks; see the package's page."""
    x, y = about["x"], about["y"]
    kept = [i for i, (a, b) in enumerate(zip(x, y, strict=True)) if _is_number(a) and _is_number(b)]
    sheet = _sheet(about.get("sheet"), len(x))
    step = -(-len(kept) // MOST_POINTS)
    kept = kept if sheet else kept[:: max(step, 1)]
    if not kept or (sheet and len(kept) != len(x)):
        raise ValueError("nothing to draw")
    colours = {
        words.shortened(name, 60): [_value(values[i]) for i in kept]
        for name, values in list((about.get("colours") or {}).items())[:MOST_COLUMNS]
    }
    labels = [words.shortened(about["labels"][i], LONGEST) for i in kept] if about.get("labels") else []
    images = _images(about.get("images"), kept)
    data: dict[str, Any] = {"x": [_short(x[i]) for i in kept], "y": [_short(y[i]) for i in kept], "colours": colours}
    data |= {"labels": labels} if labels else {}
    data |= {"sheet": sheet, "image": True} if sheet else {"images": images, "image": True} if any(images) else {}
    data |= {"marks": [bool(about["marks"][i]) for i in kept]} if about.get("marks") else {}
    heads: list[str | Head] = ["row", Head("x", number=True), Head("y", number=True), *colours]
    rows: list[list[object]] = [
        [
            Cell(labels[k] if labels else str(k + 1), look="name"),
            data["x"][k],
            data["y"][k],
            *(v[k] for v in colours.values()),
        ]
        for k in range(min(len(kept), MOST_LISTED))
    ]
    says = words.shortened(about.get("note") or SAYS, 600)
    if len(kept) < len(x):
        says += f" {len(kept):,} of {len(x):,} rows are drawn."
    made = table(f"The first {len(rows)} points", heads, rows, wide=len(heads) > 6, sortable=True)
    return Figure(title, says, "map", data, made, place=FOUND)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def _value(value: Any) -> Any:
    """A number in four digits, or a text in forty characters."""
    if value is None:
        return None
    return _short(value) if _is_number(value) else words.shortened(value, 40)


def _images(given: Any, kept: list[int]) -> list[str | None]:
    """As many of the pictures as there is room for."""
    found: list[str | None] = []
    spent = 0
    for i in kept if given else []:
        uri = image(given[i])
        spent += len(uri)
        found.append(uri if uri and spent < MOST_BYTES else None)
    return found


def _sheet(about: Any, rows: int) -> dict[str, Any] | None:
    if not about or len(about["image"]) > MOST_BYTES or rows > MOST_POINTS or not image(about["image"]):
        return None
    return {"image": about["image"], "side": int(about["side"]), "across": int(about["across"])}


KINDS = {"map": map_}
