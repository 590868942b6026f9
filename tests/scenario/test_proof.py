# SPDX-License-Identifier: Apache-2.0
"""Tokens that are bound to a key: DPoP proofs (RFC 9449) and TLS client certificates (RFC 8705), by curl and
openssl against the whole daemon; the memory of used proofs outlives a reload and the death of a gate."""
import base64
import hashlib
import json
import os
import re
import signal
import subprocess
import time
import uuid

import pytest
from conftest import ENV, OPEN, README, run, sha256, wait_for

pytest.importorskip("cryptography")
from cryptography.hazmat.primitives import hashes  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec, utils  # noqa: E402

ISSUERS = """  - issuer: https://dpop.test
    name: DPoP
    jwks_file: %(jwks)s
    audience: ["https://data.test/"]
    algorithms: [ES256]
    clock_leeway: 5
    dpop: optional
  - issuer: https://only.test
    name: Only DPoP
    jwks_file: %(jwks)s
    audience: ["https://data.test/"]
    algorithms: [ES256]
    clock_leeway: 5
    dpop: required
client_certificates: optional
"""


def b64(data):
    if isinstance(data, dict):
        data = json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Key:
    """A key on P-256 that signs JWS."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        n = self.key.public_key().public_numbers()
        self.jwk = {"kty": "EC", "crv": "P-256", "x": b64(n.x.to_bytes(32, "big")), "y": b64(n.y.to_bytes(32, "big"))}
        text = json.dumps({k: self.jwk[k] for k in ("crv", "kty", "x", "y")}, separators=(",", ":"))
        self.jkt = b64(hashlib.sha256(text.encode()).digest())

    def jws(self, header, payload):
        text = b64({"alg": "ES256", **header}) + "." + b64(payload)
        r, s = utils.decode_dss_signature(self.key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return text + "." + b64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


ISSUER, HOLDER, THIEF = Key(), Key(), Key()


def token(iss="https://dpop.test", **cnf):
    now = int(time.time())
    claims = {"iss": iss, "sub": "alice", "aud": "https://data.test/", "iat": now, "exp": now + 3600}
    return ISSUER.jws({"typ": "at+jwt"}, {**claims, **({"cnf": cnf} if cnf else {})})


def proof(agent, path, tok, by=HOLDER, method="GET", **more):
    claims = {"htm": method, "htu": agent.base + path, "iat": int(time.time()), "jti": str(uuid.uuid4()),
              "ath": b64(hashlib.sha256(tok.encode()).digest())}
    return by.jws({"typ": "dpop+jwt", "jwk": by.jwk}, {**claims, **more})


def ask(agent, path, tok, *proofs, scheme="DPoP", more=()):
    fields = [a for p in proofs for a in ("-H", "DPoP: " + p)]
    return agent.get(path, "-H", "Authorization: %s %s" % (scheme, tok), *fields, *more)


@pytest.fixture(scope="module")
def agent(launch, tmp_path_factory):
    files = tmp_path_factory.mktemp("issuer")
    (files / "jwks.json").write_text(json.dumps({"keys": [ISSUER.jwk]}))
    (files / "append.yaml").write_text(ISSUERS % {"jwks": files / "jwks.json"})
    a = launch("policy", "--append", files / "append.yaml")
    bound = token(jkt=HOLDER.jkt)
    # In its first seconds the agent cannot know which proofs were used before, and says so.
    first = ask(a, OPEN, bound, proof(a, OPEN, bound, iat=int(time.time()) - 60))
    assert first.status in (401, 503), first
    assert wait_for(lambda: ask(a, OPEN, bound, proof(a, OPEN, bound)).status == 200, 15, 0.5)
    return a


def refused(answer, proof=True):
    """401; for the sake of the proof, or else of the token that cannot be used like this."""
    challenge = answer.headers["www-authenticate"]
    said = 'error="%s"' % ("invalid_dpop_proof" if proof else "invalid_token")
    return answer.status == 401 and answer.json["detail"].startswith("DPoP proof: ") == proof and said in challenge



def test_archive(agent):
    """One proof for the archive holds for its members, and not a second time."""
    bound, path = token(jkt=HOLDER.jkt), "/archive/10.5072/sc5310-saxs-01.tar"
    one = proof(agent, path, bound)
    a = ask(agent, path, bound, one)
    assert a.status == 200 and a.curl == 0 and len(a.body) == int(a.headers["content-length"]), a
    assert ask(agent, path, bound, one).status == 401
    assert ask(agent, path, bound, proof(agent, OPEN, bound)).status == 401

def test_a_proof_is_for_one_request(agent):
    bound = token(jkt=HOLDER.jkt)
    p = proof(agent, OPEN, bound)
    good = ask(agent, OPEN, bound, p)
    assert good.status == 200 and sha256(good.body) == sha256(agent.file(OPEN))
    again = ask(agent, OPEN, bound, p)
    assert refused(again), again
    assert "used already" in again.json["detail"]
    p = proof(agent, OPEN, bound)
    assert refused(ask(agent, README, bound, p))
    assert ask(agent, OPEN, bound, p, more=["-I"]).status == 401
    assert refused(ask(agent, OPEN, token(jkt=HOLDER.jkt), proof(agent, OPEN, token(jkt=HOLDER.jkt), ath="x" * 43)))
    assert ask(agent, OPEN, bound, p, scheme="dpop").status == 200  # none of these used it up
    head = proof(agent, OPEN, bound, method="HEAD")
    assert ask(agent, OPEN, bound, head, more=["-I"]).status == 200


def test_a_query_and_a_range_do_not_count(agent):
    bound = token(jkt=HOLDER.jkt)
    part = ask(agent, OPEN + "?download=1", bound, proof(agent, OPEN, bound), more=["-r", "0-9"])
    assert part.status == 206 and part.body == agent.file(OPEN).read_bytes()[:10]
    # A kept grant would answer the same question without asking: with a proof it never does.
    p = proof(agent, OPEN, bound)
    assert ask(agent, OPEN, bound, p, more=["-r", "0-9"]).status == 206
    assert refused(ask(agent, OPEN, bound, p, more=["-r", "0-9"]))


def test_who_does_not_hold_the_key(agent):
    bound = token(jkt=HOLDER.jkt)
    assert refused(ask(agent, OPEN, bound))
    assert refused(ask(agent, OPEN, bound, proof(agent, OPEN, bound), proof(agent, OPEN, bound)))
    assert refused(ask(agent, OPEN, bound, proof(agent, OPEN, bound, by=THIEF)))
    assert refused(ask(agent, OPEN, bound, proof(agent, OPEN, bound, htu="https://evil.test" + OPEN)))
    assert refused(ask(agent, OPEN, bound, proof(agent, OPEN, bound, iat=int(time.time()) - 301)))
    assert refused(ask(agent, OPEN, bound, proof(agent, OPEN, bound, iat=int(time.time()) + 60)))
    stolen = THIEF.jws({"typ": "dpop+jwt", "jwk": HOLDER.jwk}, {
        "htm": "GET", "htu": agent.base + OPEN, "iat": int(time.time()), "jti": "stolen",
        "ath": b64(hashlib.sha256(bound.encode()).digest())})
    assert refused(ask(agent, OPEN, bound, stolen))
    as_bearer = ask(agent, OPEN, bound, proof(agent, OPEN, bound), scheme="Bearer")
    assert refused(as_bearer, proof=False), as_bearer
    assert ask(agent, OPEN, bound, proof(agent, OPEN, bound)).status == 200


def test_plain_tokens(agent):
    plain, only = token(), token("https://only.test")
    assert ask(agent, OPEN, plain, scheme="Bearer").status == 200
    assert refused(ask(agent, OPEN, plain, proof(agent, OPEN, plain)), proof=False)
    assert refused(ask(agent, OPEN, only, scheme="Bearer"), proof=False)
    bound = token("https://only.test", jkt=HOLDER.jkt)
    assert ask(agent, OPEN, bound, proof(agent, OPEN, bound)).status == 200
    demo = agent.token("alice")  # of an issuer without DPoP
    assert refused(ask(agent, OPEN, demo, proof(agent, OPEN, demo)), proof=False)


def test_a_reload_and_a_dead_gate_forget_nothing(agent):
    bound = token(jkt=HOLDER.jkt)
    p = proof(agent, OPEN, bound)
    assert ask(agent, OPEN, bound, p).status == 200
    gate = agent.children()["gate"]
    agent.signal(signal.SIGHUP)
    assert wait_for(lambda: len(agent.children().get("gate", [])) == 1 and agent.children()["gate"] != gate, 20)
    assert refused(ask(agent, OPEN, bound, p))
    assert ask(agent, OPEN, bound, proof(agent, OPEN, bound)).status == 200
    gate = agent.children()["gate"]
    os.kill(gate[0], signal.SIGKILL)
    assert wait_for(lambda: agent.children().get("gate", gate) != gate, 20)
    assert wait_for(lambda: refused(ask(agent, OPEN, bound, p)), 10)
    assert ask(agent, OPEN, bound, proof(agent, OPEN, bound)).status == 200


def test_a_transfer_goes_on_with_its_proof(agent, tmp_path):
    """Two reloads on the way: the gate is asked again for the same request, and that is no replay."""
    out, bound = tmp_path / "out", token(jkt=HOLDER.jkt)
    p = proof(agent, OPEN, bound)
    c = agent.start("--fail", "--limit-rate", "60k", "-o", out, "-H", "Authorization: DPoP " + bound, "-H", "DPoP: " + p,
                    agent.base + OPEN)
    assert wait_for(lambda: out.exists() and out.stat().st_size > 0, 10)
    for _ in range(2):
        gate = agent.children()["gate"]
        agent.signal(signal.SIGHUP)
        assert wait_for(lambda: len(agent.children().get("gate", [])) == 1 and agent.children()["gate"] != gate, 20)
    assert refused(ask(agent, OPEN, bound, p))  # whoever else comes with it
    assert c.wait(30) == 0, c.stderr.read()
    assert sha256(out) == sha256(agent.file(OPEN))


# ---- TLS client certificates

@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """{name: (file, key file, x5t#S256)}, all self-signed."""
    d, found = tmp_path_factory.mktemp("clients"), {}
    kinds = {"ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["-newkey", "rsa:2048"],
             "ed": ["-newkey", "ed25519"], "other": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]}
    for name, kind in kinds.items():
        cert, key = d / (name + ".pem"), d / (name + ".key")
        r = run("openssl", "req", "-x509", "-nodes", *kind, "-subj", "/CN=" + name, "-keyout", key, "-out", cert)
        assert r.returncode == 0, r.stderr
        der = run("openssl", "x509", "-in", cert, "-outform", "DER").stdout
        found[name] = (cert, key, b64(hashlib.sha256(der).digest()))
    return found


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("kind", ["ec", "rsa", "ed"])
def test_a_certificate(agent, certificates, kind, version):
    cert, key, x5t = certificates[kind]
    other, other_key, _ = certificates["other"]
    tls = ["--tls-max", version]
    bound = token(**{"x5t#S256": x5t})
    assert ask(agent, OPEN, bound, scheme="Bearer", more=["--cert", cert, "--key", key, *tls]).status == 200
    none = ask(agent, OPEN, bound, scheme="Bearer", more=tls)
    assert refused(none, proof=False) and "none was shown" in none.json["detail"], none
    assert refused(ask(agent, OPEN, bound, scheme="Bearer", more=["--cert", other, "--key", other_key, *tls]), proof=False)
    assert agent.get(OPEN, "--cert", cert, "--key", key, *tls).status == 200  # nobody is known by it
    both = token(**{"x5t#S256": x5t, "jkt": HOLDER.jkt})
    assert refused(ask(agent, OPEN, both, proof(agent, OPEN, both), more=tls), proof=False)
    assert ask(agent, OPEN, both, proof(agent, OPEN, both), more=["--cert", cert, "--key", key, *tls]).status == 200


def s_client(agent, request, *args):
    return subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % agent.port, "-CAfile", agent.ca, "-ign_eof",
                           *map(str, args)], input=request.encode(), capture_output=True, env=ENV, timeout=60).stdout.decode("latin-1")


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_resumed_session_has_its_certificate(agent, certificates, tmp_path, version):
    cert, key, x5t = certificates["ec"]
    session = tmp_path / "session"
    request = ("GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\nRange: bytes=0-9\r\nConnection: close\r\n\r\n"
               % (OPEN, agent.port, token(**{"x5t#S256": x5t})))
    first = s_client(agent, request, version, "-cert", cert, "-key", key, "-sess_out", session)
    assert "HTTP/1.1 206" in first and "Reused, " not in first
    second = s_client(agent, request, version, "-sess_in", session)
    assert "Reused, " in second and "HTTP/1.1 206" in second
    without = s_client(agent, request, version)
    assert "HTTP/1.1 401" in without
    assert "No client certificate CA names sent" in without


def test_a_long_chain_is_refused(agent, certificates, tmp_path):
    cert, key, _ = certificates["rsa"]
    chain = tmp_path / "chain.pem"
    chain.write_bytes(cert.read_bytes() * 40)
    got = agent.get(OPEN, "--cert", chain, "--key", key)
    assert got.curl != 0 and got.status == 0
    assert agent.get(OPEN).status == 200


def test_nobody_is_asked_without_the_setting(agent, launch):
    plain = launch("https")
    request = "GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n"
    for version in ("-tls1_2", "-tls1_3"):
        assert "CertificateRequest" in s_client(agent, request % agent.port, version, "-msg")
        assert "CertificateRequest" not in s_client(plain, request % plain.port, version, "-msg")


def test_no_proof_in_a_log(agent):
    assert not re.search(r"eyJ[A-Za-z0-9_-]{16,}", agent.log())
