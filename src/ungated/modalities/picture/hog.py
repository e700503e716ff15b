"""Which way edges run, and where: histograms of oriented gradients (Dalal & Triggs, 2005).

A picture is divided into cells. In each cell the edges vote for the direction in which they run, each as strongly as
it is steep; then every cell is measured against its neighbours, so that a shadow over half the picture changes little.
Cells are normalised and summed up as Felzenszwalb et al. (2010) do, which keeps the answer short. One step is our
own: pixels are whole numbers, so a gradient is one of 511 x 511, and its votes are looked up, not computed.
"""

from functools import cache

import numpy as np

DIRECTIONS = 9  # of edges, over half a turn; twice as many where dark-to-light counts
CLIP = 0.2  # no direction may say more than this of its neighbourhood: one hard edge does not drown the rest
_FLAT = 4.0  # grey levels of gradient, for a whole cell, that count as nothing: sensor noise is no edge


@cache
def _votes(signed: bool) -> np.ndarray:
    """float32 (511 * 511, directions): how steep, shared between the two nearest directions, for each (dy, dx)."""
    d = np.arange(-255, 256, dtype=np.float32)
    steep, turn = np.hypot(d[:, None], d[None]), np.arctan2(d[:, None], d[None]) / np.pi
    bins = 2 * DIRECTIONS if signed else DIRECTIONS
    place = (turn / 2 if signed else turn) % 1.0 * bins
    low = np.floor(place).astype(np.int64) % bins
    share = (place - np.floor(place)).astype(np.float32)
    votes = np.zeros((511 * 511, bins), np.float32)
    every = np.arange(len(votes))
    votes[every, low.ravel()] = (steep * (1 - share)).ravel()
    votes[every, (low.ravel() + 1) % bins] += (steep * share).ravel()
    return votes


@cache
def _reach(pixels: int, cells: int) -> np.ndarray:
    """float32 (cells, pixels): how much each pixel of a side counts for each cell, linear between cells' centres."""
    centre = (np.arange(pixels) + 0.5) * cells / pixels - 0.5
    weight = np.maximum(0, 1 - np.abs(centre[None] - np.arange(cells)[:, None]))
    weight[0, centre < 0] = 1
    weight[-1, centre > cells - 1] = 1
    return (weight / weight.sum(1, keepdims=True)).astype(np.float32)


def gradients(pictures: np.ndarray) -> np.ndarray:
    """int32 (n, height, width): the place in the table of votes of each pixel's steepest channel.

    pictures: uint8 (n, height, width, channels). At the border the difference is to the pixel itself.
    """
    x = np.pad(pictures, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge").astype(np.int16)
    dy = x[:, 2:, 1:-1] - x[:, :-2, 1:-1]
    dx = x[:, 1:-1, 2:] - x[:, 1:-1, :-2]
    best_y, best_x = dy[..., 0], dx[..., 0]
    for c in range(1, pictures.shape[3]):
        steeper = np.abs(dy[..., c]) + np.abs(dx[..., c]) > np.abs(best_y) + np.abs(best_x)
        best_y, best_x = np.where(steeper, dy[..., c], best_y), np.where(steeper, dx[..., c], best_x)
    return (best_y.astype(np.int32) + 255) * 511 + (best_x + 255)


def cells(where: np.ndarray, grid: tuple[int, int], signed: bool = False) -> np.ndarray:
    """float32 (n, rows, columns, directions): the votes in each cell of the grid, before any normalisation."""
    votes = _votes(signed)
    n, height, width = where.shape
    across = _reach(width, grid[1])
    planes = np.empty((n, height, grid[1] * votes.shape[1]), np.float32)
    for i in range(n):  # one picture at a time stays in the processor's cache
        planes[i] = np.matmul(across, votes[where[i]]).reshape(height, -1)
    return np.matmul(_reach(height, grid[0]), planes).reshape(n, *grid, votes.shape[1])


def normalised(votes: np.ndarray) -> np.ndarray:
    """The same cells, each measured against the four squares of 2 x 2 cells that it stands in, clipped and averaged."""
    half = votes.reshape(*votes.shape[:3], -1, DIRECTIONS).sum(3)
    energy = np.pad(np.square(half).sum(3), ((0, 0), (1, 1), (1, 1)), mode="edge")
    pairs = energy[:, 1:] + energy[:, :-1]
    squares = pairs[:, :, 1:] + pairs[:, :, :-1]
    out = np.zeros_like(votes)
    for dy in (0, 1):
        for dx in (0, 1):
            norm = np.sqrt(squares[:, dy : dy + votes.shape[1], dx : dx + votes.shape[2]]) + _FLAT
            out += np.minimum(votes / norm[..., None], CLIP)
    return out / (4 * CLIP)
