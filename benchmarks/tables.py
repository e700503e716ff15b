"""Ungated beside other AutoML systems: the same rows, the same wall time from process start, one scorer for all.

    python benchmarks/tables.py --sets adult,titanic --time 60 --peers-python ../peers/bin/python --json runs.json

Each system runs alone, in processes of its own. Time counts from the start of its process to its saved model, imports
and reading included. It is killed at three times the limit and then scored as having answered nothing. Predictions
come back as a CSV file and are scored here. With --busy two other processes keep two cores busy all the while.
"""

import argparse
import json
import math
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import datasets
import numpy as np
import pandas as pd
import watch

HERE = Path(__file__).parent
PATIENCE = 3  # times the limit, then a run is killed
BUSY_PROCESSES = 2
PEERS = {"autogluon": "autogluon.tabular", "flaml": "flaml", "mljar": "supervised", "lightgbm": "lightgbm"}


@dataclass(frozen=True)
class Outcome:
    """One run of one system on one set. `error` is the share of wrong answers, or the RMSE; lower is better."""

    dataset: str
    system: str
    seed: int
    time: float
    busy: bool
    seconds: float
    predict_seconds: float
    peak_bytes: int
    error: float | None = None
    log_loss: float | None = None
    failure: str = ""

    @property
    def score(self) -> float | None:
        """What systems are compared by: log-loss where there are classes, else the RMSE."""
        return self.error if self.log_loss is None else self.log_loss

    @property
    def key(self) -> tuple[object, ...]:
        return self.dataset, self.system, self.seed, self.time, self.busy


def run_ungated(data: datasets.Prepared, seed: int, options: argparse.Namespace, scratch: Path) -> Outcome:
    """Through the command line: `ungated fit`, then `ungated predict` on the same rows as everybody."""
    ungated = [options.ungated_python, "-m", "ungated"]
    model, answers = scratch / "model", scratch / "predictions.csv"
    fit = [*ungated, "fit", str(data.train), "--target", data.target, "--task", data.task, "--seed", str(seed)]
    fit += ["--time", f"{options.time:g}s", "--out", str(model), "--json"]
    fit += ["--no-seal"]  # the scorer keeps the test rows for everybody; a second sealed part would only be lost
    if options.memory:
        fit += ["--memory", options.memory]
    fitted = watch.run(fit, PATIENCE * options.time, scratch / "fit.log")
    if fitted.code != 0:
        return _outcome(data, "ungated", seed, options, fitted, 0.0, answers)
    predict = [*ungated, "predict", str(model), str(data.new), "--out", str(answers)]
    predicted = watch.run(predict, PATIENCE * options.time, scratch / "predict.log")
    if predicted.code != 0:
        fitted = watch.Watched(fitted.seconds, fitted.peak_bytes, predicted.code, predicted.said)
    return _outcome(data, "ungated", seed, options, fitted, predicted.seconds, answers)


def run_peer(system: str, data: datasets.Prepared, seed: int, options: argparse.Namespace, scratch: Path) -> Outcome:
    """One process that fits, saves, says so, and predicts."""
    answers, mark, start = scratch / "predictions.csv", scratch / "fitted", time.time()
    job = {
        "train": str(data.train),
        "new": str(data.new),
        "target": data.target,
        "task": data.task,
        "classes": len(data.classes),
        "deadline": start + options.time,
        "seed": seed,
        "scratch": str(scratch),
        "predictions": str(answers),
    }
    (scratch / "job.json").write_text(json.dumps(job))
    command = [options.peers_python, str(HERE / "peers.py"), system, str(scratch / "job.json")]
    done = watch.run(command, PATIENCE * options.time, scratch / "fit.log", mark.exists)
    predicting = 0.0
    if mark.exists():
        predicting = start + done.seconds - float(mark.read_text())
        done = watch.Watched(done.seconds - predicting, done.peak_bytes, done.code, done.said)
    return _outcome(data, system, seed, options, done, predicting, answers)


def _outcome(
    data: datasets.Prepared,
    system: str,
    seed: int,
    options: argparse.Namespace,
    done: watch.Watched,
    predicting: float,
    answers: Path,
) -> Outcome:
    """Scores the answers where there are any that can be scored; otherwise says why not."""
    figures: dict[str, Any] = {}
    if done.code is None:
        figures["failure"] = f"killed at {PATIENCE} x the limit"
    elif done.code != 0:
        lines = [line.strip() for line in done.said.splitlines() if line.strip()] or ["nothing said"]
        raised = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)]
        figures["failure"] = f"exit code {done.code}: {(raised or lines)[-1][:160]}"
    else:
        try:
            figures = score(data, answers)
        except (ValueError, KeyError, OSError) as problem:
            figures["failure"] = f"no usable predictions: {str(problem)[:160]}"
    return Outcome(
        data.name, system, seed, options.time, options.busy, done.seconds, predicting, done.peak_bytes, **figures
    )


def score(data: datasets.Prepared, answers: Path) -> dict[str, float]:
    """Error and log-loss (natural logarithm; probabilities clipped at 1e-15, rows made to sum to 1), or the RMSE.

    A class whose column is missing counts as probability 0. ValueError where rows are missing or not numbers.
    """
    truth = pd.read_csv(data.test, dtype=str, keep_default_na=False)[data.target]
    given = pd.read_csv(answers, dtype={data.target: str}, keep_default_na=False)
    if len(given) != len(truth):
        raise ValueError(f"{len(given)} predictions for {len(truth)} rows")
    if data.task == "regress":
        misses = truth.to_numpy(float) - given[data.target].to_numpy(float)
        if not np.isfinite(misses).all():
            raise ValueError("some predictions are not numbers")
        return {"error": float(np.sqrt(np.mean(misses**2)))}
    sure = np.zeros((len(truth), len(data.classes)))
    for place, name in enumerate(data.classes):
        if f"P({name})" in given:
            sure[:, place] = given[f"P({name})"].to_numpy(float)
    if not np.isfinite(sure).all() or (sure.sum(axis=1) <= 0).any():
        raise ValueError("some probabilities are missing")
    sure = np.clip(sure / sure.sum(axis=1, keepdims=True), 1e-15, 1)
    places = truth.map({name: place for place, name in enumerate(data.classes)}).to_numpy(int)
    return {
        "error": float(np.mean(truth.to_numpy() != given[data.target].to_numpy())),
        "log_loss": float(-np.mean(np.log(sure[np.arange(len(truth)), places]))),
    }


def markdown(outcomes: list[Outcome]) -> str:
    """The table, one row a set and system, means over seeds; then Ungated against the best of the others."""
    lines = ["| set | system | error or RMSE | log-loss | seconds | peak MB | note |"]
    lines.append("|---|---|---:|---:|---:|---:|---|")
    for (name, system), runs in _grouped(outcomes).items():
        good = [run for run in runs if not run.failure]
        seconds = fmean(run.seconds for run in runs)
        notes = [f"mean of {len(runs)} seeds"] if len(runs) > 1 else []
        notes += [run.failure for run in runs if run.failure]
        if seconds > runs[0].time * 1.05:
            notes.append(f"over the limit by {seconds - runs[0].time:.0f} s")
        error = _mean([run.error for run in good])
        percent = good and good[0].log_loss is not None
        cells = [name, system, f"{100 * error:.2f} %" if percent else f"{error:,.4g}" if good else "nothing"]
        cells += [f"{_mean([run.log_loss for run in good]):.4f}" if percent else ""]
        cells += [f"{seconds:.1f}", f"{fmean(run.peak_bytes for run in runs) / 1e6:,.0f}", "; ".join(notes)]
        lines.append("| " + " | ".join(cells).replace("\n", " ") + " |")
    return "\n".join([*lines, "", *verdict(outcomes)])


def verdict(outcomes: list[Outcome]) -> list[str]:
    """Ungated's log-loss (or RMSE) over the best peer's, a line a set, then how many sets it is no worse on."""
    scores: dict[str, dict[str, float]] = {}
    for (name, system), runs in _grouped(outcomes).items():
        scores.setdefault(name, {})[system] = (
            math.inf if any(r.failure for r in runs) else _mean([r.score for r in runs])
        )
    lines, gaps = [], []
    for name, of in scores.items():
        others = {system: value for system, value in of.items() if system != "ungated"}
        if "ungated" not in of or not others:
            continue
        best = min(others, key=lambda system: others[system])
        gap = of["ungated"] / others[best] - 1 if others[best] < math.inf else -1.0
        gaps.append(gap)
        lines.append(f"- {name}: {of['ungated']:.5g} against {best}'s {others[best]:.5g} ({gap:+.1%})")
    if gaps:
        wins = sum(gap <= 0 for gap in gaps)
        lines.append(f"- no worse than the best peer on {wins} of {len(gaps)} sets; furthest behind: {max(gaps):+.1%}")
    return lines


def _grouped(outcomes: Iterable[Outcome]) -> dict[tuple[str, str], list[Outcome]]:
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault((outcome.dataset, outcome.system), []).append(outcome)
    return groups


def _mean(values: list[float | None]) -> float:
    numbers = [value for value in values if value is not None]
    return fmean(numbers) if numbers else math.nan


def versions(python: str, modules: Iterable[str]) -> dict[str, str]:
    """Which of `modules` the interpreter `python` has, with the version of the distribution that each is in."""
    program = """
import importlib.util, json, sys
from importlib.metadata import packages_distributions, version
found, where = {}, packages_distributions()
for name in sys.argv[1:]:
    try:
        if importlib.util.find_spec(name):
            named = [d for d in where.get(name.partition(".")[0], []) if d.replace("-", ".") == name]
            found[name] = version((named or where[name.partition(".")[0]])[0])
    except (ImportError, KeyError):
        pass
print(json.dumps(found))
"""
    done = subprocess.run([python, "-c", program, *modules], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def arguments() -> argparse.Namespace:
    default_data = os.environ.get("UNGATED_DATA", HERE.parent.parent / "shared" / "data")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default=",".join(datasets.SETS), help="names, comma between (default: all)")
    parser.add_argument("--systems", default="ungated," + ",".join(PEERS), help="names, comma between (default: all)")
    parser.add_argument("--time", type=float, default=60, help="seconds from process start to saved model")
    parser.add_argument("--memory", help="handed to Ungated, for example 2GB; the peers have no such setting")
    parser.add_argument("--seeds", default="0", help="numbers, comma between, of systems and splits; results are means")
    parser.add_argument("--busy", action="store_true", help="keep two cores busy with other work during each run")
    parser.add_argument("--data", type=Path, default=Path(default_data), help="folder of data sets (UNGATED_DATA)")
    parser.add_argument("--ungated-python", default=sys.executable, help="interpreter that has Ungated")
    parser.add_argument(
        "--peers-python",
        default=os.environ.get("UNGATED_PEERS_PYTHON", sys.executable),
        help="interpreter that has the peers (UNGATED_PEERS_PYTHON); benchmarks/README.md says how to make one",
    )
    parser.add_argument(
        "--json", type=Path, help="results, written after every run; runs already in it are not repeated"
    )
    parser.add_argument("--show", action="store_true", help="run nothing: print the table of all that is in --json")
    options = parser.parse_args()
    if options.show and not (options.json and options.json.exists()):
        parser.error("--show needs the --json file of earlier runs")
    for given, known, what in [
        (options.sets, datasets.SETS, "set"),
        (options.systems, {"ungated", *PEERS}, "system"),
    ]:
        for name in given.split(","):
            if name not in known:
                parser.error(f"no {what} is called {name!r}; there are {', '.join(sorted(known))}")
    if not options.show and not options.data.is_dir():
        parser.error(f"no data sets at {options.data}; name their folder with --data or UNGATED_DATA")
    return options


def main() -> None:
    options = arguments()
    if options.show:
        show(options, [Outcome(**run) for run in json.loads(options.json.read_text())["runs"]])
        return
    installed = versions(options.peers_python, PEERS.values()) | versions(options.ungated_python, ["ungated"])
    systems = [name for name in options.systems.split(",") if PEERS.get(name, name) in installed]
    for name in set(options.systems.split(",")) - set(systems):
        print(f"{name}: not installed, left out", file=sys.stderr)
    earlier = json.loads(options.json.read_text())["runs"] if options.json and options.json.exists() else []
    known = {outcome.key: outcome for outcome in (Outcome(**run) for run in earlier)}
    wanted = []
    with tempfile.TemporaryDirectory(prefix="ungated-bench-") as box:
        for name in options.sets.split(","):
            for seed in map(int, options.seeds.split(",")):
                data = datasets.prepare(name, options.data, Path(box), seed)
                for system in systems:
                    key = (name, system, seed, options.time, options.busy)
                    if key not in known:
                        known[key] = run_one(system, data, seed, options)
                        report(known[key])
                        if options.json:
                            write(options.json, known.values(), installed)
                    wanted.append(known[key])
    show(options, wanted)


def show(options: argparse.Namespace, outcomes: list[Outcome]) -> None:
    """Print the table of those of the outcomes that are of the time and busyness asked for."""
    chosen = [o for o in outcomes if o.time == options.time and o.busy == options.busy]
    other = f", {BUSY_PROCESSES} other processes busy" if options.busy else ""
    print(f"\n{options.time:g} s from process start, {os.cpu_count()} cores{other}\n\n{markdown(chosen)}")


def run_one(system: str, data: datasets.Prepared, seed: int, options: argparse.Namespace) -> Outcome:
    scratch = Path(tempfile.mkdtemp(prefix=f"{system}-", dir=data.folder))
    with watch.busy(BUSY_PROCESSES if options.busy else 0):
        if system == "ungated":
            return run_ungated(data, seed, options, scratch)
        return run_peer(system, data, seed, options, scratch)


def report(outcome: Outcome) -> None:
    found = outcome.failure or f"{outcome.score:.5g}"
    print(f"{outcome.dataset} {outcome.system} seed {outcome.seed}: {found}, {outcome.seconds:.1f} s", file=sys.stderr)


def write(file: Path, outcomes: Iterable[Outcome], installed: dict[str, str]) -> None:
    document = {
        "machine": {"system": platform.platform(), "cores": os.cpu_count(), "python": platform.python_version()},
        "versions": installed,
        "runs": [asdict(outcome) for outcome in outcomes],
    }
    file.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
