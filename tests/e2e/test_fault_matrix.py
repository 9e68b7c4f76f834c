"""
Whatever one upstream does wrong, as a body and as a stream: the caller sees nothing of it while there is a
healthy target and no frame has left, and what it cost is booked where it arose.
"""
import pytest

from harness import PRICE, UPSTREAM_KEY, free_port
from upstream import chat, chat_stream, error, event, piece

TIMEOUTS = {"connect": "1s", "first_token": "250ms", "idle": "250ms", "total": "5s"}


def streams(peer):
    return peer.request.json.get("stream")


def stall_midway(peer):
    if streams(peer):
        peer.stream_head()
        peer.chunk(event(piece("Hel")))
    else:
        peer.head(200, [("content-type", "application/json"), ("content-length", 5000)])
        peer.send(b'{"id": "x"')
    peer.stall()


def cut_midway(peer):
    if streams(peer):
        peer.stream_head()
        peer.chunk(event(piece("Hel")))
    else:
        peer.head(200, [("content-type", "application/json"), ("content-length", 5000)])
        peer.send(b'{"id": "x"')
    peer.cut()


def garbage(peer):
    if streams(peer):
        peer.stream([b"data: {\x00garbage\n\n"])
    else:
        peer.answer(b"{garbage")


def wrong_type(peer):
    peer.head(200, [("content-type", "text/html"), ("content-length", 6)])
    peer.send(b"<html>")


# what it does: the status that a caller sees without another target, before a frame
FAULTS = {
    "refuse": (None, 502),
    "reset": (lambda peer: peer.reset(), 502),
    "429": (lambda peer: peer.answer(error("rate_limit_error"), 429), 429),
    "429 with retry-after": (lambda peer: peer.answer(error("rate_limit_error"), 429, [("retry-after", "30")]), 429),
    "500": (lambda peer: peer.answer(error(), 500), 500),
    "503": (lambda peer: peer.answer(error(), 503), 503),
    "slow first token": (lambda peer: peer.stall(), 504),
    "stall midway": (stall_midway, 504),
    "cut midway": (cut_midway, 502),
    "garbage": (garbage, 502),
    "wrong content type": (wrong_type, 502),
}
MIDWAY = {"stall midway", "cut midway"}


def well(peer):
    if streams(peer):
        peer.stream(chat_stream())
    else:
        peer.answer(chat())


def config(ups, n):
    providers = {f"up{i}": {"dialect": "openai", "base_url": url, "api_key": UPSTREAM_KEY} for i, url in enumerate(ups)}
    targets = [{"provider": f"up{i}", "model": "m"} for i in range(n)]
    return {"providers": providers, "models": {"m": {"targets": targets, "timeouts": TIMEOUTS}}}


def ask(gateway, is_stream):
    """(answer, its events or None)"""
    if not is_stream:
        return gateway.chat(), None
    s = gateway.open_stream()
    with s.connection:
        if s.answer.status == 200:
            return s.answer, s.events()
        s.answer.body = s.connection.read_body()
    return s.answer, None


@pytest.mark.parametrize("is_stream", [False, True], ids=["body", "stream"])
@pytest.mark.parametrize("how", FAULTS)
@pytest.mark.parametrize("healthy", [False, True], ids=["alone", "with a healthy target"])
def test_matrix(gateway, upstream, how, is_stream, healthy):
    script, status = FAULTS[how]
    url = upstream(script).url if script else f"http://127.0.0.1:{free_port()}/v1"
    second = upstream(well)
    g = gateway(config([url, second.url], 2 if healthy else 1), prices={"up0/m": PRICE, "up1/m": PRICE})
    answer, found = ask(g, is_stream)
    row = g.request_row(answer.header("x-request-id"))
    attempts = g.attempt_rows(answer.header("x-request-id"))
    is_cut = is_stream and how in MIDWAY
    if is_cut:
        assert found[0]["choices"][0]["delta"]["content"] == "Hel" and "error" in found[-1]
        assert (row["finish"], row["attempts"]) == ("cut", 1) and not second.requests
        assert attempts[0]["cost_source"] == "estimated" and row["cost_nusd"] == attempts[0]["cost_nusd"] > 0
        return
    assert (attempts[0]["finish"], attempts[0]["cost_nusd"], attempts[0]["cost_source"]) == ("failed", 0, "none")
    if healthy:
        assert answer.status == 200 and (found is None or found[-1] == "[DONE]")
        assert answer.header("x-penstock-route").startswith("failover after:")
        assert [a["finish"] for a in attempts] == ["failed", "complete"]
        assert row["cost_nusd"] == attempts[1]["cost_nusd"] == 9 * 500 + 2 * 1500
    else:
        assert (answer.status, row["status"], row["finish"], row["attempts"]) == (status, status, "failed", 1)
        assert row["cost_nusd"] == 0
        if how == "429 with retry-after":
            assert answer.header("retry-after") == "30"
