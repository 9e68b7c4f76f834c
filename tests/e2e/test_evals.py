"""Suites: what promptfoo says of the same outputs, what is refused, and runs that end, break off and go on."""
import csv
import json
import math
import signal
import subprocess
import xml.etree.ElementTree as xml

import pytest

from harness import PROGRAM, TOP, until

CASES = TOP / "tests/golden/eval"
SIM = {"providers": {"sim": {"dialect": "sim"}},
       "models": {"m": {"targets": [{"provider": "sim", "model": "echo"}]}}}
SUITE = {"description": "words", "prompts": ["Say {{word}}"], "providers": ["openai:chat:m"],
         "tests": [{"vars": {"word": w}, "assert": [{"type": "contains", "value": "{{word}}"}]} for w in "abcd"]}


@pytest.fixture
def stopped(gateway):
    g = gateway({**SIM})
    g.stop()
    return g


def write(g, name, doc):
    (g.folder / name).write_text(json.dumps(doc))
    return name


def run(g, suite, *args, code=0):
    done = g.run("eval", "run", "-c", str(suite), "--no-progress-bar", *args)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done


def results(g, name):
    return json.loads((g.folder / name).read_text())["results"]["results"]


def test_verdicts_are_those_of_promptfoo(stopped):
    """assertions.promptfoo.json: [test, pass, score, failureReason, namedScores] of promptfoo 0.121.20."""
    run(stopped, CASES / "assertions.json", "-o", "out.json", code=100)
    ours = {r["testIdx"]: r for r in results(stopped, "out.json")}
    theirs = json.loads((CASES / "assertions.promptfoo.json").read_text())
    assert len(ours) == len(theirs) > 250
    for test, success, score, failure, named in theirs:
        r = ours[test]
        assert (r["success"], r["failureReason"]) == (success, failure), (test, r["testCase"], r["gradingResult"])
        assert math.isclose(r["score"], score, abs_tol=1e-8), (test, r["score"], score)
        assert {k: round(v, 9) for k, v in r["namedScores"].items()} == named, test


@pytest.mark.parametrize("suite", sorted((CASES / "bad").glob("*.yaml")), ids=lambda p: p.stem)
def test_a_bad_suite_is_refused_with_its_place(stopped, suite):
    done = subprocess.run([PROGRAM, "eval", "run", "-c", suite.name, "--config", stopped.config_file], cwd=suite.parent,
                          capture_output=True, text=True, timeout=60)
    expected = suite.with_suffix(".expected").read_text()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == expected + "penstock: the suite cannot be run\n"
    assert stopped.rows("select 1 from requests") == []


def test_a_run_needs_no_server_and_leaves_its_tag(stopped):
    run(stopped, write(stopped, "s.json", SUITE), "-o", "out.json", "-o", "out.xml", "-o", "out.html", "-o", "out.csv")
    doc = json.loads((stopped.folder / "out.json").read_text())
    assert doc["results"]["stats"]["successes"] == 4
    assert [r["response"]["output"] for r in doc["results"]["results"]] == [f"Say {w}" for w in "abcd"]
    rows = stopped.rows("select tags, key_id, team, finish from requests")
    assert [json.loads(r["tags"]) for r in rows] == [{"eval": doc["evalId"]}] * 4
    assert {(r["key_id"], r["team"], r["finish"]) for r in rows} == {("operator", None, "complete")}
    suite = xml.parse(stopped.folder / "out.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("4", "0")
    assert len(list(csv.reader((stopped.folder / "out.csv").open()))) == 5
    assert "<script" not in (stopped.folder / "out.html").read_text()


def test_a_run_goes_through_the_server_that_runs(gateway):
    g = gateway({**SIM})
    run(g, write(g, "s.json", SUITE), "-o", "out.json")
    assert len(g.rows("select 1 from requests where key_id = 'operator'")) == 4
    listed = g.cli("eval", "list", "--json")
    assert (listed[0]["rows"], listed[0]["passed"], listed[0]["ended"] is None) == (4, 4, False)


def test_answers_are_escaped_on_the_page_and_in_xml(stopped):
    hostile = "<script>alert(1)</script>&\x01"
    suite = {**SUITE, "tests": [{"description": hostile, "vars": {"word": hostile}, "assert": [
        {"type": "equals", "value": "no"}]}]}
    run(stopped, write(stopped, "s.json", suite), "-o", "out.html", "-o", "out.xml", code=100)
    page = (stopped.folder / "out.html").read_text()
    assert "<script" not in page and "&lt;script&gt;alert(1)" in page
    assert "<script>" in xml.parse(stopped.folder / "out.xml").getroot()[0][0].get("name")


def test_a_run_below_its_pass_rate_exits_100(stopped):
    suite = {**SUITE, "tests": SUITE["tests"] + [{"vars": {"word": "x"}, "assert": [{"type": "equals", "value": "y"}]}]}
    write(stopped, "s.json", suite)
    run(stopped, "s.json", "-o", "out.json", code=100)
    stopped.env["PROMPTFOO_PASS_RATE_THRESHOLD"] = "80"
    run(stopped, "s.json", "-o", "out.json")


def test_a_model_that_fails_is_an_error_and_no_verdict(gateway):
    g = gateway({"providers": {"gone": {"dialect": "openai", "base_url": "http://127.0.0.1:1"}},
                 "models": {"m": {"targets": [{"provider": "gone", "model": "m"}]}}})
    run(g, write(g, "s.json", SUITE), "-o", "out.json", code=100)
    assert [(r["failureReason"], r["success"]) for r in results(g, "out.json")] == [(2, False)] * 4


@pytest.mark.alone
def test_a_run_that_was_killed_goes_on(stopped):
    suite = {**SUITE, "tests": [{"vars": {"word": f"w{i}"}} for i in range(6000)],
             "defaultTest": {"assert": [{"type": "contains", "value": "{{word}}"}]}}
    write(stopped, "s.json", suite)
    args = [PROGRAM, "eval", "run", "-c", "s.json", "--config", stopped.config_file, "-o", "out.json"]
    process = subprocess.Popen(args, cwd=stopped.folder, env=stopped.env, stderr=subprocess.DEVNULL)
    until(lambda: process.poll() is not None or stopped.rows("select 1 from eval_rows limit 1"), says="the first rows")
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = stopped.rows("select count(*) n from eval_rows")[0]["n"]
    assert 0 < before < 6000
    run(stopped, "s.json", "--resume", "latest", "-o", "out.json")
    found = results(stopped, "out.json")
    assert [r["vars"]["word"] for r in found] == [f"w{i}" for i in range(6000)]
    assert len(stopped.rows("select 1 from evals")) == 1
    assert stopped.run("eval", "run", "-c", "s.json", "--resume", "latest").returncode == 1


def test_two_versions_are_compared(stopped):
    def suite(name, answer):
        tests = [{"vars": {"word": f"w{i}"}, "providerOutput": answer(i), "assert": [{"type": "equals", "value": "ok"}]}
                 for i in range(60)]
        run(stopped, write(stopped, name + ".yaml", {**SUITE, "providers": ["echo"], "tests": tests}), "-o",
            name + ".json", code=100 if any(answer(i) != "ok" for i in range(60)) else 0)
    suite("good", lambda i: "ok")
    suite("same", lambda i: "ok" if i % 20 else "no")
    suite("bad", lambda i: "ok" if i % 2 else "no")

    def compare(a, b):
        done = stopped.run("eval", "compare", a + ".json", b + ".json", "--json")
        return done.returncode, json.loads(done.stdout)
    assert compare("good", "bad")[0] == 1 and compare("good", "bad")[1]["verdict"] == "worse"
    assert compare("bad", "good")[0] == 0 and compare("bad", "good")[1]["verdict"] == "better"
    status, doc = compare("good", "same")
    assert (status, doc["verdict"]) == (3, "inconclusive") and doc["rows_needed"] > 60


@pytest.fixture
def remote(gateway):
    """remote(models): a gateway that runs, and another one's folder to ask it from, without anything of its own."""
    def make(models="*"):
        there, here = gateway({**SIM}), gateway({"providers": {"sim": {"dialect": "sim"}},
                                                 "models": {"other": {"targets": [{"provider": "sim", "model": "echo"}]}}})
        here.stop()
        there.cli("teams", "create", "red", "--json")
        made = there.cli("keys", "create", "--team", "red", "--models", models, "--json")
        here.env["PENSTOCK_API_KEY"] = made["key"]
        return there, here, f"http://127.0.0.1:{there.port}"
    return make


def test_another_gateway_is_asked_with_a_key(remote):
    there, here, url = remote()
    run(here, write(here, "s.json", SUITE), "--gateway", url, "-o", "out.json")
    doc = json.loads((here.folder / "out.json").read_text())
    assert [r["response"]["output"] for r in doc["results"]["results"]] == [f"Say {w}" for w in "abcd"]
    assert here.rows("select 1 from requests") == []
    sql = "select tags, team, finish from requests where finish is not null"
    until(lambda: len(there.rows(sql)) >= 4, says="four settled rows")
    rows = there.rows(sql)
    assert [json.loads(r["tags"]) for r in rows] == [{"eval": doc["evalId"]}] * 4
    assert {(r["team"], r["finish"]) for r in rows} == {("red", "complete")}
    assert [(r["evalId"], r["passed"]) for r in here.cli("eval", "list", "--json")] == [(doc["evalId"], 4)]
    assert there.cli("eval", "list", "--json") == []


def test_a_released_prompt_is_judged_here_and_there(remote):
    there, here, url = remote()
    (there.folder / "greet.prompty").write_text(
        "---\nname: greet\nmodel: {route: m}\ninputs: {history: {type: thread}}\n---\nsystem:\nBe kind.\n{{ history }}\n")
    there.cli("prompts", "push", str(there.folder / "greet.prompty"), "--json")
    suite = {**SUITE, "providers": ["prompt:greet@1", "openai:chat:prompt:greet@latest"]}
    for g, more in ((there, []), (here, ["--gateway", url])):
        run(g, write(g, "s.json", suite), *more, "-o", "out.json")
        assert sorted(r["response"]["output"] for r in results(g, "out.json")) == [f"Say {w}" for w in "aabbccdd"]
    found = there.rows("select distinct prompt_name, prompt_version from requests")
    assert found == [{"prompt_name": "greet", "prompt_version": 1}]


@pytest.mark.parametrize("break_it, says", [
    (lambda here, there: here.env.update(PENSTOCK_API_KEY="sk-wrong"), "401"),
    (lambda here, there: here.env.pop("PENSTOCK_API_KEY"), "401")], ids=["wrong key", "no key"])
def test_another_gateway_that_refuses_gives_no_verdict(remote, break_it, says):
    there, here, url = remote()
    break_it(here, there)
    run(here, write(here, "s.json", SUITE), "--gateway", url, "-o", "out.json", code=100)
    for r in results(here, "out.json"):
        assert (r["success"], r["failureReason"]) == (False, 2) and says in r["error"] and "sk-" not in r["error"], r


def test_a_key_that_may_not_use_the_model_gives_no_verdict(remote):
    there, here, url = remote("nothing")
    run(here, write(here, "s.json", SUITE), "--gateway", url, "-o", "out.json", code=100)
    assert {r["failureReason"] for r in results(here, "out.json")} == {2}


def test_a_run_whose_gateway_is_gone_goes_on_when_it_is_back(remote):
    there, here, url = remote()
    there.stop()
    done = run(here, write(here, "s.json", SUITE), "--gateway", url, code=1)
    assert "the gateway does not answer" in done.stderr and "--resume eval-" in done.stderr
    there.start()
    run(here, "s.json", "--gateway", url + "/v1/", "--resume", "latest", "-o", "out.json")
    assert [r["response"]["output"] for r in results(here, "out.json")] == [f"Say {w}" for w in "abcd"]
    assert len(here.cli("eval", "list", "--json")) == 1


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1/", "http://", "", "http://host/?x", "https:///v1"])
def test_a_url_that_is_none(stopped, url):
    done = stopped.run("eval", "run", "-c", write(stopped, "s.json", SUITE), "--gateway", url)
    assert done.returncode in (1, 2) and "gateway" in done.stderr and stopped.rows("select 1 from evals") == []
