"""The folder that a fit writes to while it runs."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ungated.engines.scratch import _HERE, scratch


def test_it_goes_with_the_fit_and_takes_along_what_the_killed_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left, alive, strange = (tmp_path / n for n in (f"{_HERE}-{gone.pid}-a", f"{_HERE}-{os.getpid()}-b", "ungated-c"))
    for folder in (left, alive, strange):
        folder.mkdir()
        (folder / "block.npy").write_bytes(b"numbers")
    with scratch() as mine:
        (mine / "workers").mkdir()
        assert sorted(tmp_path.iterdir()) == sorted([alive, strange, mine])
    assert sorted(tmp_path.iterdir()) == sorted([alive, strange])
