"""Samples that networks leave while they learn, as a person reads, sees and hears them; so one sees them learn.

Each goes into the folder of the run where there is one, as text, pictures or MIDI. A few are told in the report: the
folder may be gone when the run has ended.
"""

from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from .core.algorithm import Entrant
from .core.errors import UngatedError
from .core.numbers import Array
from .core.shown import data_uri
from .engines import state
from .generation.music import PROGRAMS
from .generation.pictures import grid, upright
from .modalities.music import StreamEncoder, roll, write_midi, write_png
from .modalities.music.previews import ROW, WIDTH

TOLD, FEWEST_TOLD = 6, 2  # samples that the report shows, fewer where they would make it large
MOST_BYTES = 90_000  # of the report that they may take
IN_A_ROW, ROW_BYTES = 8, 12_000  # pictures of one sample that the report shows, and pixels' bytes of them


@dataclass(frozen=True)
class Sample:
    """What a network would make had it to stop learning now.

    by: its name. seconds: since the run began. text: what it wrote, "" where it makes something else; it may hold any
    character. path: the file that it is in, None where the run has no folder.
    """

    by: str
    seconds: float
    text: str = ""
    path: Path | None = None


@dataclass(frozen=True)
class Made:
    """A sample that has become what it stands for: the bytes of a file with that ending, and the same in the report.

    text: where it is text. picture: a PNG file, where it is not.
    """

    ending: str
    data: bytes
    text: str = ""
    picture: bytes = b""


class Album:
    """All samples of a run. folder: where they go, None to write none."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._kept: dict[str, list[tuple[Sample, Made]]] = {}  # by whose they are

    def add(self, path: Path, encoder: Any, entrant: Entrant, seconds: float) -> Sample | None:
        """Take in the array that a worker has left; None where nothing can be made of it.

        encoder: through which `entrant` reads what it learns from. seconds: since the run began.
        """
        try:
            made = decoded(np.load(path, allow_pickle=False), encoder)
            to = None
            if self._folder:
                to = self._folder / f"{seconds:04.0f}s-{entrant.algorithm.card.id}{made.ending}"
                state.replace_file(to, made.data)
        except (OSError, ValueError, EOFError, UngatedError):  # a sample is worth no trouble: the next is on its way
            return None
        sample = Sample(entrant.name, seconds, made.text, to)
        self._kept.setdefault(entrant.key, []).append((sample, made))
        return sample

    def figures(self) -> list[dict[str, Any]]:
        """How the network learned that left most samples; nothing where there are too few to see it by."""
        kept = max(self._kept.values(), key=len, default=[])
        for count in range(min(TOLD, len(kept)), FEWEST_TOLD - 1, -1):
            chosen = [kept[i] for i in np.linspace(0, len(kept) - 1, count).round().astype(int)]
            if sum(len(made.text) + 4 * len(made.picture) // 3 for _, made in chosen) <= MOST_BYTES:
                return [_figure(chosen)]
        return []


def decoded(array: Array, encoder: Any) -> Made:
    """What a sample is (see `engines.sampling`), by the encoder of what was learned from.

    Raises UngatedError or ValueError where it is nothing yet.
    """
    if array.ndim == 4:
        array = upright(array) if getattr(encoder, "kind", "") == "sound" else array
        shown = int(np.clip(ROW_BYTES // array[0].nbytes, 1, IN_A_ROW))
        return Made(".png", grid(array), picture=grid(array[:shown], shown))
    inner = encoder.encoder
    parts = [list(part) for begun, part in groupby(array.tolist(), key=bool) if begun]  # a 0 begins each document
    if isinstance(inner, StreamEncoder):
        tune = inner.decode(np.array(_in_place(max(parts, key=len, default=[]), inner)))
        return Made(".mid", write_midi(tune, PROGRAMS.get(tune.sound, 0)), picture=write_png(roll(tune, WIDTH, ROW)))
    text = "\n".join(inner.decode(part) for part in parts)
    if not text.strip():
        raise ValueError("nothing has been written yet")
    return Made(".txt", text.encode("utf-8", "replace"), text=text)


def _in_place(codes: list[int], encoder: StreamEncoder) -> list[int]:
    """Codes without those that could not stand at their place: who has just begun to learn does not know better."""
    found: list[int] = []
    for code in codes:
        first, end = encoder.allowed[len(found) % encoder.period]
        if first <= code < end:
            found.append(code)
    return found


def _figure(chosen: list[tuple[Sample, Made]]) -> dict[str, Any]:
    by = chosen[0][0].by
    note = f"What {by} made while it learned, drawn with the same random numbers each time."
    captions = [f"{sample.seconds:,.0f} s after the run began" for sample, _ in chosen]
    items: list[dict[str, Any]]
    if chosen[0][1].text:
        items = [
            {"before": "", "pieces": [[made.text, 0]], "caption": caption}
            for (_, made), caption in zip(chosen, captions, strict=True)
        ]
        return {"kind": "written", "title": "How it learned", "items": items, "note": note}
    items = [
        {"image": data_uri("image/png", made.picture), "caption": caption}
        for (_, made), caption in zip(chosen, captions, strict=True)
    ]
    return {"kind": "sheets", "title": "How it learned", "items": items, "note": note}
