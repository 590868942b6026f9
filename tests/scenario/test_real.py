# SPDX-License-Identifier: Apache-2.0
"""Real NeXus files are indexed and come back byte for byte; malformed ones kill nothing but readers."""
import json
import time
import urllib.parse

import pytest
from conftest import BIN, SHARED, run, sha256

NEXUS, MALFORMED = SHARED / "data" / "nexus", SHARED / "data" / "malformed"
pytestmark = pytest.mark.skipif(not NEXUS.is_dir(), reason="no shared/data/nexus beside the project")


@pytest.fixture(scope="module")
def agent(launch):
    start = time.monotonic()
    a = launch("h5")
    a.seconds = time.monotonic() - start
    return a


def files(folder):
    return sorted(p for p in folder.rglob("*") if p.is_file())


def listed(agent, pid):
    """{path: row} of `pan-agent ls`."""
    r = run(BIN / "pan-agent", "ls", "--json", "--config", agent.config, pid)
    assert r.returncode == 0, r.stderr.decode()
    rows = [json.loads(line) for line in r.stdout.splitlines()]
    return {row["path"]: row for row in rows}


def test_every_file_comes_back(agent):
    wrong = []
    for pid, folder in (("10.5072/nexus", NEXUS), ("10.5072/bad", MALFORMED)):
        for p in files(folder):
            a = agent.get("/data/%s/%s" % (pid, urllib.parse.quote(str(p.relative_to(folder)))))
            if a.status != 200 or sha256(a.body) != sha256(p):
                wrong.append((str(p), a.status))
    assert not wrong


def test_every_file_is_in_the_catalogue_with_its_reason(agent):
    for pid, folder in (("10.5072/nexus", NEXUS), ("10.5072/bad", MALFORMED)):
        shown = listed(agent, pid)
        assert set(shown) == {str(p.relative_to(folder)) for p in files(folder)}
        silent = [n for n, f in shown.items() if f["problem"] is None and f["format"] not in ("nexus", "hdf5")]
        assert not silent, "a plain file without a reason"
        for p in files(folder):
            assert shown[str(p.relative_to(folder))]["sha256"] in (None, sha256(p)), p
        if folder == NEXUS:
            assert not [n for n, f in shown.items() if f["problem"] and f["format"] in ("nexus", "hdf5")], "sound files"
    assert sum(f["problem"] is not None for f in shown.values()) > 70, "what is malformed has its reason"


def test_indexing_is_bounded_and_idempotent(agent):
    assert agent.seconds < 120
    start = time.monotonic()
    r = run(BIN / "pan-agent", "index", "--json", "--config", agent.config, timeout=120)
    assert r.returncode == 0, r.stderr.decode()
    assert time.monotonic() - start < 20, "nothing changed, so nothing is read again"
    for line in r.stdout.splitlines():
        json.loads(line)
