"""Naive Bayes says how telling each term is; support vectors then weigh the tellings together.

Naive Bayes looks at one term at a time: how much more common is it in texts of the class than in the others? That
ratio is quick and steady, but terms that go together are counted over and over. Support vectors see all terms at once
and do not, but with few texts they trust chance. So each term that is in a text counts as much as the logarithm of its
ratio, rows are brought to length 1, and the widest street is laid between the rows so weighed: where the examples say
little, the answer stays near naive Bayes. The ratio is of presence, not of counts: a second "great" adds little. Each
class is parted from all others; Platt's squash makes probabilities, learned from margins of rows held out in turn.

The name is Wang & Manning's (2012), but the parts are older and had met before: terms weighed by the classes for
support vectors (Debole & Sebastiani 2003), and weighed by the log ratio of naive Bayes between the classes, with words
and pairs of words, in 2009. That is the year taken.

Cost: O(n d k) a pass, about twenty passes and four fits, where d is the terms in one text; O(n d + width k) memory.
Paper: Martineau & Finin, "Delta TFIDF: An Improved Feature Space for Sentiment Analysis", ICWSM 2009
(Wang & Manning, "Baselines and Bigrams", ACL 2012; library: Fan et al., "LIBLINEAR", JMLR 9, 2008).
"""

import warnings
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from ...core.algorithm import Algorithm, Card, Cost, Fitted, Machine, Task, setting
from ...core.clock import Clock
from ...core.numbers import Answer, Array, Floats, Numbers, Shape, Takes, spread
from ...engines.linear import platt, softmax
from ...engines.rows import checked, presence, units

PARTS = 3  # of the rows, held out in turn for the squash


@dataclass(frozen=True)
class Weighed(Fitted):
    """Margins of rows whose terms are weighed for each class.

    lengths: float32 (d, m), the square of each term's weight. weights: float32 (d, m), that weight times the
    street's. With two classes m is 1, else the number of classes. bias: float32 (m,). scale: float64 (1,) and
    shift: float64 (classes,), of the squash.
    """

    lengths: Array
    weights: Array
    bias: Array
    scale: Floats
    shift: Floats

    def margins(self, x: Any) -> Floats:
        """float64 (n, classes)."""
        there = presence(x)
        length = np.sqrt(np.maximum(there @ self.lengths, 1e-12))
        parted = ((there @ self.weights) / length + self.bias).astype(np.float64)
        return parted if len(self.shift) == parted.shape[1] else np.hstack([-parted, parted])

    def answer(self, x: Any) -> Answer:
        return softmax(self.scale * self.margins(x) + self.shift)


@dataclass(frozen=True)
class NBSVM(Algorithm):
    card: ClassVar = Card(
        id="nb_svm",
        name="naive-Bayes support vectors",
        year=2009,
        paper="Martineau & Finin, Delta TFIDF, ICWSM (2009)",
        tasks=frozenset({"classify"}),
        takes=frozenset({Takes.SPARSE, Takes.COUNTS}),
        loads=("sklearn.svm",),
    )
    fitted: ClassVar = Weighed
    variants: ClassVar = ({"C": 1.0}, {"C": 0.1})

    C: float = setting(0.3, "price of intruding on the street", low=0.01, high=10.0, log=True)
    smoothing: float = setting(1.0, "texts of every term imagined in each class", low=0.1, high=3.0, log=True)
    trust: float = setting(1.0, "share of the street's weights, the rest being naive Bayes's", low=0.25, high=1.0)

    def cost(self, job: Shape, on: Machine) -> Cost:
        n, d, k = job.rows, job.filled or job.width, job.outputs if job.outputs > 2 else 1
        passes = (PARTS + 1) * k * 20 * (0.5 + self.C)
        moved = (70.0 if k == 1 else 40.0) * n * d + 40.0 * n + 200.0 * job.width
        return Cost(0.01 + passes * moved / on.bandwidth, 25.0 * n * d + 40.0 * job.width * (k + 1) + 60.0 * n * k)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Weighed:
        x, y = checked(self.card, train, task)
        unit = units(x)
        found = self._part_classes(x, y, unit, task.outputs, clock)
        if not clock.tick(1, task.loss(y, found.answer(x))) or len(y) < 10:
            return found
        fold = np.empty(len(y), np.int64)
        fold[spread(y, len(y), np.random.default_rng(clock.seed))] = np.arange(len(y)) % PARTS
        margins = np.zeros((len(y), task.outputs))
        for part in range(PARTS):
            out = fold == part
            margins[out] = self._part_classes(x[~out], y[~out], unit, task.outputs, clock).margins(x[out])
            if clock.expired:
                return found
        scale, shift = platt(margins, y)
        return replace(found, scale=np.array([scale]), shift=shift)

    def _part_classes(self, x: Any, y: Array, unit: Array, k: int, clock: Clock) -> Weighed:
        """Each class parted from the others; a squash that is a guess."""
        there = presence(x)
        seen = there.T @ np.eye(k, dtype=np.float32)[y]
        classes = range(k) if k > 2 else (1,)
        telling = np.column_stack([_log_ratio(seen, c, self.smoothing) for c in classes]) * unit[:, None]
        weights, bias = np.zeros_like(telling), np.full(len(classes), -1.0, np.float32)
        for i, c in enumerate(classes):
            weights[:, i], bias[i] = self._street(there, y == c, telling[:, i], clock)
        return Weighed(np.square(telling), telling * weights, bias, np.array([2.0 if k > 2 else 1.0]), np.zeros(k))

    def _street(self, there: Any, inside: Array, telling: Array, clock: Clock) -> tuple[Array, float]:
        """The weights (d,) and the bias that part the rows of one class from the others."""
        from sklearn.svm import LinearSVC

        if inside.all() or not inside.any() or clock.expired:
            return np.zeros_like(telling), 1.0 if inside.all() else -1.0
        rows = there.copy()
        length = np.sqrt(np.maximum(there @ np.square(telling), 1e-12))
        rows.data = telling[there.indices] / np.repeat(length, np.diff(there.indptr))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # stopping at the most iterations is what they are for
            street = LinearSVC(C=self.C, max_iter=100, random_state=clock.seed).fit(rows, inside)
        weights = street.coef_[0]
        return self.trust * weights + (1 - self.trust) * np.abs(weights).mean(), float(street.intercept_[0])


def _log_ratio(seen: Array, c: int, smoothing: float) -> Array:
    """How much more of class c's terms each term is than of the other classes', as a logarithm; seen: (d, k)."""
    inside = seen[:, c] + smoothing
    outside = seen.sum(axis=1) - seen[:, c] + smoothing
    return (np.log(inside / inside.sum()) - np.log(outside / outside.sum())).astype(np.float32)
