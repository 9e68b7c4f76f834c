#!/usr/bin/env python3
"""Mistakes of people who know only the user's documentation: each is complained about at its place.

Beside NN-name.* stands NN-name.place: FILE:LINE:COLUMN, both from 1 and in characters, and a word that
the message must contain. A prompt is checked in its folder, a policy by lint and by the config that names
it, a document by ingest; every other file is a config. Names on the command line choose cases.
"""
import os, pathlib, re, shutil, subprocess, sys, tempfile

srcdir = pathlib.Path(os.environ.get("srcdir", ".")).resolve()
program = pathlib.Path(os.environ.get("builddir", ".")).resolve() / "penstock"
folder = srcdir / "tests/golden/strangers"

MODELS = "providers: {sim: {dialect: sim}}\nmodels:\n  sim/chat: {targets: [{provider: sim, model: chat}]}\n"
PROMPTS = MODELS + "prompts: {dir: ./prompts}\n"
POLICIES = MODELS + "policies: {dir: ./policies, default: NAME}\n"
RAG = MODELS + "rag:\n  collections:\n    handbook: {dir: docs, acl: {teams: [red]}}\n"
GOOD = "version: 1\nrules:\n- id: pii.email\n  request: {action: redact}\n"


def prepare(case, tmp):
    """Puts the case into the folder tmp; returns the commands that must complain of it."""
    check = ["check", "-c", "penstock.yaml"]
    here, config = ".", None
    if case.suffix == ".prompty":
        here, config = "prompts", PROMPTS
    elif case.suffix in (".jsonl", ".md"):
        here, config = "docs", RAG
    elif case.parent.name == "policies" and "policies:" not in case.read_text():
        here, config = "policies", POLICIES.replace("NAME", case.stem)
    (tmp / here).mkdir(exist_ok=True)
    for file in case.parent.glob(case.stem + ".*"):
        if file.suffix != ".place":
            shutil.copy(file, tmp / here)
    if config is None:
        for name in ("docs", "policies"):
            (tmp / name).mkdir(exist_ok=True)
        (tmp / "policies/default.yaml").write_text(GOOD)
        return ".", [["check", "-c", case.name]]
    (tmp / "penstock.yaml").write_text(config)
    if here == "docs":
        return here, [["rag", "ingest", "handbook", "-c", "penstock.yaml", "--data-dir", "data"]]
    return here, [["policy", "lint", f"policies/{case.name}"], check] if here == "policies" else [check]


def wrong(case):
    """What is wrong with the complaints about a case, or an empty text."""
    place, word = case.with_suffix(".place").read_text().strip().split(" ", 1)
    name, line, column = place.rsplit(":", 2)
    problems = ""
    with tempfile.TemporaryDirectory() as path:
        tmp = pathlib.Path(path).resolve()
        here, commands = prepare(case, tmp)
        for command in commands:
            run = subprocess.run([program, *command], cwd=tmp, capture_output=True, text=True)
            found = False
            for text in run.stderr.splitlines():
                match = re.match(r"(.+?):(\d+):(\d+): (.*)", text)
                found |= bool(match) and (tmp / match[1]).resolve() == tmp / here / name and \
                    (match[2], match[3]) == (line, column) and word.lower() in match[4].lower()
            if run.returncode != 1 or not found:
                problems += f"  {' '.join(command)}: exit {run.returncode}, expected {place} …{word}…, got\n{run.stdout}{run.stderr}"
    return problems


cases = sorted(file.with_suffix(suffix) for file in folder.glob("*/*.place")
               for suffix in (".prompty", ".jsonl", ".md", ".yaml") if file.with_suffix(suffix).exists())
passed = failed = 0
for case in cases:
    name = f"{case.parent.name}/{case.name}"
    if sys.argv[1:] and not any(choice in name for choice in sys.argv[1:]):
        continue
    problems = wrong(case)
    passed += not problems
    failed += bool(problems)
    if problems:
        print(f"{name}: failed\n{problems}")
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0 or len(cases) < 40)
