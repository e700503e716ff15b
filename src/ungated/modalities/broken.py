"""A file that could not be read, and why, in plain words: skipped and counted, never silently."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Broken:
    """file: as the person named it. why: completes "FILE ...", as "is cut short"."""

    file: str
    why: str
