"""What mattered, what it looked at, and where it erred worst: found on sealed rows, after the error is known.

Everything here asks the model as a person would, through `model.answer`, and gives figures for the report. What takes
time is given an allowance of seconds, and is None, or shorter, where that does not suffice.
"""

from .filters import filters
from .importance import importance, worth
from .mistakes import confused, examples, mistakes
from .occlusion import looked, pushed
from .skipped import skipped

__all__ = ["confused", "examples", "filters", "importance", "looked", "mistakes", "pushed", "skipped", "worth"]
