"""The journal of a run, in a folder beside its model: what was asked and decided, so that the run can be gone on with.

    NAME.run/run.json     what was typed, what was decided once (the folds, the plan), who is at it now, how it ended
    NAME.run/climb.json   and what else the climb writes down: see `search.diary`
    NAME.run/samples/     what networks made while they learned, as 0012s-flow_matching.png: see `samples`

It goes on with the same rows, folds and plan: rows that are no longer the same are noticed. The folder is gone when the
run has ended and nothing in it could be gone on with; a run that was cut short, or whose networks would learn on with
more time, keeps it.
"""

import dataclasses
import hashlib
import json
import os
import platform
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from . import __version__
from .core.clock import Budget, seconds
from .core.errors import ModelError, UsageError
from .core.run import INTERRUPTED, PlanLine, Run
from .engines import state
from .question import Question
from .search.diary import Diary

FORMAT = 1
ENDING = ".run"
SHORTEST = 1.0  # seconds: with less left there is nothing to go on for


@dataclass
class Journal:
    """A run's journal; one without a folder keeps nothing.

    asked: the arguments of `fit`, as JSON values. command: what was typed. seconds, bytes: the budget in all. once:
    what was decided when the run began. resumed: whether it is gone on with; longer: and has more time than those
    that ran the long course were told.
    """

    folder: Path | None = None
    asked: dict[str, Any] = field(default_factory=dict)
    command: str = ""
    seconds: float = 0.0
    bytes: int = 0
    decided: dict[str, Any] = field(default_factory=dict)
    ended: str = ""
    resumed: bool = False
    longer: bool = False
    _budget: Budget | None = None  # of the climb

    @classmethod
    def begin(cls, out: Path | None, asked: dict[str, Any], command: str, budget: Budget) -> "Journal":
        """The journal of a new run, whose model goes to `out`; nothing is written yet.

        There is none where the data are not named but given: nobody could give them again.
        Raises UsageError where another process is at a run of that name.
        """
        named = ("data", "test", "from_")
        if out is None or not all(isinstance(asked[name], str | Path | None) for name in named):
            return cls()
        asked = asked | {name: _absolute(asked[name]) for name in named}
        try:
            json.dumps(asked)
        except TypeError:  # settings that only a program can give
            return cls()
        folder = out.with_name(out.name + ENDING)
        _alone(folder)
        return cls(folder, asked, command, budget.seconds, budget.bytes)

    @classmethod
    def take_up(cls, run: str | Path, time_: str | float | None = None) -> "Journal":
        """The journal of a run that is to go on: RUN is its folder, or that of the model that it would become.

        time_: "+30m" adds to the time that it was given, "30m" is the time in all; None is what is left.
        Raises UsageError where there is no such run, where nothing is left to do, or where another process is at it.
        """
        folder = Path(run) if str(run).rstrip("/\\").endswith(ENDING) else Path(f"{str(run).rstrip('/')}{ENDING}")
        try:
            about = json.loads((folder / "run.json").read_bytes())
            fields = {f: about[f] for f in ("asked", "command", "seconds", "bytes", "decided", "ended")}
            journal, version = cls(folder, **fields, resumed=True), about["version"]
        except FileNotFoundError:
            raise UsageError(
                f"There is no run to go on with at {folder}. It is there while a run goes on, where one was cut short, "
                "and where networks would learn on with more time."
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as e:
            raise ModelError(f"{folder / 'run.json'} cannot be read: {e}. Fit anew.") from e
        if version != __version__:
            raise UsageError(f"{folder} was begun by Ungated {version}; this is {__version__}. Fit anew.")
        _alone(folder)
        journal._tidy()
        journal._lengthen(time_)
        return journal

    def _lengthen(self, time_: str | float | None) -> None:
        given, spent = self.seconds, self.diary(Budget(self.seconds, self.bytes)).kept()
        if time_ is not None:
            more = isinstance(time_, str) and time_.strip().startswith("+")
            self.seconds = given + seconds(str(time_).strip()[1:]) if more else seconds(time_)
        self.longer = self.seconds > given or self.ended == INTERRUPTED  # then, who had to hand in early runs on
        if self.ended and self.ended != INTERRUPTED and not self.longer:
            raise UsageError(f"{self.folder}: this run has ended ({self.ended}). Give it more time, as --time +10m.")
        if self.seconds - spent < SHORTEST:
            said = f"{spent:,.0f} s of its {self.seconds:,.0f} s are spent"
            raise UsageError(f"{self.folder}: {said}. Give it more time, as --time +10m.")

    def _tidy(self) -> None:
        """Remove what a process that was killed had half written."""
        assert self.folder is not None
        for litter in (*self.folder.glob(".*"), *self.folder.glob("*/.*")):
            if litter.is_dir() and not litter.is_symlink():
                shutil.rmtree(litter, ignore_errors=True)
            else:
                litter.unlink(missing_ok=True)

    @property
    def out(self) -> Path | None:
        """Where the model goes: beside the run, wherever that has been moved to."""
        return self.folder and self.folder.with_name(self.folder.name.removesuffix(ENDING))

    # -- while it goes on ----------------------------------------------------------------------------------------------

    def once(self, name: str, value: Any) -> Any:
        """`value`, or what it was when the run began. JSON values."""
        return self.decided.setdefault(name, value)

    def plan(self, run: Run) -> None:
        """The plan of the run, as it was when it began."""
        lines = self.once("plan", [dataclasses.asdict(line) for line in run.plan])
        run.plan = [PlanLine(**line) for line in lines]

    def planned(self) -> set[str]:
        """The ids of the algorithms that are in the plan of a run that goes on, and fit."""
        plan = self.decided.get("plan", ())
        return {line["algorithm"].partition("@")[0].partition("<")[0] for line in plan if line["fits"]}

    def same(self, question: Question) -> None:
        """Raise UsageError where the rows are not those with which the run began."""
        seen = fingerprint(question)
        if self.folder and self.once("rows", seen) != seen:
            raise UsageError(
                f"{self.asked['data']} does not hold the same rows as when the run {self.folder} began.\n"
                "Put them back as they were, or fit anew."
            )

    def budget(self, budget: Budget) -> Budget:
        """The budget of a climb that begins when this is first asked.

        Where it goes on, as much of it is spent as was when it stopped: to read everything anew costs nothing.
        """
        if self._budget is None:
            if self.resumed:
                budget = dataclasses.replace(budget, started=time.time() - self.diary(budget).kept())
            self._budget = budget
        return self._budget

    def diary(self, budget: Budget) -> Diary:
        """What the climb writes down."""
        return Diary(self.folder, budget.spent, self.longer)

    def going(self) -> bool:
        """Whether there is a checkpoint to go on from."""
        return self.folder is not None and any((self.folder / "going").glob("*.safetensors"))

    def trials(self, otherwise: Path) -> Path:
        """Where fitted states go."""
        return self.folder / "trials" if self.folder else otherwise

    @property
    def samples(self) -> Path | None:
        """Where samples go that networks leave while they learn; None to keep none."""
        return self.folder and self.folder / "samples"

    def open(self) -> None:
        """Write down that the run is under way, by this process; what an earlier one of that name left goes."""
        if self.folder is None:
            return
        if not self.resumed:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.ended = ""
        self._write(os.getpid())

    def close(self, ended: str) -> None:
        """Write down how it ended; the folder goes where nobody could go on."""
        if self.folder is None:
            return
        if ended != INTERRUPTED and not self.going():
            shutil.rmtree(self.folder, ignore_errors=True)
            return
        self.ended = ended
        self._write(0)

    def _write(self, pid: int) -> None:
        assert self.folder is not None
        own = ("asked", "command", "seconds", "bytes", "decided", "ended")
        owner = {"pid": pid, "since": psutil.Process(pid).create_time(), "host": platform.node()} if pid else None
        about = {"format": FORMAT, "version": __version__, "owner": owner} | {k: getattr(self, k) for k in own}
        state.replace_file(self.folder / "run.json", json.dumps(about, indent=1).encode())


def fingerprint(question: Question) -> str:
    """What tells these rows, their columns and what is asked of them from any others, in 16 letters."""
    told = hashlib.sha256(json.dumps([question.target, question.features, question.task.id]).encode())
    for frame in (question.rows, question.sealed):
        told.update(json.dumps([list(frame.columns), frame.height]).encode())
        told.update(frame.hash_rows(seed=0).to_numpy().tobytes() if frame.height else b"")
    return told.hexdigest()[:16]


def _absolute(named: Any) -> str | None:
    """A path that holds wherever one stands; the name of a set as it is."""
    if named is None:
        return None
    path = Path(named).expanduser()
    return str(path.resolve()) if os.path.exists(path) else str(named)  # which says no where Path.exists raises


def _alone(folder: Path) -> None:
    """Raise UsageError where a process that lives is at the run in `folder`."""
    try:
        owner: Mapping[str, Any] = json.loads((folder / "run.json").read_bytes())["owner"] or {}
        alive = psutil.Process(owner["pid"]).create_time() if owner.get("host") == platform.node() else 0.0
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return
    if alive and abs(alive - owner["since"]) < 1 and owner["pid"] != os.getpid():
        said = f"Process {owner['pid']} is at the run {folder}."
        raise UsageError(f"{said} Wait for it, end it, or choose another --out.")
