"""Every limit of the edge has its own error, in OpenAI's form where HTTP allows one."""
import json

import pytest

from client import Gone, request_bytes
from harness import PATIENCE, chat_body
from upstream import chat


@pytest.fixture
def small(pair):
    def make(**server):
        return pair(lambda peer: peer.answer(chat()), server=server)

    return make


def refused(answer, status, code):
    assert (answer.status, answer.error["code"]) == (status, code), answer.body


def test_a_body_that_is_too_long(small):
    gateway, up = small(body_bytes="64K")
    refused(gateway.chat(text="x" * 70_000), 413, "request_too_large")
    assert gateway.chat(text="x" * 60_000).status == 200
    assert len(up.requests) == 1


def test_a_chunked_body_that_is_too_long(small):
    gateway, up = small(body_bytes="64K")
    with gateway.connect() as c:
        c.send(request_bytes("POST", "/v1/chat/completions",
                             gateway.headers(headers=[("transfer-encoding", "chunked")])))
        try:
            for _ in range(100):
                c.send(b"1000\r\n" + b" " * 4096 + b"\r\n")
        except OSError:
            pass
        refused(c.read_answer(), 413, "request_too_large")


def test_too_long_is_said_before_the_body_has_come(small):
    gateway, _ = small(body_bytes="64K")
    with gateway.connect() as c:
        c.send(request_bytes("POST", "/v1/chat/completions",
                             gateway.headers(headers=[("content-length", "1000000000"), ("expect", "100-continue")])))
        refused(c.read_answer(), 413, "request_too_large")


def test_chunked_bodies_are_fine(small):
    gateway, up = small()
    body = json.dumps(chat_body()).encode()
    with gateway.connect() as c:
        c.send(request_bytes("POST", "/v1/chat/completions",
                             gateway.headers(headers=[("transfer-encoding", "chunked")])))
        for i in range(0, len(body), 7):
            c.send(b"%x;ext=1\r\n%s\r\n" % (len(body[i:i + 7]), body[i:i + 7]))
        c.send(b"0\r\n\r\n")
        assert c.read_answer().status == 200
    assert up.last.json["messages"] == chat_body()["messages"]


def test_100_continue(small):
    gateway, _ = small()
    body = json.dumps(chat_body()).encode()
    with gateway.connect() as c:
        c.send(request_bytes("POST", "/v1/chat/completions", gateway.headers(
            headers=[("content-length", str(len(body))), ("expect", "100-continue")])))
        assert c.read_head().status == 100
        c.send(body)
        assert c.read_answer().status == 200


def test_headers_that_are_too_long(small):
    gateway, _ = small()
    refused(gateway.chat(headers=[("x-pad", "x" * 17_000)]), 431, "headers_too_large")
    assert gateway.chat(headers=[("x-pad", "x" * 10_000)]).status == 200


def test_a_url_that_is_too_long(small):
    gateway, _ = small()
    refused(gateway.post("/v1/chat/completions?x=" + "x" * 9_000, chat_body()), 414, "url_too_long")


def test_json_that_is_too_deep(small):
    gateway, up = small()
    deep = b'{"model": "m", "messages": ' + b"[" * 400 + b"]" * 400 + b"}"
    refused(gateway.post("/v1/chat/completions", deep), 400, "json_too_deep")
    assert not up.requests


@pytest.mark.alone
def test_a_body_that_does_not_come(small):
    gateway, _ = small(body_timeout="300ms")
    with gateway.connect() as c:
        c.send(request_bytes("POST", "/v1/chat/completions", gateway.headers(headers=[("content-length", "100")])))
        refused(c.read_answer(), 408, "request_timeout")


@pytest.mark.alone
def test_a_head_that_does_not_come(small):
    gateway, _ = small(header_timeout="300ms")
    with gateway.connect() as c:
        c.send(b"POST /v1/chat/comp")
        c.wait_closed(5 * PATIENCE)


@pytest.mark.alone
def test_an_idle_connection_is_closed(small):
    gateway, _ = small(idle_timeout="300ms")
    with gateway.connect() as c:
        c.request("POST", "/v1/chat/completions", gateway.headers(), chat_body())
        assert c.read_answer().status == 200
        c.wait_closed(5 * PATIENCE)


def test_connections_of_one_address(small):
    gateway, _ = small(connections_per_address=10)
    key = gateway.default_key()
    held = [gateway.connect() for _ in range(10)]
    for c in held:  # asked, so that they count
        c.request("GET", "/v1/models", gateway.headers(key))
        assert c.read_answer().status == 200
    with gateway.connect() as c:
        refused(c.read_answer(), 429, "too_many_connections")
    [c.close() for c in held]


def test_connections_in_all(small):
    gateway, _ = small(connections=10)
    key = gateway.default_key()
    held = [gateway.connect() for _ in range(10)]
    for c in held:
        c.request("GET", "/v1/models", gateway.headers(key))
        assert c.read_answer().status == 200
    with gateway.connect() as c:
        refused(c.read_answer(), 503, "overloaded")
    [c.close() for c in held]


BAD_HTTP = {
    "two lengths": b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}",
    "length and encoding": b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n"
                           b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "an unknown encoding": b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n",
    "two hosts": b"GET /healthz HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n",
    "a space before the colon": b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length : 2\r\n\r\n{}",
    "a name that is no token": b"GET /healthz HTTP/1.1\r\nhost: x\r\nx(y): 1\r\n\r\n",
}


@pytest.mark.parametrize("name", BAD_HTTP)
def test_ambiguous_http(small, name):
    gateway, up = small()
    with gateway.connect() as c:
        c.send(BAD_HTTP[name])
        answer = c.read_answer()
        assert answer.status == 400
        with pytest.raises(Gone):
            c.more()
    assert not up.requests


@pytest.mark.parametrize("target", ["/v1/models/%00", "/v1/../admin/v1/keys", "/v1/models/..%2f..", "/v1/models/a%"])
def test_paths_that_mean_harm(small, target):
    gateway, _ = small()
    assert gateway.get(target).status in (400, 404)
    assert "keys" not in gateway.get(target).body.decode()


def test_garbage_harms_nobody(small):
    gateway, _ = small()
    for garbage in (b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"\r\n" * 1000, b"\x00" * 5000, b"PRI * HTTP/2.0\r\n\r\n"):
        with gateway.connect() as c:
            c.send(garbage)
            c.half_close()
            c.wait_closed(15)
    assert gateway.chat().status == 200
