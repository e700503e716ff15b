"""The report: everything in the record is on the page, nothing else is asked for, and no value can break out of it."""

import base64
import io
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from report_runs import MEGABYTE, NASTY, RUNS, Page, bare, classify, curve, hostile, many_classes, mixed, picture, sound

from ungated import report
from ungated.core.run import ColumnRecord, ErrorRecord, PlanLine, Run
from ungated.report import media, words


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
