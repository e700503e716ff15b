"""One training loop for every network: seeds, minibatches, a schedule that fits the clock, averaged weights.

The loop knows no network and no task. It is handed a module, tensors to learn from, a loss for a minibatch and an error
to watch; it leaves the best weights in the module. `Trained` is the other half: a fitted network as named arrays, which
go to safetensors and come back without running anything.

Importing this page does not import torch; calling it does.
"""

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ..core.algorithm import Fitted, State
from ..core.clock import Clock
from ..core.errors import UngatedError
from ..core.numbers import Array
from .extras import require

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Schedule:
    """How a network is trained.

    epochs: passes over the rows, where the clock allows them. batch: rows a step. rate: the highest learning rate.
    decay: pull of matrices to zero (AdamW). warm: share of the schedule in which the rate rises; it then falls along a
    half cosine. watches: times the error is looked at, at most once an epoch where epochs are fewer.
    patience: watches without improvement after which training stops.
    """

    epochs: int
    batch: int
    rate: float
    decay: float = 0.0
    warm: float = 0.1
    watches: int = 40
    patience: int = 12

    def rate_at(self, progress: float) -> float:
        """The learning rate at `progress`, 0 to 1."""
        if progress < self.warm:
            return self.rate * (progress / self.warm)
        return self.rate * 0.5 * (1 + math.cos(math.pi * (progress - self.warm) / (1 - self.warm)))


@contextmanager
def session(threads: int, seed: int | None = None) -> Iterator[None]:
    """Torch on that many threads, its random numbers from `seed`; both as they were afterwards.

    Raises MissingExtra where torch is not installed.
    """
    require("modern")
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng(devices=[], enabled=seed is not None):
            if seed is not None:
                torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(before)


def descend(
    net: "nn.Module",
    learn: Sequence["Tensor"],
    loss: Callable[..., "Tensor"],
    watch: Callable[["nn.Module"], float],
    plan: Schedule,
    clock: Clock,
) -> None:
    """Train `net` in place and leave in it the averaged weights whose watched error was least.

    learn: tensors of equal length, cut into minibatches together. loss(net, *minibatch): a scalar to descend.
    watch(net): the error of rows that are not learned from; each call is one `clock.tick`, in epochs.

    The schedule takes the same steps on every machine unless the clock would run out: then what is left of it is
    shortened to what the seconds allow, and the result depends on the machine's speed.

    Raises UngatedError when the loss is not finite before anything was learned.
    """
    import torch

    optimiser = torch.optim.AdamW(_decayed(net, plan.decay), lr=plan.rate, betas=(0.9, 0.99), fused=True)
    weights, average = list(net.parameters()), copy.deepcopy(net).eval()
    best = _Best(plan.patience)
    pace = _Pace(plan, len(learn[0]), clock)
    net.train()
    for step, rows in enumerate(_minibatches(len(learn[0]), plan, clock.seed), start=1):
        for group in optimiser.param_groups:
            group["lr"] = plan.rate_at(pace.progress)
        error = loss(net, *(part[rows] for part in learn))
        optimiser.zero_grad()
        error.backward()
        optimiser.step()
        with (
            torch.no_grad()
        ):  # a mean over the last tenth or so of the steps (Karras et al. 2024), whatever their number
            torch._foreach_lerp_(list(average.parameters()), weights, 1 - (1 - 1 / step) ** 12)
        ended = pace.stepped()
        if ended or pace.watch_due():
            average.load_state_dict(dict(net.named_buffers()), strict=False)
            seen = watch(average) if math.isfinite(error.item()) else math.nan
            go_on = clock.tick(step * plan.batch / len(learn[0]), seen)
            if not best.offer(seen, average) or not go_on or ended:
                break
    if best.weights is None:
        raise UngatedError("The network's error was not a finite number. Try a lower rate, or look for extreme values.")
    net.load_state_dict(best.weights)
    net.eval()


class _Pace:
    """How far the schedule is: each step moves it by an equal part of what is left and can still be afforded."""

    def __init__(self, plan: Schedule, rows: int, clock: Clock) -> None:
        self.steps = plan.epochs * _steps(rows, plan)
        self.gap = 1 / min(plan.watches, plan.epochs if plan.epochs > 4 else plan.watches)
        self.clock, self.started, self.taken = clock, time.monotonic(), 0
        self.progress, self.watched = 0.0, 0.0

    def stepped(self) -> bool:
        """Move on by one step; True when the schedule or the time has come to its end."""
        self.taken += 1
        a_step = (time.monotonic() - self.started) / self.taken
        affordable = 0.95 * self.clock.left() / a_step if self.taken > 3 else math.inf
        remaining = min(self.steps - self.taken + 1, affordable)  # time that grows plentiful again does not lengthen it
        self.progress += (1 - self.progress) / max(1.0, remaining)
        return self.progress > 1 - 1e-9 or self.clock.expired

    def watch_due(self) -> bool:
        if self.progress < self.watched + self.gap - 1e-9:
            return False
        self.watched = self.progress
        return True


class _Best:
    """The weights with the least error so far, and how long ago that was."""

    def __init__(self, patience: int) -> None:
        self.error, self.weights, self.since, self.patience = math.inf, None, 0, patience

    def offer(self, error: float, net: "nn.Module") -> bool:
        """Keep the weights if they are the best; False when it is time to stop."""
        if not math.isfinite(error):
            return False
        self.since += 1
        if error < self.error:
            self.error, self.since = error, 0
            self.weights: Any = {k: v.clone() for k, v in net.state_dict().items()}
        return self.since < self.patience


def _steps(rows: int, plan: Schedule) -> int:
    return math.ceil(rows / plan.batch)


def _minibatches(rows: int, plan: Schedule, seed: int) -> Iterator["Tensor"]:
    """Row numbers for step after step, each epoch in a new order and cut into equal parts, without end."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    while True:
        yield from torch.randperm(rows, generator=generator).tensor_split(_steps(rows, plan))


def _decayed(net: "nn.Module", decay: float) -> list[dict[str, Any]]:
    """Matrices are pulled to zero; scales and biases are not."""
    return [
        {"params": [p for p in net.parameters() if p.ndim >= 2], "weight_decay": decay},
        {"params": [p for p in net.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]


@dataclass(frozen=True)
class Trained(Fitted):
    """A fitted network: its weights by name, beside the plain fields of a subclass, which knows how to build it."""

    weights: dict[str, Array]

    def state(self) -> State:
        state = super().state()
        state.arrays.update({f"weights.{name}": array for name, array in state.values.pop("weights").items()})
        return state

    @classmethod
    def load(cls, state: State) -> Self:
        weights = {k.removeprefix("weights."): v for k, v in state.arrays.items() if k.startswith("weights.")}
        others = {k: v for k, v in state.arrays.items() if not k.startswith("weights.")}
        return cls(**state.values, **others, weights=weights)


def to_arrays(net: "nn.Module") -> dict[str, Array]:
    """A network's weights and buffers by name, as arrays that safetensors can hold."""
    return {name: value.detach().numpy().copy() for name, value in net.state_dict().items()}


def from_arrays(net: "nn.Module", weights: dict[str, Array]) -> "nn.Module":
    """`net` with those weights, ready to answer."""
    import torch

    net.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in weights.items()})
    return net.eval()


def answers(net: "nn.Module", x: Array, batch: int = 4096) -> Array:
    """What `net` gives for each example of x, float64, in minibatches and on the threads of the session."""
    import torch

    with torch.inference_mode():
        parts = [net(torch.from_numpy(np.array(x[i : i + batch]))) for i in range(0, len(x), batch)]
        return torch.cat(parts).double().numpy()
