"""Thousands of small patterns, drawn at random, each laid along every example; a straight line weighs what they found.

Each row of the example is first averaged with its neighbours, so that a shape a little higher or lower is the same. A
few rows, drawn at random and each with a sign, are added up to one strip as wide as the example. Along it goes a kernel
of nine taps, six of them -1 and three of them 2, spread by a gap (its dilation) so that it sees short or long
stretches. What it says of the example is one number: at what share of the places the sum lies above a threshold that
was drawn from the training examples' own sums. Nothing here is learned; ridge regression then learns which of thousands
of such numbers speak for which answer. The classes' scores become probabilities by Platt's squash. Both it and the
strength of the ridge look only at scores that each example got from all the others (leave-one-out), which one matrix
decomposition gives for all.
The order of the rows means nothing to it, their place along the width little: it suits what has a shape over time, as
a spectrogram has, and pictures less.

The idea, on this shelf, is of 2009: filters that nobody trained, a bend, a pooling and a linear classifier were nearly
as good as trained ones. The kernels and the shares are those of MiniRocket (Dempster, Schmidt & Webb, "MiniRocket", KDD
2021), without which it would be far slower; the signs, and one set of rows for every few kernels, are ours.

Cost: O(n k w) time for k kernels over n examples of width w, then O(min(n, k)² max(n, k)) for the ridge.
Paper: Jarrett, Kavukcuoglu, Ranzato & LeCun, "What is the Best Multi-Stage Architecture for Object Recognition?", ICCV
2009.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar, Self

import numpy as np

from ...core.algorithm import Algorithm, Card, Cost, Fitted, Machine, Task, setting
from ...core.clock import Clock
from ...core.numbers import Answer, Array, Form, Numbers, Shape
from ...engines.linear import platt, softmax
from ...engines.pixels import checked
from ...engines.ridge import JUDGED, flops, ridge
from ...engines.rows import one_hot

TAPS = 9
THREES = np.array(list(combinations(range(TAPS), 3)), np.int64)  # where a kernel has its 2s: 84 kernels
TOGETHER = 8  # kernels that share a strip
MOST_ROWS = 6  # in a strip: more would not fit in int16, nor would they help
CELLS = 11  # heights of a row in an example, once it is averaged with its neighbours
SEEN = 8  # examples from whose sums a threshold is drawn
AT_ONCE = 2**15  # numbers of a strip worked on at a time, which stay in the processor's cache
PILOT = 300  # examples on which its speed is measured where the clock is short
SLOWEST = 1.5e10  # operations a second that any processor does in a matrix product


@dataclass(frozen=True)
class Kernels:
    """Random kernels. rows int32 and signs int16 (strips, MOST_ROWS): rows of a strip, sign 0 for none; gaps int32
    (strips,); threes int32 (strips, TOGETHER): indices of THREES; thresholds int16 (strips, TOGETHER).
    """

    rows: Array
    signs: Array
    gaps: Array
    threes: Array
    thresholds: Array

    @classmethod
    def drawn(cls, strips: int, examples: Array, rng: np.random.Generator) -> Self:
        """Thresholds from `examples`, int16 (rows, width, n)."""
        rows, width, n = examples.shape
        used = rng.integers(1, min(MOST_ROWS, rows) + 1, size=strips)
        signs = rng.choice(np.array([-1, 1], np.int16), (strips, MOST_ROWS))
        signs[np.arange(MOST_ROWS) >= used[:, None]] = 0
        chosen = np.array([np.resize(rng.permutation(rows)[:MOST_ROWS], MOST_ROWS) for _ in range(strips)], np.int32)
        widest = max(1, (width - 1) // (TAPS - 1))
        gaps = (2 ** rng.uniform(0, np.log2(widest + 0.999), size=strips)).astype(np.int32)
        threes = np.array([rng.permutation(len(THREES))[:TOGETHER] for _ in range(strips)], np.int32)
        kernels = cls(chosen, signs, gaps, threes, np.zeros((strips, TOGETHER), np.int16))
        seen, shares = rng.integers(n, size=(strips, SEEN)), rng.random((strips, TOGETHER))
        for strip in range(strips):
            for j, sums in enumerate(kernels.sums(strip, examples[:, :, seen[strip]])):
                kernels.thresholds[strip, j] = np.quantile(sums, shares[strip, j])
        return kernels

    def sums(self, strip: int, x: Array) -> Iterator[Array]:
        """What each kernel of one strip adds up to at each place, int16 (places, n) for x int16 (rows, width, n).

        Taps beyond an edge see 0; every other kernel has only the places without such taps. A kernel of -1 and 2 is
        three times its 2s less the sum of all taps, which those that share a strip share. The array is used again.
        """
        gap, width = int(self.gaps[strip]), x.shape[1]
        edge = gap * (TAPS // 2)
        padded = np.zeros((width + 2 * edge, x.shape[2]), np.int16)
        line = padded[edge : edge + width]
        for row, sign in zip(self.rows[strip], self.signs[strip], strict=True):
            if sign:
                (np.add if sign > 0 else np.subtract)(line, x[row], out=line)
        taps = [padded[j * gap : j * gap + width] for j in range(TAPS)]
        less = -taps[0]
        for tap in taps[1:]:
            less -= tap
        padded *= 3
        sums = np.empty_like(less)
        for three in self.threes[strip]:
            first, second, third = THREES[three]
            np.add(less, taps[first], out=sums)
            sums += taps[second]
            sums += taps[third]
            yield sums[edge : width - edge] if three % 2 and width > 2 * edge else sums

    def shares(self, x: Array) -> Array:
        """float32 (n, kernels) for x int16 (rows, width, n)."""
        found = np.empty((self.threes.size, x.shape[2]), np.float32)
        for strip in range(len(self.rows)):
            for j, sums in enumerate(self.sums(strip, x)):
                np.divide(_count(sums > self.thresholds[strip, j]), len(sums), out=found[strip * TOGETHER + j])
        return found.T


def _count(above: Array) -> Array:
    """How many of bool (places, n) are true, by n; 255 places at a time, as many as a byte can count."""
    ones = above.view(np.uint8)
    parts = [np.add.reduce(ones[i : i + 255], axis=0, dtype=np.uint8) for i in range(0, len(ones), 255)]
    return parts[0] if len(parts) == 1 else np.asarray(np.sum(parts, axis=0, dtype=np.uint32))


@dataclass(frozen=True)
class Convolved(Fitted):
    """Kernels, and the weights of what they find.

    low, step: pixels that are not bytes become (x - low) / step, cut to 0 to 255. rows, signs, gaps, threes,
    thresholds: of `Kernels`. weights float32 (kernels, outputs), bias float64 (outputs,). scale, shift (outputs,):
    Platt's, or for regress the spread and the mean of the target.
    """

    task: str
    low: float
    step: float
    rows: Array
    signs: Array
    gaps: Array
    threes: Array
    thresholds: Array
    weights: Array
    bias: Array
    scale: float
    shift: Array

    def answer(self, x: Array) -> Answer:
        kernels = Kernels(self.rows, self.signs, self.gaps, self.threes, self.thresholds)
        scores = np.empty((len(x), len(self.bias)))
        for part in _parts(x):
            scores[part] = kernels.shares(_strips(x[part], self.low, self.step)) @ self.weights + self.bias
        said = self.scale * scores + self.shift
        return said if self.task == "regress" else softmax(said) if len(x) else said


def _strips(x: Array, low: float, step: float) -> Array:
    """Examples (n, channels, height, width) as int16 (rows, width, n) from 0 to 255: rows of all channels alike."""
    if x.dtype != np.uint8:
        x = np.clip((np.asarray(x, np.float32) - low) / step, 0, 255)
    n, _, height, width = x.shape
    rows = np.ascontiguousarray(x.transpose(1, 2, 3, 0), np.int16)
    thick = max(1, round(height / CELLS))
    mean = sum(rows[:, i : height - thick + 1 + i] for i in range(thick)) // thick
    return np.asarray(mean).reshape(-1, width, n)


def _parts(x: Array) -> list[slice]:
    step = max(16, AT_ONCE // max(1, x.shape[-1]))
    return [slice(i, i + step) for i in range(0, len(x), step)]


@dataclass(frozen=True)
class RandomConvolutions(Algorithm):
    card: ClassVar = Card(
        id="random_convolutions",
        name="random convolutions",
        year=2009,
        paper="Jarrett et al., What is the Best Multi-Stage Architecture for Object Recognition?, ICCV (2009)",
        tasks=frozenset({"classify", "regress"}),
        form=Form.PIXELS,
        loads=("scipy.linalg", "scipy.optimize"),
    )
    fitted: ClassVar = Convolved
    variants: ClassVar[tuple[Mapping[str, Any], ...]] = ({"kernels": 12_000}, {"kernels": 1500})

    kernels: int = setting(6000, "how many random kernels", low=200, high=20_000, log=True)

    def cost(self, job: Shape, on: Machine) -> Cost:
        n, k = job.rows, TOGETHER * max(1, self.kernels // TOGETHER)
        width = job.size[-1] if job.size else job.width
        small = min(n, k)
        found = 6e-5 * k + 8.0 * n * k * (width + 20) / on.bandwidth  # drawn, then counted
        kept = 4.0 * k * (2 * n if n <= k else JUDGED)
        seconds = 0.05 + found + flops(n, k) / (on.gflops * 1e9)
        return Cost(seconds, 16.0 * small**2 + kept + 4.0 * job.width * 2**10)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Convolved:
        x, y = checked(self.card, train, task)
        rng = np.random.default_rng(clock.seed)
        low, step = _scale(x)
        few = _strips(x[rng.permutation(len(x))[:PILOT]], low, step)
        strips, rows = self._affordable(few, len(x), clock)
        if rows < len(x):
            chosen = rng.permutation(len(x))[:rows]
            x, y = x[chosen], y[chosen]
        kernels = Kernels.drawn(strips, few, rng)
        found = (kernels.shares(_strips(x[part], low, step)) for part in _parts(x))
        level, spread = (float(y.mean()), float(y.std()) or 1.0) if task.id == "regress" else (0.0, 1.0)
        target = (y[:, None] - level) / spread if task.id == "regress" else 2 * one_hot(y, task.outputs) - 1
        fit = ridge(found, target, kernels.threes.size, clock.tick, rng)
        scale, shift = (spread, np.array([level])) if task.id == "regress" else _squash(fit.scores, y[fit.judged])
        return Convolved(
            task.id, low, step, **vars(kernels), weights=fit.weights, bias=fit.bias, scale=scale, shift=shift
        )

    def _affordable(self, few: Array, n: int, clock: Clock) -> tuple[int, int]:
        """As many strips, then rows, as the clock allows by the time that a few took."""
        strips = max(1, self.kernels // TOGETHER)
        if clock.seconds == float("inf"):
            return strips, n
        least = min(16, strips)
        began = clock.spent()
        Kernels.drawn(least, few, np.random.default_rng(0)).shares(few)
        each, left = (clock.spent() - began) / few.shape[2] / least, max(clock.left(), 0)
        while strips > least and n * strips * each + flops(n, strips * TOGETHER) / SLOWEST > 0.7 * left:
            strips = max(least, int(0.8 * strips))
        return strips, min(n, max(PILOT, int(0.7 * left / each / strips)))


def _squash(scores: Array, y: Array) -> tuple[float, Array]:
    """Platt's, with biases held near 0: what they would gain on known speakers or places is lost on others."""
    return platt(scores, y, pull=max(1.0, len(y) / 100))


def _scale(x: Array) -> tuple[float, float]:
    """What to subtract from pixels and to divide them by, so that they go from 0 to 255; bytes do already."""
    if x.dtype == np.uint8:
        return 0.0, 1.0
    low, high = float(x.min()), float(x.max())
    return low, max((high - low) / 255, 1e-12)
