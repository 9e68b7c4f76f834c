"""/metrics: what was asked, of whom, how it ended and what it cost, under labels whose number is bounded."""
from harness import PRICE, until
from upstream import chat, error, usage


def metrics(gateway, name):
    """{labels: value} of the metric."""
    text = gateway.get("/metrics", key=None).body.decode()
    found = {}
    for line in text.splitlines():
        if line.startswith(f"penstock_{name}{{"):
            labels, value = line[len(f"penstock_{name}{{"):].rsplit("} ", 1)
            found[tuple(part.split("=")[1].strip('"') for part in labels.split(","))] = int(value)
    return found


def test_how_requests_and_attempts_end(pair):
    def script(peer):
        if peer.index == 0:
            peer.answer(error(), 500)
        else:
            peer.answer(chat(counts=usage(10, 20)))

    gateway, _ = pair(script, prices={"up/m-1": PRICE})
    assert gateway.chat().status == 500
    gateway.chat()
    gateway.chat()
    gateway.chat(key="sk-wrong")
    until(lambda: sum(metrics(gateway, "requests_total").values()) == 4, says="all that ended")
    assert metrics(gateway, "requests_total") == {("chat", "5xx", "failed"): 1, ("chat", "2xx", "complete"): 2,
                                                 ("chat", "4xx", "refused"): 1}
    assert metrics(gateway, "attempts_total") == {("up", "m", "5xx", "failed"): 1, ("up", "m", "2xx", "complete"): 2}
    assert metrics(gateway, "input_tokens_total") == {("up", "m"): 20}
    assert metrics(gateway, "output_tokens_total") == {("up", "m"): 40}
    spent = "select sum(cost_nusd) n from requests where finish is not null having count(*) = 3"
    assert metrics(gateway, "cost_nusd_total") == {("up", "m"): until(lambda: gateway.rows(spent), says="the rows")[0]["n"]}


def test_callers_make_no_labels(gateway, upstream):
    """A wildcard's models are counted as one, and unknown names not at all."""
    up = upstream(lambda peer: peer.answer(chat()))
    g = gateway({"providers": {"up": {"dialect": "openai", "base_url": up.url}},
                 "models": {"x-*": {"targets": [{"provider": "up", "model": "*"}]}}})
    for i in range(20):
        assert g.chat(model=f"x-{i}").status == 200
        assert g.chat(model=f"y-{i}").status == 404
    until(lambda: sum(metrics(g, "requests_total").values()) == 40, says="all that ended")
    assert metrics(g, "attempts_total") == {("up", "x-*", "2xx", "complete"): 20}
    assert "y-3" not in g.get("/metrics", key=None).body.decode()
