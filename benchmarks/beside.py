"""What pictures.py, sound.py and text.py share: each system alone in its own process, error against seconds.

Ungated runs by its command line and reports its own error on the official test rows, which its `fit` seals; the others
hand in their answers, which are scored here on the same rows. Time counts from the start of the process until the model
is fitted, imports and reading included. At three times the limit a system is killed and has answered nothing.
"""

import argparse
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import watch

HERE = Path(__file__).parent
PATIENCE = 3  # times the limit, then a run is killed


@dataclass(frozen=True)
class Prepared:
    """One set on disk. fit: what comes after `ungated fit`. truth: the labels of the test rows, in the rivals' order.

    job: what a rival is told, plain JSON values.
    """

    fit: list[str]
    truth: list[str]
    job: dict[str, Any]


@dataclass(frozen=True)
class Benchmark:
    """A page of comparisons. sets: name to (data, folder to write in, fold) -> Prepared. rivals: by name.

    A rival takes its job and a clock that says how many seconds are left, and gives a function that answers the test
    rows. file: the script itself, which runs a rival when called with --rival.
    """

    file: str
    sets: Mapping[str, Callable[[Path, Path, int], Prepared]]
    rivals: Mapping[str, Callable[[dict[str, Any], Callable[[], float]], Callable[[], Sequence[str]]]]
    about: str


@dataclass(frozen=True)
class Outcome:
    """One run. error: the share of test rows answered wrong; None where the system failed."""

    dataset: str
    system: str
    fold: int
    time: float
    seconds: float
    peak_bytes: int
    error: float | None = None
    failure: str = ""

    @property
    def key(self) -> tuple[object, ...]:
        return self.dataset, self.system, self.fold, self.time


def main(bench: Benchmark) -> None:
    """The command line of a page."""
    if sys.argv[1:2] == ["--rival"]:
        answer(bench, sys.argv[2], Path(sys.argv[3]))
        return
    options = arguments(bench)
    known = {o.key: o for o in _earlier(options.json)}
    wanted: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="ungated-bench-") as box:
        for name in options.sets.split(","):
            for fold in map(int, options.folds.split(",")):
                folder = Path(box) / f"{name}-{fold}"
                folder.mkdir()
                data = bench.sets[name](options.data, folder, fold)
                for system in options.systems.split(","):
                    for limit in map(float, options.time.split(",")):
                        key = (name, system, fold, limit)
                        if key not in known:
                            known[key] = run(bench, name, data, system, fold, limit, options, folder)
                            told(known[key])
                            if options.json:
                                runs = [asdict(o) for o in known.values()]
                                options.json.write_text(json.dumps({"runs": runs}, indent=1) + "\n")
                        wanted.append(known[key])
    print(f"\n{os.cpu_count()} cores; wrong answers on the test rows (seconds taken, peak MB)\n\n{markdown(wanted)}")


def _earlier(file: Path | None) -> list[Outcome]:
    if file is None or not file.exists():
        return []
    return [Outcome(**run) for run in json.loads(file.read_text())["runs"]]


def arguments(bench: Benchmark) -> argparse.Namespace:
    default_data = os.environ.get("UNGATED_DATA", HERE.parent.parent / "shared" / "data")
    systems = ["ungated", *bench.rivals]
    parser = argparse.ArgumentParser(description=bench.about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default=",".join(bench.sets), help="names, comma between (default: all)")
    parser.add_argument("--systems", default=",".join(systems), help="names, comma between (default: all)")
    parser.add_argument("--time", default="60", help="seconds, several with a comma between: error against seconds")
    parser.add_argument("--folds", default="0", help="which tenth (or speaker) is the test, where none is official")
    parser.add_argument("--memory", help="handed to Ungated, for example 2GB")
    parser.add_argument("--data", type=Path, default=Path(default_data), help="folder of data sets (UNGATED_DATA)")
    parser.add_argument("--python", default=sys.executable, help="interpreter that has Ungated and the rivals")
    parser.add_argument("--json", type=Path, help="results, written after every run; those in it are not repeated")
    options = parser.parse_args()
    for given, there in ((options.sets, bench.sets), (options.systems, systems)):
        for name in given.split(","):
            if name not in there:
                parser.error(f"{name!r} is not here; there are {', '.join(there)}")
    if not options.data.is_dir():
        parser.error(f"no data sets at {options.data}; name their folder with --data or UNGATED_DATA")
    return options


def run(
    bench: Benchmark,
    name: str,
    data: Prepared,
    system: str,
    fold: int,
    limit: float,
    options: argparse.Namespace,
    folder: Path,
) -> Outcome:
    """One system on one set."""
    scratch = Path(tempfile.mkdtemp(prefix=f"{system}-", dir=folder.parent))
    if system == "ungated":
        command = [options.python, "-m", "ungated", "fit", *data.fit, "--time", f"{limit:g}s", "--json"]
        command += ["--out", str(scratch / "model")] + (["--memory", options.memory] if options.memory else [])
        done = watch.run(command, PATIENCE * limit, scratch / "log")
        seconds = done.seconds
    else:
        start = time.time()
        job = data.job | {"deadline": start + limit, "scratch": str(scratch)}
        (scratch / "job.json").write_text(json.dumps(job))
        command = [options.python, bench.file, "--rival", system, str(scratch / "job.json")]
        done = watch.run(command, PATIENCE * limit, scratch / "log", (scratch / "fitted").exists)
        fitted = scratch / "fitted"
        seconds = float(fitted.read_text()) - start if fitted.exists() else done.seconds
    error, failure = None, _failure(done)
    if not failure:
        try:
            error = (
                _own_error(scratch / "log", len(data.truth)) if system == "ungated" else _scored(scratch, data.truth)
            )
        except (ValueError, KeyError, TypeError, OSError) as problem:
            failure = f"no usable answer: {str(problem)[:160]}"
    return Outcome(name, system, fold, limit, seconds, done.peak_bytes, error, failure)


def _failure(done: watch.Watched) -> str:
    if done.code is None:
        return f"killed at {PATIENCE} x the limit"
    if done.code == 0:
        return ""
    lines = [line.strip() for line in done.said.splitlines() if line.strip()] or ["nothing said"]
    raised = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)]
    return f"exit code {done.code}: {(raised or lines)[-1][:160]}"


def _own_error(log: Path, rows: int) -> float:
    """The error of `fit --json` on its sealed rows, which must be the official ones. ValueError where they are not."""
    line = next(line for line in reversed(log.read_text(errors="replace").splitlines()) if line.startswith("{"))
    error = json.loads(line)["error"]
    if error["metric"] != "error":
        raise ValueError(f"measured by {error['metric']}")
    if error["rows"] != rows:
        raise ValueError(f"{error['rows']} rows were sealed, not the {rows} of the test")
    return float(error["value"])


def _scored(scratch: Path, truth: Sequence[str]) -> float:
    answers = json.loads((scratch / "answers.json").read_text())
    if len(answers) != len(truth):
        raise ValueError(f"{len(answers)} answers for {len(truth)} rows")
    return fmean(a != t for a, t in zip(answers, truth, strict=True))


def answer(bench: Benchmark, rival: str, job_file: Path) -> None:
    """In the rival's own process: fit, say that it is done, answer the test rows."""
    job = json.loads(job_file.read_text())
    scratch = Path(job["scratch"])
    predict = bench.rivals[rival](job, lambda: job["deadline"] - time.time())
    (scratch / "fitted.part").write_text(str(time.time()))
    (scratch / "fitted.part").rename(scratch / "fitted")
    (scratch / "answers.json").write_text(json.dumps([str(a) for a in predict()]))


def told(o: Outcome) -> None:
    found = o.failure or f"{100 * float(o.error or 0):.2f}% wrong"
    print(f"{o.dataset} {o.system} fold {o.fold}, {o.time:g} s: {found}, {o.seconds:.1f} s", file=sys.stderr)


def markdown(outcomes: Iterable[Outcome]) -> str:
    """A row a set and system, a column a limit; means over folds; the least error of each column in bold."""
    outcomes = list(outcomes)
    limits = sorted({o.time for o in outcomes})
    cells: dict[tuple[str, str, float], list[Outcome]] = {}
    for o in outcomes:
        cells.setdefault((o.dataset, o.system, o.time), []).append(o)
    lines = ["| set | system | " + " | ".join(f"{t:g} s" for t in limits) + " |", "|---|---|" + "---:|" * len(limits)]
    for name, system in dict.fromkeys((o.dataset, o.system) for o in outcomes):
        row = []
        for limit in limits:
            least = min((_mean(runs) for (n, _, t), runs in cells.items() if n == name and t == limit), default=2.0)
            row.append(_cell(cells.get((name, system, limit), []), least))
        lines.append(f"| {name} | {system} | " + " | ".join(row) + " |")
    return "\n".join(lines)


def _mean(runs: Sequence[Outcome]) -> float:
    """The mean error; above every error where one run failed."""
    errors = [2.0 if o.error is None else o.error for o in runs]
    return 2.0 if not errors or 2.0 in errors else fmean(errors)


def _cell(runs: Sequence[Outcome], least: float) -> str:
    if not runs:
        return ""
    if failures := [o.failure for o in runs if o.failure]:
        return failures[0].replace("|", "/")
    error = f"{100 * _mean(runs):.2f}%"
    error = f"**{error}**" if _mean(runs) == least else error
    return f"{error} ({fmean(o.seconds for o in runs):.1f}, {fmean(o.peak_bytes for o in runs) / 1e6:,.0f})"


def tutorial_network(
    x: Any, y: Any, classes: int, left: Callable[[], float], keep: float = 0.9
) -> Callable[[Any], Any]:
    """The network and schedule of PyTorch's own MNIST example (pytorch/examples, mnist/main.py), for any size.

    x: float32 (n, channels, height, width) standardised. Stops after the example's 14 epochs, or where `keep` of the
    time is gone. Gives a function from such pictures to class codes.
    """
    import torch
    from torch import nn

    torch.manual_seed(1)
    whole = left()
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    net = nn.Sequential(
        nn.Conv2d(x.shape[1], 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25),
        nn.Flatten(), nn.LazyLinear(128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, classes),
    )  # fmt: skip
    net(x[:2])
    optimizer = torch.optim.Adadelta(net.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.7)
    for _ in range(14):
        for batch in torch.randperm(len(x)).split(64):
            if left() < (1 - keep) * whole:
                break
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x[batch]), y[batch]).backward()
            optimizer.step()
        schedule.step()
    net.eval()

    def predict(new: Any) -> Any:
        with torch.no_grad():
            return torch.cat([net(part).argmax(1) for part in torch.from_numpy(new).split(256)]).numpy()

    return predict
