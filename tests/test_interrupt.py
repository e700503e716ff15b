"""Ctrl-C, as a fit hears it: once, and not while what was learned is being kept."""

import signal
import threading

import pytest

from ungated import cli
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


def test_one_that_comes_while_a_class_is_made_is_one_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Pressed:
        def __set_name__(self, owner: type, name: str) -> None:
            press()

    def command(**_: object) -> None:
        type("Made", (), {"pressed": Pressed()})

    monkeypatch.setattr(cli, "app", command)
    assert cli._outcome() == 130
    assert capsys.readouterr().err == "Interrupted; nothing was saved.\n"
