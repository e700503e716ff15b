"""The door of every algorithm that eats a stream, and the voice of those that look back by n-grams.

A stream is codes 0..levels-1, each document begun by code 0. The last `marks` codes never stand in one: they part what
is before a gap, what is behind it and what belongs into it, for who can use that (see `Gap`).
"""

from dataclasses import dataclass, field

import numpy as np

from ..core.algorithm import Card, Writer
from ..core.errors import InputError
from ..core.numbers import Answer, Array, Floats, Numbers
from .ngrams import Grams

FEWEST = 2  # codes: fewer teach nothing


def checked(card: Card, train: Numbers) -> Array:
    """The stream as int32 (n,), or the reason why not.

    Raises InputError for one that is no stream, is too short, or holds codes outside 0..levels-1.
    """
    x = np.asarray(train.x)
    if x.ndim != 1 or not np.issubdtype(x.dtype, np.integer):
        raise InputError(f"{card.id}: there is no stream of codes to learn from (shape {x.shape}, {x.dtype}).")
    if len(x) < FEWEST:
        raise InputError(f"{card.id}: {len(x)} codes are too few to learn from.")
    outside = (x < 0) | (x >= train.levels)
    if outside.any():
        at = int(outside.argmax())
        raise InputError(f"{card.id}: code {int(x[at])} at place {at + 1}; codes go from 0 to {train.levels - 1}.")
    return x.astype(np.int32)


@dataclass
class Gap:
    """What an algorithm that reads only forwards makes of marks: behind the gap is passed over.

    levels, marks: as the stream has them. The first mark comes before what stands before the gap, the second before
    what stands behind it, the third before what is to be written.
    """

    levels: int
    marks: int
    behind: bool = False

    def hears(self, code: int) -> bool:
        """Whether `code` is to be taken: no mark, and not behind the gap."""
        if code >= self.levels - self.marks:
            self.behind = code == self.levels - self.marks + 1
            return False
        return not self.behind


@dataclass
class GramVoice:
    """A sequence being written by n-grams alone."""

    grams: Grams
    gap: Gap
    context: list[int] = field(default_factory=list)

    def next(self) -> Floats:
        """float64 (levels,): the probability of each code to come."""
        chances = self.grams.expected(self.context)
        if self.gap.marks:
            chances[-self.gap.marks :] = 0.0
        return chances / chances.sum()

    def take(self, code: int, own: bool = False) -> None:
        """Go on by that code."""
        if self.gap.hears(code):
            self.context = self.grams.follow(self.context, code)


@dataclass(frozen=True)
class GramWriter(Writer):
    """Fitted n-grams: see `ngrams.Grams`. marks: how many of the last codes are marks."""

    levels: int
    marks: int
    starts: Array
    keys: Array
    share: Array
    rest: Array

    @classmethod
    def of(cls, grams: Grams, marks: int) -> "GramWriter":
        return cls(grams.levels, marks, grams.starts, grams.keys, grams.share, grams.rest)

    @property
    def grams(self) -> Grams:
        return Grams(self.levels, self.starts, self.keys, self.share, self.rest)

    def answer(self, x: Array) -> Answer:
        return self.grams.chances(x)[:, None]

    def voice(self) -> GramVoice:
        grams = self.grams
        return GramVoice(grams, Gap(self.levels, self.marks), grams.begun())
