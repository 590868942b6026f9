# SPDX-License-Identifier: Apache-2.0
"""A link that is full: who opens many connections has no more of it than who opens one."""
import subprocess
import time

from conftest import ENV

MBIT = 80
SECONDS = 2.0


def start(agent, n, *auth):
    """n clients that download the file again and again, until time is up; each tells its bytes."""
    url = agent.base + "/data/10.5072/data/big.bin"
    return [subprocess.Popen(["curl", "-sS", "--cacert", agent.ca, "--max-time", str(SECONDS), *auth, "-o", "/dev/null",
                              "-w", "%{size_download}\n", url], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=ENV)
            for _ in range(n)]


def total(clients):
    return sum(int(c.communicate()[0] or 0) for c in clients)


def test_one_against_twelve(launch, tmp_path):
    data, more = tmp_path / "data", tmp_path / "more.yaml"
    data.mkdir()
    with open(data / "big.bin", "wb") as f:
        f.truncate(256 << 20)
    more.write_text("limits: {link_mbit: %d}\n" % MBIT)
    agent = launch("https", "--data", data, "--append", more)
    token = ("-H", "Authorization: Bearer " + agent.token())
    before = time.monotonic()
    many, one = start(agent, 12), start(agent, 1, *token)
    many, one = total(many), total(one)
    took = time.monotonic() - before
    most = MBIT * 125000 * took + 2 * MBIT * 12500 + 262144
    assert many + one <= most, (many, one, most)
    assert many + one >= MBIT * 125000 * SECONDS * 0.7, (many, one)
    assert 0.75 < one / many < 1.33, (one, many)
    assert not agent.healthy()
    alone = total(start(agent, 1, *token))
    assert alone > one * 1.5, (alone, one, "an idle share is the others'")
