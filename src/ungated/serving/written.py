"""What is written for a request, piece by piece, and the documents of OpenAI's API that carry it."""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from .asked import Asked


class Scribe(Protocol):
    """A model as the server knows it: its name, its birthday (seconds since 1970), and what it goes on with."""

    name: str
    created: int

    def write(
        self,
        prompt: str,
        *,
        suffix: str | None,
        max_tokens: int,
        temperature: float,
        top_p: float,
        seed: int | None,
        stop: Sequence[str],
        told: Callable[[int], None],
    ) -> Iterator[str]:
        """The text that follows, in pieces; `told` is called with each token."""
        ...

    def tokens(self, text: str) -> int:
        """How many tokens a text is."""
        ...


@dataclass(frozen=True)
class Piece:
    """A bit of the text of one choice.

    end: "" while it goes on, else "stop" or, at the most tokens, "length". tokens: of the choice, once it has ended.
    """

    index: int
    text: str
    end: str = ""
    tokens: int = 0


def written(asked: Asked, scribe: Scribe) -> Iterator[Piece]:
    """The texts of a request, choice after choice, a piece at a time; each choice ends with an empty piece."""
    for index in range(len(asked.prompts) * asked.n):
        prompt = asked.prompts[index // asked.n]
        if asked.echo and prompt:
            yield Piece(index, prompt)
        drawn: list[int] = []
        if asked.max_tokens:
            seed = None if asked.seed is None else abs(asked.seed) + index  # each choice its own
            for more in scribe.write(
                prompt,
                suffix=asked.suffix,
                max_tokens=asked.max_tokens,
                temperature=asked.temperature,
                top_p=asked.top_p,
                seed=seed,
                stop=asked.stop,
                told=drawn.append,
            ):
                yield Piece(index, more)
        yield Piece(index, "", "length" if len(drawn) >= asked.max_tokens else "stop", len(drawn))


@dataclass
class Reply:
    """The answer to one request while it grows."""

    asked: Asked
    scribe: Scribe
    id: str = field(default_factory=lambda: f"cmpl-{secrets.token_hex(12)}")
    created: int = field(default_factory=lambda: int(time.time()))
    texts: dict[int, list[str]] = field(default_factory=dict)
    ends: dict[int, str] = field(default_factory=dict)
    made: int = 0  # tokens

    def take(self, piece: Piece) -> None:
        """Note a piece."""
        self.texts.setdefault(piece.index, []).append(piece.text)
        if piece.end:
            self.ends[piece.index] = piece.end
            self.made += piece.tokens

    def event(self, piece: Piece) -> dict[str, Any]:
        """The document of one piece of a stream."""
        return self._with([_choice(piece.index, piece.text, piece.end)], *([None] if self.asked.usage else []))

    def counted(self) -> dict[str, Any]:
        """The last document of a stream, where its tokens are to be counted."""
        return self._with([], self._usage())

    def whole(self) -> dict[str, Any]:
        """The document of the whole answer."""
        choices = [_choice(i, "".join(parts), self.ends.get(i, "stop")) for i, parts in sorted(self.texts.items())]
        return self._with(choices, self._usage())

    def _with(self, choices: list[dict[str, Any]], *usage: dict[str, int] | None) -> dict[str, Any]:
        head = {"id": self.id, "object": "text_completion", "created": self.created, "model": self.scribe.name}
        return head | {"choices": choices} | ({"usage": usage[0]} if usage else {})

    def _usage(self) -> dict[str, int]:
        asked = sum(self.scribe.tokens(p) for p in (*self.asked.prompts, self.asked.suffix or ""))
        return {"prompt_tokens": asked, "completion_tokens": self.made, "total_tokens": asked + self.made}


def _choice(index: int, text: str, end: str) -> dict[str, Any]:
    return {"text": text, "index": index, "logprobs": None, "finish_reason": end or None}


def listed(scribe: Scribe) -> dict[str, Any]:
    """The model as /v1/models lists it."""
    return {"id": scribe.name, "object": "model", "created": scribe.created, "owned_by": "you"}
