"""Shapes whose number of groups a person sees at a glance, made from a seed; and a fit to them in one process."""

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import polars as pl

from ungated.algorithms import discover
from ungated.core.clock import Clock
from ungated.engines import extras
from ungated.modalities import table
from ungated.modalities.reading import read
from ungated.modalities.table import RowEncoder
from ungated.tasks.cluster import Cluster

ALGORITHMS = [
    cls
    for cls in discover().values()
    if "cluster" in cls.card.tasks and cls.card.id != "baseline" and str(cls.card.form) == "rows"
]


def _clouds(rng: np.random.Generator, centres: Any, sizes: list[int], widths: Any) -> tuple[np.ndarray, np.ndarray]:
    centres = np.asarray(centres, float)
    widths = np.broadcast_to(widths, (len(centres),))
    parts = [c + w * rng.normal(size=(n, centres.shape[1])) for c, n, w in zip(centres, sizes, widths, strict=True)]
    return np.concatenate(parts), np.repeat(np.arange(len(centres)), sizes)


def blobs(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return _clouds(rng, [[0, 0], [5, 0], [2, 5]], [200] * 3, 0.9)


def moons(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    t, upper = rng.uniform(0, np.pi, 600), np.arange(600) % 2
    x = np.where(upper, 1 - np.cos(t), np.cos(t))
    y = np.where(upper, 0.5 - np.sin(t), np.sin(t))
    return np.c_[x, y] + 0.07 * rng.normal(size=(600, 2)), upper


def rings(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    t, outer = rng.uniform(0, 2 * np.pi, 800), np.arange(800) % 2
    r = np.where(outer, 1.0, 0.45)
    return np.c_[r * np.cos(t), r * np.sin(t)] + 0.04 * rng.normal(size=(800, 2)), outer


def unequal_sizes(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return _clouds(rng, [[0, 0], [6, 0], [3, 5]], [500, 80, 50], 0.8)


def unequal_widths(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return _clouds(rng, [[0, 0], [8, 0], [3, 8]], [200] * 3, [0.4, 2.0, 1.0])


def slanted(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    x, y = _clouds(rng, [[-5, -5], [0, 1], [6, 0]], [200] * 3, 1.0)
    return x @ np.array([[0.6, -0.6], [-0.4, 0.8]]), y


def many(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    grid = np.stack(np.meshgrid(np.arange(4), np.arange(3)), -1).reshape(-1, 2) * 5.0
    return _clouds(rng, grid + 0.4 * rng.normal(size=(12, 2)), [80] * 12, 0.7)


def sticks(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    along, across = rng.uniform(0, 10, 500), 0.3 * rng.normal(size=500)
    upper = np.arange(500) % 2
    return np.c_[along, across + 2.5 * upper], upper


def even(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return rng.uniform(size=(600, 2)), np.zeros(600, int)


def one_cloud(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return rng.normal(size=(500, 2)) @ np.array([[1.0, 0.6], [0.0, 0.5]]), np.zeros(500, int)


def in_space(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return _clouds(rng, [[0, 0, 0], [4, 4, 0], [0, 4, 4], [4, 0, 4]], [120] * 4, 0.9)


def in_a_crowd(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    x, y = _clouds(rng, [[0, 0], [6, 0]], [250, 250], 0.9)
    return np.r_[x, rng.uniform(-4, 10, size=(50, 2))], np.r_[y, np.full(50, -1)]


def even_in_five(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return rng.uniform(size=(500, 5)), np.zeros(500, int)


def one_ring(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    t = rng.uniform(0, 2 * np.pi, 500)
    return np.c_[np.cos(t), np.sin(t)] + 0.07 * rng.normal(size=(500, 2)), np.zeros(500, int)


Shape = Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]
FLAT: dict[str, Shape] = {
    "three blobs": blobs,
    "two moons": moons,
    "two rings": rings,
    "unequal sizes": unequal_sizes,
    "unequal widths": unequal_widths,
    "slanted": slanted,
    "twelve blobs": many,
    "two sticks": sticks,
    "even noise": even,
    "one Gaussian": one_cloud,
}
MORE: dict[str, Shape] = {
    "four in space": in_space,
    "two in a crowd": in_a_crowd,
    "even in five columns": even_in_five,
    "one ring": one_ring,
}


def frame(x: np.ndarray) -> pl.DataFrame:
    return pl.DataFrame({f"x{j}": x[:, j] for j in range(x.shape[1])})


def found(data: Any, seed: int, leave: Collection[str] = (), only: Collection[str] = ()) -> tuple[np.ndarray, int, str]:
    """As a fit does it: half learns, half judges, the winner learns again from all. (groups, how many, by whom).

    data: a table or the name of one. leave: columns that nothing is learned from. only: ids of algorithms.
    """
    raw = read(data, task="cluster")
    schema = table.look(raw)
    typed = table.cast(raw.frame, schema, where=raw.source).frame
    features = [c.name for c in schema.columns if c.name not in leave]
    order, task = np.random.default_rng(seed).permutation(typed.height), Cluster()
    learn, judge = order[: len(order) // 2], order[len(order) // 2 :]
    encoder = RowEncoder.fit(typed[learn], schema, features, frozenset())
    train = encoder.numbers(typed[learn], np.zeros(len(learn)))
    exam = task.exam(encoder.numbers(typed[judge], np.zeros(len(judge))), seed)
    best, least, count = None, 1.0, 1
    for cls in ALGORITHMS:
        if extras.missing(cls.card.extras) or (only and cls.card.id not in only):
            continue
        for settings in ({}, *cls.variants):
            fitted = cls(**settings).fit(train, task, Clock(seed=seed))
            answer = fitted.answer(exam.x)
            if (error := task.loss(exam.y, answer)) < least:
                best, least, count = cls(**settings).settled(fitted.state()), error, answer.shape[1]
    if best is None:
        return np.zeros(typed.height, int), 1, "none"
    whole = RowEncoder.fit(typed, schema, features, frozenset()).numbers(typed, np.zeros(typed.height))
    answer = best.fit(whole, task, Clock(seed=seed)).answer(whole.x)
    return np.where(answer.max(axis=1) > 0, answer.argmax(axis=1), -1), count, str(best)
