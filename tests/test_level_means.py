"""Means of levels: a training row is told of rows before it alone, a new row of all."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ungated.core.numbers import Column
from ungated.engines.level_means import DOUBT, MANY, LevelMeans

CODES = st.one_of(st.just(float("nan")), st.integers(-1, MANY - 1).map(float))
COLUMNS = Column("amount", "amount"), Column("kind", "kind", MANY), Column("few", "few", 3)


@given(st.lists(st.tuples(CODES, st.integers(0, 1)), min_size=1, max_size=40), st.integers(0, 5))
def test_each_row_is_told_of_the_rows_before_it(rows: list[tuple[float, int]], seed: int) -> None:
    codes, y = np.array([c for c, _ in rows], np.float32), np.array([v for _, v in rows], np.float64)
    x = np.column_stack([np.zeros(len(y)), codes, np.zeros(len(y))]).astype(np.float32)
    means, told = LevelMeans.learned(x, y, COLUMNS, seed)
    assert means.places.tolist() == [1]
    assert told[:, :3].tobytes() == x.tobytes()
    order, same = np.random.default_rng(seed).permutation(len(y)), np.where(np.isnan(codes), MANY, codes)
    for at, row in enumerate(order):
        before = [i for i in order[:at] if same[i] == same[row]]
        mean = (y[before].sum() + DOUBT * y.mean()) / (len(before) + DOUBT)
        assert np.isclose(told[row, 3], mean, atol=1e-6)
    new = means.beside(x)
    for row in range(len(y)):
        alike = same == same[row]
        assert np.isclose(new[row, 3], (y[alike].sum() + DOUBT * y.mean()) / (alike.sum() + DOUBT), atol=1e-6)


def test_where_no_column_has_many_levels_nothing_is_added() -> None:
    x = np.zeros((5, 1), np.float32)
    means, told = LevelMeans.learned(x, np.arange(5.0), (Column("few", "few", 3),), 0)
    assert told.shape == means.beside(x).shape == (5, 1)
    assert LevelMeans.none().beside(x) is x
