# SPDX-License-Identifier: Apache-2.0
"""`pan-agent policy bench` and the maker of big policies: they measure, and say no as they should."""
import json

from conftest import BIN, ROOT, run

MAKER = ROOT / "tests" / "bench" / "policy_maker.py"


def bench(*options):
    return run(BIN / "pan-agent", "policy", "bench", *options)


def test_bench(tmp_path):
    policy, questions = tmp_path / "p.yaml", tmp_path / "q.jsonl"
    policy.write_bytes(run(MAKER, "--rules", "40").stdout)
    questions.write_bytes(run(MAKER, "--rules", "40", "--requests", "50").stdout)
    r = bench("--policy", policy, "--requests", questions, "--json")
    assert r.returncode == 0, r.stderr
    figures = json.loads(r.stdout)
    assert figures["rules"] == 40 and figures["questions"] == 50 and 0 < figures["permits"] < 50
    assert figures["prepared_ns"] < figures["full_ns"] and figures["load_ms"] > 0
    r = bench("--policy", policy, "--requests", questions)
    assert r.returncode == 0 and b"decisions/s" in r.stdout and not r.stderr


def test_refusals(tmp_path):
    policy, questions = tmp_path / "p.yaml", tmp_path / "q.jsonl"
    policy.write_bytes(run(MAKER, "--rules", "8").stdout)
    questions.write_text("{}\n")
    for options in ((), ("--policy", policy), ("--policy", policy, "--requests", tmp_path / "none"), ("--what",)):
        r = bench(*options)
        assert r.returncode == 2 and r.stderr.startswith(b"pan-agent policy bench: ") and not r.stdout
    assert b"malformed" in bench("--policy", policy, "--requests", questions).stderr
    policy.write_text("policy: x\n")
    assert bench("--policy", policy, "--requests", questions).returncode == 1
