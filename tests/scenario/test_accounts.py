# SPDX-License-Identifier: Apache-2.0
"""Linked accounts and the settings of issuers in a running agent: what is new counts after a reload,
what is wrong is refused with its line and leaves the old in force."""
import pathlib
import re

import pytest
from conftest import BIN, EMBARGOED, OPEN, run, sha256


@pytest.fixture(scope="module")
def agent(launch):
    a = launch("policy")
    a.good = pathlib.Path(a.config).read_text()
    a.issuer = re.search(r"issuer: *\"?([^\s\",}]+)", a.good)[1]
    a.accounts = pathlib.Path(a.config).parent / "accounts.yaml"
    return a


@pytest.fixture
def again(agent):
    """reload(text of agent.yaml, text of accounts.yaml); afterwards all is as it was."""
    config = pathlib.Path(agent.config)

    def reload(settings, accounts=None):
        config.write_text(settings)
        if accounts is not None:
            agent.accounts.write_text(accounts)
        return run(BIN / "pan-agent", "reload", "--config", config)

    yield reload
    config.write_text(agent.good)
    r = run(BIN / "pan-agent", "reload", "--config", config)
    assert r.returncode == 0, r


def linked(agent, row):
    return ("accounts: accounts.yaml\n" + agent.good,
            "accounts:\n  - {issuer: \"%s\", %s}\n" % (agent.issuer, row))


def test_a_linked_proposal_opens_what_is_the_teams(agent, again):
    assert agent.get(EMBARGOED, sub="mallory").status == 403
    r = again(*linked(agent, "value: mallory, proposals: [ma6021]"))
    assert r.returncode == 0, r
    assert sha256(agent.get(EMBARGOED, sub="mallory").body) == sha256(agent.file(EMBARGOED))
    assert agent.get(EMBARGOED, sub="Mallory").status == 403
    # Whoever leaves the file is a stranger from the next reload on, with the same token.
    r = again(*linked(agent, "value: eve, proposals: [ma6021]"))
    assert r.returncode == 0, r
    assert agent.get(EMBARGOED, sub="mallory").status == 403


def test_a_user_alone_is_no_member(agent, again):
    assert again(*linked(agent, "value: mallory, user: mallory")).returncode == 0
    assert agent.get(EMBARGOED, sub="mallory").status == 403


def test_a_user_of_the_team(agent, again):
    """Teams may name accounts; the index brings them in."""
    proposals = pathlib.Path(re.search(r"(?m)^proposals: *(\S+)", agent.good)[1])
    if not proposals.is_absolute():
        proposals = pathlib.Path(agent.config).parent / proposals
    good = proposals.read_text()
    at = re.search(r"(?m)^( *)- id: \"?ma6021.*?\n\1  team:\n( *)- ", good, re.S)
    assert at, good
    proposals.write_text(good[:at.start(2)] + at[2] + "- {role: delegate, user: mm}\n" + good[at.start(2):])
    try:
        index = run(BIN / "pan-agent", "index", "--config", agent.config)
        assert index.returncode == 0, index
        assert agent.get(EMBARGOED, sub="mallory").status == 403
        assert again(*linked(agent, "value: mallory, user: mm")).returncode == 0
        assert agent.get(EMBARGOED, sub="mallory").status == 200
    finally:
        proposals.write_text(good)
        index = run(BIN / "pan-agent", "index", "--config", agent.config)
        assert index.returncode == 0, index
    assert agent.get(EMBARGOED, sub="mallory").status == 403


def refused(agent, r, where):
    """The reload said where the fault is, and everything goes on as before."""
    said = (r.stderr + r.stdout).decode()
    assert r.returncode == 1 and re.search(where, said), said
    assert agent.get(OPEN).status == 200 and agent.get(EMBARGOED).status == 401
    assert agent.get(EMBARGOED, sub="alice").status == 200


@pytest.mark.parametrize("text,where", [
    ("accounts:\n  - {issuer: x, valeu: y, user: z}\n", r"accounts\.yaml:2:17: error: unknown key \"valeu\""),
    ("accounts:\n  - {issuer: x, value: y}\n", r"accounts\.yaml:2:5: error: a row needs a user or proposals"),
    ("accounts: x\n", r"accounts\.yaml:1:11: error: the list `accounts` is missing"),
    ("accounts: &a []\n", r"accounts\.yaml:1:11: error: "),
    ("", r"accounts\.yaml:\d+:\d+: error: "),
])
def test_a_broken_file_keeps_the_old(agent, again, text, where):
    refused(agent, again("accounts: accounts.yaml\n" + agent.good, text), where)


def test_a_file_that_is_missing(agent, again):
    agent.accounts.unlink(missing_ok=True)
    r = again("accounts: accounts.yaml\n" + agent.good)
    refused(agent, r, r"agent\.yaml:1:\d+: error: .*accounts\.yaml")


@pytest.mark.parametrize("row,where", [
    ('{issuer: "https://x.example", profile: saml, jwks_file: %s}', r"error: .*profile"),
    ('{issuer: "http://x.example"}', r"error: .*not https"),
    ('{issuer: "http://127.0.0.1:9", insecure: yes, refresh: 3, profile: wlcg}', r"error: .*refresh"),
    ('{issuer: "https://x.example", jwks_file: %s, audience: [""]}', r"error: empty value"),
    ('{issuer: "https://x.example", jwks_file: %s, allow_any_audience: yes}', r"error: .*allow_any_audience"),
    ('{issuer: "https://x.example", jwks_file: %s, algorithms: [none]}', r"error: .*algorithm"),
    ('{issuer: "https://x.example", jwks_file: %s, token_kind: opaque}', r"error: .*client_id"),
    ('{issuer: "https://x.example", jwks_file: %s, formerly: ["ISSUER"]}', r"error: .*formerly"),
    ('{issuer: "ISSUER", jwks_file: %s}', r"error: .*twice"),
    ('{issuer: "https://x.example", jwks_file: %s, id_scope: x}', r"error: .*id_scope"),
])
def test_a_bad_issuer_keeps_the_old(agent, again, row, where):
    keys = re.search(r"jwks_file: *(\"?[^\s,}]+\"?)", agent.good)[1]
    lines = agent.good.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("issuers:"))
    indent = re.match(r" *", lines[at + 1])[0]
    row = indent + "- " + row.replace("%s", keys).replace("ISSUER", agent.issuer)
    r = again("\n".join(lines[:at + 1] + [row] + lines[at + 1:]) + "\n")
    # The fault of two that are alike stands at the second one.
    line = r"\d+" if "twice" in where else str(at + 2)
    refused(agent, r, r"agent\.yaml:%s:\d+: %s" % (line, where))


def test_a_bad_issuer_does_not_start(agent, tmp_path):
    config = tmp_path / "agent.yaml"
    text = re.sub(r"(?m)^issuers:\n", 'issuers:\n  - {issuer: "https://x.example", profile: wlcg, clock_leeway: 1}\n',
                  agent.good)
    config.write_text(text)
    line = text.splitlines().index("issuers:") + 2
    r = run(BIN / "pan-agentd", "--config", config, timeout=30)
    assert r.returncode == 2 and re.search(r"agent\.yaml:%d:\d+: error: .*clock_leeway" % line, r.stderr.decode()), r
