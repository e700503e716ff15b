"""A question with a target: the task inferred from it, rows without an answer left out, test rows sealed."""

from dataclasses import replace

import polars as pl

from .. import tasks
from ..core.errors import InputError, UsageError, listed
from ..core.numbers import Array
from ..core.run import Run, TaskRecord
from ..modalities import table
from ..modalities.reading import read
from ..search import split
from .asked import Question, Wish
from .rows import FEWEST_ROWS, few_broken, keep_together, record, typed_rows, usable

LIKELY_TARGETS = ("target", "label", "class", "y")


def ask(raw: table.Raw, wish: Wish, run: Run) -> Question:
    """Infer the task, seal. Fills in run.data, run.task and run.split. Raises InputError and UsageError."""
    target = target_of(raw, wish)
    if target is None:
        has = listed(raw.frame.columns)
        raise UsageError(f"Say which column is to be answered, with --target COLUMN. {raw.source} has: {has}.")
    schema, task_class, why = _task(raw, target, wish)
    typed = _with_answers(raw, schema, target, run)
    few_broken(raw, run, wish)
    if typed.height < FEWEST_ROWS:
        few = f"{typed.height} row{'s'[: typed.height != 1]} with a value in {target!r}"
        raise InputError(
            f"{raw.source}: {few}, too few to learn from and to test on. At least {FEWEST_ROWS} are needed."
        )
    # Groups that a model is to do well on are new ones: their names teach nothing.
    features = usable(raw, schema, (target, wish.group or ""))
    warnings = table.warnings(typed, schema, target, task_class.id)
    run.data = record(raw, typed, schema, {target: "target"}, warnings)
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


def target_of(raw: table.Raw, wish: Wish) -> str | None:
    """The column to be answered: as asked, a named set's own, or one that is called like a target; None for none.

    Raises UsageError for a column that is not there.
    """
    names = raw.frame.columns
    if wish.target is not None and str(wish.target) in names:
        return str(wish.target)
    if wish.target is not None:
        raise UsageError(f"{raw.source} has no column {wish.target!r}. Its columns are: {listed(names)}.")
    if (told := told_target(raw, wish)) is not None:
        return told
    likely = [n for n in names if n.strip().lower() in LIKELY_TARGETS]
    return likely[-1] if likely else None


def told_target(raw: table.Raw, wish: Wish) -> str | None:
    """The column that holds the answers as what was read says itself: a folder's labels, a named set's target."""
    if raw.target is not None:
        return raw.target
    about = table.NAMED.get(wish.data) if isinstance(wish.data, str) else None
    return about.target if about and about.target in raw.frame.columns else None


def _task(raw: table.Raw, target: str, wish: Wish) -> tuple[table.Schema, type[tasks.Supervised], str]:
    """The schema, the task, and why that one."""
    if unknown := [c for c in wish.kinds if c not in raw.frame.columns]:
        raise UsageError(f"--kind names a column that is not there: {', '.join(unknown)}.")
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
    return schema, tasks.supervised(name), why


def _inferred(raw: table.Raw, schema: table.Schema, target: str) -> tuple[str, str]:
    alone = table.Schema((schema[target],))
    values = table.cast(raw.frame.select(target), alone, where=raw.source).frame[target].drop_nulls()
    number = schema[target].kind == "number"
    whole = number and bool((values == values.round()).all())
    return tasks.infer("number" if number else "category", values.n_unique(), whole, target)


def _with_answers(raw: table.Raw, schema: table.Schema, target: str, run: Run) -> pl.DataFrame:
    """The rows whose target is known, typed; the others are left out, and that is said."""
    whole = typed_rows(raw, schema, run)
    typed = whole.filter(pl.col(target).is_not_null())
    if missing := whole.height - typed.height:
        run.notes.append(f"{raw.source}: {missing:,} rows without a value in {target} are left out")
    return typed


def _seal(
    raw: table.Raw,
    typed: pl.DataFrame,
    schema: table.Schema,
    target: str,
    task: type[tasks.Supervised],
    wish: Wish,
    groups: Array | None,
    run: Run,
) -> tuple[pl.DataFrame, pl.DataFrame, Array | None, str]:
    """(rows to learn from, sealed rows, the groups of the former, how the latter were chosen)."""
    if wish.test is not None or raw.sealed is not None:
        if raw.sealed is None or wish.test is not None:
            test = read(wish.test, seed=run.seed, label_from=wish.label_from, task=task.id)
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
