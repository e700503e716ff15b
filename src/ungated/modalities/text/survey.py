"""What a column of texts is like, told from a sample: how long, how written. Later parts are chosen by it."""

from typing import Any

import polars as pl

from .grams import SPACELESS

ROWS = 5_000


def survey(values: pl.Series) -> dict[str, Any]:
    """Plain JSON values about a column of texts (pl.String).

    characters, words: the median of a text, words parted by white space. longest: characters of the longest text.
    spaceless: the share of texts in a script that writes no spaces. lines: the share of texts of several lines.
    """
    texts = values.drop_nulls()
    longest = int(texts.str.len_chars().max() or 0) if len(texts) else 0  # type: ignore[call-overload]
    some = texts.gather_every(-(-len(texts) // ROWS)) if len(texts) > ROWS else texts
    if not len(some):
        return {"characters": 0, "words": 0, "longest": 0, "spaceless": 0.0, "lines": 0.0}
    head = some.str.head(2_000)
    letters = head.str.count_matches(r"\w")
    return {
        "characters": int(some.str.len_chars().median() or 0),  # type: ignore[arg-type]
        "words": int(some.str.count_matches(r"\S+").median() or 0),  # type: ignore[arg-type]
        "longest": longest,
        "spaceless": float((head.str.count_matches(f"[{SPACELESS}]") * 2 > letters).mean() or 0),  # type: ignore[arg-type]
        "lines": float(some.str.strip_chars().str.contains("\n").mean() or 0),  # type: ignore[arg-type]
    }
