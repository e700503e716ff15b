"""A question without a target: rows to learn from, and sealed ones that an exam is made of."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from .. import tasks
from ..core.errors import InputError, UsageError
from ..core.numbers import Array, Form
from ..core.run import Run, TaskRecord
from ..modalities import table
from ..modalities.reading import read
from ..modalities.views import plain
from ..search import split
from .asked import Question, Wish
from .rows import FEWEST_ROWS, few_broken, keep_together, record, typed_rows, usable
from .supervised import told_target

EVIDENT = (  # a kind of column, what it is there for, and why
    ("basket", "associate", "the file holds baskets, a set of items each (--task cluster groups them)"),
    ("tune", "generate", "the files hold tunes"),
)
FEWEST_PIECES = 3  # of one whole, such as a long text: to learn from, to judge by, to test on


def ask(raw: table.Raw, name: str, why: str, wish: Wish, run: Run) -> Question:
    """Seal. Fills in run.data, run.task and run.split. Raises InputError and UsageError."""
    if unknown := [c for c in wish.kinds if c not in raw.frame.columns]:
        raise UsageError(f"--kind names a column that is not there: {', '.join(unknown)}.")
    schema = table.look(raw, kinds=wish.kinds)
    truth, target = _beside(raw, name, wish, run)
    features = usable(raw, schema, (truth, target, wish.group or ""))
    task_class = _task(raw, name, schema, features)
    features = _without_aside(features, schema, task_class, run)
    typed = typed_rows(raw, schema, run)
    few_broken(raw, run, wish)
    fewest = FEWEST_PIECES if task_class.form is Form.STREAM else FEWEST_ROWS
    if typed.height < fewest:
        raise InputError(
            f"{raw.source}: {typed.height} row{'s'[: typed.height != 1]}, too few to learn from and to test on. "
            f"At least {fewest} are needed."
        )
    roles = {truth: "compared with at the end", target: "classes"}
    run.data = record(raw, typed, schema, roles, [])
    groups = None if raw.in_order else keep_together(typed, schema, wish.group, run)
    classes = typed[target].cast(pl.String).fill_null("?").unique().sort().to_list() if target else []
    task = _learn(task_class, _only(task_class, schema, features), classes, wish)
    rows, sealed, groups, how = _seal(raw, typed, schema, task_class, wish, groups, run)
    noun = "piece" if raw.in_order else "row"
    run.split = f"{table.many(sealed.height, noun)} sealed ({how})"
    run.task = TaskRecord(task.id, target, why, task.metric, task.guide.id, classes)
    codes = {c: k for k, c in enumerate(classes)}
    y = np.zeros(rows.height, np.int64)
    if target:
        y = np.array([codes[v if v is not None else "?"] for v in rows[target].cast(pl.String)], np.int64)
    judges = int((~raw.unread)[-raw.judges :].sum()) if raw.judges else 0
    return Question(task, target, schema, features, rows, y, sealed, groups, truth, raw.in_order, judges)


def _made_out(schema: table.Schema) -> dict[str, Any]:
    """How baskets were laid out: others are read alike."""
    return {k: v for c in schema.columns if c.kind == "basket" for k, v in c.how.items()}


def _without_aside(
    features: tuple[str, ...], schema: table.Schema, task: type[tasks.Unsupervised], run: Run
) -> tuple[str, ...]:
    """The columns but those of a kind that the task does not learn from, unless there are no others."""
    put = [n for n in features if schema[n].kind in task.aside]
    if not put or len(put) == len(features):
        return features
    run.notes.append(f"column {', '.join(put)}: said beside what is found, but not learned from")
    return tuple(n for n in features if n not in put)


def _beside(raw: table.Raw, name: str, wish: Wish, run: Run) -> tuple[str, str]:
    """(the column to compare with, the column by whose classes examples are made); "" for none."""
    for option, column in (("--truth", wish.truth), ("--target", wish.target)):
        if column is not None and column not in raw.frame.columns:
            raise UsageError(f"{option}: {raw.source} has no column {column!r}.")
    told = told_target(raw, wish)
    if name == "generate":
        return wish.truth or "", wish.target or told or ""
    truth = wish.truth or wish.target or told or ""
    if truth and not wish.truth:
        run.notes.append(f"column {truth} is not learned from; what is found is compared with it at the end")
    return truth, ""


def _task(raw: table.Raw, name: str, schema: table.Schema, features: Sequence[str]) -> type[tasks.Unsupervised]:
    """The task, for the form that these columns have. Raises UsageError where they have none that it takes."""
    forms = [form for form in Form if tasks.unsupervised(name, form)]
    for form in forms:
        if plain(form, schema, features) is not None:
            found = tasks.unsupervised(name, form)
            assert found is not None
            return found
    has = ", ".join(dict.fromkeys(schema[n].kind for n in features))
    raise UsageError(f"{raw.source} holds {has}: there is nothing that --task {name} could take.\n{_wanted(name)}")


def _wanted(name: str) -> str:
    if name == "associate":
        return "It takes baskets: one a line, rows of (basket id, item), or a table of yes/no columns."
    return "It takes texts or code, pictures, sounds, or tunes."


def _only(
    task: type[tasks.Unsupervised], schema: table.Schema, features: Sequence[str]
) -> tuple[str, Mapping[str, Any]]:
    """(the kind of the one column that the task sees, what is known of it); of several, nothing."""
    view = plain(task.form, schema, features)
    alone = schema[view.columns[0]] if view and len(view.columns) == 1 else None
    return (alone.kind, alone.how) if alone else ("", {})


def _learn(
    cls: type[tasks.Unsupervised], seen: tuple[str, Mapping[str, Any]], classes: Sequence[str], wish: Wish
) -> tasks.Unsupervised:
    """The task, with those of its fields set that the column's reader or the person knows."""
    own = {f.name for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    known = {**seen[1], **wish.settings}
    return cls.learn(seen[0], classes, wish.metric, **{k: v for k, v in known.items() if k in own})


def _seal(
    raw: table.Raw,
    typed: pl.DataFrame,
    schema: table.Schema,
    task: type[tasks.Unsupervised],
    wish: Wish,
    groups: Array | None,
    run: Run,
) -> tuple[pl.DataFrame, pl.DataFrame, Array | None, str]:
    """(rows to learn from, sealed rows, the groups of the former, how the latter were chosen)."""
    if wish.test is not None:
        test = read(wish.test, seed=run.seed, label_from=wish.label_from, task=task.id, said=_made_out(schema))
        sealed = typed_rows(test, schema, run)
        if not sealed.height:
            raise InputError(f"{test.source}: there is nothing to test on.")
        return typed, sealed, groups, f"all of {test.source}"
    if raw.sealed is not None:
        sealed = typed_rows(dataclasses.replace(raw, frame=raw.sealed, broken=[]), schema, run)
        return typed, sealed, groups, "the part that came as a test's; --test gives another"
    if not wish.seal:
        return typed, typed.head(0), groups, "as you asked"
    share = task.sealed
    if raw.in_order:
        kept = typed.height - min(max(1, round(share * typed.height)), typed.height - 2)
        return typed[:kept], typed[kept:], None, f"the last {share:.0%}; --test FILE gives your own"
    kept_rows, held = split.seal(None, typed.height, run.seed, share, groups=groups)
    how = f"whole groups of {wish.group}, drawn at random" if wish.group else "drawn at random; --test gives your own"
    return typed[kept_rows], typed[held], None if groups is None else groups[kept_rows], how
