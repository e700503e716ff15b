"""Which baskets hold it: give each item the list of its baskets; a set's baskets are those on all of its lists.

Apriori reads all baskets again for every size of sets. Turned on its side, the table answers by itself: the baskets
with both bread and butter are the lists of bread and of butter intersected, and butter, bread and jam need only that
result and jam's list. So sets are grown depth first, one item after another, and a branch ends where too few baskets
are left: every larger set below it would be in fewer still. Here a list is a row of bits, an intersection is AND, and
thousands of intersections are made at a time.

Cost: O(candidates x baskets / 64) time; O(entries + sets) memory.
Paper: Zaki, "Scalable algorithms for association mining", IEEE TKDE 12, 2000 (Eclat: Zaki et al., KDD 1997).
"""

from dataclasses import dataclass
from typing import ClassVar

from ...core.algorithm import Algorithm, Card, Cost, Machine, Task, setting
from ...core.clock import Clock
from ...core.numbers import Form, Numbers, Shape
from ...engines.itemsets import frequent
from ...engines.recommend import ByRules, check, found


@dataclass(frozen=True)
class Eclat(Algorithm):
    card: ClassVar = Card(
        id="eclat",
        name="Eclat",
        year=1997,
        paper="Zaki et al., New algorithms for fast discovery of association rules, KDD (1997)",
        tasks=frozenset({"associate"}),
        form=Form.ITEMS,
        loads=("scipy.sparse", "scipy.special"),
    )
    fitted: ClassVar = ByRules

    support: float = setting(0.0, "share (or, from 1, number) of baskets that hold a frequent set; 0 chooses")
    confidence: float = setting(0.0, "how sure a rule must be to be told")

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self.card, self.support, self.confidence)

    def cost(self, job: Shape, on: Machine) -> Cost:
        entries = job.rows * max(job.filled, 1.0)
        pairs = entries * max(job.filled, 1.0)
        return Cost(0.02 + (60 * entries + 25 * pairs) / on.bandwidth, 3e7 + 60.0 * entries)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> ByRules:
        return ByRules(**found(self.card, train, clock, self.support, frequent).fields(self.confidence))
