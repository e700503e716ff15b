"""Pictures made grey, smaller or into a grid of means: arithmetic on whole blocks of pictures."""

from functools import cache

import numpy as np


def grey(pictures: np.ndarray) -> np.ndarray:
    """uint8 (n, height, width, 1): how bright (ITU-R BT.601), from 1 or 3 channels."""
    if pictures.shape[3] == 1:
        return pictures
    red, green, blue = (pictures[..., k].astype(np.uint16) for k in range(3))
    return ((77 * red + 150 * green + 29 * blue + 128) >> 8).astype(np.uint8)[..., None]


def halved(pictures: np.ndarray) -> np.ndarray:
    """uint8, half as high and wide, each pixel the mean of four; an odd last row or column is left out."""
    height, width = pictures.shape[1:3]
    four = pictures[:, : height // 2 * 2, : width // 2 * 2].astype(np.uint16)
    total = four[:, ::2, ::2] + four[:, 1::2, ::2] + four[:, ::2, 1::2] + four[:, 1::2, 1::2]
    return ((total + 2) >> 2).astype(np.uint8)


@cache
def _means(pixels: int, cells: int) -> np.ndarray:
    """float32 (cells, pixels): the share of each pixel in the mean of each cell, by area."""
    edges = np.linspace(0, pixels, cells + 1)
    low, high = edges[:-1, None], edges[1:, None]
    at = np.arange(pixels)[None]
    share = np.clip(np.minimum(high, at + 1) - np.maximum(low, at), 0, 1)
    return (share / share.sum(1, keepdims=True)).astype(np.float32)


def to_grid(pictures: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """float32 (n, rows, columns, channels): the mean of each cell of a grid laid over each picture, 0 to 255."""
    n, height, width, channels = pictures.shape
    across = np.matmul(_means(width, grid[1]), pictures.astype(np.float32))
    down = np.matmul(_means(height, grid[0]), across.reshape(n, height, -1))
    return down.reshape(n, *grid, channels)
