"""Tables that carry their types: Parquet, Arrow (Feather), and JSON of records."""

import io
import json
from collections.abc import Iterator
from typing import Any

import polars as pl

from ...core.errors import InputError
from .frames import from_cells, simple
from .sources import Source

BATCH = 50_000


def is_columnar(source: Source, head: bytes) -> str:
    """ "Parquet", "Arrow" or "" by the first bytes."""
    if head.startswith(b"PAR1"):
        return "Parquet"
    if head.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        return "Arrow"
    if head.startswith(b"FEA1"):
        raise InputError(f"{source.name} is Feather of version 1, which is out of use. Write it again as Parquet.")
    return ""


def columnar_frames(source: Source, kind: str) -> Iterator[pl.DataFrame]:
    """The rows of a Parquet or Arrow file in batches. Raises InputError where it is damaged."""
    try:
        if kind == "Parquet":
            place: Any = source.path if source.path and not source.packing else io.BytesIO(b"".join(source.blocks()))
            lazy = (
                pl.scan_parquet(place, glob=False)
                if source.path and not source.packing
                else pl.read_parquet(place).lazy()
            )
            rows = int(lazy.select(pl.len()).collect().item())
            for start in range(0, max(rows, 1), 10 * BATCH):
                yield simple(lazy.slice(start, 10 * BATCH).collect())
        else:
            data = b"".join(source.blocks())
            stream = not data.startswith(b"ARROW1")
            yield simple((pl.read_ipc_stream if stream else pl.read_ipc)(io.BytesIO(data)))
    except (pl.exceptions.PolarsError, OSError, pl.exceptions.PanicException) as e:  # type: ignore[attr-defined]
        first = str(e).splitlines()[0] if str(e) else type(e).__name__
        raise InputError(f"{source.name} cannot be read as {kind}: {first[:200]}.\nCopy or write it again.") from e


def json_frames(source: Source) -> Iterator[pl.DataFrame]:
    """The records of JSON lines, or of one JSON list of records. Raises InputError naming line and key."""
    if source.head(4096).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"[":
        yield _frame(list(enumerate(_list(source), 1)), source.name, "record")
        return
    batch: list[tuple[int, dict[str, Any]]] = []
    for number, line in enumerate(_json_lines(source), 1):
        if not line.strip():
            continue
        record = _parsed(line, f"{source.name}: line {number:,}")
        batch.append((number, record))
        if len(batch) == BATCH:
            yield _frame(batch, source.name, "line")
            batch = []
    if batch:
        yield _frame(batch, source.name, "line")


def _json_lines(source: Source) -> Iterator[str]:
    rest = b""
    for block in source.blocks():
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            yield line.decode("utf-8-sig", "replace")
    yield rest.decode("utf-8-sig", "replace")


def _list(source: Source) -> list[dict[str, Any]]:
    found = _decoded(b"".join(source.blocks()).decode("utf-8-sig", "replace"), source.name)
    if not all(isinstance(r, dict) for r in found):
        raise InputError(f'{source.name} is a JSON list, but not of records such as {{"age": 39, "sex": "F"}}.')
    return found


def _parsed(line: str, where: str) -> dict[str, Any]:
    record = _decoded(line, where)
    if not isinstance(record, dict):
        raise InputError(f'{where} is no record such as {{"age": 39, "sex": "F"}}.')
    return record


def _decoded(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as e:
        raise InputError(f"{where} is not JSON: {str(e)[:120]}.") from e


def _frame(batch: list[tuple[int, dict[str, Any]]], name: str, unit: str) -> pl.DataFrame:
    keys: dict[str, None] = {}
    for number, record in batch:
        for key, value in record.items():
            if isinstance(value, list | dict):
                kind = "a list" if isinstance(value, list) else "a record"
                raise InputError(
                    f"{name}: {unit} {number:,}: {key!r} holds {kind}, but a table has one value in each cell.\n"
                    "Flatten it into keys of their own, or leave it out."
                )
        keys.update(dict.fromkeys(record))
    return simple(pl.DataFrame([from_cells(k, [r.get(k) for _, r in batch]) for k in keys]))
