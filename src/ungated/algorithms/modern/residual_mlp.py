"""Residual MLP."""

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ...core.algorithm import Algorithm, Card, Cost, Machine, Task, setting, watch_split
from ...core.clock import Clock
from ...core.numbers import Answer, Array, Numbers, Shape, Takes
from ...engines.torch_loop import Schedule, Trained, answers, from_arrays, session, to_arrays, train

if TYPE_CHECKING:
    from torch import Tensor, nn


def network(levels: list[int], bins: int, outputs: int, width: int, blocks: int, members: int, drop: float, kind='two') -> "nn.Module":
    import torch
    from torch import nn
    from torch.nn import functional

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(members, width))
            self.shift = nn.Parameter(torch.zeros(members, width))
            self.wide = nn.Linear(width, width)
            self.back = nn.Linear(width, width) if kind == 'two' else None

        def forward(self, h: "Tensor") -> "Tensor":
            z = functional.layer_norm(h, (width,)) * self.scale + self.shift
            z = functional.dropout(functional.silu(self.wide(z)), drop, self.training)
            return h + (self.back(z) if self.back is not None else z)

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.numbers = [i for i, k in enumerate(levels) if not k]
            self.categories = [i for i, k in enumerate(levels) if k]
            many = torch.tensor([levels[i] for i in self.categories], dtype=torch.long)
            self.most, self.start = many, (many + 1).cumsum(0) - many - 1
            self.register_buffer("left", torch.zeros(len(self.numbers), bins))
            self.register_buffer("gap", torch.ones(len(self.numbers), bins))
            self.curves = nn.Linear(max(1,len(self.numbers) * (bins+1)), width)
            self.levels = nn.Embedding(int((many + 1).sum()) + 1, width)
            nn.init.normal_(self.levels.weight, std=0.3)
            self.scale = nn.Parameter(torch.randn(members, width)*INIT+1 if INIT<1 else torch.randn(members, width).sign() if members > 1 else torch.ones(1, width))
            self.shift = nn.Parameter(torch.randn(members, width)*0.1)
            self.blocks = nn.ModuleList(Block() for _ in range(blocks))
            self.last = nn.Parameter(torch.randn(members, width, outputs) * width**-0.5 * 0.3)
            self.bias = nn.Parameter(torch.zeros(members, outputs))

        def forward(self, x: "Tensor") -> "Tensor":
            h = 0
            if self.numbers:
                raw = x[:, self.numbers]
                z = ((raw[..., None] - self.left) / self.gap).clamp(0, 1)
                h = self.curves(torch.cat([z.flatten(1), raw], 1))
            if self.categories:
                c = x[:, self.categories].nan_to_num(-1).long()
                c = torch.where(c < self.most, c, -1).clamp(min=-1) + 1 + self.start
                h = h + functional.embedding_bag(c, self.levels.weight, mode="sum")
            h = functional.dropout(h, DROP0, self.training)
            h = h[:, None] * self.scale + self.shift
            for block in self.blocks:
                h = block(h)
            h = functional.layer_norm(h, (width,))
            return torch.einsum("nmw,mwo->nmo", h, self.last) + self.bias

    return Network()

INIT=1
DROP0=0.0
@dataclass(frozen=True)
class Network(Trained):
    design: dict[str, Any]
    centre: float
    scale: float
    low: float
    high: float
    smoothing: float

    @cached_property
    def net(self):
        return from_arrays(network(**self.design), self.weights)

    def answer(self, x: Array) -> Answer:
        with session(threads=1):
            return say(self.net, x, self)

def say(net, x, f):
    import torch
    out = answers(net, np.asarray(x, np.float32))
    if f.design['outputs'] == 1:
        return np.clip(f.centre + f.scale * out.mean(axis=1), f.low, f.high)
    p = torch.softmax(torch.from_numpy(out), -1).numpy().mean(1)
    k = p.shape[1]
    s = f.smoothing
    if s:
        p = np.maximum((p - s / k) / (1 - s), 0.05*s / k)
    return p / p.sum(1, keepdims=True)

@dataclass(frozen=True)
class ResidualMLP(Algorithm):
    card: ClassVar = Card(
        id="residual_mlp", name="residual MLP", year=2022,
        paper="Gorishniy et al., On Embeddings for Numerical Features in Tabular Deep Learning, NeurIPS (2022)",
        tasks=frozenset({"classify", "regress"}), takes=frozenset({Takes.CATEGORIES}), extras=("modern",),
    )
    fitted: ClassVar = Network

    width: int = setting(128, "", low=32, high=512, log=True)
    blocks: int = setting(2, "", low=1, high=4)
    members: int = setting(8, "", low=1, high=16)
    bins: int = setting(16, "", low=2, high=64)
    dropout: float = setting(0.1, "", low=0.0, high=0.5)
    smoothing: float = setting(0.0, "", low=0.0, high=0.2)
    rate: float = setting(2e-3, "", low=1e-4, high=1e-2, log=True)
    decay: float = setting(0.02, "", low=1e-4, high=1.0, log=True)
    epochs: int = setting(20, "")
    batch: int = setting(256, "")
    kind: str = setting('two', "")
    warm: float = setting(0.1, "")

    def cost(self, job: Shape, on: Machine) -> Cost:
        return Cost(10, 3e8)

    def fit(self, train_: Numbers, task: Task, clock: Clock) -> Network:
        import torch
        from torch.nn import functional
        learn, watched = watch_split(train_, task, clock.seed)
        with session(clock.threads, clock.seed):
            design = dict(levels=[c.levels for c in train_.columns], bins=self.bins, outputs=task.outputs, width=self.width,
                blocks=self.blocks, members=self.members, drop=self.dropout, kind=self.kind)
            net = network(**design)
            x = torch.from_numpy(np.array(learn.x))
            raw = x[:, net.numbers]
            q = torch.quantile(raw[:100000], torch.linspace(0, 1, self.bins + 1), dim=0).T.contiguous() if net.numbers else torch.zeros(0, self.bins+1)
            net.left.copy_(q[:, :-1]); net.gap.copy_((q[:, 1:] - q[:, :-1]).clamp(min=1e-6))
            y = np.asarray(learn.y)
            if task.id == "classify":
                f = Network({}, design, 0., 1., 0., 1., self.smoothing)
                target = torch.from_numpy(y.astype(np.int64))
                def loss(net, x, y):
                    out = net(x)
                    return functional.cross_entropy(out.flatten(0, 1), y.repeat_interleave(self.members), label_smoothing=self.smoothing)
            else:
                f = Network({}, design, float(y.mean()), float(y.std()) or 1., float(y.min()), float(y.max()), 0.)
                target = torch.from_numpy(((y - f.centre) / f.scale).astype(np.float32))
                def loss(net, x, y):
                    return (net(x)[..., 0] - y[:, None]).square().mean()
            train(net, (x, target), loss, lambda n: task.loss(watched.y, say(n, watched.x, f)),
                  Schedule(self.epochs, self.batch, self.rate, self.decay, self.warm), clock)
            import dataclasses
            return dataclasses.replace(f, weights=to_arrays(net))
