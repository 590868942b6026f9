# SPDX-License-Identifier: Apache-2.0
"""policy.signers: what is not signed as it must be is refused, and what is in force stays."""
import pathlib
import shutil

import pytest
from conftest import BIN, OPEN, ROOT, run


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    p = tmp_path_factory.mktemp("policy") / "policy.yaml"
    shutil.copy(ROOT / "policy" / "examples" / "sample.yaml", p)
    return p


@pytest.fixture(scope="module")
def agent(launch, policy):
    return launch("policy", "--policy", policy)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Two private keys and their lines of agent.yaml."""
    made = []
    for name in ("a.pem", "b.pem"):
        pem = tmp_path_factory.mktemp("key") / name
        r = run(BIN / "pan-agent", "policy", "keygen", "--out", pem)
        assert r.returncode == 0 and pem.stat().st_mode & 0o777 == 0o600, r
        made.append((pem, r.stdout.decode()))
    return made


def reload(agent):
    r = run(BIN / "pan-agent", "reload", "--config", agent.config)
    return r.returncode, (r.stdout + r.stderr).decode()


def sign(agent, key, policy):
    return run(BIN / "pan-agent", "policy", "sign", "--key", key[0], "--config", agent.config, policy)


def test_one_needed_then_two(agent, policy, keys):
    config = pathlib.Path(agent.config)
    unsigned = config.read_text()
    sig = policy.with_name("policy.yaml.sig")
    text = policy.read_text()
    one = unsigned.replace("policy:\n", "policy:\n  signers:\n" + keys[0][1] + keys[1][1], 1)
    two = one.replace("policy:\n", "policy:\n  required_signatures: 2\n", 1)
    try:
        config.write_text(one)
        code, said = reload(agent)
        assert code == 1 and "policy.yaml.sig:1:1: error: no signature" in said, said
        r = run(BIN / "pan-agent", "check", "--offline", agent.config)
        assert r.returncode == 1 and b"policy.yaml.sig:1:1: error: no signature" in r.stderr, r
        assert agent.get(OPEN).status == 200

        assert sign(agent, keys[0], policy).returncode == 0
        assert reload(agent)[0] == 0
        r = run(BIN / "pan-agent", "policy", "verify", "--config", agent.config)
        assert r.returncode == 0 and b"signed by" in r.stdout, r

        policy.write_text(text + "# changed\n")
        code, said = reload(agent)
        assert code == 1 and "policy.yaml.sig:3:1: error: bad signature by key" in said, said
        r = sign(agent, keys[1], policy)
        assert r.returncode == 2 and b"bad signature by key" in r.stderr, "the first is not of this file"
        policy.write_text(text)

        config.write_text(two)
        code, said = reload(agent)
        assert code == 1 and "1 of 2 needed signatures" in said, said
        assert sign(agent, keys[1], policy).returncode == 0
        assert reload(agent)[0] == 0
        assert agent.get(OPEN).status == 200
    finally:
        config.write_text(unsigned)
        policy.write_text(text)
        sig.unlink(missing_ok=True)
        assert reload(agent)[0] == 0


def test_no_start_without(agent, keys, tmp_path):
    """A copy of the facility, so that the running agent is not in the way."""
    work = tmp_path / "work"
    shutil.copytree(agent.work, work, ignore=shutil.ignore_patterns("run", "log", "serve.*"))
    config = work / pathlib.Path(agent.config).name
    text = config.read_text().replace(str(agent.work), str(work))
    config.write_text(text.replace("policy:\n", "policy:\n  signers:\n" + keys[0][1], 1))
    r = run(BIN / "pan-agentd", "--config", config, timeout=20)
    assert r.returncode == 2 and b"policy.yaml.sig:1:1: error: no signature" in r.stderr, r
