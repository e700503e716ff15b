"""Ungated beside nanoGPT's recipe for a processor: nats a character of sealed text against seconds.

    python benchmarks/text_generation.py --time 5s,90s,10m --memory 2GB
    python benchmarks/text_generation.py --set library --time 10m --memory 2GB

shakespeare: tinyshakespeare, its first nine tenths to learn from, every character of its last tenth scored. library:
Python's own standard library, parted by files; there it is also counted how many functions that the model completes,
from their first line, can be parsed. nanogpt: 4 layers, 4 heads, 128 wide, windows of 64, batches of 12, AdamW, as
nanoGPT's README has it for a laptop, trained here for the same seconds on the same threads; its rate falls over them.

Ungated's n-grams with a cache learn from the sealed text as they read it, always from what stands before the place that
is foretold, as programs that pack files do; nanoGPT looks back 64 letters. What each does alone is on the lines below.
"""

import argparse
import gzip
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from corpora import standard_library

BLOCK, BATCH, LAYERS, HEADS, WIDTH = 64, 12, 4, 4, 128
COMPLETED, TEMPERATURE, LONGEST = 60, 0.5, 300


def nanogpt(train: np.ndarray, test: np.ndarray, levels: int, seconds: float, threads: int) -> float:
    """Nats a character of `test` after so many seconds on `train`."""
    import torch
    from torch import nn
    from torch.nn import functional

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.LayerNorm(WIDTH, bias=False), nn.LayerNorm(WIDTH, bias=False)
            self.ask, self.tell = nn.Linear(WIDTH, 3 * WIDTH, bias=False), nn.Linear(WIDTH, WIDTH, bias=False)
            self.into, self.back = nn.Linear(WIDTH, 4 * WIDTH, bias=False), nn.Linear(4 * WIDTH, WIDTH, bias=False)

        def forward(self, h: Any) -> Any:
            parts = self.ask(self.first(h)).unflatten(2, (3 * HEADS, WIDTH // HEADS)).transpose(1, 2)
            taken = functional.scaled_dot_product_attention(*parts.chunk(3, dim=1), is_causal=True)
            h = h + self.tell(taken.transpose(1, 2).flatten(2))
            return h + self.back(functional.gelu(self.into(self.second(h))))

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.letters, self.places = nn.Embedding(levels, WIDTH), nn.Embedding(BLOCK, WIDTH)
            self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
            self.last = nn.LayerNorm(WIDTH, bias=False)
            for weight in self.parameters():
                if weight.ndim > 1:
                    nn.init.normal_(weight, std=0.02)

        def forward(self, x: Any) -> Any:
            h = self.letters(x) + self.places.weight[: x.shape[1]]
            for block in self.blocks:
                h = block(h)
            return functional.linear(self.last(h), self.letters.weight)

    torch.manual_seed(0)
    torch.set_num_threads(threads)
    began, data, net = time.monotonic(), torch.from_numpy(train).long(), Net()
    groups = [
        {"params": [p for p in net.parameters() if p.ndim > 1], "weight_decay": 0.1},
        {"params": [p for p in net.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimiser, step = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99)), 0
    while (gone := (time.monotonic() - began) / seconds) < 1:
        rate = 1e-3 * (step + 1) / 100 if step < 100 else 1e-4 + 4.5e-4 * (1 + math.cos(math.pi * gone))
        for group in optimiser.param_groups:
            group["lr"] = rate
        at = torch.randint(len(data) - BLOCK - 1, (BATCH,))[:, None] + torch.arange(BLOCK + 1)
        loss = functional.cross_entropy(net(data[at[:, :-1]]).flatten(0, 1), data[at[:, 1:]].flatten())
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        step += 1
    text, total, half = torch.from_numpy(test).long(), 0.0, BLOCK // 2
    with torch.inference_mode():
        for start in range(0, len(text) - 1, half):
            begin = max(0, start - half)
            seen = text[begin : start + half]
            told = text[start + 1 : start + half + 1]
            logs = net(seen[None]).log_softmax(-1)[0, start - begin :][: len(told)]
            total -= float(logs.gather(1, told[:, None]).sum())
    return total / (len(text) - 1)


def ungated(data: Path, seconds: str, out: Path, *more: str) -> dict[str, Any]:
    """The record of a fit."""
    command = [sys.executable, "-m", "ungated", "fit", str(data), "--task", "generate", "--time", seconds]
    subprocess.run([*command, "--out", str(out), *more], check=True, stdout=subprocess.DEVNULL)
    record: dict[str, Any] = json.loads((out / "run.json").read_text())
    return record


def told(record: dict[str, Any], seconds: str) -> None:
    """Lines of one fit: the sealed error, and the best of each algorithm on held-out text."""
    error, metrics = record["error"], record["metrics"]
    print(
        f"{seconds:>6}  ungated {record['seconds']:.1f} s: {error['value']:.4f} bits a byte "
        f"({error['low']:.4f} to {error['high']:.4f}), {metrics['nats-per-byte']:.4f} nats; "
        f"{record['peak_bytes'] / 1e6:,.0f} MB at the peak; "
        + ", ".join(f"{k} {v:.3f}" for k, v in metrics.items() if k.startswith(("xz", "zstd")))
    )
    best: dict[str, dict[str, Any]] = {}
    for entry in record["leaderboard"]:
        if entry["error"] is not None and entry["error"] < best.get(entry["id"], {"error": math.inf})["error"]:
            best[entry["id"]] = entry
    for entry in sorted(best.values(), key=lambda e: e["error"]):
        share = f", {100 * entry['weight']:.0f}% of the mixture" if entry["weight"] else ""
        about = f"{entry['name']} ({entry['year']}): {entry['error']:.3f} on held-out text"
        print(f"{'':8}{about}, {entry['seconds']:.1f} s{share}")


def shakespeare(data: Path, times: list[str], folder: Path, threads: int, reference: bool, more: list[str]) -> None:
    from ungated.core.clock import seconds as seconds_of

    text = gzip.decompress((data / "tinyshakespeare" / "input.txt.gz").read_bytes()).decode()
    cut = int(0.9 * len(text))
    codes = {c: i for i, c in enumerate(sorted(set(text)))}
    x = np.array([codes[c] for c in text], np.int32)
    (folder / "input.txt").write_text(text, encoding="utf-8")
    for given in times:
        told(ungated(folder / "input.txt", given, folder / f"shakespeare-{given}", *more), given)
        if reference:
            nats = nanogpt(x[:cut], x[cut:], len(codes), seconds_of(given), threads)
            print(f"{given:>6}  nanogpt: {nats:.4f} nats", flush=True)


def library(times: list[str], folder: Path, more: list[str]) -> None:
    data = standard_library(folder / "library")
    for given in times:
        out = folder / f"library-{given}"
        told(ungated(data, given, out, *more), given)
        for check in (False, True):
            ok, count = completions(data, out, check)
            low, high = _interval(ok, count)
            drawn = "lines that are no Python drawn anew" if check else "lines as they come"
            about = f"({low:.0%} to {high:.0%}) at temperature {TEMPERATURE}, {drawn}"
            print(f"{'':8}{ok} of {count} completed functions parse {about}", flush=True)


def completions(data: Path, out: Path, check: bool) -> tuple[int, int]:
    """(how many of the functions that the model completed parse, how many it was asked for).

    check: whether lines that cannot be read as Python are drawn anew, as `ungated generate` does by itself.

    Asked are functions of files that were sealed: the file up to the function's first line, 1500 characters at most.
    A function ends where the next line begins at the margin, or after 300 codes, with its last line left out.
    """
    from ungated import load
    from ungated.generation.text import write
    from ungated.modalities.text.parses import function, heads, parses

    model = load(out)
    ok = count = 0
    rng = np.random.default_rng(0)
    files = sealed_files(data, model)
    for file in rng.permutation(files).tolist():
        code = Path(data / file).read_text(encoding="utf-8", errors="replace")
        for head in heads(code)[:3]:
            prompt = code[: code.index(head) + len(head)][-1500:]
            text, ended = "", False
            for piece in write(model, prompt, max_tokens=LONGEST, temperature=TEMPERATURE, seed=count, check=check):
                text += piece
                if function(head, text, ended=True) != head + text:
                    ended = True
                    break
            ok += parses(function(head, text, ended))
            count += 1
            if count == COMPLETED:
                return ok, count
    return ok, count


def sealed_files(data: Path, model: Any) -> list[str]:
    """The files that the run sealed, found as it found them."""
    from ungated.core.run import Run
    from ungated.question import Wish, ask

    run = Run(source="", command="", seed=model.run.seed, started="", budget={}, machine={}, versions={})
    return list(ask(Wish(str(data), task="generate"), run, 10**9).sealed["file"])


def _interval(ok: int, count: int) -> tuple[float, float]:
    from ungated.tasks.measures import wilson

    return wilson(ok / max(1, count), max(1, count))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", default="shakespeare", choices=("shakespeare", "library"))
    parser.add_argument("--time", default="5s,90s,10m")
    parser.add_argument("--memory", help="handed to Ungated, for example 2GB")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--without-reference", action="store_true")
    parser.add_argument("--out", help="keep the models here")
    asked = parser.parse_args()
    data = Path(os.environ.get("UNGATED_DATA", Path(__file__).parents[2] / "shared" / "data"))
    more = ["--memory", asked.memory] if asked.memory else []
    times = [t.strip() for t in asked.time.split(",")]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(asked.out or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if asked.set == "library":
            library(times, folder, more)
        else:
            shakespeare(data, times, folder, asked.threads, not asked.without_reference, more)


if __name__ == "__main__":
    main()
