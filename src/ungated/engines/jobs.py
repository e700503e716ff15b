"""What the parent asks of a worker, and what comes back: plain records that cross a pipe as lines of JSON.

Algorithms and tasks are named ("package.module:Class") and imported by the worker, so this floor knows none of them.
"""

import dataclasses
import importlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

from ..core.algorithm import Algorithm

DEADLINE = "killed at its deadline"
MEMORY = "ran out of memory"


class Named(Protocol):
    """As much of a task as a job must know."""

    def to_json(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Job:
    """One fit: what learns from which block, and what it may spend.

    algorithm: "module:Class", called with `settings`. task: "module:Class", whose `from_json(task_values)` gives the
    task. train, valid: folders of blocks; the answer to valid.x is written to out/answer.npy beside the state. start:
    the folder of a state from which to begin. seconds: the limit of the fit, from its start. bytes: how far the worker
    may grow beyond what it held idle. keep: the file of checkpoints, from which the fit goes on where there is one of
    the same job, and which it keeps up to date. before: seconds that are in that checkpoint. show: the file of samples
    of what it would make by now (see `sampling`), each in place of the one before; None where nobody looks.
    """

    id: str
    algorithm: str
    settings: dict[str, Any]
    task: str
    task_values: dict[str, Any]
    train: Path
    valid: Path
    out: Path
    seed: int = 0
    threads: int = 1
    seconds: float = float("inf")
    bytes: int = 2**62
    start: Path | None = None
    rows: int | None = None
    keep: Path | None = None
    before: float = 0.0
    show: Path | None = None

    @classmethod
    def of(cls, algorithm: Algorithm, task: Named, numbers: tuple[Path, Path], out: Path, **limits: Any) -> Self:
        """A fit of this algorithm for this task, called as its folder is. numbers: to learn from, and to answer."""
        name, (train, valid) = name_of(type(algorithm)), numbers
        values = algorithm.settings(), name_of(type(task)), task.to_json()
        return cls(out.name, name, *values, train, valid, out, **limits)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        paths = {k: str(getattr(self, k)) for k in ("train", "valid", "out")}
        return dataclasses.asdict(self) | paths | {k: str(v) if v else None for k, v in self._maybe().items()}

    @classmethod
    def from_json(cls, d: dict[str, Any]) -> Self:
        """The same job again from `to_json`."""
        paths = {k: Path(d[k]) for k in ("train", "valid", "out")}
        return cls(**d | paths | {k: Path(d[k]) if d[k] else None for k in ("start", "keep", "show")})

    def _maybe(self) -> dict[str, Path | None]:
        return {"start": self.start, "keep": self.keep, "show": self.show}

    @property
    def identity(self) -> dict[str, Any]:
        """By what a checkpoint is known to be this job's: what learns, from which part of what, in which order."""
        return {"algorithm": self.algorithm, "settings": self.settings, "seed": self.seed, "rows": self.rows}


@dataclass(frozen=True)
class Done:
    """What became of a job.

    fate: "" where it ran to its end, else DEADLINE, MEMORY, "crashed (signal 11)", "failed: ValueError: ..." or the
    words given to `Pool.kill`. seconds, cpu_seconds: of the fit, by the wall clock and by all its threads together; far
    less of the second than of the first means that others held the processor. peak_bytes: beyond the idle worker.
    predict_seconds: of answering valid.x. size_bytes: of the state on disk. error: the traceback or last words, to be
    logged.
    """

    job: Job
    fate: str = ""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    predict_seconds: float = 0.0
    size_bytes: int = 0
    curve: list[tuple[float, float]] = field(default_factory=list)
    error: str = ""


@dataclass(frozen=True)
class Progress:
    """One point of a running job's learning curve."""

    job: Job
    step: float
    error: float


@dataclass(frozen=True)
class Shown:
    """There is a new sample of what a running job would make by now, in `job.show`."""

    job: Job


def named(name: str) -> Any:
    """The object called "module:Name", imported."""
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


def name_of(cls: type) -> str:
    """The name by which `named` finds a class."""
    return f"{cls.__module__}:{cls.__qualname__}"
