"""Many trees, each a little blind: average hundreds of trees that each saw other rows and could ask of few columns.

A single tree is unsteady: move a few rows and it asks other questions. Breiman's forest turns that into strength. Each
tree is grown from as many rows as there are, drawn with replacement, and at each split may look only at a random few
columns. The trees then make different mistakes, and the average of them makes fewer. The rows that a tree did not draw
(about a third) judge it for free: the out-of-bag error, which is the learning curve here.

Cost: O(trees · m · n log² n) time for m columns looked at a split, O(trees · n / leaf) memory for the forest.
Paper: Breiman, "Random Forests", Machine Learning 45, 2001.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ...core.algorithm import Algorithm, Card, Cost, Machine, Task, setting
from ...core.clock import Clock
from ...core.numbers import Numbers, Shape, Takes
from ...engines.trees import Bag, Forest, cost_of, grow


@dataclass(frozen=True)
class RandomForest(Algorithm):
    card: ClassVar = Card(
        id="random_forest",
        name="random forest",
        year=2001,
        paper="Breiman, Random Forests, Machine Learning 45 (2001)",
        tasks=frozenset({"classify", "regress"}),
        takes=frozenset({Takes.MISSING, Takes.CATEGORIES, Takes.RAW_SCALE}),
        loads=("sklearn.tree",),
        anytime=True,
    )
    fitted: ClassVar = Forest
    variants: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"min_samples_leaf": 10, "max_features": 0.5},
        {"criterion": "entropy", "min_samples_leaf": 1, "max_features": 0.3},
        {"criterion": "entropy", "min_samples_leaf": 5, "max_features": 0.7},
    )

    trees: int = setting(300, "most trees")
    max_features: float = setting(0.0, "share of the columns looked at a split; 0 takes Breiman's advice")
    min_samples_leaf: int = setting(3, "fewest rows in a leaf", low=1, high=30, log=True)
    criterion: str = setting("gini", "purity of classes", choices=("gini", "entropy"), tasks=("classify",))

    def cost(self, job: Shape, on: Machine) -> Cost:
        return cost_of(self.trees, self._columns(job.width, job.task), self.min_samples_leaf, True, job, on)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Forest:
        return grow(self.card, self._maker(train, task), self.trees, Bag(replace=True), train, task, clock, means=True)

    def _columns(self, d: int, task: str) -> int:
        """Columns that a split looks at: the root of their number for classes, a third for numbers (at least 3)."""
        advised = d**0.5 if task == "classify" else max(d / 3, 3)
        return max(1, min(d, round(self.max_features * d or advised)))

    def _maker(self, train: Numbers, task: Task) -> Any:
        from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

        shape = {
            "min_samples_leaf": min(self.min_samples_leaf, max(1, len(train) // 10)),
            "max_features": self._columns(train.x.shape[-1], task.id),
        }
        if task.id == "regress":
            return lambda seed: DecisionTreeRegressor(random_state=seed, **shape)
        return lambda seed: DecisionTreeClassifier(random_state=seed, criterion=self.criterion, **shape)
