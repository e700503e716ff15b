"""The way of every network that eats a stream: windows are cut from it, the next code is foretold at every place.

It does not know which network it trains, nor whether the codes are letters, words or notes. A network takes codes and
what it remembers of those before them, and gives scores of the code to come at each place, and what to remember.

What lies further back than a window is forgotten: a stream is answered in windows that overlap by half, and a voice
that has filled its window goes on from the later half. Where a stream has marks, part of the windows is rearranged so
that the middle comes last, after what stands before and behind it: so a network learns to fill gaps (Bavarian et al.,
"Efficient Training of Language Models to Fill in the Middle", 2022).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from ..core.algorithm import Task, Writer
from ..core.clock import Clock
from ..core.numbers import Answer, Array, Floats, Numbers
from .torch_loop import Schedule, Trained, dense_bf16_pays, descend, from_arrays, session, to_arrays

if TYPE_CHECKING:
    from torch import Tensor, nn

WATCHED, MOST_WATCHED, LEAST_WATCHED = 0.03, 16_000, 500  # of the stream, its end: for stopping early
REARRANGED = 0.5  # of the windows, where the stream has marks
ASKED_AT_ONCE = 16_384  # codes of a minibatch that is answered
BEFORE, BEHIND = 0.5, 0.25  # of a window that may be taken up by what stands before a gap, and behind it


@dataclass(frozen=True)
class StreamNet(Trained, Writer):
    """A fitted network of a stream. Subclasses say how it is built.

    build: its settings to the untrained network, whose call is net(x, memory) -> (scores, memory): x (n, length) int64,
    scores (n, length, levels), memory None at the beginning. window: codes that it looks at. marks: see `streams`.
    """

    build: ClassVar[Callable[..., Any]]

    design: dict[str, Any]
    window: int
    marks: int

    @classmethod
    def trained(
        cls, design: dict[str, Any], x: Array, train: Numbers, task: Task, clock: Clock, plan: Schedule, window: int
    ) -> Self:
        """The network, learned from the stream `x`, int32 (n,), but for its last part, which is watched.

        design: settings for `build`; levels are added. Raises MissingExtra without torch.
        """
        design = {"levels": train.levels, **design}
        with session(clock.threads, clock.seed):
            import torch

            bf16 = dense_bf16_pays()
            net = cls.build(**design)
            blank = cls(to_arrays(net), design, window, train.marks)
            kept = len(x) - min(MOST_WATCHED, max(LEAST_WATCHED, round(WATCHED * len(x))), len(x) // 5)
            watched, units = np.concatenate([np.zeros(1, np.int32), x[kept:]]), np.append(0.0, train.y[kept:])
            window = min(window, max(4, kept - 2))
            cut = Windows(torch.from_numpy(x[:kept].astype(np.int64)), window, train.levels, train.marks)

            def loss(net: "nn.Module", starts: "Tensor") -> "Tensor":
                seen, told = cut(starts)
                with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                    scores, _ = net(seen)
                return torch.nn.functional.cross_entropy(scores.float().flatten(0, 1), told.flatten())

            def watch(net: "nn.Module") -> float:
                return task.loss(units, blank._answered(net, watched))

            descend(net, [cut.starts], loss, watch, replace(plan, bf16=bf16), clock)
            return cls(to_arrays(net), design, blank.window, train.marks)

    @cached_property
    def net(self) -> "nn.Module":
        """The network as it was learned."""
        return from_arrays(type(self).build(**self.design), self.weights)

    def answer(self, x: Array) -> Answer:
        with session(1 if len(x) < 2000 else self._threads()):
            return self._answered(self.net, np.asarray(x))

    def _threads(self) -> int:
        import torch

        return torch.get_num_threads()

    def _answered(self, net: "nn.Module", x: Array) -> Answer:
        """The probability of each code, (n, 1), window by window; the stream's first code has nothing before it."""
        import torch

        chance = np.full(len(x), 1.0 / self.design["levels"])
        if len(x) and x[0] == 0:
            chance[0] = 1.0
        pieces = _pieces(x, self.window)
        most = max(1, ASKED_AT_ONCE // self.window)
        with torch.inference_mode():
            for i in range(0, len(pieces), most):
                some = pieces[i : i + most]
                longest = max(end - start for start, end, _ in some)
                seen = np.zeros((len(some), longest), np.int64)
                for row, (start, end, _) in zip(seen, some, strict=True):
                    row[: end - start] = x[start:end]
                logs = self._logs(net, torch.from_numpy(seen)).numpy()
                for told, (start, end, new) in zip(logs, some, strict=True):
                    at = np.arange(new, min(end + 1, len(x)))
                    chance[at] = np.exp(told[at - 1 - start, x[at]])
        return chance[:, None]

    def _logs(self, net: "nn.Module", seen: "Tensor") -> "Tensor":
        """Logarithms of the probabilities, float32; marks are never foretold."""
        scores = net(seen)[0].float()
        if self.marks:
            scores[..., -self.marks :] = -np.inf
        return scores.log_softmax(-1)

    def voice(self) -> "NetVoice":
        return NetVoice(self)


def _pieces(x: Array, window: int) -> list[tuple[int, int, int]]:
    """(start, end, first told): codes start..end-1 are seen, and told are those from `first` to `end`, each once.

    No piece reaches back across the beginning of a document.
    """
    found = []
    begins = np.flatnonzero(np.append(x == 0, True))
    if not len(x) or x[0] != 0:
        begins = np.append(0, begins)
    half = max(1, window // 2)
    for begin, after in zip(begins[:-1].tolist(), np.append(begins[1:], len(x))[: len(begins) - 1].tolist(), strict=True):
        start, new = begin, begin + 1
        while new <= after:
            end = min(start + window, after)
            found.append((start, end, new))
            new, start = end + 1, start + half
    return [(s, e, n) for s, e, n in found if n < len(x)]


@dataclass
class Windows:
    """Windows of a stream, from a place that differs each time, some rearranged. Made of places of `starts`."""

    x: "Tensor"
    window: int
    levels: int
    marks: int

    @cached_property
    def size(self) -> int:
        """Codes taken of the stream for a window: four fewer than fit where marks and an end may be put in."""
        return self.window + 1 - (4 if self.marks and self.window > 16 else 0)

    @cached_property
    def starts(self) -> "Tensor":
        """int64: where windows begin, so that together they hold each code about once."""
        import torch

        return torch.arange(0, max(1, len(self.x) - self.size), self.size)

    def __call__(self, starts: "Tensor") -> tuple["Tensor", "Tensor"]:
        """What is seen and what is to be told, each (n, window) int64; -100 where nothing is asked."""
        import torch

        moved = starts + torch.randint(0, self.size, starts.shape)
        moved = moved.clamp(max=max(0, len(self.x) - self.size))
        rows = self.x[(moved[:, None] + torch.arange(self.size)).clamp(max=len(self.x) - 1)]
        if self.size == self.window + 1:
            return rows[:, :-1], rows[:, 1:]
        seen = torch.zeros(len(rows), self.window + 1, dtype=torch.int64)
        told = torch.full((len(rows), self.window), -100)
        seen[:, : self.size] = rows
        told[:, : self.size - 1] = rows[:, 1:]
        first = self.levels - self.marks
        for k in torch.where(torch.rand(len(rows)) < REARRANGED)[0].tolist():
            row = rows[k]
            if bool((row[1:] == 0).any()):
                continue
            a, b = torch.randint(1, self.size, (2,)).sort().values.tolist()
            marks = [torch.tensor([first + i]) for i in range(3)]
            seen[k] = torch.cat([marks[0], row[:a], marks[1], row[b:], marks[2], row[a:b], torch.zeros(1, dtype=torch.int64)])
            told[k] = torch.where(seen[k, 1:] >= first, -100, seen[k, 1:])
        return seen[:, :-1], told


@dataclass
class NetVoice:
    """A sequence being written by a network, which remembers what it has made of the codes so far."""

    fitted: StreamNet
    codes: list[int] = field(default_factory=lambda: [0])
    read: int = 0
    memory: Any = None

    def next(self) -> Floats:
        """float64 (levels,): the probability of each code to come."""
        import torch

        if len(self.codes) > self.fitted.window:
            self._restart(self.codes[-(self.fitted.window // 2 + 1) :])
        with session(1), torch.inference_mode():
            scores, self.memory = self.fitted.net(torch.tensor([self.codes[self.read :]]), self.memory)
            self.read = len(self.codes)
            last = scores[0, -1].double()
            if self.fitted.marks:
                last[-self.fitted.marks :] = -np.inf
            self.last = last.softmax(-1).numpy()
        return np.array(self.last)

    def take(self, code: int) -> None:
        """Go on by that code."""
        levels, marks = self.fitted.design["levels"], self.fitted.marks
        self.codes.append(code)
        if marks and code == levels - 1:
            self._restart(self._fitting())

    def _fitting(self) -> list[int]:
        """The codes around a gap, cut so that there is room to fill it."""
        first, window = self.fitted.design["levels"] - self.fitted.marks, self.fitted.window
        begin, parts = self.codes.index(first), self.codes.index(first + 1)
        before, behind = self.codes[begin + 1 : parts], self.codes[parts + 1 : -1]
        before, behind = before[-int(BEFORE * window) :], behind[: int(BEHIND * window)]
        return [first, *before, first + 1, *behind, first + 2]

    def _restart(self, codes: list[int]) -> None:
        self.codes, self.read, self.memory = list(codes), 0, None
