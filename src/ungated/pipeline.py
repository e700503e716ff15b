"""The page to read first: from files to a model, step by step.

    ask       files or a dataframe become typed columns; the task is inferred; test rows are sealed
    plan      what each algorithm would cost here; which fit the budget
    climb     candidates learn in worker processes; the best become an ensemble
    keep      the model is saved
    open      the seal is opened, once: the error is known, what mattered, the worst mistakes; then the report

Nothing here computes: each step is a room of its own. Every step writes into the one `Run`, and tells a `Listener`.
"""

import dataclasses
import datetime
import importlib
import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import __version__, algorithms, store
from .ascent import ascend
from .core.algorithm import Algorithm, Entrant, plain
from .core.errors import UsageError
from .core.numbers import Form
from .core.run import Run
from .engines import interrupt
from .engines.pool import Pool
from .engines.scratch import scratch
from .hardware import plan as planning
from .journal import Journal
from .keeping import built, judge, learned_again, open_seal, settled, tell_found
from .listener import Listener
from .means import Means
from .model import Model
from .question import Question, Wish, ask
from .transfer import Start


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
    asked = {
        "data": data,
        "target": target,
        "test": test,
        "task": task,
        "metric": metric,
        "kinds": dict(kinds or {}),
        "seal": seal,
        "group": group,
        "label_from": label_from,
        "allow_broken": allow_broken,
        "truth": truth,
        "settings": dict(settings or {}),
        "algorithms": algorithms if algorithms is None or isinstance(algorithms, str) else list(algorithms),
        "candidates": candidates,
        "from_": from_,
        "seed": seed,
    }
    means = Means.of(time, memory, started)
    to = None if out is None else Path(out)
    journal = Journal.begin(to, asked, command, means.budget)
    return _begun(asked, means, to, journal, listener or Listener(), command)


def resume(
    run: str | Path,
    *,
    time: str | float | None = None,
    memory: str | float | None = None,
    listener: Listener | None = None,
    started: float | None = None,
) -> Model:
    """Go on with a run that was cut short, or give one more time; the model goes where it would have gone.

    run: the folder NAME.run beside the model, or the model's. time: "+30m" adds to what the run was given, "1h" is the
    time in all; what it had spent is spent, and where nothing is said it has what is left. memory: as for `fit`.

    Raises UsageError where there is no such run, nothing is left to do, or the data are not what they were.
    """
    journal = Journal.take_up(run, time)
    means = Means.of(journal.seconds, journal.bytes if memory is None else memory, started)
    return _begun(journal.asked, means, journal.out, journal, listener or Listener(), journal.command)


def _begun(
    asked: Mapping[str, Any], means: Means, out: Path | None, journal: Journal, listener: Listener, command: str
) -> Model:
    """What was asked, as rooms of the house take it."""
    chosen = _chosen(asked["algorithms"])
    if out is not None:
        store.check_writable(out)
    run = _new_run(asked["data"], asked["seed"], means, command)
    run.started = journal.once("started", run.started)
    wish = Wish(**{f.name: asked[f.name] for f in dataclasses.fields(Wish)})
    start = Start.of(asked["from_"]) if asked["from_"] is not None else Start()
    with interrupt.heard_once():
        return _fit(wish, run, chosen, means, asked["candidates"], start, out, listener, journal)


def _fit(
    wish: Wish,
    run: Run,
    chosen: Sequence[type[Algorithm]],
    means: Means,
    candidates: int | None,
    start: Start,
    out: Path | None,
    listener: Listener,
    journal: Journal,
) -> Model:
    """The steps, in their order. Workers start first, beside the reading."""
    with scratch() as folder:
        with _pool(means, chosen, folder, journal) as pool:
            question = ask(wish, run, means.budget.bytes // 8)
            journal.same(question)
            listener.asked(run)
            fitting = _plan(run, question, _set(chosen, wish.settings, question), means, start, journal)
            listener.planned(run)
            fixed = wish.settings
            summit, prepared = ascend(
                run, listener, question, fitting, means, pool, candidates, start, folder, fixed, journal
            )
            means = dataclasses.replace(means, budget=journal.budget(means.budget))
            question = settled(question, summit, prepared)
            model, judged = None, None
            if getattr(question.task, "refits", False):
                model, judged = learned_again(run, question, summit, prepared, pool, means, folder)
            run.peak_bytes = pool.peak_bytes
        if model is None:
            model = built(run, question, summit, prepared)
    if out is not None:
        run.seconds = means.budget.spent()
        model.save(out, report=False)
    listener.kept(run)
    if question.sealed.height:
        open_seal(run, model, question, means.budget, judged or judge(model, question, run.seed))
    else:
        tell_found(run, model, question, means.budget)
    run.seconds = means.budget.spent()
    if out is not None:
        model.save_papers()
    journal.close(run.ended)
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
    _plan(run, question, _set(_chosen(algorithms), wish.settings, question), means, Start(), Journal())
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


def _pool(means: Means, chosen: Sequence[type[Algorithm]], scratch: Path, journal: Journal) -> Pool:
    """Workers, which load what algorithms of rows need while the data are being read; networks load when asked.

    Of a run that goes on it is known who will be asked.
    """
    planned = journal.planned()
    soon = [cls.card for cls in chosen if cls.card.form is Form.ROWS or cls.card.id in planned]
    modules = list(dict.fromkeys(m for card in soon for m in card.loads))
    logs = scratch / "workers"
    return Pool(means.workers, bytes=means.budget.bytes, scratch=logs, preload=modules, threads=means.threads)


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


def _plan(
    run: Run, question: Question, chosen: Sequence[Algorithm], means: Means, start: Start, journal: Journal
) -> list[Entrant]:
    """Fill in the run's plan, cheap first; returns the entrants that fit."""
    able = [e for algorithm in chosen for e in question.entrants(algorithm)]
    able = start.entrants([e for e in able if not (e.algorithm.card.id == "baseline" and e.view)])
    bytes_ = int(question.rows.estimated_size() + question.sealed.estimated_size())
    share = planning.SHARE if question.reference is None else planning.SHARE_ONCE
    lines = planning.plan(able, question.shape, means.machine, means.budget, means.workers, bytes_, share)
    run.plan = sorted(lines, key=lambda line: line.seconds)
    journal.plan(run)
    by_key = {entrant.key: entrant for entrant in able}
    return [by_key[line.algorithm] for line in run.plan if line.fits and line.algorithm in by_key]
