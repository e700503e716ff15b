"""What the tests share: where the real data sets are, if they are here at all."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data sets, named by UNGATED_DATA (default: ../shared/data beside the checkout)."""
    folder = Path(os.environ.get("UNGATED_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no data sets at {folder}; set UNGATED_DATA to their folder")
    return folder


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where several processes test (`-n 2 --dist loadgroup`), one takes a whole file, or all checks of an algorithm.

    So what a file's tests share is made once. pytest-xdist reads the mark; without it the mark says nothing.
    """
    for item in items:
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        item.add_marker(pytest.mark.xdist_group(str(parameters.get("id_", item.path.name))))
