"""Every exception that a user can meet, on one screen.

Each message says what happened, where (file, row, column), and what to do next. `UngatedError` ends the command line
with exit code 2 and one to five lines; anything else that reaches the top is a bug of ours (exit code 1).
"""


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
