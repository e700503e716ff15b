"""From a network's scores to answers: what every network has in common that classifies or says an amount.

Amounts are learned centred and scaled, and said in the target's units, within the range that was met. Classes are
learned with label smoothing, which draws the target for a class from 1 to 1 - e + e/c; the answer undoes just that.
It does not know which network it speaks for, nor what form of numbers that eats.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ..core.algorithm import State, Task
from ..core.numbers import Answer, Array
from .torch_loop import Trained

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Spoken(Trained):
    """A trained network that answers.

    task, design (arguments of what builds it), the target's centre, scale and range (regress), smoothing to be undone.
    """

    task: str
    design: dict[str, Any]
    centre: float = 0.0
    scale: float = 1.0
    low: float = 0.0
    high: float = 0.0
    smoothing: float = 0.0

    @classmethod
    def blank(
        cls, design: dict[str, Any], y: Array, task: Task, smoothing: float = 0.0, **more: Any
    ) -> tuple[Self, Array]:
        """The network without weights, and what it is to say of each example: int64 codes or float32. more: fields."""
        if task.id == "classify":
            return cls(weights={}, task=task.id, design=design, smoothing=smoothing, **more), np.asarray(y, np.int64)
        y = np.asarray(y, np.float64)
        ends = {
            "centre": float(y.mean()),
            "scale": float(y.std()) or 1.0,
            "low": float(y.min()),
            "high": float(y.max()),
        }
        blank = cls(weights={}, task=task.id, design=design, **ends, **more)
        return blank, ((y - blank.centre) / blank.scale).astype(np.float32)

    def spoken(self, scores: Array) -> Answer:
        """From scores (n, outputs) to answers; of (n, members, outputs) the mean of what the members say."""
        members = scores.ndim == 3
        if self.task == "regress":
            said = scores.mean(axis=1) if members else scores
            return np.clip(self.centre + self.scale * said, self.low, self.high)
        p = np.exp(scores - scores.max(axis=-1, keepdims=True, initial=-np.inf))
        p /= p.sum(axis=-1, keepdims=True)
        p = p.mean(axis=1) if members else p
        floor = self.smoothing / p.shape[1]
        p = np.maximum(p - floor, 0.02 * floor + 1e-9)
        return p / p.sum(axis=1, keepdims=True)


def begin_with(net: "nn.Module", start: State) -> int:
    """Copy into `net` the saved weights that fit, by name and shape, but for the head's; how many there were.

    A first layer of filters (`stem`) learned on another number of channels is averaged over them and repeated.
    """
    import torch

    copied = 0
    with torch.no_grad():
        for name, value in net.state_dict().items():
            saved = start.arrays.get(f"weights.{name}")
            if saved is None or name.startswith("head"):
                continue
            if name.startswith("stem") and saved.ndim == 4 == value.ndim and saved.shape[1] != value.shape[1]:
                saved = saved.mean(axis=1, keepdims=True).repeat(value.shape[1], 1) * saved.shape[1] / value.shape[1]
            if saved.shape == tuple(value.shape):
                value.copy_(torch.from_numpy(np.array(saved)))
                copied += 1
    return copied
