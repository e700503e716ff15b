"""The desk at which one thread writes for all clients: each in turn gets a piece of its text.

There are a few places; whoever comes when they are taken waits in a queue of bounded length; whoever comes when that is
full is turned away. A client that goes away frees its place at its next turn.
"""

import contextlib
import queue
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

from .asked import Refusal

PLACES = 8  # clients written for at once: more would each wait longer, and each holds memory for its text


class Order:
    """What one client waits for. Pieces come out of `next` as they are written, then None."""

    def __init__(self, desk: "Desk", pieces: Iterator[Any]) -> None:
        self.pieces = pieces
        self.given_up = False
        self._desk = desk
        self._out: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def put(self, piece: Any) -> None:
        """Hand out a piece; None is the end, an exception why there is no more."""
        self._out.put(piece)

    def next(self, timeout: float) -> Any:
        """The next piece, None at the end. Raises queue.Empty where none came in time, and what the writing raised."""
        piece = self._out.get(timeout=timeout)
        if isinstance(piece, Exception):
            raise piece
        return piece

    def give_up(self) -> None:
        """The client is gone, or has all that it wants."""
        self._desk.forget(self)


class Desk:
    """Writes for `places` clients at once, and lets `waiting` more wait."""

    def __init__(self, places: int = PLACES, waiting: int = 32) -> None:
        self.places, self.most = places, places + waiting
        self._changed = threading.Condition()
        self._seated: deque[Order] = deque()
        self._queue: deque[Order] = deque()
        self._served: Order | None = None  # whose turn it is
        self._clients: set[Order] = set()  # whoever has ordered and has not yet gone
        self._closed = False
        self._thread = threading.Thread(target=self._write, name="ungated-desk", daemon=True)
        self._thread.start()

    @property
    def held(self) -> int:
        """Clients at the desk or in the queue."""
        with self._changed:
            return len(self._seated) + len(self._queue) + (self._served is not None)

    def order(self, pieces: Iterator[Any]) -> Order:
        """Take an order; its pieces are drawn by the desk's own thread. Raises Refusal where there is no room."""
        with self._changed:
            if self._closed:
                raise closing()
            if self.held >= self.most:
                said = f"{self.held} requests are being written or wait already. Try again in a moment."
                raise Refusal(429, said, kind="rate_limit_error", code="queue_full")
            order = Order(self, pieces)
            self._queue.append(order)
            self._clients.add(order)
            self._changed.notify_all()
            return order

    def forget(self, order: Order) -> None:
        """Write no more for an order."""
        with self._changed:
            order.given_up = True
            self._clients.discard(order)
            with contextlib.suppress(ValueError):
                self._queue.remove(order)
            self._changed.notify_all()

    def close(self) -> None:
        """Write no more for anyone; whoever waits is told, and has a moment to pass it on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(5)
        with self._changed:
            self._changed.wait_for(lambda: not self._clients, 2)

    def _write(self) -> None:
        while order := self._turn():
            goes_on = _step(order)
            with self._changed:
                self._served = None
                if goes_on:
                    self._seated.append(order)
        for order in (*self._seated, *self._queue):
            order.put(closing())

    def _turn(self) -> Order | None:
        """Whose turn it is, once there is someone; None when the desk closes."""
        with self._changed:
            self._changed.wait_for(lambda: self._seated or self._queue or self._closed)
            if self._closed:
                return None
            while self._queue and len(self._seated) < self.places:
                self._seated.append(self._queue.popleft())
            self._served = self._seated.popleft()
            return self._served


def closing() -> Refusal:
    """What is said when the server ends."""
    return Refusal(503, "The server is ending.", kind="server_error", code="closing")


def _step(order: Order) -> bool:
    """Write one piece of an order; False when nothing more is to be written of it."""
    try:
        if not order.given_up:
            order.put(next(order.pieces))
            return True
        order.pieces.close()  # type: ignore[attr-defined]
    except StopIteration:
        order.put(None)
    except Exception as e:
        order.put(e)
    return False
