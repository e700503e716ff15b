"""Small algorithms that behave badly on purpose, importable by a worker."""

import os
import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ungated.core.algorithm import Algorithm, Card, Cost, Fitted
from ungated.core.numbers import Form


@dataclass(frozen=True)
class Regress:
    """As much of a task as a worker needs."""

    id: str = "regress"
    outputs: int = 1

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Regress":
        return cls(**values)

    def loss(self, y: Any, answer: Any) -> float:
        return float(np.mean(np.square(answer[:, 0] - y)))


@dataclass(frozen=True)
class Mean(Fitted):
    mean: float

    def answer(self, x: Any) -> Any:
        return np.full((len(x), 1), self.mean)


@dataclass(frozen=True)
class Behaves(Algorithm):
    """Does what `how` says, then learns the mean."""

    card: ClassVar = Card("behaves", "behaviour", 1950, "none", frozenset({"regress"}), Form.ROWS)
    fitted: ClassVar = Mean

    how: str = "well"

    def cost(self, job: Any, on: Any) -> Cost:
        return Cost(0.01, 1e6)

    def fit(self, train: Any, task: Any, clock: Any) -> Mean:
        getattr(self, f"_{self.how}")(clock)
        return Mean(float("nan") if self.how == "nan" else float(np.mean(train.y)))

    def _well(self, clock: Any) -> None:
        pass

    _nan = _well

    def _raise(self, clock: Any) -> None:
        raise ValueError("no such luck\nand more")

    def _print(self, clock: Any) -> None:
        os.write(1, b'{"done": "nonsense"}\n')
        print("noise", flush=True)

    def _hang(self, clock: Any) -> None:
        time.sleep(600)

    def _spin(self, clock: Any) -> None:
        10 ** (10**9)  # one instruction of the interpreter that runs for hours and lets no other thread in

    def _crash(self, clock: Any) -> None:
        os.kill(os.getpid(), 11)

    def _fill(self, clock: Any) -> None:
        kept = []
        while True:
            kept.append(np.ones(2**20))

    def _reserve(self, clock: Any) -> None:
        np.ones(2**36)

    def _step(self, clock: Any) -> None:
        for step in range(100):
            clock.tick(step, 1 / (step + 1))
            time.sleep(0.005)

    def _big(self, clock: Any) -> None:
        np.ones(12 * 2**20)

    def _slow(self, clock: Any) -> None:
        time.sleep(1)
