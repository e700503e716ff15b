"""Ctrl-C as a fit hears it: once, and then no more until what was learned is kept.

Whoever types Ctrl-C twice, or while the model is being written, wants an end, and that is on its way: what remains
takes moments. Heard again, it would cost the model. Outside the main thread, and where the caller has a way of its own
with Ctrl-C, nothing is changed.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


def _once(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextlib.contextmanager
def heard_once() -> Iterator[None]:
    """The first Ctrl-C raises KeyboardInterrupt; later ones do nothing, until the end of this context."""
    first = threading.current_thread() is threading.main_thread()
    ours = first and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if ours:
        signal.signal(signal.SIGINT, _once)
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def ignore() -> None:
    """Within `heard_once`: from here on, do not hear Ctrl-C at all."""
    if signal.getsignal(signal.SIGINT) is _once and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
