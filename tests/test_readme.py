"""README is true: its commands run, its options exist, its Python runs, its links lead somewhere.

Commands run in order, in one folder, on small made tables under the names that README uses, each with few candidates.
"""

import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest

from ungated.cli import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
SYNOPSIS = re.compile(r"[\[\]…|<>]|\.\.\.")  # a line that shows what may be said, not what to type
FEW_SECONDS = "20s"
FEW = ["--candidates", "3"]  # what ends a fit, long before its seconds are over


def shell_lines(language: str = "bash|sh|console") -> list[str]:
    """The lines to type, continued lines joined, prompts and comments dropped."""
    joined = [text.replace("\\\n", " ") for name, text in BLOCKS if re.fullmatch(language, name)]
    lines = [re.sub(r"\s+#.*$", "", line).strip().removeprefix("$ ") for text in joined for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def said(command: str) -> list[str]:
    """The lines to type that begin with `command`, as they stand."""
    return [line for line in shell_lines() if line.split()[0] == command]


def typed() -> list[str]:
    """The `ungated` commands that can be run as they stand."""
    return [line for line in said("ungated") if not SYNOPSIS.search(line)]


def python_blocks() -> list[str]:
    return [text for name, text in BLOCKS if name == "python"]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small table under every file name that README uses, with every target that it names.

    And with the photographs, recordings, reviews and listings of which it tells.
    """
    pytest.importorskip("PIL")
    pytest.importorskip("soundfile")
    pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("readme")
    files = set(re.findall(r"[\w./-]+\.csv\b", README))
    targets = sorted(set(re.findall(r"""(?:--target[ =]|target=)["']?([\w-]+)""", README)) or {"income"})
    rng = np.random.default_rng(0)
    age, hours = rng.integers(18, 80, 150), rng.normal(40, 8, 150)
    answer = np.where(age + hours + rng.normal(0, 5, 150) > 90, "high", "low")
    lines = [",".join(["age", "hours", "city", *targets])]
    cities = rng.choice(["Basel", "Lyon", "Turin"], 150)
    for row in zip(age, hours.round(2), cities, answer, strict=True):
        lines.append(",".join(map(str, [*row, *[row[-1]] * (len(targets) - 1)])))
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text("\n".join(lines) + "\n")
    for name in ("photos", "more-photos"):
        photographs(folder / name)
    for name in ("cat", "dog"):
        shutil.copy(folder / "photos" / f"{name}s" / "3.jpg", folder / f"{name}.jpg")
    recordings(folder / "recordings")
    (folder / "my-code").mkdir()
    for name in ("csv", "json", "string"):  # Python's own
        source = Path(importlib.import_module(name).__file__ or "")
        shutil.copy(source, folder / "my-code" / f"{name}.py")
    (folder / "baskets.csv").write_text("bread,butter,jam\nbread,butter\nmilk,jam,bread,butter\nmilk\n" * 20)
    praise, blame = ("lovely", "a joy to watch"), ("dreadful", "a waste of an evening")
    said = [(f"The {k}th film was {w[0]}, {w[1]}", v) for k in range(40) for w, v in ((praise, "good"), (blame, "bad"))]
    (folder / "reviews.csv").write_text("text,sentiment\n" + "".join(f'"{a}",{b}\n' for a, b in said))
    (folder / "listings.csv").write_text(
        "rooms,city,description,photo,price\n"
        + "".join(
            f'{2 + k % 4},{cities[k]},"{said[k][0]} from there",photos/cats/{k % 20}.jpg,{(2 + k % 4) * 310 + k}\n'
            for k in range(80)
        )
    )
    return folder


def photographs(folder: Path) -> None:
    """Forty pictures of two kinds: cats are lighter above, dogs below."""
    from PIL import Image

    rng = np.random.default_rng(1)
    for k in range(40):
        pixels = rng.integers(0, 120, (24, 24, 3), np.uint8)
        pixels[slice(0, 12) if k % 2 else slice(12, 24)] += np.uint8(120)
        file = folder / ("cats" if k % 2 else "dogs") / f"{k // 2}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(file)


def recordings(folder: Path) -> None:
    """Seventy-two tones: two notes, each sung by four speakers."""
    import soundfile

    folder.mkdir()
    rng, time = np.random.default_rng(2), np.arange(2000) / 8000
    for k in range(72):
        label, speaker = ("low", "high")[k % 2], ("ann", "bob", "eve", "joe")[k // 2 % 4]
        pitch = (300, 900)[k % 2] * rng.uniform(0.9, 1.1)
        wave = 0.4 * np.sin(2 * np.pi * pitch * time) + rng.normal(0, 0.02, len(time))
        soundfile.write(folder / f"{label}_{speaker}_{k}.wav", wave, 8000)


def run(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": paths},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_commands_run(desk: Path) -> None:
    if not typed():
        pytest.skip("README has no `ungated` command that can be typed as it stands")
    for line in typed():
        words = shlex.split(re.sub(r"(--time[ =])\S+", rf"\g<1>{FEW_SECONDS}", line))[1:]
        if words[0] == "fit":
            words += FEW if "--time" in line else [*FEW, "--time", FEW_SECONDS]
        models = sorted((desk / "models").glob("*")) if (desk / "models").is_dir() else []
        words = [str(models[-1]) if word == "MODEL" and models else word for word in words if word != "--open"]
        done = run(["-m", "ungated", *words], desk)
        if "--from" in words and "nothing in this model can be built upon" in done.stderr:
            continue  # after a few seconds the earlier model may hold no network to start from
        assert done.returncode == 0, f"{line}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"


def test_python_runs(desk: Path) -> None:
    if not python_blocks():
        pytest.skip("README has no Python")
    for block in python_blocks():
        source = re.sub(r"""(\btime=)["'][^"']*["']""", rf'\g<1>"{FEW_SECONDS}"', block)
        if re.search(r"\bdf\b", source) and not re.search(r"^df\s*=", source, re.MULTILINE):
            source = f"import pandas as pd\ndf = pd.read_csv({next(iter(sorted(desk.glob('*.csv')))).name!r})\n{source}"
        (desk / "block.py").write_text(f"if __name__ == '__main__':\n{_indented(source)}")
        done = run(["block.py"], desk)
        assert done.returncode == 0, f"{source}\n{done.stdout[-1000:]}{done.stderr[-2000:]}"


def _indented(source: str) -> str:
    return "".join(f"    {line}\n" for line in source.splitlines())


def test_named_options_exist() -> None:
    for line in said("ungated"):
        words = re.findall(r"[\w.=/-]+", line)[1:]
        if not words or words[0].startswith("-"):
            continue
        command = app.get_command(click.Context(app), words[0])
        assert command is not None, f"{line}: there is no command {words[0]}"
        options = {name for parameter in command.params for name in parameter.opts} | {"--help", "-h"}
        unknown = {word.partition("=")[0] for word in words if word.startswith("--")} - options
        assert not unknown, f"{line}: {words[0]} has no {', '.join(sorted(unknown))}"


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {word for line in said("make") for word in line.split()[1:] if "=" not in word}
    assert named <= targets


def test_every_option_of_fit_is_told_in_help() -> None:
    command = app.get_command(click.Context(app), "fit")
    assert command is not None
    silent = [p.name for p in command.params if isinstance(p, click.Option) and not p.help]
    assert not silent


def test_links_lead_somewhere() -> None:
    for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "benchmarks/README.md"):
        for link in re.findall(r"\]\(([^)\s#]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if "://" not in link and not link.startswith("mailto:"):
                assert (page.parent / link).exists(), f"{page.name} links to {link}, which is not there"
