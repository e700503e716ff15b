"""How the report writes numbers: short, with units, and a dash for what is not known."""

from unicodedata import category

NOTHING = "–"

METRICS = {
    "error": "share of rows answered wrongly",
    "balanced-error": "share answered wrongly, each class counted alike",
    "log-loss": "surprise at the truth, in nats",
    "auc": "1 − area under ROC",
    "f1": "1 − F1",
    "brier": "squared distance of the probabilities from the truth",
    "rmse": "root of the mean squared error",
    "mae": "mean distance from the truth",
    "r2": "1 − R², the variance left unexplained",
    "rmsle": "root of the mean squared error of logarithms",
    "blur": "1 over the number of groups that hold up on rows that they were not made of; 1 is one group alone",
    "parted": "share of a row's nearest rows that are in another cluster",
    "nowhere": "share of the rows that are in no cluster",
    "adjusted Rand": "1: the same parting as the labels; 0: no better than chance",
    "mutual information": "what clusters tell of labels: 1 everything, 0 nothing",
    "bits-per-byte": "bits it takes to tell a byte of sealed text",
    "nats-per-byte": "the same in nats; where text is plain ASCII, a byte is a character",
    "xz": "bits a byte that xz needs for the same text",
    "xz after training text": "the same, having packed training text before it",
    "zstd": "bits a byte that zstd needs for the same text",
    "zstd after training text": "the same, having packed training text before it",
    "trust": "1 − trustworthiness: how far a row’s neighbours on the map are out of place",
    "lost": "share of a row’s true neighbours that are no neighbours on the map",
    "lands among its own label": "rows most of whose ten neighbours on the map have their label",
    "missed": "share of real rows among the most unusual, of as many as are made up",
    "area under ROC": "how often a true anomaly scores higher than another row",
    "two-sample": "how often a fresh classifier tells made from real; 50% is perfect",
    "separation": "deviations between that classifier's scores of made and of real",
    "frechet": "Fréchet distance of made from real, on random features",
}
"""The errors that tasks measure, in words. One that is not here stands under its own name."""

PERCENT = frozenset(
    {
        "lost",
        "missed",
        "lands among its own label",
        "parted",
        "nowhere",
        "error",
        "balanced-error",
        "miss-rate",
        "two-sample",
    }
)

TASKS = {
    "cluster": "Which groups are there?",
    "associate": "What goes with what?",
    "detect": "Which rows are unlike the rest?",
    "embed": "A map: what is like what?",
    "generate": "More of the same kind",
}
"""What tasks without a target ask."""


def error(value: float | None, metric: str) -> str:
    """An error: a share in percent, anything else to four digits.

    >>> error(0.1264, "error"), error(1234.56, "rmse"), error(None, "rmse")
    ('12.6%', '1,235', '–')
    """
    if value is None:
        return NOTHING
    return f"{100 * value:.1f}%" if metric in PERCENT else number(value)


def number(value: float | None) -> str:
    """Four digits that count.

    >>> number(0.012345), number(48213.7), number(12.0)
    ('0.01235', '48,214', '12')
    """
    if value is None:
        return NOTHING
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:,.4g}"


def count(value: float | None) -> str:
    """A whole number with commas."""
    return NOTHING if value is None else f"{value:,.0f}"


def seconds(value: float | None) -> str:
    """A length of time.

    >>> [seconds(s) for s in (0.0004, 0.0213, 0.5, 12.34, 59.97, 90, 7300)]
    ['0.4 ms', '21 ms', '0.5 s', '12.3 s', '60 s', '1 min 30 s', '2 h 2 min']
    """
    if value is None:
        return NOTHING
    if value < 0.1:
        return f"{1000 * value:.2g} ms" if value < 0.0995 else "0.1 s"
    if value < 59.95:
        return f"{value:.1f}".removesuffix(".0") + " s" if value >= 1 else f"{value:.2g} s"
    whole = round(value)
    if whole <= 60:
        return "60 s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(round(value / 60), 60)
    return f"{hours:,} h {minutes} min" if minutes else f"{hours:,} h"


def microseconds(value: float | None) -> str:
    """Microseconds without their unit: two digits are as many as such a measurement has."""
    return NOTHING if value is None else f"{value:.2g}" if value < 100 else f"{value:,.0f}"


def size(value: float | None) -> str:
    """An amount of memory, in powers of ten.

    >>> [size(b) for b in (0, 812, 45_300, 12_400_000, 2_000_000_000)]
    ['0 B', '812 B', '45 kB', '12 MB', '2 GB']
    """
    if value is None:
        return NOTHING
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= 0.9995 * scale:
            return f"{value / scale:.2g} {unit}" if value < 99.5 * scale else f"{value / scale:,.0f} {unit}"
    return f"{value:.0f} B"


def percent(share: float | None) -> str:
    """A share as a whole percentage, but never 0% for what is more than nothing.

    >>> percent(0.314), percent(0.002), percent(0)
    ('31%', '<1%', '0%')
    """
    if share is None:
        return NOTHING
    return "<1%" if 0 < share < 0.005 else f"{100 * share:.0f}%"


def shortened(text: object, most: int = 300) -> str:
    """A text cut where it would fill the page, without what a browser cannot show."""
    bad = ("Cc", "Cs")  # control characters and halves of surrogate pairs
    clean = "".join("\N{REPLACEMENT CHARACTER}" if category(c) in bad and c not in "\n\t" else c for c in str(text))
    return clean if len(clean) <= most else clean[: most - 1] + "…"
