"""A secret in a caller's body is in no log, metric, error or file of the gateway."""
import resource
import signal

import pytest

from upstream import chat, chat_stream, error

CANARY = "canary-7f3b9a1e55d2"


def test_it_is_nowhere(pair):
    def script(peer):
        if peer.index % 3 == 0:
            peer.answer(chat(f"you said {CANARY}"))
        elif peer.index % 3 == 1:
            peer.stream(chat_stream([CANARY]))
        else:
            peer.answer(error("server_error", "x", "no"), 500)

    gateway, up = pair(script)
    for _ in range(3):
        gateway.chat(text=CANARY, user="someone", metadata={"note": CANARY})
        gateway.stream(text=CANARY)
        gateway.chat(text=CANARY)
    answers = [gateway.post("/v1/chat/completions", body) for body in (
        ('{"model": "m", "messages": [{"content": "' + CANARY + '"}').encode(),
        ('{"model": "m", "stream": "' + CANARY + '"}').encode(),
        ('{"model": "m", "x": ' + CANARY + "}").encode(),
        ('{"model": ["' + CANARY + '"]}').encode())]
    assert all(a.status == 400 and CANARY not in a.body.decode() for a in answers)
    metrics = gateway.get("/metrics", key=None).body.decode()
    gateway.request_row(answers[-1].header("x-request-id"))
    files = {p: p.read_bytes() for p in gateway.data.rglob("*") if p.is_file()}
    assert any(p.name == "penstock.db-wal" for p in files)
    gateway.stop()
    files.update({p: p.read_bytes() for p in gateway.data.rglob("*") if p.is_file()})
    assert CANARY not in gateway.log and CANARY not in metrics
    assert [p for p, text in files.items() if CANARY.encode() in text] == []
    assert len(up.requests) == 9


@pytest.mark.alone
def test_it_is_in_no_core(pair):
    gateway, _ = pair(lambda peer: peer.stall())
    key = gateway.default_key()
    resource.prlimit(gateway.pid, resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    with gateway.connect() as c:
        c.request("POST", "/v1/chat/completions", gateway.headers(key), {"model": "m", "x": CANARY})
        gateway.process.send_signal(signal.SIGABRT)
        gateway.process.wait(20)
    assert gateway.process.returncode != 0
    assert not list(gateway.folder.glob("core*"))
