"""Model names: listed as the key may use them, retrieved, aliased, and defaulted."""
import pytest

from harness import one_model
from upstream import chat


@pytest.fixture
def both(gateway, upstream):
    up = upstream(lambda peer: peer.answer(chat()))
    config = one_model(up)
    config["models"]["org/big model:7b"] = {"targets": [{"provider": "up", "model": "big"}]}
    config["models"]["other"] = {"targets": [{"provider": "up", "model": "o"}]}
    return gateway({**config, "aliases": {"gpt-4o": "m"}, "default_model": "m"}), up


def ids(answer):
    assert answer.json["object"] == "list"
    for item in answer.json["data"]:
        assert item["object"] == "model" and isinstance(item["created"], int) and isinstance(item["owned_by"], str)
    return {item["id"] for item in answer.json["data"]}


def test_the_list_is_the_keys(both):
    gateway, _ = both
    assert {"m", "org/big model:7b", "other"} <= ids(gateway.get("/v1/models"))
    assert ids(gateway.get("/v1/models", key=gateway.key(models="other"))) == {"other"}
    assert ids(gateway.get("/v1/models", key=gateway.key(models="org/*"))) == {"org/big model:7b"}
    assert ids(gateway.get("/v1/models", key=gateway.cli("keys", "create", "--team", "red", "--json")["key"])) == set()


def test_retrieving(both):
    gateway, _ = both
    assert gateway.get("/v1/models/m").json["id"] == "m"
    assert gateway.get("/v1/models/org%2Fbig%20model:7b").json["id"] == "org/big model:7b"
    assert gateway.get("/v1/models/org/big%20model%3A7b").json["id"] == "org/big model:7b"
    missing = gateway.get("/v1/models/nothing")
    assert (missing.status, missing.error["code"]) == (404, "model_not_found")
    hidden = gateway.get("/v1/models/m", key=gateway.key(models="other"))
    assert (hidden.status, hidden.error["code"]) == (404, "model_not_found")


def test_names_with_slashes_are_asked_by_their_target(both):
    gateway, up = both
    answer = gateway.chat("org/big model:7b")
    assert answer.json["model"] == "org/big model:7b"
    assert up.last.json["model"] == "big"


def test_an_alias_is_answered_by_its_name(both):
    gateway, up = both
    answer = gateway.chat("gpt-4o")
    assert answer.json["model"] == "gpt-4o"
    assert up.last.json["model"] == "m-1"
    assert gateway.request_row(answer.header("x-request-id"))["model_asked"] == "gpt-4o"


def test_the_default_model(both):
    gateway, up = both
    answer = gateway.post("/v1/chat/completions", {"messages": []})
    assert answer.status == 200
    assert up.last.json == {"messages": [], "model": "m-1"}


def test_without_a_default_a_model_is_required(pair):
    gateway, _ = pair(lambda peer: peer.answer(chat()))
    answer = gateway.post("/v1/chat/completions", {"messages": []})
    assert (answer.status, answer.error["code"]) == (400, "model_required")
