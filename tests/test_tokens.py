"""Text as tokens: any text can be written in them and read back; networks over them look at no padding."""

import dataclasses
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ungated.algorithms import discover
from ungated.core.algorithm import Fitted, State
from ungated.core.clock import Clock
from ungated.core.errors import ModelError
from ungated.core.numbers import Form, Numbers
from ungated.engines import state
from ungated.modalities.text.tokens import LONGEST, TokenEncoder
from ungated.tasks.classify import Classify

PROSE = [
    f"The {a} {b} was {c}, and so the end." for a in ("old", "new") for b in ("film", "book") for c in ("good", "bad")
]
CODE = "def f(x):\n\treturn {\n\t\t'a':  1,\r\n    }  # ünïcode 🙂\n"
pytest.importorskip("tokenizers")
ENCODER = TokenEncoder.fit(pl.Series("text", PROSE * 5), {"most_a_text": 512})
LONG = dataclasses.replace(ENCODER, length=512)


def encoded(encoder: TokenEncoder, *texts: str | None) -> np.ndarray:
    return encoder.numbers(pl.Series("text", texts, pl.String), np.zeros(len(texts))).x


@given(st.text(max_size=100))
@settings(deadline=None)
def test_any_text_comes_back_from_its_tokens(text: str) -> None:
    x = encoded(LONG, text)
    assert x.dtype == np.int32
    assert x.min() >= 0
    assert x.max() < LONG.levels
    assert LONG.decode(x[0]) == text


@given(st.lists(st.one_of(st.none(), st.text(max_size=40)), min_size=1, max_size=8))
@settings(deadline=None)
def test_padding_stands_at_the_end_and_nowhere_else(texts: list[str | None]) -> None:
    for text, row in zip(texts, encoded(ENCODER, *texts), strict=True):
        used = int((row > 0).sum())
        assert (row[:used] > 0).all()
        assert (row[used:] == 0).all()
        assert (used == 0) == (text is None)


@given(st.text(max_size=60), st.text(max_size=60))
@settings(deadline=None)
def test_a_text_is_encoded_alone_as_in_company(one: str, other: str) -> None:
    np.testing.assert_array_equal(encoded(ENCODER, one)[0], encoded(ENCODER, other, one)[1])


@given(st.text(max_size=200))
@settings(deadline=None)
def test_spans_are_the_tokens_that_were_encoded(text: str) -> None:
    spans = ENCODER.spans(text)
    row = encoded(ENCODER, text)[0]
    assert [code for *_, code in spans] == row[row > 0].tolist()
    assert all(0 <= a <= b <= len(text) for a, b, _ in spans)


@pytest.mark.parametrize(
    "text", [CODE, "नमस्ते दुनिया", "שלום עולם", "你好，世界", "\x00\ufeff\u200d", "<pad> [UNK] </s>"]
)
def test_scripts_and_white_space_are_kept(text: str) -> None:
    assert LONG.decode(encoded(LONG, text)[0]) == text


def test_common_words_are_tokens_and_rare_ones_are_not() -> None:
    said = [PROSE[0][a:b] for a, b, _ in ENCODER.spans(PROSE[0])]
    assert "The" in said
    assert " film" in said
    assert len(ENCODER.spans("zyxwv")) > 4
    few = TokenEncoder.fit(pl.Series("text", ["ab", "cd"]), {})
    assert few.levels == 257, "two words teach no more than bytes"
    assert few.size == (8,)


def test_only_training_rows_decide() -> None:
    before = dataclasses.astuple(ENCODER)
    encoded(ENCODER, "film " * 100, "gibberish " * 100)
    assert dataclasses.astuple(ENCODER) == before
    assert TokenEncoder.fit(pl.Series("text", PROSE * 5), {"most_a_text": 512}) == ENCODER


def test_the_vocabulary_and_the_length_are_bounded() -> None:
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(list("abcdefgh"), 6)) for _ in range(3000)]
    texts = pl.Series("text", [" ".join(rng.choice(words, 400)) for _ in range(60)])
    encoder = TokenEncoder.fit(texts, {"most_tokens": 300})
    assert encoder.levels == 301
    assert encoder.size == (LONGEST,)


def test_of_a_long_text_both_ends_are_kept() -> None:
    text = "The good film " + "x " * 5_000_000 + "was bad, and so the end."
    read = ENCODER.decode(encoded(ENCODER, text)[0])
    assert read.startswith("The good")
    assert read.endswith(" end.")
    assert len(ENCODER.decode(encoded(ENCODER, "a" * 1_000_000)[0])) >= ENCODER.length - 1


def test_it_is_the_same_after_save_and_load(tmp_path: Path) -> None:
    state.write(tmp_path / "tokens", ENCODER.state())
    again = TokenEncoder.load(state.read(tmp_path / "tokens"))
    assert again == ENCODER
    np.testing.assert_array_equal(encoded(again, *PROSE, CODE, None), encoded(ENCODER, *PROSE, CODE, None))


@pytest.mark.parametrize("rules", ["", "{}", "not JSON"])
def test_a_damaged_encoder_is_refused_in_words(rules: str) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        TokenEncoder.load(State({"source": "text", "length": 8, "levels": 300}, texts={"rules": rules}))


def test_no_text_at_all() -> None:
    encoder = TokenEncoder.fit(pl.Series("text", [None, None], pl.String), {})
    assert encoded(encoder, None, "a").shape == (2, encoder.length)


def order_matters(rows: int, seed: int = 0) -> Numbers:
    """Filler in which 1 stands right before 2 (yes) or 2 right before 1 (no): counts say nothing."""
    rng = np.random.default_rng(seed)
    x = rng.integers(3, 30, size=(rows, 20), dtype=np.int32)
    y, at = rng.integers(2, size=rows), rng.integers(0, 8, size=rows)
    x[np.arange(rows), at], x[np.arange(rows), at + 1] = np.where(y, 1, 2), np.where(y, 2, 1)
    x[np.arange(20) >= rng.integers(10, 21, size=rows)[:, None]] = 0
    return Numbers(Form.TOKENS, x, y, levels=30)


@cache
def learned_order(which: str) -> Fitted:
    """Each network's fit to what only order tells, shared by the tests that ask it."""
    return discover()[which]().fit(order_matters(500), Classify(("no", "yes")), Clock(seed=1))


class TestNetworks:
    @pytest.fixture(autouse=True)
    def _modern(self) -> None:
        pytest.importorskip("torch", reason="the extra `modern` is not installed")

    @pytest.mark.parametrize("which", ["token_cnn", "transformer"])
    def test_order_is_seen_and_padding_is_not(self, which: str) -> None:
        fitted = learned_order(which)
        fresh = order_matters(200, seed=1)
        answer = fitted.answer(fresh.x)
        assert np.mean(answer.argmax(axis=1) == fresh.y) > 0.9
        padded = np.pad(fresh.x, ((0, 0), (0, 13)))
        np.testing.assert_allclose(fitted.answer(padded), answer, atol=1e-5)
        assert np.isfinite(fitted.answer(np.zeros((3, 20), np.int32))).all()

    @pytest.mark.parametrize("which", ["token_cnn", "transformer"])
    def test_what_was_learned_elsewhere_helps(self, which: str) -> None:
        algorithm, task, fresh = discover()[which](), Classify(("no", "yes")), order_matters(300, seed=2)
        start = learned_order(which).state()
        few = order_matters(40, seed=3)
        wider = Classify(("no", "yes", "never"))
        alone, moved = algorithm.fit(few, wider, Clock()), algorithm.fit_from(start, few, wider, Clock())
        assert task.loss(fresh.y, moved.answer(fresh.x)) < task.loss(fresh.y, alone.answer(fresh.x))

    def test_a_causal_transformer_sees_no_later_token(self) -> None:
        import torch

        from ungated.algorithms.modern.transformer import network

        net = network(30, 0, 32, 2, 2, 0.0, 0.0, causal=True).eval()
        for p in net.parameters():
            torch.nn.init.normal_(p, std=0.2)
        x = torch.randint(1, 30, (2, 12))
        y = x.clone()
        y[:, 7:] = 3
        assert net(x).shape == (2, 12, 30)
        torch.testing.assert_close(net(x)[:, :7], net(y)[:, :7])
        assert not torch.allclose(net(x)[:, 7:], net(y)[:, 7:])

    def test_minibatches_by_length_hold_every_row_once(self) -> None:
        from ungated.engines.torch_loop import Schedule, _minibatches

        sizes = np.random.default_rng(0).integers(1, 99, size=1000)
        plan = Schedule(epochs=1, batch=8, rate=0.1)
        batches = _minibatches(1000, plan, 0, sizes)
        epoch = [next(batches).numpy() for _ in range(125)]
        assert sorted(np.concatenate(epoch)) == list(range(1000))
        assert np.mean([np.ptp(sizes[rows]) for rows in epoch]) < 10
