"""Pseudonyms behind the OpenAI SDK for Python: the upstream sees none of the values, the program all of them."""
import json

import openai
import pytest

from harness import Gateway, Upstream, one_model
from upstream import chat, chat_stream

EMAIL, IBAN = "ada@example.org", "DE89 3704 0044 0532 0130 00"
TEXT = f"Write to {EMAIL} about {IBAN}, please."


def echo(peer):
    """Says what it was told; as a stream in pieces of three characters where one is asked for."""
    text = peer.request.json["messages"][-1]["content"]
    if peer.request.json.get("stream"):
        peer.stream(chat_stream([text[i:i + 3] for i in range(0, len(text), 3)]))
    else:
        peer.answer(chat(text))


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """(client of the SDK, upstream): everything is treated by one policy."""
    folder = tmp_path_factory.mktemp("policy")
    rules = [{"id": i, "request": {"action": "pseudonymise"}} for i in ("pii.email", "pii.iban")]
    (folder / "default.yaml").write_text(json.dumps({"version": 1, "rules": rules}))
    upstream = Upstream(echo)
    config = one_model(upstream)
    config["providers"]["sim"] = {"dialect": "sim"}
    config["models"]["echo"] = {"targets": [{"provider": "sim", "model": "echo"}]}
    config["policies"] = {"dir": str(folder), "default": "default"}
    with Gateway(folder / "g", config) as gateway, \
            openai.OpenAI(base_url=f"http://127.0.0.1:{gateway.port}/v1", api_key=gateway.default_key(),
                          max_retries=0) as client:
        yield client, upstream
    upstream.close()
    assert not upstream.failures, upstream.failures


def messages():
    return [{"role": "user", "content": TEXT}]


def assert_unseen(upstream):
    sent = upstream.last.body.decode()
    assert EMAIL not in sent and "0532" not in sent and "PIIEM" in sent and "PIIIB" in sent


def test_a_chat(guarded):
    client, upstream = guarded
    done = client.chat.completions.with_raw_response.create(model="m", messages=messages())
    assert done.parse().choices[0].message.content == TEXT
    assert done.headers["x-penstock-policy"] == "redacted"
    assert_unseen(upstream)


def test_a_stream(guarded):
    client, upstream = guarded
    pieces = [c.choices[0].delta.content or "" for c in client.chat.completions.create(
        model="m", messages=messages(), stream=True) if c.choices]
    assert "".join(pieces) == TEXT and len(pieces) > 3
    assert_unseen(upstream)


def test_responses_streamed(guarded):
    client, _ = guarded
    with client.responses.stream(model="echo", input=TEXT) as stream:
        events = list(stream)
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == TEXT
    assert events[-1].response.output_text == TEXT
    assert [e.sequence_number for e in events] == sorted({e.sequence_number for e in events})


def test_a_turn_that_follows(guarded):
    client, upstream = guarded
    names = []
    for history in ([], [{"role": "assistant", "content": TEXT}]):
        client.chat.completions.create(model="m", messages=[*messages(), *history, *messages()])
        names.append([m["content"] for m in upstream.last.json["messages"]])
    assert len({text for turn in names for text in turn}) == 1
