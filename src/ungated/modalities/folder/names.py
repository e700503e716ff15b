"""Labels out of file names: `--label-from "{label}_{speaker}_{n}.wav"`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from ...core.errors import InputError, UsageError
from ..broken import Broken
from ..medium import by_name
from ..table.schema import many

MOST_ODD = 0.1  # share of files that may be named otherwise
_FIELD = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Pattern:
    """A pattern of names: `fields` in the order of the text. {_} stands for anything and makes no column.

    {n:d} takes digits alone. A field never crosses a "/". As many folders are matched as the pattern has; a suffix
    of a known medium in the pattern must be there (capitals or not), without one any is taken.
    """

    text: str
    fields: tuple[str, ...]
    greedy: re.Pattern[str]
    lazy: re.Pattern[str]
    suffixed: bool

    @classmethod
    def of(cls, text: str, taken: Sequence[str] = ()) -> Self:
        """Raises UsageError where the pattern has no field, twice the same, or two that nothing stands between."""
        pieces = _FIELD.split(text)
        if len(pieces) < 3 or any(c in "".join(pieces[::2]) for c in "{}"):
            raise UsageError(
                f"--label-from {text!r} names no part of a file's name.\n"
                'Write it as "{label}_{speaker}_{n}.wav".'
            )
        for before, between, after in zip(pieces[1::2], pieces[2::2], pieces[3::2], strict=False):
            if not between:
                raise UsageError(
                    f"--label-from {text!r}: nothing stands between {{{before}}} and {{{after}}}, so where one ends "
                    f"and the other begins cannot be told.\nPut what parts them between them, as in "
                    f"{{{before}}}_{{{after}}}."
                )
        fields = [_named(piece, text) for piece in pieces[1::2]]
        real = [name for name, _ in fields if name != "_"]
        for name in real:
            if real.count(name) > 1 or name in taken:
                why = "stands there twice" if name not in taken else "is the name of a column that is there anyway"
                raise UsageError(f"--label-from {text!r}: {{{name}}} {why}. Give it another name.")
        suffixed = bool(by_name("x" + pieces[-1]))
        literals = [re.escape(piece.strip("/") if i == 0 else piece) for i, piece in enumerate(pieces[::2])]
        if suffixed:
            stem, _, ending = pieces[-1].rpartition(".")
            literals[-1] = re.escape(stem) + rf"\.(?i:{re.escape(ending)})"
        return cls(
            text,
            tuple(name for name, _ in fields),
            _compiled(literals, fields, "+"),
            _compiled(literals, fields, "+?"),
            suffixed,
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """The fields that become columns."""
        return tuple(name for name in self.fields if name != "_")

    def match(self, name: str) -> dict[str, str] | str:
        """The fields' values in a relative path, or why there are none."""
        parts = name.split("/")[-1 - self.text.strip("/").count("/") :]
        name = "/".join(parts)
        if not self.suffixed and by_name(name):
            name = name.rpartition(".")[0]
        first, last = self.lazy.fullmatch(name), self.greedy.fullmatch(name)
        if first is None or last is None:
            return "is not named as --label-from says"
        if first.groups() != last.groups():  # the shortest and the longest reading differ: there is more than one
            field, one, other = next(
                (f, a, b) for f, a, b in zip(self.fields, first.groups(), last.groups(), strict=True) if a != b
            )
            return f"can be read in two ways: {field} is {one!r} or {other!r}"
        return {f: v for f, v in zip(self.fields, first.groups(), strict=True) if f != "_"}


def _named(piece: str, text: str) -> tuple[str, str]:
    name, colon, kind = piece.partition(":")
    name = name.strip()
    if not name or (colon and kind != "d"):
        raise UsageError(
            f"--label-from {text!r}: {{{piece}}} is no name of a column.\n"
            "Use {label}, {speaker} and so on, {n:d} for digits alone, {_} for what does not matter."
        )
    return name, r"\d" if kind == "d" else "[^/]"


def _compiled(literals: list[str], fields: list[tuple[str, str]], times: str) -> re.Pattern[str]:
    body = literals[0] + "".join(f"({of}{times}){after}" for (_, of), after in zip(fields, literals[1:], strict=True))
    return re.compile(body, re.DOTALL)


def columns_of(pattern: Pattern, names: Sequence[str]) -> tuple[list[dict[str, str] | None], list[Broken]]:
    """For each name the fields' values, None where it does not match, with those that do not.

    Raises InputError where more than a tenth do not match, naming the first.
    """
    rows: list[dict[str, str] | None] = []
    broken: list[Broken] = []
    for name in names:
        found = pattern.match(name)
        if isinstance(found, str):
            broken.append(Broken(name, found))
        rows.append(found if isinstance(found, dict) else None)
    if len(broken) > MOST_ODD * len(names):
        told = ", ".join(b.file for b in broken[:3])
        ways = [b for b in broken if "two ways" in b.why]
        advice = "Write the pattern as the files are named; {_} stands for a part that does not matter."
        if ways:
            advice = f"{ways[0].file} {ways[0].why}.\nWrite {{n:d}} for a part of digits alone, or name more parts."
        raise InputError(
            f"--label-from {pattern.text!r} does not fit {many(len(broken), 'name')} of {len(names):,}: {told}"
            f"{', …' if len(broken) > 3 else ''}.\n{advice}"
        )
    return rows, broken
