"""Text: prose, messages and code, in any language, as tokens and as rows."""

from .terms import TermsPart
from .tokens import TokenEncoder

__all__ = ["TermsPart", "TokenEncoder"]
