"""What was chosen, learned once more from all rows, the sealed ones too, once these have judged it.

Whoever asks which rules hold wants those of all the baskets, not of four fifths of them. The honest error is by then
known, of what was learned without the sealed rows; it is told as such.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from .core.algorithm import Algorithm, State
from .core.clock import Budget
from .engines import blocks, state
from .engines.jobs import Done, Job, name_of
from .engines.pool import Pool
from .modalities.views import Encoder, View
from .question import Question

ASKED = 50  # rows whose answers show that it can be asked


def refit(
    question: Question,
    chosen: Sequence[tuple[Algorithm, View]],
    pool: Pool,
    budget: Budget,
    seed: int,
    folder: Path,
) -> list[tuple[Encoder, State] | None]:
    """Of each algorithm an encoder and what it learned through it, from all rows; None where there was no time for it.

    chosen: each with what it is to see. folder: where numbers and states may be written.
    """
    rows = pl.concat([question.rows, question.sealed])
    encoders: dict[View, tuple[Path, Encoder]] = {}
    waiting: dict[str, Job] = {}
    for k, (algorithm, view) in enumerate(chosen):
        if view not in encoders:
            to = folder / str(len(encoders))
            encoder = view.fit(rows, question.schema)
            blocks.write(to / "all", encoder.numbers(rows, np.zeros(rows.height)))
            blocks.write(to / "asked", encoder.numbers(rows.head(ASKED), np.zeros(min(ASKED, rows.height))))
            encoders[view] = to, encoder
        to = encoders[view][0]
        waiting[f"again-{k}"] = Job(
            id=f"again-{k}",
            algorithm=name_of(type(algorithm)),
            settings=algorithm.settings(),
            task=name_of(type(question.task)),
            task_values=question.task.to_json(),
            train=to / "all",
            valid=to / "asked",
            out=folder / f"again-{k}",
            seed=seed,
            seconds=0.8 * max(budget.left(), 0.0),
            bytes=budget.bytes,
        )
    learned = _worked(waiting, pool, budget)
    return [
        (encoders[view][1], state.read(folder / f"again-{k}")) if f"again-{k}" in learned else None
        for k, (_, view) in enumerate(chosen)
    ]


def _worked(waiting: dict[str, Job], pool: Pool, budget: Budget) -> set[str]:
    """The jobs that came to an end, of those that wait, before the time was up."""
    until, ended, running, ids = time.monotonic() + budget.left(), set(), 0, list(waiting)
    while time.monotonic() < until and (ids or running):
        while ids and pool.idle:
            pool.submit(replace(waiting[ids.pop(0)], seconds=0.8 * max(budget.left(), 0.0)))
            running += 1
        if not running:
            break
        for event in pool.wait(0.1):
            if isinstance(event, Done) and event.job.id in waiting:
                running -= 1
                ended |= set() if event.fate else {event.job.id}
    return ended
