"""Learn from what is still wrong: grow a small tree, look at the errors that are left, grow the next tree on those.

The answer is the sum of many small trees, each correcting a fraction (the learning rate) of what the ones before it got
wrong; "gradient" because for any smooth error the thing to correct is its slope. LightGBM grows the trees: it sorts
numbers into 255 bins once, always splits the leaf that gains most, sends missing values where they help, and splits
categories as sets. Rows set aside are watched: when their error stops falling, enough trees have been grown. Where the
data are small the trees are then grown again from all rows, with the number of rounds found. Amounts that scatter more
where they are larger (prices, counts) may be learned by a family that says so, on a logarithmic scale (Nelder &
Wedderburn 1972): what is large then no longer drowns what is small. A level of many is also told by how the target was
in earlier rows that had it (`engines/level_means`).

Cost: O(rounds · k · n · d) time at a few nanoseconds each, O(n d) bytes of memory.
Paper: Friedman, "Greedy Function Approximation: A Gradient Boosting Machine", Annals of Statistics 29, 2001
(library: Ke et al., "LightGBM: A Highly Efficient Gradient Boosting Decision Tree", NIPS 2017).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ...core.algorithm import Algorithm, Card, Cost, Machine, Task, Text, setting, watch_split
from ...core.clock import Clock
from ...core.numbers import Array, Numbers, Shape, Takes
from ...engines.boosting import Boosted, Watch
from ...engines.level_means import LevelMeans
from ...engines.rows import checked

FAMILIES = ("normal", "poisson", "tweedie", "gamma")  # the variance grows as the mean to the power 0, 1, 1.5, 2
SMALL = 20_000  # up to so many rows, all of them are learned from again once the number of rounds is known


@dataclass(frozen=True)
class GradientBoosting(Algorithm):
    card: ClassVar = Card(
        id="gradient_boosting",
        name="gradient boosting",
        year=2001,
        paper="Friedman, Greedy Function Approximation: A Gradient Boosting Machine, Annals of Statistics 29 (2001)",
        tasks=frozenset({"classify", "regress"}),
        takes=frozenset({Takes.MISSING, Takes.CATEGORIES, Takes.RAW_SCALE}),
        loads=("lightgbm",),
        answers_with=("lightgbm",),
        anytime=True,
    )
    fitted: ClassVar = Boosted
    # Each also names a family, which only amounts heed, so that the first few try every one of them.
    variants: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"learning_rate": 0.05, "num_leaves": 64, "feature_fraction": 0.6, "bagging_fraction": 0.9}
        | {"cat_smooth": 30.0, "family": "gamma"},
        {"learning_rate": 0.04, "num_leaves": 24, "min_data_in_leaf": 5, "feature_fraction": 0.4}
        | {"bagging_fraction": 0.8, "cat_smooth": 60.0, "family": "tweedie"},
        {"learning_rate": 0.04, "num_leaves": 96, "min_data_in_leaf": 5, "feature_fraction": 0.6}
        | {"bagging_fraction": 0.9, "lambda_l2": 3.0, "cat_smooth": 30.0},
        {"learning_rate": 0.05, "num_leaves": 40, "min_data_in_leaf": 4, "feature_fraction": 0.5}
        | {"bagging_fraction": 0.9, "sets": False, "family": "poisson"},
        {"learning_rate": 0.03, "num_leaves": 8, "min_data_in_leaf": 20, "feature_fraction": 0.7}
        | {"lambda_l2": 5.0, "family": "tweedie"},
        {"learning_rate": 0.04, "num_leaves": 96, "extra_trees": True, "family": "gamma"},
        {"learning_rate": 0.03, "num_leaves": 32, "feature_fraction": 0.5, "bagging_fraction": 0.7, "lambda_l2": 1.0},
        {"learning_rate": 0.1, "num_leaves": 4, "min_data_in_leaf": 10, "lambda_l2": 0.1, "sets": False},
        {"learning_rate": 0.015, "num_leaves": 200, "feature_fraction": 0.4, "min_data_in_leaf": 3, "lambda_l2": 3.0},
    )

    learning_rate: float = setting(0.05, "share of the error that a tree corrects", low=0.01, high=0.2, log=True)
    num_leaves: int = setting(31, "leaves of a tree", low=4, high=256, log=True)
    min_data_in_leaf: int = setting(20, "fewest rows in a leaf", low=2, high=100, log=True)
    feature_fraction: float = setting(0.9, "share of the columns that a tree may use", low=0.4, high=1.0)
    bagging_fraction: float = setting(1.0, "share of the rows that a tree sees", low=0.5, high=1.0)
    lambda_l2: float = setting(0.0001, "pull of leaf values to zero", low=0.0001, high=30.0, log=True)
    cat_smooth: float = setting(10.0, "how much a rare level's effect is doubted", low=1.0, high=100.0, log=True)
    extra_trees: bool = setting(False, "try one random threshold a column instead of all", choices=(False, True))
    sets: bool = setting(
        True, "split categories as sets; else in the order of how common they are", choices=(False, True)
    )
    means: bool = setting(True, "tell of each level of many how the target was in earlier rows", choices=(False, True))
    family: str = setting(
        "normal",
        "how amounts of 0 and more scatter: evenly, or more where their mean is larger",
        choices=FAMILIES,
        tasks=("regress",),
    )
    rounds: int = setting(3000, "most rounds of boosting")

    def cost(self, job: Shape, on: Machine) -> Cost:
        n, d, k = job.rows, job.width, job.outputs
        rounds = 12 / self.learning_rate * n / (n + 1500)  # fewer rows are learned sooner
        rounds *= (31 / self.num_leaves) ** 0.5 * (2 if self.extra_trees else 1)  # and blunter trees later
        rounds *= (2.5 if self.family == "poisson" else 1.3) if job.task == "regress" else 1.0 if k == 2 else 0.45
        trees = min(self.rounds, rounds) * (k if k > 2 else 1)
        leaves = min(self.num_leaves, 1 + n / self.min_data_in_leaf)
        tree = 1e-4 + n * d * math.log2(1 + leaves) * 0.02 / (on.scalar * 1e6) + leaves * d * 1e-6
        seconds = 0.02 + (2 if n <= SMALL else 1) * trees * tree
        return Cost(seconds, 3e6 + 14.0 * n * d + 24.0 * n * k + 500 * trees * leaves)

    def fit(self, train: Numbers, task: Task, clock: Clock) -> Boosted:
        x, y = checked(self.card, train, task)
        units = _Units.of(y, self.family) if task.id == "regress" else _Units()
        whole = Numbers(train.form, x, (y - units.level) / units.spread if task.id == "regress" else y, train.columns)
        if len(x) < 20:
            trees, _, means = self._grow(whole, None, task, clock, 30, units)
            return Boosted(trees, task.outputs, units.level, units.spread, *means)
        part, watched = watch_split(whole, task, clock.seed, share=0.1 if len(x) > 5000 else 0.2)
        began = clock.spent()
        trees, rounds, means = self._grow(part, watched, task, clock, self.rounds, units)
        took = clock.spent() - began
        if len(x) <= SMALL and clock.left() > 1.5 * took:
            more = round(rounds * (1 + 0.5 * len(watched) / len(part)))  # a little more data bears a few more rounds
            trees, _, means = self._grow(whole, None, task, clock, more, units)
        return Boosted(trees, task.outputs, units.level, units.spread, *means)

    def _grow(
        self, part: Numbers, watched: Numbers | None, task: Task, clock: Clock, rounds: int, units: "_Units"
    ) -> tuple[Text, int, tuple[Array, Array]]:
        """The trees as text, how many rounds they took, and the means of levels that they were grown with.

        Where rows are watched, there are only as many trees as err least.
        """
        import lightgbm

        means = LevelMeans.none()
        if self.means and task.outputs <= 2:
            means, x = LevelMeans.learned(part.x, part.y, part.columns, clock.seed)
            part = replace(part, x=x)
        params = self._params(task, clock, len(part), units.family)
        categories = [i for i, c in enumerate(part.columns) if c.levels and self.sets]
        data = lightgbm.Dataset(part.x, part.y, categorical_feature=categories, params=params)
        sets = []
        if watched is not None:
            sets = [lightgbm.Dataset(means.beside(watched.x), watched.y, reference=data, params=params)]
        watch = Watch(clock, patience=max(20, round(2 / self.learning_rate)), spread=units.spread)
        booster = lightgbm.train(params, data, rounds, valid_sets=sets, callbacks=[watch])
        best = watch.best or booster.current_iteration()
        return Text(booster.model_to_string(num_iteration=best)), best, (means.places, means.means)

    def _params(self, task: Task, clock: Clock, n: int, family: str) -> dict[str, Any]:
        shape: dict[str, Any] = {"objective": "l2" if family == "normal" else family, "metric": "l2"}
        if task.id == "classify":
            shape = {"objective": "binary", "metric": "binary_logloss"}
            if task.outputs != 2:
                shape = {"objective": "multiclass", "metric": "multi_logloss", "num_class": task.outputs}
        return shape | {
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
            "min_data_in_leaf": max(1, min(self.min_data_in_leaf, n // 20)),
            "feature_fraction": self.feature_fraction,
            "bagging_fraction": self.bagging_fraction,
            "bagging_freq": int(self.bagging_fraction < 1),
            "lambda_l2": self.lambda_l2,
            "extra_trees": self.extra_trees,
            "cat_smooth": self.cat_smooth,
            "cat_l2": 10.0,
            "max_cat_to_onehot": 8,
            "min_data_per_group": max(1, min(50, n // 50)),
            "feature_pre_filter": False,
            "seed": clock.seed,
            "num_threads": clock.threads,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }


@dataclass(frozen=True)
class _Units:
    """What trees learn is (y - level) / spread: standardised, or for the families of a log link a share of the mean."""

    family: str = "normal"
    level: float = 0.0
    spread: float = 1.0

    @classmethod
    def of(cls, y: Array, family: str) -> "_Units":
        """The family where the amounts allow it: those other than normal know nothing below 0, gamma not even 0."""
        mean = float(y.mean())
        if family == "normal" or y.min() < 0 or mean <= 0:
            return cls("normal", mean, float(y.std()) or 1.0)
        return cls("tweedie" if family == "gamma" and y.min() == 0 else family, 0.0, mean)
