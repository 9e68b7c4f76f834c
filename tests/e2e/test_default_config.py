"""Without a config the gateway starts with sim/* and a first key, and README's curl works."""
import os
import pathlib
import re
import subprocess

import pytest

from client import Connection
from harness import PROGRAM, TOP, until

DETECTED = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "PENSTOCK_CONFIG")


@pytest.fixture
def bare(tmp_path):
    """serve without a config, in a folder of its own, on the port that README names."""
    env = {k: v for k, v in os.environ.items() if k not in DETECTED}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([PROGRAM, "serve"], cwd=tmp_path, env=env, stdout=log, stderr=log)

    def up():
        if process.poll() is not None:
            text = (tmp_path / "log").read_text()
            if "8080" in text:
                pytest.skip("port 8080 is taken on this machine")
            raise AssertionError(text)
        try:
            with Connection(8080) as c:
                c.request("GET", "/readyz")
                return c.read_answer().status == 200
        except OSError:
            return False

    until(up, says="the start")
    yield tmp_path
    process.terminate()
    assert process.wait(20) == 0


@pytest.mark.alone
def test_readmes_curl(bare):
    curl = re.search(r"^ *(curl .*sim/echo.*)$", pathlib.Path(TOP, "README.md").read_text(), re.M)[1]
    done = subprocess.run(["bash", "-c", curl], cwd=bare, capture_output=True, text=True, timeout=30)
    assert '"content":"Hello"' in done.stdout.replace(": ", ":"), done
    assert "penstock-data/first.key" in (bare / "log").read_text()


@pytest.mark.alone
def test_the_models_of_sim(bare):
    key = (bare / "penstock-data/first.key").read_text().strip()
    with Connection(8080) as c:
        c.request("GET", "/v1/models", [("authorization", f"Bearer {key}")])
        assert {"sim/echo", "sim/chat", "sim/embed"} <= {m["id"] for m in c.read_answer().json["data"]}
