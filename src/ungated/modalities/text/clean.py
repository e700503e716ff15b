"""Clean text: one spelling for what looks the same, nothing invisible that breaks words, white space as it was.

The same letter can be written in several ways (é is one character, or an e and an accent); Unicode's form NFC is the
one used here. Control characters, marks of byte order and invalid positions are dropped. Tabs, line ends and runs of
spaces stay, because code means something by them; so do the joiners that hold an emoji or a Persian word together.
"""

import polars as pl

STRAY = "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u0084\u0086-\u009f\ufeff\ufffe\uffff]"
MARKS = "[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069]"  # hyphens that may be, directions: seen by nobody


def clean(values: pl.Series) -> pl.Series:
    """Texts (pl.String) in NFC without stray control characters; null stays null."""
    return values.str.normalize("NFC").str.replace_all(STRAY, "")


def folded(values: pl.Series, most: int) -> pl.Series:
    """Clean texts in lower case for counting, null as "". Of more than `most` characters, both ends are kept."""
    text = values.fill_null("")
    long = text.str.len_bytes() > most
    if long.any():
        half = most // 2
        ends = text.str.head(half) + pl.Series([" "]) + text.str.tail(half)
        text = text.zip_with(~long | (text.str.len_chars() <= most), ends)
    return clean(text).str.replace_all(MARKS, "").str.to_lowercase()
