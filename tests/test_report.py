"""The report: everything in the record is on the page, nothing else is asked for, and no value can break out of it."""

import base64
import html
import io
import json
import math
import os
import re
import shutil
import subprocess
import wave
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from ungated import report
from ungated.core.run import ColumnRecord, DataRecord, Entry, ErrorRecord, PlanLine, Run, TaskRecord
from ungated.core.shown import Shown
from ungated.report import media, show, words

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


RUNS = {"classify": classify, "regress": regress, "many classes": many_classes, "mixed": mixed, "bare": bare}


@pytest.fixture(params=RUNS, scope="module")
def run(request: pytest.FixtureRequest) -> Run:
    return RUNS[request.param]()


def test_a_page_is_whole_and_small(run: Run) -> None:
    text = report.html(run)
    page = Page(text)
    assert not page.open
    assert len(text.encode()) < 0.7 * MEGABYTE
    ids = [about["id"] for _, about in page.tags if "id" in about]
    assert len(ids) == len(set(ids))
    links = [about["href"] for tag, about in page.tags if tag == "a"]
    assert all(str(link).startswith("#") and str(link)[1:] in ids for link in links)


def test_nothing_is_asked_of_a_network(run: Run) -> None:
    page = Page(report.html(run))
    assert not [t for t, about in page.tags if t in ("link", "iframe", "object", "embed", "base", "form")]
    assert not [about for _, about in page.tags if "srcset" in about or "http" in (about.get("href") or "")]
    assert all(str(about["src"]).startswith("data:") for _, about in page.tags if "src" in about)
    policy = next(a["content"] for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    style = (Path(report.__file__).parent / "style.css").read_text(encoding="utf-8")
    assert "url(" not in style
    assert "@import" not in style


def test_every_candidate_is_named(run: Run) -> None:
    page = Page(report.html(run))
    for entry in run.leaderboard:
        assert entry.algorithm in page.text
        if entry.fate:
            assert entry.fate in page.text


def test_what_the_record_says_is_on_the_page() -> None:
    run = classify()
    text = Page(report.html(run)).text
    assert run.data
    for column in run.data.columns:
        assert column.name in text
        assert column.why in text
    for said in (
        *run.data.warnings,
        *run.notes,
        run.command,
        run.split,
        run.data.how,
        "12.6%",
        "23.6%",
        "12.1%",
        "13.1%",
    ):
        assert said in text
    for line in run.plan:
        assert line.name in text
        assert line.why in text
    assert "57.9 s" in text
    assert "1.2 GB" in text


def test_no_better_than_the_baseline_is_said_in_those_words() -> None:
    said = "no better than the baseline"
    assert said not in Page(report.html(classify())).text
    assert said in Page(report.html(many_classes())).text
    run = classify()
    for low, high in ((0.2, 0.3), (0.25, 0.3), (0.1, 0.2362)):
        run.error = ErrorRecord("error", (low + high) / 2, low, high, 0.2362, 100)
        assert said in Page(report.html(run)).text


def test_an_unopened_test_is_said() -> None:
    assert "not opened" in Page(report.html(bare())).text


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


def test_no_value_breaks_out_of_the_page() -> None:
    text = report.html(hostile())
    text.encode("utf-8")
    page = Page(text)
    assert len([t for t, _ in page.tags if t == "script"]) == len(
        [t for t, _ in Page(report.html(bare())).tags if t == "script"]
    )
    assert not [t for t, about in page.tags if any(name.startswith("on") for name in about)]
    sources = [str(about["src"]) for _, about in page.tags if "src" in about]
    assert sources
    assert all(re.fullmatch(r"data:image/png;base64,[A-Za-z0-9+/]+=*", source) for source in sources)
    assert "\u2028" not in next(s for s in page.scripts if s.startswith("{"))
    assert "49" not in Page(report.html(hostile())).charts["figure-0"]["data"]["labels"]  # type: ignore[operator, index]
    for said in NASTY[:4]:
        assert said in page.text


@pytest.mark.parametrize(
    "about",
    [
        {},
        {"kind": None},
        {"kind": "confusion"},
        {"kind": "confusion", "labels": ["a"], "counts": [[1, 2], [3]]},
        {"kind": "confusion", "labels": [], "counts": []},
        {"kind": "calibration", "bins": [{"predicted": math.nan}]},
        {"kind": "calibration", "bins": [{"predicted": 0.5, "observed": 0.5}]},
        {"kind": "residuals", "predicted": [1.0], "actual": []},
        {"kind": "residuals", "predicted": [math.nan], "actual": [1.0]},
        {"kind": "importance", "metric": "error", "items": [{"name": "a", "value": None}]},
        {"kind": "roc", "curves": []},
        {"kind": "histogram", "values": [1, 2, 3]},
        {"kind": "mistakes", "rows": 7},
        {"kind": "mistakes", "columns": ["a"], "rows": [[1, 2, 3]]},
        {"kind": ["a"], "title": {"b": 1}, "columns": {"x": 1}, "rows": "abc"},
        {"kind": "pictures"},
        {"kind": "pictures", "items": []},
        {"kind": "players", "items": [7]},
        {"kind": "texts", "items": [{"pieces": [["a"]]}]},
        {"kind": "occlusion", "items": [{"heat": [[1, 2], [3]]}]},
        {"kind": "filters", "items": [{"values": [[[1, 2]], [[1], [2]], [[1, 2]]]}]},
        {"kind": "filters", "items": [{"image": "x"}]},
        {"kind": "pictures", "groups": [{"items": [{}]}]},
        {"kind": "parts", "items": [{"name": "a"}]},
        {"kind": "broken", "items": []},
        {"kind": "broken", "items": [{"file": "a"}]},
    ],
)
def test_a_figure_that_is_not_as_it_should_be_is_a_table(about: dict[str, object]) -> None:
    run = bare()
    run.figures = [about]
    page = Page(report.html(run))
    assert [t for t, _ in page.tags].count("figure") == 1
    assert [t for t, _ in page.tags if t == "table"]


def test_a_run_of_any_size_stays_below_a_megabyte() -> None:
    run = classify()
    assert run.data
    run.data.columns = [
        ColumnRecord(f"column {i} " + "y" * 300, "number", "z" * 500, examples=["w" * 99]) for i in range(10_000)
    ]
    run.data.warnings = ["v" * 5000] * 1000
    run.notes = ["u" * 5000] * 1000
    long = curve(np.random.default_rng(0), 0.4) * 100
    first = run.leaderboard[12]
    run.leaderboard = [
        replace(first, algorithm=f"{i} " + "t" * 200, fate="x" * 2000, curve=long if i < 20 else [])
        for i in range(2000)
    ]
    run.plan = [PlanLine(f"a{i}", "s" * 200, "modern", 2020, 1.0, 1.0, False, "r" * 2000) for i in range(500)]
    many = [float(i) for i in range(50_000)]
    run.figures = [
        {"kind": "residuals", "title": "a", "predicted": many, "actual": many, "unit": ""},
        {"kind": "confusion", "title": "b", "labels": ["q" * 99] * 200, "counts": [[12345] * 200] * 200},
        {"kind": "mistakes", "title": "c", "columns": ["p" * 99] * 90, "rows": [["o" * 999] * 90] * 90},
    ]
    assert len(report.html(run).encode()) < MEGABYTE


def test_every_example_is_on_the_page() -> None:
    run = mixed()
    page = Page(report.html(run))
    for figure in run.figures:
        assert str(figure["title"]) in page.text
    text = re.sub("[\u2068\u2069]", "", page.text)  # a heading keeps the directions of its names apart
    for said in ("shirt taken for coat, 37 times", "93%", "charming", "سيئا", "photos/3.jpg", "4 files of 80 (5%)"):
        assert said in text
    kinds = [tag for tag, _ in page.tags]
    assert kinds.count("audio") == 3 + 1
    assert kinds.count("img") == 7 + 4 + 3 + 3 * 3 + 3 + 5
    assert all(about.get("alt") for tag, about in page.tags if tag == "img")
    looks = [about["class"] for tag, about in page.tags if tag == "b" and "class" in about]
    assert looks == ["towards s4", "away s2", "towards s4", "away s2"]
    assert page.text.index("is empty") < page.text.index("is cut short")  # the most frequent reason first


def test_examples_give_way_where_the_page_would_grow_too_large() -> None:
    rng = np.random.default_rng(0)
    run = mixed()
    long = [{"true": str(i), "said": "x", "audio": sound(rng, 3.0), "image": picture(rng)} for i in range(12)]
    huge = {"true": "x", "said": "y", "image": picture(rng), "audio": sound(rng, 20.0)}
    run.figures += [{"kind": "players", "title": "Long", "items": [huge, *long]}]
    run.figures += [{"kind": "pictures", "title": "Large", "items": [{"image": picture(rng, 200)} for _ in range(24)]}]
    text = report.html(run)
    assert len(text.encode()) < MEGABYTE
    page = Page(text)
    assert "Some examples are left out" in page.text
    assert "too long to be heard here" in page.text
    tags = [t for t, _ in page.tags]
    assert tags.count("audio") > 4 + 1
    assert tags.count("img") > 30


@pytest.mark.parametrize("grid", [[[1.0, -0.5], [0.0, 0.25]], [[math.inf, None, "x"]]])
def test_heat_is_a_picture_with_a_pixel_for_each_weight(grid: list[list[object]]) -> None:
    image = pytest.importorskip("PIL.Image")
    drawn = image.open(io.BytesIO(base64.b64decode(media.warmth(grid).partition(",")[2])))
    assert drawn.size == (len(grid[0]), len(grid))
    assert drawn.mode == "RGBA"
    if grid[0][0] == 1.0:
        assert drawn.getpixel((0, 0)) == (*media.TOWARDS, 205)
        assert drawn.getpixel((0, 1))[3] == 0
        assert drawn.getpixel((1, 0))[:3] == media.AWAY


def test_a_long_text_is_cut_around_what_matters() -> None:
    pieces: list[list[object]] = [["filler words go on and on ", 0]] * 300
    pieces[200] = ["wretched", 3.0]
    pieces[250] = ["superb", -2.0]
    shown = "".join(p.text for p in media.text(pieces))
    assert len(shown) < media.LONGEST_TEXT
    assert "wretched" in shown
    assert "superb" in shown
    assert shown.count("…") == 3
    assert "".join(p.text for p in media.text([["a", 0], ["\n\tb", 1]])) == "a\n\tb"
    assert media.text([["whole " * 2000, 0]])[0].text.startswith("whole whole")


def test_a_weak_text_is_marked_weakly() -> None:
    strong = {p.text: p.strength for p in media.text([["a", 1.0], ["b", 0.5], ["c", 0.01]], 1.0)}
    weak = {p.text: p.strength for p in media.text([["a", 0.01]], 1.0)}
    assert strong == {"a": 4, "b": 2, "c": 0}
    assert weak == {"a": 0}


def shown() -> Shown:
    """A row of everything."""
    rng = np.random.default_rng(0)
    crop = {"top": 2, "left": 3, "values": rng.integers(0, 256, (3, 8, 8)).tolist()}
    wave_ = [[-abs(v), abs(v)] for v in np.sin(np.arange(300) / 20) * 0.8]
    jobs = [[f"job = {c}", float(c == "b")] for c in "abcdef"]
    cells = [
        {"column": "age", "kind": "number", "why": "73 numbers", "cell": "39", "numbers": [["age", 39.0]]},
        {"column": "job", "kind": "category", "cell": "b", "numbers": jobs},
        {"column": "id", "kind": "identifier", "cell": "7", "numbers": []},
        {"column": "gap", "kind": "number", "cell": None, "numbers": [["gap", None]]},
    ]
    return Shown("Row 7 of a.csv", "CSV", [
        {"kind": "picture", "title": "photo", "file": "7.jpg", "image": picture(rng), "size": [12, 12, 3], "crop": crop,
         "hog": picture(rng), "numbers": [["edges 0", 0.25]]},
        {"kind": "text", "title": "note", "text": "A fine\nday", "tokens": [["A", 17], ["fine", 1234]],
         "terms": [["fine day", 0.61]]},
        {"kind": "sound", "title": "voice", "audio": sound(rng), "rate": 8000, "seconds": 1.5, "wave": wave_,
         "spectrogram": picture(rng), "numbers": [["pitch, Hz", 441.0]]},
        {"kind": "cells", "title": "Cells", "rows": cells},
        {"kind": "weather", "wind": 3},
    ])  # fmt: skip


def test_what_a_row_became_is_told_on_a_page_and_in_lines() -> None:
    page = Page(show.html_of(shown()))
    told = "\n".join(show.lines(shown()))
    assert not page.open
    assert "script" not in [t for t, _ in page.tags]
    for said in ("Row 7 of a.csv", "12 × 12 pixels", "432 numbers", "fine day", "1,234", "1.5 s", "441", "job = b"):
        assert said in page.text
        assert said in told
    assert "job = c" not in told
    assert "5 that are 0" in told
    assert "█" in told
    value = str(shown().items[0]["crop"]["values"][0][0][0])
    assert value in told
    assert all(str(about["src"]).startswith("data:") for _, about in page.tags if "src" in about)


def test_a_hostile_row_stays_on_its_page() -> None:
    for text in NASTY:
        plain = ("title", "file", "why", "image", "hog", "audio", "spectrogram", "text", "rate", "seconds")
        lists = {"numbers": [[text, text]], "tokens": [[text, 3]], "terms": [[text, text]], "wave": [[0, 1]]}
        cells = {"rows": [{"column": text, "kind": text, "why": text, "cell": text, "numbers": [[text, 0.0]]}]}
        kinds = ("picture", "text", "sound", "cells", text)
        row = Shown(text, text, [{**dict.fromkeys(plain, text), **lists, **cells, "kind": kind} for kind in kinds])
        page = Page(show.html_of(row))
        assert not [t for t, about in page.tags if t in ("script", "img", "audio") or any(n[:2] == "on" for n in about)]
        lines = show.lines(row)
        assert not [line for line in lines if re.search(r"[\x00-\x1f\x7f]", line)]


def test_a_row_with_nothing_to_show_is_a_page_still() -> None:
    for kind in ("picture", "text", "sound", "cells", ""):
        row = Shown("Row 1", items=[{"kind": kind}])
        assert not Page(show.html_of(row)).open
        assert show.lines(row)[0] == "Row 1"
    heavy = Shown("Row 1", items=[{"kind": "sound", "audio": sound(np.random.default_rng(0), 20.0)}] * 5)
    assert len(show.html_of(heavy)) < MEGABYTE


def test_values_that_are_not_finite_do_not_reach_the_page() -> None:
    run = classify()
    for entry in run.leaderboard[:6]:
        entry.error, entry.high, entry.seconds = math.nan, math.inf, math.nan
    run.error = ErrorRecord("error", 0.1, math.nan, math.nan, math.nan, 1)
    run.seconds, run.metrics = math.nan, {"auc": math.nan}
    text = report.html(run)
    assert not re.search(r"\b(nan|inf|NaN|Infinity|None)\b", Page(text).text)
    Page(text).charts  # noqa: B018


@pytest.mark.parametrize("metric", [*words.METRICS, "surprise"])
def test_every_metric_has_words(metric: str) -> None:
    run = classify()
    assert run.task
    run.task.metric = metric
    run.error = ErrorRecord(metric, 0.1264, 0.1213, 0.1315, 0.2362, 16281)
    shown = "12.6%" if metric in words.PERCENT else "0.1264"
    assert shown in Page(report.html(run)).text


BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
browser = pytest.mark.skipif(
    not BROWSER or os.environ.get("CI") == "true",
    reason="needs a Chromium of the developer's own to run the page's scripts; the page's text is checked everywhere",
)


def opened(text: str, folder: Path) -> tuple[str, str]:
    """What a phone's browser makes of a page once its scripts have run, and what it said on its console."""
    page = folder / "report.html"
    page.write_text(text, encoding="utf-8")
    assert BROWSER
    quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    more = [f"--user-data-dir={folder / 'browser'}", "--enable-logging=stderr", "--v=0", "--window-size=360,900"]
    command = [BROWSER, *quiet, *more, "--virtual-time-budget=3000", "--dump-dom", page.as_uri()]
    end = subprocess.run(command, capture_output=True, timeout=120, check=True)
    console = [line for line in end.stderr.decode(errors="replace").splitlines() if "CONSOLE" in line]
    return end.stdout.decode(), "\n".join(console)


@browser
@pytest.mark.parametrize("name", [*RUNS, "hostile"])
def test_charts_are_drawn_without_an_error(name: str, tmp_path: Path) -> None:
    text = report.html(hostile() if name == "hostile" else RUNS[name]())
    drawn, console = opened(text, tmp_path)
    assert not console
    assert "could not be drawn" not in drawn.split("<script", 1)[0]
    for place in Page(text).charts:
        assert re.search(rf'id="{place}"[^>]*>\s*<(svg|figure|div)', drawn), place


@browser
@pytest.mark.parametrize("name", [*RUNS, "hostile"])
def test_a_phone_need_not_scroll_sideways(name: str, tmp_path: Path) -> None:
    text = report.html(hostile() if name == "hostile" else RUNS[name]())
    measure = "const inner = document.querySelector('iframe').contentWindow; onload = () => setTimeout(() => {" + (
        "document.title = [inner.document.documentElement.scrollWidth, inner.innerWidth].join()}, 500)"
    )
    frame = f'<iframe width="360" height="800" style="border:0" srcdoc="{html.escape(text)}"></iframe>'
    drawn, _ = opened(f"<!doctype html><title></title>{frame}<script>{measure}</script>", tmp_path)
    found = re.search(r"<title>(\d+),(\d+)</title>", drawn)
    assert found
    assert int(found[1]) <= int(found[2]) == 360


@browser
def test_a_script_that_is_not_the_pages_own_does_not_run(tmp_path: Path) -> None:
    text = report.html(bare()).replace("</body>", "<script>document.title = 'run'</script></body>")
    drawn, console = opened(text, tmp_path)
    assert "<title>run</title>" not in drawn
    assert "Content Security Policy" in console


@browser
def test_a_click_sorts_the_leaderboard(tmp_path: Path) -> None:
    click = "document.querySelectorAll('#leaderboard th button')[4].click();"
    years = "[...document.querySelectorAll('#leaderboard td:nth-child(5)')].map((cell) => cell.dataset.key).join()"
    script = f"<script>{click} const up = {years}; {click} document.title = up + ' ' + {years}</script></body>"
    drawn, _ = opened(
        report.html(classify()).replace("Content-Security-Policy", "x", 1).replace("</body>", script), tmp_path
    )
    found = re.search(r"<title>(\S+) (\S+)</title>", drawn)
    assert found
    up, down = ([float(v) for v in order.split(",")] for order in found.groups())
    assert up == sorted(e.seconds for e in classify().leaderboard)
    assert down == up[::-1]
