"""The terminal: what it prints is what was said, brackets and colons included."""

from pathlib import Path

import pytest

from ungated import console, pipeline
from ungated.algorithms import discover
from ungated.engines import extras


@pytest.fixture
def _without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    find = extras.find_spec
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "torch" else find(name))


@pytest.mark.usefixtures("_without_torch")
def test_the_plan_says_how_to_install_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    pipeline.plan("wine", time="30s", listener=console.Console())
    assert "pip install 'ungated[modern]'" in " ".join(capsys.readouterr().out.split())


@pytest.mark.usefixtures("_without_torch")
def test_the_list_of_algorithms_says_so_too(capsys: pytest.CaptureFixture[str]) -> None:
    console.show_algorithms([a.card for a in discover().values()])
    assert "pip install 'ungated[modern]'" in " ".join(capsys.readouterr().out.split())


def test_names_and_cells_are_printed_as_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "[red]sales.csv"
    rows = "".join(f"{i},[/]{i % 3},{'[bold]' if i % 2 else ':smile:'}\n" for i in range(30))
    file.write_text(f"[a],[/b],y\n{rows}")
    pipeline.plan(file, "y", time="30s", listener=console.Console())
    said = capsys.readouterr().out
    assert all(word in said for word in ("[red]sales.csv", "[a]", "[/b]", "[bold]", ":smile:", "[/]0"))
