"""What may be done to pictures while their answer stays, decided by looking at training pictures.

SHIFT: for photographs, and for drawings that lie here and there. Where each was centred before (digits, garments in
their frames), where a stroke lies says what it is, and a network that must not rely on that learns more slowly.
MIRROR: where mirrored pictures look like pictures of the same class still. For a few hundred pictures the nearest
neighbour among others is looked up, once as they are and once mirrored. If mirrored ones find neighbours nearly as
near, and the neighbours' answers agree nearly as often, left and right do not matter. A mirrored 7 is far from every
7; a mirrored b is near a d, whose answer is another; a mirrored bee is a bee.
ZOOM and LIGHT: for photographs, which have detail up to the border and many shades. In a drawing, a digit or a garment
before an empty ground, size and shade are part of what it is, and there is no surrounding to cut away.
"""

import numpy as np

from ...core.numbers import Change
from .hog import cells, gradients, normalised
from .reduce import grey, to_grid

MOST = 1500  # pictures that are looked at
_FARTHER = 1.1  # a mirrored picture's nearest neighbour may be this much farther away, in the median
_WORSE = 0.03  # share of neighbours that may disagree more than before, beside what chance explains
_BORDER = 0.6  # detail in the border's ring, of that inside, from which a picture fills its frame
_SCATTERED = 0.08  # of a side: the deviation of centres from which drawings lie here and there
_EXTREME = 0.5  # share of pixels that are nearly black or white, from which it is a drawing


def changes(pictures: np.ndarray, y: np.ndarray | None = None) -> frozenset[Change]:
    """What networks may do to these, from uint8 (n, height, width, channels) and, if known, their answers (n,)."""
    found: set[Change] = set()
    if len(pictures) >= 20:
        some = np.linspace(0, len(pictures) - 1, min(MOST, len(pictures))).astype(int)
        looked, answers = pictures[some], None if y is None else np.asarray(y)[some]
        if _mirrors(looked, answers):
            found.add(Change.MIRROR)
        photographs = _photographs(looked)
        if photographs or _scattered(looked):
            found.add(Change.SHIFT)
        if photographs:
            found |= {Change.ZOOM, Change.LIGHT}
    return frozenset(found)


def _mirrors(pictures: np.ndarray, y: np.ndarray | None) -> bool:
    near, who = _nearest(_look(pictures), _look(pictures))
    far, whose = _nearest(_look(pictures[:, :, ::-1]), _look(pictures))
    if np.median(far) > _FARTHER * max(float(np.median(near)), 1e-6):
        return False
    if y is None:
        return True
    wrong, wronger = _disagree(y, y[who]), _disagree(y, y[whose])
    chance = 2 * np.sqrt(max(wrong.var(), 1e-4) / len(y))
    return bool(wronger.mean() <= wrong.mean() + chance + _WORSE * _unit(y))


def _look(pictures: np.ndarray) -> np.ndarray:
    """float32 (n, d): edges and brightness on a coarse grid, weighted alike."""
    n, height, width = pictures.shape[:3]
    grid = (max(1, min(5, height // 3)), max(1, min(5, width // 3)))
    edges = normalised(cells(gradients(pictures), grid)).reshape(n, -1)
    small = to_grid(grey(pictures), (min(8, height), min(8, width))).reshape(n, -1) / 255
    return np.concatenate([edges, small], axis=1)


def _nearest(asked: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(distance, row) of each one's nearest neighbour, itself left out."""
    squares = np.square(asked).sum(1)[:, None] + np.square(known).sum(1)[None] - 2 * asked @ known.T
    np.fill_diagonal(squares, np.inf)
    who = squares.argmin(1)
    return np.sqrt(np.maximum(squares[np.arange(len(who)), who], 0)), who


def _disagree(y: np.ndarray, found: np.ndarray) -> np.ndarray:
    """How far each answer is from its neighbour's: 0 or 1 for classes, a difference for numbers."""
    return np.abs(y - found) if y.dtype.kind == "f" else (y != found).astype(np.float64)


def _unit(y: np.ndarray) -> float:
    return float(y.std()) if y.dtype.kind == "f" else 1.0


def _steep(light: np.ndarray) -> np.ndarray:
    """How much the light changes at each pixel, float32 (n, height, width)."""
    steep = np.zeros(light.shape, np.float32)
    steep[:, :, 1:] += np.abs(np.diff(light, axis=2))
    steep[:, 1:] += np.abs(np.diff(light, axis=1))
    return steep


def _scattered(pictures: np.ndarray) -> bool:
    """Whether what is drawn lies here and there: the centre of its outlines moves about by much of a side."""
    steep = _steep(grey(pictures)[..., 0].astype(np.int16))
    mass = np.maximum(steep.sum((1, 2)), 1e-6)
    centres = (steep.sum(3 - side) @ np.arange(n) / mass / n for side, n in ((1, steep.shape[1]), (2, steep.shape[2])))
    return max(float(c.std()) for c in centres) > _SCATTERED


def _photographs(pictures: np.ndarray) -> bool:
    """Whether most fill their frames with detail, in many shades."""
    light = grey(pictures)[..., 0].astype(np.int16)
    height, width = light.shape[1:]
    edge = max(1, min(height, width) // 12)
    if min(height, width) < 4 * edge:
        return False
    steep = _steep(light)
    inside = steep[:, edge:-edge, edge:-edge]
    rest = steep.sum((1, 2)) - inside.sum((1, 2))
    border = rest / (height * width - inside[0].size)
    fills = border > _BORDER * np.maximum(inside.mean((1, 2)), 1e-6)
    extreme = ((light < 8) | (light > 247)).mean((1, 2)) > _EXTREME
    return bool(np.median(fills & ~extreme) > 0.5)
