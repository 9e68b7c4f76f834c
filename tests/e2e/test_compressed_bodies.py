"""Compressed request bodies are decoded within the body limit and go on as they were before."""
import gzip
import json
import zlib

import brotli
import pytest
import zstandard

from harness import chat_body
from upstream import chat

BODY = json.dumps(chat_body(text="hello " * 2000)).encode()


def raw_deflate(data):
    c = zlib.compressobj(wbits=-15)
    return c.compress(data) + c.flush()


PACKERS = {"gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstandard.compress, "br": brotli.compress}


def post(gateway, body, encoding):
    return gateway.post("/v1/chat/completions", body, headers=[("content-encoding", encoding)])


@pytest.fixture
def plain(pair):
    return pair(lambda peer: peer.answer(chat()))


@pytest.mark.parametrize("name", [*PACKERS, "GZIP", "x-gzip", "identity"])
def test_it_is_decoded(plain, name):
    gateway, up = plain
    pack = PACKERS.get(name.lower().removeprefix("x-"), bytes)
    assert post(gateway, pack(BODY), name).status == 200
    assert up.last.body == BODY.replace(b'"m"', b'"m-1"')
    assert up.last.header("content-encoding") is None


def test_deflate_without_its_wrapper(plain):
    gateway, up = plain
    assert post(gateway, raw_deflate(BODY), "deflate").status == 200


def test_two_gzip_members(plain):
    gateway, up = plain
    assert post(gateway, gzip.compress(BODY[:100]) + gzip.compress(BODY[100:]), "gzip").status == 200
    assert up.last.json["model"] == "m-1"


@pytest.mark.parametrize("name", PACKERS)
def test_a_bomb(pair, name):
    gateway, up = pair(lambda peer: peer.answer(chat()), server={"body_bytes": "1M"})
    answer = post(gateway, PACKERS[name](b" " * 50_000_000), name)
    assert (answer.status, answer.error["code"]) == (413, "request_too_large")
    assert gateway.rss_bytes() < 200_000_000
    assert not up.requests


@pytest.mark.parametrize("name", ["compress", "x", "gzip;q=1"])
def test_415(plain, name):
    gateway, _ = plain
    answer = post(gateway, gzip.compress(BODY), name)
    assert (answer.status, answer.error["code"]) == (415, "unsupported_content_encoding")


@pytest.mark.parametrize("name", PACKERS)
@pytest.mark.parametrize("spoil", [lambda b: b[:-5], lambda b: b[:20] + bytes([b[20] ^ 255]) + b[21:] + b"x",
                                   lambda b: b"nothing of the kind"])
def test_400_for_what_does_not_decode(plain, name, spoil):
    gateway, up = plain
    answer = post(gateway, spoil(PACKERS[name](BODY)), name)
    assert answer.status == 400
    assert not up.requests
