"""LightGBM behind a saved form: its trees as text, read again to answer, and the watch that stops their growing."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..core.algorithm import Fitted, Text
from ..core.clock import Clock
from ..core.numbers import Answer, Array
from .level_means import LevelMeans


@dataclass(frozen=True)
class Boosted(Fitted):
    """trees: LightGBM's text. outputs: columns of an answer. level, spread: undo the standardised target of regress.

    places, means: of the `LevelMeans` that the trees were grown with; empty for none.
    """

    trees: Text
    outputs: int
    level: float
    spread: float
    places: Array = field(default_factory=lambda: np.empty(0, np.int64))
    means: Array = field(default_factory=lambda: np.empty((0, 2), np.float32))

    @cached_property
    def _booster(self) -> Any:
        import lightgbm

        return lightgbm.Booster(model_str=str(self.trees))

    def answer(self, x: Array) -> Answer:
        if len(x) == 0:
            return np.empty((0, self.outputs))
        x = LevelMeans(self.places, self.means).beside(np.asarray(x, np.float32))
        raw = np.asarray(self._booster.predict(x, num_threads=1), np.float64)
        if self.outputs == 1:
            return self.level + self.spread * raw[:, None]
        return raw if raw.ndim == 2 else np.column_stack([1 - raw, raw])


class Watch:
    """Called by LightGBM after each round: notes the watched error, and says when to stop."""

    order = 30
    before_iteration = False

    def __init__(self, clock: Clock, patience: int, spread: float) -> None:
        self.clock, self.patience, self.spread = clock, patience, spread
        self.least, self.best = np.inf, 0

    def __call__(self, env: Any) -> None:
        from lightgbm.callback import EarlyStopException

        done = env.iteration + 1
        stop = self.clock.expired
        if env.evaluation_result_list:
            _, name, error, _ = env.evaluation_result_list[0][:4]
            if error < self.least:
                self.least, self.best = error, done
            if done % 10 == 0:
                self.clock.tick(done, np.sqrt(error) * self.spread if name == "l2" else error)
            stop = stop or done - self.best >= self.patience
        if stop:
            raise EarlyStopException(max(self.best or done, 1) - 1, [])
