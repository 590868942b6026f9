# SPDX-License-Identifier: Apache-2.0
"""pan-agent index, ls and show against a running daemon and without one."""
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time

import pytest
from conftest import BIN, ENV, run, wait_for

PID = "10.5072/sc5310-saxs-01"


@pytest.fixture(scope="module")
def agent(launch):
    return launch("policy")


def index(agent, *options):
    """Exit status, the events, what was said."""
    r = run(BIN / "pan-agent", "index", "--config", agent.config, "--json", *options)
    return r.returncode, [json.loads(line) for line in r.stdout.splitlines()], r.stderr.decode()


def done(agent, *options):
    code, events, said = index(agent, *options)
    assert code == 0, (events, said)
    assert events[-1]["event"] == "done"
    return events[-1]


def ls(agent, *args):
    r = run(BIN / "pan-agent", "ls", "--config", agent.config, "--json", *args)
    assert r.returncode == 0, r.stderr
    return [json.loads(line) for line in r.stdout.splitlines()]


def catalogue(agent):
    return sqlite3.connect("file:%s?mode=ro" % (agent.work / "state" / "catalogue.sqlite"), uri=True)


def dump(agent):
    return list(catalogue(agent).iterdump())


def folder(agent):
    return agent.work / "facility" / "data" / "sc5310" / "saxs-01"


def test_again_changes_nothing(agent):
    first = done(agent)
    before = dump(agent)
    second = done(agent)
    assert second["unchanged"] == second["files"] == first["files"] > 0
    assert second["bytes"] == 0
    assert dump(agent) == before


def test_full_reads_all_and_finds_the_same(agent):
    before = dump(agent)
    d = done(agent, "--full", "facility")
    assert d["unchanged"] == 0 and d["bytes"] > 0
    assert dump(agent) == before


def test_new_changed_and_gone(agent):
    here = folder(agent)
    (here / "sub").mkdir()
    (here / "sub" / "note.txt").write_text("one")
    (here / "sub.txt").write_text("sorts before the folder's files")
    files = len(ls(agent, PID))
    d = done(agent)
    assert d["unchanged"] == d["files"] - 2
    now = {f["path"]: f for f in ls(agent, PID)}
    assert len(now) == files + 2 and now["sub/note.txt"]["bytes"] == 3
    (here / "sub" / "note.txt").write_text("longer")
    (here / "sub.txt").unlink()
    d = done(agent)
    assert d["removed"] == 1 and d["unchanged"] == d["files"] - 1
    now = {f["path"]: f for f in ls(agent, PID)}
    assert "sub.txt" not in now and now["sub/note.txt"]["bytes"] == 6
    shutil.rmtree(here / "sub")
    assert done(agent)["removed"] == 1
    assert len(ls(agent, PID)) == files


def test_broken_files_are_plain_files_with_a_reason(agent):
    here = folder(agent)
    whole = next(p for p in here.iterdir() if p.suffix == ".nxs").read_bytes()
    broken = {"cut.nxs": whole[: len(whole) // 3], "text.nxs": b"no HDF5 at all", "empty.h5": b"",
              "zeros.h5": whole[:96] + bytes(4000)}
    for name, data in broken.items():
        (here / name).write_bytes(data)
    try:
        code, events, _ = index(agent)
        assert code == 0 and events[-1]["broken"] >= len(broken)
        told = {e["path"].rsplit("/", 1)[1]: e["problem"] for e in events if e["event"] == "file"}
        now = {f["path"]: f for f in ls(agent, PID)}
        for name, data in broken.items():
            assert now[name]["problem"] and told[name] == now[name]["problem"]
            a = agent.get("/data/%s/%s" % (PID, name), sub="reader")
            assert a.status == 200 and a.body == data
    finally:
        for name in broken:
            (here / name).unlink()
        assert done(agent)["removed"] == len(broken)


def test_what_is_no_file_of_a_dataset_is_told(agent):
    here = folder(agent)
    (here / "out").symlink_to("/etc/passwd")
    os.mkfifo(here / "pipe")
    (here.parent / "stray.txt").write_text("outside")
    try:
        code, events, _ = index(agent)
        told = {e["path"]: e["problem"] for e in events if e["event"] == "file"}
        assert code == 0
        assert "leads out" in told["facility/sc5310/saxs-01/out"]
        assert "pipe" in told["facility/sc5310/saxs-01/pipe"]
        assert "outside every dataset" in told["facility/sc5310/stray.txt"]
        assert agent.get("/data/%s/out" % PID, sub="reader").status == 404
    finally:
        for p in (here / "out", here / "pipe", here.parent / "stray.txt"):
            p.unlink()
        done(agent)


def test_faults_of_proposals_stop_the_run(agent):
    proposals = agent.work / "proposals.yaml"
    good = proposals.read_text()
    before = dump(agent)
    proposals.write_text(good + "  - id: x\n    rote: academic\n")
    try:
        code, events, said = index(agent)
        errors = [e["text"] for e in events if e["event"] == "error"]
        line = good.count("\n") + 2
        assert code == 1
        assert any("proposals.yaml:%d:5: error: unknown key \"rote\"" % line in e for e in errors), (errors, said)
        assert dump(agent) == before
    finally:
        proposals.write_text(good)
        done(agent)


def test_what_was_indexed_decides_at_once(agent):
    """Kept grants fall when the catalogue changes: a proposal that is closed now is closed to all."""
    proposals = agent.work / "proposals.yaml"
    good = proposals.read_text()
    path = "/data/%s/%s" % (PID, next(p.name for p in folder(agent).iterdir() if p.suffix == ".nxs"))
    assert agent.get(path).status == agent.get(path).status == 200
    proposals.write_text(good.replace("route: academic", "route: proprietary", 1))
    try:
        done(agent)
        assert agent.get(path).status == 404
    finally:
        proposals.write_text(good)
        done(agent)
    assert agent.get(path).status == 200


def test_killed_indexer_leaves_a_catalogue(agent):
    here = folder(agent)
    whole = min((p for p in here.iterdir() if p.suffix == ".nxs"), key=lambda p: p.stat().st_size).read_bytes()
    (here / "many").mkdir()
    for i in range(1500):
        (here / "many" / ("f%04d.nxs" % i)).write_bytes(whole)
    try:
        p = subprocess.Popen([str(BIN / "pan-agent"), "index", "--config", agent.config, "--json"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV)
        line = p.stdout.readline()
        assert line, p.stderr.read()
        time.sleep(0.4)
        killed = agent.children().get("indexer", [])
        assert killed
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        out, err = p.communicate(timeout=60)
        assert p.returncode == 1 and b"ended early" in err, (out[-500:], err)
        assert catalogue(agent).execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert wait_for(lambda: agent.children().get("indexer", []) not in ([], killed), 20)
        assert wait_for(lambda: index(agent)[0] == 0, 60, 0.5)
        assert len([f for f in ls(agent, PID) if f["path"].startswith("many/")]) == 1500
        d = done(agent)
        assert d["unchanged"] == d["files"]
    finally:
        shutil.rmtree(here / "many")
        assert wait_for(lambda: index(agent)[0] == 0, 60, 0.5)


def test_show(agent):
    r = run(BIN / "pan-agent", "show", "--config", agent.config, PID)
    assert r.returncode == 0 and b"proposal      sc5310" in r.stdout, r.stdout
    r = run(BIN / "pan-agent", "show", "--config", agent.config, "--json", PID)
    shown = json.loads(r.stdout)
    assert shown["pid"] == PID and shown["digests"] == shown["files"] > 0
    assert {p["name"] for p in shown["record"]["parameters"]} & {"wavelength", "energy", "incident_wavelength"}
    assert all(p["unit"] for p in shown["record"]["parameters"] if p["name"] == "wavelength")


def test_for_people(agent):
    r = run(BIN / "pan-agent", "index", "--config", agent.config)
    assert r.returncode == 0 and b" datasets, " in r.stdout and b"{" not in r.stdout
    r = run(BIN / "pan-agent", "ls", "--config", agent.config)
    assert r.returncode == 0 and PID.encode() in r.stdout


@pytest.mark.parametrize("args,code,words", [
    (["index", "nowhere"], 2, b"is no data root"),
    (["index", "--never"], 2, b"usage"),
    (["ls", "10.5072/none"], 1, b"no such dataset"),
    (["show", "10.5072/none"], 1, b"no such dataset"),
    (["show"], 2, b"usage"),
])
def test_wrong_calls(agent, args, code, words):
    r = run(BIN / "pan-agent", *args[:1], "--config", agent.config, *args[1:])
    assert r.returncode == code and words in r.stderr, r.stderr


@pytest.mark.parametrize("command", ["index", "ls", "show"])
def test_help(command):
    r = run(BIN / "pan-agent", command, "--help")
    lines = r.stdout.decode().splitlines()
    assert r.returncode == 0 and len(lines) <= 24 and lines[-1].startswith("example: ")


def test_without_a_daemon(launch):
    """One run of its own, over the catalogue that a daemon left."""
    agent = launch("policy")
    agent.stop()
    d = done(agent)
    assert d["unchanged"] == d["files"] > 0
    (folder(agent) / "new.txt").write_text("new")
    assert done(agent, "--no-digests")["bytes"] == 0
    assert "new.txt" in {f["path"] for f in ls(agent, PID)}
    assert done(agent)["bytes"] in (0, 3)  # 0: they have followed in the background already
    assert "sha256" in {f["path"]: f for f in ls(agent, PID)}["new.txt"]
