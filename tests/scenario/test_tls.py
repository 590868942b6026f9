# SPDX-License-Identifier: Apache-2.0
"""Bytes over TLS: each version and suite, by what encrypts here, in the confined front."""
import http.client
import json
import os
import pathlib
import random
import re
import ssl
import subprocess

import pytest
from conftest import ENV, run, sha256
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


# ---- tls.record_writer: yes ----

@pytest.fixture(scope="module")
def writer(launch, data, tmp_path_factory):
    more = tmp_path_factory.mktemp("more") / "more.yaml"
    more.write_text("tls: {record_writer: yes}\n")
    return launch("https", "--data", data, "--append", more)


@pytest.mark.parametrize("version,suite", SUITES)
def test_our_records(writer, data, version, suite):
    assert fetch(writer, version, suite) == (0, sha256(data / "big.bin"))


def test_ends_of_records(writer, data):
    """Many answers on one connection, of lengths about those of records, by Python's client."""
    whole = (data / "big.bin").read_bytes()
    client = http.client.HTTPSConnection("127.0.0.1", writer.port, context=ssl.create_default_context(cafile=writer.ca))
    for length in [1, 2, 16000, 16383, 16384, 16385, 32768, 65535, 65536, 65537, 300000]:
        for first in (0, 4095, SIZE - length):
            client.request("GET", BIG, headers={"Range": "bytes=%d-%d" % (first, first + length - 1)})
            r = client.getresponse()
            assert (r.status, r.read()) == (206, whole[first:first + length])
    client.close()


def test_gnutls(writer, data):
    """wget of Debian, which has GnuTLS."""
    out = writer.work / "fetched"
    r = run("wget", "-q", "--ca-certificate", writer.ca, "-O", out, writer.base + BIG)
    assert (r.returncode, sha256(out)) == (0, sha256(data / "big.bin"))


def until(stream, what, times):
    """What came until it holds `what` so often, or ended."""
    came = b""
    while came.count(what) < times:
        more = os.read(stream.fileno(), 65536)
        if not more:
            break
        came += more
    return came


@pytest.mark.parametrize("key,answers", [("k", 2), ("K", 1)])
def test_client_wants_new_keys(writer, key, answers):
    """openssl s_client: k tells that the client goes on with new keys; K asks for ours too, which ends the connection."""
    ask = ("GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nRange: bytes=0-9\r\n\r\n" % (BIG, writer.port)).encode()
    client = subprocess.Popen(["openssl", "s_client", "-CAfile", writer.ca, "-connect", "127.0.0.1:%d" % writer.port],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=ENV, bufsize=0)
    client.stdin.write(ask)
    came = until(client.stdout, b"HTTP/1.1 206", 1)
    client.stdin.write(key.encode() + b"\n")
    came += until(client.stdout, b"KEYUPDATE", 1)
    try:
        client.stdin.write(ask)
    except BrokenPipeError:
        pass  # ended already
    came += until(client.stdout, b"HTTP/1.1 206", 1)
    client.kill()
    client.wait()
    assert came.count(b"HTTP/1.1 206") == answers, came
