"""Texts as a few dense numbers: where each lies along the directions in which texts differ most.

Texts on one subject share many words, so the tens of thousands of columns of TF-IDF can be turned into some dozens of
directions (a truncated singular value decomposition) and little is lost: latent semantic analysis. Two texts without a
word in common may come to lie side by side, because other texts join their words. Boosting and networks eat these.
Paper: Deerwester et al., "Indexing by Latent Semantic Analysis", Journal of the ASIS 41, 1990
(in few passes: Halko, Martinsson & Tropp, "Finding Structure with Randomness", SIAM Review 53, 2011).
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl

from ...core.numbers import Array, Column, Takes
from .counted import Counted, lengths
from .terms import TermsPart

DIRECTIONS = 64
MOST_TERMS = 10_000  # of these the directions are made: a state of at most 3 MB
ROWS = 8_000  # texts that teach the directions
FULL = 0.03  # the share of numbers that are not 0 from which on plain multiplication is quicker: so with long texts
MOST_FULL = 25_000_000  # numbers that are then written out, zeros and all
NAMED = 3  # terms that name a direction


@dataclass(frozen=True)
class MeaningPart:
    """One column of texts.

    terms: how texts become TF-IDF, as the fields of a `TermsPart`. directions: float32 (its width, number of
    directions). names: the terms that weigh most in each. centre, scale: float32, of each direction and then of the
    logarithms of characters and words; scale 1 and centre 0 where numbers keep their units.
    """

    source: str
    words: tuple[str, ...]
    letters: str
    pairs: Array
    runs: Array
    weights: Array
    directions: Array
    names: tuple[str, ...]
    centre: Array
    scale: Array
    missing: bool

    @classmethod
    def fit(cls, values: pl.Series | Counted, how: dict[str, Any], takes: frozenset[Takes]) -> Self:
        """Learn the terms and the directions from these texts alone."""
        some = values.gather_every(-(-len(values) // ROWS)) if len(values) > ROWS else values
        part = TermsPart.fit(some, how, frozenset({Takes.SPARSE}), most=MOST_TERMS)
        x = part.matrix(some)
        directions = _directions(x)
        terms = np.array(part.terms(), object)
        most = np.argsort(-np.abs(directions), axis=0, kind="stable")[:NAMED]
        names = tuple(f"direction {i + 1} ({', '.join(terms[most[:, i]])})" for i in range(directions.shape[1]))
        numbers = np.hstack([x @ directions, _lengths(some)])
        centre, scale = numbers.mean(axis=0), 1 / np.maximum(numbers.std(axis=0), 1e-6)
        if Takes.RAW_SCALE in takes:
            centre, scale = np.zeros_like(centre), np.ones_like(scale)
        return cls(
            *(values.name, part.words, part.letters, part.pairs, part.runs, part.weights, directions, names),
            *(centre.astype(np.float32), scale.astype(np.float32), Takes.MISSING in takes),
        )

    def columns(self) -> tuple[Column, ...]:
        """What each number means: a direction by its strongest terms, then the two lengths."""
        named = [*self.names, "characters", "words"]
        return tuple(Column(f"{self.source}: {n}", self.source) for n in named)

    def fill(self, values: pl.Series | Counted, out: np.ndarray) -> None:
        """Write float32 (n, len(columns())) into `out`; a null text is NaN where those are taken, else the average."""
        terms = TermsPart(self.source, self.words, self.letters, self.pairs, self.runs, self.weights)
        out[:, : len(self.names)] = terms.matrix(values) @ self.directions
        out[:, len(self.names) :] = _lengths(values)
        out -= self.centre
        out *= self.scale
        null = values.null if isinstance(values, Counted) else values.is_null().to_numpy()
        if null.any():
            out[null] = np.nan if self.missing else 0


def _lengths(values: pl.Series | Counted) -> Array:
    return values.lengths if isinstance(values, Counted) else lengths(values)


def _directions(x: Any) -> Array:
    """The leading right singular vectors of sparse x, float32 (width, at most 64), the same at every fit."""
    n, d = x.shape
    k = min(DIRECTIONS, n, d)
    if not k or not x.nnz:
        return np.zeros((d, 0), np.float32)
    if x.nnz > FULL * n * d and n * d <= MOST_FULL:
        x = x.toarray()
    sketch = np.random.default_rng(0).normal(size=(d, min(k + 10, n, d))).astype(np.float32)
    for _ in range(4):  # each pass sharpens what leads
        rows, _r = np.linalg.qr(x @ sketch)
        sketch = x.T @ rows
    square, turn = np.linalg.eigh(sketch.T.astype(np.float64) @ sketch)
    leading = np.flatnonzero(square > 1e-8 * square[-1])[::-1][:k]  # the others are rounding
    found = sketch @ (turn[:, leading] / np.sqrt(square[leading]))
    signs = np.sign(found[np.abs(found).argmax(axis=0), np.arange(found.shape[1])])
    return np.ascontiguousarray(found * np.where(signs == 0, 1, signs), np.float32)
