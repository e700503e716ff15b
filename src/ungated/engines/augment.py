"""Examples changed at random so that their answers stay: a network then learns what does not matter.

A batch is changed at once. Mirroring, moving, sliding and enlarging are the same thing: each row and column of the
picture made is read at some place of the picture given, between its neighbours where need be, and beyond its edge the
edge itself. Rows and columns are read apart, so each is one product with a small matrix, its weights triangles around
those places. What may be done is said by the numbers' own `changes`; nothing else is ever done.

Papers: mirrored and moved: Krizhevsky, Sutskever & Hinton 2012; a part enlarged: Szegedy et al. 2015; bands blanked:
Park et al., "SpecAugment", 2019.
"""

from typing import TYPE_CHECKING

from ..core.numbers import Change

if TYPE_CHECKING:
    from torch import Tensor

MOVED = {Change.SHIFT: 0.04, Change.SLIDE: 0.15}  # furthest, as a share of the side
ENLARGED = 0.35  # most of a side that is cut away
LIGHTER = 0.3  # standard deviation of the logarithm of the contrast, and of the brightness in units of x's own
BLANKED = 0.2  # widest band, as a share of the side


def changed(x: "Tensor", allowed: frozenset[Change], strength: float = 1.0) -> "Tensor":
    """The examples, each changed anew: float32 (n, channels, height, width), centred at 0, to as many of the same.

    allowed: what may be done. strength: how far changes go, times the usual; 0 for not at all.
    Random numbers are torch's own, so that a session's seed decides them.
    """
    if not allowed or strength <= 0 or not len(x):
        return x
    if allowed & {Change.MIRROR, Change.SHIFT, Change.SLIDE, Change.ZOOM}:
        x = _moved(x, allowed, strength)
    if Change.LIGHT in allowed:
        x = _lit(x, strength)
    if Change.MASK in allowed:
        x = _blanked(_blanked(x, 2, strength), 3, strength)
    return x


def mirrored(x: "Tensor") -> "Tensor":
    """Left and right swapped."""
    return x.flip(-1)


def _moved(x: "Tensor", allowed: frozenset[Change], strength: float) -> "Tensor":
    """Read at other places; whole steps unless enlarged, so that what is only moved stays sharp."""
    import torch

    n, _, height, width = x.shape
    tops, heights = _window(n, height, allowed & {Change.SHIFT, Change.ZOOM}, strength)
    lefts, widths = _window(n, width, allowed & {Change.SHIFT, Change.ZOOM, Change.SLIDE}, strength)
    rows, columns = _places(tops, heights, height), _places(lefts, widths, width)
    if Change.MIRROR in allowed:
        columns = torch.where(torch.rand(n, 1) < 0.5, columns.flip(1), columns)
    if Change.ZOOM not in allowed:
        return _read_whole(x, rows.round().long(), columns.round().long())
    return _triangles(rows, height)[:, None] @ x @ _triangles(columns, width)[:, None].mT


def _window(n: int, side: int, allowed: frozenset[Change], strength: float) -> "tuple[Tensor, Tensor]":
    """Where along a side the part that is read begins, and how long it is: float32 (n,) each."""
    import torch

    length = torch.full((n,), float(side))
    if Change.ZOOM in allowed:
        length = side * (1 - min(0.8, strength * ENLARGED) * torch.rand(n))
    begin = (side - length) * torch.rand(n)
    for change in (Change.SHIFT, Change.SLIDE):
        if change in allowed and Change.ZOOM not in allowed:
            most = max(1, round(strength * MOVED[change] * side)) if side > 1 else 0
            begin = begin + torch.randint(-most, most + 1, (n,))
    return begin, length


def _places(begin: "Tensor", length: "Tensor", side: int) -> "Tensor":
    """The places, (n, side), at which `side` even steps through each part fall, none beyond the edges."""
    import torch

    steps = (torch.arange(side) + 0.5) / side
    return (begin[:, None] + length[:, None] * steps - 0.5).clamp(0, side - 1)


def _read_whole(x: "Tensor", rows: "Tensor", columns: "Tensor") -> "Tensor":
    """x (n, c, h, w) at whole places: rows (n, h), columns (n, w)."""
    n, channels, _, width = x.shape
    x = x.gather(2, rows[:, None, :, None].expand(n, channels, -1, width))
    return x.gather(3, columns[:, None, None, :].expand(-1, channels, x.shape[2], -1)).contiguous()


def _triangles(places: "Tensor", side: int) -> "Tensor":
    """How much each of `side` neighbours counts at each place, (n, places, side): all there, nothing a step off."""
    import torch

    return (1 - (places[:, :, None] - torch.arange(side)).abs()).clamp(min=0)


def _lit(x: "Tensor", strength: float) -> "Tensor":
    """Contrast and brightness of each example, its channels a little apart where there are several."""
    import torch

    n, channels = x.shape[:2]
    together, apart = torch.randn(2, n, 1, 1, 1), torch.randn(2, n, channels, 1, 1)
    by = strength * LIGHTER * (together + (0.3 * apart if channels > 1 else 0))
    return x * (0.5 * by[0]).exp() + 0.5 * by[1]


def _blanked(x: "Tensor", side: int, strength: float) -> "Tensor":
    """A band across dimension `side`, as wide as chance has it and somewhere, set to 0, which is the mean."""
    import torch

    size = x.shape[side]
    wide = torch.rand(len(x)) * min(0.5, strength * BLANKED) * size
    begin = torch.rand(len(x)) * (size - wide)
    at = torch.arange(size)
    kept = (at < begin[:, None]) | (at >= (begin + wide)[:, None])
    shape = [len(x), 1, 1, 1]
    shape[side] = size
    return x * kept.reshape(shape)
