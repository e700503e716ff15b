"""Let n-grams say what they know, and a transformer learn only where they err.

N-grams learn a text in a second, and know every common run of letters by heart; a transformer takes minutes to get as
far, and only then learns what n-grams cannot: who is speaking, whether a bracket is open, what stood a page ago. So
here it does not begin with nothing. What Kneser-Ney expects is the first word: the network's scores are added to its
logarithms, times a trust that the network says at each place. At the start it knows nothing to add, and errs no more
than the n-grams do; from there it only gets better.

One thing needs care. Of the text from which they were counted, n-grams expect just what stands there, and a network
that learned beside them would trust them too far. So the text is cut into parts, and at each place those n-grams are
asked that were counted in the other parts (see `engines/stream_net.Guide`).

Cost: O(n b w (12 w + l) + k n order) time for n codes, b blocks of width w, windows of l, and k parts.
Paper: Li et al., "N-gram Is Back: Residual Learning of Neural Text Generation with n-gram Language Model", Findings of
EMNLP 2022 (mixed by what a network says: Neubig & Dyer, "Generalizing and Hybridizing Count-based and Neural Language
Models", EMNLP 2016).
"""

from dataclasses import dataclass
from typing import ClassVar

from ...core.algorithm import Card, Task, setting
from ...core.clock import Clock
from ...core.numbers import Form, Numbers
from ...engines.decoder import Decoder, network
from ...engines.stream_net import GuidedNet
from ...engines.streams import checked
from ...engines.torch_loop import LOADS

FEW_LEVELS = 1000  # codes below which each is a letter and not a word
LETTERS, WORDS = 7, 4


@dataclass(frozen=True)
class GuidedLanguageNet(GuidedNet):
    build: ClassVar = staticmethod(network)


@dataclass(frozen=True)
class GuidedTransformer(Decoder):
    card: ClassVar = Card(
        id="guided_transformer",
        name="transformer on n-grams",
        year=2022,
        paper="Li et al., N-gram Is Back: Residual Learning of Neural Text Generation, EMNLP (2022)",
        tasks=frozenset({"generate"}),
        form=Form.STREAM,
        extras=("modern",),
        loads=LOADS,
        answers_with=("torch",),
        anytime=True,
    )
    fitted: ClassVar = GuidedLanguageNet
    variants: ClassVar = ({"width": 256}, {"blocks": 4}, {"window": 256})

    order: int = setting(0, "codes in the longest run of the n-grams; 0 chooses by what codes there are")

    def fit(self, train: Numbers, task: Task, clock: Clock) -> GuidedLanguageNet:
        x = checked(self.card, train)
        design = self.design() | {"guided": True}
        order = self.order or (LETTERS if train.levels < FEW_LEVELS else WORDS)
        plan = self.schedule(len(x))
        return GuidedLanguageNet.trained(design, x, train, task, clock, plan, self.window, order)
