"""One gateway for the SDKs: `sim` behind it, and an upstream that a test scripts."""
import pytest

from harness import UPSTREAM_KEY, Gateway, Upstream


class Scripted:
    """An upstream whose script the test at hand sets."""

    def __init__(self):
        self.script = None
        self.upstream = Upstream(lambda peer: self.script(peer))


@pytest.fixture(scope="module")
def sdk_gateway(tmp_path_factory):
    """(gateway, scripted): models chat, echo and embed are sim's, m is the scripted one's."""
    scripted = Scripted()
    sim = {name: {"targets": [{"provider": "sim", "model": name}]} for name in ("chat", "echo", "embed")}
    sim["slow"] = {"targets": [{"provider": "sim", "model": "chat?tokens=20&token_ms=20"}]}
    up = {"dialect": "openai", "base_url": scripted.upstream.url, "api_key": UPSTREAM_KEY}
    config = {"providers": {"sim": {"dialect": "sim"}, "up": up},
              "models": {**sim, "m": {"targets": [{"provider": "up", "model": "m-1"}]}}}
    with Gateway(tmp_path_factory.mktemp("sdk"), config) as gateway:
        yield gateway, scripted
    scripted.upstream.close()
    assert not scripted.upstream.failures, scripted.upstream.failures
