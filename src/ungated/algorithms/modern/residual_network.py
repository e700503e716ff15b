"""A residual network: layers of small learned filters slid over the picture, each correcting what it was given.

A filter looks at 3 by 3 places at a time and answers at every place alike, so what is learned in one corner is known in
all. Each layer's filters look at what the layer before found: first edges, then corners and textures, then parts. Now
and then the map is halved in height and width, keeping the strongest answer of every four, and the filters are doubled.
In the end each filter's answer is averaged over the whole map, and a weighted sum of those says the class. Deep stacks
of this kind learned badly until each layer was made to add a correction to its input, h + f(h): with f near 0 a deep
network is no worse than a shallow one (He 2015). Batch normalisation keeps every filter's answers at the same scale.

The form is the small and fast one: a few layers, halved early, so that filters work on maps of about 14 by 14; its
matrices learn by Muon, which gets further in the first minute than AdamW or SGD do. Width and passes are chosen from
the number of examples. Label smoothing is undone in the answer. Where an example may be mirrored, the answer is the
mean of both ways.

Cost: O(epochs n h w k²) time for maps of h by w at the start and k filters; O(n) memory beyond the pixels.
Paper: He, Zhang, Ren & Sun, "Deep Residual Learning for Image Recognition", CVPR 2016 (arXiv 2015); the small fast
form: Page, "How to train your ResNet", 2018, and Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", 2024.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ...core.algorithm import Algorithm, Card, Cost, Machine, State, Task, setting
from ...core.clock import Clock
from ...core.numbers import Form, Numbers, Shape
from ...engines.pixels import Layer, PixelNet, adopted, checked, network_cost, reductions
from ...engines.torch_loop import LOADS, Schedule

if TYPE_CHECKING:
    from torch import Tensor


def network(size: list[int], outputs: int, width: int, blocks: int, stages: int) -> Any:
    """The untrained network: x (n, channels, height, width) float32 to scores (n, outputs). size: of one example.

    A function, because its classes need torch, which is imported only when a network is trained or asked.
    """
    import torch
    from torch import nn
    from torch.nn import functional

    class Filters(nn.Module):
        """3 by 3 filters, the map halved where asked, batch normalisation, negative answers cut off."""

        def __init__(self, before: int, after: int, side: int = 3, stride: int = 1, pool: tuple[int, int] = (1, 1)):
            super().__init__()
            self.pool = pool
            self.filters = nn.Conv2d(before, after, side, stride, side // 2, bias=False)
            self.normal = nn.BatchNorm2d(after)

        def forward(self, x: "Tensor") -> "Tensor":
            x = self.filters(x)
            if self.pool != (1, 1):
                x = functional.max_pool2d(x, self.pool)
            return functional.relu(self.normal(x), inplace=True)

    class Correction(nn.Module):
        """h + f(h)."""

        def __init__(self, width: int) -> None:
            super().__init__()
            self.change = Filters(width, width)

        def forward(self, h: "Tensor") -> "Tensor":
            return h + self.change(h)

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            door, steps = door_and_steps(size, stages)
            self.stem = Filters(size[0], width, *door)
            layers: list[nn.Module] = []
            for i, pool in enumerate(steps):
                layers.append(Filters(width << i, width << (i + 1), pool=pool))
                layers += [Correction(width << (i + 1)) for _ in range(blocks)]
            self.body = nn.Sequential(*layers)
            self.head = nn.Linear(width << len(steps), outputs)
            nn.init.normal_(self.head.weight, std=0.01)
            nn.init.zeros_(self.head.bias)

        def forward(self, x: "Tensor") -> "Tensor":
            found = self.body(self.stem(x)).mean(dim=(2, 3), dtype=torch.float32)
            with torch.autocast("cpu", enabled=False):
                return self.head(found)

    return Network()


def door_and_steps(
    size: list[int] | tuple[int, ...], stages: int
) -> tuple[tuple[int, int, tuple[int, int]], list[tuple[int, int]]]:
    """The first filters' side, stride and pool, and how each stage then halves the map's height and width.

    Sides of fewer than 4 places are not halved any more.
    """
    height, width = size[1:]
    halvings = reductions(tuple(size))
    stride = 1 << max(0, halvings - 1)
    height, width = -(-height // stride), -(-width // stride)
    pools = []
    for i in range(stages + 1):
        halve = i > 0 or halvings > 0
        pools.append((2 if halve and height >= 4 else 1, 2 if halve and width >= 4 else 1))
        height, width = height // pools[-1][0], width // pools[-1][1]
    return (3 if stride == 1 else 2 * stride + 1, stride, pools[0]), pools[1:]


@dataclass(frozen=True)
class Residual(PixelNet):
    build: ClassVar = staticmethod(network)


@dataclass(frozen=True)
class ResidualNetwork(Algorithm):
    card: ClassVar = Card(
        id="residual_network",
        name="residual network",
        year=2015,
        paper="He et al., Deep Residual Learning for Image Recognition, CVPR 2016 (arXiv 2015)",
        tasks=frozenset({"classify", "regress"}),
        form=Form.PIXELS,
        extras=("modern",),
        loads=LOADS,
        answers_with=("torch",),
        anytime=True,
        transfers=True,
    )
    fitted: ClassVar = Residual
    variants: ClassVar = (
        {"width": 24, "effort": 2.0},
        {"blocks": 2, "strength": 2.0, "effort": 2.0},
        {"width": 32, "blocks": 2, "effort": 1.5},
        {"width": 24, "smoothing": 0.05, "effort": 4.0},
    )

    width: int = setting(16, "filters of the first layer; each stage doubles them", low=8, high=64, log=True)
    blocks: int = setting(1, "corrections in each stage", low=0, high=4)
    stages: int = setting(2, "times that the map is halved and the filters doubled", low=1, high=3)
    strength: float = setting(1.0, "how far examples are changed, where they may be", low=0.0, high=3.0)
    smoothing: float = setting(0.1, "label smoothing, undone in the answer", low=0.0, high=0.2)
    rate: float = setting(0.04, "highest learning rate of the filters (Muon)", low=0.01, high=0.1, log=True)
    decay: float = setting(0.02, "pull of the weights to zero", low=1e-3, high=0.3, log=True)
    effort: float = setting(1.0, "how long to train, times the usual", low=0.3, high=4.0, log=True)

    def cost(self, job: Shape, on: Machine) -> Cost:
        return network_cost(list(self._layers(job)), self.schedule(job.rows), job, on)

    def _layers(self, job: Shape) -> Iterator[Layer]:
        (side, stride, pool), steps = door_and_steps(job.size, self.stages)
        places = -(-job.size[1] // stride) * -(-job.size[2] // stride)
        yield Layer.filters(places, side, job.size[0], self.width)
        for i, next_pool in enumerate(steps):
            places = max(1, places // math.prod(pool))
            yield Layer.filters(places, 3, self.width << i, self.width << (i + 1))
            pool = next_pool
            for _ in range(self.blocks):
                yield Layer.filters(max(1, places // math.prod(pool)), 3, *[self.width << (i + 1)] * 2)

    def schedule(self, rows: int) -> Schedule:
        """Few examples need many passes in small steps; many have said it all after a few."""
        epochs = math.ceil(self.effort * min(max(8.0, 100_000 / rows), 40.0))
        batch = 2 ** round(math.log2(min(max(32.0, rows / 16), 128.0)))
        return Schedule(epochs, batch, self.rate / 8, self.decay, watches=12, muon=self.rate)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Residual:
        return self.fit_from(None, train, task, clock)

    def fit_from(self, start: State | None, train: Numbers, task: Task, clock: Clock) -> Residual:
        x, y = checked(self.card, train, task)
        design = {"width": self.width, "blocks": self.blocks, "stages": self.stages}
        design = adopted(design, start) | {"size": list(x.shape[1:]), "outputs": task.outputs}
        train = Numbers(train.form, x, y, changes=train.changes)
        return Residual.trained(
            design, train, task, clock, self.schedule, smoothing=self.smoothing, strength=self.strength, start=start
        )
