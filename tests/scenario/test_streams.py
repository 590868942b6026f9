# SPDX-License-Identifier: Apache-2.0
"""Obligations carried out where the bytes go: rate classes, and what becomes of downloads when the answer changes."""
import json
import random
import time

import pytest
from conftest import BIN, run, sha256, wait_for
from test_roles import admin

BIG, SIZE = "/data/10.5072/data/big.bin", 20_000_000
SMALL = "/data/10.5072/open/open.bin"
POLICY = """policy: streams
version: 1
timezone: Europe/Paris
valid_from: 2000-01-01
licence: CC-BY-4.0
embargo: {anchor: experiment_end, period: 1y}
grant: {withdrawn: [director]}
metadata: {public_at: {experiment_end: [title]}}
rates:
  few: {requests_per_min: 60}
  two: {streams: 2, mbit: 8}
  fast: {streams: 4, mbit: 80}
%s
rules:
  - {id: gone, effect: deny, action: [data.read, data.list], when: {state: withdrawn}, reason: withdrawn}
  - {id: record, effect: permit, action: [meta.public], when: {}}
%s
  - {id: few, effect: permit, action: [data.read, data.list], when: {pid: 10.5072/open}, obligations: ["rate:few"]}
  - {id: two, effect: permit, action: [data.read], when: {not_role: [authenticated]}, obligations: ["rate:two"]}
  - {id: fast, effect: permit, action: [data.read, data.list], when: {role: [authenticated]}, obligations: ["rate:fast", "audit:full"]}
tests:
  - {name: one, now: 2025-01-01, dates: {experiment_end: 2021-05-31}, action: meta.public, expect: permit}
"""
CLOSED = "  - {id: closed, effect: deny, action: [data.read], when: {}, reason: maintenance, status: 403}"


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    p = tmp_path_factory.mktemp("policy") / "policy.yaml"
    p.write_text(POLICY % ("", ""))
    return p


@pytest.fixture(scope="module")
def agent(launch, policy, tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    (data / "big.bin").write_bytes(random.Random(2).randbytes(SIZE))
    a = launch("https", "--policy", policy, "--data", data)
    a.big = sha256(data / "big.bin")
    return a


def enforce(agent, policy, streams="", rule=""):
    policy.write_text(POLICY % (streams, rule))
    r = run(BIN / "pan-agent", "reload", "--config", agent.config)
    assert r.returncode == 0, r.stderr.decode() + r.stdout.decode()


def begin(agent, out, *args):
    """A download that has begun."""
    p = agent.start("--fail", "-o", out, *args, agent.base + BIG)
    assert wait_for(lambda: out.exists() and out.stat().st_size > 0, 10), p.poll()
    return p


def closings(agent, **want):
    """Close records of the audit log with these members."""
    lines = [json.loads(x) for x in (agent.work / "logs" / "audit.jsonl").read_text().splitlines()]
    return [x for x in lines if x["kind"] == "close" and all(x.get(k) == v for k, v in want.items())]


def metric(agent, series):
    text = admin(agent, "/metrics")[1]
    return [int(x.rsplit(" ", 1)[1]) for x in text.splitlines() if x.startswith(series)]


def test_bodies_at_a_time(agent, tmp_path):
    running = [begin(agent, tmp_path / str(i)) for i in range(2)]
    try:
        for _ in range(2):
            a = agent.get(BIG)
            assert a.status == 429 and a.headers["retry-after"] == "5", a
            assert a.headers["content-type"] == "application/problem+json" and a.headers["cache-control"] == "private, no-store", a
            assert a.json["rate"] == {"class": "two", "streams": 2, "mbit": 8} and "two allows 2 downloads" in a.json["detail"], a
        assert agent.get(BIG, "-I").status == 200, "a HEAD has no body"
        assert agent.get(BIG, "-r", "0-9", sub="bob").status == 206, "somebody else"
        assert wait_for(lambda: closings(agent, result="cut", why="rate", bytes=0), 5)
    finally:
        for p in running:
            p.kill()
            p.wait()
    assert wait_for(lambda: agent.get(BIG, "-r", "0-9").status == 206, 10)


def test_speed(agent, tmp_path):
    began = time.monotonic()
    r = agent.curl("--fail", "-o", tmp_path / "big", "-H", "Authorization: Bearer " + agent.token("alice"), agent.base + BIG)
    took = time.monotonic() - began
    assert r.returncode == 0 and sha256(tmp_path / "big") == agent.big, r.stderr
    assert SIZE * 8 / 80e6 / 1.25 <= took <= SIZE * 8 / 80e6 * 2, took


def test_requests_in_a_minute(agent):
    r = agent.curl("-o", "/dev/null", "-w", "%{http_code} ", "-r", "0-0", agent.base + SMALL + "?n=[1-70]")
    codes = r.stdout.decode().split()
    assert codes[:60] == ["206"] * 60 and codes[-1] == "429", codes
    a = agent.get(SMALL, "-r", "0-0")
    while a.status != 429:  # a slow machine has got another one
        a = agent.get(SMALL, "-r", "0-0")
    assert a.headers["retry-after"] == "1" and a.json["rate"] == {"class": "few", "requests_per_min": 60}, a
    time.sleep(1)
    assert agent.get(SMALL, "-r", "0-0").status == 206
    assert metric(agent, 'pan_rate_limited_total{limit="requests"}')[0] > 0
    assert metric(agent, 'pan_rate_limited_total{limit="streams"}')[0] >= 2


def test_full_audit(agent):
    assert agent.get(BIG, "-r", "5-9,20-29", sub="carol").status == 206
    assert wait_for(lambda: closings(agent, file="big.bin", ranges=[[5, 9], [20, 29]], result="complete"), 5)
    assert agent.get(SMALL, "-r", "5-9", sub="carol").status in (206, 429)
    assert not [x for x in closings(agent) if x.get("file") == "open.bin"]


def test_cut(agent, policy, tmp_path):
    out = tmp_path / "out"
    p = begin(agent, out)
    enforce(agent, policy, "streams: {on_deny: cut}", CLOSED)
    assert p.wait(5) in (18, 92), "curl says: a partial file, or (HTTP/2) a stream that was reset"
    assert wait_for(lambda: closings(agent, result="cut", why="denied"), 5)
    a = agent.get(BIG, "-r", "%d-" % out.stat().st_size)
    assert a.status == 403 and a.json["reason"] == "maintenance" and a.json["rule"] == "closed", a
    enforce(agent, policy)


def test_finish(agent, policy, tmp_path):
    out = tmp_path / "out"
    auth = ("-H", "Authorization: Bearer " + agent.token("alice"))
    p = begin(agent, out, *auth)
    enforce(agent, policy, "streams: {on_deny: finish, max_age: 1h}", CLOSED)
    a = agent.get(BIG, "-r", "0-9", sub="alice")
    assert a.status == 403 and a.json["rule"] == "closed", "the next range is refused"
    assert p.wait(10) == 0 and sha256(out) == agent.big, p.stderr.read()
    enforce(agent, policy)


def test_finish_takes_too_long(agent, policy, tmp_path):
    p = begin(agent, tmp_path / "out")
    enforce(agent, policy, "streams: {on_deny: finish, max_age: 1s}", CLOSED)
    assert p.wait(5) in (18, 92)
    assert wait_for(lambda: closings(agent, result="cut", why="overdue"), 5)
    enforce(agent, policy)


def test_withdrawn_does_not_finish(agent, policy, tmp_path):
    enforce(agent, policy, "streams: {on_deny: finish, max_age: 1h}")
    out = tmp_path / "out"
    p = begin(agent, out)
    before = len(closings(agent, result="cut", why="denied"))
    r = run(BIN / "pan-agent", "policy", "withdraw", "10.5072/data", "--by", "director", "--reason", "wrong sample",
            "--config", agent.config)
    assert r.returncode == 0, r.stderr.decode()
    assert p.wait(5) in (18, 92)
    assert wait_for(lambda: len(closings(agent, result="cut", why="denied")) > before, 5)
    assert agent.get(BIG).status == 410
