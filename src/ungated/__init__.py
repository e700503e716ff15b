"""Ungated: machine learning on the computer you own.

    import ungated as ug
    model = ug.fit("train.csv", target="income", time="2m", memory="2GB")
    model.error; model.leaderboard; model.predict("new.csv"); model.save("m"); ug.load("m")

The names below are loaded when they are first used, so that the import itself costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from . import algorithms
    from .estimators import UngatedClassifier, UngatedRegressor
    from .hardware.probe import probe as machine
    from .model import Model
    from .pipeline import fit, plan, resume

    load = Model.load

_WHERE = {
    "fit": ("pipeline", "fit"),
    "plan": ("pipeline", "plan"),
    "resume": ("pipeline", "resume"),
    "Model": ("model", "Model"),
    "load": ("model", "load"),
    "machine": ("hardware.probe", "probe"),
    "UngatedClassifier": ("estimators", "UngatedClassifier"),
    "UngatedRegressor": ("estimators", "UngatedRegressor"),
}

__all__ = ["Model", "UngatedClassifier", "UngatedRegressor", "algorithms", "fit", "load", "machine", "plan", "resume"]


def __getattr__(name: str) -> Any:
    if name == "algorithms":
        return import_module(f"{__name__}.algorithms")
    if name not in _WHERE:
        raise AttributeError(f"module 'ungated' has no attribute {name!r}")
    module, attribute = _WHERE[name]
    return getattr(import_module(f"{__name__}.{module}"), attribute)


def __dir__() -> list[str]:
    return sorted(__all__)
