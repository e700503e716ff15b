"""The server: /v1/completions and /v1/models over HTTP 1.1, with streams as server-sent events.

A thread a connection, which waits; one thread at the desk, which writes. Everything that a client could stretch is
bounded: the size of a request, the time in which it must have come, the time in which an answer must be taken, the
connections. A page of some other site, opened in a browser on this machine, cannot ask here: only JSON is taken, which
browsers send to strangers only with leave, and at the loopback address only what was sent to its name.
"""

import contextlib
import hmac
import http.server
import io
import ipaddress
import json
import queue
import select
import socket
import socketserver
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urlsplit

from ..core.errors import UngatedError, UsageError
from .asked import Refusal, understand
from .desk import Desk, Order
from .written import Reply, Scribe, listed, written

MOST_BYTES = 2**20  # of a request's body
MOST_CONNECTIONS = 128
IDLE = 60.0  # seconds in which the head of a request must have come
BODY = 30.0  # seconds in which its body must have come
SEND = 30.0  # seconds in which what is sent must have been taken
LOOK = 0.25  # seconds between two looks whether a client that waits is still there
AT_HOME = ("localhost", "127.0.0.1", "::1")


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Serves one model. key: what clients must show, or None. most_tokens: of one text.

    Raises UsageError where the address cannot be had.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    allow_reuse_address = sys.platform != "win32"  # there it would let another program take the same port

    def __init__(
        self,
        scribe: Scribe,
        host: str,
        port: int,
        *,
        key: str | None = None,
        waiting: int = 32,
        most_tokens: int = 2048,
    ) -> None:
        self.scribe, self.key, self.most_tokens = scribe, key, most_tokens
        self._room = threading.BoundedSemaphore(MOST_CONNECTIONS)
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            self.address_family, address = found[0][0], found[0][4]
            super().__init__(address[:2], Handler)  # type: ignore[arg-type]
        except OverflowError as e:
            raise UsageError(f"{port} is no port: choose one from 0 to 65535.") from e
        except OSError as e:
            raise UsageError(f"{host}, port {port}, cannot be served at: {e.strerror or e}. Try another --port.") from e
        self.loopback = ipaddress.ip_address(address[0]).is_loopback
        self.desk = Desk(waiting=waiting)

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # HTTPServer's own would look the name up, which may take seconds
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    @property
    def url(self) -> str:
        """Where clients find the API."""
        host = str(self.server_address[0])
        return f"http://{f'[{host}]' if ':' in host else host}:{self.server_address[1]}/v1"

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._room.acquire(blocking=False):
            with contextlib.suppress(OSError):
                request.settimeout(0.1)
                request.sendall(_raw(Refusal(503, "Too many connections.", kind="server_error", code="overloaded")))
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection ended amid a request: nobody is left to be told."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            print(f"A request was lost to an error of ours: {error!r}", file=sys.stderr)

    def run(self) -> None:
        """Serve until Ctrl-C; then tell whoever waits, and end."""
        try:
            self.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            pass
        finally:
            self.end()

    def end(self) -> None:
        """Take no more requests and write no more."""
        self.server_close()
        self.desk.close()


class _Patient(io.RawIOBase):
    """What comes from a socket, up to a deadline for all of it together, however slowly it trickles."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self.until = connection, 0.0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    _unread = 0  # bytes of the request's body that are still to come
    _order: Order | None = None  # what is being written for it
    protocol_version, default_request_version = "HTTP/1.1", "HTTP/1.0"
    server_version, sys_version = "ungated", ""
    disable_nagle_algorithm = True  # a piece is to be seen when it is written

    def setup(self) -> None:
        super().setup()
        self._patient = _Patient(self.connection)
        self.rfile: Any = io.BufferedReader(self._patient)

    def handle_one_request(self) -> None:
        self._patient.until = time.monotonic() + IDLE
        self._unread, self._order = 0, None
        super().handle_one_request()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Quiet: what is asked is the clients' own."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What http.server itself refuses, in the API's words too."""
        self.close_connection = True
        self._refuse(Refusal(code, message or HTTPStatus(code).phrase))

    # What is asked

    def do_GET(self) -> None:
        self._guarded(self._models)

    def do_POST(self) -> None:
        self._guarded(self._completions)

    def do_HEAD(self) -> None:
        self._guarded(self._models)

    def do_PUT(self) -> None:
        self._guarded(lambda path: _nothing_at(path))

    do_DELETE = do_PATCH = do_OPTIONS = do_PUT  # noqa: N815

    def _guarded(self, answer: Any) -> None:
        """Let in whoever may, answer, and put every error into the API's words."""
        try:
            self._unread = self._length()
            self._let_in()
            answer(unquote(urlsplit(self.path).path).rstrip("/"))
        except OSError:
            self.close_connection = True  # the client is gone, or takes nothing
        except Exception as error:
            self._refuse(_refusal(error))
        finally:
            if self._order:
                self._order.give_up()

    def _length(self) -> int:
        """Bytes of the body that is to come."""
        if self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            raise Refusal(411, "Send the body in one piece, with its Content-Length.")
        lengths = set(self.headers.get_all("Content-Length") or ["0"])
        length = lengths.pop().strip()
        if lengths or not (length.isascii() and length.isdigit()) or len(length) > 18:
            self.close_connection = True
            raise Refusal(400, "Content-Length is not one whole number.")
        return int(length)

    def _let_in(self) -> None:
        if self.server.key is not None:
            shown = self.headers.get("Authorization", "").removeprefix("Bearer ").strip()
            if not hmac.compare_digest(shown.encode("utf-8", "replace"), self.server.key.encode()):
                raise Refusal(401, "The API key is missing or wrong.", code="invalid_api_key")
        elif self.server.loopback:
            host = self.headers.get("Host", "localhost").strip().lower()
            name = host.partition("]")[0].strip("[") if host.startswith("[") else host.partition(":")[0]
            if name not in AT_HOME and not name.endswith(".localhost"):
                raise Refusal(403, f"This server answers to localhost, not to {name[:100]!r}.", code="forbidden_host")

    def _models(self, path: str) -> None:
        model = listed(self.server.scribe)
        if path == "/v1/models":
            self._send(200, {"object": "list", "data": [model]})
        elif path == f"/v1/models/{self.server.scribe.name}":
            self._send(200, model)
        elif path.startswith("/v1/models/"):
            raise Refusal(404, f"There is no model {path[11:111]!r} here.", param="model", code="model_not_found")
        elif path == "/v1/completions":
            raise Refusal(405, "Ask for completions with POST.", code="method_not_allowed")
        else:
            _nothing_at(path)

    def _completions(self, path: str) -> None:
        if path != "/v1/completions":
            _nothing_at(path)
        asked = understand(self._body(), self.server.scribe.name, self.server.most_tokens)
        reply = Reply(asked, self.server.scribe)
        self._order = self.server.desk.order(written(asked, self.server.scribe))
        if asked.stream:
            return self._stream(self._order, reply)
        for piece in self._pieces(self._order):
            reply.take(piece)
        self._send(200, reply.whole())

    def _body(self) -> bytes:
        if self.headers.get_content_type() != "application/json":
            raise Refusal(415, "Send JSON, with the header Content-Type: application/json.")
        if self._unread > MOST_BYTES:
            raise Refusal(413, f"The request has {self._unread:,} bytes; at most {MOST_BYTES:,} are read.")
        self._patient.until = time.monotonic() + BODY
        body: bytes = self.rfile.read(self._unread)
        if len(body) < self._unread:
            raise ConnectionResetError
        self._unread = 0
        return body

    # What is answered

    def _pieces(self, order: Order) -> Iterator[Any]:
        """The pieces of an order as they come. Raises ConnectionResetError when the client has gone meanwhile."""
        looked = time.monotonic()
        while True:
            with contextlib.suppress(queue.Empty):
                if (piece := order.next(LOOK)) is None:
                    return
                yield piece
            if time.monotonic() - looked > LOOK:
                looked = time.monotonic()
                self._still_there()

    def _still_there(self) -> None:
        with contextlib.suppress(BlockingIOError):
            if select.select([self.connection], [], [], 0)[0] and not self.connection.recv(1, socket.MSG_PEEK):
                raise ConnectionResetError

    def _stream(self, order: Order, reply: Reply) -> None:
        """Server-sent events: a document a piece, then [DONE]. What goes wrong amid them is an event, too."""
        pieces = self._pieces(order)
        first = next(pieces, None)  # an error before anything was written still has a status of its own
        self.connection.settimeout(SEND)
        chunked = self.request_version != "HTTP/1.0"
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Cache-Control", "no-cache")
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.close_connection = True
        self.end_headers()

        def event(document: Any) -> None:
            data = b"data: " + (document if isinstance(document, bytes) else _json(document)) + b"\n\n"
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data) if chunked else data)

        try:
            while first is not None:
                reply.take(first)
                if first.text or first.end:
                    event(reply.event(first))
                first = next(pieces, None)
            if reply.asked.usage:
                event(reply.counted())
        except OSError:
            raise
        except Exception as error:
            event(_refusal(error).to_json())
        event(b"[DONE]")
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _send(self, status: int, document: Any, **headers: str) -> None:
        data = _json(document)
        self.close_connection |= self._unread > 0  # what is left of this request must not be taken for another
        self.connection.settimeout(SEND)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _refuse(self, refusal: Refusal) -> None:
        """Say why not. What is left of the request is taken and thrown away, else the client may not hear it."""
        unread = self._unread
        again = {"Retry_After": "1"} if refusal.status in (429, 503) else {}
        if refusal.status == 401:
            again = {"WWW_Authenticate": "Bearer"}
        with contextlib.suppress(OSError):
            self._send(refusal.status, refusal.to_json(), **again)
            if unread:
                self._unread = 0
                self.connection.shutdown(socket.SHUT_WR)
                self._patient.until = time.monotonic() + 2.0
                most = min(unread, 64 * MOST_BYTES)
                while most > 0 and (read := self.rfile.read1(65536)):
                    most -= len(read)


def _refusal(error: Exception) -> Refusal:
    """What a client is told of an error; of one that is ours, whoever runs the server sees the rest."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, UngatedError):
        return Refusal(400, str(error))
    traceback.print_exception(error, limit=-4, file=sys.stderr)
    return Refusal(500, f"An error of ours: {type(error).__name__}.", kind="server_error")


def _nothing_at(path: str) -> None:
    said = f"There is nothing at {path[:100]!r}: this server has /v1/completions and /v1/models."
    if path.endswith("chat/completions"):
        said += " Its model goes on with a text; it has not learned to chat."
    raise Refusal(404, said, code="not_found")


def _json(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _raw(refusal: Refusal) -> bytes:
    """A whole response, for a connection that gets no thread."""
    data = _json(refusal.to_json())
    head = f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}\r\nContent-Type: application/json\r\n"
    return f"{head}Retry-After: 1\r\nConnection: close\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data
