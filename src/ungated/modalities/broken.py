"""A file that could not be used, and why, in words that complete "cat.jpg …": "is cut short", "is empty"."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Broken:
    """file: as the person who named the folder knows it, relative to it. why: "is text, not a picture"."""

    file: str
    why: str
