"""Headers go upstream by allow-list; the caller's key never does, the account's always."""
from harness import UPSTREAM_KEY
from upstream import chat


def test_what_goes_and_what_does_not(pair):
    gateway, up = pair(lambda peer: peer.answer(chat()))
    key = gateway.default_key()
    gateway.chat(headers=[("cookie", "a=b"), ("x-anything", "1"), ("openai-organization", "org-1"),
                          ("idempotency-key", "k-1"), ("traceparent", "00-" + "1" * 32 + "-" + "2" * 16 + "-01"),
                          ("connection", "keep-alive, openai-project"), ("openai-project", "proj"),
                          ("x-api-key", key), ("accept-encoding", "gzip")])
    heard = {k.lower(): v for k, v in up.last.headers}
    assert heard["authorization"] == f"Bearer {UPSTREAM_KEY}"
    assert heard["openai-organization"] == "org-1"
    assert heard["idempotency-key"] == "k-1"
    assert heard["traceparent"].startswith("00-")
    assert heard["accept-encoding"] == "identity"
    assert not {"cookie", "x-anything", "x-api-key", "openai-project"} & set(heard)
    assert key.encode() not in up.last.raw_head


def test_provider_headers_are_added(pair):
    gateway, up = pair(lambda peer: peer.answer(chat()), provider={"headers": {"x-team": "blue"}})
    gateway.chat()
    assert up.last.header("x-team") == "blue"
    assert up.last.header("content-type") == "application/json"
