"""What is made by something learned, a little of it: codes drawn from a voice one by one, or some pictures.

It is drawn for whoever asks a model, and while a network learns, so that a person sees it learn. It does not know
whether codes are letters or notes.
"""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core.algorithm import Fitted, Maker, Writer
from ..core.errors import UsageError
from ..core.numbers import Array

CODES, MOST_BEGUN = 160, 20  # codes of a sample, and documents that may be begun for them
PICTURES = 16
LONGEST = 1.0  # seconds in which codes are drawn for a sample
TEMPERATURE = 0.8


def drawn(chances: Array, temperature: float, top_p: float, rng: np.random.Generator) -> int:
    """A code drawn from the `chances` of each, (levels,); the likeliest at temperature 0.

    top_p: only the likeliest codes that together have this chance are drawn from.
    """
    if temperature <= 0:
        return int(chances.argmax())
    logs = np.log(np.maximum(chances, 1e-300)) / temperature
    powers = np.exp(logs - logs.max())
    order = np.argsort(-powers, kind="stable")
    sums = np.cumsum(powers[order])
    kept = int(np.searchsorted(sums, top_p * sums[-1])) + 1
    return int(order[np.searchsorted(sums[:kept], rng.random() * sums[min(kept, len(sums)) - 1])])


def check(temperature: float, top_p: float, most: int) -> None:
    """Raise UsageError for what codes cannot be drawn with."""
    if temperature < 0 or not 0 < top_p <= 1 or most < 0:
        raise UsageError("The temperature must be at least 0, top-p above 0 and at most 1, the tokens at least 0.")


def codes(
    voice: Any, *, most: int, temperature: float = 0.8, top_p: float = 0.95, seed: int | None = None
) -> Iterator[int]:
    """Codes that the voice goes on with, until the document ends (code 0) or `most` are drawn."""
    check(temperature, top_p, most)
    rng = np.random.default_rng(seed)
    for _ in range(most):
        code = drawn(voice.next(), temperature, top_p, rng)
        if code == 0:
            return
        yield code
        voice.take(code, own=True)


def sample(fitted: Fitted, seed: int) -> Array | None:
    """A sample of what it makes; None where it makes nothing. The same seed begins alike, however much was learned.

    A writer's is int32 (n,): CODES codes at most, fewer where they take long, with a 0 behind each document that ends.
    A maker's is uint8 (PICTURES, channels, height, width), of its classes in turn.
    """
    if isinstance(fitted, Writer):
        return _written(fitted, seed)
    if isinstance(fitted, Maker):
        classes = np.flatnonzero(getattr(fitted, "shares", np.ones(1)))
        return fitted.make(np.resize(classes, PICTURES), seed)
    return None


def _written(writer: Writer, seed: int) -> Array:
    until = time.monotonic() + LONGEST
    found: list[int] = []
    for begun in range(MOST_BEGUN):
        for code in codes(writer.voice(), most=CODES - len(found), temperature=TEMPERATURE, seed=seed + begun):
            found.append(code)
            if time.monotonic() > until:
                break
        if len(found) >= CODES or time.monotonic() > until:
            break
        found.append(0)
    return np.array(found, np.int32)
