"""Which rows are sealed, which are learned from, which judge.

Sealed rows are drawn first and opened once, after everything else. Of the rest, small data are parted into folds, each
judging what was learned from the others, over and over with other partings; large data keep one part back (holdout).
"""

from dataclasses import dataclass

import numpy as np

from ..core.numbers import Array, spread

FOLDS = 5
MOST_REPEATS = 3
SEALED = 0.2  # of the rows ...
MOST_SEALED = 5000  # ... but no more: the interval is narrow by then, and what is sealed cannot be learned from


@dataclass(frozen=True)
class Fold:
    """Positions of rows: `train` to learn from, `valid` to judge by. repeat: the parting that it belongs to."""

    train: Array
    valid: Array
    repeat: int = 0


def seal(
    strata: Array | None, rows: int, seed: int, share: float = SEALED, most: int = MOST_SEALED
) -> tuple[Array, Array]:
    """Positions (development, sealed) of `rows` rows, the sealed ones a stratified random `share`, at most `most`."""
    order = spread(strata, rows, np.random.default_rng([seed, 1]))
    count = min(max(1, round(share * rows)), most, rows - 1)
    return np.sort(order[count:]), np.sort(order[:count])


def folds(strata: Array | None, rows: int, seed: int, count: int = FOLDS, repeats: int = 1) -> list[Fold]:
    """`repeats` partings of the rows into `count` stratified folds (Stone 1974; Kohavi 1995)."""
    parted = []
    count = min(count, rows)
    for repeat in range(repeats):
        order = spread(strata, rows, np.random.default_rng([seed, 2, repeat]))
        # Slices in one piece: every count-th row of an order spread by class would meet one class again and again.
        for piece in np.array_split(order, count):
            judge = np.zeros(rows, bool)
            judge[piece] = True
            parted.append(Fold(np.flatnonzero(~judge), np.flatnonzero(judge), repeat))
    return parted


def holdout(strata: Array | None, rows: int, seed: int, share: float) -> list[Fold]:
    """One fold, whose stratified random `share` of the rows judges."""
    train, valid = seal(strata, rows, seed + 1, share, rows)
    return [Fold(train, valid)]


def choose(strata: Array | None, rows: int, seed: int, affordable: float) -> tuple[list[Fold], str]:
    """Folds that suit the data and the time, and the choice in words.

    affordable: how many times the time pays for fitting a strong algorithm (gradient boosting) to all rows.
    """
    if affordable >= 8 * FOLDS or rows < 1000:
        repeats = MOST_REPEATS if rows < 2000 else 1
        parted = folds(strata, rows, seed, FOLDS, repeats)
        again = f", up to {repeats} times over" if repeats > 1 else ""
        return parted, f"{rows:,} rows judged in {len(parted) // repeats} folds{again}"
    if affordable >= 6 * 3:
        return folds(strata, rows, seed, 3), f"{rows:,} rows judged in 3 folds"
    share = float(np.clip(5000 / rows, 0.05, 0.15))
    parted = holdout(strata, rows, seed, share)
    return parted, f"{len(parted[0].train):,} rows to learn from, {len(parted[0].valid):,} held out to judge"
