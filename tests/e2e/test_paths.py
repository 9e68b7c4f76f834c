"""Paths that are not ours get OpenAI's error form; methods, HEAD, CORS, health and metrics."""
import re

import pytest

from harness import until
from upstream import chat


@pytest.fixture
def plain(pair):
    return pair(lambda peer: peer.answer(chat()))[0]


@pytest.mark.parametrize("method, path", [
    ("POST", "/v1/nothing"), ("GET", "/v1/"), ("POST", "/v1/files"), ("GET", "/v1/responses/resp_1"),
    ("POST", "/v1/images/generations"), ("POST", "/v1/messages"), ("GET", "/"), ("GET", "/v2/chat/completions"),
])
def test_other_paths(plain, method, path):
    answer = plain.ask(method, path, b"{}" if method == "POST" else None)
    assert answer.status in (404, 501)
    assert answer.error["code"] in ("unknown_url", "not_implemented")
    assert answer.header("content-type").startswith("application/json")


@pytest.mark.parametrize("method, path", [("GET", "/v1/chat/completions"), ("POST", "/v1/models"),
                                          ("DELETE", "/v1/embeddings"), ("PUT", "/v1/responses")])
def test_other_methods(plain, method, path):
    answer = plain.ask(method, path, b"{}" if method != "GET" else None)
    assert (answer.status, answer.error["code"]) == (405, "method_not_allowed")


def test_admin_needs_its_key(plain):
    for key in (None, plain.default_key()):
        answer = plain.get("/admin/v1/keys", key=key)
        assert answer.status in (401, 403)
    answer = plain.get("/admin/v1/keys", key=(plain.data / "admin.key").read_text().strip())
    assert answer.status == 200


def test_health_needs_no_key(plain):
    for path in ("/healthz", "/readyz", "/metrics"):
        assert plain.get(path, key=None).status == 200


def test_metrics(plain):
    def metrics():
        return plain.get("/metrics", key=None).body.decode()

    plain.chat()
    counted = r'^penstock_requests_total\{endpoint="chat",status="2xx",finish="complete"\} 1$'
    until(lambda: re.search(counted, metrics(), re.M), says="the request, counted once its last byte has left")
    text = metrics()
    for line in text.splitlines():
        assert re.fullmatch(r'# (HELP|TYPE) .+|[a-zA-Z_:][\w:]*(\{([a-z_]+="[^"]*",?)*\})? [-+\d.eE]+(NaN|Inf)?', line), line


def test_an_upgrade_is_refused(plain):
    answer = plain.get("/v1/responses", headers=[("connection", "upgrade"), ("upgrade", "websocket"),
                                                 ("sec-websocket-version", "13"), ("sec-websocket-key", "x" * 24)])
    assert answer.status in (404, 405, 426, 501)


def preflight(gateway, origin):
    return gateway.ask("OPTIONS", "/v1/chat/completions", key=None, headers=[
        ("origin", origin), ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,content-type")])


def test_cors_is_off(plain):
    assert preflight(plain, "https://a.example").header("access-control-allow-origin") is None
    assert plain.chat(headers=[("origin", "https://a.example")]).header("access-control-allow-origin") is None


def test_cors_by_config(pair):
    gateway, _ = pair(lambda peer: peer.answer(chat()), cors={"origins": ["https://a.example"]})
    answer = preflight(gateway, "https://a.example")
    assert answer.status in (200, 204)
    assert answer.header("access-control-allow-origin") == "https://a.example"
    assert "POST" in answer.header("access-control-allow-methods")
    assert "authorization" in answer.header("access-control-allow-headers").lower()
    answer = gateway.chat(headers=[("origin", "https://a.example")])
    assert answer.header("access-control-allow-origin") == "https://a.example"
    assert "origin" in answer.header("vary").lower()
    assert gateway.chat(headers=[("origin", "https://b.example")]).header("access-control-allow-origin") is None
    assert gateway.chat(key="sk-wrong", headers=[("origin", "https://a.example")]) \
        .header("access-control-allow-origin") == "https://a.example"  # or a browser cannot read the error


def test_usage_of_ones_own_key(plain):
    plain.chat()
    answer = plain.get("/v1/usage")
    assert answer.status == 200
    assert isinstance(answer.json, dict)
    assert plain.get("/v1/usage", key=None).status == 401
