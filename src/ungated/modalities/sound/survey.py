"""How a column of sounds is to be held: its rate and the length that a clip has room for, from headers alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .decode import NotSound, header

LOOKED_AT = 400  # files, spread evenly
LOW, HIGH = 8000, 16000  # samples a second: below, speech loses its consonants; above, little but the cost grows
SHORTEST, LONGEST = 0.1, 30.0  # seconds
USUAL = 0.95  # the share of clips that are not cut


def survey(files: Sequence[Path | bytes], most_bytes: int, rows: int) -> dict[str, Any]:
    """The details of a column of `rows` sounds that may take `most_bytes` when decoded, JSON values.

    rate: samples a second, the median file's own within 8,000 to 16,000. seconds: room for a clip, the 95th percentile
    of lengths, less where memory is short. longest: seconds of the longest clip looked at. native: the files' rates.
    Broken files are passed over; where no file can be read the answer is one second at 16,000.
    """
    step = max(1, len(files) / LOOKED_AT)
    heads = []
    for i in range(min(len(files), LOOKED_AT)):
        try:
            heads.append(header(files[int(i * step)]))
        except NotSound:
            continue
    heads = [(rate, length) for rate, length in heads if length > 0]
    if not heads:
        return {"rate": HIGH, "seconds": 1.0, "longest": 0.0, "native": []}
    rates, lengths = (np.array(a) for a in zip(*heads, strict=True))
    rate = int(np.clip(np.quantile(rates, 0.5, method="lower"), LOW, HIGH))
    room = most_bytes / max(1, rows) / 2 / rate
    usual = float(np.quantile(lengths, USUAL, method="higher"))
    seconds = max(SHORTEST, min(usual, room, LONGEST))
    return {
        "rate": rate,
        "seconds": round(seconds, 3),
        "longest": round(float(lengths.max()), 3),
        "native": sorted({int(r) for r in rates}),
    }
