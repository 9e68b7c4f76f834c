"""A share of the units gets another version of a prompt; who names a version or label gets that."""
import json
import sqlite3
import time

import pytest

from harness import one_model, until
from upstream import chat

JSON_MODE = {"response_format": {"type": "json_object"}}
PROMPT = """---
name: greet
model: {{route: m}}
inputs: {{who: {{type: string, default: you}}}}{more}
---
user:
This is version {n} for {{{{ who }}}}.
"""


def version_in(request):
    text = request.json["messages"][0]["content"]
    return int(text.split("version ")[1].split()[0])


@pytest.fixture
def greet(gateway, upstream):
    """greet(says): a gateway with versions 1 and 2 of `greet`, 1 in production; version n is answered with says[n]."""
    def make(says=("", '{"n": 1}', '{"n": 2}'), more=("", "", "")):
        up = upstream(lambda peer: peer.answer(chat(says[version_in(peer.request)])))
        g = gateway(one_model(up))
        for n in (1, 2):
            push(g, n, more[n])
        g.cli("prompts", "label", "greet", "production", "1")
        return g, up
    return make


def push(g, n, more=""):
    file = g.folder / f"greet-{n}.prompty"
    file.write_text(PROMPT.format(n=n, more=more))
    assert g.cli("prompts", "push", str(file), "--json")["version"] == n


def begin(g, share="20%", canary="2"):
    return g.cli("prompts", "rollout", "greet", "--canary", canary, "--share", share, "--json")


def status(g, what="--status"):
    return g.cli("prompts", "rollout", "greet", what, "--json")


def ask(g, unit="u", model="prompt:greet", **more):
    answer = g.chat(model=model, headers=[("x-penstock-unit", unit)],
                    **{"messages": [], **JSON_MODE, **more})
    return answer.header("x-penstock-arm"), answer.header("x-penstock-prompt"), answer


def test_a_share_of_the_units_gets_the_canary(greet):
    g, up = greet()
    begin(g)
    arms = {}
    for i in range(50):
        arm, prompt, answer = ask(g, f"u{i}")
        assert prompt == {"control": "greet@1", "canary": "greet@2"}[arm]
        assert version_in(up.requests[-1]) == int(prompt[-1])
        arms[i] = arm
    assert set(arms.values()) == {"control", "canary"}
    row = g.request_row(answer.header("x-request-id"))
    assert (row["arm"], row["prompt_name"], row["prompt_version"]) == (arm, "greet", int(prompt[-1]))
    for i in range(50):
        assert ask(g, f"u{i}")[0] == arms[i]
    found = status(g)
    assert found["control"] == "1" and found["canary"] == "2"
    assert {a: found["arms"][a]["units"] for a in found["arms"]} == {
        a: list(arms.values()).count(a) for a in ("control", "canary")}


def test_who_names_a_version_or_label_gets_it(greet):
    g, up = greet()
    begin(g, "100%")
    assert ask(g)[:2] == ("canary", "greet@2")
    assert ask(g, model="prompt:greet@1")[:2] == (None, "greet@1")
    assert ask(g, model="prompt:greet@production")[:2] == (None, "greet@1")
    assert ask(g, model="prompt:greet@latest")[:2] == (None, "greet@2")
    assert ask(g, model="m", prompt_id="greet")[:2] == ("canary", "greet@2")
    assert ask(g, model="m", prompt={"id": "greet", "version": "1"})[:2] == (None, "greet@1")
    assert ask(g, model="m", messages=[{"role": "user", "content": "version 1 !"}])[0] is None
    assert status(g)["arms"]["canary"]["requests"] == 2


def test_a_canary_that_breaks_json_is_rolled_back_by_itself(greet):
    g, _ = greet(("", '{"n": 1}', '{"n": '))
    begin(g)
    for i in range(1000):
        arm, prompt, _ = ask(g, f"u{i}")
        if arm is None:
            break
    assert prompt == "greet@1"
    assert (status(g)["state"], status(g)["reason"]) == ("rolled_back", "format")
    assert status(g, "--replay")["equal"]
    assert all(ask(g, f"u{i}")[:2] == (None, "greet@1") for i in range(20))


def test_the_schema_may_be_the_prompts_own(greet):
    schema = """
output: {schema: {type: object, properties: {n: {type: integer}}, required: [n]}}"""
    g, up = greet(("", '{"n": 1}', '{"n": "two"}'), ("", schema, schema))
    begin(g, "50%")
    for i in range(200):
        if ask(g, f"u{i}", response_format=None)[0] is None:
            break
    assert status(g)["reason"] == "format"


def test_a_canary_that_callers_cannot_fill_in_is_an_error(greet):
    g, _ = greet()
    file = g.folder / "greet-3.prompty"
    file.write_text(PROMPT.format(n=3, more="").replace("{type: string, default: you}", "{type: string}"))
    assert g.cli("prompts", "push", str(file), "--json")["version"] == 3
    begin(g, "50%", "3")
    for i in range(200):
        arm, _, answer = ask(g, f"u{i}")
        assert answer.status == (400 if arm == "canary" else 200)
        if arm is None and answer.status == 200:
            state = status(g)
            if state["state"] != "running":
                break
    assert (state["state"], state["reason"]) == ("rolled_back", "error")


def test_promotion_moves_the_label_and_rollback_moves_it_back(greet):
    g, _ = greet()
    assert g.run("prompts", "rollout", "greet", "--canary", "9", "--share", "5%").returncode == 1
    assert g.run("prompts", "rollout", "nothing", "--canary", "1", "--share", "5%").returncode == 1
    assert g.run("prompts", "rollout", "greet", "--canary", "1", "--share", "5%").returncode == 1  # it is control
    begin(g)
    g.cli("prompts", "pause", "greet")
    assert ask(g)[:2] == (None, "greet@1")
    begin(g)
    g.cli("prompts", "promote", "greet")
    assert ask(g)[:2] == (None, "greet@2")
    assert ask(g, model="prompt:greet@production")[1] == "greet@2"
    g.cli("prompts", "rollback", "greet")  # there is no rollout: the label goes back
    assert ask(g)[:2] == (None, "greet@1")
    g.stop()
    g.start()
    assert ask(g)[:2] == (None, "greet@1")
    begin(g, "100%")
    assert ask(g)[:2] == ("canary", "greet@2")
    g.cli("prompts", "rollback", "greet")
    assert ask(g)[:2] == (None, "greet@1")


def test_a_promotion_whose_label_had_not_moved_moves_it_at_the_start(greet):
    g, _ = greet()
    begin(g)
    g.stop()
    db = sqlite3.connect(g.data / "penstock.db")  # as a kill between the two would leave it
    db.execute("update rollouts set state = 'promoted', ended_ms = ?", (int(time.time() * 1000),))
    db.commit()
    db.close()
    g.start()
    assert ask(g)[:2] == (None, "greet@2")
    g.cli("prompts", "label", "greet", "production", "1")
    g.stop()
    g.start()
    assert ask(g)[:2] == (None, "greet@1")  # what people moved since stays


def test_a_label_that_moves_away_pauses_it(greet):
    g, _ = greet(("", "{}", "{}", "{}"))
    push(g, 3)
    begin(g)
    g.cli("prompts", "label", "greet", "production", "3")
    until(lambda: ask(g)[1] == "greet@3", says="the label")
    assert status(g)["state"] == "paused"


def test_a_prompts_rollout_comes_before_its_models(gateway, upstream):
    ups = [upstream(lambda peer: peer.answer(chat('{"n": 1}'))) for _ in range(2)]
    config = {"providers": {f"up{i}": {"dialect": "openai", "base_url": up.url} for i, up in enumerate(ups)},
              "models": {"m": {"targets": [{"provider": "up0", "model": "m-0"}, {"provider": "up1", "model": "m-1"}]}}}
    g = gateway(config)
    push(g, 1)
    push(g, 2)
    g.cli("prompts", "label", "greet", "production", "1")
    begin(g, "50%")
    g.cli("prompts", "rollout", "model:m", "--canary", "up1/m-1", "--share", "50%")
    seen = set()
    for i in range(60):
        arm, prompt, answer = ask(g, f"u{i}")
        assert prompt == {"control": "greet@1", "canary": "greet@2"}[arm]
        seen.add((arm, answer.header("x-penstock-provider")))
    assert len(seen) == 4  # drawn independently
    model = g.cli("prompts", "rollout", "model:m", "--status", "--json")
    assert sum(a["requests"] for a in model["arms"].values()) == 60
    assert json.dumps(model).count("up1/m-1") == 1
