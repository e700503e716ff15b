"""Keep neighbours together and let all others push apart: t-distributed stochastic neighbour embedding.

Around every row stands a bell, as wide as it must be for about thirty rows to lie under it; how much of the bell each
other row gets is how close a neighbour it is. On the map the same is told by a curve with heavy tails. Then the points
move until both tell the same: each is drawn to its neighbours and pushed by everyone, and the heavy tails leave room
between what only seemed close. In the first steps the pull is exaggerated, so that clusters gather before they part.
What lies near on the map is near; how far islands lie from one another means little.
A new row is placed among its nearest known rows.

Cost: O(n² d) time to find neighbours among n rows (O(n log n) in few columns), O(500 (90 n + g log g)) to move, where
the push of all on all goes over a grid of g knots (see engines/push.py); O(n (d + 90)) memory.
Paper: van der Maaten & Hinton, "Visualizing Data using t-SNE", Journal of Machine Learning Research 9, 2008
(rate: Belkina et al. 2019; first places: Kobak & Berens 2019).
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...core.algorithm import Algorithm, Card, Cost, Machine, Task, setting
from ...core.clock import Clock
from ...core.numbers import Array, Floats, Numbers, Shape
from ...engines import neighbours
from ...engines.neighbours import Neighbours
from ...engines.pace import paced
from ...engines.placing import Placed, turned
from ...engines.push import EXACT, push
from ...engines.rows import checked
from ...engines.unusual import some

MOST_KNOWN = 30_000
MOST_SOLID = 3000  # where a map has more than two dimensions
MOST_AXES = 100
STEPS, EARLY = 500, 1 / 3  # of which the pull is exaggerated at first
EXAGGERATED = 12.0
HALVINGS = 40  # of the interval in which a bell's width is looked for
STILL = 1e-7  # a smaller push on average means that nothing moves any more


@dataclass(frozen=True)
class TSNE(Algorithm):
    card: ClassVar = Card(
        id="t_sne",
        name="t-SNE",
        year=2008,
        paper="van der Maaten & Hinton, Visualizing Data using t-SNE, JMLR 9 (2008)",
        tasks=frozenset({"embed"}),
        loads=("sklearn.neighbors", "scipy.sparse.linalg", "scipy.fft"),
        answers_with=("sklearn.neighbors",),
        anytime=True,
    )
    fitted: ClassVar = Placed
    variants: ClassVar = ({"perplexity": 12.0},)

    perplexity: float = setting(30.0, "how many rows lie under a bell, about")

    def cost(self, job: Shape, on: Machine) -> Cost:
        n, d = min(job.rows, self._most(job.outputs)), min(job.width, MOST_AXES)
        turning = (2.0 * min(n, 20_000) * job.width**2 + 4.0 * n * job.width * d) / (on.gflops * 1e9)
        found = neighbours.seconds(n, n, d, int(3 * self.perplexity), on)
        pulled = n * 5 * self.perplexity * 0.05 / (on.scalar * 1e6)
        pairs, grid = 0.05 * n * min(n, EXACT), 45_000 + 6.0 * n
        pushed = (pairs if n <= EXACT or job.outputs != 2 else grid) / (on.scalar * 1e6)
        return Cost(
            0.05 + turning + found + STEPS * (pulled + pushed), 4e7 + n * (24.0 * job.width + 60 * self.perplexity)
        )

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Placed:
        x = some(checked(self.card, train, task)[0], self._most(task.outputs), clock.seed)
        rows, middle, axes = turned(x, MOST_AXES, clock.seed)
        rng = np.random.default_rng(clock.seed)
        place = _first_places(rows, task.outputs, rng)
        if len(x) > 3:
            place = _move(place, likeness(rows.astype(np.float32), min(self.perplexity, (len(x) - 1) / 3)), clock)
        return Placed(rows.astype(np.float32), place.astype(np.float32), middle, axes)

    def _most(self, dims: int) -> int:
        return MOST_KNOWN if dims == 2 else MOST_SOLID


def _first_places(rows: Floats, dims: int, rng: np.random.Generator) -> Floats:
    use = min(dims, rows.shape[1])
    place = np.pad(rows[:, :use], ((0, 0), (0, dims - use))) / max(float(rows[:, 0].std()), 1e-9)
    return np.asarray(1e-4 * (place + 0.01 * rng.normal(size=place.shape)))


def likeness(rows: Array, perplexity: float) -> Any:
    """How close neighbours rows are, csr_array float64 (n, n) that adds up to 1, the same both ways."""
    from scipy.sparse import csr_array

    index, distance = Neighbours(rows).of(rows, int(3 * perplexity) or 1)
    n, k = index.shape
    shares = bells(np.square(distance), perplexity)
    one = csr_array((shares.ravel(), index.ravel().astype(np.int32), np.arange(0, n * k + 1, k)), shape=(n, n))
    both = csr_array(one + one.T)
    both.sum_duplicates()
    return csr_array(both / both.sum())


def bells(squares: Floats, perplexity: float) -> Floats:
    """Each row's bell over its neighbours' squared distances (n, k), as wide as gives it that perplexity."""
    offset = squares - squares[:, :1]
    low, high = np.full((2, len(squares), 1), [[[1e-12]], [[1e12]]]) / np.maximum(offset.mean(axis=1), 1e-12)[:, None]
    for _ in range(HALVINGS):
        sharp = np.sqrt(low * high)
        bell = np.exp(-offset * sharp)
        total = bell.sum(axis=1, keepdims=True)
        entropy = np.log(total) + sharp * (bell * offset).sum(axis=1, keepdims=True) / total
        wide = entropy > np.log(perplexity)
        low, high = np.where(wide, sharp, low), np.where(wide, high, sharp)
    return np.asarray(bell / total)


def _move(place: Floats, likeness: Any, clock: Clock) -> Floats:
    """The places after all steps, or as many as the clock allows."""
    n, company = len(place), np.diff(likeness.indptr)
    pulls, shares = likeness.astype(np.float32), likeness.data.astype(np.float32)
    speed, gain, rate = np.zeros_like(place), np.ones_like(place), max(n / EXAGGERATED / 4, 50.0)
    for progress in paced(STEPS, clock):
        early = progress < EARLY
        drawn = place.astype(np.float32)
        far = sum(np.square(np.repeat(c, company) - c[likeness.indices]) for c in np.ascontiguousarray(drawn.T))
        np.divide(shares, 1 + far, out=pulls.data)
        pulled = place * pulls.sum(axis=1)[:, None] - pulls @ drawn
        pushed, total = push(place)
        exaggerated = EXAGGERATED if early else 1.0
        gradient = 4 * (exaggerated * pulled - pushed / max(total, 1e-12))
        gain = np.maximum(np.where(np.sign(gradient) != np.sign(speed), gain + 0.2, gain * 0.8), 0.01)
        speed = (0.5 if early else 0.8) * speed - rate * gain * gradient
        place = place + speed
        place -= place.mean(axis=0)
        if not early and np.abs(gradient).mean() < STILL / n:
            break
    return place
