"""LeNet: the first network of learned filters that read handwriting.

A sheet of units looks at the picture, each through its own small window of 5 by 5 places, and all units of a sheet look
with the same weights: the sheet is a map of where one feature was found. Twelve such sheets, at every second place, are
read by twelve more in the same way; thirty units then read all of those, and the last layer reads the thirty. Sharing
weights is what makes it learn: a thousand weights serve where an ordinary network would need a hundred thousand, and a
feature that moves is still found. Le Cun's team trained it for three days on a workstation to read postal codes.

The network is that of 1989, hyperbolic tangents and all, with sheets enough to halve larger pictures down to the size
that it was made for, 16 by 16. The training is today's: AdamW, a rate that rises and falls, averaged weights and early
stopping, instead of single examples and a rate by each weight's own curvature.

Cost: O(epochs n h w k²) time for pictures of h by w and k sheets a layer; O(n) memory beyond the pixels.
Paper: LeCun et al., "Backpropagation Applied to Handwritten Zip Code Recognition", Neural Computation 1, 1989.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ...core.algorithm import Algorithm, Card, Cost, Machine, State, Task, setting
from ...core.clock import Clock
from ...core.numbers import Form, Numbers, Shape
from ...engines.pixels import Layer, PixelNet, adopted, checked, network_cost
from ...engines.torch_loop import LOADS, Schedule

if TYPE_CHECKING:
    from torch import Tensor


def network(size: list[int], outputs: int, sheets: int, units: int) -> Any:
    """The untrained network: x (n, channels, height, width) float32 to scores (n, outputs). size: of one example.

    A function, because its classes need torch, which is imported only when a network is trained or asked.
    """
    import torch
    from torch import nn

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            strides = halvings(size)
            self.stem = nn.Conv2d(size[0], sheets, 5, strides[0], padding=2)
            self.body = nn.ModuleList(nn.Conv2d(sheets, sheets, 5, stride, padding=2) for stride in strides[1:])
            self.dense = nn.Linear(sheets * math.prod(side_after(side, strides) for side in size[1:]), units)
            self.head = nn.Linear(units, outputs)

        def forward(self, x: "Tensor") -> "Tensor":
            h = torch.tanh(self.stem(x))
            for sheet in self.body:
                h = torch.tanh(sheet(h))
            return self.head(torch.tanh(self.dense(h.flatten(1)))).float()

    return Network()


def halvings(size: list[int] | tuple[int, ...]) -> list[int]:
    """The stride of each layer of sheets: two layers, and more for pictures that two would leave larger than 7 by 7."""
    layers = max(2, math.ceil(math.log2(max(size[1:]) / 7)))
    return [2] * layers


def side_after(side: int, strides: list[int]) -> int:
    """How many places are left of a side."""
    for stride in strides:
        side = -(-side // stride)
    return side


@dataclass(frozen=True)
class Sheets(PixelNet):
    build: ClassVar = staticmethod(network)


@dataclass(frozen=True)
class LeNet(Algorithm):
    card: ClassVar = Card(
        id="lenet",
        name="LeNet",
        year=1989,
        paper="LeCun et al., Backpropagation Applied to Handwritten Zip Code Recognition, Neural Computation 1 (1989)",
        tasks=frozenset({"classify", "regress"}),
        form=Form.PIXELS,
        extras=("modern",),
        loads=LOADS,
        answers_with=("torch",),
        anytime=True,
        transfers=True,
    )
    fitted: ClassVar = Sheets
    variants: ClassVar = ({"sheets": 24, "units": 60},)

    sheets: int = setting(12, "feature maps of each layer", low=4, high=48, log=True)
    units: int = setting(30, "units that read all the maps", low=10, high=200, log=True)
    strength: float = setting(1.0, "how far examples are changed, where they may be", low=0.0, high=2.0)
    rate: float = setting(5e-3, "highest learning rate", low=1e-3, high=2e-2, log=True)
    decay: float = setting(0.05, "pull of the weights to zero", low=1e-3, high=1.0, log=True)
    effort: float = setting(1.0, "how long to train, times the usual", low=0.3, high=4.0, log=True)

    def cost(self, job: Shape, on: Machine) -> Cost:
        return network_cost(list(self._layers(job)), self.schedule(job.rows), job, on)

    def _layers(self, job: Shape) -> Iterator[Layer]:
        strides = halvings(job.size)
        for i in range(len(strides)):
            places = math.prod(side_after(side, strides[: i + 1]) for side in job.size[1:])
            yield Layer.filters(places, 5, self.sheets if i else job.size[0], self.sheets)
        yield Layer.filters(1, 1, places * self.sheets, self.units)

    def schedule(self, rows: int) -> Schedule:
        """Few examples need many passes in small steps; many have said it all after a few."""
        epochs = math.ceil(self.effort * min(max(8.0, 100_000 / rows), 40.0))
        batch = 2 ** round(math.log2(min(max(32.0, rows / 16), 128.0)))
        return Schedule(epochs, batch, self.rate, self.decay, watches=12)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Sheets:
        return self.fit_from(None, train, task, clock)

    def fit_from(self, start: State | None, train: Numbers, task: Task, clock: Clock) -> Sheets:
        x, y = checked(self.card, train, task)
        design = adopted({"sheets": self.sheets, "units": self.units}, start)
        design |= {"size": list(x.shape[1:]), "outputs": task.outputs}
        train = Numbers(train.form, x, y, changes=train.changes)
        return Sheets.trained(design, train, task, clock, self.schedule, strength=self.strength, start=start)
