"""Near-duplicates by their 64-bit fingerprints, so that the same thing twice stays on one side of every split.

Each medium makes its own fingerprints; `table/media.alike` brings them here, and `question` keeps the groups together.
Fingerprints of nearly the same picture, clip or text differ in few of their 64 bits (perceptual hashes; Charikar's
similarity hash, 2002). Two that differ in at most k bits agree wholly on one of k + 1 bands of their bits, so only
those that share a band are compared (Manku, Jain and Das Sarma 2007, "Detecting near-duplicates for web crawling").
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Prints = NDArray[np.uint64]
Groups = NDArray[np.int64]

SMALL = 512  # so many are compared each with each; larger bands are parted again
ROWS = 1 << 20  # comparisons at a time
_M1, _M2, _M4 = np.uint64(0x5555555555555555), np.uint64(0x3333333333333333), np.uint64(0x0F0F0F0F0F0F0F0F)


def near_duplicates(prints: Prints, most_bits: int = 2) -> Groups:
    """The group of each example, (n,) int64 from 0 on in the order of first members.

    prints: (n,) uint64; 0 stands for no fingerprint and is never like another. Examples whose fingerprints differ in
    at most `most_bits` bits share a group, and so do chains of them, as long as all of a chain lie within twice
    `most_bits` of its middle. Longer chains are not one thing many times but many alike: there only equal
    fingerprints stay together. Memory O(n); time O(n log n) for fingerprints that spread.
    """
    prints = np.ascontiguousarray(prints, np.uint64)
    distinct, back = np.unique(prints, return_inverse=True)
    of = _compact(distinct, chained(distinct, most_bits), 2 * most_bits)[back.reshape(-1)]
    none = np.flatnonzero(prints == 0)
    of[none] = len(distinct) + np.arange(len(none))
    _, first, place = np.unique(of, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[place.reshape(-1)]


def chained(distinct: Prints, most_bits: int) -> Groups:
    """For each of `distinct` fingerprints the least index of those that a chain of near ones leads to. 0 is alone."""
    root = np.arange(len(distinct))
    known = np.flatnonzero(distinct)
    for a, b in _near(distinct, known, list(range(64)), most_bits):
        _join(root, a, b)
    return _settled(root)


def _near(prints: Prints, index: Groups, bits: list[int], most: int) -> Iterator[tuple[Groups, Groups]]:
    """Pairs of `index` whose prints, which agree outside `bits`, differ in at most `most` bits; some more than once."""
    if len(index) < 2:
        return
    if len(index) <= SMALL or len(bits) <= 2 * (most + 1):
        yield from _each_with_each(prints, index, most)
        return
    parts = [part for k in range(most + 1) for part in _alike(prints, index, bits, bits[k :: most + 1])]
    if 2 * sum(len(within) ** 2 for within, _ in parts) > len(index) ** 2:  # too many are alike for bands to part them
        yield from _each_with_each(prints, index, most)
        return
    for within, rest in parts:
        yield from _near(prints, within, rest, most)


def _alike(prints: Prints, index: Groups, bits: list[int], band: list[int]) -> Iterator[tuple[Groups, list[int]]]:
    """Those of `index` whose prints agree on `band`, where they are more than one, and the `bits` outside it."""
    key = prints[index] & np.uint64(sum(1 << bit for bit in band))
    order = np.argsort(key, kind="stable")
    key = key[order]
    edges = np.concatenate([[0], np.flatnonzero(key[1:] != key[:-1]) + 1, [len(key)]])
    rest = [bit for bit in bits if bit not in band]
    for i in np.flatnonzero(np.diff(edges) > 1):
        yield index[order[edges[i] : edges[i + 1]]], rest


def _each_with_each(prints: Prints, index: Groups, most: int) -> Iterator[tuple[Groups, Groups]]:
    step = max(1, ROWS // len(index))
    for start in range(0, len(index), step):
        some = index[start : start + step]
        a, b = np.nonzero(ones(prints[some][:, None] ^ prints[index][None, start:]) <= most)
        apart = a < b
        yield some[a[apart]], index[start + b[apart]]


def ones(x: Prints) -> NDArray[np.uint8]:
    """How many bits are set.

    >>> ones(np.array([0, 7, 2**64 - 1], np.uint64)).tolist()
    [0, 3, 64]
    """
    if hasattr(np, "bitwise_count"):
        return np.bitwise_count(x)
    x = x - ((x >> np.uint64(1)) & _M1)
    x = (x & _M2) + ((x >> np.uint64(2)) & _M2)
    x = (x + (x >> np.uint64(4))) & _M4
    return ((x * np.uint64(0x0101010101010101)) >> np.uint64(56)).astype(np.uint8)


def _join(root: Groups, a: Groups, b: Groups) -> None:
    """Unite the trees of the pairs: each root hangs itself under the least that it is paired with, until none moves."""
    while len(a):
        a, b = _roots(root, a), _roots(root, b)
        apart = a != b
        a, b = a[apart], b[apart]
        np.minimum.at(root, np.maximum(a, b), np.minimum(a, b))


def _roots(root: Groups, of: Groups) -> Groups:
    at = root[of]
    while not np.array_equal(above := root[at], at):
        at = above
    root[of] = at  # the next way up is shorter
    return at


def _settled(root: Groups) -> Groups:
    while not np.array_equal(above := root[root], root):
        root = above
    return root


def _compact(distinct: Prints, group: Groups, most: int) -> Groups:
    """`group`, but with every member of a group that reaches further than `most` bits from its middle alone."""
    _, place, size = np.unique(group, return_inverse=True, return_counts=True)
    place = place.reshape(-1)
    far = np.zeros(len(size), bool)
    middle = np.zeros(len(size), np.uint64)
    for bit in range(64):
        set_ = (distinct >> np.uint64(bit)) & np.uint64(1)
        votes = np.bincount(place, set_.astype(float), len(size))
        middle |= (2 * votes > size).astype(np.uint64) << np.uint64(bit)
    far[place[ones(distinct ^ middle[place]) > most]] = True
    return np.where(far[place], np.arange(len(distinct)), group)


def grouped(pairs: NDArray[np.int64], rows: int) -> Groups:
    """The groups, (rows,) int64, that `pairs` of rows, (k, 2), join."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    edges = csr_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(rows, rows))
    group: Groups = connected_components(edges, directed=False)[1].astype(np.int64)
    return group


def joined(a: Groups, b: Groups) -> Groups:
    """The finest groups, (n,) int64, that keep together whatever `a` or `b` keeps together."""
    _, a = np.unique(a, return_inverse=True)
    _, b = np.unique(b, return_inverse=True)
    many = int(a.max()) + 1
    pairs = np.column_stack([a, many + b])
    return grouped(pairs, many + int(b.max()) + 1)[a]
