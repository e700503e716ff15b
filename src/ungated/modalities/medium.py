"""What a file is: by the end of its name, and where that says nothing, by its first bytes.

Asked by `folder` and `table/paths` before any modality is loaded; the suffixes of every medium stand here alone.
"""

import re
from pathlib import Path

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff"})
SOUNDS = frozenset({".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au"})
PROSE = frozenset(".txt .text .md .markdown .rst .tex .org .adoc .html .htm .eml .srt .vtt".split())  # noqa: SIM905
CODE = frozenset(
    """.py .pyi .pyx .js .mjs .cjs .jsx .ts .tsx .java .kt .kts .scala .groovy .clj .c .h .cc .cpp .cxx .hh .hpp .hxx
    .cu .m .mm .cs .fs .vb .go .rs .swift .dart .zig .nim .rb .pl .pm .php .lua .r .jl .hs .ml .mli .ex .exs .erl .el
    .lisp .scm .sh .bash .zsh .fish .ps1 .bat .sql .css .scss .less .vue .svelte .f .f90 .f95 .pas .ada .adb .asm .s
    .v .sv .vhd .vhdl .cob .cbl .tcl .awk .sol .proto .cmake .gradle""".split()  # noqa: SIM905
)
TABLES = frozenset(
    ".csv .tsv .tab .data .dat .jsonl .ndjson .json .parquet .pq .arrow .ipc .feather".split()  # noqa: SIM905
)
ASIDE = frozenset(".xml .yml .yaml .toml .ini .cfg .log .db".split())  # noqa: SIM905
"""Descriptions that lie beside media; they are no media themselves and nothing is wrong with them."""
PACKED = frozenset((".gz", ".zip", ".xz", ".zst", ".bz2", ".tgz", ".tar"))

WORDS = {
    "picture": "a picture",
    "sound": "sound",
    "text": "text",
    "table": "a table",
    "array": "an array",
    "packed": "a packed file",
}
HEAD = 512

_BY_SUFFIX: dict[str, str] = {
    **dict.fromkeys(PROSE | CODE, "text"),
    **dict.fromkeys(PICTURES, "picture"),
    **dict.fromkeys(SOUNDS, "sound"),
    **dict.fromkeys(TABLES, "table"),
    **dict.fromkeys(ASIDE, "aside"),
    ".npz": "array",
}
_IDX = re.compile(r"idx[1-4][-_.]?(?:ubyte)?(?:\.gz)?$", re.IGNORECASE)
_LEGAL = re.compile(
    r"(?:readme|licen[cs]e|copying|copyright|notice|citation|authors|attribution)(?:[-_. ].*)?|sources?\.(?:md|rst)",
    re.IGNORECASE,
)
_PICTURES = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*")
_SOUNDS = (b"fLaC", b"OggS", b"ID3", b"RF64", b".snd", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")


def by_name(name: str) -> str:
    """The medium that a name's end tells: one of WORDS, "aside", or "" for none.

    >>> by_name("a/b/IMG_1.JPG"), by_name("train-images-idx3-ubyte.gz"), by_name("noise")
    ('picture', 'array', '')
    """
    if _IDX.search(name):
        return "array"
    base = name.rpartition("/")[2].lower()
    stem, dot, end = base.rpartition(".")
    suffix = dot + end if stem else ""
    if suffix in PACKED:
        return "table" if _BY_SUFFIX.get(dot + stem.rpartition(".")[2]) == "table" else "packed"
    return _BY_SUFFIX.get(suffix, "")


def by_bytes(head: bytes) -> str:
    """The medium that the first bytes tell: "picture", "sound", "array", "text", or "" for anything else."""
    if head.startswith(_PICTURES) or (head[:2] == b"BM" and head[6:10] == b"\0\0\0\0"):
        return "picture"
    if head[:4] == b"RIFF":
        return {b"WAVE": "sound", b"WEBP": "picture"}.get(head[8:12], "")
    if head.startswith(_SOUNDS) or (head[:4] == b"FORM" and head[8:11] == b"AIF"):
        return "sound"
    if head[:3] == b"\0\0\x08" and len(head) > 3 and 1 <= head[3] <= 4:
        return "array"
    if not head or head.startswith((b"%PDF", b"PK\x03\x04", b"\x1f\x8b", b"{\\rtf")) or any(b < 9 for b in head):
        return ""
    return "text"


def medium_of(path: Path, name: str = "") -> str:
    """The medium of a file: its name's word, else its first bytes'. "" where it cannot be opened."""
    said = by_name(name or path.name)
    if said:
        return said
    try:
        with path.open("rb") as file:
            return by_bytes(file.read(HEAD))
    except OSError:
        return ""


def litter(name: str) -> bool:
    """Whether a file or folder is one that programs leave behind and nobody means.

    >>> [n for n in (".DS_Store", "Thumbs.db", "__MACOSX", "cat.jpg") if not litter(n)]
    ['cat.jpg']
    """
    return name.startswith(".") or name in (
        "__MACOSX",
        "__pycache__",
        "Thumbs.db",
        "desktop.ini",
        "Icon\r",
        "$RECYCLE.BIN",
    )


def legal(name: str) -> bool:
    """Whether a file tells of the others: README, LICENSE and the like."""
    base = name.rpartition("/")[2]
    return bool(_LEGAL.fullmatch(base)) and by_name(base) in ("text", "") and Path(base).suffix not in CODE
