"""A training loop's checkpoint: all that it needs to go on as if it had never stopped, as values and arrays.

That is the weights and their average, the best so far, what the optimisers remember, how far the schedule has come, and
the state of torch's random numbers. Minibatches are drawn from the seed: those taken are passed over.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.algorithm import State
from ..core.clock import Clock
from ..core.numbers import Array

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer


class Checkpoint:
    """What is to be kept of a loop: its parts, which change as it goes on. best, pace: of torch_loop."""

    def __init__(
        self, net: "nn.Module", average: "nn.Module", optimisers: "Sequence[Optimizer]", best: Any, pace: Any
    ) -> None:
        self._net, self._average, self._optimisers = net, average, optimisers
        self._best, self._pace = best, pace

    def state(self) -> State:
        """The loop as it is now, between two steps."""
        import torch

        parts = {"net": self._net.state_dict(), "average": self._average.state_dict(), "best": self._best.weights or {}}
        arrays = {f"{part}.{name}": _array(value) for part, found in parts.items() for name, value in found.items()}
        for k, optimiser in enumerate(self._optimisers):
            for index, memory in optimiser.state_dict()["state"].items():
                arrays |= {f"optimiser.{k}.{index}.{name}": _array(value) for name, value in memory.items()}
        arrays["random"] = torch.get_rng_state().numpy().copy()
        pace, best = self._pace, self._best
        values = {"taken": pace.taken, "progress": pace.progress, "watched": pace.watched}
        return State(values | {"error": best.error, "since": best.since}, arrays)

    def take_up(self, kept: State, clock: Clock) -> int:
        """Set the loop to where it was; the number of steps that it had taken."""
        import torch

        found: dict[str, dict[str, Tensor]] = {"net": {}, "average": {}, "best": {}}
        for name, array in kept.arrays.items():
            part, _, rest = name.partition(".")
            if part in found:
                found[part][rest] = torch.from_numpy(array)
        self._net.load_state_dict(found["net"])
        self._average.load_state_dict(found["average"])
        for k, optimiser in enumerate(self._optimisers):
            optimiser.load_state_dict(_remembered(optimiser, f"optimiser.{k}.", kept))
        values = kept.values
        self._best.weights = found["best"] or None
        self._best.error, self._best.since = values["error"], values["since"]
        if self._pace.go_on(values["taken"], values["progress"], values["watched"]):
            self._best.since = 0  # it had come to an end that is not one any more
        torch.set_rng_state(torch.from_numpy(kept.arrays["random"]))
        return int(values["taken"])


def _remembered(optimiser: "Optimizer", prefix: str, kept: State) -> dict[str, Any]:
    """What an optimiser's load_state_dict takes; memories of weights lie in the computer's memory as these do."""
    import torch

    about = optimiser.state_dict()
    weights = [p for group in optimiser.param_groups for p in group["params"]]
    memory: dict[int, dict[str, Tensor]] = {}
    for key, array in kept.arrays.items():
        if key.startswith(prefix):
            index, _, name = key.removeprefix(prefix).partition(".")
            weight, value = weights[int(index)], torch.from_numpy(array)
            alike = value.shape == weight.shape and value.ndim > 0
            memory.setdefault(int(index), {})[name] = torch.empty_like(weight).copy_(value) if alike else value
    return about | {"state": memory}


def _array(value: "Tensor") -> Array:
    import torch

    value = value.detach()
    return np.array((value.float() if value.dtype == torch.bfloat16 else value).numpy())
