"""Let every word look at every other: a text's meaning is gathered by asking, for each word, which others matter to it.

Each token is a learned vector. In a block, every position makes a query (what do I look for?), a key (what am I?) and a
value (what do I tell?); it then takes in the values of the others, each weighted by how well that one's key answers its
query. A small network, the same for every position, works on what was taken in. Both add to what was there, so that a
deep network starts out as a shallow one. Where a token stands is told by turning queries and keys by an angle that
grows with the position: only distances then matter (rotary positions, Su et al. 2021).

With `causal`, a position sees only those before it, and the network says at each which token comes next; without, it
sees all, and the mean over the positions is what the answer is weighed from. Vectors are scaled to one length before
each step (RMS norm, Zhang & Sennrich 2019), as queries and keys are (Henry et al. 2020), which keeps training calm.
Before the blocks each position takes in its direct neighbours: of a few thousand texts, phrases are learned sooner by
such a short convolution than by attention (after So et al. 2021).

Cost: O(epochs n l b w (12 w + l)) time for l tokens and b blocks of width w.
Paper: Vaswani et al., "Attention Is All You Need", NeurIPS 2017.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ...core.algorithm import Algorithm, Card, Cost, Machine, State, Task, setting
from ...core.clock import Clock
from ...core.numbers import Form, Numbers, Shape
from ...engines.tokens import TokenNet, checked
from ...engines.torch_loop import LOADS, Schedule

if TYPE_CHECKING:
    from torch import Tensor


def network(
    levels: int, outputs: int, width: int, blocks: int, heads: int, dropout: float, silence: float, causal: bool = False
) -> Any:
    """The untrained network: x (n, length) int64, 0 = padding at the end, to scores (n, outputs).

    outputs 0: to scores (n, length, levels) of the token that follows each, by the same vectors that tokens come in as.
    A function, because its classes need torch, which is imported only when a network is trained or asked.
    """
    import torch
    from torch import nn
    from torch.nn import functional

    each = width // heads

    def norm(h: "Tensor") -> "Tensor":
        return functional.rms_norm(h, h.shape[-1:])

    def turned(h: "Tensor", angle: "Tensor") -> "Tensor":
        """h (n, heads, length, each), its two halves as the coordinates of points that are turned."""
        a, b = h.chunk(2, dim=-1)
        cos, sin = angle.cos(), angle.sin()
        return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.ask = nn.Linear(width, 3 * width, bias=False)
            self.tell = nn.Linear(width, width, bias=False)
            self.into = nn.Linear(width, 4 * width, bias=False)
            self.back = nn.Linear(4 * width, width, bias=False)
            self.sharpness = nn.Parameter(torch.full((heads, 1, 1), each**0.5))
            nn.init.zeros_(self.tell.weight)
            nn.init.zeros_(self.back.weight)

        def forward(self, h: "Tensor", angle: "Tensor", seen: "Tensor | None") -> "Tensor":
            parts = self.ask(norm(h)).unflatten(2, (3 * heads, each)).transpose(1, 2)
            q, k, v = parts.chunk(3, dim=1)
            q, k = turned(norm(q), angle) * self.sharpness, turned(norm(k), angle)
            taken = functional.scaled_dot_product_attention(q, k, v, seen, is_causal=causal, scale=1 / each)
            h = h + self.drop(self.tell(taken.transpose(1, 2).flatten(2)))
            return h + self.drop(self.back(functional.relu(self.into(norm(h))).square()))

        def drop(self, h: "Tensor") -> "Tensor":
            return functional.dropout(h, dropout, self.training)

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.vectors = nn.Embedding(levels, width, padding_idx=0)
            nn.init.normal_(self.vectors.weight[1:], std=0.25)
            self.near = nn.Conv1d(width, width, 3)
            self.blocks = nn.ModuleList(Block() for _ in range(blocks))
            if outputs:
                self.head = nn.Linear(width, outputs)
                nn.init.zeros_(self.head.weight)

        def body(self, x: "Tensor") -> "Tensor":
            """What is known at each position, (n, length, width)."""
            there = x > 0
            h = self.vectors(x)
            if self.training and silence:
                h = h * (torch.rand(x.shape) >= silence)[:, :, None]
            beside = functional.pad((h * there[:, :, None]).transpose(1, 2), (2, 0) if causal else (1, 1))
            h = h + self.near(beside).transpose(1, 2)
            place = torch.arange(x.shape[1], dtype=torch.float32)[:, None]
            angle = place * 10_000.0 ** (-torch.arange(0, each, 2, dtype=torch.float32) / each)
            # Padding stands at the end, where a causal network does not look; a row without a token sees itself.
            seen = None if causal else (there | ~there.any(1, keepdim=True))[:, None, None, :]
            for block in self.blocks:
                h = block(h, angle, seen)
            return norm(h)

        def forward(self, x: "Tensor") -> "Tensor":
            h = self.body(x)
            if not outputs:
                return functional.linear(h, self.vectors.weight)
            there = (x > 0)[:, :, None]
            mean = (h * there).sum(1) / there.sum(1).clamp(min=1)
            return self.head(functional.dropout(mean, dropout, self.training))

    return Network()


@dataclass(frozen=True)
class Attention(TokenNet):
    build: ClassVar = staticmethod(network)
    body: ClassVar = ("width", "blocks", "heads")


@dataclass(frozen=True)
class Transformer(Algorithm):
    card: ClassVar = Card(
        id="transformer",
        name="transformer",
        year=2017,
        paper="Vaswani et al., Attention Is All You Need, NeurIPS (2017)",
        tasks=frozenset({"classify", "regress"}),
        form=Form.TOKENS,
        extras=("modern",),
        loads=LOADS,
        anytime=True,
        transfers=True,
    )
    fitted: ClassVar = Attention
    variants: ClassVar = ({"blocks": 1, "width": 128}, {"dropout": 0.5, "silence": 0.1}, {"width": 32, "rate": 6e-3})

    width: int = setting(64, "numbers in a token's vector, and at each position", choices=(32, 64, 128, 256))
    blocks: int = setting(2, "blocks", low=1, high=8)
    heads: int = setting(4, "questions that each position asks in a block", choices=(1, 2, 4, 8))
    dropout: float = setting(0.3, "share of what each step adds that is silenced", low=0.0, high=0.6)
    silence: float = setting(0.2, "share of tokens silenced at each step", low=0.0, high=0.5)
    smoothing: float = setting(0.02, "label smoothing, undone in the answer", low=0.0, high=0.2)
    rate: float = setting(3e-3, "highest learning rate", low=3e-4, high=1e-2, log=True)
    decay: float = setting(0.1, "pull of the weights to zero", low=1e-3, high=1.0, log=True)
    effort: float = setting(1.0, "how long to train, times the usual", low=0.3, high=4.0, log=True)

    def cost(self, job: Shape, on: Machine) -> Cost:
        length, levels = job.size[-1] if job.size else job.width, sum(job.levels) or 1000
        plan = self.schedule(job.rows)
        products = 6.0 * length * self.width * (self.blocks * (12 * self.width + 2 * length) + 3 * self.width)
        weights = levels * self.width + (12 * self.blocks + 3) * self.width**2
        visits, steps = plan.epochs * job.rows, plan.epochs * math.ceil(job.rows / plan.batch)
        seconds = visits * products / (on.gflops * 1e9) + steps * (3e-3 + 60.0 * weights / on.bandwidth)
        return Cost(0.5 + seconds, 3e8 + 8.0 * job.rows * length + 24.0 * weights)

    def schedule(self, rows: int) -> Schedule:
        """Few rows need many passes in small steps; many rows have said it all after a few."""
        epochs = self.effort * min(max(3.0, 60_000 / rows), 30.0)
        batch = 2 ** round(math.log2(min(max(8.0, rows / 100), 64.0)))
        return Schedule(math.ceil(epochs), batch, self.rate * (batch / 64) ** 0.5, self.decay, patience=5)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Attention:
        return self.fit_from(None, train, task, clock)

    def fit_from(self, start: State | None, train: Numbers, task: Task, clock: Clock) -> Attention:
        x, y = checked(self.card, train, task)
        design: dict[str, Any] = {
            "levels": train.levels,
            "outputs": task.outputs,
            "width": self.width,
            "blocks": self.blocks,
            "heads": self.heads,
            "dropout": self.dropout,
            "silence": self.silence,
        }
        train = Numbers(train.form, x, y, levels=train.levels)
        return Attention.trained(design, train, task, clock, self.schedule(len(train)), self.smoothing, start)
