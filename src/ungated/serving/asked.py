"""What a client asks of /v1/completions: read, checked field by field, and refused in the words of OpenAI's API.

A refusal is a status and a JSON document {"error": {message, type, param, code}}, which OpenAI's clients turn into
their exceptions: 400 for what is malformed, 404 for another model, 422 for what is well said but cannot be had here.
Fields that are not known are passed over, as other servers do: editors send many.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..core.errors import UngatedError

MOST_CHOICES = 128  # texts to write for one request: prompts times n, as in OpenAI's API
MOST_STOPS = 64  # OpenAI's API takes 4; editors send more
MOST_SEED = 2**63 - 1
_ABSENT = {"presence_penalty": (None, 0), "frequency_penalty": (None, 0), "logit_bias": (None, {}), "logprobs": (None,)}


class Refusal(UngatedError):
    """Why a request is not carried out.

    status: of HTTP. kind: the API's word for the sort of error. param: the field that is to blame. code: a short name.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        kind: str = "invalid_request_error",
    ) -> None:
        super().__init__(message)
        self.status, self.param, self.code, self.kind = status, param, code, kind

    def to_json(self) -> dict[str, Any]:
        """The document that goes with the status."""
        error = {"message": str(self), "type": self.kind, "param": self.param, "code": self.code}
        return {"error": error}


@dataclass(frozen=True)
class Asked:
    """A request for completions, checked. usage: whether the tokens are counted in a last piece of a stream."""

    prompts: tuple[str, ...]
    suffix: str | None = None
    max_tokens: int = 16
    temperature: float = 1.0
    top_p: float = 1.0
    n: int = 1
    stop: tuple[str, ...] = ()
    seed: int | None = None
    echo: bool = False
    stream: bool = False
    usage: bool = False


def understand(body: bytes, model: str, most_tokens: int) -> Asked:
    """What the body asks of the model called `model`, which writes at most `most_tokens` a text. Raises Refusal."""
    fields = _document(body)
    named = fields.get("model")
    if not isinstance(named, str) or not named:
        raise Refusal(400, f"Say which model is asked, as a string: {model!r}.", param="model")
    if named != model:
        raise Refusal(404, f"There is no model {named!r} here, only {model!r}.", param="model", code="model_not_found")
    for name, harmless in _ABSENT.items():
        if fields.get(name) not in harmless:
            raise Refusal(422, f"{name} cannot be had from this server: leave it out.", param=name, code="unsupported")
    n = _whole(fields, "n", 1, 1, MOST_CHOICES)
    if _whole(fields, "best_of", n, 1, MOST_CHOICES) != n:
        raise Refusal(422, "best_of cannot be had from this server: leave it out.", param="best_of", code="unsupported")
    prompts = _prompts(fields.get("prompt"))
    if len(prompts) * n > MOST_CHOICES:
        asked = f"{len(prompts)} prompts, {n} times each"
        raise Refusal(400, f"{asked}: at most {MOST_CHOICES} texts are written for one request.", param="n")
    suffix = fields.get("suffix")
    if suffix is not None:
        suffix = _text(suffix, "suffix")
    options = fields.get("stream_options")
    if options is not None and not isinstance(options, dict):
        raise Refusal(400, "stream_options must be an object.", param="stream_options")
    return Asked(
        prompts=prompts,
        suffix=suffix or None,
        max_tokens=_whole(fields, "max_tokens", min(16, most_tokens), 0, most_tokens),
        temperature=_number(fields, "temperature", 1.0, 0.0, 2.0),
        top_p=_number(fields, "top_p", 1.0, 0.0, 1.0),
        n=n,
        stop=_stops(fields.get("stop")),
        seed=None if fields.get("seed") is None else _whole(fields, "seed", 0, -MOST_SEED - 1, MOST_SEED),
        echo=_yes(fields, "echo"),
        stream=_yes(fields, "stream"),
        usage=_yes(options or {}, "include_usage"),
    )


def _document(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as e:  # also numbers of thousands of digits, and bytes that are no UTF-8
        raise Refusal(400, f"The body is not JSON: {e}.", code="invalid_json") from e
    if not isinstance(fields, dict):
        raise Refusal(400, "The body must be a JSON object with the fields model and prompt.", code="invalid_json")
    return fields


def _prompts(value: Any) -> tuple[str, ...]:
    """One text or several; none at all begins a document, as the API's default does."""
    if value is None:
        return ("",)
    if isinstance(value, str):
        return (_text(value, "prompt"),)
    if not isinstance(value, list) or not value:
        raise Refusal(400, "prompt must be a string or a list of strings.", param="prompt")
    if all(isinstance(v, int | list) for v in value):
        said = "Tokens as numbers are another model's: give the prompt as a string or a list of strings."
        raise Refusal(422, said, param="prompt", code="unsupported")
    return tuple(_text(v, "prompt") for v in value)


def _stops(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    stops: Sequence[Any] = [value] if isinstance(value, str) else value
    if not isinstance(stops, list) or len(stops) > MOST_STOPS:
        raise Refusal(400, f"stop must be a string or a list of at most {MOST_STOPS} strings.", param="stop")
    return tuple(dict.fromkeys(s for s in (_text(v, "stop") for v in stops) if s))


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise Refusal(400, f"{name} must be text, not {json.dumps(value)[:40]}.", param=name)
    try:
        value.encode()
    except UnicodeEncodeError as e:  # half of a surrogate pair, which JSON can say and no text can hold
        raise Refusal(400, f"{name} holds a character that is none, at {e.start}.", param=name) from e
    return value


def _whole(fields: dict[str, Any], name: str, default: int, low: int, high: int) -> int:
    value = fields.get(name)
    if value is None:
        return default
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise Refusal(400, f"{name} must be a whole number from {low} to {high}, not {_shown(value)}.", param=name)
    return value


def _number(fields: dict[str, Any], name: str, default: float, low: float, high: float) -> float:
    value = fields.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:  # NaN is in no range
        raise Refusal(400, f"{name} must be a number from {low:g} to {high:g}, not {_shown(value)}.", param=name)
    return float(value)


def _yes(fields: dict[str, Any], name: str) -> bool:
    value = fields.get(name)
    if value is not None and not isinstance(value, bool):
        raise Refusal(400, f"{name} must be true or false, not {_shown(value)}.", param=name)
    return bool(value)


def _shown(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return json.dumps(value)[:40] if not isinstance(value, int) or abs(value) < 10**20 else "a number that large"
