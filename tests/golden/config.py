#!/usr/bin/env python3
"""Every bad config of tests/golden/config gets exactly the complaints that stand beside it.

With --update the expectations are written anew: review the difference.
"""
import os, pathlib, subprocess, sys

srcdir = pathlib.Path(os.environ.get("srcdir", ".")).resolve()
program = pathlib.Path(os.environ.get("builddir", ".")).resolve() / "penstock"
folder = srcdir / "tests/golden/config"
failed = 0
cases = sorted(folder.glob("*.yaml"))
for case in cases:
    run = subprocess.run([program, "check", "-c", case.name], cwd=folder, capture_output=True, text=True)
    expect = case.with_suffix(".expect")
    if "--update" in sys.argv:
        expect.write_text(run.stderr)
    elif run.returncode != 1 or run.stdout or run.stderr != expect.read_text() or "canary" in run.stderr:
        failed += 1
        print(f"{case.name}: exit {run.returncode}, got\n{run.stdout}{run.stderr}")
print(f"{len(cases) - failed} passed, {failed} failed")
sys.exit(failed > 0 or len(cases) < 20)
