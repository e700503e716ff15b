"""Writing: a model that has learned to generate goes on from a prompt, a piece at a time.

Every member of the ensemble keeps a voice: what it makes of all that was written so far. The next code is drawn from
the weighted mean of what the voices expect, which is the very mixture that was judged on sealed files. A temperature
below 1 makes likely codes likelier; top-p leaves out the unlikely tail (Holtzman et al. 2020, "The Curious Case of
Neural Text Degeneration").
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.algorithm import Writer
from ..core.errors import UsageError
from ..core.numbers import Floats
from ..engines.sampling import codes
from ..model import Model
from .code import lines


def writes(model: Model) -> bool:
    """Whether all that the model holds can write; not so where there was no time to learn more than a baseline."""
    return all(hasattr(fitted, "voice") for member in model.members for _, fitted in member.fits)


@dataclass
class Chorus:
    """Voices that speak as one: the probability of each code to come is their weighted mean."""

    parts: Sequence[tuple[float, Any]]

    @classmethod
    def of(cls, model: Model) -> "Chorus":
        """The voices of all that the model holds, at the beginning of a document. Raises UsageError without any.

        The baseline has none: it is left out where it is part of a mixture.
        """
        fits = [(m.weight / len(m.fits), f) for m in model.members for _, f in m.fits if isinstance(f, Writer)]
        if not fits:
            raise UsageError("This model answers; it has not learned to write. Train one with --task generate.")
        return cls([(share, fitted.voice()) for share, fitted in fits])

    def next(self) -> Floats:
        """float64 (levels,): the probability of each code to come."""
        total: Floats = sum(share * voice.next() for share, voice in self.parts)
        return total / total.sum()

    def take(self, code: int, own: bool = False) -> None:
        """Go on by that code."""
        for _, voice in self.parts:
            voice.take(code, own)


def write(
    model: Model,
    prompt: str = "",
    *,
    suffix: str | None = None,
    max_tokens: int = 200,
    temperature: float = 0.8,
    top_p: float = 0.95,
    seed: int | None = None,
    stop: Sequence[str] = (),
    check: bool | None = None,
    told: Callable[[int], None] = lambda code: None,
) -> Iterator[str]:
    """What the model goes on with after `prompt`, in pieces as they are written; no character is ever cut.

    suffix: what stands after the gap that is to be filled; None goes on at the end. max_tokens: codes at most.
    temperature: 0 takes the likeliest each time. top_p: share of the chances that is drawn from. seed: the same
    gives the same. stop: texts before which the writing ends; they are not given. check: whether lines that cannot be
    read as Python are drawn anew; None does so where most of what was learned from is Python. Then whole lines come,
    no gap is filled so, and not at temperature 0. told: called with each code that is written.

    Raises UsageError for a model that does not write, and for settings out of their range, when the first is asked.
    """
    encoder = writing(model)
    asked, begun = encoder.asked(prompt, suffix)

    def begin() -> tuple[Any, Any]:
        chorus = Chorus.of(model)
        for code in asked:
            chorus.take(code)
        speller = encoder.speller(begun)
        return (Completing(chorus, speller, encoder.spelled) if begun else chorus), speller

    how: dict[str, Any] = {"most": max_tokens, "temperature": temperature, "top_p": top_p, "seed": seed}
    python = model.schema[encoder.source].how.get("language") == "Python"
    if (python if check is None else check) and suffix is None and temperature > 0:
        yield from until(lines(begin, prompt, **how, told=told), stop)
        return
    heard, speller = begin()
    yield from until(_spelled(_counted(codes(heard, **how), told), speller), stop)


def writing(model: Model) -> Any:
    """The encoder whose codes the model writes. Raises UsageError where it writes none, or no text."""
    for encoder in model.encoders:
        stream = getattr(encoder, "encoder", None)
        if hasattr(stream, "speller"):
            return stream
    raise UsageError("This model does not write text. Train one with: ungated fit FILES --task generate")


def _counted(drawn_codes: Iterable[int], told: Callable[[int], None]) -> Iterator[int]:
    for code in drawn_codes:
        told(code)
        yield code


def _spelled(drawn_codes: Iterable[int], speller: Any) -> Iterator[str]:
    """The text of codes, a piece at a time."""
    for code in drawn_codes:
        if piece := speller.take(code):
            yield piece
    if piece := speller.end():
        yield piece


@dataclass
class Completing:
    """A voice that first finishes the piece of which a prompt is the beginning.

    "def read_cs" may be written in pieces that no document has, as "def", " read", "_c", "s", where it has "_csv". So
    the prompt's last piece is taken back, and only pieces that begin as it does may come until it is written again.
    """

    voice: Any
    speller: Any
    spelled: Sequence[bytes]

    def next(self) -> Floats:
        chances: Floats = self.voice.next()
        if not (begun := self.speller.begun):
            return chances
        able = np.array([bool(b) and (b.startswith(begun) or begun.startswith(b)) for b in self.spelled])
        allowed = np.where(able, np.maximum(chances, 1e-12), 0.0)
        return allowed / allowed.sum()

    def take(self, code: int, own: bool = False) -> None:
        self.voice.take(code, own)


def until(pieces: Iterable[str], stop: Sequence[str]) -> Iterator[str]:
    """The pieces up to the first of the `stop` texts; what may be the beginning of one is held back."""
    held = ""
    for piece in pieces:
        held += piece
        found = [at for s in stop if s and (at := held.find(s)) >= 0]
        if found:
            yield held[: min(found)]
            return
        safe = len(held) - max((n for s in stop for n in range(1, len(s)) if held.endswith(s[:n])), default=0)
        if safe:
            yield held[:safe]
            held = held[safe:]
    if held:
        yield held
