"""What of a text was copied out of another: the spans that stand in both, letter by letter.

Every stretch of a fixed length has a number of 64 bits, which rolls along the text; the numbers of the long text are
sorted once, and those of a short one are looked up. What is found so is compared byte by byte, so that no chance
likeness of numbers counts (Karp & Rabin 1987).
"""

from dataclasses import dataclass

import numpy as np

from ..core.numbers import Array

BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that it has an inverse among 64 bits


@dataclass(frozen=True)
class Copied:
    """known: the bytes that may have been copied. least: the shortest span that counts, in bytes."""

    known: bytes
    least: int
    numbers: Array

    @classmethod
    def of(cls, known: bytes, least: int = 32) -> "Copied":
        """O(n log n) time, 8 n bytes kept and 24 n at the peak."""
        return cls(known, least, np.unique(_rolled(known, least)))

    def spans(self, made: bytes) -> list[tuple[int, int]]:
        """(start, end) of every span of `made` that is copied and cannot be made longer, in their order."""
        if len(made) < self.least or not len(self.numbers):
            return []
        numbers = _rolled(made, self.least)
        at = np.minimum(self.numbers.searchsorted(numbers), len(self.numbers) - 1)
        found = np.flatnonzero(self.numbers[at] == numbers)
        spans: list[tuple[int, int]] = []
        for start in found.tolist():
            end = self._end(made, start)
            if end - start >= self.least and (not spans or end > spans[-1][1]):
                spans.append((start, end))
        return spans

    def longest(self, made: bytes) -> tuple[int, int]:
        """The longest of the spans; (0, 0) where none is long enough to count."""
        return max(self.spans(made), key=lambda span: span[1] - span[0], default=(0, 0))

    def _end(self, made: bytes, start: int) -> int:
        """Where the longest copied span that begins there ends."""
        low, high = start, len(made)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if made[start:middle] in self.known else (low, middle - 1)
        return low


def _rolled(text: bytes, length: int) -> Array:
    """uint64 (n - length + 1,): a number for each stretch of that length. Sums wrap around at 64 bits."""
    n = len(text)
    if n < length:
        return np.zeros(0, np.uint64)
    letters = _MIXED[np.frombuffer(text, np.uint8)]
    number = np.zeros(n - length + 1, np.uint64)
    done = 0
    stretch, size = letters, 1  # numbers of stretches of `size`, doubled until they make up `length`
    factor = BASE
    while True:
        if length & size:
            number = number * factor + stretch[done : done + len(number)]
            done += size
        if done == length:
            return number
        stretch = stretch[:-size] * factor + stretch[size:]
        factor, size = np.multiply(factor, factor, dtype=np.uint64), 2 * size


_MIXED = np.random.default_rng(0).integers(0, 2**64, 256, dtype=np.uint64)
