# SPDX-License-Identifier: Apache-2.0
"""SIGTERM: no new connections, transfers run to their end, then exit 0; a second one ends at once."""
import os
import signal
import socket
import time

import pytest
from conftest import Agent, sha256, wait_for


@pytest.fixture
def fresh(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "big.bin").write_bytes(os.urandom(8 << 20))
    a = Agent("https", tmp_path / "work", "--data", data)
    yield a
    a.stop()


def listening(agent):
    try:
        socket.create_connection(("127.0.0.1", agent.port), 1).close()
        return True
    except OSError:
        return False


def transfer(agent, out):
    p = agent.start("--fail", "--limit-rate", "2M", "-o", out, agent.base + "/data/10.5072/data/big.bin")
    assert wait_for(lambda: out.exists() and out.stat().st_size > 0, 10)
    return p


def test_a_transfer_ends_first(fresh, tmp_path):
    p = transfer(fresh, tmp_path / "out")
    fresh.signal(signal.SIGTERM)
    assert wait_for(lambda: not listening(fresh), 5), "still accepts"
    assert p.poll() is None, "the transfer was over too early to show anything"
    assert p.wait(30) == 0, p.stderr.read()
    assert sha256(tmp_path / "out") == sha256(tmp_path / "data" / "big.bin")
    assert fresh.serve.wait(15) == 0
    assert not fresh.children()


def test_the_second_signal_ends_at_once(fresh, tmp_path):
    p = transfer(fresh, tmp_path / "out")
    fresh.signal(signal.SIGTERM)
    time.sleep(0.5)
    start = time.monotonic()
    fresh.signal(signal.SIGTERM)
    fresh.serve.wait(10)
    assert time.monotonic() - start < 2
    assert p.wait(10) != 0


def test_idle_connections_do_not_hold_it(fresh):
    s = socket.create_connection(("127.0.0.1", fresh.port))
    fresh.signal(signal.SIGTERM)
    start = time.monotonic()
    assert fresh.serve.wait(15) == 0
    assert time.monotonic() - start < 8
    s.close()
