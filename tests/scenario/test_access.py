# SPDX-License-Identifier: Apache-2.0
"""What people do in front of a closed door: accept terms, ask, answer, hand a reviewer a link; by the client and curl."""
import json
import os
import re
import signal

import pytest

from conftest import BIN, EMBARGOED, README, run, wait_for

SHUT = "/datasets/10.5072/ma6021-tomo-01"
POLICY = """policy: access
version: 1
timezone: Europe/Stockholm
valid_from: 2000-01-01
licence: CC-BY-4.0
embargo: {anchor: experiment_end, period: 3y, early_release: [pi]}
metadata: {public_at: {experiment_end: [title]}}
grant: {restricted: [director]}
groups: {team: [pi, coproposer, delegate]}
terms: {samples: {version: 2, title: "Samples & people", url: "https://data.test/terms"}}
rules:
  - {id: record, effect: permit, action: [meta.public], when: {state: [embargoed, open]}}
  - {id: team, effect: permit, action: [meta.full, data.list, data.read], when: {state: embargoed, role: team}}
  - id: open
    effect: permit
    action: [data.list, data.read]
    when: {state: open}
    obligations: ["accept-terms:samples@2"]
tests:
  - {name: closed, now: 2025-01-01, dates: {experiment_end: 2024-05-31}, action: data.read, expect: deny}
"""


@pytest.fixture(scope="module")
def agent(launch, tmp_path_factory):
    file = tmp_path_factory.mktemp("policy") / "access.yaml"
    file.write_text(POLICY)
    return launch("policy", "--policy", file)


def access(agent, who, *args, code=0):
    """pan-agent access ..., as somebody with a token."""
    token = agent.work / ("token." + who)
    token.write_text(agent.token(who))
    r = run(BIN / "pan-agent", "access", *args, "--token-file", token, "--ca-file", agent.ca)
    assert r.returncode == code, (r.stdout, r.stderr, agent.log()[-2000:])
    return r.stdout.decode() + (r.stderr.decode() if code else "")


def here(agent, *args, code=0):
    r = run(BIN / "pan-agent", *args, "--config", agent.config)
    assert r.returncode == code, (r.stdout, r.stderr)
    return r.stdout.decode()


def metric(agent):
    r = run("curl", "-sS", "--unix-socket", agent.work / "run" / "admin.sock", "http://localhost/metrics").stdout.decode()
    found = re.search(r"^pan_access_requests_open (\d+)$", r, re.M)
    return int(found.group(1)) if found else None


def audit(agent, kind):
    lines = (agent.work / "logs" / "audit.jsonl").read_text().splitlines()
    return [r for r in map(json.loads, lines) if r["kind"] == kind]


def test_terms(agent):
    url = agent.base + "/terms/samples@2"
    refused = agent.get(README, sub="eve")
    assert refused.status == 403 and refused.json["reason"] == "terms-not-accepted", refused
    assert agent.get(README).status == 401
    page = agent.get("/terms/samples@2", "-H", "Accept: text/html")
    assert page.status == 200 and b"Samples &amp; people" in page.body
    assert access(agent, "eve", "accept", url) == "samples@2: accepted\n"
    assert agent.get(README, sub="eve").status == 200
    assert "404" in access(agent, "eve", "accept", agent.base + "/terms/samples@3", code=1)
    assert access(agent, "eve", "accept", url, "--withdraw") == "samples@2: taken back\n"
    assert agent.get(README, sub="eve").status == 403
    assert [r["terms"]["what"] for r in audit(agent, "terms")] == ["accepted", "withdrawn"]


def test_ask_and_grant(agent):
    url = agent.base + SHUT
    assert agent.get(EMBARGOED, sub="eve").status == 403
    asked = access(agent, "eve", "ask", url, "--text", "for my\nthesis")
    request = re.fullmatch(r"(q-[0-9a-f]{10}): open\n", asked).group(1)
    assert "waits for an answer already" in access(agent, "eve", "ask", url, "--text", "again", code=1)
    assert wait_for(lambda: metric(agent) == 1, 5)
    waiting = access(agent, "alice", "list", agent.base)
    assert request in waiting and "eve at " in waiting and "for my?thesis" in waiting
    assert request in here(agent, "access", "list")
    assert json.loads(here(agent, "access", "list", "--json"))["sub"] == "eve"
    assert "granted until" in access(agent, "alice", "answer", url, request, "--grant", "--days", "3", "--note", "welcome")
    got = agent.get(EMBARGOED, sub="eve")
    assert got.status == 200 and got.body == agent.file(EMBARGOED).read_bytes()
    assert agent.get(EMBARGOED, sub="frank").status == 403
    assert "welcome" in access(agent, "eve", "list", url)
    assert wait_for(lambda: metric(agent) == 0, 5)
    # A grant is for reading: no event in that role.
    event = agent.get(SHUT + "/events", "-d", '{"type":"release","by":"delegate"}', sub="eve")
    assert event.status == 403, event
    grant = re.search(r"^(r-[0-9a-f]+)", access(agent, "alice", "links", url), re.M).group(1)
    assert access(agent, "alice", "revoke", url, grant) == grant + ": revoked\n"
    assert agent.get(EMBARGOED, sub="eve").status == 403
    texts = agent.log() + (agent.work / "logs" / "audit.jsonl").read_text()
    assert "thesis" not in texts and '"sub":"eve"' not in texts


def test_a_reviewers_link(agent):
    url = agent.base + SHUT
    link = access(agent, "alice", "link", url, "--days", "30", "--note", "referee 2").strip()
    assert re.fullmatch(re.escape(agent.base) + r"/review/[A-Za-z0-9_-]{43}/", link)
    path = link[len(agent.base):]
    listing = agent.get(path, "-H", "Accept: text/html")
    assert listing.status == 200 and b'href="ma6021_tomo_0001.nxs"' in listing.body
    assert listing.headers["referrer-policy"] == "no-referrer" and "noindex" in listing.headers["x-robots-tag"]
    data = agent.file(EMBARGOED).read_bytes()
    for _ in range(2):
        got = agent.get(path + "ma6021_tomo_0001.nxs")
        assert got.status == 200 and got.body == data and got.headers["cache-control"] == "private, no-store"
    part = agent.get(path + "ma6021_tomo_0001.nxs", "-r", "0-7")
    assert part.status == 206 and part.body == data[:8] and part.headers["referrer-policy"] == "no-referrer"
    for bad in ("../", "%2e%2e/", "..%2f" + EMBARGOED[6:], "a/../../x"):
        assert agent.get(path + bad).status in (400, 404)
    for method in ("POST", "DELETE", "PUT", "PROPFIND"):
        assert agent.get(path, "-X", method).status == 405
    links = access(agent, "alice", "links", url)
    assert "referee 2" in links and "live" in links and path[8:50] not in links
    assert "403" in access(agent, "eve", "links", url, code=1)
    # The explanation knows it, and decides for its bearer.
    key = re.search(r"^(r-[0-9a-f]+)  live", links, re.M).group(1)
    explain = ("policy", "explain", "--on", "10.5072/ma6021-tomo-01", "--action", "data.read", "--as")
    assert "links   %s until " % key in here(agent, *explain, "anonymous")
    assert here(agent, *explain, "link:" + key).startswith("permit")
    # It outlives a gate: the ledger is on disk.
    gates = agent.children()["gate"]
    os.kill(gates[0], signal.SIGKILL)
    assert wait_for(lambda: agent.children().get("gate", gates) != gates, 10)
    assert wait_for(lambda: agent.get(path).status == 200, 10)
    assert key + "  live" in here(agent, "access", "links", "10.5072/ma6021-tomo-01")
    # The administrator ends it, also for what the front has kept.
    assert agent.get(path + "ma6021_tomo_0001.nxs").status == 200
    assert here(agent, "access", "revoke", key) == key + ": revoked\n"
    gone = agent.get(path + "ma6021_tomo_0001.nxs")
    assert gone.status == 404 and gone.headers["referrer-policy"] == "no-referrer"
    never = agent.get("/review/" + "A" * 43 + "/")
    assert never.status == 404 and never.json["detail"] == gone.json["detail"]
    here(agent, "access", "revoke", "r-0000000000", code=1)
    texts = agent.log() + (agent.work / "logs" / "audit.jsonl").read_text()
    assert path[8:51] not in texts
    used = [r for r in audit(agent, "decision") if (r["subject"] or {}).get("id") == "link:" + key]
    assert len(used) >= 4 and all(r["subject"]["roles"] == ["delegate"] for r in used)


def test_wrong_calls(agent):
    for args in (["ask"], ["ask", agent.base + SHUT], ["answer", agent.base + SHUT, "q-1"], ["accept", agent.base + "/me"],
                 ["revoke", agent.base + SHUT, "../x"], ["links", "--nothing"], ["open", agent.base]):
        r = run(BIN / "pan-agent", "access", *args)
        assert r.returncode == 2 and r.stderr.startswith(b"pan-agent access"), (args, r)
