"""Upstreams over TLS: whom the gateway trusts, what it shows, and that a cut there is a cut."""
import pytest

from certificates import Certificate
from harness import UPSTREAM_KEY, until
from upstream import chat, chat_stream, event, piece


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    return Certificate(tmp_path_factory.mktemp("local"))


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    return Certificate(tmp_path_factory.mktemp("elsewhere"), "DNS:elsewhere.test")


@pytest.fixture
def behind(gateway, upstream):
    """behind(script, tls, ca_file=…): a gateway whose model `m` is an upstream over TLS."""

    def make(script, tls, **provider):
        up = upstream(script, tls=tls)
        return gateway({"providers": {"up": {"dialect": "openai", "base_url": up.url, "api_key": UPSTREAM_KEY, **provider}},
                        "models": {"m": {"targets": [{"provider": "up", "model": "m-1"}]}}, "loops": 1}), up

    return make


def says_hello(peer):
    if peer.request.json.get("stream"):
        peer.stream(chat_stream())
    else:
        peer.answer(chat("Hello"))


def is_unreachable(answer):
    """A 502 that tells the caller nothing of why."""
    assert answer.status == 502, answer.body
    assert answer.error["code"] == "upstream_unreachable"
    text = (answer.body + repr(answer.headers).encode()).lower()
    for word in (b"ssl", b"tls", b"certificate", b"127.0.0.1", b"elsewhere", b".pem", UPSTREAM_KEY.encode()):
        assert word not in text, answer.body


def test_a_ca_file_is_trusted(behind, local):
    gateway, up = behind(says_hello, local.server(), ca_file=local.file)
    answer = gateway.chat()
    assert (answer.status, answer.text) == (200, "Hello")
    assert gateway.stream().found[-1] == "[DONE]"
    assert len(up.peers) == 1, "the second call took the connection of the first"
    assert up.last.header("authorization") == f"Bearer {UPSTREAM_KEY}"


def test_an_unknown_authority_is_not(behind, local, elsewhere):
    gateway, up = behind(says_hello, local.server(), ca_file=elsewhere.file)
    is_unreachable(gateway.chat())
    until(lambda: up.refused_handshakes, says="the upstream's complaint")
    assert not up.requests


def test_the_systems_authorities_do_not_know_it_either(behind, local):
    gateway, up = behind(says_hello, local.server())
    is_unreachable(gateway.chat())
    assert not up.requests


def test_a_certificate_of_another_host_is_refused(behind, elsewhere):
    gateway, up = behind(says_hello, elsewhere.server(), ca_file=elsewhere.file)
    is_unreachable(gateway.chat())
    assert not up.requests


def test_a_client_certificate_is_shown(behind, local, elsewhere):
    """The upstream insists on one; without it, it is not to be reached."""
    tls = local.server(clients=elsewhere)
    gateway, up = behind(says_hello, tls, ca_file=local.file, client_cert=elsewhere.file, client_key=elsewhere.key)
    assert gateway.chat().status == 200
    assert ("commonName", "DNS-elsewhere.test") in [pair for part in up.peers[0].sock.getpeercert()["subject"] for pair in part]


def test_without_its_client_certificate_it_is_refused(behind, local, elsewhere):
    gateway, up = behind(says_hello, local.server(clients=elsewhere), ca_file=local.file)
    answer = gateway.chat()
    assert answer.status == 502, answer.body
    assert b"certificate" not in answer.body
    assert not up.requests


@pytest.mark.parametrize("end", ["reset", "cut"])
def test_a_stream_cut_in_tls_is_cut(behind, local, end):
    """By RST, or by a FIN without TLS's own good-bye, at which truncation attacks aim."""

    def script(peer):
        peer.stream_head()
        peer.chunk(event(piece("Hello")))
        getattr(peer, end)()

    gateway, _ = behind(script, local.server(), ca_file=local.file)
    found = gateway.stream().found
    assert found[0]["choices"][0]["delta"] == {"content": "Hello"}
    assert found[-1]["error"]["code"] == "upstream_cut"
    assert "[DONE]" not in found
    assert gateway.last_row()["finish"] == "cut"


@pytest.mark.parametrize("end", ["reset", "cut"])
def test_a_body_cut_in_tls_is_no_answer(behind, local, end):
    def script(peer):
        peer.head(200, [("content-type", "application/json"), ("content-length", 9000)])
        peer.send(b'{"id": "x"')
        getattr(peer, end)()

    gateway, _ = behind(script, local.server(), ca_file=local.file)
    answer = gateway.chat()
    assert (answer.status, answer.error["code"]) == (502, "upstream_cut")
