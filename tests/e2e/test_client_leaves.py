"""A client that leaves, in whichever way and at whichever moment, has its upstream closed within 100 ms."""
import threading
import time

import pytest

from client import request_bytes
from harness import PATIENCE, chat_body, until
from upstream import chat_stream

pytestmark = pytest.mark.alone
LIMIT_S = 0.1 * PATIENCE
WAYS = ["close", "reset", "half_close"]


def settled(gateway, before):
    until(lambda: gateway.descriptors() <= before, says="the return of the descriptors")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("moment", ["before the head", "after the head", "in mid-stream"])
def test_the_upstream_is_closed(pair, way, moment):
    ready = threading.Event()

    def script(peer):
        if moment != "before the head":
            peer.stream_head()
        if moment == "in mid-stream":
            [peer.chunk(e) for e in chat_stream()[:2]]
        ready.set()
        peer.stall()

    gateway, up = pair(script)
    key = gateway.default_key()
    before = gateway.descriptors()
    with gateway.connect() as c:
        c.request("POST", "/v1/chat/completions", gateway.headers(key), chat_body(stream=True))
        assert ready.wait(10)
        if moment == "in mid-stream":
            c.take_until(b"Hello")
        left = time.monotonic()
        getattr(c, way)()
        peer = up.peers[0]
        assert peer.closed.wait(10)
        assert peer.closed_at - left <= LIMIT_S
    settled(gateway, before)
    row = gateway.last_row()
    assert row["finish"] == "client_gone"
    assert row["status"] == (200 if moment == "in mid-stream" else 499)


@pytest.mark.parametrize("way", WAYS)
def test_a_whole_body_is_cancelled_too(pair, way):
    gateway, up = pair(lambda peer: peer.stall())
    key = gateway.default_key()
    with gateway.connect() as c:
        c.request("POST", "/v1/chat/completions", gateway.headers(key), chat_body())
        up.wait_requests(1)
        left = time.monotonic()
        getattr(c, way)()
        assert up.peers[0].closed.wait(10)
        assert up.peers[0].closed_at - left <= LIMIT_S
    assert gateway.last_row()["status"] == 499


@pytest.mark.parametrize("way", WAYS)
def test_leaving_in_the_upload_asks_nobody(pair, way):
    gateway, up = pair(lambda peer: peer.stall())
    key = gateway.default_key()
    before = gateway.descriptors()
    whole = request_bytes("POST", "/v1/chat/completions", gateway.headers(key), chat_body(text="x" * 100_000))
    with gateway.connect() as c:
        c.send(whole[:50_000])
        getattr(c, way)()
        settled(gateway, before + (way == "half_close"))
    settled(gateway, before)
    assert not up.requests


def test_leaving_between_retries(pair):
    gateway, up = pair(lambda peer: peer.answer({"error": {"message": "busy"}}, 429, [("retry-after", "5")]),
                       model={"retry": {"attempts": 2}})
    key = gateway.default_key()
    before = gateway.descriptors()
    with gateway.connect() as c:
        c.request("POST", "/v1/chat/completions", gateway.headers(key), chat_body())
        up.wait_requests(1)
    until(lambda: gateway.last_row()["finish"] == "client_gone", says="the row")
    settled(gateway, before + 1)  # the connection to the upstream may be kept
    assert len(up.requests) == 1


def test_half_close_can_be_tolerated(pair):
    go_on = threading.Event()

    def script(peer):
        assert go_on.wait(10)
        peer.stream(chat_stream())

    gateway, up = pair(script, server={"half_close": "tolerate"})
    key = gateway.default_key()
    with gateway.connect() as c:
        c.request("POST", "/v1/chat/completions", gateway.headers(key), chat_body(stream=True))
        up.wait_requests(1)
        c.half_close()
        go_on.set()
        assert b"[DONE]" in c.read_answer().body
