# SPDX-License-Identifier: Apache-2.0
"""SIGHUP: a good configuration is taken whole, a bad one leaves the old in force and says why."""
import signal

import pytest
from conftest import BIN, EMBARGOED, OPEN, run, sha256, wait_for


@pytest.fixture(scope="module")
def agent(launch):
    return launch("policy", "--policy", launch.policy)


@pytest.fixture(scope="module")
def launch(launch, tmp_path_factory):
    """A policy file of this module's own, to be changed."""
    from conftest import ROOT
    p = tmp_path_factory.mktemp("policy") / "policy.yaml"
    p.write_text((ROOT / "policy" / "examples" / "sample.yaml").read_text())
    launch.policy = p
    return launch


def reload(agent):
    return run(BIN / "pan-agent", "reload", "--config", agent.config)


def test_a_fault_keeps_the_old(agent, launch):
    good = launch.policy.read_text()
    launch.policy.write_text(good + "\nno_such_key: 1\n")
    try:
        r = reload(agent)
        assert r.returncode == 1 and b"no_such_key" in r.stderr + r.stdout, r
        assert agent.get(OPEN).status == 200 and agent.get(EMBARGOED).status == 401
        assert "no_such_key" in agent.log()
    finally:
        launch.policy.write_text(good)
    assert reload(agent).returncode == 0


def test_a_new_policy_decides_at_once(agent, launch):
    """Kept grants fall with the epoch: what was allowed is refused after the reload."""
    good = launch.policy.read_text()
    assert agent.get(OPEN).status == 200
    lines = good.splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if line.startswith("rules:"))
    closed = "".join(lines[:at + 1]) + (
        "  - {id: closed-for-now, effect: deny, action: [data.read], reason: closed-for-now, status: 403,\n"
        "     when: {state: [open, embargoed, proprietary, restricted, withdrawn]}}\n")
    tests = next((i for i, line in enumerate(lines) if line.startswith("tests:")), len(lines))
    body = "".join(line for line in lines[at + 1:tests])
    launch.policy.write_text(closed + body + "tests:\n  - {name: closed, now: 2030-01-01, role: [pi], action: data.read,"
                             " dates: {experiment_start: 2024-01-01, experiment_end: 2024-01-02}, expect: deny, rule: closed-for-now}\n")
    try:
        r = reload(agent)
        assert r.returncode == 0, r.stdout + r.stderr
        a = agent.get(OPEN)
        assert a.status == 403 and a.json["rule"] == "closed-for-now", a
        assert agent.get(EMBARGOED, sub="alice").status == 403
    finally:
        launch.policy.write_text(good)
        agent.signal(signal.SIGHUP)
    assert wait_for(lambda: agent.get(OPEN).status == 200, 10)
    assert sha256(agent.get(EMBARGOED, sub="alice").body) == sha256(agent.file(EMBARGOED))


def test_a_transfer_goes_on(agent, tmp_path):
    out = tmp_path / "out"
    p = agent.start("--fail", "--limit-rate", "60k", "-o", out, agent.base + OPEN)
    assert wait_for(lambda: out.exists() and out.stat().st_size > 0, 10)
    agent.signal(signal.SIGHUP)
    assert p.wait(30) == 0, p.stderr.read()
    assert sha256(out) == sha256(agent.file(OPEN))
