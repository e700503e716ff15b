"""What every page is made of: its templates and scripts, and the policy by which it asks nothing of anyone."""

import base64
import hashlib
from functools import cache
from importlib.resources import files

import jinja2
from markupsafe import Markup

from . import words


@cache
def text_of(name: str) -> str:
    """A file of this folder."""
    return (files(__package__) / name).read_text(encoding="utf-8")


@cache
def scripts() -> list[Markup]:
    """Every script of the page; the vendored ones with their licences, which ask to go where they go."""
    vendored = [
        f"/*\n{text_of(f'vendor/LICENSE-{name}.txt')}*/\n{text_of(f'vendor/{file}')}" for name, file in _VENDORED
    ]
    drawn = ("rules.js", "clusters.js", "map.js", "timeline.js", "charts.js", "page.js")
    return [Markup(script) for script in (*vendored, *map(text_of, drawn))]


_VENDORED = (("d3", "d3.min.js"), ("plot", "plot.umd.min.js"))


@cache
def policy() -> str:
    """The page's content security policy: nothing is fetched, and no script runs but its own, known by their hashes."""
    hashes = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts()]
    allowed = " ".join(f"'sha256-{h}'" for h in hashes)
    return f"{policy_without_scripts()}; script-src {allowed}"


def policy_without_scripts() -> str:
    """A policy by which a page shows what it holds and does nothing else."""
    own = "style-src 'unsafe-inline'; img-src data:; media-src data:"
    return f"default-src 'none'; {own}; base-uri 'none'; form-action 'none'"


@cache
def environment() -> jinja2.Environment:
    """The template engine, which escapes whatever a template is given."""
    made = jinja2.Environment(
        loader=jinja2.FunctionLoader(text_of),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    made.policies["json.dumps_kwargs"] = {"sort_keys": False, "allow_nan": False, "separators": (",", ":")}
    made.filters |= {"count": words.count, "cut": words.shortened, "error": words.error}
    return made
