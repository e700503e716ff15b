"""What mattered: asked of models whose reasons are known, so that the figures must name them."""

import struct
import sys
import time
import types
from typing import Any

import numpy as np
import polars as pl
import pytest

from ungated import explain, report
from ungated.core.algorithm import State
from ungated.core.run import Run
from ungated.modalities.table import ColumnKind, Schema
from ungated.tasks.classify import Classify
from ungated.tasks.regress import Regress

PIXEL = "data:image/png;base64,AAAA"
WAVE = "data:audio/wav;base64,AAAA"


class Fake:
    """A model that answers by a function of the frame, in the chance of the second class, or in amounts."""

    def __init__(self, kinds: dict[str, str], says: Any, task: Any = None, slow: float = 0.0) -> None:
        self.schema = Schema(tuple(ColumnKind(n, k, "") for n, k in {**kinds, "y": "category"}.items()))
        self.features, self.target = tuple(kinds), "y"
        self.task = task or Classify(("no", "yes"))
        self.says, self.slow, self.asked = says, slow, 0

    @property
    def supervised(self) -> Any:
        return self.task

    def answer(self, typed: pl.DataFrame) -> np.ndarray:
        time.sleep(self.slow * typed.height)
        self.asked += typed.height
        said = np.asarray(self.says(typed), float)
        return np.stack([1 - said, said], axis=1) if self.task.id == "classify" else said[:, None]


@pytest.fixture(autouse=True)
def previews(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand-ins for what makes a picture or a sound fit to be shown."""
    import ungated.modalities as house

    made = {"picture": lambda cell, side: PIXEL, "sound": lambda cell: (WAVE, PIXEL)}
    for name, preview in made.items():
        module = types.ModuleType(f"ungated.modalities.{name}")
        module.preview = preview  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(house, name, module, raising=False)


def picture(pixels: np.ndarray) -> bytes:
    return struct.pack("<HHH", *pixels.shape) + pixels.astype(np.uint8).tobytes()


def bright_corner(typed: pl.DataFrame) -> list[float]:
    """The chance of "yes": how bright the upper left quarter is."""
    corners = [np.frombuffer(c, np.uint8, offset=6).reshape(32, 32, 1)[:16, :16].mean() / 255 for c in typed["p"]]
    return [0.05 + 0.9 * c for c in corners]


def pictures(n: int = 20) -> tuple[pl.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    y = np.arange(n) % 2
    cells = []
    for label in y:
        pixels = rng.integers(0, 60, (32, 32, 1))
        pixels[:16, :16] += 190 * label
        cells.append(picture(pixels))
    wrong = [0, 1, 2]
    truth = np.where(np.isin(np.arange(n), wrong), 1 - y, y)
    return pl.DataFrame({"p": cells, "y": [("no", "yes")[t] for t in truth]}), truth


def test_a_picture_is_warm_where_the_answer_rests() -> None:
    frame, y = pictures()
    model = Fake({"p": "picture"}, bright_corner)
    figure = explain.looked(model, frame, y, model.answer(frame), 5.0)  # type: ignore[arg-type]
    assert figure
    assert figure["kind"] == "occlusion"
    assert len(figure["items"]) == 6
    for item in figure["items"]:
        heat = np.array(item["heat"])
        assert heat.shape == (8, 8)
        assert np.abs(heat[5:, 5:]).max() < 1e-9
        assert np.abs(heat[:4, :4]).min() > 0
        if item["said"] == "yes":
            assert heat[1, 1] > 0
    assert {i["true"] == i["said"] for i in figure["items"]} == {True, False}


def test_a_sound_is_warm_when_it_speaks() -> None:
    cells = []
    for loud in (0, 1) * 6:
        samples = np.zeros(3200, "<i2")
        samples[1600:2000] = 9000 * loud
        cells.append(struct.pack("<I", 8000) + samples.tobytes())
    frame = pl.DataFrame({"s": cells, "y": ["no", "yes"] * 6})
    model = Fake(
        {"s": "sound"},
        lambda f: [0.1 + 0.8 * (np.abs(np.frombuffer(c, "<i2", offset=4)).sum() > 2.5e6) for c in f["s"]],
    )
    y = np.arange(12) % 2
    figure = explain.looked(model, frame, y, model.answer(frame), 5.0)  # type: ignore[arg-type]
    assert figure
    warm = next(i for i in figure["items"] if i["said"] == "yes")
    assert warm["audio"] == WAVE
    heat = np.array(warm["heat"])
    assert heat.shape == (1, 32)
    assert set(np.flatnonzero(heat[0] > 1)) <= set(range(15, 21))
    assert heat[0].max() > 1


def wretched(typed: pl.DataFrame) -> list[float]:
    return [0.5 + 0.4 * ("good" in t) - 0.3 * ("bad" in t) for t in typed["t"]]


@pytest.mark.parametrize("padding", [0, 400, 9000])
def test_the_words_that_push_are_found(padding: int) -> None:
    long = "word " * padding
    text = f"{long[: 400 * 5]}a good film,\n\tnot bad {long}"
    frame = pl.DataFrame({"t": [text], "y": ["no"]})
    model = Fake({"t": "text"}, wretched)
    made = explain.examples(model, frame, np.array([0]), model.answer(frame), 5.0, ["a.txt"])  # type: ignore[arg-type]
    (item,) = made[0]["items"]
    told = "".join(bit for bit, _ in item["pieces"])
    assert told == text or padding
    assert "a good film,\n\tnot bad " in told
    assert len(told) < 5000
    assert all(part in text for part in told.split(" … "))
    assert len(item["pieces"]) < 200
    weights = {bit: weight for bit, weight in item["pieces"] if weight}
    assert set(weights) == {"good", "bad"}
    assert weights["good"] > 0 > weights["bad"]
    assert item["file"] == "a.txt"
    assert model.asked < 200


def test_amounts_have_words_too() -> None:
    frame = pl.DataFrame({"t": ["a garden, no roof"] * 4, "y": [1.0, 2.0, 3.0, 4.0]})
    says = lambda f: [10.0 + 5 * ("garden" in t) for t in f["t"]]  # noqa: E731
    model = Fake({"t": "text"}, says, Regress.learn([1.0, 2.0, 3.0, 4.0]))
    figure = explain.pushed(model, frame, frame["y"].to_numpy(), model.answer(frame), 5.0)  # type: ignore[arg-type]
    assert figure
    assert dict(figure["items"][0]["pieces"])["garden"] == 5.0
    assert "sure" not in figure["items"][0]


def test_the_kind_that_decides_is_worth_most() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 400)
    frame = pl.DataFrame(
        {"t": [("bad", "good")[v] for v in y], "a": rng.normal(size=400), "b": rng.normal(size=400), "y": y}
    ).with_columns(pl.col("y").replace_strict({0: "no", 1: "yes"}))
    model = Fake({"t": "text", "a": "number", "b": "number"}, wretched)
    figure = explain.worth(model, frame, 5.0)  # type: ignore[arg-type]
    assert figure
    first, last = figure["items"]
    assert first["name"] == "texts"
    assert first["low"] > 0
    assert last["name"] == "numbers and categories"
    assert last["value"] == 0
    assert explain.worth(Fake({"a": "number", "b": "date"}, lambda f: f["a"] > 0), frame, 5.0) is None  # type: ignore[arg-type]
    importance = explain.importance(model, frame, 5.0)  # type: ignore[arg-type]
    assert importance
    assert importance["items"][0]["name"] == "t"


def test_mistakes_have_pictures_and_pairs_have_examples() -> None:
    frame, y = pictures()
    model = Fake({"p": "picture"}, bright_corner)
    answer = model.answer(frame)
    names = [f"{i}.png" for i in range(20)]
    (figure,) = explain.examples(model, frame, y, answer, 1.0, names)  # type: ignore[arg-type]
    assert figure["kind"] == "pictures"
    assert {i["file"] for i in figure["items"]} == {"0.png", "1.png", "2.png"}
    assert all(i["true"] != i["said"] and i["image"] == PIXEL for i in figure["items"])
    pairs = explain.confused(model, frame, y, answer)  # type: ignore[arg-type]
    assert pairs
    assert [(g["true"], g["said"], g["count"]) for g in pairs["groups"]] == [("yes", "no", 2), ("no", "yes", 1)]
    table = explain.mistakes(model, frame, y, answer)  # type: ignore[arg-type]
    assert table["rows"][0][2] == "a picture"


@pytest.mark.alone
def test_without_time_nothing_is_asked_and_nothing_fails() -> None:
    frame, y = pictures()
    texts = frame.select(pl.lit("a good film").alias("t"), "y")
    slow = Fake({"p": "picture"}, bright_corner, slow=0.005)
    answer = slow.answer(frame)
    began = time.monotonic()
    assert explain.looked(slow, frame, y, answer, 0.05) is None  # type: ignore[arg-type]
    assert explain.looked(slow, frame, y, answer, 0.0) is None  # type: ignore[arg-type]
    assert explain.importance(slow, frame, 0.01) is None  # type: ignore[arg-type]
    assert time.monotonic() - began < 1
    reader = Fake({"t": "text"}, wretched)
    (figure,) = explain.examples(reader, texts, y, reader.answer(texts), 0.0)  # type: ignore[arg-type]
    assert not any(weight for i in figure["items"] for _, weight in i["pieces"])


def test_empty_cells_are_passed_over() -> None:
    frame, y = pictures()
    gone = frame.with_columns(pl.lit(None, pl.Binary).alias("p"))
    model = Fake({"p": "picture"}, lambda f: [0.5] * f.height)
    answer = model.answer(gone)
    assert explain.examples(model, gone, y, answer, 1.0) == []  # type: ignore[arg-type]
    assert explain.looked(model, gone, y, answer, 1.0) is None  # type: ignore[arg-type]
    assert explain.confused(model, gone, y, answer) is None  # type: ignore[arg-type]


def test_the_first_layer_is_found_among_what_was_learned() -> None:
    layer = np.random.default_rng(0).normal(size=(64, 3, 5, 5)).astype(np.float32)
    states = [State(), State(arrays={"head": np.zeros((9, 9)), "deep": np.zeros((8, 64, 3, 3)), "stem": layer})]
    figure = explain.filters(states)
    assert figure
    assert np.array(figure["items"][0]["values"]).shape == (3, 5, 5)
    assert len(figure["items"]) == 48
    assert explain.filters(states[:1]) is None


def test_the_report_shows_what_is_explained() -> None:
    frame, y = pictures()
    model = Fake({"p": "picture"}, bright_corner)
    answer = model.answer(frame)
    run = Run(source="", command="", seed=0, started="")
    run.figures = [
        *explain.examples(model, frame, y, answer, 1.0),  # type: ignore[arg-type]
        explain.confused(model, frame, y, answer),  # type: ignore[arg-type, list-item]
        explain.looked(model, frame, y, answer, 5.0),  # type: ignore[arg-type, list-item]
    ]
    page = report.html(run)
    assert page.count(f'src="{PIXEL}"') == 3 + 3 + 2 * 6
