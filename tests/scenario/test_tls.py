# SPDX-License-Identifier: Apache-2.0
"""Bytes over TLS: each version and suite, by what encrypts here, in the confined front."""
import json
import pathlib
import random
import re

import pytest
from conftest import run, sha256
from test_roles import admin

SIZE = 3_000_001
SUITES = [("1.3", "TLS_AES_128_GCM_SHA256"), ("1.3", "TLS_AES_256_GCM_SHA384"), ("1.3", "TLS_CHACHA20_POLY1305_SHA256"),
          ("1.2", "ECDHE-ECDSA-AES128-GCM-SHA256"), ("1.2", "ECDHE-ECDSA-AES256-GCM-SHA384"),
          ("1.2", "ECDHE-ECDSA-CHACHA20-POLY1305")]
BIG = "/data/10.5072/data/big.bin"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    (folder / "big.bin").write_bytes(random.Random(7).randbytes(SIZE))
    return folder


def able():
    """Whether this machine has what libipsec-mb needs."""
    flags = re.search(r"(?m)^flags\s*:(.*)$", pathlib.Path("/proc/cpuinfo").read_text())
    has = flags is not None and {"vaes", "vpclmulqdq", "avx512f", "avx512dq", "avx512cd", "avx512bw", "avx512vl"} <= \
        set(flags[1].split())
    return has and "libIPSec_MB.so.1 " in run("/sbin/ldconfig", "-p").stdout.decode()


def backend(agent):
    lines = admin(agent, "/metrics")[1].splitlines()
    return [line.split('"')[1] for line in lines if line.startswith("pan_tls_backend{") and line.endswith("} 1")]


def fetch(agent, version, suite):
    out = agent.work / "fetched"
    r = run("curl", "-s", "--cacert", agent.ca, "--tlsv" + version, "--tls-max", version,
            "--tls13-ciphers" if version == "1.3" else "--ciphers", suite, "-o", out, agent.base + BIG)
    return r.returncode, sha256(out)


@pytest.fixture(scope="module")
def agent(launch, data):
    return launch("https", "--data", data)


@pytest.mark.parametrize("version,suite", SUITES)
def test_each_suite(agent, data, version, suite):
    assert fetch(agent, version, suite) == (0, sha256(data / "big.bin"))


def test_what_encrypts_is_told(agent):
    assert backend(agent) == (["imb"] if able() else ["openssl"])
    told = [json.loads(line) for line in agent.log().splitlines() if '"event":"tls"' in line]
    assert [e["level"] for e in told] == ([] if able() else ["info"])


def test_openssl_alone(launch, data, tmp_path):
    more = tmp_path / "more.yaml"
    more.write_text("tls: {provider: openssl}\n")
    a = launch("https", "--data", data, "--append", more)
    assert backend(a) == ["openssl"]
    assert "as tls.provider says" in a.log()
    assert fetch(a, *SUITES[0]) == (0, sha256(data / "big.bin"))
