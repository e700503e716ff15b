"""Each item told from all the others: the best straight line from what a basket holds to what it should hold.

An autoencoder gives back what it was given. This one has no hidden layer, and one rule: no item may be told from
itself. What is left to learn is how much each item speaks for or against each other one, all taken together: butter
speaks for bread, but less so once jam has spoken. That is least squares with a leash and a forbidden diagonal, and its
answer has a closed form: one inverse of the table of how often any two items meet. It recommends as well as many deep
networks, and better than rules, which each see but one reason at a time. Rules it tells all the same, found beside it.

Cost: O(items³) time, O(items²) memory, whatever the number of baskets.
Paper: Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...core.algorithm import Algorithm, Card, Cost, Machine, Task, setting
from ...core.clock import Clock
from ...core.errors import UsageError
from ...core.numbers import Array, Floats, Form, Numbers, Shape
from ...engines.recommend import Recommender, check, found

MOST_ITEMS = 3000  # the commonest: others neither speak nor are offered


@dataclass(frozen=True)
class Lines(Recommender):
    """kept: int64 (k,), the items that speak, rising. weights: float32 (k, k), how much each says for each.

    base: float64 (k,), what each is worth before any has spoken.
    """

    kept: Array
    weights: Array
    base: Floats

    @property
    def offered(self) -> Array:
        return self.kept

    def scores(self, x: Any) -> Floats:
        return np.asarray(x[:, self.kept] @ self.weights) + self.base


@dataclass(frozen=True)
class ShallowAutoencoder(Algorithm):
    card: ClassVar = Card(
        id="shallow_autoencoder",
        name="shallow autoencoder",
        year=2019,
        paper="Steck, Embarrassingly shallow autoencoders for sparse data, WWW (2019)",
        tasks=frozenset({"associate"}),
        form=Form.ITEMS,
        loads=("scipy.sparse", "scipy.special", "scipy.linalg"),
    )
    fitted: ClassVar = Lines
    variants: ClassVar = ({"strength": 200.0}, {"strength": 15.0})

    strength: float = setting(50.0, "pull of the weights to zero, in baskets")
    support: float = setting(0.0, "share (or, from 1, number) of baskets that hold a frequent set; 0 chooses")
    confidence: float = setting(0.0, "how sure a rule must be to be told")

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self.card, self.support, self.confidence)
        if not isinstance(self.strength, int | float) or not 0 < self.strength < 1e9:
            raise UsageError(f"{self.card.id}: strength is a number above 0, as 50; not {self.strength!r}.")

    def cost(self, job: Shape, on: Machine) -> Cost:
        entries = job.rows * max(job.filled, 1.0)
        pairs = entries * max(job.filled, 1.0)
        k = min(job.width, MOST_ITEMS)
        seconds = 0.03 + (60 * entries + 75 * pairs) / on.bandwidth + 4e-9 * k**3 / on.gflops
        return Cost(seconds, 3e7 + 60.0 * entries + 40.0 * k * k)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Lines:
        rules = found(self.card, train, clock, self.support)
        share = rules.counts / rules.baskets
        kept = np.sort(np.argsort(-rules.counts, kind="stable")[:MOST_ITEMS])
        kept = kept[rules.counts[kept] > 0]
        weights = _weights(train.x[:, kept], share[kept], self.strength)
        base = share[kept] - share[kept] @ weights
        return Lines(**rules.fields(self.confidence), kept=kept, weights=weights.astype(np.float32), base=base)


def _weights(x: Any, share: Floats, strength: float) -> Floats:
    """How much each item says for each, (k, k): of centred items, so that what is common need not be learned."""
    entries = x.astype(np.float64)
    meet = (entries.T @ entries).toarray() - x.shape[0] * np.outer(share, share)
    meet[np.diag_indices_from(meet)] += strength
    inverse = _inverse(meet) if len(meet) else meet
    weights = -inverse / np.diag(inverse)
    weights[np.diag_indices_from(weights)] = 0.0
    return np.asarray(weights)


def _inverse(a: Floats) -> Floats:
    """The inverse of a symmetric matrix with a strong diagonal, by its Cholesky factor."""
    from scipy.linalg import lapack

    factor, failed = lapack.dpotrf(a, lower=1)
    lower, failed_too = lapack.dpotri(factor, lower=1, overwrite_c=1)
    if failed or failed_too:
        return np.asarray(np.linalg.inv(a))
    return np.asarray(np.tril(lower) + np.tril(lower, -1).T)
