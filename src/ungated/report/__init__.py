"""A run as one self-contained page: `html(run)` shows a `Run` and knows nothing else, neither data nor model.

The page asks nothing of any network and forbids itself to: styles, scripts and numbers stand in it. Whatever is drawn
also stands there as a table, for screen readers, for paper, and where scripts do not run. Charts are drawn by
Observable Plot and d3 (folder vendor), tables and words are made here and placed by page.html.

Figures are dictionaries with a "kind" and a "title"; a kind not named here is shown as a table:

    confusion    labels [...], counts [[...]]: a row for each true class
    calibration  bins [{predicted, observed, low, high, rows}]: shares, 0 to 1
    residuals    predicted [...], actual [...], unit
    importance   metric, items [{name, value, low, high}]: by how much the error rises
    roc          curves [{label, fpr [...], tpr [...]}]
    histogram    edges [...], counts [...] (one fewer), unit, note
    mistakes     columns [...], rows [[...]], note
    parts        metric, items [{name, value, low, high}]: the same of whole kinds of input ("pictures", "numbers")
    costs        metric, items [{name, value, low, high}], note: what each part of an answer costs
    pictures     items [{image, caption, true, said, sure, file}]: examples as a grid
    players      items [{audio, image, true, said, sure, file}]: examples to hear; the image is a spectrogram
    texts        items [{pieces [[text, weight], ...], true, said, sure, file}]: consecutive bits of a text, each with
                 how far it pushed the answer towards what was said (above 0) or against it
    occlusion    items [{image, heat, true, said, sure, file}], also called attention: what the answer rests on;
                 heat [[weight, ...], ...]: a grid laid over the image, or a data URI of a transparent picture
    filters      items [{values, caption}]: (height, width) or (channels, height, width) weights, or an image
    clusters     points [[x, y, group], ...], groups [{name, rows}], labels of the first points, x, y, note: on a map
    groups       groups [{name, rows, share, apart [{column, here, others, effect}]}]: what sets each apart
    group-rows   columns [...], rows [[...]]: typical rows of each group, and rows on its border
    group-examples  look (pictures, players, texts), groups [{title, items}]: what is typical of each group
    crossed      labels [...], groups [...], counts [[...]], of: how many rows of each label are in each group
    sheets       items [{image, caption}]: wide pictures, one below the other, such as many small ones side by side
    tunes        items [{audio, image, caption}]: made tunes to hear; the image is a piano roll
    sounds       items [{audio, image, caption}]: made sounds to hear; the image is a spectrogram
    written      items [{before, pieces [[text, copied], ...], caption}]: texts that were made, line for line
    broken       items [{file, why}], of, counts {why: files}: files that were left out; stands with the data
    rules        rules [{before [item, ...], then, both, support, confidence, lift, leverage, conviction, false_rate,
                 sealed [came true, tried]}], the most reliable first; of: how many there are; baskets; share {item:
                 share of the baskets}: drawn as a graph
    sets         sizes [{size, sets, closed, maximal, often, baskets}], least, of: frequent sets by their size
    anomalies    items [{label, score, anomaly, why [{column, value, usual, share}], image}]: rows with their reasons
    timeline     at [milliseconds since 1970], score [...]; windows [{from, to, mean, most}]; bar, or None
    map          x [...], y [...], colours {column: [value, ...]}, labels [text, ...]: rows as points, to be pointed at;
                 the first column colours them until another is chosen, and numbers get a scale. Optional: images
                 [data URI or None, ...], or sheet {image, side, across}: the rows' pictures as one, in squares of
                 `side` pixels, `across` in a line; marks [bool, ...]: points that are ringed; note

Examples have any of those keys. `image` and `audio` are data URIs (PNG, JPEG, WebP, GIF; WAV, MP3, OGG, FLAC); `sure`
is a share. Pictures, players, texts, sheets may hold groups [{true, said, count, items}] or [{title, items}] for items.
Where the page would grow too large, the heaviest figures lose their last examples.
"""

from collections.abc import Callable
from typing import Any

from markupsafe import Markup

from ..core.run import Entry, Run
from . import tables, words
from .figures import figure
from .page import environment, policy, scripts, text_of
from .placed import Figure, bared, fitted

MOST_CURVES = 12
MOST_STEPS = 150  # points of one learning curve: more cannot be seen
MOST_POINTS = 400  # candidates on the ladder
MOST_NOTES = 100
MOST_ROWS = 200  # columns, candidates, lines of the plan
MOST_FIGURES = 20
MOST_BYTES = 950_000
MEDIA_BYTES = 300_000  # pictures and sounds that a long record gives way to


def html(run: Run) -> str:
    """The page, UTF-8 text of less than a megabyte: a long record is shown in part. Any part of it may be missing."""
    run = Run.from_json(run.to_json())  # plain values; what is not finite becomes None
    figures = [figure(f) for f in run.figures[:MOST_FIGURES]]
    wanted = min(sum(f.bytes for f in figures), MEDIA_BYTES)
    for share in (1.0, 0.4, 0.1):
        page = _page(run, bared(figures), share)
        room = MOST_BYTES - len(page.encode())
        if room > wanted:
            break
    return _page(run, fitted(figures, max(room, 0)), share) if wanted else page


def _page(run: Run, figures: list[Figure], share: float) -> str:
    """The page with that share of as many columns, candidates and notes as it shows at most."""
    rows = int(MOST_ROWS * share)
    page = environment().get_template("page.html")
    text = page.render(
        run=run,
        task=_task(run),
        verdict=_verdict(run),
        started=words.shortened(run.started.replace("T", " ")[:16]),
        measures=_measures(run),
        spent=_spent(run),
        columns=tables.columns(run.data, rows) if run.data else None,
        leaderboard=tables.leaderboard(run.leaderboard, _metric(run), rows),
        eras=tables.eras(run.leaderboard, _metric(run)),
        plan=tables.plan(run.plan, run.leaderboard, rows),
        curves=_curves_table(run),
        figures=figures,
        places={f.place for f in figures},
        charts=_charts(run, figures, int(MOST_POINTS * share)),
        notes=run.notes[: int(MOST_NOTES * share)],
        machine=_machine(run),
        policy=policy(),
        style=Markup(text_of("style.css")),
        scripts=scripts(),
    )
    return text.encode("utf-8", "replace").decode()


# Words


def _metric(run: Run) -> str:
    return run.task.metric if run.task else run.error.metric if run.error else "error"


def _task(run: Run) -> str:
    """What is to be answered, as a person would say it."""
    if not run.task:
        return "A run without a task"
    target = words.shortened(run.task.target, 80)
    if run.task.id == "classify" and run.task.classes:
        return f"Which of {len(run.task.classes):,} classes is {target}?"
    if run.task.id == "regress":
        return f"How much is {target}?"
    return words.TASKS.get(run.task.id, f"{run.task.id.capitalize()} {target}")


def _verdict(run: Run) -> dict[str, str] | None:
    """The one honest number in words, or None where the test was never opened."""
    e = run.error
    if not e or e.value is None:
        return None
    worse = e.high is not None and e.baseline is not None and e.high >= e.baseline
    if worse:
        beside = "This is no better than the baseline."
    elif e.baseline:
        beside = f"That is {words.percent(1 - e.value / e.baseline)} below the baseline."
    else:
        beside = ""
    return {
        "value": words.error(e.value, e.metric),
        "metric": e.metric,
        "means": f"{e.metric.capitalize()}: {words.METRICS[e.metric]}." if e.metric in words.METRICS else "",
        "interval": f"95% interval {words.error(e.low, e.metric)} to {words.error(e.high, e.metric)}",
        "baseline": words.error(e.baseline, e.metric),
        "rows": words.count(e.rows),
        "beside": beside,
        "look": "worse" if worse else "",
        "words": e.words,
    }


def _measures(run: Run) -> list[dict[str, str]]:
    """The other measures of the sealed rows."""
    others = {name: value for name, value in run.metrics.items() if not run.error or name != run.error.metric}
    return [
        {"name": words.shortened(name, 40), "value": words.error(value, name), "means": words.METRICS.get(name, "")}
        for name, value in others.items()
    ]


def _spent(run: Run) -> list[dict[str, Any]]:
    """What was used of what was given."""
    pairs = [
        ("Time", run.seconds, run.budget.get("seconds"), words.seconds),
        ("Memory at its peak", run.peak_bytes, run.budget.get("bytes"), words.size),
    ]
    return [
        {
            "label": label,
            "used": show(used),
            "given": show(given) if given else "",
            "share": min(used / given, 1.0) if given else None,
            "over": bool(given and used > 1.05 * given),
        }
        for label, used, given, show in pairs
        if used
    ]


def _machine(run: Run) -> dict[str, str]:
    """The machine in readable units; whatever is not known under these names is shown as it is."""
    units: dict[str, Callable[[Any], str]] = {
        "memory": words.size,
        "free": words.size,
        "bandwidth": lambda v: f"{words.size(v)}/s",
        "gflops": lambda v: f"{words.number(v)} · 10⁹ operations/s",
        "scalar": lambda v: f"{words.number(v)} million elements sorted/s",
        "load": lambda v: f"{words.percent(v)} of the cores busy with others",
        "bf16": lambda v: "yes" if v else "no",
    }
    shown = {}
    for name, value in run.machine.items():
        if value in (None, ""):
            continue
        plain_number = isinstance(value, int | float)
        shown[name] = units[name](value) if name in units and plain_number else str(value)
    return shown


def _curves_table(run: Run) -> tables.Table:
    heads: list[str | tables.Head] = [
        "algorithm",
        *(tables.Head(h, number=True) for h in ("steps", "first", "best", "at step", "last")),
    ]
    rows: list[list[object]] = []
    for e in _with_curves(run):
        at, best = min(e.curve, key=lambda point: point[1])
        rows.append([tables.Cell(e.algorithm, look="name"), e.curve[-1][0], e.curve[0][1], best, at, e.curve[-1][1]])
    return tables.table("Learning curves", heads, rows)


# Charts


def _charts(run: Run, figures: list[Figure], most: int) -> dict[str, Any]:
    """What charts.js draws, of at most that many candidates: the place's id -> the function's name and its data."""
    percent = _metric(run) in words.PERCENT
    common = {"metric": _metric(run), "percent": percent}
    charts: dict[str, Any] = {}
    if run.error and run.error.value is not None:
        interval = {k: getattr(run.error, k) for k in ("value", "low", "high", "baseline", "metric")}
        charts["headline"] = {
            "draw": "headline",
            "data": {**interval, "percent": run.error.metric in words.PERCENT},
        }
    baseline = next((e.error for e in run.leaderboard if e.id == tables.BASELINE), None)
    best = tables.best_by_era(run.leaderboard)
    learned = [e for e in run.leaderboard if e.id != tables.BASELINE and (e.error is not None or e.seconds)]
    points = [
        _point(e)
        | {
            "partial": tables.partial(e, learned),
            "marked": e in best or (e.id == tables.ENSEMBLE and e.error is not None),
        }
        for e in learned[:most]
    ]
    if any(p["error"] is not None for p in points):
        data = {**common, "points": points, "baseline": baseline, "budget": run.budget.get("seconds")}
        charts["ladder"] = {"draw": "ladder", "data": data}
        best_points = [_point(e) for e in best]
        charts["eras"] = {"draw": "eras", "data": {**common, "points": best_points, "baseline": baseline}}
    if curves := [
        {"name": words.shortened(e.algorithm, 80), "era": tables.era(e), "points": _thinned(e.curve)}
        for e in _with_curves(run)
    ]:
        charts["curves"] = {"draw": "curves", "data": curves}
    for i, f in enumerate(figures):
        if f.chart:
            charts[f"figure-{i}"] = {"draw": f.chart, "data": f.data}
    return charts


def _point(e: Entry) -> dict[str, Any]:
    return {
        "name": words.shortened(e.name, 60),
        "full": words.shortened(e.algorithm, 60),
        "era": tables.era(e),
        "year": e.year,
        "seconds": e.seconds,
        "error": e.error,
        "low": e.low,
        "high": e.high,
        "fate": words.shortened(e.fate, 60),
        "share": e.weight,
        "memory": words.size(e.peak_bytes),
    }


def _with_curves(run: Run) -> list[Entry]:
    """The best candidates that learned in steps, one a name."""
    found: dict[str, Entry] = {}
    for e in sorted(run.leaderboard, key=lambda e: (e.error is None, e.error or 0.0)):
        e.curve = [(x, y) for x, y in e.curve if x is not None and y is not None]
        if len(e.curve) > 1:
            found.setdefault(e.algorithm, e)
    return list(found.values())[:MOST_CURVES]


def _thinned(curve: list[tuple[float, float]]) -> list[list[float]]:
    step = -(-len(curve) // MOST_STEPS)
    kept = curve[::step] + (curve[-1:] if (len(curve) - 1) % step else [])
    return [[x, float(f"{y:.5g}")] for x, y in kept]
