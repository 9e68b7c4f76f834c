#!/usr/bin/env python3
"""rag.py [--update]: what retrieval refuses, and the exact line that it says.

tests/golden/rag/FORMAT/CASE.SUFFIX is refused with the lines of CASE.line, which name the file
without its folder: documents by `rag ingest`, collections by `check`, manifests by `rag health`.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(os.environ.get("srcdir", "."), "tests/golden/rag").resolve()
PROGRAM = pathlib.Path(os.environ.get("builddir", "."), "penstock").resolve()
CONFIG = """data_dir: {work}/data
prices: {{unpriced: allow}}
providers: {{sim: {{dialect: sim}}}}
models: {{m: {{targets: [{{provider: sim, model: echo}}]}}}}
rag: {{collections: {{kb: {{acl: {{teams: [red]}}, embedder: {{kind: off}}}}}}}}
"""


def run(*args):
    return subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=60)


def lines_of(text, path):
    """The lines that name the file, without its folder."""
    return "".join(line.replace(f"{path.parent}/", "") + "\n" for line in text.splitlines() if path.name in line)


def of_document(path, config):
    done = run("rag", "ingest", "kb", path, "--config", config)
    return done.returncode, lines_of(done.stderr, path)


def of_collection(path, _):
    done = run("check", "-c", path)
    return done.returncode, lines_of(done.stdout + done.stderr, path)


def of_manifest(path, config):
    target = config.parent / "data/indexes/kb/1/manifest.json"
    kept = target.read_bytes()
    target.write_bytes(path.read_bytes())
    done = run("rag", "health", "--json", "--config", config)
    target.write_bytes(kept)
    return done.returncode, lines_of(json.loads(done.stdout)[0]["problem"] or "", target)


def main():
    update = "--update" in sys.argv
    work = pathlib.Path(tempfile.mkdtemp())
    config = work / "penstock.yaml"
    config.write_text(CONFIG.format(work=work))
    (work / "one.txt").write_text("One line of text.\n")
    made = run("rag", "ingest", "kb", work / "one.txt", "--config", config)
    assert made.returncode == 0, made.stderr
    judges = {"collection": of_collection, "manifest": of_manifest}
    wrong = cases = 0
    for path in sorted(p for p in HERE.glob("*/*") if p.suffix != ".line"):
        status, said = judges.get(path.parent.name, of_document)(path, config)
        expected = path.with_suffix(".line")
        cases += 1
        if update:
            expected.write_text(said)
        elif status != 1 or said != expected.read_text() or not said:
            wrong += 1
            print(f"{path.relative_to(HERE)}: status {status}\n  said     {said}  expected {expected.read_text()}")
    shutil.rmtree(work)
    print(f"{cases} cases, {wrong} wrong")
    return 1 if wrong or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
