"""A key gets what its limits allow, on all loops together, and is told how long to wait."""
import json
import re
import threading
import time

import pytest

from harness import until
from upstream import chat, usage


def script(peer):
    peer.answer(chat(counts=usage(10, 20)))


def test_headers_are_those_of_openai(pair):
    gateway, _ = pair(script, limits={"requests": {"per_minute": 60, "burst": 20}, "tokens": {"per_minute": 2000}})
    answer = gateway.chat(max_tokens=1000)  # a slow machine has 1 s until the request comes back, 30 s for the tokens
    assert answer.header("x-ratelimit-limit-requests") == "60"
    assert answer.header("x-ratelimit-remaining-requests") == "19"
    assert re.fullmatch(r"1s|\d+ms", answer.header("x-ratelimit-reset-requests"))
    assert answer.header("x-ratelimit-limit-tokens") == "2000"
    assert 990 < int(answer.header("x-ratelimit-remaining-tokens")) < 1500
    assert re.fullmatch(r"[123]\ds", answer.header("x-ratelimit-reset-tokens"))
    s = gateway.stream(max_tokens=10)
    assert s.answer.header("x-ratelimit-limit-requests") == "60"


def test_the_request_above_is_refused_until_it_fits(pair):
    gateway, up = pair(script, limits={"requests": {"per_minute": 60, "burst": 2}})
    key, other = gateway.default_key(), gateway.key("blue")
    assert [gateway.chat(key=key).status for _ in range(2)] == [200, 200]
    answer = gateway.chat(key=key)
    assert answer.status == 429 and answer.error["code"] == "rate_limit_exceeded"
    assert answer.header("retry-after") == "1" and answer.header("x-should-retry") == "true"
    assert 0 < int(answer.header("retry-after-ms")) <= 1000
    assert answer.header("x-ratelimit-remaining-requests") == "0"
    assert re.fullmatch(r"\ds|\d+ms", answer.header("x-ratelimit-reset-requests"))
    assert gateway.chat(key=other).status == 200
    until(lambda: gateway.chat(key=key).status == 200)
    assert len(up.requests) == 4
    assert gateway.rows("select count(*) n from requests where status = 429 and finish = 'refused'")[0]["n"] > 0


def test_tokens_are_taken_by_estimate_and_corrected(pair):
    gateway, _ = pair(script, limits={"tokens": {"per_minute": 1000}})
    key = gateway.default_key()
    for _ in range(4):  # 900 estimated, 30 used
        assert gateway.chat(key=key, max_tokens=800).status == 200
        until(lambda: int(gateway.get("/v1/usage", key).json["limits"]["tokens"]["remaining"]) > 850)
    other = gateway.key("blue")
    assert gateway.chat(key=other, max_tokens=10**9).status == 200  # what can never fit counts as a whole minute


def test_only_so_many_run_at_once_and_none_is_lost(pair):
    free = threading.Event()

    def slow(peer):
        free.wait(20)
        peer.answer(chat())

    gateway, up = pair(slow, limits={"concurrent": 2})
    key = gateway.default_key()
    for _ in range(3):
        free.clear()
        connections = [gateway.connect() for _ in range(2)]
        asked = len(up.requests)
        for c in connections:
            c.request("POST", "/v1/chat/completions", gateway.headers(key),
                      {"model": "m", "messages": [{"role": "user", "content": "Hi"}]})
        up.wait_requests(asked + 2)
        answer = gateway.chat(key=key)
        assert answer.status == 429 and answer.header("retry-after") == "1"
        connections[0].reset()  # one leaves, one is answered
        free.set()
        assert connections[1].read_answer().status == 200
        [c.close() for c in connections]
        until(lambda: gateway.get("/v1/usage", key).json["limits"]["concurrent"]["running"] == 0)
        assert gateway.chat(key=key).status == 200
        until(lambda: gateway.get("/v1/usage", key).json["limits"]["concurrent"]["running"] == 0)


def test_teams_and_keys_override_the_config(pair):
    gateway, _ = pair(script, limits={"requests": {"per_minute": 60, "burst": 1}})
    red = gateway.new_key("red")
    blue = gateway.new_key("blue", "*", "--limits", '{"requests": {"per_minute": 60, "burst": 3}}')
    open_key = gateway.new_key("blue", "*", "--limits", '{"requests": null}')
    assert [gateway.chat(key=red["key"]).status for _ in range(2)] == [200, 429]
    assert [gateway.chat(key=blue["key"]).status for _ in range(4)] == [200, 200, 200, 429]
    assert [gateway.chat(key=open_key["key"]).status for _ in range(5)] == [200] * 5
    gateway.cli("teams", "set", "red", "--limits", '{"requests": {"per_minute": 6000, "burst": 1000}}')
    assert [gateway.chat(key=red["key"]).status for _ in range(10)] == [200] * 10
    assert gateway.chat(key=red["key"]).header("x-ratelimit-limit-requests") == "6000"
    listed = {t["name"]: t["limits"] for t in gateway.cli("teams", "list", "--json")}
    assert listed["red"] == {"requests": {"per_minute": 6000, "burst": 1000}} and listed["blue"] == {}


BAD = [
    ('[]', "limits must be an object, as {\"concurrent\": 64}"),
    ('{"request": {"per_minute": 1}}', "limits: there is no 'request'; it is one of requests, tokens, concurrent"),
    ('{"requests": 600}', 'limits: \'requests\' must be {"per_minute": N, "burst": N}, or null'),
    ('{"requests": {"burst": 20}}', 'limits: \'requests\' must be {"per_minute": N, "burst": N}, or null'),
    ('{"requests": {"per_second": 2, "per_minute": 1}}',
     "limits: there is no 'per_second'; it is one of per_minute, burst"),
    ('{"tokens": {"per_minute": 1, "burst": 2}}', "limits: there is no 'burst'; it is per_minute"),
    ('{"tokens": {"per_minute": 0}}', "limits: 'per_minute' must be a whole number from 1 to 1000000000, or null"),
    ('{"tokens": {"per_minute": 1.5}}', "limits: 'per_minute' must be a whole number from 1 to 1000000000, or null"),
    ('{"concurrent": -1}', "limits: 'concurrent' must be a whole number from 1 to 1000000000, or null"),
    ('{"concurrent": "many"}', "limits: 'concurrent' must be a whole number from 1 to 1000000000, or null"),
    ('{concurrent: 1}', "--limits is no JSON: string or '}' expected near 'concurrent'"),
]


def test_bad_limits_say_what_is_wrong(pair):
    gateway, _ = pair(script)
    gateway.default_key()
    for text, says in BAD:
        for args in (("teams", "set", "red"), ("keys", "create", "--team", "red")):
            done = gateway.run(*args, "--limits", text)
            assert (done.returncode, done.stderr) == (1, f"penstock: {says}\n"), text
    assert gateway.run("teams", "set", "nobody", "--limits", "{}").returncode == 1


@pytest.mark.alone
@pytest.mark.parametrize("seconds", [4, pytest.param(70, marks=pytest.mark.long)])
def test_four_loops_enforce_one_rate(pair, seconds):
    gateway, _ = pair(script, limits={"requests": {"per_minute": 600, "burst": 20}}, loops=4)
    key, passed, stop = gateway.default_key(), [], time.monotonic() + seconds
    began = time.monotonic()

    def work():
        with gateway.connect() as c:
            while time.monotonic() < stop:
                asked = time.monotonic()
                c.request("POST", "/v1/chat/completions", gateway.headers(key),
                          {"model": "m", "messages": [{"role": "user", "content": "Hi"}]})
                if c.read_answer().status == 200:
                    passed.append(asked)
                threading.Event().wait(0.04)  # 8 clients offer what 5,000 a minute are, and more

    threads = [threading.Thread(target=work) for _ in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    passed.sort()
    window = min(seconds, 60)
    for i, first in enumerate(passed):
        inside = sum(first <= at <= first + window for at in passed[i:])
        assert inside <= 20 + 10 * window + 1
        if first + window < stop - 0.2 and first > began + 2.5:  # the burst is used up
            assert inside >= 10 * window - 5
    assert len(passed) >= 10 * seconds - 5


def test_explain_shows_limits_and_takes_nothing(pair):
    gateway, _ = pair(script, limits={"requests": {"per_minute": 1, "burst": 1}, "concurrent": 3})
    made = gateway.new_key("red")
    ask = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Hi"}]})
    for _ in range(3):
        told = json.loads(gateway.run("explain", "-", "--key", made["id"], stdin=ask).stdout)
        assert told["would"] == "ask" and told["limits"]["requests"]["remaining"] == 1
        assert told["limits"]["concurrent"] == {"limit": 3, "running": 0}
    assert gateway.chat(key=made["key"]).status == 200
    told = json.loads(gateway.run("explain", "-", "--key", made["id"], stdin=ask).stdout)
    assert told["would"] == "refuse" and told["status"] == 429 and told["limits"]["requests"]["remaining"] == 0
    assert told["error"]["code"] == "rate_limit_exceeded"
