"""Time and memory: what a person has, and what is left of it.

A `Budget` belongs to a whole command, counted from its first instant. A `Clock` belongs to one training job; an
iterative algorithm asks it before every step whether to go on, and tells it how far it has come.
"""

import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .errors import UsageError

if TYPE_CHECKING:
    from .algorithm import Fitted, State

EVERY = 50.0  # seconds after which a checkpoint is due, so that nothing older than a minute can be lost
SOONEST = 3.0  # seconds between two checkpoints, however often the error falls
GROWING = 0.2  # of the time that the job has taken: soon after it began, less than a minute is much to lose
CHEAP = 0.02  # of the time that checkpoints may take because the error has fallen, and that showing may take in all
FIRST_LOOK = 2.0  # seconds after which something is shown for the first time, and the least between two looks
WORTH_A_LOOK = 5.0  # seconds that a job must be given: a shorter one is over before anyone has looked

_SECONDS = {"": 1.0, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"": 1, "b": 1, "k": 2**10, "kb": 10**3, "m": 2**20, "mb": 10**6, "g": 2**30, "gb": 10**9}
_BYTES |= {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tb": 10**12, "tib": 2**40}


def seconds(text: str | float) -> float:
    """Seconds from "90", "90s", "1m30s", "2m", "1.5h".

    >>> seconds("1m30s"), seconds("2m"), seconds(45)
    (90.0, 120.0, 45.0)

    Raises UsageError when the text is not a positive length of time.
    """
    if isinstance(text, str):
        parts = re.findall(r"([\d.]+)\s*([a-z]*)", text.strip().lower())
        rest = re.sub(r"([\d.]+)\s*([a-z]*)", "", text.strip().lower()).strip()
        try:
            total = sum(float(n) * _SECONDS[unit] for n, unit in parts) if parts and not rest else -1.0
        except (KeyError, ValueError):
            total = -1.0
    else:
        total = float(text)
    if not 0 < total < float("inf"):
        raise UsageError(f"{text!r} is not a length of time. Write it as 30s, 2m, 1m30s or 1.5h.")
    return total


def amount(text: str | float) -> int:
    """Bytes from "2GB", "600 MB", "1.5GiB", 1e9.

    >>> amount("2GB"), amount("512MiB")
    (2000000000, 536870912)

    Raises UsageError when the text is not a positive amount of memory.
    """
    if isinstance(text, str):
        found = re.fullmatch(r"([\d.]+)\s*([a-z]*)", text.strip().lower())
        try:
            total = float(found[1]) * _BYTES[found[2]] if found else -1.0
        except (KeyError, ValueError):
            total = -1.0
    else:
        total = float(text)
    if not 0 < total < float("inf"):
        raise UsageError(f"{text!r} is not an amount of memory. Write it as 600MB or 2GB.")
    return int(total)


@dataclass(frozen=True)
class Budget:
    """What the person allows: seconds of wall clock from `started` (time.time()), bytes of the whole process tree."""

    seconds: float
    bytes: int
    started: float = field(default_factory=time.time)

    def spent(self) -> float:
        """Seconds since the command began."""
        return time.time() - self.started

    def left(self) -> float:
        """Seconds until the deadline; negative after it."""
        return self.seconds - self.spent()


@dataclass
class Clock:
    """One training job's time and means.

    seconds: how long it may take; inf for no limit. threads: how many it may use. seed: its randomness.
    tell: called with (step, error) at each `tick`, so that a learning curve is drawn and a person sees it learn.
    keep: writes a checkpoint, or None where nobody wants any. kept: the checkpoint to go on from, of an earlier job
    with the same settings, examples and seed, or None; before: seconds that were spent until then. show: is handed
    what has been learned so far, that a person may see it, or None where nobody looks.
    """

    seconds: float = float("inf")
    threads: int = 1
    seed: int = 0
    tell: Callable[[float, float], None] | None = None
    started: float = field(default_factory=time.monotonic)
    curve: list[tuple[float, float]] = field(default_factory=list)
    keep: "Callable[[State], None] | None" = None
    kept: "State | None" = None
    before: float = 0.0
    show: "Callable[[Fitted], None] | None" = None
    _last: float = field(default_factory=time.monotonic)  # when a checkpoint was written, and the seconds that it took
    _took: float = 0.0
    _looked: float = field(default_factory=time.monotonic)  # when something was shown, and the seconds that it took
    _showing: float = 0.0
    _hurried: list[bool] = field(default_factory=list)  # shared by whatever was made of this clock with `replace`

    def spent(self) -> float:
        """Seconds since the job began."""
        return time.monotonic() - self.started

    def left(self) -> float:
        """Seconds until the job must end; negative after it."""
        return min(self.seconds - self.spent(), 0.0) if self._hurried else self.seconds - self.spent()

    def hurry(self) -> None:
        """Let the job hand in what it has; asked from another thread."""
        self._hurried.append(True)

    @property
    def expired(self) -> bool:
        """Whether the job must hand in what it has."""
        return self.left() <= 0

    def tick(self, step: float, error: float) -> bool:
        """Note the error after a step (a round, an epoch); True while there is time for another."""
        self.curve.append((float(step), float(error)))
        if self.tell:
            self.tell(float(step), float(error))
        return not self.expired

    def checkpoint(self, state: "Callable[[], State]", *, better: bool = False, last: bool = False) -> None:
        """Write down how far the job has come, where somebody keeps it and it is time to.

        That is every minute, more often at first, and when the error has fallen (`better`) unless that is all the time.
        last: the job ends. state: makes the checkpoint, by which `kept` can be taken up again.
        """
        if self.keep is None:
            return
        since, least = time.monotonic() - self._last, max(SOONEST, self._took / CHEAP)
        if not last and since < min(EVERY, least if better else max(least, GROWING * self.spent())):
            return
        began = time.monotonic()
        self.keep(state())
        self._last = time.monotonic()
        self._took = self._last - began

    @property
    def look_due(self) -> bool:
        """Whether somebody looks and it is time to show how far the job has come: soon at first, then seldom."""
        if self.show is None or self.seconds < WORTH_A_LOOK or self.left() <= self._showing:
            return False
        spent, since = self.spent(), time.monotonic() - self._looked
        even = self._showing / CHEAP  # seconds between looks that are spread evenly over the job
        if math.isfinite(self.seconds):  # as many, the further apart the later: most is learned in the beginning
            even *= min(1.0, math.log(self.seconds / FIRST_LOOK) * spent / self.seconds)
        return since >= max(FIRST_LOOK, even, GROWING * spent if self._showing else 0.0)

    def shown(self, so_far: "Callable[[], Fitted]") -> None:
        """Show what has been learned so far, where it is time to. so_far: makes it, as `fit` would hand it in."""
        if self.show is None or not self.look_due:
            return
        began = time.monotonic()
        self.show(so_far())
        self._looked = time.monotonic()
        self._showing = self._looked - began
