# SPDX-License-Identifier: Apache-2.0
"""The supervisor: what it tells, what it refuses, what it starts again, and what ends with it."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest
from conftest import BIN, ENV, OPEN, ROOT, free_port, run, wait_for

DAEMON = BIN / "pan-agentd"


def admin(agent, path, *args):
    """(status, body) of the admin socket, by curl."""
    r = run("curl", "-sS", "--max-time", 30, "--unix-socket", agent.work / "run" / "admin.sock", "-w", "\n%{http_code}",
            *args, "http://localhost" + path)
    body, _, status = r.stdout.decode().rpartition("\n")
    return int(status), body


def status(agent):
    return json.loads(admin(agent, "/status")[1])


def own_descriptors(pid):
    return len(list(pathlib.Path("/proc/%d/fd" % pid).iterdir()))


def is_alive(pid):
    """Zombies whom nobody has waited for yet do not live."""
    try:
        return "\nState:\tZ" not in pathlib.Path("/proc/%d/status" % pid).read_text()
    except OSError:
        return False


@pytest.fixture
def copy(agent, tmp_path):
    """The agent's configuration with folders and a port of its own: edit it, then start it."""
    text = pathlib.Path(agent.config).read_text().replace(str(agent.port), str(free_port()))
    for d in ("state", "run", "logs"):
        text = text.replace(str(agent.work / d), str(tmp_path / d))
        text = re.sub(r"(_dir: )%s$" % d, r"\1%s" % (tmp_path / d), text, flags=re.M)
        shutil.copytree(agent.work / d, tmp_path / d, ignore=lambda *_: ["admin.sock"]) if d == "state" else None
    file = agent.work / ("copy-%s.yaml" % tmp_path.name)
    file.write_text(text)
    yield file
    file.unlink()


def test_health_metrics_status(agent):
    assert admin(agent, "/healthz") == (200, "status: ok\npolicy: current\naudit: ok\n")
    code, text = admin(agent, "/metrics")
    assert code == 200 and "\npan_role_restarts_total" in text
    s = status(agent)
    assert s["state"] == "serving" and s["policy"] == "current" and s["pid"] == agent.pid
    assert s["listen"] == ["127.0.0.1:%d" % agent.port]
    assert {r["role"]: r["state"] for r in s["roles"]} == dict.fromkeys(("front", "gate", "indexer", "reader"), "ready")
    r = run(BIN / "pan-agent", "status", "--config", agent.config)
    assert r.returncode == 0 and b"serving" in r.stdout, r


def test_refused_tokens_are_counted(agent):
    """By issuer and reason, in one series: what is nobody's has an empty issuer, and no token a name of its own."""
    def rows():
        return re.findall(r"^(pan_tokens?_refused\S*) ([1-9]\d*)$", admin(agent, "/metrics")[1], re.M)

    good = agent.token("alice")
    forged = good[:-20] + ("A" if good[-20] != "A" else "B") + good[-19:]
    assert agent.get(OPEN, token=forged).status == 401 and agent.get(OPEN, token="a.b.c").status == 401
    assert wait_for(lambda: len(rows()) >= 2, 10), admin(agent, "/metrics")[1]
    labels = [name.partition("{")[2] for name, _ in rows()]
    assert all(name.startswith("pan_token_refused_total{issuer=") for name, _ in rows()), rows()
    assert any('issuer="https' in s and 'reason="signature"' in s for s in labels) and any('issuer="",' in s for s in labels), labels


@pytest.mark.parametrize("path,args,want", [
    ("/nothing", (), 404), ("/reload", (), 405), ("/status", ("-d", ""), 405), ("/", ("-X", "PUT"), 400),
    ("/index", ("-d", "x" * 5000), 400)])
def test_wrong_questions(agent, path, args, want):
    assert admin(agent, path, *args)[0] == want


def test_the_socket_is_not_for_everybody(agent):
    sock = agent.work / "run" / "admin.sock"
    assert sock.stat().st_mode & 0o777 == 0o660
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("needs root and setpriv to ask as somebody else")
    sock.chmod(0o666)
    folders = [p for p in (sock.parent, *sock.parents) if not p.stat().st_mode & 1]
    modes = {p: p.stat().st_mode & 0o7777 for p in folders}
    try:
        for p in folders:
            p.chmod(modes[p] | 1)
        r = run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "curl", "-sS", "-w", "%{http_code}",
                "--unix-socket", sock, "http://localhost/status")
        assert r.stdout.endswith(b"403"), r
    finally:
        sock.chmod(0o660)
        for p, mode in modes.items():
            p.chmod(mode)


def test_reloads_leak_nothing(agent):
    """Ten reloads: the epoch rises with each, one gate is left, the supervisor holds as much as before."""
    admin(agent, "/reload", "-X", "POST")
    wait_for(lambda: len(agent.children()["gate"]) == 1, 15)
    before, epoch = own_descriptors(agent.pid), status(agent)["epoch"]
    for _ in range(10):
        code, body = admin(agent, "/reload", "-X", "POST")
        assert code == 200 and body.startswith("reloaded\n") or "finishing" in body, body
        wait_for(lambda: len(agent.children()["gate"]) == 1, 15)
    assert status(agent)["epoch"] >= epoch + 10  # the end of a retired gate moves it too
    assert wait_for(lambda: {k: len(v) for k, v in agent.children().items()} == agent.before["roles"], 10)
    assert own_descriptors(agent.pid) <= before + 1
    assert agent.get(OPEN).status == 200


def test_a_bad_reload(agent):
    config = pathlib.Path(agent.config)
    good = config.read_text()
    config.write_text(good.replace("facility:", "facilty:", 1))
    try:
        code, body = admin(agent, "/reload", "-X", "POST")
        assert code == 409 and re.search(r"agent\.yaml:\d+:1: error: unknown key 'facilty'; did you mean", body), body
        assert admin(agent, "/healthz") == (200, "status: ok\npolicy: stale\naudit: ok\n")
        assert "\npan_config_stale 1\n" in admin(agent, "/metrics")[1]
        assert agent.get(OPEN).status == 200
        for pid in agent.children()["gate"]:
            os.kill(pid, signal.SIGKILL)  # what comes back has the configuration in force, not the one on disk
        assert wait_for(lambda: agent.get(OPEN).status == 200, 15)
    finally:
        config.write_text(good)
    assert admin(agent, "/reload", "-X", "POST")[0] == 200
    assert admin(agent, "/healthz")[1].endswith("policy: current\naudit: ok\n")
    assert "\npan_config_stale 0\n" in admin(agent, "/metrics")[1]


def test_what_needs_a_restart_is_named(agent):
    config = pathlib.Path(agent.config)
    good = config.read_text()
    config.write_text(re.sub(r"^limits:.*\n(  .*\n)*|^readers:.*\n", "", good, flags=re.M) + "\nreaders: 3\n")
    try:
        code, body = admin(agent, "/reload", "-X", "POST")
        assert code == 200 and re.search(r"needs restart: .*readers", body), body
    finally:
        config.write_text(good)
    assert admin(agent, "/reload", "-X", "POST")[0] == 200


def test_a_hung_role_is_killed(agent):
    pid = agent.children()["reader"][0]
    os.kill(pid, signal.SIGSTOP)
    assert wait_for(lambda: pid not in agent.children().get("reader", []), 40, 0.5), "still there"
    assert wait_for(lambda: len(agent.children().get("reader", [])) == agent.before["roles"]["reader"], 10)


def test_index_streams(agent):
    code, body = admin(agent, "/index", "-d", '{"job":"index"}')
    lines = [json.loads(line) for line in body.splitlines()]
    assert code == 200 and lines[-1]["event"] == "done" and lines[-1]["files"] > 0, body
    assert not status(agent)["indexing"]


def test_a_second_agent_is_refused(agent):
    r = run(DAEMON, "--config", agent.config, timeout=20)
    assert r.returncode == 1 and b"another agent" in r.stderr, r
    assert agent.get(OPEN).status == 200
    assert status(agent)["pid"] == agent.pid, "it left the socket alone"


@pytest.mark.parametrize("args", [(), ("--check",), ("--config",), ("--once", "index"), ("--role", "gate", "--slot", "x"),
                                  ("--config", "a", "--once", "walk"), ("extra",)])
def test_wrong_calls(args):
    r = run(DAEMON, *args)
    assert r.returncode == 2 and r.stderr, r


def test_a_role_by_hand():
    r = run(DAEMON, "--role", "gate", "--slot", "0")
    assert r.returncode == 1 and b"--config FILE" in r.stderr, r


def test_version():
    out = run(DAEMON, "--version").stdout.decode()
    assert re.search(r"^pan-agentd \d+\.\d+\.\d+\nOpenSSL 3\.", out) and "licence" in out, out
    assert ("AGPL-3.0-or-later" in out) == bool(re.search(r"^liboauth2 [01]\.", out, re.M)), out


def test_check_binds_nothing(copy):
    r = run(DAEMON, "--config", copy, "--check")
    assert r.returncode == 0 and not r.stderr, r
    assert run(BIN / "pan-agent", "check", copy).returncode == 0


def test_refused_policy_and_keys_are_told_at_once(copy, tmp_path):
    bad = tmp_path / "policy.yaml"
    bad.write_text("policy: x\nversion: 1\nno_such_key: 1\n")
    keys = tmp_path / "keys.json"
    keys.write_text("{}")
    text = re.sub(r"files: \[.*\]", 'files: ["%s"]' % bad, copy.read_text())
    copy.write_text(re.sub(r"jwks_file: .*", 'jwks_file: "%s"' % keys, text))
    r = run(DAEMON, "--config", copy, timeout=30)
    assert b"JWK set: no array" in r.stderr, r
    assert r.returncode == 2 and re.search(rb"policy\.yaml:3:1: error: ", r.stderr), r


def test_named_files_that_are_missing(copy):
    copy.write_text(re.sub(r"files: \[.*\]", "files: [nowhere.yaml]", copy.read_text()))
    r = run(DAEMON, "--config", copy, timeout=30)
    assert r.returncode == 2 and re.search(rb"\.yaml:\d+:\d+: error: .*nowhere\.yaml: cannot be read", r.stderr), r
    assert run(BIN / "pan-agent", "check", copy).returncode == 1


def test_once(copy):
    r = run(DAEMON, "--config", copy, "--once", "index", timeout=60)
    assert r.returncode == 0, r.stderr
    assert json.loads(r.stdout.decode().splitlines()[-1])["event"] == "done"
    r = run(DAEMON, "--config", copy, "--once", "index", "no-such-root", timeout=60)
    assert r.returncode == 1 and b"no-such-root" in r.stdout, r


def start(config, log):
    with open(log, "wb") as out:
        return subprocess.Popen([str(DAEMON), "--config", str(config)], stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                                env=ENV)


def children_of(pid):
    path = pathlib.Path("/proc/%d/task/%d/children" % (pid, pid))
    return [int(p) for p in path.read_text().split()] if path.exists() else []


def test_nobody_outlives_the_supervisor(copy, tmp_path):
    log = tmp_path / "log"
    p = start(copy, log)
    assert wait_for(lambda: b'"serving"' in log.read_bytes(), 20), log.read_text()
    roles = children_of(p.pid)
    assert len(roles) >= 4
    p.kill()
    p.wait()
    assert wait_for(lambda: not any(is_alive(r) for r in roles), 5), roles


def test_a_terminal_can_stop_it(copy, tmp_path):
    """SIGINT to the whole process group, as Ctrl-C does: a drain, exit 0, and no role dies of it."""
    log = tmp_path / "log"
    with open(log, "wb") as out:
        p = subprocess.Popen([str(DAEMON), "--config", str(copy)], stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                             env=ENV, start_new_session=True)
    assert wait_for(lambda: b'"serving"' in log.read_bytes(), 20), log.read_text()
    os.killpg(p.pid, signal.SIGINT)
    assert p.wait(20) == 0
    assert b'"ended; it is started again"' not in log.read_bytes()
