"""The push of every point of a map on every other, as t-SNE has it, without visiting every pair.

The push is a sum over all points of a smooth function of their distance. Spread each point's charge over the nine
nearest knots of a grid so that smooth functions are met exactly enough (interpolation by parabolas), let knots push
one another, which on a grid is one convolution and so a product of Fourier transforms, and read the sums back.

Cost: O(n + g log g) for n points and a grid of g knots, instead of O(n²).
Paper: Linderman, Rachh, Hoskins, Steinerberger & Kluger, "Fast interpolation-based t-SNE for improved visualization of
single-cell RNA-seq data", Nature Methods 16, 2019.
"""

import numpy as np

from ..core.numbers import Array, Floats

KNOTS = 3  # of a box, a side
WIDTH = 1.2  # of a box, where there are not too many
FEWEST, MOST_BOXES = 20, 96  # boxes a side
EXACT = 1000  # points up to which visiting every pair is as quick


def push(place: Array) -> tuple[Floats, float]:
    """For each point i the sum over j of (y_i - y_j) / (1 + |y_i - y_j|²)², (n, dims); and the sum of 1 / (1 + |·|²).

    place: float64 (n, dims); more than two dimensions, or few points, go pair by pair.
    """
    if len(place) <= EXACT or place.shape[1] != 2:
        return _by_pairs(place)
    return _by_grid(place)


def _by_pairs(place: Array) -> tuple[Floats, float]:
    place = place.astype(np.float32)
    far = np.square(place).sum(axis=1)
    near = place @ (-2 * place.T)
    near += far
    near += far[:, None] + 1
    np.reciprocal(np.maximum(near, 1, out=near), out=near)
    total = float(near.sum(dtype=np.float64)) - len(place)
    near *= near
    return (place * near.sum(axis=1, keepdims=True) - near @ place).astype(np.float64), total


def _by_grid(place: Array) -> tuple[Floats, float]:
    from scipy.fft import irfft2, next_fast_len, rfft2
    from scipy.sparse import csr_array

    n = len(place)
    low = place.min(axis=0)
    span = float((place.max(axis=0) - low).max()) * (1 + 1e-9) + 1e-9
    boxes = int(np.clip(np.ceil(span / WIDTH), FEWEST, MOST_BOXES))
    side, gap = boxes * KNOTS, span / (boxes * KNOTS)
    box = np.minimum(((place - low) / (gap * KNOTS)).astype(np.int64), boxes - 1)
    weights = _parabolas((place - low) / gap - KNOTS * box)  # (n, 2, KNOTS)
    knots = KNOTS * box[:, :, None] + np.arange(KNOTS)
    at = knots[:, 0, :, None] * side + knots[:, 1, None, :]
    share = weights[:, 0, :, None] * weights[:, 1, None, :]
    spread = csr_array(
        (share.ravel().astype(np.float32), at.ravel().astype(np.int32), np.arange(0, 9 * n + 1, 9)), (n, side * side)
    )
    middle = place - place.mean(axis=0)  # small numbers lose less in float32
    charges = np.column_stack([np.ones(n), middle, np.square(middle).sum(axis=1)]).astype(np.float32)
    on_knots = np.asarray((spread.T @ charges).T, np.float32).reshape(4, side, side)
    wide = next_fast_len(2 * side, real=True)
    steps = np.minimum(np.arange(wide), wide - np.arange(wide)).astype(np.float32) * np.float32(gap)
    kernel = 1 / np.square(1 + np.square(steps)[:, None] + np.square(steps)[None, :])
    felt = irfft2(rfft2(on_knots, (wide, wide)) * rfft2(kernel), (wide, wide))[:, :side, :side]
    one, first, second, square = (spread @ felt.reshape(4, -1).T).astype(np.float64).T
    total = np.sum((1 + charges[:, 3]) * one - 2 * (middle[:, 0] * first + middle[:, 1] * second) + square) - n
    return middle * one[:, None] - np.column_stack([first, second]), float(total)


def _parabolas(within: Floats) -> Floats:
    """How much of a charge `within` a box, in steps between its three knots at 0.5, 1.5 and 2.5, each knot gets."""
    t = within[..., None] - (np.arange(KNOTS) + 0.5)
    return np.stack([t[..., 1] * t[..., 2] / 2, -t[..., 0] * t[..., 2], t[..., 0] * t[..., 1] / 2], axis=-1)
