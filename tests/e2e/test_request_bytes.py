"""A request reaches the upstream byte for byte, but for the model's name and what usage needs."""
import json

import pytest

from harness import one_model
from odd import golden_cases, marked, odd_requests
from upstream import chat, chat_stream


@pytest.fixture(scope="module")
def bodies():
    return odd_requests()


def test_only_the_model_changes(pair, bodies):
    gateway, up = pair(lambda peer: peer.answer(chat()))
    for name, body in bodies:
        sent = body.replace(b"%s", b'"m"')
        answer = gateway.post("/v1/chat/completions", sent)
        assert answer.status == 200, (name, answer.body)
        assert up.last.body == body.replace(b"%s", b'"m-1"'), name


def test_each_golden_body_arrives_with_its_splices(gateway, upstream):
    up = upstream(lambda peer: peer.answer({"error": {"message": "seen", "type": "invalid_request_error"}}, 400))
    config = one_model(up)
    config["models"] = {"small": {"targets": [{"provider": "up", "model": "up-model"}]}}
    gateway = gateway({**config, "default_model": "small"})
    heard = 0
    for case in golden_cases("request"):
        sent, arrives = marked(case["body"])
        if json.loads(sent).get("model", "small") != "small":
            continue  # a name that nobody serves
        gateway.post(case["target"], sent)
        heard += 1
        assert len(up.requests) == heard, case["file"]
        assert up.last.body == arrives, case["file"]
    assert heard >= 200


def test_a_stream_that_asks_for_usage_itself_changes_no_more(pair):
    gateway, up = pair(lambda peer: peer.stream(chat_stream()))
    body = b'{"stream":true , "stream_options": {"include_usage":true,"x":1.0},"model":"m","messages":[]}'
    gateway.post("/v1/chat/completions", body)
    assert up.last.body == body.replace(b'"m"', b'"m-1"')


def test_an_escaped_model_name_is_understood(pair):
    gateway, up = pair(lambda peer: peer.answer(chat()))
    assert gateway.post("/v1/chat/completions", rb'{"model": "\u006d", "messages": []}').status == 200
    assert up.last.json["model"] == "m-1"


def test_our_own_members_never_go_upstream(pair):
    gateway, up = pair(lambda peer: peer.answer(chat()))
    assert gateway.post("/v1/chat/completions",
                        b'{"penstock": {"tags": "a=b"}, "model": "m", "messages": []}').status == 200
    assert "penstock" not in up.last.json
    assert up.last.json["messages"] == []


def test_the_query_string_is_kept(pair):
    gateway, up = pair(lambda peer: peer.answer({"id": "resp_1", "object": "response", "status": "completed",
                                                 "model": "x", "output": [], "usage": None}))
    assert gateway.post("/v1/responses?beta=true&x=%2F", {"model": "m", "input": "Hi"}).status == 200
    assert up.last.target == "/v1/responses?beta=true&x=%2F"
