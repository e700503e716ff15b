"""Documents as one stream of codes, for who learns to write: characters, or pieces of words that are often met.

Code 0 begins every document. As characters, each that training texts hold is a code; a character that they do not hold
is spelled by its bytes, two codes a byte, so that every text can be written, and costs what it costs. As byte pairs
(see `tokens`) the 256 bytes are codes themselves. Characters suit a small corpus, of which words could not be learned;
byte pairs a large one, of which a network then sees three or four times as much in its time.

Where code is to be completed between what stands before and behind, three marks follow the other codes. They stand in
no document; a network that learns to fill gaps puts them where it parts one.
"""

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import polars as pl

from ...core.algorithm import State, Text
from ...core.errors import MissingExtra, ModelError
from ...core.numbers import Array, Floats, Form, Numbers
from ...engines import ngrams
from ...engines.extras import missing
from .tokens import learned, library

if TYPE_CHECKING:
    from tokenizers import Tokenizer

CHARACTERS, PAIRS = "characters", "byte pairs"
SMALL = 2_000_000  # characters of a corpus below which byte pairs are not tried: too few to learn words from ...
LARGE = 6_000_000  # ... and from which on they are not doubted; between the two both are tried
LEARNED_FROM = 3_000_000  # characters from which byte pairs are learned
MOST_CHARACTERS = 5000  # different ones that have codes of their own; rarer ones are spelled
PER_TOKEN = 3000  # characters of the corpus for each token ...
TOKENS = 512, 8192  # ... within these bounds
TOKEN_LETTERS = 3.3  # characters of a token, about
NIBBLES = 16
MARKS = 3  # what stands before a gap, what stands behind it, and what belongs into it, follow one each


@dataclass(frozen=True)
class StreamEncoder:
    """One column of texts as a stream.

    source: name of the column. units: "characters" or "byte pairs". levels: codes, the 0 of documents and the marks
    included. rules: the characters in the order of their codes, or JSON of the library `tokenizers`. joined: whether
    the rows are one document cut into pieces. marks: how many of the last codes are marks, 0 or 3. why: how the units
    were chosen, in words.
    """

    source: str
    units: str
    levels: int
    rules: Text
    joined: bool = False
    marks: int = 0
    why: str = ""

    @classmethod
    def fit(cls, values: pl.Series, how: dict[str, Any]) -> Self:
        """Learn the codes from training texts. how: "units" names them, "joined" and "fills" are as a corpus says.

        Without "units", a corpus of over two million characters is tried as both, by what n-grams make of each.
        Raises MissingExtra where byte pairs are asked for and the library `tokenizers` is not installed.
        """
        texts = values.drop_nulls()
        units, why = (str(how["units"]), "asked for") if how.get("units") else _chosen(texts)
        joined, marks = bool(how.get("joined")), MARKS if how.get("fills") else 0
        rules, count = _rules(texts, units)
        return cls(values.name, units, 1 + count + marks, Text(rules), joined, marks, why)

    @property
    def size(self) -> tuple[int, ...]:
        return ()

    @classmethod
    def foreseen(cls, values: pl.Series, how: dict[str, Any]) -> tuple[int, int]:
        """(about how many codes these texts come to, about how many different ones), without learning any."""
        size = int(values.str.len_chars().sum())
        units = how.get("units") or (PAIRS if size > SMALL and not missing(("modern",)) else CHARACTERS)
        if units == PAIRS:
            return round(size / TOKEN_LETTERS), round(np.clip(size / PER_TOKEN, *TOKENS))
        return size, 1 + NIBBLES + values.head(50).str.head(20_000).str.split("").explode().n_unique()

    def numbers(self, values: pl.Series, y: Array) -> Numbers:
        """x int32 (n,): the documents, each after a 0; y float64 (n,): how many bytes each code stands for."""
        parts = self._encoded(values.drop_nulls().to_list())
        zero = np.zeros(1, np.int32)
        stream = [zero, *parts] if self.joined else [a for part in parts for a in (zero, part)]
        x = np.concatenate(stream) if stream else zero
        return Numbers(Form.STREAM, x, self._bytes[x], levels=self.levels, marks=self.marks)

    def encode(self, text: str) -> Array:
        """int32: the codes of a text, without the 0 before it."""
        return next(iter(self._encoded([text])))

    def asked(self, before: str, behind: str | None = None) -> tuple[list[int], bytes]:
        """Codes to go on from, and the bytes with which what follows must begin.

        The end of `before` may be the beginning of a longer piece than the one that it would be written as; so its
        last piece is left to be written again. behind: what stands after the gap, where there is one.
        """
        codes = self.encode(before).tolist()
        begun = self.spelled[codes.pop()] if codes and self.units == PAIRS else b""
        if behind is not None and self.marks:
            first = self.levels - self.marks
            codes = [first, *codes, first + 1, *self.encode(behind).tolist(), first + 2]
        return codes, begun

    @cached_property
    def spelled(self) -> list[bytes]:
        """The bytes of each code; none for the 0 of documents, for marks, and for the halves of bytes."""
        if self.units == CHARACTERS:
            known = [c.encode("utf-8", "surrogatepass") for c in str(self.rules)]
            return [b"", *known, *([b""] * (NIBBLES + self.marks))]
        letters = [self.tokenizer.id_to_token(i) or "" for i in range(self.levels - 1 - self.marks)]
        known = [bytes(_BYTE_OF[c] for c in token) for token in letters]
        return [b"", *known, *([b""] * self.marks)]

    @cached_property
    def _bytes(self) -> Floats:
        counts = np.array([len(b) for b in self.spelled], np.float64)
        if self.units == CHARACTERS:
            first = 1 + len(self.rules)
            counts[first : first + NIBBLES] = 0.5
        return counts

    @cached_property
    def tokenizer(self) -> "Tokenizer":
        return library().Tokenizer.from_str(str(self.rules))

    @cached_property
    def _codes(self) -> Array:
        """int32: the code of each character by its number; 0 where it has none."""
        codes = np.zeros(0x110000, np.int32)
        codes[np.frombuffer(str(self.rules).encode("utf-32-le"), np.uint32)] = np.arange(1, 1 + len(self.rules))
        return codes

    def _encoded(self, texts: Sequence[str]) -> Iterator[Array]:
        if self.units == PAIRS:
            for start in range(0, len(texts), 1000):
                for found in self.tokenizer.encode_batch_fast(list(texts[start : start + 1000]), False, False):
                    yield np.array(found.ids, np.int32) + 1
            return
        for text in texts:
            points = np.frombuffer(text.encode("utf-32-le", "replace"), np.uint32)
            codes = self._codes[points]
            yield codes if codes.all() else self._with_spelled(points, codes)

    def _with_spelled(self, points: Array, codes: Array) -> Array:
        """The codes of characters, those without one spelled by their bytes, each as its upper and its lower half."""
        first, parts, done = 1 + len(self.rules), [], 0
        for at in np.flatnonzero(codes == 0).tolist():
            halves = [half for b in chr(int(points[at])).encode() for half in (b >> 4, b & 15)]
            parts += [codes[done:at], np.array(halves, np.int32) + first]
            done = at + 1
        return np.concatenate([*parts, codes[done:]]).astype(np.int32)

    def decode(self, codes: Array | Sequence[int]) -> str:
        """The text of codes; documents are not parted, marks are left out."""
        speller = Speller(self)
        return "".join([*(speller.take(int(c)) for c in codes), speller.end()])

    def speller(self, begun: bytes = b"") -> "Speller":
        """What turns codes into text one by one. begun: bytes that come first and are not given again."""
        return Speller(self, begun)

    def state(self) -> State:
        """What was learned, to be saved."""
        names = ("source", "units", "levels", "joined", "marks", "why")
        return State({n: getattr(self, n) for n in names}, texts={"rules": str(self.rules)})

    @classmethod
    def load(cls, state: State) -> Self:
        """The same encoder again. Raises ModelError where the state is not of one."""
        try:
            encoder = cls(**state.values, rules=Text(state.texts["rules"]))
            if len(encoder.spelled) != encoder.levels or encoder.units not in (CHARACTERS, PAIRS):
                raise ValueError("its codes are not as many as they were")
        except MissingExtra:
            raise
        except Exception as e:  # the library raises bare exceptions
            raise ModelError(f"The codes of a text cannot be read: {e}") from e
        return encoder


class Speller:
    """Codes in, text out, as soon as a character is whole."""

    def __init__(self, encoder: StreamEncoder, begun: bytes = b"") -> None:
        """begun: bytes that come first and are not given, since who asked has them already."""
        self._spelled, self._begun = encoder.spelled, begun
        self._halves = 1 + len(encoder.rules) if encoder.units == CHARACTERS else encoder.levels
        self._ends = encoder.levels - encoder.marks
        self._half: int | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def take(self, code: int) -> str:
        """What can be read now that `code` has come."""
        spelled = self._spelled[code]
        if self._halves <= code < self._ends:
            if self._half is None:
                self._half = code - self._halves
                return ""
            spelled, self._half = bytes([16 * self._half + code - self._halves]), None
        known = min(len(self._begun), len(spelled))
        self._begun = self._begun[known:]
        return self._decoder.decode(spelled[known:])

    @property
    def begun(self) -> bytes:
        """Bytes with which what follows must begin."""
        return self._begun

    def end(self) -> str:
        """What is left: a character that was never finished reads as the mark for such."""
        return self._decoder.decode(b"", True)


def _rules(texts: pl.Series, units: str) -> tuple[str, int]:
    """The characters or the tokenizer that training texts give, and how many codes that makes."""
    if units == CHARACTERS:
        numbers = np.zeros(0x110000, np.int64)
        for text in texts:
            points = np.frombuffer(text.encode("utf-32-le", "replace"), np.uint32)
            found, counts = np.unique(points, return_counts=True)
            numbers[found] += counts
        met = np.argsort(-numbers, kind="stable")[: min(MOST_CHARACTERS, int((numbers > 0).sum()))]
        rules = np.sort(met).astype("<u4").tobytes().decode("utf-32-le")
        return rules, len(rules) + NIBBLES
    size = sum(map(len, texts))
    some = texts.gather_every(max(1, round(size / LEARNED_FROM)))
    tokenizer = learned(some, int(np.clip(size / PER_TOKEN, *TOKENS)), before="")
    return tokenizer.to_str(), tokenizer.get_vocab_size()


def _chosen(texts: pl.Series) -> tuple[str, str]:
    """Characters or byte pairs, and why."""
    size = int(texts.str.len_chars().sum())
    if missing(("modern",)):
        return CHARACTERS, f"{size:,} characters; byte pairs need the extra 'modern'"
    if size < SMALL:
        return CHARACTERS, f"{size:,} characters are too few to learn words from"
    if size > LARGE:
        return PAIRS, f"{size:,} characters are enough to learn words from"
    tried = {units: _quick_bits(texts.to_list(), units) for units in (CHARACTERS, PAIRS)}
    best = min(tried, key=lambda units: tried[units])
    said = ", ".join(f"{bits:.3f} as {units}" for units, bits in tried.items())
    return best, f"bits a byte of n-grams on held-out text: {said}"


def _quick_bits(texts: list[str], units: str) -> float:
    """Bits a byte that Kneser-Ney needs for every tenth text, having learned from the others."""
    if len(texts) < 10:
        texts = [t[i : i + 1 + len(t) // 20] for t in texts for i in range(0, len(t), 1 + len(t) // 20)]
    held = texts[9::10]
    learn = pl.Series("text", [t for i, t in enumerate(texts) if i % 10 != 9])
    encoder = StreamEncoder.fit(learn, {"units": units})
    blank = np.zeros(0)
    train, valid = encoder.numbers(learn, blank), encoder.numbers(pl.Series("text", held), blank)
    grams = ngrams.kneser_ney(ngrams.Counts.of(train.x, train.levels, 6 if units == CHARACTERS else 4))
    return float(-np.log2(grams.chances(valid.x)).sum() / valid.y.sum())


def _byte_letters() -> dict[str, int]:
    """Which byte each letter stands for in tokens: bytes that print are themselves, the others letters from 256 on."""
    printed = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printed]
    return {chr(b): b for b in printed} | {chr(256 + i): b for i, b in enumerate(others)}


_BYTE_OF = _byte_letters()
