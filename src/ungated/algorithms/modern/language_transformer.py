"""Read all that was written so far, and ask of each place what comes next: a transformer that looks only backwards.

Each code is a learned vector. In a block, every place makes a query (what do I look for?), a key (what am I?) and a
value (what do I tell?), and takes in the values of the places before it, each weighted by how well its key answers the
query. So a name can be looked up that stood a page ago, where n-grams forget after seven letters. A small network, the
same for every place, works on what was taken in. At the end, each place's vector is compared with those of all codes:
the nearer, the likelier that code comes next. All places of a window learn at once, which no recurrent network can.
The layers are in `engines/decoder`. A voice keeps the keys and values of what it has written.

Cost: O(n b w (12 w + l)) time for n codes, b blocks of width w and windows of l.
Paper: Radford et al., "Improving Language Understanding by Generative Pre-Training", 2018
(the transformer: Vaswani et al., NeurIPS 2017).
"""

from dataclasses import dataclass
from typing import ClassVar

from ...core.algorithm import Card, Task
from ...core.clock import Clock
from ...core.numbers import Form, Numbers
from ...engines.decoder import Decoder, network
from ...engines.stream_net import StreamNet
from ...engines.streams import checked
from ...engines.torch_loop import LOADS


@dataclass(frozen=True)
class LanguageNet(StreamNet):
    build: ClassVar = staticmethod(network)


@dataclass(frozen=True)
class LanguageTransformer(Decoder):
    card: ClassVar = Card(
        id="language_transformer",
        name="language transformer",
        year=2018,
        paper="Radford et al., Improving Language Understanding by Generative Pre-Training (2018)",
        tasks=frozenset({"generate"}),
        form=Form.STREAM,
        extras=("modern",),
        loads=LOADS,
        answers_with=("torch",),
        anytime=True,
    )
    fitted: ClassVar = LanguageNet
    variants: ClassVar = ({"width": 256}, {"blocks": 4}, {"window": 256})

    def fit(self, train: Numbers, task: Task, clock: Clock) -> LanguageNet:
        x = checked(self.card, train)
        return LanguageNet.trained(self.design(), x, train, task, clock, self.schedule(len(x)), self.window)
