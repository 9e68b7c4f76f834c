"""Labels that move under load: every answer says truly which version made it, and no old one lasts."""
import json
import threading
import time

import pytest

from harness import PATIENCE

PROMPT = """---
name: moving
model: {route: m}
inputs: {n: integer}
---
user:
version %d
"""
THREADS, PER_SECOND, SECONDS, MOVES = 10, 500, 4, 12
ANSWERED = 1.0 * PATIENCE  # s: how old a version may be


class Load:
    """Asks at a fixed rate, each thread on one connection, and keeps what each answer said."""

    def __init__(self, gateway):
        self.gateway, self.answers, self.failures = gateway, [], []
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(THREADS)]

    def run(self, index):
        body = json.dumps({"model": "prompt:moving", "messages": [], "prompt_variables": {"n": index}})
        headers = self.gateway.headers(headers=[("content-type", "application/json")])
        due, step = time.monotonic() + index / PER_SECOND, THREADS / PER_SECOND
        with self.gateway.connect() as c:
            while not self.stop.wait(max(0, due - time.monotonic())):
                due += step
                asked = time.monotonic()
                c.request("POST", "/v1/chat/completions", headers, body.encode())
                answer = c.read_answer()
                if answer.status != 200:
                    self.failures.append(answer.body)
                    continue
                self.answers.append((asked, time.monotonic(), answer.header("x-penstock-prompt"), answer.text))


def in_force(moves, since, until):
    """The versions that a label had at any time of an interval; a move counts from its begin."""
    found = {v for begun, _, v in moves if since <= begun <= until}
    before = [v for _, done, v in moves if done < since]
    return found | set(before[-1:]) | {v for begun, done, v in moves if begun < since <= done}


@pytest.mark.alone
def test_labels_move_under_load(gateway):
    gateway = gateway({"providers": {"sim": {"dialect": "sim"}},
                       "models": {"m": {"targets": [{"provider": "sim", "model": "echo"}]}}})
    for n in (1, 2):
        gateway.cli("prompts", "push", "-", stdin=PROMPT % n)
    gateway.default_key()
    moves = []

    def move(version):
        begun = time.monotonic()
        gateway.cli("prompts", "label", "moving", "production", str(version))
        moves.append((begun, time.monotonic(), version))

    move(1)
    load = Load(gateway)
    began = time.monotonic()
    [t.start() for t in load.threads]
    for i in range(MOVES):
        load.stop.wait(max(0, began + (i + 1) * SECONDS / (MOVES + 1) - time.monotonic()))
        move(2 - i % 2)
    load.stop.wait(max(0, began + SECONDS - time.monotonic()))
    load.stop.set()
    [t.join() for t in load.threads]
    took = time.monotonic() - began

    assert not load.failures, load.failures[:3]
    assert len(load.answers) > PER_SECOND * took * 0.8 / PATIENCE, f"{len(load.answers) / took:.0f} a second"
    versions = set()
    for asked, answered, header, text in load.answers:
        version = int(text.removeprefix("version "))
        assert header == f"moving@{version}"
        assert version in in_force(moves, asked - ANSWERED, answered), (asked, version, moves)
        versions.add(version)
    assert versions == {1, 2}
    at_once = sum(int(t.removeprefix("version ")) not in in_force(moves, a, b) for a, b, _, t in load.answers)
    assert at_once == 0, f"{at_once} answers were older than the move that was reported before they were asked"
