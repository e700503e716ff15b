"""Pictures: read them, bring them to one size, and give them as rows or as pixels.

how = survey(files, most_bytes, rows=len(files))
cells, broken = decode(files, how)
part = PicturePart.fit(train, how, takes)
encoder = PixelEncoder.fit(train, how, y)
"""

from .arrays import Pictures, labels_beside, read_idx, read_npz
from .decode import decode
from .duplicates import confirmed, fingerprints
from .packed import is_packed, pack, pack_all, unpack
from .pixels import PixelEncoder
from .previews import edges, mosaic, original, preview, sheet
from .rows import PicturePart, described
from .survey import survey

__all__ = [
    "PicturePart",
    "Pictures",
    "PixelEncoder",
    "confirmed",
    "decode",
    "described",
    "edges",
    "fingerprints",
    "is_packed",
    "labels_beside",
    "mosaic",
    "original",
    "pack",
    "pack_all",
    "preview",
    "read_idx",
    "read_npz",
    "sheet",
    "survey",
    "unpack",
]
