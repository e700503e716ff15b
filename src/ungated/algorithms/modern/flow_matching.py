"""From noise to a picture along a straight line, whose direction a network has learned.

Take a picture and a square of pure noise, and walk straight from one to the other: at each moment of the walk stands a
mixture, and its direction is picture minus noise. A network sees mixtures of every training picture with ever new
noise, at moments drawn at random, and learns to say the direction (mean squared error; no adversary, no likelihood).
Where many lines cross, the best answer is the mean of their directions. Those means make a flow, and whoever follows it
from fresh noise, a few steps long, arrives at a picture that was never there but might have been (Lipman 2022). Each
step goes where the network says, corrected by how its word has changed since the step before (Adams & Bashforth 1883):
a dozen such steps come nearer to the end of the flow than ten of Heun's, which ask twice.

Classes: the network is told the class, but now and then it is not, so that it knows both. What the class changes in
the direction can then be exaggerated: pictures become more typical and less various (guidance, Ho & Salimans 2021).
Large pictures are scaled down to `side` pixels each way before they are learned, and enlarged after they are made.
The last stroke is ours: a network never hits exactly the black or the ground that most pixels have. The levels that it
makes are bent, each channel by one rising curve, until they are as frequent as in the training pictures.

Cost: O(epochs n h w k²) time for maps of h by w and k channels, and as many steps again for each picture made;
O(n h w) memory for the pictures and O(batch h w k) for what a step keeps.
Paper: Lipman, Chen, Ben-Hamu, Nickel & Le, "Flow Matching for Generative Modeling", ICLR 2023 (arXiv 2022); the same
lines: Liu, Gong & Liu, "Flow Straight and Fast" (rectified flow), 2022.
"""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ...core.algorithm import Algorithm, Card, Cost, Machine, Maker, Task, setting
from ...core.clock import Clock
from ...core.numbers import Answer, Array, Form, Numbers, Shape, spread
from ...engines.made import checked_pictures, levels_like, proportional, relevelled, rounded, straight
from ...engines.pixels import Layer, network_cost, precision
from ...engines.torch_loop import LOADS, Schedule, Trained, bf16_pays, descend, from_arrays, session, to_arrays
from ...engines.unet import folding, padded, unet

if TYPE_CHECKING:
    from torch import Tensor, nn

AT_ONCE = 128  # pictures made together
FEW = 32  # pictures that are made exactly; an exam is made more quickly
BENT = 256  # pictures made to see how frequent their levels are
WATCHED = 0.1, 512  # training pictures set aside to watch: a share, and at most so many
UNTOLD = 0.1  # share of examples whose class is not told
DESIGN = ("width", "blocks")


@dataclass(frozen=True, kw_only=True)
class Flow(Trained, Maker):
    """A network that says the direction.

    design: arguments of `unet`. shape: (c, h, w) of a picture as it was given. scaled: (h, w) at which it was learned.
    shares: float64 (classes,), how frequent each class is. levels: float32 (c, LEVELS), see `relevelled`.
    steps: from noise to picture. guidance: how far the class is exaggerated, 0 for not at all.
    """

    design: dict[str, Any]
    shape: list[int]
    scaled: list[int]
    shares: Array
    levels: Array
    steps: int
    guidance: float

    @cached_property
    def net(self) -> "nn.Module":
        import torch

        return from_arrays(unet(**self.design), self.weights).to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def answer(self, x: Array) -> Answer:
        labels = proportional(self.shares, len(x))
        made = relevelled(self.raw(labels, seed=0, exact=len(x) <= FEW)[0], self.levels)
        return made.reshape(len(x), -1).astype(np.float64)

    def make(self, labels: Array, seed: int, guidance: float | None = None) -> Array:
        """Pictures of those classes, uint8 (count, c, h, w). guidance: another than the fitted one."""
        return self.make_steps(labels, seed, 1, guidance)[0]

    def make_steps(self, labels: Array, seed: int, moments: int = 6, guidance: float | None = None) -> Array:
        """The same pictures on their way out of the noise, uint8 (moments, count, c, h, w), the last ones done."""
        return np.stack([rounded(relevelled(part, self.levels)) for part in self.raw(labels, seed, moments, guidance)])

    def raw(
        self, labels: Array, seed: int, moments: int = 1, guidance: float | None = None, exact: bool = True
    ) -> Array:
        """As `make_steps` before the last stroke: float32, about -1 to 1.

        AT_ONCE are made at a time; what a picture becomes does not depend on how many there are. exact: the same on
        every machine; else in bf16 where that is quicker, which moves pixels by a level at most times.
        """
        import torch

        rng, parts = np.random.default_rng(seed), [np.empty((moments, 0, *self.shape), np.float32)]
        guidance = self.guidance if guidance is None else guidance
        quick = nullcontext() if exact else precision(self.design["size"])
        with session(torch.get_num_threads()), torch.inference_mode(), quick:
            for i in range(0, len(labels), AT_ONCE):
                told = torch.from_numpy(np.array(labels[i : i + AT_ONCE], np.int64))
                noise = torch.from_numpy(rng.standard_normal((len(told), *self.design["size"]), np.float32))
                parts.append(np.stack([self._cut(x) for x in self._flowed(noise, told, guidance, moments)]))
        return np.concatenate(parts, axis=1)

    def _flowed(self, x: "Tensor", label: "Tensor", guidance: float, moments: int) -> "Iterator[Tensor]":
        """The mixture at so many moments, from noise (where there are several) to picture."""
        import torch

        untold = torch.full_like(label, self.design["classes"])
        shown = set(np.linspace(0, self.steps, moments).round().astype(int)[-moments:]) if moments > 1 else {self.steps}

        def direction(x: "Tensor", time: float) -> "Tensor":
            at = torch.full((len(x),), time)
            told = self.net(x, at, label)
            return told if not guidance else told + guidance * (told - self.net(x, at, untold))

        if 0 in shown:
            yield x
        before = None
        for k in range(self.steps):
            here = direction(x, k / self.steps)
            x = x + (here if before is None else 1.5 * here - 0.5 * before) / self.steps
            before = here
            if k + 1 in shown:
                yield x

    def _cut(self, x: "Tensor") -> Array:
        """Without the padding, and in the size in which pictures were given."""
        from torch.nn import functional

        x = x[:, :, : self.scaled[0], : self.scaled[1]].float()
        if self.shape[1:] != self.scaled:
            x = functional.interpolate(x, self.shape[1:], mode="bicubic", align_corners=False)
        return x.contiguous().numpy()


@dataclass(frozen=True)
class FlowMatching(Algorithm):
    card: ClassVar = Card(
        id="flow_matching",
        name="flow matching",
        year=2022,
        paper="Lipman et al., Flow Matching for Generative Modeling, ICLR 2023 (arXiv 2022)",
        tasks=frozenset({"generate"}),
        form=Form.PIXELS,
        extras=("modern",),
        loads=LOADS,
        answers_with=("torch",),
        anytime=True,
    )
    fitted: ClassVar = Flow
    variants: ClassVar = ({"effort": 4.0}, {"blocks": 2, "effort": 2.0}, {"width": 64, "effort": 2.0})

    width: int = setting(48, "channels at full size; half size has twice as many", choices=(32, 48, 64, 96))
    blocks: int = setting(1, "blocks at each size, each way", low=1, high=3)
    side: int = setting(32, "pixels each way to which larger pictures are scaled down", low=8, high=128)
    steps: int = setting(12, "steps from noise to picture", choices=(6, 8, 12, 16, 24, 50))
    guidance: float = setting(0.0, "how far the class is exaggerated when pictures are made")
    rate: float = setting(0.04, "highest learning rate of the filters (Muon)", low=0.005, high=0.1, log=True)
    effort: float = setting(1.0, "how long to train, times the usual", low=0.3, high=4.0, log=True)

    def schedule(self, rows: int) -> Schedule:
        """Four hundred thousand examples, but 60 passes at most; small batches, since steps are what it lacks.

        From a few hundred pictures little can be learned, and a longer course is a variant.
        """
        epochs = math.ceil(self.effort * min(max(5.0, 400_000 / rows), 60.0, 5 + rows / 10))
        batch = 64 if rows > 4000 else 32
        return Schedule(epochs, batch, self.rate / 10, decay=0.01, warm=0.05, watches=24, muon=self.rate)

    def cost(self, job: Shape, on: Machine) -> Cost:
        return network_cost(list(self._layers(job)), self.schedule(job.rows), job, on)

    def _layers(self, job: Shape) -> Iterator[Layer]:
        size = (job.size[0], *_within(job.size, self.side))
        fold, (height, width) = folding(size), padded(size)
        full, inner, k = height * width / fold**2, size[0] * fold**2, self.width
        yield Layer.filters(full, 3, inner, k)
        for _ in range(self.blocks):
            yield from (Layer.filters(full, 3, k, k), Layer.filters(full, 3, k, k))
            yield from (Layer.filters(full / 4, 3, 2 * k, 2 * k), Layer.filters(full / 4, 3, 2 * k, 2 * k))
            yield from (Layer.filters(full, 3, 2 * k, k), Layer.filters(full, 3, k, k))
        yield Layer.filters(full / 4, 3, k, 2 * k)
        yield Layer.filters(full, 3, k, inner)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Flow:
        x, y = checked_pictures(self.card, train)
        classes, scaled = int(y.max()) + 1, _within(x.shape[1:], self.side)
        with session(clock.threads, clock.seed):
            pictures = _prepared(x, scaled)
            flow = Flow(
                weights={},
                design={"size": list(pictures.shape[1:]), "classes": classes} | {k: getattr(self, k) for k in DESIGN},
                shape=list(x.shape[1:]),
                scaled=list(scaled),
                shares=np.bincount(y, minlength=classes) / len(y),
                levels=straight(x.shape[1]),
                steps=self.steps,
                guidance=self.guidance if classes > 1 else 0.0,
            )
            course = replace(self.schedule(len(x)), bf16=bf16_pays())
            kept = _making(flow, BENT + getattr(task, "asks", 0), clock)
            flow = _trained(flow, pictures, y, course, replace(clock, seconds=clock.seconds - kept))
            if clock.expired:
                return flow
            return replace(
                flow, levels=levels_like(flow.raw(proportional(flow.shares, BENT), clock.seed, exact=False)[0], x)
            )


def _making(flow: Flow, count: int, clock: Clock) -> float:
    """Seconds to keep for making so many pictures once all is learned; four tenths of the time at most."""
    if not 0.5 < clock.left() < math.inf:
        return 0.0
    untrained = replace(flow, weights=to_arrays(unet(**flow.design)))
    untrained.raw(np.zeros(8, np.int64), 0, exact=False)  # the first time, libraries set themselves up
    began = time.monotonic()
    untrained.raw(np.zeros(32, np.int64), 0, exact=False)
    return min(1.3 * count / 32 * (time.monotonic() - began), 0.4 * clock.left())


def _within(size: Sequence[int], side: int) -> tuple[int, int]:
    """Height and width of pictures (c, h, w) when neither is more than `side`."""
    return min(size[1], side), min(size[2], side)


def _prepared(x: Array, scaled: tuple[int, int]) -> "Tensor":
    """Pictures scaled down, then padded by their own edge so that they can be folded: uint8."""
    import torch
    from torch.nn import functional

    height, width = padded((x.shape[1], *scaled))
    room = (0, width - scaled[1], 0, height - scaled[0])
    parts = []
    for i in range(0, len(x), 1024):
        part = torch.from_numpy(np.array(x[i : i + 1024]))
        if x.shape[2:] != scaled:
            part = functional.interpolate(part.float(), scaled, mode="bilinear", antialias=True).round().to(torch.uint8)
        parts.append(functional.pad(part.float(), room, mode="replicate").to(torch.uint8) if any(room) else part)
    return torch.cat(parts)


def _trained(flow: Flow, pictures: "Tensor", y: Array, course: Schedule, clock: Clock) -> Flow:
    """`flow` with weights that say the direction from noise to picture in every mixture of the two."""
    import torch

    design = flow.design
    net, labels, classes = unet(**design), torch.from_numpy(y), design["classes"]
    learn, watched = _parted(y, clock.seed)

    def missed(net: "nn.Module", x: "Tensor", noise: "Tensor", moment: "Tensor", label: "Tensor") -> "Tensor":
        with precision(design["size"]):
            said = net(torch.lerp(noise, x, moment[:, None, None, None]), moment, label)
        return (said.float() - (x - noise)).square().mean()

    def loss(net: "nn.Module", row: "Tensor") -> "Tensor":
        x, label = _spanned(pictures[row]), labels[row]
        if classes > 1:
            label = torch.where(torch.rand(len(x)) < UNTOLD, classes, label)
        moment = torch.randn(len(x)).sigmoid()  # mostly in the middle, where most lines cross (Esser et al. 2024)
        return missed(net, x, torch.randn_like(x), moment, label)

    still = torch.Generator().manual_seed(clock.seed)
    x, label = _spanned(pictures[watched]), labels[watched]
    noise, moment = torch.randn(x.shape, generator=still), (torch.arange(len(x)) + 0.5) / len(x)

    def watch(net: "nn.Module") -> float:
        with torch.inference_mode():
            parts = zip(*(a.split(AT_ONCE) for a in (x, noise, moment, label)), strict=True)
            return float(np.average([missed(net, *p) for p in parts], weights=[len(p) for p in x.split(AT_ONCE)]))

    def so_far(net: "nn.Module") -> Flow:
        return replace(flow, weights=to_arrays(net))

    descend(net, [learn], loss, watch, course, clock, so_far=so_far)
    return so_far(net)


def _spanned(x: "Tensor") -> "Tensor":
    """Bytes as float32 from -1 to 1."""
    return x.float() / 127.5 - 1


def _parted(y: Array, seed: int) -> "tuple[Tensor, Tensor]":
    """Rows to learn from and rows to watch, of each class alike; a single picture is both."""
    import torch

    share, most = WATCHED
    order = torch.from_numpy(spread(y, len(y), np.random.default_rng(seed)))
    watched = min(max(1, round(share * len(y))), most)
    return (order[watched:], order[:watched]) if len(y) > 1 else (order, order)
