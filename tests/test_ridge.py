"""Ridge with its strength by leave-one-out: what it says of a row left out is what a fit without that row would say."""

import numpy as np
import pytest

from ungated.engines import ridge as page


@pytest.mark.parametrize(("rows", "columns"), [(25, 60), (60, 25)])
def test_leave_one_out_scores_are_those_of_fits_without_the_row(
    rows: int, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "STRENGTHS", np.array([0.3]))
    monkeypatch.setattr(page, "FIRST", 0)
    rng = np.random.default_rng(0)
    x = (5 + rng.random((rows, columns))).astype(np.float32)
    y = np.column_stack([x[:, :3].sum(axis=1), rng.normal(size=rows)]).astype(np.float64)
    parts = [x[:7], x[7:20], x[20:]]
    fit = page.ridge(iter(parts), y, columns, lambda tries, error: True, rng)
    scaled = (x - x.mean(axis=0)) / (x.std(axis=0) + page.SPREAD)
    shorter = scaled @ scaled.T if rows <= columns else scaled.T @ scaled
    strength = 0.3 * np.trace(shorter) / len(shorter)

    def refitted(known: np.ndarray, asked: np.ndarray) -> np.ndarray:
        centre, level = scaled[known].mean(axis=0), y[known].mean(axis=0)
        c = scaled[known] - centre
        weights = np.linalg.solve(c.T @ c + strength * np.eye(columns), c.T @ (y[known] - level))
        return (scaled[asked] - centre) @ weights + level

    everything = np.arange(rows)
    np.testing.assert_allclose(x @ fit.weights + fit.bias, refitted(everything, everything), atol=2e-3)
    np.testing.assert_array_equal(fit.judged, everything)
    left_out = np.concatenate([refitted(np.delete(everything, i), everything[i : i + 1]) for i in everything])
    np.testing.assert_allclose(fit.scores, left_out, atol=5e-3)


def test_noise_is_held_and_a_straight_line_let_go() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(300, 40)).astype(np.float32)
    line, noise = x[:, :1].astype(np.float64), rng.normal(size=(300, 1))
    said = [page.ridge([x], y, 40, lambda tries, error: True, rng) for y in (line, noise)]
    assert np.abs(x @ said[0].weights + said[0].bias - line).max() < 0.05
    assert np.std(x @ said[1].weights) < 0.2
