"""The shelves: theory (to 1990), classical (1991 to 2011), modern (since 2012). Discovered, never listed by hand.

Every module below this package that defines an `Algorithm` with a card is found by walking the package; third-party
packages add theirs by an entry point in the group "ungated.algorithms" that names the class.
"""

import importlib
import inspect
import pkgutil
from functools import cache
from importlib.metadata import entry_points

from ..core.algorithm import ERAS, Algorithm


@cache
def discover() -> dict[str, type[Algorithm]]:
    """Every algorithm there is, by id, in the order of the years of their ideas."""
    found: dict[str, type[Algorithm]] = {}
    for era in ERAS:
        shelf = importlib.import_module(f"{__name__}.{era}")
        for module in pkgutil.iter_modules(shelf.__path__):
            for cls in _defined_in(importlib.import_module(f"{shelf.__name__}.{module.name}")):
                if cls.card.era != era:
                    raise TypeError(f"{cls.__name__} ({cls.card.year}) stands on the shelf {era}")
                found[cls.card.id] = cls
    for point in entry_points(group="ungated.algorithms"):
        cls = point.load()
        found.setdefault(cls.card.id, cls)
    return dict(sorted(found.items(), key=lambda item: (item[1].card.year, item[0])))


def _defined_in(module: object) -> list[type[Algorithm]]:
    return [
        c
        for c in vars(module).values()
        if inspect.isclass(c) and issubclass(c, Algorithm) and "card" in vars(c) and c.__module__ == module.__name__  # type: ignore[attr-defined]
    ]
