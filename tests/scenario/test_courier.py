# SPDX-License-Identifier: Apache-2.0
"""The courier's seat: it is taken where an issuer is fetched, comes back, and holds no data and no key of ours."""
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import ssl
import threading

import pytest
from conftest import BIN, EMBARGOED, OPEN, run, sha256, wait_for
from test_roles import admin, own_descriptors, status

ISSUER = """\
  - issuer: http://127.0.0.1:9/realm
    name: Nobody there
    insecure: yes
    audience: ["%s"]
"""


class Issuer:
    """A server of a discovery document and of the demo issuer's keys: `https://localhost:PORT/realm` with a
    certificate and its key, else `http://127.0.0.1:PORT/realm`."""

    def __init__(self, keys, certificate=None, key=None):
        issuer = self
        self.asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.asked.append(self.path)
                body = issuer.answers.get(self.path)
                self.send_response(200 if body else 404)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        port = self.server.server_address[1]
        self.name = "https://localhost:%d/realm" % port if certificate else "http://127.0.0.1:%d/realm" % port
        self.answers = {
            "/realm/.well-known/openid-configuration": json.dumps({"issuer": self.name, "jwks_uri": self.name + "/keys"}).encode(),
            "/realm/keys": keys}
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


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


def write(agent, issuer):
    """Reload with one more issuer (its text, or True for one that does not answer), or without (False)."""
    text = ISSUER if issuer is True else issuer or ""
    fetched = bool(text)
    pathlib.Path(agent.config).write_text(agent.plain + (text % agent.base if fetched else ""))
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


def issuers(agent):
    r = run(BIN / "pan-agent", "issuers", "--config", agent.config, "--json")
    return r.returncode, json.loads(r.stdout)["issuers"]


def test_issuers_of_an_issuer_that_is_not_there(fetched):
    """It says so, with since when and when it is asked again, and the exit status is no."""
    code, rows = wait_for(lambda: (lambda c, r: (c, r) if r and r[0].get("error") else None)(*issuers(fetched)), 15)
    assert code == 1 and rows[0]["state"] == "never" and rows[0]["issuer"] == "http://127.0.0.1:9/realm", rows
    r = run(BIN / "pan-agent", "issuers", "--config", fetched.config)
    assert r.returncode == 1 and re.search(rb"^never .* Nobody there\n", r.stdout, re.M), r
    assert re.search(rb"^  since 20\d\d-\S+Z: \S", r.stdout, re.M), r


def test_fetches_confined(agent):
    """By name and over TLS, with authorities of the configuration: /etc/hosts, threads, sockets and its own folder are
    what it has, and they suffice."""
    tls, keys = agent.work / "tls", (agent.work / "demo" / "demo-jwks.json").read_bytes()
    issuer = Issuer(keys, tls / "server.pem", tls / "server.key")
    text = ISSUER.replace("http://127.0.0.1:9/realm", issuer.name).replace("    insecure: yes\n", "    ca_file: tls/ca.pem\n")
    try:
        write(agent, text)
        rows = wait_for(lambda: [r for r in issuers(agent)[1] if r["state"] == "fresh"], 15)
        assert rows and rows[0]["keys"] >= 1 and issuers(agent)[0] == 0, (issuers(agent), issuer.asked, agent.log()[-2000:])
        assert "/realm/keys" in issuer.asked
        assert b"fresh" in run(BIN / "pan-agent", "issuers", "--config", agent.config).stdout
        metrics = wait_for(lambda: (lambda m: m if 'state="fresh"} 1' in m else None)(admin(agent, "/metrics")[1]), 15)
        assert metrics and 'pan_issuer_keys{issuer="%s"} ' % issuer.name in metrics
        assert len(re.findall(r"^# TYPE pan_issuer_keys ", metrics, re.M)) <= 1
        kept = list((agent.work / "state" / "issuers").iterdir())
        assert kept and all(p.stat().st_mode & 0o022 == 0 for p in kept), kept
    finally:
        issuer.stop()
        write(agent, False)
    assert not [line for line in agent.log().splitlines() if '"role":"courier"' in line and "permitted" in line]


def test_a_secret_that_everybody_can_read_is_told(agent):
    secret = agent.work / "client.secret"
    secret.write_text("s3cret-of-the-client\n")
    text = ISSUER + "    token_kind: both\n    client_id: c\n    client_secret_file: client.secret\n"

    def told():
        return agent.log().count("a client secret can be read by everybody")

    try:
        for mode, more in ((0o600, 0), (0o644, 1), (0o600, 0)):
            secret.chmod(mode)
            before = told()
            write(agent, text)
            assert told() == before + more
        assert "s3cret-of-the-client" not in agent.log()
    finally:
        write(agent, False)
        secret.unlink()


def test_authorities_are_read_again_by_a_reload(agent):
    """With the wrong ca_file nothing is believed; the right one in its place is enough, after a reload."""
    tls, keys = agent.work / "tls", (agent.work / "demo" / "demo-jwks.json").read_bytes()
    issuer = Issuer(keys, tls / "server.pem", tls / "server.key")
    ca = agent.work / "issuer-ca.pem"
    assert run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=other",
               "-keyout", os.devnull, "-out", ca).returncode == 0
    text = ISSUER.replace("http://127.0.0.1:9/realm", issuer.name).replace("insecure: yes", "ca_file: issuer-ca.pem")
    try:
        write(agent, text)
        rows = wait_for(lambda: [r for r in issuers(agent)[1] if r.get("error")], 15)
        assert rows and rows[0]["state"] == "never", issuers(agent)
        ca.write_bytes((tls / "ca.pem").read_bytes())
        write(agent, text)
        assert wait_for(lambda: [r for r in issuers(agent)[1] if r["state"] == "fresh"], 15), issuers(agent)
    finally:
        issuer.stop()
        write(agent, False)
