#!/usr/bin/env python3
"""Every bad policy of tests/golden/policy gets exactly the complaints that stand beside it, and
the example that comes with the program gets none.

With --update the expectations are written anew: review the difference.
"""
import os, pathlib, subprocess, sys

srcdir = pathlib.Path(os.environ.get("srcdir", ".")).resolve()
program = pathlib.Path(os.environ.get("builddir", ".")).resolve() / "penstock"
folder = srcdir / "tests/golden/policy"
failed = 0
cases = sorted(folder.glob("*.yaml"))
for case in cases:
    run = subprocess.run([program, "policy", "lint", case.name], cwd=folder, capture_output=True, text=True)
    expect = case.with_suffix(".expect")
    if "--update" in sys.argv:
        expect.write_text(run.stderr)
    elif run.returncode != 1 or run.stdout or run.stderr != expect.read_text():
        failed += 1
        print(f"{case.name}: exit {run.returncode}, got\n{run.stdout}{run.stderr}")
example = srcdir / "policy/policy.example.yaml"
run = subprocess.run([program, "policy", "lint", example], capture_output=True, text=True)
if run.returncode or run.stderr or not run.stdout.endswith("tests\n"):
    failed += 1
    print(f"{example}: exit {run.returncode}, got\n{run.stdout}{run.stderr}")
print(f"{len(cases) + 1 - failed} passed, {failed} failed")
sys.exit(failed > 0 or len(cases) < 10)
