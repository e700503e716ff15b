"""`ungated generate MODEL` and `ungated complete MODEL`: the words of the commands. Text streams as it is written."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from .core.errors import UsageError

_TEMPERATURE = click.option(
    "--temperature",
    default=0.8,
    show_default=True,
    help="0 takes the likeliest each time; 1 as it learned; more: wild.",
)
_TOP_P = click.option("--top-p", default=0.95, show_default=True, help="Share of the chances that is drawn from.")
_MAX_TOKENS = click.option(
    "--max-tokens", default=200, show_default=True, type=click.IntRange(1), help="Characters, or pieces of words."
)
_SEED = click.option("--seed", type=int, help="The same gives the same.  [default: another each time]")


@click.command()
@click.argument("model")
@click.option("--prompt", default="", metavar="TEXT", help="What it goes on from, - reads it; a tune's file.")
@click.option("--suffix", metavar="TEXT", help="What stands behind the gap that is to be filled.")
@click.option("--count", default=1, show_default=True, type=click.IntRange(1, 10_000), help="How many.")
@_TEMPERATURE
@_TOP_P
@_MAX_TOKENS
@click.option("--stop", "stops", multiple=True, metavar="TEXT", help="Where it ends, if it comes to write that.")
@click.option(
    "--check/--no-check", default=None, help="Draw lines anew that are no Python.  [default: if it learned it]"
)
@_SEED
@click.option("--label", metavar="CLASS", help="Pictures or sounds of that class alone.")
@click.option("--guidance", type=float, help="How far the class is exaggerated; 0: not at all.")
@click.option("--bars", default=16, show_default=True, type=click.IntRange(1), help="Length of a tune.")
@click.option(
    "--out",
    metavar="FILE",
    help="A PNG of pictures; .wav or .png of sounds; .mid, .wav or .png of a tune; any of text.",
)
@click.option("--wav", metavar="FILE", help="A tune or sound to hear as well.")
def generate(
    model: str,
    prompt: str,
    suffix: str | None,
    count: int,
    temperature: float,
    top_p: float,
    max_tokens: int,
    stops: tuple[str, ...],
    check: bool | None,
    seed: int | None,
    label: str | None,
    guidance: float | None,
    bars: int,
    out: str | None,
    wav: str | None,
) -> None:
    """Let MODEL make something new: text, code, pictures, sounds or tunes, as it was trained on (fit --task generate).

    \b
    ungated generate MODEL --prompt "def read_csv("
    ungated generate MODEL --count 64 --out grid.png
    ungated generate MODEL --label seven --out seven.wav
    ungated generate MODEL --bars 16 --out song.mid --wav song.wav
    """
    from .model import Model

    loaded = Model.load(model)
    if str(getattr(loaded.task, "form", "")) == "pixels":
        if prompt or suffix:
            raise UsageError("--prompt and --suffix are for models that write; this one takes --label.")
        _pixels(loaded, out, wav, count=count, label=label, seed=seed or 0, guidance=guidance)
        return
    if getattr(loaded.task, "kind", "") == "tune":
        files = [Path(out or "made.mid"), *([Path(wav)] if wav else [])]
        _tunes(loaded, prompt, files, count, bars=bars, temperature=temperature, top_p=top_p, seed=seed)
        return
    if wav or label:
        raise UsageError(f"{'--wav' if wav else '--label'} is not for a model that writes text.")
    prompt = sys.stdin.read() if prompt == "-" else prompt.replace("\\n", "\n").replace("\\t", "\t")
    how = {
        "temperature": temperature,
        "top_p": top_p,
        "max_tokens": max_tokens,
        "stop": stops,
        "suffix": suffix,
        "check": check,
    }
    with _opened(out) as file:
        for k in range(count):
            if count > 1:
                click.echo(f"{chr(10) if k else ''}--- {k + 1} of {count}", file=file)
            _stream(loaded, prompt, file, seed=None if seed is None else seed + k, **how)


@contextlib.contextmanager
def _opened(out: str | None) -> Iterator[Any]:
    """The file to write to, or None for the terminal. Raises UsageError."""
    if out is None:
        yield None
        return
    try:
        with open(out, "w", encoding="utf-8") as file:
            yield file
    except OSError as e:
        raise UsageError(f"{out} cannot be written: {e.strerror or e}.") from e


def _stream(model: Any, prompt: str, file: Any, **how: Any) -> None:
    """The prompt and what the model goes on with, as it comes."""
    from .generation.text import write

    click.echo(prompt, nl=False, file=file)
    for piece in write(model, prompt, **how):
        click.echo(piece, nl=False, file=file)
        (file or sys.stdout).flush()
    click.echo(how.get("suffix") or "", file=file)


def _pixels(model: Any, out: str | None, wav: str | None, **how: Any) -> None:
    """Pictures, or spectrograms and the sounds that have them."""
    from .generation.pictures import grid, make
    from .generation.sounds import check_writable, encoder_of, files_of

    if (encoder := encoder_of(model)) is None:
        if wav:
            raise UsageError("--wav is not for a model that makes pictures.")
        path = Path(out or "made.png")
        _write({path: grid(make(model, **how))})
        click.echo(f"{how['count']:,} pictures are in {path}")
        return
    asked = [Path(f) for f in (out, wav) if f] or [Path("made.wav")]
    check_writable(asked)
    made = make(model, **how)
    for path in asked:
        files = files_of(encoder, made, path)
        _write(files)
        what, names = "spectrogram" if path.suffix.lower() == ".png" else "sound", [str(name) for name in files]
        upto = f" to {names[-1]}" if len(names) > 1 else ""
        click.echo(f"{len(made):,} {what}{'s are' if len(made) > 1 else ' is'} in {names[0]}{upto}")


def _write(files: dict[Path, bytes]) -> None:
    """Raises UsageError where one cannot be written."""
    for path, contents in files.items():
        try:
            path.write_bytes(contents)
        except OSError as e:
            raise UsageError(f"{path} cannot be written: {e.strerror or e}.") from e


def _tunes(model: Any, prompt: str, files: list[Path], count: int, *, seed: int | None, **how: Any) -> None:
    from .generation.music import check_writable, compose, opening, write_tune

    check_writable(files)
    begun = opening(Path(prompt)) if prompt else None
    for k in range(count):
        tune = compose(model, seed=None if seed is None else seed + k, opening=begun, **how)
        for path in files:
            named = path.with_stem(f"{path.stem}-{k + 1}") if count > 1 else path
            write_tune(tune, named)
            click.echo(f"{how['bars']} bars are in {named}")


@click.command()
@click.argument("model")
@_TEMPERATURE
@_TOP_P
@_MAX_TOKENS
@_SEED
def complete(model: str, temperature: float, top_p: float, max_tokens: int, seed: int | None) -> None:
    """Type, and MODEL goes on; type more, and it goes on from all that.

    An empty line lets it go on. A line that ends in \\ is not finished: the next one is written below it. :new forgets
    what was written. Ctrl-C stops a text, Ctrl-D ends.
    """
    from .generation.text import write, writing
    from .model import Model

    loaded = Model.load(model)
    writing(loaded)
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  # arrows and history at the prompt
    if sys.stdin.isatty():
        click.echo("Type, and it goes on. An empty line: more of the same. :new forgets. Ctrl-D ends.", err=True)
    text, turn = "", 0
    while (typed := _typed()) is not None:
        if typed.strip() == ":new":
            text = ""
            continue
        text += typed
        try:
            own = None if seed is None else seed + turn
            for piece in write(loaded, text, temperature=temperature, top_p=top_p, max_tokens=max_tokens, seed=own):
                click.echo(piece, nl=False)
                sys.stdout.flush()
                text += piece
        except KeyboardInterrupt:
            click.echo(" …", nl=False)
        click.echo()
        turn += 1


def _typed() -> str | None:
    """What was typed, its lines that end in a backslash joined; None at the end."""
    lines: list[str] = []
    try:
        while True:
            line = input("" if not sys.stdin.isatty() else "… " if lines else "› ")
            lines.append(line.removesuffix("\\"))
            if not line.endswith("\\"):
                return "\n".join(lines)
    except EOFError:
        return "\n".join(lines) if lines else None
    except KeyboardInterrupt:
        return None
