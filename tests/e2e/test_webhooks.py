"""Whoever wants to know is told once that a budget nears its end: signed, and again until it was heard."""
import base64
import hashlib
import hmac
import threading

from harness import until
from upstream import chat, usage

PRICES = {"up/m-1": {"input": "0", "output": "1000", "default_max_output": 100}}


def script(peer):
    peer.answer(chat(counts=usage(0, 10)))  # a cent


def accept(peer):
    peer.answer({})


def hook_of(gateway, hook, key):
    """Checks the signature as Standard Webhooks has it; gives the body."""
    request_id, stamp = hook.header("webhook-id"), hook.header("webhook-timestamp")
    signed = f"{request_id}.{stamp}.".encode() + hook.body
    mac = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert hook.header("webhook-signature") == f"v1,{mac}"
    return hook.json


def derived(gateway):
    master = (gateway.data / "master.key").read_bytes()
    prk = hmac.new(bytes(32), master, hashlib.sha256).digest()
    return hmac.new(prk, b"webhook\x01", hashlib.sha256).digest()


def spend(gateway, key, times):
    for _ in range(times):
        answer = gateway.chat(key=key, max_tokens=10)
        assert answer.status == 200
    return answer


def test_thresholds_are_told_once(pair, upstream):
    hook, other = upstream(accept), upstream(accept)
    secret = base64.b64encode(b"thirty-two bytes of a secret key").decode()
    gateway, _ = pair(script, prices=PRICES, webhooks=[
        {"on": ["budget"], "url": hook.url + "/hook"},
        {"on": ["breaker", "budget"], "url": other.url, "secret": "whsec_" + secret},
        {"on": ["canary"], "url": "http://127.0.0.1:9/never"}])
    key = gateway.default_key()
    gateway.cli("budgets", "set", "--team", "red", "--usd", "0.20", "--per", "month")
    assert spend(gateway, key, 15).header("x-penstock-budget-warning") is None
    assert spend(gateway, key, 1).header("x-penstock-budget-warning") == "team month 80%"
    told = hook_of(gateway, hook.wait_requests(1), derived(gateway))
    assert told["type"] == "budget.threshold" and told["data"]["percent"] == 80
    assert told["data"]["team"] == "red" and told["data"]["limit_usd"] == "0.200000000"
    assert told["data"]["spent_usd"] == "0.160000000" and told["data"]["measure"] == "usd"
    assert spend(gateway, key, 4).header("x-penstock-budget-warning") == "team month 95%"
    told = hook_of(gateway, hook.wait_requests(2), derived(gateway))
    assert told["data"]["percent"] == 95
    assert gateway.chat(key=key, max_tokens=10).status == 429
    assert hook_of(gateway, other.wait_requests(2), base64.b64decode(secret))["data"]["percent"] == 95
    metrics = gateway.get("/metrics", None).body.decode()
    assert "penstock_budget_thresholds_total 2" in metrics and "penstock_over_budget_total 1" in metrics
    assert len(hook.requests) == 2


def test_what_was_not_heard_is_told_again(pair, upstream):
    hook = upstream([lambda peer: peer.answer({}, 503), accept])
    gateway, _ = pair(script, prices=PRICES, webhooks=[{"on": "budget", "url": hook.url}])
    gateway.cli("teams", "create", "blue")
    key = gateway.default_key()
    gateway.cli("budgets", "set", "--team", "red", "--usd", "0.011", "--per", "total")
    spend(gateway, key, 1)
    hook.wait_requests(2)
    first, second = hook.requests
    assert first.header("webhook-id") == second.header("webhook-id") and first.body == second.body
    hook_of(gateway, second, derived(gateway))


def test_one_that_hangs_does_not_hold_up_the_end(pair, upstream):
    free = threading.Event()
    hook = upstream(lambda peer: free.wait(20))
    gateway, _ = pair(script, prices=PRICES, webhooks=[{"on": "budget", "url": hook.url}])
    key = gateway.default_key()
    gateway.cli("budgets", "set", "--team", "red", "--usd", "0.011", "--per", "total")
    spend(gateway, key, 1)
    hook.wait_requests(1)
    gateway.process.terminate()
    gateway.process.terminate()
    until(lambda: gateway.process.poll() is not None)
    free.set()
    assert gateway.process.returncode == 0
