"""A budget holds to the nano-dollar, and says so before anybody is asked."""
import json
import random
import threading
from decimal import Decimal

import pytest

from client import Gone
from harness import PRICE, chat_body, until
from upstream import chat, chat_stream, error, event, piece, usage

PRICES = {"up/m-1": PRICE}
NUSD = 10**9


def script(peer):
    peer.stream(chat_stream()) if peer.request.json.get("stream") else peer.answer(chat())


def set_budget(gateway, usd="0.01", per="total", team="red", *more):
    gateway.cli("budgets", "set", "--team", team, "--usd", usd, "--per", per, *more)


def only(gateway):
    [budget] = gateway.cli("budgets", "list", "--json")
    return budget


def nusd(text):
    return int(Decimal(text) * NUSD)


def test_list_has_its_exact_form(pair):
    gateway, _ = pair(script, prices=PRICES)
    key = gateway.default_key()
    set_budget(gateway)
    budget = only(gateway)
    for name, value in {"team": "red", "key": None, "per": "total", "limit_usd": "0.010000000",
                        "spent_usd": "0.000000000", "reserved_usd": "0.000000000", "limit_tokens": None,
                        "spent_tokens": 0, "reserved_tokens": 0}.items():
        assert budget[name] == value
    assert gateway.chat(key=key).status == 200
    until(lambda: gateway.last_row())
    budget = only(gateway)
    spent = gateway.rows("select sum(cost_nusd) n from requests")[0]["n"]
    assert nusd(budget["spent_usd"]) == spent > 0
    assert budget["reserved_usd"] == "0.000000000" and budget["spent_tokens"] == 11
    gateway.stop()
    assert only(gateway)["spent_usd"] == budget["spent_usd"]  # in process, from the ledger


def test_what_was_spent_before_counts(pair):
    gateway, _ = pair(script, prices=PRICES)
    for _ in range(3):
        assert gateway.chat().status == 200
    set_budget(gateway, per="month")
    spent = gateway.rows("select sum(cost_nusd) n from requests")[0]["n"]
    assert nusd(only(gateway)["spent_usd"]) == spent


def test_a_refusal_names_the_budget_and_its_reset(pair):
    gateway, up = pair(script, prices=PRICES)
    key = gateway.default_key()
    for per, reset in (("day", "it resets at 20"), ("total", "it does not reset")):
        set_budget(gateway, "0.000001", per)
        answer = gateway.chat(key=key)
        assert answer.status == 429
        assert answer.error["code"] == answer.error["type"] == "insufficient_quota"
        assert answer.header("x-should-retry") == "false"
        assert "the budget of team 'red'" in answer.error["message"] and reset in answer.error["message"]
        assert "$0.000001000" in answer.error["message"]
        assert (answer.header("retry-after") is not None) == (per == "day")
        gateway.cli("budgets", "delete", "--team", "red", "--per", per)
    assert gateway.chat(key=key).status == 200
    assert len(up.requests) == 1
    rows = gateway.rows("select * from requests where status = 429")
    assert all(r["finish"] == "refused" and r["cost_nusd"] == 0 and r["cost_source"] == "none" for r in rows)


def test_a_key_has_its_own(pair):
    gateway, _ = pair(script, prices=PRICES)
    poor, rich = gateway.new_key("red"), gateway.new_key("red")
    gateway.cli("budgets", "set", "--key", poor["id"], "--tokens", "10", "--per", "hour")
    answer = gateway.chat(key=poor["key"])
    assert answer.status == 429 and "the budget of this key" in answer.error["message"]
    assert "of 10 tokens an hour" in answer.error["message"]
    assert gateway.chat(key=rich["key"]).status == 200
    shown = gateway.get("/v1/usage", poor["key"]).json
    assert shown["budgets"][0]["limit_tokens"] == 10 and shown["budgets"][0]["key"] == poor["id"]


def test_the_maximum_is_sent_where_the_caller_names_none(pair):
    gateway, up = pair(script, prices=PRICES)
    key = gateway.default_key()
    assert gateway.chat(key=key).header("x-penstock-max-output") is None
    assert "max_completion_tokens" not in up.last.json
    set_budget(gateway, "0.5")
    answer = gateway.chat(key=key)
    assert answer.header("x-penstock-max-output") == "4096"
    assert up.last.json["max_completion_tokens"] == 4096
    left = NUSD // 2 - gateway.rows("select sum(cost_nusd) n from requests")[0]["n"]
    assert nusd(answer.header("x-penstock-budget-left-usd")) in (left, left - gateway.last_row()["cost_nusd"])
    answer = gateway.chat(key=key, max_tokens=7)
    assert answer.header("x-penstock-max-output") is None and up.last.json["max_tokens"] == 7
    assert "max_completion_tokens" not in up.last.json


def test_an_unpriced_model_is_refused_where_money_is_limited(pair):
    gateway, up = pair(script)
    key = gateway.default_key()
    set_budget(gateway, "5")
    answer = gateway.chat(key=key)
    assert answer.status == 400 and answer.error["code"] == "model_unpriced" and not up.requests
    gateway.cli("budgets", "delete", "--team", "red")
    assert gateway.chat(key=key).status == 200


def test_usage_above_the_bound_is_booked_and_closes_the_budget(pair):
    gateway, _ = pair(lambda peer: peer.answer(chat(counts=usage(1000, 900_000))), prices=PRICES)
    key = gateway.default_key()
    set_budget(gateway, "1")
    assert gateway.chat(key=key, max_tokens=10).status == 200
    row = gateway.last_row()
    assert row["over_bound"] == 1 and row["cost_nusd"] == 1350500000 and row["cost_source"] == "reported"
    answer = gateway.chat(key=key, max_tokens=1)
    assert answer.status == 429 and "is closed" in answer.error["message"]
    assert only(gateway)["closed"] is True
    set_budget(gateway, "5")
    assert gateway.chat(key=key, max_tokens=10).status == 200
    answers = [gateway.chat(key=key, max_tokens=1).status for _ in range(3)]
    assert answers == [429] * 3
    until(lambda: gateway.log.count('"percent":0') == 2)  # one notice for each time it was open


def test_another_attempt_is_only_made_if_the_budget_has_it(pair, upstream, gateway):
    failing = upstream(lambda peer: peer.answer({**chat(counts=usage(9, 2)), "error": error()["error"]}, 500))
    good = upstream(script)
    config = {"providers": {n: {"dialect": "openai", "base_url": u.url} for n, u in (("a", failing), ("b", good))},
              "models": {"m": {"targets": [{"provider": "a", "model": "m"}, {"provider": "b", "model": "m"}]}}}
    g = gateway(config, prices={"a/m": PRICE, "b/m": PRICE})
    key = g.default_key()
    set_budget(g, "0.000100")
    answer = g.chat(key=key, max_tokens=20)
    assert answer.status == 200 and answer.header("x-penstock-attempts") == "2"


def test_a_prompt_of_the_whole_budget_in_the_air_refuses_the_rest(pair):
    free = threading.Event()

    def slow(peer):
        free.wait(20)
        peer.answer(chat(counts=usage(10, 10)))

    gateway, up = pair(slow, prices={"up/m-1": {"input": "0", "output": "1000"}})
    key = gateway.default_key()
    set_budget(gateway, "0.010")
    body = chat_body(max_tokens=10)
    with gateway.connect() as c:
        c.request("POST", "/v1/chat/completions", gateway.headers(key), body)
        up.wait_requests(1)
        assert only(gateway)["reserved_usd"] == "0.010000000"
        answer = gateway.chat(key=key, max_tokens=1)
        assert answer.status == 429 and "$0.010000000 reserved" in answer.error["message"]
        free.set()
        assert c.read_answer().status == 200
    assert gateway.chat(key=key, max_tokens=1).status == 429


def test_explain_foretells_the_refusal(pair, tmp_path):
    gateway, up = pair(script, prices=PRICES)
    made = gateway.new_key("red")
    set_budget(gateway, "0.000001")
    told = json.loads(gateway.run("explain", "-", "--key", made["id"], stdin=json.dumps(chat_body())).stdout)
    answer = gateway.chat(key=made["key"])
    assert told["would"] == "refuse" and told["status"] == answer.status == 429
    assert told["error"]["message"] == answer.error["message"]
    assert told["budgets"][0]["verdict"] == "refuse" and told["bound"]["cost_usd"] == "0.006153000"
    dry = gateway.post("/v1/chat/completions", chat_body(), made["key"], [("x-penstock-dry-run", "true")])
    assert dry.status == 429 and not up.requests
    assert only(gateway)["reserved_usd"] == "0.000000000"


BAD = [
    (["set", "--team", "nobody", "--usd", "1", "--per", "day"], "there is no team 'nobody'; see: penstock teams list"),
    (["set", "--key", "key_none", "--usd", "1", "--per", "day"], "there is no key 'key_none'; see: penstock keys list"),
    (["set", "--team", "red", "--usd", "1", "--per", "week"],
     "there is no window 'week'; per is one of hour, day, month, total"),
    (["set", "--team", "red", "--usd", "1"], "say per which window: hour, day, month or total"),
    (["set", "--team", "red", "--per", "day"], "a budget limits usd or tokens: give one of them"),
    (["set", "--team", "red", "--usd", "-1", "--per", "day"],
     'usd is no amount of dollars; write it as "12.50", with nine places at most'),
    (["set", "--team", "red", "--usd", "0.0000000001", "--per", "day"],
     'usd is no amount of dollars; write it as "12.50", with nine places at most'),
    (["set", "--team", "red", "--usd", "ten", "--per", "day"],
     'usd is no amount of dollars; write it as "12.50", with nine places at most'),
    (["set", "--team", "red", "--tokens", "1.5", "--per", "day"], "tokens is a whole number, 0 or more"),
    (["set", "--team", "red", "--tokens", "-3", "--per", "day"], "tokens is a whole number, 0 or more"),
    (["release", "--team", "red"], "it has no budget; see: penstock budgets list"),
    (["delete", "--team", "red", "--per", "day"], "there is no such budget; see: penstock budgets list"),
]


def test_bad_commands_say_what_is_wrong(pair):
    gateway, _ = pair(script, prices=PRICES)
    gateway.default_key()
    for args, says in BAD:
        done = gateway.run("budgets", *args)
        assert (done.returncode, done.stderr) == (1, f"penstock: {says}\n"), args
    assert gateway.run("budgets", "set", "--usd", "1", "--per", "day").returncode == 2
    assert gateway.run("budgets", "set", "--team", "a", "--key", "b", "--usd", "1", "--per", "day").returncode == 2
    assert gateway.cli("budgets", "list", "--json") == []
    set_budget(gateway, "1", "day", "red", "--dry-run")
    assert gateway.cli("budgets", "list", "--json") == []


# Many clients, and an upstream that tells less than it charges for, or nothing.

class Bill:
    """An upstream's own account: what its tokens cost, whatever it says."""

    def __init__(self, dice):
        self.dice, self.nusd, self.lock = dice, 0, threading.Lock()

    def __call__(self, peer):
        asked = peer.request.json
        most = asked.get("max_completion_tokens") or asked["max_tokens"]
        with self.lock:
            output, how = self.dice.randrange(most + 1), self.dice.choice(["told", "told", "untold", "cut", "failed"])
        told = usage(5, output) if how == "told" else None
        if how == "failed":
            peer.answer(error(), 500)
        elif how == "cut":
            peer.stream_head()
            peer.chunk(event(piece("x")))
            peer.cut()
        elif asked.get("stream"):
            peer.stream(chat_stream(counts=told))
        else:
            peer.answer(chat(counts=told))


def storm(gateway, key, dice, clients, each, stop=None):
    statuses, lock = [], threading.Lock()

    def work(seed):
        own = random.Random(seed)
        try:
            for _ in range(each):
                body = chat_body(stream=own.random() < .5)
                if own.random() < .9:
                    body["max_tokens"] = own.choice([1, 5, 50, 300, 10**12 if own.random() < .2 else 100])
                answer = gateway.post("/v1/chat/completions", body, key)
                with lock:
                    statuses.append(answer.status)
        except (OSError, Gone):
            pass

    threads = [threading.Thread(target=work, args=(dice.random(),)) for _ in range(clients)]
    [t.start() for t in threads]
    return threads, statuses


def test_many_clients_never_spend_more_than_the_budget(pair):
    """500 of them: test_budget_storms.py."""
    dice = random.Random(0)
    gateway, _ = pair(Bill(dice), prices={"up/m-1": {"input": "0", "output": "10000", "default_max_output": 100}},
                      loops=2)
    key = gateway.default_key()
    set_budget(gateway, "1")
    threads, statuses = storm(gateway, key, dice, 60, 6)
    [t.join() for t in threads]
    assert 0 < nusd(only(gateway)["spent_usd"]) <= NUSD
    until(lambda: not gateway.rows("select 1 from requests where finish is null"))
    spent = gateway.rows("select sum(cost_nusd) n from requests")[0]["n"]
    assert nusd(only(gateway)["spent_usd"]) == spent <= NUSD
    assert only(gateway)["reserved_usd"] == "0.000000000"
    assert 429 in statuses and 200 in statuses
    assert gateway.rows("select count(*) n from requests where over_bound")[0]["n"] == 0


@pytest.mark.alone
@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.long)])
def test_killed_it_counts_what_it_leased_until_it_is_released(pair, kills):
    gateway, up = pair(script, prices={"up/m-1": {"input": "0", "output": "1000", "default_max_output": 1000}}, loops=2)
    key, dice = gateway.default_key(), random.Random(7)
    set_budget(gateway, "1")  # an answer costs 0.002; a bound is 0.001 a token of max_tokens
    before = 0
    for _ in range(kills):
        threads, _ = storm(gateway, key, dice, 8, 10**6)
        until(lambda: len(up.requests) > before + 20 or only_status(gateway, key) == 429)
        threading.Event().wait(dice.uniform(0, 0.1))  # the moment is the test
        gateway.kill()
        [t.join() for t in threads]
        before = len(up.requests)
        charged = before * 2_000_000
        gateway.start()
        budget = only(gateway)
        assert charged <= nusd(budget["spent_usd"]) <= NUSD
        gateway.cli("ledger", "verify")
    assert nusd(only(gateway)["lost_usd"]) > 0
    gateway.cli("budgets", "release", "--team", "red")
    budget = only(gateway)
    orphans = gateway.rows("select coalesce(sum(cost_nusd), 0) n from attempts where finish = 'orphan'")[0]["n"]
    ledger = gateway.rows("select sum(cost_nusd) n from requests")[0]["n"]
    assert nusd(budget["spent_usd"]) == ledger - orphans and budget["lost_usd"] == "0.000000000"
    assert gateway.chat(key=key, max_tokens=1).status == 200


def only_status(gateway, key):
    return gateway.chat(key=key, max_tokens=1).status


def test_nothing_is_refused_where_all_bounds_fit(pair):
    gateway, _ = pair(script, prices={"up/m-1": {"input": "0", "output": "1000"}}, loops=2)
    key, n = gateway.default_key(), 40
    set_budget(gateway, "0.400")
    statuses = []
    threads = [threading.Thread(target=lambda: statuses.append(gateway.chat(key=key, max_tokens=10).status))
               for _ in range(n)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert statuses == [200] * n


def test_a_stream_that_ignores_its_maximum_is_cut_where_the_budget_ends(pair):
    gone = threading.Event()

    def endless(peer):
        peer.stream_head()
        while not peer.closed.is_set():
            peer.event(piece("x" * 4000))
            peer.read_more(0.001) if peer.closed.is_set() else None
        gone.set()

    gateway, _ = pair(endless, prices={"up/m-1": {"input": "0", "output": "1000"}})
    key = gateway.default_key()
    set_budget(gateway, "0.1")  # 100 tokens
    s = gateway.stream(key=key, max_tokens=10)
    assert s.found[-1] == "[DONE]" and not s.cut
    last = s.found[-2]
    assert last["penstock"] == {"stopped": "budget"} and last["model"] == "m" and last["id"] == "chatcmpl-1"
    assert last["choices"] == [{"index": 0, "delta": {}, "finish_reason": "length"}]
    assert gone.wait(20)
    row = gateway.last_row()
    assert row["finish"] == "budget_cut" and row["status"] == 200 and row["cost_source"] == "estimated"
    assert 10 * 10**6 < row["cost_nusd"] <= NUSD // 10
    assert gateway.attempt_rows(row["request_id"])[0]["finish"] == "budget_cut"
    assert nusd(only(gateway)["spent_usd"]) == row["cost_nusd"]
    gateway.cli("ledger", "verify")


def test_a_budget_that_is_set_while_a_request_runs_counts_it(pair):
    free = threading.Event()

    def slow(peer):
        free.wait(20)
        script(peer)

    gateway, up = pair(slow, prices=PRICES)
    key = gateway.default_key()
    with gateway.connect() as c:
        c.request("POST", "/v1/chat/completions", gateway.headers(key), chat_body())
        up.wait_requests(1)
        set_budget(gateway)
        free.set()
        assert c.read_answer().status == 200
    spent = gateway.last_row()["cost_nusd"]
    assert spent > 0 and nusd(only(gateway)["spent_usd"]) == spent


def test_a_ledger_that_keeps_nothing_takes_no_budgets(pair):
    gateway, _ = pair(script, prices=PRICES)
    gateway.default_key()
    set_budget(gateway)
    gateway.stop()
    gateway.write_config({**gateway.config, "ledger": {"durability": "none"}})
    says = "ledger.durability' is none, but there are budgets, which need a ledger; see: penstock budgets list\n"
    done = gateway.run("check")
    assert done.returncode == 1 and done.stderr.endswith(says) and str(gateway.config_file) in done.stderr
    served = gateway.run("serve")
    assert served.returncode == 1 and "there are budgets" in served.stderr
    gateway.cli("budgets", "delete", "--team", "red")
    assert gateway.run("check").returncode == 0
    with gateway:
        done = gateway.run("budgets", "set", "--team", "red", "--usd", "1", "--per", "day")
        assert done.stderr == "penstock: budgets need a ledger, and ledger.durability is none\n"


def test_a_dry_run_in_process_changes_nothing_and_says_nothing_of_it(pair):
    gateway, _ = pair(script, prices=PRICES)
    gateway.default_key()
    set_budget(gateway)
    assert gateway.chat().status == 200
    gateway.kill()
    for _ in range(2):  # what would be lost is seen, but not written down
        done = gateway.run("budgets", "release", "--team", "red", "--dry-run", "--json")
        assert done.returncode == 0 and not done.stderr and nusd(json.loads(done.stdout)["released_usd"]) > 0
    done = gateway.run("budgets", "set", "--team", "red", "--usd", "1", "--per", "total", "--dry-run")
    assert done.returncode == 0 and not done.stderr
    assert only(gateway)["limit_usd"] == "0.010000000"
