# SPDX-License-Identifier: Apache-2.0
"""A real agent on a loopback port for each module, real curl against it, and after each test the
question whether every role still lives and nothing leaked."""
import hashlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
BUILD = os.environ.get("PAN_BUILD", "dev")
BIN = ROOT / "build" / BUILD
# The supervisor is the process itself; a courier is there where an issuer is fetched (Agent.roles).
ROLES = {"front", "gate", "reader", "indexer"}
ENV = {**os.environ, "LC_ALL": "C.UTF-8", "http_proxy": "", "https_proxy": "", "no_proxy": "*"}
AUDIENCE = "https://data.test/"  # of the suite `tokens`
OPEN = "/data/10.5072/sc5310-saxs-01/sc5310_saxs_0001.nxs"
README = "/data/10.5072/sc5310-saxs-01/README.txt"
EMBARGOED = "/data/10.5072/ma6021-tomo-01/ma6021_tomo_0001.nxs"
PROPRIETARY = "/data/10.5072/ind042-powder-01/ind042_powder_0001.nxs"


def wait_for(what, seconds=10.0, step=0.05):
    """The first true value of what(), or the last one when time is up."""
    until = time.monotonic() + seconds
    while True:
        value = what()
        if value or time.monotonic() > until:
            return value
        time.sleep(step)


def free_port():
    """Below 32768: above, connections in TIME_WAIT make a bind fail now and then."""
    half = int(os.environ.get("PAN_SCENARIO_HALF", "0"))  # tests/run has two of these at work, with ports of their own
    for port in range(12000 + 3500 * half + os.getpid() % 2000, 12000 + 3500 * (half + 1), 7):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port")


def run(*args, timeout=120, **kw):
    return subprocess.run([str(a) for a in args], capture_output=True, timeout=timeout, env=ENV, **kw)


class Answer:
    """The last response that curl saw."""

    def __init__(self, head, body, code):
        blocks = [b for b in re.split(rb"\r\n\r\n", head) if b.startswith(b"HTTP/")]
        lines = blocks[-1].split(b"\r\n") if blocks else [b"HTTP/1.1 000"]
        self.status = int(lines[0].split()[1])
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            self.headers[name.decode().lower()] = value.strip().decode("latin-1")
        self.body, self.curl = body, code

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return "<%d %s %r>" % (self.status, self.headers, self.body[:300])


class Agent:
    """tests/serve SUITE, running."""

    def __init__(self, suite, work, *options, env=None):
        self.work = pathlib.Path(work)
        self.work.mkdir(parents=True, exist_ok=True)
        self.out, self.err = self.work / "serve.out", self.work / "serve.err"
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.serve = subprocess.Popen(
                [str(ROOT / "tests" / "serve"), suite, "--print-env", "--build", BUILD, "--work", str(self.work),
                 *map(str, options)], stdout=out, stderr=err, stdin=subprocess.DEVNULL,
                env={**ENV, **(env or {})})
        if not wait_for(lambda: self.serve.poll() is not None or b"AGENT=" in self.out.read_bytes(), 150):
            self.stop()
            raise RuntimeError("tests/serve %s: nothing after 150 s" % suite)
        if self.serve.poll() is not None:
            raise RuntimeError("tests/serve %s: %s" % (suite, self.err.read_text()))
        for line in run("bash", "-c", '. "$1" && for v in BASE CA PID CONFIG; do echo "$v=${!v-}"; done',
                        "-", self.out).stdout.decode().splitlines():
            name, _, value = line.partition("=")
            setattr(self, name.lower(), value)
        self.pid = int(self.pid)
        self.port = int(self.base.rsplit(":", 1)[1])
        self.tokens = {}
        self.before = None

    # -- processes
    def children(self):
        """{role: [pid, ...]} of the daemon's own processes."""
        found = {}
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rsplit(")", 1)[1].split()
                args = (stat.parent / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if int(fields[1]) == self.pid:
                role = args[args.index(b"--role") + 1].decode() if b"--role" in args else "?"
                found.setdefault("zombie" if fields[0] == "Z" else role, []).append(int(stat.parent.name))
        return {k: sorted(v) for k, v in found.items()}

    def alive(self):
        return self.serve.poll() is None and pathlib.Path("/proc/%d" % self.pid).exists()

    def descriptors(self):
        """Open descriptors of each role that are neither a kept grant (files of the data roots) nor a link."""
        count = {}
        for role, pids in self.children().items():
            for pid in pids:
                n = 0
                for fd in pathlib.Path("/proc/%d/fd" % pid).glob("*"):
                    try:
                        target = os.readlink(fd)
                    except OSError:
                        continue
                    # SQLite keeps the descriptor of a closed connection for the next one; its -wal tells of open ones.
                    n += not (role == "front" and (target.startswith("/") and not target.startswith("/dev/"))) \
                        and not target.endswith(("/catalogue.sqlite", "/ledger.sqlite"))
                count[role] = count.get(role, 0) + n
        return count

    def litter(self):
        """Temporary and half-written files in the agent's own folders."""
        return [str(p) for d in ("state", "run", "logs") for p in (self.work / d).rglob("*")
                if re.search(r"\.(part|tmp|new)$|~$|\.XXXXXX", p.name)]

    def roles(self):
        """The roles that this configuration needs."""
        issuers = re.split(r"(?m)^ *-? *\{?issuer:", pathlib.Path(self.config).read_text())[1:]
        fetched = any("jwks_file:" not in i or re.search(r"token_kind: *(opaque|both)|enrich: *[iu]|web_client_id:", i)
                      for i in issuers)
        moves = re.search(r"(?m)^transfer:.*push: *yes", pathlib.Path(self.config).read_text())
        return ROLES | ({"courier"} if fetched else set()) | ({"mover"} if moves else set())

    def note(self):
        """Remember what is normal now, for healthy()."""
        wait_for(lambda: self.roles() - {"indexer"} <= set(self.children()), 10)
        self.before = {"roles": {k: len(v) for k, v in self.children().items()}, "fds": self.descriptors()}

    def healthy(self):
        """Everything that is not as it was; empty when all is well."""
        assert self.alive(), "the daemon is gone: " + self.log()[-2000:]

        def faults():
            now = {k: len(v) for k, v in self.children().items()}
            if now != self.before["roles"]:
                return {"roles": now, "before": self.before["roles"]}
            more = {r: (self.before["fds"].get(r, 0), n) for r, n in self.descriptors().items()
                    if n > self.before["fds"].get(r, 0) + 1}
            if not more:
                return {}
            held = [os.readlink(p) for r in more for pid in self.children()[r] for p in pathlib.Path("/proc/%d/fd" % pid).glob("*")]
            return {"descriptors (before, now)": more, "held": sorted(held)}

        wait_for(lambda: not faults(), 10, 0.2)
        left = faults()
        if self.litter():
            left["litter"] = self.litter()
        return left

    def log(self):
        try:
            return (self.work / "log").read_text(errors="replace")
        except OSError:
            return ""

    def signal(self, number):
        os.kill(self.pid, number)

    def stop(self):
        if self.serve.poll() is None:
            self.serve.send_signal(signal.SIGTERM)
            try:
                self.serve.wait(30)
            except subprocess.TimeoutExpired:
                self.serve.kill()
                self.serve.wait()
        return self.serve.returncode

    # -- asking
    def token(self, sub="alice", *options):
        """A token of the demo issuer; kept, for minting is a process."""
        key = (sub, options)
        if key not in self.tokens:
            r = run(BIN / "pan-agent", "token", "mint", "--config", self.config, "--sub", sub, *options)
            assert r.returncode == 0, r.stderr.decode()
            self.tokens[key] = r.stdout.decode().strip()
        return self.tokens[key]

    def curl(self, *args, **kw):
        return run("curl", "-sS", "--cacert", self.ca, *args, **kw)

    def start(self, *args):
        return subprocess.Popen(["curl", "-sS", "--cacert", self.ca, *map(str, args)], stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, env=ENV)

    def get(self, path, *args, sub=None, token=None):
        """One request by curl: path, more curl arguments, as `sub` with a token."""
        head, body = self.work / "answer.head", self.work / "answer.body"
        for p in (head, body):
            p.unlink(missing_ok=True)
        if sub:
            token = self.token(sub)
        auth = ["-H", "Authorization: Bearer " + token] if token else []
        r = self.curl("--max-time", 60, "--path-as-is", "-D", head, "-o", body, *auth, *args, self.base + path)
        return Answer(head.read_bytes() if head.exists() else b"", body.read_bytes() if body.exists() else b"", r.returncode)

    def file(self, path):
        """The file on disk behind a /data path of the sample facility."""
        pid, name = path.split("/", 3)[3].split("/", 1)
        proposal, dataset = pid.split("-", 1)
        return self.work / "facility" / "data" / proposal / dataset / name


def sha256(data):
    if isinstance(data, pathlib.Path):
        data = data.read_bytes()
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(scope="module")
def launch(tmp_path_factory):
    """launch(suite, *options): an Agent that ends with the module."""
    agents = []

    def make(suite, *options):
        a = Agent(suite, tmp_path_factory.mktemp(suite), *options)
        agents.append(a)
        a.get("/data/")
        a.note()
        return a

    yield make
    for a in agents:
        a.stop()


@pytest.fixture(scope="module")
def agent(launch):
    """The sample facility."""
    return launch("policy")


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    """A real OpenID Provider, whose tokens are made for the agent of the suite `tokens`."""
    import op  # it builds on this file
    p = op.Provider(tmp_path_factory.mktemp("provider"), AUDIENCE)
    yield p
    p.stop()


@pytest.fixture(autouse=True)
def well(request):
    """After each test that used `agent`: all roles live, nothing leaked."""
    yield
    if "agent" in request.fixturenames:
        faults = request.getfixturevalue("agent").healthy()
        assert not faults, json.dumps(faults)
