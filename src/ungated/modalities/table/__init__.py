"""Tables: read them, decide what each column is, give every column its type, encode rows as numbers.

raw = read("train.csv")
schema = look(raw, target="income")
typed = cast(raw.frame, schema, where=raw.source).frame
encoder = RowEncoder.fit(typed, schema, features, takes)
x = encoder.rows(typed)
"""

from .cast import Cast, cast
from .encode import LEFT_OUT, Memo, RowEncoder, by_terms, counted, heavy, widths
from .frames import give_back, give_back_table
from .kinds import look
from .media import MEDIA, Described, alike, modality
from .named import NAMED, NamedSet, named
from .read import Raw, read
from .schema import KINDS, ColumnKind, Schema, many
from .suspect import warnings

__all__ = [
    "KINDS",
    "LEFT_OUT",
    "MEDIA",
    "NAMED",
    "Cast",
    "ColumnKind",
    "Described",
    "Memo",
    "NamedSet",
    "Raw",
    "RowEncoder",
    "Schema",
    "alike",
    "by_terms",
    "cast",
    "counted",
    "give_back",
    "give_back_table",
    "heavy",
    "look",
    "many",
    "modality",
    "named",
    "read",
    "warnings",
    "widths",
]
