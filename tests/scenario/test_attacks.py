# SPDX-License-Identifier: Apache-2.0
"""Our own table of attacks on who is calling: one server that plays all issuers, and each row against the whole daemon.
It stands alone, and no two of its tests depend on each other."""
import base64
import collections
import concurrent.futures
import datetime
import hashlib
import hmac
import http.client
import http.server
import json
import math
import re
import ssl
import threading
import time
import urllib.parse

import pytest
from conftest import wait_for

pytest.importorskip("cryptography")
from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa  # noqa: E402
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature  # noqa: E402

AUD = "https://data.test/"
FOO, FOOBAR, PUB = "/data/foo/a.txt", "/data/foobar/a.txt", "/data/pub/a.txt"
GONE = object()  # a claim that is left out


def b64(data):
    if not isinstance(data, bytes):
        data = json.dumps(data, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(n, size=None):
    return b64(n.to_bytes(size or (n.bit_length() + 7) // 8, "big"))


# ---- keys

KEYS = {"rs": rsa.generate_private_key(65537, 2048), "es": ec.generate_private_key(ec.SECP256R1()),
        "b": rsa.generate_private_key(65537, 2048), "weak": rsa.generate_private_key(65537, 1024),
        "enc": rsa.generate_private_key(65537, 2048), "evil": rsa.generate_private_key(65537, 2048),
        "evil-es": ec.generate_private_key(ec.SECP256R1()), "ed": ed25519.Ed25519PrivateKey.generate()}
SHARED_SECRET = b"a secret that was published by mistake"


def jwk(name, **more):
    public = KEYS[name].public_key()
    if isinstance(public, rsa.RSAPublicKey):
        n = public.public_numbers()
        k = {"kty": "RSA", "n": number(n.n), "e": number(n.e)}
    elif isinstance(public, ec.EllipticCurvePublicKey):
        n = public.public_numbers()
        k = {"kty": "EC", "crv": "P-256", "x": number(n.x, 32), "y": number(n.y, 32)}
    else:
        k = {"kty": "OKP", "crv": "Ed25519", "x": b64(public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw))}
    return {**k, "kid": name, **more}


def pem(name):
    return KEYS[name].public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


SETS = {"a": [jwk("rs", use="sig", alg="RS256"), jwk("es", use="sig"), jwk("weak", use="sig"), jwk("enc", use="enc"), jwk("ed"),
              {"kty": "oct", "kid": "oct", "k": b64(SHARED_SECRET)}],
        "b": [jwk("b")]}


def sign(alg, key, text):
    if isinstance(key, bytes):
        return hmac.new(key, text, hashlib.sha256).digest()
    if alg == "EdDSA":
        return key.sign(text)
    if alg.startswith("ES"):
        r, s = decode_dss_signature(key.sign(text, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    digest = hashes.SHA384() if alg.endswith("384") else hashes.SHA256()
    if alg.startswith("PS"):
        return key.sign(text, padding.PSS(padding.MGF1(digest), 32), digest)
    return key.sign(text, padding.PKCS1v15(), digest)


# ---- the issuers: one server, told apart by the first part of the path

class Issuers:
    def __init__(self):
        self.hits = collections.Counter()
        issuers = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def reply(self, status, body, **fields):
                body = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **fields}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def drip(self, body):
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                for byte in body:
                    self.wfile.write(bytes([byte]))
                    time.sleep(0.25)

            def do_GET(self):
                issuers.hits[self.path] += 1
                name, _, what = self.path[1:].partition("/")
                try:
                    if name == "dead":
                        self.reply(503, {})
                    elif what == ".well-known/openid-configuration":
                        self.reply(200, issuers.document(name))
                    elif what == "jwks" and name == "redirect":
                        self.reply(302, {}, Location=issuers.iss("a") + "/jwks")
                    elif what == "jwks" and name == "big":
                        self.reply(200, {"keys": SETS["a"], "padding": "x" * 70000})
                    elif what == "jwks" and name == "drip":
                        self.drip(json.dumps({"keys": SETS["a"]}).encode())
                    elif what == "jwks":
                        self.reply(200, {"keys": SETS.get(name, SETS["a"])})
                    elif name == "evil":
                        self.reply(200, {"keys": [jwk("evil", kid="rs"), jwk("evil")]})
                    else:
                        self.reply(404, {})
                except OSError:
                    pass  # the agent has hung up, which is its right

            def do_POST(self):
                issuers.hits[self.path] += 1
                form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                basic = "Basic " + base64.b64encode(b"rs:rssecret").decode()
                token = form["token"][0]
                if self.headers["Authorization"] != basic or token == "opaque-unauthorized":
                    self.reply(401, {"error": "invalid_client"})
                elif token.startswith("opaque-slow"):
                    time.sleep(1.5)
                    self.reply(200, {"active": False})
                elif token == "opaque-garbage":
                    self.reply(200, b"<html>")
                elif token == "opaque-error":
                    self.reply(500, {})
                else:
                    self.reply(200, issuers.opaque(token))

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                pass  # the agent hangs up where it has waited long enough

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def iss(self, name):
        return "http://127.0.0.1:%d/%s" % (self.port, name)

    def document(self, name):
        iss = self.iss(name)
        jwks = {"plain": "http://192.0.2.1/jwks"}.get(name, iss + "/jwks")
        return {"issuer": self.iss("a") if name == "liar" else iss, "jwks_uri": jwks, "introspection_endpoint": iss + "/introspect"}

    def opaque(self, token):
        good = {"active": True, "iss": self.iss("a"), "sub": "alice", "aud": AUD, "exp": int(time.time()) + 600,
                "scope": "storage.read:/", "client_id": "cli", "token_type": "Bearer"}
        if token not in OPAQUE:
            return {"active": False}
        changes = {k: v(self) if callable(v) else v for k, v in OPAQUE[token].items()}
        return {k: v for k, v in {**good, **changes}.items() if v is not GONE}


OPAQUE = {  # token: what its introspection says otherwise
    "opaque-good": {}, "opaque-no-iss": {"iss": GONE}, "opaque-no-iss-2": {"iss": GONE},
    "opaque-true": {"active": "true"}, "opaque-one": {"active": 1}, "opaque-null": {"active": None},
    "opaque-iss": {"iss": lambda i: i.iss("b")}, "opaque-aud": {"aud": "https://other.test/"}, "opaque-no-aud": {"aud": GONE},
    "opaque-refresh": {"token_type": "refresh_token"}, "opaque-old": {"exp": 1000}, "opaque-no-exp": {"exp": GONE},
    "opaque-text-exp": {"exp": "9999999999"}, "opaque-young": {"nbf": 9999999999}, "opaque-no-sub": {"sub": GONE},
    "opaque-bound": {"cnf": {"jkt": "x" * 43}}, "opaque-scope": {"scope": "openid"},
}


# ---- tokens

class Mint:
    """Tokens of one issuer; everything can be replaced."""

    def __init__(self, iss, key):
        self.iss, self.key = iss, key

    def claims(self, **changes):
        now = int(time.time())
        all_of_them = {"iss": self.iss, "sub": "alice", "aud": AUD, "iat": now - 5, "exp": now + 600, "scope": "storage.read:/", **changes}
        return {k: v for k, v in all_of_them.items() if v is not GONE}

    def __call__(self, alg="RS256", kid=None, key=None, header=None, raw_header=None, raw_payload=None, signature=None, **changes):
        head = {"alg": alg, "typ": "at+jwt", "kid": kid or self.key, **(header or {})}
        head = {k: v for k, v in head.items() if v is not GONE}
        text = b64(raw_header or head) + "." + b64(raw_payload or self.claims(**changes))
        if signature is None:
            signature = sign(alg, KEYS[key or self.key] if not isinstance(key, bytes) else key, text.encode())
        elif callable(signature):
            signature = signature(text.encode())
        return text + "." + b64(signature)


class World:
    def __init__(self, issuers):
        self.issuers = issuers
        self.a, self.b = Mint(issuers.iss("a"), "rs"), Mint(issuers.iss("b"), "b")


def es(w, signature=None, **changes):
    return w.a("ES256", "es", "es", signature=signature, **changes)


def raw(w, payload):
    return w.a(raw_payload=payload)


def text_of(w, **changes):
    return json.dumps(w.a.claims(**changes)).encode()


def last_bit(w):
    """Unused bits of the signature's last character are set: another text of the same bytes."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    token = w.a()
    return token[:-1] + alphabet[alphabet.index(token[-1]) | 1]


def part(token, i):
    return token.split(".")[i]


# name, a token by the world; each must be 401 invalid_token at FOO
FORGED = [
    ("alg none", lambda w: w.a(header={"alg": "none"}, signature=b"")),
    ("alg nOnE, and a signature", lambda w: w.a(header={"alg": "nOnE"})),
    ("alg none, and a signature", lambda w: w.a(header={"alg": "none"})),
    ("alg HS256 by the public key", lambda w: w.a("HS256", key=pem("rs"))),
    ("alg HS256 by a published secret", lambda w: w.a("HS256", "oct", SHARED_SECRET)),
    ("alg HS256 by nothing", lambda w: w.a("HS256", key=b"")),
    ("alg RS384", lambda w: w.a("RS384")),
    ("alg PS256, which is not on the list", lambda w: w.a("PS256")),
    ("alg EdDSA, with a published key", lambda w: w.a("EdDSA", "ed", "ed")),
    ("alg ES256 for a key of RSA", lambda w: w.a("ES256", "rs", "evil-es")),
    ("alg RS256 for a key of P-256", lambda w: w.a("RS256", "es", "evil")),
    ("alg is missing", lambda w: w.a(header={"alg": GONE})),
    ("alg is a list", lambda w: w.a(header={"alg": ["RS256"]})),
    ("another key under a known kid", lambda w: w.a(key="evil")),
    ("its own key in the header", lambda w: w.a(key="evil", header={"jwk": jwk("evil", kid="rs")})),
    ("a set's place in the header", lambda w: w.a(key="evil", header={"jku": w.issuers.iss("evil") + "/set"})),
    ("a certificate's place in the header", lambda w: w.a(key="evil", header={"x5u": w.issuers.iss("evil") + "/chain"})),
    ("kid is a path", lambda w: w.a("HS256", "../../../../../dev/null", b"")),
    ("kid is a place", lambda w: w.a(kid=w.issuers.iss("evil") + "/set", key="evil")),
    ("kid is SQL", lambda w: w.a(kid="x' UNION SELECT 'key", key="evil")),
    ("kid is a number", lambda w: w.a(kid="rs", header={"kid": 1})),
    ("kid holds a control", lambda w: w.a(header={"kid": "rs\n"})),
    ("no kid, and another key", lambda w: w.a(key="evil", header={"kid": GONE})),
    ("a key of another issuer", lambda w: w.a(kid="b", key="b")),
    ("another issuer's name", lambda w: w.b(kid="rs", key="rs", aud=GONE, azp="oidc-agent")),
    ("a key of 1024 bits", lambda w: w.a(kid="weak", key="weak")),
    ("a key for encryption", lambda w: w.a(kid="enc", key="enc")),
    ("signature of zeros", lambda w: es(w, bytes(64))),
    ("signature in DER", lambda w: es(w, lambda t: KEYS["es"].sign(t, ec.ECDSA(hashes.SHA256())))),
    ("signature with a byte more", lambda w: es(w, lambda t: sign("ES256", KEYS["es"], t) + b"\0")),
    ("signature with a zero in front", lambda w: w.a(signature=lambda t: b"\0" + sign("RS256", KEYS["rs"], t))),
    ("signature of another token", lambda w: w.a(sub="root").rsplit(".", 1)[0] + "." + part(w.a(), 2)),
    ("payload of another token", lambda w: ".".join([part(w.a(), 0), part(w.a(sub="root"), 1), part(w.a(), 2)])),
    ("iss with a slash more", lambda w: w.a(iss=w.a.iss + "/")),
    ("iss in other case", lambda w: w.a(iss=w.a.iss.replace("http", "HTTP"))),
    ("iss with a user name", lambda w: w.a(iss=w.a.iss + "@evil.test")),
    ("iss with a fragment", lambda w: w.a(iss=w.a.iss + "#evil")),
    ("iss with a letter that looks like a", lambda w: w.a(iss=w.a.iss[:-1] + "\u0430")),
    ("iss with a byte of zero", lambda w: w.a(iss=w.a.iss + "\0")),
    ("iss is a list", lambda w: w.a(iss=[w.a.iss])),
    ("iss is missing", lambda w: w.a(iss=GONE)),
    ("iss is unknown", lambda w: w.a(iss="https://evil.test")),
    ("aud is missing", lambda w: w.a(aud=GONE)),
    ("aud is missing, and azp is not asked here", lambda w: w.a(aud=GONE, azp="oidc-agent")),
    ("aud is another's", lambda w: w.a(aud="https://other.test/")),
    ("aud begins like ours", lambda w: w.a(aud=AUD + "more")),
    ("aud in other case", lambda w: w.a(aud=AUD.upper())),
    ("aud is a list of others", lambda w: w.a(aud=["https://other.test/", "https://data.test.evil/"])),
    ("aud is an empty list", lambda w: w.a(aud=[])),
    ("aud is nested", lambda w: w.a(aud=[[AUD]])),
    ("aud holds a number", lambda w: w.a(aud=[AUD, 1])),
    ("aud is an object", lambda w: w.a(aud={AUD: True})),
    ("aud is empty", lambda w: w.a(aud="")),
    ("azp is listed, and aud is another's", lambda w: w.b(aud="https://other.test/", azp="oidc-agent")),
    ("azp is not listed", lambda w: w.b(aud=GONE, azp="evil")),
    ("azp is a list", lambda w: w.b(aud=GONE, azp=["oidc-agent"])),
    ("exp is missing", lambda w: w.a(exp=GONE)),
    ("exp is past", lambda w: w.a(exp=int(time.time()) - 1)),
    ("exp is now", lambda w: w.a(exp=int(time.time()))),
    ("exp is a text", lambda w: w.a(exp=str(int(time.time()) + 600))),
    ("exp is null", lambda w: w.a(exp=None)),
    ("exp is true", lambda w: w.a(exp=True)),
    ("exp is zero", lambda w: w.a(exp=0)),
    ("exp is endless", lambda w: raw(w, text_of(w, exp=12345).replace(b"12345", b"1e400"))),
    ("exp is beyond all times", lambda w: w.a(exp=1 << 60)),
    ("nbf is to come", lambda w: w.a(nbf=int(time.time()) + 300)),
    ("nbf is a text", lambda w: w.a(nbf="0")),
    ("iat is to come", lambda w: w.a(iat=int(time.time()) + 300)),
    ("crit with nothing in it", lambda w: w.a(header={"crit": []})),
    ("crit with exp", lambda w: w.a(header={"crit": ["exp"], "exp": 9999999999})),
    ("b64 is false", lambda w: w.a(header={"b64": False, "crit": ["b64"]})),
    ("zip", lambda w: w.a(header={"zip": "DEF"})),
    ("typ of a proof", lambda w: w.a(header={"typ": "dpop+jwt"})),
    ("typ of a logout", lambda w: w.a(header={"typ": "logout+jwt"})),
    ("a token in a token", lambda w: w.a(header={"cty": "JWT"})),
    ("encrypted", lambda w: b64({"alg": "RSA-OAEP", "enc": "A256GCM", "kid": "rs"}) + ".AAAA.AAAA.AAAA.AAAA"),
    ("four parts", lambda w: w.a() + ".AAAA"),
    ("no signature", lambda w: w.a().rsplit(".", 1)[0] + "."),
    ("JSON serialization", lambda w: json.dumps({"payload": part(w.a(), 1), "signatures": []}).replace(" ", "")),
    ("two algs", lambda w: w.a(raw_header=b'{"alg":"none","typ":"at+jwt","kid":"rs","alg":"RS256"}')),
    ("two subs", lambda w: raw(w, text_of(w).replace(b'"sub"', b'"sub":"root","sub"'))),
    ("two auds, one by an escape", lambda w: raw(w, text_of(w, aud="x").replace(b'"aud"', b'"\\u0061ud":"' + AUD.encode() + b'","aud"'))),
    ("padding", lambda w: w.a() + "=="),
    ("unused bits", last_bit),
    ("the other base64", lambda w: w.a(signature=b"\xff" * 256).replace("_", "/")),
    ("a byte order mark", lambda w: raw(w, b"\xef\xbb\xbf" + text_of(w))),
    ("a zero after the payload", lambda w: raw(w, text_of(w) + b"\0")),
    ("a second payload", lambda w: raw(w, text_of(w) + text_of(w, sub="root"))),
    ("payload is not UTF-8", lambda w: raw(w, text_of(w, sub="SUB").replace(b"SUB", b"\xff"))),
    ("half of a surrogate pair", lambda w: raw(w, text_of(w, sub="SUB").replace(b"SUB", b"\\ud800"))),
    ("payload is nested deeply", lambda w: raw(w, text_of(w, x="X").replace(b'"X"', b"[" * 60 + b"]" * 60))),
    ("payload is a list", lambda w: raw(w, b"[" + text_of(w) + b"]")),
    ("payload has a thousand members", lambda w: w.a(**{"m%d" % i: i for i in range(1000)})),
    ("sub is missing", lambda w: w.a(sub=GONE)),
    ("sub is empty", lambda w: w.a(sub="")),
    ("sub is a number", lambda w: w.a(sub=1)),
    ("sub ends with a byte of zero", lambda w: w.a(sub="alice\0")),
    ("sub is long", lambda w: w.a(sub="a" * 300)),
    ("scope is a list", lambda w: w.a(scope=["storage.read:/"])),
    ("scope without a path", lambda w: w.a(scope="storage.read")),
    ("bound to a key, as Bearer", lambda w: w.a(cnf={"jkt": "x" * 43})),
    ("bound to a certificate, without it", lambda w: w.a(cnf={"x5t#S256": "A" * 43})),
    ("bound in an unknown way", lambda w: w.a(cnf={"jwk": jwk("evil")})),
    ("bound to nothing", lambda w: w.a(cnf={})),
    ("cnf is null", lambda w: w.a(cnf=None)),
] + [("%s at the issuer" % name[7:], lambda w, name=name: name) for name in OPAQUE
     if name not in ("opaque-good", "opaque-no-iss", "opaque-no-iss-2", "opaque-scope")] + [
    ("a word that nobody knows", lambda w: "opaque-unknown"),
    ("two parts", lambda w: "opaque.token"),
    ("a short word", lambda w: "opaque"),
]

# name, statuses, a token, the path: what the token may, and what it may not
SCOPED = [
    ("whatever there is", 200, lambda w: w.a(), FOO),
    ("by a key on P-256", 200, lambda w: es(w), FOO),
    ("aud is a list with ours", 200, lambda w: w.a(aud=["https://other.test/", AUD]), FOO),
    ("no aud, and a listed azp", 200, lambda w: w.b(aud=GONE, azp="oidc-agent"), FOO),
    ("an opaque one", 200, lambda w: "opaque-good", FOO),
    ("an opaque one whose issuer is not named", 200, lambda w: "opaque-no-iss", FOO),
    ("the folder alone", 200, lambda w: w.a(scope="storage.read:/data/foo"), FOO),
    ("a folder that begins alike", 403, lambda w: w.a(scope="storage.read:/data/foo"), FOOBAR),
    ("a folder, then back", 403, lambda w: w.a(scope="storage.read:/data/foo/../foobar"), FOOBAR),
    ("a folder, then back by escapes", 403, lambda w: w.a(scope="storage.read:/data/%2e%2e/"), FOO),
    ("an escaped slash", 403, lambda w: w.a(scope="storage.read:/data%2ffoo"), FOO),
    ("another folder", 403, lambda w: w.a(scope="storage.read:/data/pub"), FOO),
    ("to write", 403, lambda w: w.a(scope="storage.modify:/ storage.create:/"), FOO),
    ("in other case", 403, lambda w: w.a(scope="Storage.Read:/"), FOO),
    ("no scope at all", 403, lambda w: w.a(scope=GONE), FOO),
    ("no scope, of an open file", 403, lambda w: w.a(scope="openid"), PUB),
    ("no scope, of an opaque one", 403, lambda w: "opaque-scope", FOO),
    ("a path that leaves the dataset", (400, 403, 404), lambda w: w.a(scope="storage.read:/data/foo"), "/data/foo/../foobar/a.txt"),
    ("the same by escapes", (400, 403, 404), lambda w: w.a(scope="storage.read:/data/foo"), "/data/foo/%2e%2e/foobar/a.txt"),
    ("the same by an escaped slash", (400, 403, 404), lambda w: w.a(scope="storage.read:/data/foo"), "/data/foo/..%2ffoobar%2fa.txt"),
]

# name, statuses, the challenge's error ("": none, None: any), fields by a good token, what follows the path
CARRIED = [
    ("in the query", 400, "invalid_request", lambda t: [], "?access_token=%s"),
    ("in the query too", 400, "invalid_request", lambda t: [("Authorization", "Bearer " + t)], "?x=1&access_token=%s"),
    ("in a cookie", 401, "", lambda t: [("Cookie", "access_token=" + t)], ""),
    ("in our own cookie", 401, "", lambda t: [("Cookie", "__Host-pan-session=" + t)], ""),
    ("twice", 400, "invalid_request", lambda t: [("Authorization", "Bearer " + t)] * 2, ""),
    ("beside another", 400, "invalid_request", lambda t: [("Authorization", "Bearer " + t), ("Authorization", "Basic YTpi")], ""),
    ("two words", 400, "invalid_request", lambda t: [("Authorization", "Bearer %s %s" % (t, t))], ""),
    ("two by a comma", 401, "invalid_token", lambda t: [("Authorization", "Bearer %s,%s" % (t, t))], ""),
    ("Bearer alone", 400, "invalid_request", lambda t: [("Authorization", "Bearer")], ""),
    ("by another scheme", 401, "", lambda t: [("Authorization", "Basic " + t)], ""),
    ("by DPoP, without a proof", 401, "invalid_token", lambda t: [("Authorization", "DPoP " + t)], ""),
    ("very long", (400, 401, 431), None, lambda t: [("Authorization", "Bearer " + t + "A" * 17000)], ""),
    ("nothing", 401, "", lambda t: [], ""),
    ("as it should be", 200, None, lambda t: [("Authorization", "Bearer " + t)], ""),
    ("in lower case", 200, None, lambda t: [("Authorization", "bearer " + t)], ""),
]


# ---- the agent

CONFIG = """\
  - issuer: {a}
    name: A
    insecure: yes
    refresh: 3600
    typ: [at+jwt, JWT, absent]
    audience: ["{aud}"]
    path_scopes: yes
    token_kind: both
    client_id: rs
    client_secret_file: rs.secret
  - issuer: {b}
    name: B
    insecure: yes
    typ: [at+jwt, JWT, absent]
    audience: ["{aud}"]
    azp: [oidc-agent]
"""
BROKEN = ["dead", "redirect", "big", "liar", "plain", "drip"]
BROKEN_CONFIG = """\
  - issuer: {iss}
    name: {name}
    insecure: yes
    audience: ["{aud}"]
"""
LAST = "client_certificates: optional\n"
POLICY = """\
policy: attacks
version: 1
title: For the table of attacks
contact: useroffice@facility.example
timezone: Europe/Stockholm
valid_from: 2000-01-01
licence: CC0-1.0
embargo: {anchor: experiment_end, period: 3y}
groups: {team: [pi]}
rules:
  - {id: record, effect: permit, action: [meta.public], when: {state: [embargoed, open]}}
  - {id: open, effect: permit, action: [meta.full, data.list, data.read], when: {state: [open]}}
  - {id: tokens, effect: permit, action: [meta.full, data.list, data.read], when: {state: [embargoed], issuer: [%s]}}
  - {id: team, effect: permit, action: [meta.full, data.list, data.read], when: {state: [embargoed], role: [team]}}
tests:
  - {name: "closed", now: 2025-01-01, dates: {experiment_end: 2024-05-31}, action: data.read, expect: deny, status: 401}
"""


@pytest.fixture(scope="module")
def world():
    issuers = Issuers()
    yield World(issuers)
    issuers.server.shutdown()
    issuers.server.server_close()


@pytest.fixture(scope="module")
def agent(launch, tmp_path_factory, world):
    files = tmp_path_factory.mktemp("attacks")
    iss = world.issuers.iss
    (files / "append.yaml").write_text(CONFIG.format(a=iss("a"), b=iss("b"), aud=AUD) + "".join(
        BROKEN_CONFIG.format(iss=iss(name), name=name, aud=AUD) for name in BROKEN) + LAST)
    (files / "policy.yaml").write_text(POLICY % ", ".join('"%s"' % iss(name) for name in ["a", "b"] + BROKEN))
    a = launch("tokens", "--issuer-port", "none", "--append", files / "append.yaml", "--policy", files / "policy.yaml")
    a.context = ssl.create_default_context(cafile=a.ca)
    assert wait_for(lambda: ask(a, FOO, world.a()).status == 200, 15, 0.2)
    return a


class Answer:
    def __init__(self, response, seconds):
        self.status, self.body, self.seconds = response.status, response.read(), seconds
        self.challenges = response.headers.get_all("WWW-Authenticate") or []
        self.retry_after = response.headers.get("Retry-After")

    @property
    def error(self):
        """Of the one Bearer challenge: its error, "" for none."""
        bearer = [c for c in self.challenges if c.lower().startswith("bearer")]
        assert len(bearer) == 1, self
        found = re.search(r'error="([a-z_]+)"', bearer[0])
        return found.group(1) if found else ""

    def __repr__(self):
        return "<%d %s %r>" % (self.status, self.challenges, self.body[:300])


def ask(agent, path, token=None, fields=(), method="GET", source="127.0.0.1", context=None):
    begin = time.monotonic()
    c = http.client.HTTPSConnection("127.0.0.1", agent.port, context=context or agent.context, timeout=20, source_address=(source, 0))
    c.putrequest(method, path, skip_accept_encoding=True)
    for name, value in [*fields, *([("Authorization", "Bearer " + token)] if token else [])]:
        c.putheader(name, value)
    c.endheaders()
    answer = Answer(c.getresponse(), time.monotonic() - begin)
    c.close()
    return answer


def wrong(answer, statuses, error):
    """What of the answer is not as it must be, or nothing."""
    statuses = statuses if isinstance(statuses, tuple) else (statuses,)
    if answer.status not in statuses:
        return repr(answer)
    if answer.status == 401 and error is not None and answer.error != error:
        return repr(answer)
    if answer.status in (200, 206) and answer.challenges:
        return repr(answer)
    return None


def judge_all(rows):
    """Every row is asked, and all that fail are told together."""
    assert not rows, "\n".join("%s: %s" % row for row in rows)


def test_forged_tokens(agent, world):
    bad = []
    for i, (name, make) in enumerate(FORGED):
        if i % 15 == 14:
            time.sleep(0.5)  # unknown opaque tokens: at most 20 a second
        answer = ask(agent, FOO, make(world))
        bad += [(name, why) for why in [wrong(answer, 401, "invalid_token")] if why]
    judge_all(bad)
    assert len(FORGED) > 100
    assert not [path for path in world.issuers.hits if path.startswith("/evil")], "a token decided what was fetched"


def test_a_bad_token_is_no_stranger(agent, world):
    """An open file is for all; with a token that is not good it is refused all the same (HTTP-5)."""
    assert ask(agent, PUB).status == 200
    for token in (world.a(key="evil"), world.a(exp=1), "opaque-unknown2"):
        assert wrong(ask(agent, PUB, token), 401, "invalid_token") is None


def test_what_a_token_covers(agent, world):
    bad = []
    for name, statuses, make, path in SCOPED:
        answer = ask(agent, path, make(world))
        bad += [(name, why) for why in [wrong(answer, statuses, None)] if why]
        if answer.status == 403 and answer.error != "insufficient_scope":
            bad.append((name, "no insufficient_scope: %r" % answer))
    judge_all(bad)


def test_how_a_token_comes(agent, world):
    bad = []
    for name, statuses, error, fields, query in CARRIED:
        token = world.a()
        answer = ask(agent, FOO + (query % token if query else ""), fields=fields(token))
        bad += [(name, why) for why in [wrong(answer, statuses, error)] if why]
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = ask(agent, FOO, fields=[("Content-Length", "0")], method=method)
        bad += [(method, repr(answer))] if answer.status < 400 or answer.status >= 500 else []
    judge_all(bad)


def test_the_issuer_of_opaque_tokens_fails(agent):
    for token in ("opaque-garbage", "opaque-error", "opaque-unauthorized"):
        answer = ask(agent, FOO, token)
        assert answer.status == 503 and int(answer.retry_after) >= 1 and not answer.challenges, (token, answer)


def test_unknown_keys_cost_one_retrieval(agent, world):
    before = world.issuers.hits["/a/jwks"]
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        kids = list(pool.map(lambda i: ask(agent, FOO, world.a(kid="unknown-%d" % i, key="evil")), range(50)))
        forged = list(pool.map(lambda i: ask(agent, FOO, world.a(sub="user-%d" % i, key="evil")), range(50)))
    assert {a.status for a in kids + forged} == {401}
    assert world.issuers.hits["/a/jwks"] - before <= 2
    assert ask(agent, FOO, world.a()).status == 200


def test_one_address_cannot_keep_all_others_from_waiting(agent):
    """Four unknown tokens of a slow issuer, each sent often: others who must wait for it still may."""
    def flood(i):
        return ask(agent, FOO, "opaque-slow-%d" % (i % 4), source="127.0.0.2").status

    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        running = [pool.submit(flood, i) for i in range(64)]
        time.sleep(0.7)
        honest = ask(agent, FOO, "opaque-no-iss-2")
        seen = collections.Counter(r.result() for r in running)
    assert honest.status == 200, honest
    assert set(seen) <= {401, 429, 503} and seen[401] >= 8, seen


def test_issuers_that_cannot_be_used(agent, world):
    """Each is 503 with Retry-After within 8 s, whatever keys stand there; and nobody else waits for them."""
    def one(name):
        return name, ask(agent, FOO, Mint(world.issuers.iss(name), "rs")())

    with concurrent.futures.ThreadPoolExecutor(len(BROKEN)) as pool:
        running = [pool.submit(one, name) for name in BROKEN]
        slowest = max(ask(agent, FOO, world.a()).seconds for _ in range(20))
        answers = dict(r.result() for r in running)
    for name, answer in answers.items():
        assert answer.status == 503 and int(answer.retry_after) >= 1 and not answer.challenges, (name, answer)
        assert answer.seconds < 8, name
    assert slowest < 1, slowest


def certificate(folder, name, key):
    """A context that shows a certificate of this key, signed by nobody who matters."""
    subject = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, name)])
    now = datetime.datetime(2026, 1, 1)
    cert = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key()).serial_number(
        7).not_valid_before(now).not_valid_after(now + datetime.timedelta(3650)).sign(KEYS["evil"], hashes.SHA256())
    file = folder / (name + ".pem")
    file.write_bytes(cert.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()))
    return file


def slow_key():
    """RSA whose public exponent is as long as its modulus: cheap to sign with, and a hundred times dearer to verify."""
    n = rsa.generate_private_key(65537, 2048).private_numbers()
    phi = (n.p - 1) * (n.q - 1)
    e = phi // 3 | 1
    while math.gcd(e, phi) != 1:
        e += 2
    d = pow(e, -1, phi)
    return rsa.RSAPrivateNumbers(n.p, n.q, d, d % (n.p - 1), d % (n.q - 1), pow(n.q, -1, n.p), rsa.RSAPublicNumbers(
        e, n.p * n.q)).private_key()


def test_certificates_that_are_dear_to_verify(agent, world, tmp_path):
    for name, key, good in (("plain", KEYS["rs"], True), ("curve", KEYS["es"], True), ("slow", slow_key(), False)):
        context = ssl.create_default_context(cafile=agent.ca)
        context.load_cert_chain(certificate(tmp_path, name, key))
        try:
            answer = ask(agent, FOO, world.a(), context=context)
            assert good and answer.status == 200, (name, answer)
        except OSError:
            assert not good, name


def test_nothing_of_a_token_is_logged(agent, world):
    token = world.a(sub="somebody-to-look-for", key="evil")
    ask(agent, FOO, token)
    time.sleep(0.2)
    text = agent.log()
    for piece in token.split(".")[1:] + ["rssecret", "opaque-good", "opaque-unauthorized"]:
        assert piece not in text, piece[:20]
