"""Count the words of each class, and ask which class would rather have written this text.

In every class each term has its share of all terms written there. If a writer drew terms blindly with those shares,
how likely would this text be? The logarithms of the shares add up, one for each time that a term is met, and Bayes'
rule does the rest. Every term is given a little of every class, so that a single unknown word rules out nothing. It is
"naive" because terms are not drawn blindly: "New" and "York" come together, and count as two witnesses where there is
one. So its answers are too sure, the more so the longer the text; evidence is therefore divided by the square root of
the text's length, and a scale and biases learned from rows held out in turn (Platt's squash) bring it to the truth.

Cost: O(n d) time, where d is the terms in one text; O(width k) memory beyond the data.
Paper: Maron, "Automatic Indexing: An Experimental Inquiry", Journal of the ACM 8, 1961
(counts of words, not their presence: Mosteller & Wallace, "Inference and Disputed Authorship", 1964).
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...core.algorithm import Algorithm, Card, Cost, Fitted, Machine, Task, setting
from ...core.clock import Clock
from ...core.numbers import Answer, Array, Floats, Numbers, Shape, Takes, spread
from ...engines.linear import platt, softmax, weighed
from ...engines.rows import checked, one_hot

PARTS = 4  # of the rows, held out in turn for the squash


@dataclass(frozen=True)
class Shares(Fitted):
    """Log-share of each term in each class, float32 (d, k), less its mean over the classes.

    prior: log-probability of each class. scale, bias: the squash, (1,) and (k,). damping: the power of the length by
    which evidence is divided.
    """

    shares: Array
    prior: Array
    scale: Floats
    bias: Floats
    damping: float

    def scores(self, x: Any) -> Floats:
        length = np.maximum(np.asarray(x.sum(axis=1), np.float64), 1.0) ** self.damping
        return (weighed(x, self.shares) + self.prior).astype(np.float64) / length[:, None]

    def answer(self, x: Any) -> Answer:
        return softmax(self.scale * self.scores(x) + self.bias)


@dataclass(frozen=True)
class MultinomialNaiveBayes(Algorithm):
    card: ClassVar = Card(
        id="multinomial_naive_bayes",
        name="multinomial naive Bayes",
        year=1961,
        paper="Maron, Automatic Indexing: An Experimental Inquiry, JACM 8 (1961)",
        tasks=frozenset({"classify"}),
        takes=frozenset({Takes.SPARSE, Takes.COUNTS}),
        loads=("scipy.optimize", "scipy.sparse"),
    )
    fitted: ClassVar = Shares
    variants: ClassVar = ({"smoothing": 0.1},)

    smoothing: float = setting(0.5, "times that every term is imagined in each class", low=0.01, high=3.0, log=True)
    damping: float = setting(0.5, "power of a text's length by which its evidence is divided", low=0.0, high=1.0)

    def cost(self, job: Shape, on: Machine) -> Cost:
        n, d, k = job.rows, job.filled or job.width, job.outputs
        moved = n * d * (60.0 + 8.0 * k) + 60.0 * PARTS * job.width * k + n * (450.0 * k + 6000.0)
        return Cost(0.004 + moved / on.bandwidth, 24.0 * n * d + 40.0 * job.width * k + 60.0 * n * k)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Shares:
        x, y = checked(self.card, train, task)
        k = task.outputs
        hot = one_hot(y, k).astype(np.float32)
        counts, rows = x.T @ hot, hot.sum(axis=0)
        found = self._share(counts, rows)
        if len(y) < 10 or not clock.tick(1, task.loss(y, found.answer(x))):
            return found
        fold = np.empty(len(y), np.int64)
        fold[spread(y, len(y), np.random.default_rng(clock.seed))] = np.arange(len(y)) % PARTS
        scores = np.zeros((len(y), k))
        for part in range(PARTS):  # what was counted without the part is all less the part
            out = fold == part
            without = self._share(np.maximum(counts - x[out].T @ hot[out], 0), rows - hot[out].sum(axis=0))
            scores[out] = without.scores(x[out])
        scale, bias = platt(scores, y)
        return Shares(found.shares, found.prior, np.array([scale]), bias, self.damping)

    def _share(self, counts: Array, rows: Array) -> Shares:
        drawn = counts.astype(np.float64) + self.smoothing
        shares = np.log(drawn / drawn.sum(axis=0))
        shares -= shares.mean(axis=1, keepdims=True)  # what all classes share tells nothing apart
        prior = np.log((rows + 0.5) / (rows + 0.5).sum())
        k = counts.shape[1]
        return Shares(shares.astype(np.float32), prior.astype(np.float32), np.ones(1), np.zeros(k), self.damping)
