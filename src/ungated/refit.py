"""What was chosen, learned once more from more rows than it was chosen by.

Whoever asks which rules hold wants those of all the baskets, not of four fifths of them: there the sealed rows are
learned from too, once they have judged. The honest error is by then known, of what was learned without them; it is told
as such. Where answers are given, the sealed rows stay sealed, and what weighs words learns from those that had judged
the candidates.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from .core.algorithm import Algorithm, State
from .core.clock import Budget
from .core.numbers import Form, Numbers
from .engines import blocks, state
from .engines.jobs import Done, Job
from .engines.pool import Pool
from .modalities.table import Described, Memo, Schema, by_terms, counted
from .modalities.views import Encoder, View
from .prepare import Prepared
from .question import Question
from .search.climb import Member, Summit

ASKED = 50  # rows whose answers show that it can be asked
SLOWER = 1.5  # times as long as from the rows of a fold that learning from all may take


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
    waiting: list[Job] = []
    for k, (algorithm, view) in enumerate(chosen):
        if view not in encoders:
            to = folder / str(len(encoders))
            encoder, numbers = _encoded(view, described, rows, question.schema)
            blocks.write(to / "all", numbers)
            blocks.write(to / "asked", numbers.take(np.arange(min(ASKED, len(numbers)))))
            encoders[view] = to, encoder
        to = encoders[view][0]
        limits = {"seed": seed, "bytes": budget.bytes}
        waiting.append(Job.of(algorithm, question.task, (to / "all", to / "asked"), folder / f"again-{k}", **limits))
    learned = _worked(waiting, pool, budget)
    return [
        (encoders[view][1], state.read(folder / f"again-{k}")) if f"again-{k}" in learned else None
        for k, (_, view) in enumerate(chosen)
    ]


def learned_from_all(
    summit: Summit, question: Question, prepared: Prepared, pool: Pool, budget: Budget, seed: int, folder: Path
) -> tuple[Summit, int]:
    """The summit with members that weigh words learned once more, from all development rows; and how many did.

    Most words are rare: a fifth more texts tell of many that were in no other. So those members are worth more learned
    once from all than as the mean of what they learned from parts. Trees and what is learned step by step gain from
    the mean itself, and stay as they are; so does whoever there is no time for.
    """
    chosen = {k: m for k, m in enumerate(summit.members) if question.weighs_words(m.trial.entrant)}
    if not chosen:
        return summit, 0
    fold = prepared.whole(ASKED)

    def jobs() -> Iterator[Job]:
        for k, member in sorted(chosen.items(), key=lambda item: -item[1].weight):
            entrant = member.trial.entrant
            took = prepared.making(entrant, fold) + max(r.seconds for r in member.trial.results.values())
            if SLOWER * took < budget.left():
                numbers, limits = prepared.blocks(entrant, fold), {"seed": seed, "bytes": budget.bytes}
                yield Job.of(entrant.algorithm, question.task, numbers, folder / f"again-{k}", **limits)

    learned = _worked(jobs(), pool, budget)
    members = [
        Member(m.trial, m.weight, {fold: folder / f"again-{k}"}) if f"again-{k}" in learned else m
        for k, m in enumerate(summit.members)
    ]
    return replace(summit, members=members), len(learned)


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


def _worked(waiting: Iterable[Job], pool: Pool, budget: Budget) -> set[str]:
    """Names of the jobs that came to an end, of those that wait, before the time was up."""
    jobs, running, ended = iter(waiting), set[str](), set[str]()
    until = time.monotonic() + budget.left()
    while time.monotonic() < until:
        while pool.idle and (job := next(jobs, None)):
            pool.submit(replace(job, seconds=0.8 * max(budget.left(), 0.0)))
            running.add(job.id)
        if pool.idle and not running:
            break
        for event in pool.wait(0.1):
            if isinstance(event, Done) and event.job.id in running:
                running.remove(event.job.id)
                ended |= set() if event.fate else {event.job.id}
    return ended
