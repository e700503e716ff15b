"""The climb's parts: splits that keep rows apart, a ladder that promotes what errs less, an ensemble that helps."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ungated.core.algorithm import Algorithm, Card, Cost, Entrant, setting
from ungated.core.numbers import Form
from ungated.search import split
from ungated.search.climb import Member, Summit, Terms, quicker, summit, whole_answer
from ungated.search.ensemble import temperature, weigh
from ungated.search.ladder import PATIENCE, Ladder, Result, Step, Trial
from ungated.tasks.classify import Classify
from ungated.tasks.regress import Regress


@settings(max_examples=60, deadline=None)
@given(rows=st.integers(10, 300), classes=st.integers(1, 5), seed=st.integers(0, 99))
def test_sealed_and_kept_rows_part_the_table(rows: int, classes: int, seed: int) -> None:
    strata = np.random.default_rng(seed).integers(classes, size=rows)
    kept, held = split.seal(strata, rows, seed)
    assert sorted([*kept, *held]) == list(range(rows))
    for c in np.unique(strata):  # each class is sealed as often as the rest, within a row
        assert abs((strata[held] == c).sum() - 0.2 * (strata == c).sum()) <= 1.5


@settings(max_examples=60, deadline=None)
@given(rows=st.integers(10, 200), count=st.integers(2, 6), repeats=st.integers(1, 3), seed=st.integers(0, 99))
def test_folds_judge_every_row_once_a_repeat(rows: int, count: int, repeats: int, seed: int) -> None:
    parted = split.folds(None, rows, seed, count, repeats)
    for repeat in range(repeats):
        judged = np.concatenate([f.valid for f in parted if f.repeat == repeat])
        assert sorted(judged) == list(range(rows))
    for f in parted:
        assert not set(f.train) & set(f.valid)
        assert len(f.train) + len(f.valid) == rows


@pytest.mark.parametrize(("classes", "count"), [(10, 5), (6, 3), (2, 5), (5, 5)])
def test_folds_hold_as_much_of_every_class(classes: int, count: int) -> None:
    y = np.repeat(np.arange(classes), 60)
    for f in split.folds(y, len(y), 0, count):
        held = np.bincount(y[f.valid], minlength=classes)
        assert held.max() - held.min() <= 1


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(12, 150), count=st.integers(2, 20), seed=st.integers(0, 99))
def test_groups_stay_on_one_side(rows: int, count: int, seed: int) -> None:
    groups = np.random.default_rng(seed).integers(0, count, rows)
    if len(np.unique(groups)) < 2:
        return
    kept, sealed = split.seal(None, rows, seed, groups=groups)
    assert len(sealed)
    assert sorted([*kept, *sealed]) == list(range(rows))
    assert not set(groups[kept]) & set(groups[sealed])
    parted = split.folds(None, rows, seed, 5, 2, groups)
    assert sorted(np.concatenate([f.valid for f in parted if f.repeat == 1])) == list(range(rows))
    assert not any(set(groups[f.train]) & set(groups[f.valid]) for f in parted)


@settings(max_examples=100, deadline=None)
@given(counts=st.lists(st.integers(5, 300), min_size=2, max_size=4), folds=st.integers(2, 6), seed=st.integers(0, 9))
@example(counts=[560, 240], folds=5, seed=0)  # three in ten: every fifth of an evenly spread order is never one of them
def test_every_fold_has_its_share_of_every_class(counts: list[int], folds: int, seed: int) -> None:
    y = np.repeat(np.arange(len(counts)), counts)
    for fold in split.folds(y, len(y), seed, folds):
        assert (np.abs(np.bincount(y[fold.valid], minlength=len(counts)) - np.array(counts) / folds) <= 2).all()


def test_splits_are_the_same_under_a_seed_and_others_under_another() -> None:
    a, b, c = (split.seal(None, 100, seed)[1] for seed in (0, 0, 1))
    assert (a == b).all()
    assert (a != c).any()


@pytest.mark.parametrize(
    ("rows", "affordable", "folds"), [(500, 1, 15), (5000, 100, 5), (50_000, 20, 3), (500_000, 2, 1)]
)
def test_the_split_suits_the_rows_and_the_time(rows: int, affordable: float, folds: int) -> None:
    assert len(split.choose(None, rows, 0, affordable)[0]) == folds


@dataclass(frozen=True)
class _Stub(Algorithm):
    card: ClassVar = Card("stub", "stub", 2000, "none", frozenset({"regress"}))
    power: float = setting(1.0, "how good it is", low=0.1, high=10.0, log=True)

    def cost(self, job, on):
        return Cost(1.0, 1.0)

    def fit(self, train, task, clock):
        raise NotImplementedError


@dataclass(frozen=True)
class _Other(_Stub):
    card: ClassVar = Card("other", "other", 1980, "none", frozenset({"regress"}))


@dataclass(frozen=True)
class _Third(_Stub):
    card: ClassVar = Card("third", "third", 1970, "none", frozenset({"regress"}))


def _run(ladder: Ladder, loss, steps: int, left: float = 1e9) -> list[Step]:
    """Carry out steps one by one; loss: trial -> error."""
    done = []
    for _ in range(steps):
        step = ladder.next(left, 2)
        if step is None:
            break
        ladder.record(step, Result(np.zeros((1, 1)), loss(step.trial), 1.0, 0, 0.0, 0, []))
        done.append(step)
    return done


def _ladder(seed: int = 0, limit: int | None = None, repeats: int = 2, width: int = 1) -> Ladder:
    folds = split.folds(None, 60, 0, 3, repeats)
    planned = {"stub": 1.0, "other": 1.0, "third": 1.0}
    entrants = [Entrant(a) for a in (_Stub(), _Other(), _Third())]
    return Ladder(entrants, planned, folds, seed=seed, width=width, limit=limit)


def test_the_better_algorithm_climbs_and_the_worst_does_not() -> None:
    ladder = _ladder()
    errors = {"stub": 1.0, "other": 2.0, "third": 9.0}
    _run(ladder, lambda t: errors[t.id] / t.entrant.algorithm.power**0.01, 60)
    folds_of = {i: max(len(t.results) for t in ladder.trials if t.id == i) for i in errors}
    assert folds_of["stub"] == 6
    assert folds_of["third"] == 1
    counts = {i: sum(t.id == i for t in ladder.trials) for i in errors}
    assert counts["stub"] > counts["third"]


@dataclass(frozen=True)
class _Half(_Stub):
    card: ClassVar = Card("stub", "stub", 2000, "none", frozenset({"classify", "regress"}))
    band: float = setting(0.1, "of amounts alone", low=0.0, high=1.0, tasks=("regress",))


@pytest.mark.parametrize(("task", "fixed", "bands", "powers"), [
    ("classify", (), False, True), ("regress", (), True, True), ("regress", ("power",), True, False),
    ("classify", ("power",), False, False),
])  # fmt: skip
def test_settings_are_drawn_that_make_a_difference_and_are_not_set(task, fixed, bands, powers) -> None:
    ladder = Ladder(
        [Entrant(_Half())], {"stub": 1.0}, split.folds(None, 60, 0, 3), seed=0, width=1, fixed=fixed, task=task
    )
    _run(ladder, lambda t: 1.0, 60)
    tried = [t.entrant.algorithm for t in ladder.trials]
    assert (len({a.band for a in tried}) > 1) == bands
    assert (len({a.power for a in tried}) > 1) == powers
    assert len(set(tried)) == len(tried)


def test_the_same_seed_makes_the_same_decisions() -> None:
    def made(seed: int) -> list[tuple]:
        steps = _run(_ladder(seed), lambda t: 1 / t.entrant.algorithm.power, 40)
        return [(s.trial.key, s.fold, s.trial.entrant) for s in steps]

    assert made(1) == made(1)
    assert made(1) != made(2)


def test_it_tries_no_more_candidates_than_allowed_and_stops_when_nothing_helps() -> None:
    limited = _ladder(limit=5)
    _run(limited, lambda t: 1.0, 1000)
    assert len(limited.trials) == 5
    endless = _ladder()
    _run(endless, lambda t: 1.0, 1000)
    assert endless.settled
    assert len(endless.trials) <= PATIENCE + 4


def test_what_cannot_finish_is_not_begun() -> None:
    assert _run(_ladder(), lambda t: 1.0, 10, left=0.5) == []


def test_an_abandoned_trial_takes_no_more_steps() -> None:
    ladder = _ladder()
    first = ladder.next(1e9, 2)
    ladder.record(first, Result(np.zeros((1, 1)), 1.0, 1.0, 0, 0.0, 0, []))
    promoted = next(s for s in iter(lambda: ladder.next(1e9, 2), None) if s.trial is first.trial)
    ladder.abandon(promoted.trial, "killed")
    assert all(s.trial is not first.trial for s in _run(ladder, lambda t: 1.0, 50))


def test_what_ran_out_of_memory_beside_others_is_fitted_once_more_alone() -> None:
    ladder = _ladder(width=3)
    first, second, third = (ladder.next(1e9, 3) for _ in range(3))
    assert ladder.again(first)
    assert ladder.next(1e9, 3) is None  # the others are waited for
    for step in (second, third):
        ladder.record(step, Result(np.zeros((1, 1)), 1.0, 1.0, 0, 0.0, 0, []))
    again = ladder.next(1e9, 3)
    assert again == first
    assert ladder.next(1e9, 3) is None  # nothing is fitted beside it
    assert not ladder.again(again)
    ladder.abandon(again.trial, "ran out of memory")
    assert ladder.next(1e9, 3).trial is not first.trial


def test_of_what_generates_one_alone_runs_the_long_course() -> None:
    names = ("baseline", "network", "slower", "counts")
    cards = {n: Card(n, n, 1990, "none", frozenset({"generate"}), form=Form.STREAM, anytime=True) for n in names}
    cards["counts"] = replace(cards["counts"], ends=True)
    known = [Entrant(type(n, (_Stub,), {"card": card})()) for n, card in cards.items()]
    ladder = Ladder(
        known[1:], dict.fromkeys(names, 1.0), [split.Fold(np.arange(50), np.arange(50, 60))], seed=0, width=3
    )
    errors = {"baseline": 8.0, "network": 2.0, "slower": 3.0, "counts": 1.9}

    def come(step: Step, loss: float, seconds: float = 1.0) -> None:
        ladder.record(step, Result(np.zeros((1, 1)), loss, seconds, 0, 0.0, 0, []))

    come(ladder.begin(known[0]), 8.0)
    tastes = [ladder.next(100.0, 2) for _ in range(3)]
    for step in tastes[:2]:
        step.trial.given = 1.0
        come(step, errors[step.trial.id])
    assert ladder.next(97.0, 2) is None  # the third is waited for
    come(tastes[2], errors[tastes[2].trial.id])
    course = ladder.next(96.0, 2)
    assert course.trial.id == "network"
    assert course.trial.alone
    assert course.trial.course > 90
    assert ladder.next(95.0, 2) is None
    come(course, 1.5, 90.0)
    later = [ladder.next(5.0, 2) for _ in range(3)]
    assert not any(s.trial.course for s in later if s)


def test_a_summit_that_answers_slowly_keeps_one_parting_a_member() -> None:
    folds = split.folds(None, 12, 0, 3, 2)
    trial = Trial(0, Entrant(_Stub()))
    for k, fold in enumerate(folds):
        trial.results[k] = Result(np.zeros((len(fold.valid), 1)), 1.0, 1.0, 0, 0.4, 0, [])
    members = [Member(trial, 1.0, {k: Path(str(k)) for k in range(6)})]
    whole = Summit([trial], members, np.zeros((12, 1)), np.arange(12), 1, "")
    assert quicker(whole, folds, 10, 100.0) is whole  # a tenth of a second a row and fold: six seconds
    assert list(quicker(whole, folds, 10, 5.0).members[0].states) == [0, 1, 2]


@pytest.mark.parametrize(("quick", "members"), [(True, {"other"}), (False, {"third"})])
def test_who_answers_too_slowly_is_no_member_where_there_is_another(quick: bool, members: set[str]) -> None:
    folds, y = split.folds(None, 12, 0, 3, 1), np.arange(12.0)
    trials = []
    entrants = [(_Stub(), 5.0, 0.0), (_Other(), 1.0, 0.01), (_Third(), 0.0, 40.0)]
    for algorithm, wrong, seconds in entrants if quick else entrants[::2]:
        trials.append(Trial(len(trials), Entrant(algorithm)))
        for k, fold in enumerate(folds):
            trials[-1].results[k] = Result(y[fold.valid][:, None] + wrong, wrong, 1.0, 0, seconds, 0, [])
    terms = Terms(
        task=Regress(), y=y, folds=folds, learned=lambda k: y, blocks=lambda e, k: (Path(), Path()), share=1.0,
        deadline=0.0, worker_bytes=0, scratch=Path(), seed=0, answering=1.0,
    )  # fmt: skip
    found = summit(trials, terms, "")
    assert {m.trial.id for m in found.members} == members
    assert [t.id for t in found.slow] == (["third"] if quick else [])


def test_a_whole_answer_needs_a_whole_parting() -> None:
    folds = split.folds(None, 12, 0, 3, 2)
    trial = Trial(0, Entrant(_Stub()))
    for k in (0, 1):
        trial.results[k] = Result(np.full((len(folds[k].valid), 1), 1.0), 0, 0, 0, 0, 0, [])
    assert whole_answer(trial, folds, 12) is None
    for k in (2, 3):
        trial.results[k] = Result(np.full((len(folds[k].valid), 1), 1.0), 0, 0, 0, 0, 0, [])
    answer, used = whole_answer(trial, folds, 12)
    assert used == [0, 1, 2]
    assert (answer == 1).all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), members=st.integers(1, 6))
def test_an_ensemble_errs_no_more_than_its_best_member(seed: int, members: int) -> None:
    rng = np.random.default_rng(seed)
    y = rng.normal(size=100)
    answers = [(y + rng.normal(scale=rng.uniform(0.1, 2), size=100))[:, None] for _ in range(members)]
    task = Regress()
    weights = weigh(answers, y, task)
    assert weights.sum() == pytest.approx(1)
    mean = sum(w * a for w, a in zip(weights, answers, strict=True))
    assert task.loss(y, mean) <= min(task.loss(y, a) for a in answers) + 1e-12


def test_many_settings_of_one_kind_leave_a_place_for_what_errs_differently() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=3000)
    alike = rng.normal(size=3000)
    answers = [(y + alike + 0.01 * rng.normal(size=3000))[:, None] for _ in range(40)]
    answers.append((y + 1.2 * rng.normal(size=3000))[:, None])
    task = Regress.learn(y)
    assert weigh(answers, y, task)[-1] == 0
    assert weigh(answers, y, task, ["alike"] * 40 + ["other"])[-1] > 0.2


def test_temperature_mends_what_is_too_sure() -> None:
    rng = np.random.default_rng(0)
    task = Classify(("a", "b"))
    honest = rng.beta(2, 2, size=3000)
    y = (rng.random(3000) < honest).astype(int)
    p = np.column_stack([1 - honest, honest])
    too_sure = task.adjust(p, 0.5)
    assert temperature(too_sure, y, task) == pytest.approx(2.0, rel=0.15)
    assert temperature(p, y, task) == pytest.approx(1.0, abs=0.1)
