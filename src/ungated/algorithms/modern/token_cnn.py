"""Look for telling phrases: slide many small patterns along the text, and note how well each fits at its best place.

Each token is first a learned vector, so that tokens used alike can come to lie close. A filter is a pattern for three,
four or five vectors in a row; slid along the text it gives a number at each place, and only the largest is kept: is the
phrase that it looks for there at all? The answer is a weighted sum of those maxima. So "not good" can count against,
wherever it stands, where a bag of words sees "good". Half of the maxima are silenced at each step, so that no answer
hangs on a single phrase.

Differs from the paper in that token vectors are silenced too, and that AdamW with a rate that rises and falls, averaged
weights and early stopping train it. Label smoothing is undone in the answer.

Cost: O(epochs n l d f w) time for l tokens, vectors of d numbers, f filters of each width and w their widths' sum.
Paper: Kim, "Convolutional Neural Networks for Sentence Classification", EMNLP 2014 (from random vectors: "CNN-rand").
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

WIDTHS = (3, 4, 5)


def network(levels: int, outputs: int, size: int, filters: int, dropout: float, silence: float) -> Any:
    """The untrained network: x (n, length) int64, 0 = padding, to scores (n, outputs).

    A function, because its classes need torch, which is imported only when a network is trained or asked.
    """
    import torch
    from torch import nn
    from torch.nn import functional

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.vectors = nn.Embedding(levels, size, padding_idx=0)
            nn.init.normal_(self.vectors.weight[1:], std=0.25)
            self.filters = nn.ModuleList(nn.Conv1d(size, filters, w, padding=w // 2) for w in WIDTHS)
            self.head = nn.Linear(filters * len(WIDTHS), outputs)
            nn.init.zeros_(self.head.weight)

        def forward(self, x: "Tensor") -> "Tensor":
            there = (x > 0)[:, None, :]
            h = self.vectors(x)
            if self.training and silence:
                h = h * (torch.rand(x.shape) >= silence)[:, :, None]
            h = h.transpose(1, 2)
            best = [(f(h)[:, :, : x.shape[1]].relu() * there).amax(dim=2) for f in self.filters]
            return self.head(functional.dropout(torch.cat(best, 1), dropout, self.training))

    return Network()


@dataclass(frozen=True)
class Filters(TokenNet):
    build: ClassVar = staticmethod(network)
    body: ClassVar = ("size", "filters")


@dataclass(frozen=True)
class TokenCNN(Algorithm):
    card: ClassVar = Card(
        id="token_cnn",
        name="convolutions over tokens",
        year=2014,
        paper="Kim, Convolutional Neural Networks for Sentence Classification, EMNLP (2014)",
        tasks=frozenset({"classify", "regress"}),
        form=Form.TOKENS,
        extras=("modern",),
        loads=LOADS,
        anytime=True,
        transfers=True,
    )
    fitted: ClassVar = Filters
    variants: ClassVar = (
        {"size": 100, "filters": 100, "rate": 2e-3},
        {"dropout": 0.65, "silence": 0.3, "effort": 1.5},
        {"silence": 0.0, "rate": 6e-3},
    )

    size: int = setting(64, "numbers in a token's vector", low=16, high=300, log=True)
    filters: int = setting(64, "filters of each width", low=16, high=300, log=True)
    dropout: float = setting(0.5, "share of filters silenced at each step", low=0.0, high=0.8)
    silence: float = setting(0.1, "share of tokens silenced at each step", low=0.0, high=0.5)
    smoothing: float = setting(0.02, "label smoothing, undone in the answer", low=0.0, high=0.2)
    rate: float = setting(3e-3, "highest learning rate", low=2e-4, high=2e-2, log=True)
    decay: float = setting(0.1, "pull of the weights to zero", low=1e-3, high=1.0, log=True)
    effort: float = setting(1.0, "how long to train, times the usual", low=0.3, high=4.0, log=True)

    def cost(self, job: Shape, on: Machine) -> Cost:
        length, levels = job.size[-1] if job.size else job.width, sum(job.levels) or 1000
        plan = self.schedule(job.rows)
        products = 6.0 * length * self.size * self.filters * sum(WIDTHS)
        weights = levels * self.size + self.size * self.filters * sum(WIDTHS)
        visits, steps = plan.epochs * job.rows, plan.epochs * math.ceil(job.rows / plan.batch)
        seconds = visits * products / (on.gflops * 1e9) + steps * (1e-3 + 60.0 * weights / on.bandwidth)
        return Cost(0.5 + seconds, 3e8 + 8.0 * job.rows * length + 24.0 * weights)

    def schedule(self, rows: int) -> Schedule:
        epochs = self.effort * min(max(3.0, 60_000 / rows), 16.0)
        batch = 2 ** round(math.log2(min(max(8.0, rows / 100), 64.0)))
        return Schedule(math.ceil(epochs), batch, self.rate * (batch / 64) ** 0.5, self.decay, patience=5)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Filters:
        return self.fit_from(None, train, task, clock)

    def fit_from(self, start: State | None, train: Numbers, task: Task, clock: Clock) -> Filters:
        x, y = checked(self.card, train, task)
        design: dict[str, Any] = {
            "levels": train.levels,
            "outputs": task.outputs,
            "size": self.size,
            "filters": self.filters,
            "dropout": self.dropout,
            "silence": self.silence,
        }
        train = Numbers(train.form, x, y, levels=train.levels)
        return Filters.trained(design, train, task, clock, self.schedule(len(train)), self.smoothing, start)
