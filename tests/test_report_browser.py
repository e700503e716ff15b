"""The report in a real browser: its charts are drawn, a phone shows them whole, and nobody else's script runs."""

import html
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from report_runs import RUNS, Page, bare, classify, hostile

from ungated import report

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
