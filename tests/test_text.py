"""Texts as numbers: any string goes through, training rows alone teach, and what was learned outlives its process."""

import dataclasses
import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ungated.algorithms.classical.nb_svm import NBSVM
from ungated.algorithms.theory.logistic_regression import LogisticRegression
from ungated.core.algorithm import State
from ungated.core.clock import Clock
from ungated.core.numbers import Form, Numbers, Takes
from ungated.engines import state
from ungated.engines.descent import descend
from ungated.modalities.duplicates import ones
from ungated.modalities.text import MeaningPart, TermsPart, clean, fingerprints, grams, survey
from ungated.modalities.text.duplicates import FEW
from ungated.tasks.classify import Classify

SPARSE = frozenset({Takes.SPARSE})
COUNTS = frozenset({Takes.SPARSE, Takes.COUNTS})
PLAIN: frozenset[Takes] = frozenset()
ODD = [
    "",
    " ",
    "\n\t",
    "naïve café",
    "naïve café".replace("é", "e\u0301"),
    "👩‍👩‍👧 🎉🎉",
    "שלום עולם",
    "مرحبا بالعالم",
    "今日はいい天気ですね",
    "สวัสดีชาวโลก",
    "x" * 300,
    "if a:\n    return b\t# done",
    "\u0000\u0007\ufeffhidden",
    None,
]


def series(texts: list[str | None], name: str = "text") -> pl.Series:
    return pl.Series(name, texts, pl.String)


def kept(part: TermsPart | MeaningPart, folder: Path) -> TermsPart | MeaningPart:
    """The same part, by way of files."""
    fields = {f.name: getattr(part, f.name) for f in dataclasses.fields(part)}
    arrays = {k: v for k, v in fields.items() if isinstance(v, np.ndarray)}
    state.write(folder / "part", State({k: v for k, v in fields.items() if k not in arrays}, arrays))
    back = state.read(folder / "part")
    return type(part)(**{k: tuple(v) if isinstance(v, list) else v for k, v in back.values.items()}, **back.arrays)


def test_one_spelling_for_what_looks_the_same() -> None:
    got = clean(series(["e\u0301", "\ufeffa\u0000b\u0007", "if a:\n\t  b\r\n", None, "👩‍👩‍👧"]))
    assert got.to_list() == ["é", "ab", "if a:\n\t  b\r\n", None, "👩‍👩‍👧"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.none() | st.text(max_size=60), max_size=12),
    st.lists(st.none() | st.text(max_size=60), max_size=6),
    st.sampled_from([SPARSE, COUNTS]),
)
def test_any_strings_become_rows(known: list[str | None], fresh: list[str | None], takes: frozenset[Takes]) -> None:
    part = TermsPart.fit(series(known), survey(series(known)), takes)
    for texts in (known, fresh):
        x = part.matrix(series(texts))
        assert x.format == "csr"
        assert x.dtype == np.float32
        assert x.shape == (len(texts), part.width)
        assert np.isfinite(x.data).all()
        assert (x.data > 0).all()
    assert len(part.terms()) == part.width
    assert fingerprints(series(fresh)).shape == (len(fresh),)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.none() | st.text(max_size=40), min_size=1, max_size=12))
def test_any_strings_become_dense_numbers(texts: list[str | None]) -> None:
    part = MeaningPart.fit(series(texts), {}, PLAIN)
    out = np.full((len(texts), len(part.columns())), np.nan, np.float32)
    part.fill(series(texts), out)
    assert np.isfinite(out).all()


def test_odd_texts_keep_their_terms() -> None:
    part = TermsPart.fit(series(ODD + ODD), {}, COUNTS)
    x, terms = part.matrix(series(ODD)), part.terms()
    assert x[[0, 1, 2, 13]].nnz == 0
    assert (x[[3]] != x[[4]]).nnz == 0, "one spelling, whatever the bytes"
    for row, term in ((3, "café"), (5, "🎉"), (6, "שלום"), (7, "مرحبا"), (8, "天 気"), (9, "ช า"), (11, "return b")):
        assert x[row, terms.index(term)] >= 1, term
    assert "«天気»" in terms


def test_terms_are_counted_as_they_stand() -> None:
    part = TermsPart.fit(series(["the cat", "the cat sat", "The cat the cat"]), {}, COUNTS)
    x, terms = part.matrix(series(["the cat saw the cat", "a dog"])).toarray(), part.terms()
    assert x[0, terms.index("the")] == 2
    assert x[0, terms.index("the cat")] == 2
    assert "cat the" not in terms, "it is in one text only"
    unit = np.float32(part.share)
    assert x[0, terms.index("«cat»")] == pytest.approx(2 * unit)
    assert x[0, terms.index("«the »")] == pytest.approx(2 * unit)
    assert x[:, terms.index(f"{grams.BEGIN} the")].tolist() == [1, 0], "it begins with another word"
    assert x[1, terms.index(grams.BEGIN)] == 1
    assert x[1].sum() - 1 == pytest.approx(unit * sum(t in terms for t in ("« d»", "«a »", "« a»", "« a »")))


def test_weights_are_by_rarity_and_rows_of_length_one() -> None:
    texts = series(["common rare words", "common words", "common thing", "common rare thing"])
    part = TermsPart.fit(texts, {}, SPARSE)
    x, terms = part.matrix(texts), part.terms()
    assert x[0, terms.index("rare")] > x[0, terms.index("common")] > 0
    at = len(part.words) + len(part.pairs)
    for block in (x[:, :at], x[:, at:]):
        np.testing.assert_allclose(np.sqrt(block.power(2).sum(axis=1)), 1, rtol=1e-5)


@pytest.mark.parametrize("takes", [SPARSE, COUNTS, PLAIN])
def test_the_same_after_save_and_load(takes: frozenset[Takes], tmp_path: Path) -> None:
    texts, fresh = series(ODD * 3), series(["a café 今日は", None, "return b\n🎉"])
    if takes is PLAIN:
        dense = MeaningPart.fit(texts, {}, takes)
        one, two = (np.empty((3, len(dense.columns())), np.float32) for _ in range(2))
        dense.fill(fresh, one)
        kept(dense, tmp_path).fill(fresh, two)  # type: ignore[union-attr]
        np.testing.assert_array_equal(one, two)
    else:
        part = TermsPart.fit(texts, {}, takes)
        again = kept(part, tmp_path)
        assert (part.matrix(fresh) != again.matrix(fresh)).nnz == 0  # type: ignore[union-attr]
        assert again.terms() == part.terms()  # type: ignore[union-attr]


def test_rows_do_not_depend_on_their_company() -> None:
    texts = series([f"text number {i} of {i % 7} things" for i in range(60)])
    part = TermsPart.fit(texts[:40], {}, SPARSE)
    whole = part.matrix(texts)
    for i in (0, 17, 59):
        alone = part.matrix(texts[i : i + 1])
        np.testing.assert_allclose(alone.toarray(), whole[[i]].toarray(), rtol=1e-6)


def test_validation_words_teach_nothing() -> None:
    known = series(["good day", "good night", "bad day"])
    part = TermsPart.fit(known, {}, SPARSE)
    before = part.weights.copy()
    part.matrix(series(["unseen unseen word"] * 50))
    np.testing.assert_array_equal(part.weights, before)
    assert "unseen" not in part.terms()


def test_long_and_many_texts_stay_in_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    words = np.array([f"w{i}" for i in range(5000)])
    novel = " ".join(words[rng.integers(5000, size=400_000)])  # two million characters
    tracemalloc.start()
    part = TermsPart.fit(series([novel, novel]), {}, SPARSE)
    assert part.matrix(series([novel, "w1 w2"])).shape[0] == 2
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6
    small = TermsPart.fit(
        series([" ".join(words[rng.integers(5000, size=50)]) for _ in range(500)]), {}, SPARSE, most=100
    )
    assert small.width <= 100
    texts = series([" ".join(words[rng.integers(50, size=50)]) for _ in range(90)])
    once = small.matrix(texts)
    monkeypatch.setattr("ungated.modalities.text.terms.AT_ONCE", 1000)
    assert (small.matrix(texts) != once).nnz == 0, "portions change nothing"


def test_meaning_joins_texts_without_a_word_in_common() -> None:
    animals, money = ["cat dog", "dog pet", "pet vet", "cat vet"], ["bank loan", "loan debt", "debt rate", "bank rate"]
    part = MeaningPart.fit(series(animals * 10 + money * 10), {}, PLAIN)
    out = np.empty((3, len(part.columns())), np.float32)
    part.fill(series(["cat dog", "pet vet", "bank loan"]), out)
    assert np.linalg.norm(out[0, :4] - out[1, :4]) < np.linalg.norm(out[0, :4] - out[2, :4])
    names = [c.name for c in part.columns()]
    assert len(set(names)) == len(names)
    assert names[-2:] == ["text: characters", "text: words"]
    assert {c.source for c in part.columns()} == {"text"}


def test_near_duplicates_have_near_fingerprints() -> None:
    rng = np.random.default_rng(1)
    words = np.array([f"word{i}" for i in range(2000)])
    texts = [" ".join(words[rng.integers(2000, size=150)]) for _ in range(200)]
    again = [t.upper().replace(" ", "\n ", 5) + "!" for t in texts]
    touched = [" ".join([*t.split()[:70], "new", *t.split()[70:]]) for t in texts]
    a, b, c = (fingerprints(series(t)) for t in (texts, again, touched))
    assert a.dtype == np.uint64
    np.testing.assert_array_equal(a, b)
    assert np.median(ones(a ^ c)) <= 6
    apart = ones(a[:, None] ^ a[None, :])[np.triu_indices(200, 1)]
    assert apart.min() > 8
    short = fingerprints(
        series(["Yes, thanks!", "yes thanks", "thanks yes", "no thanks", "...", None, " ".join("a" * FEW)])
    )
    assert short[0] == short[1] != 0
    assert len(set(short[1:4].tolist())) == 3
    assert not short[4:6].any()


def test_a_survey_says_how_texts_are_written() -> None:
    how = survey(series(["one two", "three", None, "a\nb c d"]))
    assert how == {"characters": 7, "words": 2, "longest": 7, "spaceless": 0.0, "lines": pytest.approx(1 / 3)}
    assert survey(series(["今日はいい天気", "ok"]))["spaceless"] == 0.5
    assert survey(series([None]))["longest"] == 0


def test_descent_finds_the_bottom() -> None:
    rng = np.random.default_rng(0)
    bowl = rng.normal(size=(30, 30))
    bowl, goal = bowl @ bowl.T + np.eye(30), rng.normal(size=30)

    def error(v: np.ndarray) -> tuple[float, np.ndarray]:
        return float((v - goal) @ bowl @ (v - goal) / 2), bowl @ (v - goal)

    np.testing.assert_allclose(descend(error, np.zeros(30), 500, 1e-12, lambda: True), goal, atol=1e-3)
    assert error(descend(error, np.zeros(30), 500, 1e-12, lambda: False))[0] < error(np.zeros(30))[0]


def test_real_sentences_are_told_apart(data_dir: Path) -> None:
    """Customer reviews, every tenth row held out: what words and runs of characters alone make of them."""
    file = data_dir / "sentence-classification" / "custrev.all.gz"
    if not file.exists():
        pytest.skip(f"{file} is not here")
    whole = gzip.decompress(file.read_bytes()).decode("latin-1")
    lines = [line.split(" ", 1) for line in whole.split("\n") if line]
    y, texts = np.array([int(a) for a, _ in lines]), series([b for _, b in lines])
    held = np.arange(len(y)) % 10 == 0
    task = Classify(("0", "1"))
    for algorithm, takes, least in ((NBSVM(), COUNTS, 0.79), (LogisticRegression(), SPARSE, 0.78)):
        part = TermsPart.fit(texts.filter(~held), {}, takes)
        fitted = algorithm.fit(Numbers(Form.ROWS, part.matrix(texts.filter(~held)), y[~held]), task, Clock())
        answer = fitted.answer(part.matrix(texts.filter(held)))
        assert np.mean(answer.argmax(axis=1) == y[held]) > least
        assert task.loss(y[held], answer) < 0.48
