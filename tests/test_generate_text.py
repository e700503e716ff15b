"""Writing: what the algorithms of streams expect, what is drawn from it, and the way from a text to a writer."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import ungated
from ungated.algorithms import discover
from ungated.cli import app
from ungated.core.clock import Clock
from ungated.core.errors import UsageError
from ungated.core.numbers import Form, Numbers
from ungated.engines.copied import Copied
from ungated.engines.ngrams import Counts, Grams, kneser_ney
from ungated.engines.recent import Memory, Recent
from ungated.engines.sampling import drawn
from ungated.generation.text import until, write
from ungated.modalities.text.stream import StreamEncoder
from ungated.model import Model
from ungated.tasks.generate import Generate

WORDS = ["the", "king", "and", "queen", "of", "north", "came", "to", "hall", "said", "that", "winter", "was", "long"]


def prose(letters: int, seed: int = 0) -> str:
    rng = np.random.default_rng(seed)
    text = ""
    while len(text) < letters:
        text += " ".join(rng.choice(WORDS, rng.integers(4, 12))).capitalize() + ".\n"
    return text[:letters]


STREAMS = st.lists(st.lists(st.integers(1, 4), max_size=8), min_size=1, max_size=12)


def stream(documents: list[list[int]]) -> np.ndarray:
    return np.array([c for d in documents for c in (0, *d)], np.int32)


class TestGrams:
    @settings(deadline=None)
    @given(STREAMS, STREAMS, st.integers(1, 5))
    def test_three_ways_of_asking_say_the_same(
        self, learned: list[list[int]], asked: list[list[int]], order: int
    ) -> None:
        x, new = stream([*learned, [1, 2]]), stream(asked)
        grams = kneser_ney(Counts.of(x, 5, order))
        chances, table = grams.chances(new), grams.table(new)
        context = grams.begun()
        for i in range(1, len(new)):
            expected = grams.expected(context)
            assert expected.sum() == pytest.approx(1, abs=1e-5)
            assert expected.min() > 0
            assert chances[i] == pytest.approx(expected[new[i]], rel=1e-4)
            assert table[i] == pytest.approx(expected, rel=1e-3)
            context = grams.follow(context, int(new[i])) if new[i] else grams.begun()

    @settings(deadline=None)
    @given(STREAMS)
    def test_runs_are_counted_as_by_hand(self, documents: list[list[int]]) -> None:
        x = stream([*documents, [1, 2, 1]])
        counts = Counts.of(x, 5, 3)
        runs: dict[tuple[int, ...], int] = {}
        for i in range(len(x) - 2):
            run = tuple(x[i : i + 3].tolist())
            if run[1]:
                runs[run] = runs.get(run, 0) + 1
        assert sorted(counts.raw[2].tolist()) == sorted(runs.values())
        assert len(counts.keys[2]) == len(runs)

    def test_what_comes_before_a_document_tells_nothing(self) -> None:
        grams = kneser_ney(Counts.of(stream([[1, 2, 3], [2, 1, 3], [1, 2, 2]]), 5, 4))
        one = grams.chances(stream([[1, 2]]))
        two = grams.chances(stream([[3, 3, 4], [1, 2]]))
        assert two[-2:] == pytest.approx(one[-2:])


def test_what_was_met_in_this_document_is_expected_again() -> None:
    x = stream([[1, 2, 3, 4] * 6, [1, 2, 3, 4]])
    how = Recent((2, 3), 0.8, 1.0)
    even = np.full(len(x), 0.2)
    chances = how.chances(x, even)
    assert chances[20:25].min() > 0.8
    assert chances[26:] == pytest.approx(0.2)  # another document
    memory = Memory(how)
    for i in range(1, 25):
        expected = memory.mixed(np.full(5, 0.2))
        assert expected.sum() == pytest.approx(1)
        assert expected[x[i]] == pytest.approx(chances[i])
        memory.take(int(x[i]))


def numbers(letters: int, marks: int = 0, seed: int = 0) -> tuple[Numbers, StreamEncoder]:
    texts = pl.Series("text", [prose(letters, seed)])
    encoder = StreamEncoder.fit(texts, {"units": "characters", "fills": bool(marks)})
    return encoder.numbers(texts, np.zeros(0)), encoder


SMALL = {"width": 64, "window": 32, "batch": 1024, "effort": 0.2}
WRITERS = {
    "markov_chain": {},
    "kneser_ney": {},
    "cache_ngrams": {},
    "lstm": SMALL,
    "language_transformer": SMALL,
    "guided_transformer": SMALL | {"effort": 0.1},
}


@pytest.fixture(scope="module", params=WRITERS)
def fitted(request: pytest.FixtureRequest) -> tuple[str, Any, StreamEncoder]:
    """(id, what it learned, the encoder) of every writer of text."""
    algorithm = discover()[request.param](**WRITERS[request.param])
    if algorithm.card.extras:
        pytest.importorskip("torch")
    train, encoder = numbers(6000, marks=3)
    return request.param, algorithm.fit(train, Generate.learn("text"), Clock()), encoder


class TestWriters:
    def test_a_voice_says_what_an_answer_says(self, fitted: tuple[str, Any, StreamEncoder]) -> None:
        _, writer, encoder = fitted
        x = np.append(np.int32(0), encoder.encode(prose(300, seed=1)))
        answer, voice = writer.answer(x)[:, 0], writer.voice()
        for i in range(1, len(x)):
            chances = voice.next()
            assert chances.sum() == pytest.approx(1)
            assert chances[-3:].max() == 0
            assert np.log(chances[x[i]]) == pytest.approx(np.log(answer[i]), abs=0.02)
            voice.take(int(x[i]))

    def test_a_gap_is_gone_on_from_what_stands_before_it(self, fitted: tuple[str, Any, StreamEncoder]) -> None:
        _, writer, encoder = fitted
        voice = writer.voice()
        for code in encoder.asked("the king and th", " queen")[0]:
            voice.take(code)
        chances = voice.next()
        assert chances.sum() == pytest.approx(1)
        assert np.isfinite(chances).all()

    def test_text_is_foretold_better_than_by_chance(self, fitted: tuple[str, Any, StreamEncoder]) -> None:
        name, writer, encoder = fitted
        held = encoder.numbers(pl.Series("text", [prose(1500, seed=2)]), np.zeros(0))
        bits = Generate.learn("text").loss(held.y, writer.answer(held.x))
        assert bits < 2.5, name


class TestTask:
    def test_bits_are_counted_by_bytes(self) -> None:
        task = Generate.learn("text")
        assert task.loss(np.array([0.0, 1, 2]), np.array([[1.0], [0.5], [0.25]])) == pytest.approx(1.0)
        assert task.all_measures(np.ones(2), np.full((2, 1), 0.5))["nats-per-byte"] == pytest.approx(np.log(2))

    def test_an_impossible_code_costs_much_but_not_all(self) -> None:
        assert np.isfinite(Generate.learn("text").loss(np.ones(2), np.array([[0.0], [1.0]])))

    def test_the_baseline_knows_nothing(self) -> None:
        task, y = Generate.learn("text"), np.array([0.0, 1, 1, 1])
        assert task.loss(y, np.tile(task.baseline(y), (4, 1))) == pytest.approx(8.0)

    def test_the_interval_holds_the_error(self) -> None:
        task, rng = Generate.learn("text"), np.random.default_rng(0)
        answer = rng.uniform(0.05, 1, (20_000, 1))
        low, high = task.measure.interval(np.ones(20_000), answer)
        assert low < task.loss(np.ones(20_000), answer) < high


class TestDrawing:
    def test_no_temperature_takes_the_likeliest(self) -> None:
        rng = np.random.default_rng(0)
        assert {drawn(np.array([0.2, 0.5, 0.3]), 0.0, 1.0, rng) for _ in range(20)} == {1}

    def test_the_unlikely_tail_is_left_out(self) -> None:
        rng = np.random.default_rng(0)
        assert {drawn(np.array([0.05, 0.6, 0.35]), 1.0, 0.9, rng) for _ in range(300)} == {1, 2}

    def test_chances_are_kept_at_temperature_one(self) -> None:
        rng = np.random.default_rng(0)
        found = np.bincount([drawn(np.array([0.2, 0.5, 0.3]), 1.0, 1.0, rng) for _ in range(6000)]) / 6000
        assert found == pytest.approx([0.2, 0.5, 0.3], abs=0.03)

    @settings(deadline=None)
    @given(st.text("ab#", max_size=30), st.lists(st.text("ab#", min_size=1, max_size=3), max_size=2))
    def test_what_stops_is_not_given(self, text: str, stops: list[str]) -> None:
        ends = [n for n in range(len(text) + 1) if any(s in text[:n] for s in stops)]  # the first to be written counts
        kept = text[: min(text.find(s) for s in stops if s in text[: ends[0]])] if ends else text
        assert "".join(until(iter(text), stops)) == kept


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=60), st.binary(max_size=30), st.integers(1, 6))
def test_the_longest_copied_span_is_found(known: bytes, made: bytes, least: int) -> None:
    spans = [made[i:j] for i in range(len(made)) for j in range(i + least, len(made) + 1)]
    start, end = Copied.of(known, least).longest(made)
    assert end - start == max((len(s) for s in spans if s in known), default=0)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("writer")
    (folder / "tale.txt").write_text(prose(40_000))
    chosen = ["kneser_ney", "markov_chain"]
    return ungated.fit(
        folder / "tale.txt", task="generate", time="60s", algorithms=chosen, candidates=3, out=folder / "model"
    )


class TestFit:
    def test_the_sealed_end_is_foretold(self, model: Model) -> None:
        assert model.error.metric == "bits-per-byte"
        assert model.error.rows == 4001
        assert model.error.high < 3 < 8.0 == pytest.approx(model.error.baseline, rel=0.01)

    def test_it_writes_the_same_for_the_same_seed(self, model: Model) -> None:
        one, same, other = ("".join(write(model, "The ", max_tokens=60, seed=s)) for s in (1, 1, 2))
        assert one == same != other
        assert len(one) == 60

    def test_it_ends_where_it_is_told(self, model: Model) -> None:
        text = "".join(write(model, "The king", max_tokens=400, seed=0, stop=(".",)))
        assert "." not in text
        assert len(text) < 400

    def test_what_is_out_of_range_is_refused(self, model: Model) -> None:
        with pytest.raises(UsageError, match="temperature"):
            next(write(model, temperature=-1))
        with pytest.raises(UsageError, match="top-p"):
            next(write(model, top_p=0))

    def test_unseen_characters_in_a_prompt_are_no_hindrance(self, model: Model) -> None:
        assert "".join(write(model, "日本 the ki", max_tokens=20, seed=0))

    def test_the_report_and_the_card_say_what_was_copied(self, model: Model) -> None:
        assert {"written", "costs"} <= {f["kind"] for f in model.run.figures}
        assert "Texts that it wrote" in model.report
        assert model.folder is not None
        card = (model.folder / "MODEL.md").read_text()
        assert "tale.txt" in card
        assert "Licence" in card

    def test_a_loaded_model_writes_the_same(self, model: Model) -> None:
        assert model.folder is not None
        loaded = ungated.load(model.folder)
        assert "".join(write(loaded, "The ", max_tokens=40, seed=3)) == "".join(
            write(model, "The ", max_tokens=40, seed=3)
        )

    def test_the_commands_write(self, model: Model) -> None:
        runner = CliRunner()
        given = ["--max-tokens", "30", "--seed", "0"]
        said = runner.invoke(app, ["generate", str(model.folder), "--prompt", "The king", "--count", "2", *given])
        assert said.exit_code == 0
        assert said.output.count("The king") == 2
        typed = runner.invoke(app, ["complete", str(model.folder), *given], input="The king\n\n:new\nThe queen\n")
        assert typed.exit_code == 0
        assert len([line for line in typed.output.splitlines() if line]) >= 3

    def test_another_text_is_evaluated(self, model: Model, tmp_path: Path) -> None:
        (tmp_path / "other.txt").write_text(prose(5000, seed=9))
        scores = model.evaluate(tmp_path / "other.txt")
        assert scores.error.value < 3

    def test_files_are_parted_whole(self, tmp_path: Path) -> None:
        for i in range(30):
            (tmp_path / f"{i}.py").write_text(f"def f{i}(x):\n    return x + {i}\n\n\nprint('{prose(300, i)!r}')\n")
        out = tmp_path / "m"
        ungated.fit(tmp_path, task="generate", time="60s", algorithms="kneser_ney", candidates=2, out=out)
        run = json.loads((out / "run.json").read_text())
        assert "3 rows sealed" in run["split"]
        assert run["error"]["value"] < 8


def test_grams_of_one_code_are_no_hindrance() -> None:
    grams: Grams = kneser_ney(Counts.of(np.array([0, 1], np.int32), 3, 7))
    assert grams.expected(grams.begun()).sum() == pytest.approx(1)
    assert grams.chances(np.array([0, 1, 2], np.int32)).min() > 0


def test_a_stream_of_another_form_is_refused() -> None:
    from ungated.core.errors import InputError

    with pytest.raises(InputError, match="no stream"):
        discover()["kneser_ney"]().fit(
            Numbers(Form.STREAM, np.zeros((2, 2), np.int32), np.zeros(2), levels=3), Generate.learn("text"), Clock()
        )


def test_who_needs_renamed_copies_is_not_asked_of_prose(tmp_path: Path) -> None:
    (tmp_path / "prose.txt").write_text("It was the best of times, it was the worst of times.\n" * 100)
    asked = {line.algorithm for line in ungated.plan(tmp_path / "prose.txt", task="generate").plan}
    assert "kneser_ney" in asked
    assert "factored_ngrams" not in asked
