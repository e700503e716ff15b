"""Texts: what they are like, and as rows of terms, sparse or condensed.

how = survey(values)
part = TermsPart.fit(values, how, takes)
x = part.matrix(values)
"""

from .clean import clean
from .duplicates import fingerprints
from .meaning import MeaningPart
from .survey import survey
from .terms import TermsPart

__all__ = ["MeaningPart", "TermsPart", "clean", "fingerprints", "survey"]
