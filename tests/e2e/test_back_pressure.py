"""Slow readers, silent streams and many of them at once: memory stays bounded, nobody waits for another."""
import threading

import pytest

from client import Stream
from harness import PATIENCE, chat_body, until
from upstream import DONE, chat, chat_stream, event, piece

pytestmark = pytest.mark.alone
MEGABYTE = 1_000_000


def test_slow_readers_of_long_streams(pair):
    """200 streams of 20 MB that nobody reads hold few bytes each."""
    chunk = event(piece("x" * 50_000))

    def script(peer):
        peer.stream_head()
        for _ in range(400):
            if peer.closed.is_set():
                return
            peer.chunk(chunk)

    gateway, up = pair(script)
    key = gateway.default_key()
    held = []
    for _ in range(200):
        c = gateway.connect(receive_bytes=4096)
        c.request("POST", "/v1/chat/completions", gateway.headers(key), chat_body(stream=True))
        held.append(c)
    for c in held:
        assert c.read_head().status == 200
    other = gateway.connect()
    other.request("GET", "/v1/models", gateway.headers(key))
    assert other.read_answer().status == 200
    if PATIENCE == 1:  # a sanitizer has memory of its own
        assert gateway.rss_bytes() <= 80 * MEGABYTE
    for c in [*held, other]:
        c.reset()


def test_large_bodies_that_nobody_reads(pair):
    """Above server.memory_in_flight the rest gets a 503."""
    body = b'{"model": "x", "pad": "' + b"p" * 20_000_000 + b'", "choices": [{"index": 0, "message": {"content": "a"}, ' \
        b'"finish_reason": "stop"}]}'
    gateway, up = pair(lambda peer: peer.answer(body), server={"memory_in_flight": "100M"})
    key = gateway.default_key()
    statuses, lock = [], threading.Lock()
    all_have_heads = threading.Barrier(20 + 1, timeout=90)

    def ask():
        with gateway.connect(receive_bytes=4096) as c:
            c.sock.settimeout(90)
            c.request("POST", "/v1/chat/completions", gateway.headers(key), chat_body())
            status = c.read_head().status
            with lock:
                statuses.append(status)
            all_have_heads.wait()

    threads = [threading.Thread(target=ask) for _ in range(20)]
    [t.start() for t in threads]
    all_have_heads.wait()
    if PATIENCE == 1:
        assert gateway.rss_bytes() <= (100 * 1024 * 1024) + 40 * MEGABYTE
    [t.join() for t in threads]
    assert set(statuses) == {200, 503}, statuses


def test_a_silent_stream_is_kept_alive(pair):
    def script(peer):
        peer.stream_head()
        peer.chunk(event(piece("x")))
        assert go_on.wait(20)
        peer.chunk(event(piece(finish="stop")))
        peer.chunk(DONE)
        peer.end()

    go_on = threading.Event()
    gateway, _ = pair(script, stream={"keepalive": "100ms"})
    s = gateway.open_stream()
    with s.connection:
        s.next()
        assert s.next().startswith(b":")
        assert s.next().startswith(b":")
        go_on.set()
        assert s.events()[-1] == "[DONE]"


def test_events_leave_at_once(pair):
    """Each event is with the client before the upstream sends the next."""
    read = threading.Semaphore(0)
    events = chat_stream([f"w{i} " for i in range(50)], counts=False)

    def script(peer):
        peer.stream_head()
        for e in events:
            peer.chunk(e)
            assert read.acquire(timeout=10)
        peer.end()

    gateway, _ = pair(script)
    s = gateway.open_stream()
    with s.connection:
        for _ in events:
            assert s.next() is not None
            read.release()
        assert s.next() is None


def test_many_streams_at_once(pair):
    """300 streams that all wait for each other end whole, on one gateway."""
    together = threading.Barrier(300, timeout=60)

    def script(peer):
        events = chat_stream()
        peer.stream_head()
        peer.chunk(events[0])
        together.wait()
        [peer.chunk(e) for e in events[1:]]
        peer.end()

    gateway, up = pair(script)
    key = gateway.default_key()
    connections = [gateway.connect() for _ in range(300)]
    for c in connections:
        c.request("POST", "/v1/chat/completions", gateway.headers(key), chat_body(stream=True))
    for c in connections:
        with c:
            assert Stream(c).events()[-1] == "[DONE]"
    until(lambda: gateway.rows("select count(*) n from requests where finish = 'complete'")[0]["n"] == 300, says="the rows")


def test_pipelined_requests_are_answered_in_order(pair):
    gateway, _ = pair(lambda peer: peer.answer(chat(f"answer {peer.request.json['messages'][0]['content']}")))
    key = gateway.default_key()
    with gateway.connect() as c:
        for i in range(5):
            c.request("POST", "/v1/chat/completions", gateway.headers(key), chat_body(text=str(i)))
        assert [c.read_answer().text for _ in range(5)] == [f"answer {i}" for i in range(5)]
