# SPDX-License-Identifier: Apache-2.0
"""An audit log that cannot be written: no data leave, also not by a grant that was kept."""
import hashlib
import json

import pytest
from conftest import Agent, run, wait_for

FILE = "/data/10.5072/open/open.bin"


@pytest.fixture
def small(tmp_path):
    """An agent whose log folder has room for some hundred records."""
    logs = tmp_path / "logs"
    logs.mkdir()
    if run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", logs).returncode != 0:
        pytest.skip("may not mount a small file system")
    agent = None
    try:
        agent = Agent("https", tmp_path)
        yield agent
    finally:
        if agent is not None:
            agent.stop()
        run("umount", logs)


def test_nothing_leaves(small):
    audit = small.work / "logs" / "audit.jsonl"
    kept = lambda: small.get(FILE, "-r", "0-9")  # noqa: E731
    assert kept().status == 206
    fill = small.work / "logs" / "fill"
    with open(fill, "wb", buffering=0) as f:
        try:
            while f.write(bytes(4096)):
                pass
        except OSError:
            pass
    assert wait_for(lambda: kept().status == 503, 20, 0.2), "the kept grant goes on"
    assert small.get(FILE, "-H", "Accept: a/b").status == 503
    assert wait_for(lambda: small.get("/healthz").json == {"status": "ok", "policy": "current", "audit": "failing"}, 5, 0.2)
    fill.unlink()
    assert wait_for(lambda: small.get("/healthz").json["audit"] == "ok", 5, 0.2), "nobody needs to ask for it"
    assert wait_for(lambda: kept().status == 206, 10, 0.2)
    before = "0" * 64
    for line in audit.read_bytes().splitlines():
        assert json.loads(line)["prev"] == before
        before = hashlib.sha256(line).hexdigest()
