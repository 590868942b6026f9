# SPDX-License-Identifier: Apache-2.0
"""What a person with curl and wget sees: open, refused, allowed; ranges, conditions, resumption, lists."""
import datetime as dt
import json
import re
import shutil

from conftest import EMBARGOED, OPEN, PROPRIETARY, README, run, sha256


def problem(a, *statuses):
    assert a.status in statuses, a
    assert a.headers["content-type"].startswith("application/problem+json"), a
    body = a.json
    assert body["status"] == a.status and body["type"] and body["detail"], body
    return body


def opens(agent):
    """The day on which the embargoed proposal opens: three years after its end."""
    text = (agent.work / "proposals.yaml").read_text()
    end = dt.date.fromisoformat(re.search(r"id: ma6021.*?experiment_end: ([0-9-]+)", text, re.S)[1])
    return end.replace(year=end.year + 3).isoformat()


def test_anonymous_download(agent):
    a = agent.get(OPEN)
    assert a.status == 200 and sha256(a.body) == sha256(agent.file(OPEN))
    assert a.headers["content-length"] == str(len(a.body)) and a.headers["accept-ranges"] == "bytes"
    assert a.headers["etag"].startswith('"') and "last-modified" in a.headers and "date" in a.headers


def test_plain_file(agent):
    assert agent.get(README).body == agent.file(README).read_bytes()


def test_embargo_refuses_with_rule_and_date(agent):
    a = agent.get(EMBARGOED)
    body = problem(a, 401)
    assert body["rule"] and body["release_date"] == opens(agent), body
    assert re.fullmatch(r'Bearer realm="[^"]*"(, resource_metadata="[^"]*")?', a.headers["www-authenticate"]), a
    assert "etag" not in a.headers and "error" not in a.headers["www-authenticate"]
    assert body["login"] == {"command": "pan-agent login " + agent.base, "page": None}, body


def test_metadata_is_kept_by_caches(agent):
    path = "/.well-known/oauth-protected-resource"
    a = agent.get(path)
    assert a.status == 200 and "max-age=3600" in a.headers["cache-control"], a
    same = agent.get(path, "-H", "If-None-Match: " + a.headers["etag"])
    assert same.status == 304 and not same.body and same.headers["etag"] == a.headers["etag"], same


def test_embargo_refuses_a_stranger(agent):
    body = problem(agent.get(EMBARGOED, sub="bob"), 403)
    assert "login" not in body, body
    assert body["rule"] and body["release_date"] == opens(agent), body
    assert body["contact"] and "pi" in body["grantors"], body


def test_team_may_read(agent):
    a = agent.get(EMBARGOED, sub="alice")
    assert a.status == 200 and sha256(a.body) == sha256(agent.file(EMBARGOED))
    assert re.search("private|no-store", a.headers.get("cache-control", "")), a


def test_proprietary(agent):
    assert agent.get(PROPRIETARY).status in (401, 404)
    assert agent.get(PROPRIETARY, sub="alice").status in (403, 404)
    assert sha256(agent.get(PROPRIETARY, sub="dave").body) == sha256(agent.file(PROPRIETARY))


def test_bad_tokens(agent):
    good = agent.token("alice")
    head, payload, signature = good.split(".")
    other = "A" if signature[10] != "A" else "B"
    for name, token in {"signature": "%s.%s.%s" % (head, payload, signature[:10] + other + signature[11:]), "cut": good[:-20],
                        "no dots": "abc", "payload of another": head + "." + payload[:-8] + "AAAAAAAA." + signature}.items():
        a = agent.get(EMBARGOED, token=token)
        problem(a, 401)
        assert 'error="invalid_token"' in a.headers["www-authenticate"], (name, a)
        assert token[-40:] not in a.body.decode()
    a = agent.get(OPEN, "-H", "Authorization: Bearer " + good, "-H", "Authorization: Bearer " + good)
    assert a.status == 400, a


def test_missing_and_hidden_look_alike(agent):
    a = agent.get("/data/10.5072/sc5310-saxs-01/nothing.nxs")
    b = agent.get("/data/10.5072/no-such-thing/nothing.nxs")
    assert problem(a, 404)["type"] == problem(b, 404)["type"]


def test_hidden_and_absent_are_one(agent):
    """Whole answers, byte for byte but for the time and the trace; and the lists give no hint."""
    hidden, absent = "10.5072/ind042-powder-01", "10.5072/ind042-powder-99"  # as long as each other
    ways = [("/data/%s/", ()), ("/data/%s", ()), ("/data/%s/ind042_powder_0001.nxs", ()), ("/data/%s/", ("-I",)),
            ("/data/%s/", ("-X", "PROPFIND", "-H", "Depth: 1")), ("/data/%s/", ("-H", "Accept: application/json")),
            ("/data/%s/ind042_powder_0001.nxs", ("-H", 'If-None-Match: "x"', "-r", "0-9")),
            ("/datasets/%s", ()), ("/datasets/%s", ("-H", "Accept: application/json")), ("/datasets/%s", ("-I",)),
            ("/datasets/%s", ("-X", "DELETE")), ("/datasets/%s/events", ()),
            ("/datasets/%s/events", ("-d", '{"type":"release"}')), ("/datasets/%s/nothing", ())]
    trace = {"traceparent": "00-%032x-%016x-01" % (7, 7)}
    for path, more in ways:
        for who in (None, "alice"):
            pair = []
            for pid in (hidden, absent):
                a = agent.get(path % pid, "-H", "traceparent: " + trace["traceparent"], *more, sub=who)
                pair.append((a.status, {k: v for k, v in a.headers.items() if k != "date"}, a.body))
            assert pair[0] == pair[1] and pair[0][0] == 404, (path, more, who, pair)
    everything = agent.get("/data/", "-H", "Accept: application/json").json
    names = [d["pid"] for d in everything["datasets"]]
    assert hidden not in names and everything["next"] is None
    for where in names:  # a list begins behind what is seen, and nowhere else: a place would tell who stands there
        later = agent.get("/data/?after=" + where, "-H", "Accept: application/json").json["datasets"]
        assert [d["pid"] for d in later] == [n for n in names if n > where]
    for where in (hidden, hidden[:-1], hidden + "0", "10.5072/ind042-powder-00"):
        assert agent.get("/data/?after=" + where).status == 400


def test_record_of_a_dataset(agent):
    open_, shut = OPEN.split("/")[3], EMBARGOED.split("/")[3]
    page = agent.get("/datasets/10.5072/" + open_)
    assert page.status == 200 and b"<script" not in page.body and page.headers["vary"] == "Accept, Authorization"
    assert page.headers["cache-control"].startswith("public, max-age=")
    assert agent.get("/datasets/10.5072/" + open_, "-H", "If-None-Match: " + page.headers["etag"]).status == 304
    record = agent.get("/datasets/10.5072/" + shut, "-H", "Accept: application/json")
    assert record.json["access_state"] == "embargoed" and record.json["release_date"] == opens(agent)
    assert record.json["links"]["data"] is None and record.json["links"]["access_requests"]
    mine = agent.get("/datasets/10.5072/" + shut, "-H", "Accept: application/json", sub="alice")
    assert mine.headers["cache-control"] == "private, no-store" and mine.json["data"]["effect"] == "permit"
    assert set(record.json["fields"]) < set(mine.json["fields"])


def test_head(agent):
    a, b = agent.get(OPEN), agent.get(OPEN, "-I")
    assert b.status == 200
    for name in ("content-length", "etag", "last-modified", "accept-ranges", "content-type"):
        assert a.headers.get(name) == b.headers.get(name), name
    assert agent.get(EMBARGOED, "-I").status == agent.get(EMBARGOED).status


def test_ranges(agent):
    data = agent.file(OPEN).read_bytes()
    size = len(data)
    for spec, first, last in (("0-0", 0, 0), ("100-199", 100, 199), ("100-", 100, size - 1), ("-7", size - 7, size - 1),
                              ("%d-99999999" % (size - 3), size - 3, size - 1)):
        a = agent.get(OPEN, "-r", spec)
        assert a.status == 206 and a.body == data[first:last + 1], spec
        assert a.headers["content-range"] == "bytes %d-%d/%d" % (first, last, size)
    a = agent.get(OPEN, "-r", "%d-" % size)
    assert a.status == 416 and a.headers["content-range"] == "bytes */%d" % size, a
    a = agent.get(OPEN, "-r", "0-9,100-109")
    assert a.status == 206 and a.headers["content-type"].startswith("multipart/byteranges"), a
    assert data[:10] in a.body and data[100:110] in a.body
    assert agent.get(EMBARGOED, "-r", "99999999-").status == 401, "no size for strangers"


def test_conditions(agent):
    a = agent.get(OPEN)
    tag, when = a.headers["etag"], a.headers["last-modified"]
    assert agent.get(OPEN, "-H", "If-None-Match: " + tag).status == 304
    assert agent.get(OPEN, "-H", "If-Modified-Since: " + when).status == 304
    assert agent.get(OPEN, "-H", 'If-None-Match: "other"').status == 200
    assert agent.get(OPEN, "-H", 'If-Match: "other"').status == 412
    assert agent.get(OPEN, "-H", "If-Range: " + tag, "-r", "5-9").status == 206
    assert agent.get(OPEN, "-H", 'If-Range: "other"', "-r", "5-9").status == 200
    assert agent.get(EMBARGOED, "-H", "If-None-Match: *").status == 401


def test_curl_resumes(agent, tmp_path):
    data = agent.file(OPEN).read_bytes()
    part = tmp_path / "saxs.nxs"
    part.write_bytes(data[:len(data) // 3])
    r = agent.curl("--fail", "-C", "-", "-o", part, agent.base + OPEN)
    assert r.returncode == 0 and sha256(part) == sha256(data), r.stderr


def test_wget_takes_a_dataset(agent, tmp_path):
    assert shutil.which("wget")
    r = run("wget", "-q", "-r", "-np", "-nH", "--cut-dirs=2", "--ca-certificate=" + agent.ca, "-P", tmp_path,
            agent.base + "/data/10.5072/sc5310-saxs-01/")
    assert r.returncode == 0, r.stderr
    for path in (OPEN, README):
        got = list(tmp_path.rglob(path.rsplit("/", 1)[1]))
        assert len(got) == 1 and sha256(got[0]) == sha256(agent.file(path)), (path, got)


def test_listing(agent):
    where = "/data/10.5072/sc5310-saxs-01/"
    html = agent.get(where, "-H", "Accept: text/html")
    assert html.status == 200 and html.headers["content-type"].startswith("text/html")
    assert b'href="sc5310_saxs_0001.nxs"' in html.body or b'href="%s"' % OPEN.encode() in html.body
    listed = agent.get(where, "-H", "Accept: application/json")
    assert listed.status == 200 and listed.headers["content-type"].startswith("application/json")
    text = json.dumps(listed.json)
    assert "sc5310_saxs_0001.nxs" in text and "README.txt" in text
    assert agent.get(where.rstrip("/")).status in (200, 301, 302, 307, 308)


def test_list_of_datasets_hides(agent):
    mine = json.dumps(agent.get("/data/", "-H", "Accept: application/json", sub="dave").json)
    all_ = json.dumps(agent.get("/data/", "-H", "Accept: application/json").json)
    assert "10.5072/sc5310-saxs-01" in all_ and "ind042" not in all_
    assert "10.5072/ind042-powder-01" in mine


def test_writes_are_refused(agent):
    for method in ("PUT", "DELETE", "POST", "MKCOL", "PATCH"):
        a = agent.get(OPEN, "-X", method)
        assert a.status in (401, 403, 405, 501), (method, a)
        assert a.status != 405 or "allow" in a.headers


def test_audit_tells_all(agent):
    agent.get(EMBARGOED, sub="bob")
    text = (agent.work / "logs" / "audit.jsonl").read_text()
    last = [json.loads(line) for line in text.splitlines()][-1]
    assert "ma6021" in json.dumps(last), last
    assert agent.token("bob")[-30:] not in text and agent.token("alice")[-30:] not in text
    assert agent.token("bob")[-30:] not in agent.log()
