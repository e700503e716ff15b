"""Look back as far as it was seen before, and trust a run by how often: n-grams, smoothed.

After seven letters that were seen before, what followed then is a good guess; but most runs of seven were never seen.
So every count is made a little smaller, and what is taken off goes to what the run without its first letter says, and
so on down to single letters. Kneser and Ney's insight is what a shorter run should say: not how often a letter came,
but after how many different ones. "Francisco" is frequent and yet follows one word only, which the longer run knows
already. Chen and Goodman take different amounts off counts of 1, 2 and more, told by how many such counts there are.
For thirty years nothing else did better on little text, and beside a network it still helps.

Cost: O(n log n + order · n) time, O(order · n) memory for n codes; an answer takes `order` searches a code.
Paper: Kneser & Ney, "Improved Backing-Off for M-gram Language Modeling", ICASSP 1995; modified and interpolated by
Chen & Goodman, "An Empirical Study of Smoothing Techniques for Language Modeling", Harvard TR-10-98, 1998.
"""

from dataclasses import dataclass
from typing import ClassVar

from ...core.algorithm import Algorithm, Card, Cost, Machine, Task, setting
from ...core.clock import Clock
from ...core.numbers import Form, Numbers, Shape
from ...engines.ngrams import Counts, kneser_ney
from ...engines.streams import GramWriter, checked

FEW_LEVELS = 1000  # codes below which each is a letter and not a word: the runs that tell are longer
LETTERS, WORDS = 7, 4


@dataclass(frozen=True)
class KneserNey(Algorithm):
    card: ClassVar = Card(
        id="kneser_ney",
        name="Kneser-Ney n-grams",
        year=1995,
        paper="Kneser & Ney, Improved Backing-Off for M-gram Language Modeling, ICASSP (1995)",
        tasks=frozenset({"generate"}),
        form=Form.STREAM,
        anytime=True,
        ends=True,
    )
    fitted: ClassVar = GramWriter
    variants: ClassVar = ({"order": 5}, {"order": 9})

    order: int = setting(0, "codes in the longest run, the one foretold included; 0 chooses by what codes there are")

    def cost(self, job: Shape, on: Machine) -> Cost:
        n, order = job.rows * max(1, job.width), self._order(sum(job.levels))
        return Cost(0.01 + (1.5 + 0.15 * order) * n / (on.scalar * 1e6), n * (40.0 + 24.0 * order))

    def _order(self, levels: int) -> int:
        return self.order or (LETTERS if levels < FEW_LEVELS else WORDS)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> GramWriter:
        x = checked(self.card, train)
        counts = Counts.of(x, train.levels, self._order(train.levels))
        return GramWriter.of(kneser_ney(counts), train.marks)
