"""A network that must say a row again after squeezing it through a narrow middle: what both its users share.

What the middle cannot hold is what is particular to a row, so what comes out is what rows have in common. It learns
from rows with a little noise, and is to say them without it. It knows neither whether its errors are asked for
(detection) nor its middle (maps, and vectors to reuse).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.algorithm import Machine, watch_split
from ..core.clock import Clock
from ..core.numbers import Array, Floats, Numbers, Shape
from .torch_loop import Schedule, Trained, answers, descend, from_arrays, session, to_arrays

if TYPE_CHECKING:
    from torch import Tensor, nn

NOISE = 0.1  # standard deviations of a column, added to what it learns from
AT_ONCE = 4096


def network(width: int, hidden: int, middle: int) -> Any:
    """The untrained network: x (n, width) float32 to the same shape; `code` gives its middle (n, middle)."""
    from torch import nn

    def floor(into: int, out: int) -> "nn.Module":
        return nn.Sequential(nn.Linear(into, out), nn.LayerNorm(out), nn.SiLU())

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.down = nn.Sequential(floor(width, hidden), floor(hidden, hidden // 2), nn.Linear(hidden // 2, middle))
            self.up = nn.Sequential(floor(middle, hidden // 2), floor(hidden // 2, hidden), nn.Linear(hidden, width))

        def code(self, x: "Tensor") -> "Tensor":
            found: Tensor = self.down(x)
            return found

        def forward(self, x: "Tensor") -> "Tensor":
            said: Tensor = self.up(self.down(x))
            return said

    return Network()


@dataclass(frozen=True)
class Squeezed(Trained):
    """The trained network, `design` being arguments of `network`; centre, scale float32 (d,) of the columns."""

    design: dict[str, int]
    centre: Array
    scale: Array

    @cached_property
    def net(self) -> "nn.Module":
        return from_arrays(network(**self.design), self.weights)

    def standard(self, x: Array) -> Array:
        """Columns centred and scaled, as the network takes them."""
        return ((np.asarray(x, np.float32) - self.centre) / self.scale).astype(np.float32)

    def said_again(self, x: Array) -> Floats:
        """What the network makes of rows, standard, float64 (n, d)."""
        with session(threads=1):
            return answers(self.net, self.standard(x), AT_ONCE)

    def codes(self, x: Array) -> Floats:
        """What the middle holds of rows, float64 (n, middle)."""
        import torch

        with session(threads=1), torch.inference_mode():
            rows, net = self.standard(x), self.net
            parts = [net.code(torch.from_numpy(rows[i : i + AT_ONCE])) for i in range(0, max(len(rows), 1), AT_ONCE)]  # type: ignore[operator]
            return torch.cat(parts).double().numpy()


def schedule(rows: int, effort: float) -> Schedule:
    """Passes and steps for so many rows."""
    epochs = max(3.0, effort * min(400.0, 300_000 / max(rows, 1)))
    return Schedule(round(epochs), int(np.clip(rows // 16, 16, 256)), rate=3e-3, decay=0.01, watches=25, patience=6)


def squeeze(
    train: Numbers, x: Array, design: dict[str, int], plan: Schedule, task: Any, clock: Clock
) -> tuple[dict[str, Array], Array, Array]:
    """Learn to say the rows x again: the weights, and the centre and scale of the columns."""
    centre = x.mean(axis=0, dtype=np.float64).astype(np.float32)
    scale = x.std(axis=0, dtype=np.float64).astype(np.float32)
    scale = np.where(scale > 1e-6, scale, 1).astype(np.float32)
    rows = Numbers(train.form, ((x - centre) / scale).astype(np.float32), np.zeros(len(x)))
    learn, watched = watch_split(rows, task, clock.seed) if len(rows) > 9 else (rows, rows)
    with session(clock.threads, clock.seed):
        import torch

        net = network(**design)

        def loss(net: "nn.Module", clean: "Tensor") -> "Tensor":
            return (net(clean + NOISE * torch.randn_like(clean)) - clean).square().mean()

        def error_watched(net: "nn.Module") -> float:
            return float(np.square(answers(net, watched.x) - watched.x).mean())

        descend(net, (torch.from_numpy(np.array(learn.x)),), loss, error_watched, plan, clock)
        return to_arrays(net), centre, scale


def seconds(job: Shape, hidden: int, plan: Schedule, on: Machine) -> float:
    """What `squeeze` takes on one thread."""
    steps = plan.epochs * -(-job.rows // plan.batch)
    weights = 2 * job.width * hidden + 1.2 * hidden * hidden
    return (
        0.5 + plan.epochs * job.rows * 8 * weights / (on.gflops * 1e9) + steps * (2e-3 + 40.0 * weights / on.bandwidth)
    )
