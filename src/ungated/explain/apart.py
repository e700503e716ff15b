"""What sets some rows apart from the rest: the columns that differ most, in their own units, levels and words."""

import math
import re
from collections import Counter
from dataclasses import dataclass

import numpy as np
import polars as pl

from ..core.numbers import Array, Floats
from ..model import Model
from .cells import show

MOST = 5  # columns that are told of a group
LEAST = 0.4  # standard deviations by which a column must differ
WORDS = 8  # of a text that are told
RARE = 0.02  # of the texts: a word in fewer is no mark of them
MOST_TEXTS = 4000
LEVELS = 40


@dataclass(frozen=True)
class Trait:
    """A column that differs. here, others: what it is among these rows and among the rest. effect: in deviations."""

    column: str
    here: str
    others: str
    effect: float

    def __str__(self) -> str:
        return f"{self.column} {self.here}" + (f" (others {self.others})" if self.others else "")


def told(found: list[Trait]) -> str:
    """The traits as one line."""
    return "; ".join(map(str, found))


def traits(model: Model, typed: pl.DataFrame, inside: Array) -> list[Trait]:
    """The columns in which the rows `inside` (n,) differ most from the others, most first."""
    found: list[Trait | None] = []
    for name in model.features:
        kind = model.schema[name].kind
        if kind in ("number", "date"):
            found.append(_amount(name, kind, typed[name], inside))
        elif kind in ("category", "boolean"):
            found.append(_level(name, typed[name], inside))
        elif kind == "text":
            found.append(_words(name, typed[name], inside))
    return sorted((t for t in found if t), key=lambda t: -abs(t.effect))[:MOST]


def _amount(name: str, kind: str, values: pl.Series, inside: Array) -> Trait | None:
    """Medians, and the difference of the means over the deviation within the two parts."""
    floats = values.cast(pl.Float64) if kind == "number" else values.to_physical().cast(pl.Float64)
    x: Floats = floats.fill_null(float("nan")).to_numpy()
    here, rest = x[inside & np.isfinite(x)], x[~inside & np.isfinite(x)]
    if not len(here) or not len(rest):
        return None
    within = math.sqrt((here.var() * len(here) + rest.var() * len(rest)) / (len(here) + len(rest)))
    gap = float(here.mean() - rest.mean())
    effect = float(np.clip(gap / within if within > 0 else np.sign(gap) * 10, -10, 10))
    if abs(effect) < LEAST:
        return None
    own, other = (_shown(float(np.median(v)), kind, values) for v in (here, rest))
    return Trait(name, own, other, effect)


def _shown(value: float, kind: str, values: pl.Series) -> str:
    if kind == "date":
        return show(pl.Series([round(value)]).cast(values.dtype)[0])[:16]
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:,.4g}"


def _level(name: str, values: pl.Series, inside: Array) -> Trait | None:
    """The level whose share differs most."""
    text = values.cast(pl.String)
    best: Trait | None = None
    for level, _ in Counter(text.drop_nulls()).most_common(LEVELS):
        has = (text == level).fill_null(False).to_numpy()
        found = _shares(has, inside)
        if found and abs(found[2]) > abs(best.effect if best else LEAST):
            best = Trait(name, f"{level} {100 * found[0]:.0f}%", f"{100 * found[1]:.0f}%", found[2])
    return best


def _shares(has: Array, inside: Array) -> tuple[float, float, float] | None:
    """(share among these, share among the others, their difference in deviations)."""
    if not inside.any() or inside.all():
        return None
    here, rest, all_ = float(has[inside].mean()), float(has[~inside].mean()), float(has.mean())
    spread = math.sqrt(max(all_ * (1 - all_), 1e-12))
    return here, rest, (here - rest) / spread


def _words(name: str, values: pl.Series, inside: Array) -> Trait | None:
    """The words that are in many of these texts and in few of the others."""
    kept = np.random.default_rng(0).permutation(len(values))[:MOST_TEXTS]
    inside = inside[kept]
    texts = [set(re.findall(r"[^\W\d_]{3,}", str(values[int(i)] or "").lower())) for i in kept]
    counts: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    for words, within in zip(texts, inside.tolist(), strict=True):
        counts[not within].update(words)
    here, rest = int(inside.sum()), int((~inside).sum())
    if not here or not rest:
        return None

    def mark(word: str) -> float:
        a, b = counts[0][word] / here, counts[1][word] / rest
        share = (counts[0][word] + counts[1][word]) / (here + rest)
        return (a - b) / math.sqrt(share * (1 - share) + 1e-9)

    common = [w for w, n in counts[0].items() if n >= max(2, RARE * here)]
    best = sorted(common, key=lambda w: (-mark(w), w))[:WORDS]
    best = [w for w in best if mark(w) > 0.1]
    return Trait(f"{name}:", ", ".join(best), "", mark(best[0])) if best else None
