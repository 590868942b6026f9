# SPDX-License-Identifier: Apache-2.0
"""Data that others send: PUT and MKCOL beneath a writable root, by real clients; what an accident in between leaves."""
import base64
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import zlib

import pytest
from conftest import BIN, ENV, ROOT, run, sha256, wait_for

SAMPLE = ROOT / "policy" / "examples" / "sample.yaml"
WRITERS = "  - {id: writers, effect: permit, action: [data.write], when: {role: [team], state: [embargoed, open]}}\n"
WRITERS_TEST = ("tests:\n  - {name: the team adds, role: [pi], now: 2025-01-01, dates: {experiment_end: 2024-05-31},"
                " action: data.write, expect: permit, rule: writers}\n")
NEW = "/data/10.5072/in/ma6021/new"  # of a proposal under embargo; alice is its PI
BYTES = random.Random(5).randbytes(300_000)


@pytest.fixture(scope="module")
def agent(launch, tmp_path_factory):
    policy = tmp_path_factory.mktemp("policy") / "sample.yaml"
    before, tests = SAMPLE.read_text().split("tests:\n", 1)
    policy.write_text(before + WRITERS + WRITERS_TEST + tests)
    extra = tmp_path_factory.mktemp("append") / "agent.yaml"
    extra.write_text("ingest: {max_file: 4, keep_free: 0}\n")
    a = launch("policy", "--policy", policy, "--append", extra)
    a.root = a.work / "in"
    a.root.mkdir()
    config = a.work / "agent.yaml"
    text = config.read_text()
    row = ('roots:\n  - {name: in, path: "%s", layout: "{proposal}/{dataset}", pid: "10.5072/in/{proposal}/{dataset}",'
           ' writable: yes}\n' % a.root)
    assert "roots:\n" in text
    config.write_text(text.replace("roots:\n", row))
    r = run(BIN / "pan-agent", "reload", "--config", a.config)
    assert r.returncode == 0, r.stderr.decode() + r.stdout.decode()
    assert wait_for(lambda: len(a.children()["gate"]) == 1 and a.get("/data/").status == 200)  # the old one is gone
    a.note()
    return a


def put(agent, path, data=BYTES, *args, sub="alice"):
    source = agent.work / "source"
    source.write_bytes(data)
    return agent.get(path, "-T", source, *args, sub=sub)


def files(agent):
    return sorted(str(p.relative_to(agent.root)) for p in agent.root.rglob("*") if p.is_file())


def landed(agent, kind="landed"):
    lines = [json.loads(x) for x in (agent.work / "logs" / "audit.jsonl").read_text().splitlines()]
    return [x["file"] for x in lines if x["kind"] == kind]


def test_a_file_and_a_reader_right_behind_it(agent):
    a = put(agent, NEW + "/sub/a%20b.bin")
    assert a.status == 201 and a.headers["location"] == NEW + "/sub/a%20b.bin", a
    assert files(agent) == ["ma6021/new/sub/a b.bin"] and landed(agent)[-1] == "sub/a b.bin"
    a = agent.get(NEW + "/sub/a%20b.bin", sub="alice")
    assert a.status == 200 and a.body == BYTES, a
    a = agent.get(NEW + "/", "-X", "PROPFIND", "-H", "Depth: 1", sub="alice")
    assert a.status == 207 and b"/sub/" in a.body, a
    # What was uploaded follows its proposal.
    refused = agent.get(NEW + "/sub/a%20b.bin")
    assert refused.status == 401 and refused.json["reason"] == "embargoed" and refused.json["release_date"], refused
    a = put(agent, NEW + "/sub/a%20b.bin", b"other")
    assert a.status == 409 and "never replaced" in a.json["detail"], a
    assert put(agent, NEW + "/sub/a%20b.bin", b"other", "-H", "If-None-Match: *").status == 412


def test_who_may_not(agent):
    for sub, status in ((None, 401), ("bob", 403)):
        a = put(agent, NEW + "/b.bin", sub=sub)
        assert a.status == status, a
    assert put(agent, "/data/10.5072/in/nobodys/new/b.bin").status == 404
    assert put(agent, "/data/10.5072/ma6021-tomo-01/b.bin").json["detail"].count("not writable") == 1
    assert agent.get(NEW + "/sub/a%20b.bin", "-X", "DELETE", sub="alice").status == 405
    a = put(agent, NEW + "/b.bin", b"", "-H", "Transfer-Encoding: chunked")
    assert a.status == 411, a
    a = put(agent, NEW + "/big.bin", bytes(5 << 20))
    assert a.status == 413, a
    assert len(files(agent)) == 1


def test_digests(agent):
    good = {"Digest": "adler32=%08x, sha-256=%s" % (zlib.adler32(BYTES), base64.b64encode(hashlib.sha256(BYTES).digest()).decode()),
            "Repr-Digest": "md5=:%s:" % base64.b64encode(hashlib.md5(BYTES).digest()).decode(),
            "OC-Checksum": "MD5:" + hashlib.md5(BYTES).hexdigest()}
    for i, (name, value) in enumerate(good.items()):
        wrong = put(agent, NEW + "/digest%d" % i, BYTES[:-1] + b"x", "-H", "%s: %s" % (name, value))
        assert wrong.status == 400 and "another one than was announced" in wrong.json["detail"], wrong
        assert put(agent, NEW + "/digest%d" % i, BYTES, "-H", "%s: %s" % (name, value)).status == 201
    a = put(agent, NEW + "/digest9", BYTES, "-H", "Digest: md5=x")
    assert a.status == 400, a


def test_folders(agent):
    made = NEW + "2"
    assert agent.get(made + "/sub/", "-X", "MKCOL", sub="alice").status == 409
    for path in ("/", "/sub/"):
        assert agent.get(made + path, "-X", "MKCOL", sub="alice").status == 201
        assert agent.get(made + path, "-X", "MKCOL", sub="alice").status == 405
        assert agent.get(made + path, "-X", "PROPFIND", "-H", "Depth: 0", sub="alice").status == 207, path
    assert agent.get(made + "/other/", "-X", "MKCOL").status == 401
    assert agent.get(made + "/nope/", "-X", "PROPFIND", "-H", "Depth: 0", sub="alice").status == 404


# ---- clients ----

def need(name):
    if shutil.which(name) is None:
        pytest.skip(name + " is not installed")


def test_davix_put(agent, tmp_path):
    need("davix-put")
    (tmp_path / "d.bin").write_bytes(BYTES)
    r = run("davix-put", "-k", "-H", "Authorization: Bearer " + agent.token("alice"), tmp_path / "d.bin",
            agent.base + NEW + "/davix/d.bin")
    assert r.returncode == 0, r
    assert (agent.root / "ma6021/new/davix/d.bin").read_bytes() == BYTES


def test_rclone_copies_a_folder(agent, tmp_path):
    need("rclone")
    config = tmp_path / "rclone.conf"
    config.write_text("[x]\ntype = webdav\nurl = %s/data\nvendor = other\nbearer_token = %s\n" % (agent.base, agent.token("alice")))
    (tmp_path / "up" / "deep").mkdir(parents=True)
    for name in ("one.txt", "deep/two words.txt", "deep/three.bin"):
        (tmp_path / "up" / name).write_bytes(name.encode() * 1000)
    r = run("rclone", "--config", config, "--ca-cert", agent.ca, "copy", tmp_path / "up", "x:10.5072/in/ma6021/rclone")
    assert r.returncode == 0, r
    for p in (tmp_path / "up").rglob("*.*"):
        assert sha256(agent.root / "ma6021/rclone" / p.relative_to(tmp_path / "up")) == sha256(p)
    r = run("rclone", "--config", config, "--ca-cert", agent.ca, "check", tmp_path / "up", "x:10.5072/in/ma6021/rclone")
    assert r.returncode == 0, r


# ---- accidents ----

def slow_put(agent, path, rate="200k", data=BYTES):
    source = agent.work / "slow"
    source.write_bytes(data)
    out = agent.work / "slow.status"
    return subprocess.Popen(
        ["curl", "-sS", "--cacert", agent.ca, "--limit-rate", rate, "-T", str(source), "-o", str(agent.work / "slow.body"),
         "-w", "%{http_code}", "-H", "Authorization: Bearer " + agent.token("alice"), agent.base + path],
        stdout=open(out, "wb"), stderr=subprocess.PIPE, env=ENV), out


def unnamed(agent):
    """Descriptors of files without a name beneath the root, in all roles."""
    n = 0
    for pids in agent.children().values():
        for pid in pids:
            for fd in os.listdir("/proc/%d/fd" % pid):
                try:
                    n += os.readlink("/proc/%d/fd/%s" % (pid, fd)).startswith(str(agent.root)) and \
                        os.readlink("/proc/%d/fd/%s" % (pid, fd)).endswith(" (deleted)")
                except OSError:
                    continue
    return n


def test_a_client_that_dies(agent):
    before = files(agent)
    p, _ = slow_put(agent, NEW + "/dies.bin")
    assert wait_for(lambda: unnamed(agent) > 0)
    p.kill()
    p.wait()
    assert wait_for(lambda: unnamed(agent) == 0)
    assert files(agent) == before and put(agent, NEW + "/dies.bin").status == 201


def test_a_gate_that_dies(agent):
    p, out = slow_put(agent, NEW + "/gate.bin")
    assert wait_for(lambda: unnamed(agent) > 0)
    os.kill(agent.children()["gate"][0], signal.SIGKILL)
    assert p.wait(30) == 0 and out.read_text() == "201", p.stderr.read()
    assert (agent.root / "ma6021/new/gate.bin").read_bytes() == BYTES
    assert agent.get(NEW + "/gate.bin", sub="alice").body == BYTES


def test_a_front_that_dies(agent):
    before = files(agent)
    p, _ = slow_put(agent, NEW + "/front.bin")
    assert wait_for(lambda: unnamed(agent) > 0)
    os.kill(agent.children()["front"][0], signal.SIGKILL)
    p.wait(30)
    assert wait_for(lambda: agent.get("/healthz").status == 200)
    assert files(agent) == before
    assert put(agent, NEW + "/front.bin").status == 201


def test_an_indexer_that_dies(agent):
    p, out = slow_put(agent, NEW + "/indexer.bin")
    assert wait_for(lambda: unnamed(agent) > 0)
    os.kill(agent.children()["indexer"][0], signal.SIGKILL)
    assert p.wait(60) == 0 and out.read_text() == "201", p.stderr.read()
    assert wait_for(lambda: agent.get(NEW + "/indexer.bin", sub="alice").body == BYTES, 20)


def test_a_full_disk(agent):
    """On a file system of 2 MiB; where none can be mounted, only that too much is refused beforehand."""
    small = agent.root / "sc5310"
    small.mkdir()
    if run("mount", "-t", "tmpfs", "-o", "size=2m,mode=0755", "none", small).returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        a = put(agent, "/data/10.5072/in/sc5310/new/a.bin", sub="reader")
        assert a.status == 409, "nothing goes onto another file system: %r" % a
    finally:
        run("umount", small)


def test_a_full_root(agent):
    """The root itself on such a file system: refused at once, or by the byte that does not fit."""
    if run("mount", "-t", "tmpfs", "-o", "size=2m,mode=0755", "none", agent.root).returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        r = run(BIN / "pan-agent", "reload", "--config", agent.config)
        assert r.returncode == 0, r
        a = put(agent, NEW + "/a.bin", bytes(3 << 20))
        assert a.status == 507, a
        first, out = slow_put(agent, NEW + "/slow.bin", "2m", bytes(1_500_000))
        assert wait_for(lambda: unnamed(agent) > 0)
        a = put(agent, NEW + "/fast.bin", bytes(1_500_000))
        first.wait(30)
        assert sorted([str(a.status), out.read_text()]) == ["201", "507"], (a, out.read_text())
        assert len(files(agent)) == 1
    finally:
        assert wait_for(lambda: unnamed(agent) == 0)
        run("umount", "-l", agent.root)
        assert run(BIN / "pan-agent", "reload", "--config", agent.config).returncode == 0


def test_check_says_what_is_wrong(agent, tmp_path):
    config = tmp_path / "agent.yaml"
    text = open(agent.config).read()
    for old, new, words in (("pid: \"10.5072/in/{proposal}/{dataset}\"", "pid: \"10.5072/in/{dataset}\"", "must name {proposal} once"),
                            ('path: "%s"' % agent.root, 'path: "/proc"', "cannot be written")):
        assert old in text
        config.write_text(text.replace(old, new, 1))
        r = run(BIN / "pan-agent", "check", "--offline", config)
        assert r.returncode == 1 and words in r.stderr.decode(), r
