# SPDX-License-Identifier: Apache-2.0
"""A role that dies comes back; a download in progress does not notice."""
import os
import signal
import time

import pytest
from conftest import sha256, wait_for

SIZE = 8 << 20


@pytest.fixture(scope="module")
def agent(launch, tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    (data / "big.bin").write_bytes(os.urandom(SIZE))
    a = launch("https", "--data", data)
    a.big = data / "big.bin"
    return a


def slow(agent, out):
    """A download that takes four seconds; returns once its first bytes are there."""
    p = agent.start("--fail", "--limit-rate", "2M", "-o", out, agent.base + "/data/10.5072/data/big.bin")
    assert wait_for(lambda: out.exists() and out.stat().st_size > 0, 10)
    return p


@pytest.mark.parametrize("role", ["gate", "reader", "indexer"])
def test_download_survives(agent, tmp_path, role):
    victims = agent.children().get(role, [])
    if not victims and role == "indexer":
        pytest.skip("no indexer stays while there is nothing to index")
    assert victims
    p = slow(agent, tmp_path / "big.bin")
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    assert p.wait(30) == 0, p.stderr.read()
    assert sha256(tmp_path / "big.bin") == sha256(agent.big)
    assert wait_for(lambda: len(set(agent.children().get(role, [])) - set(victims)) == len(victims), 10), agent.children()
    assert wait_for(lambda: agent.get("/data/10.5072/open/open.bin").status == 200, 10)


def test_gate_killed_again_and_again(agent):
    """Back-off, not an end: after the last kill requests are answered again."""
    for _ in range(4):
        victims = wait_for(lambda: agent.children().get("gate"), 20)
        assert victims
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.2)
    assert wait_for(lambda: agent.get("/data/10.5072/open/open.bin").status == 200, 30, 0.3)


def test_while_the_gate_is_away(agent):
    """Answers are 503 with Retry-After or come late, never wrong and never a hang."""
    for pid in agent.children()["gate"]:
        os.kill(pid, signal.SIGKILL)
    for _ in range(5):
        a = agent.get("/data/10.5072/open/open.bin?%d" % time.monotonic_ns())
        assert a.status in (200, 503), a
        assert a.status == 200 or int(a.headers["retry-after"]) > 0
    assert wait_for(lambda: agent.get("/data/10.5072/open/open.bin").status == 200, 20)


def test_front_comes_back(agent):
    victims = agent.children()["front"]
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    assert wait_for(lambda: agent.get("/data/10.5072/open/open.bin").status == 200, 20, 0.2)
