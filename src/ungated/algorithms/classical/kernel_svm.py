"""Bend the street: compare each row with remembered ones, and lay the widest street in the space of those likenesses.

The likeness of two rows is exp(-gamma · squared distance): 1 for twins, 0 for strangers. A weighted sum of likenesses
to some of the known rows (the support vectors) bends around any cloud, yet finding the weights is the same well-behaved
problem as for a straight street. With more than two classes every pair of them has a street of its own, and a class is
as likely as its duels say. Platt's squash, fitted on watched rows, makes probabilities of that.
It compares all rows with all rows. Past ten thousand or so others are quicker; where the clock does not allow all rows
it learns from as many as it does.

Cost: O(n² d) time for each pair's n rows, O(n d) memory and a cache of likenesses.
Paper: Boser, Guyon & Vapnik, "A Training Algorithm for Optimal Margin Classifiers", COLT 1992.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, ClassVar

import numpy as np

from ...core.algorithm import Algorithm, Card, Cost, Machine, Task, setting, watch_split
from ...core.clock import Clock
from ...core.numbers import Numbers, Shape
from ...engines.kernel import AT_ONCE, Duels
from ...engines.linear import platt
from ...engines.rows import checked

CACHE = 200  # megabytes of likenesses kept
PILOT = 1000  # rows on which its speed is measured where the clock is short, and how far its answers lag the mean
SMALL = 3000  # up to so many rows, all of them are learned from again after the squash


@dataclass(frozen=True)
class KernelSVM(Algorithm):
    card: ClassVar = Card(
        id="kernel_svm",
        name="kernel support vectors",
        year=1992,
        paper="Boser, Guyon & Vapnik, A Training Algorithm for Optimal Margin Classifiers, COLT (1992)",
        tasks=frozenset({"classify", "regress"}),
        loads=("sklearn.svm",),
    )
    fitted: ClassVar = Duels
    variants: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"C": 20.0, "reach": 2.0, "tube": 0.3},
        {"C": 1.0, "tube": 0.3},
        {"C": 1.0, "reach": 0.5},
        {"C": 50.0, "reach": 3.0, "tube": 0.2},
    )

    C: float = setting(3.0, "price of intruding on the street", low=0.1, high=100.0, log=True)
    reach: float = setting(1.0, "how far a likeness reaches, as a share of the usual", low=0.3, high=4.0, log=True)
    tube: float = setting(
        0.1, "errors that cost nothing, in standard deviations of an amount", low=0.01, high=0.5, tasks=("regress",)
    )

    def cost(self, job: Shape, on: Machine) -> Cost:
        n, d, k = job.rows, job.width, max(job.outputs, 2)
        pairs, rows = k * (k - 1) / 2, 2.0 * n / k
        classify = job.task == "classify"
        pair = 1e-3 + rows**2 * (d + 20) * (3.5e-9 if classify else 7.5e-9) / on.scalar
        seconds = (2 if classify and n <= SMALL else 1) * pairs * pair
        return Cost(
            0.01 + seconds,
            min(CACHE * 1e6, 4.0 * rows**2) + min(3.0 * n * n, 12.0 * AT_ONCE) + 16.0 * n * d + 4.0 * n * (pairs + k),
        )

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Duels:
        x, y = checked(self.card, train, task)
        level, spread = (float(y.mean()), float(y.std()) or 1.0) if task.id == "regress" else (0.0, 1.0)
        y = (y - level) / spread if task.id == "regress" else y
        gamma = 1 / (self.reach**2 * max(float(x.var(axis=0).sum()), 1e-6))
        whole = self._affordable(Numbers(train.form, x, y, train.columns), task, gamma, clock)
        if task.id == "regress":
            duels = replace(self._duel(whole, task, gamma, clock), level=level, scale=spread)
            return replace(duels, level=level + self._lag(duels, whole, spread, level, clock))
        if len(whole) < 10:
            return self._duel(whole, task, gamma, clock)
        part, watched = watch_split(whole, task, clock.seed, 0.1 if len(whole) > 5000 else 0.25)
        began = clock.spent()
        duels = self._duel(part, task, gamma, clock)
        scale, shift = platt(duels.margins(watched.x), watched.y)
        clock.tick(len(part), task.loss(watched.y, replace(duels, scale=scale, shift=shift).answer(watched.x)))
        if len(whole) <= SMALL and clock.left() > 2 * (clock.spent() - began):
            duels = self._duel(whole, task, gamma, clock)
        return replace(duels, scale=scale, shift=shift)

    def _lag(self, duels: Duels, whole: Numbers, spread: float, level: float, clock: Clock) -> float:
        """How far answers lie below the rows' mean: the price of errors draws them to the median instead."""
        some = (
            whole
            if len(whole) <= PILOT
            else whole.take(np.random.default_rng(clock.seed).permutation(len(whole))[:PILOT])
        )
        return float(np.mean(level + spread * some.y - duels.answer(some.x)[:, 0]))

    def _affordable(self, whole: Numbers, task: Task, gamma: float, clock: Clock) -> Numbers:
        """All rows, or as many as the clock allows by the time that a few take; the time grows as their square."""
        if clock.seconds == float("inf") or len(whole) <= PILOT:
            return whole
        _, pilot = watch_split(whole, task, clock.seed, PILOT / len(whole))
        began = clock.spent()
        self._duel(pilot, task, gamma, clock)
        most = int(len(pilot) * (max(clock.left(), 0) / 3 / max(clock.spent() - began, 1e-3)) ** 0.5)
        return pilot if most <= len(pilot) else watch_split(whole, task, clock.seed, min(1, most / len(whole)))[1]

    def _duel(self, part: Numbers, task: Task, gamma: float, clock: Clock) -> Duels:
        """One machine a pair of classes (or the one machine of regress), all over the same remembered rows."""
        from sklearn.svm import SVC, SVR

        how: dict[str, Any] = {"C": self.C, "gamma": gamma, "cache_size": CACHE, "max_iter": 200 * len(part) + 10_000}
        pairs = [(0, 0)] if task.id == "regress" else list(combinations(np.unique(part.y).tolist(), 2))
        weights, bias = np.zeros((len(part), len(pairs)), np.float32), np.zeros(len(pairs))
        for at, (one, other) in enumerate(pairs):
            rows = (
                np.flatnonzero((part.y == one) | (part.y == other)) if task.id == "classify" else np.arange(len(part))
            )
            machine = SVR(epsilon=self.tube, **how) if task.id == "regress" else SVC(**how)
            machine.fit(part.x[rows], part.y[rows])
            weights[rows[machine.support_], at] = machine.dual_coef_[0]
            bias[at] = machine.intercept_[0]
        used = np.flatnonzero(np.any(weights != 0, axis=1))
        duels = np.array(pairs, np.int32).reshape(-1, 2)
        present = np.bincount(part.y, minlength=task.outputs) > 0 if task.id == "classify" else np.ones(1, bool)
        return Duels(part.x[used], weights[used], bias, duels, present, gamma, 1.0, np.zeros(task.outputs), 0.0)
