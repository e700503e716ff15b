"""The door and the way of every network that eats tokens: what comes in is checked, what is learned is saved.

It does not know which network it trains nor what the tokens stand for: words, notes or moves. Examples are padded at
the end with 0; whatever a network says of one must not depend on how much padding stands there, so batches are cut to
their longest example, and examples of like length share a batch.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from ..core.algorithm import Card, State, Task, watch_split
from ..core.clock import Clock
from ..core.errors import InputError
from ..core.numbers import Answer, Array, Numbers
from .rows import check_counts, checked_answers
from .spoken import Spoken, begin_with
from .torch_loop import Schedule, descend, from_arrays, session, to_arrays

if TYPE_CHECKING:
    from torch import Tensor, nn


def checked(card: Card, train: Numbers, task: Task) -> tuple[Array, Array]:
    """x as int32 (n, length), y as int64 codes (classify) or float64 (regress), or the reason why not.

    Raises InputError for examples of no length, no examples, codes outside 0..levels-1, and answers that are not
    finite numbers or not class codes.
    """
    x = np.asarray(train.x)
    if x.ndim != 2 or x.shape[1] == 0 or not np.issubdtype(x.dtype, np.integer):
        raise InputError(f"{card.id}: there are no tokens to learn from (shape {x.shape}, {x.dtype}).")
    check_counts(card, train)
    outside = (x < 0) | (x >= train.levels)
    if outside.any():
        row = int(outside.any(axis=1).argmax())
        code = int(x[row][outside[row]][0])
        raise InputError(f"{card.id}: code {code} in training row {row + 1}; codes go from 0 to {train.levels - 1}.")
    return x.astype(np.int32), checked_answers(card, train, task)


def lengths(x: Array) -> Array:
    """How many positions of each example come before its padding: int64 (n,)."""
    return np.where((x > 0).any(axis=1), x.shape[1] - (x[:, ::-1] > 0).argmax(axis=1), 0)


def cropped(x: "Tensor") -> "Tensor":
    """A batch without the positions where every example is padded, but for one."""
    import torch

    used = (x > 0).any(dim=0)
    return x[:, : max(1, int(torch.where(used)[0][-1]) + 1 if used.any() else 1)].long()


@dataclass(frozen=True)
class TokenNet(Spoken):
    """A network trained on tokens; a subclass says how it is built, and what of its design shapes the body."""

    build: ClassVar[Callable[..., Any]]
    body: ClassVar[tuple[str, ...]]

    @cached_property
    def net(self) -> "nn.Module":
        return from_arrays(type(self).build(**self.design), self.weights)

    def answer(self, x: Array) -> Answer:
        with session(threads=1):  # its answers do not change with the number of threads, and a few rows need no more
            return self.spoken(scores(self.net, np.asarray(x)))

    @classmethod
    def trained(
        cls,
        design: dict[str, Any],
        train: Numbers,
        task: Task,
        clock: Clock,
        plan: Schedule,
        smoothing: float = 0.0,
        start: State | None = None,
    ) -> Self:
        """A network of that design, trained on `train` as `checked` gave it.

        start: what another of its kind learned. Its body's design is taken over, and its weights but for the head's;
        the tokens' vectors too where there are as many tokens, which must then be the same ones.
        """
        if start is not None:
            design = design | {name: start.values["design"][name] for name in cls.body}
        learn, watched = watch_split(train, task, clock.seed) if len(train) > 1 else (train, train)
        blank, target = cls.blank(design, learn.y, task, smoothing)

        def error_watched(net: "nn.Module") -> float:
            return task.loss(watched.y, blank.spoken(scores(net, watched.x)))

        with session(clock.threads, clock.seed):
            import torch

            net = cls.build(**design)
            if start is not None:
                begin_with(net, start)
            tensors = torch.from_numpy(learn.x), torch.from_numpy(target)
            descend(net, tensors, blank._loss(), error_watched, plan, clock, lengths(learn.x))
            return dataclasses.replace(blank, weights=to_arrays(net))

    def _loss(self) -> Callable[["nn.Module", "Tensor", "Tensor"], "Tensor"]:
        from torch.nn import functional

        def of_classes(net: "nn.Module", x: "Tensor", y: "Tensor") -> "Tensor":
            return functional.cross_entropy(net(cropped(x)), y, label_smoothing=self.smoothing)

        def of_values(net: "nn.Module", x: "Tensor", y: "Tensor") -> "Tensor":
            return functional.mse_loss(net(cropped(x))[:, 0], y)

        return of_classes if self.task == "classify" else of_values


def scores(net: "nn.Module", x: Array, most: int = 32_768) -> Array:
    """What `net` gives for each example of x, float64, in batches of like length and at most `most` positions."""
    import torch

    size = lengths(x)
    order = np.argsort(size, kind="stable")
    ends = np.cumsum(np.maximum(size[order], 1)) // most
    with torch.inference_mode():
        batches = np.split(order, np.flatnonzero(np.diff(ends)) + 1)
        said = torch.cat([net(cropped(torch.from_numpy(np.array(x[rows])))) for rows in batches]).double().numpy()
    answers = np.empty_like(said)
    answers[order] = said
    return answers
