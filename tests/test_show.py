"""What a row becomes: cells, pictures, sounds and texts as they came, and the very numbers that an algorithm gets."""

import base64
import json
from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile
from click.testing import CliRunner
from PIL import Image

from ungated import show as showing
from ungated.cli import app
from ungated.core.errors import InputError, UsageError
from ungated.modalities import picture
from ungated.report.show import html_of, lines


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    rows = [f"{i},{20 + i % 50},{'abc'[i % 3]},2024-01-{1 + i % 28:02},{i % 2}" for i in range(90)]
    path.write_text("\n".join(["id,age,job,hired,y", *rows]) + "\n90,,c,2024-01-05,1\n", encoding="utf-8")
    return path


def test_a_row_of_a_table_is_told_cell_by_cell(table: Path) -> None:
    shown = showing.show(table, 3)
    (item,) = shown.items
    cells = {row["column"]: row for row in item["rows"]}
    assert list(cells) == ["id", "age", "job", "hired", "y"]
    assert cells["age"]["cell"] == "22"
    assert cells["age"]["numbers"][0] == ["age", 22.0]
    assert dict(cells["job"]["numbers"]) == {"job = a": 0.0, "job = b": 0.0, "job = c": 1.0}
    assert cells["id"]["numbers"] == []
    assert "left out" in cells["id"]["why"]
    assert "Row 3 of" in shown.title
    assert "job = c" in html_of(shown)
    assert any("job = c" in line for line in lines(shown))


def test_a_missing_cell_is_called_missing(table: Path) -> None:
    cells = {row["column"]: row for row in showing.show(table, 91).items[0]["rows"]}
    assert cells["age"]["cell"] in (None, "")
    assert ["age is missing", 1.0] in cells["age"]["numbers"]


@pytest.mark.parametrize("row", [0, 92, -1])
def test_a_row_that_is_not_there_is_refused(table: Path, row: int) -> None:
    with pytest.raises(UsageError, match="91 rows"):
        showing.show(table, row)


def test_a_kind_may_be_shown_in_its_own_way(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def told(column: str, cell: object, values: pl.Series, how: object) -> dict[str, object]:
        return {"text": f"{column}: {cell} of {len(values)}"}

    monkeypatch.setitem(showing.SHOWS, "category", told)
    shown = showing.show(table, 1)
    assert [item["kind"] for item in shown.items] == ["category", "cells"]
    assert shown.items[0]["text"] == "job: a of 91"
    assert shown.items[0]["why"]


# -- pictures, sounds and texts, as typed into a terminal --------------------------------------------------------------


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of ten pictures in colour in two classes, and one that is cut short."""
    rng = np.random.default_rng(0)
    for i in range(10):
        path = tmp_path / "photos" / "ab"[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (40, 30, 3), dtype=np.uint8)).save(path)
    whole = (tmp_path / "photos" / "a" / "0.png").read_bytes()
    (tmp_path / "photos" / "a" / "cut.png").write_bytes(whole[: len(whole) // 2])
    return tmp_path / "photos"


def typed(*words: object) -> tuple[int, str]:
    """(exit code, what was said) of `ungated show ...`. What it refuses is raised."""
    done = CliRunner().invoke(app, ["show", *map(str, words)], catch_exceptions=False, standalone_mode=False)
    return done.exit_code, done.output


def test_a_picture_is_shown_by_its_very_pixels(photos: Path, tmp_path: Path) -> None:
    code, said = typed(photos, "--row", 3, "--out", tmp_path / "page.html")
    assert code == 0
    assert "40 × 30 pixels, red, green, blue: 3,600 numbers" in said
    assert "label = a" in said
    (item, _) = showing.show(photos, 3).items
    pixels = np.asarray(Image.open(photos / item["file"]))
    top, left = item["crop"]["top"], item["crop"]["left"]
    values = np.array(item["crop"]["values"]).transpose(1, 2, 0)
    assert (values == pixels[top : top + len(values), left : left + len(values)]).all()
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count('src="data:image/') == 3  # as it came, as it is kept, its edges
    assert "script-src" in page or "default-src" in page


def test_the_busiest_square_is_told() -> None:
    pixels = np.zeros((30, 50, 1), np.uint8)
    pixels[20:26:2, 40:46] = 255
    top, left = showing._busiest(pixels, 8)
    assert (top <= 20, top + 8 >= 26, left <= 40, left + 8 >= 46) == (True,) * 4
    assert showing._busiest(np.zeros((5, 3, 1), np.uint8), 8) == (0, 0)  # smaller than the square


def test_edges_are_drawn_along_what_they_are_of() -> None:
    """A border between dark above and light below is a bright line that lies, not one that stands."""
    pixels = np.zeros((24, 24, 1), np.uint8)
    pixels[14:] = 255
    uri = picture.edges(picture.pack(pixels), 240)
    drawn = np.asarray(Image.open(BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("L"), float)
    assert drawn.shape == (240, 240)
    bright = drawn > 128
    assert bright.any(axis=0).sum() > 3 * bright.any(axis=1).sum() > 0


def test_a_broken_file_is_said_to_be_one(photos: Path) -> None:
    names = sorted(p.name for p in (photos / "a").iterdir())
    code, said = typed(photos, "--row", names.index("cut.png") + 1)
    assert code == 0
    assert "a/cut.png is cut short" in said
    with pytest.raises(InputError, match=r"cut\.png is cut short"):
        typed(photos / "a" / "cut.png")


@pytest.mark.parametrize("row", ["0", "-3", "12", "99999999999999999999"])
def test_nonsense_rows_of_a_folder_are_refused(photos: Path, row: str) -> None:
    with pytest.raises(UsageError, match="11 rows; --row"):
        typed(photos, "--row", row)


def test_only_the_file_of_the_row_is_decoded(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    decode = picture.decode
    monkeypatch.setattr(picture, "decode", lambda files, *a, **k: asked.append(len(files)) or decode(files, *a, **k))
    showing.show(photos, 5)
    assert asked == [1]


def test_a_sound_is_heard_seen_and_told_in_numbers(tmp_path: Path) -> None:
    for name in ("low/a.wav", "high/b.wav"):
        (tmp_path / name).parent.mkdir()
        wave = 0.1 * np.sin(2 * np.pi * (200 if "low" in name else 400) * np.arange(8000) / 8000)
        soundfile.write(tmp_path / name, wave, 8000)
    code, said = typed(tmp_path, "--row", 2, "--out", tmp_path / "page.html")
    assert code == 0
    item = showing.show(tmp_path, 2).items[0]
    told = dict(item["numbers"])
    assert item["file"] == "low/a.wav"
    assert told["pitch, median Hz"] == pytest.approx(200, rel=0.02)
    assert item["seconds"] == 1.0
    assert max(high for _, high in item["wave"]) == pytest.approx(1, abs=0.01)  # however quiet it is
    assert "pitch, median Hz" in said
    assert "<audio" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_text_is_shown_as_tokens_that_spell_it(tmp_path: Path) -> None:
    words = ("good", "dull")
    rows = [
        json.dumps({"text": f"the film number {i} was {w} and we liked it", "y": w}) for i in range(30) for w in words
    ]
    path = tmp_path / "films.jsonl"
    path.write_text("\n".join(rows), encoding="utf-8")
    item = showing.show(path, 4).items[0]
    assert item["text"] == "the film number 1 was dull and we liked it"
    assert "".join(piece for piece, _ in item["tokens"]) == item["text"]
    assert len(item["tokens"]) < 15
    assert "dull" in [term for term, _ in item["terms"]]
    assert item["learned"] == 60
    code, said = typed(path, "--row", 4)
    assert code == 0
    assert "TF-IDF" in said
    assert "its strongest terms" in said


def test_texts_of_any_script_are_tokens(tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_text("one tweet here 😀\nסתם טקסט בעברית\n", encoding="utf-8")
    code, said = typed(path)
    assert code == 0
    assert "😀·" in said
    assert "networks get" not in said  # nothing of it is cut
    assert typed(path, "--row", 2)[0] == 0


def test_a_page_in_a_folder_bears_the_datas_name(table: Path, tmp_path: Path) -> None:
    assert str(tmp_path / "people-row-2.html") in typed(table, "--row", 2, "--out", tmp_path)[1]
    assert (tmp_path / "people-row-2.html").is_file()
    with pytest.raises(UsageError, match="cannot be written"):
        typed(table, "--out", tmp_path / "nowhere" / "page.html")


def test_without_out_nothing_is_written(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert typed(table)[0] == 0
    assert sorted(tmp_path.iterdir()) == before


def test_open_opens_a_page(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    typed(table, "--open")
    (uri,) = opened
    assert uri.endswith("people-row-1.html")


@pytest.mark.parametrize("name", ["song.json", "song.abc"])
def test_a_tune_is_heard_seen_and_told_in_codes(name: str, tmp_path: Path) -> None:
    abc = "X:1\nT:Up and down\nM:4/4\nL:1/4\nK:C\nCDEF|GABc|cBAG|FEDC|\n"
    path = tmp_path / name
    path.write_text(json.dumps([[60, 64], [62, 65], [], [64, 67]]) if name.endswith("json") else abc, encoding="utf-8")
    shown = showing.show(path)
    item = next(i for i in shown.items if i["kind"] == "tune")
    assert item["audio"].startswith("data:audio/wav")
    assert item["image"].startswith("data:image/png")
    said = [said for said, _ in item["tokens"]]
    assert said[:2] == ["E4", "C4"] if name.endswith("json") else said[:3] == ["wait 0", "C4", "length 24"]
    assert item["image"] in html_of(shown)
    assert any("C4" in line for line in lines(shown))
