"""Kills a fit at random moments, goes on with it each time, and compares its end with an unbroken run's. Run by hand:

    python benchmarks/resume.py --kills 20 --seed 0                       by candidates: both must end alike, to the bit
    python benchmarks/resume.py --kills 20 --seed 0 --time 5m --data F    by time: a text to write, both within noise

By candidates every decision waits for all results and every network takes all its steps, so that neither kills nor a
busy machine may change anything: small pictures, for which networks, forests and linear methods compete. By time, what
is lost at each kill is compared with the minute that is promised, and the errors on sealed rows with their intervals.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from ungated.search.diary import Diary

PROMISED = 60.0  # seconds that may be lost at most
ALGORITHMS = "residual_network,lenet,random_convolutions,logistic_regression,ridge,extra_trees,nearest_neighbours"


def pictures(folder: Path) -> Path:
    """Digits of 16 by 16 pixels that ship with scikit-learn."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    large = np.kron(x[:900].reshape(-1, 8, 8), np.ones((1, 2, 2))) * 15.9
    np.savez(folder / "digits.npz", x=large.astype(np.uint8), y=y[:900])
    return folder / "digits.npz"


def start(*words: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "ungated", "fit", *map(str, words), "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def ended(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What a run says at its end."""
    out, err = process.communicate()
    if process.returncode:
        raise SystemExit(f"a run ended with {process.returncode}: {err}")
    said: dict[str, Any] = json.loads(out)
    return said


def killed(process: subprocess.Popen[str], run: Path, after: float) -> float | None:
    """Kill it `after` seconds of its climb; the seconds of learning that were lost, None if it had ended before."""
    began = time.time()
    while Diary(run).last().get("written", 0.0) < began:  # it reads, and has not taken up the climb
        if process.poll() is not None:
            return None
        time.sleep(0.05)
    time.sleep(after)
    if process.poll() is not None:
        return None
    os.killpg(process.pid, signal.SIGKILL)
    now = time.time()
    process.communicate()
    last = Diary(run).last()
    return float(last["spent"] + now - last["written"] - Diary(run).kept())


def broken(words: tuple[object, ...], out: Path, kills: int, longest: float, rng: random.Random) -> dict[str, Any]:
    """The same run, killed so many times."""
    run = out.with_name(out.name + ".run")
    process, lost = start(*words, "--out", out), []
    while len(lost) < kills:
        one = killed(process, run, rng.uniform(0, longest))
        if one is None:
            print(f"  it came to its end after {len(lost)} kills")
            break
        lost.append(one)
        print(f"  kill {len(lost):2d}: {Diary(run).kept():6.1f} s kept, {one:5.1f} s lost", flush=True)
        process = start("--resume", run)
    print(f"  the most that was lost: {max(lost):.1f} s of {PROMISED:.0f} s promised")
    return ended(process)


def told(name: str, said: dict[str, Any]) -> None:
    error = said["error"]
    between = f"(95% interval {error['low']:.4f} to {error['high']:.4f})"
    print(
        f"{name}: {error['metric']} {error['value']:.6f} {between}, {len(said['leaderboard'])} lines, {said['ended']}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest", type=float, default=8.0, help="seconds of climbing between two kills, at most")
    parser.add_argument("--candidates", type=int, default=24)
    parser.add_argument("--time", help="compare by time, on --data")
    parser.add_argument("--data", help="a text for --task generate")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        if asked.time:
            words: tuple[object, ...] = (asked.data, "--task", "generate", "--time", asked.time)
        else:
            words = (pictures(home), "--target", "label", "--candidates", asked.candidates, "--time", "2h")
            words += ("--algorithms", ALGORITHMS)
        whole = ended(start(*words, "--out", home / "whole"))
        told("unbroken", whole)
        parts = broken(words, home / "parts", asked.kills, asked.longest, random.Random(asked.seed))
        told("killed", parts)
    a, b = whole["error"], parts["error"]
    if asked.time:
        print("within noise" if a["low"] <= b["value"] <= a["high"] else "BEYOND NOISE")
    else:
        board = [[(e["id"], e["error"], e["weight"]) for e in said["leaderboard"]] for said in (whole, parts)]
        print("the same, to the bit" if (a, board[0]) == (b, board[1]) else "NOT THE SAME")


if __name__ == "__main__":
    main()
