"""What an upstream can do wrong before the first frame, and the answer that each becomes."""
import gzip
import json

import pytest

from harness import UPSTREAM_KEY, free_port
from upstream import chat, chat_stream, error

TIMEOUTS = {"connect": "1s", "first_token": "300ms", "idle": "300ms", "total": "2s"}


def close_at_once(peer):
    peer.cut()


def reset(peer):
    peer.reset()


def not_http(peer):
    peer.send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    peer.cut()


def not_json(peer):
    peer.answer(b"<html>Hello</html>", headers=[])


def html_with_200(peer):
    peer.head(200, [("content-type", "text/html"), ("content-length", 6)])
    peer.send(b"<html>")


def too_short(peer):
    peer.head(200, [("content-type", "application/json"), ("content-length", 5000)])
    peer.send(b'{"id": "x"')
    peer.cut()


def half_a_head(peer):
    peer.send(b"HTTP/1.1 200 OK\r\ncontent-ty")
    peer.cut()


def an_array(peer):
    peer.answer([])


def error_event_first(peer):
    peer.stream([b'data: {"error": {"message": "no", "type": "server_error", "param": null, "code": null}}\n\n'])


def silent(peer):
    peer.stall()


def silent_after_the_head(peer):
    peer.stream_head()
    peer.stall()


def silent_in_the_body(peer):
    peer.head(200, [("content-type", "application/json"), ("content-length", 5000)])
    peer.send(b'{"id": "x"')
    peer.stall()


def comments_for_ever(peer):
    peer.stream_head()
    while not peer.closed.wait(0.02):
        peer.chunk(b": still here\n\n")


BAD = [close_at_once, reset, not_http, not_json, html_with_200, too_short, half_a_head, an_array]


def check(answer, status, code=None):
    assert answer.status == status, answer.body
    assert answer.error["type"] == "server_error"
    assert code is None or answer.error["code"] == code
    text = answer.body.decode()
    assert "127.0.0.1" not in text and UPSTREAM_KEY not in text and "curl" not in text.lower()


@pytest.mark.parametrize("how", BAD)
def test_502(pair, how):
    gateway, _ = pair(how)
    answer = gateway.chat()
    check(answer, 502)
    assert answer.header("x-should-retry") == "true"
    row = gateway.request_row(answer.header("x-request-id"))
    assert (row["status"], row["finish"], row["attempts"]) == (502, "failed", 1)


@pytest.mark.parametrize("how", [*BAD, error_event_first])
def test_502_of_a_stream(pair, how):
    gateway, _ = pair(how)
    s = gateway.open_stream()
    with s.connection:
        s.answer.body = s.connection.read_body()
    check(s.answer, 502)
    assert s.answer.header("content-type").startswith("application/json")


def test_refused(gateway):
    config = {"providers": {"up": {"dialect": "openai", "base_url": f"http://127.0.0.1:{free_port()}/v1"}},
              "models": {"m": {"targets": [{"provider": "up", "model": "m-1"}]}}}
    check(gateway(config).chat(), 502, "upstream_unreachable")


@pytest.mark.parametrize("how", [silent, silent_in_the_body])
def test_504(pair, how):
    gateway, _ = pair(how, model={"timeouts": TIMEOUTS})
    check(gateway.chat(), 504, "timeout")


@pytest.mark.parametrize("how", [silent, silent_after_the_head, comments_for_ever])
def test_504_of_a_stream(pair, how):
    gateway, up = pair(how, model={"timeouts": TIMEOUTS})
    s = gateway.open_stream()
    with s.connection:
        s.answer.body = s.connection.read_body()
    check(s.answer, 504, "timeout")
    assert up.peers[0].closed.wait(5)


def test_a_stream_that_falls_silent_is_cut(pair):
    def script(peer):
        peer.stream_head()
        peer.chunk(chat_stream()[0])
        peer.stall()

    gateway, _ = pair(script, model={"timeouts": TIMEOUTS})
    s = gateway.stream()
    assert s.found[-1]["error"]["code"] == "timeout"
    assert "[DONE]" not in s.found


@pytest.mark.parametrize("status", [401, 402, 403])
def test_our_own_account_refused(pair, status):
    gateway, _ = pair(lambda peer: peer.answer(error("invalid_request_error", "invalid_api_key",
                                                     f"Incorrect API key provided: {UPSTREAM_KEY}"), status))
    answer = gateway.chat()
    check(answer, 502, "upstream_refused")
    assert answer.header("x-should-retry") == "false"


@pytest.mark.parametrize("status, type_, code", [
    (400, "invalid_request_error", "context_length_exceeded"), (404, "invalid_request_error", "model_not_found"),
    (422, "invalid_request_error", None), (429, "rate_limit_error", "rate_limit_exceeded"),
    (429, "insufficient_quota", "insufficient_quota"), (500, "server_error", None), (503, "overloaded", "busy"),
])
def test_an_error_of_the_upstream_passes(pair, status, type_, code):
    body = error(type_, code, "as the upstream said")
    gateway, _ = pair(lambda peer: peer.answer(body, status, [("retry-after", "7"), ("retry-after-ms", "6500")]))
    for answer in (gateway.chat(), gateway.chat(stream=True)):
        assert answer.status == status
        assert answer.error == {"message": "as the upstream said", "type": type_, "param": None, "code": code}
        assert answer.header("retry-after") == "7"
        assert answer.header("retry-after-ms") == "6500"


@pytest.mark.parametrize("body", [b"<html>busy</html>", b'{"detail": "busy"}', b'{"error": "busy"}', b"", b"[]",
                                  b'{"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}'])
def test_an_error_in_another_form_becomes_ours(pair, body):
    gateway, _ = pair(lambda peer: peer.answer(body, 503))
    answer = gateway.chat()
    assert answer.status == 503
    assert isinstance(answer.error["message"], str) and isinstance(answer.error["type"], str)
    assert answer.error["code"] is None or isinstance(answer.error["code"], str)


def test_the_key_is_never_shown(pair):
    said = error("server_error", "oops", f"bad header: Bearer {UPSTREAM_KEY}!")
    gateway, _ = pair(lambda peer: peer.answer(said, 500, [("openai-organization", UPSTREAM_KEY),
                                                           ("retry-after", UPSTREAM_KEY)]))
    answer = gateway.chat()
    assert UPSTREAM_KEY not in answer.body.decode()
    assert all(UPSTREAM_KEY not in v for _, v in answer.headers)
    assert UPSTREAM_KEY not in gateway.log
    assert "oops" == answer.error["code"]


def test_an_answer_that_is_too_large(pair):
    gateway, _ = pair(lambda peer: peer.answer(chat("x" * 200_000)), server={"answer_bytes": "64K"})
    check(gateway.chat(), 502, "answer_too_large")


def test_a_late_head_still_answers(pair):
    """Informational answers before the real one are skipped."""
    def script(peer):
        peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        peer.send(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n")
        peer.answer(chat())

    gateway, _ = pair(script)
    assert gateway.chat().status == 200


def test_a_body_in_single_bytes_arrives(pair):
    def script(peer):
        body = json.dumps(chat()).encode()
        peer.head(200, [("content-type", "application/json"), ("content-length", len(body))])
        for i in range(len(body)):
            peer.send(body[i:i + 1])

    gateway, _ = pair(script)
    assert gateway.chat().text == "Hello there"


def test_a_gzipped_answer_is_decoded(pair):

    body = gzip.compress(json.dumps(chat()).encode())
    gateway, _ = pair(lambda peer: peer.answer(body, headers=[("content-encoding", "gzip")]))
    answer = gateway.chat()
    assert answer.text == "Hello there" and answer.header("content-encoding") is None
