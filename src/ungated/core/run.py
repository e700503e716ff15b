"""The record of a run: all that was read, decided, tried and found, as plain data.

The terminal, `--json` and the report are three ways of showing one `Run`; whatever none of them could be told here is
not known to them. It is written into the model's folder as run.json.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Self

from .algorithm import plain

INTERRUPTED = "interrupted"  # `Run.ended` after Ctrl-C


@dataclass
class ColumnRecord:
    """One column of the user's data: the kind it was given and why.

    kind: number, category, boolean, date, text, identifier or constant. role: feature, target or "left out".
    """

    name: str
    kind: str
    why: str
    role: str = "feature"
    missing: int = 0
    distinct: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass
class DataRecord:
    """What was read. rows: examples kept; rows_in_file: where only a sample was kept, how many there were."""

    source: str
    rows: int
    columns: list[ColumnRecord]
    warnings: list[str] = field(default_factory=list)
    how: str = ""  # "CSV, delimiter ';', decimal ',', UTF-8, first line is a header"
    rows_in_file: int | None = None


@dataclass
class TaskRecord:
    """What is to be answered, why that was inferred, and what overrides it."""

    id: str
    target: str
    why: str
    metric: str  # the headline error, lower is better
    guide: str  # the error that the search minimises
    classes: list[str] = field(default_factory=list)


@dataclass
class PlanLine:
    """What one entrant would cost on this data on this machine, said before anything is trained.

    seconds, bytes: of fitting it once to all training rows, on one thread; 0 where that cannot be told for want of an
    optional library. fits: whether the search may try it.
    """

    algorithm: str  # key of the entrant: the algorithm's id, with what it sees where there is a choice
    name: str
    era: str
    year: int
    seconds: float
    bytes: float
    fits: bool
    why: str = ""  # where it does not fit: the reason and the override or the install line


@dataclass
class Entry:
    """One line of the leaderboard: a candidate (an algorithm with settings) or the final ensemble.

    error, low, high: validation error in the headline metric with its 95% interval. guide: in the search's own measure.
    seconds: training time of all its folds added up. planned_*: what the plan said of the same fits.
    predict_us: microseconds a row. size_bytes: on disk. weight: its share in the final model, 0 to 1.
    fate: "" if it ran to the end, else what became of it ("killed at the deadline", "ran out of memory", ...).
    curve: learning curve of its first fold, (step, error) pairs, where it learns in steps.
    """

    algorithm: str  # name, as a person reads it
    id: str  # key of the entrant
    name: str  # the entrant's, without its settings
    era: str
    year: int
    error: float | None
    low: float | None
    high: float | None
    guide: float | None
    seconds: float
    peak_bytes: int
    planned_seconds: float
    planned_bytes: float
    predict_us: float = 0.0
    size_bytes: int = 0
    folds: int = 0
    rows: int = 0  # validation rows that the error was measured on: all of them, or one fold's
    weight: float = 0.0
    finished_at: float = 0.0  # seconds into the run
    settings: dict[str, Any] = field(default_factory=dict)
    fate: str = ""
    curve: list[tuple[float, float]] = field(default_factory=list)


@dataclass
class ErrorRecord:
    """The one honest number: error on sealed test rows, opened once, with its 95% interval, beside the baseline's."""

    metric: str
    value: float
    low: float
    high: float
    baseline: float
    rows: int
    words: str = ""  # "12.6% of 16,281 sealed rows wrong (95% interval 12.1% to 13.1%); guessing ... 24.1%"


@dataclass
class Run:
    """Everything about one `fit`.

    figures: drawings for the report, each {"kind": …, "title": …, …}, made by the task (confusion, calibration,
    residuals), by permutation importance, and so on; the kinds are described in `report`.
    """

    source: str
    command: str
    seed: int
    started: str  # ISO 8601, UTC
    budget: dict[str, float] = field(default_factory=dict)  # seconds, bytes
    machine: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    data: DataRecord | None = None
    task: TaskRecord | None = None
    split: str = ""  # in words: "1,600 rows: 1,280 to learn from in 5 folds, 320 sealed"
    plan: list[PlanLine] = field(default_factory=list)
    leaderboard: list[Entry] = field(default_factory=list)
    error: ErrorRecord | None = None
    metrics: dict[str, float] = field(default_factory=dict)  # secondary, on the sealed rows
    figures: list[dict[str, Any]] = field(default_factory=list)
    found: list[str] = field(default_factory=list)  # in words, where no answers were given: "3 groups: ..."
    notes: list[str] = field(default_factory=list)
    broken: list[list[str]] = field(default_factory=list)  # [file, why] of files that could not be read
    ended: str = ""  # why the climb ended: "the time is up", INTERRUPTED, ...
    seconds: float = 0.0
    peak_bytes: int = 0
    model: str = ""

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the climb."""
        return self.ended == INTERRUPTED

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, NaN and infinities as None."""
        return plain(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, d: dict[str, Any]) -> Self:
        """The same record again from `to_json`."""
        run = cls(**d)
        if d.get("data"):
            run.data = DataRecord(**{**d["data"], "columns": [ColumnRecord(**c) for c in d["data"]["columns"]]})
        if d.get("task"):
            run.task = TaskRecord(**d["task"])
        if d.get("error"):
            run.error = ErrorRecord(**d["error"])
        run.plan = [PlanLine(**p) for p in d.get("plan", ())]
        run.leaderboard = [Entry(**e) for e in d.get("leaderboard", ())]
        return run
