"""Every request has one row, and every call of an upstream another, with the columns that are promised."""
import pytest

from harness import PRICE
from upstream import chat, chat_stream, error, usage

REQUEST_COLUMNS = """request_id started_ms team key_id unit session tags endpoint stream model_asked model_served
provider prompt_name prompt_version prompt_hash arm policy_version policy_verdict rag_collection rag_version
rag_passages cache route_reason attempts status finish ttft_us total_us overhead_us input_tokens cached_tokens
cache_write_tokens output_tokens reasoning_tokens audio_tokens cost_nusd saved_nusd cost_source price_version
over_bound""".split()
ATTEMPT_COLUMNS = """request_id attempt purpose started_ms provider model status finish input_tokens cached_tokens
cache_write_tokens output_tokens reasoning_tokens audio_tokens cost_nusd cost_source price_version""".split()


@pytest.fixture
def priced(pair):
    def make(script, **config):
        return pair(script, prices={"up/m-1": PRICE}, **config)

    return make


def test_all_columns_of_a_priced_chat(priced):
    gateway, _ = priced(lambda peer: peer.answer(chat(counts=usage(1000, 20, cached=400, reasoning=5))))
    made = gateway.new_key("blue")
    answer = gateway.chat(key=made["key"], user="u-1", headers=[("x-penstock-tags", "env=prod,app=x"),
                                                               ("x-penstock-session", "s-1")])
    row = gateway.request_row(answer.header("x-request-id"))
    assert set(REQUEST_COLUMNS) <= set(row)
    # 600 at 0.5, 400 cached at 0.1, 20 at 1.5 USD a million
    expected = {"team": "blue", "key_id": made["id"], "session": "s-1", "endpoint": "chat", "stream": 0,
                "model_asked": "m", "model_served": "m-1", "provider": "up", "attempts": 1, "status": 200,
                "finish": "complete", "input_tokens": 1000, "cached_tokens": 400, "cache_write_tokens": 0,
                "output_tokens": 20, "reasoning_tokens": 5, "audio_tokens": 0, "cost_nusd": 370_000,
                "cost_source": "reported", "price_version": "test-1", "over_bound": 0,
                "prompt_name": None, "arm": None, "cache": None, "rag_collection": None, "policy_verdict": None}
    assert {k: row[k] for k in expected} == expected
    assert row["tags"].replace(" ", "") == '{"env":"prod","app":"x"}'
    assert 0 <= row["overhead_us"] <= row["total_us"]
    assert answer.header("x-penstock-cost-usd") == "0.000370000"
    assert answer.header("x-penstock-cost-source") == "reported"
    attempts = gateway.attempt_rows(answer.header("x-request-id"))
    assert len(attempts) == 1 and set(ATTEMPT_COLUMNS) <= set(attempts[0])
    expected = {"attempt": 1, "purpose": "chat", "provider": "up", "model": "m-1", "status": 200,
                "finish": "complete", "input_tokens": 1000, "cost_nusd": 370_000}
    assert {k: attempts[0][k] for k in expected} == expected


def test_a_stream_has_its_first_token_time(priced):
    gateway, _ = priced(lambda peer: peer.stream(chat_stream()))
    row = gateway.request_row(gateway.stream().answer.header("x-request-id"))
    assert row["stream"] == 1 and 0 < row["ttft_us"] <= row["total_us"]
    assert row["cost_nusd"] == 9 * 500 + 2 * 1500


def test_a_trailer_on_request(priced):
    gateway, _ = priced(lambda peer: peer.stream(chat_stream()))
    raw = gateway.stream(headers=[("x-penstock-trailer", "on")]).raw
    block = raw.split(b"\n\n")[-3]
    assert block.startswith(b': penstock {') and b'"cost_usd": "0.000007500"' in block
    assert b": penstock" not in gateway.stream().raw


@pytest.mark.parametrize("body, status, code", [
    (b"{", 400, "invalid_json"), (b'{"model": "n"}', 404, "model_not_found"),
])
def test_a_request_that_asked_nobody_costs_nothing(priced, body, status, code):
    gateway, _ = priced(lambda peer: peer.answer(chat()))
    answer = gateway.post("/v1/chat/completions", body)
    row = gateway.request_row(answer.header("x-request-id"))
    expected = {"status": status, "finish": "refused", "attempts": 0, "input_tokens": 0, "output_tokens": 0,
                "cost_nusd": 0, "cost_source": "none"}
    assert {k: row[k] for k in expected} == expected
    assert gateway.attempt_rows(answer.header("x-request-id")) == []


def test_a_failed_call_has_its_row(priced):
    gateway, _ = priced(lambda peer: peer.answer(error(), 500))
    answer = gateway.chat()
    row = gateway.request_row(answer.header("x-request-id"))
    assert (row["finish"], row["attempts"], row["status"]) == ("failed", 1, 500)
    assert [a["finish"] for a in gateway.attempt_rows(answer.header("x-request-id"))] == ["failed"]


@pytest.mark.parametrize("counts", [
    {"prompt_tokens": -1, "completion_tokens": 2}, {"prompt_tokens": 1.5, "completion_tokens": 2},
    {"prompt_tokens": "9", "completion_tokens": 2}, {"prompt_tokens": 9223372036854775808, "completion_tokens": 1},
    {"prompt_tokens": 1e3, "completion_tokens": 2}, None, {},
])
def test_usage_that_is_no_count_is_estimated(priced, counts):
    gateway, _ = priced(lambda peer: peer.answer({**chat("12345678"), "usage": counts}))
    row = gateway.request_row(gateway.chat().header("x-request-id"))
    assert row["cost_source"] == "estimated"
    assert row["output_tokens"] == 2 and row["input_tokens"] > 0
    assert row["cost_nusd"] == row["input_tokens"] * 500 + row["output_tokens"] * 1500


def test_unpriced_models_are_refused_by_default(pair):
    gateway, up = pair(lambda peer: peer.answer(chat()), prices={"up/other": PRICE})
    answer = gateway.chat()
    assert (answer.status, answer.error["code"]) == (400, "model_unpriced")
    assert "price" in answer.error["message"]
    assert not up.requests


def test_other_endpoints_are_metered(priced):
    gateway, _ = priced(lambda peer: peer.answer({
        "object": "list", "model": "x", "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -1.0]}],
        "usage": {"prompt_tokens": 7, "total_tokens": 7}}))
    answer = gateway.post("/v1/embeddings", {"model": "m", "input": "Hi"})
    row = gateway.request_row(answer.header("x-request-id"))
    assert (row["endpoint"], row["input_tokens"], row["output_tokens"], row["cost_nusd"]) == ("embeddings", 7, 0, 3500)


def test_requests_and_attempts_can_be_rebuilt(priced):
    gateway, _ = priced(lambda peer: peer.answer(chat()) if peer.index % 2 else peer.answer(error(), 500))
    for _ in range(6):
        last = gateway.chat().header("x-request-id")
    gateway.request_row(last)
    before = gateway.rows("select * from requests order by request_id"), \
        gateway.rows("select * from attempts order by request_id, attempt")
    gateway.stop()
    gateway.cli("ledger", "verify", "--rebuild")
    after = gateway.rows("select * from requests order by request_id"), \
        gateway.rows("select * from attempts order by request_id, attempt")
    assert after == before


def test_strict_rows_are_on_disk_first(priced):
    """With durability strict the reserve row is committed before the upstream is asked."""
    seen = []

    def script(peer):
        seen.append(gateway.rows("select count(*) n from ledger where kind = 'reserve'")[0]["n"])
        peer.answer(chat())

    gateway, _ = priced(script, ledger={"durability": "strict"})
    gateway.chat()
    gateway.chat()
    assert seen == [1, 2]
