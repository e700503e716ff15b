"""What every algorithm promises that learns without given answers: judged by the exam that its task makes.

Nothing here names an algorithm. A check that does not apply to one is skipped by its card, with the reason.
"""

import dataclasses
import math
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array
from shelves import ALGORITHMS, MACHINE, usable
from threadpoolctl import threadpool_limits

from ungated import tasks
from ungated.core.algorithm import Fitted, Maker, Writer
from ungated.core.clock import Clock
from ungated.core.errors import InputError
from ungated.core.numbers import Column, Form, Numbers, Shape
from ungated.engines import state
from ungated.tasks import Unsupervised

TASKS = {
    (cls.id, Form(cls.form)): cls.learn("", ("0", "1"))
    for cls in filter(None, (tasks.unsupervised(i, f) for i in tasks.known() for f in Form))
}
PAIRS = [
    (id_, task)
    for id_, cls in ALGORITHMS.items()
    for task in sorted(cls.card.tasks)
    if any(t == task for t, _ in TASKS) and id_ != "baseline"
]
ROWS = 300

every_pair = pytest.mark.parametrize(("id_", "task"), PAIRS)


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with threadpool_limits(1):
        yield


def task_of(id_: str, task: str) -> Unsupervised:
    """The task whose exam has the algorithm's form, else that of rows."""
    form = ALGORITHMS[id_].card.form
    return TASKS[task, form if (task, form) in TASKS else Form.ROWS]


def example(form: Form, rows: int = ROWS, seed: int = 0) -> Numbers:
    """An easy set: clear groups, baskets that go together, a text with habits, pictures of two kinds."""
    rng = np.random.default_rng(seed)
    if form is Form.ITEMS:
        return baskets(rows, rng)
    if form is Form.STREAM:
        return stream(8 * rows, rng)
    if form is Form.PIXELS:
        return pictures(rows, rng)
    group = rng.integers(3, size=rows)
    middle = 4.0 * np.array([[1, 0, 0, 1, 0], [0, 1, 0, -1, 0], [0, 0, 1, 0, 1]])
    x = middle[group] + 0.5 * rng.normal(size=(rows, 5))
    x[:, 3:] += 0.5 * x[:, :2]  # columns that go together, as real ones do
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    columns = tuple(Column(f"number {i}", f"number {i}") for i in range(5))
    return Numbers(form, x.astype(np.float32), np.zeros(rows), columns)


def baskets(rows: int, rng: np.random.Generator) -> Numbers:
    """Baskets of twenty items, most of which come in threes."""
    x = rng.random((rows, 20)) < 0.05
    x[np.arange(rows)[:, None], 3 * rng.integers(6, size=rows)[:, None] + np.arange(3)] = True
    held = np.array([rng.choice(np.flatnonzero(row)) for row in x])
    columns = tuple(Column(f"item {i}", "basket") for i in range(20))
    return Numbers(Form.ITEMS, csr_array(x.astype(np.uint8)), held, columns)


def stream(length: int, rng: np.random.Generator) -> Numbers:
    """Sequences in which each code is mostly followed by the next, each begun by 0."""
    codes = np.zeros(length, np.int32)
    for i in range(1, length):
        codes[i] = 1 + codes[i - 1] % 7 if rng.random() < 0.8 else rng.integers(1, 8)
        if i % 100 == 0:
            codes[i] = 0
    return Numbers(Form.STREAM, codes, (codes > 0).astype(np.float64), levels=8)


def pictures(rows: int, rng: np.random.Generator) -> Numbers:
    """Small pictures that are bright above or bright below."""
    kind = rng.integers(2, size=rows)
    x = rng.uniform(0, 40, size=(rows, 1, 8, 8))
    x[kind == 0, :, :4] += 150
    x[kind == 1, :, 4:] += 150
    return Numbers(Form.PIXELS, x.astype(np.uint8), kind)


def exam(id_: str, task: str, rows: int = 200, seed: int = 1) -> Numbers:
    """A held-out part as the task asks about it."""
    of, form = task_of(id_, task), ALGORITHMS[id_].card.form
    asked = of.exam(example(of.form, rows, seed), 0)
    return asked if form is of.form else dataclasses.replace(example(form, rows, seed), y=asked.y)


@cache
def learned(id_: str, task: str) -> tuple[Fitted, Clock]:
    """One fit with the defaults to the easy set, shared by the checks that look at it."""
    cls, clock = ALGORITHMS[id_], Clock(seed=3)
    return cls().fit(example(cls.card.form), task_of(id_, task), clock), clock


def check_answer(answer: np.ndarray, of: Unsupervised, rows: int) -> None:
    assert answer.dtype == np.float64
    assert answer.shape == (rows, of.outputs or answer.shape[1])
    assert np.isfinite(answer).all()


@every_pair
def test_it_beats_the_baseline(id_: str, task: str) -> None:
    cls, of = usable(id_, "beats the baseline"), task_of(id_, task)
    asked = exam(id_, task)
    answer = learned(id_, task)[0].answer(asked.x)
    check_answer(answer, of, len(asked))
    trivial = np.tile(of.baseline(example(cls.card.form).y), (len(asked), 1))
    assert of.loss(asked.y, answer) < 0.9 * of.loss(asked.y, trivial)


@every_pair
def test_it_is_the_same_after_save_and_load(id_: str, task: str, tmp_path: Path) -> None:
    cls = usable(id_, "save and load")
    fitted, asked = learned(id_, task)[0], exam(id_, task, 100)
    state.write(tmp_path / "part", fitted.state())
    again = cls().load(state.read(tmp_path / "part"))
    np.testing.assert_array_equal(again.answer(asked.x), fitted.answer(asked.x))


@every_pair
def test_the_same_seed_learns_the_same(id_: str, task: str) -> None:
    cls = usable(id_, "deterministic")
    asked = exam(id_, task, 100)
    again = cls().fit(example(cls.card.form), task_of(id_, task), Clock(seed=3))
    np.testing.assert_array_equal(again.answer(asked.x), learned(id_, task)[0].answer(asked.x))


@every_pair
def test_an_answer_does_not_depend_on_its_company(id_: str, task: str) -> None:
    cls = usable(id_, "row by row")
    if cls.card.form in (Form.STREAM, Form.PIXELS) and task == "generate":
        return  # a stream's codes are each other's company; what is made answers no row
    fitted, x = learned(id_, task)[0], exam(id_, task, 50).x
    alone = np.concatenate([fitted.answer(x[i : i + 7]) for i in range(0, x.shape[0], 7)])
    np.testing.assert_allclose(alone, fitted.answer(x), rtol=1e-4, atol=1e-4)


@every_pair
def test_it_honours_the_clock(id_: str, task: str) -> None:
    """An expired clock is counted in steps, not in seconds, which mean little on a busy machine."""
    cls, of = usable(id_, "honours the clock"), task_of(id_, task)
    late = Clock(seconds=1e-6)
    asked = exam(id_, task, 40)
    check_answer(cls().fit(example(cls.card.form, 1000), of, late).answer(asked.x), of, len(asked))
    assert len(late.curve) <= 3, "it went on learning after its time was up"


@every_pair
def test_the_cost_is_arithmetic(id_: str, task: str) -> None:
    cls, before = ALGORITHMS[id_], 0.0
    outputs = task_of(id_, task).outputs
    size = {Form.PIXELS: (1, 8, 8), Form.STREAM: ()}.get(cls.card.form, (20,))
    for rows in (10, 300, 10_000, 300_000):
        shape = Shape(cls.card.form, task, rows, int(np.prod(size)), outputs, (50,), size, 3.0)
        cost = cls().cost(shape, MACHINE)
        assert math.isfinite(cost.seconds)
        assert 0 < cost.bytes < math.inf
        assert cost.seconds > before or cls.card.anytime
        before = cost.seconds


@every_pair
def test_odd_data_are_survived(id_: str, task: str) -> None:
    """Few examples, one column, constant columns, the same example again, arrays that may not be written to."""
    cls, of = usable(id_, "survives odd data"), task_of(id_, task)
    whole = example(cls.card.form, 60)
    few = (30, 12) if cls.card.form is Form.STREAM else (5, 2, 1)
    odd = {f"{n}": whole.take(np.arange(n)) for n in few}
    odd["the same again"] = whole.take(np.zeros(30, np.int64))
    if cls.card.form is Form.ROWS:
        odd["one column"] = dataclasses.replace(whole, x=whole.x[:, :1], columns=whole.columns[:1])
        odd["constant columns"] = dataclasses.replace(whole, x=np.ones_like(whole.x))
    if cls.card.form is not Form.ITEMS:
        fixed = whole.x.copy()
        fixed.flags.writeable = False
        odd["read only"] = dataclasses.replace(whole, x=fixed)
    for what, part in odd.items():
        x = whole.x[:9, : part.x.shape[1]] if cls.card.form is Form.ROWS else whole.x[:9]
        try:
            check_answer(cls().fit(part, of, Clock(seconds=0.15)).answer(x), of, 9)
        except AssertionError as e:
            raise AssertionError(f"{what}: {e}") from e


@every_pair
def test_bad_input_is_refused_with_its_reason(id_: str, task: str) -> None:
    cls = usable(id_, "refuses bad input")
    known = example(cls.card.form, 50)
    refused = {"rows|nothing|empty|no |few": known.take(np.zeros(0, np.int64))}
    if cls.card.form is Form.ROWS:
        infinite, missing = known.x.copy(), known.x.copy()
        infinite[5, 1], missing[5, 1] = np.inf, np.nan
        refused["number 1"] = dataclasses.replace(known, x=infinite)
        refused["missing"] = dataclasses.replace(known, x=missing)
        refused["column"] = dataclasses.replace(known, x=known.x[:, :0])
    for word, numbers in refused.items():
        with pytest.raises(InputError, match=word) as e:
            cls().fit(numbers, task_of(id_, task), Clock())
        assert len(str(e.value).splitlines()) <= 5


@every_pair
def test_drawn_settings_learn_too(id_: str, task: str) -> None:
    cls, of = usable(id_, "drawn settings"), task_of(id_, task)
    rng, known = np.random.default_rng(5), example(cls.card.form, 120)
    for algorithm in (cls().draw(rng), *(cls(**v) for v in cls.variants)):
        asked = exam(id_, task, 20)
        answer = algorithm.fit(known, of, Clock(seconds=0.2)).answer(asked.x)
        assert answer.shape[0] == len(asked)
        assert np.isfinite(answer).all()


@every_pair
def test_who_generates_can_write_or_make(id_: str, task: str) -> None:
    if task != "generate":
        return
    usable(id_, "writes or makes")
    fitted = learned(id_, task)[0]
    if isinstance(fitted, Writer):
        written = example(Form.STREAM, 20).x
        voice, told = fitted.voice(), fitted.answer(written)[:, 0]
        for i, code in enumerate(written[1:60].tolist(), 1):  # what it says as it writes is what it answered
            chances = voice.next()
            assert chances.shape == (8,)
            assert abs(chances.sum() - 1) < 1e-5
            np.testing.assert_allclose(chances[code], told[i], rtol=2e-3, atol=1e-5)
            voice.take(code)
        return
    assert isinstance(fitted, Maker)
    made = fitted.make(np.array([0, 1, 1]), seed=4)
    assert made.dtype == np.uint8
    assert made.shape == (3, 1, 8, 8)
    np.testing.assert_array_equal(made, fitted.make(np.array([0, 1, 1]), seed=4))
