"""An answer reaches the caller byte for byte, but for the model's name."""
from odd import ODD_MEMBERS
from upstream import DONE, chat_stream, event

MESSAGE = '"choices": [{"index": 0, "message": {"role": "assistant", "content": "é\\u00e9"}, "finish_reason": "stop"}]'


def test_a_body(pair):
    bodies = [('{"id": "1", "model": %s, ' + MESSAGE + ", " + m + ', "usage": {"prompt_tokens": 1, '
               '"completion_tokens": 2, "total_tokens": 3}}').encode() for m in ODD_MEMBERS]
    gateway, up = pair(lambda peer: peer.answer(bodies[peer.index].replace(b"%s", b'"/weights/x.gguf"')))
    for body in bodies:
        assert gateway.chat().body == body.replace(b"%s", b'"m"')


def test_a_stream(pair):
    events = [('{"id":"1","model":%s,"choices":[{"index":0,"delta":{"content":"\\u00e9é"},"finish_reason":null}], '
               + m + "}").encode() for m in ODD_MEMBERS if "\n" not in m]
    finish = b'{"id": "1", "model": %s, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}'

    def said(model):
        return b"".join(event(e.replace(b"%s", model)) for e in [*events, finish]) + DONE

    gateway, _ = pair(lambda peer: peer.stream([said(b'"else"')]))
    assert gateway.stream().raw == said(b'"m"')


def test_the_model_asked_is_put_back_everywhere(pair):
    gateway, _ = pair(lambda peer: peer.stream(chat_stream()), aliases={"gpt-4o": "m"})
    s = gateway.stream(model="gpt-4o")
    assert {e["model"] for e in s.found if e != "[DONE]"} == {"gpt-4o"}
    assert s.answer.header("x-penstock-model") == "m-1"


def test_ten_megabytes_pass(pair):
    body = ('{"model": "x", ' + MESSAGE + ', "pad": "' + "p" * 10_000_000 + '"}').encode()
    gateway, _ = pair(lambda peer: peer.answer(body))
    assert gateway.chat().body == body.replace(b'"model": "x"', b'"model": "m"')
