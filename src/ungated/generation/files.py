"""Files that what is made goes into: whether they can be written is known before anything is made."""

from collections.abc import Sequence
from pathlib import Path

from ..core.errors import UsageError


def check_writable(paths: Sequence[Path], endings: Sequence[str], said: str) -> None:
    """Raise UsageError where a name has none of these endings, or its folder is not there.

    said: in words, how such things are written.
    """
    for path in paths:
        if path.suffix.lower() not in endings:
            raise UsageError(f"{path}: {said}, by the end of the name.")
        if not path.absolute().parent.is_dir():
            raise UsageError(f"{path}: there is no folder {path.absolute().parent}.")
