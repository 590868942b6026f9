# SPDX-License-Identifier: Apache-2.0
"""A real OpenID Provider: signed and opaque tokens, groups, revocation, keys that change under load, and an
issuer that goes away; `pan-agent issuers` tells all the while."""
import base64
import json
import os
import signal
import threading
import time

import pytest

import conftest
import op
from conftest import AUDIENCE, BIN, run, wait_for

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
PUB, FOO, FOOBAR = "/data/pub/a.txt", "/data/foo/a.txt", "/data/foobar/a.txt"
POLICY = """policy: groups
version: 1
title: By groups of an issuer
contact: useroffice@facility.example
timezone: Europe/Stockholm
valid_from: 2000-01-01
licence: CC0-1.0
embargo: {anchor: experiment_end, period: 3y}
groups: {team: [pi]}
rules:
  - {id: record, effect: permit, action: [meta.public], when: {state: [embargoed, open]}}
  - {id: open, effect: permit, action: [meta.full, data.list, data.read], when: {state: [open]}}
  - id: group
    effect: permit
    action: [meta.full, data.list, data.read]
    when:
      pid: [foo]
      entitlement:
        - "urn:geant:umbrellaid.org:group:pan:proposal:MX-1234:role=PI#umbrellaid.org"
        - "urn:geant:umbrellaid.org:group:pan:proposal:MX-1234:role=member#umbrellaid.org"
  - id: leader
    effect: permit
    action: [meta.full, data.list, data.read]
    when: {pid: [foobar], entitlement: ["urn:geant:umbrellaid.org:group:pan:proposal:MX-1234:role=PI#umbrellaid.org"]}
  - {id: team, effect: permit, action: [meta.full, data.list, data.read], when: {state: [embargoed], role: [team]}}
tests:
  - {name: "closed", now: 2025-01-01, dates: {experiment_end: 2024-05-31}, action: data.read, expect: deny, status: 401}
"""
ISSUER = """  - issuer: %(issuer)s
    name: Provider
    profile: generic
    insecure: yes
    refresh: 600
    audience: ["https://data.test/"]
    typ: [at+jwt, JWT]
    entitlement_claim: eduperson_entitlement
    entitlement_namespaces: ["urn:geant:umbrellaid.org"]
    token_kind: both
    client_id: rs
    client_secret_file: rs.secret
"""


@pytest.fixture(scope="module")
def agent(launch, provider, tmp_path_factory):
    files = tmp_path_factory.mktemp("config")
    (files / "policy.yaml").write_text(POLICY)
    (files / "append.yaml").write_text(ISSUER % {"issuer": provider.issuer})
    a = launch("tokens", "--issuer-port", "none", "--policy", files / "policy.yaml", "--append", files / "append.yaml")
    assert wait_for(lambda: issuer_row(a)["state"] == "fresh", 15), issuer_row(a)
    return a


def issuer_row(agent):
    r = run(BIN / "pan-agent", "issuers", "--json", "--config", agent.config)
    rows = [i for i in json.loads(r.stdout)["issuers"] if i["name"] == "Provider"]
    return rows[0] if rows else {"state": None}


def post(provider, path, *user, **fields):
    data = [a for k, v in fields.items() for a in ("--data-urlencode", "%s=%s" % (k, v))]
    r = run("curl", "-sS", *(("-u", user[0]) if user else ()), *data, provider.issuer + path)
    return json.loads(r.stdout) if r.stdout else {}


def token(provider, work, user, kind=""):
    """An access token by the device flow, the person's clicks included."""
    got = post(provider, "/device/auth", client_id="cli", scope="openid offline_access storage.read:/", resource=AUDIENCE + kind)
    op.Browser(work, user).approve(got["verification_uri"], got["user_code"], user)
    return post(provider, "/token", client_id="cli", grant_type=DEVICE, device_code=got["device_code"])["access_token"]


@pytest.mark.parametrize("kind", ["", "es", "opaque"])
def test_tokens_and_groups(agent, provider, tmp_path, kind):
    alice, bob, carol = (token(provider, tmp_path, who, kind) for who in ("alice", "bob", "carol"))
    assert alice.count(".") == (0 if kind == "opaque" else 2)
    got = agent.get(FOO, token=alice)
    assert got.body == b"the file of foo\n", got
    assert agent.get(FOOBAR, token=alice).status == 200  # the leader of the group
    assert agent.get(FOO, token=bob).status == 200
    assert agent.get(FOOBAR, token=bob).status == 403
    refused = agent.get(FOO, token=carol)
    assert refused.status == 403 and refused.json["release_date"], refused
    assert agent.get(PUB, token=carol).status == 200


def test_the_second_request_asks_nobody(agent, provider, tmp_path):
    opaque = token(provider, tmp_path, "alice", "opaque")
    assert agent.get(FOO, token=opaque).status == 200
    provider.process.send_signal(signal.SIGSTOP)
    try:
        assert agent.get(FOO, token=opaque).status == 200
        begin = time.monotonic()
        other = agent.get(FOO, token="opaque-that-nobody-knows")
        assert other.status == 503 and int(other.headers["retry-after"]) > 0
        assert time.monotonic() - begin < 8
    finally:
        provider.process.send_signal(signal.SIGCONT)


def test_a_revoked_token_ends_within_a_minute(agent, provider, tmp_path):
    opaque = token(provider, tmp_path, "bob", "opaque")
    assert agent.get(FOO, token=opaque).status == 200
    post(provider, "/token/revocation", client_id="cli", token=opaque)
    begin = time.monotonic()
    assert wait_for(lambda: agent.get(FOO, token=opaque).status == 401, 65, 3)
    assert time.monotonic() - begin <= 66


def test_keys_change_under_load(agent, provider, tmp_path):
    """The provider makes new keys while requests run: no good request is refused, the new token works at once."""
    old = token(provider, tmp_path, "alice")
    stop, bad, count = threading.Event(), [], [0]

    def load(path):
        while not stop.is_set():
            status = run("curl", "-sS", "--cacert", agent.ca, "-o", "/dev/null", "-w", "%{http_code}", "-H",
                         "Authorization: Bearer " + old, agent.base + path).stdout
            count[0] += 1
            if status != b"200":
                bad.append(status)

    threads = [threading.Thread(target=load, args=(p,)) for p in (FOO, FOOBAR)]
    for t in threads:
        t.start()
    try:
        time.sleep(0.5)
        before = issuer_row(agent)["fetched"]
        provider.restart()
        # Until the agent knows of the new set the old key is good; it learns of it by the first new token.
        served = count[0]
        wait_for(lambda: count[0] > served + 5, 10)
        assert not bad
        stop.set()
        for t in threads:
            t.join()
        new = token(provider, tmp_path, "alice")
        first = agent.get(FOO, token=new)
        assert first.status == 200, first
        assert wait_for(lambda: issuer_row(agent)["fetched"] != before, 5)
        assert agent.get(FOO, token=old).status == 401  # the old key is withdrawn, whatever was verified before
    finally:
        stop.set()


def test_the_courier_dies(agent, provider, tmp_path):
    good = token(provider, tmp_path, "alice")
    assert agent.get(FOO, token=good).status == 200
    for pid in agent.children()["courier"]:
        os.kill(pid, signal.SIGKILL)
    assert agent.get(FOO, token=good).status == 200
    another = token(provider, tmp_path, "bob", "opaque")
    assert wait_for(lambda: agent.get(FOO, token=another).status == 200, 15)
    wait_for(lambda: issuer_row(agent)["state"] == "fresh", 15)
    agent.note()


def test_keys_outlive_a_reload_while_the_issuer_is_down(agent, provider, tmp_path):
    good = token(provider, tmp_path, "alice")
    assert agent.get(FOO, token=good).status == 200
    provider.stop()
    try:
        r = run(BIN / "pan-agent", "reload", "--config", agent.config)
        assert r.returncode == 0, r.stderr
        assert wait_for(lambda: agent.get(FOO, token=good).status == 200, 10)
        row = issuer_row(agent)
        assert row["state"] in ("stale", "fresh") and row["keys"] == 2, row
        listed = run(BIN / "pan-agent", "issuers", "--config", agent.config).stdout.decode()
        assert provider.issuer in listed and "Provider" in listed
    finally:
        provider.start()
    agent.note()


def test_a_bad_configuration_leaves_the_old_one(agent, provider, tmp_path):
    config = conftest.pathlib.Path(agent.config)
    good = config.read_text()
    try:
        for change, words in (("profile: generic", "profile: genric"), ("insecure: yes", "insecure: no"),
                              ("client_id: rs", "client_secret_file: rs.secret2")):
            config.write_text(good.replace(change, words, 1))
            r = run(BIN / "pan-agent", "reload", "--config", agent.config)
            assert r.returncode == 1 and b"agent.yaml:" in r.stdout + r.stderr, (words, r)
            if b"not well-formed" in r.stderr:
                continue
            for command in ("status", "issuers"):  # of the agent that runs, when they are needed most
                r = run(BIN / "pan-agent", command, "--config", agent.config)
                assert r.returncode == 0 and r.stdout and b"this is of the agent that runs" in r.stderr, (words, r)
        config.write_text(good)
        assert run(BIN / "pan-agent", "reload", "--config", agent.config).returncode == 0
        assert agent.get(FOO, token=token(provider, tmp_path, "alice")).status == 200
    finally:
        config.write_text(good)
    agent.note()


def test_an_id_token_is_no_access_token(agent, provider):
    """A well-formed ID token's claims, unsigned by the provider's key: refused by name of the claim."""
    part = lambda x: base64.urlsafe_b64encode(json.dumps(x).encode()).rstrip(b"=").decode()
    text = ".".join([part({"alg": "RS256", "typ": "JWT", "kid": "x"}),
                     part({"iss": provider.issuer, "sub": "alice", "aud": "web", "exp": int(time.time()) + 60, "nonce": "n"}), "A" * 342])
    answer = agent.get(FOO, token=text)
    assert answer.status == 401 and "ID token" in answer.headers["www-authenticate"], answer
