"""Upstreams that speak HTTP/2: chats, streams side by side, and a reader who is too slow for one."""
import threading

import pytest

from certificates import Certificate
from client import Stream
from h2_upstream import Http2Upstream
from harness import UPSTREAM_KEY, chat_body, until
from upstream import DONE, chat, chat_stream, event, piece

LONG = event(piece("x" * 8000))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return Certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def behind(gateway, certificate):
    """behind(script, …): a gateway whose model `m` is an upstream over HTTP/2."""
    started = []

    def make(script, protocols=("h2",), **config):
        up = Http2Upstream(script, certificate.server(protocols=protocols))
        started.append(up)
        return gateway({"providers": {"up": {"dialect": "openai", "base_url": up.url, "api_key": UPSTREAM_KEY, "http": 2,
                                             "ca_file": certificate.file}},
                        "models": {"m": {"targets": [{"provider": "up", "model": "m-1"}]}},
                        "loops": 1, **config}), up

    yield make
    for up in started:
        up.__exit__()


def test_a_chat_and_a_stream(behind):
    def script(stream):
        if stream.json.get("stream"):
            stream.stream(chat_stream())
        else:
            stream.answer(chat("Hello"))

    gateway, up = behind(script)
    answer = gateway.chat()
    assert (answer.status, answer.text) == (200, "Hello")
    found = gateway.stream().found
    assert "".join(e["choices"][0]["delta"].get("content", "") for e in found[:-1]) == "Hello there"
    assert found[-1] == "[DONE]"
    assert len(up.connections) == 1
    assert up.streams[0].headers["authorization"] == f"Bearer {UPSTREAM_KEY}"
    finishes = "select finish from requests where finish is not null"
    until(lambda: [r["finish"] for r in gateway.rows(finishes)] == ["complete"] * 2, says="the rows")


def test_an_error_passes(behind):
    gateway, _ = behind(lambda stream: stream.answer({"error": {"message": "no", "type": "t", "param": None, "code": None}}, 400))
    answer = gateway.chat()
    assert (answer.status, answer.error["message"]) == (400, "no")


def test_a_long_stream_to_one_who_reads_is_whole(behind):
    """8 MB in bursts far above 64 KiB, each of which the reader has to catch up with."""
    read = threading.Semaphore(0)

    def script(stream):
        stream.head(200, [("content-type", "text/event-stream")])
        for _ in range(20):
            stream.send(LONG * 50)
            assert read.acquire(timeout=20)
        stream.send(event(piece(finish="stop")) + DONE, end=True)

    gateway, _ = behind(script)
    s = gateway.open_stream()
    with s.connection:
        for _ in range(20):
            for _ in range(50):
                assert b"x" * 8000 in s.next()
            read.release()
        assert s.events()[-1] == "[DONE]"


def test_a_stream_that_is_reset_is_cut(behind):
    def script(stream):
        stream.head(200, [("content-type", "text/event-stream")])
        stream.send(event(piece("Hello")))
        stream.abandon()

    gateway, _ = behind(script)
    found = gateway.stream().found
    assert found[-1]["error"]["code"] == "upstream_cut" and "[DONE]" not in found
    assert gateway.last_row()["finish"] == "cut"


def test_who_reads_too_slowly_is_given_up(behind):
    """Not paused: libcurl would hold the window of 32 MiB. The stream beside it goes on."""
    go_on = threading.Event()

    def script(stream):
        stream.head(200, [("content-type", "text/event-stream")])
        if stream.json["messages"][0]["content"] == "quick":
            stream.send(event(piece("Hello")))
            assert go_on.wait(20)
            stream.send(event(piece(finish="stop")) + DONE, end=True)
            return
        while stream.send(LONG):
            assert stream.sent_bytes < 64_000_000
        go_on.set()

    gateway, up = behind(script)
    quick = gateway.open_stream(text="quick")
    assert quick.next() is not None
    with gateway.connect(receive_bytes=4096) as c:
        c.request("POST", "/v1/chat/completions", gateway.headers(), chat_body(text="slow", stream=True))
        assert c.read_head().status == 200
        assert go_on.wait(20), "the upstream's stream was not reset"
        slow = Stream.__new__(Stream)
        slow.connection, slow.raw, slow.rest, slow.cut = c, b"", b"", False
        found = slow.events()
    assert found[-1]["error"]["code"] == "client_too_slow" and "[DONE]" not in found
    with quick.connection:
        assert quick.events()[-1] == "[DONE]"
    assert len(up.connections) == 1, "both were streams of one connection"
    until(lambda: len(gateway.rows("select 1 from requests where finish is not null")) == 2, says="both rows")
    for table in ("requests", "attempts"):
        rows = gateway.rows(f"select finish, output_tokens, cost_source from {table} order by finish")
        assert [r["finish"] for r in rows] == ["client_too_slow", "complete"]
        assert rows[0]["output_tokens"] > 0 and rows[0]["cost_source"] == "unpriced"
