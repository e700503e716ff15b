"""From files to a question: what is to be learned, from which rows, and which rows stay sealed.

Reads the data, decides what each column is, infers the task from the target, and seals the test rows. Whatever shapes
the task (its classes, its baseline) is taken from the rows that are left. Every decision is written into the run.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from . import tasks
from .core.algorithm import Algorithm, Entrant
from .core.errors import InputError, UsageError
from .core.numbers import Array, Shape
from .core.run import ColumnRecord, DataRecord, Run, TaskRecord
from .modalities import duplicates, table
from .modalities.reading import read
from .modalities.views import View, views
from .search import split

FEWEST_ROWS = 10
MOST_BROKEN = 0.1  # of the files; where more cannot be read, something else is wrong
LIKELY_TARGETS = ("target", "label", "class", "y")


@dataclass(frozen=True)
class Wish:
    """What the person asked for; None where it is left to us.

    data, test: a path, the name of a set, or a dataframe. kinds: column -> kind, where the person knows better.
    seal: whether to keep rows back for the one honest number. group: the column whose equal values stay on one side of
    every split. label_from: a pattern of file names, which gives columns. allow_broken: go on however many files are.
    """

    data: Any
    target: str | None = None
    test: Any = None
    task: str | None = None
    metric: str | None = None
    kinds: Mapping[str, str] = field(default_factory=dict)
    seal: bool = True
    group: str | None = None
    label_from: str | None = None
    allow_broken: bool = False


@dataclass(frozen=True)
class Question:
    """What is to be learned. rows, y: to learn from; sealed: opened once, at the end. All typed by `schema`.

    groups: (n,) integers where rows of one group must stay together, or None.
    """

    task: tasks.Task
    target: str
    schema: table.Schema
    features: tuple[str, ...]
    rows: pl.DataFrame
    y: Array
    sealed: pl.DataFrame
    groups: Array | None = None
    _views: dict[str, dict[str, View]] = field(default_factory=dict)  # by algorithm; found once for each
    _shapes: dict[View, Shape] = field(default_factory=dict)
    _memo: table.Memo = field(default_factory=dict)

    @property
    def strata(self) -> Array | None:
        """By what rows are spread evenly over folds: their class, where there are classes."""
        return self.y if self.task.id == "classify" else None

    @property
    def mixed(self) -> bool:
        """Whether a picture, sound or text stands beside other columns."""
        return len(self.features) > 1 and any(table.heavy(self.schema[n]) for n in self.features)

    def entrants(self, algorithm: Algorithm) -> list[Entrant]:
        """The algorithm with each view that it may have of these data; none where they have not its form."""
        return [Entrant(algorithm, name) for name in self._views_of(algorithm)]

    def view(self, entrant: Entrant) -> View:
        """What an entrant is to see."""
        return self._views_of(entrant.algorithm)[entrant.view]

    def _views_of(self, algorithm: Algorithm) -> dict[str, View]:
        card = algorithm.card
        if (
            card.id not in self._views
        ):  # asked for at every step of the climb, and a table may have thousands of columns
            self._views[card.id] = views(card, self.schema, self.features)
        return self._views[card.id]

    def shape(self, entrant: Entrant) -> Shape:
        """The size of a fit of this entrant to all rows, without encoding them."""
        view = self.view(entrant)
        if view not in self._shapes:
            self._shapes[view] = view.shape(self.rows, self.schema, self.task.id, self.task.outputs, self._memo)
        return self._shapes[view]


def ask(wish: Wish, run: Run, limit_bytes: int) -> Question:
    """Read, infer the task, seal. Fills in run.data, run.task and run.split. Raises InputError and UsageError."""
    raw = read(wish.data, limit_bytes=limit_bytes, seed=run.seed, label_from=wish.label_from)
    run.notes += raw.notes
    target = _target(raw, wish)
    schema, task_class, why = _task(raw, target, wish)
    typed = _with_answers(raw, schema, target, run)
    _few_broken(raw, run, wish)
    if typed.height < FEWEST_ROWS:
        few = f"{typed.height} row{'s'[: typed.height != 1]} with a value in {target!r}"
        raise InputError(
            f"{raw.source}: {few}, too few to learn from and to test on. At least {FEWEST_ROWS} are needed."
        )
    beside = (target, wish.group)  # groups that a model is to do well on are new ones: their names teach nothing
    features = tuple(c.name for c in schema.columns if c.name not in beside and c.kind not in table.LEFT_OUT)
    if not features:
        why_not = "; ".join(f"{c.name}: {c.kind}, {c.why}" for c in schema.columns[:5] if c.name != target)
        raise InputError(
            f"{raw.source}: no column is left to learn {target!r} from.\n{why_not or 'There is no other column.'}\n"
            "Say what a column is with --kind NAME=KIND."
        )
    warnings = table.warnings(typed, schema, target, task_class.id)
    run.data = _record(raw, typed, schema, target, warnings)
    groups = keep_together(typed, schema, wish.group, run)
    rows, sealed, groups, how = _seal(raw, typed, schema, target, task_class, wish, groups, run)
    try:
        task = task_class.learn(rows[target].to_list(), wish.metric)
    except InputError as error:  # a task knows values, not where they come from
        raise InputError(f"{raw.source}, column {target!r}: {error}") from error
    run.split = f"{sealed.height:,} rows are sealed ({how})"
    labels = list(getattr(task, "classes", ()))
    run.task = TaskRecord(task.id, target, why, task.metric, task.guide.id, labels)
    return Question(task, target, schema, features, rows, task.encode(rows[target].to_list()), sealed, groups)


def _target(raw: table.Raw, wish: Wish) -> str:
    """The column to be answered: as asked, a named set's own, or one that is called like a target."""
    names = raw.frame.columns
    if wish.target is not None and str(wish.target) in names:
        return str(wish.target)
    listed = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    if wish.target is not None:
        raise UsageError(f"{raw.source} has no column {wish.target!r}. Its columns are: {listed}.")
    if raw.target is not None:
        return raw.target
    about = table.NAMED.get(wish.data) if isinstance(wish.data, str) else None
    if about and about.target in names:
        return about.target
    if likely := [n for n in names if n.strip().lower() in LIKELY_TARGETS]:
        return likely[-1]
    raise UsageError(f"Say which column is to be answered, with --target COLUMN. {raw.source} has: {listed}.")


def _task(raw: table.Raw, target: str, wish: Wish) -> tuple[table.Schema, type[tasks.Task], str]:
    """The schema, the task, and why that one."""
    if unknown := [c for c in wish.kinds if c not in raw.frame.columns]:
        raise UsageError(f"--kind names a column that is not there: {', '.join(unknown)}.")
    if wish.task is not None and wish.task not in tasks.known():
        raise UsageError(f"There is no task {wish.task!r}. Choose one of: {', '.join(tasks.known())}.")
    schema = table.look(raw, target=target, kinds=wish.kinds)
    kind = schema[target].kind
    name, why = (wish.task, "you said so") if wish.task else _inferred(raw, schema, target)
    wanted = "number" if name == "regress" else "category"
    if kind != wanted:
        why_kind = schema[target].why
        schema = table.look(raw, target=target, kinds={**wish.kinds, target: wanted})
        columns = (
            replace(c, why=f"{why_kind}; to {name}, a {wanted}") if c.name == target else c for c in schema.columns
        )
        schema = table.Schema(tuple(columns))
    return schema, tasks.known()[name], why


def _inferred(raw: table.Raw, schema: table.Schema, target: str) -> tuple[str, str]:
    alone = table.Schema((schema[target],))
    values = table.cast(raw.frame.select(target), alone, where=raw.source).frame[target].drop_nulls()
    number = schema[target].kind == "number"
    whole = number and bool((values == values.round()).all())
    return tasks.infer("number" if number else "category", values.n_unique(), whole, target)


def _with_answers(raw: table.Raw, schema: table.Schema, target: str, run: Run) -> pl.DataFrame:
    """The rows whose target is known, typed; the others are left out, and that is said."""
    cast = table.cast(raw.frame, schema, where=raw.source, base=raw.base)
    run.notes += cast.notes
    run.broken += [[b.file, b.why] for b in (*raw.broken, *cast.broken)]
    lost = cast.lost | raw.unread
    whole = cast.frame.filter(~pl.Series(lost))
    typed = whole.filter(pl.col(target).is_not_null())
    if missing := whole.height - typed.height:
        run.notes.append(f"{raw.source}: {missing:,} rows without a value in {target} are left out")
    return typed


def _few_broken(raw: table.Raw, run: Run, wish: Wish) -> None:
    """Say how many files were skipped. Raises InputError where that is more than a tenth of them."""
    if not run.broken:
        return
    rows = set(raw.frame["file"]) if raw.kinds and "file" in raw.frame.columns else set()
    count, files = len(run.broken), raw.frame.height + sum(b.file not in rows for b in raw.broken)
    first = "; ".join(f"{file} {why}" for file, why in run.broken[:3])
    said = f"{raw.source}: {count:,} of {files:,} files could not be read, such as: {first}"
    if count > MOST_BROKEN * files and not wish.allow_broken:
        raise InputError(f"{said}.\nLook at them, or go on without them with --allow-broken.")
    run.notes.append(f"{said}. They are skipped; the report lists them")


def keep_together(typed: pl.DataFrame, schema: table.Schema, group: str | None, run: Run) -> Array | None:
    """Integers (n,) that are equal for rows of one group: the column's that was asked for, and near-duplicates'.

    Raises UsageError for a column that is not there or that has but one value.
    """
    if group is not None and group not in typed.columns:
        raise UsageError(f"--group names a column that is not there: {group}. There are: {', '.join(typed.columns)}.")
    groups = None
    if group is not None:
        groups = typed[group].rank("dense").fill_null(0).to_numpy().astype(np.int64)
        if len(np.unique(groups)) < 2:
            raise UsageError(f"--group {group}: there is only one value, so no group could be kept back to test on.")
    for column in schema.columns:
        alike = table.alike(column.kind, typed[column.name]) if table.heavy(column) else None
        if alike is None:
            continue
        run.notes.append(
            f"column {column.name}: {len(alike) - len(np.unique(alike)):,} cells are all but copies of others; "
            "copies are kept on one side of every split"
        )
        groups = alike if groups is None else duplicates.joined(groups, alike)
    return groups


def _seal(
    raw: table.Raw,
    typed: pl.DataFrame,
    schema: table.Schema,
    target: str,
    task: type[tasks.Task],
    wish: Wish,
    groups: Array | None,
    run: Run,
) -> tuple[pl.DataFrame, pl.DataFrame, Array | None, str]:
    """(rows to learn from, sealed rows, the groups of the former, how the latter were chosen)."""
    if wish.test is not None or raw.sealed is not None:
        if raw.sealed is None or wish.test is not None:
            test = read(wish.test, seed=run.seed, label_from=wish.label_from)
            how = f"all of {test.source}"
        elif raw.sealed is not None:
            test = replace(raw, frame=raw.sealed, broken=[])
            how = "the part that came as a test's; --test gives another"
        sealed = _with_answers(test, schema, target, run)
        if not sealed.height:
            raise InputError(f"{test.source}: no row has a value in {target!r}: there is nothing to test on.")
        if task.id == "classify":
            sealed = _same_labels(sealed, typed[target], test.source, run)
        return typed, sealed, groups, how
    if not wish.seal:
        return typed, typed.head(0), groups, "as you asked"
    strata = typed[target].rank("dense").to_numpy() if task.id == "classify" else None
    kept, held = split.seal(strata, typed.height, run.seed, groups=groups)
    how = "drawn at random; --test FILE gives your own"
    if wish.group is not None:
        how = f"whole groups of {wish.group}, drawn at random"
    return typed[kept], typed[held], None if groups is None else groups[kept], how


def _same_labels(sealed: pl.DataFrame, known: pl.Series, source: str, run: Run) -> pl.DataFrame:
    """The test rows with labels that differ from a known one only by case or punctuation read as that one.

    Raises InputError where none of the labels is known, which is a mistake in the files and not of a model.
    """
    target, labels = known.name, set(known.unique().to_list())
    loose = {_loosely(label): label for label in labels}
    strange = [label for label in sealed[target].unique(maintain_order=True).to_list() if label not in labels]
    if len(loose) == len(labels) and (same := {s: loose[_loosely(s)] for s in strange if _loosely(s) in loose}):
        renamed = ", ".join(f"{a!r} as {b!r}" for a, b in sorted(same.items())[:5])
        run.notes.append(f"{source}: reads {renamed} (they differ by case or punctuation alone)")
        strange = [label for label in strange if label not in same]
        sealed = sealed.with_columns(pl.col(target).replace(same))
    if strange and not sealed[target].is_in(list(labels)).any():
        raise InputError(
            f"{source}: none of the labels in {target!r} is known from the training rows.\n"
            f"There: {', '.join(map(repr, sorted(labels)[:5]))}; here: {', '.join(map(repr, strange[:5]))}."
        )
    if strange:
        run.notes.append(f"{source}: labels that no training row has count as errors: {', '.join(strange[:5])}")
    return sealed


def _loosely(label: str) -> str:
    return label.casefold().strip(" .,;:!\"'")


def _record(raw: table.Raw, typed: pl.DataFrame, schema: table.Schema, target: str, warnings: list[str]) -> DataRecord:
    columns = []
    different = typed.select(pl.all().n_unique()).row(0, named=True)
    for c in schema.columns:
        values = typed[c.name]
        role = "target" if c.name == target else "left out" if c.kind in table.LEFT_OUT else "feature"
        shown = values.head(0 if values.dtype == pl.Binary else 1000)  # decoded pictures and sounds are no words
        seen = [v for v in dict.fromkeys(shown.to_list()) if v is not None][:3]
        examples = [f"{v:g}" if isinstance(v, float) else str(v)[:60] for v in seen]
        columns.append(ColumnRecord(c.name, c.kind, c.why, role, values.null_count(), different[c.name], examples))
    return DataRecord(raw.source, typed.height, columns, warnings, raw.how, raw.rows_in_file)
