"""The house stands as drawn: every file in the picture, none too long, arrows only down, the Makefile in step.

Run as a script (`make docs`) it redraws the tree of files in ARCHITECTURE.md from their docstrings.
"""

import ast
import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HOUSE = ROOT / "src" / "ungated"
PICTURE = ROOT / "ARCHITECTURE.md"
FENCE = re.compile(r"(<!-- tree: made by `make docs` -->\n```\n)(.*?)(```\n)", re.DOTALL)
LONGEST = 500  # lines of a file
FLOORS = (
    *("__init__.py", "__main__.py", "cli.py", "console.py", "estimators.py", "pipeline.py", "ascent.py", "keeping.py"),
    *("refit.py", "question", "prepare.py", "ledger.py", "show.py", "explain", "model.py", "store.py", "report"),
    *("search", "algorithms", "tasks", "modalities", "hardware", "engines", "core"),
)
SHELVES = ("theory", "classical", "modern")


def first_sentence(file: Path) -> str:
    """What a file says that it is: the first paragraph's first line, without its full stop."""
    said = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return said.partition("\n")[0].strip().rstrip(".")


def _standing(path: Path) -> tuple[int, str]:
    """Its place in the drawing: floors and shelves from the top down, a package's own page first, the rest by name."""
    order = FLOORS if path.parent == HOUSE else ["__init__.py", *SHELVES]
    return (order.index(path.name) if path.name in order else len(order), path.name)


def tree(folder: Path = HOUSE, depth: int = 0) -> list[str]:
    """A line for each Python file of the house: its name, indented by its folder, and what it says that it is."""
    lines = []
    for path in sorted(folder.iterdir(), key=_standing):
        if path.is_dir() and (path / "__init__.py").exists():
            says = first_sentence(path / "__init__.py")
            lines += [_line(f"{path.name}/", depth, says), *tree(path, depth + 1)]
        elif path.suffix == ".py" and (path.name != "__init__.py" or folder == HOUSE):
            lines.append(_line(path.name, depth, first_sentence(path)))
    return lines


def _line(name: str, depth: int, says: str) -> str:
    return f"{'  ' * depth + name:26} {says}".rstrip()


def drawn() -> str:
    return "".join(line + "\n" for line in ["src/ungated/", *("  " + line for line in tree())])


def test_the_picture_shows_the_house_as_it_is() -> None:
    found = FENCE.search(PICTURE.read_text(encoding="utf-8"))
    assert found, "ARCHITECTURE.md has lost its tree"
    assert found[2] == drawn(), "ARCHITECTURE.md's tree is not the house's; redraw it with `make docs`"


@pytest.mark.parametrize("file", sorted(HOUSE.rglob("*.py")), ids=lambda file: str(file.relative_to(HOUSE)))
def test_a_file_says_what_it_is_and_is_short(file: Path) -> None:
    assert first_sentence(file), "a docstring's first line goes into ARCHITECTURE.md"
    lines = len(file.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST, f"{lines} lines; a file that long does more than one thing"


def test_arrows_point_down_only() -> None:
    command = shutil.which("lint-imports", path=str(Path(sys.executable).parent)) or shutil.which("lint-imports")
    if command is None:
        pytest.skip("import-linter is not installed; `pip install ungated[dev]` brings it")
    paths = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": paths}
    done = subprocess.run([command, "--no-cache"], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert "0 broken" in done.stdout


def test_nothing_can_unpickle() -> None:
    """No pickle, anywhere: neither imported nor reached through a library that would load one."""
    loaders = r"^\s*(import|from)\s+(pickle|dill|cloudpickle|joblib|shelve|marshal)\b"
    reaches = re.compile(loaders + r"|allow_pickle\s*=\s*True|weights_only\s*=\s*False", re.MULTILINE)
    found = [file for file in HOUSE.rglob("*.py") if reaches.search(file.read_text(encoding="utf-8"))]
    assert not found


@pytest.mark.parametrize("file", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda file: file.stem)
def test_benchmarks_import_what_there_is(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "ungated":
            module = importlib.import_module(node.module)
            for name in node.names:
                assert hasattr(module, name.name) or importlib.util.find_spec(f"{node.module}.{name.name}")


def test_makefile_installs_the_extras() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {
        name: {re.split(r"[\s\[<>=!~]", line)[0] for line in lines} - {"ungated", "torch"}
        for name, lines in project["optional-dependencies"].items()
    }
    listed = dict(re.findall(r"^(TOOLS|MEDIA) := (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(listed["TOOLS"].split()) == extras["dev"]
    assert set(listed["MEDIA"].split()) == extras["media"] | extras["modern"]


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + [line for extra in project["optional-dependencies"].values() for line in extra]
    names = {re.split(r"[\s\[<>=!~]", line)[0].lower() for line in wanted} - {"ungated"}
    pins = re.findall(r"^([\w.-]+)==[\w.]+$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert names - {name.lower() for name in pins} == set()


def redraw() -> None:
    page = PICTURE.read_text(encoding="utf-8")
    PICTURE.write_text(FENCE.sub(lambda found: found[1] + drawn() + found[3], page), encoding="utf-8")


if __name__ == "__main__":
    redraw()
