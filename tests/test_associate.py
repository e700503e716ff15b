"""What goes with what: frequent sets to the last one, rules with their figures, and recommendations put to an exam."""

import gzip
import math
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.stats import hypergeom

import ungated
from ungated.algorithms import discover
from ungated.algorithms.classical.apriori import apriori
from ungated.algorithms.classical.fp_growth import fp_growth
from ungated.core.clock import Clock
from ungated.core.errors import InputError, UsageError
from ungated.core.numbers import Column, Form, Numbers
from ungated.engines import itemsets
from ungated.engines.itemsets import Limits, Sets, Unfinished, counted, frequent, lowered
from ungated.engines.recommend import Recommender, in_baskets
from ungated.engines.rules import Lattice, Rules, chosen_support, tail, worth_telling
from ungated.report import html
from ungated.tasks.associate import LISTED, Associate

MINERS = (frequent, apriori, fp_growth)


def matrix(dense: np.ndarray) -> csr_array:
    return csr_array(dense.astype(np.uint8))


def every_set(dense: np.ndarray, least: int) -> dict[frozenset[int], int]:
    """The frequent sets, by looking at each there could be."""
    found = {}
    for size in range(1, dense.shape[1] + 1):
        for items in combinations(range(dense.shape[1]), size):
            support = int(dense[:, items].all(axis=1).sum())
            if support >= least:
                found[frozenset(items)] = support
    return found


@st.composite
def some_baskets(draw: st.DrawFn) -> tuple[np.ndarray, int]:
    rows, items = draw(st.integers(1, 70)), draw(st.integers(1, 9))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    dense = rng.random((rows, items)) < rng.random(items) * draw(st.sampled_from([0.1, 0.5, 1.0, 1.4]))
    dense[:, : draw(st.integers(0, 2))] = True  # what is in every basket is put aside by Eclat
    if items > 3 and draw(st.booleans()):
        dense[:, 3] = dense[:, 2]  # and what always comes together
    return dense, draw(st.integers(1, max(1, rows // 2)))


@settings(max_examples=200, deadline=None)
@given(some_baskets())
def test_apriori_eclat_and_fp_growth_agree_to_the_last_set(drawn: tuple[np.ndarray, int]) -> None:
    dense, least = drawn
    true = every_set(dense, least)
    for miner in MINERS:
        sets = miner(matrix(dense), least, Limits())
        assert len(sets) == len(true)
        assert sets.as_dict() == true


@settings(max_examples=60, deadline=None)
@given(some_baskets(), st.integers(1, 40), st.integers(1, 40))
def test_sets_do_not_depend_on_how_the_work_is_sliced(drawn: tuple[np.ndarray, int], slices: int, pairs: int) -> None:
    dense, least = drawn
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(itemsets, "SLICE", slices)
        patch.setattr(itemsets, "PAIRS", pairs)
        for sparse in (0.0, 2.0):  # bitsets of all baskets; pairs counted from the baskets
            patch.setattr(itemsets, "SPARSE", sparse)
            assert frequent(matrix(dense), least).as_dict() == every_set(dense, least)


def test_bits_are_counted() -> None:
    bits = np.random.default_rng(0).integers(0, 2**64, (50, 7), np.uint64)
    assert counted(bits).tolist() == [sum(int(w).bit_count() for w in row) for row in bits]
    assert counted(np.full((1, 300_000), 2**64 - 1, np.uint64)).tolist() == [64 * 300_000]  # beyond float32


def test_sets_in_order_are_the_same_whoever_found_them() -> None:
    dense = np.random.default_rng(3).random((80, 10)) < 0.5
    first, *others = (miner(matrix(dense), 9, Limits()).in_order() for miner in MINERS)
    for other in others:
        np.testing.assert_array_equal(first.items, other.items)
        np.testing.assert_array_equal(first.support, other.support)


# -- limits ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("miner", MINERS)
def test_what_is_beyond_the_limits_is_not_begun(miner: itemsets.Miner) -> None:
    dense = np.random.default_rng(0).random((60, 16)) < 0.9
    with pytest.raises(Unfinished):
        miner(matrix(dense), 1, Limits(most=500))
    with pytest.raises(Unfinished):
        miner(matrix(dense), 1, Limits(seconds=-1.0))
    with pytest.raises(Unfinished):  # one set of 60 items that are always together: 2^60 sets
        miner(matrix(np.ones((5, 60))), 1, Limits(most=100_000))


@pytest.mark.parametrize("miner", MINERS)
def test_a_support_too_low_ends_with_all_sets_down_to_another(miner: itemsets.Miner) -> None:
    dense = np.random.default_rng(0).random((200, 14)) < 0.6
    sets = lowered(matrix(dense), 1, Limits(most=800), miner)
    assert sets.least > 1
    assert 100 < len(sets) <= 800
    assert sets.as_dict() == every_set(dense, sets.least)


def test_no_time_at_all_finds_nothing_and_says_so() -> None:
    sets = lowered(matrix(np.ones((10, 3))), 2, Limits(seconds=0.0))
    assert len(sets) == 0
    assert sets.least > 10


def test_a_large_hopeless_search_stays_within_its_time() -> None:
    rng = np.random.default_rng(0)
    x = csr_array((rng.random((20_000, 300)) < 0.1).astype(np.uint8))
    limits = Limits(1.5, most=10**9)
    sets = lowered(x, 1, limits)
    spent = itemsets.time.monotonic() - limits.started
    assert spent < 3.0
    assert 1 < sets.least < 20_000
    assert len(sets) >= 300


# -- rules -------------------------------------------------------------------------------------------------------------


def rules_of(dense: np.ndarray, least: int, confidence: float) -> Rules:
    held = dense.sum(axis=0).astype(np.int64)
    return Lattice.of(frequent(matrix(dense), least)).rules(held, len(dense), confidence)


@settings(max_examples=60, deadline=None)
@given(some_baskets(), st.sampled_from([0.0, 0.3, 0.8, 1.0]))
def test_rules_and_their_figures_are_those_of_the_definitions(drawn: tuple[np.ndarray, int], least: float) -> None:
    dense, support = drawn
    rules, n = rules_of(dense, support, least), len(dense)
    true = every_set(dense, support)
    expected = {
        (frozenset(items - {then}), then)
        for items, count in true.items()
        for then in items
        if len(items) > 1 and count >= least * true[items - {then}] - 1e-9
    }
    got = [(frozenset(before), then) for before, then in map(rules.of, range(len(rules)))]
    assert len(got) == len(set(got))
    assert set(got) == expected
    assert rules.tried == sum(len(items) for items in true if len(items) > 1)
    for k, (before, then) in enumerate(got):
        with_before = dense[:, sorted(before)].all(axis=1)
        both, first, last = (with_before & dense[:, then]).sum(), with_before.sum(), dense[:, then].sum()
        assert rules.support[k] == pytest.approx(both / n)
        assert rules.confidence[k] == pytest.approx(both / first)
        assert rules.lift[k] == pytest.approx(both * n / (first * last))
        assert rules.leverage[k] == pytest.approx(both / n - first * last / n**2)
        if both < first:
            assert rules.conviction[k] == pytest.approx((1 - last / n) / (1 - both / first))


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 400), st.data())
def test_chance_is_fishers(baskets: int, data: st.DataObject) -> None:
    first, last = data.draw(st.integers(1, baskets)), data.draw(st.integers(1, baskets))
    both = data.draw(st.integers(max(0, first + last - baskets), min(first, last)))
    mine = tail(np.array([both]), np.array([first]), np.array([last]), baskets)[0]
    assert mine == pytest.approx(hypergeom.sf(both - 1, baskets, last, first), rel=1e-6, abs=1e-300)


def test_independent_items_give_next_to_no_rules_and_dependent_ones_theirs() -> None:
    rng = np.random.default_rng(0)
    dense = rng.random((3000, 25)) < 0.2
    alone = rules_of(dense, 20, 0.0)
    assert alone.tried > 500
    assert len(worth_telling(alone)) <= 0.01 * alone.tried
    dense[:, 1] = np.where(rng.random(3000) < 0.7, dense[:, 0], dense[:, 1])
    together = rules_of(dense, 20, 0.0)
    best = together.take(worth_telling(together)[:2])
    assert {(tuple(b), t) for b, t in map(best.of, range(2))} == {((0,), 1), ((1,), 0)}


def test_false_rates_are_benjamini_and_hochbergs() -> None:
    rules = rules_of(np.random.default_rng(0).random((60, 6)) < 0.5, 5, 0.0)
    p, m = np.sort(rules.chance), rules.tried
    q = [min(1.0, min(p[j] * m / (j + 1) for j in range(i, len(p)))) for i in range(len(p))]
    np.testing.assert_allclose(np.sort(rules.false_rate), q, rtol=1e-12)


def test_a_longer_rule_that_is_no_surer_is_folded() -> None:
    rng = np.random.default_rng(0)
    dense = rng.random((2000, 4)) < 0.5
    sure = np.where(dense[:, 0], np.where(dense[:, 1], 0.9, 0.6), 0.2)  # item 2 says nothing, item 1 more
    dense[:, 3] = rng.random(2000) < sure
    rules = rules_of(dense, 1, 0.5)
    fold = {(tuple(b), t): bool(f) for (b, t), f in zip(map(rules.of, range(len(rules))), rules.no_more, strict=True)}
    assert not fold[(0,), 3]
    assert not fold[(0, 1), 3]
    assert fold[(0, 2), 3]
    assert fold[(0, 1, 2), 3]


@settings(max_examples=60, deadline=None)
@given(some_baskets())
def test_closed_and_maximal_sets_are_those_of_the_definitions(drawn: tuple[np.ndarray, int]) -> None:
    dense, least = drawn
    sets = frequent(matrix(dense), least)
    lattice, true = Lattice.of(sets), every_set(dense, least)
    for k in range(len(sets)):
        items = frozenset(sets.items[sets.start[k] : sets.start[k + 1]].tolist())
        larger = [o for o in true if items < o]
        assert lattice.maximal[k] == (not larger)
        assert lattice.closed[k] == all(true[o] < true[items] for o in larger)


def test_rules_are_counted_again_in_other_baskets() -> None:
    rng = np.random.default_rng(0)
    rules, other = rules_of(rng.random((90, 7)) < 0.5, 5, 0.2), rng.random((130, 7)) < 0.5
    there = rules.seen_in(matrix(other))
    for k, (before, then) in enumerate(map(rules.of, range(len(rules)))):
        has = other[:, before].all(axis=1)
        assert (there.first[k], there.both[k], there.last[k]) == (
            has.sum(),
            (has & other[:, then]).sum(),
            other[:, then].sum(),
        )


def test_the_support_chosen_lets_hardly_a_pair_through_by_chance() -> None:
    rng = np.random.default_rng(0)
    dense = rng.random((4000, 60)) < rng.uniform(0.01, 0.15, 60)
    least = chosen_support(*dense.shape)
    sets, support = frequent(matrix(dense), least).of_size(2)
    expected = dense.mean(axis=0)[sets].prod(axis=1) * 4000
    assert 10 < least < 100
    assert (support > 2 * expected).sum() <= 1


# -- published counts --------------------------------------------------------------------------------------------------


def real(data_dir: Path, name: str, mark: str | None = None) -> csr_array:
    with gzip.open(data_dir / name, "rt", encoding="utf-8") as file:
        rows = [sorted({cell.strip() for cell in line.split(mark)}) for line in file]
    codes = {item: k for k, item in enumerate(sorted({item for row in rows for item in row}))}
    held = [codes[item] for row in rows for item in row]
    start = np.cumsum([0, *map(len, rows)])
    return csr_array((np.ones(len(held), np.uint8), held, start), shape=(len(rows), len(codes)))


def test_groceries_give_the_published_rules(data_dir: Path) -> None:
    x = real(data_dir, "groceries/groceries.csv.gz", ",")
    assert x.shape == (9835, 169)
    held = np.bincount(x.indices, minlength=169).astype(np.int64)
    low = Lattice.of(frequent(x, in_baskets(0.001, 9835)))
    assert len(low.sets) == 13_492
    rules = low.rules(held, 9835, 0.8)
    assert np.bincount(rules.size + 1).tolist() == [0, 0, 0, 29, 229, 140, 12]  # 410
    assert len(low.rules(held, 9835, 0.5)) == 5668
    lantz = Lattice.of(frequent(x, in_baskets(0.006, 9835))).rules(held, 9835, 0.25)
    assert np.bincount(lantz.size + 1).tolist() == [0, 0, 150, 297, 16]  # 463


@pytest.mark.parametrize(
    ("name", "share", "count"),
    [
        ("mushroom-from-uci-119items", 0.2, 53_583),
        ("mushroom-from-uci-119items", 0.25, 5_545),
        ("chess", 0.8, 8_227),
        ("chess", 0.7, 48_731),
        ("retail", 0.001, 7_589),
    ],
)
def test_frequent_sets_are_as_many_as_others_found(data_dir: Path, name: str, share: float, count: int) -> None:
    x = real(data_dir, f"transactions-fimi/{name}.dat.gz")
    least = in_baskets(share, x.shape[0])
    sets = frequent(x, least)
    assert len(sets) == count
    if name != "retail":
        assert sets.as_dict() == apriori(x, least, Limits()).as_dict()


# -- the exam and what is recommended ----------------------------------------------------------------------------------


def test_an_exam_takes_one_item_out_of_each_basket_of_two() -> None:
    dense = np.random.default_rng(0).random((300, 12)) < 0.2
    exam = Associate().exam(Numbers(Form.ITEMS, matrix(dense), np.zeros(300)), 5)
    whole = dense[dense.sum(axis=1) >= 2]
    assert len(exam) == len(whole) == len(exam.y)
    left = exam.x.toarray().astype(bool)
    assert (left.sum(axis=1) == whole.sum(axis=1) - 1).all()
    for row, was, y in zip(left, whole, exam.y, strict=True):
        assert np.flatnonzero(was & ~row).tolist() == [y[0]]
        assert sorted(y[y >= 0][1:].tolist()) == np.flatnonzero(row).tolist()
    again = Associate().exam(Numbers(Form.ITEMS, matrix(dense), np.zeros(300)), 5)
    np.testing.assert_array_equal(exam.y, again.y)


def test_baskets_of_one_item_make_no_exam() -> None:
    with pytest.raises(InputError, match="two items"):
        Associate().exam(Numbers(Form.ITEMS, matrix(np.eye(8)), np.zeros(8)), 0)


def test_the_baseline_is_not_blamed_for_what_is_in_the_basket() -> None:
    task = Associate()
    listed = task.baseline(np.repeat(np.arange(15), np.arange(30, 15, -1)))
    assert listed.shape == (1, LISTED)
    assert listed[0, :15].tolist() == list(range(15))
    y = np.array([[11, 0, 1, -1], [11, 0, -1, -1], [3, -1, -1, -1]])
    answer = np.tile(listed, (3, 1))
    assert task.all_measures(y, answer)["miss-rate"] == pytest.approx(1 / 3)  # 11 is 12th: tenth without 0 and 1


def learned(id_: str, dense: np.ndarray, **settings_: float) -> Recommender:
    columns = tuple(Column(f"i{k}", "basket") for k in range(dense.shape[1]))
    train = Numbers(Form.ITEMS, matrix(dense), np.zeros(len(dense)), columns)
    fitted = discover()[id_](**settings_).fit(train, Associate(), Clock())  # type: ignore[arg-type]
    assert isinstance(fitted, Recommender)
    return fitted


def together(seed: int = 0, rows: int = 600) -> np.ndarray:
    """Items that come in threes, and one that is in most baskets."""
    rng = np.random.default_rng(seed)
    dense = rng.random((rows, 16)) < 0.03
    dense[np.arange(rows)[:, None], 3 * rng.integers(5, size=rows)[:, None] + np.arange(3)] = True
    dense[:, 15] = rng.random(rows) < 0.8
    return dense


ASSOCIATE = [i for i, cls in discover().items() if "associate" in cls.card.tasks and i != "baseline"]


@pytest.mark.parametrize("id_", ASSOCIATE)
def test_half_a_basket_gives_the_rest_and_the_rules_that_say_so(id_: str) -> None:
    fitted = learned(id_, together())
    half = np.zeros((3, 16), bool)
    half[0, [0, 1]] = half[1, [9, 10]] = True
    answer = fitted.answer(matrix(half))
    assert answer[0, 0] == 2
    assert answer[1, 0] == 11
    assert answer[2, 0] == 15  # nothing is known of it: what is common
    for row in range(3):
        offered = answer[row, :LISTED]
        offered = offered[offered >= 0].astype(int)
        assert len(set(offered)) == len(offered)
        assert not half[row, offered].any()
    said = Associate().said(answer, [Column(f"i{k}", "basket") for k in range(16)])
    assert said["recommended"][0].startswith("i2; ")
    assert "→ i2 (" in said["rules"][0]
    assert said["rules"][2] == ""


def test_those_that_find_the_same_sets_answer_the_same() -> None:
    half = together(1, 100)
    half[:, ::2] = False
    eclat, *others = (learned(i, together()).answer(matrix(half)) for i in ("eclat", "apriori", "fp_growth"))
    for other in others:
        np.testing.assert_array_equal(eclat, other)


def test_supports_are_shares_below_one_and_counts_from_one() -> None:
    assert in_baskets(0.001, 9835) == 10
    assert in_baskets(0.2, 8124) == 1625
    assert in_baskets(0.5, 10) == 5
    assert in_baskets(7, 10) == 7
    assert learned("eclat", together(), support=0.1).least == 60
    for bad in ({"support": -1}, {"support": "much"}, {"confidence": 1.5}, {"support": math.inf}):
        with pytest.raises(UsageError):
            discover()["eclat"](**bad)  # type: ignore[arg-type]


def test_sets_that_are_none_still_recommend_what_is_common() -> None:
    fitted = learned("eclat", together(), support=599)
    assert len(fitted.rules) == 0
    assert fitted.answer(matrix(np.zeros((1, 16))))[0, 0] == 15


def test_no_sets_at_all() -> None:
    empty = Sets.joined([], 5)
    assert len(Lattice.of(empty).rules(np.zeros(3, np.int64), 4, 0.0)) == 0
    assert worth_telling(Lattice.of(empty).rules(np.zeros(3, np.int64), 4, 0.0)).size == 0


# -- from a file to answers --------------------------------------------------------------------------------------------


def test_baskets_in_a_file_become_rules_and_recommendations(tmp_path: Path) -> None:
    names = np.array(["tea", "cake", "jam", *(f"thing {k}" for k in range(12)), "bread"])
    lines = [",".join(names[row]) for row in together() if row.any()]
    shop, half = tmp_path / "shop.csv", tmp_path / "half.csv"
    shop.write_text("\n".join(lines))
    half.write_text("tea,cake\nunheard of\n")
    model = ungated.fit(str(shop), time="20s", out=tmp_path / "model", candidates=3)
    assert model.task.id == "associate"
    assert model.error.high < model.error.baseline
    assert any("baskets" in line for line in model.run.found)
    kinds = [f["kind"] for f in model.run.figures]
    assert kinds[:2] == ["rules", "sets"]
    page = html(model.run)
    assert "who has" in page
    assert "tea" in page
    said = ungated.load(tmp_path / "model").predict(str(half))
    assert said["recommended"][0].split("; ")[0] == "jam"
    assert "→ jam" in said["rules"][0]
    assert said["rules"][1] in ("", None)


def test_what_was_found_is_told_though_nothing_is_sealed() -> None:
    frame = pl.DataFrame({"basket": [np.flatnonzero(row).astype(str).tolist() for row in together()]})
    run = ungated.fit(frame, task="associate", seal=False, time="20s", candidates=3).run
    assert run.error is None
    assert f" of {frame.height:,} baskets" in run.found[0]  # those that judged were learned from at the end
    assert run.figures[0]["kind"] == "rules"


def test_settings_are_a_persons_own_and_wrong_ones_are_refused() -> None:
    frame = pl.DataFrame({"basket": [np.flatnonzero(row).astype(str).tolist() for row in together()]})
    model = ungated.fit(frame, task="associate", time="15s", candidates=2, settings={"support": 0.1, "confidence": 0.6})
    found = " ".join(model.run.found)
    assert "at least 60 of 600 baskets" in found
    assert "60%" in found
    with pytest.raises(UsageError, match="support"):
        ungated.fit(frame, task="associate", time="15s", settings={"suport": 0.1})
