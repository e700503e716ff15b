"""From files to a question: what is to be learned, from which rows, and which rows stay sealed.

Reads the data, decides what each column is, infers the task, and seals the test rows. Whatever shapes the task (its
classes, its baseline) is taken from the rows that are left. Every decision is written into the run.
"""

from .. import tasks
from ..core.errors import UsageError, listed
from ..core.run import Run
from ..modalities.reading import read
from ..modalities.table import Raw
from . import supervised, unsupervised
from .asked import Question, Wish

__all__ = ["Question", "Wish", "ask"]


def ask(wish: Wish, run: Run, limit_bytes: int) -> Question:
    """Read, infer the task, seal. Fills in run.data, run.task and run.split. Raises InputError and UsageError."""
    if wish.task is not None and wish.task not in tasks.known():
        raise UsageError(f"There is no task {wish.task!r}. Choose one of: {', '.join(tasks.known())}.")
    task = wish.task if wish.target is None else wish.task or "a target"
    raw = read(
        wish.data, limit_bytes=limit_bytes, seed=run.seed, label_from=wish.label_from, task=task, said=wish.settings
    )
    run.notes += raw.notes
    if found := _without_target(raw, wish):
        return unsupervised.ask(raw, *found, wish, run)
    return supervised.ask(raw, wish, run)


def _without_target(raw: Raw, wish: Wish) -> tuple[str, str] | None:
    """The task that needs no target and why it is that; None where a target is to be answered."""
    if wish.task is not None:
        return (wish.task, "you said so") if tasks.unsupervised(wish.task) else None
    if wish.target is not None:
        return None
    for kind, name, why in unsupervised.EVIDENT:
        if kind in raw.kinds.values():
            return name, why
    if supervised.target_of(raw, wish) is not None:
        return None
    names = listed(raw.frame.columns, 8)
    return "cluster", f"no column is named to be answered (--target COLUMN: {names}), so rows are grouped"
