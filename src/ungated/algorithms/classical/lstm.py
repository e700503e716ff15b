"""Read one letter after another, and decide at each what to remember: a recurrent network with gates.

A recurrent network has a memory, a vector, which it makes anew from the last one and the next letter. What was learned
long ago fades in the plain kind, since it goes through a matrix at every step, and so does the blame for an error on
its way back. Hochreiter and Schmidhuber let the memory stay as it is unless a gate, itself learned, says otherwise: one
gate lets in what is new, one forgets (Gers et al. 2000), one says what is told. So it may count brackets, and remember
that a quotation is open, for hundreds of letters. Its weakness is that it reads one by one, which no machine can do
for a whole text at once.

Cost: O(epochs n w²) time for n codes and a memory of w numbers.
Paper: Hochreiter & Schmidhuber, "Long Short-Term Memory", Neural Computation 9, 1997.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ...core.algorithm import Algorithm, Card, Cost, Machine, Task, setting
from ...core.clock import Clock
from ...core.numbers import Form, Numbers, Shape
from ...engines.stream_net import StreamNet
from ...engines.streams import checked
from ...engines.torch_loop import LOADS, Schedule

if TYPE_CHECKING:
    from torch import Tensor


def network(levels: int, width: int, layers: int, dropout: float) -> Any:
    """The untrained network: (x (n, length) int64, memory) to (scores (n, length, levels), memory).

    A function, because its classes need torch, which is imported only when a network is trained or asked.
    """
    import torch
    from torch import nn
    from torch.nn import functional

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.vectors = nn.Embedding(levels, width)
            nn.init.normal_(self.vectors.weight, std=0.1)
            self.cells = nn.LSTM(width, width, layers, batch_first=True)
            with torch.no_grad():
                for name, bias in self.cells.named_parameters():
                    if name.startswith("bias_hh"):
                        bias[width : 2 * width] = 1.0  # begin by remembering (Jozefowicz et al. 2015)
            self.head = nn.Linear(width, levels)

        def forward(self, x: "Tensor", memory: Any = None) -> tuple["Tensor", Any]:
            told, memory = self.cells(self.vectors(x), memory)
            return self.head(functional.dropout(told, dropout, self.training)), memory

    return Network()


@dataclass(frozen=True)
class Recurrent(StreamNet):
    build: ClassVar = staticmethod(network)


@dataclass(frozen=True)
class LSTM(Algorithm):
    card: ClassVar = Card(
        id="lstm",
        name="LSTM",
        year=1997,
        paper="Hochreiter & Schmidhuber, Long Short-Term Memory, Neural Computation 9 (1997)",
        tasks=frozenset({"generate"}),
        form=Form.STREAM,
        extras=("modern",),
        loads=LOADS,
        answers_with=("torch",),
        anytime=True,
    )
    fitted: ClassVar = Recurrent
    variants: ClassVar = ({"width": 256, "batch": 4096},)

    width: int = setting(192, "numbers in the memory", choices=(64, 128, 192, 256, 512))
    layers: int = setting(1, "memories, each of which reads what the one before tells", low=1, high=3)
    window: int = setting(128, "codes over which it learns what to remember", choices=(32, 64, 128, 256))
    dropout: float = setting(0.0, "share of what is told that is silenced", low=0.0, high=0.5)
    batch: int = setting(4096, "codes a step", choices=(1024, 2048, 4096, 8192))
    rate: float = setting(6e-3, "highest learning rate", low=1e-3, high=2e-2, log=True)
    effort: float = setting(1.0, "how long to train, times the usual", low=0.05, high=4.0, log=True)

    def cost(self, job: Shape, on: Machine) -> Cost:
        n, levels = job.rows * max(1, job.width), sum(job.levels) or 100
        visits = self.schedule(n).epochs * n
        weights = 8 * self.layers * self.width**2 + 2 * levels * self.width
        steps = visits / self.batch
        seconds = visits * 6.0 * weights / (on.gflops * 1e9) + steps * (
            self.window * 3e-4 + 40 * weights / on.bandwidth
        )
        return Cost(1.0 + seconds, 2.5e8 + 16.0 * n + 24.0 * weights + 8.0 * self.batch * (levels + 20 * self.width))

    def schedule(self, codes: int) -> Schedule:
        """Twelve million codes are read in all, a small corpus over and over; time usually ends it before."""
        epochs = math.ceil(self.effort * min(max(1.0, 12e6 / codes), 100.0))
        return Schedule(epochs, max(1, self.batch // self.window), self.rate, 0.0, warm=0.05, watches=12, patience=4)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Recurrent:
        x = checked(self.card, train)
        design = {"width": self.width, "layers": self.layers, "dropout": self.dropout}
        return Recurrent.trained(design, x, train, task, clock, self.schedule(len(x)), self.window)
