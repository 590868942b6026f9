# SPDX-License-Identifier: Apache-2.0
"""HTTP third-party copy: COPY with Destination, to a server of ours that behaves in every way and to a real XRootD."""
import http.server
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
import zlib

import pytest
from conftest import EMBARGOED, ENV, OPEN, SHARED, free_port, run, wait_for

HOSTILE = SHARED / "bench" / "https" / "hostile.sh"
TOKEN = "TransferHeaderAuthorization: Bearer for-the-other-side"


class Peer(http.server.ThreadingHTTPServer):
    """A destination: what it got, and by its path how it behaves."""
    daemon_threads = True

    def __init__(self, cert, key):
        super().__init__(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.got, self.seen, self.base = {}, [], "https://127.0.0.1:%d" % self.server_port
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def say(self, status, **fields):
        self.send_response(status)
        for name, value in {"Content-Length": "0", **fields}.items():
            self.send_header(name, value)
        self.end_headers()

    def handle_expect_100(self):
        if "/redirect/" in self.path:
            return True
        return super().handle_expect_100()

    def do_HEAD(self):
        self.server.seen.append(("HEAD", self.path, dict(self.headers)))
        data = self.server.got.get(self.path)
        if data is None:
            return self.say(404)
        sums = {"Digest": "adler32=%08x" % (zlib.adler32(data) ^ ("/wrong/" in self.path))} if "/plain/" not in self.path else {}
        return self.say(200, **sums)

    def do_PUT(self):
        self.server.seen.append(("PUT", self.path, dict(self.headers)))
        if "/redirect/" in self.path:
            to = self.path.split("/redirect/", 1)[1]
            self.close_connection = True
            return self.say(307, Location=to if to.startswith("https:") else "/" + to, Connection="close")
        if "/refuse/" in self.path:
            self.close_connection = True
            return self.say(507, Connection="close")
        data, left = b"", int(self.headers["Content-Length"])
        while left:
            piece = self.rfile.read(min(left, 65536))
            if not piece:
                return None
            data, left = data + piece, left - len(piece)
            if "/slow/" in self.path:
                time.sleep(0.4)
        self.server.got[self.path] = data
        return self.say(201)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    d = tmp_path_factory.mktemp("peer")
    r = run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-keyout", d / "key.pem", "-out", d / "cert.pem")
    assert r.returncode == 0, r.stderr
    return d


@pytest.fixture(scope="module")
def agent(launch, certificate):
    more = certificate / "append.yaml"
    more.write_text("transfer: {push: yes, allow: [127.0.0.0/8], ca_file: %s}\n" % (certificate / "cert.pem"))
    a = launch("policy", "--append", more)
    assert wait_for(lambda: "mover" in a.children(), 10)
    return a


@pytest.fixture(scope="module")
def peer(certificate):
    p = Peer(certificate / "cert.pem", certificate / "key.pem")
    yield p
    p.shutdown()


def copy(agent, to, *more, path=OPEN, **who):
    """COPY as curl does it; `path` to `to`."""
    return agent.get(path, "--http1.1", "-X", "COPY", "-H", "Destination: " + to, *[x for m in more for x in ("-H", m)], **who)


def closings(agent):
    lines = [json.loads(line) for line in (agent.work / "logs" / "audit.jsonl").read_text().splitlines()]
    return [r for r in lines if r["kind"] == "close" and "to" in r]


def test_push(agent, peer):
    data = agent.file(OPEN).read_bytes()
    a = copy(agent, peer.base + "/put/a", TOKEN, "TransferHeaderX-Run: 7", "Credential: none", "Overwrite: T",
             "X-Number-Of-Streams: 1", "RequireChecksumVerification: true")
    assert a.status == 202 and a.headers["content-type"] == "text/plain" and a.headers["transfer-encoding"] == "chunked", a
    text = a.body.decode()
    assert text.endswith("success: Created\n") and peer.got["/put/a"] == data, text
    marker = re.search(r"Perf Marker\nTimestamp: \d+\nStripe Index: 0\nStripe Bytes Transferred: (\d+)\n"
                       r"Total Stripe Count: 1\nRemoteConnections: tcp:127\.0\.0\.1:\d+\nEnd\n", text)
    assert marker, text
    assert text.count("Bytes Transferred: %d\n" % len(data)) == 1, text
    put = [h for m, p, h in peer.seen if m == "PUT" and p == "/put/a"][-1]
    assert put["Authorization"] == "Bearer for-the-other-side" and put["X-Run"] == "7", put
    assert put["Content-Length"] == str(len(data)) and put["Expect"] == "100-continue", put
    last = wait_for(lambda: [r for r in closings(agent) if r["bytes"] == len(data)], 5)[-1]
    assert last["result"] == "complete" and last["to"] == "127.0.0.1:%d" % peer.server_port, last


def test_our_own_token_stays_here(agent, peer):
    copy(agent, peer.base + "/put/own", sub="alice")
    assert all("Authorization" not in h for m, p, h in peer.seen if p == "/put/own")


def test_http_2(agent, peer):
    a = agent.get(OPEN, "--http2", "-X", "COPY", "-H", "Destination: %s/put/h2" % peer.base)
    assert a.status == 202 and a.body.endswith(b"success: Created\n"), a


@pytest.mark.parametrize("to,more,last", [
    ("/wrong/a", [], "failure: checksum mismatch (adler32)"),
    ("/wrong/b", ["RequireChecksumVerification: false"], "success: Created"),
    ("/plain/a", [], "success: Created"),
    ("/plain/b", ["RequireChecksumVerification: true"], "failure: checksum verification: the other side gives no adler32 and no md5"),
    ("/refuse/a", [], "failure: the other side answered 507 to PUT"),
    ("/redirect/put/moved", [TOKEN], "success: Created"),
    ("/redirect/redirect/redirect/redirect/put/far", [], "failure: more than 3 redirects"),
    ("/redirect/https://10.0.0.1/x", [], "failure: The other side is at an address that is not sent to: private."),
])
def test_how_it_ends(agent, peer, to, more, last):
    a = copy(agent, peer.base + to, *more)
    assert a.status == 202 and a.body.decode().splitlines()[-1] == last, a


def test_a_token_stays_with_its_host(agent, peer):
    """localhost is another host than 127.0.0.1, also where both are the same machine."""
    port = peer.server_port
    a = copy(agent, "%s/redirect/https://localhost:%d/put/away" % (peer.base, port), TOKEN)
    assert a.body.endswith(b"success: Created\n"), a
    away = [h for m, p, h in peer.seen if m == "PUT" and p == "/put/away"][-1]
    here = [h for m, p, h in peer.seen if m == "PUT" and p.startswith("/redirect/https") and "/put/away" in p][-1]
    assert "Authorization" in here and "Authorization" not in away, away


def test_overwrite(agent, peer):
    peer.got["/put/there"] = b"old"
    a = copy(agent, peer.base + "/put/there", "Overwrite: F")
    assert a.status == 412 and peer.got["/put/there"] == b"old", a
    assert copy(agent, peer.base + "/put/not-there", "Overwrite: F").body.endswith(b"success: Created\n")


@pytest.mark.parametrize("to,status", [
    ("ftp://a.example/x", 400), ("http://a.example/x", 400), ("https://user:pw@a.example/x", 400), ("https://a.example", 400),
    ("https://1.2.3.4.5/x", 400), ("https://a.example:0/x", 400), ("https://a.example/" + "x" * 4100, 400),
    ("https://10.0.0.1/x", 403), ("https://0.0.0.0/x", 403), ("https://[::1]/x", 403), ("https://[::ffff:10.0.0.1]/x", 403),
    ("https://0xa000001/x", 403), ("https://167772161/x", 403), ("https://012.0.0.1/x", 403), ("https://10.1/x", 403),
    ("https://[fd00::1]/x", 403), ("https://100.64.0.1/x", 403), ("https://[64:ff9b::a00:1]/x", 403),
    ("https://169.254.169.254/latest", 403), ("https://localhost/x", 403), ("https://LOCALHOST./x", 403),
])
def test_where_nothing_is_sent(agent, to, status):
    a = copy(agent, to)
    assert a.status == status, a


def test_not_to_itself(agent):
    assert copy(agent, agent.base + OPEN).status == 403
    a = copy(agent, "https://127.0.0.2:%d/x" % agent.port)
    assert a.status == 403 and b"own" in a.body, a


@pytest.mark.parametrize("more,status", [
    (["Source: https://a.example/x"], 400), (["Credential: gridsite"], 400), (["Overwrite: maybe"], 400),
    (["X-Number-Of-Streams: -1"], 400), (["X-Number-Of-Streams: 101"], 400), (["TransferHeaderHost: evil"], 400),
    (["TransferHeaderContent-Length: 0"], 400), (["TransferHeaderTransfer-Encoding: chunked"], 400), (["TransferHeader: x"], 400),
])
def test_what_is_no_copy(agent, more, status):
    assert copy(agent, "https://a.example/x", *more).status == status


def test_order(agent):
    assert agent.get(OPEN, "-X", "COPY").status == 400
    assert agent.get(OPEN, "-X", "COPY", "-H", "Source: https://a.example/x").status == 403
    assert copy(agent, "https://10.0.0.1/x", path=OPEN + ".missing").status == 404
    assert copy(agent, "ftp://a.example/x", path=EMBARGOED).status == 401, "permission comes first"
    assert agent.get(OPEN, "-X", "OPTIONS").headers["allow"] == "GET, HEAD, OPTIONS, PROPFIND, COPY"
    assert "COPY" in agent.get(OPEN, "-X", "DELETE").headers["allow"]


@pytest.mark.skipif(not HOSTILE.exists(), reason="no hostile.sh beside the project")
@pytest.mark.parametrize("who", ["anonymous", "token"])
def test_hostile(agent, who):
    more = ["--token", agent.token("reader")] if who == "token" else []
    r = run(HOSTILE, agent.base.split("//")[1], OPEN, *more, "--only", "TPC", timeout=200)
    assert r.returncode == 0, r.stdout.decode(errors="replace")[-4000:]


def test_client_that_leaves(agent, peer):
    """Its connection is the transfer's life: the other side never gets the file."""
    to = "/slow/left"
    head = "COPY %s HTTP/1.1\r\nHost: localhost:%d\r\nDestination: %s%s\r\n\r\n" % (OPEN, agent.port, peer.base, to)
    context = ssl.create_default_context(cafile=agent.ca)
    before = len(closings(agent))
    with context.wrap_socket(socket.create_connection(("127.0.0.1", agent.port), 5), server_hostname="localhost") as s:
        s.sendall(head.encode())
        assert s.recv(4096).startswith(b"HTTP/1.1 202 ")
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    last = wait_for(lambda: closings(agent)[before:], 10)
    assert last and last[-1]["result"] == "client-gone" and to not in peer.got, last


def test_reload_and_death(agent, peer):
    """A reload asks the gate again and goes on; a mover that dies is told of, and comes back."""
    out = agent.work / "copy.out"
    p = subprocess.Popen(["curl", "-sS", "--http1.1", "--cacert", agent.ca, "-o", str(out), "-X", "COPY", "-H",
                          "Destination: %s/slow/reload" % peer.base, agent.base + OPEN], env=ENV)
    assert wait_for(lambda: any(path == "/slow/reload" for _, path, _ in peer.seen), 10, 0.01)
    agent.signal(1)
    assert p.wait(60) == 0 and out.read_bytes().endswith(b"success: Created\n"), out.read_bytes()
    old = agent.children()["mover"]
    p = subprocess.Popen(["curl", "-sS", "--http1.1", "--cacert", agent.ca, "-o", str(out), "-X", "COPY", "-H",
                          "Destination: %s/slow/death" % peer.base, agent.base + OPEN], env=ENV)
    assert wait_for(lambda: any(path == "/slow/death" for _, path, _ in peer.seen), 10, 0.01)
    os.kill(old[0], 9)
    assert p.wait(20) == 0 and b"failure: " in out.read_bytes(), out.read_bytes()
    assert wait_for(lambda: agent.children().get("mover", old) != old, 10)
    assert wait_for(lambda: copy(agent, peer.base + "/put/again").status == 202, 10)


def test_metrics(agent):
    r = run("curl", "-sS", "--unix-socket", agent.work / "run" / "admin.sock", "http://localhost/metrics").stdout.decode()
    assert int(re.search(r'pan_pushes_total\{result="done"\} (\d+)', r).group(1)) > 0
    assert int(re.search(r'pan_pushes_total\{result="failed"\} (\d+)', r).group(1)) > 0
    assert int(re.search(r"pan_pushed_bytes_total (\d+)", r).group(1)) > 0


def test_switched_off(launch):
    a = launch("https")
    assert "mover" not in a.children()
    r = a.get("/data/10.5072/open/open.bin", "-X", "COPY", "-H", "Destination: https://a.example/x")
    assert r.status == 405 and "COPY" not in r.headers["allow"], r


# ---- a real XRootD ----

@pytest.fixture(scope="module")
def xrootd(certificate, tmp_path_factory):
    if shutil.which("xrootd") is None:
        pytest.skip("xrootd is not installed")
    d, port = tmp_path_factory.mktemp("xrootd"), free_port()
    (d / "data" / "w").mkdir(parents=True)
    (d / "ca").mkdir()
    for name in ("cert.pem", "key.pem"):
        shutil.copy(certificate / name, d / name)
    shutil.copy(certificate / "cert.pem", d / "ca" / "peer.pem")
    run("openssl", "rehash", d / "ca")
    (d / "x.cfg").write_text("\n".join([
        "all.export /w", "oss.localroot %s" % (d / "data"), "xrd.port %d" % port, "all.adminpath %s" % (d / "adm"), "all.pidpath %s" % (d / "adm"),
        "xrd.protocol http:%d libXrdHttp.so" % port, "xrd.tls %s %s" % (d / "cert.pem", d / "key.pem"), "xrd.tlsca certdir %s" % (d / "ca"),
        "http.exthandler xrdtpc libXrdHttpTPC.so", "xrootd.chksum max 2 adler32 md5", "http.listingdeny no", "xrootd.fslib default", ""]))
    (d / "adm").mkdir()
    args = ["xrootd", "-c", str(d / "x.cfg"), "-l", str(d / "log"), "-n", "t"]
    if os.getuid() == 0:
        p = d
        while p != p.parent and p.owner() == "root" and str(p) != "/tmp":
            os.chmod(p, p.stat().st_mode | 0o055)
            p = p.parent
        run("chown", "-R", "xrootd", d)
        args += ["-R", "xrootd"]
    daemon = subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def up():
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0
    assert wait_for(up, 15), [f.read_text()[-2000:] for f in d.rglob("log*") if f.is_file()]
    yield "127.0.0.1:%d" % port, d / "data" / "w"
    daemon.terminate()
    daemon.wait(20)


def client(agent, *args):
    if shutil.which(args[0]) is None:
        pytest.skip(args[0] + " is not installed")
    config = agent.work / "gfal2.d"
    if not config.exists():
        shutil.copytree("/etc/gfal2.d", config)
        http_plugin = config / "http_plugin.conf"
        http_plugin.write_text(re.sub(r"INSECURE=\w+", "INSECURE=true", http_plugin.read_text()))
    env = {**ENV, "GFAL_PYTHONBIN": "/usr/bin/python3", "GFAL_CONFIG_DIR": str(config), "BEARER_TOKEN": agent.token("reader")}
    r = subprocess.run([str(x) for x in args], capture_output=True, timeout=120, env=env)
    assert r.returncode == 0, (args, r.stdout[-1500:], r.stderr[-1500:], agent.log()[-500:])


def test_davix_and_gfal_push(agent, xrootd):
    where, disk = xrootd
    data = agent.file(OPEN).read_bytes()
    assert copy(agent, "https://%s/w/curl" % where, "RequireChecksumVerification: true").body.endswith(b"success: Created\n")
    client(agent, "davix-cp", "-k", agent.base + OPEN, "davs://%s/w/davix" % where)
    client(agent, "gfal-copy", "-f", "-K", "ADLER32", "--copy-mode", "push",
           agent.base.replace("https:", "davs:") + OPEN, "davs://%s/w/gfal" % where)
    for name in ("curl", "davix", "gfal"):
        assert (disk / name).read_bytes() == data, name
