"""What one row became, as a page and as lines for a terminal: `html_of(shown)` and `lines(shown)`.

The same drawings as the report's, and none of its scripts. It knows a `Shown` and nothing else.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..core.algorithm import plain
from ..core.shown import Shown
from . import words
from .media import audio, coarse, image, weight
from .page import environment, policy_without_scripts, text_of
from .tables import Cell, Head, Table, cell, table

MOST_ITEMS = 40
MOST_NUMBERS = 100  # that one cell became
FEW_NUMBERS = 16  # where they are one way of many in which an algorithm may see it
MOST_TOKENS = 400
MOST_CROP = 16  # pixels a side whose numbers are shown
MOST_WAVE = 600
MOST_BYTES = 900_000
LONGEST_TEXT = 4000
ACROSS = 100  # characters of a line
BARS = "▁▂▃▄▅▆▇█"
CHANNELS = {1: ("grey",), 3: ("red", "green", "blue"), 4: ("red", "green", "blue", "opacity")}


@dataclass(frozen=True)
class Plane:
    """Some pixels of one channel: (number, its shade as CSS colours) for each, row by row."""

    name: str
    rows: list[list[tuple[int, str]]]


@dataclass(frozen=True)
class Part:
    """One item of the page. Whatever is not there is empty. spot: where the crop lies, percent of the picture."""

    kind: str
    title: str
    facts: list[tuple[str, str]] = field(default_factory=list)
    came: str = ""
    image: str = ""
    hog: str = ""
    spectrogram: str = ""
    audio: str = ""
    wave: str = ""  # an SVG polygon's points, in a box of 1000 by 100
    text: str = ""
    tokens: list[tuple[str, str]] = field(default_factory=list)
    planes: list[Plane] = field(default_factory=list)
    spot: str = ""
    tables: list[Table] = field(default_factory=list)
    rest: str = ""

    @property
    def coarse(self) -> bool:
        return coarse(self.image)


def html_of(shown: Shown) -> str:
    """The page, self-contained, UTF-8, below a megabyte; any part of `shown` may be missing."""
    parts: list[Part] = []
    room = MOST_BYTES
    for about in plain(shown.items)[:MOST_ITEMS]:
        made = part(about)
        room -= sum(map(len, (made.came, made.image, made.hog, made.spectrogram, made.audio)))
        parts.append(made if room > 0 else Part("", made.title, rest="left out, so that the page stays small"))
    page = environment().get_template("show.html")
    text = page.render(shown=shown, parts=parts, policy=policy_without_scripts(), style=text_of("style.css"), charts={})
    return text.encode("utf-8", "replace").decode()


def lines(shown: Shown) -> list[str]:
    """The same for a terminal, without control characters: numbers, tokens and a wave of blocks."""
    told = [_line(shown.title), *([_line(shown.how)] if shown.how else [])]
    for about in plain(shown.items)[:MOST_ITEMS]:
        made = part(about)
        told += ["", _line(made.title), *(f"  {name:<10}{_line(value)}" for name, value in made.facts)]
        if made.wave:
            told.append(f"  {_blocks(about.get('wave') or [])}")
        told += [f"  {_line(made.text)}"] if made.text else []
        told += _wrapped([f"{_line(piece)}·{code}" for piece, code in made.tokens])
        for plane in made.planes:
            told += [f"  {plane.name}", *("  " + " ".join(f"{n:3}" for n, _ in row) for row in plane.rows)]
        for each in made.tables:
            told += _columns(each)
        told += [f"  {made.rest}"] if made.rest else []
    return told


# -- parts -------------------------------------------------------------------------------------------------------------


def part(about: dict[str, Any]) -> Part:
    """One item of `Shown.items`; one that is not as it should be becomes a table of whatever it holds."""
    title = words.shortened(about.get("title") or about.get("column") or str(about.get("kind") or "something"), 120)
    try:
        return _KINDS[str(about.get("kind"))](title, about)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        rows: list[list[object]] = [
            [k, words.shortened(json.dumps(v, ensure_ascii=False), 200)] for k, v in list(about.items())[:40]
        ]
        return Part("", title, tables=[table(title, ["what", "value"], rows)])


def _cells(title: str, about: dict[str, Any]) -> Part:
    heads: list[str | Head] = ["column", "kind", "cell", "its numbers", Head("", number=True)]
    rows: list[list[object]] = []
    for row in about["rows"][:MOST_NUMBERS]:
        became = [(words.shortened(n, 80), v) for n, v in row.get("numbers") or ()]
        # Of many 0/1 columns, those that are 0 say nothing one by one.
        told = [(n, v) for n, v in became if v] if len(became) > 4 else became
        first, *others = told[:MOST_NUMBERS] or [("", "")]
        value = words.shortened(row["cell"], 200) if row.get("cell") is not None else "missing"
        name, kind = words.shortened(row["column"], 80), words.shortened(row.get("kind") or "", 20)
        note = words.shortened(row.get("why") or "", 160)
        rows.append([Cell(name, look="name"), Cell(kind, note=note), Cell(value), first[0], _number(first[1])])
        rows += [["", "", "", n, _number(v)] for n, v in others]
        if zeros := len(became) - len(told):
            rows.append(["", "", "", Cell("", note=f"and {zeros:,} that are 0"), ""])
    return Part("cells", title, tables=[table(title, heads, rows)])


def _number(value: Any) -> Cell:
    if value == "":
        return Cell("none")
    return Cell("missing" if value is None else words.number(value), value)


def _picture(title: str, about: dict[str, Any]) -> Part:
    size = about.get("size") or []
    facts = _facts(about)
    if len(size) == 3:
        height, width, channels = (int(n) for n in size)
        names = CHANNELS.get(channels, (f"{channels} channels",))
        facts.append(
            ("size", f"{height:,} × {width:,} pixels, {', '.join(names)}: {height * width * channels:,} numbers")
        )
    crop = about.get("crop") or {}
    planes = _planes(crop.get("values") or [])
    spot = _spot(crop, size) if planes and len(size) == 3 else ""
    came, kept, edges = (image(about.get(k)) for k in ("came", "image", "hog"))
    return Part("picture", title, facts, came, kept, edges, planes=planes, spot=spot, tables=_numbers(about))


def _planes(values: list[Any]) -> list[Plane]:
    names = CHANNELS.get(len(values), tuple(f"channel {k + 1}" for k in range(len(values))))
    planes = []
    for name, rows in zip(names, values[:8], strict=False):
        numbers = [[min(255, max(0, int(v))) for v in row[:MOST_CROP]] for row in rows[:MOST_CROP]]
        planes.append(Plane(name, [[(n, _shade(n, name)) for n in row] for row in numbers]))
    return planes


def _shade(value: int, name: str) -> str:
    """The number's own colour behind it, and ink that can be read on that."""
    at = {"red": 0, "green": 1, "blue": 2}.get(name)
    colour = [value] * 3 if at is None else [value if k == at else 0 for k in range(3)]
    light = 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2] > 120
    return f"background:rgb({colour[0]},{colour[1]},{colour[2]});color:{'#000' if light else '#fff'}"


def _spot(crop: dict[str, Any], size: Sequence[Any]) -> str:
    height, width = max(1, int(size[0])), max(1, int(size[1]))
    rows = crop["values"][0][:MOST_CROP]
    box = {
        "top": int(crop.get("top") or 0) / height,
        "left": int(crop.get("left") or 0) / width,
        "height": len(rows) / height,
        "width": len(rows[0][:MOST_CROP]) / width,
    }
    return ";".join(f"{k}:{100 * min(1.0, max(0.0, v)):.2f}%" for k, v in box.items())


def _text_part(title: str, about: dict[str, Any]) -> Part:
    whole = str(about.get("text") or "")
    tokens = [(words.shortened(_seen(p), 60), f"{int(code):,}") for p, code in about.get("tokens") or ()]
    facts = [*_facts(about), ("length", f"{len(whole):,} characters" + (f", {len(tokens):,} tokens" if tokens else ""))]
    terms = [[words.shortened(t, 60), weight(v)] for t, v in (about.get("terms") or ())[:MOST_NUMBERS]]
    heads: list[str | Head] = ["its strongest terms", Head("TF-IDF", number=True)]
    tables = [table("Terms", heads, [list(row) for row in terms])] if terms else []
    rest = f"{len(tokens) - MOST_TOKENS:,} more tokens" if len(tokens) > MOST_TOKENS else ""
    if kept := about.get("kept"):
        facts.append(("kept", words.shortened(kept, 200)))
    if learned := about.get("learned"):
        facts.append(("learned", f"tokens and terms, from {words.count(int(learned))} text{'s'[: learned != 1]}"))
    shown = words.shortened(whole, LONGEST_TEXT)
    return Part(
        "text", title, facts, text=shown, tokens=tokens[:MOST_TOKENS], tables=tables + _numbers(about), rest=rest
    )


def _seen(piece: Any) -> str:
    """A token with the white space in it that would be lost to the eye; the space before a text has no place in it."""
    text = str(piece or " ").replace("\n", "⏎").replace("\t", "⇥")
    return text.replace(" ", "␣") if not text.strip(" ⏎⇥") else text


def _sound(title: str, about: dict[str, Any]) -> Part:
    facts = _facts(about)
    rate, seconds = about.get("rate"), about.get("seconds")
    if rate and seconds:
        facts.append(("length", f"{words.seconds(float(seconds))}, {int(rate):,} samples a second"))
    heard, seen = audio(about.get("audio")), image(about.get("spectrogram"))
    wave = _wave(about.get("wave") or [])
    return Part("sound", title, facts, audio=heard, spectrogram=seen, wave=wave, tables=_numbers(about))


def _wave(pairs: Sequence[Sequence[Any]]) -> str:
    """The outline of a wave: along its tops to the right, along its bottoms back."""
    if len(pairs) < 2:
        return ""
    step = -(-len(pairs) // MOST_WAVE)
    kept = [pairs[i : i + step] for i in range(0, len(pairs), step)]
    lows = [max(-1.0, min(weight(low) for low, _ in p)) for p in kept]
    highs = [min(1.0, max(weight(high) for _, high in p)) for p in kept]
    right = [1000 * i / max(1, len(kept) - 1) for i in range(len(kept))]
    there = [f"{x:.1f},{50 - 49 * y - 0.3:.1f}" for x, y in zip(right, highs, strict=True)]
    back = [f"{x:.1f},{50 - 49 * y + 0.3:.1f}" for x, y in zip(right, lows, strict=True)]
    return " ".join(there + back[::-1])


def _tune(title: str, about: dict[str, Any]) -> Part:
    facts = _facts(about)
    if seconds := about.get("seconds"):
        facts.append(("length", f"{words.seconds(float(seconds))}, {int(about.get('notes') or 0):,} notes"))
    if kept := about.get("kept"):
        facts.append(("kept", words.shortened(kept, 200)))
    tokens = [(words.shortened(said, 60), f"{int(code):,}") for said, code in about.get("tokens") or ()]
    seen, heard = image(about.get("image")), audio(about.get("audio"))
    return Part("tune", title, facts, seen, audio=heard, tokens=tokens[:MOST_TOKENS])


def _broken(title: str, about: dict[str, Any]) -> Part:
    why = f"{about['file']} {about['why']}: a fit leaves it out and lists it."
    return Part("broken", title, rest=words.shortened(why, 300))


_KINDS: dict[str, Callable[[str, dict[str, Any]], Part]] = {
    "cells": _cells,
    "picture": _picture,
    "text": _text_part,
    "sound": _sound,
    "tune": _tune,
    "broken": _broken,
}


def _facts(about: dict[str, Any]) -> list[tuple[str, str]]:
    return [(k, words.shortened(about[k], 200)) for k in ("file", "why") if about.get(k)]


def _numbers(about: dict[str, Any]) -> list[Table]:
    """What it became as a row, as far as a page shows it."""
    found = about.get("numbers") or []
    if not found:
        return []
    rows: list[list[object]] = [[words.shortened(n, 80), weight(v)] for n, v in found[:FEW_NUMBERS]]
    rest = f"and {len(found) - FEW_NUMBERS:,} more numbers" if len(found) > FEW_NUMBERS else ""
    heads = [Head("some of its numbers"), Head("", number=True)]
    return [Table("Numbers", heads, [[cell(v) for v in row] for row in rows], rest=rest)]


# -- lines -------------------------------------------------------------------------------------------------------------


def _line(text: object, most: int = 4 * ACROSS) -> str:
    return words.shortened(str(text).replace("\n", "⏎").replace("\t", "⇥"), most)


def _wrapped(bits: list[str]) -> list[str]:
    """Bits, one after the other, in lines of at most ACROSS characters."""
    made: list[str] = []
    for bit in bits:
        if made and len(made[-1]) + len(bit) < ACROSS:
            made[-1] += f"  {bit}"
        else:
            made.append(f"  {bit}")
    return made


def _blocks(pairs: Sequence[Sequence[Any]]) -> str:
    """How loud a wave is over time, a block for each moment."""
    step = max(1, -(-len(pairs) // (ACROSS - 20)))
    loud = [max(abs(weight(v)) for pair in pairs[i : i + step] for v in pair) for i in range(0, len(pairs), step)]
    most = max(loud, default=0.0) or 1.0
    return "".join(BARS[round((len(BARS) - 1) * v / most)] for v in loud)


def _columns(each: Table) -> list[str]:
    """A table as aligned text."""
    rows = [[h.label for h in each.heads]] + [[_line(c.text or c.note, 44) for c in row] for row in each.rows]
    wide = [max(len(row[k]) for row in rows) for k in range(len(each.heads))]
    made = [
        "  ".join(
            (t.rjust(w) if h.number else t.ljust(w)) for t, w, h in zip(row, wide, each.heads, strict=True)
        ).rstrip()
        for row in rows
    ]
    return [f"  {line}" for line in (*made, *([each.rest] if each.rest else []))]
