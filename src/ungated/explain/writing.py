"""What a writer writes, how much of it is copied, what it knows by heart, and how it does beside xz.

Nobody should be surprised by their own secrets: a model may give back, letter for letter, what it was trained on. So
what it writes is searched for spans of the training files, and it is asked to go on from beginnings of these (Carlini
et al., "Quantifying Memorization Across Neural Language Models", ICLR 2023).
"""

import lzma
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from ..core.run import Run
from ..engines.copied import Copied
from ..generation.text import write, writes
from ..model import Model

SAMPLES, LETTERS = 4, 500  # texts that are shown, and characters of each
LEAST = 32  # bytes of a span that counts as copied: shorter ones are idioms
MOST_KNOWN = 20_000_000  # bytes of training text that are searched
BEGINNINGS, GIVEN, ASKED = 12, 60, 120  # places of the training text, characters that are given, and that are asked for
MOST_PACKED, MOST_BEFORE = 4_000_000, 3_000_000  # bytes of sealed text, and of training text before it, that xz packs
PACKED_A_SECOND = 0.7e6  # bytes, about, by the slowest of them


def figures(
    model: Model, rows: pl.DataFrame, sealed: pl.DataFrame, truth: str, seconds: float, run: Run
) -> list[dict[str, Any]]:
    """Texts that it wrote, what of them is copied, what it knows by heart; the error beside xz's."""
    if not writes(model):
        return []
    began = time.monotonic()
    column = next(n for n in model.features if model.schema[n].kind == "text")
    known = "\n".join(rows[column].drop_nulls().to_list())
    texts = sealed[column].drop_nulls().to_list()
    samples = list(_samples(model, texts, began + 0.3 * seconds))
    copied = Copied.of(known.encode()[:MOST_KNOWN], LEAST)
    found = [_written(samples, copied, run)]
    if by_heart := _by_heart(model, known, began + 0.6 * seconds):
        found.append(by_heart)
        run.notes.append(by_heart["note"])
    if texts:
        found.append(_packed(known, "".join(texts), began + seconds - time.monotonic(), run))
    return found


def _samples(model: Model, sealed: list[str], until: float) -> Iterator[tuple[str, str]]:
    """(prompt, what it wrote), each drawn with its own seed; at least one, and as many as there is time for."""
    prompts = ["", *(text[:120].rpartition("\n")[0] or text[:60] for text in sealed[:1]), "", ""]
    for seed, prompt in enumerate(prompts[:SAMPLES]):
        text = ""
        for piece in write(model, prompt, max_tokens=LETTERS, seed=seed):
            text += piece
            if len(text) >= LETTERS or (time.monotonic() > until and len(text) > 80):
                break
        yield prompt, text
        if time.monotonic() > until:
            return


def _written(samples: list[tuple[str, str]], copied: Copied, run: Run) -> dict[str, Any]:
    items, longest = [], 0
    for prompt, text in samples:
        made = text.encode()
        spans = copied.spans(made)
        here = max((end - start for start, end in spans), default=0)
        longest = max(longest, here)
        told = f"longest copied span: {here} bytes" if here else f"no span of {LEAST} bytes or more is copied"
        items.append({"before": prompt, "pieces": _marked(made, spans), "caption": told})
    share = f"at most {longest} bytes on end" if longest else f"no span of {LEAST} bytes or more"
    run.notes.append(f"of {len(samples)} texts that it wrote, {share} stand in the training files")
    note = (
        "None of these was chosen by hand; the temperature is 0.8. What is shaded stands in the training files letter "
        f"for letter, {LEAST} bytes or more on end. What was given to go on from is pale."
    )
    return {"kind": "written", "title": "Texts that it wrote", "items": items, "note": note}


def _marked(made: bytes, spans: list[tuple[int, int]]) -> list[list[Any]]:
    """The text in pieces, each with whether it is copied."""
    marks = np.zeros(len(made), bool)
    for start, end in spans:
        marks[start:end] = True
    pieces: list[list[Any]] = []
    at = 0
    for cut in [*(np.flatnonzero(marks[1:] != marks[:-1]) + 1).tolist(), len(made)]:
        if cut > at:
            pieces.append([made[at:cut].decode("utf-8", "ignore"), int(marks[at])])
        at = cut
    return pieces


def _by_heart(model: Model, known: str, until: float) -> dict[str, Any] | None:
    """How far it goes on letter for letter from beginnings of training text, taking the likeliest each time."""
    places = np.random.default_rng(0).integers(0, max(1, len(known) - GIVEN - ASKED), BEGINNINGS)
    found: list[tuple[int, str, str]] = []
    for at in places.tolist():
        if time.monotonic() > until:
            break
        true = known[at + GIVEN : at + GIVEN + ASKED]
        said = ""
        for piece in write(model, known[at : at + GIVEN], max_tokens=ASKED, temperature=0.0):
            said += piece
            if not true.startswith(said):
                break
        same = next((i for i, (a, b) in enumerate(zip(said, true, strict=False)) if a != b), min(len(said), len(true)))
        found.append((same, known[at : at + GIVEN], true[:same]))
    if not found:
        return None
    found.sort(key=lambda f: -f[0])
    lengths = [same for same, _, _ in found]
    note = (
        f"from {len(found)} places of the training files, {GIVEN} characters given, it went on letter for letter for "
        f"{int(np.median(lengths))} characters on average, {lengths[0]} at most (of {ASKED} asked for)"
    )
    rows = [[before, after, same] for same, before, after in found[:6]]
    columns = ["given, from a training file", "what it went on with, letter for letter", "characters"]
    return {"kind": "mistakes", "title": "What it knows by heart", "columns": columns, "rows": rows, "note": note}


def _packed(known: str, sealed: str, seconds: float, run: Run) -> dict[str, Any]:
    """The error beside what xz and zstd need for the same bytes, alone and after training text."""
    data, before = sealed.encode()[:MOST_PACKED], known.encode()[-MOST_BEFORE:]
    items: list[dict[str, Any]] = []
    for name, size in _sizes(data, before, seconds):
        run.metrics[name] = 8 * size / max(1, len(data))
        items.append({"name": name, "value": run.metrics[name]})
    if run.error:
        e = run.error
        items.append({"name": "this model", "value": e.value, "low": e.low, "high": e.high})
    best: dict[str, tuple[float, str]] = {}
    for entry in run.leaderboard:
        if entry.error is not None and entry.id != "baseline":
            best[entry.id] = min(best.get(entry.id, (np.inf, "")), (entry.error, entry.name))
    items += [{"name": f"{name}, held-out text", "value": error} for error, name in best.values()]
    items.sort(key=lambda i: -i["value"])
    told = ", ".join(f"{i['name']} {i['value']:.3f}" for i in items if i["name"].startswith(("xz", "zstd")))
    run.notes.append(f"bits a byte for the same sealed text: {told or 'no time to pack it with xz'}{_without_zstd()}")
    note = "Who foretells a text well can pack it small: bits for a byte of sealed text. Held-out text is other text."
    return {
        "kind": "costs",
        "title": "Beside programs that pack files",
        "metric": "bits a byte",
        "items": items,
        "note": note,
    }


def _sizes(data: bytes, before: bytes, seconds: float) -> Iterator[tuple[str, int]]:
    """(name, bytes) of what each program makes of `data`, as far as there is time."""
    packers: dict[str, Any] = {"xz": lambda b: len(lzma.compress(b, preset=6))}
    if zstd := _zstd():
        packers["zstd"] = zstd
    room = seconds * PACKED_A_SECOND
    for name, size in packers.items():
        if (room := room - len(data)) > 0:
            yield name, size(data)
    for name, size in packers.items():
        if before and (room := room - len(data) - 2 * len(before)) > 0:
            yield f"{name} after training text", size(before + data) - size(before)


def _zstd() -> Any:
    """What packs by zstd, where Python or a library has it; None where neither does."""
    try:
        from compression import zstd  # type: ignore[import-not-found]  # Python 3.14
    except ImportError:
        try:
            import zstandard  # type: ignore[import-not-found]
        except ImportError:
            return None
        return lambda b: len(zstandard.ZstdCompressor(level=19).compress(b))
    return lambda b: len(zstd.compress(b, level=19))


def _without_zstd() -> str:
    return "" if _zstd() else " (zstd: this Python has none)"
