"""What goes with what: the rules worth telling, whether they still hold in other baskets, and the sets.

Rules are told of all baskets. Whether such rules can be believed is found out apart: those that the baskets without the
sealed ones give are looked for in the sealed ones.
"""

from typing import Any

import numpy as np
import polars as pl

from ..core.clock import Clock
from ..core.numbers import Array
from ..core.run import Run
from ..engines.itemsets import Limits, Unfinished, frequent
from ..engines.recommend import ByRules, Recommender, found
from ..engines.rules import FALSE, Lattice, Rules, worth_telling
from ..model import Model

SHOWN = 300  # rules in the report
SURE = 2  # sealed baskets with what is before the arrow, from which on a rule counts as tried there


def figures(
    model: Model, rows: pl.DataFrame, sealed: pl.DataFrame, truth: str, seconds: float, run: Run
) -> list[dict[str, Any]]:
    """The rules, with a graph of them, and how many sets of each size there are. Fills in run.found."""
    encoder = model.encoders[0]
    learned = _learned(model, rows, sealed, seconds)
    names = [c.name for c in model.columns]
    without = encoder.numbers(rows, np.zeros(rows.height)).x
    apart = encoder.numbers(sealed, np.zeros(sealed.height)).x if sealed.height else None
    run.found += _sets_in_words(learned)
    run.found += _rules_in_words(learned)
    if apart is not None:
        run.found += _still(learned, without, apart, seconds)
    drawn = [_told(learned.told, names, apart)] if len(learned.told) else []
    return drawn + ([_sizes(learned, names)] if len(learned.sets) else [])


def _learned(model: Model, rows: pl.DataFrame, sealed: pl.DataFrame, seconds: float) -> Recommender:
    """The sets and counts that the model keeps; looked for now where it keeps none, being the baseline."""
    fitted = model.members[0].fits[0][1]
    if isinstance(fitted, Recommender):
        return fitted
    everything = model.encoders[0].numbers(pl.concat([rows, sealed]), np.zeros(rows.height + sealed.height))
    sets = found(model.members[0].algorithm.card, everything, Clock(0.5 * seconds), 0.0)
    return ByRules(**sets.fields(0.0))


def _share(count: int, baskets: int) -> str:
    return f"{count:,} of {baskets:,} baskets ({100 * count / max(baskets, 1):.2g}%)"


def _sets_in_words(learned: Recommender) -> list[str]:
    lattice, n = learned.lattice, learned.baskets
    if not len(learned.sets):
        return ["no set of items was found in the time given: --time gives more"]
    chosen = ", the least at which a pair of items is hardly chance (--set support=0.001 gives your own)"
    asked = "" if learned.asked else chosen
    held = f"are in at least {_share(learned.least, n)}"
    lines = [
        f"{len(learned.sets):,} sets of items {held}{asked if learned.least == learned.wanted else ''}; "
        f"{int(lattice.closed.sum()):,} of them are closed, {int(lattice.maximal.sum()):,} maximal"
    ]
    if learned.least > learned.wanted:
        why = "in the time and room given" if learned.asked else "among the 100,000 sets that are looked at unasked"
        lines.append(
            f"the sets are complete down to a support of {_share(learned.least, n)}: "
            f"{'the one asked for' if learned.asked else 'a lower one'}, {learned.wanted:,}, was not reached {why}"
        )
    return lines


def _rules_in_words(learned: Recommender) -> list[str]:
    rules = learned.rules
    if not len(rules):
        return [f"no rule is at least {100 * learned.confidence:.0f}% sure (--set confidence=0.2 asks for less)"]
    sure = f" of a confidence of at least {100 * learned.confidence:g}%" if learned.confidence else ""
    chance, longer = int((rules.false_rate > FALSE).sum()), int(rules.no_more.sum())
    return [
        f"{len(rules):,} rules{sure}, of {rules.tried:,} tried; {chance:,} may be chance at a false discovery rate of "
        f"{FALSE:.0%}, {longer:,} say no more than a shorter one; {len(learned.told):,} are worth telling"
    ]


def _still(learned: Recommender, without: Any, apart: Any, seconds: float) -> list[str]:
    """Whether rules hold in baskets that did not give them."""
    least = max(1, int(np.ceil(learned.least / max(learned.baskets, 1) * without.shape[0])))
    try:
        sets = frequent(without, least, Limits(0.5 * seconds))
    except Unfinished:
        return ["whether the rules hold in the sealed baskets was not looked at: there was no time left"]
    counts = np.bincount(without.indices, minlength=without.shape[1]).astype(np.int64)
    rules = Lattice.of(sets).rules(counts, without.shape[0], learned.confidence)
    told = rules.take(worth_telling(rules))
    if not len(told):
        return [
            "the other baskets alone give no rule that is hardly chance: there is none to be looked for in the sealed"
        ]
    there = told.seen_in(apart)
    tried = there.first >= SURE
    if not tried.any():
        return ["the sealed baskets are too few to see whether the rules hold there"]
    hold = tried & (there.lift > 1)
    was, now = float(told.confidence[tried].mean()), float(there.confidence[tried].mean())
    return [
        f"of {int(tried.sum()):,} rules that the other baskets gave, {int(hold.sum()):,} hold in the sealed ones: what "
        f"follows is commoner there too than in any basket; they were {100 * was:.0f}% sure on "
        f"average, and came true in {100 * now:.0f}%"
    ]


def _told(rules: Rules, names: list[str], apart: Any) -> dict[str, Any]:
    """The rules worth telling as a table and a graph."""
    shown = rules.take(np.arange(min(len(rules), SHOWN)))
    there = shown.seen_in(apart) if apart is not None else None
    lines = []
    for k in range(len(shown)):
        before, then = shown.of(k)
        line: dict[str, Any] = {"before": [names[i] for i in before], "then": names[then], "both": int(shown.both[k])}
        for what in ("support", "confidence", "lift", "leverage", "conviction", "false_rate"):
            line[what] = float(getattr(shown, what)[k])
        if there is not None:
            line["sealed"] = [int(there.both[k]), int(there.first[k])]
        lines.append(line)
    return {
        "kind": "rules",
        "title": "Rules",
        "rules": lines,
        "of": len(rules),
        "baskets": rules.baskets,
        "share": {names[i]: int(rules.last[k]) / rules.baskets for k, i in enumerate(rules.then.tolist())},
    }


def _sizes(learned: Recommender, names: list[str]) -> dict[str, Any]:
    """How many sets there are of each size, and the most frequent of those with the most items."""
    sets, lattice = learned.sets, learned.lattice
    size = sets.size
    lines = []
    for k in range(1, int(size.max()) + 1):
        of = size == k
        best = int(np.flatnonzero(of)[np.argmax(sets.support[of])])
        items = sets.items[sets.start[best] : sets.start[best + 1]]
        lines.append(
            {
                "size": k,
                "sets": int(of.sum()),
                "closed": int((of & lattice.closed).sum()),
                "maximal": int((of & lattice.maximal).sum()),
                "often": _listed(items, names),
                "baskets": int(sets.support[best]),
            }
        )
    return {"kind": "sets", "title": "Frequent sets", "sizes": lines, "least": learned.least, "of": learned.baskets}


def _listed(items: Array, names: list[str]) -> str:
    return ", ".join(names[i] for i in sorted(items.tolist()))
