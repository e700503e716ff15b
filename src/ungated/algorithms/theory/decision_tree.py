"""Twenty questions: ask of one column whether it is at most some threshold, and by the answer ask the next question.

The tree is grown from the top. Every threshold of every column is tried, and the one kept leaves the two groups the
purest (for classes) or the least spread out (for numbers); then each group is split the same way. A tree grown to the
end learns its rows by heart, so it is pruned: growing is stopped at several sizes of leaf, and the size whose error on
watched rows is least is grown again from all rows. The result can be read from top to bottom as rules.
CART is an idea of 1984 and so stands among theory, though most of its fame came with the forests of the 2000s.

Cost: O(n d log² n) time for each leaf size, O(n d) memory.
Paper: Breiman, Friedman, Olshen & Stone, "Classification and Regression Trees", Wadsworth, 1984.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from ...core.algorithm import Algorithm, Card, Cost, Machine, Task, setting, watch_split
from ...core.clock import Clock
from ...core.numbers import Numbers, Shape, Takes
from ...engines.rows import checked
from ...engines.trees import Bag, Forest, cost_of, grow

LEAVES = (80, 40, 20, 10, 5)
PRIOR = 1.0  # rows of the overall answer added to each leaf: no small leaf is certain


@dataclass(frozen=True)
class DecisionTree(Algorithm):
    card: ClassVar = Card(
        id="decision_tree",
        name="decision tree",
        year=1984,
        paper="Breiman, Friedman, Olshen & Stone, Classification and Regression Trees (1984)",
        tasks=frozenset({"classify", "regress"}),
        takes=frozenset({Takes.MISSING, Takes.CATEGORIES, Takes.RAW_SCALE}),
        loads=("sklearn.tree",),
    )
    fitted: ClassVar = Forest

    min_samples_leaf: int = setting(0, "fewest rows in a leaf; 0 chooses on watched rows")
    criterion: str = setting("entropy", "purity of classes", choices=("entropy", "gini"))

    def cost(self, job: Shape, on: Machine) -> Cost:
        tries = 1 if self.min_samples_leaf else len(LEAVES)
        return cost_of(2 * (1 + tries), job.width, max(self.min_samples_leaf, 10), True, job, on)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Forest:
        checked(self.card, train, task)
        leaf = self.min_samples_leaf or self._choose(train, task, clock)
        return self._grow(leaf, train, task, clock)

    def _choose(self, train: Numbers, task: Task, clock: Clock) -> int:
        """The leaf size with the least error on watched rows."""
        if len(train) < 10:
            return 1
        part, watched = watch_split(train, task, clock.seed, share=0.2)
        losses: dict[int, float] = {}
        for leaf in LEAVES:
            losses[leaf] = task.loss(watched.y, self._grow(leaf, part, task, clock).answer(watched.x))
            if not clock.tick(len(losses), losses[leaf]):
                break
        return min(losses, key=lambda leaf: losses[leaf])

    def _grow(self, leaf: int, train: Numbers, task: Task, clock: Clock) -> Forest:
        return grow(self.card, partial(self._tree, leaf, task.id), 1, Bag(replace=False), train, task, clock, PRIOR)

    def _tree(self, leaf: int, task: str, seed: int) -> Any:
        from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

        if task == "regress":
            return DecisionTreeRegressor(min_samples_leaf=leaf, random_state=seed)
        return DecisionTreeClassifier(criterion=self.criterion, min_samples_leaf=leaf, random_state=seed)
