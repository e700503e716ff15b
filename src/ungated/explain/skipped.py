"""Files that could not be read, as a figure: how many for which reason, and which."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

MOST_LISTED = 1000


class Broken(Protocol):
    """A file that was left out, and why, in words that follow "it"."""

    @property
    def file(self) -> str: ...
    @property
    def why(self) -> str: ...


def skipped(broken: Sequence[Broken], of: int) -> dict[str, Any] | None:
    """A figure of the files left out of `of`, or None where there were none."""
    if not broken:
        return None
    items = [{"file": b.file, "why": b.why} for b in broken[:MOST_LISTED]]
    counts = dict(Counter(b.why for b in broken).most_common(50))
    return {"kind": "broken", "title": "Files that were left out", "of": of, "counts": counts, "items": items}
