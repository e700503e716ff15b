"""All files below a folder, fast and without ever leaving it: links out of it are named, not followed.

Shared by whatever reads folders: `folder`, and `table/paths` for the bounds.
"""

import errno
import os

from .broken import Broken
from .medium import litter


def walk(root: str) -> tuple[list[str], list[Broken]]:
    """(paths relative to `root` with "/" between, sorted; what cannot be used). `root` is absolute, free of links.

    Hidden files and programs' litter are passed over. A link to a file inside `root` is a file; a link to a folder
    is never followed, as the folder is met under its own name.
    """
    names: list[str] = []
    broken: list[Broken] = []
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        try:
            with os.scandir(os.path.join(root, inside)) as entries:
                for entry in entries:
                    if litter(entry.name):
                        continue
                    name = f"{inside}{entry.name}"
                    why = _why_not(entry, root)
                    if why:
                        broken.append(Broken(shown(name), why))
                    elif entry.is_dir(follow_symlinks=False):
                        waiting.append(f"{name}/")
                    else:
                        names.append(name)
        except OSError as e:
            broken.append(Broken(shown(inside), f"cannot be opened: {e.strerror or e}"))
    return sorted(names), sorted(broken, key=lambda b: b.file)


def _why_not(entry: os.DirEntry[str], root: str) -> str:
    """Why an entry cannot be used; "" where it can."""
    if not entry.name.isascii() and shown(entry.name) != entry.name:
        return "has a name that is not UTF-8"
    if entry.is_symlink():
        return _bad_link(entry.path, root)
    if entry.is_dir(follow_symlinks=False):
        return ""
    if not entry.is_file(follow_symlinks=False):
        return "is no plain file"
    return "" if os.access(entry.path, os.R_OK) else "may not be read by you"


def _bad_link(path: str, root: str) -> str:
    try:
        real = os.path.realpath(path, strict=True)
    except OSError as e:
        return "is a link that leads in a circle" if e.errno == errno.ELOOP else "is a link to nothing"
    if not within(real, root):
        return "is a link out of the folder"
    if os.path.isdir(real):
        return "is a link that leads in a circle" if within(path, real) else "is a link to a folder, not followed"
    if not os.path.isfile(real):
        return "is a link to no plain file"
    return "" if os.access(real, os.R_OK) else "is a link to a file that you may not read"


def within(path: str, root: str) -> bool:
    """Whether `path` is `root` or lies below it; both absolute."""
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


def shown(name: str) -> str:
    """A file's name with bytes that are not UTF-8 replaced, so that it can be written anywhere."""
    return name.encode("utf-8", "replace").decode()
