# SPDX-License-Identifier: Apache-2.0
"""Issuers and disks that fail under the courier: each way to answer badly, a full disk, files that are torn, and kill -9
while keys rotate.  Who has a good token is served, or told when to come again; never refused."""
import concurrent.futures
import datetime
import json
import os
import pathlib
import random
import resource
import signal
import socket
import ssl
import struct
import threading
import time

import pytest
from conftest import Agent, BIN, run, wait_for

pytest.importorskip("cryptography")
from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402
from test_attacks import AUD, FOO, KEYS, POLICY, Mint, ask, jwk  # noqa: E402

STEADY = [jwk("rs", use="sig", alg="RS256"), jwk("es", use="sig")]
LIMIT = 64 * 1024  # bytes of a key set


def key_set(size=0):
    """The text of the steady set, with a member that makes it as long as asked for."""
    text = json.dumps({"keys": STEADY, "padding": ""})
    return json.dumps({"keys": STEADY, "padding": "x" * (size - len(text))}).encode() if size else text.encode()


# ---- certificates

class Certificates:
    """An authority; certificates for localhost: one that is good, one of another name, one that is over, one by nobody."""

    def __init__(self, folder):
        self.folder = folder
        self.key, self.name = ec.generate_private_key(ec.SECP256R1()), x509.Name.from_rfc4514_string("CN=Faults")
        self.ca = self.make("ca", self.key, self.key, days=3650)
        stranger = ec.generate_private_key(ec.SECP256R1())
        self.context = {
            "good": self.context_of("good", self.key), "name": self.context_of("name", self.key, "elsewhere.test"),
            "over": self.context_of("over", self.key, days=-1), "nobody": self.context_of("nobody", stranger)}

    def make(self, file, key, by, host=None, days=30):
        now = datetime.datetime.utcnow()
        b = (x509.CertificateBuilder().subject_name(x509.Name.from_rfc4514_string("CN=%s" % host) if host else self.name)
             .issuer_name(self.name).public_key(key.public_key()).serial_number(x509.random_serial_number())
             .not_valid_before(now - datetime.timedelta(days=40)).not_valid_after(now + datetime.timedelta(days=days))
             .add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True))
        if host:
            b = b.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        path = self.folder / (file + ".pem")
        path.write_bytes(b.sign(by, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        return path

    def context_of(self, file, by, host="localhost", days=30):
        key = ec.generate_private_key(ec.SECP256R1())
        path = self.make(file, key, by, host, days)
        with open(path, "ab") as f:
            f.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


# ---- the issuers

def http(body, length=None, status="200 OK"):
    length = len(body) if length is None else length
    return b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nConnection: close\r\n%s\r\n%s" % (
        status.encode(), b"" if length < 0 else b"Content-Length: %d\r\n" % length, body)


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


GOAWAY = 7


class Faulty:
    """One issuer: `https://localhost:PORT/keys` gives the steady set, or fails as `mode` says."""

    def __init__(self, certificates):
        self.certificates, self.mode, self.asked = certificates, "good", 0
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.socket.getsockname()[1]
        self.iss, self.url = "http://127.0.0.1:%d" % self.port, "https://localhost:%d/keys" % self.port
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                peer = self.socket.accept()[0]
            except OSError:
                return
            self.asked += 1
            threading.Thread(target=self.one, args=(peer,), daemon=True).start()

    def one(self, peer):
        context = self.certificates.context[self.mode if self.mode in self.certificates.context else "good"]
        try:
            peer.settimeout(10)
            if self.mode == "silent":
                time.sleep(8)
            elif self.mode == "no handshake":
                peer.recv(100)
                peer.sendall(b"\x16\x03\x03\x00\x7a\x02")
            elif self.mode == "plain":
                peer.recv(1)
                peer.sendall(http(key_set()))
            elif self.mode.startswith("goaway"):
                self.two(peer)
            else:
                with context.wrap_socket(peer, server_side=True) as s:
                    s.recv(4096)
                    self.answer(s)
        except OSError:
            pass  # the agent has hung up, which is its right
        finally:
            peer.close()

    def answer(self, s):
        answers = {
            "limit": http(key_set(LIMIT)), "long": http(key_set(LIMIT + 1)), "long, unannounced": http(key_set(LIMIT + 1), -1),
            "more is said": http(key_set(), len(key_set()) + 10), "less is said": http(key_set(), len(key_set()) - 10),
            "a number too large": http(key_set(), 1 << 70), "half": http(key_set()[:200], -1), "none": b"", "empty": http(b""),
            "html": http(b"<html>maintenance</html>"), "error": http(b"{}", status="500 Internal Server Error"),
            "no such place": http(b"{}", status="404 Not Found"), "not http": b"SSH-2.0-OpenSSH\r\n",
            "fields without end": b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"y" * 4000) for i in range(200)),
        }
        if self.mode == "drip":
            for byte in http(key_set()):
                s.sendall(bytes([byte]))
                time.sleep(0.25)
        elif self.mode == "cut":
            s.sendall(http(key_set(), -1)[:-40])
            # The connection ends below TLS, without its close_notify.
            os.close(os.dup(s.fileno()))
            socket.socket(fileno=s.detach()).close()
        else:
            s.sendall(answers.get(self.mode, http(key_set())))

    def two(self, peer):
        """HTTP/2: the connection is said to go, before or in the middle of the answer."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificates.folder / "good.pem")
        context.set_alpn_protocols(["h2"])
        with context.wrap_socket(peer, server_side=True) as s:
            s.sendall(frame(4, 0, 0))
            got = b""
            while b"\x01" not in got[24:] and len(got) < 200:  # the preface, settings, then the request's fields
                got += s.recv(4096)
            last = 0
            if self.mode == "goaway in the middle":
                last = 1
                s.sendall(frame(1, 4, 1, b"\x88") + frame(0, 0, 1, key_set()[:100]))
            s.sendall(frame(GOAWAY, 0, 0, struct.pack(">II", last, 0)))

    def stop(self):
        self.socket.close()


MODES = ["long", "long, unannounced", "more is said", "less is said", "a number too large", "half", "none", "empty", "html", "error",
         "no such place", "not http", "fields without end", "drip", "cut", "silent", "no handshake", "plain", "goaway",
         "goaway in the middle", "name", "over", "nobody"]

CONFIG = """\
  - issuer: {i.iss}
    jwks_uri: {i.url}
    ca_file: {ca}
    name: {name}
    insecure: yes
    refresh: 5
    typ: [at+jwt, JWT, absent]
    audience: ["{aud}"]
    path_scopes: yes
"""


def start(work, issuers, ca):
    """An agent in the folder with these issuers, and a token of each: {name: token}."""
    files = work / "files"
    files.mkdir(parents=True)
    (files / "append.yaml").write_text("".join(CONFIG.format(i=i, name=name, ca=ca, aud=AUD) for name, i in issuers.items()))
    (files / "policy.yaml").write_text(POLICY % ", ".join('"%s"' % i.iss for i in issuers.values()))
    a = Agent("tokens", work, "--issuer-port", "none", "--append", files / "append.yaml", "--policy", files / "policy.yaml")
    a.context = ssl.create_default_context(cafile=a.ca)
    return a, {name: Mint(i.iss, "rs")() for name, i in issuers.items()}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def many(certificates, tmp_path_factory):
    """An agent with an issuer for each way to fail, and two that never do (the one with the longest set there may be)."""
    issuers = {name: Faulty(certificates) for name in MODES + ["good", "limit"]}
    issuers["limit"].mode = "limit"
    agent, tokens = start(tmp_path_factory.mktemp("faults"), issuers, certificates.ca)
    agent.issuers, agent.tokens_of = issuers, tokens
    assert wait_for(lambda: states(agent) == {"fresh"}, 20), issuer_rows(agent)
    yield agent
    agent.stop()
    for i in issuers.values():
        i.stop()


def issuer_rows(agent):
    r = run(BIN / "pan-agent", "issuers", "--config", agent.config, "--json")
    return json.loads(r.stdout)["issuers"]


def states(agent):
    return {r["state"] for r in issuer_rows(agent)}


def kept_files(agent):
    return sorted((agent.work / "state" / "issuers").glob("*.json"))


def all_whole(agent):
    for file in kept_files(agent):
        kept = json.loads(file.read_bytes())
        assert kept["version"] == 1 and json.loads(kept["jwks"])["keys"], file
    return kept_files(agent)


def courier(agent):
    pids = agent.children().get("courier", [])
    return pids[0] if len(pids) == 1 else None


def kill_courier(agent):
    old = wait_for(lambda: courier(agent), 10, 0.01)
    os.kill(old, signal.SIGKILL)
    assert wait_for(lambda: courier(agent) not in (None, old), 10, 0.01)


def answers(agent):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        asked = {name: pool.submit(ask, agent, FOO, token) for name, token in agent.tokens_of.items()}
        return {name: a.result() for name, a in asked.items()}


def judged(agent, statuses):
    got = answers(agent)
    bad = {name: a for name, a in got.items()
           if a.status not in statuses or (a.status == 503 and int(a.retry_after or 0) < 1) or a.seconds > 7}
    assert not bad, bad
    return {name: a.status for name, a in got.items()}


def turn_bad(agent):
    for name, i in agent.issuers.items():
        i.mode = name


# ---- issuers that answer badly

def test_older_keys_bridge_every_fault(many):
    assert len(all_whole(many)) == len(many.issuers)
    judged(many, {200})
    turn_bad(many)
    asked = {name: i.asked for name, i in many.issuers.items()}
    begun = time.monotonic()
    assert wait_for(lambda: sum(r["state"] == "stale" for r in issuer_rows(many)) == len(MODES), 25, 0.3), issuer_rows(many)
    judged(many, {200})
    rows = {r["issuer"]: r for r in issuer_rows(many)}
    for name, i in many.issuers.items():
        row = rows[i.iss]
        assert (row["state"] == "stale") == (name in MODES), (name, row)
        if name in MODES:
            assert 10 < len(row["error"]) <= 200 and row["error"].isprintable(), (name, row)
        assert i.asked - asked[name] <= 4 + (time.monotonic() - begun), (name, i.asked - asked[name], "too often")
    assert len(all_whole(many)) == len(many.issuers)


def test_after_a_kill_the_kept_keys_are_there(many):
    turn_bad(many)
    kill_courier(many)
    judged(many, {200})
    assert wait_for(lambda: states(many) == {"fresh", "stale"}, 10), issuer_rows(many)
    judged(many, {200})


def test_files_that_are_torn(many):
    """They are told and ignored; gates keep what they have.  A new gate has nothing: 503 until the issuer is well."""
    turn_bad(many)
    files = kept_files(many)
    for i, file in enumerate(files):
        text = file.read_bytes()
        file.write_bytes([text[:len(text) // 2], b"", os.urandom(3000), text + b"{}", b"\0" * len(text),
                          text.replace(b'"version":1', b'"version":2'), text.replace(b"127.0.0.1", b"127.0.0.2"),
                          b"[" * 100000][i % 8])
    told = many.log().count("kept keys:")
    kill_courier(many)
    judged(many, {200})
    assert wait_for(lambda: many.log().count("kept keys:") >= told + len(files) * 6 // 8, 10)
    r = run(BIN / "pan-agent", "reload", "--config", many.config)
    assert r.returncode == 0, r
    at = judged(many, {200, 503})
    assert at["good"] == at["limit"] == 200 and 503 in at.values(), at
    for i in many.issuers.values():
        i.mode = "good"
    assert wait_for(lambda: states(many) == {"fresh"}, 35, 0.5), issuer_rows(many)
    judged(many, {200})
    assert len(all_whole(many)) == len(many.issuers)


# ---- a disk that is full, and kill -9

ROOM = 50000  # bytes: less than a set of these, more than the log that the courier writes to


class Turning(Faulty):
    """Its set is another one each time: the steady keys and the last of those that come and go."""

    def __init__(self, certificates):
        super().__init__(certificates)
        self.turn, self.latest = 0, None

    def answer(self, s):
        self.turn += 1
        KEYS["turn-%d" % self.turn] = ec.generate_private_key(ec.SECP256R1())
        keys = STEADY + [jwk("turn-%d" % n, use="sig") for n in range(max(1, self.turn - 11), self.turn + 1)]
        s.sendall(http(json.dumps({"keys": keys, "padding": "x" * ROOM}).encode()))
        self.latest = "turn-%d" % self.turn

    def newest(self):
        return Mint(self.iss, self.latest)("ES256")


@pytest.fixture(scope="module")
def turning(certificates, tmp_path_factory):
    issuer = Turning(certificates)
    agent, tokens = start(tmp_path_factory.mktemp("turning"), {"turning": issuer}, certificates.ca)
    agent.issuer, agent.tokens_of = issuer, tokens
    assert wait_for(lambda: states(agent) == {"fresh"}, 20), issuer_rows(agent)
    yield agent
    agent.stop()
    issuer.stop()


def litter(agent):
    return [p.name for p in (agent.work / "state" / "issuers").iterdir() if p.suffix != ".json"]


def test_no_room_for_the_keys(turning):
    """What the disk does not take is told, and used all the same; the file of before stays whole."""
    before = kept_files(turning)[0].read_bytes()
    pid, turn = courier(turning), turning.issuer.turn
    none, told = (resource.RLIM_INFINITY,) * 2, lambda: turning.log().count("could not be kept for a restart")
    first = told()
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (ROOM, resource.RLIM_INFINITY))
    try:
        assert wait_for(lambda: turning.issuer.turn >= turn + 2 and told() >= first + 2, 15), turning.log()[-2000:]
        assert told() - first <= turning.issuer.turn - turn, "more than a line for each set"
        assert wait_for(lambda: ask(turning, FOO, turning.issuer.newest()).status == 200, 2)
        judged(turning, {200})
        assert kept_files(turning)[0].read_bytes() == before and wait_for(lambda: not litter(turning), 3)
        assert courier(turning) == pid and states(turning) == {"fresh"}
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, none)
    assert wait_for(lambda: kept_files(turning)[0].read_bytes() != before, 10)
    assert all_whole(turning) and wait_for(lambda: not litter(turning), 3)


def test_killed_while_keys_turn(turning):
    """Nobody with a good token is refused, and no file is ever half of one."""
    bad, counts, stop = [], {}, threading.Event()

    def user():
        while not stop.is_set():
            a = ask(turning, FOO, Mint(turning.issuer.iss, "rs")(jti=str(random.random())))
            counts[a.status] = counts.get(a.status, 0) + 1
            if a.status != 200 and (a.status != 503 or int(a.retry_after or 0) < 1):
                bad.append(a)

    users = [threading.Thread(target=user) for _ in range(2)]
    for u in users:
        u.start()
    try:
        for _ in range(6):
            time.sleep(random.uniform(0, 0.2))
            kill_courier(turning)
            assert all_whole(turning)
    finally:
        stop.set()
        for u in users:
            u.join()
    assert not bad and counts[200] > 20, (counts, bad[:3])
    assert wait_for(lambda: states(turning) == {"fresh"}, 10)
    turn = turning.issuer.turn
    assert wait_for(lambda: turning.issuer.turn > turn, 10)
    assert wait_for(lambda: ask(turning, FOO, turning.issuer.newest()).status == 200, 2)
    assert all_whole(turning) and wait_for(lambda: not litter(turning), 3)
    assert "kept keys: not" not in turning.log()
