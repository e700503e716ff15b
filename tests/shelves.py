"""What conformance suites share: the algorithms there are, a machine to reckon costs on, and why a check is skipped."""

import pytest

from ungated.algorithms import discover
from ungated.core.algorithm import Algorithm, Machine
from ungated.engines import extras

ALGORITHMS = discover()
MACHINE = Machine(cores=1, memory=2**33, free=2**33, gflops=50.0, bandwidth=5e9, scalar=15.0)


def usable(id_: str, check: str) -> type[Algorithm]:
    """The algorithm, unless its card skips this check or an extra that it needs is not installed."""
    card = ALGORITHMS[id_].card
    if check in card.skips:
        pytest.skip(f"{id_} skips {check!r}: {card.skips[check]}")
    if line := extras.missing(card.extras):
        pytest.skip(f"{id_} needs an extra: {line}")
    return ALGORITHMS[id_]
