"""Answers carry our headers and those of the upstream that are allowed, and no others."""
from upstream import chat, chat_stream

FROM_UPSTREAM = [("set-cookie", "session=1"), ("x-internal-host", "10.0.0.1"), ("openai-processing-ms", "12"),
                 ("x-request-id", "upstream-id"), ("openai-version", "2020-10-01"), ("server", "cloudflare")]


def test_a_body(pair):
    gateway, _ = pair(lambda peer: peer.answer(chat(), headers=FROM_UPSTREAM))
    answer = gateway.chat()
    names = [k.lower() for k, _ in answer.headers]
    assert "set-cookie" not in names and "x-internal-host" not in names
    assert answer.header("openai-processing-ms") == "12"
    assert answer.header("content-type").startswith("application/json")
    assert answer.header("x-request-id") != "upstream-id"
    assert answer.header("x-upstream-request-id") == "upstream-id"
    assert answer.header("x-penstock-provider") == "up"
    assert answer.header("x-penstock-model") == "m-1"
    assert answer.header("x-penstock-attempts") == "1"
    assert answer.header("x-penstock-cost-source") == "unpriced"
    assert len(names) == len(set(names))


def test_a_stream(pair):
    gateway, _ = pair(lambda peer: (peer.stream_head(FROM_UPSTREAM), [peer.chunk(e) for e in chat_stream()], peer.end()))
    answer = gateway.stream().answer
    assert answer.header("content-type").startswith("text/event-stream")
    assert answer.header("cache-control") == "no-cache"
    assert answer.header("x-accel-buffering") == "no"
    assert answer.header("set-cookie") is None
    assert answer.header("content-length") is None


def test_the_request_id_is_the_ledgers(pair):
    gateway, _ = pair(lambda peer: peer.answer(chat()))
    request_id = gateway.chat().header("x-request-id")
    assert gateway.request_row(request_id)["status"] == 200
