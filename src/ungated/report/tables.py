"""The report's tables, as text in cells with what to sort by. How they look is the template's and the style's."""

from dataclasses import dataclass, field

from ..core.algorithm import ERAS
from ..core.run import DataRecord, Entry, PlanLine
from . import words

BASELINE = "baseline"  # the id of the algorithm that always runs and learns nothing
ENSEMBLE = "ensemble"  # the id of the entry that stands for all members together


@dataclass(frozen=True)
class Head:
    """The head of a column. about: what it means, shown when pointed at."""

    label: str
    number: bool = False
    about: str = ""


@dataclass(frozen=True)
class Cell:
    """One cell. key: what to sort by where the text will not do. note: said smaller below. look: a CSS class."""

    text: str
    key: float | str | None = None
    note: str = ""
    look: str = ""


@dataclass(frozen=True)
class Table:
    """caption: what it holds. wide: too wide for a page, so that it scrolls by itself. rest: what was left out."""

    caption: str
    heads: list[Head]
    rows: list[list[Cell]]
    sortable: bool = False
    wide: bool = False
    rest: str = ""
    classes: list[str] = field(default_factory=list)  # one a row, or none


def table(caption: str, heads: list[str | Head], rows: list[list[object]], **more: bool) -> Table:
    """A table of plain values; numbers stand right."""
    made = [h if isinstance(h, Head) else Head(h) for h in heads]
    return Table(caption, made, [[v if isinstance(v, Cell) else cell(v) for v in row] for row in rows], **more)  # type: ignore[arg-type]


def cell(value: object, most: int = 160) -> Cell:
    """A plain value as a cell."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Cell(words.NOTHING if value is None else words.shortened(value, most))
    return Cell(words.number(value), value)


def columns(data: DataRecord, most: int) -> Table:
    """The user's columns, `most` of them, the target first: what each was taken for, and why."""
    heads = [
        Head("column"),
        Head("kind"),
        Head("why"),
        Head("missing", number=True),
        Head("distinct", number=True),
        Head("for example"),
        Head("role"),
    ]
    rows = [
        [
            Cell(words.shortened(c.name, 80), look="name"),
            Cell(c.kind, look="kind"),
            Cell(words.shortened(c.why, 200)),
            Cell(_missing(c.missing, data.rows), c.missing),
            Cell(words.count(c.distinct), c.distinct),
            Cell(", ".join(words.shortened(e, 30) for e in c.examples[:3]), look="examples"),
            Cell(c.role, look=f"role {'target' if c.role == 'target' else ''}"),
        ]
        for c in sorted(data.columns, key=lambda c: c.role != "target")[:most]
    ]
    more = len(data.columns) - len(rows)
    rest = f"{more:,} more columns are in run.json beside this page." if more > 0 else ""
    return Table("The columns", heads, rows, sortable=True, rest=rest)


def _missing(missing: int, rows: int) -> str:
    return (
        f"{missing:,} ({words.percent(missing / rows)})"
        if missing and rows
        else "none"
        if not missing
        else f"{missing:,}"
    )


def leaderboard(entries: list[Entry], metric: str, most: int) -> Table:
    """The candidates in the record's order: those judged on all rows first, and of those the best first."""
    heads = [
        Head("algorithm"),
        Head("era"),
        Head("year", number=True),
        Head(f"{metric} [95%]", number=True, about="validation error with its 95% interval"),
        Head("seconds (planned)", number=True, about="training time of all folds together"),
        Head("peak memory (planned)", number=True),
        Head("µs a row", number=True, about="microseconds to answer one row"),
        Head("size", number=True, about="on disk"),
        Head("share", number=True, about="in the final model"),
        Head("fate", about="what became of it, where it did not finish"),
    ]
    rows = [
        [
            Cell(words.shortened(e.algorithm, 120), look="name"),
            Cell(shelf(e), ERAS.index(e.era) if e.era in ERAS else 9, look=f"era {era(e)}"),
            Cell(str(e.year) if e.year else words.NOTHING, e.year),
            Cell(words.error(e.error, metric), e.error, note=interval(e.low, e.high, metric) + fewer(e, entries)),
            Cell(words.seconds(e.seconds or None), e.seconds, note=planned(words.seconds, e.planned_seconds)),
            Cell(words.size(e.peak_bytes or None), e.peak_bytes, note=planned(words.size, e.planned_bytes)),
            Cell(words.microseconds(e.predict_us or None), e.predict_us),
            Cell(words.size(e.size_bytes or None), e.size_bytes),
            Cell(words.percent(e.weight) if e.weight else "", e.weight),
            Cell(words.shortened(e.fate or ("" if e.error is not None else "no time left for it"), 160), look="fate"),
        ]
        for e in entries[:most]
    ]
    more = len(entries) - len(rows)
    rest = f"{more:,} more candidates are in run.json beside this page." if more > 0 else ""
    looks = ["kept" if e.weight else "failed" if e.error is None else "" for e in entries[:most]]
    return Table("The leaderboard", heads, rows, sortable=True, rest=rest, classes=looks)


def interval(low: float | None, high: float | None, metric: str) -> str:
    """[low, high], or nothing where it is not known."""
    return "" if low is None or high is None else f"[{words.error(low, metric)}, {words.error(high, metric)}]"


def planned(show: object, value: float | None) -> str:
    return f"({show(value)})" if value else ""  # type: ignore[operator]


def era(entry: Entry | PlanLine) -> str:
    """The era as a CSS class: one of three, or "blend" for the ensemble, which stands on no single shelf."""
    blend = isinstance(entry, Entry) and entry.id == ENSEMBLE
    return entry.era if entry.era in ERAS and not blend else "blend"


def shelf(entry: Entry) -> str:
    return "ensemble" if era(entry) == "blend" else entry.era


def partial(entry: Entry, entries: list[Entry]) -> bool:
    """Whether a candidate was judged on fewer rows than others were."""
    return entry.rows < max((e.rows for e in entries), default=0)


def fewer(entry: Entry, entries: list[Entry]) -> str:
    return f", {entry.rows:,} rows" if entry.error is not None and partial(entry, entries) else ""


def best_by_era(entries: list[Entry]) -> list[Entry]:
    """For each era that learned something, its best candidate; the trivial baseline has learned nothing."""
    found = []
    for name in ERAS:
        same = [e for e in entries if era(e) == name and e.id != BASELINE and e.error is not None]
        if same:
            found.append(min(same, key=lambda e: (partial(e, entries), e.error)))
    return found


def eras(entries: list[Entry], metric: str) -> Table:
    """What each era bought: its best error, and what all its candidates together took."""
    heads = [
        Head("era"),
        Head("its best"),
        Head(f"{metric} [95%]", number=True),
        Head("seconds", number=True),
        Head("peak memory", number=True),
        Head("candidates", number=True, about="and the seconds of all of them together"),
    ]
    rows = []
    for best in best_by_era(entries):
        same = [e for e in entries if era(e) == best.era and e.id != BASELINE]
        rows.append(
            [
                Cell(best.era, look=f"era {era(best)}"),
                Cell(words.shortened(best.algorithm, 80), note=str(best.year or ""), look="name"),
                Cell(
                    words.error(best.error, metric),
                    best.error,
                    note=interval(best.low, best.high, metric) + fewer(best, entries),
                ),
                Cell(words.seconds(best.seconds), best.seconds),
                Cell(words.size(best.peak_bytes), best.peak_bytes),
                Cell(str(len(same)), len(same), note=f"{words.seconds(sum(e.seconds or 0 for e in same))} in all"),
            ]
        )
    return Table("What each era bought", heads, rows)


def plan(lines: list[PlanLine], entries: list[Entry], most: int) -> Table:
    """What was foretold of each algorithm beside what happened to its first candidate."""
    heads = [
        Head("algorithm"),
        Head("era"),
        Head("year", number=True),
        Head("foretold, one fit", number=True, about="of one fit to all training rows, on one thread"),
        Head("memory", number=True, about="at its peak, beyond the idle worker"),
        Head("tried", number=True, about="candidates, and the seconds they took together"),
        Head("took ÷ foretold", number=True, about="measured over planned seconds of the fits that were made"),
        Head("if not: why"),
    ]
    rows, looks = [], []
    for line in lines[:most]:
        tried = [e for e in entries if e.id == line.algorithm]
        took = sum(e.seconds or 0.0 for e in tried)
        foretold = sum(e.planned_seconds or 0.0 for e in tried)
        ratio = took / foretold if took and foretold else None
        rows.append(
            [
                Cell(words.shortened(line.name, 80), look="name"),
                Cell(line.era, look=f"era {era(line)}"),
                Cell(str(line.year), line.year),
                Cell(words.seconds(line.seconds), line.seconds),
                Cell(words.size(line.bytes), line.bytes),
                Cell(
                    str(len(tried)) if tried else words.NOTHING, len(tried), note=words.seconds(took) if tried else ""
                ),
                Cell(f"{ratio:.2g}" if ratio else words.NOTHING, ratio),
                Cell(words.shortened(line.why, 240) or _untried(line, tried)),
            ]
        )
        looks.append("" if line.fits else "failed")
    more = len(lines) - len(rows)
    rest = f"{more:,} more algorithms are in run.json beside this page." if more > 0 else ""
    return Table("The plan", heads, rows, sortable=True, rest=rest, classes=looks)


def _untried(line: PlanLine, tried: list[Entry]) -> str:
    return "it fits, but the run ended before its turn" if line.fits and not tried else ""
