# SPDX-License-Identifier: Apache-2.0
"""Hostile and good tokens by the issuers that lie beside the project, every case as it must be; and nothing
of a token in any log, at the most verbose level (LOG-2)."""
import json
import re
import socket

import pytest
from conftest import SHARED, run

RUNNER = SHARED / "cases" / "tokens" / "mint.py"
pytestmark = pytest.mark.skipif(not RUNNER.exists(), reason="no token cases beside the project")


def six_ports():
    """The first of six free ports in a row."""
    for first in range(19577, 31000, 16):
        taken = False
        for port in range(first, first + 6):
            with socket.socket() as s:
                try:
                    s.bind(("127.0.0.1", port))
                except OSError:
                    taken = True
        if not taken:
            return first
    raise RuntimeError("no six free ports")


@pytest.fixture(scope="module")
def port():
    return six_ports()


@pytest.fixture(scope="module")
def agent(launch, tmp_path_factory, port):
    more = tmp_path_factory.mktemp("append") / "debug.yaml"
    more.write_text("log_level: debug\n")
    return launch("tokens", "--issuer-port", port, "--append", more)


def test_all_cases(agent, port):
    results = agent.work / "results.json"
    r = run("/usr/bin/python3", RUNNER, "drive", "--target", agent.base, "--issuer-port", port, "--json", results,
            cwd=agent.work, timeout=400)
    out = r.stdout.decode(errors="replace")
    failed = [line for line in out.splitlines() if line.startswith("FAIL")]
    assert r.returncode == 0 and not failed, out[-6000:] + r.stderr.decode()[-1000:]
    assert re.search(r"must: 1\d\d passed, 0 failed", out), out[-1000:]
    assert all(case["passed"] for case in json.loads(results.read_text()))


def test_nothing_of_a_token_in_a_log(agent):
    """Second and third parts of JWTs are long base64url; no log line may hold one, nor a word of the opaque ones."""
    text = agent.log()
    assert '"level":"debug"' in text or '"level":"info"' in text
    assert not re.search(r"eyJ[A-Za-z0-9_-]{16,}", text)
    assert not re.search(r"\bopaque-(good|expired|refresh|revoke|[0-9a-f]{16})\b", text)
    assert "rssecret" not in text
    longest = max((len(m) for m in re.findall(r"[A-Za-z0-9_-]{86,}", text)), default=0)
    assert longest == 0, "a text as long as a signature stands in the log"
