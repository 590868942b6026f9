# SPDX-License-Identifier: Apache-2.0
"""A person far away: from the address of a data server to a file, by `pan-agent login`, with a real provider; what
`auth explain` tells her and the administrator; logout."""
import json
import subprocess

import pytest

import conftest
from conftest import AUDIENCE, wait_for
from person import Person

FOO, FOOBAR = "/data/foo/a.txt", "/data/foobar/a.txt"
ISSUER = """  - issuer: %s
    name: Provider
    profile: generic
    insecure: yes
    audience: ["https://data.test/"]
    typ: [at+jwt, JWT]
    login_client_id: cli
    login_scopes: [openid, offline_access, "storage.read:/"]
"""


@pytest.fixture(scope="module")
def agent(launch, provider, tmp_path_factory):
    files = tmp_path_factory.mktemp("config")
    (files / "append.yaml").write_text(ISSUER % provider.issuer)
    a = launch("tokens", "--issuer-port", "none", "--append", files / "append.yaml")

    def fresh():
        r = conftest.run(conftest.BIN / "pan-agent", "issuers", "--json", "--config", a.config)
        return any(i["name"] == "Provider" and i["state"] == "fresh" for i in json.loads(r.stdout)["issuers"])

    assert wait_for(fresh, 15)
    return a


@pytest.fixture
def alice(agent, tmp_path):
    return Person(tmp_path, "alice", agent.ca)


@pytest.fixture
def logged_in(agent, provider, alice):
    code, events, said = alice.login(agent.base + FOO, "--issuer", provider.issuer, "--audience", AUDIENCE)
    assert code == 0, said
    alice.events, alice.said = events, said
    return alice


def token_of(person, *args):
    r = person.client("token", *args)
    assert r.returncode == 0, r.stderr
    return r.stdout.decode().strip()


def test_login_and_what_is_kept(agent, provider, logged_in):
    approve, done = logged_in.events
    assert approve["user_code"] in logged_in.said and approve["verification_uri"] in logged_in.said
    assert done["server"] == agent.base and done["issuer"] == provider.issuer and done["renewable"]
    assert len(logged_in.kept()) == 1
    token = token_of(logged_in, agent.base + FOO)
    assert token not in logged_in.said and token not in json.dumps(logged_in.events)
    assert agent.get("/data/pub/a.txt", token=token).status == 200
    told = json.loads(logged_in.client("token", "--json").stdout)
    assert told["claims"]["sub"] == "alice" and told["claims"]["aud"] == AUDIENCE
    assert token.rsplit(".", 1)[1] not in json.dumps(told)


def test_on_a_terminal(agent, provider, alice):
    code, seen = alice.login_on_a_terminal(agent.base, {r"\[1-2\] $": "2", r"\[y/N\] $": "y"})
    assert code == 0, seen
    assert provider.issuer in seen and "it could use the token there in your name" in seen
    assert seen.count("\u2580") > 100 and " s left" in seen  # the QR code, and the time
    assert len(alice.kept()) == 1
    # What was said once is not asked again.
    code, seen = alice.login_on_a_terminal(agent.base, {})
    assert code == 0 and "Go on?" not in seen and "Which one" not in seen, seen


def test_a_server_is_not_believed_about_its_audience(agent, provider, alice):
    code, events, said = alice.login(agent.base, "--issuer", provider.issuer)
    assert code == 1 and events == [] and "--audience " + AUDIENCE in said
    assert alice.kept() == []


def test_renewal_rotates_for_all_commands(agent, logged_in):
    before = token_of(logged_in)
    running = [logged_in.start("token", "--refresh") for _ in range(4)]
    got = [p.communicate(timeout=60)[0].decode().strip() for p in running]
    assert all(p.returncode == 0 for p in running)
    assert before not in got and token_of(logged_in) in got
    assert token_of(logged_in, "--refresh") not in got  # the refresh token that is kept is the last one
    assert len(logged_in.kept()) == 1


def test_an_interrupted_login_leaves_nothing(agent, provider, alice):
    code, events, _ = alice.login(agent.base, "--issuer", provider.issuer, "--audience", AUDIENCE, approve=False)
    assert code < 0 and len(events) == 1
    assert alice.kept() == []


def test_export_for_other_tools(agent, provider, alice):
    code, _, said = alice.login(agent.base, "--issuer", provider.issuer, "--audience", AUDIENCE, "--export")
    assert code == 0, said
    assert alice.exported().stat().st_mode & 0o777 == 0o600
    r = alice.client("token", "--where")
    assert r.stdout.decode().strip() == alice.exported().read_text() and str(alice.exported()) in r.stderr.decode()


def test_where_tokens_are_looked_for(agent, alice, tmp_path):
    r = alice.client("token", agent.base)
    assert r.returncode == 1 and b"pan-agent login " + agent.base.encode() in r.stderr
    assert alice.client("token", env={"BEARER_TOKEN": " abc\n"}).stdout == b"abc\n"
    assert alice.client("token", env={"BEARER_TOKEN": "a b"}).returncode == 2
    (tmp_path / "t").write_text("file.token\n")
    assert alice.client("token", env={"BEARER_TOKEN_FILE": tmp_path / "t"}).stdout == b"file.token\n"
    assert alice.client("token", "--token-file", "-", input=b"stdin\n").stdout == b"stdin\n"
    assert alice.client("token", "http://data.example", env={"BEARER_TOKEN": "abc"}).returncode == 2


def test_logout_revokes(agent, provider, logged_in):
    refresh = json.loads(logged_in.kept()[0].read_text())["refresh_token"]
    r = logged_in.client("logout", agent.base)
    assert r.returncode == 0, r.stderr
    assert logged_in.kept() == []
    again = conftest.run("curl", "-sS", "-d", "grant_type=refresh_token", "-d", "client_id=cli", "--data-urlencode",
                         "refresh_token=" + refresh, provider.issuer + "/token")
    assert json.loads(again.stdout)["error"] == "invalid_grant"
    assert logged_in.client("logout").returncode == 1


# ---- auth explain ----

def explain(person, token, *args):
    r = person.client("auth", "explain", *args, "--json", input=token.encode())
    assert token.rsplit(".", 1)[-1].encode() not in r.stdout + r.stderr
    return r.returncode, json.loads(r.stdout), r


def steps(told):
    return {s["check"]: s for s in told["steps"]}


def test_explain_to_the_person(agent, logged_in):
    token = token_of(logged_in)
    code, told, _ = explain(logged_in, token, agent.base)
    # The audience is another than the server's address: she may know better, the server decides.
    assert code == 0 and told["token"]["status"] == 200, told
    assert steps(told["token"])["iss"]["result"] == "ok" and steps(told["token"])["server"]["result"] == "ok"
    head, body, signature = token.split(".")
    forged = ".".join((head, body, signature[::-1].replace("=", "")))
    code, told, _ = explain(logged_in, forged, agent.base)
    assert code == 1 and told["token"]["status"] == 401 and told["token"]["decisive"] in ("server", "form")


def test_a_token_for_somebody_else_is_not_sent(agent, alice):
    token = agent.token("alice", "--audience", "https://bank.example/")
    code, told, _ = explain(alice, token, agent.base)
    assert code == 1 and told["token"]["decisive"] == "aud"
    assert steps(told["token"])["server"]["result"] == "skipped"


def test_explain_to_the_administrator(agent, logged_in):
    token = token_of(logged_in)
    code, told, r = explain(logged_in, token, agent.base + "/data/pub/a.txt", "--config", agent.config)
    assert told["token"]["status"] == 200, (told, r.stderr)
    assert told["token"]["subject"]["sub"] == "alice" and steps(told["token"])["signature"]["result"] == "ok"
    assert told["policy"]["effect"] == "permit" and code == 0
    code, told, _ = explain(logged_in, token, agent.base + FOO, "--config", agent.config)
    assert (told["policy"]["effect"] == "permit") == (code == 0) == (agent.get(FOO, token=token).status == 200)
    old = agent.token("alice", "--lifetime", "1s")
    assert wait_for(lambda: explain(logged_in, old, "--config", agent.config)[1]["token"]["decisive"] == "exp", 5)


def test_wrong_calls(alice):
    for call in (["auth"], ["auth", "other"], ["auth", "explain", "--x"], ["login"], ["login", "ftp://x"],
                 ["logout", "nonsense"], ["token", "a", "b"], ["token", "--token-file"]):
        assert alice.client(*call, stdin=subprocess.DEVNULL).returncode == 2, call
    for call in (["auth", "--help"], ["auth", "explain", "--help"], ["login", "--help"], ["logout", "-h"],
                 ["token", "--help"], ["token", "show", "--help"]):
        r = alice.client(*call, stdin=subprocess.DEVNULL)
        assert r.returncode == 0 and r.stdout.startswith(b"usage: ") and r.stdout.count(b"\n") <= 26, call


# ---- last, for the provider has new keys afterwards ----

def test_logout_without_the_issuer(agent, logged_in, provider):
    provider.stop()
    try:
        r = logged_in.client("logout")
        assert r.returncode == 1 and b"deleted here" in r.stderr
        assert logged_in.kept() == []
    finally:
        provider.start()
