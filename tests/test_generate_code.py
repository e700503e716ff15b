"""Code that is written can be read as code: lines that cannot stand are drawn anew, and nothing else is changed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ungated.core.errors import UsageError
from ungated.generation.code import LONGEST, TRIES, lines
from ungated.modalities.text.parses import begins, function, parses, readable, stands_open

WORDS = ["", "    return x\n", "    x = (1]\n", "    if x:\n", "        x += 1\n", "    s = 'a\n", "    t = '''\n"]
LIKELY = [0.1, 8.0, 1.0, 1.0, 8.0, 1.0, 0.3]


class Lines:
    """A voice whose codes are whole lines, any as likely as another; what it took is kept."""

    def __init__(self, likely: list[float] | None = None) -> None:
        self.chances, self.taken = np.array(likely or LIKELY), []

    def next(self) -> np.ndarray:
        return self.chances / self.chances.sum()

    def take(self, code: int, own: bool = False) -> None:
        assert own
        self.taken.append(code)


class Speller:
    def take(self, code: int) -> str:
        return WORDS[code]

    def end(self) -> str:
        return ""


def written(seed: int, most: int = 12, likely: list[float] | None = None) -> tuple[str, list[int]]:
    told: list[int] = []
    how = {"most": most, "temperature": 1.0, "top_p": 1.0, "seed": seed, "told": told.append}
    return "".join(lines(lambda: (Lines(likely), Speller()), "import os\n\ndef f(x):\n", **how)), told


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000))
def test_what_is_written_can_be_read(seed: int) -> None:
    text, told = written(seed)
    assert text == "".join(WORDS[code] for code in told)
    assert len(told) <= 12
    assert begins("def f(x):\n" + text)
    assert written(seed) == (text, told)


def test_where_no_draft_can_stand_the_last_does() -> None:
    text, told = written(0, most=3, likely=[0.0, 0.0, 1.0] + [0.0] * (len(WORDS) - 3))
    assert text == 3 * WORDS[2]
    assert told == [2, 2, 2]
    assert TRIES > 1


def test_what_stands_open_too_long_is_drawn_anew() -> None:
    text, told = written(0, most=3 * LONGEST, likely=[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 9.0] + [0.0] * (len(WORDS) - 7))
    assert text == "".join(WORDS[code] for code in told)  # opened and closed by turns
    text, told = written(1, most=40, likely=[0.0, 8.0, 0.0, 0.0, 0.0, 0.0, 1.0])
    assert 6 in told
    longest = max(len(part.splitlines()) for part in text.split("'''")[1::2])
    assert longest <= LONGEST + 1


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 12))
def test_where_the_room_ends_what_was_written_is_whole(seed: int, most: int) -> None:
    text, told = written(seed, most, likely=[0.0, 8.0, 0.0, 4.0, 4.0, 0.0, 4.0])
    assert parses("def f(x):\n" + text)
    assert len(told) <= most


@pytest.mark.parametrize(
    ("code", "is_open"),
    [
        ("x = (1,\n", True),
        ("def f():\n    '''doc\n", True),
        ("def f():\n", False),
        ("x = 1\n", False),
        ("", False),
    ],
)
def test_an_open_bracket_or_string_is_seen(code: str, is_open: bool) -> None:
    assert stands_open(code) == is_open


def test_settings_out_of_their_range_are_refused() -> None:
    with pytest.raises(UsageError, match="temperature"):
        list(lines(lambda: (Lines(), Speller()), "", most=1, temperature=-1, top_p=1, seed=0, told=print))


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n", "x = (1,\n", "def f():\n    '''doc\n", "try:\n    x\n", "@a\n", "class A:\n    def f(self):\n",
        "if x:\n    y\nelse:\n", "x = 1\n", "", "# only a remark\n",
    ],
)  # fmt: skip
def test_python_may_begin_so(code: str) -> None:
    assert begins(code)


@pytest.mark.parametrize(
    "code", ["x = (1]\n", "x = 'a\n", "hello world how\n", "if x:\ny\n", "  x\n", "def f():\n    x\n  y\n", "x = 1\0\n"]
)
def test_python_may_not_begin_so(code: str) -> None:
    assert not begins(code)


def test_the_indent_of_the_next_line_must_be_one_that_was() -> None:
    code = "def f():\n    if x:\n        y\n"
    assert begins(code, "    ")
    assert begins(code, "       ")  # the eighth space may yet come
    assert not begins(code, "  ")
    assert begins("x = (1,\n", "  ")


def test_a_prompt_is_read_from_where_it_can_be() -> None:
    assert readable("    return x\n\ndef g(y):\n    z = y\n    re") == "def g(y):\n    z = y\n    re"
    assert readable("a 'quoted text\nwhich reads as prose\nx = 1\n") == "x = 1\n"
    assert readable("def f(") == "def f("
    assert readable("") == ""


def test_a_function_goes_on_at_the_margin_within_its_text() -> None:
    head, text = "def f():\n", '    """Lines\nat the margin.\n"""\n    return 1\nx = 2\n'
    assert function(head, text) == head + text[: text.index("x = 2")]
    assert parses(function(head, text))
