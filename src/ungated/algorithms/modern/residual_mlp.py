"""A residual network for tables: a few small networks that start from one shared reading of the row, and vote.

A plain network is poor at tables, because what matters in a column is often a threshold, and layers of weighted sums
bend slowly. So each number is first spread over bins: as it grows, the entries for the bins below it fill from 0 to 1,
one after another. A weighted sum of the entries can then be any curve of straight pieces, one for each column and
hidden unit (Gorishniy 2022). A category adds a learned vector for its level; an unseen level adds nothing. Residual
blocks then mix the columns: each block adds a correction to what it was given, so that a deep network starts out as a
shallow one (He 2015). A handful of members each see that reading through signs and scales of their own, have weights of
their own from there on, and their answers are averaged: several views for little more than the price of one wide
network (Gorishniy 2024, who also share the later weights; on a processor that saves no time).

Trained with AdamW, a rate that rises and then falls along a cosine, dropout, averaged weights, and early stopping on
rows that it sets aside from its own. Label smoothing e draws the target for a class from 1 to 1 - e + e/c, which keeps
a network from growing overconfident, but makes honest probabilities p come out as (1 - e) p + e/c. `answer` undoes
just that, so log-loss is not hurt. All in float32: in bf16, where the processor has it, a step of so small a network
is at best a quarter shorter.

Cost: O(epochs n (b d w + m k w²)) time for b bins, d columns, m members, k blocks of width w; O(n d) memory.
Paper: Gorishniy, Rubachev & Babenko, "On Embeddings for Numerical Features in Tabular Deep Learning", NeurIPS 2022
(residual networks: He et al. 2015, for tables: Gorishniy et al. 2021; members: Gorishniy et al., TabM, 2024).
"""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ...core.algorithm import Algorithm, Card, Cost, Machine, Task, setting, watch_split
from ...core.clock import Clock
from ...core.numbers import Answer, Array, Numbers, Shape, Takes
from ...engines.rows import checked
from ...engines.spoken import Spoken
from ...engines.torch_loop import Schedule, answers, descend, from_arrays, session, to_arrays

if TYPE_CHECKING:
    from torch import Tensor, nn


def network(levels: list[int], outputs: int, width: int, blocks: int, members: int, bins: int, dropout: float) -> Any:
    """The untrained network: x (n, d) float32 to scores (n, members, outputs). levels: as in `Column`, for each column.

    A function, because its classes need torch, which is imported only when a network is trained or asked.
    """
    import torch
    from torch import nn
    from torch.nn import functional

    def normal(*shape: int, scale: float) -> nn.Parameter:
        return nn.Parameter(torch.randn(*shape) * scale)

    def drop(h: "Tensor", training: bool) -> "Tensor":
        """Silence hidden units at random, the same ones for every member: drawing them costs more than a product."""
        return h * (torch.rand(h.shape[1:]) >= dropout) / (1 - dropout) if training and dropout else h

    class Block(nn.Module):
        """h + correction(h), h (members, n, width)."""

        def __init__(self) -> None:
            super().__init__()
            self.gain = nn.Parameter(torch.ones(members, 1, width))
            self.into, self.back = (normal(members, width, width, scale=g * width**-0.5) for g in (1.4, 1.0))
            self.into_bias, self.back_bias = (nn.Parameter(torch.zeros(members, 1, width)) for _ in range(2))

        def forward(self, h: "Tensor") -> "Tensor":
            z = functional.layer_norm(h, (width,)) * self.gain
            z = drop(functional.silu(torch.baddbmm(self.into_bias, z, self.into)), self.training)
            return h + torch.baddbmm(self.back_bias, z, self.back)

    class Network(nn.Module):
        left: "Tensor"
        gap: "Tensor"

        def __init__(self) -> None:
            super().__init__()
            self.numbers = [i for i, k in enumerate(levels) if not k]
            self.categories = [i for i, k in enumerate(levels) if k]
            self.most = torch.tensor([levels[i] for i in self.categories], dtype=torch.long)
            self.unseen = (self.most + 1).cumsum(0) - self.most - 1  # where each category's rows of the table begin
            self.register_buffer("left", torch.zeros(len(self.numbers), bins))
            self.register_buffer("gap", torch.ones(len(self.numbers), bins))
            share = max(1, len(levels)) ** -0.5
            self.curves = normal(len(self.numbers) * (bins + 1), width, scale=share * bins**-0.5)
            self.table = normal(int((self.most + 1).sum()), width, scale=share)
            self.table.data[self.unseen] = 0
            self.view = normal(members, 1, width, scale=1) if members > 1 else nn.Parameter(torch.ones(1, 1, width))
            self.shift = normal(members, 1, width, scale=0.1)
            self.blocks = nn.ModuleList(Block() for _ in range(blocks))
            self.last = normal(members, width, outputs, scale=0.3 * width**-0.5)
            self.bias = nn.Parameter(torch.zeros(members, 1, outputs))

        def read(self, x: "Tensor") -> "Tensor":
            """One vector of `width` for each row: the sum of its columns' curves and levels."""
            h = x.new_zeros(len(x), width)
            if self.numbers:
                number = x[:, self.numbers, None]
                filled = ((number - self.left) / self.gap).clamp(0, 1)
                h = torch.cat([filled, number], 2).flatten(1) @ self.curves
            if self.categories:
                code = x[:, self.categories].nan_to_num(-1).long()
                code = torch.where((code >= 0) & (code < self.most), code + 1, 0) + self.unseen
                h = h + functional.embedding_bag(code, self.table, mode="sum")
            return h

        def forward(self, x: "Tensor") -> "Tensor":
            h = self.read(x) * self.view + self.shift
            for block in self.blocks:
                h = block(h)
            h = functional.layer_norm(h, (width,))
            return torch.baddbmm(self.bias, h, self.last).transpose(0, 1)

    return Network()


@dataclass(frozen=True)
class Members(Spoken):
    """The members, their readings of the row and their votes; `design`: arguments of `network`."""

    @cached_property
    def net(self) -> "nn.Module":
        return from_arrays(network(**self.design), self.weights)

    def answer(self, x: Array) -> Answer:
        with session(threads=1):  # its answers do not change with the number of threads, and a few rows need no more
            return self.spoken(answers(self.net, np.asarray(x, np.float32)))


@dataclass(frozen=True)
class ResidualMLP(Algorithm):
    card: ClassVar = Card(
        id="residual_mlp",
        name="residual MLP",
        year=2022,
        paper="Gorishniy et al., On Embeddings for Numerical Features in Tabular Deep Learning, NeurIPS (2022)",
        tasks=frozenset({"classify", "regress"}),
        takes=frozenset({Takes.CATEGORIES}),
        extras=("modern",),
        anytime=True,
    )
    fitted: ClassVar = Members
    variants: ClassVar = (
        {"members": 4, "effort": 1.0},
        {"width": 192, "effort": 1.0, "dropout": 0.3, "rate": 5e-3},
        {"bins": 12, "members": 8, "width": 64, "smoothing": 0.0},
        {"blocks": 3, "bins": 24, "decay": 0.5, "effort": 2.0},
    )

    width: int = setting(96, "hidden units of a member", low=16, high=512, log=True)
    blocks: int = setting(2, "residual blocks", low=1, high=6)
    members: int = setting(2, "networks that vote", low=1, high=32, log=True)
    bins: int = setting(
        48, "straight pieces of each number's curve, at most one for 40 rows", low=2, high=128, log=True
    )
    dropout: float = setting(0.1, "share of hidden units silenced at each step", low=0.0, high=0.6)
    smoothing: float = setting(0.02, "label smoothing, undone in the answer", low=0.0, high=0.2)
    rate: float = setting(1e-2, "highest learning rate", low=1e-3, high=3e-2, log=True)
    decay: float = setting(0.1, "pull of the weights to zero", low=1e-3, high=1.0, log=True)
    effort: float = setting(0.5, "how long to train, times the usual", low=0.3, high=4.0, log=True)

    def cost(self, job: Shape, on: Machine) -> Cost:
        plan, numbers = self.schedule(job.rows), job.width - len(job.levels)
        read = 4.0 * numbers * (self.bins + 1) * self.width
        mixed = 6.0 * self.members * self.width * (2 * self.blocks * self.width + job.outputs)
        moved = 60.0 * self.members * self.width * (2 * self.blocks + 1) + 30.0 * numbers * self.bins
        weights = self.width * (numbers * self.bins + sum(job.levels) + 2 * self.blocks * self.members * self.width)
        visits, steps = plan.epochs * job.rows, plan.epochs * math.ceil(job.rows / plan.batch)
        seconds = visits * ((read + mixed) / (on.gflops * 1e9) + 4 * moved / on.bandwidth)
        seconds += steps * (1e-3 + 60.0 * weights / on.bandwidth)
        return Cost(0.5 + seconds, 3e8 + 12.0 * job.rows * job.width + 24.0 * weights)

    def schedule(self, rows: int) -> Schedule:
        """Few rows need many passes in small steps; many rows have said it all after a few."""
        epochs = self.effort * min(max(8.0, 300_000 / rows), 32.0)
        batch = 2 ** round(math.log2(min(max(16.0, rows / 16), 256.0)))
        return Schedule(math.ceil(epochs), batch, self.rate * (batch / 256) ** 0.5, self.decay)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Members:
        x, y = checked(self.card, train, task)
        train = Numbers(train.form, x, y, train.columns)
        learn, watched = watch_split(train, task, clock.seed) if len(train) > 1 else (train, train)
        design: dict[str, Any] = {
            "levels": [c.levels for c in train.columns],
            "outputs": task.outputs,
            "width": self.width,
            "blocks": self.blocks,
            "members": self.members,
            "bins": max(4, min(self.bins, len(learn) // 40)),
            "dropout": self.dropout,
        }
        blank, target = Members.blank(design, learn.y, task, self.smoothing)

        def error_watched(net: "nn.Module") -> float:
            return task.loss(watched.y, blank.spoken(answers(net, watched.x)))

        with session(clock.threads, clock.seed):
            import torch

            net = network(**design)
            if net.numbers:
                left, gap = map(torch.from_numpy, straight_pieces(learn.x[:, net.numbers], design["bins"]))
                net.left.copy_(left), net.gap.copy_(gap)
            tensors = torch.from_numpy(np.array(learn.x, np.float32)), torch.from_numpy(target)
            descend(net, tensors, self._loss(task.id), error_watched, self.schedule(len(learn)), clock)
            return dataclasses.replace(blank, weights=to_arrays(net))

    def _loss(self, task: str) -> Callable[["nn.Module", "Tensor", "Tensor"], "Tensor"]:
        """The mean over members of each one's own error: they must be good alone to differ usefully together."""
        from torch.nn import functional

        def of_classes(net: "nn.Module", x: "Tensor", y: "Tensor") -> "Tensor":
            scores, y = net(x).flatten(0, 1), y.repeat_interleave(self.members)
            return functional.cross_entropy(scores, y, label_smoothing=self.smoothing)

        def of_values(net: "nn.Module", x: "Tensor", y: "Tensor") -> "Tensor":
            return (net(x)[:, :, 0] - y[:, None]).square().mean()

        return of_classes if task == "classify" else of_values


def straight_pieces(x: Array, bins: int, rows: int = 50_000) -> tuple[Array, Array]:
    """Where each number's bins begin, and their widths: two float32 (d, bins), from the first `rows` rows.

    Bins are cut at even steps of the distinct values, each counted as its frequency to the power of 0.7: by rows alone
    a column that is nearly always 0 would spend all its bins there, by values alone outliers would take too many.
    """
    left, gap = np.zeros((2, x.shape[1], bins), np.float32)
    for j, column in enumerate(x[:rows].T):
        values, counts = np.unique(column, return_counts=True)
        mass = np.cumsum(counts**0.7)
        if len(values) > 1:
            edges = np.interp(np.linspace(mass[0], mass[-1], bins + 1), mass, values)
            left[j], gap[j] = edges[:-1], np.maximum(np.diff(edges), 1e-6)
        else:
            gap[j] = np.inf  # a constant column says nothing, whatever it may hold later
    return left, gap
