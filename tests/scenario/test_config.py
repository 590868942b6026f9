# SPDX-License-Identifier: Apache-2.0
"""A bad configuration: exit 2, every fault with its line, and no socket."""
import re
import socket

from conftest import BIN, BUILD, ROOT, Agent, free_port, run

BAD = """\
facility: X
contact: y@facility.example
timezone: Nowhere/Atlantis
public_url: http://not-https.example
listen: ["127.0.0.1:%d"]
sandbx: required
readers: 99
certificates:
  - {chain: missing.pem, key: missing.key}
roots:
  - {name: a, path: missing, layout: ".", pid: 10.5072/a}
policy:
  files: [missing.yaml]
"""


def start(tmp_path, text):
    (tmp_path / "agent.yaml").write_text(text)
    return run(BIN / "pan-agentd", "--config", tmp_path / "agent.yaml", timeout=20)


def test_all_faults_at_once(tmp_path):
    r = start(tmp_path, BAD % free_port())
    err = r.stderr.decode()
    assert r.returncode == 2, err
    for line in (3, 4, 6, 7):
        assert re.search(r"agent\.yaml:%d:\d+: error: " % line, err), (line, err)
    assert "sandbox" in err, "says what was meant by sandbx"


def test_not_yaml(tmp_path):
    r = start(tmp_path, "facility: [\n")
    assert r.returncode == 2 and re.search(r"agent\.yaml:\d+:\d+: error: ", r.stderr.decode()), r


def test_no_file(tmp_path):
    r = run(BIN / "pan-agentd", "--config", tmp_path / "nothing.yaml", timeout=20)
    assert r.returncode == 2 and "nothing.yaml" in r.stderr.decode(), r


def test_no_socket_is_bound(tmp_path):
    """strace-free: a listener on the port would make ours fail with another message than the faults."""
    port = free_port()
    with socket.socket() as s:
        s.bind(("127.0.0.1", port))
        s.listen(1)
        r = start(tmp_path, BAD % port)
        assert r.returncode == 2 and "in use" not in r.stderr.decode(), r


def test_a_bad_policy(tmp_path):
    bad = tmp_path / "policy.yaml"
    bad.write_text("policy: x\nversion: 1\nno_such_key: 1\n")
    a = Agent("https", tmp_path / "work")
    assert a.stop() == 0
    config = tmp_path / "work" / "agent.yaml"
    config.write_text(re.sub(r"files: \[.*\]", 'files: ["%s"]' % bad, config.read_text()))
    r = run(BIN / "pan-agentd", "--config", config, timeout=20)
    assert r.returncode in (2, 3) and re.search(r"policy\.yaml:3:1: error: ", r.stderr.decode()), r


def test_check_tells_what_nobody_may_read(tmp_path):
    a = Agent("https", tmp_path / "work")
    assert a.stop() == 0
    config = tmp_path / "work" / "agent.yaml"
    good = run(BIN / "pan-agent", "check", config)
    assert good.returncode == 0 and b"nobody may read" not in good.stderr + good.stdout, good
    config.write_text(config.read_text().replace("proposals: proposals.yaml\n", ""))
    r = run(BIN / "pan-agent", "check", config)
    assert r.returncode == 0 and b"nobody may read it: without a file `proposals`" in r.stderr + r.stdout, r


def test_serve_tells_what_a_policy_keeps_from_its_token(tmp_path):
    bad = tmp_path / "policy.yaml"
    bad.write_text("policy: x\nversion: 1\nno_such_key: 1\n")
    serve = ROOT / "tests" / "serve"
    r = run(serve, "https", "--build", BUILD, "--policy", bad, timeout=60)
    assert r.returncode == 1 and re.search(rb"policy\.yaml:3:1: error: ", r.stderr), r
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "good.txt").write_text("good")
    (tmp_path / "data" / "tab\there.txt").write_text("no request can name it")
    a = Agent("https", tmp_path / "work", "--data", tmp_path / "data")
    assert b"name holds a control character" in a.err.read_bytes()
    assert a.get("/data/10.5072/data/good.txt").body == b"good"
    assert b"here.txt" not in a.get("/data/10.5072/data/").body
    assert a.stop() == 0
