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
    r = run(BIN / "pan-agent", "show", "--json", "--config", agent.config, pid)
    assert r.returncode == 0, r.stderr.decode()
    return json.loads(r.stdout)


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
        shown = {f["path"]: f for f in listed(agent, pid)["files"]}
        assert set(shown) == {str(p.relative_to(folder)) for p in files(folder)}
        if folder is MALFORMED:
            hdf5 = {n for n, f in shown.items() if n.endswith((".h5", ".hdf5", ".nxs"))}
            silent = [n for n in hdf5 if not shown[n].get("problem") and shown[n].get("format") not in ("nexus", "hdf5")]
            assert not silent, silent


def test_indexing_is_bounded_and_idempotent(agent):
    assert agent.seconds < 120
    start = time.monotonic()
    r = run(BIN / "pan-agent", "index", "--json", "--config", agent.config, timeout=120)
    assert r.returncode == 0, r.stderr.decode()
    assert time.monotonic() - start < 20, "nothing changed, so nothing is read again"
    for line in r.stdout.splitlines():
        json.loads(line)
