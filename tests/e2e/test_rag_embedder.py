"""Vectors of a model: counted, paid for, kept over a kill; the question is embedded before it is searched."""
import hashlib
import json
import subprocess
import threading

from harness import PROGRAM, UPSTREAM_KEY, until
from upstream import chat

RAG = [("x-penstock-rag", "kb")]
DIMENSION = 64
SAME = {"vehicle": "car", "automobile": "car", "autos": "car", "pay": "salary", "wages": "salary"}


def vector(text):
    """Words at places of their own; words that mean the same at the same place."""
    v = [0.0] * DIMENSION
    for word in text.lower().replace(".", " ").replace("?", " ").split():
        v[int(hashlib.sha256(SAME.get(word, word).encode()).hexdigest(), 16) % DIMENSION] += 1.0
    return v


class Embedder:
    """A script: answers chats, and embeddings until `stall_after` texts have come."""

    def __init__(self):
        self.texts, self.stall_after, self.stalled = [], None, threading.Event()

    def __call__(self, peer):
        asked = peer.request.json
        if "input" not in asked:
            peer.answer(chat("It is so [1]."))
            return
        texts = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
        if self.stall_after is not None and len(self.texts) >= self.stall_after:
            self.stalled.set()
            peer.stall()
            return
        self.texts += texts
        peer.answer({"object": "list", "model": "e", "usage": {"prompt_tokens": 5 * len(texts), "total_tokens": 5 * len(texts)},
                     "data": [{"object": "embedding", "index": i, "embedding": vector(t)} for i, t in enumerate(texts)]})


def config(up):
    return {"providers": {"up": {"dialect": "openai", "base_url": up.url, "api_key": UPSTREAM_KEY}},
            "models": {"m": {"targets": [{"provider": "up", "model": "m-1"}]},
                       "embed": {"targets": [{"provider": "up", "model": "e"}]}},
            "rag": {"collections": {"kb": {"acl": {"teams": ["red"]}, "embedder": {"model": "embed"}}}}}


def documents(n):
    kinds = ["car", "salary", "garden", "printer", "window"]
    return [{"id": f"d{i}", "title": "", "text": f"The {kinds[i % 5]} page {i} is here. It tells of matter {i * 7919}. "
                                                f"Nobody else wrote about {i * 104729} so far."} for i in range(n)]


def write(gateway, docs):
    path = gateway.folder / "docs.jsonl"
    path.write_text("".join(json.dumps(d) + "\n" for d in docs))
    return str(path)


def test_only_what_changed_is_embedded(gateway, upstream):
    script = Embedder()
    g = gateway(config(upstream(script)), prices={"up/m-1": {"input": "1", "output": "1"}, "up/e": {"input": "0.5", "output": "0"}})
    docs = documents(200)
    first = g.cli("rag", "ingest", "kb", write(g, docs), "--json")
    assert first["embedded"] == first["passages"] == 200 and first["embedder"] == "model"
    assert sorted(d["text"] for d in docs) == sorted(script.texts[:200])
    script.texts.clear()
    for i in range(10):
        docs[i * 20]["text"] += f" Changed {i}."
    second = g.cli("rag", "ingest", "kb", write(g, docs), "--json")
    assert second["embedded"] == 10 and second["changed"] == 10
    assert sorted(script.texts) == sorted(docs[i * 20]["text"] for i in range(10))
    rows = g.rows("select purpose, sum(input_tokens) as tokens, sum(cost_nusd) as cost from attempts group by purpose")
    assert rows[0]["purpose"] == "embed" and rows[0]["tokens"] >= 5 * 210 and rows[0]["cost"] == rows[0]["tokens"] * 500
    g.cli("ledger", "verify")


def test_a_question_is_embedded_on_the_callers_row(gateway, upstream):
    script = Embedder()
    g = gateway(config(upstream(script)), prices={"up/m-1": {"input": "1", "output": "1"}, "up/e": {"input": "0.5", "output": "0"}})
    made = g.cli("rag", "ingest", "kb", write(g, documents(100)), "--json")
    manifest = g.data / f"indexes/kb/{made['version']}/manifest.json"
    script.texts.clear()
    answer = g.chat(text="car page matter", headers=RAG)
    assert answer.status == 200, answer.body
    if json.loads(manifest.read_text())["fusion"]["lexical_percent"] == 100:
        assert script.texts == []
        return
    assert script.texts == ["car page matter"]
    attempts = g.attempt_rows(answer.header("x-request-id"))
    assert [(a["attempt"], a["purpose"]) for a in attempts] == [(1, "embed"), (2, "chat")]
    row = g.request_row(answer.header("x-request-id"))
    assert row["attempts"] == 2 and row["cost_nusd"] == sum(a["cost_nusd"] for a in attempts)
    g.cli("ledger", "verify")


def test_a_killed_ingest_goes_on_where_it_was(gateway, upstream):
    script = Embedder()
    g = gateway(config(upstream(script)))
    docs = documents(40)
    g.cli("rag", "ingest", "kb", write(g, docs), "--json")
    old = g.chat(text="car page 5", headers=RAG).header("x-penstock-rag")
    assert old.startswith("kb@1;")
    docs = [{**d, "text": d["text"] + " Anew."} for d in documents(300)]
    script.texts.clear()
    script.stall_after = 128
    ingest = subprocess.Popen([PROGRAM, "rag", "ingest", "kb", write(g, docs), "--config", g.config_file],
                              cwd=g.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert script.stalled.wait(20)
    script.stall_after = None
    script_texts = len(script.texts)
    assert script_texts == 128
    ingest.kill()  # or it would take over what the owner leaves
    g.kill()
    ingest.wait(20)
    g.start()
    script.stall_after = None
    script.texts.clear()
    done = g.cli("rag", "ingest", "kb", write(g, docs), "--json")
    assert done["resumed"] == 128 and done["embedded"] == 300
    anew = [t for t in script.texts if t.endswith("Anew.")]
    assert len(set(anew)) >= 172 and len(script.texts) < 300 + 200
    until(lambda: g.chat(text="car page 5", headers=RAG).header("x-penstock-rag").startswith("kb@2;"))


def test_the_old_version_serves_while_a_new_one_is_made(gateway, upstream):
    script = Embedder()
    g = gateway(config(upstream(script)))
    g.cli("rag", "ingest", "kb", write(g, documents(40)), "--json")
    script.texts.clear()
    script.stall_after = 64
    ingest = subprocess.Popen([PROGRAM, "rag", "ingest", "kb", write(g, documents(300)), "--config", g.config_file],
                              cwd=g.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert script.stalled.wait(20)
    script.stall_after = None
    for _ in range(5):
        answer = g.chat(text="garden page", headers=RAG)
        assert answer.status == 200 and answer.header("x-penstock-rag").startswith("kb@1;")
    ingest.kill()  # or it would take over what the owner leaves
    g.kill()
    ingest.wait(20)
    g.start()
    assert g.chat(text="garden page", headers=RAG).header("x-penstock-rag").startswith("kb@1;")


def test_the_built_in_embedder(gateway):
    g = gateway({"providers": {"sim": {"dialect": "sim"}},
                 "models": {"m": {"targets": [{"provider": "sim", "model": "echo"}]},
                            "embed": {"targets": [{"provider": "sim", "model": "embed"}]}},
                 "rag": {"collections": {"kb": {"acl": {"teams": ["red"]}, "embedder": {"model": "embed"}}}}})
    made = g.cli("rag", "ingest", "kb", write(g, documents(30)), "--json")
    assert made["embedder"] == "model" and made["embedded"] == 30
    hits = g.cli("rag", "search", "kb", "garden page", "--team", "red", "--json")["hits"]
    assert hits and "garden" in hits[0]["text"]
    assert g.chat(text="garden page", headers=RAG).status == 200
