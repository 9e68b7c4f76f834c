"""The OpenAI SDK for Python, unchanged but for base_url, does all it can do through the gateway."""
import asyncio
import base64
import threading
import time

import openai
import pydantic
import pytest

from harness import PATIENCE
from upstream import DONE, chat, chat_stream, error

HI = [{"role": "user", "content": "Hello there, gateway"}]


class Trip(pydantic.BaseModel):
    city: str
    days: int
    tags: list[str]


@pytest.fixture
def client(sdk_gateway):
    with openai.OpenAI(base_url=f"http://127.0.0.1:{sdk_gateway[0].port}/v1",
                       api_key=sdk_gateway[0].default_key(), max_retries=0) as c:
        yield c


def test_chat(client, sdk_gateway):
    done = client.chat.completions.create(model="echo", messages=HI)
    assert done.choices[0].message.content == HI[0]["content"]
    assert (done.model, done.choices[0].finish_reason, done.usage.completion_tokens) == ("echo", "stop", 3)
    row = sdk_gateway[0].request_row(client.chat.completions.with_raw_response.create(
        model="echo", messages=HI).headers["x-request-id"])
    assert row["output_tokens"] == 3


def test_a_stream_is_seen_as_it_is_made(client, sdk_gateway):
    seen = threading.Event()

    def script(peer):
        events = chat_stream()
        peer.stream_head()
        [peer.chunk(e) for e in events[:2]]
        assert seen.wait(10)  # the rest does not exist before the caller has seen this
        [peer.chunk(e) for e in events[2:]]
        peer.end()

    sdk_gateway[1].script = script
    text = []
    for chunk in client.chat.completions.create(model="m", messages=HI, stream=True):
        assert chunk.model == "m"
        text.append(chunk.choices[0].delta.content or "")
        if any(text):
            seen.set()
    assert "".join(text) == "Hello there"


def test_async_and_many_at_once(sdk_gateway):
    async def ask():
        async with openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{sdk_gateway[0].port}/v1",
                                      api_key=sdk_gateway[0].default_key(), max_retries=0) as c:
            bodies = [c.chat.completions.create(model="echo", messages=[{"role": "user", "content": f"text {i}"}])
                      for i in range(30)]
            assert [b.choices[0].message.content for b in await asyncio.gather(*bodies)] == \
                [f"text {i}" for i in range(30)]
            stream = await c.chat.completions.create(model="chat", messages=HI, stream=True,
                                                     stream_options={"include_usage": True})
            chunks = [chunk async for chunk in stream]
            assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens > 0

    asyncio.run(ask())


TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]


def test_tools(client):
    asked = [{"role": "user", "content": "use get_weather please"}]
    message = client.chat.completions.create(model="chat", messages=asked, tools=TOOLS).choices[0].message
    call = message.tool_calls[0]
    assert call.function.name == "get_weather" and '"city"' in call.function.arguments
    follow = [*asked, message, {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
    assert client.chat.completions.create(model="chat", messages=follow, tools=TOOLS).choices[0].message.content


def test_tools_streamed(client):
    with client.chat.completions.stream(model="chat", messages=HI, tools=TOOLS, tool_choice="required") as stream:
        call = stream.get_final_completion().choices[0].message.tool_calls[0]
    assert call.function.name == "get_weather" and call.function.arguments.endswith("}")


def test_structured_output(client):
    done = client.chat.completions.parse(model="chat", messages=HI, response_format=Trip)
    assert isinstance(done.choices[0].message.parsed, Trip)
    with client.chat.completions.stream(model="chat", messages=HI, response_format=Trip) as stream:
        assert isinstance(stream.get_final_completion().choices[0].message.parsed, Trip)


def test_embeddings(client):
    by_default = client.embeddings.create(model="embed", input=["one two", "one"])  # the SDK asks for base64
    floats = client.embeddings.create(model="embed", input="one two", encoding_format="float", dimensions=256)
    assert len(by_default.data) == 2 and len(by_default.data[0].embedding) == 256
    assert by_default.data[0].embedding == pytest.approx(floats.data[0].embedding)
    raw = client.embeddings.create(model="embed", input="x", encoding_format="base64", dimensions=4)
    assert len(base64.b64decode(raw.data[0].embedding)) == 16
    assert client.embeddings.create(model="embed", input=[[1, 2], [3]]).data[1].index == 1


def test_legacy_completions_and_moderations(client, sdk_gateway):
    assert client.completions.create(model="echo", prompt="say it").choices[0].text == "say it"
    text = "".join(c.choices[0].text for c in client.completions.create(model="echo", prompt="one two", stream=True))
    assert text == "one two"
    assert client.moderations.create(model="chat", input="fine").results[0].flagged is False


def test_responses(client):
    done = client.responses.create(model="echo", input="Hello again")
    assert (done.output_text, done.status, done.model) == ("Hello again", "completed", "echo")
    assert done.usage.output_tokens == 2
    events = list(client.responses.create(model="echo", input="Hello again", stream=True))
    assert events[0].type == "response.created" and events[-1].type == "response.completed"
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == "Hello again"
    assert events[-1].response.model == "echo"
    parsed = client.responses.parse(model="chat", input="x", text_format=Trip)
    assert isinstance(parsed.output_parsed, Trip)


def test_models(client):
    assert {"chat", "echo", "embed", "m"} <= {m.id for m in client.models.list()}
    assert client.models.retrieve("echo").id == "echo"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("org/none")


def test_retries_where_told(sdk_gateway):
    gateway, scripted = sdk_gateway
    begin = len(scripted.upstream.requests)
    scripted.script = lambda peer: peer.answer(chat() if peer.index > begin else error("rate_limit_error"),
                                               200 if peer.index > begin else 429, [("retry-after-ms", "10")])
    with openai.OpenAI(base_url=f"http://127.0.0.1:{gateway.port}/v1", api_key=gateway.default_key(),
                       max_retries=2) as c:
        assert c.chat.completions.create(model="m", messages=HI).choices[0].message.content == "Hello there"
        assert len(scripted.upstream.requests) == begin + 2


def test_no_retries_where_told_not_to(sdk_gateway):
    gateway, scripted = sdk_gateway
    begin = len(scripted.upstream.requests)
    scripted.script = lambda peer: peer.answer(error("authentication_error"), 401)
    with openai.OpenAI(base_url=f"http://127.0.0.1:{gateway.port}/v1", api_key=gateway.default_key(),
                       max_retries=2) as c:
        with pytest.raises(openai.InternalServerError) as e:
            c.chat.completions.create(model="m", messages=HI)
    assert e.value.code == "upstream_refused"
    assert len(scripted.upstream.requests) == begin + 1


@pytest.mark.parametrize("status, kind", [
    (400, openai.BadRequestError), (404, openai.NotFoundError), (409, openai.ConflictError),
    (422, openai.UnprocessableEntityError), (429, openai.RateLimitError), (500, openai.InternalServerError),
    (503, openai.InternalServerError),
])
def test_error_classes(client, sdk_gateway, status, kind):
    sdk_gateway[1].script = lambda peer: peer.answer(error("some_type", "some_code", "as it was said"), status)
    with pytest.raises(kind) as e:
        client.chat.completions.create(model="m", messages=HI)
    assert (e.value.status_code, e.value.code, e.value.type) == (status, "some_code", "some_type")
    assert "as it was said" in str(e.value) and e.value.request_id


def test_a_wrong_key(sdk_gateway):
    with openai.OpenAI(base_url=f"http://127.0.0.1:{sdk_gateway[0].port}/v1", api_key="sk-wrong") as c:
        with pytest.raises(openai.AuthenticationError) as e:
            c.models.list()
    assert e.value.code == "invalid_api_key"


def test_a_cut_stream_is_an_error(client, sdk_gateway):
    def script(peer):
        peer.stream_head()
        [peer.chunk(e) for e in chat_stream()[:2]]
        peer.cut()

    sdk_gateway[1].script = script
    text = []
    with pytest.raises(openai.APIError):
        for chunk in client.chat.completions.create(model="m", messages=HI, stream=True):
            text.append(chunk.choices[0].delta.content)
    assert text == ["", "Hello"]


@pytest.mark.alone
def test_an_abort_cancels_the_upstream(client, sdk_gateway):
    def script(peer):
        peer.stream_head()
        [peer.chunk(e) for e in chat_stream()[:2]]
        peer.stall()

    sdk_gateway[1].script = script
    stream = client.chat.completions.create(model="m", messages=HI, stream=True)
    next(stream)
    left = time.monotonic()
    stream.close()
    peer = sdk_gateway[1].upstream.peers[-1]
    assert peer.closed.wait(10)
    assert peer.closed_at - left <= 0.1 * PATIENCE


def test_done_alone_is_an_empty_stream(client, sdk_gateway):
    sdk_gateway[1].script = lambda peer: peer.stream([DONE])
    assert list(client.chat.completions.create(model="m", messages=HI, stream=True)) == []


PROMPT = """---
name: greet
model: {route: echo}
inputs: {who: string, tone: {type: string, enum: [warm, cool], default: warm}}
---
system:
Greet in a {{ tone }} tone.
user:
Greetings from version %d to {{ who }}
"""


def test_a_prompt_by_label_with_variables(client, sdk_gateway):
    gateway, _ = sdk_gateway
    for n in (1, 2):
        gateway.cli("prompts", "push", "-", stdin=PROMPT % n)
    gateway.cli("prompts", "label", "greet", "production", "1")
    raw = client.chat.completions.with_raw_response.create(
        model="prompt:greet@production", messages=[], extra_body={"prompt_variables": {"who": "Ann"}})
    assert raw.headers["x-penstock-prompt"] == "greet@1"
    assert raw.parse().choices[0].message.content == "Greetings from version 1 to Ann"
    assert raw.parse().model == "prompt:greet@production"
    answer = client.responses.create(prompt={"id": "greet", "version": "2", "variables": {"who": "Bob"}})
    assert answer.output_text == "Greetings from version 2 to Bob"
    text = "".join(c.choices[0].delta.content or "" for c in client.chat.completions.create(
        model="prompt:greet@latest", messages=[], stream=True, extra_body={"prompt_variables": {"who": "Eve"}}))
    assert text == "Greetings from version 2 to Eve"
    with pytest.raises(openai.BadRequestError) as wrong:
        client.chat.completions.create(model="prompt:greet", messages=[], extra_body={"prompt_variables": {}})
    assert wrong.value.param == "who"
    with pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.create(model="prompt:nobody", messages=[])
    assert unknown.value.code == "prompt_not_found"
