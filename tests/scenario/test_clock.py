# SPDX-License-Identifier: Apache-2.0
"""The wall clock is moved under the running agent (policy.md 13.1): nothing opens too early, nothing closes again."""
import json
import pathlib
import shutil
import struct
import subprocess

import pytest
from conftest import BIN, BUILD, EMBARGOED, OPEN, ROOT, Agent, run, wait_for

YEARS = 12 * 365 * 86400
SHIM = pathlib.Path(__file__).with_name("moved_clock.c")


@pytest.fixture(scope="module")
def clock(tmp_path_factory):
    """clock(seconds): the daemon's wall clock is so far ahead from now on."""
    if BUILD != "dev":
        pytest.skip("a preloaded library does not go with a sanitizer")
    folder = tmp_path_factory.mktemp("clock")
    shim, moved = folder / "moved_clock.so", folder / "moved"
    subprocess.run(["cc", "-D_GNU_SOURCE", "-O1", "-shared", "-fPIC", "-o", shim, SHIM, "-ldl"], check=True)

    def move(seconds):
        with open(moved, "r+b" if moved.exists() else "wb") as f:
            f.write(struct.pack("=q", seconds))

    move(0)
    move.env = {"LD_PRELOAD": str(shim), "MOVED_CLOCK": str(moved)}
    return move


@pytest.fixture(scope="module")
def agent(clock, tmp_path_factory):
    work = tmp_path_factory.mktemp("policy")
    shutil.copy(ROOT / "policy" / "examples" / "sample.yaml", work)
    a = Agent("policy", work, "--policy", work / "sample.yaml", env=clock.env)
    a.get("/data/")
    a.note()
    yield a
    a.stop()


def records(agent, kind):
    lines = (agent.work / "logs" / "audit.jsonl").read_text().splitlines()
    return [r for r in map(json.loads, lines) if r["kind"] == kind]


def steps(agent):
    r = run("curl", "-sS", "--unix-socket", agent.work / "run" / "admin.sock", "http://localhost/metrics")
    return [int(line.split()[1]) for line in r.stdout.decode().splitlines() if line.startswith("pan_clock_step_total ")]


def test_ahead_and_back(agent, clock):
    assert agent.get(OPEN).status == 200 and agent.get(EMBARGOED).status == 401 and steps(agent) == [0]
    clock(YEARS)
    assert agent.get(EMBARGOED).status == 401 and agent.get(OPEN).status == 200
    assert wait_for(lambda: records(agent, "clock"), 5)
    told = records(agent, "clock")
    assert len(told) == 1 and abs(told[0]["step_s"] - YEARS) < 60
    assert steps(agent) == [1] and '"event":"clock"' in agent.log()
    assert (agent.work / "logs" / "clock").stat().st_size > 0

    # A policy file that changes confirms nothing, though it would be taken at other times.
    with open(agent.work / "sample.yaml", "a") as f:
        f.write("# changed\n")
    assert wait_for(lambda: "wait for `pan-agent reload`" in agent.log(), 5)
    assert agent.get(EMBARGOED).status == 401

    # A reload says that the new time is right: the embargo is over.
    r = run(BIN / "pan-agent", "reload", "--config", agent.config)
    assert r.returncode == 0, r.stderr
    assert wait_for(lambda: agent.get(EMBARGOED).status == 200, 5)

    # Back again: what is open stays open, and no record gets an earlier stamp.
    clock(0)
    assert agent.get(EMBARGOED).status == 200
    # The file of before may be gone: its records are older than the policy has them kept.
    assert wait_for(lambda: any(r["step_s"] < 0 for r in records(agent, "clock")), 5)
    assert abs(records(agent, "clock")[-1]["step_s"] + YEARS) < 60 and steps(agent) == [2]
    times = [r["time"] for r in map(json.loads, (agent.work / "logs" / "audit.jsonl").read_text().splitlines())]
    assert times == sorted(times)
    assert not agent.healthy()
