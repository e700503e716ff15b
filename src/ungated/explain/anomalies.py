"""Which rows are unlike the rest, which of their columns made them so, and when, where the rows have a time.

What makes a row odd is found by asking: put into one of its columns what usual rows have there, and see how far less
unusual it becomes. So whatever detectors there are, and however they go together, the reasons are those of the ensemble
itself. Two values that are odd only together are both named, since mending either mends the row.
"""

import time
from typing import Any

import numpy as np
import polars as pl

from ..core.numbers import Array, Floats
from ..core.run import Run
from ..model import Model
from ..tasks.detect import Detect
from . import maps
from .cells import LONGEST, columns_of, preview, show

MOST_SCORED = 50_000  # rows, of which the most unusual are told
LISTED, FEWEST_LISTED = 40, 10  # rows that are told with their reasons; the fewest, flagged or not
DRAWS = 6  # usual values that are put into a column
MOST_COLUMNS = 60  # asked for reasons
REASONS = 3  # of a row
PUSHED = 0.1  # of a row's surprise that a column must account for to be named
SPAN = (0.05, 0.95)  # of usual rows: what is called usual
BINS, WINDOWS = 40, 30
SIDE, MOST_BYTES = 64, 120_000
MAPPED, FEWEST_MAPPED = 0.2, 100  # of the time, for the map; the fewest rows on it


def figures(
    model: Model, rows: pl.DataFrame, sealed: pl.DataFrame, truth: str, seconds: float, run: Run
) -> list[dict[str, Any]]:
    """The anomalies with their reasons, all scores, where they lie, and when. Fills in run.found and run.metrics."""
    until = time.monotonic() + seconds
    assert isinstance(model.task, Detect)
    if all(m.algorithm.card.id == "baseline" for m in model.members):
        run.found.append("no detector came to an end in the time given: --time gives more")
        return []
    typed = pl.concat([rows, sealed])
    if typed.height > MOST_SCORED:
        typed = typed[np.linspace(0, typed.height - 1, MOST_SCORED).astype(int)]
    began = time.monotonic()
    answer = model.answer(typed)
    a_row = (time.monotonic() - began) / max(typed.height, 1)
    score, odd = answer[:, 0], model.task.flagged(answer)
    run.found.append(_counted(model.task, odd))
    found: list[dict[str, Any] | None] = []
    if truth:
        found.append(_compared(model.task, answer, typed[truth], run))
    order = np.argsort(-score, kind="stable")[: int(np.clip(odd.sum(), FEWEST_LISTED, LISTED))]
    why = _reasons(model, typed, score, order, until - MAPPED * seconds, a_row)
    listed = [_listed(model, typed, score, odd, int(i), w) for i, w in zip(order, why, strict=True)]
    pictured = _pictured(model, typed, order)
    for item, image in zip(listed, pictured, strict=False):
        item |= {"image": image}
    if listed and odd[order[0]]:
        run.found.append(f"the most unusual: {_in_words(listed[0])}")
    note = "" if odd.any() else "None is called an anomaly; these are the most unusual."
    found.insert(0, {"kind": "anomalies", "title": "The most unusual rows", "items": listed, "note": note})
    found.append(_when(model, typed, score, run))
    found.append(_spread(model.task, score))
    found.append(_where(model, typed, score, odd, int(MAPPED * seconds / max(a_row, 1e-9))))
    return [figure for figure in found if figure]


def _counted(task: Detect, odd: Array) -> str:
    share = f"{int(odd.sum()):,} of {len(odd):,} rows ({odd.mean():.1%})"
    if task.share:
        return f"{share} are called anomalies; you gave a share of {task.share:.1%}"
    if task.bar > 1:
        return "none is called an anomaly: rows made odd on purpose seem no more unusual (--set share=0.01 names some)"
    return (
        f"{share} are called anomalies: more unusual than three in four rows made odd on purpose "
        "(--set share=0.01 gives your own share)"
    )


def _compared(task: Detect, answer: Array, labels: pl.Series, run: Run) -> dict[str, Any] | None:
    """The measures against labels, and the curve."""
    truth = labels.cast(pl.String).fill_null("?").to_numpy()
    measures = task.against(answer, truth)
    if not measures:
        return None
    run.metrics.update(measures)
    names, counts = np.unique(truth, return_counts=True)
    rare = str(names[int(np.argmin(counts))])
    told = ", ".join(f"{name} {value:.3f}" for name, value in measures.items())
    run.found.append(f"against {labels.name} = {rare} ({int(counts.min()):,} rows): {told}")
    hit = truth[np.argsort(-answer[:, 0], kind="stable")] == rare
    hits, alarms = (np.concatenate([[0], np.cumsum(v)]) / max(int(v.sum()), 1) for v in (hit, ~hit))
    kept = np.unique(np.linspace(0, len(hit), 200).astype(int))
    curve = {"label": f"{labels.name} = {rare}", "fpr": alarms[kept].tolist(), "tpr": hits[kept].tolist()}
    return {"kind": "roc", "title": f"Found {rare} against false alarms", "curves": [curve]}


# -- reasons -----------------------------------------------------------------------------------------------------------


def surprise(score: Floats) -> Floats:
    """Of a share of less unusual rows: how many times rarer a row is, in powers of e."""
    return np.asarray(-np.log(np.maximum(1 - score, 1e-9)))


def _reasons(
    model: Model, typed: pl.DataFrame, score: Floats, order: Array, until: float, a_row: float
) -> list[list[dict[str, Any]]]:
    """Of each row in `order`: columns that made it unusual, the strongest first, with the share each accounts for."""
    names = list(model.features)[:MOST_COLUMNS]
    if len(names) < 2 or not len(order):
        return [[] for _ in order]
    usual = np.argsort(score, kind="stable")[: max(len(score) * 3 // 4, 1)]
    rng = np.random.default_rng(0)
    afford = (until - time.monotonic()) / max(a_row * len(names), 1e-12)  # rows that can be asked about
    draws = int(np.clip(afford / len(order), 1, DRAWS))
    asked = order[: max(3, min(len(order), int(afford / draws)))]
    rows = typed[np.repeat(asked, draws)]
    before = surprise(score[asked])
    fell = np.zeros((len(asked), len(names)))
    for j, name in enumerate(names):
        put = typed[name][rng.choice(usual, size=rows.height)]
        after = model.answer(rows.with_columns(put.alias(name)))[:, 0].reshape(len(asked), draws)
        fell[:, j] = before - np.median(surprise(after), axis=1)
        if time.monotonic() > until + 1:
            break
    share = np.clip(fell / np.maximum(before, 1e-9)[:, None], 0, 1)
    found = []
    for row, by in zip(asked, share, strict=True):
        best = [j for j in np.argsort(-by, kind="stable")[:REASONS] if by[j] >= PUSHED]
        told = [_reason(model, typed, names[j], int(row), usual) | {"share": float(by[j])} for j in best]
        found.append(told)
    return found + [[] for _ in order[len(asked) :]]


def _reason(model: Model, typed: pl.DataFrame, name: str, row: int, usual: Array) -> dict[str, Any]:
    """A column's value in the row, and what usual rows have there."""
    kind = model.schema[name].kind
    value, others = typed[name][row], typed[name][usual].drop_nulls()
    said = "missing" if value is None else (_short(value) if kind in ("number", "date") else show(value, kind)[:60])
    if kind in ("number", "date") and len(others):
        low, high = (_short(others.quantile(q, "nearest")) for q in SPAN)
        return {"column": name, "value": said, "usual": low if low == high else f"{low} to {high}"}
    if others.dtype in (pl.String, pl.Boolean) and kind != "text" and len(others):
        common = others.value_counts(sort=True)
        often = common["count"][0] / max(len(usual), 1)
        return {"column": name, "value": said, "usual": f"{show(common[name][0])[:60]} ({often:.0%})"}
    return {"column": name, "value": said, "usual": ""}


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) and abs(value) < 1e4 else show(value)


def _listed(
    model: Model, typed: pl.DataFrame, score: Floats, odd: Array, row: int, why: list[dict[str, Any]]
) -> dict[str, Any]:
    label = maps.labels(model, typed[row : row + 1])[0]
    return {
        "label": f"row {row + 1}" if label == "row 1" else label[:LONGEST],
        "score": float(score[row]),
        "anomaly": bool(odd[row]),
        "why": why,
    }


def _in_words(item: dict[str, Any]) -> str:
    why = "; ".join(
        f"{w['column']} is {w['value']}" + (f" (usual: {w['usual']})" if w["usual"] else "") for w in item["why"]
    )
    return item["label"] + (f", for {why}" if why else "")


def _pictured(model: Model, typed: pl.DataFrame, order: Array) -> list[str]:
    """The pictures (or spectrograms) of the rows, as many as there is room for."""
    kind = next((k for k in ("picture", "sound") if columns_of(model, k)), None)
    if kind is None:
        return []
    cells, found, spent = typed[columns_of(model, kind)[0]], [], 0
    for i in order:
        uri = preview(kind, cells[int(i)], SIDE)["image"] if cells[int(i)] is not None else ""
        spent += len(uri)
        if spent > MOST_BYTES:
            break
        found.append(uri)
    return found


# -- where and when ----------------------------------------------------------------------------------------------------


def _spread(task: Detect, score: Floats) -> dict[str, Any]:
    """How many rows came to which score."""
    counts, edges = np.histogram(score, BINS, (0, 1))
    bar = f" Above {task.bar:.3f} a row is called an anomaly." if task.bar <= 1 else ""
    note = f"How many rows came to which score: the middle of the ranks that all detectors give them.{bar}"
    return {
        "kind": "histogram",
        "title": "All scores",
        "edges": edges.tolist(),
        "counts": counts.tolist(),
        "note": note,
    }


def _where(model: Model, typed: pl.DataFrame, score: Floats, odd: Array, most: int) -> dict[str, Any]:
    """A flat view of at most so many rows, all anomalies among them, coloured by their score."""
    from ..engines.placing import turned

    most = min(maps.MOST_PICTURED if columns_of(model, "picture") else maps.MOST_POINTS, max(most, FEWEST_MAPPED))
    first = np.argsort(-score, kind="stable")[: most // 4]
    others = np.setdiff1d(np.arange(len(score)), first)
    even = others[np.linspace(0, len(others) - 1, min(len(others), most - len(first))).astype(int)]
    kept = np.sort(np.concatenate([first, even]))
    some = typed[kept]
    x = np.asarray(model.numbers(some).x, np.float64)
    usual = x[score[kept] <= np.median(score[kept])]
    places = turned(np.clip((x - usual.mean(axis=0)) / np.maximum(usual.std(axis=0), 1e-9), -8, 8), 2)[0]
    note = (
        "Each point is a row, seen along the two directions in which rows vary most; ringed ones are called anomalies. "
        "One that lies among others here may be odd in a direction that this view does not show."
    )
    values = {"score": np.round(score[kept], 4).tolist()}
    return maps.drawn(model, some, places, "Where they lie", values, odd[kept].tolist(), note)


def _when(model: Model, typed: pl.DataFrame, score: Floats, run: Run) -> dict[str, Any] | None:
    """The scores in the order of time, and by windows, where a column says when; None where none does."""
    dated = [c.name for c in model.schema.columns if c.kind == "date" and c.name in typed.columns]
    if not dated:
        return None
    when = typed[dated[0]]
    known = np.flatnonzero(when.is_not_null().to_numpy())
    at = when.dt.timestamp("ms").to_numpy()
    known = known[np.argsort(at[known], kind="stable")]
    if len(known) < 2 * WINDOWS // 3 or at[known[0]] == at[known[-1]]:
        return None
    windows: list[dict[str, Any]] = []
    for part in np.array_split(known, min(WINDOWS, max(len(known) // 5, 2))):
        first, last = (show(when[int(i)])[:19] for i in (part[0], part[-1]))
        windows.append({"from": first, "to": last, "mean": float(score[part].mean()), "most": float(score[part].max())})
    worst = max(windows, key=lambda w: w["mean"])
    run.found.append(f"the most unusual stretch by {dated[0]}: {worst['from']} to {worst['to']}")
    assert isinstance(model.task, Detect)
    bar = model.task.bar if model.task.bar <= 1 else None
    drawn = known[np.linspace(0, len(known) - 1, min(len(known), 1500)).astype(int)]
    loud = known[np.argsort(-score[known], kind="stable")[:200]]
    drawn = np.unique(np.concatenate([np.searchsorted(at[known], at[drawn]), np.searchsorted(at[known], at[loud])]))
    drawn = known[drawn]
    points = {"at": at[drawn].tolist(), "score": np.round(score[drawn], 4).tolist()}
    title = f"Scores by {dated[0]}"
    return {"kind": "timeline", "title": title, "column": dated[0], **points, "windows": windows, "bar": bar}
