"""Whether written Python can be read as Python, whole or as a beginning. Nothing is run: the text is only parsed."""

import ast
import codeop
import io
import re
import tokenize
import warnings

_BEGINS = re.compile(r"\n(?=\S)")
_PARSE_ALONE = ast.PyCF_ONLY_AST
_MAY_GO_ON = ast.PyCF_ONLY_AST | codeop.PyCF_ALLOW_INCOMPLETE_INPUT  # type: ignore[attr-defined]  # since 3.11


def parses(code: str) -> bool:
    """Whether `code` is Python as this Python reads it."""
    return _fault(code, _PARSE_ALONE) is None


def begins(code: str, more: str = "") -> bool:
    """Whether Python may begin with `code`, whole lines: it parses, or it would if something came after it.

    more: the spaces that the next line begins with, but perhaps for one: whether a statement may stand there.
    """
    fault = _fault(code, _MAY_GO_ON)
    if fault is not None and fault.msg != "incomplete input":
        return False
    probes = [f"{code}{more}0\n", f"{code}{more} 0\n"] if more.isspace() else []
    return not probes or any(not isinstance(_fault(probe, _MAY_GO_ON), IndentationError) for probe in probes)


def stands_open(code: str) -> bool:
    """Whether a bracket or a string is not closed yet at the end of `code`, with which Python may begin."""
    try:
        for _ in tokenize.generate_tokens(io.StringIO(code).readline):
            pass
    except tokenize.TokenError:
        return True
    except SyntaxError:
        pass
    return False


def _fault(code: str, flags: int) -> SyntaxError | None:
    """Why it cannot be read; None where it can."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(code, "<written>", "exec", flags, dont_inherit=True)
    except SyntaxError as fault:
        return fault
    except (ValueError, RecursionError, MemoryError) as other:
        return SyntaxError(str(other))
    return None


def readable(code: str) -> str:
    """The last part of `code`, from a line at the margin on, with which Python may begin; "" where there is none.

    A prompt may begin amid a file. Its last line, which may be cut short, is given but not looked at.
    """
    lines, _, last = code.rpartition("\n")
    whole = lines + "\n" if lines or code.startswith("\n") else ""
    for start in [0, *(m.start() + 1 for m in _BEGINS.finditer(whole))]:
        if not whole[start : start + 1].isspace() and begins(whole[start:], last):
            return code[start:]
    return last if last and not last[0].isspace() else ""


def function(head: str, written: str, ended: bool = True) -> str:
    """The function that begins with `head`, a line "def …:" at the margin, and goes on as it was written.

    It ends where a line begins at the margin and what stands above can be read; where it never can, at the first such
    line after which it cannot go on. Where the writing stopped before that (ended False), its last line, which may be
    cut short, is left out.
    """
    whole = head + written
    for found in _BEGINS.finditer(whole, len(head)):
        above = whole[: found.start() + 1]
        if parses(above) or not begins(above):
            return above
    return whole if ended else whole.rpartition("\n")[0] + "\n"


def heads(code: str) -> list[str]:
    """The first lines of all functions at the margin of a file: "def …:", up to the end of the line."""
    return [m.group(0) + "\n" for m in re.finditer(r"^def \w+\([^\n]*\):$", code, re.MULTILINE)]
