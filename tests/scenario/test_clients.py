# SPDX-License-Identifier: Apache-2.0
"""The programs that scientists have already, as Debian has them: davix, gfal2, rclone, h5py over ranges."""
import hashlib
import os
import shutil
import signal
import subprocess

import pytest
from conftest import EMBARGOED, ENV, OPEN, run, wait_for

FOLDER = OPEN.rsplit("/", 1)[0]
NAME = OPEN.rsplit("/", 1)[1]


def need(program):
    if shutil.which(program) is None:
        pytest.skip(program + " is not installed")


@pytest.fixture(scope="module")
def grid(agent, tmp_path_factory):
    """davix and gfal2 as a user has them; the agent's own authority is not one of the system's."""
    config = tmp_path_factory.mktemp("gfal")
    if os.path.isdir("/etc/gfal2.d"):
        shutil.copytree("/etc/gfal2.d", config, dirs_exist_ok=True)
        http = config / "http_plugin.conf"
        text = http.read_text() if http.exists() else "[HTTP PLUGIN]\n"
        http.write_text(text.replace("INSECURE=false", "INSECURE=true"))

    def call(*args, token="", code=0):
        need(args[0])
        env = {**ENV, "GFAL_CONFIG_DIR": str(config), "GFAL_PYTHONBIN": "/usr/bin/python3"}
        if token:  # an empty one is sent, as a credential without a token
            env["BEARER_TOKEN"] = token
        r = subprocess.run([str(a) for a in args], capture_output=True, timeout=60, env=env)
        assert r.returncode == code, r
        return r.stdout.decode()

    call.url = agent.base
    call.dav = agent.base.replace("https://", "davs://")
    return call


def test_davix_gets(grid, agent, tmp_path):
    listing = grid("davix-ls", "-k", "-l", grid.url + FOLDER + "/")
    assert NAME in listing
    grid("davix-get", "-k", grid.url + OPEN, tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == agent.file(OPEN).read_bytes()


def test_gfal_lists_and_sums(grid, agent):
    data = agent.file(OPEN).read_bytes()
    assert NAME in grid("gfal-ls", "-l", grid.dav + FOLDER + "/")
    assert "Size: %d" % len(data) in grid("gfal-stat", grid.dav + OPEN)
    assert hashlib.md5(data).hexdigest() in grid("gfal-sum", grid.dav + OPEN, "MD5")
    assert len(grid("gfal-sum", grid.dav + OPEN, "ADLER32").split()[-1]) == 8


def test_gfal_copies(grid, agent, tmp_path):
    grid("gfal-copy", "-f", "-K", "ADLER32", grid.dav + OPEN, "file://%s/g.h5" % tmp_path)
    assert (tmp_path / "g.h5").read_bytes() == agent.file(OPEN).read_bytes()
    grid("gfal-copy", "-r", "-f", grid.dav + FOLDER + "/", "file://%s/all" % tmp_path)
    assert (tmp_path / "all" / NAME).read_bytes() == agent.file(OPEN).read_bytes()
    grid("gfal-copy", "-f", grid.dav + EMBARGOED, "file://%s/team.h5" % tmp_path, token=agent.token("alice"))
    assert (tmp_path / "team.h5").read_bytes() == agent.file(EMBARGOED).read_bytes()


def test_rclone_in_several_streams(agent, tmp_path):
    need("rclone")
    config = tmp_path / "rclone.conf"
    config.write_text("[x]\ntype = webdav\nurl = %s\nvendor = other\n" % agent.base)
    rclone = ("rclone", "--config", config, "--ca-cert", agent.ca)
    r = run(*rclone, "copy", "--multi-thread-streams", "4", "--multi-thread-cutoff", "1k", "x:" + FOLDER, tmp_path / "rc")
    assert r.returncode == 0, r
    r = run(*rclone, "check", "--download", "x:" + FOLDER, tmp_path / "rc")
    assert r.returncode == 0, r


H5 = """
import io, ssl, sys, urllib.request
import h5py

class Ranges(io.RawIOBase):
    def __init__(self, url, ca):
        self.url, self.at, self.asked = url, 0, 0
        self.tls = ssl.create_default_context(cafile=ca)
        q = urllib.request.Request(url, method="HEAD")
        with urllib.request.urlopen(q, context=self.tls) as a:
            self.size, self.tag = int(a.headers["Content-Length"]), a.headers["ETag"]
    def readable(self): return True
    def seekable(self): return True
    def tell(self): return self.at
    def seek(self, n, how=0):
        self.at = n + (0, self.at, self.size)[how]
        return self.at
    def readinto(self, b):
        last = min(self.at + len(b), self.size) - 1
        if last < self.at: return 0
        q = urllib.request.Request(self.url, headers={"Range": "bytes=%d-%d" % (self.at, last), "If-Range": self.tag})
        with urllib.request.urlopen(q, context=self.tls) as a:
            assert a.status == 206, a.status
            got = a.read()
        b[:len(got)] = got
        self.at, self.asked = self.at + len(got), self.asked + len(got)
        return len(got)

f = Ranges(*sys.argv[1:])
names = []
h5py.File(f, "r").visit(names.append)
print(len(names), f.asked, f.size)
"""


def test_h5py_over_ranges(agent):
    r = run("/usr/bin/python3", "-c", H5, agent.base + OPEN, agent.ca)
    assert r.returncode == 0, r
    names, asked, size = map(int, r.stdout.split())
    assert names > 10 and 0 < asked, (names, asked, size)


@pytest.fixture(scope="module")
def big(launch, tmp_path_factory):
    top = tmp_path_factory.mktemp("big")
    (top / "big.bin").write_bytes(os.urandom(1 << 20) * 64)
    agent = launch("https", "--data", top)
    agent.big = top / "big.bin"
    return agent


@pytest.mark.parametrize("program", ["davix-get", "rclone"])
def test_killed_and_begun_again(big, program, tmp_path):
    """kill -9 in the middle, then once more: the file is whole."""
    need(program)
    url = "/data/10.5072/data"
    config = tmp_path / "rclone.conf"
    config.write_text("[x]\ntype = webdav\nurl = %s\nvendor = other\n" % (big.base + url))
    out = tmp_path / "out"
    out.mkdir()
    call = ["davix-get", "-k", big.base + url + "/big.bin", out / "big.bin"] if program == "davix-get" else \
        ["rclone", "--config", config, "--ca-cert", big.ca, "copy", "x:big.bin", out]
    slow = ["--bwlimit", "40M"] if program == "rclone" else []
    p = subprocess.Popen([str(a) for a in call + slow], env=ENV, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert wait_for(lambda: p.poll() is not None or any(f.stat().st_size > 1 << 20 for f in out.iterdir()), 20, 0.01)
    p.send_signal(signal.SIGKILL)
    p.wait()
    r = run(*call)
    assert r.returncode == 0, r
    assert (out / "big.bin").read_bytes() == big.big.read_bytes()
