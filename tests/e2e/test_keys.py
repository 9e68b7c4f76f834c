"""Keys: every way to show one, what they allow, and when they stop working."""
import datetime
import json
import re
import subprocess
import threading

import pytest

from harness import PATIENCE, PROGRAM, chat_body, until
from upstream import chat


@pytest.fixture
def gateway_and_up(pair):
    return pair(lambda peer: peer.answer(chat()))


def test_all_headers_are_taken(gateway_and_up):
    gateway, _ = gateway_and_up
    key = gateway.default_key()
    for header in [("authorization", f"Bearer {key}"), ("authorization", f"bearer  {key}"), ("x-api-key", key),
                   ("api-key", key)]:
        assert gateway.chat(key=None, headers=[header]).status == 200, header


@pytest.mark.parametrize("header", [
    None, ("authorization", "Bearer"), ("authorization", "Bearer sk-pen-wrong"), ("authorization", "Basic dTpw"),
    ("x-api-key", ""), ("authorization", "Bearer " + "x" * 4000), ("api-key", "sk-pen-\xe9"),
])
def test_401(gateway_and_up, header):
    gateway, up = gateway_and_up
    for target in ("/v1/chat/completions", "/v1/embeddings", "/v1/responses"):
        answer = gateway.post(target, chat_body(), key=None, headers=[header] if header else [])
        assert answer.status == 401
        assert (answer.error["type"], answer.error["code"]) == ("invalid_request_error", "invalid_api_key")
        assert answer.header("x-should-retry") == "false"
        assert "wrong" not in answer.body.decode()
    assert gateway.get("/v1/models", key=None).status == 401
    assert not up.requests


def test_a_key_is_random_and_never_listed(gateway_and_up):
    gateway, _ = gateway_and_up
    made = gateway.new_key()
    assert re.fullmatch(r"key_\w+", made["id"]) and re.fullmatch(r"sk-pen-[\w-]{20,}", made["key"])
    assert made["team"] == "red"
    listed = gateway.cli("keys", "list", "--json")
    assert made["id"] in [k["id"] for k in listed]
    assert all("key" not in k for k in listed)
    assert made["key"] not in json.dumps(listed)


def test_the_allow_list(gateway_and_up):
    gateway, up = gateway_and_up
    for models, status in [("m", 200), ("m,x", 200), ("*", 200), ("m*", 200), ("n", 404), ("prompt:*", 404)]:
        answer = gateway.chat(key=gateway.key(models=models))
        assert answer.status == status, models
        if status == 404:
            assert answer.error["code"] == "model_not_found"
    made = gateway.cli("keys", "create", "--team", "red", "--json")
    assert gateway.chat(key=made["key"]).status == 404  # an empty list is none


def test_unknown_models_look_the_same_as_forbidden_ones(gateway_and_up):
    gateway, _ = gateway_and_up
    forbidden = gateway.chat(key=gateway.key(models="other"))
    unknown = gateway.chat(model="n", key=gateway.key(models="other"))
    assert (forbidden.status, unknown.status) == (404, 404)
    assert forbidden.error["message"].replace("m", "n") == unknown.error["message"].replace("m", "n")


def test_the_team_must_exist(gateway_and_up):
    gateway, _ = gateway_and_up
    done = gateway.run("keys", "create", "--team", "nobody", "--models", "*", "--json")
    assert done.returncode == 1 and "nobody" in done.stderr and done.stdout == ""


def test_a_secret_can_be_imported(gateway_and_up):
    gateway, _ = gateway_and_up
    gateway.cli("teams", "create", "bench")
    args = ("keys", "create", "--team", "bench", "--models", "*", "--secret-from", "-", "--json")
    assert gateway.cli(*args, stdin="sk-bench")["key"] == "sk-bench"
    assert gateway.chat(key="sk-bench").status == 200
    assert gateway.run(*args, stdin="short").returncode == 1
    assert gateway.run(*args, stdin="sk-bench").returncode == 1  # it exists


def test_a_revoked_key_stops_within_a_second(gateway_and_up):
    gateway, _ = gateway_and_up
    made = gateway.new_key()
    assert gateway.chat(key=made["key"]).status == 200
    gateway.cli("keys", "revoke", made["id"])
    until(lambda: gateway.chat(key=made["key"]).status == 401, timeout=1.0 * PATIENCE, says="the revocation")


def test_it_stops_on_an_open_connection_too(gateway_and_up):
    gateway, _ = gateway_and_up
    made = gateway.new_key()
    with gateway.connect() as c:
        def status():
            c.request("POST", "/v1/chat/completions", gateway.headers(made["key"]), chat_body())
            return c.read_answer().status

        assert status() == 200
        gateway.cli("keys", "revoke", made["id"])
        until(lambda: status() == 401, timeout=1.0 * PATIENCE, says="the revocation")


def test_a_key_expires(gateway_and_up):
    gateway, _ = gateway_and_up
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=2)
    when = soon.replace(microsecond=soon.microsecond // 1000 * 1000)  # as fine as a key's expiry is
    made = gateway.new_key("red", "*", "--expires", when.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
    assert gateway.chat(key=made["key"]).status == 200
    until(lambda: gateway.chat(key=made["key"]).status == 401, timeout=4 * PATIENCE, says="the expiry")
    assert datetime.datetime.now(datetime.timezone.utc) >= when


def test_rotation_gives_a_new_secret(gateway_and_up):
    gateway, _ = gateway_and_up
    old = gateway.new_key()
    new = gateway.cli("keys", "rotate", old["id"], "--json")
    assert new["key"] != old["key"]
    assert gateway.chat(key=new["key"]).status == 200


def test_keys_are_stored_as_hashes(gateway_and_up):
    gateway, _ = gateway_and_up
    secret = gateway.key()
    gateway.chat(key=secret)
    gateway.stop()
    for path in gateway.data.rglob("*"):
        if path.is_file() and path.name not in ("first.key", "admin.key"):
            assert secret.encode() not in path.read_bytes(), path


def test_the_first_keys(gateway_and_up):
    gateway, _ = gateway_and_up
    for name in ("first.key", "admin.key"):
        path = gateway.data / name
        assert path.stat().st_mode & 0o777 == 0o600
        until(lambda: path.name in gateway.log, says="its path in the log")
        assert path.read_text().strip() not in gateway.log
    assert gateway.chat(key=(gateway.data / "first.key").read_text().strip()).status == 200
    assert gateway.chat(key=(gateway.data / "admin.key").read_text().strip()).status in (403, 404)
    first = (gateway.data / "first.key").read_text()
    gateway.stop()
    gateway.start()
    assert (gateway.data / "first.key").read_text() == first


def test_commands_work_without_a_server(gateway_and_up):
    gateway, _ = gateway_and_up
    gateway.stop()
    secret = gateway.key("blue")
    gateway.start()
    assert gateway.chat(key=secret).status == 200


def test_dry_run_changes_nothing(gateway_and_up):
    gateway, _ = gateway_and_up
    gateway.cli("teams", "create", "green", "--dry-run")
    assert gateway.run("keys", "create", "--team", "green", "--models", "*").returncode == 1


def test_commands_beside_a_busy_server(gateway_and_up):
    gateway, _ = gateway_and_up
    made = gateway.new_key()
    stop = threading.Event()

    def load():
        while not stop.is_set():
            gateway.chat()

    gateway.default_key()
    threads = [threading.Thread(target=load) for _ in range(4)]
    [t.start() for t in threads]
    try:
        gateway.cli("keys", "revoke", made["id"])
        gateway.cli("report", "cost", "--by", "team", "--format", "json")
        second = subprocess.run([PROGRAM, "serve", "--config", gateway.config_file], cwd=gateway.folder,
                                capture_output=True, text=True, timeout=30)
        assert second.returncode == 1
        assert gateway.chat(key=made["key"]).status == 401
    finally:
        stop.set()
        [t.join() for t in threads]
    gateway.cli("ledger", "verify")
