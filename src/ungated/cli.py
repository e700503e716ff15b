"""The command line. Light at the door: no command loads what it does not need, and --help loads nothing.

Exit codes: 0 done; 2 the input or the words are wrong; 130 interrupted, with the best model saved; 1 a bug of ours.
"""

import contextlib
import functools
import json
import os
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

import click

from . import __version__
from .core.errors import UngatedError, UsageError
from .serving.command import serve
from .writing import complete, generate

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
LONGEST_NAME = 80  # of a model that nobody named


@click.group(context_settings=_SETTINGS)
@click.version_option(__version__, message="ungated %(version)s")
def app() -> None:
    """Machine learning on the computer you own: from files to an honest model, in one command.

    \b
    ungated fit wine --time 30s                  a set that ships with a dependency
    ungated fit train.csv --target income        your own table
    ungated predict MODEL new.csv                ask the model
    ungated report MODEL --open                  see every step
    """


_TASKS = "classify, regress; or, without a target, cluster, associate, detect, embed, generate.  [default: inferred]"

_shared = [
    click.argument("data", required=False),
    click.option("--target", metavar="COLUMN", help="The column to be answered."),
    click.option("--time", "time_", default="2m", show_default=True, help="Wall clock until the model is saved."),
    click.option("--memory", help="Peak of all processes together, as 2GB.  [default: 60% of what is free]"),
    click.option("--task", metavar="TASK", help=_TASKS),
    click.option("--algorithms", metavar="ID,ID", help="Try these alone (and the baseline)."),
    click.option("--kind", "kinds", multiple=True, metavar="COLUMN=KIND", help="What a column is, as age=number."),
    click.option("--label-from", metavar="PATTERN", help="Columns from file names, as '{label}_{speaker}_{n}.wav'."),
    click.option("--group", metavar="COLUMN", help="Rows with the same value stay on one side of every split."),
    click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="As support=0.001."),
    click.option("--allow-broken", is_flag=True, help="Go on although over a tenth of the files cannot be read."),
]

_AS_TYPED = ("target", "memory", "task", "algorithms", "label_from", "group", "allow_broken")  # of these


def _with_shared(command: Any) -> Any:
    """The command with the options that fit and plan share, which it is given together, as `pipeline` takes them."""

    @functools.wraps(command)
    def gathered(
        data: str | None,
        time_: str,
        kinds: tuple[str, ...],
        settings: tuple[str, ...],
        **words: Any,
    ) -> Any:
        asked = {name: words.pop(name) for name in _AS_TYPED}
        asked |= {"data": data, "time": time_, "kinds": _pairs(kinds), "settings": _settings(settings)}
        return command(asked, **words)

    for option in reversed(_shared):
        gathered = option(gathered)
    return gathered


_TYPED = click.core.ParameterSource.COMMANDLINE
_HIS_OWN = ("resume", "time_", "memory", "as_json")  # what may be said beside --resume


@app.command()
@_with_shared
@click.option("--resume", metavar="RUN", help="Go on with a run that was cut short; with --time +30m, for longer.")
@click.option("--test", metavar="FILE", help="Rows to test on; else a random fifth is sealed.")
@click.option("--truth", metavar="COLUMN", help="Labels to compare with at the end; nothing is learned from them.")
@click.option("--no-seal", is_flag=True, help="Learn from all rows: you keep your own test rows.")
@click.option("--metric", metavar="ERROR", help="The headline error, as log-loss, auc, mae.")
@click.option("--from", "from_", metavar="MODEL", help="Let networks start from what this model has learned.")
@click.option("--candidates", type=click.IntRange(1), metavar="N", help="Try N candidates: the same seed, same model.")
@click.option("--seed", default=0, show_default=True, help="Of everything random.")
@click.option("--out", metavar="DIR", help="Where the model goes.  [default: models/NAME]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")
def fit(
    asked: dict[str, Any],
    resume: str | None,
    test: str | None,
    truth: str | None,
    no_seal: bool,
    metric: str | None,
    from_: str | None,
    candidates: int | None,
    seed: int,
    out: str | None,
    as_json: bool,
) -> None:
    """Learn to answer a column of DATA from the others; or, with --task, what groups, rules and oddities there are.

    DATA is a CSV, TSV, Parquet, Arrow or JSONL file, a folder of such files, or a name from `ungated data`; or a
    folder of pictures, recordings or texts with one folder a class; or IDX or NPZ arrays of pictures.
    """
    import psutil

    from . import pipeline
    from .console import Console

    listener = pipeline.Listener() if as_json else Console()
    began = psutil.Process().create_time()
    if resume is not None:
        time = asked["time"] if "time_" in _said(but=_HIS_OWN) else None
        model = pipeline.resume(resume, time=time, memory=asked["memory"], listener=listener, started=began)
        return _ended(model, as_json)
    data = _named(asked)
    model = pipeline.fit(
        **asked,
        test=test,
        metric=metric,
        truth=truth,
        from_=from_,
        candidates=candidates,
        seal=not no_seal,
        seed=seed,
        out=out or _unused(Path("models") / (Path(data).name.split(".")[0] or "model")),
        listener=listener,
        started=began,
        command=" ".join(["ungated", *(_quoted(a) for a in sys.argv[1:])]),
    )
    _ended(model, as_json)


def _said(but: tuple[str, ...]) -> set[str]:
    """What was typed of the command's options. Raises UsageError for any that is not among `but`."""
    context = click.get_current_context()
    typed = {p.name: p for p in context.command.params if p.name and context.get_parameter_source(p.name) == _TYPED}
    if strange := [p.human_readable_name for name, p in typed.items() if name not in but]:
        raise UsageError(
            f"--resume goes on with what the run was begun with: leave out {', '.join(strange)}. "
            "Only --time, --memory and --json may be said anew."
        )
    return set(typed)


def _named(asked: dict[str, Any]) -> str:
    """What is to be read. Raises UsageError where nothing is named."""
    if asked["data"] is None:
        raise click.UsageError("Missing argument 'DATA'.", click.get_current_context())
    return str(asked["data"])


def _ended(model: Any, as_json: bool) -> None:
    """Say what is to be said once a fit is over. Raises Exit where it was interrupted."""
    if as_json:
        click.echo(json.dumps(_document(model.run), ensure_ascii=False))
    run = Path(f"{model.folder}.run")
    if run.exists() and not as_json:
        more = "" if model.run.interrupted else " --time +10m"
        click.echo(f"  To go on with it: ungated fit --resume {_quoted(str(run))}{more}")
    if model.run.interrupted:
        raise click.exceptions.Exit(130)


@app.command()
@_with_shared
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")
def plan(asked: dict[str, Any], as_json: bool) -> None:
    """Say what each algorithm would cost on DATA on this machine, training nothing."""
    from . import pipeline
    from .console import Console

    _named(asked)
    run = pipeline.plan(**asked, listener=pipeline.Listener() if as_json else Console())
    if as_json:
        click.echo(json.dumps(run.to_json(), ensure_ascii=False))


@app.command()
@click.argument("model")
@click.argument("data", nargs=-1, required=True)
@click.option("--out", metavar="FILE", help="Write a CSV here instead of printing it.")
def predict(model: str, data: tuple[str, ...], out: str | None) -> None:
    """Answer the rows of DATA: the target, and for classes their probabilities, as CSV.

    DATA is a table, or any number of pictures, recordings, texts and folders of them; - reads texts, or baskets where
    it is these that MODEL knows, from standard input, one a line.
    """
    from . import model as models

    broken: list[Any] = []
    asked = data[0] if len(data) == 1 and data[0] != "-" else list(data)
    answers = models.Model.load(model).answers(asked, broken.append)
    if broken:
        first = "; ".join(f"{b.file} {b.why}" for b in broken[:5]) + ("; …" if len(broken) > 5 else "")
        click.echo(f"{len(broken):,} of the files could not be read: {first}", err=True)
    if out:
        answers.write_csv(out)
        click.echo(f"{answers.height:,} answers written to {out}", err=True)
    else:
        click.echo(answers.write_csv(), nl=False)


@app.command()
@click.argument("model")
@click.argument("data")
@click.option("--label-from", metavar="PATTERN", help="Columns from file names, as in fit.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")
def evaluate(model: str, data: str, label_from: str | None, as_json: bool) -> None:
    """Compare a model's answers with the labelled rows of DATA."""
    from . import console
    from . import model as models

    loaded = models.Model.load(model)
    scores = loaded.evaluate(data, label_from)
    if as_json:
        from .core.algorithm import plain

        click.echo(json.dumps(plain(scores), ensure_ascii=False))
    else:
        console.show_scores(scores, loaded.task)


@app.command()
@click.argument("model")
@click.option("--open", "open_", is_flag=True, help="Open it in the browser.")
def report(model: str, open_: bool) -> None:
    """Say where a model's report is, or open it."""
    from . import model as models

    page = models.Model.load(model).report_page()
    click.echo(page)
    if open_:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())


@app.command()
@click.argument("data")
@click.option("--row", default=1, show_default=True, metavar="N", help="Which row, counted from 1.")
@click.option("--kind", "kinds", multiple=True, metavar="COLUMN=KIND", help="What a column is, as age=number.")
@click.option("--label-from", metavar="PATTERN", help="Columns from file names, as in fit.")
@click.option("--out", metavar="FILE.html", help="Write a page here; in a folder, under the data's name.")
@click.option("--open", "open_", is_flag=True, help="Open it as a page in the browser.")
def show(data: str, row: int, kinds: tuple[str, ...], label_from: str | None, out: str | None, open_: bool) -> None:
    """Show what one row of DATA becomes: pictures as pixels, sounds as spectrograms, texts as tokens.

    DATA is what fit takes. A page shows more than a terminal can: the picture, a player, the spectrogram.
    """
    from . import show as showing
    from .report.show import html_of, lines

    shown = showing.show(data, row, _pairs(kinds), label_from)
    for line in lines(shown):
        click.echo(line)
    if out is None and not open_:
        return
    name = f"{Path(data).name.split('.')[0] or 'data'}-row-{row}.html"
    page = Path(tempfile.mkdtemp(prefix="ungated-")) / name if out is None else Path(out)
    page = page / name if page.is_dir() else page
    try:
        page.write_text(html_of(shown), encoding="utf-8")
    except OSError as e:
        raise UsageError(f"{page} cannot be written: {e.strerror or e}.") from e
    click.echo(f"\nThe page is {page}")
    if open_:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())


@app.command()
@click.option("--task", help="Only those for this task.")
@click.option("--form", help="Only those that eat this form of numbers, as rows.")
@click.option("--era", help="Only theory, classical or modern.")
def algorithms(task: str | None, form: str | None, era: str | None) -> None:
    """List the algorithms: era, year, what they eat, the paper."""
    from . import console
    from .algorithms import discover

    cards = [a.card for a in discover().values()]
    console.show_algorithms([c for c in cards if _fits(c, task, form, era)])


@app.command()
def machine() -> None:
    """Measure this computer."""
    from .hardware.probe import describe, probe

    for line in describe(probe()):
        click.echo(line)


@app.command()
def data() -> None:
    """List the sets that ship with a dependency."""
    from . import console
    from .modalities import table

    console.show_named(list(table.NAMED.values()))


app.add_command(generate)
app.add_command(complete)
app.add_command(serve)


def main() -> None:
    """Run the command line; every way it can end has its exit code, and none shows a traceback."""
    code = _outcome()
    with contextlib.suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is said and saved: there is nothing left to interrupt
    if code == 130:
        # Python remembers a Ctrl-C that came amid generated code (a dataclass's, say) and would end by that signal.
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
    if code:
        sys.exit(code)


def _outcome() -> int:
    """Run the command that was typed; its exit code."""
    try:
        return app(standalone_mode=False) or 0
    except click.ClickException as e:
        e.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        return _nothing_saved()
    except UngatedError as e:
        click.echo(f"error: {e}", err=True)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as e:
        if _interrupted(e):
            return _nothing_saved()
        if os.environ.get("UNGATED_DEBUG"):
            raise
        click.echo(_confession(e), err=True)
        return 1


def _nothing_saved() -> int:
    click.echo("Interrupted; nothing was saved.", err=True)
    return 130


def _interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl-C is at the bottom of it: Python 3.11 wraps one that comes while a class is being made."""
    while error and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _confession(error: Exception) -> str:
    with tempfile.NamedTemporaryFile("w", prefix="ungated-bug-", suffix=".txt", delete=False) as file:
        traceback.print_exc(file=file)
    first = (str(error).splitlines() or [""])[0][:200]
    return (
        f"This is a bug of Ungated, not yours: {type(error).__name__}: {first}\n"
        f"The details are in {file.name}; please send them with what you typed."
    )


def _document(run: Any) -> dict[str, Any]:
    """What --json prints: the result first, then what it took and all that was tried."""
    full = run.to_json()
    kept = ("metric", "value", "low", "high", "baseline", "rows")
    error = {k: full["error"][k] for k in kept} if full["error"] else None
    head = {"model": full["model"], "task": full["task"]["id"], "error": error, "metrics": full["metrics"]}
    rest = (
        "seconds",
        "peak_bytes",
        "leaderboard",
        "plan",
        "found",
        "notes",
        "data",
        "split",
        "ended",
        "budget",
        "versions",
    )
    return head | {k: full[k] for k in rest}


def _pairs(kinds: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for kind in kinds:
        name, equals, value = kind.rpartition("=")
        if not equals:
            raise UsageError(f"--kind {kind!r} is not of the form COLUMN=KIND, as age=number.")
        pairs[name] = value
    return pairs


def _settings(words: tuple[str, ...]) -> dict[str, Any]:
    """Settings with their values: numbers, true and false as such, all else as text."""
    settings: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"--set {word!r} is not of the form NAME=VALUE, as support=0.001.")
        try:
            settings[name.strip().replace("-", "_")] = json.loads(value)
        except ValueError:
            settings[name.strip().replace("-", "_")] = value
    return settings


def _unused(folder: Path) -> Path:
    """`folder`, or with a number where it is taken: no earlier model or run is overwritten unless --out names it."""
    taken = folder = folder.with_name(folder.name[:LONGEST_NAME])
    count = 2
    while taken.exists() or taken.with_name(f"{taken.name}.run").exists():
        taken = folder.with_name(f"{folder.name}-{count}")
        count += 1
    return taken


def _fits(card: Any, task: str | None, form: str | None, era: str | None) -> bool:
    return (not task or task in card.tasks) and (not form or form == card.form) and (not era or era == card.era)


def _quoted(word: str) -> str:
    import shlex

    return shlex.quote(word)
