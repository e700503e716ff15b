"""Kills fits at random moments, in every way that a machine or a person does, and sees what is left. Run by hand:

    python benchmarks/kills.py --count 200 --seed 0
    python benchmarks/kills.py --count 100 --tasks cluster,detect,embed,associate,generate

A worker is killed; the parent is killed; Ctrl-C is typed (the whole group hears it), or only the parent hears it, or it
is typed twice; an algorithm takes memory without bound, sleeps through its deadline, or crashes its process. Then:

- a parent that lives ends with 0 or 130 within the budget and LATE seconds, with a model that loads and answers; or
  without one, where Ctrl-C came before there was any, and says so;
- a killed parent leaves a folder that holds no model or a whole one, and a new fit into it works and tidies up;
- no process lives on, standard error shows no traceback, and what is kept within --memory stays within it.
"""

import argparse
import contextlib
import datetime
import json
import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
import psutil

import ungated
from ungated.core.errors import UngatedError
from ungated.generation.text import write, writes

BUDGET, LATE = 4.0, 4.0  # seconds
MEMORY = 600_000_000  # bytes
WAYS = ("worker", "parent", "Ctrl-C", "Ctrl-C to the parent", "Ctrl-C twice", "memory", "deadline", "crash")
TASKS = {"cluster": "wine", "detect": "wine", "embed": "digits", "associate": "baskets", "generate": "prose"}
WITH_TARGET = ("wine", "diabetes", "large")
ROGUES = {"memory": "hog", "deadline": "sleeper", "crash": "crasher"}
ROGUE = """
import os, time
from dataclasses import dataclass
from typing import ClassVar
import numpy as np
from ungated.core.algorithm import Algorithm, Card, Cost, Fitted

class Never(Fitted):
    def answer(self, x): raise RuntimeError("never fitted")

def card(id): return Card(id, "rogue " + id, 1950, "none", frozenset({"classify", "regress"}))

@dataclass(frozen=True)
class Rogue(Algorithm):
    fitted: ClassVar = Never
    def cost(self, job, on): return Cost(0.001, 1e6)

class Hog(Rogue):
    card: ClassVar = card("hog")
    def fit(self, train, task, clock):
        held = []
        while True: held.append(np.ones(2**20))

class Sleeper(Rogue):
    card: ClassVar = card("sleeper")
    def fit(self, train, task, clock):
        while True: time.sleep(1000)

class Crasher(Rogue):
    card: ClassVar = card("crasher")
    def fit(self, train, task, clock): os.abort()
"""


@dataclass
class Left:
    """What a fit left: exit code (negative for a signal), seconds, standard error, what broke the promise, a model."""

    code: int
    seconds: float
    said: str
    wrong: list[str] = field(default_factory=list)
    model: bool = False


# -- the stage ---------------------------------------------------------------------------------------------------------


def stage(folder: Path) -> dict[str, Path | str]:
    """Tables to fit, by name, and a package of rogues that is installed as any other would be. All below `folder`."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20_000, 20))
    large = pl.DataFrame({f"x{i}": x[:, i] for i in range(20)}).with_columns(pl.Series("y", x[:, 0] * x[:, 1] > 0.2))
    large.write_csv(folder / "large.csv")
    baskets = [sorted(set(rng.zipf(1.5, rng.integers(2, 12)) % 60)) for _ in range(5000)]
    (folder / "baskets.csv").write_text("".join(",".join(f"item{i}" for i in b) + "\n" for b in baskets))
    (folder / "prose.txt").write_text("\n".join(p.read_text() for p in sorted(Path(json.__file__).parent.glob("*.py"))))
    info = folder / "rogue-1.0.dist-info"
    info.mkdir()
    (folder / "rogue.py").write_text(ROGUE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rogue\nVersion: 1.0\n")
    points = "".join(f"{name} = rogue:{name.title()}\n" for name in ROGUES.values())
    (info / "entry_points.txt").write_text(f"[ungated.algorithms]\n{points}")
    files = {"large": folder / "large.csv", "baskets": folder / "baskets.csv", "prose": folder / "prose.txt"}
    return {"wine": "wine", "diabetes": "diabetes", "digits": "digits", **files}


def start(data: Path | str, out: Path, task: str, way: str, home: Path, log: Path) -> subprocess.Popen[bytes]:
    """A fit in a session of its own, with the rogue that `way` calls for. task: "" where there is a target."""
    words = ["fit", str(data), "--time", f"{BUDGET:g}s", "--out", str(out), *(["--task", task] if task else [])]
    if way in ROGUES:
        words += ["--algorithms", f"naive_bayes,ridge,decision_tree,gradient_boosting,{ROGUES[way]}"]
    if way == "memory":
        words += ["--memory", f"{MEMORY / 1e6:g}MB"]
    command, env = [sys.executable, "-m", "ungated", *words], _surroundings(home)
    with log.open("wb") as error:
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=error, env=env, start_new_session=True)


def _surroundings(home: Path) -> dict[str, str]:
    """Variables for a process that finds the rogues, and keeps what is temporary below `home`."""
    paths = [str(home), *(p for p in sys.path if p)]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths), "TMPDIR": str(home / "tmp")}


# -- the kill ----------------------------------------------------------------------------------------------------------


def strike(process: subprocess.Popen[bytes], way: str, rng: random.Random) -> None:
    """Do to a running fit what `way` says; the rogues need no help."""
    if way == "worker":
        with contextlib.suppress(psutil.Error):
            workers = psutil.Process(process.pid).children()
            if workers:
                rng.choice(workers).kill()
    elif way == "parent":
        process.kill()
    elif way == "Ctrl-C to the parent":
        process.send_signal(signal.SIGINT)
    elif way in ("Ctrl-C", "Ctrl-C twice"):
        for pause in [0.0] if way == "Ctrl-C" else [0.0, rng.uniform(0, 0.5)]:
            time.sleep(pause)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)


def watched(process: subprocess.Popen[bytes], way: str, moment: float, rng: random.Random, log: Path) -> Left:
    """Let a fit run, strike at the moment, and wait for its end."""
    began = time.monotonic()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(moment)
    if process.poll() is None:
        strike(process, way, rng)
    wrong = []
    try:
        process.wait(max(0.1, began + BUDGET + LATE + 10 - time.monotonic()))
    except subprocess.TimeoutExpired:
        wrong.append("it hangs")
        os.killpg(process.pid, signal.SIGKILL)
    seconds = time.monotonic() - began
    if seconds > BUDGET + LATE:
        wrong.append(f"it took {seconds:.1f} s")
    if survivors := survivors_of(process.pid, 5):
        wrong.append(f"{len(survivors)} processes live on")
        for pid in survivors:
            os.kill(pid, signal.SIGKILL)
    return Left(process.wait(), seconds, log.read_text(errors="replace").strip(), wrong)


def survivors_of(session: int, patience: float) -> list[int]:
    """Processes of a session that still live after `patience` seconds."""
    until = time.monotonic() + patience
    while found := [pid for pid in psutil.pids() if _session(pid) == session]:
        if time.monotonic() > until:
            return found
        time.sleep(0.05)
    return []


def _session(pid: int) -> int:
    try:
        return os.getsid(pid) if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE else 0
    except (ProcessLookupError, psutil.Error):
        return 0


# -- what is left ------------------------------------------------------------------------------------------------------


def judge(left: Left, way: str, out: Path, before: bool) -> None:
    """Add to left.wrong whatever broke the promise. before: a model stood at `out` already."""
    if "Traceback" in left.said:
        left.wrong.append("a traceback")
    left.model = out.exists()
    if left.model:
        try:
            model = ungated.load(out)
            if model.task.id == "generate":
                answered = not writes(model) or bool(list(write(model, max_tokens=5, seed=0)))
            else:
                answered = bool(model.answers(model.run.source).height)
            if not answered:
                left.wrong.append("a model that answers nothing")
            if way == "memory" and model.run.peak_bytes > MEMORY:
                left.wrong.append(f"it held {model.run.peak_bytes / 1e6:.0f} MB")
        except UngatedError as error:
            left.wrong.append(f"a model that does not load: {error}")
        if "nothing was saved" in left.said and not before:
            left.wrong.append("it says that nothing was saved, but here is a model")
    elif before:
        left.wrong.append("the model that was there is gone")
    if way == "parent":
        if left.code not in (0, -signal.SIGKILL):
            left.wrong.append(f"exit code {left.code}")
    elif left.code == 130 and way.startswith("Ctrl-C"):
        if not left.model and "nothing was saved" not in left.said:
            left.wrong.append("interrupted, no model, and not a word of it")
    elif left.code != 0:
        left.wrong.append(f"exit code {left.code}")
    elif not left.model:
        left.wrong.append("no model")


def again(out: Path, home: Path) -> list[str]:
    """What is wrong with a new fit into the folder of a killed one, and with what is left after that."""
    words = ["fit", "wine", "--time", "10s", "--candidates", "1", "--algorithms", "naive_bayes", "--out", str(out)]
    command, env = [sys.executable, "-m", "ungated", *words], _surroundings(home)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=env)
    if done.returncode:
        return [f"the next fit ends with {done.returncode}: {done.stderr.strip()}"]
    try:
        ungated.load(out)
    except UngatedError as error:
        return [f"the next fit's model does not load: {error}"]
    litter = [p.name for p in [*out.parent.iterdir(), *(home / "tmp").glob("ungated-*-*-*")] if p != out]
    return [f"litter after the next fit: {', '.join(litter)}"] if litter else []


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--count", type=int, default=200)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--ways", default=",".join(WAYS), help="of these, separated by commas")
    options.add_argument("--tasks", help=f"without a target, of {', '.join(TASKS)}; then no algorithm misbehaves")
    chosen = options.parse_args()
    ways = [way for way in chosen.ways.split(",") if not (chosen.tasks and way in ROGUES)]
    tasks = chosen.tasks.split(",") if chosen.tasks else []
    asked = [(TASKS[task], task) for task in tasks] or [(name, "") for name in WITH_TARGET]
    rng = random.Random(chosen.seed)
    codes: dict[str, Counter[int]] = {way: Counter() for way in ways}
    models, broken, longest = Counter[str](), Counter[str](), Counter[str]()
    with tempfile.TemporaryDirectory(prefix="ungated-kills-") as scratch:
        home = Path(scratch)
        (home / "tmp").mkdir()
        sets = stage(home)
        ungated.fit("wine", algorithms="naive_bayes", candidates=1, out=home / "earlier")
        for i in range(chosen.count):
            way, (name, task), before = ways[i % len(ways)], rng.choice(asked), rng.random() < 0.5
            moment = rng.uniform(0.3, 0.85 * BUDGET)  # before that, Python itself is starting
            out, log = home / f"{i}" / "model", home / f"{i}.log"
            out.parent.mkdir()
            if before:
                shutil.copytree(home / "earlier", out)
            left = watched(start(sets[name], out, task, way, home, log), way, moment, rng, log)
            judge(left, way, out, before)
            if way == "parent":
                left.wrong += again(out, home)
            codes[way][left.code] += 1
            models[way] += left.model
            longest[way] = max(longest[way], round(left.seconds * 10))
            broken[way] += bool(left.wrong)
            if left.wrong:
                print(
                    f"! {i}: {way} at {moment:.2f} s of {name} {task}: {'; '.join(left.wrong)}\n  {left.said[-1500:]}",
                    flush=True,
                )
            shutil.rmtree(out.parent)
    print(
        f"\n{chosen.count} fits of {BUDGET:g} s, seed {chosen.seed}, {datetime.date.today()}, {platform.machine()} with"
    )
    print(f"{os.cpu_count()} cores\n")
    print(f"{'what happened':<24}{'fits':>5}{'models':>8}{'longest':>9}{'broken':>8}  exit codes")
    for way in ways:
        ends = ", ".join(f"{code}: {n}" for code, n in sorted(codes[way].items()))
        total = sum(codes[way].values())
        print(f"{way:<24}{total:5d}{models[way]:8d}{longest[way] / 10:8.1f}s{broken[way]:8d}  {ends}")
    sys.exit(bool(broken.total()))


if __name__ == "__main__":
    main()
