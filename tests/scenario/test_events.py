# SPDX-License-Identifier: Apache-2.0
"""Embargoes as people change them: asked for, approved, opened, withdrawn; each change holds for the next request."""
import json
import os
import signal

import pytest
from conftest import BIN, EMBARGOED, run, wait_for
from test_download import opens, problem

PID = "10.5072/ma6021-tomo-01"
EVENTS = "/datasets/%s/events" % PID


def post(agent, event, **kw):
    return agent.get(EVENTS, "-X", "POST", "-H", "Content-Type: application/json", "-d", json.dumps(event), **kw)


def admin(agent, *args):
    r = run(BIN / "pan-agent", "policy", *args, "--config", agent.config)
    return r.returncode, r.stdout.decode(), r.stderr.decode()


def later(date, years):
    return str(int(date[:4]) + years) + date[4:]


def test_who_may_not(agent):
    problem(post(agent, {"type": "release"}), 401)
    assert "pi, coproposer or delegate" in problem(post(agent, {"type": "release"}, sub="bob"), 403)["detail"]
    assert "do not have the role" in problem(post(agent, {"type": "release", "by": "pi"}, sub="bob"), 403)["detail"]
    hidden = agent.get("/datasets/10.5072/ind042-powder-01/events", "-d", '{"type":"release"}', sub="alice")
    absent = agent.get("/datasets/10.5072/nothing/events", "-d", '{"type":"release"}', sub="alice")
    assert (hidden.status, hidden.json["detail"]) == (absent.status, absent.json["detail"]) == (404, absent.json["detail"])
    assert agent.get(EVENTS, "-X", "DELETE", sub="alice").status == 405
    problem(agent.get(EVENTS), 401)


@pytest.mark.parametrize("body, words", [
    ('{"type":"opening"}', "event types"), ("[]", ""), ("", ""), ('{"type":"release","x":"y"}', "unknown key"),
    ('{"type":"extension"}', "either `period` or `until`"), ('{"type":"release","on":"soon"}', "`on` is not a date"),
    ('{"type":"release","at":"2099-01-01T00:00:00Z"}', "more than 5 minutes ahead")])
def test_what_is_no_event(agent, body, words):
    assert words in problem(agent.get(EVENTS, "-d", body, sub="alice"), 400)["detail"]


def test_extension_waits_for_its_approval(agent):
    date = opens(agent)
    a = post(agent, {"type": "extension", "period": "1y", "note": "thesis"}, sub="alice")
    assert a.status == 201 and a.json["verdict"] == "unapproved" and "director approves" in a.json["detail"], a
    assert problem(agent.get(EMBARGOED), 401)["release_date"] == date
    mine = a.json["event"]["id"]
    assert "only director may" in problem(post(agent, {"type": "approval", "of": mine}, sub="alice"), 403)["detail"]
    code, out, err = admin(agent, "approve", PID, "--of", mine, "--by", "director")
    assert code == 0 and later(date, 1) in out, err
    assert problem(agent.get(EMBARGOED), 401)["release_date"] == later(date, 1)
    log = agent.get(EVENTS, sub="alice")
    assert [(e["type"], e["verdict"]) for e in log.json["events"]] == [("extension", "counts"), ("approval", "noted")], log
    assert log.json["events"][0]["period"] == "1y", log
    code, out, err = admin(agent, "events", PID)
    assert code == 0 and out.startswith(PID + "  embargoed until " + later(date, 1)) and "thesis" in out and "counts, since" in out and "alice" in out, (out, err)


def test_commands_that_are_refused(agent):
    assert admin(agent, "release", PID)[0] == 2
    assert admin(agent, "extend", PID, "--by", "pi")[0] == 2
    code, _, err = admin(agent, "release", PID, "--by", "user_office")
    assert code == 1 and "only pi, coproposer or delegate may" in err, err
    code, _, err = admin(agent, "release", "10.5072/none", "--by", "pi")
    assert code == 1 and "no such dataset" in err, err
    code, _, err = admin(agent, "reinstate", PID, "--by", "director")
    assert code == 1 and "it is not withdrawn" in err, err


def test_from_a_scientists_shell(agent, tmp_path):
    token = tmp_path / "token"
    token.write_text(agent.token("alice"))
    args = ["--token-file", token, "--ca-file", agent.ca]
    r = run(BIN / "pan-agent", "policy", "extend", agent.base + "/data/" + PID, "--period", "2y", *args)
    assert r.returncode == 0 and b"counts when the director approves" in r.stdout, r.stderr
    r = run(BIN / "pan-agent", "policy", "withdraw", agent.base + "/datasets/" + PID, *args)
    assert r.returncode == 1 and b"director" in r.stderr, r


def test_the_team_opens_it_at_once(agent):
    a = post(agent, {"type": "release", "note": "paper is out"}, sub="alice")
    assert a.status == 201 and a.json["state"] == "open" and a.json["event"]["by"] in ("pi", "coproposer"), a
    assert agent.get(EMBARGOED).status == 200
    assert "it is open already" in problem(post(agent, {"type": "release"}, sub="alice"), 409)["detail"]
    assert "do not close again" in problem(post(agent, {"type": "extension", "period": "1y"}, sub="alice"), 409)["detail"]


def test_withdrawn_and_back(agent):
    code, out, err = admin(agent, "withdraw", PID, "--by", "director", "--reason", "wrong sample")
    assert code == 0 and "withdrawn" in out, err
    problem(agent.get(EMBARGOED), 410)
    problem(agent.get(EMBARGOED, sub="alice"), 410)
    os.kill(agent.children()["gate"][0], signal.SIGKILL)  # what was recorded outlives the gate
    wait_for(lambda: agent.get(EMBARGOED).status == 410)
    problem(agent.get(EMBARGOED), 410)
    code, _, err = admin(agent, "reinstate", PID, "--by", "director")
    assert code == 0, err
    assert agent.get(EMBARGOED).status == 200
    agent.note()


def test_every_event_is_in_the_audit_log(agent):
    lines = [json.loads(x) for x in (agent.work / "logs" / "audit.jsonl").read_text().splitlines()]
    events = [x for x in lines if x["kind"] == "event"]
    assert [x["event"]["type"] for x in events] == [
        "extension", "approval", "extension", "release", "withdrawal", "reinstatement"], events
    assert events[0]["subject"]["roles"] and events[1]["subject"] is None and events[0]["object"]["pid"] == PID
    assert "alice" not in json.dumps(events)
    assert lines[0]["kind"] == "start" and lines[0]["tzdata"], lines[0]
