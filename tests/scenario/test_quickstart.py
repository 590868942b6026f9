# SPDX-License-Identifier: Apache-2.0
"""agent/quickstart does what it says."""
from conftest import ROOT, free_port, run


def test_check(tmp_path):
    r = run(ROOT / "agent" / "quickstart", "--check", "--dir", tmp_path / "try", "--port", free_port(), timeout=600)
    assert r.returncode == 0, r.stdout.decode()[-4000:] + r.stderr.decode()[-4000:]


def test_wrong_calls(tmp_path):
    for args in (["--port", "x"], ["--nothing"], ["--dir"]):
        assert run(ROOT / "agent" / "quickstart", *args).returncode == 2
