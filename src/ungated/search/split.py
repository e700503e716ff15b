"""Which rows are sealed, which are learned from, which judge.

Sealed rows are drawn first and opened once, after everything else. Of the rest, small data are parted into folds, each
judging what was learned from the others, over and over with other partings; large data keep one part back (holdout).
Rows of one group (a speaker's recordings, a photograph taken twice) stay on one side of every split.
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
    strata: Array | None,
    rows: int,
    seed: int,
    share: float = SEALED,
    most: int = MOST_SEALED,
    groups: Array | None = None,
) -> tuple[Array, Array]:
    """Positions (development, sealed) of `rows` rows, the sealed ones a stratified random `share`, at most `most`.

    groups: (n,) integers; rows of one group stay together, and about as many rows are sealed as whole groups allow.
    """
    count = min(max(1, round(share * rows)), most, rows - 1)
    sealed = np.zeros(rows, bool)
    rng = np.random.default_rng([seed, 1])
    if groups is None:
        sealed[spread(strata, rows, rng)[:count]] = True
    else:
        taken = 0
        for members in _groups(groups, strata, rng):
            if not taken or taken + len(members) <= 1.1 * count:
                sealed[members] = True
                taken += len(members)
    return np.flatnonzero(~sealed), np.flatnonzero(sealed)


def folds(
    strata: Array | None,
    rows: int,
    seed: int,
    count: int = FOLDS,
    repeats: int = 1,
    groups: Array | None = None,
) -> list[Fold]:
    """`repeats` partings of the rows into `count` stratified folds (Stone 1974; Kohavi 1995), groups kept whole."""
    parted = []
    count = min(count, rows if groups is None else len(np.unique(groups)))
    for repeat in range(repeats):
        rng = np.random.default_rng([seed, 2, repeat])
        if groups is None:  # a slice, and not every count-th: with as many classes as folds that would be one class
            dealt = np.array_split(spread(strata, rows, rng), count)
        else:
            dealt = _dealt(_groups(groups, strata, rng), rows, count)
        for part in dealt:
            judge = np.zeros(rows, bool)
            judge[part] = True
            parted.append(Fold(np.flatnonzero(~judge), np.flatnonzero(judge), repeat))
    return parted


def _dealt(groups: list[Array], rows: int, count: int) -> list[Array]:
    """Whole groups in `count` parts of like size: large ones first, each to the smallest; then slices of the rest."""
    parts: list[list[Array]] = [[] for _ in range(count)]
    held = np.zeros(count, np.int64)
    for members in sorted((g for g in groups if len(g) > 1), key=len, reverse=True):
        k = int(held.argmin())
        parts[k].append(members)
        held[k] += len(members)
    single = np.array([g[0] for g in groups if len(g) == 1], np.int64)
    wanted = np.maximum(rows / count - held, 0)
    ends = np.round(np.cumsum(wanted) * len(single) / max(wanted.sum(), 1e-9)).astype(np.int64)
    return [np.concatenate([*p, s]) for p, s in zip(parts, np.split(single, ends[:-1]), strict=True)]


def _groups(groups: Array, strata: Array | None, rng: np.random.Generator) -> list[Array]:
    """The positions of each group's rows, in a random order spread by the class of each group's first row."""
    _, first, of = np.unique(groups, return_index=True, return_inverse=True)
    members = np.split(np.argsort(of, kind="stable"), np.cumsum(np.bincount(of))[:-1])
    order = spread(None if strata is None else np.asarray(strata)[first], len(first), rng)
    return [members[g] for g in order]


def holdout(strata: Array | None, rows: int, seed: int, share: float, groups: Array | None = None) -> list[Fold]:
    """One fold, whose stratified random `share` of the rows judges."""
    train, valid = seal(strata, rows, seed + 1, share, rows, groups)
    return [Fold(train, valid)]


def given(rows: int, judges: int) -> tuple[list[Fold], str]:
    """One fold that judges with the last rows, which came for that, and the split in words."""
    parted = [Fold(np.arange(rows - judges), np.arange(rows - judges, rows))]
    return parted, f"{rows - judges:,} rows to learn from, {judges:,} to judge, which came as the validation part"


def once(
    strata: Array | None, rows: int, seed: int, share: float, most: int, groups: Array | None, in_order: bool
) -> tuple[list[Fold], str]:
    """One fold that judges with a `share` of the rows, `most` at most, and the split in words.

    in_order: the first ones. Of a whole, the end is sealed, and what stands next to it teaches most about it.
    """
    share = min(share, most / rows)
    if in_order:
        judges = min(max(1, round(share * rows)), rows - 1)
        parted = [Fold(np.arange(judges, rows), np.arange(judges))]
    else:
        parted = holdout(strata, rows, seed, share, groups)
    noun = "pieces" if in_order else "rows"
    return parted, f"{len(parted[0].train):,} {noun} to learn from, {len(parted[0].valid):,} held out to judge"


def choose(
    strata: Array | None, rows: int, seed: int, affordable: float, groups: Array | None = None
) -> tuple[list[Fold], str]:
    """Folds that suit the data and the time, and the choice in words.

    affordable: how many times the time pays for fitting a strong algorithm (gradient boosting) to all rows.
    """
    if affordable >= 8 * FOLDS or rows < 1000:
        repeats = MOST_REPEATS if rows < 2000 else 1
        parted = folds(strata, rows, seed, FOLDS, repeats, groups)
        again = f", up to {repeats} times over" if repeats > 1 else ""
        return parted, f"{rows:,} rows judged in {len(parted) // repeats} folds{again}"
    if affordable >= 6 * 3:
        return folds(strata, rows, seed, 3, 1, groups), f"{rows:,} rows judged in 3 folds"
    share = float(np.clip(5000 / rows, 0.05, 0.15))
    parted = holdout(strata, rows, seed, share, groups)
    return parted, f"{len(parted[0].train):,} rows to learn from, {len(parted[0].valid):,} held out to judge"
