"""What the ledger says of answers by rules alone, and what callers say of them."""
import pytest


@pytest.fixture
def sim(gateway):
    return gateway({"providers": {"sim": {"dialect": "sim"}},
                    "models": {"m": {"targets": [{"provider": "sim", "model": "echo"}]}}})


WORDS = "the river runs past the old mill and nobody in the village knows where its water comes from"
CASES = [
    ({"text": "All is well."}, {}),
    ({"text": "I'm sorry, but I can't help with that."}, {"refusal": 1}),
    ({"text": "   "}, {"empty": 1}),
    ({"text": "one two three four five six seven", "max_tokens": 2}, {"truncated": 1}),
    ({"text": "no json", "response_format": {"type": "json_object"}}, {"misfit": 1}),
    ({"text": '{"a": 1}', "response_format": {"type": "json_object"}}, {}),
    ({"text": "la la la la " * 10}, {"repetition": 97}),
    ({"text": WORDS}, {}),
]
SCORES = ["refusal", "empty", "truncated", "misfit", "repetition", "language_mismatch", "citations_lost"]


@pytest.mark.parametrize("stream", [False, True], ids=["body", "stream"])
def test_scores_of_an_answer(sim, stream):
    for ask, expected in CASES:
        text = ask["text"]
        more = {k: v for k, v in ask.items() if k != "text"}
        answer = sim.stream(text=text, **more).answer if stream else sim.chat(text=text, **more)
        row = sim.request_row(answer.header("x-request-id"))
        assert row["judged"] == 1
        assert {k: row[k] for k in SCORES if row[k] is not None} == expected, text


def test_the_report_adds_them_up(sim):
    for ask, _ in CASES:
        sim.chat(**ask)
    total = sim.cli("report", "behaviour", "--by", "model,day", "--format", "json")["total"]
    assert {k: total[k] for k in ("requests", "judged", "refusals", "empty", "truncated", "misfits", "repetitive")} == {
        "requests": 8, "judged": 8, "refusals": 1, "empty": 1, "truncated": 1, "misfits": 1, "repetitive": 1}
    assert total["cost_usd"] == sim.cli("report", "cost", "--format", "json")["total"]["cost_usd"]
    assert sim.run("ledger", "verify").returncode == 0


def test_feedback_is_of_ones_own_team(sim):
    request = sim.chat().header("x-request-id")
    told = sim.post("/v1/feedback", {"request_id": request, "thumbs": "down", "score": 0.25, "comment": "no"})
    assert (told.status, told.json) == (200, {"request_id": request})
    row = sim.rows("select request_id, team, thumbs, score, comment, answer from feedback")
    assert row == [{"request_id": request, "team": "red", "thumbs": -1, "score": 0.25, "comment": "no", "answer": None}]
    assert sim.post("/v1/feedback", {"request_id": request, "thumbs": "up"}, sim.key("blue")).status == 404
    assert sim.post("/v1/feedback", {"request_id": request}, key=None).status == 401


@pytest.mark.parametrize("body, param", [
    ({"thumbs": "up"}, "request_id"), ({"request_id": "x", "thumbs": "sideways"}, "thumbs"),
    ({"request_id": "x", "score": 2}, "score"), ({"request_id": "x", "comment": 1}, "comment"),
    ({"request_id": "x"}, None)])
def test_feedback_that_makes_no_sense(sim, body, param):
    told = sim.post("/v1/feedback", body)
    assert (told.status, told.error["param"]) == (400, param)


def test_the_operator_speaks_of_any_request(sim):
    request = sim.chat().header("x-request-id")
    said = ["feedback", "add", request, "--thumbs", "up", "--score", "0.5", "--comment", "ja — gut"]
    assert sim.run(*said, "--dry-run").stdout == "" and sim.rows("select 1 from feedback") == []
    assert sim.cli(*said, "--json") == {"request_id": request}
    assert sim.rows("select key_id, team, thumbs, score, comment from feedback") == [
        {"key_id": "operator", "team": None, "thumbs": 1, "score": 0.5, "comment": "ja — gut"}]
    sim.stop()
    assert sim.run("feedback", "add", request, "--answer", "better").returncode == 0
    assert [r["answer"] for r in sim.rows("select answer from feedback")] == [None, "better"]


@pytest.mark.parametrize("args, status, says", [
    (["nothing", "--thumbs", "up"], 1, "no such request"), (["nothing", "--thumbs", "up", "--dry-run"], 1, "no such request"),
    (["x"], 1, "thumbs, score, comment or answer"), (["x", "--score", "2"], 1, "from 0 to 1"),
    (["x", "--score", "well"], 1, "score"), (["x", "--thumbs", "sideways"], 1, "'up' or 'down'"), ([], 2, "")])
def test_feedback_of_the_operator_that_makes_no_sense(sim, args, status, says):
    done = sim.run("feedback", "add", *args)
    assert done.returncode == status and says in done.stderr, done.stderr
    assert sim.rows("select 1 from feedback") == []
