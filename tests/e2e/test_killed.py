"""Killed at any moment, the ledger verifies, orphans are flagged, and a restart answers within a second."""
import random
import threading
import time

import pytest

from client import Gone
from harness import PATIENCE, PRICE, chat_body, until
from upstream import chat, chat_stream

pytestmark = pytest.mark.alone


class Load:
    """Clients that ask for as long as the gateway lives, and know which answers they have seen a byte of."""

    def __init__(self, gateway, key):
        self.gateway, self.key = gateway, key
        self.answered, self.lock = [], threading.Lock()
        self.threads = [threading.Thread(target=self.ask, args=(n,)) for n in range(6)]
        [t.start() for t in self.threads]

    def ask(self, n):
        try:
            with self.gateway.connect() as c:
                while True:
                    c.request("POST", "/v1/chat/completions", self.gateway.headers(self.key), chat_body(stream=n % 2 == 0))
                    head = c.read_head()
                    if c.read_part():
                        with self.lock:
                            self.answered.append((time.monotonic(), head.header("x-request-id")))
                    while c.read_part():
                        pass
        except (OSError, Gone):
            pass

    def join(self):
        [t.join() for t in self.threads]


def script(peer):
    peer.stream(chat_stream()) if peer.request.json.get("stream") else peer.answer(chat())


def kill_once(gateway, key, dice, lost):
    load = Load(gateway, key)
    threading.Event().wait(dice.uniform(0.05, 0.4))  # the moment is the test
    killed = time.monotonic()
    gateway.kill()
    load.join()
    began = time.monotonic()
    gateway.start()
    assert gateway.chat(key=key).status == 200
    assert time.monotonic() - began <= 1.0 * PATIENCE
    known = {r["request_id"] for r in gateway.rows("select request_id from requests")}
    lost += [(killed - at) for at, request_id in load.answered if request_id not in known]
    until(lambda: not gateway.rows("select * from requests where finish is null"), says="the last row to be settled")
    for row in gateway.rows("select * from requests where finish = 'orphan'"):
        assert row["cost_source"] == "bound" and row["output_tokens"] > 0 and row["cost_nusd"] > 0
    gateway.cli("ledger", "verify")


@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=pytest.mark.long)])
@pytest.mark.parametrize("durability", ["strict", "batched"])
def test_kill(pair, durability, kills):
    gateway, _ = pair(script, prices={"up/m-1": PRICE}, ledger={"durability": durability})
    key, dice, lost = gateway.default_key(), random.Random(durability), []
    for _ in range(kills):
        kill_once(gateway, key, dice, lost)
    print(f"{durability}: {len(lost)} answered requests lost, the oldest {max(lost, default=0) * 1000:.0f} ms "
          "before the kill")
    if durability == "strict":
        assert not lost
    else:
        assert max(lost, default=0) <= 0.5 * PATIENCE  # rows wait 25 ms for company; what is printed is the measure
