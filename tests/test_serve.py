"""The server: OpenAI's API as clients speak it, several at once, and everything that a client may do wrong."""

import http.client
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from click.testing import CliRunner

from ungated.core.errors import UsageError
from ungated.serving import server as serving
from ungated.serving.asked import Refusal, understand
from ungated.serving.desk import Desk
from ungated.serving.server import Server


class Stub:
    """Writes "<prompt>.0 <prompt>.1 ...", a token a word, as fast as `pause` lets it."""

    name, created = "stub", 1_700_000_000

    def __init__(self, pause: float = 0.0, words: int = 10**9) -> None:
        self.pause, self.words = pause, words
        self.asked: list[dict[str, Any]] = []
        self.turns: list[str] = []
        self.gone = threading.Event()

    def write(self, prompt: str, **how: Any) -> Iterator[str]:
        told = how.pop("told")
        self.asked.append({"prompt": prompt, **how})
        if prompt == "burn":
            raise RuntimeError("the paper is burning")
        try:
            for k in range(min(how["max_tokens"], self.words)):
                time.sleep(self.pause)
                self.turns.append(prompt)
                told(k)
                if f"{k}" in how["stop"]:
                    return
                yield f"{prompt}.{k} "
        except GeneratorExit:
            self.gone.set()
            raise

    def tokens(self, text: str) -> int:
        return len(text.split())


@contextmanager
def running(scribe: Any = None, **how: Any) -> Iterator[Server]:
    server = Server(scribe or Stub(), how.pop("host", "127.0.0.1"), 0, **how)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.end()
        thread.join(5)


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as server:
        yield server


def ask(
    server: Server, body: Any = None, method: str = "POST", path: str = "/v1/completions", **headers: str
) -> tuple[int, Any, Any]:
    """(status, JSON or raw bytes, headers) of one request."""
    connection = http.client.HTTPConnection(*server.server_address[:2], timeout=20)
    data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    sent = {"Content-Type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
    connection.request(method, path, data, sent)
    response = connection.getresponse()
    raw = response.read()
    connection.close()
    return response.status, json.loads(raw) if "json" in response.headers["Content-Type"] else raw, response.headers


def wish(**fields: Any) -> dict[str, Any]:
    return {"model": "stub", "prompt": "a", "max_tokens": 3, **fields}


def events(raw: bytes) -> list[Any]:
    lines = [e.removeprefix("data: ") for e in raw.decode().split("\n\n") if e]
    return [e if e == "[DONE]" else json.loads(e) for e in lines]


# -- what is asked for -------------------------------------------------------------------------------------------------


def test_a_completion_has_the_documents_of_the_api(server: Server) -> None:
    status, said, _ = ask(server, wish())
    assert status == 200
    assert said["object"] == "text_completion"
    assert said["model"] == "stub"
    assert said["id"].startswith("cmpl-")
    assert said["choices"] == [{"text": "a.0 a.1 a.2 ", "index": 0, "logprobs": None, "finish_reason": "length"}]
    assert said["usage"] == {"prompt_tokens": 1, "completion_tokens": 3, "total_tokens": 4}


def test_prompts_times_n_are_choices_in_order(server: Server) -> None:
    _, said, _ = ask(server, wish(prompt=["a", "b"], n=2, max_tokens=1))
    assert [(c["index"], c["text"]) for c in said["choices"]] == [(0, "a.0 "), (1, "a.0 "), (2, "b.0 "), (3, "b.0 ")]


def test_settings_reach_the_writing() -> None:
    stub = Stub()
    with running(stub) as server:
        ask(server, wish(suffix="end", temperature=0.5, top_p=0.9, seed=7, n=2, stop=["x", "y", "x"], max_tokens=2))
        ask(server, {"model": "stub"})
    both = {"prompt": "a", "suffix": "end", "max_tokens": 2, "temperature": 0.5, "top_p": 0.9, "stop": ("x", "y")}
    assert stub.asked[:2] == [both | {"seed": 7}, both | {"seed": 8}]
    plain = {"suffix": None, "max_tokens": 16, "temperature": 1.0, "top_p": 1.0, "seed": None, "stop": ()}
    assert stub.asked[2] == {"prompt": "", **plain}


def test_stop_ends_with_stop_and_echo_says_the_prompt_again(server: Server) -> None:
    _, said, _ = ask(server, wish(stop="1", echo=True))
    assert said["choices"][0]["text"] == "aa.0 "
    assert said["choices"][0]["finish_reason"] == "stop"
    assert said["usage"]["completion_tokens"] == 2
    _, said, _ = ask(server, wish(max_tokens=0, echo=True))
    assert said["choices"][0] | {"finish_reason": "length"} == said["choices"][0]
    assert said["choices"][0]["text"] == "a"


def test_a_stream_is_events_that_come_as_they_are_written() -> None:
    with running(Stub(pause=0.05)) as server:
        connection = http.client.HTTPConnection(*server.server_address[:2], timeout=20)
        began = time.monotonic()
        body = json.dumps(wish(max_tokens=10, stream=True, stream_options={"include_usage": True}))
        connection.request("POST", "/v1/completions", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        assert response.headers["Content-Type"].startswith("text/event-stream")
        first = response.readline()
        soon = time.monotonic() - began
        found = events(first + response.read())
        assert soon < 0.7 * (time.monotonic() - began)
    assert found[-1] == "[DONE]"
    assert "".join(c["text"] for e in found[:-1] for c in e["choices"]) == "".join(f"a.{k} " for k in range(10))
    assert [c["finish_reason"] for e in found[:-1] for c in e["choices"]] == [None] * 10 + ["length"]
    assert found[-2]["choices"] == []
    assert found[-2]["usage"] == {"prompt_tokens": 1, "completion_tokens": 10, "total_tokens": 11}
    assert len({e["id"] for e in found[:-1]}) == 1


def test_models_are_listed(server: Server) -> None:
    model = {"id": "stub", "object": "model", "created": 1_700_000_000, "owned_by": "you"}
    assert ask(server, method="GET", path="/v1/models")[:2] == (200, {"object": "list", "data": [model]})
    assert ask(server, method="GET", path="/v1/models/stub")[:2] == (200, model)
    assert ask(server, method="GET", path="/v1/models/other")[0] == 404


def test_one_connection_serves_many_requests(server: Server) -> None:
    connection = http.client.HTTPConnection(*server.server_address[:2], timeout=20)
    for body in (wish(), wish(temperature="hot"), wish(stream=True), wish()):
        connection.request("POST", "/v1/completions", json.dumps(body), {"Content-Type": "application/json"})
        port = connection.sock.getsockname()[1]
        response = connection.getresponse()
        assert response.read()
        assert connection.sock is not None, "the server closed the connection"
        assert connection.sock.getsockname()[1] == port


# -- what is refused ---------------------------------------------------------------------------------------------------

MALFORMED = [
    (b"", 400, None),
    (b"{", 400, None),
    (b"[]", 400, None),
    (b"\xff\xfe", 400, None),
    (b"[" * 100_000, 400, None),
    (b'{"seed": ' + b"9" * 10_000 + b"}", 400, None),
    ({"prompt": "a"}, 400, "model"),
    (wish(model=3), 400, "model"),
    (wish(model="gpt-4"), 404, "model"),
    (wish(prompt=3), 400, "prompt"),
    (wish(prompt=[]), 400, "prompt"),
    (wish(prompt=["a", None]), 400, "prompt"),
    (wish(prompt=[1, 2]), 422, "prompt"),
    (wish(prompt=[[1], [2]]), 422, "prompt"),
    (wish(prompt="\ud800"), 400, "prompt"),
    (wish(prompt=["a"] * 200), 400, "n"),
    (wish(prompt={}), 400, "prompt"),
    (wish(suffix=["a"]), 400, "suffix"),
    (wish(max_tokens=-1), 400, "max_tokens"),
    (wish(max_tokens=10**6), 400, "max_tokens"),
    (wish(max_tokens=1.5), 400, "max_tokens"),
    (wish(max_tokens="3"), 400, "max_tokens"),
    (wish(max_tokens=True), 400, "max_tokens"),
    (wish(temperature=-0.1), 400, "temperature"),
    (wish(temperature=3), 400, "temperature"),
    (wish(temperature="hot"), 400, "temperature"),
    (b'{"model": "stub", "temperature": NaN}', 400, "temperature"),
    (b'{"model": "stub", "max_tokens": Infinity}', 400, "max_tokens"),
    (wish(top_p=1.1), 400, "top_p"),
    (wish(n=0), 400, "n"),
    (wish(n=129), 400, "n"),
    (wish(stop=3), 400, "stop"),
    (wish(stop=["a"] * 65), 400, "stop"),
    (wish(stop=[3]), 400, "stop"),
    (wish(seed="x"), 400, "seed"),
    (wish(seed=2**70), 400, "seed"),
    (wish(echo="yes"), 400, "echo"),
    (wish(stream=1), 400, "stream"),
    (wish(stream_options=[]), 400, "stream_options"),
    (wish(logprobs=2), 422, "logprobs"),
    (wish(best_of=3), 422, "best_of"),
    (wish(presence_penalty=1), 422, "presence_penalty"),
    (wish(logit_bias={"3": 1}), 422, "logit_bias"),
]


def test_what_is_malformed_is_refused_in_the_words_of_the_api(server: Server) -> None:
    for body, status, param in MALFORMED:
        got, said, _ = ask(server, body)
        assert (got, said["error"]["param"]) == (status, param), (body, said)
        assert set(said["error"]) == {"message", "type", "param", "code"}
        assert said["error"]["type"] == "invalid_request_error"
        assert 10 < len(said["error"]["message"]) < 300


def test_what_editors_send_beside_is_passed_over() -> None:
    body = json.dumps(wish(user="me", top_k=40, logit_bias={}, presence_penalty=0, best_of=1, logprobs=None)).encode()
    assert understand(body, "stub", 10).max_tokens == 3


def test_other_ways_to_be_wrong(server: Server) -> None:
    assert ask(server, wish(), path="/v1/chat/completions")[0] == 404
    assert "chat" in ask(server, wish(), path="/v1/chat/completions")[1]["error"]["message"]
    assert ask(server, method="GET", path="/")[0] == 404
    assert ask(server, method="GET")[0] == 405
    assert ask(server, method="DELETE", path="/v1/models/stub")[0] == 404
    assert ask(server, method="BREW", path="/v1/models")[0] == 501
    assert ask(server, wish(), Content_Type="text/plain")[0] == 415
    assert ask(server, wish(), Content_Length="many")[0] == 400
    status, said, _ = ask(server, b" " * (serving.MOST_BYTES + 1))
    assert (status, said["error"]["type"]) == (413, "invalid_request_error")
    assert ask(server, wish())[0] == 200


def test_pages_of_other_sites_cannot_ask(server: Server) -> None:
    assert ask(server, wish(), Host="evil.example:8000")[0] == 403  # its name made to lead to this machine
    for host in ("localhost:1", "127.0.0.1", "[::1]:8000", "here.localhost"):
        assert ask(server, wish(), Host=host)[0] == 200
    status, _, headers = ask(server, method="OPTIONS")
    assert status == 404
    assert not any(h.lower().startswith("access-control") for h in headers)


def test_the_key_opens() -> None:
    with running(key="sesamé") as server:
        for shown in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Bearer "}):
            status, said, headers = ask(server, wish(), **shown)
            assert (status, said["error"]["code"]) == (401, "invalid_api_key")
            assert headers["WWW-Authenticate"] == "Bearer"
            assert ask(server, method="GET", path="/v1/models", **shown)[0] == 401
    with running(key="sesame") as server:
        assert ask(server, wish(), Authorization="Bearer sesame", Host="my.machine")[0] == 200


def raw(server: Server, *parts: bytes, pause: float = 0.0, rest: bool = True) -> bytes:
    with socket.create_connection(server.server_address[:2], timeout=20) as s:
        try:
            for part in parts:
                s.sendall(part)
                time.sleep(pause)
            return b"".join(iter(lambda: s.recv(65536), b"")) if rest else b""
        except OSError:
            return b""


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00\xff\x16\x03\x01\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"POST /v1/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/completions HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST /v1/completions HTTP/1.1\r\nContent-Length: -3\r\n\r\nabcd",
    ],
)
def test_what_is_no_http_ends_its_connection_and_nothing_else(server: Server, sent: bytes) -> None:
    answer = raw(server, sent)
    assert re.match(rb"HTTP/1\.[01] (4\d\d|50[0-9]) ", answer), answer[:200]
    assert set(json.loads(answer.partition(b"\r\n\r\n")[2])["error"]) == {"message", "type", "param", "code"}
    assert ask(server, wish())[0] == 200


def test_the_body_of_a_refused_request_is_never_taken_for_a_request(server: Server) -> None:
    hidden = b"GET /v1/models HTTP/1.1\r\n\r\n"
    sent = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(hidden) + hidden
    assert raw(server, sent).count(b"HTTP/1.1 200") == 1


def test_slow_clients_are_shown_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "IDLE", 0.5)
    monkeypatch.setattr(serving, "BODY", 0.5)
    with running() as server:
        began = time.monotonic()
        assert not raw(server, *([b"G"] * 20), pause=0.1)
        head = b"POST /v1/completions HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n"
        assert not raw(server, head, *([b" "] * 20), pause=0.1)
        assert time.monotonic() - began < 5
        assert ask(server, wish())[0] == 200


def test_connections_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "MOST_CONNECTIONS", 3)
    with running() as server:
        held = [socket.create_connection(server.server_address[:2]) for _ in range(3)]
        time.sleep(0.2)
        assert raw(server).startswith(b"HTTP/1.1 503 ")
        for s in held:
            s.close()
        time.sleep(0.3)
        assert ask(server, wish())[0] == 200


# -- several at once ---------------------------------------------------------------------------------------------------


def test_eight_clients_are_written_for_in_turn() -> None:
    stub = Stub(pause=0.002)
    with running(stub) as server, ThreadPoolExecutor(8) as threads:
        said = list(threads.map(lambda k: ask(server, wish(prompt=f"p{k}", max_tokens=60)), range(8)))
    assert [s[1]["choices"][0]["text"] for s in said] == ["".join(f"p{k}.{i} " for i in range(60)) for k in range(8)]
    amid = stub.turns[len(stub.turns) // 3 : len(stub.turns) // 2]
    longest = max(len(list(g)) for _, g in itertools.groupby(amid))
    assert len(set(amid)) == 8
    assert longest == 1


def test_a_long_text_does_not_hold_up_a_short_one() -> None:
    stub = Stub(pause=0.005)
    with running(stub) as server, ThreadPoolExecutor(1) as threads:
        long = threads.submit(ask, server, wish(prompt="long", n=4, max_tokens=100))
        time.sleep(0.2)
        began = time.monotonic()
        assert ask(server, wish(max_tokens=5))[0] == 200
        assert time.monotonic() - began < 1.0
        assert not long.done()
        assert long.result()[0] == 200


def test_a_full_queue_turns_away_and_takes_again() -> None:
    with running(Stub(pause=0.01), waiting=2) as server, ThreadPoolExecutor(14) as threads:
        said = list(threads.map(lambda k: ask(server, wish(max_tokens=20)), range(14)))
        statuses = sorted(s[0] for s in said)
        assert statuses == [200] * 10 + [429] * 4
        refused = next(s for s in said if s[0] == 429)
        assert refused[1]["error"]["code"] == "queue_full"
        assert refused[2]["Retry-After"] == "1"
        assert ask(server, wish())[0] == 200
        assert server.desk.held == 0


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_goes_away_frees_its_place(stream: bool) -> None:
    stub = Stub(pause=0.01)
    with running(stub) as server:
        s = socket.create_connection(server.server_address[:2])
        body = json.dumps(wish(max_tokens=2000, stream=stream)).encode()
        s.sendall(b"POST /v1/completions HTTP/1.1\r\nContent-Type: application/json\r\n")
        s.sendall(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        time.sleep(0.3)
        assert server.desk.held == 1
        s.close()
        assert stub.gone.wait(3)
        time.sleep(0.1)
        assert server.desk.held == 0


def test_one_that_waits_and_goes_away_is_never_written_for() -> None:
    desk = Desk(places=1, waiting=1)
    slow = desk.order(iter(lambda: time.sleep(0.01) or "x", ""))
    assert slow.next(1) == "x"
    second = desk.order(iter(["never"]))
    with pytest.raises(Refusal):
        desk.order(iter(["no room"]))
    second.give_up()
    third = desk.order(iter(["third"]))
    slow.give_up()
    assert third.next(1) == "third"
    assert third.next(1) is None
    desk.close()


@pytest.mark.parametrize("stream", [True, False])
def test_an_error_amid_the_writing_is_told_and_costs_nobody_else(
    server: Server, stream: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    status, said, _ = ask(server, wish(prompt="burn", stream=stream))
    assert (status, said["error"]["type"]) == (500, "server_error")
    assert "burning" in capsys.readouterr().err
    found = events(ask(server, wish(prompt=["a", "burn"], stream=True))[1])
    assert found[0]["choices"][0]["text"] == "a.0 "
    assert found[-2]["error"]["type"] == "server_error"
    assert ask(server, wish())[0] == 200


# -- beginning and end -------------------------------------------------------------------------------------------------


def test_it_binds_to_the_loopback_address_and_says_what_it_cannot_have(server: Server) -> None:
    assert server.loopback
    assert server.url == f"http://127.0.0.1:{server.server_address[1]}/v1"
    with pytest.raises(UsageError, match="Try another --port"):
        Server(Stub(), "127.0.0.1", server.server_address[1])
    with pytest.raises(UsageError, match="cannot be served at"):
        Server(Stub(), "no.such.host.invalid", 0)


def test_whoever_is_served_when_it_ends_is_told() -> None:
    with running(Stub(pause=0.01)) as server, ThreadPoolExecutor(2) as threads:
        whole = threads.submit(ask, server, wish(max_tokens=2000))
        stream = threads.submit(ask, server, wish(max_tokens=2000, stream=True))
        time.sleep(0.3)
        began = time.monotonic()
        server.shutdown()
        server.end()
        assert time.monotonic() - began < 3
        assert whole.result()[1]["error"]["code"] == "closing"
        assert whole.result()[0] == 503
        assert events(stream.result()[1])[-2]["error"]["code"] == "closing"


SCRIPT = """
import sys
sys.path[:0] = {path!r}
from ungated.serving import command
import test_serve
command.Author = lambda folder: test_serve.Stub(pause=0.01)
command.serve(["stub", "--port", "0"], standalone_mode=False)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to all processes of a terminal, pytest among them")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_it_cleanly(number: int) -> None:
    code = SCRIPT.format(path=[os.path.dirname(__file__), *sys.path])
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = process.stdout.readline()
    port = int(re.search(r"127\.0\.0\.1:(\d+)/v1/completions", said)[1])  # type: ignore[index]
    with socket.create_connection(("127.0.0.1", port)) as s:
        body = json.dumps(wish(max_tokens=2000, stream=True)).encode()
        s.sendall(b"POST /v1/completions HTTP/1.1\r\nContent-Type: application/json\r\n")
        s.sendall(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert s.recv(100).startswith(b"HTTP/1.1 200")
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
        told = b"".join(iter(lambda: s.recv(65536), b""))
    assert b"The server is ending." in told
    assert (process.returncode, out, err) == (0, "Ended.\n", "")


def test_help_loads_no_server() -> None:
    from ungated.cli import app

    shown = CliRunner().invoke(app, ["serve", "--help"])
    assert shown.exit_code == 0
    assert "--max-tokens" in shown.output


# -- the official client -----------------------------------------------------------------------------------------------


def test_the_official_client() -> None:
    openai = pytest.importorskip("openai", reason="the official client is not installed: pip install openai")
    with running(Stub(pause=0.001), key="k", waiting=0) as server, ThreadPoolExecutor(8) as threads:
        client = openai.OpenAI(base_url=server.url, api_key="k", max_retries=0)
        said = client.completions.create(model="stub", prompt="a", max_tokens=3, suffix="z", temperature=0, seed=1)
        assert said.choices[0].text == "a.0 a.1 a.2 "
        assert said.usage.total_tokens == 5
        assert [m.id for m in client.models.list()] == ["stub"]
        assert client.models.retrieve("stub").owned_by == "you"

        def streamed(k: int) -> str:
            stream = client.completions.create(model="stub", prompt=f"p{k}", max_tokens=50, stream=True)
            return "".join(e.choices[0].text for e in stream)

        assert list(threads.map(streamed, range(8))) == ["".join(f"p{k}.{i} " for i in range(50)) for k in range(8)]
        stream = client.completions.create(
            model="stub", prompt="a", max_tokens=2, stream=True, stream_options={"include_usage": True}
        )
        assert list(stream)[-1].usage.completion_tokens == 2
        for raised, wrong in (
            (openai.BadRequestError, {"temperature": 9}),
            (openai.NotFoundError, {"model": "gpt-4"}),
            (openai.UnprocessableEntityError, {"logprobs": 3}),
            (openai.InternalServerError, {"prompt": "burn"}),
        ):
            with pytest.raises(raised) as caught:
                client.completions.create(**wish(**wrong))
            assert caught.value.body["message"]
        with pytest.raises(openai.AuthenticationError):
            openai.OpenAI(base_url=server.url, api_key="x", max_retries=0).models.list()
        with pytest.raises(openai.APIError, match="An error of ours"):
            list(client.completions.create(model="stub", prompt=["a", "burn"], stream=True))
