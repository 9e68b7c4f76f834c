"""SIGHUP swaps the whole config or refuses it whole; what runs keeps the one it began with."""
import copy
import threading

from harness import until
from upstream import chat, chat_stream


def test_a_good_config_is_in_force(pair):
    gateway, up = pair(lambda peer: peer.answer(chat()))
    config = copy.deepcopy(gateway.config)
    config["models"]["n"] = {"targets": [{"provider": "up", "model": "n-1"}]}
    del config["models"]["m"]
    assert gateway.chat("n").status == 404
    gateway.write_config(config)
    gateway.reload()
    until(lambda: gateway.chat("n").status == 200, says="the new config")
    assert gateway.chat("m").status == 404


def test_a_bad_one_changes_nothing(pair):
    gateway, _ = pair(lambda peer: peer.answer(chat()))
    gateway.default_key()
    config = copy.deepcopy(gateway.config)
    config["models"]["n"] = {"targets": [{"provider": "up", "model": "n-1"}]}
    config["modles"] = {}
    gateway.write_config(config)
    before = len(gateway.log)
    gateway.reload()
    until(lambda: "modles" in gateway.log[before:], says="the complaint")
    assert gateway.chat("m").status == 200
    assert gateway.chat("n").status == 404


def test_a_running_stream_keeps_its_own(pair):
    go_on = threading.Event()

    def script(peer):
        events = chat_stream()
        peer.stream_head()
        peer.chunk(events[0])
        assert go_on.wait(10)
        [peer.chunk(e) for e in events[1:]]
        peer.end()

    gateway, up = pair(script)
    s = gateway.open_stream()
    config = copy.deepcopy(gateway.config)
    config["models"] = {"n": {"targets": [{"provider": "up", "model": "n-1"}]}}
    gateway.write_config(config)
    gateway.reload()
    until(lambda: {m["id"] for m in gateway.get("/v1/models").json["data"]} == {"n"}, says="the new config")
    go_on.set()
    with s.connection:
        assert s.events()[-1] == "[DONE]"


def test_check_names_the_place(pair):
    gateway, _ = pair(lambda peer: peer.answer(chat()))
    gateway.config_file.write_text('listen: 127.0.0.1:1\nmodels:\n  m:\n    targts: []\n')
    done = gateway.run("check")
    assert done.returncode == 1
    assert f"{gateway.config_file}:4:5: " in done.stdout + done.stderr
    assert "targets" in done.stdout + done.stderr
