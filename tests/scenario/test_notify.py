# SPDX-License-Identifier: Apache-2.0
"""sd_notify(3) without systemd: the messages, in order, at a socket of ours."""
import signal
import socket
import time

import pytest
from conftest import Agent


class Manager:
    def __init__(self, path):
        self.path, self.said = path, []
        self.s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.s.bind(str(path))

    def hear(self, word, seconds=10):
        """The message that carries `word`, among those that come now."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.s.settimeout(max(0.01, until - time.monotonic()))
            try:
                text = self.s.recv(65536).decode()
            except TimeoutError:
                break
            self.said.append(text)
            if word in text.split("\n"):
                return text
        pytest.fail("no %s, but %r" % (word, self.said))


def test_order(tmp_path):
    m = Manager(tmp_path / "notify")
    a = Agent("https", tmp_path / "work", env={"NOTIFY_SOCKET": str(m.path), "WATCHDOG_USEC": "1000000"})
    try:
        ready = m.hear("READY=1")
        assert "STATUS=" in ready and not any("STOPPING" in t for t in m.said)
        m.hear("WATCHDOG=1")
        a.signal(signal.SIGHUP)
        assert "MONOTONIC_USEC=" in m.hear("RELOADING=1")
        m.hear("READY=1")
        a.signal(signal.SIGTERM)
        m.hear("STOPPING=1")
        assert a.serve.wait(15) == 0
    finally:
        a.stop()


def test_a_dead_socket_does_not_matter(tmp_path):
    a = Agent("https", tmp_path / "work", env={"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    assert a.get("/data/10.5072/open/open.bin").status == 200
    assert a.stop() == 0
