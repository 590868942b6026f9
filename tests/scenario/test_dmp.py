# SPDX-License-Identifier: Apache-2.0
"""Data management plans: what a plan wants against what policy gives, and the plan that comes out."""
import datetime
import json

import pytest
from conftest import BIN, EMBARGOED, ROOT, run

TODAY = datetime.date.today()
END = TODAY.replace(year=TODAY.year - 1, day=1)  # of the experiment, under embargo for two years yet
RELEASE, EARLIER, LATER = (str(END.replace(year=END.year + n)) for n in (3, 2, 4))
PROPOSALS = """proposals:
  - id: P-1
    title: Pores in sandstone
    dates: {proposal_accepted: 2001-12-01, experiment_start: %s, experiment_end: %s}
  - {id: P-2, route: proprietary, dates: {experiment_start: 2024-05-28, experiment_end: 2024-05-31}}
  - {id: P-3, flags: [personal-data], dates: {experiment_start: 2021-05-28, experiment_end: 2021-05-31}}
  - {id: P-4, dates: {experiment_start: 1990-01-01, experiment_end: 1990-01-02}}
""" % (END, END)
CONFIG = """facility: Test
contact: data@house.example
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
issuers:
  - {issuer: "https://localhost:9443/issuer", jwks_file: keys.jwks}
"""
CC_BY = "https://creativecommons.org/licenses/by/4.0/"


def dmp(house, *args):
    r = run(BIN / "pan-agent", "dmp", *args, "--config", house / "agent.yaml")
    return r.returncode, r.stdout.decode(), r.stderr.decode()


A, B = "10.5072/P-1-a", "10.5072/P-1-b"
NEVER_LONGER = "a plan may shorten an embargo, never lengthen it"


def entry(pid, start=None, ref=CC_BY, personal="no", sensitive="no", access="open"):
    d = {"title": "Raw", "dataset_id": {"identifier": pid, "type": "doi"}, "personal_data": personal,
         "sensitive_data": sensitive, "distribution": [{"title": "HDF5", "data_access": access}]}
    if start:
        d["distribution"][0]["license"] = [{"license_ref": ref, "start_date": start}]
    return d


def plan(house, *datasets, project=None):
    path = house / "plan.json"
    path.write_text(json.dumps({"dmp": {
        "title": "Pores", "language": "eng", "created": "2026-01-02T08:00:00Z", "modified": "2026-01-03T08:00:00Z",
        "dmp_id": {"identifier": "https://plans.example/7", "type": "url"}, "ethical_issues_exist": "no",
        "contact": {"name": "Ada", "mbox": "ada@x.example", "contact_id": {"identifier": "1", "type": "orcid"}},
        "project": [{"title": "S", "project_id": [{"identifier": project, "type": "other"}]}] if project else [],
        "dataset": list(datasets)}}))
    return path


def dry(house, *datasets, project=None, more=()):
    """Exit status, and one (dataset, what, outcome, note) for each row."""
    code, out, err = dmp(house, "import", plan(house, *datasets, project=project), "--dry-run", "--json", *more)
    assert err == ""
    return code, [(r["dataset"], r["what"], r["outcome"], r["note"]) for r in json.loads(out)["rows"]]


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    work = tmp_path_factory.mktemp("dmp")
    for folder in ("state", "run", "log", "data/P-1/a", "data/P-1/b", "data/P-2/a", "data/P-3/a", "data/P-4/a"):
        (work / folder).mkdir(parents=True)
        if folder.startswith("data"):
            (work / folder / "one.txt").write_text("one of " + folder)
    (work / "proposals.yaml").write_text(PROPOSALS)
    (work / "agent.yaml").write_text(CONFIG)
    (work / "keys.jwks").write_text('{"keys": []}')
    (work / "policy.yaml").write_bytes((ROOT / "policy/examples/sample.yaml").read_bytes())
    made = run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
               "-keyout", work / "k.pem", "-out", work / "c.pem", "-days", "2", "-subj", "/CN=localhost")
    assert made.returncode == 0, made.stderr
    r = run(BIN / "pan-agent", "index", "--config", work / "agent.yaml")
    assert r.returncode == 0, r.stdout + r.stderr
    return work


def test_export(house):
    code, out, err = dmp(house, "export", "P-1")
    got = json.loads(out)["dmp"]
    one = got["dataset"][0]["distribution"][0]
    assert (code, err) == (0, "")
    assert got["title"] == "Data of Pores in sandstone" and got["created"] == "2001-11-30T23:00:00Z"
    assert got["project"] == [{"title": "Pores in sandstone", "start": str(END), "end": str(END),
                               "project_id": [{"identifier": "P-1", "type": "other"}]}]
    assert [d["dataset_id"] for d in got["dataset"]] == [{"identifier": "10.5072/P-1-" + x, "type": "doi"} for x in "ab"]
    assert one["byte_size"] == len("one of data/P-1/a") and one["access_url"] == "https://localhost:9443/data/10.5072/P-1-a/"
    assert one["available_until"] == str(END.replace(year=END.year + 10)) and one["host"] == {"title": "Test", "url": "https://localhost:9443"}
    assert one["license"] == [{"license_ref": CC_BY, "start_date": RELEASE}] and one["data_access"] == "shared"


@pytest.mark.parametrize("proposal,access,personal,start", [
    ("P-2", "closed", "no", None), ("P-3", "open", "yes", "2024-05-31"), ("P-4", "closed", "no", None)])
def test_export_states(house, proposal, access, personal, start):
    code, out, err = dmp(house, "export", proposal)
    got = json.loads(out)["dmp"]
    d = got["dataset"][0]
    assert (code, d["personal_data"], d["sensitive_data"]) == (0, personal, personal)
    assert got["ethical_issues_exist"] == ("yes" if personal == "yes" else "unknown")
    one = d["distribution"][0]
    assert (one["data_access"], [x["start_date"] for x in one["license"]]) == (access, [start] if start else [])
    assert d.get("issued") == start


def valid(text):
    """By the schema that the standard publishes; Debian's python3-jsonschema."""
    jsonschema = pytest.importorskip("jsonschema", reason="python3-jsonschema is not there")
    schema = json.loads((ROOT / "tests/data/madmp/maDMP-schema-1.2.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(text)


def test_schema(house):
    for proposal in ("P-1", "P-2", "P-3", "P-4"):
        valid(json.loads(dmp(house, "export", proposal)[1]))
    bad = json.loads(dmp(house, "export", "P-1")[1])
    bad["dmp"]["dataset"][0]["personal_data"] = "perhaps"
    with pytest.raises(Exception, match="perhaps"):
        valid(bad)


@pytest.mark.parametrize("proposal", ["P-1", "P-2", "P-3", "P-4"])
def test_round_trip(house, proposal):
    path = house / "out.json"
    assert dmp(house, "export", proposal, "--out", path)[:2] == (0, "")
    code, out, err = dmp(house, "import", path, "--json")
    assert (code, err) == (0, "") and {r["outcome"] for r in json.loads(out)["rows"]} == {"agrees"}


@pytest.mark.parametrize("policy, end, access, licence", [
    ("esrf-2015", "2018-05-31", "shared", CC_BY), ("esrf-2024", str(END), "shared", CC_BY),
    ("isis-2022", "2022-05-31", "open", CC_BY), ("isis-2024", str(END), "shared", CC_BY),
    ("elettra", "2020-05-31", "shared", CC_BY.replace("by", "by-sa")), ("psi", str(END), "shared", CC_BY),
    ("emfl", str(END), "shared", CC_BY), ("hzb", "2016-08-01", "open", "https://creativecommons.org/publicdomain/zero/1.0/")])
def test_examples(tmp_path, house, policy, end, access, licence):
    """Under each of the example policies: what comes out goes in again; personal data too."""
    work = tmp_path
    for folder in ("state", "run", "log", "data/P-1/a", "data/P-2/a"):
        (work / folder).mkdir(parents=True)
    for name in ("keys.jwks", "k.pem", "c.pem"):
        (work / name).write_bytes((house / name).read_bytes())
    for x in "12":
        (work / "data" / ("P-" + x) / "a/one.txt").write_text("one")
    dates = "dates: {experiment_start: %s, experiment_end: %s, data_collected: %s}" % (end, end, end)
    (work / "proposals.yaml").write_text("proposals:\n  - {id: P-1, %s}\n  - {id: P-2, flags: [personal-data], %s}\n"
                                         % (dates, dates))
    (work / "agent.yaml").write_text(CONFIG.replace("data@house.example", "https://house.example/help"))
    (work / "policy.yaml").write_bytes((ROOT / "policy/examples" / (policy + ".yaml")).read_bytes())
    r = run(BIN / "pan-agent", "index", "--config", work / "agent.yaml")
    assert r.returncode == 0, r.stdout + r.stderr
    for proposal in ("P-2", "P-1"):
        assert dmp(work, "export", proposal, "--out", work / "out.json")[:2] == (0, "")
        code, out, err = dmp(work, "import", work / "out.json", "--json")
        assert (code, err) == (0, ""), out
    valid(json.loads((work / "out.json").read_text()))
    got = json.loads((work / "out.json").read_text())["dmp"]
    one = got["dataset"][0]["distribution"][0]
    assert got["contact"]["mbox"] == "data-policy@facility.example", "the policy's, for the agent's is no address of mail"
    assert (one["data_access"], one["license"][0]["license_ref"]) == (access, licence)


# ---- what a plan wants, without asking for it

@pytest.mark.parametrize("datasets, more, code, rows", [
    # one dataset by its pid, in one of its spellings
    ([entry(A, RELEASE)], {}, 0, [(A, "licence", "agrees", None), (A, "opening", "agrees", None)]),
    ([entry("https://doi.org/" + A, LATER)], {}, 1,
     [(A, "licence", "agrees", None), (A, "opening", "conflict", NEVER_LONGER)]),
    ([entry("doi:" + A, EARLIER)], {}, 0,
     [(A, "licence", "agrees", None), (A, "opening", "would ask", "until %s (" % EARLIER)]),
    ([entry(A, EARLIER)], {"more": ("--by", "user_office")}, 1,
     [(A, "licence", "agrees", None), (A, "opening", "refused", "only pi, coproposer or delegate may record")]),
    ([entry(A, "2001-01-01")], {}, 0, [(A, "licence", "agrees", None), (A, "opening", "would ask", "open")]),
    ([entry(A, RELEASE, "https://creativecommons.org/licenses/by-nd/4.0/")], {}, 1,
     [(A, "licence", "conflict", "the licence of the policy stands"), (A, "opening", "agrees", None)]),
    ([entry(A, access="closed")], {}, 1, [(A, "opening", "conflict", "a plan cannot keep closed what the policy opens")]),
    ([entry(A, access="shared")], {}, 0, []),
    ([entry(A, personal="unknown")], {}, 0, [(A, "personal data", "would ask", "the flag")]),
    ([entry(A, sensitive="yes")], {}, 0, [(A, "personal data", "would ask", "the flag")]),
    # what the policy gives no day
    ([entry("10.5072/P-2-a", RELEASE)], {}, 1,
     [("10.5072/P-2-a", "licence", "agrees", None),
      ("10.5072/P-2-a", "opening", "conflict", "the policy gives these data no day")]),
    ([entry("10.5072/P-4-a", RELEASE, personal="yes")], {}, 1,
     [("10.5072/P-4-a", "personal data", "would ask", "the flag"),
      ("10.5072/P-4-a", "opening", "conflict", "no policy was in force")]),
    ([entry("10.5072/P-3-a", "2023-01-01")], {}, 1,
     [("10.5072/P-3-a", "personal data", "conflict", "the flag stands: a plan does not take it away"),
      ("10.5072/P-3-a", "licence", "agrees", None), ("10.5072/P-3-a", "opening", "agrees", "the data are open already")]),
    # an entry without a pid stands for the rest of its proposal
    ([entry("raw", EARLIER)], {"project": "P-1"}, 0,
     [(x, what, outcome, None) for x in (A, B) for what, outcome in (("licence", "agrees"), ("opening", "would ask"))]),
    ([entry(A, RELEASE), entry("raw", LATER)], {"more": ("--proposal", "P-1")}, 1,
     [(A, "licence", "agrees", None), (A, "opening", "agrees", None),
      (B, "licence", "agrees", None), (B, "opening", "conflict", NEVER_LONGER)]),
    # of several days the latest counts
    ([entry("raw", EARLIER), entry("processed", LATER)], {"project": "P-1"}, 1,
     [(x, what, outcome, None) for x in (A, B) for what, outcome in (("licence", "agrees"), ("opening", "conflict"))]),
    ([entry("raw", personal="yes")], {"project": "P-1"}, 0,
     [(x, "personal data", "would ask", "the flag for all data of the proposal") for x in (A, B)]),
    # which nobody knows, or of somebody else
    ([entry("raw", EARLIER)], {}, 1, [("raw", "dataset", "conflict", "give it with --proposal")]),
    ([entry("10.5072/P-2-a", EARLIER)], {"more": ("--proposal", "P-1")}, 1,
     [("10.5072/P-2-a", "dataset", "conflict", "is of another proposal")]),
    # before anything was measured
    ([entry("raw", personal="unknown")], {"more": ("--proposal", "P-9")}, 0,
     [("P-9", "personal data", "would ask", "the flag for all data of the proposal")]),
    ([entry("raw", EARLIER)], {"more": ("--proposal", "P-9")}, 1,
     [("P-9", "dataset", "conflict", "import the plan again when there is")]),
])
def test_wishes(house, datasets, more, code, rows):
    got, found = dry(house, *datasets, **more)
    assert [r[:3] for r in found] == [r[:3] for r in rows]
    assert all(want[3] is None or want[3] in have[3] for have, want in zip(found, rows)), found
    assert got == code


def test_table(house):
    code, out, err = dmp(house, "import", plan(house, entry(A, LATER, personal="yes")), "--dry-run")
    lines = out.splitlines()
    assert (code, err) == (1, "")
    assert lines[0].split() == ["DATASET", "WHAT", "PLAN", "POLICY", "OUTCOME"]
    assert lines[1].startswith(A + "  personal data  personal_data: yes  no flag") and lines[1].endswith("would ask: the flag")
    assert lines[3].startswith(" ") and lines[3].endswith("conflict: " + NEVER_LONGER)
    assert lines[4] == "1 agrees, 0 asked, 1 would ask, 1 conflict, 0 refused"


def test_standard_input(house):
    text = plan(house, entry(A, RELEASE)).read_bytes()
    r = run(BIN / "pan-agent", "dmp", "import", "-", "--config", house / "agent.yaml", input=text)
    assert r.returncode == 0 and b"2 agrees" in r.stdout


def test_bad_plans(house):
    path = plan(house, entry(A, "2027-02-30"))
    code, out, err = dmp(house, "import", path)
    assert (code, out) == (2, "") and err == (
        "%s: error: dmp.dataset[0].distribution[0].license[0].start_date: must be a date, as 2027-05-31\n" % path)
    for args, words in ((("import",), "which FILE?"), (("import", "/nonexistent"), "No such file"), (("export",), "which PROPOSAL?"),
                        (("import", path, "--by", "boss"), "'boss' is no role"), (("plan",), "usage: pan-agent dmp")):
        code, out, err = dmp(house, *args)
        assert (code, out) == (2, "") and words in err
    code, out, err = dmp(house, "export", "P-9")
    assert (code, out) == (1, "") and "no dataset of proposal 'P-9'" in err
    code, out, err = dmp(house, "import", plan(house, entry(A, EARLIER)))
    assert code == 1 and "refused" in out, "no agent runs"


# ---- asked of a running agent

PID, PROPOSAL = "10.5072/ma6021-tomo-01", "ma6021"


def asked(agent, path, *more):
    r = run(BIN / "pan-agent", "dmp", "import", path, "--json", "--config", agent.config, *more)
    return r.returncode, [(x["what"], x["outcome"]) for x in json.loads(r.stdout)["rows"] if x["dataset"] == PID]


def exported(agent, path):
    r = run(BIN / "pan-agent", "dmp", "export", PROPOSAL, "--out", path, "--config", agent.config)
    assert r.returncode == 0, r.stderr
    text = json.loads(path.read_text())
    return text, next(d for d in text["dmp"]["dataset"] if d["dataset_id"]["identifier"] == PID)


def test_asked_of_the_agent(agent, tmp_path):
    path = tmp_path / "plan.json"
    text, mine = exported(agent, path)
    assert asked(agent, path) == (0, [("licence", "agrees"), ("opening", "agrees")])
    release = mine["distribution"][0]["license"][0]["start_date"]
    soon = str(datetime.date.today() + datetime.timedelta(days=2))
    mine["distribution"][0]["license"][0]["start_date"] = soon
    path.write_text(json.dumps(text))
    assert release > soon
    assert asked(agent, path) == (0, [("licence", "agrees"), ("opening", "asked")])
    assert asked(agent, path) == (0, [("licence", "agrees"), ("opening", "agrees")]), "asked once"
    log = run(BIN / "pan-agent", "policy", "events", PID, "--config", agent.config).stdout.decode()
    assert log.count("data management plan " + text["dmp"]["dmp_id"]["identifier"]) == 1, log
    assert agent.get(EMBARGOED).json["release_date"] == soon
    why = run(BIN / "pan-agent", "auth", "explain", agent.base + EMBARGOED, "--config", agent.config,
              input=agent.token("bob").encode()).stdout.decode()
    assert "embargoed until " + soon in why, why
    mine["personal_data"] = "unknown"
    path.write_text(json.dumps(text))
    assert asked(agent, path)[1][0] == ("personal data", "asked")
    shown = run(BIN / "pan-agent", "show", PID, "--json", "--config", agent.config)
    assert json.loads(shown.stdout)["facts"]["flags"] == ["personal-data"], "the administrator sees it too"
    again, mine = exported(agent, path)
    assert (mine["personal_data"], again["dmp"]["ethical_issues_exist"]) == ("yes", "yes")
    assert asked(agent, path)[0] == 0, "round trip"
