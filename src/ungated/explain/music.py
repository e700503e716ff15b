"""What a maker of tunes makes: some to hear, how much of them it copied, and what was hard to foretell."""

import time
from typing import Any

import numpy as np
import polars as pl

from ..core.algorithm import Writer
from ..core.numbers import Array
from ..core.run import Run
from ..generation.music import compose, encoder_of
from ..modalities.music import StreamEncoder, Tune, preview, unpack
from ..model import Model

MADE, BARS = 3, 4
LONGEST = 512  # codes of a copied span that are looked for


def figures(
    model: Model, rows: pl.DataFrame, sealed: pl.DataFrame, truth: str, seconds: float, run: Run
) -> list[dict[str, Any]]:
    """Tunes that it made, to hear and to see; of each, the longest span that it copied; the error place by place."""
    if not any(isinstance(fitted, Writer) for member in model.members for _, fitted in member.fits):
        return []  # nothing but the baseline was learned
    encoder, began = encoder_of(model), time.monotonic()
    cells = rows["tune"].drop_nulls().to_list()
    known = Known(encoder, [unpack(c) for c in cells])
    items: list[dict[str, Any]] = []
    copied: list[float] = []
    for seed in range(MADE):
        if items and time.monotonic() - began > seconds * len(items) / (len(items) + 1):
            break
        tune = compose(model, BARS, seed=seed)
        copied.append(known.longest(encoder.encode(tune)) / encoder.period)
        heard, seen = preview(tune)
        items.append({"audio": heard, "image": seen, "caption": _caption(copied[-1], encoder.unit)})
    found: list[dict[str, Any]] = [
        {
            "kind": "tunes",
            "title": f"Tunes that it made, {BARS} bars each",
            "items": items,
            "note": "None of these was chosen by ear. Time runs to the right, pitch upwards, each voice has a colour. "
            "A span counts as copied where a tune that was learned from has it too, in any key.",
        }
    ]
    run.notes.append(
        f"of {len(items)} made tunes, the longest span copied from one that was learned from, in any key, is "
        f"{max(copied):.0f} {encoder.unit}s"
    )
    if sealed.height:
        found.append(_by_place(model, encoder, sealed))
    return found


class Known:
    """The tunes that were learned from, in every key, to look spans of codes up in."""

    def __init__(self, encoder: StreamEncoder, tunes: list[Tune]) -> None:
        streams = [encoder.encode(t) for t in tunes]
        self._period = encoder.period
        self._streams = [names[s].astype(np.int32) for names in encoder.renames for s in streams]
        self._spans: dict[int, set[bytes]] = {}

    def longest(self, codes: Array) -> int:
        """The length of the longest span of `codes`, of whole steps or notes, that stands in a known tune."""
        low, high = 0, min(len(codes), LONGEST) // self._period
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._has(codes, middle * self._period) else (low, middle - 1)
        return low * self._period

    def _has(self, codes: Array, length: int) -> bool:
        if length not in self._spans:
            self._spans[length] = {span for s in self._streams for span in self._cut(s, length)}
        return any(span in self._spans[length] for span in self._cut(codes.astype(np.int32), length))

    def _cut(self, codes: Array, length: int) -> list[bytes]:
        return [codes[i : i + length].tobytes() for i in range(0, len(codes) - length + 1, self._period)]


def _caption(copied: float, unit: str) -> str:
    return f"longest span copied: {copied:.0f} {unit}{'s' if copied != 1 else ''}"


def _by_place(model: Model, encoder: StreamEncoder, sealed: pl.DataFrame) -> dict[str, Any]:
    """How many nats each voice of a step, or each thing that is said of a note, costs on sealed tunes."""
    y, answer = model.examined(sealed)
    scored = np.asarray(y) > 0
    nats = -np.log(np.maximum(answer[scored, 0], 1e-30))
    if encoder.layout == "voices":
        inner = [f"inner voice {i}" for i in range(1, encoder.period - 1)]
        names = ["highest voice", "lowest voice", *inner][: encoder.period]
    else:
        names = ["wait", "pitch", "length", "loudness"][: encoder.period]
    places = nats[: len(nats) // encoder.period * encoder.period].reshape(-1, encoder.period)
    half = 1.96 * places.std(axis=0) / np.sqrt(max(1, len(places)))
    items = [
        {"name": name, "value": float(m), "low": float(m - h), "high": float(m + h)}
        for name, m, h in zip(names, places.mean(axis=0), half, strict=True)
    ]
    return {
        "kind": "costs",
        "title": "What was hard to foretell",
        "metric": f"nats a {encoder.unit}",
        "items": items,
        "note": f"The error of sealed tunes, by what each code says. Together they are {places.sum(axis=1).mean():.2f} "
        f"nats a {encoder.unit}.",
    }
