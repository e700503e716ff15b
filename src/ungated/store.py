"""The model folder: JSON and safetensors, every byte accounted for, nothing that can execute.

    model.json              format, version, a document of the caller's, and size and SHA-256 of every other file
    encoders/0/values.json  each `State` in a folder of its own, as `engines.state` writes it
    encoders/0/arrays.safetensors
    run.json report.html    files that are kept with the model; `add_file` adds and replaces them

model.json is sealed by the SHA-256 of its own text in its first line, so that a changed byte anywhere is noticed. The
seal guards against accidents. Against malice stand the other rules: no path leaves the folder, no symbolic link is
followed, no file is of a kind that could run. This page knows nothing of algorithms or of what the document says.
"""

import contextlib
import hashlib
import json
import os
import platform
import re
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from . import __version__
from .core.algorithm import State, plain
from .core.errors import ModelError, UngatedError, UsageError
from .engines import state as states_on_disk

FORMAT = 1
MANIFEST = "model.json"

_STATE_FILE = re.compile(r"values\.json|arrays\.safetensors|[^/]+\.txt")
_KEPT = (".json", ".html", ".txt", ".md")  # what a file beside the states may be
_RUNS = (".pkl", ".pickle", ".pt", ".pth", ".bin", ".joblib", ".npy", ".npz", ".dill", ".ckpt")
_LITTER = {".DS_Store", "Thumbs.db", "desktop.ini"}  # left by file managers that merely looked
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # names that Windows keeps for devices
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,119}(?<!\.)")
_SEAL = re.compile(rb'\{\n "seal": "([0-9a-f]{64})",\n')
_HOST = hashlib.sha256(platform.node().encode()).hexdigest()[:8]

MAX_MANIFEST = 32 * 2**20  # bytes; ours are a few thousand
MAX_JSON = 256 * 2**20  # bytes of any other JSON file: it is parsed in one piece
MAX_FILES = 100_000
MAX_DEPTH = 8


@dataclass(frozen=True)
class Contents:
    """What a model folder holds. states: by name, as "encoders/0"; files: kept with the model, as run.json."""

    document: dict[str, Any]
    states: dict[str, State]
    files: dict[str, bytes] = field(default_factory=dict)


def write(
    folder: Path, document: dict[str, Any], states: Mapping[str, State], files: Mapping[str, str | bytes] | None = None
) -> None:
    """Write a model folder, whole or not at all.

    It is built under a hidden name beside `folder`, flushed to the disk, and renamed. A model already there is kept
    until the new one is complete. document: anything that `core.algorithm.plain` turns into JSON.

    Raises UsageError where `folder` holds something that is not a model, or cannot be written.
    """
    folder = _resolve(folder)
    with _explained(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        _tidy(folder)
        _refuse_to_overwrite(folder)
        new = _beside(folder)
        try:
            _build(new, document, states, files or {})
            _swap(new, folder)
        finally:
            shutil.rmtree(new, ignore_errors=True)


def check_writable(folder: Path) -> None:
    """Raise the UsageError that `write` would raise, before anything is spent on making a model for it."""
    folder = _resolve(folder)
    with _explained(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        _refuse_to_overwrite(folder)
        trial = _beside(folder)
        trial.mkdir()
        trial.rmdir()


def read(folder: Path) -> Contents:
    """Everything in a model folder, after every file has been checked against model.json.

    Raises ModelError, with the reason, for whatever is not exactly what `write` and `add_file` left.
    """
    folder = _resolve(folder)
    with contextlib.suppress(OSError):
        _recover(folder)
    try:
        manifest = _manifest(folder)
        _check_files(folder, manifest)
        kept = [p for p, about in manifest["files"].items() if about and not _state_of(p, manifest["states"])]
        files = {path: (folder / path).read_bytes() for path in kept}
        states = {name: _read_state(folder, name) for name in manifest["states"]}
    except OSError as e:
        raise ModelError(f"The model {folder} cannot be read: {e.strerror or e}.") from e
    return Contents(manifest["document"], states, files)


def add_file(folder: Path, name: str, content: str | bytes) -> None:
    """Put a file beside the states of a model, or replace it: the record and the report, once the test is opened.

    Such a file is sealed like the others, since an error bar with a changed digit misleads as much as a changed weight.
    model.json first says that it is being written and has the old hash or the new one, then the file is renamed into
    place, then model.json says its hash: killed at any moment, the folder still reads, with the one file or the other.

    Raises ModelError where `folder` is not a model, UsageError where it cannot be written.
    """
    folder = _resolve(folder)
    if not _kept(name):
        raise ValueError(f"{name!r} is not a file that may stand beside a model's states")
    data = content.encode() if isinstance(content, str) else content
    with _explained(folder):
        manifest = _manifest(folder)
        after = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        standing = [about for about in _either(manifest["files"].get(name)) if _is(folder / name, about)]
        manifest["files"][name] = [*standing, after] if standing else None
        _put(folder, MANIFEST, _sealed(manifest))
        _put(folder, name, data)
        manifest["files"][name] = after
        _put(folder, MANIFEST, _sealed(manifest))


def is_model(folder: Path) -> bool:
    """Whether `folder` has a readable model.json of ours; its other files are not looked at."""
    try:
        _manifest(_resolve(folder))
    except (ModelError, OSError):
        return False
    return True


# Writing


def _build(new: Path, document: dict[str, Any], states: Mapping[str, State], files: Mapping[str, str | bytes]) -> None:
    """Make the whole model at `new`, flushed to the disk, model.json last."""
    new.mkdir()
    for name, state in states.items():
        if not _safe(name) or any(other.startswith(f"{name}/") for other in states):
            raise ValueError(f"{name!r} cannot be the name of a state")
        (new / name).parent.mkdir(parents=True, exist_ok=True)
        states_on_disk.write(new / name, state)
    for name, content in files.items():
        if not _kept(name) or (new / name).exists():
            raise ValueError(f"{name!r} is not a file that may stand beside a model's states")
        (new / name).write_bytes(content.encode() if isinstance(content, str) else content)
    paths = sorted(path for path, entry in _walk(new) if entry.is_file())
    if wrong := [p for p in paths if not _safe(p)] or _collisions(paths):
        raise ValueError(f"{wrong[0]!r} cannot be the name of a file on every system")
    about = {path: _about(new / path) for path in paths}
    manifest = {"format": FORMAT, "ungated": __version__, "document": plain(document)}
    (new / MANIFEST).write_bytes(_sealed({**manifest, "states": list(states), "files": about}))
    for path, _ in _walk(new):
        _flush(new / path)
    _flush(new)


def _swap(new: Path, folder: Path) -> None:
    """Rename `new` to `folder`. Killed between two renames, `_recover` finishes the work."""
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
    if folder.exists():
        old = new.with_suffix(".old")
        os.rename(folder, old)
        try:
            os.rename(new, folder)
        except BaseException:
            os.rename(old, folder)
            raise
        gone = old.with_suffix(".gone")  # a half-deleted model must never pass for one set aside
        os.rename(old, gone)
        shutil.rmtree(gone, ignore_errors=True)
    else:
        os.rename(new, folder)
    _flush(folder.parent)


def _put(folder: Path, name: str, data: bytes) -> None:
    """Replace one file of `folder` in one step; until then it grows under a hidden name beside the folder."""
    new = _beside(folder)
    try:
        new.write_bytes(data)
        _flush(new)
        os.replace(new, folder / name)
        _flush(folder)
    finally:
        new.unlink(missing_ok=True)


def _sealed(manifest: dict[str, Any]) -> bytes:
    """The text of model.json: a first line with the hash of all that follows it."""
    body = json.dumps(manifest, indent=1).encode()[2:]
    return b'{\n "seal": "' + hashlib.sha256(body).hexdigest().encode() + b'",\n' + body


def _about(path: Path) -> dict[str, Any]:
    with path.open("rb") as f:
        return {"size": path.stat().st_size, "sha256": hashlib.file_digest(f, "sha256").hexdigest()}


def _flush(path: Path) -> None:
    """Have the disk hold what was written, so that a power cut leaves no renamed but empty file."""
    if path.is_dir() and os.name == "nt":
        return  # Windows cannot flush a folder
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _refuse_to_overwrite(folder: Path) -> None:
    """Raise UsageError unless `folder` is absent, empty, or a model and nothing but a model."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageError(f"{folder} is a file; a model is a folder. Choose another place with --out.")
    if not any(folder.iterdir()):
        return
    if not is_model(folder):
        raise UsageError(
            f"{folder} is not empty and not a model that this version can read, so it is left alone.\n"
            "Choose another place with --out, or remove the folder yourself."
        )
    listed = {MANIFEST, *_manifest(folder)["files"]}
    foreign = [path for path, entry in _walk(folder) if not entry.is_dir(follow_symlinks=False) and path not in listed]
    if foreign:
        raise UsageError(
            f"{folder} holds a model, but also {foreign[0]}, which Ungated did not write and will not delete.\n"
            "Move that file elsewhere, or choose another place with --out."
        )


@contextlib.contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """An operating system's refusal becomes a UsageError that says where and what to do."""
    try:
        yield
    except OSError as e:
        raise UsageError(
            f"The model cannot be written to {folder}: {e.strerror or e}.\n"
            "Make room there, or choose another place with --out."
        ) from e


# Hidden siblings: .NAME.HOST-PID-RANDOM.new while it is built, .old while it is replaced, .gone while it is deleted


def _beside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.{_HOST}-{os.getpid()}-{secrets.token_hex(4)}.new")


def _orphans(folder: Path) -> list[Path]:
    """Hidden siblings whose process, on this machine, is dead."""
    pattern = re.compile(rf"\.{re.escape(folder.name)}\.{_HOST}-(\d+)-[0-9a-f]{{8}}\.(new|old|gone)")
    found = ((p, pattern.fullmatch(p.name)) for p in folder.parent.iterdir())
    return sorted(p for p, m in found if m and not psutil.pid_exists(int(m[1])))


def _recover(folder: Path) -> None:
    """Finish a replacement whose process died between its two renames."""
    if os.path.lexists(folder) or not folder.parent.is_dir():
        return
    for old in _orphans(folder):
        if old.suffix == ".old":  # set aside only once its successor was complete
            new = old.with_suffix(".new")
            os.rename(new if new.exists() else old, folder)
            return


def _tidy(folder: Path) -> None:
    """Remove what dead processes left beside `folder`."""
    _recover(folder)
    for orphan in _orphans(folder):
        if orphan.is_dir():
            shutil.rmtree(orphan, ignore_errors=True)
        else:
            orphan.unlink(missing_ok=True)


# Reading


def _manifest(folder: Path) -> dict[str, Any]:
    """model.json, checked from its seal to the type of its last value."""
    if not folder.exists():
        raise ModelError(f"There is no model at {folder}. Check the path; `ungated fit` says where it saves.")
    if not folder.is_dir():
        raise ModelError(f"{folder} is a file; a model is a folder with a {MANIFEST} in it.")
    path = folder / MANIFEST
    if not os.path.lexists(path):
        raise ModelError(f"{folder} is not a model: it has no {MANIFEST}.")
    about = path.lstat()
    if not stat.S_ISREG(about.st_mode):
        raise ModelError(f"{path} is a link or a device, not a file, so it is not followed.")
    if about.st_size > MAX_MANIFEST:
        raise ModelError(f"{path} has {about.st_size:,} bytes; no model needs so many. Restore it from a copy.")
    return _parsed(path)


def _parsed(path: Path) -> dict[str, Any]:
    raw = path.read_bytes()
    try:
        manifest = json.loads(raw)
    except (ValueError, RecursionError) as e:
        raise _damaged(path, "it is not JSON") from e
    version = manifest.get("format") if isinstance(manifest, dict) else None
    if type(version) is not int or version < 1:
        raise ModelError(f"{path} is not the description of an Ungated model.")
    if version > FORMAT:
        by = manifest.get("ungated")
        raise ModelError(
            f"{path} has format {version}; this version of Ungated ({__version__}) knows formats up to {FORMAT}.\n"
            f"Install the version that wrote it{f' ({by[:40]})' if isinstance(by, str) else ''} or a later one."
        )
    seal = _SEAL.match(raw)
    if not seal or hashlib.sha256(raw[seal.end() :]).hexdigest().encode() != seal[1]:
        raise _damaged(path, "its text is not what was written")
    if wrong := _ill_formed(manifest):
        raise _damaged(path, wrong)
    return {key: manifest[key] for key in ("format", "ungated", "document", "states", "files")}


def _ill_formed(manifest: dict[str, Any]) -> str:
    """What is wrong with a sealed manifest, or "": a seal can be computed by anyone."""
    document, states, files = (manifest.get(k) for k in ("document", "states", "files"))
    if not (isinstance(document, dict) and isinstance(states, list) and isinstance(files, dict)):
        return "its document, states or files are missing or of the wrong type"
    if len(files) > MAX_FILES or len(states) > MAX_FILES:
        return f"it lists {max(len(files), len(states)):,} files"
    for name in states:
        if not (isinstance(name, str) and _safe(name)):
            return f"it lists a state {str(name)[:80]!r}, which could lie outside the folder"
    for path, about in files.items():
        if not _safe(path):
            return f"it lists a file {path[:80]!r}, which could lie outside the folder"
        if not _allowed(path, states):
            return f"it lists {path}, {_suspect(path)}"
        if about is not None and not (_either(about) and all(map(_describes, _either(about)))):
            return f"it does not give {path} a size and a SHA-256"
        if not isinstance(about, dict) and not _kept(path):
            return f"it says that {path} is still being written"
        if path.endswith(".json") and (largest := max([a["size"] for a in _either(about)], default=0)) > MAX_JSON:
            return f"{path} has {largest:,} bytes; no model needs so many"
    return ""


def _check_files(folder: Path, manifest: dict[str, Any]) -> None:
    """Raise ModelError unless the folder holds the files that the manifest lists, byte for byte, and no others."""
    listed, present = manifest["files"], set()
    for path, entry in _walk(folder):
        if entry.is_dir(follow_symlinks=False):
            continue
        if not entry.is_file(follow_symlinks=False):
            raise ModelError(f"{folder / path} is a link or a device, not a file, so it is not followed.")
        if path != MANIFEST and path not in listed:
            raise ModelError(
                f"{folder / path} does not belong to the model: {MANIFEST} does not list it, {_suspect(path)}."
            )
        present.add(path)
    for path, about in listed.items():
        if about is None:  # being written when its process was killed: not to be trusted, not needed
            continue
        if path not in present:
            raise ModelError(
                f"The model {folder} is incomplete: {path} is missing. Restore it from a copy or fit again."
            )
        if not any(_is(folder / path, either) for either in _either(about)):
            raise _damaged(folder / path, "its bytes are not those that were written")


def _read_state(folder: Path, name: str) -> State:
    try:
        return states_on_disk.read(folder / name)
    except UngatedError:
        raise
    except Exception as e:  # whatever a parser makes of a file that someone else has written and sealed
        raise _damaged(folder / name, f"it is not what a fitted algorithm leaves ({type(e).__name__})") from e


def _walk(folder: Path, under: str = "") -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Every entry below `folder` with its path from there, "/" between parts; links are named, never followed."""
    if under.count("/") > MAX_DEPTH:
        raise ModelError(f"{folder} lies deeper than anything in a model does, so the folder is not read.")
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda e: e.name)
    for entry in found:
        if entry.name in _LITTER or entry.name.startswith("._"):
            continue
        yield under + entry.name, entry
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), f"{under}{entry.name}/")


# Names and words


def _resolve(folder: Path) -> Path:
    folder = Path(folder).expanduser().resolve()
    if not folder.name:
        raise UsageError(f"{folder} is a whole disk, not a folder for a model. Choose a folder.")
    return folder


def _safe(path: str) -> bool:
    """Whether a path with "/" stays inside its folder and is a name on every system."""
    parts = path.split("/")
    return len(path) <= 400 and all(_PART.fullmatch(p) and not _RESERVED.fullmatch(p) for p in parts)


def _kept(name: str) -> bool:
    return _safe(name) and "/" not in name and name != MANIFEST and name.endswith(_KEPT)


def _state_of(path: str, states: list[str]) -> str:
    """The state to which a file belongs, or ""."""
    inside, _, name = path.rpartition("/")
    return inside if inside in states and _STATE_FILE.fullmatch(name) else ""


def _allowed(path: str, states: list[str]) -> bool:
    return bool(_state_of(path, states)) or _kept(path)


def _collisions(paths: list[str]) -> list[str]:
    """Paths that a file system blind to case would take for one another."""
    seen: set[str] = set()
    return [p for p in paths if p.casefold() in seen or seen.add(p.casefold())]  # type: ignore[func-returns-value]


def _either(about: Any) -> list[Any]:
    """What a file may be: one description, or while it is replaced the old one and the new; none while it is new."""
    return [] if about is None else about[:2] if isinstance(about, list) else [about]


def _is(path: Path, about: dict[str, Any]) -> bool:
    """Whether a file is there and is what is described."""
    return path.is_file() and path.stat().st_size == about["size"] and _about(path) == about


def _describes(about: Any) -> bool:
    if not isinstance(about, dict) or set(about) != {"size", "sha256"}:
        return False
    size, digest = about["size"], about["sha256"]
    return type(size) is int and size >= 0 and isinstance(digest, str) and bool(re.fullmatch(r"[0-9a-f]{64}", digest))


def _suspect(path: str) -> str:
    if path.lower().endswith(_RUNS):
        return "and a file of that kind could run code when it is loaded"
    return "and only what Ungated wrote is read"


def _damaged(path: Path, how: str) -> ModelError:
    return ModelError(f"{path} is damaged: {how}.\nRestore the model from a copy, or fit it again.")
