"""Files and folders as streams of bytes: what is packed is unpacked on the way, within bounds, never onto the disk."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ...core.errors import InputError, listed

BLOCK = 1 << 24
TABLES = (".csv", ".tsv", ".tab", ".txt", ".data", ".dat", ".jsonl", ".ndjson", ".json")
COLUMNAR = (".parquet", ".pq", ".arrow", ".ipc", ".feather")
PACKED = (".gz", ".zip", ".xz", ".zst", ".bz2", ".tgz", ".tar")

# A small file that unpacks to something enormous is an attack on the reader, not data.
BOMB_BYTES, BOMB_RATIO = 1 << 30, 300

NOT_TABLES: tuple[tuple[bytes, str, str], ...] = (
    (b"%PDF", "a PDF document", "Copy its table into a spreadsheet and export that as CSV."),
    (b"\x89PNG", "a PNG picture", "A table of numbers is needed here."),
    (b"\xff\xd8\xff", "a JPEG picture", "A table of numbers is needed here."),
    (b"GIF8", "a GIF picture", "A table of numbers is needed here."),
    (b"RIFF", "sound or video", "A table of numbers is needed here."),
    (b"ID3", "sound", "A table of numbers is needed here."),
    (b"OggS", "sound", "A table of numbers is needed here."),
    (b"fLaC", "sound", "A table of numbers is needed here."),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file", "Open it in a spreadsheet and export it as CSV."),
    (
        b"SQLite format 3",
        "an SQLite database",
        "Export one table as CSV: sqlite3 -header -csv FILE 'select * from TABLE'.",
    ),
    (b"\x89HDF", "an HDF5 file", "Export it as Parquet or CSV from the program that wrote it."),
    (b"\x93NUMPY", "a NumPy array", "Load it in Python and give the array itself, or save it with numpy.savetxt."),
    (b"\x7fELF", "a program", "A table is needed here."),
    (b"MZ", "a program", "A table is needed here."),
    (b"ORC", "an ORC file", "Export it as Parquet or CSV."),
    (b"Obj\x01", "an Avro file", "Export it as Parquet or CSV."),
    (b"7z\xbc\xaf", "a 7-Zip archive", "Unpack it and give the file inside."),
    (b"Rar!", "a RAR archive", "Unpack it and give the file inside."),
)

_FAULTS = (
    OSError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    tarfile.TarError,
    RuntimeError,
    ValueError,
)


@dataclass(frozen=True)
class Source:
    """One stream of bytes. name: for messages. packing: how it was packed, outermost first. packed: bytes on disk."""

    name: str
    suffix: str
    open: Callable[[], BinaryIO]
    packed: int
    packing: tuple[str, ...] = ()
    path: Path | None = None  # where it is a plain file that may be read in place

    def blocks(self, size: int = BLOCK) -> Iterator[bytes]:
        """The bytes, unpacked, `size` at a time. Raises InputError where it is damaged or grows beyond reason."""
        total = 0
        try:
            with self.open() as file:
                while block := file.read(size):
                    total += len(block)
                    if self.packing and total > BOMB_BYTES and total > BOMB_RATIO * max(1, self.packed):
                        raise InputError(
                            f"{self.name} unpacks to more than {BOMB_RATIO} times its size, as no honest table does.\n"
                            "Unpack it yourself if you trust it, and give the file inside."
                        )
                    yield block
        except _FAULTS as e:
            if isinstance(e, InputError):
                raise
            raise _damaged(self, e) from e

    def head(self, size: int = 1 << 18) -> bytes:
        """The first bytes, unpacked."""
        for block in self.blocks(size):
            return block
        return b""


def _damaged(source: Source, e: Exception) -> InputError:
    what = f"as {source.packing[-1]}" if source.packing else "to its end"
    return InputError(f"{source.name} cannot be read {what}: {str(e) or type(e).__name__}.\nCopy or download it again.")


def sources(path: Path) -> list[Source]:
    """The tables in a file or a folder, as streams. Raises InputError where there are none, or it is not one."""
    if path.is_dir():
        return _in_folder(path)
    if not path.exists():
        raise InputError(_not_there(path))
    if not path.is_file():
        raise InputError(f"{path} is neither a file nor a folder.")
    return _unpacked(Source(path.name, path.suffix.lower(), lambda: path.open("rb"), path.stat().st_size, path=path))


def _not_there(path: Path) -> str:
    message = f"There is no file or folder {path}."
    try:
        beside = [p.name for p in sorted(path.parent.iterdir()) if p.exists()]
        near = [name for name in beside if name.lower().startswith(path.name.lower()[:4])]
    except OSError:
        near = []
    return f"{message}\nDid you mean {', '.join(near[:3])}?" if near else message


def _in_folder(folder: Path) -> list[Source]:
    endings = (*TABLES, *COLUMNAR, *PACKED)
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix.lower() in endings and _visible(p, folder))
    if not files:
        raise InputError(f"The folder {folder} holds no table. Files may end in {', '.join(endings)}.")
    found = [s for p in files for s in sources(p)]
    names = {p: str(p.relative_to(folder)) for p in files}
    return [Source(names.get(s.path, s.name) if s.path else s.name, *_rest(s)) for s in found]


def _rest(s: Source) -> tuple[str, Callable[[], BinaryIO], int, tuple[str, ...], Path | None]:
    return s.suffix, s.open, s.packed, s.packing, s.path


def _visible(path: Path, folder: Path) -> bool:
    return not any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)


def _unpacked(source: Source, depth: int = 0) -> list[Source]:
    """`source` itself, or what is inside it where it is packed; packing is told by the first bytes, not the name."""
    head = source.head(512)
    refuse(source.name, head)
    if depth > 3:
        raise InputError(f"{source.name} is packed more than three times over. Unpack it and give the file inside.")
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return _zip(source, depth)
    if head[257:262] == b"ustar":
        return _tar(source, depth)
    for magic, word, opener in _SINGLE:
        if head.startswith(magic):
            inner = Path(source.name).stem if source.suffix in PACKED else source.name
            suffix = ".tar" if source.suffix == ".tgz" else Path(inner).suffix.lower()
            made = Source(source.name, suffix, _opened(opener, source), source.packed, (*source.packing, word))
            return _unpacked(made, depth + 1)
    return [source]


def _opened(opener: Callable[[BinaryIO], BinaryIO], source: Source) -> Callable[[], BinaryIO]:
    return lambda: opener(source.open())


def _zstd(file: BinaryIO) -> BinaryIO:
    """zstd by whichever library there is: Python 3.14's own, the zstandard package, else polars."""
    try:
        from compression import zstd  # type: ignore[import-not-found]

        return zstd.ZstdFile(file)
    except ImportError:
        pass
    try:
        import zstandard

        return zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)  # type: ignore[return-value]
    except ImportError:
        return _zstd_by_polars(file)


def _zstd_by_polars(file: BinaryIO) -> BinaryIO:
    """polars unpacks zstd before it parses CSV: read each line as one cell and put the lines together again."""
    import polars as pl

    try:
        lines = pl.read_csv(
            file.read(), has_header=False, separator="\x1f", quote_char=None, schema={"line": pl.String},
            truncate_ragged_lines=True, encoding="utf8-lossy",
        )["line"]  # fmt: skip
    except pl.exceptions.PolarsError as e:
        raise ValueError(str(e).splitlines()[0]) from e
    return io.BytesIO("\n".join(lines.fill_null("")).encode())


_SINGLE: tuple[tuple[bytes, str, Callable[[BinaryIO], Any]], ...] = (
    (b"\x1f\x8b", "gzip", lambda f: gzip.GzipFile(fileobj=f, mode="rb")),
    (b"\xfd7zXZ\x00", "xz", lzma.LZMAFile),
    (b"BZh", "bzip2", bz2.BZ2File),
    (b"\x28\xb5\x2f\xfd", "zstd", _zstd),
)


def _zip(source: Source, depth: int) -> list[Source]:
    try:
        with zipfile.ZipFile(source.open()) as archive:
            names = [i.filename for i in archive.infolist() if not i.is_dir()]
            locked = any(i.flag_bits & 1 for i in archive.infolist())
    except _FAULTS as e:
        raise _damaged(source, e) from e
    if any(n.startswith(("xl/", "word/", "ppt/")) for n in names):
        raise InputError(
            f"{source.name} is an Office file, not plain text.\nOpen it in a spreadsheet and export it as CSV."
        )
    if any(n in ("mimetype", "content.xml") for n in names):
        raise InputError(f"{source.name} is an OpenDocument file.\nOpen it in a spreadsheet and export it as CSV.")
    if locked:
        raise InputError(f"{source.name} is locked with a password. Unpack it and give the file inside.")

    def member(name: str) -> Callable[[], BinaryIO]:
        return lambda: zipfile.ZipFile(source.open()).open(name)  # type: ignore[return-value]

    return _members(source, "zip", names, member, depth)


def _tar(source: Source, depth: int) -> list[Source]:
    try:
        with tarfile.open(fileobj=source.open()) as archive:
            names = [m.name for m in archive.getmembers() if m.isfile()]
    except _FAULTS as e:
        raise _damaged(source, e) from e

    def member(name: str) -> Callable[[], BinaryIO]:
        return lambda: tarfile.open(fileobj=source.open()).extractfile(name)  # type: ignore[return-value]

    return _members(source, "tar", names, member, depth)


def _members(
    source: Source, word: str, names: list[str], member: Callable[[str], Callable[[], BinaryIO]], depth: int
) -> list[Source]:
    good = [n for n in names if not any(p.startswith((".", "__MACOSX")) for p in Path(n).parts)]
    tables = [n for n in good if Path(n).suffix.lower() in (*TABLES, *COLUMNAR, *PACKED)]
    tables = [n for n in tables if "readme" not in n.lower() and "licen" not in n.lower()] or tables
    tables = tables or (good if len(good) == 1 else [])
    if not tables:
        inside = f"It holds {listed(names, 5)}." if names else "It is empty."
        raise InputError(f"{source.name} holds no table. {inside}")
    found: list[Source] = []
    for name in sorted(tables):
        label = f"{source.name}: {name}" if len(tables) > 1 else source.name
        made = Source(label, Path(name).suffix.lower(), member(name), source.packed, (*source.packing, word))
        found += _unpacked(made, depth + 1)
    return found


def refuse(name: str, head: bytes) -> None:
    """Raise InputError where the first bytes say that this is no table."""
    binary = any(byte < 9 for byte in head[:512]) or head.startswith((b"%PDF-", b"\x89", b"\xff\xd8\xff"))
    for magic, what, advice in NOT_TABLES:
        if binary and head.startswith(magic):  # a header line may well begin with MZ or ORC
            raise InputError(f"{name} is {what}, not a table.\n{advice}")
    if head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05" and len(head) > 1:
        raise InputError(
            f"{name} is a Python pickle, which can run any code when opened, so it is not.\nSave it as Parquet."
        )
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html")):
        raise InputError(f"{name} is a web page, not a table.\nDownload the file that the page links to.")
    if text.startswith(b"<?xml"):
        raise InputError(f"{name} is XML, not a table.\nExport it as CSV or JSON lines.")
