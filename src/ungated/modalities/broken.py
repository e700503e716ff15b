"""A file that could not be used, and why, in words that complete "cat.jpg …": "is cut short", "is empty".

Said by every modality that opens files; gathered in the record of the run.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Broken:
    """file: as the person who named the folder knows it, relative to it. why: "is text, not a picture"."""

    file: str
    why: str
