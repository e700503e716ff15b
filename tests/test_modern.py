"""The modern era: the training loop keeps the clock and the best weights; the residual MLP learns what lines cannot."""

import dataclasses
import json
import time

import numpy as np
import pytest

from ungated.core.algorithm import Machine, State, plain
from ungated.core.clock import Clock
from ungated.core.errors import UngatedError
from ungated.core.numbers import Answer, Array, Column, Form, Numbers, Shape

torch = pytest.importorskip("torch", reason="the extra `modern` is not installed")

from ungated.algorithms.modern.residual_mlp import Members, ResidualMLP, straight_pieces  # noqa: E402
from ungated.engines.torch_loop import Schedule, bf16_pays, descend, session  # noqa: E402

SMALL = ResidualMLP(width=32, members=2, bins=8)


@dataclasses.dataclass(frozen=True)
class Stub:
    """As much of a task as an algorithm may know."""

    id: str
    outputs: int

    def loss(self, y: Array, answer: Answer) -> float:
        if self.id == "classify":
            return float(-np.log(np.maximum(answer[np.arange(len(y)), y], 1e-12)).mean())
        return float(np.sqrt(np.mean(np.square(y - answer[:, 0]))))


def numbers(x: Array, y: Array, levels: tuple[int, ...] = ()) -> Numbers:
    levels = levels or (0,) * x.shape[1]
    return Numbers(Form.ROWS, x.astype(np.float32), y, tuple(Column(f"c{i}", f"c{i}", k) for i, k in enumerate(levels)))


def rings(n: int, seed: int = 0) -> Numbers:
    x = np.random.default_rng(seed).normal(size=(n, 2))
    return numbers(x, (np.hypot(*x.T) > 1.18).astype(np.int64))


def wave(n: int, seed: int = 0) -> Numbers:
    x = np.random.default_rng(seed).uniform(-2, 2, size=(n, 3))
    return numbers(x, 5000 + 1000 * np.sin(3 * x[:, 0]) * x[:, 1])


def test_learns_rings() -> None:
    fitted = ResidualMLP(members=2).fit(rings(700), Stub("classify", 2), Clock())
    unseen = rings(500, seed=1)
    answer = fitted.answer(unseen.x)
    assert answer.dtype == np.float64
    assert np.allclose(answer.sum(axis=1), 1)
    assert np.mean(answer.argmax(axis=1) == unseen.y) > 0.93


def test_learns_exclusive_or_of_two_categories() -> None:
    x = np.random.default_rng(0).integers(0, 2, size=(400, 2))
    train = numbers(x, np.bitwise_xor(*x.T).astype(np.int64), levels=(2, 2))
    fitted = SMALL.fit(train, Stub("classify", 2), Clock())
    assert np.array_equal(fitted.answer(train.x).argmax(axis=1), train.y)


def test_regression_answers_in_the_targets_units() -> None:
    fitted = ResidualMLP(members=2).fit(wave(1000), Stub("regress", 1), Clock())
    unseen = wave(400, seed=1)
    answer = fitted.answer(unseen.x)
    assert answer.shape == (400, 1)
    assert Stub("regress", 1).loss(unseen.y, answer) < 0.35 * unseen.y.std()


def test_smoothing_is_undone() -> None:
    scores = np.log(np.array([[[0.9 * (1 - 0.1) + 0.05, 0.1 * (1 - 0.1) + 0.05]]]))
    members = Members({}, "classify", {}, smoothing=0.1)
    assert members.spoken(scores) == pytest.approx(np.array([[0.9, 0.1]]))


def test_same_seed_same_answer_and_another_seed_another() -> None:
    train, task = rings(100), Stub("classify", 2)
    first, again, other = (SMALL.fit(train, task, Clock(seed=s)).answer(train.x) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_training_leaves_torchs_random_numbers_and_threads_alone() -> None:
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    SMALL.fit(rings(60), Stub("classify", 2), Clock(threads=1))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("task", [Stub("classify", 2), Stub("regress", 1)], ids=lambda t: t.id)
def test_the_state_holds_everything(task: Stub) -> None:
    train = rings(150) if task.id == "classify" else wave(150)
    fitted = SMALL.fit(train, task, Clock())
    state = fitted.state()
    assert all(isinstance(array, np.ndarray) for array in state.arrays.values())
    back = State(json.loads(json.dumps(plain(state.values), allow_nan=False)), dict(state.arrays))
    assert np.array_equal(SMALL.load(back).answer(train.x), fitted.answer(train.x))


def test_the_clock_is_honoured_and_something_is_learned() -> None:
    train, task = rings(20_000), Stub("classify", 2)
    SMALL.fit(rings(50), task, Clock())  # so that importing torch is not timed
    clock = Clock(seconds=1.5)
    fitted = ResidualMLP(effort=4.0).fit(train, task, clock)
    assert clock.spent() < 4
    assert task.loss(train.y, fitted.answer(train.x)) < 0.6


def test_an_expired_clock_still_gives_an_answer() -> None:
    clock = Clock(seconds=0.0)
    assert SMALL.fit(wave(300), Stub("regress", 1), clock).answer(wave(10).x).shape == (10, 1)
    assert len(clock.curve) == 1


def test_the_learning_curve_is_told() -> None:
    told: list[float] = []
    clock = Clock(tell=lambda step, error: told.append(error))
    SMALL.fit(rings(300), Stub("classify", 2), clock)
    assert len(told) == len(clock.curve) > 5
    assert min(told) < told[0]


@pytest.mark.parametrize(
    ("x", "levels"),
    [
        (np.random.default_rng(0).normal(size=(5, 3)), (0, 0, 0)),
        (np.ones((40, 2)), (0, 0)),
        (np.arange(40.0)[:, None], (0,)),
        (np.arange(40.0)[:, None] % 3, (3,)),
        (np.random.default_rng(0).normal(size=(1, 2)), (0, 0)),
    ],
    ids=["five rows", "constant columns", "one number", "one category", "one row"],
)
@pytest.mark.parametrize("task", [Stub("classify", 4), Stub("regress", 1)], ids=lambda t: t.id)
def test_degenerate_tables(x: Array, levels: tuple[int, ...], task: Stub) -> None:
    y = np.arange(len(x)) % 2  # two of the four classes never occur; rows of one kind only in the smallest
    fitted = SMALL.fit(numbers(x, y if task.id == "classify" else y.astype(float), levels), task, Clock())
    answer = fitted.answer(x.astype(np.float32))
    assert answer.shape == (len(x), task.outputs)
    assert np.isfinite(answer).all()


def test_unseen_and_missing_levels_and_values_far_outside_stay_finite_and_add_nothing() -> None:
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.integers(0, 3, 200), rng.normal(size=200), np.zeros(200)])
    fitted = SMALL.fit(numbers(x, (x[:, 0] == 1).astype(np.int64), (3, 0, 0)), Stub("classify", 2), Clock())
    odd = np.array([[-1, 0, 0], [7, 0, 0], [np.nan, 0, 0], [1, 1e6, 0]], np.float32)
    answer = fitted.answer(odd)
    assert np.isfinite(answer).all()
    assert np.array_equal(answer[0], answer[1])
    assert np.array_equal(answer[0], answer[2])


def test_values_that_are_not_finite_are_refused_in_words() -> None:
    train = rings(50)
    train.x[:, 0] = np.nan
    with pytest.raises(UngatedError, match="is missing in training row 1"):
        SMALL.fit(train, Stub("classify", 2), Clock())


def test_bins_are_not_all_spent_on_the_commonest_value() -> None:
    x = np.zeros((1000, 1), np.float32)
    x[:100, 0] = np.linspace(1, 10, 100)
    left, gap = straight_pieces(x, 8)
    assert (gap > 0).all()
    assert (left[0] >= 1).sum() >= 4


def test_descend_keeps_the_weights_that_were_best_and_stops() -> None:
    errors = iter([3.0, 1.0, 2.0, 2.0, 2.0, 2.0])
    seen: list[float] = []
    net = torch.nn.Linear(1, 1)

    def watch(average: torch.nn.Module) -> float:
        seen.append(average.weight.item())
        return next(errors)

    rows = torch.ones(8, 1)
    plan = Schedule(epochs=20, batch=4, rate=0.1, patience=3)
    with session(threads=1, seed=0):
        descend(net, (rows,), lambda net, x: net(x).square().mean(), watch, plan, Clock())
    assert len(seen) == 5
    assert net.weight.item() == seen[1]


def test_bf16_is_judged_once() -> None:
    assert bf16_pays() is bf16_pays()
    assert bf16_pays.cache_info().misses == 1


def test_a_schedule_that_fits_the_clock_is_not_shortened() -> None:
    train, task = rings(150), Stub("classify", 2)
    free, timed = Clock(), Clock(seconds=600)
    SMALL.fit(train, task, free)
    SMALL.fit(train, task, timed)
    assert free.curve == timed.curve


def test_cost_is_near_what_it_takes() -> None:
    machine = Machine(cores=1, memory=8 * 2**30, free=4 * 2**30, gflops=80, bandwidth=2e10, scalar=10)
    train = wave(800)
    predicted = ResidualMLP().cost(Shape.of(train, "regress", 1), machine)
    before = time.process_time()
    ResidualMLP().fit(train, Stub("regress", 1), Clock())
    took = time.process_time() - before
    assert took / 8 < predicted.seconds < took * 8  # loosely: the machine that tests may be slow, old or busy
    assert 1e8 < predicted.bytes < 2e9
