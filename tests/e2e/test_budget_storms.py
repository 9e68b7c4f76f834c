"""Five hundred clients, and upstreams that tell too little: a dollar is a dollar, also for who is killed."""
import json
import random
import threading

import pytest

from crowd import Crowd
from harness import chat_body, until
from test_budgets import NUSD, nusd, only, set_budget

TOKEN_NUSD = 100_000  # a dollar is 10,000 tokens
PRICES = {"up/m-1": {"input": "0", "output": "100", "default_max_output": 50}}
LYING = ["told", "told", "untold", "understated", "cut", "failed"]
CLIENTS = 500
SEEDS = [pytest.param(seed, marks=pytest.mark.long) for seed in range(20)]
pytestmark = pytest.mark.alone


def small(dice):
    """At most .5 % of the budget."""
    return json.dumps(chat_body(stream=dice.random() < .5, max_tokens=dice.randint(1, 50))).encode()


def tiny(dice):
    """So that what 500 of them have in the air is a part of the budget that a kill may cost several times."""
    return json.dumps(chat_body(stream=dice.random() < .5, max_tokens=dice.randint(1, 5))).encode()


def adversarial(dice):
    """As much as can be written, twice, in both members, for many choices, or not at all."""
    body = json.dumps(chat_body(stream=dice.random() < .5))[:-1]
    most = dice.choice(["1", "50", "50", "50", "3000", "9999", "10000", "10001", "4294967296", "9223372036854775807"])
    body += dice.choice(["", f', "max_tokens": {most}', f', "max_completion_tokens": {most}',
                         f', "max_tokens": 1, "max_completion_tokens": {most}', f', "max_tokens": {most}, "n": 7',
                         f', "max_tokens": {most}, "max_tokens": 1', f', "max_tokens": 1, "max_tokens": {most}',
                         f', "max_tokens": -{most}', ', "max_tokens": 1e3', ', "max_tokens": null'])
    return (body + "}").encode()


@pytest.fixture
def storm(gateway):
    """storm(seed, hows, bodies): a gateway of two loops with a dollar, its key, and a crowd around it."""
    crowds = []

    def make(seed, hows, bodies, usd="1", **more):
        crowd = Crowd(seed, hows, bodies).__enter__()
        crowds.append(crowd)
        g = gateway({"providers": {"up": {"dialect": "openai", "base_url": crowd.url, "api_key": "k"}}, "loops": 2,
                     "models": {"m": {"targets": [{"provider": "up", "model": "m-1"}]}}, **more}, prices=PRICES)
        key = g.default_key()
        set_budget(g, usd)
        return g, key, crowd

    yield make
    for crowd in crowds:
        crowd.__exit__(None)


def settled(gateway, crowd, what):
    """What is spent once nothing is in the air: the budget and the ledger say the same."""
    until(lambda: only(gateway)["reserved_usd"] == "0.000000000", says="the end of what is reserved")
    until(lambda: not gateway.rows("select 1 from requests where finish is null"), says="the last row")
    spent = nusd(only(gateway)["spent_usd"])
    assert spent == gateway.rows("select sum(cost_nusd) n from requests")[0]["n"]
    assert gateway.rows("select count(*) n from requests where over_bound")[0]["n"] == 0
    gateway.cli("ledger", "verify")
    told(what, crowd, spent)
    return spent


def told(what, crowd, spent):
    n = {s: crowd.statuses.count(s) for s in sorted(set(crowd.statuses))}
    print(f"\n{what}, seed {crowd.seed}: {len(crowd.statuses)} answers {n}; spent ${spent / NUSD:.9f}, "
          f"told ${crowd.told * TOKEN_NUSD / NUSD:.4f}, made ${crowd.made * TOKEN_NUSD / NUSD:.4f}")


@pytest.mark.parametrize("seed", SEEDS)
def test_no_adversary_spends_more_than_there_is(storm, seed):
    gateway, key, crowd = storm(seed, LYING, adversarial)
    crowd.begin(gateway.port, key, CLIENTS, each=8)
    crowd.wait()
    spent = settled(gateway, crowd, "adversarial")
    assert crowd.told * TOKEN_NUSD <= spent <= NUSD
    assert {200, 429} <= set(crowd.statuses)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_there_is_can_be_spent(storm, seed):
    gateway, key, crowd = storm(seed, LYING, small)
    crowd.begin(gateway.port, key, CLIENTS)
    crowd.wait()
    spent = settled(gateway, crowd, "small bounds")
    assert crowd.told * TOKEN_NUSD <= spent <= NUSD
    assert spent >= .95 * NUSD


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_is_refused_where_all_bounds_fit(storm, seed):
    gateway, key, crowd = storm(seed, ["told", "untold", "understated"], tiny)
    crowd.begin(gateway.port, key, CLIENTS, each=4)  # 500 x 4 x 5 tokens at most: a dollar
    crowd.wait()
    settled(gateway, crowd, "all fit")
    assert crowd.statuses == [200] * (4 * CLIENTS)


@pytest.mark.parametrize("seed", SEEDS)
def test_killed_it_has_counted_all_that_the_upstream_told(storm, seed):
    gateway, key, crowd = storm(seed, LYING, tiny, ledger={"durability": "batched"})
    dice, in_the_air, spent = random.Random(seed), 0, 0
    for _ in range(5):
        before = crowd.asked
        crowd.begin(gateway.port, key, CLIENTS)
        until(lambda: crowd.asked > before + 50 or crowd.running.done(), says="the load")
        threading.Event().wait(dice.uniform(0, .3))  # the moment is the test
        in_the_air += not crowd.running.done()
        gateway.kill()
        crowd.wait()
        [lease] = gateway.rows("select leased from leases where measure = 'usd'")  # as the dead one left it
        most = spent if lease["leased"] is None else lease["leased"]  # null: there was no more to be leased
        gateway.start()
        spent = nusd(only(gateway)["spent_usd"])
        told("killed", crowd, spent)
        assert crowd.told * TOKEN_NUSD <= spent <= most <= NUSD
        assert gateway.rows("select sum(cost_nusd) n from requests")[0]["n"] <= spent
        gateway.cli("ledger", "verify")
    assert in_the_air >= 3 and gateway.rows("select 1 from requests where finish = 'orphan'")
    gateway.cli("budgets", "release", "--team", "red")
    crowd.begin(gateway.port, key, CLIENTS)
    crowd.wait()
    until(lambda: only(gateway)["reserved_usd"] == "0.000000000")
    assert .95 * NUSD <= nusd(only(gateway)["spent_usd"]) <= NUSD


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_told_above_the_bound_closes_a_budget_and_says_so_once(storm, seed):
    gateway, key, crowd = storm(seed, ["told"], small)
    crowd.begin(gateway.port, key, CLIENTS, each=1)
    crowd.wait()
    before, made = nusd(only(gateway)["spent_usd"]), crowd.told
    crowd.more = 51
    crowd.begin(gateway.port, key, CLIENTS, each=8)
    crowd.wait()
    until(lambda: only(gateway)["reserved_usd"] == "0.000000000")
    [over] = gateway.rows("select count(*) n, sum(cost_nusd) nusd from requests where over_bound")
    assert over["n"] >= 1 and only(gateway)["closed"] is True
    assert nusd(only(gateway)["spent_usd"]) == before + (crowd.told - made) * TOKEN_NUSD
    until(lambda: gateway.log.count('"percent":0') == 1)
    assert 429 in crowd.statuses
