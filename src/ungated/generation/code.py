"""Code that can be read as code: each line is looked at once it is written, and one that cannot stand is drawn anew.

A small model forgets a bracket, or goes on at an indent that no line above has, and all that follows is lost. Python
itself can tell: it parses what was written so far, and says whether it may yet become a program (Poesia et al.,
"Synchromesh: Reliable Code Generation from Pre-trained Language Models", ICLR 2022; here by whole lines, which are
rejected and drawn again, so that what is written is drawn as the model would draw it, from what can be read).
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..engines.sampling import check, drawn
from ..modalities.text.parses import begins, parses, readable, stands_open

TRIES = 72  # drafts of a statement that cannot stand; the last is kept as it is, and nothing after it is looked at
OF_A_LINE = 6  # such drafts after which what stands open above the line, a bracket or a string, is drawn anew with it
LONGEST = 12  # lines that a bracket or a string may stand open for: a small model that forgot it never closes it


def lines(
    begin: Callable[[], tuple[Any, Any]],
    prompt: str,
    *,
    most: int,
    temperature: float,
    top_p: float,
    seed: int | None,
    told: Callable[[int], None],
) -> Iterator[str]:
    """What is written after `prompt`, some lines at a time, `most` codes at most; while a bracket is open, none come.

    begin: gives a voice that has heard the prompt, and the speller of its codes. told: called with each code that
    stands.
    """
    check(temperature, top_p, most)
    rng, above = np.random.default_rng(seed), readable(prompt)
    stand: list[int] = []  # codes of lines that stand
    held: list[int] = []  # codes of lines below them in which a bracket or a string is open still
    below, failed, looking = "", 0, True
    voice, speller = begin()
    while (room := most - len(stand) - len(held)) > 0:
        draft, text, ended = _draft(voice, speller, room, temperature, top_p, rng)
        cut = len(draft) == room and not ended
        stands = not looking or _stands(above, below + text, ended, cut)
        failed += not stands
        if not stands and failed < TRIES:
            held, below = ([], "") if cut or failed % OF_A_LINE == 0 else (held, below)
            voice, speller = begin()
            for code in stand + held:
                speller.take(code)
                voice.take(code, own=True)
            continue
        held, below = held + draft, below + text
        if looking and stands and not ended and not cut and stands_open(above + below):
            continue
        for code in held:
            told(code)
        if below:
            yield below
        if ended:
            return
        stand, above, held, below, failed, looking = stand + held, above + below, [], "", 0, looking and stands


def _draft(
    voice: Any, speller: Any, most: int, temperature: float, top_p: float, rng: np.random.Generator
) -> tuple[list[int], str, bool]:
    """(codes up to the one that ends a line, their text, whether the document ends with them)."""
    draft: list[int] = []
    text = ""
    while len(draft) < most and "\n" not in text:
        code = drawn(voice.next(), temperature, top_p, rng)
        if code == 0:
            return draft, text + speller.end(), True
        draft.append(code)
        text += speller.take(code)
        voice.take(code, own=True)
    return draft, text, False


def _stands(above: str, text: str, ended: bool, cut: bool) -> bool:
    """Whether what is above, with the text below it, can be read as Python or as the beginning of some.

    ended: it is the end of the document. cut: there is no room for more, and its last line may be cut short: then what
    stands above that line must be whole.
    """
    if ended:
        return parses(f"{above}{text}\n")
    lines, whole, rest = text.rpartition("\n")
    if cut:
        return parses(f"{above}{lines}{whole}")
    return begins(f"{above}{lines}\n", rest) and (lines.count("\n") < LONGEST or not stands_open(f"{above}{lines}\n"))
