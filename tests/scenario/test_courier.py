# SPDX-License-Identifier: Apache-2.0
"""The courier's seat: it is taken where an issuer is fetched, comes back, and holds no data and no key of ours."""
import json
import os
import pathlib
import re
import shutil
import signal

import pytest
from conftest import BIN, EMBARGOED, OPEN, run, sha256, wait_for
from test_roles import admin, own_descriptors, status

ISSUER = """\
  - issuer: http://127.0.0.1:9/realm
    name: Nobody there
    insecure: yes
    audience: ["%s"]
"""


@pytest.fixture(scope="module")
def agent(launch):
    """An agent whose configuration has an issuer of a file; write(agent, fetched) adds the other one."""
    a = launch("policy")
    a.plain = pathlib.Path(a.config).read_text().rstrip("\n") + "\n"
    assert a.plain.rstrip().splitlines()[-1].startswith("    "), "the issuers stand last"
    return a


@pytest.fixture
def fetched(agent):
    write(agent, True)
    agent.note()
    yield agent
    write(agent, False)
    agent.note()


def write(agent, fetched):
    pathlib.Path(agent.config).write_text(agent.plain + (ISSUER % agent.base if fetched else ""))
    r = run(BIN / "pan-agent", "reload", "--config", agent.config)
    assert r.returncode == 0, r.stdout + r.stderr
    assert wait_for(lambda: ("courier" in agent.children()) == fetched and one_gate(agent) and settled(agent), 15), \
        status(agent)


def settled(agent):
    return all(r["state"] == "ready" for r in status(agent)["roles"])


def one_gate(agent):
    return len(agent.children()["gate"]) == 1


def courier(agent):
    """The row of the courier in `pan-agent status`, when it is ready."""
    rows = [r for r in status(agent)["roles"] if r["role"] == "courier" and r["state"] == "ready"]
    return rows[0] if rows else None


def test_none_where_no_issuer_is_fetched(agent):
    assert "courier" not in agent.children()
    assert admin(agent, "/issuers") == (200, '{"issuers":[]}\n')
    r = run(BIN / "pan-agent", "issuers", "--config", agent.config)
    assert r.returncode == 0 and b"No issuer is asked" in r.stdout, r
    assert not (agent.work / "state" / "issuers").exists()


def test_comes_with_the_issuer_and_goes_with_it(agent):
    write(agent, True)
    try:
        assert wait_for(lambda: courier(agent), 10)
        assert (agent.work / "state" / "issuers").stat().st_mode & 0o7777 == 0o700
        assert agent.get(OPEN).status == 200
        assert sha256(agent.get(EMBARGOED, sub="alice").body) == sha256(agent.file(EMBARGOED))
    finally:
        write(agent, False)
    assert admin(agent, "/issuers") == (200, '{"issuers":[]}\n')
    assert sha256(agent.get(EMBARGOED, sub="alice").body) == sha256(agent.file(EMBARGOED))


def test_killed(fetched, tmp_path):
    """It comes back, and nobody's download or token waits for it."""
    first = wait_for(lambda: courier(fetched), 10)
    p = fetched.start("--fail", "--limit-rate", "100k", "-o", tmp_path / "out", fetched.base + OPEN)
    os.kill(first["pid"], signal.SIGKILL)
    assert fetched.get(EMBARGOED, sub="alice").status == 200
    assert p.wait(60) == 0, p.stderr.read()
    assert sha256(tmp_path / "out") == sha256(fetched.file(OPEN))
    again = wait_for(lambda: courier(fetched), 10)
    assert again["pid"] != first["pid"] and again["restarts"] == first["restarts"] + 1
    assert not fetched.healthy()


def test_a_gate_that_is_killed(fetched):
    """The new gate gets a link of its own; the courier stays and keeps no dead one."""
    first = wait_for(lambda: courier(fetched), 10)
    before = own_descriptors(first["pid"])
    for _ in range(3):
        old = fetched.children()["gate"]
        for pid in old:
            os.kill(pid, signal.SIGKILL)
        assert wait_for(lambda: fetched.children().get("gate") not in (None, old), 20)
        assert wait_for(lambda: fetched.get(OPEN).status == 200, 20)
    assert courier(fetched)["pid"] == first["pid"]
    assert wait_for(lambda: own_descriptors(first["pid"]) <= before, 10)


def test_reload_gives_it_the_new_bundle(fetched):
    first = wait_for(lambda: courier(fetched), 10)
    before = own_descriptors(fetched.pid)
    for _ in range(5):
        code, body = admin(fetched, "/reload", "-X", "POST")
        assert code == 200, body
        assert wait_for(lambda: one_gate(fetched) and courier(fetched) and settled(fetched), 15)
    assert courier(fetched)["pid"] != first["pid"] and courier(fetched)["restarts"] == first["restarts"]
    assert own_descriptors(fetched.pid) <= before + 1
    assert not fetched.healthy()


def test_confined(fetched):
    pid = wait_for(lambda: courier(fetched), 10)["pid"]
    s = pathlib.Path("/proc/%d/status" % pid).read_text()
    assert "\nNoNewPrivs:\t1\n" in s and "\nSeccomp:\t2\n" in s and re.search(r"\nCapEff:\t0+\n", s)
    names = [os.readlink(fd) for fd in pathlib.Path("/proc/%d/fd" % pid).iterdir()]
    for name in names:
        assert "facility" not in name and "/tls/" not in name and "audit" not in name and "catalogue" not in name, names
        assert "pan-sessions" not in name, names
    gate = fetched.children()["gate"][0]
    held = [os.readlink(fd) for fd in pathlib.Path("/proc/%d/fd" % gate).iterdir()]
    assert sum("pan-sessions" in name for name in held) == 1, held
    assert not any("issuers" in name for name in held), held


def test_none_for_one_run_of_the_indexer(fetched, tmp_path):
    """--once has no courier and makes no folder for it."""
    text = pathlib.Path(fetched.config).read_text()
    for d in ("state", "run", "logs"):
        text = re.sub(r"(_dir: )%s$" % d, r"\1%s" % (tmp_path / d), text, flags=re.M)
    file = fetched.work / "once.yaml"
    file.write_text(text)
    try:
        r = run(BIN / "pan-agentd", "--config", file, "--once", "index")
    finally:
        file.unlink()
    assert r.returncode == 0, r.stderr
    assert not (tmp_path / "state" / "issuers").exists()
    assert b'"courier"' not in r.stderr
    shutil.rmtree(tmp_path / "state")


def test_issuers_as_json(fetched):
    r = run(BIN / "pan-agent", "issuers", "--config", fetched.config, "--json")
    assert isinstance(json.loads(r.stdout)["issuers"], list), r
