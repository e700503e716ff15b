"""The door and the way of every network that eats pixels: what comes in is checked, what is learned is saved.

It does not know which network it trains nor what the pixels show: a photograph, a digit or a spectrogram. Pixels are
centred and scaled by the mean and deviation of the training examples' own; what else may be done to them, the numbers
say themselves (see engines/augment.py). Arrays lie with their channels last, which is how convolutions are fastest, and
are multiplied in bf16 while learning where the processor gains by it. Answers are made in float32, so that they are the
same on every machine and in any company.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from ..core.algorithm import Card, Cost, Machine, State, Task, watch_split
from ..core.clock import Clock
from ..core.errors import InputError
from ..core.numbers import Answer, Array, Change, Floats, Numbers, Shape
from .augment import changed, mirrored
from .rows import check_counts, checked_answers
from .spoken import Spoken, begin_with
from .torch_loop import Schedule, bf16_pays, descend, from_arrays, session, to_arrays

if TYPE_CHECKING:
    from torch import Tensor, nn

WATCHED = 0.1, 1500  # examples set aside to watch: a share, and at most so many, since watching costs time
AT_ONCE = 2**21  # pixels answered in one batch


def checked(card: Card, train: Numbers, task: Task) -> tuple[Array, Array]:
    """x as uint8 or float32 (n, channels, height, width), y as int64 codes (classify) or float64 (regress), or why not.

    Raises InputError for examples without pixels, no examples, pixels that are missing or infinite, and answers that
    are not finite numbers or not class codes.
    """
    x = np.asarray(train.x)
    if x.ndim != 4 or 0 in x.shape[1:]:
        raise InputError(f"{card.id}: there is no row or column of pixels to learn from (shape {x.shape}).")
    check_counts(card, train)
    if x.dtype != np.uint8:
        x = x.astype(np.float32)
        bad = ~np.isfinite(x.reshape(len(x), -1)).all(axis=1)
        if bad.any():
            raise InputError(f"{card.id}: a pixel is missing or infinite in training row {int(bad.argmax()) + 1}.")
    return x, checked_answers(card, train, task)


@dataclass(frozen=True)
class Layer:
    """What a layer costs. products: multiplications for one example, forwards; made: numbers that it hands on.

    weights: how many it has; narrow: the shorter side of their matrix, or 0 where Muon leaves them alone.
    """

    products: float
    made: float
    weights: float
    narrow: float = 0.0

    @classmethod
    def filters(cls, places: float, side: int, before: int, after: int) -> Self:
        """A layer of filters of side by side at so many places, from `before` maps to `after`."""
        seen = side * side * before
        return cls(places * seen * after, places * after, seen * after, min(seen, after))


def network_cost(layers: Sequence[Layer], plan: Schedule, job: Shape, on: Machine) -> Cost:
    """Seconds and bytes of training a network of those layers.

    Backwards costs twice what forwards does. A number that a layer makes is read and written again by whatever
    normalises and bends it, then and on the way back.
    """
    products, made = sum(layer.products for layer in layers), sum(layer.made for layer in layers) + job.width
    weights, visits = sum(layer.weights for layer in layers), plan.epochs * job.rows
    fast = 2.0 if on.bf16 else 1.0
    example = 6.0 * products / (fast * on.gflops * 1e9) + 45.0 * made / on.bandwidth
    turned = sum(20.0 * layer.narrow * layer.weights for layer in layers) / (fast * on.gflops * 1e9)
    step = 1.5e-4 * len(layers) + 1e-3 + turned + 60.0 * weights / on.bandwidth
    seconds = 0.3 + visits * example + math.ceil(visits / plan.batch) * step
    return Cost(seconds, 2.5e8 + 3.0 * job.rows * job.width + plan.batch * 16.0 * made + 24.0 * weights)


def adopted(design: dict[str, Any], start: State | None) -> dict[str, Any]:
    """The design, but for what an earlier network says of its own, so that its weights have a place."""
    earlier = start.values.get("design", {}) if start is not None else {}
    return {k: earlier.get(k, v) for k, v in design.items()}


def reductions(size: tuple[int, ...]) -> int:
    """How many times pictures of that size, (channels, height, width), are halved at the door, to about 14 by 14."""
    return max(0, round(math.log2(max(1.0, math.sqrt(size[1] * size[2])) / 14)))


@dataclass(frozen=True, kw_only=True)
class PixelNet(Spoken):
    """A network trained on pixels; a subclass says how it is built, by a design that holds `size` and `outputs`.

    mean, deviation: of each channel, float32 (channels,). mirror: whether answers are the mean of those for the example
    and for its mirror image.
    """

    mean: Array
    deviation: Array
    mirror: bool = False

    build: ClassVar[Callable[..., Any]]

    @cached_property
    def net(self) -> "nn.Module":
        import torch

        net = from_arrays(type(self).build(**self.design), self.weights)
        return net.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def answer(self, x: Array) -> Answer:
        with session(threads=1):  # its answers do not change with the number of threads, and a few rows need no more
            return self.spoken(self.scores(self.net, np.asarray(x), self.mirror))

    def scores(self, net: "nn.Module", x: Array, mirror: bool) -> Floats:
        """What `net` gives for each example, float64 (n, outputs), in batches; the mean of both ways if `mirror`."""
        import torch

        batch = max(1, min(1024, AT_ONCE // max(1, int(np.prod(x.shape[1:])))))
        parts = [torch.zeros(0, self.design["outputs"])]
        with torch.inference_mode():
            for i in range(0, len(x), batch):
                pixels = self.prepared(torch.from_numpy(np.array(x[i : i + batch])))
                said = net(laid(pixels))
                parts.append((said + net(laid(mirrored(pixels)))) / 2 if mirror else said)
            return torch.cat([part.float() for part in parts]).double().numpy()

    def prepared(self, x: "Tensor") -> "Tensor":
        """The pixels, of any dtype, as the network takes them: float32, centred, scaled."""
        import torch

        mean, deviation = (torch.from_numpy(np.array(a))[:, None, None] for a in (self.mean, self.deviation))
        return (x.float() - mean) / deviation

    @classmethod
    def trained(
        cls,
        design: dict[str, Any],
        train: Numbers,
        task: Task,
        clock: Clock,
        plan: Callable[[int], Schedule],
        *,
        smoothing: float = 0.0,
        strength: float = 1.0,
        start: State | None = None,
    ) -> Self:
        """A network of that design, trained on `train` as `checked` gave it, from `start`'s weights where they fit.

        plan: from the number of rows learned from to the schedule. strength: of the changes that `train` allows.
        """
        learn, watched = _parted(train, task, clock.seed)
        blank, target = cls.blank(design, learn.y, task, smoothing, **_spread(learn))

        def error_watched(net: "nn.Module") -> float:
            with precision(learn.x.shape[1:]):
                return task.loss(watched.y, blank.spoken(blank.scores(net, watched.x, mirror=False)))

        with session(clock.threads, clock.seed):
            import torch

            net = cls.build(**design)
            if start is not None:
                begin_with(net, start)
            net.to(memory_format=torch.channels_last)
            tensors = torch.from_numpy(learn.x), torch.from_numpy(target)
            loss = blank._loss(learn.changes, strength)
            course = dataclasses.replace(plan(len(learn)), bf16=bf16_pays())
            descend(net, tensors, loss, error_watched, course, clock)
            return dataclasses.replace(blank, weights=to_arrays(net))

    def _loss(self, allowed: frozenset[Change], strength: float) -> Callable[..., "Tensor"]:
        """The loss of a minibatch: pixels prepared, changed as is allowed, answered in the precision that pays."""
        from torch.nn import functional

        def said(net: "nn.Module", x: "Tensor") -> "Tensor":
            pixels = laid(changed(self.prepared(x), allowed, strength))
            with precision(x.shape[1:]):
                return net(pixels).float()

        def of_classes(net: "nn.Module", x: "Tensor", y: "Tensor") -> "Tensor":
            return functional.cross_entropy(said(net, x), y, label_smoothing=self.smoothing)

        def of_values(net: "nn.Module", x: "Tensor", y: "Tensor") -> "Tensor":
            return functional.mse_loss(said(net, x)[:, 0], y)

        return of_classes if self.task == "classify" else of_values


def _spread(learn: Numbers) -> dict[str, Any]:
    """The mean and deviation of each channel, from at most about 5,000 examples, and whether mirror images count."""
    some = learn.x[:: max(1, len(learn) // 5000)].astype(np.float32)
    mean, deviation = some.mean(axis=(0, 2, 3), dtype=np.float64), some.std(axis=(0, 2, 3), dtype=np.float64)
    return {
        "mean": mean.astype(np.float32),
        "deviation": np.where(deviation > 1e-6, deviation, 1).astype(np.float32),
        "mirror": Change.MIRROR in learn.changes,
    }


def laid(x: "Tensor") -> "Tensor":
    """The same pixels with their channels last in memory."""
    import torch

    return x.contiguous(memory_format=torch.channels_last)


def precision(size: Sequence[int]) -> AbstractContextManager[Any]:
    """Products in bf16 where they pay, for examples of that size.

    Not where one side is a point or far the shorter: filters that stride over the whole of it get gradients that are
    not numbers from oneDNN (seen with torch 2.13, only in bf16).
    """
    import torch

    sound = min(size[1:]) >= 8 and max(size[1:]) <= 7 * min(size[1:])
    return torch.autocast("cpu", torch.bfloat16, enabled=sound and bf16_pays())


def _parted(train: Numbers, task: Task, seed: int) -> tuple[Numbers, Numbers]:
    """Examples to learn from and to watch. A single one is learned from twice: a batch's deviation needs two."""
    if len(train) == 1:
        return train.take(np.array([0, 0])), train
    share, most = WATCHED
    learn, watched = watch_split(train, task, seed, min(share, most / len(train)))
    return (learn if len(learn) > 1 else learn.take(np.array([0, 0]))), watched
