"""The terminal: a run told in plain words as it goes. A live line where there is a terminal, else quiet."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console as Terminal
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from .core.run import Entry, Run
from .listener import Listener, Progress
from .report.words import PERCENT

if TYPE_CHECKING:
    from .samples import Sample

COLUMNS_SHOWN = 20
LINES_SEEN = 5  # of what a network writes while it learns
ERA_COLOURS = {"theory": "yellow", "classical": "cyan", "modern": "magenta"}


class Console(Listener):
    """Tells a run on standard output."""

    def __init__(self) -> None:
        self.terminal = _terminal(118)
        self._live: Live | None = None
        self._drawn = 0.0
        self._told = 0  # notes
        self._sample: Sample | None = None
        self._where: Path | None = None  # the folder of samples, once it is told

    def asked(self, run: Run) -> None:
        self._read(run)
        self._task(run)

    def _read(self, run: Run) -> None:
        data = run.data
        assert data is not None
        sampled = f", a random sample of {data.rows_in_file:,}" if data.rows_in_file else ""
        self._say("Read", f"{data.source}: {data.rows:,} rows{sampled}, {len(data.columns)} columns")
        self._say("", data.how)
        table = _table("column", "kind", "why", ">missing", "examples")
        shown = sorted(data.columns, key=lambda c: c.role != "target")[:COLUMNS_SHOWN]
        for c in shown:
            name = Text(c.name, "bold" if c.role == "target" else "dim" if c.role == "left out" else "")
            kind = Text(c.kind, "bold" if c.role == "target" else "")
            name.truncate(26, overflow="ellipsis")
            missing = Text(f"{c.missing:,}" if c.missing else "")
            table.add_row(name, kind, _short(c.why, 50), missing, _short(", ".join(c.examples), 24))
        self.terminal.print(table)
        if more := len(data.columns) - len(shown):
            self._say("", f"and {more:,} more column{'s'[: more > 1]} (all of them are in the report)")
        for warning in data.warnings:
            self.terminal.print(Text(f"  ! {warning}", "yellow"))
        self._told = len(run.notes)
        for note in run.notes:
            self.terminal.print(Text(f"  · {note}", "dim"))

    def _task(self, run: Run) -> None:
        task = run.task
        assert task is not None
        self._say("Task", f"{task.id} {task.target}".rstrip() + f": {task.why}")
        guided = f"; the search is guided by {task.guide}" if task.guide != task.metric else ""
        self._say("", f"measured by {task.metric} (--metric){guided}")

    def planned(self, run: Run) -> None:
        given = f"{run.budget['seconds']:g} s and {run.budget['bytes'] / 1e6:,.0f} MB"
        self._say("Plan", f"one fit to all training rows on this machine, before anything is trained; you gave {given}")
        table = _table("algorithm", "era", "year", ">seconds", ">MB", "")
        for line in run.plan:
            fits = Text(line.why or "fits", "green") if line.fits else Text(f"left out: {line.why}", "yellow")
            cost = (f"{line.seconds:.2g}" if line.seconds < 100 else f"{line.seconds:,.0f}", f"{line.bytes / 1e6:,.0f}")
            table.add_row(line.name, _era(line.era), str(line.year), *cost, fits)
        self.terminal.print(table)

    def climbing(self, run: Run, state: Progress) -> None:
        if not self.terminal.is_terminal or (state.trial is None and time.monotonic() - self._drawn < 0.2):
            return
        self._drawn = time.monotonic()
        line = Text.assemble(
            ("Climb     ", "bold"),
            (f"{max(state.left, 0):4.0f} s left  ", "cyan"),
            f"{state.tried} tried  {state.bytes / 1e6:,.0f} MB  ",
            (f"{state.error} " if state.error else "", "green"),
            (f"by {state.best}" if state.best else "", ""),
            (f"  now: {', '.join(state.running)}" if state.running else "", "dim"),
        )
        line.truncate(self.terminal.width - 1, overflow="ellipsis")
        drawn = Group(line, *self._seen())
        if self._live is None:
            self._live = Live(drawn, console=self.terminal, transient=True, refresh_per_second=8)
            self._live.start()
        self._live.update(drawn)

    def seen(self, run: Run, sample: "Sample") -> None:
        if not self.terminal.is_terminal:
            return
        self._sample = sample
        if sample.path and self._where != sample.path.parent:
            self._where = sample.path.parent
            self._say("Samples", f"what networks make while they learn is in {self._where}")

    def _seen(self) -> list[Text]:
        """The end of what a network last wrote, below the live line."""
        if self._sample is None or not self._sample.text.strip():
            return []
        head = Text(f"{'':10}{self._sample.by} after {self._sample.seconds:.0f} s:", "dim")
        head.truncate(self.terminal.width - 1, overflow="ellipsis")
        width = max(1, self.terminal.width - 13)
        lines = Text(_harmless(self._sample.text).strip("\n"), "dim").wrap(self.terminal, width, overflow="fold")
        return [head, *(Text.assemble((" " * 12, ""), line) for line in lines[-LINES_SEEN:])]

    def kept(self, run: Run) -> None:
        if self._live:
            self._live.stop()
            self._live = None
        tried = f"{len(run.leaderboard):,} candidates in {run.seconds:.1f} s; {run.ended}"
        self._say("Climbed", f"{run.split}")
        self._say("", tried)
        task = run.task
        assert task is not None
        percent = task.metric in PERCENT
        figures = (f">{task.metric}", ">95% interval", ">seconds", ">MB", ">µs a row", ">size", ">tried", ">share")
        heads = ("best of each algorithm", "era", "year", *figures)
        best = {e.id: e for e in reversed(run.leaderboard)}  # of each algorithm, the line that stands highest
        shown = [e for e in run.leaderboard if best[e.id] is e]
        rows = [_entry(e, percent, [o for o in run.leaderboard if o.id == e.id]) for e in shown]
        kept = _fitting(
            heads, rows, self.terminal.width, spare=(">size", ">MB", ">tried", ">µs a row", ">95% interval")
        )
        table = _table(*(heads[i] for i in kept))
        for row in rows:
            table.add_row(*(row[i] for i in kept))
        self.terminal.print(table)
        for fate in dict.fromkeys(f"{e.name}: {e.fate}" for e in run.leaderboard if e.fate):
            self.terminal.print(Text(f"  · {fate}", "dim"))

    def done(self, run: Run) -> None:
        for note in run.notes[self._told :]:
            self._say("Note", note)
        for count, line in enumerate(run.found):
            self._say("" if count else "Found", line)
        if run.error:
            self._say("Error", run.error.words, "bold green" if run.error.high < run.error.baseline else "bold red")
        else:
            self._say(
                "Error", "not known: no rows were sealed. `ungated evaluate` tells it from rows that you kept back"
            )
        took = f"{run.seconds:.1f} s of {run.budget['seconds']:g} s, {run.peak_bytes / 1e6:,.0f} MB of "
        self._say("Took", took + f"{run.budget['bytes'] / 1e6:,.0f} MB at the peak")
        self._say("Model", run.model)
        self._say("Report", str(Path(run.model) / "report.html"))
        generates = run.task is not None and run.task.id == "generate"
        self._say("Next", f"ungated generate {run.model}" if generates else f"ungated predict {run.model} NEW.csv")

    def _say(self, head: str, text: str, style: str = "") -> None:
        self.terminal.print(Text.assemble((f"{head:<10}", "bold"), (text, style)), soft_wrap=True)


def show_algorithms(cards: Sequence[Any]) -> None:
    """The shelves, a line an algorithm."""
    from .engines.extras import missing

    table = _table("id", "algorithm", "era", "year", "tasks", "form", "paper")
    for c in cards:
        paper = c.paper + (f"  ({missing(c.extras)})" if missing(c.extras) else "")
        tasks = ", ".join(sorted(c.tasks)) if len(c.tasks) < 5 else "any"
        table.add_row(c.id, c.name, _era(c.era), str(c.year), tasks, c.form.value, paper)
    _wide().print(table)


def show_named(sets: Sequence[Any]) -> None:
    """The sets that ship with a dependency, a line each."""
    table = _table("name", ">rows", ">columns", "target", "task", "what it is")
    for s in sets:
        table.add_row(s.name, f"{s.rows:,}", str(s.columns), s.target, s.task, s.what)
    _wide().print(table)


def show_scores(scores: Any, task: Any) -> None:
    """A model's error on labelled rows."""
    terminal = _wide()
    terminal.print(Text(scores.error.words, "bold"))
    for name, value in scores.metrics.items():
        terminal.print(f"  {name:<16}{task.measures[name].show(value)}")


def _wide() -> Terminal:
    return _terminal(160)


def _terminal(width: int) -> Terminal:
    """Where to print, `width` columns wide where that is no terminal. Brackets and colons in names stay as they are."""
    return Terminal(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else width)


def _harmless(text: str) -> str:
    """Text that moves no cursor and hides nothing: what is no letter, sign or line end becomes a space."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text.expandtabs(4))


def _table(*heads: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim")
    for head in heads:
        right = head.startswith(">")
        name = head.lstrip(">")
        table.add_column(name, justify="right" if right else "left", no_wrap=name not in ("", "paper"))
    return table


def _fitting(heads: Sequence[str], rows: Sequence[Sequence[Any]], width: int, spare: Sequence[str]) -> list[int]:
    """Which columns a table of that width has room for; those in `spare` give way, the first of them first."""
    wide = [max(len(heads[i].lstrip(">")), *(len(str(row[i])) for row in rows)) + 3 for i in range(len(heads))]
    kept = list(range(len(heads)))
    for head in spare:
        if sum(wide[i] for i in kept) > width:
            kept.remove(heads.index(head))
    return kept


def _short(text: str, most: int) -> Text:
    shown = Text(text)
    shown.truncate(most, overflow="ellipsis")
    return shown


def _era(era: str) -> Text:
    return Text(era, ERA_COLOURS.get(era, ""))


def _entry(e: Entry, percent: bool, tries: Sequence[Entry]) -> tuple[Any, ...]:
    """An algorithm's best line; tries: all its candidates, whose shares in the final model are added up."""

    def shown(value: float | None) -> str:
        return "–" if value is None else f"{100 * value:.1f}%" if percent else f"{value:,.4g}"

    name = Text(e.name, "bold" if e.id == "ensemble" else "red" if e.fate else "")
    share = sum(t.weight for t in tries)
    return (
        name,
        _era(e.era),
        str(e.year),
        shown(e.error),
        "" if e.error is None else f"{shown(e.low)}–{shown(e.high)}",
        f"{e.seconds:.1f}",
        f"{e.peak_bytes / 1e6:,.0f}",
        f"{e.predict_us:,.0f}" if e.predict_us >= 1 else "<1",
        f"{e.size_bytes / 1e6:.1f} MB" if e.size_bytes > 1e5 else f"{e.size_bytes / 1e3:.0f} kB",
        str(len(tries)) if e.id != "ensemble" else "",
        f"{share:.0%}" if share else "",
    )
