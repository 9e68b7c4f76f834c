"""A body that the upstream could read otherwise than we do gets a 400, and reaches nobody."""
import pytest

from harness import one_model
from odd import golden_cases

CASES = {
    "model twice": b'{"model": "m", "model": "m", "messages": []}',
    "model twice, escaped": rb'{"model": "m", "\u006dodel": "other", "messages": []}',
    "stream twice": b'{"model": "m", "stream": false, "stream": true, "messages": []}',
    "include_usage twice": b'{"model":"m","stream":true,"stream_options":{"include_usage":true,"include_usage":false}}',
    "stream_options twice": b'{"model":"m","stream":true,"stream_options":{},"stream_options":{"include_usage":false}}',
    "max_tokens twice": b'{"model": "m", "max_tokens": 1, "max_tokens": 1000000}',
    "n twice": b'{"model": "m", "n": 1, "n": 128}',
    "model not a string": b'{"model": ["m"], "messages": []}',
    "stream not a boolean": b'{"model": "m", "stream": "true", "messages": []}',
    "max_tokens not an integer": b'{"model": "m", "max_tokens": 1e2, "messages": []}',
    "max_tokens past int64": b'{"model": "m", "max_tokens": 9223372036854775808}',
    "a BOM": b'\xef\xbb\xbf{"model": "m", "messages": []}',
    "something behind": b'{"model": "m", "messages": []} {}',
    "invalid UTF-8": b'{"model": "m", "messages": ["\xc3\x28"]}',
    "overlong UTF-8": b'{"model": "m", "x": "\xc0\xaf"}',
    "a surrogate alone in UTF-8": b'{"model": "m", "x": "\xed\xa0\x80"}',
    "single quotes": b"{'model': 'm'}",
    "a trailing comma": b'{"model": "m", "messages": [],}',
    "a comment": b'{"model": "m" /* x */}',
    "a control byte in a string": b'{"model": "m", "x": "a\nb"}',
    "NaN": b'{"model": "m", "x": NaN}',
    "a leading zero": b'{"model": "m", "x": 01}',
    "UTF-16": '{"model": "m"}'.encode("utf-16"),
    "an array": b'["m"]',
    "a string": b'"m"',
    "nothing": b"",
    "half": b'{"model": "m", "messages": [',
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_refused(pair, name):
    gateway, up = pair(lambda peer: peer.answer({}))
    answer = gateway.post("/v1/chat/completions", CASES[name])
    assert answer.status == 400
    assert answer.error["type"] == "invalid_request_error"
    assert answer.header("x-should-retry") == "false"
    assert not up.requests


def test_a_duplicate_is_named(pair):
    gateway, _ = pair(lambda peer: peer.answer({}))
    error = gateway.post("/v1/chat/completions", CASES["include_usage twice"]).error
    assert (error["code"], error["param"]) == ("duplicate_member", "stream_options.include_usage")


def test_each_golden_body_gets_its_error(gateway, upstream):
    up = upstream(lambda peer: peer.answer({}))
    config = one_model(up)
    config["models"] = {name: {"targets": [{"provider": "up", "model": name}]} for name in ("small", "large")}
    gateway = gateway(config)
    for case in golden_cases("smuggle"):
        answer = gateway.post(case["target"], case["body"])
        assert answer.status == case["status"], case["file"]
        assert (answer.error["code"], answer.error["param"]) == (case["code"], case["param"]), case["file"]
    assert not up.requests
