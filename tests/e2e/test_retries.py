"""A target is asked again as its model says, and not before it asked for."""
import time

import pytest

from upstream import chat, chat_stream, error


def busy(headers):
    return lambda peer: peer.answer(error("rate_limit_error", "rate_limit_exceeded"), 429, headers)


def well(peer):
    peer.answer(chat())


@pytest.mark.parametrize("bad", [busy([]), lambda p: p.answer(error(), 500), lambda p: p.reset(), lambda p: p.cut()])
def test_another_attempt(pair, bad):
    gateway, up = pair([bad, bad, well], model={"retry": {"attempts": 3}})
    answer = gateway.chat()
    assert answer.status == 200
    assert answer.header("x-penstock-attempts") == "3"
    assert len(up.requests) == 3
    assert len({r.body for r in up.requests}) == 1


def test_one_attempt_without_retry(pair):
    gateway, up = pair([busy([])])
    assert gateway.chat().status == 429
    assert len(up.requests) == 1


def test_only_what_is_listed(pair):
    gateway, up = pair([lambda p: p.answer(error(), 500)], model={"retry": {"attempts": 3, "on": ["429"]}})
    assert gateway.chat().status == 500
    assert len(up.requests) == 1


@pytest.mark.parametrize("headers, seconds", [([("retry-after-ms", "400")], 0.4), ([("retry-after", "1")], 1.0)])
def test_retry_after_is_honoured(pair, headers, seconds):
    times = []

    def script(peer):
        times.append(time.monotonic())
        (busy(headers) if peer.index == 0 else well)(peer)

    gateway, _ = pair(script, model={"retry": {"attempts": 2}})
    assert gateway.chat().status == 200
    assert times[1] - times[0] >= seconds


def test_a_long_retry_after_is_the_callers(pair):
    gateway, up = pair([busy([("retry-after", "3600")])], model={"retry": {"attempts": 3}})
    answer = gateway.chat()
    assert (answer.status, answer.header("retry-after")) == (429, "3600")
    assert len(up.requests) == 1


def test_a_stream_is_never_asked_again_after_a_frame(pair):
    def script(peer):
        peer.stream_head()
        peer.chunk(chat_stream()[1])
        peer.reset()

    gateway, up = pair(script, model={"retry": {"attempts": 3}})
    assert "error" in gateway.stream().found[-1]
    assert len(up.requests) == 1


def test_a_timeout_is_one_attempt(pair):
    gateway, up = pair(lambda p: p.stall() if p.index == 0 else well(p),
                       model={"retry": {"attempts": 2}, "timeouts": {"first_token": "200ms"}})
    assert gateway.chat().status == 200
    assert [r["status"] for r in gateway.attempt_rows(gateway.last_row()["request_id"])][1] == 200
