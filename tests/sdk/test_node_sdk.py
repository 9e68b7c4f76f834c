"""The OpenAI SDK for Node, unchanged but for baseURL: each script of node/ is one scenario."""
import os
import pathlib
import subprocess
import threading
import time

import pytest

from harness import PATIENCE
from upstream import chat, chat_stream, error

HERE = pathlib.Path(__file__).parent
NODE = HERE / "node_modules/.bin/node"
pytestmark = pytest.mark.skipif(not NODE.exists(), reason="the npm packages of tests/sdk are not installed")


def start(gateway, name):
    env = {**os.environ, "BASE_URL": f"http://127.0.0.1:{gateway.port}/v1", "API_KEY": gateway.default_key()}
    return subprocess.Popen([NODE, HERE / "node" / f"{name}.mjs"], env=env, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)


def finish(process):
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    return out


@pytest.mark.parametrize("name", ["chat", "tools", "structured", "embeddings", "responses", "models"])
def test_against_sim(sdk_gateway, name):
    finish(start(sdk_gateway[0], name))


def test_a_stream_is_seen_as_it_is_made(sdk_gateway):
    seen = threading.Event()

    def script(peer):
        events = chat_stream()
        peer.stream_head()
        [peer.chunk(e) for e in events[:2]]
        assert seen.wait(30)
        [peer.chunk(e) for e in events[2:]]
        peer.end()

    sdk_gateway[1].script = script
    process = start(sdk_gateway[0], "stream")
    assert process.stdout.readline() == "Hello\n"
    seen.set()
    assert finish(process) == " there\n"


def test_retries(sdk_gateway):
    begin = len(sdk_gateway[1].upstream.requests)
    answers = [(error("rate_limit_error"), 429), (chat(), 200), (error("authentication_error"), 401)]

    def script(peer):
        body, status = answers[peer.index - begin]
        peer.answer(body, status, [("retry-after-ms", "10")])

    sdk_gateway[1].script = script
    finish(start(sdk_gateway[0], "retries"))
    assert len(sdk_gateway[1].upstream.requests) == begin + 3


def test_errors(sdk_gateway):
    statuses = iter([400, 404, 409, 422, 429, 500, 503])
    sdk_gateway[1].script = lambda peer: peer.answer(error("some_type", "some_code", "as it was said"), next(statuses))
    finish(start(sdk_gateway[0], "errors"))


def test_a_cut_stream_is_an_error(sdk_gateway):
    def script(peer):
        peer.stream_head()
        [peer.chunk(e) for e in chat_stream()[:2]]
        peer.cut()

    sdk_gateway[1].script = script
    finish(start(sdk_gateway[0], "cut"))


@pytest.mark.alone
def test_an_abort_cancels_the_upstream(sdk_gateway):
    def script(peer):
        peer.stream_head()
        [peer.chunk(e) for e in chat_stream()[:2]]
        peer.stall()

    sdk_gateway[1].script = script
    process = start(sdk_gateway[0], "abort")
    assert process.stdout.readline() == "aborting\n"
    told = time.monotonic()
    peer = sdk_gateway[1].upstream.peers[-1]
    assert peer.closed.wait(10)
    assert peer.closed_at - told <= 0.1 * PATIENCE
    finish(process)
