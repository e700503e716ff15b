"""The way of every network that eats a stream: windows are cut from it, the next code is foretold at every place.

It does not know which network it trains, nor whether the codes are letters, words or notes. A network takes codes and
what it remembers of those before them, and gives scores of the code to come at each place, and what to remember.

What lies further back than a window is forgotten: a stream is answered in windows that overlap by three eighths, and a
voice that has filled its window goes on from its last part. Where a stream has marks, part of the windows is rearranged
so that the middle comes last, after what stands before and behind it: so a network learns to fill gaps (Bavarian et
al., "Efficient Training of Language Models to Fill in the Middle", 2022). Where its codes may be renamed, each window
that is learned from has names drawn for it: a tune is met in every key.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from ..core.algorithm import Task, Writer
from ..core.clock import Clock
from ..core.numbers import Answer, Array, Floats, Numbers
from .ngrams import Counts, Grams, kneser_ney
from .streams import Gap, GramVoice
from .torch_loop import Schedule, Trained, dense_bf16_pays, descend, from_arrays, session, to_arrays

if TYPE_CHECKING:
    from torch import Tensor, nn

WATCHED, MOST_WATCHED, LEAST_WATCHED = 0.03, 4_000, 500  # of the stream, its beginning: for stopping early
WATCHING = 0.1  # of the time, at most
ASKED_LATER = 4  # times the codes that are watched may be asked when it is judged: time is left for that
REARRANGED = 0.5  # of the windows, where the stream has marks
ASKED_AT_ONCE = 4096  # codes of a minibatch that is answered
MOST_SCORES = 8_000_000  # that it gives at once
PARTS, MOST_NODES = 8, 16_000_000  # of a stream whose n-grams guide a network, and all that they may hold together
TRIED, COUNTING = 100_000, 0.35  # codes by which it is told how long counting takes; share of the time it may take
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
        cls,
        design: dict[str, Any],
        x: Array,
        train: Numbers,
        task: Task,
        clock: Clock,
        plan: Schedule,
        window: int,
        order: int = 0,
    ) -> Self:
        """The network, learned from the stream `x`, int32 (n,), but for its first part, which is watched.

        design: settings for `build`; levels are added. order: of the n-grams that it goes on from; 0 for none.
        Raises MissingExtra without torch.
        """
        design = {"levels": train.levels, **design}
        with session(clock.threads, clock.seed):
            import torch

            bf16 = dense_bf16_pays()
            net = cls.build(**design)
            first = min(MOST_WATCHED, max(LEAST_WATCHED, round(WATCHED * len(x))), len(x) // 5)
            learned, watched, units = x[first:], x[:first], train.y[:first]
            if order:
                learned = learned[-affordable(learned, train.levels, order, clock) :]
            guide = Guide.of(learned, train.levels, order, clock) if order else None
            blank = cls({}, design, window, train.marks, **(guide.whole.arrays() if guide else {}))
            window = min(window, max(4, len(learned) - 2))
            names = None if train.renames is None or guide else torch.from_numpy(np.array(train.renames, np.int64))
            cut = Windows(torch.from_numpy(learned.astype(np.int64)), window, train.levels, train.marks, guide, names)

            def loss(net: "nn.Module", starts: "Tensor") -> "Tensor":
                seen, told, expected = cut(starts)
                with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                    scores, _ = net(seen)
                scores = corrected(scores.float(), expected)
                return torch.nn.functional.cross_entropy(scores.flatten(0, 1), told.flatten())

            def watch(net: "nn.Module") -> float:
                return task.loss(units, blank._answered(net, watched))

            began = clock.spent()
            watch(net.eval())
            watched_in = clock.spent() - began
            last = (1.5 + ASKED_LATER) * watched_in + (1.5 * guide.took if guide else 0.0)  # what comes afterwards
            last = min(last, 0.4 * clock.left())
            watches = int(np.clip(WATCHING * clock.left() / max(watched_in, 1e-3), 2, plan.watches))
            plan, clock = replace(plan, bf16=bf16, watches=watches), replace(clock, seconds=clock.seconds - last)

            def so_far(net: "nn.Module") -> "StreamNet":
                return replace(blank, weights=to_arrays(net))

            descend(net, [cut.starts], loss, watch, plan, clock, so_far=so_far)
            whole = x if len(learned) + first == len(x) else learned
            grams = kneser_ney(Counts.of(whole, train.levels, order)).arrays() if order else {}
            return cls(to_arrays(net), design, blank.window, train.marks, **grams)

    @cached_property
    def net(self) -> "nn.Module":
        """The network as it was learned."""
        return from_arrays(type(self).build(**self.design), self.weights)

    def answer(self, x: Array) -> Answer:
        import torch

        threads = torch.get_num_threads()
        with session(1):  # windows side by side: threads within a step would wait for each other
            return self._answered(self.net, np.asarray(x), threads)

    def _answered(self, net: "nn.Module", x: Array, threads: int = 1) -> Answer:
        """The probability of each code, (n, 1), window by window; the stream's first code has nothing before it."""
        chance = np.full(len(x), 1.0 / self.design["levels"])
        if len(x) and x[0] == 0:
            chance[0] = 1.0
        pieces, closed = _pieces(x, self.window), np.append(x, 0)
        most = max(1, min(ASKED_AT_ONCE, MOST_SCORES // self.design["levels"]) // self.window)
        parts = [pieces[i : i + most] for i in range(0, len(pieces), most)]

        def answer(part: list[tuple[int, int, int]]) -> None:
            for told, (start, end, new) in zip(self._told(net, closed, part), part, strict=True):
                at = np.arange(new, min(end + 1, len(x)))
                chance[at] = np.exp(told[at - 1 - start, x[at]])

        if threads == 1 or len(parts) == 1:
            for part in parts:
                answer(part)
        else:
            with ThreadPoolExecutor(threads) as side_by_side:
                list(side_by_side.map(answer, parts))
        return chance[:, None]

    def _told(self, net: "nn.Module", x: Array, pieces: list[tuple[int, int, int]]) -> Array:
        """Logarithms of the probabilities after each place of some pieces, float32 (pieces, length, levels).

        x: the stream and the 0 that ends it.
        """
        import torch

        grams, levels = self.grams, self.design["levels"]
        seen = np.zeros((len(pieces), max(end - start for start, end, _ in pieces)), np.int64)
        for row, (start, end, _) in zip(seen, pieces, strict=True):
            row[: end - start] = x[start:end]
        expected = None
        if grams:
            expected = np.zeros((*seen.shape, levels), np.float32)
            runs = [(max(start + 1 - grams.order, 0), start + 1, end + 1) for start, end, _ in pieces]
            for row, logs in zip(expected, expectations(grams, x, runs), strict=True):
                row[: len(logs)] = logs
        with torch.inference_mode():
            told: Array = self._logs(net, torch.from_numpy(seen), expected).numpy()
        return told

    def _logs(self, net: "nn.Module", seen: "Tensor", expected: Array | None) -> "Tensor":
        """Logarithms of the probabilities, float32; marks are never foretold. expected: by n-grams, as logarithms."""
        import torch

        scores = corrected(net(seen)[0].float(), None if expected is None else torch.from_numpy(expected))
        if self.marks:
            scores[..., -self.marks :] = -np.inf
        return scores.log_softmax(-1)

    @property
    def grams(self) -> Grams | None:
        """The n-grams that the network goes on from, if it does."""
        return None

    def voice(self) -> "NetVoice":
        levels, grams = self.design["levels"], self.grams
        beside = GramVoice(grams, Gap(levels, self.marks), grams.begun()) if grams else None
        return NetVoice(self, beside)


@dataclass(frozen=True)
class GuidedNet(StreamNet):
    """A network that goes on from n-grams: see `ngrams.Grams`. It has one score more, of how far to trust them."""

    starts: Array
    keys: Array
    share: Array
    rest: Array

    @cached_property
    def _grams(self) -> Grams:
        return Grams(self.design["levels"], self.starts, self.keys, self.share, self.rest)

    @property
    def grams(self) -> Grams:
        return self._grams


def corrected(scores: "Tensor", expected: "Tensor | None") -> "Tensor":
    """Scores (n, length, levels) as they are, or added to what n-grams expect, whose logarithms are weighted by 1 and
    the network's last score (n, length, levels + 1)."""
    return scores if expected is None else scores[..., :-1] + expected * (1 + scores[..., -1:])


@dataclass
class Guide:
    """What n-grams expect at each place of a stream, learned from the other parts of it alone.

    Of a text that they have learned from, n-grams expect just what stands there, and a network would learn to repeat
    them. So the stream is cut into parts, and in each the n-grams of all others are asked. took: seconds that it took
    to count the whole.
    """

    x: Array
    whole: Grams
    parts: list[Grams]
    cuts: Array
    took: float

    @classmethod
    def of(cls, x: Array, levels: int, order: int, clock: Clock) -> Self:
        """As many parts as a tenth of the time allows, two to eight."""
        began = clock.spent()
        whole = kneser_ney(Counts.of(x, levels, order))
        took = clock.spent() - began
        most = MOST_NODES // len(whole.keys)
        count = int(np.clip(0.1 * clock.left() / max(took, 1e-3), 2, max(2, min(PARTS, most))))
        cuts = np.linspace(0, len(x), count + 1).astype(np.int64)
        parts = []
        for a, b in pairwise(cuts.tolist()):
            others = np.concatenate([x[:a], x[b:]])
            parts.append(kneser_ney(Counts.of(others, levels, order)))
        return cls(x, whole, parts, cuts, took)

    def expected(self, starts: Array, size: int) -> Array:
        """float32 (n, size, levels): logarithms, for windows that begin at `starts`; of the first place all 0."""
        found = np.zeros((len(starts), size, self.whole.levels), np.float32)
        of = self.cuts.searchsorted(starts + size // 2, side="right") - 1
        for part in np.unique(of):
            rows = np.flatnonzero(of == part)
            runs = [(max(a - self.whole.order, 0), a + 1, min(a + size, len(self.x))) for a in starts[rows].tolist()]
            for row, logs in zip(rows, expectations(self.parts[part], self.x, runs), strict=True):
                found[row, 1 : 1 + len(logs)] = logs
        return found


def affordable(x: Array, levels: int, order: int, clock: Clock) -> int:
    """How many of the codes of `x` can be counted, in two parts and twice whole, in a fraction of the time left."""
    tried = x[-TRIED:]
    began = clock.spent()
    kneser_ney(Counts.of(tried, levels, order))
    each = (clock.spent() - began) / len(tried)
    return int(np.clip(COUNTING * clock.left() / max(4 * each, 1e-12), min(len(x), TRIED), len(x)))


def expectations(grams: Grams, x: Array, runs: Sequence[tuple[int, int, int]]) -> list[Array]:
    """What n-grams expect of x[first:end], as logarithms, float32, for each (begin, first, end): what stands before
    `first` is seen from `begin` on."""
    table = np.log(grams.table(np.concatenate([x[begin:end] for begin, _, end in runs])))
    ends = np.cumsum([end - begin for begin, _, end in runs])
    return [table[at - (end - first) : at] for at, (_, first, end) in zip(ends.tolist(), runs, strict=True)]


def _kept(window: int) -> int:
    """How many of the codes of a full window are seen again in the next."""
    return 3 * window // 8


def _pieces(x: Array, window: int) -> list[tuple[int, int, int]]:
    """(start, end, first told): codes start..end-1 are seen, and told are those from `first` to `end`, each once.

    No piece reaches back across the beginning of a document.
    """
    found = []
    begins = np.flatnonzero(np.append(x == 0, True))
    if not len(x) or x[0] != 0:
        begins = np.append(0, begins)
    step = max(1, window - _kept(window))
    for begin, after in zip(
        begins[:-1].tolist(), np.append(begins[1:], len(x))[: len(begins) - 1].tolist(), strict=True
    ):
        start, new = begin, begin + 1
        while new <= after:
            end = min(start + window, after)
            found.append((start, end, new))
            new, start = end + 1, start + step
    return [(s, e, n) for s, e, n in found if n < len(x)]


@dataclass
class Windows:
    """Windows of a stream, from a place that differs each time, some rearranged. Made of places of `starts`.

    renames: int64 (k, levels), the names that a window's codes may be given, or None.
    """

    x: "Tensor"
    window: int
    levels: int
    marks: int
    guide: Guide | None = None
    renames: "Tensor | None" = None

    @cached_property
    def size(self) -> int:
        """Codes taken of the stream for a window: four fewer than fit where marks and an end may be put in."""
        return self.window + 1 - (4 if self.marks and self.window > 16 else 0)

    @cached_property
    def starts(self) -> "Tensor":
        """int64: where windows begin, so that together they hold each code about once."""
        import torch

        return torch.arange(0, max(1, len(self.x) - self.size), self.size)

    def __call__(self, starts: "Tensor") -> tuple["Tensor", "Tensor", "Tensor | None"]:
        """What is seen and what is to be told, each (n, window) int64, -100 where nothing is asked; and what n-grams
        expect there, (n, window, levels)."""
        import torch

        moved = starts + torch.randint(0, self.size, starts.shape)
        moved = moved.clamp(max=max(0, len(self.x) - self.size))
        rows = self.x[(moved[:, None] + torch.arange(self.size)).clamp(max=len(self.x) - 1)]
        if self.renames is not None:
            other = self.renames[torch.randint(0, len(self.renames), (len(rows),))[:, None], rows]
            rows = torch.where((other >= 0).all(dim=1, keepdim=True), other, rows)
        guessed = torch.from_numpy(self.guide.expected(moved.numpy(), self.size)) if self.guide else None
        if self.size == self.window + 1:
            return rows[:, :-1], rows[:, 1:], None if guessed is None else guessed[:, 1:]
        seen = padded(rows, self.window + 1, 0)
        told = padded(rows[:, 1:], self.window, -100)
        expected = None if guessed is None else torch.zeros(len(rows), self.window, self.levels)
        if expected is not None and guessed is not None:
            expected[:, : self.size - 1] = guessed[:, 1:]
        for k in torch.where(torch.rand(len(rows)) < REARRANGED)[0].tolist():
            if bool((rows[k, 1:] == 0).any()):
                continue
            seen[k], middle = self._rearranged(rows[k])
            told[k] = torch.where(seen[k, 1:] >= self.levels - self.marks, -100, seen[k, 1:])
            if expected is not None and guessed is not None:
                a, b = middle
                none = torch.zeros(1, self.levels)
                expected[k] = torch.cat([guessed[k, :a], none, guessed[k, b:], none, guessed[k, a:b], none])
        return seen[:, :-1], told, expected

    def _rearranged(self, row: "Tensor") -> tuple["Tensor", tuple[int, int]]:
        """The window with its middle last, and where that was: mark, before, mark, behind, mark, middle, end."""
        import torch

        first = self.levels - self.marks
        a, b = torch.randint(1, self.size, (2,)).sort().values.tolist()
        marks = [torch.tensor([first + i]) for i in range(3)]
        whole = [marks[0], row[:a], marks[1], row[b:], marks[2], row[a:b], torch.zeros(1, dtype=torch.int64)]
        return torch.cat(whole), (a, b)


def padded(rows: "Tensor", length: int, value: int) -> "Tensor":
    """Rows made as long as that."""
    from torch.nn import functional

    return functional.pad(rows, (0, length - rows.shape[1]), value=value)


@dataclass
class NetVoice:
    """A sequence being written by a network, which remembers what it has made of the codes so far."""

    fitted: StreamNet
    beside: GramVoice | None = None
    codes: list[int] = field(default_factory=lambda: [0])
    read: int = 0
    memory: Any = None

    def next(self) -> Floats:
        """float64 (levels,): the probability of each code to come."""
        import torch

        if len(self.codes) > self.fitted.window:
            self._restart(self.codes[-(_kept(self.fitted.window) + 1) :])
        with session(1), torch.inference_mode():
            scores, self.memory = self.fitted.net(torch.tensor([self.codes[self.read :]]), self.memory)
            self.read = len(self.codes)
            expected = None if self.beside is None else torch.from_numpy(np.log(self.beside.next()[None, None] + 1e-30))
            last = corrected(scores[:, -1:].double(), expected)[0, 0]
            if self.fitted.marks:
                last[-self.fitted.marks :] = -np.inf
            return np.array(last.softmax(-1).numpy())

    def take(self, code: int, own: bool = False) -> None:
        """Go on by that code."""
        levels, marks = self.fitted.design["levels"], self.fitted.marks
        self.codes.append(code)
        if self.beside is not None:
            self.beside.take(code, own)
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
