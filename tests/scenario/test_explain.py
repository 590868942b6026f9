# SPDX-License-Identifier: Apache-2.0
"""`pan-agent policy` at work: files on disk, exit statuses, one decision from a catalogue."""
import json
import subprocess

import pytest
from conftest import BIN, ENV, ROOT, run

ISSUER = "https://localhost:9443/issuer"
SAMPLE = ROOT / "policy" / "examples" / "sample.yaml"
PROPOSALS = """proposals:
  - id: P-1
    route: academic
    dates: {experiment_start: 2024-05-28, experiment_end: 2024-05-31}
    team:
      - {role: pi, issuer: "%s", sub: "alice@x.example"}
      - {role: delegate, user: mmuster}
    events:
      - {type: extension, id: e1, at: 2025-01-10, by: pi, period: 1y}
  - id: P-2
    route: proprietary
    dates: {experiment_start: 2024-05-28, experiment_end: 2024-05-31}
""" % ISSUER
CONFIG = """facility: Test
contact: a@house.example
timezone: Europe/Paris
public_url: https://localhost:9443
listen: ["127.0.0.1:9443"]
sandbox: best-effort
certificates:
  - {chain: c.pem, key: k.pem}
state_dir: state
runtime_dir: run
log_dir: log
proposals: proposals.yaml
roots:
  - {name: sample, path: data, layout: "{proposal}/{dataset}", pid: "10.5072/{proposal}-{dataset}"}
policy:
  files: [policy.yaml]
accounts: accounts.yaml
issuers:
  - {issuer: "%s", jwks_file: keys.jwks, formerly: ["https://old.example"]}
  - {issuer: "https://other.example", jwks_file: keys.jwks}
""" % ISSUER
ACCOUNTS = """accounts:
  - {issuer: "https://old.example", value: "max@x.example", user: mmuster}
  - {issuer: "%s", value: "eva@x.example", proposals: [P-1, P-7]}
  - {issuer: "%s", value: "tom@x.example", user: tom}
""" % (ISSUER, ISSUER)


def policy(*args, text=None):
    r = subprocess.run([str(BIN / "pan-agent"), "policy", *map(str, args)], capture_output=True,
                       input=text, timeout=60, env=ENV)
    return r.returncode, r.stdout.decode(), r.stderr.decode()


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    work = tmp_path_factory.mktemp("explain")
    for folder in ("state", "run", "log", "data/P-1/a", "data/P-2/a"):
        (work / folder).mkdir(parents=True)
    (work / "data/P-1/a/one.txt").write_text("one")
    (work / "data/P-2/a/two.txt").write_text("two")
    (work / "proposals.yaml").write_text(PROPOSALS)
    (work / "agent.yaml").write_text(CONFIG)
    (work / "accounts.yaml").write_text(ACCOUNTS)
    (work / "keys.jwks").write_text('{"keys": []}')
    (work / "policy.yaml").write_bytes(SAMPLE.read_bytes())
    made = run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
               "-keyout", work / "k.pem", "-out", work / "c.pem", "-days", "2", "-subj", "/CN=localhost")
    assert made.returncode == 0, made.stderr
    r = run(BIN / "pan-agent", "index", "--config", work / "agent.yaml")
    assert r.returncode == 0, r.stdout + r.stderr
    return work


def explain(house, who, on, *more):
    return policy("explain", "--config", house / "agent.yaml", "--as", who, "--on", on, "--action", "data.read",
                  *more)


def test_words(house):
    code, out, err = explain(house, "anonymous", "10.5072/P-1-a", "--at", "2026-06-01")
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[0] == "deny    10.5072/P-1-a  data.read  anonymous  2026-06-01T00:00:00+02:00"
    assert lines[1] == "state   embargoed until 2027-05-31 00:00 Europe/Paris (2027-05-30T22:00:00Z)"
    assert "        extension of 2025-01-10 by pi, + 1y: not approved" in lines
    assert any(x.startswith("rule    default: no rule permits it      policy sample version 1") for x in lines)
    assert "reason  embargoed      status 401" in lines
    assert any(x.startswith("ask     pi, coproposer or delegate may open it now") for x in lines)
    assert any(x.startswith("near    team-data (line ") for x in lines)


@pytest.mark.parametrize("who,on,at,code,effect,status", [
    ("sub:alice@x.example@" + ISSUER, "10.5072/P-1-a", "2025-01-01", 0, "permit", 200),
    ("sub:bob@x.example@" + ISSUER, "10.5072/P-1-a", "2025-01-01", 1, "deny", 403),
    ("sub:alice@x.example@https://other.example", "10.5072/P-1-a", "2025-01-01", 1, "deny", 403),
    ("local:mmuster", "10.5072/P-1-a", "2025-01-01", 0, "permit", 200),
    ("local:tom", "10.5072/P-1-a", "2025-01-01", 1, "deny", 403),
    ("sub:max@x.example@" + ISSUER, "10.5072/P-1-a", "2025-01-01", 0, "permit", 200),
    ("sub:max@x.example@https://other.example", "10.5072/P-1-a", "2025-01-01", 1, "deny", 403),
    ("sub:eva@x.example@" + ISSUER, "10.5072/P-1-a", "2025-01-01", 0, "permit", 200),
    ("sub:eva@x.example@" + ISSUER, "10.5072/P-2-a", "2025-01-01", 1, "deny", 404),
    ("sub:tom@x.example@" + ISSUER, "10.5072/P-1-a", "2025-01-01", 1, "deny", 403),
    ("roles:delegate", "10.5072/P-1-a", "2025-01-01", 0, "permit", 200),
    ("roles:", "10.5072/P-1-a", "2025-01-01", 1, "deny", 403),
    ("anonymous", "10.5072/P-1-a", "2027-05-31", 0, "permit", 200),
    ("anonymous", "10.5072/P-1-a", "2027-05-30T21:59:59Z", 1, "deny", 401),
    ("anonymous", "10.5072/P-2-a", "2099-01-01", 1, "deny", 404),
    ("roles:pi", "10.5072/P-2-a", "2025-01-01", 0, "permit", 200),
])
def test_decisions(house, who, on, at, code, effect, status):
    got, out, err = explain(house, who, on, "--at", at, "--json", "--exit-code")
    d = json.loads(out)
    assert (got, d["effect"], d["status"], err) == (code, effect, status, "")


@pytest.mark.parametrize("args,words", [
    (("explain", "--as", "anonymous"), "--as, --on and --action are needed"),
    (("explain", "--as"), "a value is missing after --as"),
    (("explain", "--who", "x"), "no option --who"),
    (("explain", "--json", "--input", "-"), "--input needs --json and --policy"),
    (("check",), "usage:"),
    (("check", "--fast"), "usage:"),
    (("check", "/nonexistent.yaml"), "/nonexistent.yaml: No such file"),
    (("check", "/"), "Is a directory"),
    (("nonsense",), "no subcommand 'nonsense'"),
])
def test_wrong_calls(args, words):
    code, out, err = policy(*args)
    assert (code, out) == (2, "") and words in err


def test_unknown_words(house):
    for who, on, words in (("roles:boss", "10.5072/P-1-a", "'boss' is no role"),
                           ("alice", "10.5072/P-1-a", "write anonymous, roles:"),
                           ("anonymous", "10.5072/P-9-a", "no such dataset")):
        code, out, err = explain(house, who, on)
        assert (code, out) == (2, "") and words in err


def test_broken_accounts(house, tmp_path):
    """Who is linked to what is part of the answer: a file that cannot be read gives none."""
    config = tmp_path / "agent.yaml"
    config.write_text(CONFIG)
    for name in ("c.pem", "k.pem", "policy.yaml", "proposals.yaml", "keys.jwks"):
        (tmp_path / name).write_bytes((house / name).read_bytes())
    (tmp_path / "accounts.yaml").write_text("accounts:\n  - {issuer: x, valeu: y, user: z}\n")
    code, out, err = policy("explain", "--config", config, "--as", "local:tom", "--on", "10.5072/P-1-a",
                            "--action", "data.read")
    assert (code, out) == (2, "")
    assert "accounts.yaml:2:17: error: unknown key \"valeu\"; did you mean \"value\"?" in err


@pytest.mark.parametrize("who,more,code,words", [
    ("roles:pi", ["--flag", "personal-data", "--all"], 0, "rules   "),
    ("anonymous", ["--kind", "log", "--protocol", "sftp"], 0, "bound   sample: stored when the dataset was first"),
    ("roles:registered", ["--assurance", "high", "--entitlement", "urn:x", "--accepted", "t@1"], 0,
     "terms   accepted: t@1"),
    ("anonymous", [], 0, "next    2027-05-31 00:00 Europe/Paris: open, permit by "),
    ("anonymous", ["--assurance", "high"], 2, "are of somebody with a token"),
    ("anonymous", ["--flag", "secret"], 2, "--flag 'secret': one of personal-data"),
    ("roles:pi", ["--kind", "x"], 2, "--kind 'x': one of raw"),
])
def test_what_if(house, who, more, code, words):
    got, out, err = explain(house, who, "10.5072/P-1-a", "--at", "2026-06-01", *more)
    assert got == code and words in (out if code == 0 else err), out + err


def test_lint(tmp_path):
    for example in sorted((ROOT / "policy" / "examples").glob("*.yaml")):
        assert policy("lint", example) == (0, "", ""), example
    both = [ROOT / "policy" / "examples" / name for name in ("esrf-2015.yaml", "esrf-2024.yaml")]
    assert policy("lint", "--json", *both) == (0, '{"findings":[],"notes":[]}\n', "")
    twice = tmp_path / "twice.yaml"
    twice.write_text(SAMPLE.read_text().replace("\ntests:", """
  - id: never
    effect: permit
    action: [meta.public]
    when: {state: withdrawn, role: pi, route: academic}
tests:""", 1))
    code, out, err = policy("lint", twice)
    assert (code, err) == (1, "") and ": warning: L1: rule 'never' can never decide anything: " in out
    assert policy("lint")[0] == policy("lint", "--fast")[0] == policy("lint", "/nonexistent.yaml")[0] == 2


def audited(seq, subject, effect, rule, status, events=0):
    """A decision about 10.5072/P-1-a in the embargo, as the agent records it."""
    return json.dumps({
        "seq": seq, "time": "2026-06-01T08:15:0%d.123Z" % seq, "prev": "0" * 64, "kind": "decision",
        "node": "gate-1", "trace": "4bf92f3577b34da6a3ce929d0e0e4736", "subject": subject,
        "object": {"pid": "10.5072/P-1-a", "kind": "raw", "route": "academic", "flags": [],
                   "dates": {"experiment_start": "2024-05-28", "experiment_end": "2024-05-31"},
                   "events": events},
        "action": "data.read",
        "context": {"network": "internet", "purpose": "unspecified", "protocol": "https"},
        "effect": effect, "rule": rule, "line": 0, "policy": "sample", "version": 1, "sha256": "ab" * 32,
        "state": "embargoed", "release_at": "2027-05-30T22:00:00Z",
        "reason": None if effect == "permit" else "embargoed", "status": status, "obligations": [],
    }, separators=(",", ":")) + "\n"


def test_simulate(house, tmp_path):
    pi = {"id": "2026-06:00", "iss": ISSUER, "roles": ["registered", "pi"], "assurance": "medium"}
    log = tmp_path / "audit.jsonl"
    log.write_text(audited(1, None, "deny", "default", 401) + audited(2, pi, "permit", "team-data", 200) +
                   audited(3, None, "permit", "gone", 200) + audited(4, pi, "permit", "team-data", 200, events=1))
    call = ("simulate", "--log", log, "--against", SAMPLE)
    assert policy(*call) == (1, "permit -> deny   1 of 4 decisions   gone -> default    anonymous, data.read, "
                                "embargoed   seq 3\nunchanged        2\nundecided        1\n", "")
    code, out, err = policy(*call, "--config", house / "agent.yaml", "--json")
    told = json.loads(out)
    assert (code, err, told["unchanged"], told["undecided"]) == (1, "", 3, 0)
    assert told["changes"][0]["from"] == {"effect": "permit", "rule": "gone", "line": 0}
    code, out, err = policy(*call, "--until", "2026-06-01T08:15:03Z")
    assert (code, out) == (0, "unchanged        2\nundecided        0\n")
    with log.open("a") as f:
        f.write("nonsense\n{\"seq\":5")
    code, out, err = policy(*call)
    assert code == 2 and "1 line is of no audit log, the first is line 5" in err and "has no end" in err
    for wrong in (("simulate",), (*call, "--since", "today"), (*call, "--log", "/nonexistent")):
        assert policy(*wrong)[0] == 2


def test_check_and_test(tmp_path):
    assert policy("check", SAMPLE) == (0, "", "")
    code, out, err = policy("test", SAMPLE)
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[0] == "TAP version 13" and lines[1] == "1..%d" % (len(lines) - 2)
    assert all(x.startswith("ok ") for x in lines[2:])
    bad = tmp_path / "bad.yaml"
    bad.write_text(SAMPLE.read_text().replace("period: 3y", "period: 4y"))
    code, out, err = policy("test", bad)
    assert code == 1 and "not ok 1 - everybody reads after three years" in out
    assert err.startswith("%s:" % bad) and "error: test failed: 'everybody reads after three years'" in err
    code, out, err = policy("check", SAMPLE, SAMPLE)
    assert code == 1 and "overlap: policy 'sample'" in err


def test_questions_in_order():
    question = {"action": "data.read", "now": "2028-01-01", "object": {"policy": "sample",
                "dates": {"experiment_end": "2024-05-31"}}}
    lines = [json.dumps({**question, "id": i}) for i in range(2500)]
    lines[7], lines[8] = "no JSON", ""
    code, out, err = policy("explain", "--json", "--policy", SAMPLE, "--input", "-", text="\n".join(lines).encode())
    got = [json.loads(x) for x in out.splitlines()]
    assert (code, err, len(got)) == (0, "", 2500)
    for i, d in enumerate(got):
        good = i not in (7, 8)
        assert (d["id"], d["rule"]) == ((i, "open-data") if good else (None, "input"))


def test_what_opens_when(house):
    opens = lambda *more: policy("opens", "--config", house / "agent.yaml", *more)
    code, out, err = opens("--from", "2020-01-01", "--until", "2030-12-31")
    assert (code, err) == (0, "")
    assert out == "2027-05-31  10.5072/P-1-a  sample  3y from experiment_end 2024-05-31\n\n2027-05  1 dataset, 3 B\n"
    assert opens("--from", "2027-06-01")[1] == "no dataset opens in that time\n"
    assert opens("--until", "2027-05-30", "--from", "2027-05-30")[1] == "no dataset opens in that time\n"
    assert "never       10.5072/P-2-a  sample  proprietary\n" in opens("--all")[1]
    rows = [json.loads(x) for x in opens("--all", "--json", "--from", "2020-01-01")[1].splitlines()]
    assert [r.get("release_date") for r in rows] == ["2027-05-31", None, None, None]
    assert [r.get("cause") for r in rows[:2]] == ["embargo", "proprietary"]
    assert rows[0]["release_at"] == "2027-05-30T22:00:00Z" and rows[2] == {"month": "2027-05", "datasets": 1, "bytes": 3}
    assert "P-2" not in opens("--all", "--proposal", "P-1")[1]
    for wrong in (("--until", "soon"), ("--from", "2027-02-30"), ("10.5072/P-1-a",), ("--until",)):
        assert opens(*wrong)[0] == 2


def test_a_corrected_date_moves_nothing_by_itself(house):
    """A dataset stays with the policy that it was first catalogued under, until the administrator binds it anew."""
    config, name = house / "agent.yaml", "10.5072/P-1-a"
    index = lambda *more: run(BIN / "pan-agent", "index", "--config", config, *more)
    lint = lambda: policy("lint", "--catalogue", "--config", config)[:2]
    newer = SAMPLE.read_text().replace("valid_from: 2000-01-01", "valid_from: 2024-06-01")
    (house / "newer.yaml").write_text(newer.replace("policy: sample", "policy: newer"))
    (house / "policy.yaml").write_text(SAMPLE.read_text().replace(
        "valid_from: 2000-01-01", "valid_from: 2000-01-01\nvalid_until: 2024-06-01"))
    config.write_text(CONFIG.replace("files: [policy.yaml]", "files: [policy.yaml, newer.yaml]"))
    (house / "proposals.yaml").write_text(PROPOSALS.replace("2024-05-", "2024-07-"))
    assert index().returncode == 0
    assert "policy sample version 1" in explain(house, "anonymous", name)[1]
    code, out = lint()
    assert code == 1 and "L10: dataset %s is bound to 'sample'" % name in out and "give 'newer'" in out
    assert "index --rebind %s" % name in out
    done = index("--rebind", name)
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"%s: newer, was sample\n1 datasets looked at, 1 bound to another policy\n" % name.encode()
    assert "policy newer version 1" in explain(house, "anonymous", name)[1]
    assert name not in lint()[1]
    config.write_text(CONFIG)  # newer.yaml is not listed any more
    code, out, err = explain(house, "anonymous", name)
    assert "bound to the policy newer, which is not loaded" in out and "--rebind %s" % name in out
    assert index("--rebind", "10.5072/none").returncode == 1
