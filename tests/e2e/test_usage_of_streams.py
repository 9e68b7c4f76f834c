"""A stream's usage is always asked of the upstream, and shown only to who asked for it."""
from upstream import chat_stream, event, piece, usage


def test_it_is_asked_and_hidden(pair):
    gateway, up = pair(lambda peer: peer.stream(chat_stream()))
    s = gateway.stream()
    assert up.last.json["stream_options"] == {"include_usage": True}
    assert all(e == "[DONE]" or (e["choices"] and "usage" not in e) for e in s.found)
    assert s.found[-1] == "[DONE]"
    row = gateway.request_row(s.answer.header("x-request-id"))
    assert (row["input_tokens"], row["output_tokens"]) == (9, 2)


def test_a_usage_of_null_is_hidden_too(pair):
    events = [event({**piece("Hi"), "usage": None}), event({**piece(finish="stop"), "usage": None}),
              event({**piece(), "choices": [], "usage": usage()}), event("[DONE]")]
    gateway, _ = pair(lambda peer: peer.stream(events))
    assert b"usage" not in gateway.stream().raw


def test_who_asks_for_it_gets_it(pair):
    gateway, up = pair(lambda peer: peer.stream(chat_stream()))
    s = gateway.stream(stream_options={"include_usage": True})
    assert s.found[-2]["choices"] == [] and s.found[-2]["usage"] == usage()


def test_other_stream_options_are_kept(pair):
    gateway, up = pair(lambda peer: peer.stream(chat_stream()))
    gateway.stream(stream_options={"include_obfuscation": False})
    assert up.last.json["stream_options"] == {"include_usage": True, "include_obfuscation": False}


def test_missing_usage_is_estimated(pair):
    gateway, _ = pair(lambda peer: peer.stream(chat_stream(["12345678", "9"], counts=False)))
    row = gateway.request_row(gateway.stream().answer.header("x-request-id"))
    assert (row["cost_source"], row["finish"]) == ("unpriced", "complete")
    assert row["output_tokens"] == 3  # nine bytes
