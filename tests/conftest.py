"""What the tests share: where the real data sets are, if they are here at all."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# The same examples each time, so that a change is judged by what it changed; HYPOTHESIS=new draws others, by hand.
settings.register_profile("same", derandomize=True)
settings.register_profile("new", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS", "same"))


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data sets, named by UNGATED_DATA (default: ../shared/data beside the checkout)."""
    folder = Path(os.environ.get("UNGATED_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no data sets at {folder}; set UNGATED_DATA to their folder")
    return folder


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Of several processes (`-n 2`) one takes a whole file, or all of an algorithm: what its checks share is made once.

    Groups by mark (`--dist loadgroup`) do nothing in pytest-xdist 3.8 beside pytest 9.2, which gives ids another way.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Together(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file, _, test = nodeid.partition("::")
            algorithm = re.search(r"\[(\w+)", test) if "test_conformance" in file else None
            return algorithm[1] if algorithm else file

    return Together(config, log)
