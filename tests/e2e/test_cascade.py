"""A cascade asks the small model first, and the large one where the small one's answer is not good enough."""
import json
import select
import threading

import pytest

from client import Stream
from harness import UPSTREAM_KEY, chat_body, until
from upstream import DONE, chat, chat_stream, error, event, piece, usage

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
WANTS_JSON = {"response_format": {"type": "json_object"}}
WANTS_SCHEMA = {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}}
PRICES = {"small/s": {"input": "1", "output": "2"}, "large/l": {"input": "10", "output": "20"}}


def config(small, large, **auto):
    providers = {name: {"dialect": "openai", "base_url": up.url, "api_key": UPSTREAM_KEY}
                 for name, up in (("small", small), ("large", large))}
    return {"providers": providers,
            "models": {"little": {"targets": [{"provider": "small", "model": "s"}]},
                       "big": {"targets": [{"provider": "large", "model": "l"}]},
                       "auto": {"strategy": "cascade", "targets": [{"model": "little"}, {"model": "big"}], **auto}}}


@pytest.fixture
def cascade(gateway, upstream):
    """cascade(small, large): a gateway whose `auto` goes from one to the other, and both upstreams."""
    def make(small, large=None, auto=None, **more):
        ups = upstream(small), upstream(large or both(chat("The large one", usage(9, 3)), chat_stream(["Large"])))
        return gateway({**config(*ups, **(auto or {})), **more}, prices=PRICES), *ups
    return make


def both(body, events):
    """A script that answers as it was asked."""
    return lambda peer: peer.stream(events) if peer.request.json.get("stream") else peer.answer(body)


def said(text, **choice):
    """The same as a body and as a stream."""
    body = chat(text)
    body["choices"][0].update(choice)
    events = chat_stream([text[:3], text[3:]], finish=choice.get("finish_reason", "stop"))
    return both(body, events)


def unsure(peer):
    told = {"content": [{"token": "a", "logprob": -3.0, "bytes": None, "top_logprobs": []}]}
    if not peer.request.json.get("stream"):
        peer.answer(chat("Perhaps", choices=[{**chat("Perhaps")["choices"][0], "logprobs": told}]))
        return
    p = piece("Perhaps", "stop")
    p["choices"][0]["logprobs"] = told
    peer.stream([event(p), event({**piece(), "choices": [], "usage": usage()}), DONE])


def refuses(peer):
    message = {"role": "assistant", "content": None, "refusal": "No."}
    if peer.request.json.get("stream"):
        peer.stream([event(piece({"refusal": "No."})), *chat_stream([])])
    else:
        peer.answer(chat(choices=[{**chat()["choices"][0], "message": message}]))


BAD = {
    "refusal in its member": (refuses, {}, "refusal"),
    "refusal in words": (said("I’m sorry, but I can’t help with that."), {}, "refusal"),
    "content filter": (said("Well", finish_reason="content_filter"), {}, "refusal"),
    "length": (said("It goes on and", finish_reason="length"), {}, "length"),
    "no JSON": (said('{"n": 1'), WANTS_JSON, "invalid_json"),
    "another schema": (said('{"n": "one"}'), WANTS_SCHEMA, "schema"),
    "no JSON for a schema": (said("Sure! Here it is."), WANTS_SCHEMA, "invalid_json"),
    "unsure": (unsure, {}, "unsure"),
    "empty": (said(""), {}, "empty"),
}
GOOD = {
    "text": (said("Hello there"), {}),
    "JSON": (said('{"n": 1}'), WANTS_JSON),
    "the schema": (said('{"n": 1}'), WANTS_SCHEMA),
    "no refusal": (said("I'm sorry to hear that. Try this."), {}),
}


def test_logprobs_are_asked_for_by_callers_alone(cascade):
    """So an unsure answer is turned down only for those, and nobody gets what was not asked for."""
    def script(peer):
        unsure(peer) if peer.request.json.get("logprobs") else peer.answer(chat("Perhaps"))

    gateway, small, large = cascade(script)
    for asked, text in (({}, "Perhaps"), ({"logprobs": True}, "The large one")):
        assert gateway.chat("auto", **asked).text == text
        assert small.last.json.get("logprobs") == asked.get("logprobs")


def text_of(found):
    return "".join(c["delta"].get("content") or "" for e in found if isinstance(e, dict) for c in e["choices"])


@pytest.mark.parametrize("streams", [False, True], ids=["body", "stream"])
@pytest.mark.parametrize("how", BAD)
def test_escalated(cascade, how, streams):
    script, asked, why = BAD[how]
    gateway, small, large = cascade(script)
    if streams:
        s = gateway.stream("auto", **asked)
        answer, text = s.answer, text_of(s.found)
        assert (s.found[-1], text) == ("[DONE]", "Large")
    else:
        answer = gateway.chat("auto", **asked)
        assert (answer.status, answer.text) == (200, "The large one")
    assert answer.header("x-penstock-route") == f"cascade escalated:{why}"
    assert (answer.header("x-penstock-model"), answer.header("x-penstock-attempts")) == ("l", "2")
    assert (len(small.requests), len(large.requests)) == (1, 1)
    rows = gateway.attempt_rows(answer.header("x-request-id"))
    assert [(r["provider"], r["finish"], r["status"]) for r in rows] == [("small", "escalated", 200),
                                                                         ("large", "complete", 200)]
    assert rows[0]["cost_nusd"] == rows[0]["input_tokens"] * 1000 + rows[0]["output_tokens"] * 2000 > 0
    row = gateway.request_row(answer.header("x-request-id"))
    assert row["route_reason"] == f"cascade escalated:{why}" and row["finish"] == "complete"
    assert row["cost_nusd"] == sum(r["cost_nusd"] for r in rows)
    until(lambda: f'"route":"cascade escalated:{why}"' in gateway.log)


@pytest.mark.parametrize("streams", [False, True], ids=["body", "stream"])
@pytest.mark.parametrize("how", GOOD)
def test_accepted(cascade, how, streams):
    script, asked = GOOD[how]
    gateway, small, large = cascade(script)
    if streams:
        s = gateway.stream("auto", **asked)
        answer = s.answer
        assert s.found[-1] == "[DONE]" and all(e == "[DONE]" or e["model"] == "auto" for e in s.found)
    else:
        answer = gateway.chat("auto", **asked)
        assert answer.json["model"] == "auto"
    assert answer.header("x-penstock-route") == "cascade"
    assert not large.requests
    assert [r["finish"] for r in gateway.attempt_rows(answer.header("x-request-id"))] == ["complete"]


@pytest.mark.parametrize("streams", [False, True], ids=["body", "stream"])
def test_explain_predicts_it(cascade, tmp_path, streams):
    gateway, *_ = cascade(said("Fine"))
    file = tmp_path / "request.json"
    file.write_text(json.dumps(chat_body("auto", stream=streams)))
    told = json.loads(gateway.cli("explain", str(file)))
    assert told["route"] == gateway.chat("auto").header("x-penstock-route") == "cascade"
    assert [(c["provider"], c["answer"]) for c in told["candidates"]] == [("small", "judged"), ("large", "taken as it is")]
    assert told["candidates"][1]["why"] == "asked if the one before it fails, or its answer is not good enough"
    assert float(told["candidates"][0]["expected_usd"]) < float(told["candidates"][1]["expected_usd"])


def test_a_small_one_that_fails_is_failover(cascade):
    gateway, *_ = cascade(lambda peer: peer.answer(error(), 500))
    answer = gateway.chat("auto")
    assert (answer.text, answer.header("x-penstock-route")) == ("The large one", "cascade after:upstream_error")


def test_a_stream_that_is_cut_while_it_is_held_is_never_seen(cascade):
    def script(peer):
        peer.stream_head()
        peer.chunk(event(piece("Hel")))
        peer.cut()

    gateway, *_ = cascade(script)
    s = gateway.stream("auto")
    assert (text_of(s.found), s.found[-1]) == ("Large", "[DONE]")
    rows = gateway.attempt_rows(s.answer.header("x-request-id"))
    assert [r["finish"] for r in rows] == ["failed", "complete"]
    assert rows[0]["cost_source"] == "estimated" and rows[0]["cost_nusd"] > 0


@pytest.mark.parametrize("streams", [False, True], ids=["body", "stream"])
def test_the_small_answer_is_better_than_none(cascade, streams):
    gateway, *_ = cascade(said("It goes on and", finish_reason="length"), lambda peer: peer.cut())
    if streams:
        s = gateway.stream("auto")
        answer = s.answer
        assert (text_of(s.found), s.found[-1]) == ("It goes on and", "[DONE]")
    else:
        answer = gateway.chat("auto")
        assert (answer.status, answer.text) == (200, "It goes on and")
    assert answer.header("x-penstock-route") == "cascade escalated:length kept"
    assert answer.header("x-penstock-model") == "s"
    rows = gateway.attempt_rows(answer.header("x-request-id"))
    assert [r["finish"] for r in rows] == ["escalated", "failed"]


def test_what_is_too_long_to_hold_is_let_through(cascade):
    words = ["x" * 1000] * 400
    gateway, _, large = cascade(lambda peer: peer.stream(chat_stream(words, finish="length")))
    s = gateway.stream("auto")
    assert len(text_of(s.found)) == 400_000 and s.found[-1] == "[DONE]"
    assert not large.requests


@pytest.mark.parametrize("early", [False, True])
def test_comments_meanwhile_only_with_early_headers(cascade, early):
    may_end = threading.Event()

    def slow(peer):
        peer.stream_head()
        peer.chunk(event(piece("Small", "stop")))
        assert may_end.wait(20)
        peer.chunk(DONE)
        peer.end()

    gateway, small, _ = cascade(slow, stream={"early_headers": early, "keepalive": "20ms"})
    with gateway.connect() as c:
        c.request("POST", "/v1/chat/completions", gateway.headers(), chat_body("auto", stream=True))
        small.wait_requests(1)
        assert bool(select.select([c.sock], [], [], 5 if early else 0.3)[0]) == early  # fifteen times the silence
        may_end.set()
        s = Stream(c)
        assert s.answer.status == 200
        found = s.events()
    assert (text_of(found), found[-1]) == ("Small", "[DONE]")


def test_the_client_may_leave_while_it_is_held(cascade):
    def slow(peer):
        peer.stream_head()
        peer.chunk(event(piece("Small")))
        peer.stall()

    gateway, small, large = cascade(slow)
    with gateway.connect() as c:
        c.request("POST", "/v1/chat/completions", gateway.headers(), chat_body("auto", stream=True))
        small.wait_requests(1)
    assert small.peers[-1].closed.wait(20)
    row = gateway.last_row()
    assert (row["finish"], row["status"], row["attempts"]) == ("client_gone", 499, 1)
    assert not large.requests


def test_a_key_needs_the_models_within(cascade):
    gateway, *_ = cascade(said("x", finish_reason="length"))
    answer = gateway.chat("auto", key=gateway.key("red", "auto,little"))
    assert (answer.status, answer.header("x-penstock-route")) == (200, "cascade unfit:1")
    refused = gateway.chat("auto", key=gateway.key("red", "auto"))
    assert (refused.status, refused.error["code"]) == (400, "no_capable_target")
    assert "this key may not use it" in refused.error["message"]


def test_what_the_cascade_says_holds_within(cascade):
    """The small one is dead: its breaker and its tries are those that `auto` names; asked directly it has none."""
    gateway, small, _ = cascade(lambda peer: peer.cut(), auto={"breaker": {"trip_after": 2, "rest": "60s"},
                                                               "retry": {"attempts": 2, "on": ["reset"]}})
    assert gateway.chat("auto").header("x-penstock-attempts") == "3"
    answer = gateway.chat("auto")
    assert (answer.header("x-penstock-attempts"), answer.header("x-penstock-route")) == ("1", "cascade resting:1")
    for n in (3, 4):
        assert gateway.chat("little").status == 502
        assert len(small.requests) == n
