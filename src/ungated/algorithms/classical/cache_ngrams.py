"""N-grams that remember what was written a page ago: a name met once in this document will be met again.

Counts of a whole library know how people write, and nothing of the text at hand: who its people are, what its functions
are called. So beside them a second set of counts is kept, a cache, which is empty when a document begins and grows as
it is read or written. Where the last few codes were met in it, what followed them then is mixed with what Kneser-Ney
expects. It costs next to nothing, and on long documents it gains more than years of better smoothing did.

It looks back over the whole document, and so learns from what it is judged by, but only from what stands before the
place that it foretells: so does whoever reads, and so do programs that pack files.

Cost: O(n log n + order · n) time, O(order · n) memory for n codes; an answer to m of them O(m log m).
Paper: Clarkson & Robinson, "Language Model Adaptation Using Mixtures and an Exponentially Decaying Cache", ICASSP 1997
(the cache: Kuhn & De Mori, IEEE PAMI 12, 1990; runs of letters: Cleary & Witten's PPM, 1984).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from ...core.algorithm import Algorithm, Card, Cost, Machine, Task, Writer, setting
from ...core.clock import Clock
from ...core.numbers import Answer, Array, Floats, Form, Numbers, Shape
from ...engines.ngrams import Counts, Grams, kneser_ney
from ...engines.recent import Memory, Recent
from ...engines.streams import Gap, GramVoice, checked

FEW_LEVELS = 1000  # codes below which each is a letter and not a word
LETTERS, WORDS = 7, 4
LOOKED_UP = {True: ((4, 6, 8), (5, 7)), False: ((1, 2, 4), (2, 3))}  # whether codes are letters -> lengths of runs
DOUBTS = 2.0, 6.0, 20.0
OFF = 0.8
WATCHED, MOST_WATCHED = 0.05, 60_000  # of the stream, its beginning, by which the cache's settings are chosen


@dataclass(frozen=True)
class CacheWriter(Writer):
    """Kneser-Ney n-grams (see `ngrams.Grams`) and how the document so far is looked back at (see `recent.Recent`)."""

    levels: int
    marks: int
    lengths: list[int]
    off: float
    doubt: float
    starts: Array
    keys: Array
    share: Array
    rest: Array

    @cached_property
    def grams(self) -> Grams:
        return Grams(self.levels, self.starts, self.keys, self.share, self.rest)

    @property
    def recent(self) -> Recent:
        return Recent(tuple(self.lengths), self.off, self.doubt)

    def answer(self, x: Array) -> Answer:
        return self.recent.chances(x, self.grams.chances(x))[:, None]

    def voice(self) -> "CacheVoice":
        beside = GramVoice(self.grams, Gap(self.levels, self.marks), self.grams.begun())
        return CacheVoice(beside, Gap(self.levels, self.marks), Memory(self.recent))


@dataclass
class CacheVoice:
    """A sequence being written by n-grams that remember it."""

    beside: GramVoice
    gap: Gap
    memory: Memory

    def next(self) -> Floats:
        """float64 (levels,): the probability of each code to come."""
        chances = self.memory.mixed(self.beside.next())
        return chances / chances.sum()

    def take(self, code: int, own: bool = False) -> None:
        """Go on by that code."""
        self.beside.take(code)
        if self.gap.hears(code):
            self.memory.take(code, own)


@dataclass(frozen=True)
class CacheNgrams(Algorithm):
    card: ClassVar = Card(
        id="cache_ngrams",
        name="n-grams with a cache",
        year=1997,
        paper="Clarkson & Robinson, Language Model Adaptation Using Mixtures and a Cache, ICASSP (1997)",
        tasks=frozenset({"generate"}),
        form=Form.STREAM,
        anytime=True,
        ends=True,
    )
    fitted: ClassVar = CacheWriter
    variants: ClassVar = ({"doubt": 2.0},)

    doubt: float = setting(
        0.0, "times a run must be met to count as what is expected anyway; 0 chooses", low=0, high=50
    )
    order: int = setting(0, "codes in the longest run, the one foretold included; 0 chooses by what codes there are")

    def cost(self, job: Shape, on: Machine) -> Cost:
        n, order = job.rows * max(1, job.width), self._order(sum(job.levels))
        return Cost(0.02 + (3.0 + 0.3 * order) * n / (on.scalar * 1e6), n * (40.0 + 24.0 * order))

    def _order(self, levels: int) -> int:
        return self.order or (LETTERS if levels < FEW_LEVELS else WORDS)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> CacheWriter:
        x, order = checked(self.card, train), self._order(train.levels)
        first = min(MOST_WATCHED, max(1, round(WATCHED * len(x))))
        expected = kneser_ney(Counts.of(x[first:], train.levels, order)).chances(x[:first])
        tried = {}
        for lengths in LOOKED_UP[train.levels < FEW_LEVELS]:
            for doubt in [self.doubt] if self.doubt else DOUBTS:
                how = Recent(lengths, OFF, doubt)
                tried[how] = -float(np.log(how.chances(x[:first], expected)).mean())
            if not clock.tick(len(tried), min(tried.values())):
                break
        how = min(tried, key=lambda h: tried[h])
        grams = kneser_ney(Counts.of(x, train.levels, order)).arrays()
        return CacheWriter(train.levels, train.marks, list(how.lengths), how.off, how.doubt, **grams)
