"""An upstream that keeps failing is left alone, and costs one probe a rest; keys that are turned down rest too."""
import json
import time

import pytest

from harness import until
from test_failover import two  # noqa: F401  (a fixture)
from upstream import chat, chat_stream, error

BREAKER = {"breaker": {"trip_after": 3, "rest": "400ms"}}


def upstreams_of(gateway):
    admin = (gateway.data / "admin.key").read_text().strip()
    return gateway.get("/admin/v1/upstreams", key=admin).json


def dead(peer):
    peer.cut()


def test_a_dead_upstream_costs_one_probe_a_rest(two):  # noqa: F811
    gateway, (bad, good) = two(dead, lambda peer: peer.answer(chat()), **BREAKER)
    began = time.monotonic()
    for _ in range(3):
        assert gateway.chat().header("x-penstock-attempts") == "2"
    opened = time.monotonic()
    asked = 0
    while time.monotonic() < opened + 1.5:
        answer = gateway.chat()
        asked += 1
        assert answer.status == 200
        if answer.header("x-penstock-attempts") == "1":
            assert answer.header("x-penstock-route") == "failover resting:1"
    rests = (time.monotonic() - began) / 0.4
    assert asked > 20
    assert 3 < len(bad.requests) <= 3 + rests
    assert len(good.requests) == asked + 3


def test_it_comes_back(two):  # noqa: F811
    is_well = []
    gateway, (first, _) = two(lambda peer: peer.answer(chat("first")) if is_well else peer.cut(),
                              lambda peer: peer.answer(chat("second")), **BREAKER)
    for _ in range(5):
        assert gateway.chat().text == "second"
    assert len(first.requests) == 3
    is_well.append(True)
    until(lambda: gateway.chat().text == "first")
    assert gateway.chat().header("x-penstock-route") == "failover"


def test_nobody_left_is_told_at_once(pair):
    gateway, up = pair(dead, model={"breaker": {"trip_after": 2, "rest": "30s"}})
    for _ in range(2):
        assert gateway.chat().status == 502
    answer = gateway.chat()
    assert (answer.status, answer.error["code"]) == (503, "upstream_resting")
    assert 1 <= int(answer.header("retry-after")) <= 30
    assert answer.header("x-should-retry") == "true"
    assert len(up.requests) == 2
    row = gateway.request_row(answer.header("x-request-id"))
    assert (row["finish"], row["attempts"], row["cost_nusd"]) == ("refused", 0, 0)


def test_a_request_that_is_wrong_opens_nothing(pair):
    gateway, up = pair(lambda peer: peer.answer(error("invalid_request_error"), 400),
                       model={"breaker": {"trip_after": 1, "rest": "30s"}})
    for _ in range(3):
        assert gateway.chat().status == 400
    assert len(up.requests) == 3


def test_it_is_shown_and_survives_a_reload(two, tmp_path):  # noqa: F811
    gateway, (bad, _) = two(dead, lambda peer: peer.answer(chat()), breaker={"trip_after": 2, "rest": "60s"})
    for _ in range(2):
        gateway.chat()
    first, second = upstreams_of(gateway)
    assert (first["provider"], first["state"], first["failures"]) == ("up0", "open", 2)
    assert 0 < first["rests_ms"] <= 60_000
    assert (second["provider"], second["state"], second["in_flight"]) == ("up1", "closed", 0)
    assert 'penstock_upstream_open{provider="up0",model="m-0"} 1' in gateway.get("/metrics", key=None).body.decode()
    told = json.loads(gateway.cli("explain", "-", stdin=json.dumps({"model": "m", "messages": []})))
    assert told["route"] == "failover resting:1"
    assert [c["provider"] for c in told["candidates"]] == ["up1", "up0"]

    gateway.write_config({**gateway.config, "aliases": {"other": "m"}})
    gateway.cli("keys", "list")
    gateway.reload()
    until(lambda: gateway.chat("other").status == 200)
    assert upstreams_of(gateway)[0]["state"] == "open" and len(bad.requests) == 2

    changed = gateway.config
    changed["providers"]["up0"]["api_key"] = "another"
    gateway.write_config(changed)
    gateway.reload()
    until(lambda: upstreams_of(gateway)[0]["state"] == "closed")


def by_key(answers):
    """A script that answers by the key that is sent."""
    def script(peer):
        key = peer.request.header("authorization").removeprefix("Bearer ")
        status, headers = answers.get(key, (200, []))
        if status == 200 and peer.request.json.get("stream"):
            peer.stream(chat_stream())
        else:
            peer.answer(chat() if status == 200 else error("x", "x", f"no, {key}"), status, headers)
    return script


KEYS = {"api_key": ["key-aaaaaaaa", "key-bbbbbbbb", "key-cccccccc"]}


def keys_of(up):
    return [r.header("authorization")[-8:-7] for r in up.requests]


def test_keys_take_turns(pair):
    gateway, up = pair(by_key({}), provider=KEYS)
    for _ in range(6):
        assert gateway.chat().status == 200
    assert sorted(keys_of(up)) == list("aabbcc")


@pytest.mark.parametrize("status", [401, 402, 403, 429])
def test_a_key_that_is_turned_down_rests(pair, status):
    gateway, up = pair(by_key({"key-bbbbbbbb": (status, [])}), provider=KEYS, model=BREAKER)
    for _ in range(9):
        assert gateway.chat().status == 200
        assert gateway.stream().found[-1] == "[DONE]"
    assert keys_of(up).count("b") == 1
    assert [k["rests_ms"] > 0 for k in upstreams_of(gateway)[0]["keys"]] == [False, True, False]
    assert "key-bbbbbbbb" not in gateway.log and "key-bbbbbbbb" not in json.dumps(upstreams_of(gateway))


def test_a_key_rests_as_long_as_it_was_told(pair):
    answers = {"key-bbbbbbbb": (429, [("retry-after-ms", "300")])}
    gateway, up = pair(by_key(answers), provider=KEYS)
    until(lambda: gateway.chat().status == 200 and "b" in keys_of(up))
    answers.clear()
    began = time.monotonic()
    n = len(up.requests)
    until(lambda: gateway.chat().status == 200 and "b" in keys_of(up)[n:])
    assert time.monotonic() - began > 0.2


def test_when_all_keys_rest_the_upstream_is_the_judge(pair):
    gateway, up = pair(by_key({k: (429, [("retry-after", "60")]) for k in KEYS["api_key"]}), provider=KEYS)
    answer = gateway.chat()
    assert (answer.status, len(up.requests)) == (429, 3)
    assert "key-" not in answer.body.decode().replace("key-********", "")
    assert gateway.chat().status == 429 and len(up.requests) == 4
