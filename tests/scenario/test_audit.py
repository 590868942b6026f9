# SPDX-License-Identifier: Apache-2.0
"""The audit log of a running agent: its lines key by key, its files, and `pan-agent audit` on them."""
import hashlib
import json
import shutil

import pytest
from conftest import BIN, EMBARGOED, OPEN, Agent, run, wait_for

# Policy language, section 15: the keys after seq, time, prev, kind, node.
KEYS = {
    "start": "agent tzdata policies",
    "reload": "agent tzdata policies replaced",
    "decision": "trace subject object action context effect rule line policy version sha256 state release_at reason status "
                "obligations",
    "close": "trace decision bytes result",
    "checkpoint": "upto head key sig",
    "expired": "files keys",
    "refused": "trace status reason",
}
OLD = '{"seq":1,"time":"2020-01-15T00:00:00.000Z","prev":"' + "0" * 64 + '","kind":"own","node":"gate"}\n'


@pytest.fixture(scope="module")
def agent(tmp_path_factory):
    """An agent that finds a file and a key of long ago."""
    work = tmp_path_factory.mktemp("audit")
    logs = work / "logs"
    logs.mkdir()
    (logs / "audit-2020-01.jsonl").write_text(OLD)
    (logs / "audit-key-2020-01").write_bytes(bytes(32))
    a = Agent("policy", work)
    a.logs = logs
    a.get("/data/")
    a.note()
    yield a
    a.stop()


def lines(agent):
    return [json.loads(x, object_pairs_hook=lambda pairs: dict(pairs)) for x in (agent.logs / "audit.jsonl").read_bytes().splitlines()]


def audit(agent, *args):
    r = run(BIN / "pan-agent", "audit", args[0], "--config", agent.config, *args[1:])
    return r.returncode, r.stdout.decode(), r.stderr.decode()


def test_lines(agent):
    assert agent.get(OPEN, "-r", "0-9").status == 206
    assert agent.get(EMBARGOED).status == 401
    assert agent.get(EMBARGOED, sub="alice").status in (200, 403)
    assert agent.get(EMBARGOED, token="nonsense").status == 401
    assert run(BIN / "pan-agent", "reload", "--config", agent.config).returncode == 0
    wait_for(lambda: {"close", "reload", "expired"} <= {x["kind"] for x in lines(agent)}, 5)
    before, seen = hashlib.sha256(OLD.strip().encode()).hexdigest(), set()
    for n, raw in enumerate((agent.logs / "audit.jsonl").read_bytes().splitlines()):
        line = json.loads(raw)
        assert list(line) == "seq time prev kind node".split() + KEYS[line["kind"]].split(), line
        assert line["seq"] == n + 2 and line["prev"] == before
        assert json.dumps(line, separators=(",", ":"), ensure_ascii=False).encode() == raw, "no blanks"
        before = hashlib.sha256(raw).hexdigest()
        seen.add(line["kind"])
    assert seen == set(KEYS)
    assert b"alice" not in (agent.logs / "audit.jsonl").read_bytes(), "the log holds no sub"
    reload = [x for x in lines(agent) if x["kind"] == "reload"][0]
    assert [sorted(p) for p in reload["policies"] + reload["replaced"]] == [["policy", "sha256", "version"]] * 2


def test_old_files_end(agent):
    """The policies' periods are over for them; the chain that is left is vouched for by its first line."""
    assert wait_for(lambda: not (agent.logs / "audit-2020-01.jsonl").exists(), 5)
    assert not (agent.logs / "audit-key-2020-01").exists()
    gone = [x for x in lines(agent) if x["kind"] == "expired"]
    assert gone[0]["files"] == ["audit-2020-01.jsonl"] and gone[0]["keys"] == ["audit-key-2020-01"]
    first = lines(agent)[0]
    assert (first["kind"], first["upto"]) == ("checkpoint", 1)
    assert audit(agent, "verify")[0] == 0


def test_verify(agent, tmp_path):
    code, out, err = audit(agent, "verify", "--json")
    told = json.loads(out)
    assert code == 0 and told["ok"] and told["first"] == 2 and told["checkpoints"] >= 1, out + err
    assert told["signed_upto"] >= 1 and told["signatures_checked"]
    copy = tmp_path / "audit.jsonl"
    shutil.copy(agent.logs / "audit-sign.pub", tmp_path)
    good = (agent.logs / "audit.jsonl").read_bytes().splitlines(True)
    for what, bad, line, words in (
            ("changed", good[:2] + [good[2].replace(b"Z", b"z", 1)] + good[3:], 3, "time"),
            ("rule", good[:2] + [good[2].replace(b'"kind":"', b'"kind":"x', 1)] + good[3:], 4, "prev"),
            ("gone", good[:2] + good[3:], 3, "missing"),
            ("torn", good + [b'{"seq":'], len(good) + 1, "last line end")):
        copy.write_bytes(b"".join(bad))
        r = run(BIN / "pan-agent", "audit", "verify", copy)
        assert r.returncode == 1, what
        assert r.stdout.decode().startswith("%s:%d: " % (copy, line)) and words in r.stdout.decode(), r.stdout
    assert run(BIN / "pan-agent", "audit", "verify", "/nowhere").returncode == 2


def test_query(agent):
    code, out, _ = audit(agent, "query", "--effect", "deny", "--json")
    assert code == 0 and all(json.loads(x)["effect"] == "deny" for x in out.splitlines())
    trace = json.loads(out.splitlines()[0])["trace"]
    assert audit(agent, "query", "--trace", trace)[1].count("\n") >= 1
    assert "deny" in audit(agent, "query", "--effect", "deny", "--limit", "1")[1]
    assert audit(agent, "query", "--count-by", "kind", "--kind", "reload")[1].split() == ["1", "reload"]
    assert audit(agent, "query", "--pid", "10.5072/none")[0] == 1
    assert audit(agent, "query", "--since", "2999-01-01")[0] == 1
    assert audit(agent, "query", "--since", "yesterday")[0] == 2


def test_who(agent):
    alice = [x for x in lines(agent) if x["kind"] == "decision" and x["subject"]][0]["subject"]
    who = "alice@" + alice["iss"]
    assert audit(agent, "query", "--sub", who, "--count-by", "subject")[1].split()[1] == alice["id"]
    assert audit(agent, "query", "--sub", "bob@" + alice["iss"])[0] == 1
    code, out, err = audit(agent, "who", "--sub", who, alice["id"])
    assert code == 0 and out.startswith("%s is alice of %s" % (alice["id"], alice["iss"])), out + err
    assert audit(agent, "who", alice["id"][:8] + "0" * 32)[0] == 1
    assert audit(agent, "who", "alice")[0] == 2
    key = agent.logs / ("audit-key-" + alice["id"][:7])
    moved = key.rename(agent.logs / "kept")
    code, out, _ = audit(agent, "who", "--sub", who, alice["id"])
    assert code == 1 and "nobody can tell any more" in out
    moved.rename(key)
