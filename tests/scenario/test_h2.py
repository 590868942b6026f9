# SPDX-License-Identifier: Apache-2.0
"""HTTP/2: the same answers as over HTTP/1.1, to curl, nghttp and h2load; and clients of python3-h2 that
abuse what HTTP/2 has and HTTP/1.1 has not, each ended within its deadline while others are served."""
import hashlib
import re
import signal
import socket
import ssl
import struct
import time

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
import pytest
from conftest import run, sha256

FILE = "/data/10.5072/open/open.bin"


@pytest.fixture(scope="module")
def agent(launch):
    return launch("https")


class Client:
    """A connection of HTTP/2 by python3-h2; raw() sends what the library would refuse to."""

    def __init__(self, agent):
        context = ssl.create_default_context(cafile=agent.ca)
        context.set_alpn_protocols(["h2"])
        self.socket = context.wrap_socket(socket.create_connection(("127.0.0.1", agent.port)), server_hostname="localhost")
        assert self.socket.selected_alpn_protocol() == "h2"
        self.authority = agent.base.split("//")[1]
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(
            header_encoding="utf-8", validate_outbound_headers=False, normalize_outbound_headers=False))
        self.h2.initiate_connection()
        self.push()
        self.events, self.closed = [], False

    def push(self):
        try:
            self.socket.sendall(self.h2.data_to_send())
        except (ConnectionError, ssl.SSLError):
            self.closed = True

    def raw(self, data):
        try:
            self.socket.sendall(data)
        except (ConnectionError, ssl.SSLError):
            self.closed = True

    def head(self, method="GET", path=FILE, *more):
        return [(":method", method), (":scheme", "https"), (":authority", self.authority), (":path", path), *more]

    def ask(self, method="GET", path=FILE, *more, end=True, head=None):
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, head or self.head(method, path, *more), end_stream=end)
        self.push()
        return stream

    def until(self, done, seconds=10, credit=True):
        """Read until done(event) is true of one; None when the connection ends or time is up before."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.closed:
            self.socket.settimeout(max(0.05, until - time.monotonic()))
            try:
                data = self.socket.recv(65536)
            except (TimeoutError, socket.timeout):
                return None
            except (ConnectionError, ssl.SSLError):
                data = b""
            if not data:
                self.closed = True
                return None
            found = None
            for event in self.h2.receive_data(data):
                self.events.append(event)
                if credit and isinstance(event, h2.events.DataReceived) and event.flow_controlled_length:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                found = found or (event if done(event) else None)
            self.push()
            if found:
                return found
        return None

    def ended(self, seconds):
        """The error code of GOAWAY, or "closed" when the connection ended without one; None: it lives."""
        event = self.until(lambda e: isinstance(e, h2.events.ConnectionTerminated), seconds)
        return event.error_code if event else ("closed" if self.closed else None)

    def answer(self, stream, seconds=10):
        """(status, body), or the error code with which the stream was reset."""
        end = self.until(lambda e: isinstance(e, (h2.events.StreamEnded, h2.events.StreamReset)) and e.stream_id == stream,
                         seconds)
        if isinstance(end, h2.events.StreamReset):
            return end.error_code
        status = [dict(e.headers)[":status"] for e in self.events
                  if isinstance(e, h2.events.ResponseReceived) and e.stream_id == stream]
        body = b"".join(e.data for e in self.events if isinstance(e, h2.events.DataReceived) and e.stream_id == stream)
        return int(status[0]) if status else None, body


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def test_same_answers(agent):
    """Status, fields and bytes are those of HTTP/1.1, but for what speaks of the connection."""
    rows = [
        (FILE,), (FILE, "-I"), (FILE, "-r", "5-99"), (FILE, "-r", "0-9,20-29"), (FILE, "-r", "9999999-"),
        (FILE, "-H", "If-None-Match: *"), (FILE, "-H", 'If-Match: "x"'), ("/none",), ("/data/10.5072/open/none",),
        (FILE, "-X", "PROPFIND", "-H", "Depth: 0"), (FILE, "-X", "DELETE"), (FILE, "-X", "OPTIONS"),
        ("/data/../x",), ("/data/",), (FILE, "-X", "PROPFIND", "-H", "Depth: 1", "-H", "Transfer-Encoding: chunked", "-d",
                                       '<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>'),
        (FILE, "-d", '{"caveats": []}', "-H", "Content-Type: application/macaroon-request"),
    ]
    for path, *more in rows:
        one, two = (agent.get(path, "--http" + v, *more) for v in ("1.1", "2"))
        assert (one.status, one.curl) == (two.status, two.curl), (path, more)
        trace = one.headers.get("content-type", "").startswith("application/problem")
        if not trace and "-I" not in more:
            assert one.body == two.body, (path, more)
        leave = {"date", "connection", "transfer-encoding", "cache-control"}
        assert {k: v for k, v in one.headers.items() if k not in leave} == \
            {k: v for k, v in two.headers.items() if k not in leave}, (path, more)


def test_alpn(agent):
    """h2 is only for who offers it."""
    for flag, version in (("--http1.1", "1.1"), ("--http2", "2"), ("--no-alpn", "1.1")):
        r = agent.curl(flag, "-o", "/dev/null", "-w", "%{http_version} %{http_code}", agent.base + FILE)
        assert r.stdout.decode() == version + " 200", r.stderr


def test_real_clients(agent):
    """nghttp and h2load: many streams at a time, every byte there."""
    want = agent.get(FILE, "--http1.1").body
    r = run("nghttp", "--no-verify-peer", agent.base + FILE)
    assert r.returncode == 0 and hashlib.sha256(r.stdout).hexdigest() == sha256(want)
    r = run("h2load", "-n", "400", "-c", "4", "-m", "100", agent.base + FILE)
    out = r.stdout.decode()
    assert "400 succeeded, 0 failed, 0 errored" in out, out
    assert int(re.search(r"(\d+)\) data", out)[1]) == 400 * len(want)


def test_bodies(agent):
    """Bodies of known and unknown length, in small frames; a length that is not kept; trailers."""
    xml = b'<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>'
    c = Client(agent)
    for more, trailers in (([("content-length", str(len(xml)))], False), ([], False), ([], True)):
        s = c.ask("PROPFIND", FILE, ("depth", "0"), *more, end=False)
        for i in range(0, len(xml), 7):
            c.h2.send_data(s, xml[i:i + 7], end_stream=not trailers and i + 7 >= len(xml))
        if trailers:
            c.h2.send_headers(s, [("x-check", "1")], end_stream=True)
        c.push()
        assert c.answer(s)[0] == 207
    for length in (1, len(xml) + 1):
        s = c.ask("PROPFIND", FILE, ("depth", "0"), ("content-length", str(length)), end=False)
        c.h2.send_data(s, xml, end_stream=True)
        c.push()
        assert c.answer(s) == h2.errors.ErrorCodes.PROTOCOL_ERROR
    s = c.ask()
    assert c.answer(s)[0] == 200


@pytest.mark.parametrize("name, head", [
    ("a capital letter", lambda c: c.head() + [("Accept", "x")]),
    ("connection", lambda c: c.head() + [("connection", "close")]),
    ("transfer-encoding", lambda c: c.head() + [("transfer-encoding", "chunked")]),
    ("te", lambda c: c.head() + [("te", "gzip")]),
    ("a line in a value", lambda c: c.head() + [("x", "a\r\nhost: b")]),
    ("a request in the path", lambda c: c.head(path="/ HTTP/1.1\r\nHost: x\r\n\r\nGET /")),
    ("a blank in the method", lambda c: c.head(method="GET /x HTTP/1.1\r\nx:")),
    ("the absolute form", lambda c: c.head(path="https://other/")),
    ("two paths", lambda c: c.head() + [(":path", "/x")]),
    ("a pseudo-header behind", lambda c: [(":method", "GET"), (":scheme", "https"), (":path", "/"), ("a", "b"), (":authority", "h")]),
    ("no path", lambda c: [(":method", "GET"), (":scheme", "https"), (":authority", "h")]),
    ("CONNECT", lambda c: [(":method", "CONNECT"), (":authority", "h:1")]),
    ("another host", lambda c: c.head() + [("host", "other")]),
], ids=lambda v: v if isinstance(v, str) else "")
def test_malformed(agent, name, head):
    """A malformed request is a stream error; its neighbours are served."""
    c = Client(agent)
    assert c.answer(c.ask(head=head(c))) == h2.errors.ErrorCodes.PROTOCOL_ERROR
    assert c.answer(c.ask())[0] == 200


def test_limits(agent):
    """A head that is too large for HTTP/1.1 is too large here; the connection stays."""
    c = Client(agent)
    assert c.answer(c.ask("GET", FILE, *[("x-%d" % i, "v" * 4000) for i in range(5)]))[0] == 431
    assert c.answer(c.ask("GET", FILE, *[("x-%d" % i, "v") for i in range(101)]))[0] == 431
    assert c.answer(c.ask("GET", "/" + "a" * 9000))[0] == 414
    assert c.answer(c.ask("POST", FILE, ("content-length", "99999999"), end=False))[0] in (405, 413)
    assert c.answer(c.ask())[0] == 200


CALM = h2.errors.ErrorCodes.ENHANCE_YOUR_CALM


def flood(c, piece, times):
    for _ in range(times):
        if c.closed:
            break
        c.raw(piece)


@pytest.mark.parametrize("name, piece", [
    ("ping", frame(6, 0, 0, b"01234567") * 100),
    ("settings", frame(4, 0, 0) * 100),
    ("priority", frame(2, 0, 3, struct.pack(">IB", 0, 1)) * 100),
    ("window updates", frame(8, 0, 0, struct.pack(">I", 1)) * 100),
    ("unknown frames", frame(99, 0, 0, b"x") * 100),
], ids=lambda v: v if isinstance(v, str) else "")
def test_floods(agent, name, piece):
    """Frames that bring nothing are paid from a credit; its end is the connection's."""
    c = Client(agent)
    flood(c, piece, 40)
    assert c.ended(5) in (CALM, "closed")
    assert agent.get(FILE).status == 200


def test_rapid_reset(agent):
    c = Client(agent)
    for i in range(400):
        s = c.h2.get_next_available_stream_id()
        c.h2.send_headers(s, c.head(), end_stream=True)
        c.h2.reset_stream(s)
        if i % 20 == 0:
            c.push()
    c.push()
    assert c.ended(5) in (CALM, h2.errors.ErrorCodes.INTERNAL_ERROR, "closed")
    assert agent.get(FILE).status == 200


def test_empty_data(agent):
    c = Client(agent)
    s = c.ask("PROPFIND", FILE, ("depth", "0"), end=False)
    flood(c, frame(0, 0, s) * 100, 10)
    assert c.ended(5) in (CALM, "closed")


def test_header_bombs(agent):
    """A block without end, by CONTINUATION; and a small one that unpacks to much, by the table of HPACK."""
    c = Client(agent)
    block = c.h2.encoder.encode(c.head())
    c.raw(frame(1, 1, 1, block))
    flood(c, frame(9, 0, 1, b"\x00\x01x\x7f\x81\x7e" + b"v" * 16253) * 2, 20)
    assert c.ended(5) is not None
    c = Client(agent)
    block = c.h2.encoder.encode(c.head()) + b"\x40\x01x\x7f\x81\x1e" + b"v" * 4000 + b"\xbe" * 8000
    c.raw(frame(1, 5, 1, block))
    assert c.ended(5) in (CALM, "closed")
    assert agent.get(FILE).status == 200


def test_many_streams(agent):
    """Beyond 100 streams the next is refused; a hundred that nobody reads hold nobody up."""
    c = Client(agent)
    c.until(lambda e: isinstance(e, h2.events.SettingsAcknowledged))
    c.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 0})
    c.push()
    c.until(lambda e: isinstance(e, h2.events.SettingsAcknowledged))
    assert c.h2.remote_settings.max_concurrent_streams == 100
    for _ in range(100):
        c.ask()
    assert agent.get(FILE).status == 200
    other = Client(agent)
    assert other.answer(other.ask())[0] == 200
    c.h2.remote_settings.acknowledge()
    c.h2.remote_settings._settings[h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS][0] = 1000
    extra = c.ask()
    assert c.answer(extra) in (h2.errors.ErrorCodes.REFUSED_STREAM, (None, b""))


def test_half_a_head(agent):
    """A header block that does not end is cut after the time that a head may take."""
    c = Client(agent)
    assert c.answer(c.ask())[0] == 200
    begun = time.monotonic()
    c.raw(frame(1, 1, 3, c.h2.encoder.encode(c.head())))
    for _ in range(4):
        c.raw(frame(6, 0, 0, b"01234567"))
        time.sleep(0.2)
    assert c.ended(14) is not None
    assert time.monotonic() - begun < 13


def test_fair(agent):
    """Streams of one connection have equal shares: of two large ones, none ends long before the other."""
    c = Client(agent)
    first, second = c.ask(), c.ask()
    assert c.until(lambda e: isinstance(e, h2.events.StreamEnded))
    got = {s: sum(len(e.data) for e in c.events if isinstance(e, h2.events.DataReceived) and e.stream_id == s)
           for s in (first, second)}
    assert min(got.values()) > 0.6 * max(got.values()), got


def test_file_changes(agent):
    """A file that is cut short under way resets its stream; the others go on."""
    path = agent.work / "data" / "open.bin"
    whole = path.read_bytes()
    c = Client(agent)
    assert c.answer(c.ask("GET", FILE, ("range", "bytes=0-0")))[0] == 206
    s = c.ask()
    assert c.until(lambda e: isinstance(e, h2.events.DataReceived), credit=False)
    try:
        with open(path, "r+b") as f:
            f.truncate(1000)
        c.h2.increment_flow_control_window(1 << 21)
        c.h2.increment_flow_control_window(1 << 21, s)
        c.push()
        assert c.answer(s) == h2.errors.ErrorCodes.INTERNAL_ERROR
        assert c.answer(c.ask("GET", "/none"))[0] == 404
    finally:
        path.write_bytes(whole)


def test_drain(launch):
    """At the end of the agent: GOAWAY, the streams that are there end whole."""
    agent = launch("https")
    c = Client(agent)
    s = c.ask()
    assert c.until(lambda e: isinstance(e, h2.events.DataReceived), credit=False)
    agent.signal(signal.SIGTERM)
    assert c.ended(10) == h2.errors.ErrorCodes.NO_ERROR
    c.h2.state_machine.state = h2.connection.ConnectionState.CLIENT_OPEN
    c.raw(frame(8, 0, 0, struct.pack(">I", 1 << 21)) + frame(8, 0, s, struct.pack(">I", 1 << 21)))
    got, until = b"", time.monotonic() + 10
    c.socket.settimeout(5)
    while time.monotonic() < until:
        try:
            data = c.socket.recv(65536)
        except (OSError, ssl.SSLError):
            break
        if not data:
            break
        got += data
    got = len(got) + sum(len(e.data) for e in c.events if isinstance(e, h2.events.DataReceived))
    assert got > 1 << 20 and agent.serve.wait(10) == 0
