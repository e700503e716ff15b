"""The groups that were found: where they lie, what sets each apart, who is typical of it and who stands on its border.

Everything is told of the rows as a person has them, in their own units and words. Where no parting held up, that is
said in so many words: no clusters here.
"""

from collections import Counter
from typing import Any

import numpy as np
import polars as pl

from ..core.numbers import Answer, Array
from ..core.run import Run
from ..engines.grouping import shrunk, weights
from ..model import Model
from ..tasks import Unsupervised
from .apart import Trait, told, traits
from .cells import columns_of, preview, show

MOST_ROWS = 20_000  # that are looked at
MOST_POINTS = 1200  # on the map
MOST_LABELS = 400  # points of it that say which row they are
NAMED = 12  # clusters that are told one by one
SHOWN_COLUMNS = 8
EACH = 8  # pictures of a cluster
FEW = 3  # texts and sounds of a cluster
SIDE = 56
MOST_BYTES = 200_000
LONGEST = 400  # characters of a text that is shown
NONE = "none"


def figures(
    model: Model, rows: pl.DataFrame, sealed: pl.DataFrame, truth: str, seconds: float, run: Run
) -> list[dict[str, Any]]:
    """Figures of the clusters of all rows; what was found is told in words in `run.found`, and in the error's."""
    typed = pl.concat([rows, sealed])
    if typed.height > MOST_ROWS:
        typed = typed[np.sort(np.random.default_rng(run.seed).permutation(typed.height)[:MOST_ROWS])]
    answer = model.answer(typed)
    groups = np.where(answer.max(axis=1) > 0, answer.argmax(axis=1), -1)
    if len(np.unique(groups[groups >= 0])) < 2:
        _none_found(run)
        return []
    found = {g: traits(model, typed, groups == g) for g in np.unique(groups[groups >= 0]).tolist()}
    _tell(run, groups, found)
    compared = against(model, typed, answer, groups, truth, run) if truth else []
    seen = model.numbers(typed).x
    x = np.asarray(shrunk(seen) if seen.ndim == 4 else seen, np.float64)
    kept = [on_the_map(model, typed, x, groups), *([described(groups, found)] if any(found.values()) else [])]
    return [*kept, *shown(model, typed, x, groups), typical(model, typed, x, groups), *compared]


def _none_found(run: Run) -> None:
    if not any(e.error is not None for e in run.leaderboard if e.id != "baseline"):
        run.found.append(
            "Whether there are clusters is not known: no candidate came to its end. --time gives more time."
        )
        return
    run.found.append(
        "No clusters here: of no parting that was tried do the boundaries run where other rows are sparse. "
        "The rows are one group."
    )
    if run.error:
        run.error.words = f"no clusters here ({run.error.rows:,} sealed rows; {run.error.metric} 1 is one single group)"


def _tell(run: Run, groups: Array, found: dict[int, list[Trait]]) -> None:
    count, inside = len(found), int((groups >= 0).sum())
    beyond = f"; {len(groups) - inside:,} rows are in none" if inside < len(groups) else ""
    run.found.append(f"{count} clusters in {len(groups):,} rows{beyond}")
    error = run.error
    if error and not error.high < error.baseline:
        run.found[-1] += (
            f". On the {error.rows:,} sealed rows they cannot be told from no clusters: there may be none, or more "
            "rows are needed to be sure"
        )
    for g, apart in list(found.items())[:NAMED]:
        run.found.append(f"Cluster {g + 1}, {_size(groups, g)}" + (f": {told(apart)}" if apart else ""))


def _size(groups: Array, g: int) -> str:
    rows = int((groups == g).sum())
    return f"{rows:,} rows ({100 * rows / len(groups):.0f}%)"


def _names(groups: Array) -> list[str]:
    return [str(g + 1) if g >= 0 else NONE for g in np.unique(groups).tolist()]


def on_the_map(model: Model, typed: pl.DataFrame, x: Array, groups: Array) -> dict[str, Any]:
    """A figure of all rows on a plane: their own two columns, or the two directions in which rows differ most."""
    numbers = [n for n in model.features if model.schema[n].kind == "number"]
    flat = len(model.features) == len(numbers) == 2
    if flat:
        places = typed.select(numbers).fill_null(strategy="mean").to_numpy()
        names, note = numbers, ""
    else:
        x = x * weights(x)
        centred = x - x.mean(axis=0)
        directions = np.linalg.svd(centred[:: max(1, len(x) // 3000)], full_matrices=False)[2][:2]
        directions = np.vstack([directions, np.zeros((2 - len(directions), x.shape[1]))])
        places, names = centred @ directions.T, [_named(model, d) for d in directions]
        shares = (np.square(places).sum(axis=0) / max(np.square(centred).sum(), 1e-12)).tolist()
        note = (
            f"The map shows the two directions in which rows differ most, {100 * sum(shares):.0f}% of how they differ: "
            "clusters that lie upon one another here may be apart in the others."
        )
    kept = np.sort(np.random.default_rng(0).permutation(len(x))[:MOST_POINTS])
    codes = np.unique(groups, return_inverse=True)[1]
    columns = _plain_columns(model)[:4]
    labels = [
        ", ".join(f"{c} {show(v, model.schema[c].kind)[:24]}" for c, v in zip(columns, row, strict=True))
        for row in (typed.select(columns)[kept[:MOST_LABELS]].iter_rows() if columns else ())
    ]
    points = [
        [float(f"{a:.4g}"), float(f"{b:.4g}"), int(c)] for (a, b), c in zip(places[kept], codes[kept], strict=True)
    ]
    return {
        "kind": "clusters",
        "title": "The clusters on a map",
        "points": points,
        "labels": labels,
        "groups": [{"name": n, "rows": int((codes == i).sum())} for i, n in enumerate(_names(groups))],
        "x": names[0],
        "y": names[1],
        "note": note,
    }


def _named(model: Model, direction: Array) -> str:
    """The columns that a direction leans on most."""
    columns = model.columns
    if len(columns) != len(direction) or not np.abs(direction).max() > 0:
        return ""
    if len({c.source for c in columns}) == 1:
        return ""
    top = [columns[i].source for i in np.argsort(-np.abs(direction))[:6]]
    return ", ".join(list(dict.fromkeys(top))[:3])


def described(groups: Array, found: dict[int, list[Trait]]) -> dict[str, Any]:
    """A figure of what sets each cluster apart."""
    about = [
        {
            "name": str(g + 1),
            "rows": int((groups == g).sum()),
            "share": float((groups == g).mean()),
            "apart": [{"column": t.column, "here": t.here, "others": t.others, "effect": t.effect} for t in apart],
        }
        for g, apart in found.items()
    ]
    return {"kind": "groups", "title": "What sets each cluster apart", "groups": about}


def _centres(x: Array, groups: Array) -> tuple[Array, Array]:
    """(the groups there are, the distance of every row from each one's middle)."""
    names = np.unique(groups[groups >= 0])
    away = [np.sqrt(np.square(x - x[groups == g].mean(axis=0)).sum(axis=1)) for g in names]
    return names, np.stack(away, axis=1)


def _order(x: Array, groups: Array) -> dict[int, tuple[Array, Array]]:
    """Of each group its rows, the most typical first; and those that stand nearest to another group, nearest first."""
    names, away = _centres(x, groups)
    found = {}
    for k, g in enumerate(names.tolist()):
        inside = np.flatnonzero(groups == g)
        other = np.delete(away[inside], k, axis=1).min(axis=1)
        border = away[inside, k] / np.maximum(other, 1e-12)
        found[g] = inside[np.argsort(away[inside, k], kind="stable")], inside[np.argsort(-border, kind="stable")]
    return found


def typical(model: Model, typed: pl.DataFrame, x: Array, groups: Array) -> dict[str, Any]:
    """A figure of each cluster's most typical rows, and of those that are nearest to another cluster."""
    columns = _plain_columns(model)[:SHOWN_COLUMNS] or list(model.features[:1])
    rows = []
    for g, (middle, border) in list(_order(x, groups).items())[:NAMED]:
        for what, some in (("typical", middle[:2]), ("on the border", border[:1])):
            for i in some.tolist():
                cells = typed.row(i, named=True)
                rows.append([str(g + 1), what, *(show(cells[c], model.schema[c].kind)[:60] for c in columns)])
    title = "Rows that are typical, and rows on the border"
    return {"kind": "group-rows", "title": title, "columns": ["cluster", "it is", *columns], "rows": rows}


def shown(model: Model, typed: pl.DataFrame, x: Array, groups: Array) -> list[dict[str, Any]]:
    """Figures of each cluster's typical pictures, sounds and texts, for the first column of each kind."""
    made = []
    files = typed["file"].to_list() if "file" in typed.columns else None
    for kind, look, title in (
        ("picture", "pictures", "Pictures that are typical of each cluster"),
        ("sound", "players", "Sounds that are typical of each cluster"),
        ("text", "texts", "Texts that are typical of each cluster"),
    ):
        column = next(iter(columns_of(model, kind)), None)
        if column is None:
            continue
        left, about = MOST_BYTES, []
        for g, (middle, _) in list(_order(x, groups).items())[:10]:
            items: list[dict[str, Any]] = []
            for i in middle[: EACH if kind == "picture" else FEW].tolist():
                item = _example(kind, typed[column][i])
                left -= sum(len(v) for v in item.values() if isinstance(v, str))
                if item and left > 0:
                    items.append(item | ({"file": files[i]} if files else {}))
            about.append({"title": f"Cluster {g + 1}, {_size(groups, g)}", "items": items})
        made.append({"kind": "group-examples", "look": look, "title": title, "groups": about})
    return made


def _example(kind: str, cell: Any) -> dict[str, Any]:
    if cell is None:
        return {}
    if kind == "text":
        return {"pieces": [[str(cell)[:LONGEST], 0.0]]}
    return dict(preview(kind, cell, SIDE))


def _plain_columns(model: Model) -> list[str]:
    """The features that can be read in a table."""
    return [n for n in model.features if model.schema[n].kind not in ("picture", "sound")]


def against(
    model: Model, typed: pl.DataFrame, answer: Answer, groups: Array, truth: str, run: Run
) -> list[dict[str, Any]]:
    """The clusters beside labels that nothing was learned from: told in words, and a figure of how they meet."""
    labels = typed[truth].cast(pl.String)
    known = labels.is_not_null().to_numpy()
    assert isinstance(model.task, Unsupervised)
    measured = model.task.against(answer[known], labels.filter(pl.Series(known)).to_numpy())
    run.metrics |= measured
    words = ", ".join(f"{name} {value:.3f}" for name, value in measured.items())
    run.found.append(
        f"Compared with {truth}, which was not looked at: {words} (1: the same parting; 0: none in common)"
    )
    common = [label for label, _ in Counter(labels.drop_nulls()).most_common(30)]
    names = _names(groups)
    codes = np.unique(groups, return_inverse=True)[1]
    counts = [
        [int(((labels == label).fill_null(False).to_numpy() & (codes == k)).sum()) for k in range(len(names))]
        for label in common
    ]
    title = f"Clusters beside {truth}"
    return [{"kind": "crossed", "title": title, "labels": common, "groups": names, "counts": counts, "of": truth}]
