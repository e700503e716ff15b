"""What a row of the data became, on a page and in lines: whole, small, and safe from what the row holds."""

import re

import numpy as np
from report_runs import MEGABYTE, NASTY, Page, picture, sound

from ungated.core.shown import Shown
from ungated.report import show


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
