"""The door of every algorithm that eats rows: what comes in is checked once, here, with the column's name at hand.

Sparse rows pass through the same door and stay sparse. It does not know where the numbers came from nor what will be
learned from them.
"""

from typing import Any

import numpy as np

from ..core.algorithm import Card, Task
from ..core.errors import InputError
from ..core.numbers import Array, Floats, Numbers, Takes


def checked(card: Card, train: Numbers, task: Task) -> tuple[Any, Array]:
    """x and y as an algorithm may rely on them, or the reason why not.

    x: float32 (n, d), an array in C order, or a csr_array where the card takes SPARSE and the rows are sparse.
    y: int64 codes (classify) or float64 (regress).

    Raises InputError for rows without columns, no rows, infinities, missing values that the algorithm does not take,
    and answers that are not finite numbers or not class codes.
    """
    if train.sparse and Takes.SPARSE not in card.takes:
        raise InputError(f"{card.id}: it takes dense rows, and these are sparse.")
    x = train.x.astype(np.float32, copy=False) if train.sparse else np.ascontiguousarray(train.x, np.float32)
    if x.ndim != 2 or x.shape[1] == 0:
        raise InputError(f"{card.id}: there is no column to learn from (shape {train.x.shape}).")
    check_counts(card, train)
    total = float(np.sum(x.data, dtype=np.float64)) if train.sparse else _total(x)
    if not np.isfinite(total):
        _refuse(card, train, x)
    return x, checked_answers(card, train, task)


def _total(x: Array) -> float:
    return float(np.dot(x.mean(axis=0, dtype=np.float64), np.ones(x.shape[1])))


def _refuse(card: Card, train: Numbers, x: Any) -> None:
    """Name the first column with a value that `card` cannot take, if there is one."""
    values = x.data if train.sparse else x
    bad = np.isinf(values) if Takes.MISSING in card.takes else ~np.isfinite(values)
    if not bad.any():
        return
    if train.sparse:
        place = int(bad.argmax())
        column, row = int(x.indices[place]), int(np.searchsorted(x.indptr, place, side="right")) - 1
    else:
        column = int(bad.any(axis=0).argmax())
        row = int(bad[:, column].argmax())
    name = train.columns[column].name if train.columns else f"number {column + 1}"
    what = "infinite" if np.isinf(x[row, column]) else "missing"
    raise InputError(f"{card.id}: column {name!r} is {what} in training row {row + 1}; fill it in or leave it out.")


def check_counts(card: Card, train: Numbers) -> None:
    """Raise InputError where there is no example, or not an answer to each."""
    if len(train) == 0 or len(train) != len(train.y):
        raise InputError(f"{card.id}: {len(train)} rows and {len(train.y)} answers; at least one of each is needed.")


def checked_answers(card: Card, train: Numbers, task: Task) -> Array:
    """y as int64 class codes or float64 amounts. Raises InputError for what is neither."""
    y = np.asarray(train.y)
    if task.id == "classify":
        if not np.issubdtype(y.dtype, np.integer) or y.min() < 0 or y.max() >= task.outputs:
            raise InputError(f"{card.id}: class codes must be integers from 0 to {task.outputs - 1}.")
        return y.astype(np.int64)
    y = y.astype(np.float64)
    if not np.isfinite(y).all():
        raise InputError(
            f"{card.id}: the answer of training row {int((~np.isfinite(y)).argmax()) + 1} is not a number."
        )
    return y


def one_hot(y: Array, outputs: int) -> Floats:
    """Class codes (n,) as float64 (n, outputs) with a 1 in the column of each row's class."""
    return np.eye(outputs)[y]


def presence(x: Any) -> Any:
    """1 for each positive number of sparse x, csr_array float32 (n, d): which terms are there, however often."""
    from scipy.sparse import csr_array

    return csr_array(((x.data > 0).astype(np.float32), x.indices, x.indptr), shape=x.shape)


def units(x: Any) -> Array:
    """What one occurrence of each term counts, float32 (d,): the least positive number of its column, 0 where none."""
    unit = np.full(x.shape[1], np.inf, np.float32)
    np.minimum.at(unit, x.indices, np.where(x.data > 0, x.data, np.inf))
    return np.where(np.isfinite(unit), unit, 0).astype(np.float32)
