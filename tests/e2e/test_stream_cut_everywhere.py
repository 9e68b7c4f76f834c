"""Streams arrive the same however they are chunked, and cut at any byte never look complete."""
import pathlib
import random

import pytest

from client import data_of
from upstream import Upstream
from harness import Gateway, one_model

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "golden/stream"
STREAMS = sorted(FOLDER.glob("*.sse"))


@pytest.fixture(scope="module")
def relay(tmp_path_factory):
    """relay(parts): what the caller gets of an upstream that says these parts, then closes."""
    saying = {}

    def script(peer):
        peer.head(200, [("content-type", "text/event-stream"), ("connection", "close")])
        for part in saying["parts"]:
            peer.send(part)
        peer.cut()

    with Upstream(script) as up, Gateway(tmp_path_factory.mktemp("relay"), one_model(up)) as gateway:
        def relay(parts, target):
            saying["parts"] = parts
            s = gateway.open_stream(target=target, stream_options={"include_usage": True})
            with s.connection:
                s.events() if s.answer.status == 200 else s.connection.read_body()
            return s

        yield relay


def target_of(path):
    return "/v1/responses" if path.stem.startswith("responses") else "/v1/chat/completions"


def whole_end(text):
    """How many bytes of the stream make it whole: up to the end of its last finish event."""
    end, at = None, 0
    for block in text.split(b"\n\n"):
        at += len(block) + 2
        data = data_of(block)
        if isinstance(data, dict) and (any(c.get("finish_reason") for c in data.get("choices", []))
                                       or data.get("type") == "response.completed"):
            end = at
    return end


@pytest.mark.parametrize("path", STREAMS, ids=lambda p: p.stem)
def test_chunks_do_not_matter(relay, path):
    text, dice = path.read_bytes(), random.Random(path.stem)
    expected = relay([text], target_of(path)).raw
    assert expected.rstrip().endswith(b"[DONE]") or path.stem.startswith("responses")
    for _ in range(25):
        cuts = sorted(dice.sample(range(1, len(text)), dice.randrange(1, 40)))
        parts = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)])]
        assert relay(parts, target_of(path)).raw == expected


@pytest.mark.parametrize("path", STREAMS, ids=lambda p: p.stem)
def test_a_cut_never_looks_complete(relay, path):
    text = path.read_bytes()
    end = whole_end(text.replace(b"\r\n", b"\n"))
    whole = relay([text], target_of(path)).raw
    for at in range(len(text)):
        s = relay([text[:at]], target_of(path))
        if s.answer.status != 200:
            assert s.answer.status == 502
            continue
        blocks = [b for b in s.raw.split(b"\n\n") if b]
        if len(text[:at].replace(b"\r\n", b"\n")) < end:
            assert b"[DONE]" not in s.raw and b"error" in blocks[-1], (at, s.raw[-200:])
            blocks.pop()
        for block in blocks:
            assert block in whole or block == b"data: [DONE]"
