"""What was chosen, learned once more from all rows, the sealed ones too, once these have judged it.

Whoever asks which rules hold wants those of all the baskets, not of four fifths of them. The honest error is by then
known, of what was learned without the sealed rows; it is told as such.
"""

import time
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
    question: Question, algorithm: Algorithm, view: View, pool: Pool, budget: Budget, seed: int, folder: Path
) -> tuple[Encoder, State] | None:
    """An encoder and what the algorithm learned through it, from all rows; None where there is no time for it.

    view: what it is to see. folder: where numbers and states may be written.
    """
    rows = pl.concat([question.rows, question.sealed])
    encoder = view.fit(rows, question.schema)
    blocks.write(folder / "all", encoder.numbers(rows, np.zeros(rows.height)))
    blocks.write(folder / "asked", encoder.numbers(rows.head(ASKED), np.zeros(min(ASKED, rows.height))))
    job = Job(
        id="again",
        algorithm=name_of(type(algorithm)),
        settings=algorithm.settings(),
        task=name_of(type(question.task)),
        task_values=question.task.to_json(),
        train=folder / "all",
        valid=folder / "asked",
        out=folder / "again",
        seed=seed,
        seconds=0.8 * max(budget.left(), 0.0),
        bytes=budget.bytes,
    )
    if budget.left() <= 0 or not pool.idle:
        return None
    pool.submit(job)
    until = time.monotonic() + budget.left()
    while time.monotonic() < until:
        for event in pool.wait(0.1):
            if isinstance(event, Done) and event.job.id == job.id:
                return None if event.fate else (encoder, state.read(job.out))
    return None
