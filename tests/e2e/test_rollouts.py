"""A share of the units gets another target; what does harm is rolled back by itself, and stays so."""
import json
import math
import random
import sqlite3
import threading

import pytest

from client import Gone
from harness import UPSTREAM_KEY, chat_body, until
from upstream import DONE, chat, error, event, piece

JSON_MODE = {"response_format": {"type": "json_object"}}
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
SCHEMA_MODE = {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": SCHEMA}}}
GOOD = '{"n": 1}'


def says(text, chance=1.0, otherwise=GOOD, seed=1):
    """Answers `text` with that chance, else `otherwise`; bodies or streams, as asked."""
    dice = random.Random(seed)

    def script(peer):
        said = text if dice.random() < chance else otherwise
        if peer.request.json.get("stream"):
            peer.stream([event(piece({"content": c})) for c in said] + [event(piece({}, "stop")), DONE])
        else:
            peer.answer(chat(said))
    return script


@pytest.fixture
def arms(gateway, upstream):
    """arms(control script, canary script): a gateway whose model `m` has both as targets."""
    def make(control, canary, **more):
        ups = [upstream(s) for s in (control, canary)]
        providers = {n: {"dialect": "openai", "base_url": up.url, "api_key": UPSTREAM_KEY}
                     for n, up in zip(("old", "new"), ups)}
        targets = [{"provider": "old", "model": "m-0"}, {"provider": "new", "model": "m-1"}]
        return gateway({"providers": providers, "models": {"m": {"targets": targets}}, **more}), ups
    return make


def begin(gateway, share="20%"):
    return gateway.cli("prompts", "rollout", "model:m", "--canary", "new/m-1", "--share", share, "--json")


def status(gateway, what="--status"):
    return gateway.cli("prompts", "rollout", "model:m", what, "--json")


def ask(gateway, unit, **more):
    return gateway.chat(headers=[("x-penstock-unit", unit)], **{**JSON_MODE, **more})


def arm_of(answer):
    return answer.header("x-penstock-arm")


def log_e(rows, guard):
    """The evidence from rows of rollout_events, by an implementation of its own."""
    bets = [0.01 * 90 ** (i / 15) for i in range(16)]
    sums, block = [0.0] * 16, {"control": [], "canary": []}
    for row in rows:
        if row["guard"] == guard:
            block[row["arm"]].append(row["value"])
            if all(block.values()):
                d = sum(block["canary"]) / len(block["canary"]) - sum(block["control"]) / len(block["control"])
                sums = [s + math.log1p(b * d) for s, b in zip(sums, bets)]
                block = {"control": [], "canary": []}
    most = max(sums)
    return most + math.log(sum(math.exp(s - most) for s in sums) / 16)


def events(gateway, stage=1):
    gateway.cli("prompts", "rollout", "--json")  # has what is queued committed
    return gateway.rows("select * from rollout_events where stage = ? order by seq, guard", stage)


def test_units_stick_and_a_larger_share_only_adds(arms):
    gateway, (old, new) = arms(says(GOOD), says(GOOD))
    assert arm_of(ask(gateway, "u")) is None
    begin(gateway)
    first = {f"u{i}": arm_of(ask(gateway, f"u{i}")) for i in range(60)}
    again = {u: arm_of(ask(gateway, u)) for u in first}
    assert first == again and {"control", "canary"} == set(first.values())
    assert len(new.requests) == 2 * sum(a == "canary" for a in first.values())
    begin(gateway, "50%")
    wider = {u: arm_of(ask(gateway, u)) for u in first}
    assert all(wider[u] == "canary" for u in first if first[u] == "canary")
    assert sum(a == "canary" for a in wider.values()) > sum(a == "canary" for a in first.values())
    row = gateway.request_row(ask(gateway, "u59").header("x-request-id"))
    assert row["arm"] == wider["u59"] and row["provider"] == {"control": "old", "canary": "new"}[row["arm"]]


def test_one_outcome_a_unit_and_stage(arms):
    gateway, _ = arms(says(GOOD), says(GOOD))
    begin(gateway)
    for _ in range(3):
        for i in range(20):
            ask(gateway, f"u{i}")
    rows = events(gateway)
    assert len({(r["seq"], r["unit_hash"]) for r in rows}) == 20 == max(r["seq"] for r in rows)
    found = status(gateway)
    assert sum(found["arms"][a]["units"] for a in found["arms"]) == 20
    assert sum(found["arms"][a]["requests"] for a in found["arms"]) == 60
    begin(gateway, "30%")
    ask(gateway, "u0")
    assert [r["seq"] for r in events(gateway, 2)][0] == 1


def test_what_comes_from_the_cache_is_no_outcome(arms):
    gateway, (old, new) = arms(says(GOOD), says(GOOD), cache={"exact": "on"})
    begin(gateway, "50%")
    for i in range(20):
        ask(gateway, f"u{i}")
    found = status(gateway)["arms"]
    assert len(old.requests) == len(new.requests) == 1  # an entry each: arms do not share
    assert [found[a]["units"] for a in found] == [1, 1] and sum(found[a]["requests"] for a in found) == 20


@pytest.mark.parametrize("mode", [JSON_MODE, SCHEMA_MODE], ids=["json_object", "json_schema"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_canary_that_breaks_json_is_rolled_back_by_itself(arms, mode, stream):
    bad = '{"n": ' if mode is JSON_MODE else '{"n": "one"}'
    gateway, (old, new) = arms(says(GOOD), says(bad, 0.9))
    begin(gateway)

    def one(i):
        if stream:
            s = gateway.stream(headers=[("x-penstock-unit", f"u{i}")], **mode)
            return s.answer.header("x-penstock-arm")
        return arm_of(ask(gateway, f"u{i}", **mode))

    for i in range(1000):
        if one(i) is None:
            break
    else:
        raise AssertionError(f"not rolled back: {status(gateway)}")
    found = status(gateway)
    assert (found["state"], found["reason"]) == ("rolled_back", "format")
    asked = len(new.requests)
    for i in range(50):
        assert one(i) is None
    assert len(new.requests) == asked
    replayed = status(gateway, "--replay")
    assert replayed["equal"] and replayed["replayed"] == replayed["stands"]
    assert replayed["stands"]["verdict"] == "rolled_back" and replayed["stands"]["log_e"] >= math.log(40)
    assert abs(log_e(events(gateway), "format") - replayed["stands"]["log_e"]) < 1e-9
    assert gateway.run("prompts", "promote", "model:m").returncode == 1  # a verdict latches
    assert '"event":"rollout"' in gateway.log.replace(" ", "") and "u1" not in json.dumps(found)


def test_a_canary_that_fails_is_rolled_back_though_control_answers_for_it(arms):
    gateway, _ = arms(says(GOOD), lambda peer: peer.answer(error(), 500))
    begin(gateway)
    for i in range(1000):
        answer = ask(gateway, f"u{i}")
        assert answer.status == 200
        if arm_of(answer) is None:
            break
        if arm_of(answer) == "canary":
            assert answer.header("x-penstock-provider") == "old"
    assert (status(gateway)["state"], status(gateway)["reason"]) == ("rolled_back", "error")


def test_equal_arms_run_on(arms):
    gateway, _ = arms(says('{"n": ', 0.3, seed=2), says('{"n": ', 0.3, seed=3))
    begin(gateway, "50%")
    for i in range(200):
        assert arm_of(ask(gateway, f"u{i}"))
    found = status(gateway)
    assert found["state"] == "running" and found["arms"]["canary"]["format_failures"]["count"] > 5
    for arm in found["arms"].values():
        assert arm["format_failures"]["low"] <= 0.3 <= arm["format_failures"]["high"]
        assert 0 <= arm["latency_ms"]["low"] < arm["latency_ms"]["mean"] < arm["latency_ms"]["high"]
        assert arm["errors"]["count"] == 0 and arm["units"] == arm["requests"]
    assert status(gateway, "--replay")["equal"]
    gateway.cli("ledger", "verify")
    request = gateway.folder / "request.json"
    request.write_text(json.dumps(chat_body(user="u1")))
    assert json.loads(gateway.cli("explain", str(request)))["arm"] in ("control", "canary")


def test_refusals_and_tool_calls_are_no_format_failures(arms):
    def refuses(peer):
        body = chat("")
        body["choices"][0]["message"] = {"role": "assistant", "content": None, "refusal": "I cannot"}
        peer.answer(body)

    def calls(peer):
        body = chat("")
        body["choices"][0]["message"] = {"role": "assistant", "content": None, "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}
        peer.answer(body)

    gateway, _ = arms(refuses, calls)
    begin(gateway, "50%")
    for i in range(30):
        ask(gateway, f"u{i}")
    found = status(gateway)["arms"]
    assert found["control"]["refusals"]["rate"] == 1 and found["canary"]["refusals"]["rate"] == 0
    assert all(a["format_failures"]["units"] == 0 for a in found.values())


def test_commands_end_and_hold_it(arms):
    gateway, (old, new) = arms(says(GOOD), says(GOOD))

    def served(i):
        answer = ask(gateway, f"u{i}")
        return answer.header("x-penstock-provider"), arm_of(answer)

    assert gateway.run("prompts", "rollout", "model:m", "--canary", "new/other", "--share", "5%").returncode == 1
    assert gateway.run("prompts", "rollout", "model:m", "--canary", "old/m-0", "--share", "5%").returncode == 1
    assert gateway.run("prompts", "rollout", "model:x", "--canary", "new/m-1", "--share", "5%").returncode == 1
    assert gateway.run("prompts", "rollout", "model:m", "--canary", "new/m-1", "--share", "0%").returncode == 1
    assert gateway.run("prompts", "promote", "model:m").returncode == 1
    gateway.cli("prompts", "rollout", "model:m", "--canary", "new/m-1", "--share", "100%", "--dry-run")
    assert served(0) == ("old", None)

    begin(gateway, "100%")
    assert served(0) == ("new", "canary")
    gateway.cli("prompts", "pause", "model:m")
    assert served(0) == ("old", None)
    begin(gateway, "100%")
    assert served(0) == ("new", "canary") and status(gateway)["stage"] == 2
    gateway.cli("prompts", "promote", "model:m")
    assert served(0) == ("new", None)
    assert gateway.run("prompts", "pause", "model:m").returncode == 1
    gateway.stop()
    gateway.start()
    assert served(0) == ("new", None)
    gateway.cli("prompts", "rollback", "model:m")
    assert served(0) == ("old", None)
    begin(gateway, "100%")
    gateway.cli("prompts", "rollback", "model:m")
    assert served(0) == ("old", None)
    states = [r["state"] for r in gateway.cli("prompts", "rollout", "--json")]
    assert states == ["undone", "rolled_back"]
    assert "rolled_back" in gateway.cli("prompts", "rollout", "model:m", "--status")
    assert "outcomes" in gateway.cli("prompts", "rollout", "model:m", "--replay")


def test_callers_that_leave_say_nothing_and_then_pause_it(arms):
    gateway, (old, new) = arms(says(GOOD), lambda peer: peer.stall())
    begin(gateway, "100%")
    for i in range(20):
        with gateway.connect() as c:
            c.request("POST", "/v1/chat/completions",
                      gateway.headers(headers=[("x-penstock-unit", f"u{i}")]), chat_body())
            until(lambda n=i: len(new.requests) > n, says="the canary to be asked")
    until(lambda: status(gateway)["state"] == "paused", says="the pause")
    found = status(gateway)
    assert found["arms"]["canary"]["units"] == 0 and found["arms"]["canary"]["requests"] == 20
    assert ask(gateway, "u0").header("x-penstock-provider") == "old"


def test_a_target_that_is_gone_pauses_it(arms):
    gateway, _ = arms(says(GOOD), says(GOOD))
    begin(gateway, "100%")
    gateway.config["models"]["m"]["targets"].pop()
    gateway.write_config(gateway.config)
    gateway.reload()
    until(lambda: ask(gateway, "u0").header("x-penstock-provider") == "old", says="the reload")
    assert status(gateway)["state"] == "paused"


def test_rows_that_are_missing_pause_it(arms):
    gateway, _ = arms(says(GOOD), says(GOOD))
    begin(gateway)
    for i in range(10):
        ask(gateway, f"u{i}")
    gateway.stop()
    db = sqlite3.connect(gateway.data / "penstock.db")
    db.execute("delete from rollout_events where seq = 4")
    db.commit()
    db.close()
    gateway.start()
    assert status(gateway)["state"] == "paused"
    assert gateway.run("prompts", "rollout", "model:m", "--replay").returncode == 1


def test_over_the_admin_api(arms):
    gateway, _ = arms(says(GOOD), says(GOOD))
    admin = (gateway.data / "admin.key").read_text().strip()

    def call(method, path, body=None):
        return gateway.ask(method, f"/admin/v1{path}", None if body is None else json.dumps(body).encode(), key=admin)

    made = call("POST", "/rollouts", {"name": "model:m", "canary": "new/m-1", "share": 12.5})
    assert made.status == 200 and made.json["share"] == "12.5%"
    assert call("GET", "/rollouts/model:m").json["state"] == "running"
    assert call("GET", "/rollouts/model%3Am/replay").json["equal"]
    assert call("POST", "/rollouts", {"name": "model:m", "canary": "old/m-0", "share": "1%"}).status in (400, 409)
    assert call("POST", "/rollouts/model:m/pause", {}).json["state"] == "paused"
    assert call("GET", "/rollouts/nothing").status == 404


class Load:
    """Clients of many units that ask for as long as the gateway lives."""

    def __init__(self, gateway, key, offset):
        self.gateway, self.key, self.offset = gateway, key, offset
        self.threads = [threading.Thread(target=self.ask, args=(n,)) for n in range(4)]
        [t.start() for t in self.threads]

    def ask(self, n):
        dice = random.Random(self.offset * 10 + n)
        try:
            with self.gateway.connect() as c:
                while True:
                    unit = f"u{self.offset}-{n}-{dice.randrange(10**6)}"
                    c.request("POST", "/v1/chat/completions",
                              self.gateway.headers(self.key, [("x-penstock-unit", unit)]), chat_body(**JSON_MODE))
                    c.read_answer()
        except (OSError, Gone):
            pass

    def join(self):
        [t.join() for t in self.threads]


@pytest.mark.alone
@pytest.mark.parametrize("kills", [6, pytest.param(50, marks=pytest.mark.long)])
def test_a_kill_changes_no_verdict(arms, kills):
    gateway, _ = arms(says(GOOD), says('{"n": ', 0.25))
    key, dice, verdicts, before = gateway.default_key(), random.Random(11), 0, None
    for i in range(kills):
        if before is None or before["state"] == "rolled_back":
            begin(gateway)
        load = Load(gateway, key, i)
        threading.Event().wait(dice.uniform(0.05, 0.5))  # the moment is the test
        seen = status(gateway)  # what was said before the kill ...
        threading.Event().wait(dice.uniform(0, 0.05))
        gateway.kill()
        load.join()
        gateway.start()
        before, replayed = status(gateway), status(gateway, "--replay")
        assert replayed["equal"], replayed
        if seen["state"] == "rolled_back":  # ... still stands
            verdicts += 1
            assert before == {**before, "state": "rolled_back", "reason": seen["reason"], "guards": seen["guards"]}
        rows = gateway.rows("select * from rollout_events where rollout = ? order by stage, seq, guard",
                            before["rollout"])
        assert sorted({r["seq"] for r in rows}) == list(range(1, max((r["seq"] for r in rows), default=0) + 1))
        assert (max(log_e(rows, g) for g in ("error", "format")) >= math.log(40)) == (before["state"] == "rolled_back")
    assert verdicts
