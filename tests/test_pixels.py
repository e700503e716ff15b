"""Networks that eat pixels: changes keep what they promise, the door refuses in words, and what is learned is kept."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ungated.algorithms import discover
from ungated.core.algorithm import Algorithm, Machine, State, plain
from ungated.core.clock import Clock
from ungated.core.errors import InputError
from ungated.core.numbers import Array, Change, Form, Numbers, Shape
from ungated.tasks.classify import Classify

torch = pytest.importorskip("torch", reason="the extra `modern` is not installed")

from ungated.engines.augment import changed, mirrored  # noqa: E402
from ungated.engines.muon import orthogonal  # noqa: E402
from ungated.engines.pixels import checked, reductions  # noqa: E402
from ungated.engines.spoken import begin_with  # noqa: E402

NETWORKS = [cls for cls in discover().values() if cls.card.form is Form.PIXELS and cls.card.transfers]
every_network = pytest.mark.parametrize("cls", NETWORKS, ids=lambda cls: cls.card.id)
MOVES = frozenset({Change.MIRROR, Change.SHIFT, Change.SLIDE})
THREE = Classify(("down", "up", "across"))

pictures = st.tuples(*(st.integers(1, k) for k in (4, 3, 12, 12)), st.integers(0, 2**31)).map(
    lambda t: torch.rand(t[:4], generator=torch.Generator().manual_seed(t[4]))
)
subsets = st.frozensets(st.sampled_from(Change))


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def stripes(rows: int, size: tuple[int, int, int] = (1, 10, 14), seed: int = 0) -> Numbers:
    """Bright lines down, up or across dark pictures."""
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 60, size=(rows, *size), dtype=np.uint8), rng.integers(3, size=rows)
    side = min(size[1:])
    for picture, kind in zip(x, y, strict=True):
        at = np.arange(side)
        i, j = {0: (at, at), 1: (side - 1 - at, at), 2: (np.full(side, rng.integers(side)), at)}[int(kind)]
        picture[:, i, j + rng.integers(size[2] - side + 1)] = 200
    return Numbers(Form.PIXELS, x, y)


def quick(cls: type[Algorithm]) -> Algorithm:
    return cls(effort=0.3)


@given(pictures)
def test_mirrored_twice_is_the_same(x: "torch.Tensor") -> None:
    assert torch.equal(mirrored(mirrored(x)), x)


@given(pictures, st.floats(0.1, 2))
def test_nothing_is_done_that_is_not_allowed(x: "torch.Tensor", strength: float) -> None:
    assert changed(x, frozenset(), strength) is x
    assert changed(x, frozenset(Change), 0.0) is x


@given(pictures, subsets, st.floats(0.1, 2))
def test_every_change_keeps_shape_and_kind_and_stays_finite(
    x: "torch.Tensor", allowed: frozenset[Change], strength: float
) -> None:
    after = changed(x, allowed, strength)
    assert after.shape == x.shape
    assert after.dtype == x.dtype
    assert torch.isfinite(after).all()


@given(pictures, st.floats(0.1, 2))
def test_moving_invents_no_values_and_enlarging_stays_between_them(x: "torch.Tensor", strength: float) -> None:
    moved = changed(x, MOVES, strength)
    for before, after in zip(x, moved, strict=True):
        assert set(after.unique().tolist()) <= set(before.unique().tolist())
    near = changed(x, frozenset({Change.ZOOM, Change.MIRROR}), strength)
    assert near.min() >= x.min() - 1e-5
    assert near.max() <= x.max() + 1e-5


@given(pictures)
def test_mirroring_alone_gives_the_picture_or_its_mirror_image(x: "torch.Tensor") -> None:
    after = changed(x, frozenset({Change.MIRROR}))
    for was, other, now in zip(x, mirrored(x), after, strict=True):
        assert torch.equal(now, was) or torch.equal(now, other)


@given(pictures)
def test_sliding_leaves_each_row_in_its_place(x: "torch.Tensor") -> None:
    level = x[..., :1].expand_as(x)  # every row of one value: to slide along it changes nothing
    assert torch.equal(changed(level, frozenset({Change.SLIDE}), 2.0), level)


def test_bands_are_blanked_to_the_mean_and_no_wider_than_allowed() -> None:
    after = changed(torch.ones(200, 2, 20, 30), frozenset({Change.MASK}), 1.0)
    rows, columns = (after == 0).all(dim=3).sum(dim=2), (after == 0).all(dim=2).sum(dim=2)
    assert rows.max() <= 5
    assert columns.max() <= 7
    assert rows.float().mean() > 0.5


@settings(max_examples=20)
@given(st.integers(2, 20), st.integers(2, 30), st.integers(0, 1000))
def test_muon_steps_are_about_equally_long_in_every_direction(m: int, n: int, seed: int) -> None:
    matrix = torch.randn(m, n, generator=torch.Generator().manual_seed(seed))
    sizes = torch.linalg.svdvals(matrix)
    after = torch.linalg.svdvals(orthogonal(matrix, rounds=6))
    assert after.max() < 1.3
    assert after[sizes > 0.02 * sizes.norm()].min() > 0.5


def test_large_pictures_are_halved_at_the_door_to_about_fourteen() -> None:
    sizes = [(1, 8, 8), (1, 12, 12), (1, 28, 28), (3, 64, 64), (1, 40, 60), (3, 224, 224), (1, 1, 1)]
    assert [reductions(size) for size in sizes] == [0, 0, 1, 2, 2, 4, 0]


@every_network
@pytest.mark.parametrize("size", [(1, 10, 14), (3, 64, 48), (1, 1, 9), (1, 40, 3), (2, 1, 1)], ids=str)
def test_any_size_is_learned_from(cls: type[Algorithm], size: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(0)
    train = Numbers(Form.PIXELS, rng.integers(0, 255, (9, *size), dtype=np.uint8), np.arange(9) % 3, changes=MOVES)
    fitted = cls().fit(train, THREE, Clock(seconds=0.2))
    assert fitted.answer(train.x).shape == (9, 3)
    assert cls().cost(Shape.of(train, "classify", 3), Machine(1, 2**33, 2**33, 80, 1e10, 10)).seconds > 0


@every_network
def test_it_learns_and_its_state_holds_everything(cls: type[Algorithm]) -> None:
    train, fresh = stripes(300), stripes(200, seed=1)
    fitted = cls(effort=0.5).fit(train, THREE, Clock())
    assert np.mean(fitted.answer(fresh.x).argmax(axis=1) == fresh.y) > 0.7
    state = fitted.state()
    back = State(json.loads(json.dumps(plain(state.values), allow_nan=False)), dict(state.arrays))
    np.testing.assert_array_equal(cls().load(back).answer(fresh.x), fitted.answer(fresh.x))
    assert sum(a.nbytes for a in state.arrays.values()) < 3e6


@every_network
def test_the_same_seed_learns_the_same_with_every_change(cls: type[Algorithm]) -> None:
    train = dataclasses.replace(stripes(60), changes=frozenset(Change))
    first, again, other = (quick(cls).fit(train, THREE, Clock(seed=s)).answer(train.x) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@every_network
def test_an_earlier_model_is_a_head_start(cls: type[Algorithm]) -> None:
    """From three channels to one and other classes: after a few steps it is ahead of starting from nothing."""
    earlier = cls(effort=0.5).fit(stripes(300, (3, 12, 14)), THREE, Clock(seed=5)).state()
    train, fresh = stripes(100, (1, 12, 14), seed=2), stripes(200, (1, 12, 14), seed=3)
    other = Classify(("a", "b", "c", "d"))
    losses = [
        other.loss(fresh.y, fitted.answer(fresh.x))
        for fitted in (quick(cls).fit_from(earlier, train, other, Clock()), quick(cls).fit(train, other, Clock()))
    ]
    assert losses[0] < losses[1]


@every_network
def test_an_earlier_model_of_another_design_gives_its_own(cls: type[Algorithm]) -> None:
    narrow = {"residual_network": {"width": 8}, "lenet": {"sheets": 5}, "vision_transformer": {"width": 32}}
    train = stripes(40)
    earlier = cls(**narrow[cls.card.id]).fit(train, THREE, Clock(seconds=0.2))
    after = cls().fit_from(earlier.state(), stripes(40, (2, 30, 30)), THREE, Clock(seconds=0.2)).state()
    before = earlier.state()
    for name in narrow[cls.card.id]:
        assert after.values["design"][name] == before.values["design"][name]


def test_a_first_layer_of_three_channels_serves_one() -> None:
    class Stem(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.head = torch.nn.Conv2d(1, 4, 3), torch.nn.Linear(4, 2)

    net, saved = Stem(), np.random.default_rng(0).normal(size=(4, 3, 3, 3)).astype(np.float32)
    head = net.head.weight.detach().clone()
    copied = begin_with(net, State(arrays={"weights.stem.weight": saved, "weights.head.weight": np.ones((2, 4))}))
    assert copied == 1
    np.testing.assert_allclose(net.stem.weight.detach().numpy()[:, 0], saved.sum(axis=1), rtol=1e-5)
    assert torch.equal(net.head.weight, head)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.zeros((4, 3)), "no row or column of pixels"),
        (np.zeros((4, 1, 0, 3)), "no row or column of pixels"),
        (np.zeros((0, 1, 2, 3)), "at least one"),
        (np.where(np.arange(4)[:, None, None, None] == 2, np.nan, np.zeros((4, 1, 2, 3))), "training row 3"),
    ],
    ids=["rows", "no height", "no examples", "not a number"],
)
def test_the_door_refuses_in_words(x: Array, words: str) -> None:
    with pytest.raises(InputError, match=words):
        checked(NETWORKS[0].card, Numbers(Form.PIXELS, x, np.zeros(len(x), np.int64)), THREE)
