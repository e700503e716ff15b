"""Text as tokens: pieces of words that are common in the training texts, each a number, in the order of the text.

Which pieces there are is learned by byte-pair encoding (Gage 1994; for words, Sennrich et al. 2016): begin with the 256
bytes, join the pair of neighbours that is met most often into a new token, and go on so while there is a pair that is
met often enough. Much text makes tokens of whole words; little text leaves single characters. Since every text is bytes
underneath, every text can be written in tokens and read back, be it code with its white space, emoji or a script that
no training text holds.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import polars as pl

from ...core.algorithm import State, Text
from ...core.errors import MissingExtra, ModelError
from ...core.numbers import Array, Form, Numbers
from ...engines.extras import require

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MOST_TOKENS = 8000
LEAST_MET = 3  # a pair met less often is no token: its meaning could not be learned
LONGEST = 512
WIDEST = 24  # bytes of a token
HEAD = 0.5  # of a text that is too long: what is kept of its beginning, the rest of its end
READ_MOST = 10_000_000  # characters of training texts from which the tokens are learned

# Words with the space before them, so that a word is the same token wherever it stands; numbers by up to three digits;
# marks; white space by itself, as code needs it. The bounds keep a text without spaces from being one endless word.
WORDS = (
    r"'(?:[sdmt]|ll|ve|re)\b| ?[\p{L}\p{M}]{1,64}| ?\p{N}{1,3}| ?[^\s\p{L}\p{M}\p{N}]{1,64}"
    r"|\s{1,64}(?!\S)|\s{1,64}"
)


@dataclass(frozen=True)
class TokenEncoder:
    """One column of text as tokens.

    source: name of the column. length: tokens kept of a text, the rest padded with 0. levels: codes, the padding's 0
    included. rules: which bytes join to which tokens, as JSON of the library `tokenizers`.
    """

    source: str
    length: int
    levels: int
    rules: Text

    @classmethod
    def fit(cls, values: pl.Series, how: dict[str, Any]) -> Self:
        """Learn the tokens from training texts, and how many of them a text takes: its 99th percentile, at most 512.

        Raises MissingExtra where the library `tokenizers` is not installed, as do all that encode.
        how: "most_tokens" and "most_a_text" move the bounds of 8,000 tokens and 512 a text; others are not looked at.
        """
        texts = values.drop_nulls()
        tokenizer = learned(texts, int(how.get("most_tokens", MOST_TOKENS)))
        levels = tokenizer.get_vocab_size() + 1
        longest = int(how.get("most_a_text", LONGEST))
        blank = cls(values.name, longest, levels, Text(tokenizer.to_str()))
        long = texts.gather_every(1 + len(texts) // 50_000)
        many = len(long)
        long = long.gather(long.str.len_chars().arg_sort(descending=True).head(max(50, many // 25)))
        lengths = [len(row) for row in blank._encoded(long.to_list())]
        usual = float(np.quantile(lengths, max(0.0, 1 - 0.01 * many / len(lengths)))) if lengths else 1.0
        return cls(values.name, min(longest, 8 * int(np.ceil(usual / 8))), levels, blank.rules)

    @property
    def size(self) -> tuple[int, ...]:
        return (self.length,)

    @cached_property
    def tokenizer(self) -> "Tokenizer":
        return library().Tokenizer.from_str(str(self.rules))

    @property
    def head(self) -> int:
        """Tokens kept of the beginning of a text that is too long; the others are kept of its end.

        Both, since a review's verdict is often in its last lines (Sun et al. 2019, "How to Fine-Tune BERT").
        """
        return round(HEAD * self.length)

    def numbers(self, values: pl.Series, y: Array) -> Numbers:
        """x int32 (n, length): codes from 1, padded at the end with 0; a missing text is all padding."""
        x = np.zeros((len(values), self.length), np.int32)
        rows = np.flatnonzero(values.is_not_null().to_numpy())
        for row, codes in zip(rows, self._encoded(values.drop_nulls().to_list()), strict=True):
            x[row, : len(codes)] = codes
        return Numbers(Form.TOKENS, x, y, levels=self.levels)

    def decode(self, codes: Array | Sequence[int]) -> str:
        """The text of one example's codes; of a text that was too long, its beginning and its end without a gap."""
        ids = [int(c) - 1 for c in codes if c > 0]
        return str(self.tokenizer.decode(ids, skip_special_tokens=False))[1:]

    def spans(self, text: str) -> list[tuple[int, int, int]]:
        """Where each token that is kept of `text` stands: first character, one after the last, code.

        A character of several bytes may be several tokens, which then have the same place.
        """
        found = self.tokenizer.encode(" " + text, add_special_tokens=False)
        spans = [(max(0, a - 1), b - 1, code + 1) for (a, b), code in zip(found.offsets, found.ids, strict=True)]
        return _ends(spans, self.length, self.head)

    def state(self) -> State:
        """What was learned, to be saved."""
        values = {"source": self.source, "length": self.length, "levels": self.levels}
        return State(values, texts={"rules": str(self.rules)})

    @classmethod
    def load(cls, state: State) -> Self:
        """The same encoder again. Raises ModelError where the state is not of one."""
        try:
            encoder = cls(**state.values, rules=Text(state.texts["rules"]))
            if encoder.tokenizer.get_vocab_size() + 1 != encoder.levels:
                raise ValueError("its tokens are not as many as they were")
        except MissingExtra:
            raise
        except Exception as e:  # the library raises bare exceptions
            raise ModelError(f"The tokens of a text column cannot be read: {e}") from e
        return encoder

    def _encoded(self, texts: list[str]) -> Iterator[list[int]]:
        """Codes of each text, at most `length`. Only as much is read of each text as can be kept."""
        reach = self.length * WIDEST
        short = [" " + (t if len(t) <= 2 * reach else t[:reach] + t[-reach:]) for t in texts]
        for start in range(0, len(short), 10_000):
            for found in _many(self.tokenizer, short[start : start + 10_000]):
                yield [i + 1 for i in _ends(found.ids, self.length, self.head)]


def library() -> Any:
    """The module `tokenizers`. Raises MissingExtra where it is not installed."""
    try:
        import tokenizers
        import tokenizers.decoders
        import tokenizers.models
        import tokenizers.pre_tokenizers
        import tokenizers.trainers
    except ImportError:
        require("modern", what="Text as tokens")
        raise
    return tokenizers


def _many(tokenizer: "Tokenizer", texts: list[str]) -> Iterable[Any]:
    """One text is encoded here and now; several in parallel."""
    if len(texts) == 1:
        return [tokenizer.encode(texts[0], add_special_tokens=False)]
    return tokenizer.encode_batch_fast(texts, add_special_tokens=False)  # type: ignore[no-any-return]


def _ends(codes: list[Any], length: int, head: int) -> list[Any]:
    return codes if len(codes) <= length else codes[:head] + codes[len(codes) - (length - head) :]


def learned(texts: pl.Series, most: int, before: str = " ") -> "Tokenizer":
    """A byte-pair tokenizer with up to `most` tokens, the 256 bytes among them, learned from `texts`.

    before: what every text is given before it.
    """
    lib = library()
    split = lib.pre_tokenizers
    tokenizer = lib.Tokenizer(lib.models.BPE())
    tokenizer.pre_tokenizer = split.Sequence(
        [split.Split(lib.Regex(WORDS), "isolated"), split.ByteLevel(False, use_regex=False)]
    )
    tokenizer.decoder = lib.decoders.ByteLevel()
    trainer = lib.trainers.BpeTrainer(
        vocab_size=max(most, 256),
        min_frequency=LEAST_MET,
        show_progress=False,
        initial_alphabet=split.ByteLevel.alphabet(),
        max_token_length=WIDEST,
    )
    tokenizer.train_from_iterator(_sampled(texts, before), trainer, length=len(texts))
    return tokenizer


def _sampled(texts: pl.Series, before: str) -> Iterator[str]:
    """The texts, each with what encoding puts before it; evenly thinned and cut where they are much."""
    most = max(1000, READ_MOST // max(1, len(texts)))
    step = max(1, len(texts) * 1000 // READ_MOST)
    for text in texts.gather_every(step):
        yield before + text[:most]
