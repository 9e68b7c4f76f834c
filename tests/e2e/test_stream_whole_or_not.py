"""A stream is whole only if the upstream said so: by [DONE], or a finish reason for every choice begun."""
import pytest

from upstream import DONE, chat_stream, event, piece

HALF = [event(piece({"role": "assistant", "content": ""})), event(piece("Hel"))]


def broken(s):
    """What a stream that broke ends with: an error event, and no [DONE]."""
    assert "[DONE]" not in s.found
    error = s.found[-1]["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


def test_done_passes(pair):
    gateway, _ = pair(lambda peer: peer.stream(chat_stream()))
    assert gateway.stream().found[-1] == "[DONE]"


def test_a_finish_without_done_gets_one(pair):
    gateway, _ = pair(lambda peer: peer.stream(chat_stream(counts=False, done=False)))
    s = gateway.stream()
    assert s.found[-1] == "[DONE]"
    assert gateway.request_row(s.answer.header("x-request-id"))["finish"] == "complete"


def test_a_choice_without_its_finish_is_broken(pair):
    events = [event(piece("a")), event(piece("b", index=1)), event(piece(finish="stop", index=0))]
    gateway, _ = pair(lambda peer: peer.stream(events))
    assert broken(gateway.stream(n=2))["code"] == "upstream_cut"


def cut_by_fin(peer):
    peer.stream_head()
    [peer.chunk(e) for e in HALF]
    peer.cut()


def cut_by_reset(peer):
    peer.stream_head()
    [peer.chunk(e) for e in HALF]
    peer.reset()


def cut_cleanly(peer):
    peer.stream(HALF)


def cut_in_an_event(peer):
    peer.stream_head()
    [peer.chunk(e) for e in HALF]
    peer.chunk(event(piece("lo"))[:-20])
    peer.end()


def error_event(peer):
    peer.stream([*HALF, event({"error": {"message": "overloaded", "type": "server_error", "code": "busy"}}), DONE])


def garbage_event(peer):
    peer.stream([*HALF, event("{not json"), DONE])


@pytest.mark.parametrize("how", [cut_by_fin, cut_by_reset, cut_cleanly, cut_in_an_event, error_event, garbage_event])
def test_what_breaks_looks_broken(pair, how):
    gateway, _ = pair(how)
    s = gateway.stream()
    broken(s)
    assert s.raw.startswith(event(piece({"role": "assistant", "content": ""}, model="m")))
    assert [e["choices"][0]["delta"].get("content") for e in s.found[:-1]] == ["", "Hel"]
    row = gateway.request_row(s.answer.header("x-request-id"))
    assert (row["status"], row["finish"], row["output_tokens"]) == (200, "cut", 1)


def test_responses_end_by_their_last_event(pair):
    created = event({"type": "response.created", "sequence_number": 0, "response": {"model": "x"}}, "response.created")
    delta = event({"type": "response.output_text.delta", "sequence_number": 1, "delta": "Hi"}, "response.output_text.delta")
    end = event({"type": "response.completed", "sequence_number": 2, "response": {
        "model": "x", "usage": {"input_tokens": 3, "output_tokens": 1, "total_tokens": 4}}}, "response.completed")
    gateway, up = pair(lambda peer: peer.stream([created, delta] + ([end] if peer.index == 0 else [])))
    whole = gateway.open_stream(target="/v1/responses")
    with whole.connection:
        events = whole.events()
    assert whole.raw == b"".join([created, delta, end]).replace(b'"model": "x"', b'"model": "m"')
    assert "[DONE]" not in events
    row = gateway.request_row(whole.answer.header("x-request-id"))
    assert (row["input_tokens"], row["output_tokens"], row["finish"]) == (3, 1, "complete")
    half = gateway.open_stream(target="/v1/responses")
    with half.connection:
        events = half.events()
    assert "error" in events[-1] or events[-1]["type"] == "error"
    assert gateway.request_row(half.answer.header("x-request-id"))["finish"] == "cut"
