"""Frequent sets, rules and recommendations: how fast, how many, and how good, beside others, on real baskets.

    python benchmarks/associate.py --data DATA [--rounds 7] [--only speed,counts,hits,low]

speed: every system finds all frequent sets of the same baskets at the same support, in this process, one after
another in each round; the best and the median round are told. A system whose package is not installed is left out;
install mlxtend, efficient-apriori and pyfim beside NumPy, SciPy and this package's source (PYTHONPATH=src). Each gets
the baskets as it likes them best, made before the clock starts, and answers as it does by default; Ungated's answer
is arrays, and what it takes to turn them into Python sets stands beside it.
counts: numbers that were published or computed elsewhere.
hits: an item is taken out of each sealed basket; how often it is among ten offered, against what is common.
low: 100,000 baskets of 1,000 items at a support of one basket.
"""

import argparse
import datetime
import gzip
import importlib.metadata
import os
import platform
import resource
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from ungated.algorithms import discover
from ungated.core.clock import Clock
from ungated.core.numbers import Form, Numbers
from ungated.engines.itemsets import Limits, frequent, lowered
from ungated.engines.recommend import in_baskets
from ungated.engines.rules import Lattice

FILES = {
    "groceries": "groceries/groceries.csv.gz",
    "retail": "transactions-fimi/retail.dat.gz",
    "mushroom": "transactions-fimi/mushroom-from-uci-119items.dat.gz",
    "chess": "transactions-fimi/chess.dat.gz",
}
SUPPORTS = {"groceries": 0.001, "retail": 0.001, "mushroom": 0.2, "chess": 0.8}
DENSE = 300_000_000  # cells of a table of yes and no that mlxtend is given dense too
PATIENCE = 60  # seconds that one answer of a peer may take


def baskets_of(data: Path, name: str) -> tuple[list[list[int]], int]:
    """(the baskets as lists of codes, how many items there are)."""
    with gzip.open(data / FILES[name], "rt", encoding="utf-8") as file:
        mark = "," if ".csv" in FILES[name] else None
        rows = [[cell.strip() for cell in line.split(mark)] for line in file]
    codes = {item: k for k, item in enumerate(sorted({item for row in rows for item in row}))}
    return [sorted({codes[item] for item in row}) for row in rows], len(codes)


def matrix_of(rows: list[list[int]], items: int) -> Any:
    """The same as a csr_array."""
    start = np.cumsum([0, *map(len, rows)]).astype(np.int32)
    held = np.concatenate([np.array(row, np.int32) for row in rows])
    return csr_array((np.ones(len(held), np.uint8), held, start), shape=(len(rows), items))


# -- speed -------------------------------------------------------------------------------------------------------------

Run = Callable[[], int]  # finds the sets; how many there are


def ungated(rows: list[list[int]], items: int, least: int) -> dict[str, Run]:
    x = matrix_of(rows, items)
    return {
        "Ungated": lambda: len(frequent(x, least)),
        "Ungated, as Python sets": lambda: len(frequent(x, least).as_dict()),
    }


def mlxtend(rows: list[list[int]], items: int, least: int) -> dict[str, Run]:
    import pandas as pd
    from mlxtend.frequent_patterns import fpgrowth
    from mlxtend.preprocessing import TransactionEncoder

    encoder = TransactionEncoder().fit(rows)
    share = least / len(rows)
    frames = {}
    if len(rows) * items < DENSE:
        frames["mlxtend fpgrowth"] = pd.DataFrame(encoder.transform(rows), columns=encoder.columns_)
    else:
        sparse = encoder.transform(rows, sparse=True)
        frames["mlxtend fpgrowth, sparse"] = pd.DataFrame.sparse.from_spmatrix(sparse, columns=encoder.columns_)
    return {name: lambda frame=frame: len(fpgrowth(frame, min_support=share)) for name, frame in frames.items()}


def pyfim(rows: list[list[int]], items: int, least: int) -> dict[str, Run]:
    import fim

    def found(find: Any) -> Run:
        return lambda: len(find(rows, target="s", supp=-least, zmin=1, report="a"))

    return {"pyfim eclat": found(fim.eclat), "pyfim fpgrowth": found(fim.fpgrowth)}


def efficient_apriori(rows: list[list[int]], items: int, least: int) -> dict[str, Run]:
    from efficient_apriori import itemsets_from_transactions

    share = least / len(rows)
    baskets = [tuple(row) for row in rows]
    return {
        "efficient-apriori": lambda: sum(
            len(found) for found in itemsets_from_transactions(baskets, share, max_length=40)[0].values()
        )
    }


@contextmanager
def patience(seconds: int) -> Iterator[None]:
    """TimeoutError after so many seconds."""

    def late(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def speed(data: Path, rounds: int) -> None:
    print("\n## Speed: every frequent set, milliseconds, best (median) of", rounds, "rounds; a slow peer gets fewer\n")
    print("| baskets | support | sets | system | ms | times Ungated's |")
    print("|---|---|---|---|---|---|")
    for name, support in SUPPORTS.items():
        rows, items = baskets_of(data, name)
        least = in_baskets(support, len(rows))
        runs: dict[str, Run] = {}
        for system in (ungated, pyfim, mlxtend, efficient_apriori):
            try:
                runs |= system(rows, items, least)
            except ImportError as e:
                print(f"(left out: {system.__name__}: {e})", file=sys.stderr)
        took: dict[str, list[float]] = {system: [] for system in runs}
        counts: dict[str, int] = {}
        for turn in range(rounds):
            for system, run in runs.items():
                if (turn and sum(took[system]) > 10) or counts.get(system) == -1:
                    continue
                began = time.perf_counter()
                try:
                    with patience(PATIENCE):
                        counts[system] = run()
                    took[system].append(time.perf_counter() - began)
                except TimeoutError:
                    counts[system] = -1
        best = min(took["Ungated"])
        for system in runs:
            if counts[system] < 0:
                print(f"| {name} | {support:g} | – | {system} | over {PATIENCE:,} s | |")
                continue
            ms, middle = 1000 * min(took[system]), 1000 * statistics.median(took[system])
            print(
                f"| {name} | {support:g} | {counts[system]:,} | {system} | {ms:.1f} ({middle:.1f}) "
                f"| {ms / best / 1000:.1f} |"
            )


# -- counts ------------------------------------------------------------------------------------------------------------

COUNTS = (  # baskets, support, confidence or None for sets, items at least, how many there are
    ("groceries", 0.001, None, 1, 13_492),
    ("groceries", 0.001, 0.8, 1, 410),
    ("groceries", 0.006, 0.25, 2, 463),
    ("groceries", 0.01, 0.5, 2, 15),
    ("groceries", 0.001, 0.5, 2, 5_668),
    ("mushroom", 0.4, None, 1, 565),
    ("mushroom", 0.25, None, 1, 5_545),
    ("mushroom", 0.2, None, 1, 53_583),
    ("chess", 0.9, None, 1, 622),
    ("chess", 0.8, None, 1, 8_227),
    ("chess", 0.7, None, 1, 48_731),
    ("retail", 0.01, None, 1, 159),
    ("retail", 0.005, None, 1, 580),
    ("retail", 0.001, None, 1, 7_589),
)


def counts(data: Path) -> None:
    print("\n## Counts\n\n| baskets | support | confidence | | found | elsewhere | |\n|---|---|---|---|---|---|---|")
    known = {name: baskets_of(data, name) for name in FILES}
    for name, support, confidence, _, there in COUNTS:
        rows, items = known[name]
        x = matrix_of(rows, items)
        found: Any = frequent(x, in_baskets(support, len(rows)))
        if confidence is not None:
            held = np.bincount(x.indices, minlength=items).astype(np.int64)
            found = Lattice.of(found).rules(held, len(rows), confidence)
        what = "sets" if confidence is None else "rules"
        shown = "–" if confidence is None else f"{confidence:g}"
        right = "ok" if len(found) == there else "DIFFERS"
        print(f"| {name} | {support:g} | {shown} | {what} | {len(found):,} | {there:,} | {right} |")


# -- hits --------------------------------------------------------------------------------------------------------------


def hits(data: Path) -> None:
    from ungated.tasks.associate import Associate

    print("\n## Hits: an item out of each of a fifth of the baskets; how often it is among ten offered\n")
    print("| baskets | asked | algorithm | hit rate at ten | 95% interval | seconds |")
    print("|---|---|---|---|---|---|")
    task = Associate()
    for name in ("groceries", "retail"):
        rows, items = baskets_of(data, name)
        order = np.random.default_rng(0).permutation(len(rows))
        held = min(len(rows) // 5, 5000)
        train = matrix_of([rows[i] for i in order[held:]], items)
        exam = task.exam(Numbers(Form.ITEMS, matrix_of([rows[i] for i in order[:held]], items), np.zeros(held)), 0)
        common = np.argsort(-np.bincount(train.indices, minlength=items), kind="stable")[:40].astype(float)
        _hit(name, "what is common", task, exam.y, np.tile(common, (len(exam), 1)), 0.0)
        for cls in discover().values():
            if "associate" not in cls.card.tasks or cls.card.id == "baseline":
                continue
            began = time.perf_counter()
            fitted = cls().fit(Numbers(Form.ITEMS, train, np.zeros(train.shape[0])), task, Clock())
            took = time.perf_counter() - began
            _hit(name, cls.card.name, task, exam.y, fitted.answer(exam.x), took)


def _hit(name: str, who: str, task: Any, y: Any, answer: Any, took: float) -> None:
    low, high = task.measure.interval(y, answer)
    share = 1 - task.loss(y, answer)
    print(f"| {name} | {len(y):,} | {who} | {share:.1%} | {1 - high:.1%} to {1 - low:.1%} | {took:.2f} |")


# -- low ---------------------------------------------------------------------------------------------------------------


def low() -> None:
    print("\n## A support that is too low: 100,000 baskets of 1,000 items, at least one basket, 20 seconds\n")
    rng = np.random.default_rng(0)
    share = np.minimum(0.4, 0.3 / np.arange(1, 1001) ** 0.6)
    parts = [np.flatnonzero(rng.random(100_000) < p) for p in share]
    item = np.repeat(np.arange(1000), [len(p) for p in parts])
    x = csr_array((np.ones(len(item), np.uint8), (np.concatenate(parts), item)), shape=(100_000, 1000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    sets = lowered(x, 1, Limits(20.0))
    took = time.perf_counter() - began
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{x.nnz:,} entries; {took:.1f} s; {more:,.0f} MB more than before")
    print(f"complete down to a support of {sets.least:,} baskets ({sets.least / 1000:.2g}%): {len(sets):,} sets")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("UNGATED_DATA", "../shared/data")))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="counts,hits,low,speed")
    chosen = parser.parse_args()
    wanted = chosen.only.split(",")
    versions = []
    for package in ("numpy", "scipy", "mlxtend", "pyfim", "efficient-apriori"):
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    processor = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        processor = names[0] if names else processor
    print(f"{datetime.date.today()}, {processor}, {os.cpu_count()} cores, {platform.system()}; {', '.join(versions)}")
    if "counts" in wanted:
        counts(chosen.data)
    if "hits" in wanted:
        hits(chosen.data)
    if "low" in wanted:
        low()
    if "speed" in wanted:
        speed(chosen.data, chosen.rounds)


if __name__ == "__main__":
    main()
