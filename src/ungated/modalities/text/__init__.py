"""Texts: what they are like, as rows of terms, sparse or condensed, as tokens, and as one stream.

how = survey(values)
part = TermsPart.fit(values, how, takes)
x = part.matrix(values)
encoder = TokenEncoder.fit(values, how)
numbers = encoder.numbers(values, y)
"""

from .clean import clean
from .counted import Counted
from .duplicates import fingerprints
from .meaning import MeaningPart
from .stream import StreamEncoder
from .survey import survey
from .terms import TermsPart
from .tokens import TokenEncoder

__all__ = ["Counted", "MeaningPart", "StreamEncoder", "TermsPart", "TokenEncoder", "clean", "fingerprints", "survey"]
