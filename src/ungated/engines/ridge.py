"""Ridge regression on thousands of columns, its strength chosen by what each row is told by all the others.

It knows nothing of where the columns came from. Rows are handed over part by part: with fewer columns than rows they
are never all in memory, only the products of the columns with each other. With fewer rows than columns it solves for a
weight a row instead of one a column (the dual form), and the products are those of rows.
Paper: leave-one-out scores without refitting, Allen, "The Relationship Between Variable Selection and Data
Augmentation and a Method for Prediction", Technometrics 16, 1974 (PRESS).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from ..core.numbers import Array, Floats

STRENGTHS = 10.0 ** np.arange(-3, 3.5, 0.5)  # shares of the mean of the products' diagonal
FIRST = 4  # of STRENGTHS: the search starts there and goes downhill
JUDGED = 4000  # rows by whose leave-one-out scores the strength is chosen, at most
SPREAD = 0.01  # added to each column's deviation, so that one that hardly varies stays quiet

Tick = Callable[[float, float], bool]
"""Told (tries, error) after each strength that was tried; False to try no more."""


@dataclass(frozen=True)
class Ridged:
    """weights float32 (columns, outputs), bias float64 (outputs,). judged: rows with leave-one-out `scores`."""

    weights: Array
    bias: Floats
    judged: Array
    scores: Floats


def flops(rows: int, columns: int) -> float:
    """Operations of one `ridge`, float32."""
    small, large = sorted((float(rows), float(columns)))
    tries = 4.0
    return 2 * small**2 * large + tries * (2 * small**3 + (rows > columns) * 2 * min(rows, JUDGED) * columns**2)


def ridge(parts: Iterable[Array], target: Floats, columns: int, tick: Tick, rng: np.random.Generator) -> Ridged:
    """Weights for `target`, float64 (n, outputs), from its rows as float32 `parts` (some rows, columns), in order."""
    if len(target) <= columns:
        return _by_rows(np.concatenate(list(parts)), target, tick)
    return _by_columns(parts, target, columns, tick, rng)


def _by_rows(x: Array, target: Floats, tick: Tick) -> Ridged:
    centre, scale = x.mean(axis=0, dtype=np.float64).astype(np.float32), x.std(axis=0) + np.float32(SPREAD)
    x = (x - centre) / scale
    products, level = x @ x.T, target.mean(axis=0)
    unit, off = _unit(products), (target - level).astype(np.float32)

    def solved(strength: float) -> tuple[Array, Floats]:
        inverse = _inverse(products, strength * unit)
        weights = inverse @ off
        # centring spends one row's worth of freedom, which the inverse, of centred rows, has not seen
        kept = np.maximum(np.diag(inverse).astype(np.float64) * strength * unit - 1 / len(x), 1e-3)
        return weights, target - weights * (strength * unit) / kept[:, None]

    weights, scores = _downhill(solved, target, tick)
    own = (x.T @ weights) / scale[:, None]
    return Ridged(own.astype(np.float32), level - centre.astype(np.float64) @ own, np.arange(len(x)), scores)


def _by_columns(parts: Iterable[Array], target: Floats, columns: int, tick: Tick, rng: np.random.Generator) -> Ridged:
    n, level = len(target), target.mean(axis=0)
    judged = np.sort(rng.permutation(n)[:JUDGED])
    products, seen = np.zeros((columns, columns)), np.zeros((columns, target.shape[1]))
    total, kept_rows, at, offset = np.zeros(columns), [], 0, np.zeros(0, np.float32)
    for part in parts:
        if not len(offset):
            offset = part.mean(axis=0)  # near the true centre, so that what is summed is not all constant
        part = part - offset
        products += part.T @ part
        seen += part.T @ (target[at : at + len(part)] - level).astype(np.float32)
        total += part.sum(axis=0, dtype=np.float64)
        kept_rows.append(part[judged[(judged >= at) & (judged < at + len(part))] - at])
        at += len(part)
    centre = total / n
    products -= n * np.outer(centre, centre)
    scale = np.sqrt(np.maximum(np.diag(products) / n, 0)) + SPREAD
    scaled = (products / np.outer(scale, scale)).astype(np.float32)
    seen = (seen / scale[:, None]).astype(np.float32)
    x = ((np.concatenate(kept_rows) - centre) / scale).astype(np.float32)
    unit, known = _unit(scaled), target[judged]

    def solved(strength: float) -> tuple[Array, Floats]:
        inverse = _inverse(scaled, strength * unit)
        weights = inverse @ seen
        leverage = np.einsum("ij,ij->i", x @ inverse, x) + 1 / n
        left_over = known - level - x @ weights
        return weights, known - left_over / np.maximum(1 - leverage, 1e-3)[:, None]

    weights, scores = _downhill(solved, known, tick)
    own = weights / scale[:, None]
    bias = level - (centre + offset.astype(np.float64)) @ own
    return Ridged(own.astype(np.float32), bias, judged, scores)


def _unit(products: Array) -> float:
    return max(float(np.trace(products, dtype=np.float64)) / len(products), 1e-6)


def _inverse(products: Array, ridge: float) -> Array:
    """The inverse of products + ridge on the diagonal, float32; more ridge where rounding has made that impossible."""
    from scipy.linalg import lapack

    for more in (1.0, 30.0, 1000.0, 1e6):
        raised = products.copy()
        raised.flat[:: len(products) + 1] += np.float32(ridge * more)
        lower, failed = lapack.spotrf(raised, lower=1, overwrite_a=1)
        if not failed:
            inverse, _ = lapack.spotri(lower, lower=1, overwrite_c=1)
            below = np.tril(inverse, -1)
            return below + below.T + np.diag(np.diag(inverse))
    return np.zeros_like(products)


def _downhill(solved: Callable[[float], tuple[Array, Floats]], known: Floats, tick: Tick) -> tuple[Array, Floats]:
    """Weights and leave-one-out scores at the strength whose scores have the least squared error."""
    tried: dict[int, float] = {}
    best: tuple[Array, Floats] = (np.zeros(0), np.zeros(0))

    def error(at: int) -> float:
        nonlocal best
        found = solved(float(STRENGTHS[at]))
        loss = float(np.mean(np.square(found[1] - known)))
        if not tried or loss < min(tried.values()):
            best = found
        tried[at] = loss
        return loss

    going, at = tick(1, error(FIRST)), FIRST
    for step in (1, -1):
        while going and 0 <= at + step < len(STRENGTHS) and at + step not in tried:
            before = tried[at]
            if error(at + step) >= before:
                going = tick(len(tried), before)
                break
            at += step
            going = tick(len(tried), tried[at])
        if at != FIRST:
            break
    return best
