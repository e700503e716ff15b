"""Whether written Python can be read as Python. Nothing is run: the text is only parsed."""

import ast
import re
import warnings

_BEGINS = re.compile(r"\n(?=\S)")


def parses(code: str) -> bool:
    """Whether `code` is Python as this Python reads it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def function(head: str, written: str, ended: bool = True) -> str:
    """The function that begins with `head`, a line "def …:" at the margin, and goes on as it was written.

    It ends where the next line begins at the margin. Where the writing stopped before that (ended False), its last
    line, which may be cut short, is left out.
    """
    whole = head + written
    found = _BEGINS.search(whole, len(head))
    if found:
        return whole[: found.start() + 1]
    return whole if ended else whole.rpartition("\n")[0] + "\n"


def heads(code: str) -> list[str]:
    """The first lines of all functions at the margin of a file: "def …:", up to the end of the line."""
    return [m.group(0) + "\n" for m in re.finditer(r"^def \w+\([^\n]*\):$", code, re.MULTILINE)]
