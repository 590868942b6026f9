# SPDX-License-Identifier: Apache-2.0
"""The malformed and hostile requests that lie beside the project, every row as expected."""
import re
import socket
import ssl
import time

import pytest
from conftest import SHARED, run

FILE = "/data/10.5072/open/open.bin"
RUNNER = SHARED / "bench" / "https" / "hostile.sh"


@pytest.fixture(scope="module")
def agent(launch):
    return launch("https")


@pytest.mark.skipif(not RUNNER.exists(), reason="no hostile.sh beside the project")
@pytest.mark.parametrize("options", [[], ["--token"], ["--slow", "--only", "SLO"]], ids=["anonymous", "token", "slow"])
def test_hostile(agent, options):
    if options == ["--token"]:  # with a token COPY must do more than be refused: third-party copy is not there yet
        options = ["--token", agent.token("reader"), "--only", "FRM,SYN,LIM,PTH,RNG,CND,MTH,DAV,DIG,CON"]
    r = run(RUNNER, agent.base.split("//")[1], FILE, *options, timeout=400)
    out = r.stdout.decode(errors="replace")
    assert r.returncode == 0, "\n".join(line for line in out.splitlines() if re.search("FAIL|fail", line))[-6000:] + r.stderr.decode()[-1000:]


def test_deadline_of_many_slow_clients(agent):
    """Fifty connections that send nothing are cut, and others are served meanwhile."""
    tls = ssl.create_default_context(cafile=agent.ca)
    held = []
    for _ in range(50):
        s = tls.wrap_socket(socket.create_connection(("127.0.0.1", agent.port)), server_hostname="localhost")
        s.sendall(b"GET / HTTP/1.1\r\nHost:")
        held.append(s)
    assert agent.get(FILE).status == 200
    until = time.monotonic() + 16
    for s in held:
        s.settimeout(max(0.1, until - time.monotonic()))
        try:
            rest = s.recv(65536)
        except (ssl.SSLError, ConnectionError):
            rest = b""
        assert rest == b"" or b" 408 " in rest.split(b"\r\n")[0]
        s.close()
