"""Who is told of a run while it goes on: the terminal is one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .core.run import Run
from .search.ladder import Trial

if TYPE_CHECKING:
    from .samples import Sample


class Listener:
    """Told of every step as it is done; the terminal is one. This one keeps quiet."""

    def asked(self, run: Run) -> None: ...
    def planned(self, run: Run) -> None: ...
    def climbing(self, run: Run, state: "Progress") -> None: ...
    def seen(self, run: Run, sample: "Sample") -> None: ...
    def kept(self, run: Run) -> None: ...
    def done(self, run: Run) -> None: ...


@dataclass(frozen=True)
class Progress:
    """Where the climb is. error: the least validation error so far, in words, and whose; trial: what just came in."""

    tried: int
    error: str
    best: str
    left: float
    bytes: int
    running: tuple[str, ...]
    trial: Trial | None = None
