"""What fits: the cost of every algorithm on this data on this machine, said before anything is trained."""

import math
from collections.abc import Callable, Sequence

from ..core.algorithm import Cost, Entrant, Machine
from ..core.clock import Budget
from ..core.errors import MissingExtra
from ..core.numbers import Shape
from ..core.run import PlanLine
from ..engines.extras import missing

SHARE = 0.25  # of the time left that one fit to all training rows may take: it is tried more than once, and not alone
SHARE_ONCE = 0.6  # the same where there is but one fold
PARENT = 220 * 2**20  # bytes of the process that reads, searches and reports, before its data
WORKER = 95 * 2**20  # bytes of an idle worker with scikit-learn and LightGBM loaded
EXTRA = {"modern": 170 * 2**20}  # bytes that an extra's libraries add to a worker
LEAST = 150 * 2**20  # bytes beyond idle that a worker needs to be of use
_TIMES = (10, 20, 30, 60, 120, 180, 300, 600, 900, 1200, 1800, 3600, 7200, 14400, 28800, 43200, 86400)


def workers_for(
    machine: Machine, budget_bytes: int, data_bytes: int = 0, extras: Sequence[str] = ()
) -> tuple[int, int]:
    """How many workers to start and how many threads each is to use: (workers, threads).

    One worker a core with one thread each, since fits beside one another lose nothing to waiting; fewer, with the cores
    that others leave free shared out among them, where the memory cannot hold as many.
    """
    each = worker_bytes(extras) + LEAST
    room = min(budget_bytes, machine.free) - PARENT - data_bytes
    workers = max(1, min(machine.cores, int(room // each)))
    return workers, max(1, math.floor(machine.cores * (1 - machine.load) / workers + 1e-9))


def worker_bytes(extras: Sequence[str] = ()) -> int:
    """Bytes of an idle worker that has loaded what `extras` need."""
    return WORKER + sum(EXTRA.get(e, 0) for e in extras)


def slowdown(machine: Machine, workers: int) -> float:
    """How many times longer one-thread work takes when `workers` of us share the cores with the others' load."""
    return max(1.0, (workers + machine.load * machine.cores) / machine.cores)


def plan(
    entrants: Sequence[Entrant],
    shapes: Callable[[Entrant], Shape],
    machine: Machine,
    budget: Budget,
    workers: int = 1,
    data_bytes: int = 0,
    share: float = SHARE,
) -> list[PlanLine]:
    """One line an entrant, in the order given: what one fit to all training rows costs, and whether it may be tried.

    shapes: the training job of an entrant, which depends on how its columns are encoded. data_bytes: what the
    parent's own data hold. share: of the time left that one fit may take.
    """
    left, slower = budget.left(), slowdown(machine, workers)
    room = min(budget.bytes, machine.memory) - PARENT - data_bytes
    lines = []
    for entrant in entrants:
        cost, card = _cost(entrant, shapes, machine), entrant.algorithm.card
        needed = cost.seconds * slower
        if install := missing(card.extras):
            why = f"needs an optional library: {install}"
        elif needed > share * left and not card.anytime:
            why = _too_slow(needed, budget, share)
        elif cost.bytes + worker_bytes(card.extras) > room:
            why = _too_large(cost.bytes + worker_bytes(card.extras), room, budget, machine)
        else:
            why = ""
        cut = f"cut short: its whole course would take about {duration(needed)}" if needed > share * left else ""
        lines.append(PlanLine(entrant.key, entrant.name, card.era, card.year, needed, cost.bytes, not why, why or cut))
    return lines


def _cost(entrant: Entrant, shapes: Callable[[Entrant], Shape], machine: Machine) -> Cost:
    """What a fit costs; nothing where the library that would make its numbers is not installed."""
    try:
        return entrant.algorithm.cost(shapes(entrant), machine)
    except MissingExtra:
        return Cost(0.0, 0.0)


def _too_slow(needed: float, budget: Budget, share: float) -> str:
    enough = needed / share + (budget.seconds - budget.left())
    return f"would take about {duration(needed)} on this machine; the budget is {duration(budget.seconds)}: " + (
        f"--time {_option(enough)} would let it in" if enough <= _TIMES[-1] else "more than a day would be needed"
    )


def _too_large(needed: float, room: float, budget: Budget, machine: Machine) -> str:
    enough = budget.bytes + needed - room
    override = f"--memory {math.ceil(enough / 1e8) * 100}MB would let it in"
    return (
        f"would need about {needed / 1e6:,.0f} MB; of the {budget.bytes / 1e6:,.0f} MB allowed "
        f"{max(room, 0) / 1e6:,.0f} are left for it: "
        + (override if enough < machine.memory else "this machine has too little memory")
    )


def duration(seconds: float) -> str:
    """A length of time as a person says it: "0.3 s", "42 s", "9 min", "3 h", "12 days"."""
    for unit, size, until in (("s", 1, 90), ("min", 60, 90), ("h", 3600, 48)):
        if seconds < until * size:
            value = seconds / size
            return f"{value:.1f} {unit}" if value < 3 and unit == "s" else f"{value:.0f} {unit}"
    return f"{seconds / 86400:,.0f} days"


def _option(seconds: float) -> str:
    """The next round length of time, written as the option takes it."""
    up = next(t for t in _TIMES if t >= seconds)
    return f"{up // 3600}h" if up % 3600 == 0 else f"{up // 60}m" if up % 60 == 0 else f"{up}s"
