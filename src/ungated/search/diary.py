"""What a climb writes down as it goes, so that another process can go on with it: after a kill, or with more time.

    climb.json            where the ladder stands, what is under way, and the seconds spent; written anew every moment
    trials/3-0/           what trial 3 learned on fold 0, its answer, and result.json: what that came to
    going/5-0.safetensors a checkpoint of a fit that is under way, or of a long course that may be gone on with

Time that was spent on what is lost is given back: the seconds count that are in what was kept.
"""

import contextlib
import dataclasses
import json
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..core.algorithm import Entrant
from ..core.errors import ModelError
from ..engines import state
from ..engines.jobs import Job
from .ladder import Ladder, Result

SOONEST, LATEST = 2.0, 10.0  # seconds between two entries when something has come, and when nothing has
_FIGURES = ("loss", "seconds", "peak_bytes", "predict_seconds", "size_bytes", "curve")


class Diary:
    """The diary in a folder, or none at all where `folder` is None.

    spent: seconds that the run has taken so far. longer: whether there is more time than when the diary was last
    written.
    """

    def __init__(
        self, folder: Path | None = None, spent: Callable[[], float] = time.monotonic, longer: bool = False
    ) -> None:
        self.folder = folder
        self._spent, self._longer = spent, longer
        self._begun: dict[str, float] = {}  # of each job: the moment that it would have begun at, had it never stopped
        self._needless: list[Path] = []  # checkpoints, once the entry is written that does without them
        self._fresh, self._at = True, 0.0

    # -- what is written -----------------------------------------------------------------------------------------------

    def checkpoint(self, name: str) -> Path | None:
        """The file in which a fit is to keep its checkpoint, None where nothing is kept."""
        return self.folder / "going" / f"{name}.safetensors" if self.folder else None

    def begun(self, job: Job) -> None:
        """Note that a job is under way."""
        self._begun[job.id] = time.monotonic() - job.before
        self._fresh = True

    def came(self, job: Job, result: Result, over: bool) -> None:
        """Note what came of a job; over: nobody will go on with it."""
        self._fresh = True
        if self.folder is None:
            return
        figures = {name: getattr(result, name) for name in _FIGURES}
        state.replace_file(job.out / "result.json", json.dumps(figures).encode())
        if over and job.keep:
            self._needless.append(job.keep)

    def write(self, ladder: Ladder, running: Sequence[Job], now: bool = False) -> None:
        """Write down where the ladder stands, if it is time to."""
        since = time.monotonic() - self._at
        if self.folder is None or (not now and since < (SOONEST if self._fresh else LATEST)):
            return
        under_way = {job.id: time.monotonic() - self._begun[job.id] for job in running if job.id in self._begun}
        entry = {"ladder": ladder.snapshot(), "spent": self._spent(), "written": time.time(), "running": under_way}
        with contextlib.suppress(OSError):  # a full disk costs the diary, not the climb
            state.replace_file(self.folder / "climb.json", json.dumps(entry).encode())
            while self._needless:
                self._needless.pop().unlink(missing_ok=True)
        self._fresh, self._at = False, time.monotonic()

    def over(self, ladder: Ladder) -> None:
        """The climb has come to its end: only long courses may yet be gone on with, if there should be more time."""
        for path in (self.folder / "going").glob("*.safetensors") if self.folder else ():
            if not ladder.trials[int(path.stem.partition("-")[0])].course:
                path.unlink(missing_ok=True)

    # -- what is read --------------------------------------------------------------------------------------------------

    def before(self, job_id: str) -> float:
        """Seconds that are in the checkpoint of a job; 0 where there is none."""
        path = self.checkpoint(job_id)
        if path is None or not path.exists():
            return 0.0
        with contextlib.suppress(ModelError, KeyError):
            return float(state.read_file(path, arrays=False).values["spent"])
        return 0.0

    def last(self) -> dict[str, Any]:
        """The last entry; empty where there is none. Raises ModelError where it cannot be read."""
        if self.folder is None or not (path := self.folder / "climb.json").exists():
            return {}
        try:
            entry: dict[str, Any] = json.loads(path.read_bytes())
        except (OSError, ValueError) as e:
            raise ModelError(f"{path} cannot be read: {e}.") from e
        return entry

    def kept(self) -> float:
        """Seconds of the run that are in what was kept."""
        entry = self.last()
        lost = [seconds - self.before(name) for name, seconds in entry.get("running", {}).items()]
        return float(max(0.0, entry.get("spent", 0.0) - max([0.0, *lost])))

    def go_on(self, ladder: Ladder, entrants: Sequence[Entrant], left: float, workers: int) -> None:
        """Set a ladder, on which only the baseline has begun, to where it stood. left: seconds."""
        entry = self.last()
        if not entry or self.folder is None:
            return
        by_key = {e.key: e for e in entrants}
        folder = self.folder

        def entrant(told: dict[str, Any]) -> Entrant:
            try:
                model = by_key[told["key"]]
                return dataclasses.replace(model, algorithm=type(model.algorithm)(**told["settings"]))
            except (KeyError, TypeError) as e:
                raise ModelError(f"{folder}: {told['key']} is not here any more as it was. Fit anew.") from e

        later = time.time() - self._spent() - (entry["written"] - entry["spent"])  # by how much the run now began later
        for trial in entry["ladder"]["trials"]:
            trial["finished_at"] += later
        ladder.restore(entry["ladder"], entrant, lambda key, fold: _result(folder / "trials" / f"{key}-{fold}"))
        if self._longer:
            ladder.lengthen(left, workers)


def _result(folder: Path) -> Result:
    """What a fit came to. Raises ModelError where something of it is missing or was cut short."""
    try:
        state.check(folder)
        answer = np.load(folder / "answer.npy", allow_pickle=False)
        figures = json.loads((folder / "result.json").read_bytes())
        figures["curve"] = [(step, error) for step, error in figures["curve"]]
        return Result(answer, **figures)
    except (OSError, ValueError, KeyError, TypeError, EOFError) as e:
        shutil.rmtree(folder, ignore_errors=True)
        raise ModelError(f"{folder} cannot be read: {e}") from e
