"""`ungated serve MODEL`: the words of the command, and the model as the server knows it."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click


class Author:
    """A saved model as a scribe. Raises ModelError, and UsageError for one that does not write."""

    def __init__(self, folder: str) -> None:
        from ..generation.text import write, writing
        from ..model import Model

        self._model = Model.load(folder)
        self._write, self._encoder = write, writing(self._model)
        self.name = Path(folder).resolve().name
        self.created = int(Path(folder).stat().st_mtime)
        for _ in self.write("", max_tokens=1):  # whatever is loaded at the first time is loaded now
            pass

    def write(self, prompt: str, **how: Any) -> Iterator[str]:
        """What it goes on with; see `generation.write`."""
        return self._write(self._model, prompt, **how)

    def tokens(self, text: str) -> int:
        """How many tokens a text is, as the model was trained on it."""
        return len(self._encoder.encode(text))


@click.command()
@click.argument("model")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 serves the whole network.")
@click.option("--key", envvar="UNGATED_KEY", help="Clients must show it.  [default: $UNGATED_KEY, else none]")
@click.option("--queue", "waiting", default=32, show_default=True, type=click.IntRange(0), help="Requests that wait.")
@click.option("--max-tokens", default=2048, show_default=True, type=click.IntRange(1), help="Of one text at most.")
def serve(model: str, port: int, host: str, key: str | None, waiting: int, max_tokens: int) -> None:
    """Serve a model that writes, as /v1/completions and /v1/models, to editors and OpenAI's clients.

    Only programs on this machine can ask it, unless --host says otherwise. Ctrl-C ends it.
    """
    from .server import Server

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what a service manager sends is Ctrl-C to us
    author = Author(model)
    server = Server(author, host, port, key=key or None, waiting=waiting, most_tokens=max_tokens)
    click.echo(f"{author.name} writes at {server.url}/completions (Ctrl-C ends it)")
    if not server.loopback and not key:
        click.echo("Anyone who reaches this machine can ask it: --key KEY lets in only who shows the key.", err=True)
    sys.stdout.flush()
    server.run()
    click.echo("Ended.")
