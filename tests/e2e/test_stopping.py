"""SIGTERM drains: no new work, what runs is finished, the ledger is whole; a second one stops at once."""
import signal
import subprocess
import threading

import pytest

from harness import PROGRAM, chat_body, until
from upstream import chat, chat_stream


@pytest.fixture
def held(pair):
    """A gateway with one stream that goes on when `go_on` is set."""
    go_on = threading.Event()

    def script(peer):
        events = chat_stream()
        peer.stream_head()
        peer.chunk(events[0])
        go_on.wait(30)
        [peer.chunk(e) for e in events[1:]]
        peer.end()

    gateway, up = pair(script)
    s = gateway.open_stream()
    assert s.next()
    yield gateway, s, go_on
    go_on.set()
    s.connection.close()


def test_a_stream_finishes(held):
    gateway, s, go_on = held
    with gateway.connect() as c:  # accepted before
        c.request("GET", "/readyz")
        assert c.read_answer().status == 200
        gateway.process.send_signal(signal.SIGTERM)

        def refuses():
            try:
                gateway.connect().close()
            except ConnectionRefusedError:
                return True

        until(refuses, says="the end of listening")
        go_on.set()
        assert s.events()[-1] == "[DONE]"
    assert gateway.process.wait(20) == 0
    row = gateway.request_row(s.answer.header("x-request-id"))
    assert row["finish"] == "complete"
    gateway.cli("ledger", "verify")


def test_readyz_fails_while_draining(held):
    gateway, s, go_on = held
    with gateway.connect() as c:
        c.request("GET", "/readyz")
        assert c.read_answer().status == 200
        gateway.process.send_signal(signal.SIGTERM)

        def fails():
            c.request("GET", "/readyz")
            return c.read_answer().status == 503

        until(fails, says="the failing readyz")
        c.request("POST", "/v1/chat/completions", gateway.headers(gateway.keys["red"][0]["key"]), chat_body())
        answer = c.read_answer()
        assert (answer.status, answer.error["code"]) == (503, "shutting_down")


def test_a_second_signal_stops_at_once(held):
    gateway, s, go_on = held
    gateway.process.send_signal(signal.SIGTERM)
    until(lambda: "\"draining\"" in gateway.log, says="the first signal")
    gateway.process.send_signal(signal.SIGTERM)
    gateway.process.wait(10)
    events = s.events()
    assert "[DONE]" not in events
    row = gateway.request_row(s.answer.header("x-request-id"))
    assert row["finish"] == "cut"
    gateway.cli("ledger", "verify")


def test_sigint_too(pair):
    gateway, _ = pair(lambda peer: peer.answer(chat()))
    gateway.chat()
    gateway.process.send_signal(signal.SIGINT)
    assert gateway.process.wait(20) == 0


def test_a_second_serve_says_who_is_there(pair):
    gateway, _ = pair(lambda peer: peer.answer(chat()))
    done = subprocess.run([PROGRAM, "serve", "--config", gateway.config_file], cwd=gateway.folder,
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert str(gateway.pid) in done.stderr and str(gateway.data) in done.stderr
    assert gateway.chat().status == 200


def test_a_taken_port_is_said(pair, tmp_path):
    gateway, _ = pair(lambda peer: peer.answer(chat()))
    config = tmp_path / "other.yaml"
    config.write_text(f"listen: 127.0.0.1:{gateway.port}\ndata_dir: {tmp_path}/other\n")
    done = subprocess.run([PROGRAM, "serve", "--config", config], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert str(gateway.port) in done.stderr


def test_a_signal_as_soon_as_it_is_ready_is_no_sudden_death(pair):
    """Also while its main thread is not waiting for one, and a library's thread would take it."""
    gateway, _ = pair(lambda peer: peer.answer(chat()))
    for _ in range(20):
        gateway.reload()
        gateway.stop()
        assert gateway.process.returncode == 0
        gateway.start()
    assert gateway.chat().status == 200
