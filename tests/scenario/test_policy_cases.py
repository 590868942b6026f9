# SPDX-License-Identifier: Apache-2.0
"""The policy cases that lie beside the project, against this build's pan-agent."""
import pytest
from conftest import BIN, SHARED, run

RUNNER = SHARED / "cases" / "policy" / "run_policy.py"


@pytest.mark.skipif(not RUNNER.exists(), reason="no policy cases beside the project")
def test_policy_cases():
    r = run("/usr/bin/python3", RUNNER, "--agent", BIN / "pan-agent", timeout=300)
    assert r.returncode == 0, r.stdout.decode()[-4000:] + r.stderr.decode()[-1000:]
