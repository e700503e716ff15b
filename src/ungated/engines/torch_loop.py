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
from functools import cache, partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ..core.algorithm import Fitted, State
from ..core.clock import Clock
from ..core.errors import UngatedError
from ..core.numbers import Array
from .checkpoint import Checkpoint
from .extras import require
from .muon import muon

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer


REWOUND = 0.05  # of the schedule: what is taken up is rewound by no less
LOADS = ("torch", "torch._dynamo")  # what a fit imports: the second by any optimiser, at its first step


@dataclass(frozen=True)
class Schedule:
    """How a network is trained.

    epochs: passes over the rows, where the clock allows them. batch: rows a step. rate: the highest learning rate.
    decay: pull of matrices to zero (AdamW). warm: share of the schedule in which the rate rises; it then falls along a
    half cosine. watches: times the error is looked at, at most once an epoch where epochs are fewer.
    patience: watches without improvement after which training stops. muon: the rate of Muon for the weights of hidden
    layers (see engines/muon.py), or 0 for AdamW everywhere. bf16: whether Muon multiplies in that precision.
    """

    epochs: int
    batch: int
    rate: float
    decay: float = 0.0
    warm: float = 0.1
    watches: int = 40
    patience: int = 12
    muon: float = 0.0
    bf16: bool = False

    def rate_at(self, progress: float, top: float | None = None) -> float:
        """The learning rate at `progress`, 0 to 1, of weights whose highest is `top`."""
        top = self.rate if top is None else top
        if progress < self.warm:
            return top * (progress / self.warm)
        return top * 0.5 * (1 + math.cos(math.pi * (progress - self.warm) / (1 - self.warm)))


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


@cache
def bf16_pays() -> bool:
    """Whether a convolution trains at least 1.3 times as fast in bf16 here; measured once a process, in about 0.2 s.

    It says nothing of dense layers of a few hundred units, where casting eats most of the gain.
    """
    require("modern")
    import torch

    def took(bf16: bool) -> float:
        started = time.process_time()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            scores = layer(pixels)
        scores.float().sum().backward()
        return time.process_time() - started

    with session(torch.get_num_threads(), seed=0):  # a fit that asks draws the same random numbers as one that knows
        layer, pixels = torch.nn.Conv2d(32, 64, 3, padding=1), torch.rand(16, 32, 28, 28)
        return min(took(False) for _ in range(4)) > 1.3 * min(took(True) for _ in range(4))


@cache
def dense_bf16_pays() -> bool:
    """Whether dense layers as a small transformer has them train at least 1.3 times as fast in bf16 here.

    Measured once a process, in about 0.1 s.
    """
    require("modern")
    import torch

    def took(bf16: bool) -> float:
        started = time.process_time()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            scores = layer(rows)
        scores.float().square().sum().backward()
        return time.process_time() - started

    with session(torch.get_num_threads(), seed=0):
        layer, rows = torch.nn.Linear(128, 512, bias=False), torch.rand(2048, 128, requires_grad=True)
        return min(took(False) for _ in range(6)) > 1.3 * min(took(True) for _ in range(6))


def descend(
    net: "nn.Module",
    learn: Sequence["Tensor"],
    loss: Callable[..., "Tensor"],
    watch: Callable[["nn.Module"], float],
    plan: Schedule,
    clock: Clock,
    lengths: Array | None = None,
    so_far: Callable[["nn.Module"], Fitted] | None = None,
) -> None:
    """Train `net` in place and leave in it the averaged weights whose watched error was least.

    learn: tensors of equal length, cut into minibatches together. loss(net, *minibatch): a scalar to descend.
    watch(net): the error of rows that are not learned from; each call is one `clock.tick`, in epochs.
    lengths: where given, one for each row: minibatches are then made of rows of like length, so that little is padded.
    so_far(net): what is shown to who looks at the clock's `show`; whether anyone looks changes nothing of the weights.

    The schedule takes the same steps on every machine unless the clock would run out: then what is left of it is
    shortened to what the seconds allow, and the result depends on the machine's speed. From a checkpoint it goes on as
    if it had never stopped, and fits what is left of the schedule to what is left of the time.

    Raises UngatedError when the loss is not finite before anything was learned.
    """
    import torch

    optimisers = _optimisers(net, plan)
    weights, average = list(net.parameters()), copy.deepcopy(net).eval()
    averages = list(average.parameters())
    best = _Best(plan.patience)
    pace = _Pace(plan, len(learn[0]), clock)
    kept = Checkpoint(net, average, optimisers, best, pace)
    net.train()
    begin = kept.take_up(clock.kept, clock) if clock.kept else 0
    minibatches = islice(_minibatches(len(learn[0]), plan, clock.seed, lengths), begin, None)
    for step, rows in enumerate(minibatches, start=begin + 1):
        for group in (g for o in optimisers for g in o.param_groups):
            group["lr"] = plan.rate_at(pace.progress, group["initial_lr"])
        error = loss(net, *(part[rows] for part in learn))
        for optimiser in optimisers:
            optimiser.zero_grad()
        error.backward()
        for optimiser in optimisers:
            optimiser.step()
        with torch.no_grad():  # a mean over the last tenth of the steps, whatever their number (Karras et al. 2024)
            torch._foreach_lerp_(averages, weights, 1 - (1 - 1 / step) ** 12)  # type: ignore[arg-type]
        ended = pace.stepped()
        if pace.collapsed and torch.get_num_threads() > 1:
            torch.set_num_threads(1)
        if ended or pace.watch_due():
            average.load_state_dict(dict(net.named_buffers()), strict=False)
            seen = watch(average) if math.isfinite(error.item()) else math.nan
            go_on = clock.tick(step * plan.batch / len(learn[0]), seen)
            go_on = best.offer(seen, average) and go_on and not ended
            if math.isfinite(seen):
                clock.checkpoint(kept.state, better=best.since == 0, last=not go_on)
            if not go_on:
                break
        else:
            clock.checkpoint(kept.state)
        if so_far and clock.look_due:
            with session(torch.get_num_threads(), clock.seed):
                clock.shown(partial(so_far, average))
    if best.weights is None:
        raise UngatedError("The network's error was not a finite number. Try a lower rate, or look for extreme values.")
    net.load_state_dict(best.weights)
    net.eval()


class _Pace:
    """How far the schedule is: each step moves it by an equal part of what is left and can still be afforded."""

    def __init__(self, plan: Schedule, rows: int, clock: Clock) -> None:
        self.steps = plan.epochs * _steps(rows, plan)
        self.gap = 1 / min(plan.watches, plan.epochs if plan.epochs > 4 else plan.watches)
        self.clock, self.started, self.taken, self.begun = clock, time.monotonic(), 0, 0
        self.progress, self.watched = 0.0, 0.0
        self.last, self.fastest, self.slow = self.started, math.inf, 0

    @property
    def collapsed(self) -> bool:
        """Whether ten steps on end took six times the fastest: threads then wait for a core that another has."""
        return self.slow >= 10

    def stepped(self) -> bool:
        """Move on by one step; True when the schedule or the time has come to its end."""
        now, self.taken = time.monotonic(), self.taken + 1
        self.fastest, took, self.last = min(self.fastest, now - self.last), now - self.last, now
        self.slow = self.slow + 1 if took > 6 * self.fastest else 0
        a_step = (now - self.started) / (self.taken - self.begun)
        affordable = 0.95 * self.clock.left() / a_step if self.taken > self.begun + 3 else math.inf
        remaining = min(self.steps - self.taken + 1, affordable)
        self.progress += (1 - self.progress) / max(1.0, remaining)
        return self.progress > 1 - 1e-9 or self.clock.expired

    def go_on(self, taken: int, progress: float, watched: float) -> bool:
        """Take the schedule up where it stopped; True where it is rewound because there is more time than was thought.

        It is then set to where a run of that length would have been.
        """
        spent, left = self.clock.before, 0.95 * self.clock.left()
        share = max(taken / self.steps, spent / (spent + left) if math.isfinite(left) and left > 0 else 0.0)
        longer = share < progress - REWOUND
        self.taken = self.begun = taken
        self.progress, self.watched = (share, share) if longer else (progress, watched)
        return longer

    def watch_due(self) -> bool:
        if self.progress < self.watched + self.gap - 1e-9:
            return False
        self.watched = self.progress
        return True


class _Best:
    """The weights with the least error so far, and how long ago that was."""

    def __init__(self, patience: int) -> None:
        self.error, self.since, self.patience = math.inf, 0, patience
        self.weights: dict[str, Tensor] | None = None

    def offer(self, error: float, net: "nn.Module") -> bool:
        """Keep the weights if they are the best; False when it is time to stop."""
        if not math.isfinite(error):
            return False
        self.since += 1
        if error < self.error:
            self.error, self.since = error, 0
            self.weights = {k: v.clone() for k, v in net.state_dict().items()}
        return self.since < self.patience


def _steps(rows: int, plan: Schedule) -> int:
    return math.ceil(rows / plan.batch)


def _minibatches(rows: int, plan: Schedule, seed: int, lengths: Array | None = None) -> Iterator["Tensor"]:
    """Row numbers for step after step, each epoch in a new order and cut into equal parts, without end.

    By length, rows are sorted only within stretches of fifty minibatches, so that batches differ from epoch to epoch.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    steps = _steps(rows, plan)
    while True:
        order = torch.randperm(rows, generator=generator)
        if lengths is None:
            yield from order.tensor_split(steps)
            continue
        stretches = order.tensor_split(math.ceil(steps / 50))
        alike = torch.cat([part[torch.from_numpy(lengths[part.numpy()]).argsort(stable=True)] for part in stretches])
        parts = alike.tensor_split(steps)
        yield from (parts[i] for i in torch.randperm(steps, generator=generator).tolist())


def _optimisers(net: "nn.Module", plan: Schedule) -> list["Optimizer"]:
    """AdamW, and where it is asked for Muon, which takes every matrix but the head's and what is looked up.

    Matrices are pulled to zero; scales and biases are not. Each group remembers its highest rate as `initial_lr`.
    """
    import torch

    def muons(name: str, weight: "nn.Parameter") -> bool:
        return plan.muon > 0 and weight.ndim >= 2 and not name.startswith(("head", "vectors"))

    named = list(net.named_parameters())
    rest = [p for name, p in named if not muons(name, p)]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in rest if p.ndim >= 2], "weight_decay": plan.decay},
        {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimisers: list[Optimizer] = [torch.optim.AdamW(groups, lr=plan.rate, betas=(0.9, 0.99), fused=True)]
    if hidden := [p for name, p in named if muons(name, p)]:
        optimisers.append(muon(hidden, plan.muon, plan.decay, plan.bf16))
    for group in (g for o in optimisers for g in o.param_groups):
        group["initial_lr"] = group["lr"]
    return optimisers


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
        parts = [net(torch.from_numpy(np.array(x[i : i + batch]))) for i in range(0, max(len(x), 1), batch)]
        return torch.cat(parts).double().numpy()
