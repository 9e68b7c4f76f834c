"""What a request can cost at most: images and audio by the price of the target that makes it dearest."""
import json

from harness import PRICE, chat_body
from upstream import chat, usage

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
CLIP = {"type": "input_audio", "input_audio": {"data": "A" * 16_000, "format": "mp3"}}


def bound(gateway, *parts, model="m"):
    """As a dry run says it, less the tokens that the text and its message have."""
    def ask(content):
        answer = gateway.post("/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": content}]},
                              headers=[("x-penstock-dry-run", "true")])
        assert answer.status == 200, answer.body
        return answer.json["bound"]

    text = [{"type": "text", "text": "What is this?"}]
    with_parts, without = ask(text + list(parts)), ask(text)
    return with_parts["input_tokens"] - without["input_tokens"], with_parts["cost_usd"]


def test_media_have_a_bound(pair):
    gateway, up = pair(lambda peer: peer.answer(chat()), prices={"up/m-1": PRICE})
    assert bound(gateway, IMAGE)[0] == 49_152
    assert bound(gateway, IMAGE, IMAGE)[0] == 2 * 49_152
    assert bound(gateway, CLIP)[0] == 16_000 // 16 + 64
    assert not up.requests


def test_the_price_says_what_an_image_becomes(gateway, upstream):
    up = upstream(lambda peer: peer.answer(chat()))
    flat = {"output": "0", "default_max_output": 1}
    g = gateway({"providers": {"up": {"dialect": "openai", "base_url": up.url}},
                 "models": {"m": {"targets": [{"provider": "up", "model": "cheap"}, {"provider": "up", "model": "dear"}]}}},
                prices={"up/cheap": {"input": "1", "image_tokens": 5000, **flat},
                        "up/dear": {"input": "10", "image_tokens": 1000, "audio_tokens": 300, **flat}})
    tokens, cost = bound(g, IMAGE, CLIP)
    assert tokens == 1000 + 300, "ten times the price, a fifth of the tokens: still the dearest"
    assert float(cost) >= 1300 * 10 / 1e6


def test_an_answer_within_its_bound_is_not_flagged(pair):
    """An image that became 1,445 tokens, as gpt-4o's largest does."""
    gateway, _ = pair(lambda peer: peer.answer(chat(counts=usage(1445 + 20, 5))), prices={"up/m-1": PRICE})
    body = chat_body()
    body["messages"] = [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, IMAGE]}]
    assert gateway.post("/v1/chat/completions", json.dumps(body).encode()).status == 200
    row = gateway.last_row()
    assert (row["over_bound"], row["input_tokens"], row["cost_source"]) == (0, 1465, "reported")
