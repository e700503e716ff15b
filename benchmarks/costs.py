"""Does each algorithm cost what it says? Predicted against measured seconds and bytes, on made-up tables of many sizes.

    python benchmarks/costs.py [--only ID ...] [--longest SECONDS] [--shapes few|many]

Seconds are the processor's, on one thread, so that a busy neighbour blurs the table and does not spoil it. Bytes are
the peak beyond what the process held before the fit. Fits that would take longer than `--longest` are left out.
"""

import argparse
import datetime
import os
import time
from dataclasses import replace

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import numpy as np

from ungated.algorithms import discover
from ungated.core.algorithm import Algorithm
from ungated.core.clock import Clock
from ungated.core.numbers import Column, Form, Numbers, Shape, Takes
from ungated.engines import extras
from ungated.engines.memory import Peak, give_back
from ungated.hardware import probe
from ungated.tasks import Task
from ungated.tasks.classify import Classify
from ungated.tasks.regress import Regress

FEW = ((200, 10), (2000, 30), (20000, 15))
MANY = ((200, 5), (200, 100), (1000, 20), (3000, 10), (3000, 100), (10000, 10), (20000, 5), (20000, 60), (60000, 20))


def example(cls: type[Algorithm], task: Task, rows: int, width: int, seed: int = 0) -> Numbers:
    """A table of numbers and categories (or 0/1 columns) with some noise, or tokens, prepared as the card asks."""
    rng = np.random.default_rng(seed)
    if cls.card.form is Form.TOKENS:
        return tokens(task, rows, width, rng)
    x = rng.normal(size=(rows, width)).astype(np.float32)
    columns = [Column(f"number {j}", "") for j in range(width)]
    for j in range(width // 2):
        if Takes.CATEGORIES in cls.card.takes:
            x[:, j] = np.minimum(rng.geometric(0.25, size=rows), 8) - 1
            columns[j] = Column(f"kind {j}", "", levels=8)
        else:
            x[:, j] = rng.random(rows) < 0.3
    bent, straight = rng.normal(size=(2, width, task.outputs))
    scores = np.tanh(x @ bent) + x @ straight / width**0.5
    scores += np.abs(x[:, -1:]) * x[:, -2:-1] * rng.normal(size=task.outputs) + rng.gumbel(size=scores.shape) * 0.7
    y = scores.argmax(axis=1) if task.id == "classify" else scores[:, 0].astype(np.float64)
    return Numbers(Form.ROWS, x, y, tuple(columns))


def tokens(task: Task, rows: int, length: int, rng: np.random.Generator) -> Numbers:
    """Texts of up to `length` of 4,000 codes, some common and most rare, half as long on the average."""
    x = np.minimum(rng.zipf(1.3, size=(rows, length)), 3999).astype(np.int32)
    x[np.arange(length) >= rng.integers(1, length + 1, size=rows)[:, None]] = 0
    scores = rng.normal(size=(4000, task.outputs))[x].sum(axis=1) / length**0.5
    scores += rng.gumbel(size=scores.shape)
    y = scores.argmax(axis=1) if task.id == "classify" else scores[:, 0].astype(np.float64)
    return Numbers(Form.TOKENS, x, y, levels=4000)


def measure(algorithm: Algorithm, train: Numbers, task: Task) -> tuple[float, float]:
    """Processor seconds and peak bytes of one fit."""
    give_back()
    peak, began = Peak(), time.process_time()
    algorithm.fit(train, task, Clock())
    return time.process_time() - began, peak.read()


def main() -> None:
    """Print the table, and last how far off each algorithm is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=None, metavar="ID")
    parser.add_argument("--longest", type=float, default=20.0, metavar="SECONDS")
    parser.add_argument("--shapes", choices=("few", "many"), default="few")
    asked = parser.parse_args()
    machine = replace(probe.probe(), load=0.0)
    print(f"{datetime.date.today()}, one thread", *probe.describe(machine), "", sep="\n")
    print(f"{'algorithm':20}   rows width  k  planned s   took s  ratio      MB took MB")
    off: dict[str, list[float]] = {}
    tasks = (Classify(("0", "1")), Classify(tuple("0123456789")), Regress())
    for id_, cls in discover().items():
        if (asked.only is not None and id_ not in asked.only) or extras.missing(cls.card.extras):
            continue
        warm = example(cls, tasks[0] if "classify" in cls.card.tasks else tasks[2], 50, 4)
        cls().fit(warm, tasks[0] if "classify" in cls.card.tasks else tasks[2], Clock())  # its imports are not its cost
        for task in (t for t in tasks if t.id in cls.card.tasks):
            for rows, width in MANY if asked.shapes == "many" else FEW:
                levels, size = ((4000,), (width,)) if cls.card.form is Form.TOKENS else ((), ())
                shape = Shape(cls.card.form, task.id, rows, width, task.outputs, levels, size)
                planned = cls().cost(shape, machine)
                if planned.seconds > asked.longest:
                    continue
                seconds, bytes_ = measure(cls(), example(cls, task, rows, width), task)
                ratio = seconds / planned.seconds
                print(
                    f"{id_:20}{rows:7}{width:6}{task.outputs:3}{planned.seconds:11.3f}{seconds:9.3f}{ratio:7.2f}"
                    f"{planned.bytes / 1e6:8.1f}{bytes_ / 1e6:8.1f}",
                    flush=True,
                )
                if max(seconds, planned.seconds) > 0.05:
                    off.setdefault(id_, []).append(ratio)
    print("\ntook / planned, of fits that take 0.05 s or more: least, middle, most")
    for id_, ratios in off.items():
        print(f"{id_:20}{min(ratios):7.2f}{np.median(ratios):7.2f}{max(ratios):7.2f}")


if __name__ == "__main__":
    main()
