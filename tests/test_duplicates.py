"""Near-duplicates by fingerprints: groups are what comparing each with each would find, and long chains are none."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

from ungated.modalities import duplicates

SOME = settings(max_examples=60, deadline=None)


def brute(prints: list[int], most: int) -> list[int]:
    """For each the least index that a chain of near ones leads to, found by comparing all."""
    root = list(range(len(prints)))
    near = [(a, b) for a, b in permutations(root, 2) if prints[a] and prints[b] and apart(prints[a], prints[b]) <= most]
    while any(root[a] != root[b] for a, b in near):
        for a, b in near:
            root[a] = root[b] = min(root[a], root[b])
    return root


def apart(a: int, b: int) -> int:
    return (a ^ b).bit_count()


@SOME
@given(
    st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=6, unique=True),
    st.lists(st.tuples(st.integers(0, 99), st.lists(st.integers(0, 63), max_size=5)), max_size=12),
    st.integers(0, 5),
    st.sampled_from([2, 512]),
)
def test_chains_are_what_comparing_all_finds(
    seeds: list[int], changes: list[tuple[int, list[int]]], most: int, small: int
) -> None:
    all_prints = list(seeds)
    for which, bits in changes:
        print_ = all_prints[which % len(all_prints)]
        for bit in bits:
            print_ ^= 1 << bit
        all_prints.append(print_)
    distinct = np.unique(np.array(all_prints, np.uint64))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplicates, "SMALL", small)
        assert duplicates.chained(distinct, most).tolist() == brute(distinct.tolist(), most)


@SOME
@given(st.lists(st.integers(0, 40), max_size=30), st.integers(0, 3))
def test_groups_number_from_0_and_hold_equals(values: list[int], most: int) -> None:
    prints = np.array(values, np.uint64)
    groups = duplicates.near_duplicates(prints, most)
    assert list(dict.fromkeys(groups.tolist())) == list(range(len(set(groups.tolist()))))
    for value in set(values):
        here = groups[prints == value]
        assert len(set(here.tolist())) == (1 if value else len(here))


def test_long_chains_are_no_group() -> None:
    rng = np.random.default_rng(0)
    twice = rng.integers(1, 2**63, 50, dtype=np.uint64)
    chain = np.cumsum([1 << i for i in range(40)]).astype(np.uint64)  # each one bit from the next
    prints = np.concatenate([twice, twice ^ np.uint64(3), chain, chain[:1], np.zeros(3, np.uint64)])
    groups = duplicates.near_duplicates(prints)
    assert (groups[:50] == groups[50:100]).all()
    assert groups[140] == groups[100]
    assert len(set(groups.tolist())) == 50 + 40 + 3


def test_many_that_are_alike_take_no_longer_than_comparing_all() -> None:
    """A film's frames: bands of bits part them hardly at all, and parting them again and again would never end."""
    rng = np.random.default_rng(0)
    prints = np.full(1200, rng.integers(1, 2**63), np.uint64)
    for _ in range(4):
        prints ^= np.uint64(1) << rng.integers(0, 64, len(prints)).astype(np.uint64)
    prints = np.unique(prints)
    near = connected_components(duplicates.ones(prints[:, None] ^ prints) <= 4)[1]
    groups = duplicates.chained(prints, 4)
    assert len(prints) > 2 * duplicates.SMALL
    assert (groups == np.array([np.flatnonzero(near == k)[0] for k in near])).all()
