"""Records of runs for tests of the report, real, bare and hostile, and a page as its tags and texts.

Nothing here is a test.
"""

import base64
import io
import json
import math
import wave
from html.parser import HTMLParser

import numpy as np

from ungated.core.run import ColumnRecord, DataRecord, Entry, ErrorRecord, PlanLine, Run, TaskRecord
from ungated.report import media

MEGABYTE = 1_000_000

SHELF = [
    ("baseline", "trivial baseline", "theory", 1774, 0.2408, 0.01),
    ("naive-bayes", "naive Bayes", "theory", 1961, 0.187, 0.3),
    ("nearest-neighbours", "nearest neighbours", "theory", 1967, 0.168, 6.1),
    ("perceptron", "perceptron", "theory", 1958, 0.171, 0.9),
    ("linear-discriminant", "linear discriminant", "theory", 1936, 0.159, 0.7),
    ("ridge", "ridge", "theory", 1970, 0.158, 0.5),
    ("logistic-regression", "logistic regression", "theory", 1958, 0.1475, 1.9),
    ("decision-tree", "decision tree", "theory", 1984, 0.1462, 1.1),
    ("linear-svm", "linear support vectors", "classical", 1995, 0.1481, 3.2),
    ("kernel-svm", "kernel support vectors", "classical", 1995, None, 12.0),
    ("random-forest", "random forest", "classical", 2001, 0.1402, 8.4),
    ("extra-trees", "extremely randomised trees", "classical", 2006, 0.1441, 6.9),
    ("gradient-boosting", "gradient boosting", "classical", 2001, 0.1279, 3.9),
    ("gradient-boosting", "gradient boosting (leaves=63, rate=0.05)", "classical", 2001, 0.1268, 9.8),
    ("gradient-boosting", "gradient boosting (leaves=7, rate=0.3)", "classical", 2001, 0.1301, 2.2),
    ("gradient-boosting", "gradient boosting (leaves=255, rate=0.02)", "classical", 2001, 0.1283, 21.4),
    ("residual-mlp", "residual MLP", "modern", 2021, 0.1421, 17.2),
    ("residual-mlp", "residual MLP (width=256, depth=3)", "modern", 2021, 0.1397, 26.0),
    ("residual-mlp", "residual MLP (width=512, depth=6)", "modern", 2021, None, 14.0),
    ("ensemble", "ensemble of 4", "classical", 2004, 0.1255, 51.0),
]


def candidates(rng: np.random.Generator, scale: float = 1.0) -> list[Entry]:
    fates = {"kernel-svm": "killed at the deadline", "residual-mlp": "ran out of memory (limit 1.2 GB)"}
    weights = {13: 0.55, 12: 0.2, 16: 0.25, 19: 1.0}
    found = [
        Entry(
            algorithm=name,
            id=key,
            name=name.split(" (")[0],
            era=era,
            year=year,
            error=None if error is None else error * scale,
            low=None if error is None else error * scale - 0.004 * scale,
            high=None if error is None else error * scale + 0.004 * scale,
            guide=None if error is None else error * 2.2,
            seconds=seconds,
            peak_bytes=int(2e7 + 3e7 * seconds),
            planned_seconds=seconds * float(rng.uniform(0.6, 1.6)),
            planned_bytes=2e7 + 2.5e7 * seconds,
            predict_us=float(rng.uniform(0.2, 90)),
            size_bytes=int(rng.uniform(2e3, 9e6)),
            folds=1 if i % 5 == 3 else 5,
            rows=6512 if i % 5 == 3 else 32561,
            weight=weights.get(i, 0.0),
            finished_at=float(i),
            settings={} if "(" in name else {"alpha": 0.1, "seed": 0},
            fate="" if error is not None else fates[key],
            curve=curve(rng, 0.42 if i % 2 else 0.33) if key in ("gradient-boosting", "residual-mlp") and error else [],
        )
        for i, (key, name, era, year, error, seconds) in enumerate(SHELF)
    ]
    return sorted(found, key=lambda e: (e.folds < 5, e.guide or 9.0))


def curve(rng: np.random.Generator, start: float) -> list[tuple[float, float]]:
    steps = np.arange(1, 240, 3)
    values = 0.28 + (start - 0.28) * np.exp(-steps / 40) + 0.0002 * np.maximum(steps - 150, 0)
    return [(float(s), float(v)) for s, v in zip(steps, values + rng.normal(0, 0.0008, len(steps)), strict=True)]


def plan_lines(entries: list[Entry]) -> list[PlanLine]:
    first = {e.id: e for e in reversed(entries) if e.id != "ensemble"}
    lines = [
        PlanLine(e.id, e.algorithm.split(" (")[0], e.era, e.year, e.planned_seconds / 5, e.planned_bytes, True)
        for e in first.values()
    ]
    why = "needs about 41 GB, more than the 2 GB given (--memory 45GB would allow it)"
    return [*lines[::-1], PlanLine("gaussian-process", "Gaussian process", "classical", 1996, 5400, 4.1e10, False, why)]


def classify() -> Run:
    """A run on adult: two classes, some twenty candidates of three eras, every kind of figure."""
    rng = np.random.default_rng(0)
    entries = candidates(rng)
    columns = [
        ColumnRecord("age", "number", "73 different whole numbers, 17 to 90", "feature", 0, 73, ["39", "50", "38"]),
        ColumnRecord("workclass", "category", "8 labels", "feature", 1836, 8, ["State-gov", "Private", "Private"]),
        ColumnRecord("fnlwgt", "number", "21,648 different whole numbers", "feature", 0, 21648, ["77516", "83311"]),
        ColumnRecord("education", "category", "16 labels", "feature", 0, 16, ["Bachelors", "HS-grad", "11th"]),
        ColumnRecord("education-num", "number", "16 different whole numbers", "feature", 0, 16, ["13", "9", "7"]),
        ColumnRecord("native-country", "category", "41 labels", "feature", 583, 41, ["United-States", "Cuba"]),
        ColumnRecord(
            "row", "identifier", "a different whole number in every row, rising by 1", "left out", 0, 32561, ["1"]
        ),
        ColumnRecord("income", "category", "2 labels", "target", 0, 2, ["<=50K", ">50K"]),
    ]
    sure = np.linspace(0.53, 0.995, 10)
    right = np.clip(sure - 0.03 * np.sin(9 * sure), 0, 1)
    fpr = np.linspace(0, 1, 120)
    names = [
        "capital-gain",
        "relationship",
        "age",
        "education-num",
        "occupation",
        "hours-per-week",
        "capital-loss",
        "sex",
    ]
    value = "12.6% of 16,281 sealed rows wrong (95% interval 12.1% to 13.1%); the trivial baseline's is 23.6%"
    bins = [
        {
            "predicted": float(p),
            "observed": float(o),
            "low": float(o) - 0.02,
            "high": min(1, float(o) + 0.02),
            "rows": 1628,
        }
        for p, o in zip(sure, right, strict=True)
    ]
    items = [
        {"name": n, "value": 0.05 / (i + 1) ** 1.2, "low": 0.045 / (i + 1) ** 1.2, "high": 0.056 / (i + 1) ** 1.2}
        for i, n in enumerate(names)
    ]
    worst = [["<=50K", ">50K", f"{0.99 - i / 300:.1%}", 30 + i, "Private", "Masters", "Husband", 0] for i in range(10)]
    return Run(
        source="adult.csv",
        command="ungated fit adult.csv --target income --test adult.test --time 60s --memory 2GB --seed 0",
        seed=0,
        started="2025-11-22T20:15:42Z",
        budget={"seconds": 60.0, "bytes": 2e9},
        machine={
            "cores": 2,
            "memory": 8.2e9,
            "free": 5.1e9,
            "gflops": 48.2,
            "bandwidth": 9.1e9,
            "scalar": 12.5,
            "load": 0.31,
            "bf16": True,
            "gpu": "",
            "system": "Linux 6.8",
            "processor": "x86_64",
        },
        versions={"ungated": "0.1.0", "python": "3.11.9", "numpy": "2.3.1", "scikit-learn": "1.7.2", "lightgbm": "4.6"},
        data=DataRecord(
            "adult.csv",
            32561,
            columns,
            ["24 rows stand twice or more", "education and education-num say the same in every row"],
            "CSV, delimiter ',', UTF-8, first line is a header; '?' is missing",
            rows_in_file=48842,
        ),
        task=TaskRecord(
            "classify", "income", "income holds 2 different labels", "error", "log-loss", classes=["<=50K", ">50K"]
        ),
        split="48,842 rows: 32,561 to learn from in 5 folds, 16,281 sealed",
        plan=plan_lines(entries),
        leaderboard=entries,
        error=ErrorRecord("error", 0.1264, 0.1213, 0.1315, 0.2362, 16281, value),
        metrics={"error": 0.1264, "log-loss": 0.2741, "auc": 0.0702, "f1": 0.281, "brier": 0.176},
        figures=[
            {"kind": "confusion", "title": "What was true against what was said", "labels": ["<=50K", ">50K"],
             "counts": [[11720, 715], [1343, 2503]]},
            {"kind": "calibration", "title": "How sure it was against how often it was right", "bins": bins},
            {"kind": "roc", "title": "Found >50K against false alarms",
             "curves": [{"label": ">50K", "fpr": fpr.tolist(), "tpr": (fpr**0.16).tolist()}]},
            {"kind": "importance", "title": "What mattered", "metric": "error", "items": items},
            {"kind": "mistakes", "title": "The worst mistakes", "rows": worst,
             "columns": ["true", "said", "sure", "age", "workclass", "education", "relationship", "capital-gain"],
             "note": "6 more columns are not shown."},
            {"kind": "histogram", "title": "How sure it was", "edges": np.linspace(0.5, 1, 11).tolist(),
             "counts": [310, 420, 510, 640, 720, 910, 1230, 1650, 2900, 6991]},
        ],
        notes=["task: classify, since income holds 2 different labels (--task regress is refused: no numbers)",
               "threads: 1 of 2, since another process keeps 31% of the cores busy"],
        ended="the time is up",
        seconds=57.9,
        peak_bytes=1_240_000_000,
        model="models/adult",
    )  # fmt: skip


def regress() -> Run:
    """A run on diamonds: amounts, thirty-odd figures' worth of scatter."""
    rng = np.random.default_rng(1)
    run = classify()
    actual = np.exp(rng.normal(7.8, 1.0, 1500)).clip(330, 18800)
    said = actual * np.exp(rng.normal(0, 0.12, 1500))
    run.source, run.command = "diamonds.parquet", "ungated fit diamonds.parquet --target price --time 2m"
    run.task = TaskRecord("regress", "price", "price holds 11,602 different whole numbers", "rmse", "rmse")
    run.leaderboard = candidates(rng, 4200.0)
    run.error = ErrorRecord("rmse", 531.2, 512.9, 549.8, 3987.4, 10788)
    run.metrics = {"rmse": 531.2, "mae": 268.9, "r2": 0.0177}
    run.budget, run.seconds = {"seconds": 120.0, "bytes": 2e9}, 118.2
    run.figures = [
        {"kind": "residuals", "title": "True against said", "unit": "$",
         "predicted": said.tolist(), "actual": actual.tolist()},
        {"kind": "importance", "title": "What mattered", "metric": "rmse",
         "items": [{"name": n, "value": v, "low": v * 0.9, "high": v * 1.1}
                   for n, v in (("carat", 2810.0), ("clarity", 640.5), ("color", 410.1), ("depth", -1.5))]},
    ]  # fmt: skip
    return run


def many_classes() -> Run:
    """Twenty-six classes, no better than the baseline, long names."""
    rng = np.random.default_rng(2)
    run = classify()
    labels = [chr(65 + i) for i in range(26)]
    counts = rng.poisson(1.2, (26, 26)) * (rng.random((26, 26)) < 0.2)
    counts[np.diag_indices(26)] = rng.integers(60, 160, 26)
    assert run.task
    run.task.target, run.task.classes = "letter", labels
    run.error = ErrorRecord("error", 0.231, 0.222, 0.240, 0.2362, 4000)
    run.figures = [
        {"kind": "confusion", "title": "True against said", "labels": labels, "counts": counts.tolist()},
        {"kind": "confusion", "title": "Seven", "labels": [f"a fairly long name {i}" for i in range(7)],
         "counts": (np.eye(7, dtype=int) * 12 + 1).tolist()},
        {"kind": "weather", "title": "A kind nobody knows", "wind": [1, 2], "note": "Shown as a table."},
    ]  # fmt: skip
    return run


def picture(rng: np.random.Generator, side: int = 12) -> str:
    return media.weights(rng.normal(size=(3, side, side)).tolist())


def sound(rng: np.random.Generator, seconds: float = 0.05) -> str:
    file = io.BytesIO()
    with wave.open(file, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(8000)
        w.writeframes(rng.integers(-9000, 9000, int(8000 * seconds)).astype("<i2").tobytes())
    return f"data:audio/wav;base64,{base64.b64encode(file.getvalue()).decode()}"


PUSHED = [["A ", 0], ["charming", 2.0], [" film, ", 0.0], ["never", -1.0], ["\n\tdull", 0.01]]
SPOKEN = [["لم يكن ", 0], ["سيئا", 1.0], [" على الإطلاق 👍🏽", -0.5]]


def examples(rng: np.random.Generator) -> list[dict[str, object]]:
    """A figure of every kind that shows examples."""
    told = {"true": "shirt", "said": "coat", "sure": 0.93}
    shown = [{**told, "image": picture(rng), "file": f"photos/shirt/IMG {i}.png"} for i in range(7)]
    heard = [{**told, "image": picture(rng), "audio": sound(rng), "file": f"{i}.wav"} for i in range(3)]
    read = [{**told, "pieces": pieces, "file": "a.txt"} for pieces in (PUSHED, SPOKEN)]
    warm = [{**told, "image": picture(rng), "heat": rng.normal(size=(8, 8)).tolist()} for _ in range(3)]
    loud = [{**heard[0], "heat": [rng.normal(size=32).tolist()]}]
    whys = ["is cut short", "is empty", "is empty", "is text, not a picture"]
    worth = [{"name": n, "value": v, "low": v - 0.01, "high": v + 0.01} for n, v in (("pictures", 0.1), ("texts", 0))]
    pair = {"true": "shirt", "said": "coat", "count": 37}
    return [
        {"kind": "pictures", "title": "Worst pictures", "items": shown},
        {"kind": "pictures", "title": "Pairs", "groups": [{**pair, "items": shown[:4]}, {**pair, "items": []}]},
        {"kind": "players", "title": "Worst sounds", "items": heard},
        {"kind": "texts", "title": "Worst texts", "items": read},
        {"kind": "occlusion", "title": "Looked at", "items": warm},
        {"kind": "attention", "title": "Listened to", "items": loud},
        {"kind": "filters", "title": "Filters", "items": [{"values": rng.normal(size=(5, 5)).tolist()}] * 5},
        {"kind": "parts", "title": "Worth", "metric": "error", "items": worth},
        {"kind": "broken", "title": "Left out", "of": 80,
         "items": [{"file": f"photos/{i}.jpg", "why": why} for i, why in enumerate(whys)]},
    ]  # fmt: skip


def mixed() -> Run:
    """A run on a table of pictures, sounds, texts and numbers."""
    run = classify()
    run.figures = [*run.figures[:2], *examples(np.random.default_rng(3))]
    return run


def bare() -> Run:
    """A run that came to nothing."""
    failed = Entry(
        "ridge",
        "ridge",
        "ridge",
        "theory",
        1970,
        None,
        None,
        None,
        None,
        0.0,
        0,
        0.0,
        0.0,
        fate="killed at the deadline",
    )
    return Run(source="", command="", seed=0, started="", leaderboard=[failed])


class Page(HTMLParser):
    """The tags and texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "link", "img", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        (self.scripts if self.open and self.open[-1] == "script" else self.texts).append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    @property
    def charts(self) -> dict[str, dict[str, object]]:
        return json.loads(next(s for s in self.scripts if s.startswith("{")))


def found() -> Run:
    """A run without a target: rows on a map, in the order of time, and why some of them are odd."""
    run = bare()
    run.found = ["2 of 40 rows are called anomalies"]
    why = [{"column": "heat", "value": "90", "usual": "30 to 50", "share": 0.9}]
    items = [
        {"label": f"row {i}", "score": 0.9 - i / 100, "anomaly": i < 2, "why": why if i < 2 else []} for i in range(8)
    ]
    places = {
        "x": [i % 7 for i in range(40)],
        "y": [i / 3 for i in range(40)],
        "labels": [f"row {i}" for i in range(40)],
    }
    colours = {"score": [i / 40 for i in range(40)], "kind": ["a", "b"] * 20, "gap": [None] * 40}
    pixel = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="
    windows = [{"from": "2024-01-01", "to": "2024-01-20", "mean": 0.4, "most": 0.9}]
    run.figures = [
        {"kind": "anomalies", "title": "The most unusual rows", "items": items},
        {"kind": "map", "title": "Where they lie", **places, "colours": colours, "marks": [i < 2 for i in range(40)]},
        {"kind": "map", "title": "With pictures", **places, "colours": {}, "images": [pixel, None] * 20},
        {
            "kind": "timeline",
            "title": "Scores",
            "at": [1.7e12, 1.71e12],
            "score": [0.1, 0.9],
            "windows": windows,
            "bar": 0.8,
        },
    ]
    return run


RUNS = {
    "found": found,
    "classify": classify,
    "regress": regress,
    "many classes": many_classes,
    "mixed": mixed,
    "bare": bare,
}


NASTY = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)" x=\'',
    "{{ 7 * 7 }}{% raw %}",
    "a\u2028b\u2029c",
    "<!-- --> ]]> &amp; &lt;",
    "\u202emoc.live\u202c عربى שלום",
    "👩‍👩‍👧‍👦 naïve Ünïcode",
    "nul\x00 bell\x07 half\ud800",
    "x" * 5000,
    "",
    "constructor",
    "__proto__",
]


def hostile() -> Run:
    """The classify run with every text a person could have put into a file replaced by something nasty."""
    run = classify()
    assert run.data
    assert run.task
    run.source = run.command = run.split = run.model = run.started = run.ended = NASTY[0]
    run.data.columns = [ColumnRecord(t, t, t, t, 1, 1, [t]) for t in NASTY]
    run.data.source, run.data.how, run.data.warnings = NASTY[0], NASTY[0], NASTY
    run.task.target, run.task.why, run.task.classes, run.notes = NASTY[0], NASTY[1], NASTY, NASTY
    run.machine = run.versions = {t: t for t in NASTY}
    for entry, text in zip(run.leaderboard, NASTY, strict=False):
        entry.algorithm, entry.name, entry.fate, entry.settings = text, text, text, {text: text}
    run.plan = [PlanLine("x", t, t, 0, 0.0, 0.0, False, t) for t in NASTY]
    square = np.ones((len(NASTY), len(NASTY)), int).tolist()
    items = [{"name": t, "value": 0.1, "low": 0.0, "high": 0.2} for t in NASTY]
    curves = [{"label": t, "fpr": [0, 1], "tpr": [0, 1]} for t in NASTY]
    run.figures = [
        {"kind": "confusion", "title": NASTY[0], "labels": NASTY, "counts": square},
        {"kind": "importance", "title": NASTY[1], "metric": NASTY[0], "items": items},
        {"kind": "roc", "title": NASTY[2], "curves": curves},
        {"kind": "mistakes", "title": NASTY[3], "columns": NASTY, "rows": [NASTY], "note": NASTY[0]},
        {"kind": NASTY[0], NASTY[1]: NASTY[2]},
        *hostile_examples(),
    ]
    return run


def hostile_examples() -> list[dict[str, object]]:
    """Every kind of example, with names, texts and addresses that want out."""
    wants_out = [*NASTY, "data:image/svg+xml,<svg onload=alert(1)>", "data:text/html;base64,AAAA", "http://a.b/c.png"]
    rng = np.random.default_rng(0)
    drawn = [picture(rng), *(f"{picture(rng)}{tail}" for tail in ('" onerror="alert(1)', " ", "\n"))]
    uris = [*drawn, *wants_out]
    items = [
        {"image": uri, "audio": uri, "heat": uri, "true": t, "said": t, "sure": t, "file": t, "caption": t,
         "pieces": [[t, 1.0], [t, t], [t, math.nan]], "values": None}
        for uri, t in zip(uris, NASTY * 3, strict=False)
    ]  # fmt: skip
    kinds = ("pictures", "players", "texts", "occlusion", "attention")
    broken = [{"file": t, "why": t} for t in NASTY]
    return [
        *({"kind": kind, "title": NASTY[1], "items": items} for kind in kinds),
        {"kind": "pictures", "groups": [{"true": t, "said": t, "count": 1, "items": items[:2]} for t in NASTY[:4]]},
        {"kind": "broken", "items": broken, "counts": dict.fromkeys(NASTY, 1)},
    ]
