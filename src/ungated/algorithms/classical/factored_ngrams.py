"""Not only the codes just before tell what comes next: look back along several paths, and ask all of them.

In four-part music the alto follows from what the soprano sings now and from what the alto sang a step ago, and these
stand one and three places before it. So counts look back along a chain of distances, the most telling first, and where
a context was never met they forget the least telling part of it. What a chain should be differs with the place in a
step: how long a step is (four voices; time, pitch and length of a note; one letter) is told by which codes come at
which places. Several chains are tried on part of the sequences, and mixed by the weights under which that part is
likeliest. Where codes may be renamed, as a tune be moved to another key, counts of all renamed copies are mixed in: a
cadence learned in C is then known in G.

Cost: O(c k r n log n) time, O(k r n) memory for n codes with r names, c chains of k distances.
Paper: Bilmes & Kirchhoff, "Factored Language Models and Generalized Parallel Backoff", HLT-NAACL 2003
(smoothing: Kneser & Ney 1995; mixing: Jelinek & Mercer 1980).
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, TypeAlias

import numpy as np

from ...core.algorithm import Algorithm, Card, Cost, Machine, Task, Writer, setting
from ...core.clock import Clock
from ...core.numbers import Answer, Array, Floats, Form, Numbers, Shape, Takes
from ...engines.backoff import Backoff, Places
from ...engines.streams import Gap, checked

Chains: TypeAlias = tuple[tuple[int, ...], ...]  # one for each phase

MOST_PERIOD = 12
MOST_COUNTED = 6_000_000  # codes of all renamed copies together
MOST_RENAMED = 500_000  # codes, for which renamed copies are reckoned with
CLEAR = 0.01  # nats a code by which a longer period must foretell better
LEAST_WEIGHT = 0.03
HELD = 0.12  # of the documents: by them chains and weights are chosen


@dataclass(frozen=True)
class FactoredWriter(Writer):
    """The sequences themselves, and how they are looked at: counts are made of them again whenever this is loaded.

    levels: how many codes there are. marks: how many of the last are marks (see `engines/streams`). period: codes of a
    step. x: int32 (n,), the stream. renames: int32 (r, levels), r may be 0. chains: for each part of the mixture, a
    chain for each phase. renamed: for each part, whether renamed copies are counted too. weights: float64 (phases,
    parts), rows add up to 1.
    """

    levels: int
    marks: int
    period: int
    chains: list[list[list[int]]]
    renamed: list[bool]
    x: Array
    renames: Array
    weights: Floats

    @cached_property
    def _parts(self) -> list[list[Backoff]]:
        streams = _Streams(self.x, self.levels, self.renames)
        every = np.ones(len(streams.own.at), bool)
        return [
            [streams.counted(tuple(chain), phase, self.period, renamed, every) for phase, chain in enumerate(chains)]
            for chains, renamed in zip(self.chains, self.renamed, strict=True)
        ]

    def counted(self) -> None:
        """Count now what else would be counted when it is first asked."""
        _ = self._parts

    def answer(self, x: Array) -> Answer:
        places = Places.of(x)
        phases = places.phases(self.period)
        chance = np.ones(len(places.at))
        for phase in range(self.period):
            which = np.flatnonzero(phases == phase)
            codes = places.x[places.at[which]]
            chance[which] = 0.0
            for part, chains, weights in zip(self._parts, self.chains, self.weights.T, strict=True):
                told = part[phase].chances(places.before(tuple(chains[phase]), which), codes)
                chance[which] += weights[phase] * told
        first = len(x) - len(chance)  # a 0 at the very beginning was certain
        return np.concatenate([np.ones(first), chance])[:, None]

    def voice(self) -> "FactoredVoice":
        return FactoredVoice(self, [], Gap(self.levels, self.marks))


@dataclass
class FactoredVoice:
    """A sequence being written: its codes since the last 0."""

    writer: FactoredWriter
    codes: list[int]
    gap: Gap

    def next(self) -> Floats:
        """float64 (levels,): the probability of each code to come."""
        of, phase = self.writer, len(self.codes) % self.writer.period
        chance = np.zeros(of.levels)
        for part, chains, weight in zip(of._parts, of.chains, of.weights[phase], strict=True):
            context = [self.codes[-lag] if lag <= len(self.codes) else 0 for lag in chains[phase]]
            chance += weight * part[phase].expected(context)
        if of.marks:
            chance[-of.marks :] = 0.0
        return chance / chance.sum()

    def take(self, code: int, own: bool = False) -> None:
        """Go on by that code; 0 begins another sequence."""
        if self.gap.hears(code):
            self.codes = [] if code == 0 else [*self.codes, code]


@dataclass(frozen=True)
class FactoredNgrams(Algorithm):
    card: ClassVar = Card(
        id="factored_ngrams",
        name="factored n-grams",
        year=2003,
        paper="Bilmes & Kirchhoff, Factored Language Models and Generalized Parallel Backoff, HLT-NAACL (2003)",
        tasks=frozenset({"generate"}),
        form=Form.STREAM,
        takes=frozenset({Takes.RENAMES}),  # of prose its counts would fill the memory, and near letters tell as much
    )
    fitted: ClassVar = FactoredWriter
    variants: ClassVar = ({"ways": 5},)

    ways: int = setting(2, "ways to look back that are tried, each with and without renamed copies", low=1, high=5)
    depth: int = setting(6, "distances in the longest chain", low=3, high=8)

    def cost(self, job: Shape, on: Machine) -> Cost:
        n = job.rows * max(1, job.width)
        copies = 12 if n < MOST_RENAMED else 0  # music, which comes in twelve keys, is short
        counted = min(n * copies, MOST_COUNTED) + n
        seconds = 2 * self.ways * (0.004 + 0.35 * self.depth * counted / (on.scalar * 1e6))  # once to try, once to keep
        return Cost(0.01 + seconds, counted * (30.0 + 10.0 * self.depth * (1 + self.ways)))

    def fit(self, train: Numbers, task: Task, clock: Clock) -> FactoredWriter:
        x = checked(self.card, train)
        names = np.zeros((0, train.levels), np.int32) if train.renames is None else train.renames
        streams = _Streams(x, train.levels, names)
        held = _held(streams.own, clock.seed)
        period = _period(streams.own, held, train.levels)
        phases, units = streams.own.phases(period)[held], np.asarray(train.y)[len(x) - len(held) :][held]
        tried: list[tuple[Chains, bool]] = []
        chances: list[Floats] = []
        for chains, renamed in _candidates(period, self.depth, self.ways, len(streams.renames) > 1):
            if tried and clock.left() < clock.spent() / len(tried) * (len(tried) + 2):  # all are counted once more
                break
            tried.append((chains, renamed))
            chances.append(streams.foretold(chains, period, renamed, held))
            weights = _weights(np.stack(chances), phases, period)
            mixed = (weights[phases] * np.stack(chances, axis=1)).sum(axis=1, keepdims=True)
            clock.tick(len(tried), task.loss(units, mixed) if held.any() else 0.0)
        kept = np.flatnonzero(weights.max(axis=0) >= LEAST_WEIGHT)
        weights = weights[:, kept] / weights[:, kept].sum(axis=1, keepdims=True)
        writer = FactoredWriter(
            train.levels,
            train.marks,
            period,
            [[list(chain) for chain in tried[k][0]] for k in kept],
            [tried[k][1] for k in kept],
            x,
            streams.renames,
            weights,
        )
        writer.counted()
        return writer


class _Streams:
    """A stream, and its renamed copies one after another."""

    def __init__(self, x: Array, levels: int, renames: Array) -> None:
        self.levels = levels
        self.own = Places.of(x)
        self.renames = np.asarray(renames)[: max(1, MOST_COUNTED // max(1, len(x)))]
        self._copies: list[Array] = []

    def copies(self) -> list[Array]:
        """The stream by each of its names; -1 where a code has none."""
        if not self._copies:
            self._copies = [names[self.own.x] for names in self.renames]
        return self._copies

    def counted(self, chain: tuple[int, ...], phase: int, period: int, renamed: bool, learn: Array) -> Backoff:
        """The counts of one chain at the positions of one phase, of those that `learn` says."""
        which = np.flatnonzero(learn & (self.own.phases(period) == phase))
        contexts, codes = [], []
        for copy in self.copies() if renamed else [self.own.x]:
            places = replace(self.own, x=copy)
            context, code = places.before(chain, which), copy[self.own.at[which]]
            good = (code >= 0) & (context >= 0).all(axis=0)
            contexts.append(context[:, good])
            codes.append(code[good])
        return Backoff.of(np.concatenate(contexts, axis=1), np.concatenate(codes), self.levels)

    def foretold(self, chains: Chains, period: int, renamed: bool, held: Array) -> Floats:
        """The probability of each held position's code, by counts of all others."""
        chance = np.zeros(len(held))
        phases = self.own.phases(period)
        for phase, chain in enumerate(chains):
            counts = self.counted(chain, phase, period, renamed, ~held)
            which = np.flatnonzero(held & (phases == phase))
            chance[which] = counts.chances(self.own.before(chain, which), self.own.x[self.own.at[which]])
        return chance[held]


def _held(places: Places, seed: int) -> Array:
    """bool (m,): positions by which chains and weights are chosen: whole documents, or the end of a long one."""
    of = np.cumsum(places.x == 0)[places.at - 1]  # a 0 belongs to the document that it ends
    documents = np.unique(of)
    if len(documents) < 5:
        return np.arange(len(of)) >= (1 - HELD) * len(of)
    rng = np.random.default_rng(seed)
    drawn = rng.permutation(documents)[: max(1, round(HELD * len(documents)))]
    return np.isin(of, drawn)


def _period(places: Places, held: Array, levels: int) -> int:
    """How many codes a step has: the shortest that foretells held codes by their place alone as well as any."""
    codes = places.x[places.at]
    loss = []
    for period in range(1, MOST_PERIOD + 1):
        phases = places.phases(period)
        counts = np.bincount((phases * levels + codes)[~held], minlength=period * levels).reshape(period, levels) + 0.1
        chance = counts / counts.sum(axis=1, keepdims=True)
        loss.append(-np.log(chance[phases[held], codes[held]]).mean() if held.any() else 0.0)
    return int(np.argmax(np.array(loss) <= min(loss) + CLEAR)) + 1


def _candidates(period: int, depth: int, ways: int, renames: bool) -> list[tuple[Chains, bool]]:
    """Ways to look back, the most promising first; each with and without renamed copies."""
    if period == 1:
        near = tuple(range(1, depth + 1))
        known: list[Chains] = [(near,), ((1, 3, 2, 4),), ((2, 1, 3),), (near[:3],)]
    else:
        makers = (_step_first, _line_first, _nearest, _line, _nearest_in_step)
        known = [tuple(make(period, phase, depth) for phase in range(period)) for make in makers]
    return [(way, renamed) for way in known[:ways] for renamed in ((True, False) if renames else (False,))]


def _step_first(period: int, phase: int, depth: int) -> tuple[int, ...]:
    """This step from its beginning, then the same place one step ago, the others there, and further back."""
    now, ago = list(range(phase, 0, -1)), [lag for lag in range(phase + 1, phase + period + 1) if lag != period]
    ago = sorted(ago, key=lambda lag: abs(lag - period))
    return _first([*now, period, *ago, 2 * period, 3 * period], depth)


def _line_first(period: int, phase: int, depth: int) -> tuple[int, ...]:
    """The same place one step ago, then this step from its beginning."""
    return _first([period, *range(phase, 0, -1), 2 * period, *range(phase + 1, phase + period)], depth)


def _nearest(period: int, phase: int, depth: int) -> tuple[int, ...]:
    return _first(list(range(1, depth + 1)), depth)


def _line(period: int, phase: int, depth: int) -> tuple[int, ...]:
    """The same place in the steps before, with what stands before it in this one."""
    return _first([period, 1, 2 * period, period + 1, 2, 3 * period], depth)


def _nearest_in_step(period: int, phase: int, depth: int) -> tuple[int, ...]:
    """This step from its end, then the same place one and two steps ago."""
    return _first([*range(1, phase + 1), period, 2 * period, *range(phase + 1, phase + period)], depth)


def _first(lags: list[int], depth: int) -> tuple[int, ...]:
    return tuple(dict.fromkeys(lags))[:depth]


def _weights(chances: Floats, phases: Array, period: int) -> Floats:
    """float64 (period, parts): the weights under which the mixture makes held codes likeliest (EM, Dempster 1977)."""
    weights = np.full((period, len(chances)), 1.0 / len(chances))
    for phase in range(period):
        part = chances[:, phases == phase]
        for _ in range(60 if part.shape[1] else 0):
            joint = weights[phase][:, None] * part
            weights[phase] = (joint / joint.sum(axis=0)).mean(axis=1)
    return weights
