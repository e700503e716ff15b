"""Folders and files that are no table: pictures, recordings, texts and arrays as a frame with one row each.

found = recognise(Path("photos"))            # None where it is a table, for modalities/table to read
found.frame                                  # picture | label | file, one row a picture
found.sealed                                 # the official test rows, where the folder has them
"""

from ..medium import medium_of
from ..table.paths import paths_kind, resolve
from .found import Found
from .recognise import recognise, recognise_many
from .texts import one_a_line

__all__ = ["Found", "medium_of", "one_a_line", "paths_kind", "recognise", "recognise_many", "resolve"]
