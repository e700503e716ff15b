"""Making sounds: a model that has learned from spectrograms makes new ones, as pictures, and these become waves."""

from collections.abc import Sequence
from pathlib import Path

from ..core.numbers import Array
from ..modalities.sound import SpectrogramEncoder, wav
from ..model import Model
from . import files
from .pictures import grid, upright

WRITERS = (".wav", ".png")


def encoder_of(model: Model) -> SpectrogramEncoder | None:
    """What drew the spectrograms that the model learned from; None where it learned from no sounds."""
    inner = (getattr(encoder, "encoder", None) for encoder in model.encoders)
    return next((e for e in inner if isinstance(e, SpectrogramEncoder)), None)


def check_writable(paths: Sequence[Path]) -> None:
    """Raise UsageError where one of these could not be written as sounds, before any is made."""
    files.check_writable(paths, WRITERS, f"sounds are written as {' or '.join(WRITERS)}")


def files_of(encoder: SpectrogramEncoder, made: Array, path: Path) -> dict[Path, bytes]:
    """Made spectrograms, uint8 (n, 1, bands, frames), as files: one sheet to see, or one each, numbered, to hear."""
    if path.suffix.lower() == ".png":
        return {path: grid(upright(made))}
    names = [path.with_stem(f"{path.stem}-{k + 1}") for k in range(len(made))] if len(made) > 1 else [path]
    return {name: wav(encoder.wave(x), encoder.rate) for name, x in zip(names, made, strict=True)}
