"""`ledger verify` finds whatever was done to the ledger, and names the first row that is bad."""
import re
import shutil
import sqlite3

import pytest

from harness import Gateway, Upstream, one_model
from upstream import chat, error


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A gateway that has answered some requests and is stopped."""
    with Upstream(lambda peer: peer.answer(chat()) if peer.index % 3 else peer.answer(error(), 500)) as up:
        gateway = Gateway(tmp_path_factory.mktemp("chain"), one_model(up)).start()
        for _ in range(9):
            gateway.chat()
        gateway.stop()
    return gateway


@pytest.fixture
def copy(stopped, tmp_path):
    """(verify, db): of a copy of its data folder."""
    shutil.copytree(stopped.data, tmp_path / "data")
    config = tmp_path / "copy.yaml"
    config.write_text(stopped.config_file.read_text().replace(str(stopped.data), str(tmp_path / "data")))
    db = sqlite3.connect(tmp_path / "data/penstock.db")

    def verify():
        db.commit()
        db.execute("pragma wal_checkpoint(truncate)")
        kept, stopped.config_file = stopped.config_file, config
        try:
            return stopped.run("ledger", "verify")
        finally:
            stopped.config_file = kept

    yield verify, db
    db.close()


def names(done, seq):
    assert done.returncode == 1, done
    assert re.search(rf"\b{seq}\b", done.stdout + done.stderr), done


def test_it_is_whole(copy):
    verify, db = copy
    assert verify().returncode == 0
    assert db.execute("select count(*) from ledger").fetchone()[0] >= 8


def columns(db):
    return [row[1] for row in db.execute("pragma table_info(ledger)")]


def test_a_changed_column(copy):
    verify, db = copy
    for column in columns(db):
        if column == "seq":
            continue
        old = db.execute(f"select {column} from ledger where seq = 7").fetchone()[0]
        if isinstance(old, bytes):
            new = old[:-1] + bytes([old[-1] ^ 1])
        elif isinstance(old, int):
            new = old ^ 1
        elif old is None:
            new = "x"
        else:
            new = old[:-1] + ("0" if old[-1] != "0" else "1")
        db.execute(f"update ledger set {column} = ? where seq = 7", (new,))
        names(verify(), 7)
        db.execute(f"update ledger set {column} = ? where seq = 7", (old,))
    assert verify().returncode == 0


def test_a_deleted_row(copy):
    verify, db = copy
    db.execute("delete from ledger where seq = 5")
    done = verify()
    assert done.returncode == 1 and re.search(r"\b[56]\b", done.stdout + done.stderr)


def test_an_inserted_row(copy):
    verify, db = copy
    names_ = [c for c in columns(db) if c != "seq"]
    top = db.execute("select max(seq) from ledger").fetchone()[0]
    db.execute(f"insert into ledger (seq, {', '.join(names_)}) select {top + 1}, {', '.join(names_)} "
               "from ledger where seq = 3")
    names(verify(), top + 1)


def test_swapped_rows(copy):
    verify, db = copy
    for a, b in ((4, -1), (5, 4), (-1, 5)):
        db.execute("update ledger set seq = ? where seq = ?", (b, a))
    names(verify(), 4)


def test_a_cut_tail(copy):
    verify, db = copy
    db.execute("delete from ledger where seq > (select max(seq) - 2 from ledger)")
    assert verify().returncode == 1


def test_a_changed_derived_row(copy):
    verify, db = copy
    db.execute("update requests set cost_nusd = 1, input_tokens = 1 where request_id = (select min(request_id) from requests)")
    assert verify().returncode == 1
