"""Every exception that a user can meet, on one screen, and how it lists names.

Each message says what happened, where (file, row, column), and what to do next. `UngatedError` ends the command line
with exit code 2 and one to five lines; anything else that reaches the top is a bug of ours (exit code 1).
"""

from collections.abc import Iterable


class UngatedError(Exception):
    """Something a person can put right: base of all errors below."""


class InputError(UngatedError, ValueError):
    """The data cannot be used as they are: unreadable, empty, one class, a missing column."""


class UsageError(UngatedError, ValueError):
    """The words are wrong: an unknown option value, a column that is not there, a metric of another task."""


class ModelError(UngatedError):
    """A model folder is damaged, from a newer version, or not a model."""


class MissingExtra(UngatedError, ImportError):
    """An optional library is not installed; the message carries the line that installs it."""


def listed(names: Iterable[str], most: int = 20) -> str:
    """The first `most` names for a message, each on one line and at most 40 characters long; and how many there are."""
    short = [name if len(name) <= 40 else name[:39] + "…" for name in names]
    shown = "".join(c if c.isprintable() else "?" for c in ", ".join(short[:most]))
    return shown if len(short) <= most else f"{shown}, … ({len(short):,} in all)"
