"""Free text in a table as float32: how long it is, and which of the common words are in it."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl

from ...core.numbers import Column
from .numeric import NumberPart

MOST_WORDS = 64
LEAST_SHARE, MOST_SHARE = 0.01, 0.6


def _lengths(values: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Characters and words of each text, float64; 0 where missing."""
    text = values.fill_null("")
    return text.str.len_chars().cast(pl.Float64), text.str.count_matches(r"\w+").cast(pl.Float64)


def _tokens(values: pl.Series) -> pl.DataFrame:
    """One line for each different word of each text: row, word (lower-case)."""
    words = values.fill_null("").str.to_lowercase().str.extract_all(r"\w+").list.unique()
    frame = pl.DataFrame({"row": pl.Series(np.arange(len(values))), "word": words})
    return frame.explode("word").drop_nulls("word")


@dataclass(frozen=True)
class WordsPart:
    """One column of text.

    words: up to 64 that are in 1% to 60% of the training texts. characters, tokens: a `NumberPart` each, as its fields.
    """

    source: str
    words: tuple[str, ...]
    characters: dict[str, object]
    tokens: dict[str, object]

    @classmethod
    def fit(cls, values: pl.Series, raw: bool) -> Self:
        counts = _tokens(values).group_by("word").len("n").sort(["n", "word"], descending=[True, False])
        n = max(1, len(values))
        words = counts.filter((pl.col("n") >= max(2, LEAST_SHARE * n)) & (pl.col("n") <= MOST_SHARE * n)).head(
            MOST_WORDS
        )
        long, many = (vars(NumberPart.fit(s, raw, False)) for s in _lengths(values))
        return cls(values.name, tuple(words["word"].to_list()), dict(long), dict(many))

    def columns(self) -> tuple[Column, ...]:
        names = ["characters", "words", *(f"has {w!r}" for w in self.words)]
        return tuple(Column(f"{self.source}: {n}", self.source) for n in names)

    def fill(self, values: pl.Series, out: np.ndarray) -> None:
        characters, words = _lengths(values)
        NumberPart(**self.characters).fill(characters, out[:, 0:1])  # type: ignore[arg-type]
        NumberPart(**self.tokens).fill(words, out[:, 1:2])  # type: ignore[arg-type]
        out[:, 2:] = 0
        if self.words:
            places = pl.DataFrame({"word": self.words, "place": np.arange(len(self.words))})
            met = _tokens(values).join(places, on="word", how="inner")
            out[met["row"].to_numpy(), 2 + met["place"].to_numpy()] = 1
