"""What a run is done with: the machine as it is now, the budget that a person gives, and the workers these pay for."""

import time
from dataclasses import dataclass

from .core.algorithm import Machine
from .core.clock import Budget, amount, seconds
from .hardware.plan import workers_for
from .hardware.probe import probe


@dataclass(frozen=True)
class Means:
    """What the climb is done with: the machine, the budget, and how many workers with how many threads each."""

    machine: Machine
    budget: Budget
    workers: int
    threads: int

    @classmethod
    def of(cls, time_: str | float, memory: str | float | None, started: float | None = None) -> "Means":
        """Measure the machine and see what of it may be used. Raises UsageError for words that are no amount."""
        began = started or time.time()  # before the machine is measured, which takes time too
        machine = probe()
        allowed = amount(memory) if memory is not None else int(0.6 * machine.free)
        budget = Budget(seconds(time_), min(allowed, machine.memory), began)
        return cls(machine, budget, *workers_for(machine, budget.bytes))
