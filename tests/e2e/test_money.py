"""Money adds up: to the nano-dollar against a second opinion, and the same in every report."""
import decimal
import itertools
import json
import random
import threading
from decimal import ROUND_HALF_EVEN, Decimal

import pytest

from harness import Gateway
from upstream import Upstream, chat, chat_stream, error, event, piece, usage

MILLION = Decimal(1_000_000)
DIMENSIONS = ["team", "model", "provider", "key", "day", "tag.app", "team,model", "tag.none"]

# Seven nano-USD for three tokens does not divide; tiers hold above so many input tokens.
PRICES = {
    "up/m0": {"input": "2333.333333", "output": "1", "cached_input": "0.333333"},
    "up/m1": {"input": "0.000001", "output": "0.000003"},
    "up/m2": {"input": "1.25", "output": "10", "cached_input": "0.125",
              "tiers": [{"above_input": 200000, "input": "2.5", "output": "15", "cached_input": "0.25"}]},
    "up/m3": {"input": "0.0007", "output": "3.1415926", "reasoning": "6.28"},
}


def price_of(model, u):
    """Nano-USD of one attempt, computed without any of the gateway's code."""
    p = PRICES[f"up/{model}"]
    cached = u.get("prompt_tokens_details", {}).get("cached_tokens", 0)
    reasoning = u.get("completion_tokens_details", {}).get("reasoning_tokens", 0)
    for tier in p.get("tiers", []):
        if u["prompt_tokens"] > tier["above_input"]:
            p = {**p, **tier}
    exact = ((u["prompt_tokens"] - cached) * Decimal(p["input"])
             + cached * Decimal(p.get("cached_input", p["input"]))
             + (u["completion_tokens"] - reasoning) * Decimal(p["output"])
             + reasoning * Decimal(p.get("reasoning", p["output"]))) / MILLION * Decimal(10**9)
    return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


class Mock:
    """Answers in turn in all the ways a request can go, and keeps a record of what it charged for."""

    def __init__(self):
        self.record = []  # (model, usage, kind)
        self.lock = threading.Lock()

    def __call__(self, peer):
        asked = peer.request.json
        model, kind = asked["model"], json.loads(asked["messages"][0]["content"])
        dice = random.Random(kind["n"])
        u = usage(dice.choice([1, 3, 7, 1000, 200_000, 200_001]), dice.randrange(0, 50_000))
        u["prompt_tokens_details"] = {"cached_tokens": dice.randrange(0, u["prompt_tokens"] + 1)}
        if model == "m3":
            u["completion_tokens_details"] = {"reasoning_tokens": dice.randrange(0, u["completion_tokens"] + 1)}
        u["total_tokens"] = u["prompt_tokens"] + u["completion_tokens"]
        how = kind["how"]
        if how == "failed over" and model != kind["last"]:
            peer.answer(error(), 500)
        elif how == "cut":
            peer.stream_head()
            peer.chunk(event(piece("some text")))
            peer.cut()
        else:
            with self.lock:
                self.record.append((model, u))
            peer.stream(chat_stream(counts=u)) if asked.get("stream") else peer.answer(chat(counts=u))


def config_of(up):
    targets = {f"p{i}": [{"provider": "up", "model": f"m{i}"}] for i in range(4)}
    targets["p0"] += targets["p1"]  # so that m0 can fail over
    return {"providers": {"up": {"dialect": "openai", "base_url": up.url}},
            "models": {name: {"targets": t} for name, t in targets.items()}}


@pytest.mark.parametrize("total", [400, pytest.param(2000, marks=pytest.mark.long)])
def test_every_report_has_the_same_total(tmp_path, total):
    decimal.getcontext().prec = 60
    mock = Mock()
    with Upstream(mock) as up, Gateway(tmp_path, config_of(up), prices=PRICES) as gateway:
        keys = [gateway.key(f"team{i}") for i in range(5)]
        hows = itertools.cycle(["body", "stream", "failed over", "body", "cut", "refused", "stream"])
        ids = run_all(gateway, keys, [(n, next(hows)) for n in range(total)])
        check(gateway, mock, ids)


def run_all(gateway, keys, jobs):
    ids, lock = [], threading.Lock()

    def work():
        while True:
            with lock:
                if not jobs:
                    return
                n, how = jobs.pop()
            model = "p0" if how == "failed over" else f"p{n % 4}"
            text = json.dumps({"n": n, "how": how, "last": "m1"})
            tags = [("x-penstock-tags", f"app=a{n % 3}")] if n % 2 else []
            if how == "refused":
                answer = gateway.chat("nobody", text, keys[n % 5], tags)
            elif how in ("stream", "cut"):
                answer = gateway.stream(model, text, keys[n % 5], tags).answer
            else:
                answer = gateway.chat(model, text, keys[n % 5], tags)
            with lock:
                ids.append((how, answer.header("x-request-id")))

    threads = [threading.Thread(target=work) for _ in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    return ids


def check(gateway, mock, ids):
    reports = {by: gateway.cli("report", "cost", "--by", by, "--format", "json") for by in DIMENSIONS}
    totals = [r["total"] for r in reports.values()]
    assert all(t == totals[0] for t in totals), totals
    assert totals[0]["requests"] == len(ids)
    for by, report in reports.items():
        for member in ("requests", "input_tokens", "output_tokens"):
            assert sum(row[member] for row in report["rows"]) == report["total"][member], by
        assert sum(Decimal(row["cost_usd"]) for row in report["rows"]) == Decimal(report["total"]["cost_usd"]), by

    attempts = gateway.rows("select * from attempts")
    reported = [a for a in attempts if a["cost_source"] == "reported"]
    assert sorted((a["model"], a["input_tokens"], a["output_tokens"], a["cost_nusd"]) for a in reported) == \
        sorted((m, u["prompt_tokens"], u["completion_tokens"], price_of(m, u)) for m, u in mock.record)
    total = gateway.rows("select sum(cost_nusd) n from requests")[0]["n"]
    assert total == sum(a["cost_nusd"] for a in attempts)
    assert Decimal(totals[0]["cost_usd"]) == Decimal(total) / 10**9

    words = {"body": "complete", "stream": "complete", "failed over": "complete", "cut": "cut", "refused": "refused"}
    finish = {r["request_id"]: r["finish"] for r in gateway.rows("select request_id, finish from requests")}
    assert {i: finish[i] for _, i in ids} == {i: words[how] for how, i in ids}
    gateway.cli("ledger", "verify")
