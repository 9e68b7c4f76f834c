"""Policies: what the upstream sees, what the caller gets back, and what is written down about it."""
import json
import threading

import pytest

from upstream import chat, chat_stream, piece

EMAIL, IBAN = "ada@example.org", "DE89 3704 0044 0532 0130 00"
NAMES = [{"id": "pii.email", "request": {"action": "pseudonymise", "scope": "conversation"},
          "restore": {"in": ["content", "tool_args"]}},
         {"id": "pii.iban", "request": {"action": "pseudonymise"}}]


@pytest.fixture
def guarded(pair, tmp_path):
    """guarded(script, rules, …): a gateway whose default policy has these rules."""
    def make(script, rules=NAMES, attach=None, more=None, **top):
        folder = tmp_path / "policies"
        folder.mkdir()
        for name, list_ in {"default": rules, **(more or {})}.items():
            (folder / f"{name}.yaml").write_text(json.dumps({"version": 1, "rules": list_, **top}))
        policies = {"dir": str(folder), "default": "default", **({"attach": attach} if attach else {})}
        return pair(script, policies=policies)

    return make


def said(request):
    return request.json["messages"][-1]["content"]


def echo(peer):
    peer.answer(chat(said(peer.request)))


def echo_stream(size):
    """Says what it was told, in pieces of so many characters."""
    def script(peer):
        text = said(peer.request)
        peer.stream(chat_stream([text[i:i + size] for i in range(0, len(text), size)]))
    return script


def text_of(stream):
    return "".join(c["delta"].get("content") or "" for e in stream.found if isinstance(e, dict)
                   for c in e.get("choices", []))


def test_the_upstream_sees_no_value_and_the_caller_gets_it_back(guarded):
    gateway, up = guarded(echo)
    text = f"Write to {EMAIL}, from {IBAN}; again {EMAIL}."
    answer = gateway.chat(text=text)
    assert answer.json["choices"][0]["message"]["content"] == text
    assert answer.header("x-penstock-policy") == "redacted"
    sent = said(up.last)
    assert EMAIL not in sent and IBAN not in sent and "0532" not in sent
    first, again = (w.strip(".,;") for w in sent.split() if w.startswith("PIIEM"))
    assert first == again and first.isalnum()
    row = gateway.request_row(answer.header("x-request-id"))
    assert row["policy_verdict"] == "redacted" and row["policy_version"].startswith("default@")
    hits = json.loads(row["policy_hits"])
    assert {(h["rule"], h["direction"], h["action"], h["count"]) for h in hits} == {
        ("pii.email", "request", "pseudonymise", 2), ("pii.iban", "request", "pseudonymise", 1)}
    for written in (json.dumps(row), gateway.log, gateway.get("/metrics", key=None).body.decode()):
        assert "ada@" not in written and "0532" not in written
    assert 'penstock_policy_hits_total{rule="pii.email",action="pseudonymise"} 2' in gateway.get("/metrics", key=None).body.decode()
    assert "whole" in gateway.cli("ledger", "verify")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 1000])
def test_a_stream_in_pieces_comes_back_as_it_was(guarded, size):
    gateway, up = guarded(echo_stream(size))
    text = f"Write to {EMAIL}, from {IBAN}: PII, PIIEM0123456789 and P {EMAIL}"
    stream = gateway.stream(text=text)
    assert text_of(stream) == text
    assert stream.found[-1] == "[DONE]"
    assert EMAIL not in said(up.last)


@pytest.mark.parametrize("size", [0, 1, 3, 1000])
@pytest.mark.parametrize("never_in", [[], ["url"]])
def test_in_a_url_a_name_stays_a_name(guarded, size, never_in):
    """An answer that makes a link of a value does not hand it to whoever serves the link."""
    def script(peer):
        name = said(peer.request)
        text = f"{name}: <https://x.test/?q={name}&r={name}> {name}, http: {name}"
        peer.stream(chat_stream([text[i:i + size] for i in range(0, len(text), size)])) if size else peer.answer(chat(text))

    gateway, up = guarded(script, [{"id": "pii.email", "request": {"action": "pseudonymise"},
                                    "restore": {"in": ["content"], "never_in": never_in}}])
    found = text_of(gateway.stream(text=EMAIL)) if size else gateway.chat(text=EMAIL).text
    linked = said(up.last) if never_in else EMAIL
    assert found == f"{EMAIL}: <https://x.test/?q={linked}&r={linked}> {EMAIL}, http: {EMAIL}"


def test_a_body_in_which_nothing_was_found_goes_on_byte_for_byte(guarded):
    gateway, up = guarded(echo)
    body = '{ "model" : "m-1",\n"messages":[{"role":"user","content":"caf\\u00e9 \\/ \\ud83d\\ude00"}], "top_k":1.0e0, "x":{"y":[1,"z"]}}'
    answer = gateway.post("/v1/chat/completions", body.replace("m-1", "m").encode())
    assert answer.status == 200 and answer.header("x-penstock-policy") == "clean"
    assert up.last.body == body.encode()


def test_only_what_was_found_changes(guarded):
    gateway, up = guarded(echo, [{"id": "pii.email", "request": {"action": "redact"}}])
    body = '{"model":"m","messages":[{"role":"user","content":"caf\\u00e9 \\/ ada\\u0040example.org \\n\\ud83d\\ude00"}], "top_k":1.0e0}'
    gateway.post("/v1/chat/completions", body.encode())
    assert up.last.body.decode() == body.replace('"m"', '"m-1"').replace("ada\\u0040example.org", "[EMAIL]")


@pytest.mark.parametrize("action, seen", [
    ("flag", EMAIL), ("redact", "[EMAIL]"), ("mask", "***********.org"), ("hash", None)])
def test_actions(guarded, action, seen):
    gateway, up = guarded(echo, [{"id": "pii.email", "request": {"action": action}}])
    answer = gateway.chat(text=f"to {EMAIL}!")
    sent = said(up.last)
    if seen:
        assert sent == f"to {seen}!"
    else:
        assert len(sent) == len("to [EMAIL:0123456789ab]!") and sent.startswith("to [EMAIL:")
    assert answer.header("x-penstock-policy") == ("flagged" if action == "flag" else "redacted")


def test_a_blocked_request_asks_nobody(guarded):
    gateway, up = guarded(echo, [{"id": "pii.email", "request": {"action": "block"}}])
    answer = gateway.chat(text=f"to {EMAIL}!")
    assert answer.status == 400 and answer.header("x-should-retry") == "false"
    assert answer.error["type"] == "invalid_request_error" and answer.error["code"] == "policy_violation"
    assert "pii.email" in answer.error["message"] and "ada" not in answer.body.decode()
    assert len(up.requests) == 0
    row = gateway.request_row(answer.header("x-request-id"))
    assert (row["finish"], row["status"], row["policy_verdict"]) == ("blocked", 400, "blocked")


def test_the_strongest_of_all_policies_that_match_wins(guarded):
    gateway, up = guarded(echo, attach=[{"policy": "strict", "team": "clinic", "model": "m"}],
                          more={"strict": [{"id": "pii.email", "request": {"action": "block"}}]})
    assert gateway.chat(text=EMAIL).status == 200
    blocked = gateway.chat(text=EMAIL, key=gateway.key("clinic"))
    assert blocked.status == 400
    assert gateway.chat(text=IBAN, key=gateway.key("clinic")).json["choices"][0]["message"]["content"] == IBAN


ANSWER_BLOCKS = [{"id": "pii.card", "response": {"action": "block"}}]
CARD = "4111 1111 1111 1111"


def test_a_blocked_answer_is_empty(guarded):
    gateway, _ = guarded(lambda peer: peer.answer(chat(f"the card is {CARD}")), ANSWER_BLOCKS)
    answer = gateway.chat()
    choice = answer.json["choices"][0]
    assert answer.status == 200 and choice["finish_reason"] == "content_filter" and choice["message"]["content"] == ""
    assert "4111" not in answer.body.decode()
    assert gateway.request_row(answer.header("x-request-id"))["finish"] == "blocked"


def test_a_blocked_stream_ends_before_the_place_and_cancels_its_upstream(guarded):
    closed = threading.Event()

    def script(peer):
        peer.stream_head()
        for word in ["the", " card", " is ", "4111 11", "11 1111 11", "11 and", " more"]:
            peer.event(piece({"content": word}))
        peer.wait_closed()
        closed.set()

    gateway, _ = guarded(script, ANSWER_BLOCKS)
    stream = gateway.stream()
    assert text_of(stream) == "the card is "
    assert stream.found[-2]["choices"][0]["finish_reason"] == "content_filter" and stream.found[-1] == "[DONE]"
    assert closed.wait(10)
    row = gateway.request_row(stream.answer.header("x-request-id"))
    assert (row["finish"], row["policy_verdict"]) == ("blocked", "blocked")


def test_an_answer_is_masked_however_it_is_cut(guarded):
    gateway, _ = guarded(echo_stream(3), [{"id": "pii.card", "response": {"action": "mask"}}])
    assert text_of(gateway.stream(text=f"it is {CARD}, yes")) == "it is ***************1111, yes"


def test_arguments_of_tools_are_restored_and_escaped(guarded):
    value = 'ada@example.org'

    def script(peer):
        name = said(peer.request).split()[-1]
        arguments = json.dumps({"to": name, "n": 1})
        peer.stream_head()
        peer.event(piece({"tool_calls": [{"index": 0, "id": "call_1", "type": "function",
                                          "function": {"name": "send", "arguments": ""}}]}))
        for c in arguments:
            peer.event(piece({"tool_calls": [{"index": 0, "function": {"arguments": c}}]}))
        peer.event(piece({}, finish="tool_calls"))
        peer.event("[DONE]")
        peer.end()

    gateway, _ = guarded(script)
    stream = gateway.stream(text=f"send to {value}")
    arguments = "".join(t["function"].get("arguments", "") for e in stream.found if isinstance(e, dict)
                        for c in e.get("choices", []) for t in c["delta"].get("tool_calls", []))
    assert json.loads(arguments) == {"to": value, "n": 1}


def test_names_are_the_same_in_the_next_turn_and_others_cannot_resolve_them(guarded):
    gateway, up = guarded(echo)
    gateway.chat(text=f"to {EMAIL}")
    name = said(up.last).split()[-1]
    gateway.post("/v1/chat/completions", {"model": "m", "messages": [
        {"role": "user", "content": f"to {EMAIL}"}, {"role": "assistant", "content": f"to {EMAIL}"},
        {"role": "user", "content": f"and again {EMAIL}"}]})
    assert [m["content"].split()[-1] for m in up.last.json["messages"]] == [name] * 3
    for options in ({"key": gateway.key("blue")}, {"key": gateway.key("red")}, {"headers": [("x-penstock-session", "s")]},
                    {}):
        answer = gateway.chat(text=f"what is {name}?", **options)
        assert answer.json["choices"][0]["message"]["content"] == f"what is {name}?"
    gateway.chat(text=f"to {EMAIL}", headers=[("x-penstock-session", "s")])
    assert said(up.last).split()[-1] != name


LEAVES = {
    "/v1/chat/completions": {
        "model": "m", "user": "u", "safety_identifier": "s", "prompt_cache_key": "p", "metadata": {"k": "v"}, "stop": ["e"],
        "prediction": {"type": "content", "content": "g"}, "unknown": {"deep": ["w"]},
        "messages": [{"role": "system", "content": "a", "name": "n"}, {"role": "user", "content": [
            {"type": "text", "text": "b"}, {"type": "unknown", "odd": "c"}]},
            {"role": "assistant", "content": None, "refusal": "r", "reasoning_content": "t", "tool_calls": [
                {"id": "i", "type": "function", "function": {"name": "f", "arguments": "{\"q\": \"d\"}"}}]},
            {"role": "tool", "tool_call_id": "i", "content": "o"}],
        "tools": [{"type": "function", "function": {"name": "f", "description": "h", "parameters": {
            "type": "object", "properties": {"x": {"description": "j", "enum": ["k"]}}}}}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "l", "schema": {"title": "y"}}}},
    "/v1/completions": {"model": "m", "prompt": ["a", "b"], "suffix": "c", "user": "u"},
    "/v1/embeddings": {"model": "m", "input": ["a", "b"], "user": "u"},
    "/v1/moderations": {"model": "m", "input": [{"type": "text", "text": "a"}]},
    "/v1/responses": {
        "model": "m", "instructions": "a", "metadata": {"k": "v"}, "user": "u", "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "b"}]}, {"role": "user", "content": "x"},
            {"type": "function_call", "call_id": "i", "name": "f", "arguments": "{\"q\": \"d\"}"},
            {"type": "function_call_output", "call_id": "i", "output": "o"}],
        "tools": [{"type": "function", "name": "f", "description": "h", "parameters": {"title": "y"}}]},
}


def places(value, path=()):
    if isinstance(value, str):
        yield path
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from places(value[key], (*path, key))


def plant(document, path, canary):
    document = json.loads(json.dumps(document))
    at = document
    for key in path[:-1]:
        at = at[key]
    is_json = isinstance(at[path[-1]], str) and at[path[-1]].startswith("{")
    at[path[-1]] = at[path[-1]].replace('"d"', f'"{canary}"') if is_json else canary
    return document


@pytest.mark.parametrize("target", LEAVES)
def test_a_canary_in_any_string_is_found(guarded, target):
    """It is treated, or the request refused: either way no upstream sees it."""
    gateway, up = guarded(lambda peer: peer.answer({"object": "x", "choices": []}))
    unseen = 0
    for path in places(LEAVES[target]):
        if path == ("model",):
            continue
        before = len(up.requests)
        answer = gateway.post(target, plant(LEAVES[target], path, EMAIL))
        if answer.status == 400:
            assert answer.error["code"] == "policy_violation", (path, answer.body)
        else:
            assert "PIIEM" in up.last.body.decode(), path
        assert all(EMAIL not in r.body.decode() for r in up.requests[before:]), path
        unseen += 1
    assert unseen >= 2


def test_parts_that_cannot_be_looked_at_are_refused_if_so_said(guarded):
    gateway, up = guarded(echo, unscanned="refuse")
    image = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]
    answer = gateway.post("/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": image}]})
    assert answer.status == 400 and answer.error["code"] == "policy_violation"
    assert len(up.requests) == 0


def test_the_commands_tell_what_is_found(guarded):
    gateway, _ = guarded(echo)
    found = gateway.cli("policy", "scan", "-", "--json", stdin=f"to é {EMAIL}.")
    assert found == [{"rule": "pii.email", "start": 6, "end": 21, "action": "pseudonymise"}]
    told = gateway.cli("policy", "explain", "--json")
    assert [r["rule"] for r in told["rules"]] == ["pii.email", "pii.iban"]
    explained = gateway.cli("explain", "-", stdin=json.dumps(
        {"model": "m", "messages": [{"role": "user", "content": EMAIL}]}))
    explained = json.loads(explained)
    assert explained["policy"]["verdict"] == "redacted" and explained["policy"]["hits"][0]["rule"] == "pii.email"
    assert EMAIL not in json.dumps(explained)


def test_a_new_policy_is_in_force_after_a_reload(guarded, tmp_path):
    gateway, up = guarded(echo)
    (tmp_path / "policies/default.yaml").write_text('{version: 1, rules: [{id: pii.email, request: {action: block}}]}')
    assert gateway.chat(text=EMAIL).status == 200
    gateway.post("/admin/v1/reload", {}, key=(gateway.data / "admin.key").read_text().strip())
    assert gateway.chat(text=EMAIL).status == 400


def test_a_thousand_documents_come_back_byte_for_byte(guarded):
    gateway, up = guarded(echo)
    documents = []
    for i in range(1000):
        documents.append(f"{i}: user{i}@example.org, U{i}@EXAMPLE.org “müller{i}@firma.de” \\ \" \t <{EMAIL}> "
                         f"https://x.org/?q=user{i}@example.org {IBAN} PII PIIEM{'A' * (i % 12)} \U0001f600\n" * (1 + i % 3))
    for at in range(0, 1000, 100):
        for text in documents[at:at + 100]:
            answer = gateway.chat(text=text)
            assert answer.json["choices"][0]["message"]["content"] == text
            sent = said(up.last)
            assert "@example" not in sent and "@EXAMPLE" not in sent and "@firma" not in sent


def test_what_the_author_of_a_prompt_wrote_is_left_alone(guarded):
    gateway, up = guarded(lambda peer: peer.answer(chat(json.dumps(peer.request.json["messages"]))))
    gateway.cli("prompts", "push", "-", "--json", stdin=f"""---
name: reply
model: {{route: m}}
inputs:
  from: string
---
system:
You answer for help@example.org.
user:
From {{{{ from }}}}, to help@example.org.
""")
    answer = gateway.post("/v1/chat/completions", {
        "model": "prompt:reply", "messages": [], "prompt_variables": {"from": EMAIL}})
    sent = [m["content"] for m in up.last.json["messages"]]
    assert sent[0] == "You answer for help@example.org."
    assert EMAIL not in sent[1] and sent[1].endswith(", to help@example.org.") and "PIIEM" in sent[1]
    assert EMAIL in answer.json["choices"][0]["message"]["content"]


def test_the_cache_holds_names_and_gives_values(guarded, tmp_path):
    gateway, up = guarded(echo)
    config = {**gateway.config, "cache": {"exact": "on"}}
    gateway.write_config(config)
    gateway.post("/admin/v1/reload", {}, key=(gateway.data / "admin.key").read_text().strip())
    for state in ("miss", "hit"):
        answer = gateway.chat(text=f"to {EMAIL}")
        assert answer.header("x-penstock-cache") == state
        assert answer.json["choices"][0]["message"]["content"] == f"to {EMAIL}"
    assert len(up.requests) == 1
    gateway.stop()
    assert not any(b"ada@" in f.read_bytes() for f in gateway.data.iterdir() if f.is_file())
