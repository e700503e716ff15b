"""Ctrl-C, as a fit hears it: once, and not while what was learned is being kept."""

import signal
import threading

import pytest

from ungated.engines import interrupt

pytestmark = pytest.mark.skipif(
    signal.getsignal(signal.SIGINT) is not signal.default_int_handler, reason="Ctrl-C is not heard here at all"
)


def press() -> None:
    signal.raise_signal(signal.SIGINT)


def test_the_first_is_heard_and_later_ones_are_not() -> None:
    with interrupt.heard_once():
        with pytest.raises(KeyboardInterrupt):
            press()
        press()
    with pytest.raises(KeyboardInterrupt):
        press()


def test_none_is_heard_once_there_is_a_model_to_keep() -> None:
    with interrupt.heard_once():
        interrupt.ignore()
        press()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_callers_own_way_with_it_stays() -> None:
    heard = []
    before = signal.signal(signal.SIGINT, lambda *_: heard.append(1))
    try:
        with interrupt.heard_once():
            interrupt.ignore()
            press()
        press()
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [1, 1]


def test_other_threads_change_nothing() -> None:
    seen = []

    def fit() -> None:
        with interrupt.heard_once():
            interrupt.ignore()
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=fit)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]
