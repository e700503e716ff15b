"""What an answer rests on: parts of a picture, a sound or a text are covered in turn, and the answer asked again.

The more the answer moves when a part is covered, the more it rested on it (Zeiler & Fergus, "Visualizing and
understanding convolutional networks", ECCV 2014). For classes the move is that of the log-odds of what was said, for
amounts that of the amount. Any model can be asked so; parts that say the same can stand in for one another, and then
none of them seems to matter.
"""

import itertools
import re
import struct
import time
from typing import Any

import numpy as np
import polars as pl

from ..core.numbers import Answer, Array, Floats
from ..model import Model
from .cells import columns_of, preview, told

EXAMPLES = 6
GRIDS = (8, 6, 4)  # patches a side, by how much time there is
WINDOWS = (32, 16)  # moments of a sound
MOST_WORDS = 64  # asked about in one text, each time that it is gone through
MOST_BITS = 5000  # of a text that are gone through: what comes after is asked along, and not about
LONGEST_REST = 2000  # characters in a row of which nothing is known
SIDE = 112
LONGEST_SOUND = 40_000  # characters of a sound that is shown with what was listened to; longer ones are only seen
TRIED = 4  # questions, to see what one costs
LEAST_CHANCE = 1e-12

_BIT = re.compile(r"\s+|\w+|[^\w\s]")


class Patience:
    """Seconds that may be spent on asking, and what a question has cost so far."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._each = 0.0

    def suffices(self, model: Model, rows: pl.DataFrame) -> bool:
        """Whether there seems to be time to ask about all these; a few are asked first where nothing is known yet."""
        return self.affords(model, rows) > rows.height

    def affords(self, model: Model, rows: pl.DataFrame) -> float:
        """About how many questions there is time for. rows: what they are about, to see what one costs."""
        if not self._each and self._end > time.monotonic():
            self.ask(model, rows[:TRIED])
        return max(0.0, self._end - time.monotonic()) / max(1e-9, self._each)

    def ask(self, model: Model, rows: pl.DataFrame) -> Answer:
        """The answers, timed."""
        began = time.monotonic()
        answer = model.answer(rows)
        self._each = (time.monotonic() - began) / max(1, rows.height)
        return answer


def looked(model: Model, typed: pl.DataFrame, y: Array, answer: Answer, seconds: float) -> dict[str, Any] | None:
    """A figure of what the model looked at in a few pictures, or listened to in a few sounds; None without time.

    Half of them are its worst mistakes, half are what it got right and was surest of.
    """
    kind = next((k for k in ("picture", "sound") if columns_of(model, k)), None)
    if kind is None:
        return None
    column = columns_of(model, kind)[0]
    patience = Patience(seconds)
    items = []
    chosen = _chosen(model, typed[column], y, answer)
    if not chosen:
        return None
    parts = 2 * patience.affords(model, typed[chosen]) / len(chosen)  # of many at once, each costs about half
    for row in chosen:
        cell = typed[column][row]
        covered, shape = _patches(cell, parts) if kind == "picture" else _silences(cell, parts)
        moves = _moves(model, typed, column, answer, row, covered, patience)
        if moves is None:
            break
        heat = np.round(moves.reshape(shape), 4)
        if not heat.any():
            continue
        look = {k: v for k, v in preview(kind, cell, SIDE).items() if k == "image" or len(v) < LONGEST_SOUND}
        items.append({**look, "heat": heat.tolist(), **told(model, typed, answer, row)})
    if not items:
        return None
    title = "What it looked at" if kind == "picture" else "What it listened to"
    return {"kind": "occlusion", "title": title, "items": items}


def pushed(model: Model, typed: pl.DataFrame, y: Array, answer: Answer, seconds: float) -> dict[str, Any] | None:
    """A figure of texts that were answered rightly, with the words that pushed the answer; None without time."""
    column = next(iter(columns_of(model, "text")), None)
    if column is None:
        return None
    patience = Patience(seconds)
    items = []
    for row in _chosen(model, typed[column], y, answer, wrong=0):
        pieces = pieces_of(model, typed, column, answer, row, patience)
        if any(weight for _, weight in pieces):
            items.append({"pieces": pieces, **told(model, typed, answer, row)})
    return {"kind": "texts", "title": "The words it went by", "items": items} if items else None


def pieces_of(
    model: Model, typed: pl.DataFrame, column: str, answer: Answer, row: int, patience: Patience
) -> list[list[Any]]:
    """A text as consecutive bits, [[bit, weight], ...]; all weights are 0 where there is no time.

    A long text is gone through twice: stretch by stretch, then word by word within those that mattered most.
    """
    bits = _BIT.findall(typed[column][row])
    bits[MOST_BITS:] = ["".join(bits[MOST_BITS:])]
    places = [i for i, bit in enumerate(bits[:MOST_BITS]) if not bit.isspace()]
    weights = np.zeros(len(bits))
    each = max(1, -(-len(places) // MOST_WORDS))
    stretches = [places[i : i + each] for i in range(0, len(places), each)]
    moves = _moves(model, typed, column, answer, row, [_without(bits, s) for s in stretches], patience)
    if moves is None:
        return _joined(bits, weights)
    if each > 1:
        strongest = [stretches[k] for k in np.argsort(-np.abs(moves), kind="stable")[: max(1, MOST_WORDS // each)]]
        stretches = [[place] for stretch in strongest for place in stretch][:MOST_WORDS]
        finer = _moves(model, typed, column, answer, row, [_without(bits, s) for s in stretches], patience)
        moves = np.zeros(len(stretches)) if finer is None else finer
    for stretch, move in zip(stretches, moves, strict=True):
        weights[stretch] = move
    return _joined(bits, weights)


def _joined(bits: list[str], weights: Floats) -> list[list[Any]]:
    """The bits with their weights, those without any joined: the record keeps them for good."""
    pieces: list[list[Any]] = []
    for weight, run in itertools.groupby(zip(bits, weights, strict=True), key=lambda pair: round(float(pair[1]), 4)):
        words = [bit for bit, _ in run]
        pieces += [[word, weight] for word in words] if weight else [[_ends("".join(words)), 0.0]]
    return pieces


def _ends(rest: str) -> str:
    half = LONGEST_REST // 2
    return rest if len(rest) <= LONGEST_REST else f"{rest[:half]} … {rest[-half:]}"


def _without(bits: list[str], places: list[int]) -> str:
    gone = set(places)
    return "".join(bit for i, bit in enumerate(bits) if i not in gone)


def _moves(
    model: Model, typed: pl.DataFrame, column: str, answer: Answer, row: int, covered: list[Any], patience: Patience
) -> Floats | None:
    """How far covering moved the answer away from what was said, (len(covered),); None where there is no time."""
    rows = typed[[row] * len(covered)].with_columns(pl.Series(column, covered, typed.schema[column]))
    if not covered or not patience.suffices(model, rows):
        return None
    now = patience.ask(model, rows)
    if model.task.id != "classify":
        return answer[row, 0] - now[:, 0]
    said = int(answer[row].argmax())
    return _odds(answer[[row]], said) - _odds(now, said)


def _odds(answer: Answer, said: int) -> Floats:
    """Log-odds of one class, (n,): against the sum of the others, since 1 less a chance near 1 has lost its digits."""
    others = np.delete(answer, said, axis=1).sum(axis=1, dtype=np.float64)
    return np.log(np.maximum(answer[:, said], LEAST_CHANCE)) - np.log(np.maximum(others, LEAST_CHANCE))


def _chosen(model: Model, values: pl.Series, y: Array, answer: Answer, wrong: int = EXAMPLES // 2) -> list[int]:
    """Rows to look into: those right and surest, of different classes first, then the worst mistakes."""
    there = values.is_not_null().to_numpy()
    order = np.argsort(model.supervised.losses(y, answer), kind="stable")
    order = order[there[order]]
    if model.task.id != "classify":
        return [int(i) for i in dict.fromkeys([*order[: EXAMPLES - wrong], *order[::-1][:wrong]])]
    right = answer.argmax(axis=1) == y
    worst = [int(i) for i in order[::-1] if not right[i]][:wrong]
    turns: dict[int, int] = {}  # the first of each class, then the second of each, and so on
    good = []
    for i in (int(i) for i in order[right[order]]):
        turns[int(y[i])] = turns.get(int(y[i]), 0) + 1
        good.append((turns[int(y[i])], i))
    return [i for _, i in sorted(good, key=lambda pair: pair[0])[: EXAMPLES - len(worst)]] + worst


def _patches(cell: bytes, most: float) -> tuple[list[bytes], tuple[int, int]]:
    """The picture with each patch of it covered by its mean colour, and the grid of patches, `most` or fewer if it can.

    A patch reaches half its size into its neighbours, so that nothing hides on a border.
    """
    height, width, channels = struct.unpack("<HHH", cell[:6])
    pixels = np.frombuffer(cell, np.uint8, offset=6).reshape(height, width, channels)
    grey = pixels.mean(axis=(0, 1)).astype(np.uint8)
    grid = next((n for n in GRIDS if n * n <= most), GRIDS[-1])
    rows, columns = (max(1, min(grid, side // 2)) for side in (height, width))
    covered = []
    for top, bottom in _spans(height, rows):
        for left, right in _spans(width, columns):
            changed = pixels.copy()
            changed[top:bottom, left:right] = grey
            covered.append(cell[:6] + changed.tobytes())
    return covered, (rows, columns)


def _silences(cell: bytes, most: float) -> tuple[list[bytes], tuple[int, int]]:
    """The clip with each moment of it silenced, and the grid of moments, `most` or fewer if it can."""
    samples = np.frombuffer(cell, "<i2", offset=4)
    moments = next((n for n in WINDOWS if n <= most), WINDOWS[-1])
    windows = max(1, min(moments, len(samples) // 64))
    covered = []
    for start, end in _spans(len(samples), windows):
        changed = samples.copy()
        changed[start:end] = 0
        covered.append(cell[:4] + changed.tobytes())
    return covered, (1, windows)


def _spans(length: int, parts: int) -> list[tuple[int, int]]:
    """That many overlapping spans of `length`."""
    edges = np.linspace(0, length, parts + 1)
    half = length / parts / 2
    return [(max(0, round(a - half)), min(length, round(b + half))) for a, b in itertools.pairwise(edges)]
