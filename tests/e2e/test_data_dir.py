"""The data directory: who may look into it, and that a dry run without a server leaves no trace."""
import os
import pathlib
import sqlite3
import stat

import pytest

from harness import Gateway, chat_body, until
from upstream import chat

SIM = {"providers": {"sim": {"dialect": "sim"}}, "models": {"m": {"targets": [{"provider": "sim", "model": "echo"}]}}}


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.fixture
def idle(tmp_path):
    """A gateway that does not run."""
    return Gateway(tmp_path / "g", SIM)


def test_all_that_is_made_is_ours_alone(gateway):
    os.umask(0)
    try:
        g = gateway(SIM)
    finally:
        os.umask(0o022)
    assert mode(g.data) == 0o700
    for path in g.data.iterdir():
        assert mode(path) == 0o600, path
    assert (g.data / "control.sock").exists()


@pytest.mark.parametrize("loose", [0o755, 0o770, 0o777])
def test_a_folder_that_was_there_is_closed(idle, loose):
    idle.data.mkdir()
    idle.data.chmod(loose)
    with idle:
        assert mode(idle.data) == 0o700
    idle.data.chmod(loose)
    with idle:
        assert mode(idle.data) == 0o700


def test_a_folder_with_other_things_in_it_is_refused(idle):
    idle.data.mkdir()
    idle.data.chmod(0o755)
    (idle.data / "letters.txt").write_text("Dear")
    done = idle.run("serve")
    assert done.returncode == 1
    assert "chmod 700" in done.stderr and "755" in done.stderr
    assert os.listdir(idle.data) == ["letters.txt"] and mode(idle.data) == 0o755
    idle.data.chmod(0o700)
    with idle:
        assert idle.get("/v1/models").status == 200


def trace(folder):
    """Of each file: name, size, change."""
    return sorted((str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in pathlib.Path(folder).rglob("*"))


def test_a_dry_run_makes_no_folder(idle):
    assert idle.run("teams", "create", "red", "--dry-run").returncode == 0
    done = idle.run("keys", "create", "--team", "red", "--models", "*", "--dry-run")
    assert done.returncode == 1 and "no team 'red'" in done.stderr
    assert not idle.data.exists()


def test_a_dry_run_leaves_what_is_there(idle):
    idle.cli("teams", "create", "red")
    before = trace(idle.data)
    assert idle.run("teams", "create", "red", "--dry-run").returncode == 1
    assert idle.run("teams", "create", "blue", "--dry-run").returncode == 0
    assert idle.run("keys", "create", "--team", "red", "--models", "*", "--dry-run").returncode == 0
    assert idle.run("ledger", "prune", "--before", "2020-01-01", "--dry-run").returncode == 0
    assert trace(idle.data) == before


def test_a_dry_run_after_a_crash_leaves_what_is_there(idle):
    idle.start()
    idle.chat(key=idle.key())
    idle.kill()
    files = [(p, size) for p, size, _ in trace(idle.data) if not p.endswith("-shm")]
    assert idle.run("teams", "create", "red", "--dry-run").returncode == 1, "it is there, in the -wal"
    assert [(p, size) for p, size, _ in trace(idle.data) if not p.endswith("-shm")] == files


def test_a_dry_run_does_not_migrate(idle):
    idle.cli("teams", "create", "red")
    db = sqlite3.connect(idle.data / "penstock.db")
    newest = db.execute("pragma user_version").fetchone()[0]
    db.execute(f"pragma user_version = {newest - 1}")
    db.commit()
    db.close()
    before = trace(idle.data)
    done = idle.run("teams", "create", "blue", "--dry-run")
    assert done.returncode == 1 and "migrates nothing" in done.stderr, done
    assert trace(idle.data) == before


def test_a_dry_backup_fails_where_the_real_one_would(idle, tmp_path):
    to = tmp_path / "backup"
    assert idle.run("backup", to, "--dry-run").returncode == 1, "there is nothing to back up"
    idle.cli("teams", "create", "red")
    assert idle.run("backup", to, "--with-secrets", "--dry-run").returncode == 0
    assert not to.exists()
    assert idle.run("backup", to, "--with-secrets").returncode == 0
    for more in ((), ("--dry-run",)):
        done = idle.run("backup", to, *more)
        assert done.returncode == 1 and "already" in done.stderr
    (tmp_path / "file").write_text("")
    for more in ((), ("--dry-run",)):
        assert idle.run("backup", tmp_path / "file", *more).returncode == 1
        assert idle.run("backup", tmp_path / "file" / "below", *more).returncode == 1


def test_an_orphan_of_embeddings_is_one(gateway, upstream):
    up = upstream(lambda peer: peer.stall())
    g = gateway({"providers": {"up": {"dialect": "openai", "base_url": up.url}},
                 "models": {"m": {"targets": [{"provider": "up", "model": "m-1"}]}}, "ledger": {"durability": "strict"}})
    key = g.default_key()
    held = []
    for target, body in (("/v1/embeddings", {"model": "m", "input": "x"}),
                         ("/v1/chat/completions", chat_body())):
        held.append(g.connect())
        held[-1].request("POST", target, g.headers(key), body)
    up.wait_requests(2)
    g.kill()
    g.start()
    rows = until(lambda: g.rows("select purpose, finish, cost_source from attempts order by purpose"), says="the orphans")
    assert [(r["purpose"], r["finish"]) for r in rows] == [("chat", "orphan"), ("embed", "orphan")]


def test_a_strict_head_is_that_of_the_last_row(gateway, upstream):
    up = upstream(lambda peer: peer.answer(chat()))
    g = gateway({"providers": {"up": {"dialect": "openai", "base_url": up.url}},
                 "models": {"m": {"targets": [{"provider": "up", "model": "m-1"}]}}, "ledger": {"durability": "strict"}})
    g.chat()
    g.last_row()
    seq = g.rows("select max(seq) n from ledger")[0]["n"]
    until(lambda: int((g.data / "ledger.head").read_text().split()[0]) >= seq, says="the head")
