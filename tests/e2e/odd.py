"""Odd but valid JSON, for tests of byte fidelity."""
import json
import pathlib
import re

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden"

ODD_MEMBERS = [
    '"k": 9223372036854775808', '"k": 1.0', '"k": 1e400', '"k": -0', '"k": 0.1000000000000000055511151231257827',
    '"k": 1E+2', '"a": 1, "a": 2', r'"s": "\u00e9é\/\ud83d\ude00"', '"s": "\U0001f600\u2028"', '"x": {"y": {"model": "z"}}',
    '"x": [{"model": 1}, [], {}, null, true]', '"":""', r'"\u0000": "\u0000"', '"metadata": {"stream": "yes", "n": 1.50}',
    '"x" :\t[ 1 ,\r\n 2 ]', '"big": "' + "x" * 70000 + '"', '"logit_bias": {"50256": -100}', '"seed": 9007199254740993',
    '"messages2": [[[[[[[[1]]]]]]]]', '"user": "ü"', r'"esc": "\"\\\b\f\n\r\t"', '"penstock2": {"a": 1}',
]


def odd_requests():
    """(name, body) with `%s` where the model's name stands, quoted."""
    cases = [(f"odd-{i}", '{"model": %s, "messages": [{"role": "user", "content": "Hi"}], ' + m + "}")
             for i, m in enumerate(ODD_MEMBERS)]
    cases += [
        ("model-last", '{"messages":[],"temperature":0.70 ,"model":%s}'),
        ("spread-out", '\n{\r\n\t"messages" : [ ] ,\n "model"\t:\n%s\n}\n\n '),
        ("huge", '{"messages": [{"role": "user", "content": "' + "long text " * 1_000_000 + '"}], "model": %s}'),
    ]
    return [(name, body.encode()) for name, body in cases]


def golden_cases(folder):
    """The cases of tests/golden/FOLDER/index.json, each with its bytes as `body` and the path it is sent to."""
    cases = json.loads((GOLDEN / folder / "index.json").read_text())
    for case in cases:
        case["body"] = (GOLDEN / folder / case["file"]).read_bytes()
        case["target"] = "/v1/chat/completions" if case["endpoint"] == "chat" else f"/v1/{case['endpoint']}"
    return cases


def marked(body):
    """What is sent and what arrives, of a body of tests/golden/request."""
    return tuple(re.sub(rb"@\{(.*?)\|(.*?)\}@", lambda m: m[side], body, flags=re.S) for side in (1, 2))
