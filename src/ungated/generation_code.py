"""Code that can be read as code: each line is looked at once it is written, and one that cannot stand is drawn anew.

A small model forgets a bracket, or goes on at an indent that no line above has, and all that follows is lost. Python
itself can tell: it parses what was written so far, and says whether it may yet become a program (Poesia et al.,
"Synchromesh: Reliable Code Generation from Pre-trained Language Models", ICLR 2022; here by whole lines, which are
rejected and drawn again, so that what is written is drawn as the model would draw it, from what can be read).
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .engines.sampling import check, drawn
from .modalities.text.parses import begins, parses, readable

TRIES = 16  # drafts of a line; the last stands as it is, and nothing after it is looked at


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
    """What is written after `prompt`, a line at a time, `most` codes at most.

    begin: gives a voice that has heard the prompt, and the speller of its codes. told: called with each code that
    stands.
    """
    check(temperature, top_p, most)
    rng, above = np.random.default_rng(seed), readable(prompt)
    stand: list[int] = []  # codes of lines that stand
    voice, speller = begin()
    tries, looking = 0, True
    while len(stand) < most:
        draft, text, ended = _draft(voice, speller, most - len(stand), temperature, top_p, rng)
        tries, stands = tries + 1, not looking or _stands(above, text, ended)
        if not stands and tries < TRIES:
            voice, speller = begin()
            for code in stand:
                speller.take(code)
                voice.take(code, own=True)
            continue
        for code in draft:
            told(code)
        if text:
            yield text
        if ended:
            return
        stand, above, tries, looking = stand + draft, above + text, 0, looking and stands


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


def _stands(above: str, text: str, ended: bool) -> bool:
    """Whether what is above, with the text below it, can be read as Python or as the beginning of some."""
    if ended:
        return parses(f"{above}{text}\n")
    lines, whole, rest = text.rpartition("\n")
    return not whole or begins(f"{above}{lines}\n", rest)  # without its end, there was no room for a line to be whole
