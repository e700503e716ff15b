"""Optional libraries: imported only where they are used, and their absence is one clear line."""

from importlib.util import find_spec

from ..core.errors import MissingExtra

PACKAGES = {"media": ("PIL", "soundfile", "soxr"), "modern": ("torch", "tokenizers")}


def missing(extras: tuple[str, ...]) -> str:
    """The line that installs what is missing of `extras`, or "" where nothing is."""
    lacking = [e for e in extras if any(find_spec(p) is None for p in PACKAGES[e])]
    return f"pip install 'ungated[{','.join(lacking)}]'" if lacking else ""


def require(*extras: str, what: str = "This") -> None:
    """Raise MissingExtra, with the line that installs it, unless every one of `extras` is here. what: that needs it."""
    if line := missing(extras):
        raise MissingExtra(f"{what} needs an optional library that is not installed. Install it with: {line}")
