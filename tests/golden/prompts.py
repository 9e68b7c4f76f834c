#!/usr/bin/env python3
"""Every bad prompt of tests/golden/prompts gets exactly the complaints that stand beside it.

With --update the expectations are written anew: review the difference.
"""
import os, pathlib, re, subprocess, sys, tempfile

srcdir = pathlib.Path(os.environ.get("srcdir", ".")).resolve()
program = pathlib.Path(os.environ.get("builddir", ".")).resolve() / "penstock"
folder = srcdir / "tests/golden/prompts"
failed = 0
cases = sorted(folder.glob("*.prompty"))
for case in cases:
    run = subprocess.run([program, "prompts", "push", case.name, "--data-dir", "/nonexistent"], cwd=folder,
                         capture_output=True, text=True)
    expect = case.with_suffix(".expect")
    if "--update" in sys.argv:
        expect.write_text(run.stderr)
    placed = all(re.match(rf"{re.escape(case.name)}:\d+:\d+: ", line) for line in run.stderr.splitlines())
    if run.returncode != 1 or run.stdout or not placed or run.stderr != expect.read_text():
        failed += 1
        print(f"{case.name}: exit {run.returncode}, got\n{run.stdout}{run.stderr}")
sample = srcdir / "prompts/sample.prompty"
with tempfile.TemporaryDirectory() as data:
    run = subprocess.run([program, "prompts", "push", sample, "--data-dir", data], capture_output=True, text=True)
if run.returncode or run.stdout != "support/answer@1  made\n":
    failed += 1
    print(f"{sample}: exit {run.returncode}, got\n{run.stdout}{run.stderr}")
print(f"{len(cases) + 1 - failed} passed, {failed} failed")
sys.exit(failed > 0 or len(cases) < 10)
