"""The model card of a writer, a maker or a composer: what it was made of, when, how good it is, what it gives back.

Of Mitchell et al., "Model Cards for Model Reporting", FAT* 2019, what can be known without asking anyone.
"""

from ..core.run import Run
from . import words


def card(run: Run) -> str:
    """The card as Markdown, from the record of the run alone."""
    lines = [f"# {run.model or 'A model'}", "", *_made_of(run), *_made_by(run), *_known(run), *_licence()]
    return "\n".join(lines) + "\n"


def _made_of(run: Run) -> list[str]:
    data = run.data
    told = [f"- source: {_plain(run.source)}"]
    if data:
        told += [f"- what it is: {_plain(data.how)}", f"- rows learned from: {data.rows:,}"]
    told.append(f"- split: {_plain(run.split)}")
    return ["## What it was made of", "", *told, ""]


def _made_by(run: Run) -> list[str]:
    members = [e for e in run.leaderboard if e.weight and e.id != "ensemble"]
    told = [
        f"- trained: {run.started[:10]}, {words.seconds(run.seconds)}, {words.size(run.peak_bytes)} at the peak",
        f"- command: `{_plain(run.command)}`" if run.command else "",
        f"- seed: {run.seed}; " + ", ".join(f"{k} {v}" for k, v in run.versions.items()),
        *(f"- {100 * e.weight:.0f}% {_plain(e.algorithm)} ({e.year})" for e in members),
    ]
    return ["## How it was made", "", *filter(None, told), ""]


def _known(run: Run) -> list[str]:
    told = [f"- {_plain(run.error.words)}"] if run.error else ["- its error is not known: nothing was sealed"]
    told += [f"- {name}: {words.number(value)}" for name, value in run.metrics.items()]
    told += [f"- {_plain(note)}" for note in run.notes]
    return ["## What is known of it", "", *told, ""]


def _licence() -> list[str]:
    return [
        "## Licence and privacy",
        "",
        "Those of the files that it was trained on, which are yours to know. It may give back passages of them, letter",
        "for letter; the report says how much of that was seen.",
    ]


def _plain(text: str) -> str:
    """One line, without what Markdown would take for its own."""
    return words.shortened(" ".join(str(text).split()), 400).replace("<", "&lt;").replace("`", "'")
