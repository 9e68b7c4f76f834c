"""The walk that README promises a newcomer: the very command, and what it must have come to."""
import json
import os
import re
import sqlite3
import subprocess

import pytest

from harness import PROGRAM, TOP, free_port

EMAIL, IBAN = "ada@example.org", "DE89370400440532013000"


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    """What it printed by the number of the step, and the folder that it left."""
    folder = tmp_path_factory.mktemp("tour")
    env = {**os.environ, "PENSTOCK": PROGRAM, "TOUR_DIR": str(folder), "TOUR_PORT": str(free_port()),
           "TOUR_MODEL_PORT": str(free_port())}
    done = subprocess.run([TOP / "eval/tour/walk"], env=env, cwd="/", capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    steps = re.split(r"^== (\d+)\. .*\n", done.stdout, flags=re.M)
    return dict(zip(map(int, steps[1::2]), steps[2::2])), folder


def rows(folder, sql):
    return sqlite3.connect(f"file:{folder}/data/penstock.db?mode=ro", uri=True).execute(sql).fetchall()


def test_the_model_sees_no_value_and_the_caller_gets_it_back(walk):
    steps, folder = walk
    heard = (folder / "heard.jsonl").read_text()
    assert f"You said: Write to {EMAIL} about {IBAN}\n" in steps[2]
    assert EMAIL not in heard and IBAN not in heard and "Write to PII" in heard


def test_the_cache_and_the_cascade(walk):
    steps, folder = walk
    assert re.findall(r"x-penstock-cache: (\w+)", steps[3]) == ["miss", "hit"]
    assert (folder / "heard.jsonl").read_text().count("Do you deliver?") == 3  # once, and in two suites
    assert "escalated:refusal" in steps[4]
    assert "You said: What does the law say" in steps[4]


def test_the_handbook_is_cited_to_the_byte(walk):
    steps, folder = walk
    [note] = json.loads((folder / "answer.json").read_text())["choices"][0]["message"]["annotations"]
    cited = note["file_citation"]
    text = (TOP / "eval/tour/handbook" / cited["file_id"]).read_bytes()
    assert text[cited["start"]:cited["end"]].decode() == cited["quote"]
    assert "twenty-eight days" in cited["quote"] and "twenty-eight days" in steps[5]


def test_the_second_version_is_worse_and_is_rolled_back(walk):
    steps, folder = walk
    passed = [json.loads((folder / f).read_text())["results"]["stats"]["successes"] for f in ("one.json", "two.json")]
    assert passed == [12, 0]
    assert "\nworse\n" in steps[6] and steps[6].endswith("exit 1\n\n")
    assert rows(folder, "select state, reason from rollouts") == [("rolled_back", "format")]
    assert re.search(r"^state +rolled_back$", steps[7], re.M)
    assert {arm for arm, in rows(folder, "select distinct arm from requests where arm is not null")} >= {"control", "canary"}


def test_feedback_money_and_the_ledger(walk):
    steps, folder = walk
    assert rows(folder, "select key_id, thumbs, comment from feedback") == [("operator", 1, "found it at once")]
    [(total,)] = rows(folder, "select sum(cost_nusd) from requests")
    assert total > 0
    for report in steps[9].split("$ ")[1:4]:
        assert f"{total / 1e9:.9f}" in report.splitlines()[-1], report
    assert "the ledger is whole" in steps[9]


def test_readme_tells_what_the_walk_says(walk):
    """Each of its lines, but for names that chance makes."""
    steps, _ = walk
    said = "\n".join(steps.values())
    readme = (TOP / "README.md").read_text().split("## The tour\n")[1].split("\n## ")[0]
    chance = re.compile(r"PII[0-9A-Z]+|req_\w+|\d+ rows, seq 1 to \d+")
    said = {chance.sub("…", line).strip() for line in said.splitlines()}
    titles = set(re.findall(r'^step "(.*)"$', (TOP / "eval/tour/walk").read_text(), re.M))
    for line in readme.splitlines():
        line = chance.sub("…", line).removeprefix("    ").strip() if line.startswith("    ") else ""
        if line.startswith("== "):
            assert line[3:] in titles
        elif line and not line.startswith("eval/tour/walk"):
            assert line in said, line
