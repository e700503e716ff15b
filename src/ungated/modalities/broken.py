"""A file that could not be read, and why, in words that end a sentence: it becomes an empty cell, never a crash."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Broken:
    """file: as the person named it. why: what is wrong with it, as in "is cut short"."""

    file: str
    why: str
