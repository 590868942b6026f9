# SPDX-License-Identifier: Apache-2.0
"""A front without a free descriptor: it waits instead of spinning, what it has goes on, and it comes back by itself."""
import os
import pathlib
import resource
import socket
import ssl
import time

import pytest
from conftest import wait_for

FREE = 12


@pytest.fixture(scope="module")
def agent(launch):
    return launch("https")


@pytest.fixture
def short(agent):
    """The front's process, with room for FREE descriptors more."""
    pid = agent.children()["front"][0]
    was = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    now = len(list(pathlib.Path("/proc/%d/fd" % pid).iterdir()))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (now + FREE, was[1]))
    yield pid
    resource.prlimit(pid, resource.RLIMIT_NOFILE, was)


def descriptors(pid):
    return len(list(pathlib.Path("/proc/%d/fd" % pid).iterdir()))


def cpu(pid):
    fields = pathlib.Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def connect(agent):
    context = ssl.create_default_context(cafile=agent.ca)
    raw = socket.create_connection(("127.0.0.1", agent.port), timeout=10)
    return context.wrap_socket(raw, server_hostname="localhost")


def ask(client, path):
    client.sendall(("GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path).encode())


def status(client):
    got = b""
    while b"\r\n" not in got:
        more = client.recv(4096)
        if not more:
            return 0
        got += more
    return int(got.split()[1])


def test_none_is_left(agent, short):
    client = connect(agent)
    full = descriptors(short) + FREE - 1
    crowd = [socket.create_connection(("127.0.0.1", agent.port), timeout=10) for _ in range(4 * FREE)]
    assert wait_for(lambda: descriptors(short) >= full, 5), (descriptors(short), full)
    before = cpu(short)
    ask(client, "/data/10.5072/open/open.bin")  # there is no room for the file
    time.sleep(0.8)
    assert cpu(short) - before < 0.3, "it spins"
    for c in crowd:
        c.close()
    assert status(client) == 200, "the question is asked again when there is room"
    client.close()
    assert wait_for(lambda: agent.get("/data/10.5072/open/").status == 200, 5), "it accepts again"
    assert agent.get("/data/10.5072/open/open.bin", "-r", "0-9").status == 206


def test_kept_files_make_room(agent, short):
    """What is kept for reuse never stands in the way of a connection."""
    clients = []
    assert agent.get("/data/10.5072/open/open.bin", "-r", "0-9").status == 206
    for _ in range(FREE // 2):
        clients.append(connect(agent))
        ask(clients[-1], "/data/10.5072/open/open.bin?%d" % len(clients))
    assert [status(c) for c in clients] == [200] * len(clients)
    for c in clients:
        c.close()
