# SPDX-License-Identifier: Apache-2.0
"""Every role but the supervisor is confined: seccomp, no new privileges, nothing to gain.  What each may
not do is shown from inside by tests/unit/test_sandbox_roles.c; here the running processes are looked at."""
import pathlib
import re

from conftest import OPEN


def status(pid):
    return dict(re.findall(r"^(\w+):\t(.*)$", pathlib.Path("/proc/%d/status" % pid).read_text(), re.M))


def test_all_roles_run(agent):
    assert agent.roles() - {"indexer"} <= set(agent.children()) <= agent.roles(), agent.children()


def test_confined(agent):
    for role, pids in agent.children().items():
        for pid in pids:
            s = status(pid)
            assert s["NoNewPrivs"] == "1" and s["Seccomp"] == "2", (role, s)
            assert s["CapEff"].strip("0") == "" or role == "?", (role, s["CapEff"])


def limit(pid, name):
    for line in pathlib.Path("/proc/%d/limits" % pid).read_text().splitlines():
        if line.startswith(name):
            return line[len(name):].split()[0]
    return None


def test_limits(agent):
    for role, pids in agent.children().items():
        for pid in pids:
            assert limit(pid, "Max core file size") == "0", role
            assert role == "?" or limit(pid, "Max processes") is not None


def test_the_reader_holds_no_socket_to_the_world(agent):
    agent.get(OPEN)
    inet = set()
    for name in ("tcp", "tcp6", "udp", "udp6"):
        p = pathlib.Path("/proc/net") / name
        if p.exists():
            inet |= {line.split()[9] for line in p.read_text().splitlines()[1:]}
    for role in ("reader", "gate", "indexer"):
        for pid in agent.children().get(role, []):
            for fd in pathlib.Path("/proc/%d/fd" % pid).glob("*"):
                m = re.match(r"socket:\[(\d+)\]", str(fd.readlink()))
                assert not (m and m[1] in inet), (role, fd)


def test_the_front_holds_no_root(agent):
    """Descriptors of the front: sockets, shared memory and granted files; never a folder."""
    for pid in agent.children()["front"]:
        for fd in pathlib.Path("/proc/%d/fd" % pid).glob("*"):
            assert not fd.resolve().is_dir() or str(fd.readlink()).startswith(("anon", "socket", "pipe")), fd.readlink()
