"""Ask only what came just before: after "q" comes "u", and nobody need remember how the sentence began.

A Markov chain is a table: for each of the last few letters, how often each letter followed. Markov himself counted
20,000 letters of Pushkin's "Eugene Onegin" by hand, vowels and consonants, to show that the law of large numbers holds
for things that depend on one another; Shannon wrote English with such tables in 1948. To what was counted, a part of an
imagined letter is added for each there is (Laplace 1774; Lidstone 1920), so that nothing is impossible. The more
letters the table looks back, the better it copies and the less it knows of what it has not seen: how far, and how much
is imagined, is chosen by held-out text.

Cost: O(order · n log n) time, O(n) memory for n codes.
Paper: Markov, "An Example of Statistical Investigation of the Text Eugene Onegin Concerning the Connection of Samples
in Chains", 1913.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.algorithm import Algorithm, Card, Cost, Machine, Task, setting
from ...core.clock import Clock
from ...core.numbers import Array, Form, Numbers, Shape
from ...engines.ngrams import Counts, Grams
from ...engines.streams import GramWriter, checked

IMAGINED = (1.0, 0.1, 0.01)  # letters of each kind after each run
WATCHED = 0.05


@dataclass(frozen=True)
class MarkovChain(Algorithm):
    card: ClassVar = Card(
        id="markov_chain",
        name="Markov chain",
        year=1913,
        paper="Markov, An Example of Statistical Investigation of the Text Eugene Onegin (1913)",
        tasks=frozenset({"generate"}),
        form=Form.STREAM,
        anytime=True,
        ends=True,
    )
    fitted: ClassVar = GramWriter

    back: int = setting(0, "how many codes it looks back; 0 chooses 1, 2 or 3 by held-out text", low=0, high=5)

    def cost(self, job: Shape, on: Machine) -> Cost:
        n = job.rows * max(1, job.width)
        return Cost(0.01 + 7.0 * n / (on.scalar * 1e6), 120.0 * n)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> GramWriter:
        x = checked(self.card, train)
        first = max(1, round(WATCHED * len(x)))
        learn, watched = x[first:], x[:first]
        tried = {}
        for back in [self.back] if self.back else [1, 2, 3]:
            counts = Counts.of(learn, train.levels, back + 1)
            for imagined in IMAGINED:
                tried[back, imagined] = -float(np.log(_chain(counts, imagined).chances(watched)).mean())
            if not clock.tick(back, min(tried.values())) or clock.left() < 2 * clock.spent():
                break
        back, imagined = min(tried, key=lambda k: tried[k])
        return GramWriter.of(_chain(Counts.of(x, train.levels, back + 1), imagined), train.marks)


def _chain(counts: Counts, imagined: float) -> Grams:
    """The table of the longest runs alone: what shorter runs say counts only where the longer was never seen."""
    shares, rests = [], []
    for length, raw in enumerate(counts.raw, start=1):
        parents = counts.parents(length) if length > 1 else np.zeros(counts.levels, np.int64)
        seen = np.bincount(parents, raw, minlength=len(counts.keys[length - 2]) if length > 1 else 1)
        shares.append((raw + imagined) / (seen + imagined * counts.levels)[parents])
        rests.append(_left_over(shares[-1], parents, len(seen)))
    rests = [*rests[1:], np.ones(len(counts.keys[-1]))]
    starts = np.cumsum([0, *map(len, counts.keys)])
    return Grams(
        counts.levels,
        starts.astype(np.int64),
        np.concatenate(counts.keys),
        np.concatenate(shares).astype(np.float32),
        np.concatenate(rests).astype(np.float32),
    )


def _left_over(share: Array, parents: Array, contexts: int) -> Array:
    """Of each context, what its children leave; it goes to the codes that were not seen, by what shorter runs say."""
    return np.clip(1.0 - np.bincount(parents, share, minlength=contexts), 0.0, 1.0)
