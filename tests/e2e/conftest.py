"""What every scenario may ask for."""
import pytest

from harness import Gateway, Upstream, one_model


@pytest.fixture
def gateway(tmp_path):
    """gateway(config, …): one that runs until the test is over."""
    started = []

    def make(config, **options):
        g = Gateway(tmp_path / f"g{len(started)}", config, **options)
        started.append(g)
        return g.start()

    yield make
    for g in started:
        g.stop()


@pytest.fixture
def upstream():
    """upstream(script, tls=…): one that listens until the test is over."""
    started = []

    def make(script, **options):
        up = Upstream(script, **options)
        started.append(up)
        return up

    yield make
    for up in started:
        up.close()
    failures = [f for up in started for f in up.failures]
    assert not failures, failures


@pytest.fixture
def pair(gateway, upstream):
    """pair(script, …): an upstream, and a gateway whose model `m` it is."""

    def make(script, provider=None, model=None, **config):
        up = upstream(script)
        options = {k: config.pop(k) for k in ("prices", "env") if k in config}
        return gateway({**one_model(up, provider, **(model or {})), **config}, **options), up

    return make
