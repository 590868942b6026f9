#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How often 50 hostile tokens make the agent fetch its issuer's keys, and what others feel of it: part of tests/bench/tokens.

An issuer that counts, and the agent of tests/serve, which finds it by discovery.  25 tokens name a key that does not
exist, each another one, 25 carry a bad signature under a key that does; all their claims are good.  They come eight at
a time, while a client with a good token of another issuer keeps asking.  Goals: at most 3 retrievals, 401 for each
token, 200 for the client.

    tests/bench/token_storm.py [--json] [--build PRESET]

Exit: 0 the goals are met, 3 they are not, 1 something failed.
"""
import argparse
import base64
import collections
import concurrent.futures
import http.client
import http.server
import json
import os
import pathlib
import re
import shlex
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOKENS, AT_ONCE, MOST = 50, 8, 3
FILE = "/data/foo/a.txt"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def public_key():
    """The JWK of a new RSA key; nobody signs with it."""
    pem = subprocess.run(["openssl", "genrsa", "2048"], capture_output=True, check=True).stdout
    out = subprocess.run(["openssl", "rsa", "-noout", "-modulus"], input=pem, capture_output=True, check=True).stdout
    return {"kty": "RSA", "kid": "real", "use": "sig", "e": "AQAB", "n": b64(bytes.fromhex(out.decode().split("=")[1].strip()))}


def free_ports():
    """The first of six free ports in a row, as the suite's issuers have them."""
    for first in range(29000, 32000, 16):
        try:
            for s in [socket.create_server(("127.0.0.1", first + i)) for i in range(6)]:
                s.close()
            return first
        except OSError:
            continue
    sys.exit("token_storm: no free ports")


def issuer(port):
    """Serves discovery and keys; returns the counter of paths."""
    iss, hits = f"http://127.0.0.1:{port}", collections.Counter()
    pages = {"/.well-known/openid-configuration": {"issuer": iss, "jwks_uri": f"{iss}/jwks"}, "/jwks": {"keys": [public_key()]}}

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            hits[self.path] += 1
            body = json.dumps(pages.get(self.path, {})).encode()
            self.send_response(200 if self.path in pages else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return iss, hits


def hostile(iss, i):
    """Good in everything but its key or signature."""
    now = int(time.time())
    header = {"alg": "RS256", "typ": "at+jwt", "kid": "real" if i % 2 else f"unknown-{i}"}
    payload = {"iss": iss, "sub": "mallory", "aud": "https://data.test/", "iat": now, "exp": now + 600, "scope": "storage.read:/"}
    return ".".join([b64(json.dumps(header).encode()), b64(json.dumps(payload).encode()), b64(os.urandom(256))])


class Client:
    def __init__(self, base, ca):
        self.address = base.removeprefix("https://").split(":")
        self.context = ssl.create_default_context(cafile=ca)

    def ask(self, token):
        """Status and seconds, on a connection of its own."""
        c = http.client.HTTPSConnection(self.address[0], int(self.address[1]), context=self.context, timeout=30)
        c.connect()
        begin = time.monotonic()
        c.request("GET", FILE, headers={"Authorization": f"Bearer {token}"})
        r = c.getresponse()
        r.read()
        spent = time.monotonic() - begin
        c.close()
        return r.status, spent


def storm(client, iss, good):
    """Statuses and seconds of the hostile, then of the good questions."""
    stop, seen = threading.Event(), []

    def keep_asking():
        while not stop.is_set():
            seen.append(client.ask(good))
            time.sleep(0.005)

    other = threading.Thread(target=keep_asking)
    other.start()
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        hostiles = list(pool.map(client.ask, [hostile(iss, i) for i in range(TOKENS)]))
    stop.set()
    other.join()
    return hostiles, seen


def serve(build, port):
    p = subprocess.Popen([ROOT / "tests/serve", "tokens", "--print-env", "--issuer-port", str(port), *(["--build", build] if build else [])],
                         stdout=subprocess.PIPE, text=True)
    env = dict(m.groups() for m in (re.match(r"(\w+)=(.*)", line) for line in p.stdout) if m)
    if "BASE" not in env:
        sys.exit("token_storm: the agent did not start")
    return p, {k: shlex.split(v)[0] for k, v in env.items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--build", default="")
    args = parser.parse_args()
    port = free_ports()
    iss, hits = issuer(port)
    server, env = serve(args.build, port)
    try:
        client = Client(env["BASE"], env["CA"])
        while not hits["/jwks"]:
            time.sleep(0.1)
        time.sleep(1)
        hits.clear()
        begin = time.monotonic()
        hostiles, others = storm(client, iss, env["TOKEN"])
        spent = time.monotonic() - begin
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)
    statuses = collections.Counter(status for status, _ in hostiles)
    result = {"tokens": TOKENS, "retrievals": hits["/jwks"], "at_most": MOST, "other_requests_to_issuer": sum(hits.values()) - hits["/jwks"],
              "statuses": {str(k): v for k, v in sorted(statuses.items())}, "seconds": round(spent, 3),
              "slowest_ms": round(max(s for _, s in hostiles) * 1000, 1),
              "others": len(others), "others_median_ms": round(statistics.median(s for _, s in others) * 1000, 2),
              "others_slowest_ms": round(max(s for _, s in others) * 1000, 2)}
    result["met"] = hits["/jwks"] <= MOST and statuses == {401: TOKENS} and all(status == 200 for status, _ in others)
    if args.json:
        print(json.dumps(result))
    else:
        print(f"{TOKENS} hostile tokens: {result['retrievals']} key retrievals (at most {MOST}), answers {result['statuses']} in {spent:.2f} s, "
              f"slowest {result['slowest_ms']} ms; {len(others)} good requests meanwhile: median {result['others_median_ms']} ms, "
              f"slowest {result['others_slowest_ms']} ms; {'met' if result['met'] else 'NOT met'}")
    return 0 if result["met"] else 3


if __name__ == "__main__":
    sys.exit(main())
