"""What every algorithm promises, checked on every algorithm there is: on the shelves, or added by another package.

Nothing here names an algorithm. A check that does not apply to one is skipped by its card, with the reason.
"""

import dataclasses
import importlib
import inspect
import math
import subprocess
import sys
import tracemalloc
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array
from shelves import ALGORITHMS, MACHINE, usable
from threadpoolctl import threadpool_limits

from ungated.core.algorithm import ERAS, Algorithm, Fitted, Machine, era_of
from ungated.core.clock import Clock
from ungated.core.errors import InputError, UsageError
from ungated.core.numbers import Change, Column, Form, Numbers, Shape, Takes
from ungated.engines import extras, state
from ungated.tasks import Task
from ungated.tasks.classify import Classify
from ungated.tasks.regress import Regress

TERMS = 60  # columns of the sparse easy set
EASY = {Form.TOKENS: 240, Form.PIXELS: 160}  # examples of the easy set, where they are not 400
TASKS: dict[str, Task] = {"classify": Classify(("no", "perhaps", "yes")), "regress": Regress()}
PAIRS = [(id_, task) for id_, cls in ALGORITHMS.items() for task in sorted(cls.card.tasks & TASKS.keys())]

every_algorithm = pytest.mark.parametrize("id_", ALGORITHMS)
every_pair = pytest.mark.parametrize(("id_", "task"), PAIRS)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """As in a worker: a pool of waiting threads makes small fits many times slower beside any other process."""
    importlib.import_module("scipy.optimize")  # brings a pool of its own, which must be there to be limited
    with threadpool_limits(1):
        yield


def example(
    cls: type[Algorithm],
    task: str,
    rows: int = 400,
    seed: int = 0,
    extra_columns: int = 0,
    sparse: bool | None = None,
) -> Numbers:
    """An easy set in the form and state of preparation that the card asks for.

    sparse: whether rows are a csr_array; where it is not said, only for who takes nothing else (COUNTS).
    """
    if Takes.COUNTS in cls.card.takes if sparse is None else sparse:
        return sparse_example(cls, task, rows, seed, extra_columns)
    if cls.card.form is Form.TOKENS:
        return tokens(task, rows, seed, 24 + extra_columns)
    if cls.card.form is Form.PIXELS:
        return pixels_example(task, min(rows, 300), seed)
    if cls.card.form is not Form.ROWS:
        raise NotImplementedError(f"no easy set in the form {cls.card.form} yet: write one here")
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(rows, 3))
    kind = rng.integers(4, size=rows)
    score = numbers[:, 0] - 0.7 * numbers[:, 1] + np.array([-1.0, 0.0, 0.5, 1.5])[kind] + 0.2 * rng.normal(size=rows)
    y = np.digitize(score, [-0.5, 1.0]) if task == "classify" else 1000 + 50 * score
    numbers = np.column_stack([numbers, rng.normal(size=(rows, extra_columns))])
    if Takes.RAW_SCALE in cls.card.takes:
        numbers = 100 + 30 * numbers
    if Takes.MISSING in cls.card.takes:
        numbers[rng.random(numbers.shape) < 0.02] = np.nan
    columns = [Column(f"number {i}", f"number {i}") for i in range(numbers.shape[1])]
    if Takes.CATEGORIES in cls.card.takes:
        kinds, columns = kind[:, None], [*columns, Column("kind", "kind", levels=4)]
    else:
        kinds, columns = np.eye(4)[kind], [*columns, *(Column(f"kind = {k}", "kind") for k in range(4))]
    return Numbers(Form.ROWS, np.column_stack([numbers, kinds]).astype(np.float32), y, tuple(columns))


def sparse_example(cls: type[Algorithm], task: str, rows: int, seed: int, extra_columns: int) -> Numbers:
    """Texts of thirty or so terms, drawn from three vocabularies that overlap; weighted, or counted for COUNTS."""
    rng = np.random.default_rng(seed)
    topic = rng.integers(3, size=rows)
    share = np.array([np.roll(np.linspace(5, 1, TERMS), k * TERMS // 3) for k in range(3)])
    counts = rng.poisson(30 * share[topic] / share[topic].sum(axis=1, keepdims=True)).astype(np.float32)
    counts = np.hstack([counts, rng.poisson(0.1, size=(rows, extra_columns)).astype(np.float32)])
    if Takes.COUNTS not in cls.card.takes:
        counts /= np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1)
    y = topic if task == "classify" else 1000 + 10 * (counts[:, :TERMS] @ np.linspace(-1, 1, TERMS)).astype(np.float64)
    return Numbers(Form.ROWS, csr_array(counts), y)


def tokens(task: str, rows: int, seed: int, length: int) -> Numbers:
    """Texts of 4 to `length` codes below 40, padded, in which any of four codes says something of the answer."""
    rng = np.random.default_rng(seed)
    x = rng.integers(5, 40, size=(rows, length), dtype=np.int32)
    lengths = rng.integers(4, length + 1, size=rows)
    told = rng.random((rows, 4)) < 0.5
    for code in range(4):
        x[told[:, code], code] = code + 1
    for row, positions in enumerate(rng.permuted(np.tile(np.arange(length), (rows, 1)), axis=1)):
        x[row, : lengths[row]] = x[row, np.argsort(positions[: lengths[row]])]
        x[row, lengths[row] :] = 0
    score = told @ np.array([1.5, 0.9, -0.9, -1.5]) + 0.1 * rng.normal(size=rows)
    y = np.digitize(score, [-0.7, 0.7]) if task == "classify" else 1000 + 50 * score
    return Numbers(Form.TOKENS, x, y, levels=40)


def pixels_example(task: str, rows: int, seed: int) -> Numbers:
    """Bright spots somewhere in small noisy pictures of three channels; what is asked is how large the spot is."""
    rng = np.random.default_rng(seed)
    score, brightness = rng.uniform(-1.6, 1.6, size=rows), rng.uniform(100, 180, size=(rows, 3, 1, 1))
    up, across = (np.arange(12) - rng.uniform(3, 8, size=(rows, 1)) for _ in range(2))
    far = np.square(up)[:, :, None] + np.square(across)[:, None, :]
    spot = np.exp(-far / np.square(1.8 * np.exp(0.5 * score))[:, None, None])
    x = brightness * spot[:, None] + rng.uniform(0, 40, size=(rows, 3, 12, 12))
    y = np.digitize(score, [-0.5, 0.7]) if task == "classify" else 1000 + 50 * score
    return Numbers(Form.PIXELS, x.round().astype(np.uint8), y, changes=frozenset({Change.MIRROR}))


def easy(cls: type[Algorithm], task: str) -> Numbers:
    """The set that is learned with the defaults. Networks, which take longest, tell it from fewer examples too."""
    return example(cls, task, rows=EASY.get(cls.card.form, 400))


@cache
def learned(id_: str, task: str) -> tuple[Fitted, Clock]:
    """One fit with the defaults to the easy set, shared by the checks that look at it."""
    cls, clock = ALGORITHMS[id_], Clock(seed=3)
    return cls().fit(easy(cls, task), TASKS[task], clock), clock


@cache
def learned_again(id_: str, task: str) -> tuple[Fitted, float]:
    """The same fit when everything that it imports is there, and its seconds."""
    learned(id_, task)
    cls, clock = ALGORITHMS[id_], Clock(seed=3)
    return cls().fit(easy(cls, task), TASKS[task], clock), clock.spent()


def check_answer(answer: np.ndarray, task: str, rows: int, outputs: int | None = None) -> None:
    assert answer.dtype == np.float64
    assert answer.shape == (rows, outputs or TASKS[task].outputs)
    assert np.isfinite(answer).all()
    if task == "classify":
        assert (answer >= 0).all()
        np.testing.assert_allclose(answer.sum(axis=1), 1, atol=1e-5)


@every_algorithm
def test_the_card_is_complete(id_: str) -> None:
    cls, card = ALGORITHMS[id_], ALGORITHMS[id_].card
    assert card.id == id_ == id_.lower()
    assert card.name
    assert str(card.year) in card.paper
    assert card.era == era_of(card.year) in ERAS
    assert card.tasks <= {"classify", "regress", "cluster", "associate", "detect", "embed", "generate"}
    assert card.tasks
    assert all(e in extras.PACKAGES for e in card.extras)
    assert all(reason for reason in card.skips.values())
    assert issubclass(cls.fitted, Fitted)


@every_algorithm
def test_the_file_reads_as_a_lesson(id_: str) -> None:
    module = sys.modules[ALGORITHMS[id_].__module__]
    text = inspect.getdoc(module) or ""
    assert len(text.splitlines()) >= 5
    assert "Cost: O(" in text
    assert "Paper:" in text
    if module.__name__.startswith("ungated."):
        assert len(Path(module.__file__ or "").read_text(encoding="utf-8").splitlines()) <= 300


@every_algorithm
def test_settings_are_described_and_validated(id_: str) -> None:
    cls = ALGORITHMS[id_]
    for f in dataclasses.fields(cls):
        about = f.metadata
        assert about.get("doc"), f"{id_}.{f.name} says nothing of itself"
        if about["choices"]:
            with pytest.raises(UsageError, match=f.name):
                cls(**{f.name: "no such thing"})
        if about["low"] is not None:
            for wrong in (about["high"] + 1, about["low"] - 1, "many"):
                with pytest.raises(UsageError, match=f.name):
                    cls(**{f.name: wrong})
    rng = np.random.default_rng(0)
    for _ in range(20):
        cls().draw(rng)  # a drawn value outside its range would raise
    assert len({str(cls(**v)) for v in cls.variants} | {str(cls())}) == len(cls.variants) + 1


@every_pair
def test_it_beats_the_baseline(id_: str, task: str) -> None:
    cls = usable(id_, "beats the baseline")
    known, fresh = easy(cls, task), example(cls, task, rows=300, seed=1)
    answer = learned(id_, task)[0].answer(fresh.x)
    check_answer(answer, task, 300)
    trivial = TASKS[task].loss(fresh.y, np.tile(TASKS[task].baseline(known.y), (300, 1)))
    assert TASKS[task].loss(fresh.y, answer) < 0.75 * trivial


@every_pair
def test_it_is_the_same_after_save_and_load(id_: str, task: str, tmp_path: Path) -> None:
    cls = usable(id_, "save and load")
    fitted, fresh = learned(id_, task)[0], example(cls, task, rows=100, seed=1)
    state.write(tmp_path / "part", fitted.state())
    again = cls().load(state.read(tmp_path / "part"))
    np.testing.assert_array_equal(again.answer(fresh.x), fitted.answer(fresh.x))


@every_pair
def test_the_same_seed_learns_the_same(id_: str, task: str) -> None:
    cls = usable(id_, "deterministic")
    fresh = example(cls, task, rows=100, seed=1)
    answers = [fitted.answer(fresh.x) for fitted, _ in (learned(id_, task), learned_again(id_, task))]
    np.testing.assert_array_equal(*answers)


@every_pair
def test_an_answer_does_not_depend_on_its_company(id_: str, task: str) -> None:
    cls = usable(id_, "row by row")
    fitted, fresh = learned(id_, task)[0], example(cls, task, rows=50, seed=1)
    alone = np.concatenate([fitted.answer(fresh.x[i : i + 7]) for i in range(0, 50, 7)])
    np.testing.assert_allclose(alone, fitted.answer(fresh.x), rtol=1e-4, atol=1e-4)
    assert fitted.answer(fresh.x[:0]).shape == (0, TASKS[task].outputs)


@every_pair
def test_it_honours_the_clock(id_: str, task: str) -> None:
    """An expired clock is counted in steps, not in seconds, which mean little on a busy machine."""
    cls = usable(id_, "honours the clock")
    known = example(cls, task, rows=3000, extra_columns=5)
    late = Clock(seconds=1e-6)
    check_answer(cls().fit(known, TASKS[task], late).answer(known.x[:20]), task, 20)
    assert len(late.curve) <= 3, "it went on learning after its time was up"
    assert late.spent() < 10


def shape_of(cls: type[Algorithm], task: str, rows: int, width: int, levels: tuple[int, ...] = ()) -> Shape:
    size = (1, 10, width // 10) if cls.card.form is Form.PIXELS else (width,)
    return Shape(cls.card.form, task, rows, width, TASKS[task].outputs, levels, size)


@every_pair
def test_the_cost_is_arithmetic(id_: str, task: str) -> None:
    cls = ALGORITHMS[id_]
    before = 0.0
    for rows in (10, 300, 10_000, 300_000):
        shape = shape_of(cls, task, rows, 20, (4,))
        cost = cls().cost(shape, MACHINE)
        assert math.isfinite(cost.seconds)
        assert math.isfinite(cost.bytes)
        assert cost.bytes > 0
        assert cost.seconds > before
        before = cost.seconds
    assert cls().cost(shape_of(cls, task, 300_000, 200), MACHINE).seconds >= before


@every_pair
def test_the_cost_is_near_what_it_took(id_: str, task: str, machine: Machine) -> None:
    """Far off is a warning here; `benchmarks/costs.py` measures it properly, on a machine with nothing else to do."""
    cls = usable(id_, "near its cost")
    clock = learned(id_, task)[1]
    shape = Shape.of(easy(cls, task), task, TASKS[task].outputs)
    planned, took = cls().cost(shape, machine).seconds, learned_again(id_, task)[1]
    assert clock.curve or took < 5, "what takes long must tell the clock how far it has come"
    if max(planned, took) > 0.3 and not 0.1 < took / planned < 10:
        warnings.warn(f"{id_}, {task}: {took:.2f} s where the plan says {planned:.2f} s", stacklevel=1)


@pytest.fixture(scope="module")
def machine() -> Machine:
    return importlib.import_module("ungated.hardware.probe").probe()


def filled(x: Any, value: float) -> Any:
    """Rows of one value everywhere, as dense or as sparse as x."""
    same = np.full(x.shape, value, x.dtype)
    return same if isinstance(x, np.ndarray) else csr_array(same)


def arrays_of(x: Any) -> tuple[np.ndarray, ...]:
    return (x,) if isinstance(x, np.ndarray) else (x.data, x.indices, x.indptr)


def spoiled(x: Any, value: float) -> Any:
    """The same rows with one value of the sixth row, in the second column, replaced."""
    worse = np.array(x if isinstance(x, np.ndarray) else x.toarray())
    worse[5, 1] = value
    return worse if isinstance(x, np.ndarray) else csr_array(worse)


@every_pair
def test_odd_data_are_survived(id_: str, task: str) -> None:
    """Few rows, one column, constant columns, one class, a class of one row, an absent class, repeated rows."""
    cls = usable(id_, "survives odd data")
    whole = example(cls, task, rows=60)
    codes = np.arange(60)
    odd = {
        "five rows": whole.take(codes[:5]),
        "two rows": whole.take(codes[:2]),
        "one row": whole.take(codes[:1]),
        "one column": dataclasses.replace(whole, x=whole.x[:, :1], columns=whole.columns[:1]),
        "constant columns": dataclasses.replace(whole, x=filled(whole.x, 1.0)),
        "the same row again": whole.take(np.zeros(30, np.int64)),
        "read only": dataclasses.replace(whole, x=whole.x.copy()),
    }
    if whole.sparse:
        odd["empty rows"] = dataclasses.replace(whole, x=filled(whole.x, 0.0))
    for array in arrays_of(odd["read only"].x):
        array.flags.writeable = False
    if task == "classify":
        lone = np.where(codes == 7, 1, 2 * (whole.y > 0)).astype(np.int64)
        odd["one class"] = dataclasses.replace(whole, y=np.full(60, 2))
        odd["a class of one row"] = dataclasses.replace(whole, y=lone)
    for what, part in odd.items():
        answer = cls().fit(part, TASKS[task], Clock(seconds=0.15)).answer(whole.x[:9, : part.x.shape[1]])
        try:
            check_answer(answer, task, 9)
        except AssertionError as e:
            raise AssertionError(f"{what}: {e}") from e


@every_algorithm
def test_an_absent_class_changes_little(id_: str) -> None:
    """A fold may lack a class: the answer stays as wide, and the class is not expected."""
    cls = usable(id_, "absent class")
    if "classify" not in cls.card.tasks:
        return
    known = easy(cls, "classify")
    wider = Classify(("no", "never", "perhaps", "yes"))
    same = dataclasses.replace(known, y=np.array([0, 2, 3])[known.y])
    answer = cls().fit(same, wider, Clock(seed=3)).answer(known.x)
    check_answer(answer, "classify", len(known), outputs=4)
    assert answer[:, 1].max() < 0.1
    error = np.mean(answer.argmax(axis=1) != same.y)
    assert error < 0.05 + np.mean(learned(id_, "classify")[0].answer(known.x).argmax(axis=1) != known.y)


def refused_rows(known: Numbers) -> dict[str, Numbers]:
    """Rows that no such algorithm can learn from, by a word that the refusal must hold."""
    infinite, missing = spoiled(known.x, np.inf), spoiled(known.x, np.nan)
    refused = {
        "number 2" if known.sparse else "number 1": dataclasses.replace(known, x=infinite),
        "column": dataclasses.replace(known, x=known.x[:, :0]),
    }
    return refused | {"missing": dataclasses.replace(known, x=missing)}


def refused_pixels(known: Numbers) -> dict[str, Numbers]:
    """Likewise of pixels: numbers that are none, and pictures of no height."""
    infinite = known.x.astype(np.float32)
    infinite[5, 1] = np.inf
    return {"infinite": dataclasses.replace(known, x=infinite), "column": dataclasses.replace(known, x=known.x[:, :0])}


def refused_tokens(known: Numbers) -> dict[str, Numbers]:
    """Likewise of tokens: codes that are none, and examples of no length."""
    negative, beyond = np.array(known.x), np.array(known.x)
    negative[5, 1], beyond[6, 1] = -1, known.levels
    return {
        "code -1 in training row 6": dataclasses.replace(known, x=negative),
        "code 40 in training row 7": dataclasses.replace(known, x=beyond),
        "no tokens": dataclasses.replace(known, x=known.x[:, :0]),
    }


@every_pair
def test_bad_input_is_refused_with_its_reason(id_: str, task: str) -> None:
    cls = usable(id_, "refuses bad input")
    known = example(cls, task, rows=50)
    refused = {Form.ROWS: refused_rows, Form.TOKENS: refused_tokens, Form.PIXELS: refused_pixels}[cls.card.form](known)
    if cls.card.form is Form.ROWS and Takes.MISSING in cls.card.takes:
        del refused["missing"]
    if task == "classify":
        refused["class"] = dataclasses.replace(known, y=known.y + 1)
    else:
        refused["training row"] = dataclasses.replace(known, y=np.full(50, np.nan))
    refused["rows"] = known.take(np.zeros(0, np.int64))
    for word, numbers in refused.items():
        with pytest.raises(InputError, match=word) as e:
            cls().fit(numbers, TASKS[task], Clock())
        assert len(str(e.value).splitlines()) <= 5


@every_pair
def test_it_takes_sparse_rows_as_its_card_says(id_: str, task: str) -> None:
    """Sparse rows, unfolded, teach nothing else; who does not take them says so."""
    cls = usable(id_, "sparse rows")
    if cls.card.form is not Form.ROWS:
        return
    known, fresh = (example(cls, task, rows=n, seed=s, sparse=True) for n, s in ((400, 0), (300, 1)))
    if Takes.SPARSE not in cls.card.takes:
        usable(id_, "refuses bad input")
        with pytest.raises(InputError, match="sparse"):
            cls().fit(known, TASKS[task], Clock(seed=3))
        return
    answer = cls().fit(known, TASKS[task], Clock(seed=3)).answer(fresh.x)
    check_answer(answer, task, 300)
    trivial = TASKS[task].loss(fresh.y, np.tile(TASKS[task].baseline(known.y), (300, 1)))
    assert TASKS[task].loss(fresh.y, answer) < 0.75 * trivial


@every_pair
def test_wide_sparse_rows_are_never_unfolded(id_: str, task: str) -> None:
    cls = usable(id_, "sparse rows")
    if Takes.SPARSE not in cls.card.takes:
        return
    known = example(cls, task, rows=3000, sparse=True)
    far = known.x.tocoo()
    wide = csr_array((far.data, (far.row, far.col * 5000)), shape=(3000, 5000 * TERMS))  # 3.6 GB if it were dense
    tracemalloc.start()
    fitted = cls().fit(dataclasses.replace(known, x=wide), TASKS[task], Clock(seed=3))
    check_answer(fitted.answer(wide[:20]), task, 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 600e6


@every_pair
def test_drawn_settings_learn_too(id_: str, task: str) -> None:
    cls = usable(id_, "drawn settings")
    rng, known = np.random.default_rng(5), example(cls, task, rows=120)
    for algorithm in (cls().draw(rng), *(cls(**v) for v in cls.variants)):
        check_answer(algorithm.fit(known, TASKS[task], Clock(seconds=0.2)).answer(known.x[:9]), task, 9)


@every_pair
def test_settings_of_other_tasks_make_no_difference(id_: str, task: str) -> None:
    """So the search, which does not draw them, misses nothing."""
    cls = usable(id_, "drawn settings")
    foreign = {f.name for f in dataclasses.fields(cls) if task not in (f.metadata["tasks"] or {task})}
    if not foreign:
        return
    assert not cls().searchable(task) & foreign
    known, drawn = example(cls, task, rows=120), cls().draw(np.random.default_rng(1))
    plain, other = cls(), dataclasses.replace(cls(), **{name: getattr(drawn, name) for name in foreign})
    answers = [a.fit(known, TASKS[task], Clock(seed=3)).answer(known.x[:20]) for a in (plain, other)]
    assert (answers[0] == answers[1]).all()


def test_the_shelves_are_light() -> None:
    """Knowing every algorithm loads none of the libraries that train them."""
    code = "import sys, ungated.algorithms as a; a.discover(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"sklearn", "torch", "lightgbm", "scipy", "polars"} & set(loaded)


def test_skips_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """More than a few skips would mean that the suite has quietly stopped running."""
    skips = [(id_, check, why) for id_, cls in ALGORITHMS.items() for check, why in cls.card.skips.items()]
    for id_, check, why in skips:
        print(f"{id_} skips {check!r}: {why}")
    assert len(skips) <= len(ALGORITHMS)
    assert len(ALGORITHMS) >= 12
