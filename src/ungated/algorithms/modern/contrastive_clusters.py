"""Groups among what a network sees: two changed copies of a picture are to look alike, and unlike all other pictures.

Nobody says what is in a picture, but a picture that is moved a little, or lit otherwise, shows the same. A network that
must find each copy's twin among hundreds of others learns what stays when that is changed: shapes, and not places or
brightness. In its features pictures of a kind lie together, and centres (k-means) gather them. What may be changed, the
numbers say themselves, so that spectrograms are slid in time and not mirrored. The number of groups is the one that
errs least by the task's own error on the pixels as they are.

Cost: O(epochs n p w²) for p places and w filters, and O(batch²) a step; O(w²) to keep.
Paper: Chen, Kornblith, Norouzi & Hinton, "A simple framework for contrastive learning of visual representations", ICML
2020 (groups in such features: Van Gansbeke et al., "SCAN", ECCV 2020).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ...core.algorithm import Card, Cost, Machine, Task, setting, watch_split
from ...core.clock import Clock
from ...core.numbers import Answer, Array, Change, Floats, Form, Numbers, Shape
from ...engines.augment import changed
from ...engines.centres import k_means
from ...engines.grouping import PICTURE_SIDE, Grouping, Rows, chosen, nearest, shares, shrunk
from ...engines.pixels import Layer, checked, laid, network_cost, reductions
from ...engines.torch_loop import LOADS, Schedule, Trained, descend, from_arrays, session, to_arrays

if TYPE_CHECKING:
    from torch import Tensor, nn

TEMPERATURE = 0.3  # the lower, the more the nearest strangers count
AT_ONCE = 512
LEARNING = 0.8  # of the time that is left
MOST_TRIED = 3000  # pictures on which the number of groups is chosen


def network(size: list[int], width: int) -> Any:
    """The untrained network: pixels to features (n, 4 width); `twin` gives what twins are recognised by."""
    from torch import nn

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            stride = 1 << reductions(tuple(size))
            before = size[0]
            layers: list[nn.Module] = []
            for i, after in enumerate((width, 2 * width, 4 * width)):
                step = stride if i == 0 else 2
                layers += [nn.Conv2d(before, after, 3 if step < 3 else 2 * step - 1, step, padding=1, bias=False)]
                layers += [nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
                before = after
            self.body = nn.Sequential(*layers)
            self.head = nn.Sequential(nn.Linear(before, before), nn.ReLU(), nn.Linear(before, 32))

        def forward(self, x: "Tensor") -> "Tensor":
            found: Tensor = self.body(x).mean(dim=(2, 3))
            return found

        def twin(self, x: "Tensor") -> "Tensor":
            said: Tensor = nn.functional.normalize(self.head(self(x)), dim=1)
            return said

    return Network()


@dataclass(frozen=True)
class Seen(Trained):
    """centres float64 (k, features). mean, deviation float32 (channels,). design: arguments of `network`."""

    design: dict[str, Any]
    mean: Array
    deviation: Array
    centres: Array

    @cached_property
    def net(self) -> "nn.Module":
        return from_arrays(network(**self.design), self.weights)

    def prepared(self, x: "Tensor") -> "Tensor":
        import torch

        mean, deviation = (torch.from_numpy(np.array(a))[:, None, None] for a in (self.mean, self.deviation))
        return laid((x.float() - mean) / deviation)

    def features(self, x: Array) -> Floats:
        """What the network sees in each picture, of length 1, float64 (n, features)."""
        with session(threads=1):
            import torch

            parts = [torch.zeros(0, 4 * self.design["width"])]
            with torch.inference_mode():
                for i in range(0, len(x), AT_ONCE):
                    parts.append(self.net(self.prepared(torch.from_numpy(np.array(x[i : i + AT_ONCE])))))
            found = torch.cat(parts).double().numpy()
        return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12))

    def answer(self, x: Array) -> Answer:
        return shares(nearest(self.features(np.asarray(x)), self.centres), len(self.centres))


@dataclass(frozen=True)
class ContrastiveClusters(Grouping):
    card: ClassVar = Card(
        id="contrastive_clusters",
        name="contrastive network and k-means",
        year=2020,
        paper="Chen et al., A Simple Framework for Contrastive Learning of Visual Representations, ICML (2020)",
        tasks=frozenset({"cluster"}),
        form=Form.PIXELS,
        extras=("modern",),
        loads=LOADS,
        answers_with=("torch",),
        anytime=True,
        skips={"beats the baseline": "the easy set's pictures are in other groups than its rows, which judge"},
    )
    fitted: ClassVar = Seen

    width: int = setting(24, "filters of the first layer")
    strength: float = setting(1.5, "how far pictures are changed, times the usual")
    effort: float = setting(1.0, "how long to train, times the usual")

    def schedule(self, rows: int) -> Schedule:
        epochs = math.ceil(self.effort * min(max(10.0, 200_000 / max(rows, 1)), 100.0))
        return Schedule(epochs, int(np.clip(rows // 4, 2, 256)), rate=2e-3, decay=0.01, watches=10)

    def cost(self, job: Shape, on: Machine) -> Cost:
        stride = 1 << reductions(job.size)
        places, w = job.size[1] * job.size[2] / stride**2, self.width
        layers = [
            Layer.filters(2 * places, 3, job.size[0], w),
            Layer.filters(places / 2, 3, w, 2 * w),
            Layer.filters(places / 8, 3, 2 * w, 4 * w),
        ]
        tried = 25 * 6e-8 * min(job.rows, 2000) ** 2
        cost = network_cost(layers, self.schedule(job.rows), job, on)
        return Cost(cost.seconds + tried, cost.bytes + 8.0 * min(job.rows, MOST_TRIED) * PICTURE_SIDE**2)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Seen:
        x, _ = checked(self.card, train, task)
        some = x[:: max(1, len(x) // 5000)].astype(np.float32)
        mean, deviation = some.mean(axis=(0, 2, 3)), some.std(axis=(0, 2, 3))
        deviation = np.where(deviation > 1e-6, deviation, 1).astype(np.float32)
        design = {"size": list(x.shape[1:]), "width": self.width}
        blank = Seen({}, design, mean, deviation, np.zeros((1, 4 * self.width)))
        part = replace(clock, seconds=clock.spent() + LEARNING * clock.left())  # groups are yet to be found
        blank = replace(blank, weights=self._learned(blank, replace(train, x=x), task, part))
        kept = np.sort(np.random.default_rng(clock.seed).permutation(len(x))[:MOST_TRIED])
        features, small = blank.features(x[kept]), shrunk(x[kept])
        rows = Rows(features, small, np.ones(features.shape[1]))

        def proposals() -> Iterator[tuple[float, Array]]:
            for k in self.counts(rows):
                yield k, k_means(features, k, clock)[1]

        groups = chosen(proposals(), rows, task, clock, self.groups, self.give)
        return replace(blank, centres=np.stack([features[groups == g].mean(axis=0) for g in range(groups.max() + 1)]))

    def _learned(self, blank: Seen, train: Numbers, task: Task, clock: Clock) -> dict[str, Array]:
        """The weights of the network that tells twins."""
        allowed = train.changes or frozenset({Change.SHIFT, Change.LIGHT})
        learn, watched = watch_split(train, task, clock.seed) if len(train) > 20 else (train, train)
        if len(learn) < 2:
            learn = learn.take(np.zeros(2, np.int64))
        few = watched.x[:AT_ONCE]

        def twins(net: "nn.Module", x: "Tensor") -> "Tensor":
            import torch
            from torch.nn import functional

            pixels = blank.prepared(x)
            pair = torch.cat([laid(changed(pixels, allowed, self.strength)) for _ in range(2)])
            said = net.twin(pair)  # type: ignore[operator]
            alike = said @ said.T / TEMPERATURE
            alike = alike.masked_fill(torch.eye(len(alike), dtype=torch.bool), -torch.inf)
            other = torch.arange(len(alike)).roll(len(x))
            return functional.cross_entropy(alike, other)

        def error_watched(net: "nn.Module") -> float:
            import torch

            with torch.inference_mode():
                return float(twins(net, torch.from_numpy(np.array(few))))

        with session(clock.threads, clock.seed):
            import torch

            net = network(**blank.design)
            descend(net, (torch.from_numpy(np.array(learn.x)),), twins, error_watched, self.schedule(len(learn)), clock)
            return to_arrays(net)
