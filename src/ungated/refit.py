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
from threadpoolctl import threadpool_limits

from .core.algorithm import Algorithm, State
from .core.clock import Budget
from .core.numbers import Form, Numbers
from .engines import blocks, state
from .engines.jobs import Done, Job, name_of
from .engines.pool import Pool
from .modalities.table import Described, Memo, Schema, by_terms, counted
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
    described = Described(rows, question.schema, least=2)
    encoders: dict[View, tuple[Path, Encoder]] = {}
    waiting: dict[str, Job] = {}
    for k, (algorithm, view) in enumerate(chosen):
        if view not in encoders:
            to = folder / str(len(encoders))
            encoder, numbers = _encoded(view, described, rows, question.schema)
            blocks.write(to / "all", numbers)
            blocks.write(to / "asked", numbers.take(np.arange(min(ASKED, len(numbers)))))
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


def _encoded(view: View, described: Described, rows: pl.DataFrame, schema: Schema) -> tuple[Encoder, Numbers]:
    """An encoder that learned from these rows, and what they became by it; their terms are found but once for both."""
    learned: Memo = {}
    own: Memo = {}
    if view.form is Form.ROWS:
        terms = described.counted([c for c in view.columns if by_terms(schema[c], view.takes)])
        learned, own = counted({}, terms), counted({}, terms)
        rows = described.rows(view.columns)
    with threadpool_limits(1):  # as they were made before: where others are at work too, threads wait for one another
        encoder = view.fit(rows, schema, learned)
        return encoder, encoder.numbers(rows, np.zeros(rows.height), own)


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
