"""A vision transformer: the picture is cut into patches, and every patch asks every other what it has seen.

Filters see their neighbourhood only, and far parts of a picture meet late. Attention lets them meet at once: each patch
is a vector; it asks a question (a weighted sum of its numbers), every patch offers a key and a value, and the answer is
the mean of the values, weighted by how well each key fits the question. Several heads ask different things side by
side. Between such layers a small network of two layers works on each patch alone, and both only add corrections to what
was there. Where a patch lies is told by waves of several lengths added to it, across and down (Vaswani 2017).

A transformer assumes less than filters do, and so needs more examples; with few it is helped by a few layers of filters
that make the patches (Xiao 2021), which is done here. Their answers are averaged over all patches in the end (Beyer
2022). Matrices learn by Muon. Label smoothing is undone in the answer; where an example may be mirrored, the answer is
the mean of both ways.

Cost: O(epochs n (p d² + p² d)) time for p patches as vectors of d numbers; O(n + p²) memory beyond the pixels.
Paper: Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021 (arXiv 2020); patches by filters: Xiao et al.,
"Early Convolutions Help Transformers See Better", NeurIPS 2021; the mean: Beyer, Zhai & Kolesnikov 2022.
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

HEAD = 16  # numbers in one head's question


def network(size: list[int], outputs: int, width: int, depth: int) -> Any:
    """The untrained network: x (n, channels, height, width) float32 to scores (n, outputs). size: of one example.

    A function, because its classes need torch, which is imported only when a network is trained or asked.
    """
    import torch
    from torch import nn
    from torch.nn import functional

    class Attention(nn.Module):
        """Every patch asks every other: h (n, patches, width) to the correction of the same shape."""

        def __init__(self) -> None:
            super().__init__()
            self.query, self.key, self.value, self.out = (nn.Linear(width, width, bias=False) for _ in range(4))

        def forward(self, h: "Tensor") -> "Tensor":
            asks, keys, values = (
                part(h).unflatten(2, (-1, HEAD)).transpose(1, 2) for part in (self.query, self.key, self.value)
            )
            # Written out: for so few patches torch's fused attention takes ten times as long to go back through.
            heeds = (asks @ keys.mT * HEAD**-0.5).softmax(dim=3)
            return self.out((heeds @ values).transpose(1, 2).flatten(2))

    class Block(nn.Module):
        """h + attention, then + a network for each patch alone."""

        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
            self.attention = Attention()
            self.into, self.back = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

        def forward(self, h: "Tensor") -> "Tensor":
            h = h + self.attention(self.first(h))
            return h + self.back(functional.gelu(self.into(self.second(h))))

    class Network(nn.Module):
        places: "Tensor"

        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(size[0], width // 2, 3, padding=1, bias=False, stride=strides(size)[0])
            self.patches = nn.Conv2d(width // 2, width, 3, padding=1, bias=False, stride=strides(size)[1])
            self.normals = nn.ModuleList([nn.BatchNorm2d(width // 2), nn.BatchNorm2d(width)])
            down, across = grid(size)
            self.register_buffer("places", waves(down, across, width), persistent=False)
            self.blocks = nn.ModuleList(Block() for _ in range(depth))
            self.last = nn.LayerNorm(width)
            self.head = nn.Linear(width, outputs)
            nn.init.normal_(self.head.weight, std=0.01)

        def forward(self, x: "Tensor") -> "Tensor":
            h = functional.relu(self.normals[0](self.stem(x)))
            h = self.normals[1](self.patches(h)).flatten(2).transpose(1, 2) + self.places
            for block in self.blocks:
                h = block(h)
            return self.head(self.last(h.float()).mean(dim=1)).float()

    def waves(height: int, across: int, width: int) -> "Tensor":
        """Sines and cosines of several lengths down and across, (height * across, width)."""
        speeds = 50 ** -(torch.arange(width // 4) / max(1, width // 4 - 1))
        down = torch.arange(height)[:, None, None] * speeds.expand(1, across, -1)
        along = torch.arange(across)[None, :, None] * speeds.expand(height, 1, -1)
        return torch.cat([down.sin(), down.cos(), along.sin(), along.cos()], 2).flatten(0, 1)

    return Network()


def strides(size: list[int] | tuple[int, ...]) -> tuple[int, int]:
    """The strides of the two layers that make patches, so that about 7 by 7 patches come of them."""
    halved = reductions(tuple(size)) + 1
    return 1 << (halved // 2), 1 << (halved - halved // 2)


def grid(size: list[int] | tuple[int, ...]) -> list[int]:
    """How many patches there are down and across."""
    first, second = strides(size)
    return [math.ceil(math.ceil(side / first) / second) for side in size[1:]]


@dataclass(frozen=True)
class Patches(PixelNet):
    build: ClassVar = staticmethod(network)


@dataclass(frozen=True)
class VisionTransformer(Algorithm):
    card: ClassVar = Card(
        id="vision_transformer",
        name="vision transformer",
        year=2020,
        paper="Dosovitskiy et al., An Image is Worth 16x16 Words, ICLR 2021 (arXiv 2020)",
        tasks=frozenset({"classify", "regress"}),
        form=Form.PIXELS,
        extras=("modern",),
        loads=LOADS,
        answers_with=("torch",),
        anytime=True,
        transfers=True,
    )
    fitted: ClassVar = Patches
    variants: ClassVar = ({"width": 96, "effort": 2.0}, {"depth": 6, "strength": 2.0})

    width: int = setting(64, "numbers in the vector of a patch", choices=(32, 64, 96, 128, 192))
    depth: int = setting(3, "layers of attention", low=1, high=8)
    strength: float = setting(1.0, "how far examples are changed, where they may be", low=0.0, high=3.0)
    smoothing: float = setting(0.1, "label smoothing, undone in the answer", low=0.0, high=0.2)
    rate: float = setting(0.02, "highest learning rate of the matrices (Muon)", low=5e-3, high=0.06, log=True)
    decay: float = setting(0.05, "pull of the weights to zero", low=1e-3, high=0.5, log=True)
    effort: float = setting(1.0, "how long to train, times the usual", low=0.3, high=4.0, log=True)

    def cost(self, job: Shape, on: Machine) -> Cost:
        return network_cost(list(self._layers(job)), self.schedule(job.rows), job, on)

    def _layers(self, job: Shape) -> Iterator[Layer]:
        d, patches = self.width, math.prod(grid(job.size))
        places = math.prod(-(-side // strides(job.size)[0]) for side in job.size[1:])
        yield Layer.filters(places, 3, job.size[0], d // 2)
        yield Layer.filters(patches, 3, d // 2, d)
        for _ in range(self.depth):
            yield Layer(2.0 * patches**2 * d, 6.0 * patches * d, 0)
            yield Layer(4.0 * patches * d * d, 4.0 * patches * d, 4.0 * d * d, d)
            yield Layer(4.0 * patches * d * d, 6.0 * patches * d, 4.0 * d * d, d)

    def schedule(self, rows: int) -> Schedule:
        """Few examples need many passes in small steps; many have said it all after a few."""
        epochs = math.ceil(self.effort * min(max(8.0, 100_000 / rows), 25.0))
        batch = 2 ** round(math.log2(min(max(32.0, rows / 16), 128.0)))
        return Schedule(epochs, batch, self.rate / 8, self.decay, watches=12, muon=self.rate)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Patches:
        return self.fit_from(None, train, task, clock)

    def fit_from(self, start: State | None, train: Numbers, task: Task, clock: Clock) -> Patches:
        x, y = checked(self.card, train, task)
        design = adopted({"width": self.width, "depth": self.depth}, start)
        design |= {"size": list(x.shape[1:]), "outputs": task.outputs}
        train = Numbers(train.form, x, y, changes=train.changes)
        return Patches.trained(
            design, train, task, clock, self.schedule, smoothing=self.smoothing, strength=self.strength, start=start
        )
