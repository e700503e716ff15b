"""Even blinder trees: draw the thresholds at random as well, and keep the best of a few draws.

A random forest still searches each column for its best threshold. Extremely randomised trees draw one threshold a
column at random between the least and the greatest value, and keep the column whose draw parts the answers best. Each
tree is worse and they differ more, and the average is often as good or better, smoother, and quicker to grow. Geurts
gives every tree all rows; here a random tenth is left out of each, so that there are rows to judge it by.

Cost: O(trees · m · n log n) time for m columns looked at a split, O(trees · n / leaf) memory for the forest.
Paper: Geurts, Ernst & Wehenkel, "Extremely Randomized Trees", Machine Learning 63, 2006.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ...core.algorithm import Algorithm, Card, Cost, Machine, Task, setting
from ...core.clock import Clock
from ...core.numbers import Numbers, Shape, Takes
from ...engines.trees import Bag, Forest, cost_of, grow


@dataclass(frozen=True)
class ExtraTrees(Algorithm):
    card: ClassVar = Card(
        id="extra_trees",
        name="extremely randomised trees",
        year=2006,
        paper="Geurts, Ernst & Wehenkel, Extremely Randomized Trees, Machine Learning 63 (2006)",
        tasks=frozenset({"classify", "regress"}),
        takes=frozenset({Takes.MISSING, Takes.CATEGORIES, Takes.RAW_SCALE}),
        loads=("sklearn.tree",),
        anytime=True,
    )
    fitted: ClassVar = Forest
    variants: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"criterion": "entropy", "min_samples_leaf": 5, "max_features": 1.0},
        {"criterion": "entropy", "min_samples_leaf": 1, "max_features": 0.7},
    )

    trees: int = setting(300, "most trees")
    max_features: float = setting(0.0, "share of the columns looked at a split; 0 takes half, or all for numbers")
    min_samples_leaf: int = setting(3, "fewest rows in a leaf", low=1, high=30, log=True)
    criterion: str = setting("gini", "purity of classes", choices=("gini", "entropy"), tasks=("classify",))

    def cost(self, job: Shape, on: Machine) -> Cost:
        return cost_of(self.trees, self._columns(job.width, job.task), self.min_samples_leaf, False, job, on)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Forest:
        bag = Bag(replace=False, leave_out=0.1)
        return grow(self.card, self._maker(train, task), self.trees, bag, train, task, clock, means=True)

    def _columns(self, d: int, task: str) -> int:
        share = self.max_features or (0.5 if task == "classify" else 1.0)
        return max(1, min(d, round(share * d)))

    def _maker(self, train: Numbers, task: Task) -> Any:
        from sklearn.tree import ExtraTreeClassifier, ExtraTreeRegressor

        shape = {
            "min_samples_leaf": min(self.min_samples_leaf, max(1, len(train) // 10)),
            "max_features": self._columns(train.x.shape[-1], task.id),
        }
        if task.id == "regress":
            return lambda seed: ExtraTreeRegressor(random_state=seed, **shape)
        return lambda seed: ExtraTreeClassifier(random_state=seed, criterion=self.criterion, **shape)
