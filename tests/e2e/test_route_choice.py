"""Which target a request goes to: what cannot serve it is left out and told, the rest is ordered by cost or speed."""
import json
import time

import pytest

from harness import UPSTREAM_KEY, chat_body, until
from upstream import chat, usage

TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
IMAGE = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]}]
SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}
NEEDS = {"tools": {"tools": TOOLS}, "vision": {"messages": IMAGE}, "json_schema": {"response_format": SCHEMA}}


@pytest.fixture
def many(gateway, upstream):
    """many({target: options}, prices, …): a gateway whose `m` has these targets, and its upstreams by name."""
    def make(targets, prices, script=lambda name: lambda peer: peer.answer(chat(name)), **model):
        ups = {name: upstream(script(name)) for name in targets}
        providers = {n: {"dialect": "openai", "base_url": up.url, "api_key": UPSTREAM_KEY} for n, up in ups.items()}
        listed = [{"provider": name, "model": "x", **options} for name, options in targets.items()]
        g = gateway({"providers": providers, "models": {"m": {"targets": listed, **model}}}, prices=prices)
        return g, ups

    return make


def price(input_price, output_price, **more):
    return {"input": str(input_price), "output": str(output_price), **more}


def explain(gateway, body):
    return json.loads(gateway.cli("explain", "-", stdin=json.dumps(body)))


@pytest.mark.parametrize("need", NEEDS)
@pytest.mark.parametrize("told_by", ["config", "prices"])
def test_a_target_that_cannot_is_not_asked(many, need, told_by):
    can = [c for c in ("tools", "vision", "json_schema") if c != need]
    in_config, in_prices = ({"capabilities": can}, {}) if told_by == "config" else ({}, {"capabilities": can})
    gateway, ups = many({"a": in_config, "b": {}}, {"a/x": price(1, 1, **in_prices), "b/x": price(1, 1)})
    answer = gateway.chat("m", **NEEDS[need])
    assert (answer.text, answer.header("x-penstock-route")) == ("b", "failover unfit:1")
    assert not ups["a"].requests
    assert gateway.chat("m").text == "a"
    told = explain(gateway, {**chat_body("m"), **NEEDS[need]})
    assert told["route"] == "failover unfit:1" and told["unfit"][0]["provider"] == "a"
    assert told["unfit"][0]["why"].startswith("it ")


def test_none_that_can_is_a_400_that_says_why(many):
    gateway, ups = many({"a": {"capabilities": []}}, {"a/x": price(1, 1)})
    answer = gateway.chat("m", tools=TOOLS)
    assert (answer.status, answer.error["code"], answer.error["param"]) == (400, "no_capable_target", "tools")
    assert "x: it has tools" in answer.error["message"]
    assert answer.header("x-should-retry") == "false"
    assert not ups["a"].requests
    told = explain(gateway, chat_body("m", tools=TOOLS))
    assert (told["would"], told["status"]) == ("refuse", 400)


def test_the_context_counts_input_and_output(many):
    gateway, _ = many({"a": {"context": 1000}, "b": {}}, {"a/x": price(1, 1), "b/x": price(9, 9, context=5000)})
    assert gateway.chat("m", "short").text == "a"
    assert gateway.chat("m", "long " * 1000).text == "b"
    assert gateway.chat("m", "short", max_tokens=2000).text == "b"
    answer = gateway.chat("m", "long " * 10000)
    assert (answer.status, answer.error["code"]) == (400, "context_length_exceeded")


def test_cheapest_is_of_this_request(many):
    """One is cheap to read, the other to write."""
    gateway, ups = many({"reader": {}, "writer": {}}, {"reader/x": price(1, 100), "writer/x": price(10, 1)},
                        strategy="cheapest")
    told = explain(gateway, chat_body("m", "word", max_tokens=500))
    assert told["route"] == "cheapest" and [c["provider"] for c in told["candidates"]] == ["writer", "reader"]
    assert told["candidates"][0]["expected_usd"] < told["candidates"][1]["expected_usd"]
    answer = gateway.chat("m", "word", max_tokens=500)
    assert (answer.text, answer.header("x-penstock-route")) == ("writer", "cheapest")
    assert gateway.chat("m", "word " * 8000, max_tokens=1).text == "reader"


def test_cheapest_learns_how_long_answers_are(many):
    def script(name):
        return lambda peer: peer.answer(chat(name, usage(9, 4000 if name == "verbose" else 20)))

    gateway, _ = many({"verbose": {}, "terse": {}}, {"verbose/x": price(1, 2), "terse/x": price(1, 3)}, script,
                      strategy="cheapest")
    assert gateway.chat("m").text == "verbose"
    for _ in range(5):
        assert gateway.chat("m").text == "terse"


def test_fastest_finds_the_fast_one(many):
    delays = {"slow": 0.06, "fast": 0.005, "middle": 0.03}

    def script(name):
        def answer(peer):
            time.sleep(delays[name])  # it is what an upstream's latency is
            peer.answer(chat(name))
        return answer

    gateway, ups = many({name: {} for name in delays}, {f"{name}/x": price(1, 1) for name in delays}, script,
                        strategy="fastest")

    def share():
        before = len(ups["fast"].requests)
        for _ in range(20):
            assert gateway.chat("m").status == 200
        return (len(ups["fast"].requests) - before) / 20

    until(lambda: share() >= .8, says="most of twenty to the fast one")  # one stall of the machine makes it slow for a while
    delays["fast"], delays["slow"] = 0.12, 0.005
    until(lambda: share() <= .3, says="few to the one that was fast")


def test_models_within_have_their_own_order(gateway, upstream):
    ups = [upstream(lambda peer, i=i: peer.answer(chat(f"up{i}")) if i else peer.cut()) for i in range(3)]
    providers = {f"up{i}": {"dialect": "openai", "base_url": up.url} for i, up in enumerate(ups)}
    models = {"inner": {"strategy": "cheapest", "retry": {"attempts": 2, "on": ["reset"]},
                        "targets": [{"provider": "up1", "model": "x"}, {"provider": "up0", "model": "x"}]},
              "outer": {"targets": [{"model": "inner"}, {"provider": "up2", "model": "x"}]}}
    prices = {"up0/x": price(1, 1), "up1/x": price(2, 2), "up2/x": price(1, 1)}
    g = gateway({"providers": providers, "models": models}, prices=prices)
    told = explain(g, chat_body("outer"))
    assert [c["provider"] for c in told["candidates"]] == ["up0", "up1", "up2"]
    answer = g.chat("outer")
    assert answer.text == "up1"
    assert [r["provider"] for r in g.attempt_rows(answer.header("x-request-id"))] == ["up0", "up0", "up1"]
