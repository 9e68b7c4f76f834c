"""Equal requests get one answer: from what was kept, or by waiting for one that is in the air."""
import concurrent.futures
import json
import random
import threading

import pytest

from harness import PRICE, chat_body, until
from upstream import chat, chat_stream, error, event, piece


def counting(peer):
    """Each answer differs from all before it."""
    n = peer.index
    if peer.request.json.get("stream"):
        peer.stream(chat_stream((f"answer {n}", " and", " more")))
    else:
        peer.answer(chat(f"answer {n} and more"))


@pytest.fixture
def cached(pair):
    def make(script=counting, **config):
        return pair(script, cache={"exact": "on", **config.pop("cache", {})}, prices={"up/m-1": PRICE}, **config)

    return make


def word(answer):
    return answer.header("x-penstock-cache")


def metric(gateway, name):
    line = next(line for line in gateway.get("/metrics", key=None).body.decode().splitlines() if line.startswith(f"penstock_{name} "))
    return float(line.split()[1])


def text_of(answer):
    return answer.json["choices"][0]["message"]["content"]


def text_of_stream(stream):
    return "".join(e["choices"][0]["delta"].get("content") or "" for e in stream.found[:-1]
                   if e["choices"])


def test_the_second_is_a_hit(cached):
    gateway, up = cached()
    first, second = gateway.chat(), gateway.chat()
    assert (word(first), word(second)) == ("miss", "hit")
    assert first.json == second.json and len(up.requests) == 1
    assert second.header("x-penstock-cost-usd") == "0.000000000"
    assert second.header("x-penstock-model") == "m-1" and second.header("x-penstock-attempts") == "0"
    row, paid = (gateway.request_row(a.header("x-request-id")) for a in (second, first))
    assert (row["cache"], row["finish"], row["status"], row["attempts"]) == ("hit", "complete", 200, 0)
    assert (row["cost_nusd"], row["cost_source"], row["input_tokens"]) == (0, "none", 0)
    assert row["saved_nusd"] == paid["cost_nusd"] > 0 and paid["saved_nusd"] is None
    assert gateway.rows("select count(*) n from attempts")[0]["n"] == 1


def test_off_by_default(pair):
    gateway, up = pair(counting)
    assert word(gateway.chat()) is None
    assert text_of(gateway.chat()) == "answer 1 and more" and len(up.requests) == 2
    assert gateway.last_row()["cache"] is None
    wish = [("x-penstock-cache", "use")]
    assert [word(gateway.chat(headers=wish)) for _ in "12"] == ["miss", "hit"]


def test_either_form_from_either(cached):
    gateway, up = cached()
    body = gateway.chat(text="a")
    stream = gateway.stream(text="a")
    assert word(stream.answer) == "hit" and stream.found[-1] == "[DONE]"
    assert text_of_stream(stream) == text_of(body)
    events = stream.found[:-1]
    assert [e["choices"][0]["finish_reason"] for e in events] == [None, "stop"]
    assert {e["object"] for e in events} == {"chat.completion.chunk"} and {e["model"] for e in events} == {"m"}
    stream = gateway.stream(text="b", stream_options={"include_usage": True})
    body = gateway.chat(text="b")
    assert word(body) == "hit" and text_of(body) == text_of_stream(stream) == "answer 1 and more"
    assert body.json["object"] == "chat.completion" and body.json["choices"][0]["finish_reason"] == "stop"
    assert body.json["usage"] == stream.found[-2]["usage"]
    again = gateway.stream(text="b")
    assert [e["choices"] for e in again.found[:-1]] == \
        [e["choices"] for e in stream.found[:-2]], "usage was not asked for"
    assert len(up.requests) == 2


def test_tool_calls_survive_both_ways(cached):
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": [1, "é"]}'}}

    def script(peer):
        if peer.request.json.get("stream"):
            first = {**call, "index": 0, "function": {"name": "f", "arguments": '{"a": '}}
            peer.stream([event(piece({"role": "assistant", "content": None, "tool_calls": [first]})),
                         event(piece({"tool_calls": [{"index": 0, "function": {"arguments": '[1, "é"]}'}}]})),
                         event(piece({}, "tool_calls")), b"data: [DONE]\n\n"])
        else:
            answer = chat()
            answer["choices"][0] = {"index": 0, "finish_reason": "tool_calls",
                                    "message": {"role": "assistant", "content": None, "tool_calls": [call]}}
            peer.answer(answer)

    gateway, _ = cached(script)
    gateway.stream(text="a")
    assert gateway.chat(text="a").json["choices"][0]["message"]["tool_calls"] == [call]
    gateway.chat(text="b")
    deltas = [e["choices"][0]["delta"] for e in gateway.stream(text="b").found[:-1]]
    assert deltas[0]["tool_calls"] == [{**call, "index": 0}] and deltas[1] == {}


def test_what_makes_requests_equal(cached):
    gateway, up = cached()
    body = chat_body(text="x", temperature=0.5, metadata={"a": "1"}, user="u1", store=True)
    spelled = ('{ "user":"u2","temperature" : 0.5,\n"messages":[{"content":"x","role":"user"}],'
               '"stream_options":null, "model":"m", "stream":false}')
    assert word(gateway.post("/v1/chat/completions", body)) == "miss"
    assert word(gateway.post("/v1/chat/completions", spelled.encode())) == "hit"
    for change in ({"temperature": 0.50001}, {"seed": 1}, {"n": 1}, {"max_tokens": 10}, {"tools": []}):
        assert word(gateway.post("/v1/chat/completions", {**body, **change})) == "miss", change
    other = [{"role": "user", "content": "x"}, {"role": "assistant", "content": ""}]
    assert word(gateway.post("/v1/chat/completions", {**body, "messages": other})) == "miss"
    assert len(up.requests) == 7


def test_nobody_elses(cached):
    gateway, up = cached()
    red, more_red, blue = gateway.key("red"), gateway.key("red"), gateway.key("blue")
    assert [word(gateway.chat(key=k)) for k in (red, more_red, blue, blue)] == ["miss", "hit", "miss", "hit"]
    none = gateway.key("red", "other")
    assert gateway.chat(key=none).status == 404
    assert len(up.requests) == 2


def test_by_key(cached):
    gateway, _ = cached(cache={"scope": "key"})
    one, two = gateway.key("red"), gateway.key("red")
    assert [word(gateway.chat(key=k)) for k in (one, two, one)] == ["miss", "miss", "hit"]


def test_wishes(cached):
    gateway, up = cached()

    def ask(wish, **more):
        return gateway.chat(headers=[("x-penstock-cache", wish)], **more)

    missing = ask("only")
    assert (missing.status, missing.error["code"]) == (504, "cache_miss")
    assert not up.requests
    assert word(ask("bypass")) == "bypass" and word(gateway.chat()) == "miss"
    assert text_of(ask("only")) == "answer 1 and more"
    assert word(ask("refresh")) == "miss" and text_of(gateway.chat()) == "answer 2 and more"
    assert ask("maybe").status == 400
    until(lambda: gateway.rows("select cache from requests where cache = 'bypass'"), says="its row")


def test_it_expires(cached):
    gateway, up = cached(cache={"ttl": "300ms"})
    gateway.chat()
    until(lambda: word(gateway.chat()) == "miss", says="the expiry")
    long = [("x-penstock-cache-ttl", "1h")]
    gateway.chat(text="long", headers=long)
    until(lambda: word(gateway.chat()) == "miss", says="another expiry")
    assert word(gateway.chat(text="long")) == "hit"
    assert gateway.chat(headers=[("x-penstock-cache-ttl", "soon")]).status == 400


def test_it_outlives_the_process(cached):
    gateway, up = cached()
    gateway.chat()
    gateway.stream(text="stream")
    gateway.stop()
    gateway.start()
    assert word(gateway.chat()) == "hit" and word(gateway.stream(text="stream").answer) == "hit"
    gateway.stop()
    (gateway.data / "cache.db").write_bytes(b"no database" * 1000)
    gateway.start()
    assert word(gateway.chat()) == "miss" and word(gateway.chat()) == "hit"


def test_only_what_is_complete(cached):
    def script(peer):
        if peer.index == 0:
            peer.stream_head()
            peer.event(json.dumps(piece({"content": "half"})))
            peer.cut()
        elif peer.index == 1:
            peer.answer(error(), 500)
        else:
            peer.stream(chat_stream())

    gateway, up = cached(script)
    assert "[DONE]" not in gateway.stream().found
    assert gateway.stream().answer.status == 500
    assert word(gateway.stream().answer) == "miss" and word(gateway.stream().answer) == "hit"


@pytest.mark.parametrize("fails", [False, True])
def test_a_crowd_asks_once(cached, fails):
    """Two loops, five keys, half of them streaming; the first leaves."""
    go = threading.Event()

    def script(peer):
        go.wait(20)
        peer.answer(error(), 500) if fails else counting(peer)

    n = 999
    gateway, up = cached(script, loops=2)
    keys = [gateway.key("red") for _ in range(5)]
    first = gateway.connect()
    first.request("POST", "/v1/chat/completions", gateway.headers(keys[0]), chat_body(text="crowd"))
    up.wait_requests(1)

    def ask(i):
        if i % 2:
            return gateway.stream(key=keys[i % 5], text="crowd")
        return gateway.chat(key=keys[i % 5], text="crowd")

    with concurrent.futures.ThreadPoolExecutor(n) as pool:
        asked = [pool.submit(ask, i) for i in range(n)]
        until(lambda: metric(gateway, "requests_in_flight") > n, says="all of them")
        first.close()
        go.set()
        found = [f.result() for f in asked]
    assert len(up.requests) == 1
    if fails:
        assert {f.answer.status if i % 2 else f.status for i, f in enumerate(found)} == {500}
    else:
        assert {text_of_stream(f) if i % 2 else text_of(f) for i, f in enumerate(found)} == {"answer 0 and more"}
        assert {word(f.answer) if i % 2 else word(f) for i, f in enumerate(found)} <= {"joined", "hit"}
    rows = until(lambda: (r := gateway.rows("select * from requests where finish is not null")) and len(r) == n + 1 and r)
    paid = [r for r in rows if r["attempts"]]
    assert len(paid) == 1 and (paid[0]["finish"], paid[0]["status"]) == ("client_gone", 499)
    if not fails:
        assert paid[0]["cost_nusd"] > 0
        assert {(r["cost_nusd"], r["finish"]) for r in rows if not r["attempts"]} == {(0, "complete")}


def test_the_last_to_leave_cancels(cached):
    gateway, up = cached(lambda peer: peer.stall())
    waiting = [gateway.connect() for _ in range(4)]
    for c in waiting:
        c.request("POST", "/v1/chat/completions", gateway.headers(), chat_body())
    up.wait_requests(1)
    until(lambda: metric(gateway, "requests_in_flight") >= 4)
    for c in waiting[:-1]:
        c.close()
    peer = up.peers[0]
    assert not peer.closed.wait(0.1)
    waiting[-1].close()
    peer.wait_closed()
    until(lambda: len(gateway.rows("select * from requests where finish = 'client_gone'")) == 4)


def test_reports_of_what_was_saved(cached):
    gateway, _ = cached()
    red, blue = gateway.key("red"), gateway.key("blue")
    paid = 0
    for key in (red, red, red, blue):
        paid += int(gateway.request_row(gateway.chat(key=key).header("x-request-id"))["cost_nusd"])
    gateway.request_row(gateway.chat(key=blue, headers=[("x-penstock-cache", "bypass")]).header("x-request-id"))
    cache = gateway.cli("report", "cache", "--by", "team", "--format", "json")
    assert {r["team"]: (r["requests"], r["hits"], r["misses"], r["bypassed"]) for r in cache["rows"]} == \
        {"red": (3, 2, 1, 0), "blue": (2, 0, 1, 1)}
    saved = gateway.cli("report", "savings", "--by", "team,model", "--format", "json")
    assert saved["total"]["saved_usd"] == f"{paid / 1e9:.9f}" and saved["total"]["hits"] == 2  # two hits save two prices
    assert saved["total"]["cost_usd"] == gateway.cli("report", "cost", "--format", "json")["total"]["cost_usd"]
    assert saved["rows"][1]["saved_usd"] == saved["total"]["saved_usd"]


def test_explain_says_so(cached):
    gateway, _ = cached()
    body = json.dumps(chat_body())
    key = gateway.new_key("red")
    assert json.loads(gateway.run("explain", "-", "--key", key["id"], stdin=body).stdout)["cache"] == "miss"
    gateway.chat(key=key["key"])
    told = json.loads(gateway.run("explain", "-", "--key", key["id"], stdin=body).stdout)
    assert (told["cache"], told["would"]) == ("hit", "hand out")


def test_what_an_older_policy_let_through_is_no_hit(gateway, upstream, tmp_path):
    folder = tmp_path / "policies"
    folder.mkdir()
    policy = folder / "some.yaml"
    rule = "version: 1\nrules: [{{id: pii.email, response: {{action: {}}}}}]\n"
    policy.write_text(rule.format("flag"))
    up = upstream(lambda peer: peer.answer(chat(f"{peer.index} ada@example.org")))
    gateway = gateway({"providers": {"up": {"dialect": "openai", "base_url": up.url, "api_key": "sk-x"}},
                       "models": {"m": {"targets": [{"provider": "up", "model": "m-1"}]}},
                       "cache": {"exact": "on"}, "policies": {"dir": str(folder), "default": "some"}})
    assert [(word(a), text_of(a)) for a in (gateway.chat(), gateway.chat())] == [
        ("miss", "0 ada@example.org"), ("hit", "0 ada@example.org")]
    policy.write_text(rule.format("redact"))
    gateway.reload()
    until(lambda: text_of(gateway.chat()) == "1 [EMAIL]", says="an answer under the new policy")
    assert word(gateway.chat()) == "hit" and len(up.requests) == 2


def test_ten_thousand_probes_cross_nothing(gateway, upstream, tmp_path):
    """Three teams, one of them under another policy, two arms: a hit is of one's own kind alone."""
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "strict.yaml").write_text("version: 1\nrules: [{id: pii.email, request: {action: redact}}]\n")
    ups = [upstream(lambda peer, n=n: peer.answer(chat(f"{n} {peer.index}"))) for n in ("old", "new")]
    gateway = gateway({
        "providers": {f"up{i}": {"dialect": "openai", "base_url": up.url, "api_key": "sk-x"} for i, up in enumerate(ups)},
        "models": {"m": {"targets": [{"provider": f"up{i}", "model": f"m-{i}"} for i in range(2)]}},
        "cache": {"exact": "on"}, "loops": 2,
        "policies": {"dir": str(folder), "attach": [{"policy": "strict", "team": "green"}]}})
    keys = {team: [gateway.key(team) for _ in range(2)] for team in ("red", "blue", "green")}
    gateway.cli("prompts", "rollout", "model:m", "--canary", "up1/m-1", "--share", "50%")
    dice = random.Random(5)
    probes = [(dice.choice(list(keys)), dice.randrange(2), dice.randrange(20), dice.randrange(20)) for _ in range(10_000)]

    def ask(some):
        found = []
        with gateway.connect() as c:
            for team, key, unit, text in some:
                headers = gateway.headers(keys[team][key], [("x-penstock-unit", f"u{unit}")])
                c.request("POST", "/v1/chat/completions", headers, chat_body(text=f"question {text}"))
                answer = c.read_answer()
                assert answer.status == 200, answer.body
                found.append(((team, answer.header("x-penstock-arm"), text), text_of(answer), word(answer)))
        return found

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = [f for part in pool.map(ask, [probes[i::4] for i in range(4)]) for f in part]
    kinds = {}
    for kind, text, _ in found:
        kinds.setdefault(text, set()).add(kind)
    assert all(len(kind) == 1 for kind in kinds.values()), "an answer that crossed"
    assert {arm for _, arm, _ in set().union(*kinds.values())} == {"control", "canary"}
    hits = sum(w != "miss" for _, _, w in found)
    assert hits >= 0.3 * len(found) and sum(len(up.requests) for up in ups) == len(found) - hits
