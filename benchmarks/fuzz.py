"""Feeds the command line tables that nobody wants, and holds it to its word. Run by hand:

    python benchmarks/fuzz.py --count 300 --seed 0

Each input must end in a model that loads and answers that same input (exit code 0), or in an error of one to five lines
that names the file (exit code 2): no traceback, no exit code 1, nothing that takes longer than HANG seconds. The inputs
are tests/nasty.py's by name, places that are no plain file, and as many made by its strategy as are wanted.
"""

import argparse
import contextlib
import datetime
import faulthandler
import gzip
import importlib.util
import io
import os
import platform
import random
import re
import sys
import tempfile
import time
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

import ungated
from ungated import cli, pipeline
from ungated.core.errors import UngatedError
from ungated.modalities import table
from ungated.question.supervised import LIKELY_TARGETS

HANG = 30.0  # seconds
FIT = ["--time", "4s", "--candidates", "3", "--algorithms", "naive_bayes,ridge,decision_tree"]


@dataclass(frozen=True)
class Ended:
    """How one fit ended. wrong: what broke the promise, or ""."""

    code: int
    said: str
    seconds: float
    wrong: str


# -- what is fed -------------------------------------------------------------------------------------------------------


def inputs(folder: Path, count: int, number: int) -> Iterator[tuple[str, Path]]:
    """(name, path) of each input, written below `folder`: named ones first, then made ones."""
    nasty = _nasty()
    named = {**nasty.NASTY, **_special(nasty.GOOD)}
    for i, (name, data) in enumerate(list(named.items())[:count]):
        path = folder / f"n{i}.csv"
        path.write_bytes(data)
        yield name, path
    places = list(_places(folder, nasty.GOOD))[: max(0, count - len(named))]
    yield from places
    made = _made(nasty, max(0, count - len(named) - len(places)), number)
    for i, data in enumerate(made):
        path = folder / f"m{i}.csv"
        path.write_bytes(data * (1 + i % 2 * 3))  # every second one four times over: enough rows to be learned from
        yield f"made {i}", path


def _nasty() -> ModuleType:
    spec = importlib.util.spec_from_file_location("nasty", Path(__file__).parents[1] / "tests" / "nasty.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _made(nasty: ModuleType, count: int, number: int) -> list[bytes]:
    """Different examples of the strategy, the same for the same number."""
    found: dict[bytes, None] = {}
    batch = 0
    while len(found) < count:

        @seed(1000 * number + batch)
        @settings(max_examples=100, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck))
        @given(nasty.nasty_csv())
        def collect(data: bytes) -> None:
            found[data] = None

        collect()
        batch += 1
    return random.Random(number).sample(list(found), count)


def _special(good: bytes) -> dict[str, bytes]:
    """Inputs that are large, or that lie about how large they are, or that are written in an encoding of old."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as z:
        z.writestr("t.csv", good)
    lying = archive.getvalue().replace(len(good).to_bytes(4, "little"), (2**30).to_bytes(4, "little"))
    text = good.decode().replace("yes", "да")
    japanese = good.decode().replace("yes", "はい")
    rows = "".join(",".join([str(i % 9)] * 9999) + (",u\n" if i % 2 else ",v\n") for i in range(60))
    return {
        "10,000 columns, 60 rows": (",".join(f"c{i}" for i in range(9999)) + ",y\n" + rows).encode(),
        "a cell of 1 GB, packed": gzip.compress(good + b'61,"') + _packed_zeros(2**30),
        "zip that claims 1 GB": lying,
        "Parquet that claims 1 GB": b"PAR1" + b"\0" * 100 + (2**30).to_bytes(4, "little") + b"PAR1",
        "Arrow that claims 1 GB": b"ARROW1\0\0\xff\xff\xff\xff" + (2**30).to_bytes(4, "little") + b"\0" * 64,
        "KOI8-R": text.encode("koi8-r"),
        "Shift JIS": japanese.encode("shift-jis"),
        "EUC-JP": japanese.encode("euc-jp"),
        "GB18030": japanese.encode("gb18030"),
        "EBCDIC": good.decode().encode("cp037"),
        "UTF-7": japanese.encode("utf-7"),
        "UTF-16 with the other's mark": b"\xfe\xff" + good.decode().encode("utf-16-le"),
        "UTF-16 of odd length": good.decode().encode("utf-16")[:-1],
        "lone surrogates": good.replace(b"yes", "\ud800".encode("utf-8", "surrogatepass")),
        "markup in names and cells": good.replace(b"a,b,y", b"[red]a,[/],y").replace(b"yes", b"[bold]"),
        "a target called the answer": good.replace(b"a,b,y", b"y,label,target"),
    }


def _packed_zeros(size: int) -> bytes:
    """A gzip member of `size` zeros as text, made a piece at a time."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1) as f:
        for _ in range(size // 2**24):
            f.write(b"0" * 2**24)
    return out.getvalue()


def _places(folder: Path, good: bytes) -> Iterator[tuple[str, Path]]:
    """Paths that are no plain file with a plain name."""
    for name in ("[red]bold.csv", "two words.csv", "ümlaut 🐧.csv", "no-ending", ".csv", "-dash.csv", "a.tar.gz"):
        (folder / name).write_bytes(good)
        yield f"named {name}", folder / name
    for name in ("empty", "mixed", "nested"):
        (folder / name).mkdir()
        yield f"folder, {name}", folder / name
    (folder / "mixed" / "a.csv").write_bytes(good)
    (folder / "mixed" / "b.csv").write_bytes(b"p,q\n1,2\n")
    (folder / "mixed" / "c.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "nested" / "in").mkdir()
    (folder / "nested" / "in" / "a.csv").write_bytes(good)
    yield "absent", folder / "absent.csv"
    yield "below a file", folder / "no-ending" / "t.csv"
    yield "too long a name", folder / ("x" * 300)
    if os.name == "posix":
        os.mkfifo(folder / "pipe.csv")
        (folder / "loop.csv").symlink_to(folder / "loop.csv")
        yield "a pipe that nobody fills", folder / "pipe.csv"
        yield "a link to itself", folder / "loop.csv"
        yield "a device", Path("/dev/null")


# -- how it ends -------------------------------------------------------------------------------------------------------


def targets_of(path: Path) -> list[str | None]:
    """No target, and the last column where there is one to be read that would not be taken anyway."""
    last = None
    with contextlib.suppress(Exception):
        if os.path.isfile(path):
            last = str(table.read(path).frame.columns[-1])
    return [None] if last is None or last in LIKELY_TARGETS else [None, last]


def feed(path: Path, target: str | None, out: Path) -> Ended:
    """One fit through the command line, in this process."""
    words = ["ungated", "fit", str(path), *FIT, "--out", str(out), *([f"--target={target}"] if target else [])]
    told, complained = io.StringIO(), io.StringIO()
    sys.argv, began, code = words, time.monotonic(), 0
    faulthandler.dump_traceback_later(HANG + 15, exit=True)  # a real hang ends the run, and says where
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(complained):
        try:
            cli.main()
        except SystemExit as e:
            code = int(e.code or 0)
    faulthandler.cancel_dump_traceback_later()
    said = complained.getvalue().strip()
    seconds = time.monotonic() - began
    return Ended(code, said, seconds, _wrong(code, said, seconds, path, out))


def _wrong(code: int, said: str, seconds: float, path: Path, out: Path) -> str:
    if seconds > HANG:
        return f"took {seconds:.0f} s"
    if "Traceback" in said or code not in (0, 2):
        return f"exit code {code}"
    if code == 0:
        return f"a model, but standard error says: {said}" if said else _unusable(out, path)
    if not 1 <= len(said.splitlines()) <= 5:
        return f"{len(said.splitlines())} lines of error"
    if max(map(len, said.splitlines())) > 1000:
        return "an endless line"
    names = [path.name, *(p.name for p in path.rglob("*"))] if os.path.isdir(path) else [path.name]
    if not any(name in said for name in names) and "Nothing was trained" not in said:
        return "an error that does not name the file"
    return ""


def _unusable(model: Path, path: Path) -> str:
    """Why the model does not answer the very input that it was made from, or ""."""
    try:
        rows = ungated.load(model).answers(path).height
    except UngatedError as e:
        return f"a model, but: {e}"
    except Exception as e:
        return f"a model, but {type(e).__name__}: {e}"
    return "" if rows else "a model without answers"


def shape_of(said: str, path: Path, target: str | None) -> str:
    """A message without what differs from input to input."""
    said = said.replace(str(path), "FILE").replace(path.name, "NAME")
    if target:
        said = said.replace(repr(target), "'TARGET'")
    said = re.sub(r"'[^'\n]*'|\"[^\"\n]*\"", "'…'", said)
    said = re.sub(r"(has|are): [^\n]*", r"\1: …", said)
    return re.sub(r"\d[\d,.]*", "N", said)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--count", type=int, default=300)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--only", default="", help="only inputs whose name this matches")
    chosen = options.parse_args()
    warnings.simplefilter("ignore")
    real = pipeline.fit

    def from_now(*args: Any, **settings: Any) -> Any:
        """The command line counts from the start of its process; here that is long ago."""
        return real(*args, **{**settings, "started": time.time()})

    pipeline.fit = from_now
    codes, shapes, failures, slowest = Counter[int](), dict[str, list[str]](), list[str](), (0.0, "")
    with tempfile.TemporaryDirectory(prefix="ungated-fuzz-") as scratch:
        folder = Path(scratch)
        for i, (name, path) in enumerate(inputs(folder, chosen.count, chosen.seed)):
            if not re.search(chosen.only, name):
                continue
            for target in targets_of(path):
                ended = feed(path, target, folder / f"model-{i}-{bool(target)}")
                codes[ended.code] += 1
                slowest = max(slowest, (ended.seconds, name))
                if ended.code:
                    shapes.setdefault(shape_of(ended.said, path, target), []).append(name)
                if ended.wrong:
                    failures.append(f"{name}, target {target!r:.40}: {ended.wrong:.300}\n    {ended.said:.300}")
                    print("!", failures[-1], flush=True)
    print(f"\n{sum(codes.values())} fits of {chosen.count} inputs on {platform.machine()} with {os.cpu_count()} cores,")
    print(f"{datetime.date.today()}: {codes[0]} models, {codes[2]} errors, {len(failures)} broken promises;")
    print(f"slowest {slowest[0]:.1f} s ({slowest[1]})\n\nThe errors, by shape:")
    for shape, names in sorted(shapes.items(), key=lambda pair: -len(pair[1])):
        print(f"{len(names):4d}  {shape!s}\n      e.g. {', '.join(names[:3])}")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
