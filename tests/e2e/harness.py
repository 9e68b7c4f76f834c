"""A gateway of one's own in a temporary folder, driven from outside as anybody would."""
import contextlib
import itertools
import json
import os
import pathlib
import select
import signal
import socket
import sqlite3
import subprocess
import time

from client import WAIT_S, Answer, Connection, Stream
from upstream import Upstream  # noqa: F401  (tests take it from here)

TOP = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("PENSTOCK", str(TOP / "penstock"))
PATIENCE = 8 if os.environ.get("SANITIZED") else 1  # by how much a measured time may be longer

# Below the ports that the kernel hands out, and apart for each worker of pytest.
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
ports = itertools.cycle(range(12000 + 1000 * WORKER, 13000 + 1000 * WORKER))


def free_port():
    for port in ports:
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def until(what, timeout=WAIT_S, says="it"):
    """Asks every 2 ms until what() is true, and returns that."""
    deadline = time.monotonic() + timeout
    while not (found := what()):
        assert time.monotonic() < deadline, f"{says} did not come about in {timeout} s"
        select.select([], [], [], 0.002)
    return found


class Gateway:
    """
    Made with the config as a dict; start() starts `penstock serve` with it.

    config   members of the config file; listen and data_dir are filled in
    prices   models of a price file: {"up/m": {...}}; None: unpriced models are allowed
    """

    def __init__(self, folder, config, prices=None, env=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data = self.folder / "data"
        self.port = free_port()
        self.config_file = self.folder / "penstock.yaml"
        self.log_file = self.folder / "serve.log"
        self.env = {**os.environ, **(env or {})}
        self.process = None
        self.keys = {}
        config = {"listen": f"127.0.0.1:{self.port}", "data_dir": str(self.data), **config}
        if prices is None:
            config.setdefault("prices", {"unpriced": "allow"})
        else:
            (self.folder / "prices.json").write_text(json.dumps({"version": "test-1", "models": prices}))
            config.setdefault("prices", {"file": str(self.folder / "prices.json")})
        self.write_config(config)

    def write_config(self, config):
        """YAML, for which JSON will do."""
        self.config = config
        self.config_file.write_text(json.dumps(config, indent=1) + "\n")

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    # the process

    def start(self):
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen([PROGRAM, "serve", "--config", self.config_file], cwd=self.folder,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env)
        self.pid = self.process.pid
        until(self.is_up, says=f"the start of the gateway ({self.log_file})")
        return self

    def is_up(self):
        assert self.process.poll() is None, f"serve ended: {self.log}"
        with contextlib.suppress(OSError):
            return self.get("/readyz", key=None).status == 200
        return False

    def stop(self, timeout=WAIT_S):
        """SIGTERM; its exit status.  A sanitizer's complaint is a failure."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"the gateway did not stop in {timeout} s: {self.log}") from None
        if self.process:
            log = self.log
            assert "ERROR: AddressSanitizer" not in log and "runtime error:" not in log \
                and "ERROR: LeakSanitizer" not in log, log
            return self.process.returncode
        return None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    @property
    def log(self):
        return self.log_file.read_text(errors="replace")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def rss_bytes(self):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024

    # the command line

    def run(self, *args, stdin=""):
        """The finished process of a command, whatever became of it."""
        return subprocess.run([PROGRAM, *args, "--config", self.config_file], cwd=self.folder, input=stdin,
                              capture_output=True, text=True, env=self.env, timeout=60)

    def cli(self, *args, stdin=""):
        """Its stdout; read as JSON where --json, or --format json, is asked."""
        done = self.run(*args, stdin=stdin)
        assert done.returncode == 0, f"{args}: {done.returncode}: {done.stderr}"
        return json.loads(done.stdout) if "--json" in args or "json" in args else done.stdout

    def key(self, team="red", models="*", *more):
        """A new key's secret; the team is made where it is new."""
        return self.new_key(team, models, *more)["key"]

    def new_key(self, team="red", models="*", *more):
        if team not in self.keys:
            self.cli("teams", "create", team)
            self.keys[team] = []
        made = self.cli("keys", "create", "--team", team, "--models", models, *more, "--json")
        self.keys[team].append(made)
        return made

    # HTTP

    def connect(self, **options):
        return Connection(self.port, **options)

    def default_key(self):
        """Of a team `red`, made at the first use, that may use everything."""
        if not self.keys.get("red"):
            self.key()
        return self.keys["red"][0]["key"]

    def headers(self, key="", headers=()):
        """key: a secret, "" for the default one, None for none."""
        if key is None:
            return list(headers)
        return [("authorization", f"Bearer {key or self.default_key()}"), *headers]

    def ask(self, method, target, body=None, key="", headers=()) -> Answer:
        headers = self.headers(key, headers)
        with self.connect() as c:
            c.request(method, target, headers, body)
            return c.read_answer()

    def get(self, target, key="", headers=()):
        return self.ask("GET", target, None, key, headers)

    def post(self, target, body, key="", headers=()):
        return self.ask("POST", target, body, key, headers)

    def chat(self, model="m", text="Hi", key="", headers=(), **more):
        return self.post("/v1/chat/completions", chat_body(model, text, **more), key, headers)

    def open_stream(self, model="m", text="Hi", key="", headers=(), target="/v1/chat/completions", **more) -> Stream:
        """The caller closes .connection."""
        headers = self.headers(key, headers)
        c = self.connect()
        c.request("POST", target, headers, chat_body(model, text, stream=True, **more))
        return Stream(c)

    def stream(self, *args, **more):
        """A whole stream; .found holds its events."""
        s = self.open_stream(*args, **more)
        with s.connection:
            s.found = s.events()
        return s

    # the store

    def rows(self, sql, *args):
        """Of the database, read-only; each a dict."""
        db = sqlite3.connect(f"file:{self.data}/penstock.db?mode=ro", uri=True, timeout=10)
        db.row_factory = sqlite3.Row
        with contextlib.closing(db):
            return [dict(row) for row in db.execute(sql, args)]

    def request_row(self, request_id):
        """The row of a request that has been settled."""
        sql = "select * from requests where request_id = ? and finish is not null"
        return until(lambda: self.rows(sql, request_id), says=f"the row of {request_id}")[0]

    def attempt_rows(self, request_id):
        self.request_row(request_id)
        return self.rows("select * from attempts where request_id = ? order by attempt", request_id)

    def last_row(self):
        """Of the newest request, once it is settled."""
        sql = "select * from requests order by request_id desc limit 1"
        return until(lambda: [r for r in self.rows(sql) if r["finish"]], says="a settled row")[0]


def chat_body(model="m", text="Hi", **more):
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def one_model(upstream, provider=None, **model):
    """The config of one model `m` behind one upstream called `up`."""
    return {"providers": {"up": {"dialect": "openai", "base_url": upstream.url, "api_key": UPSTREAM_KEY,
                                 **(provider or {})}},
            "models": {"m": {"targets": [{"provider": "up", "model": "m-1"}], **model}}}


UPSTREAM_KEY = "sk-upstream-6f1c2a77"
PRICE = {"input": "0.5", "output": "1.5", "cached_input": "0.1", "default_max_output": 4096}
