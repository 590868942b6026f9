# SPDX-License-Identifier: Apache-2.0
"""Policies at a reload and when their files change (POL-19): good ones decide at once, bad ones change nothing."""
import json
import os
import pathlib
import re
import shutil
import time

import pytest
from conftest import BIN, EMBARGOED, OPEN, ROOT, SHARED, run, wait_for

CLOSED = ("  - {id: closed-for-now, effect: deny, action: [data.read], reason: closed-for-now, status: 403,\n"
          "     when: {state: [open, embargoed, proprietary, restricted, withdrawn]}}\n")
CLOSED_TEST = ("tests:\n  - {name: closed, now: 2030-01-01, role: [pi], action: data.read,"
               " dates: {experiment_start: 2024-01-01, experiment_end: 2024-01-02}, expect: deny, rule: closed-for-now}\n")


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    p = tmp_path_factory.mktemp("policy") / "in-force" / "policy.yaml"
    p.parent.mkdir()
    shutil.copy(ROOT / "policy" / "examples" / "sample.yaml", p)
    return p


@pytest.fixture(scope="module")
def agent(launch, policy):
    return launch("policy", "--policy", policy)


@pytest.fixture(scope="module")
def good(policy):
    return policy.read_text()


def closed(good, version=2):
    """The policy with a rule that lets nobody read."""
    head, rest = good.split("rules:\n", 1)
    rules = rest.split("tests:\n", 1)[0]
    return re.sub(r"(?m)^version: .*$", "version: %d" % version, head) + "rules:\n" + CLOSED + rules + CLOSED_TEST


def reload(agent):
    r = run(BIN / "pan-agent", "reload", "--config", agent.config)
    return r.returncode, (r.stdout + r.stderr).decode()


def status(agent):
    return json.loads(run(BIN / "pan-agent", "status", "--json", "--config", agent.config).stdout)


def admin(agent, path):
    socket = next(agent.work.rglob("admin.sock"))
    return run("curl", "-sS", "--unix-socket", socket, "http://admin" + path).stdout.decode()


def metric(agent, name):
    return int(float(re.search(r"(?m)^%s (\S+)$" % name, admin(agent, "/metrics")).group(1)))


def reads(agent):
    return agent.get(OPEN).status


def test_a_reload_says_what_is_in_force(agent, policy, good):
    before = status(agent)["policies"]
    assert [p["policy"] for p in before] == ["sample"] and before[0]["file"] == str(policy)
    code, said = reload(agent)
    assert code == 0 and re.search(r"policy sample version 1 sha256 [0-9a-f]{8}  unchanged\n", said), said
    assert reads(agent) == 200  # a decision that would be another
    policy.write_text(closed(good))
    code, said = reload(agent)
    assert code == 0 and reads(agent) == 403, said
    assert re.search(r"policy sample version 2 sha256 [0-9a-f]{8}  (changed, was version 1 sha256 [0-9a-f]{8}|unchanged)", said), said
    now = status(agent)["policies"][0]
    assert now["version"] == 2 and now["sha256"] != before[0]["sha256"]
    assert 'pan_policy_version_info{policy="sample",version="2",sha256="%s"} 1' % now["sha256"] in admin(agent, "/metrics")
    table = run(BIN / "pan-agent", "status", "--config", agent.config).stdout.decode()
    assert re.search(r"sample +2 %s  \S+ +- +%s" % (now["sha256"][:8], policy), table), table
    records = [json.loads(line) for line in next(agent.work.rglob("audit.jsonl")).read_text().splitlines()]
    records = [r for r in records if r["kind"] in ("start", "reload")]
    assert records[0]["kind"] == "start" and "replaced" not in records[0]
    assert records[-1]["kind"] == "reload" and records[-1]["policies"][0]["sha256"] == now["sha256"]
    first = next(r for r in records[1:] if r["replaced"][0]["sha256"] != r["policies"][0]["sha256"])
    assert first["replaced"] == [{k: before[0][k] for k in ("policy", "version", "sha256")}]
    assert first["changed"] >= 1 and first["decisions"] >= first["changed"], first
    assert "permit -> deny" in said and re.search(r"\d+ of \d+ decisions of the last day would be others", said) or "unchanged" in said, said
    policy.write_text(good)
    assert wait_for(lambda: reads(agent) == 200, 5), "the file that was put back is taken without being asked"


def test_what_changes_on_disk_decides(agent, policy, good):
    """Closed after writing, moved into place, the dance of an editor, and a folder that is another one."""
    done, held = status(agent)["reloads"], len(os.listdir("/proc/%d/fd" % agent.pid))
    policy.write_text(closed(good, 3))
    assert wait_for(lambda: reads(agent) == 403, 5)
    other = policy.with_name(".policy.yaml.new")
    other.write_text(good)
    time.sleep(0.3)
    assert reads(agent) == 403
    other.rename(policy)
    assert wait_for(lambda: reads(agent) == 200, 5)
    policy.rename(policy.with_name("policy.yaml~"))
    policy.write_text(closed(good, 4))
    policy.with_name("policy.yaml~").unlink()
    assert wait_for(lambda: reads(agent) == 403, 5)
    old = policy.parent.with_name("old")
    new = policy.parent.with_name("new")
    shutil.copytree(policy.parent, new)
    (new / "policy.yaml").write_text(good)
    policy.parent.rename(old)
    new.rename(policy.parent)
    assert wait_for(lambda: reads(agent) == 200, 5)
    shutil.rmtree(old)
    assert status(agent)["reloads"] >= done + 4
    assert wait_for(lambda: len(agent.children()["gate"]) == 1, 10)
    assert len(os.listdir("/proc/%d/fd" % agent.pid)) <= held + 1


def test_the_same_bytes_cause_nothing(agent, policy, good):
    wait_for(lambda: status(agent)["policy"] == "current", 5)
    before = status(agent)
    policy.write_text(good)
    other = policy.with_name("x")
    other.write_text(good)
    other.rename(policy)
    os.utime(policy)
    time.sleep(0.8)
    after = status(agent)
    assert (after["reloads"], after["epoch"]) == (before["reloads"], before["epoch"])


def test_half_a_file_is_not_looked_at(agent, policy, good):
    before = status(agent)
    with open(policy, "w") as f:
        f.write(good[:len(good) // 2])
        f.flush()
        time.sleep(0.6)
        now = status(agent)
        assert (now["reloads"], now["reloads_failed"]) == (before["reloads"], before["reloads_failed"])
        f.write(good[len(good) // 2:])
    time.sleep(0.5)
    assert (status(agent)["reloads"], status(agent)["policy"]) == (before["reloads"], "current")


def test_a_fault_on_disk_is_told_and_keeps_the_old(agent, policy, good):
    failed = metric(agent, "pan_policy_reload_failed_total")
    policy.write_text(good + "rules: []\n")
    assert wait_for(lambda: "policy: stale" in admin(agent, "/healthz"), 5)
    assert reads(agent) == 200 and metric(agent, "pan_policy_reload_failed_total") == failed + 1
    assert re.search(r"policy\.yaml:\d+:1: error: duplicate key 'rules'", status(agent)["report"])
    os.utime(policy)
    policy.write_text(good + "rules: []\n")  # the same again is not tried again
    time.sleep(0.6)
    assert metric(agent, "pan_policy_reload_failed_total") == failed + 1
    policy.unlink()
    policy.write_text(good)
    assert wait_for(lambda: "policy: current" in admin(agent, "/healthz"), 5)


def test_only_policies_are_taken(agent, policy, good):
    """agent.yaml is being edited: its turn comes with a reload."""
    config = pathlib.Path(agent.config)
    text = config.read_text()
    try:
        config.write_text("facilty: [\n")
        policy.write_text(closed(good, 5))
        assert wait_for(lambda: reads(agent) == 403, 5)
        assert reload(agent)[0] == 1
        config.write_text(text)
        policy.write_text(good)  # what was refused is tried again as a whole
        assert wait_for(lambda: reads(agent) == 200 and status(agent)["policy"] == "current", 5)
    finally:
        config.write_text(text)


def test_a_kept_grant_falls(agent, policy, good):
    """One connection: what was granted to it is asked for again under the new policy."""
    files = [agent.base + EMBARGOED] * 2
    r = agent.curl("-H", "Authorization: Bearer " + agent.token("alice"), "-o", "/dev/null", "-o", "/dev/null",
                   "-w", "%{http_code}\n", *files)
    assert r.stdout.split() == [b"200", b"200"]
    reused = metric(agent, "pan_grants_reused_total")
    assert reused > 0
    policy.write_text(closed(good, 6))
    code, said = reload(agent)
    assert code == 0, said
    assert agent.get(EMBARGOED, sub="alice").status == 403
    policy.write_text(good)
    assert reload(agent)[0] == 0
    assert agent.get(EMBARGOED, sub="alice").status == 200


def test_findings_of_lint(agent, policy, good):
    """Told to whoever reloads; with policy.lint: strict they refuse."""
    config = pathlib.Path(agent.config)
    text = config.read_text()
    unused = good.replace("groups:\n", "groups:\n  nobody-uses: [director]\n", 1)
    finding = r"(?m)^%s:\d+:\d+: warning: L8: .*nobody-uses" % re.escape(str(policy))
    try:
        policy.write_text(unused)
        code, said = reload(agent)
        assert code == 0 and re.search(finding, said), said
        assert "nobody-uses" in agent.log()
        config.write_text(text.replace("policy:\n", "policy:\n  lint: strict\n", 1))
        code, said = reload(agent)
        assert code == 1 and re.search(finding, said), said
        r = run(BIN / "pan-agent", "check", "--offline", agent.config)
        assert r.returncode == 1 and re.search(finding, r.stderr.decode()), r
        assert reads(agent) == 200
    finally:
        config.write_text(text)
        policy.write_text(good)
    assert reload(agent)[0] == 0
    r = run(BIN / "pan-agent", "policy", "list", "--config", agent.config)
    assert r.returncode == 0 and re.search(r"(?m)^sample +=+>$", r.stdout.decode()), r


def test_a_running_download_is_cut(launch, tmp_path):
    """on_deny: cut: the receiver can tell, for what comes is shorter than Content-Length."""
    policy = tmp_path / "policy.yaml"
    text = (ROOT / "policy" / "examples" / "sample.yaml").read_text()
    assert "on_deny: finish, max_age: 12h" in text
    text = text.replace("on_deny: finish, max_age: 12h", "on_deny: cut")
    policy.write_text(text)
    data = tmp_path / "data"
    data.mkdir()
    with open(data / "big.bin", "wb") as f:
        f.truncate(64 << 20)
    agent = launch("https", "--policy", policy, "--data", data)
    out = tmp_path / "out"
    p = agent.start("--limit-rate", "4M", "-o", out, agent.base + "/data/10.5072/data/big.bin")
    assert wait_for(lambda: out.exists() and out.stat().st_size > 0, 10)
    policy.write_text(closed(text))
    assert p.wait(30) in (18, 92), p.stderr.read()  # CURLE_PARTIAL_FILE, CURLE_HTTP2_STREAM
    assert 0 < out.stat().st_size < 64 << 20
    assert agent.get("/data/10.5072/data/big.bin").status == 403
    assert metric(agent, "pan_transfers_cut_total") > 0


BAD = {  # what is put in the place of what, line and column of the fault, and its words
    "unknown key": ("licence:", "license:", "unknown key 'license'"),
    "unknown role": ("role: [pi", "role: [po", "unknown role 'po'"),
    "bad period": ("period: 3y", "period: 3 years", "bad period"),
    "bad zone": ("timezone: Europe/Paris", "timezone: Europe/Pairs", "bad time zone"),
    "tab": ("embargo:\n  ", "embargo:\n\t", "syntax"),
    "anchor": ("rules:\n", "rules: &x\n", "anchor"),
    "unknown effect": ("effect: permit", "effect: allow", "unknown value 'allow'"),
    "bad date": ("valid_from: ", "valid_from: 2015-02-30 #", "bad date"),
    "no tests": ("tests:\n", "test:\n", "unknown key 'test'"),
    "second document": ("rules:\n", "---\nrules:\n", "document"),
    "not UTF-8": ("contact: ", "contact: \udcff", "not UTF-8"),
    "failed test": ("expect: permit", "expect: deny", "test failed"),
    "empty": (None, "", "empty file"),
}


def refused(agent, path, words):
    code, said = reload(agent)
    assert code == 1, said
    assert re.search(r"(?m)^%s:\d+:\d+: error: .*%s" % (re.escape(str(path)), re.escape(words)), said), said


def test_bad_files_one_after_the_other(agent, policy, good):
    epoch = status(agent)["epoch"]
    for name, (old, new, words) in BAD.items():
        assert old is None or old in good, name
        policy.write_bytes((good.replace(old, new, 1) if old else new).encode(errors="surrogateescape"))
        refused(agent, policy, words)
    assert reads(agent) == 200 and status(agent)["epoch"] == epoch
    policy.write_text(good)
    assert reload(agent)[0] == 0


@pytest.mark.skipif(not (SHARED / "cases" / "policy" / "bad").is_dir(), reason="../shared/cases/policy is not here")
def test_bad_files_of_the_cases(agent, policy, good):
    epoch = status(agent)["epoch"]
    for bad in sorted((SHARED / "cases" / "policy" / "bad").glob("*.yaml")):
        shutil.copy(bad, policy)
        refused(agent, policy, "")
    assert reads(agent) == 200 and status(agent)["epoch"] == epoch
    policy.write_text(good)
    assert reload(agent)[0] == 0
