"""The page to read first: from files to a model, step by step.

    ask       files or a dataframe become typed columns; the task is inferred; test rows are sealed
    plan      what each algorithm would cost here; which fit the budget
    climb     candidates learn in worker processes; the best become an ensemble
    keep      the model is saved
    open      the seal is opened, once: the error is known, what mattered, the worst mistakes; then the report

Nothing here computes: each step is a room of its own. Every step writes into the one `Run`, and tells a `Listener`.
"""

import contextlib
import dataclasses
import datetime
import importlib
import importlib.metadata
import platform
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from . import __version__, algorithms, explain, ledger, store
from .core.algorithm import Algorithm, Entrant, Machine, plain
from .core.clock import Budget, amount, seconds
from .core.errors import UsageError
from .core.numbers import Array, Form
from .core.run import Run
from .engines import interrupt, state
from .engines.pool import Pool
from .engines.scratch import scratch
from .hardware import plan as planning
from .hardware.plan import workers_for
from .hardware.probe import probe
from .modalities.broken import Broken
from .modalities.views import View
from .model import Model, build
from .prepare import Prepared
from .question import Question, Wish, ask
from .search import split
from .search.climb import Summit, Terms, climb, quicker
from .search.ladder import Trial
from .search.split import Fold
from .tasks import Supervised, Unsupervised
from .transfer import Start, told

MANY = 20_000  # rows of pictures, sounds or texts, from which on networks learn from them but once
ANSWERING = 0.03  # of the time that answering the sealed rows may take, if it can be had for less
ATTEMPTS = 5  # whole partings that the time should pay for, when the share of one fit is set


class Listener:
    """Told of every step as it is done; the terminal is one. This one keeps quiet."""

    def asked(self, run: Run) -> None: ...
    def planned(self, run: Run) -> None: ...
    def climbing(self, run: Run, state: "Progress") -> None: ...
    def kept(self, run: Run) -> None: ...
    def done(self, run: Run) -> None: ...


@dataclass(frozen=True)
class Progress:
    """Where the climb is. error: the least validation error so far, in words, and whose; trial: what just came in."""

    tried: int
    error: str
    best: str
    left: float
    bytes: int
    running: tuple[str, ...]
    trial: Trial | None = None


@dataclass(frozen=True)
class Means:
    """What the climb is done with: the machine, the budget, and how many workers with how many threads each."""

    machine: Machine
    budget: Budget
    workers: int
    threads: int

    @classmethod
    def of(cls, time_: str | float, memory: str | float | None, started: float | None = None) -> "Means":
        """Measure the machine and see what of it may be used. Raises UsageError for words that are no amount."""
        machine = probe()
        allowed = amount(memory) if memory is not None else int(0.6 * machine.free)
        budget = Budget(seconds(time_), min(allowed, machine.memory), started or time.time())
        return cls(machine, budget, *workers_for(machine, budget.bytes))


def fit(
    data: Any,
    target: str | None = None,
    *,
    test: Any = None,
    time: str | float = "2m",
    memory: str | float | None = None,
    task: str | None = None,
    metric: str | None = None,
    algorithms: str | Sequence[str] | None = None,
    kinds: Mapping[str, str] | None = None,
    candidates: int | None = None,
    seal: bool = True,
    group: str | None = None,
    label_from: str | None = None,
    truth: str | None = None,
    settings: Mapping[str, Any] | None = None,
    allow_broken: bool = False,
    from_: str | Path | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    listener: Listener | None = None,
    started: float | None = None,
    command: str = "",
) -> Model:
    """Learn to answer `target` from the other columns, or what there is in them, within the time and memory given.

    data, test: a path to a file or folder, the name of a set that ships with a dependency (`ungated data` lists them),
    or a pandas, polars, Arrow or NumPy table. Without `test`, a random fifth of the rows is sealed.
    time: wall clock until the model is saved ("90s", "2m"). memory: peak of the whole process tree ("2GB").
    task: classify or regress, which answer a target; cluster, associate, detect, embed or generate, which need
    none; metric: the headline error; algorithms: ids to try; kinds: column -> kind; each is inferred or all where
    not given. candidates: try just so many, so that the same seed gives the same model whatever the machine is
    doing. seal: whether to keep test rows back; False where you keep your own.
    group: a column, rows with the same value in which stay on one side of every split. label_from: a pattern of
    file names, as "{label}_{speaker}_{n}.wav", whose names in braces become columns. truth: a column of labels that
    nothing is learned from and that is compared with at the end. settings: of the task or the algorithms, by name.
    allow_broken: go on although more than a tenth of the files cannot be read. from_: the folder of an earlier
    model, whose learned features networks may start from.
    out: where the model folder goes; None keeps it in memory until `Model.save`.

    Raises InputError or UsageError, each saying what to do.
    """
    means = Means.of(time, memory, started)
    chosen = _chosen(algorithms)
    if out is not None:
        store.check_writable(Path(out))
    run = _new_run(data, seed, means, command)
    known = (metric, kinds or {}, seal, group, label_from, allow_broken, truth, settings or {})
    wish = Wish(data, target, test, task, *known)
    start = Start.of(from_) if from_ is not None else Start()
    with interrupt.heard_once():
        return _fit(
            wish, run, chosen, means, candidates, start, None if out is None else Path(out), listener or Listener()
        )


def _fit(
    wish: Wish,
    run: Run,
    chosen: Sequence[type[Algorithm]],
    means: Means,
    candidates: int | None,
    start: Start,
    out: Path | None,
    listener: Listener,
) -> Model:
    """The steps, in their order. Workers start first, beside the reading."""
    with scratch() as folder:
        with _pool(means, chosen, folder) as pool:
            question = ask(wish, run, means.budget.bytes // 8)
            listener.asked(run)
            fitting = _plan(run, question, _set(chosen, wish.settings, question), means, start)
            listener.planned(run)
            summit, prepared = _climb(
                run, listener, question, fitting, means, pool, candidates, start, folder, wish.settings
            )
            run.peak_bytes = pool.peak_bytes
        model = _build(run, question, summit, prepared)
    if out is not None:
        run.seconds = means.budget.spent()
        model.save(out, report=False)
    listener.kept(run)
    if question.sealed.height:
        _open_seal(run, model, question, means.budget)
    run.seconds = means.budget.spent()
    if out is not None:
        model.save_papers()
    listener.done(run)
    return model


def plan(
    data: Any,
    target: str | None = None,
    *,
    time: str | float = "2m",
    memory: str | float | None = None,
    task: str | None = None,
    algorithms: str | Sequence[str] | None = None,
    kinds: Mapping[str, str] | None = None,
    group: str | None = None,
    label_from: str | None = None,
    settings: Mapping[str, Any] | None = None,
    allow_broken: bool = False,
    listener: Listener | None = None,
) -> Run:
    """What each algorithm would cost on these data on this machine, and which fit, without training anything."""
    listener = listener or Listener()
    means = Means.of(time, memory)
    run = _new_run(data, 0, means, "")
    known = (None, kinds or {}, True, group, label_from, allow_broken, None, settings or {})
    wish = Wish(data, target, None, task, *known)
    question = ask(wish, run, means.budget.bytes // 8)
    listener.asked(run)
    _plan(run, question, _set(_chosen(algorithms), wish.settings, question), means, Start())
    listener.planned(run)
    return run


def _new_run(data: Any, seed: int, means: Means, command: str) -> Run:
    versions = {"ungated": __version__, "python": platform.python_version()}
    for name in ("numpy", "polars", "scikit-learn", "lightgbm", "torch"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    began = datetime.datetime.fromtimestamp(means.budget.started, datetime.UTC)
    return Run(
        source=str(data) if isinstance(data, str | Path) else f"a {type(data).__module__.split('.')[0]} table",
        command=command,
        seed=seed,
        started=began.isoformat(timespec="seconds"),
        budget={"seconds": means.budget.seconds, "bytes": float(means.budget.bytes)},
        machine=plain(means.machine),
        versions=versions,
    )


def _pool(means: Means, chosen: Sequence[type[Algorithm]], scratch: Path) -> Pool:
    """Workers, which load what algorithms of rows need while the data are being read; networks load when asked."""
    modules = list(dict.fromkeys(m for cls in chosen if cls.card.form is Form.ROWS for m in cls.card.loads))
    logs = scratch / "workers"
    return Pool(means.workers, bytes=means.budget.bytes, scratch=logs, preload=modules, threads=means.threads)


def _load_meanwhile(modules: Sequence[str], after: float) -> None:
    """Import what the finished model will answer with, amid the climb, in which this process has little to do."""

    def load() -> None:
        for module in modules:
            with contextlib.suppress(Exception):  # whoever needs it will be told
                importlib.import_module(module)

    timer = threading.Timer(after, load)
    timer.daemon = True
    timer.start()


# -- plan and climb ----------------------------------------------------------------------------------------------------


def _chosen(ids: str | Sequence[str] | None) -> list[type[Algorithm]]:
    """The algorithms asked for, or all of them; the baseline always. Raises UsageError for one that is not there."""
    known = algorithms.discover()
    if ids is None:
        return list(known.values())
    wanted = [i.strip() for i in (ids.split(",") if isinstance(ids, str) else ids) if i.strip()]
    if unknown := [i for i in wanted if i not in known]:
        raise UsageError(f"There is no algorithm {', '.join(unknown)}. There are: {', '.join(known)}.")
    return [known[i] for i in dict.fromkeys(["baseline", *wanted])]


def _set(chosen: Sequence[type[Algorithm]], settings: Mapping[str, Any], question: Question) -> list[Algorithm]:
    """The algorithms for this task, each with those of a person's settings that it has. Raises UsageError."""
    able = [cls for cls in chosen if question.task.id in cls.card.tasks]
    own = {cls: {f.name for f in dataclasses.fields(cls)} for cls in able}
    of_task = {f.name for f in dataclasses.fields(question.task)}  # type: ignore[arg-type]
    anyones = of_task.union(*own.values()) - {"metric", "classes"}
    if strange := [name for name in settings if name not in anyones]:
        raise UsageError(
            f"Nothing here has a setting {strange[0]!r}. For the task {question.task.id} there are: "
            f"{', '.join(sorted(anyones)) or 'none'}."
        )
    return [cls(**{k: v for k, v in settings.items() if k in own[cls]}) for cls in able]


def _plan(run: Run, question: Question, chosen: Sequence[Algorithm], means: Means, start: Start) -> list[Entrant]:
    """Fill in the run's plan, cheap first; returns the entrants that fit."""
    able = [e for algorithm in chosen for e in question.entrants(algorithm)]
    able = start.entrants([e for e in able if not (e.algorithm.card.id == "baseline" and e.view)])
    bytes_ = int(question.rows.estimated_size() + question.sealed.estimated_size())
    lines = planning.plan(able, question.shape, means.machine, means.budget, means.workers, bytes_)
    together = sorted(zip(lines, able, strict=True), key=lambda pair: pair[0].seconds)
    run.plan = [line for line, _ in together]
    return [entrant for line, entrant in together if line.fits]


def _climb(
    run: Run,
    listener: Listener,
    question: Question,
    fitting: Sequence[Entrant],
    means: Means,
    pool: Pool,
    candidates: int | None,
    start: Start,
    scratch: Path,
    fixed: Collection[str],
) -> tuple[Summit, Prepared]:
    """Part the rows into folds, and climb."""
    planned = {line.algorithm: line.seconds for line in run.plan}
    deadline = time.monotonic() + means.budget.left() - _reserve(means, question)
    folds, how = _parted(question, fitting, planned, means, candidates, run.seed)
    run.split = f"{how}; {run.split}"

    def view(entrant: Entrant) -> View:
        return start.view(entrant, question.view(entrant))

    def begun(entrant: Entrant) -> Path | None:
        folder = scratch / "starts" / entrant.algorithm.card.id
        if (learned := start.state(entrant)) is None:
            return None
        if not folder.exists():
            state.write(folder, learned)
        return folder

    exam = partial(question.task.exam, seed=run.seed) if isinstance(question.task, Unsupervised) else None
    to = scratch / "blocks"
    prepared = Prepared(question.rows, question.y, question.schema, view, folds, to, exam, question.reference)
    y, folds, learned = _answers(question, prepared, folds)
    climbing_seconds = deadline - time.monotonic()
    terms = Terms(
        task=question.task,
        y=y,
        folds=folds,
        learned=learned,
        blocks=prepared.blocks,
        share=climbing_seconds * means.workers / (ATTEMPTS * sum(f.repeat == 0 for f in folds)),
        deadline=deadline,
        worker_bytes=means.budget.bytes,
        scratch=scratch / "trials",
        seed=run.seed,
        workers=means.workers,
        threads=means.threads,
        limit=candidates,
        start=begun,
        making=prepared.making,
        fixed=fixed,
    )
    _load_meanwhile([m for e in fitting for m in e.algorithm.card.answers_with], after=0.4 * climbing_seconds)
    baseline = algorithms.discover()["baseline"]()
    rest = [e for e in fitting if e.algorithm.card.id != "baseline"]
    summit = climb(rest, planned, baseline, pool, terms, _teller(run, listener, question, terms, pool))
    run.ended = summit.why
    told(summit.trials, start, run)
    run.leaderboard = ledger.leaderboard(summit, y, folds, question.task, run.plan, means.budget.started)
    return quicker(summit, folds, question.sealed.height, ANSWERING * means.budget.seconds), prepared


def _parted(
    question: Question,
    fitting: Sequence[Entrant],
    planned: Mapping[str, float],
    means: Means,
    candidates: int | None,
    seed: int,
) -> tuple[list[Fold], str]:
    """The folds by which candidates are judged, and how they were chosen."""
    rows, task = question.rows.height, question.task
    if isinstance(task, Unsupervised):
        return split.once(question.strata, rows, seed, task.held, task.most_held, question.groups, question.in_order)
    seconds = means.budget.left() - _reserve(means, question)
    affordable = float("inf") if candidates else seconds * means.workers / _strong(question, fitting, planned)
    return split.choose(question.strata, rows, seed, affordable, question.groups)


def _answers(
    question: Question, prepared: Prepared, folds: list[Fold]
) -> tuple[Array, list[Fold], Callable[[int], Array]]:
    """(what is true, the folds with positions in it, what is true of a fold's rows to learn from)."""
    if question.reference is None:
        return question.y, folds, lambda fold: question.y[folds[fold].train]
    learned, y = prepared.answers(0)
    return y, [Fold(folds[0].train, np.arange(len(y)))], lambda fold: learned


def _strong(question: Question, fitting: Sequence[Entrant], planned: Mapping[str, float]) -> float:
    """Seconds of one fit of what should do well: of boosting on plain tables, else of the entrant in the middle.

    Many pictures, sounds or texts are the networks' to learn from, for as long as there is time: once is all they can.
    """
    if not any(e.tastes for e in fitting):
        return max(planned.get("gradient_boosting") or max(planned.values()), 1e-3)
    return float("inf") if question.rows.height > MANY else max(float(np.median(list(planned.values()))), 1e-3)


def _reserve(means: Means, question: Question) -> float:
    """Seconds kept for choosing the ensemble, saving, opening the seal and the report; more where others work too.

    What the picture, the text and the numbers are each worth is found out by asking the whole ensemble some times more.
    """
    least = min(2.2, 0.12 * means.budget.seconds) if question.mixed else 0.8
    alone = float(np.clip(0.06 * means.budget.seconds, max(least, 0.8), 20)) + 2e-5 * question.sealed.height
    return alone * (1 + means.machine.load)


def _teller(run: Run, listener: Listener, question: Question, terms: Terms, pool: Pool) -> Callable[..., None]:
    """What the climb calls: keeps the least error so far and passes it on to the listener."""
    least: list[tuple[float, Trial]] = []
    measure = question.task.guide

    def tell(trial: Trial | None, trials: list[Trial]) -> None:
        if trial and not trial.fate and trial.results:
            error = float(np.mean([r.loss for r in trial.results.values()]))
            if not least or error < least[0][0]:
                least[:] = [(error, trial)]
        words = f"{measure.id} {measure.show(least[0][0])}" if least else ""
        best = str(least[0][1].entrant) if least else ""
        running = tuple(job.algorithm.rpartition(":")[2] for job in pool.running)
        left = terms.deadline - time.monotonic()
        listener.climbing(run, Progress(len(trials), words, best, left, pool.peak_bytes, running, trial))

    return tell


# -- keep and open -----------------------------------------------------------------------------------------------------


def _build(run: Run, question: Question, summit: Summit, prepared: Prepared) -> Model:
    """A model from the ensemble's members, with each encoder once."""
    encoders: dict[int, tuple[int, Any]] = {}  # by identity: its place, and itself
    members = []
    for member in summit.members:
        fits = []
        for fold, path in member.states.items():
            encoder = prepared.encoder(member.trial.entrant, fold)
            place, _ = encoders.setdefault(id(encoder), (len(encoders), encoder))
            fits.append((place, state.read(path)))
        members.append((member.trial.entrant.algorithm, member.weight, fits))
    return build(
        task=question.task,
        target=question.target,
        schema=question.schema,
        features=question.features,
        encoders=[encoder for _, encoder in encoders.values()],
        members=members,
        temperature=summit.by,
        baseline=question.task.baseline(question.y if question.reference is None else prepared.answers(0)[0]),
        sample=question.rows,
        run=run,
    )


def _open_seal(run: Run, model: Model, question: Question, budget: Budget) -> None:
    """Open the sealed rows, once: the error, its figures, what mattered, the worst mistakes."""
    began = time.monotonic()
    y, answer = model.examined(question.sealed, run.seed)
    took = time.monotonic() - began
    scores = model.judge(y, answer)
    run.error, run.metrics = scores.error, scores.metrics
    most = (0.1 if question.mixed else 0.05) * budget.seconds + 0.5
    allowance = float(np.clip(budget.left() - 0.5, 0.3, most))
    if isinstance(question.task, Supervised):
        run.figures = question.task.figures(y, answer)
        run.figures += explain.explained(model, question.sealed, y, answer, allowance, took)
        if len(question.features) > 1 and not any(f["kind"] == "importance" for f in run.figures):
            run.notes.append(
                "what mattered is not in the report: there was no time left to find out (--time gives more)"
            )
    else:
        run.figures = explain.discovered(model, question.rows, question.sealed, question.truth, allowance, run)
    if skipped := explain.skipped([Broken(*b) for b in run.broken], question.rows.height + len(run.broken)):
        run.figures.append(skipped)
