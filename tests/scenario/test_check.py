# SPDX-License-Identifier: Apache-2.0
"""`pan-agent check`: what it says of issuers, their keys and secrets, and of linked accounts."""
import base64
import http.server
import json
import re
import socket
import threading
import time

import pytest
from conftest import BIN, ROOT, run

SAMPLE = ROOT / "policy" / "examples" / "sample.yaml"
CONFIG = """facility: Test
contact: a@house.example
public_url: https://localhost:9443
listen: ["127.0.0.1:9443"]
sandbox: best-effort
certificates:
  - {chain: c.pem, key: k.pem}
state_dir: state
runtime_dir: run
log_dir: log
proposals: proposals.yaml
roots:
  - {name: sample, path: data, layout: "{proposal}/{dataset}", pid: "10.5072/{proposal}-{dataset}"}
policy:
  files: [policy.yaml]
%s
issuers:
%s
"""


def url64(n, size):
    return base64.urlsafe_b64encode(n.to_bytes(size, "big")).rstrip(b"=").decode()


def rsa(work, bits, kid):
    pem = work / ("%s.pem" % kid)
    assert run("openssl", "genrsa", "-out", pem, bits).returncode == 0
    out = run("openssl", "rsa", "-in", pem, "-noout", "-modulus").stdout.decode()
    return {"kty": "RSA", "kid": kid, "use": "sig", "e": "AQAB", "n": url64(int(out.split("=")[1], 16), bits // 8)}


class Issuer:
    """Answers what it is told to, on a port of its own."""

    def __init__(self):
        answers = self.answers = {}

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                status, body = answers.get(self.path, (404, {}))
                if status == 0:
                    time.sleep(20)
                    return
                text = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        self.answers["/.well-known/openid-configuration"] = (200, {"issuer": self.url, "jwks_uri": self.url + "/k"})
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def issuer():
    i = Issuer()
    yield i
    i.server.shutdown()
    i.server.server_close()


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    work = tmp_path_factory.mktemp("check")
    for folder in ("state", "run", "log", "data/P-1/a"):
        (work / folder).mkdir(parents=True)
    (work / "proposals.yaml").write_text("proposals: []\n")
    (work / "policy.yaml").write_bytes(SAMPLE.read_bytes())
    made = run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
               "-keyout", work / "k.pem", "-out", work / "c.pem", "-days", "2", "-subj", "/CN=localhost")
    assert made.returncode == 0, made.stderr
    (work / "good.json").write_text(json.dumps({"keys": [rsa(work, 2048, "big")]}))
    (work / "weak.json").write_text(json.dumps({"keys": [rsa(work, 1024, "small")]}))
    return work


def check(house, issuers, *options, more=""):
    (house / "agent.yaml").write_text(CONFIG % (more, "\n".join("  - " + i for i in issuers)))
    r = run(BIN / "pan-agent", "check", *options, house / "agent.yaml", timeout=30)
    return r.returncode, r.stdout.decode(), r.stderr.decode()


def test_a_good_issuer(house, issuer):
    issuer.answers["/k"] = (200, (house / "good.json").read_bytes())
    code, out, err = check(house, ['{issuer: "%s", insecure: yes, profile: wlcg}' % issuer.url], "-v")
    assert (code, "warning" in err) == (0, False), err
    for line in ("issuer: " + issuer.url, "profile: wlcg", "typ: at+jwt, JWT", "require_kid: yes",
                 "entitlement_claim: wlcg.groups", "audience: https://localhost:9443/, https://localhost:9443"):
        assert line in out.splitlines(), out
    assert not re.search(r"^profile:", check(house, ['{issuer: "%s", insecure: yes}' % issuer.url])[1], re.M)


def test_what_the_network_tells(house, issuer):
    row = ['{issuer: "%s", insecure: yes}' % issuer.url]
    place = "/.well-known/openid-configuration"
    keys = "http://127.0.0.1:%s/k" % issuer.url.rsplit(":", 1)[1]
    for document, jwks, words in (
            ((500, {}), None, place + ": answered with 500"),
            ((404, {}), None, place + ": answered with 404"),
            ((200, b"<html>"), None, "discovery: JSON"),
            ((200, {"issuer": "https://other.example", "jwks_uri": keys}), None,
             "is of the issuer 'https://other.example'"),
            ((200, {"issuer": issuer.url}), None, "names no jwks_uri"),
            ((200, {"issuer": issuer.url, "jwks_uri": "http://192.0.2.1/k"}), None, "192.0.2.1"),
            ((200, {"issuer": issuer.url, "jwks_uri": keys}), (503, {}), "/k: answered with 503"),
            ((200, {"issuer": issuer.url, "jwks_uri": keys}), (200, {"keys": 1}), "/k: JWK set: no array"),
            ((200, {"issuer": issuer.url, "jwks_uri": keys}), (200, (house / "weak.json").read_bytes()),
             "holds no usable key"),
    ):
        issuer.answers[place] = document
        issuer.answers["/k"] = jwks or (404, {})
        code, out, err = check(house, row)
        assert code == 0, err
        found = [x for x in err.splitlines() if x.startswith("%s:18:" % (house / "agent.yaml")) and words in x]
        assert found and ": warning: issuer " + issuer.url in found[0], (words, err)
        assert "warning" not in check(house, row, "--offline")[2]


def test_what_the_settings_need(house, issuer):
    issuer.answers["/k"] = (200, (house / "good.json").read_bytes())
    (house / "s").write_text("s")
    (house / "s").chmod(0o600)
    row = '{issuer: "%s", insecure: yes, token_kind: both, client_id: a, client_secret_file: s, web_client_id: w, ' \
          'login_client_id: c}' % issuer.url
    place = "/.well-known/openid-configuration"
    code, out, err = check(house, [row])
    assert code == 0, err
    for member in ("introspection_endpoint", "authorization_endpoint", "token_endpoint", "device_authorization_endpoint"):
        assert ": discovery: names no %s on https, which is needed for " % member in err, (member, err)
    assert "userinfo_endpoint" not in err, err
    document = {"issuer": issuer.url, "jwks_uri": issuer.url + "/k", "introspection_endpoint": "http://192.0.2.1/i"}
    for member in ("authorization_endpoint", "token_endpoint", "device_authorization_endpoint"):
        document[member] = "https://a.example/x"
    issuer.answers[place] = (200, document)
    err = check(house, [row])[2]
    assert err.count("which is needed for") == 1 and "names no introspection_endpoint" in err, err
    document["introspection_endpoint"] = issuer.url + "/i"
    assert "needed for" not in check(house, [row])[2]


def test_the_other_place_of_the_document(house, issuer):
    name = issuer.url + "/realms/x"
    issuer.answers["/.well-known/oauth-authorization-server/realms/x"] = (
        200, {"issuer": name, "jwks_uri": issuer.url + "/k"})
    issuer.answers["/k"] = (200, (house / "good.json").read_bytes())
    code, out, err = check(house, ['{issuer: "%s", insecure: yes}' % name])
    assert code == 0 and "warning" not in err, err


def test_silence_takes_five_seconds_for_all(house, issuer):
    issuer.answers["/.well-known/openid-configuration"] = (0, {})
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        dead = "http://127.0.0.1:%d" % deaf.getsockname()[1]
        begin = time.monotonic()
        code, out, err = check(house, ['{issuer: "%s", insecure: yes}' % issuer.url,
                                       '{issuer: "%s", insecure: yes}' % dead])
        assert 4 < time.monotonic() - begin < 8
    assert code == 0
    for url in (issuer.url, dead):
        assert re.search("warning: issuer %s: %s/" % (url, url), err), err


def test_key_files(house):
    rows = ['{issuer: "https://a.example", jwks_file: weak.json}']
    code, out, err = check(house, rows)
    assert code == 0 and "no usable key" in err and 'key 1 "small" dropped: RSA of 2048' in err, err
    (house / "none.json").write_text('{"keys": []}')
    code, out, err = check(house, ['{issuer: "https://a.example", jwks_file: none.json}'])
    assert code == 1 and re.search(r"agent\.yaml:18:\d+: error: .*none\.json: holds no keys", err), err
    code, out, err = check(house, ['{issuer: "https://a.example", jwks_file: good.json}'], "-v")
    assert code == 0 and "key: big, 2048 bits" in out, out


def test_secrets(house):
    (house / "secret").write_text("s3cret\n")
    (house / "secret").chmod(0o644)
    row = ('{issuer: "https://a.example", jwks_file: good.json, profile: egi-checkin, azp: [x], enrich: introspection, '
           'client_id: rs, client_secret_file: secret}')
    code, out, err = check(house, [row], "-v", "--offline")
    assert code == 0 and "secret can be read by everybody" in err, err
    assert "s3cret" not in out + err
    assert "azp: tokens without an audience are accepted" in err
    (house / "secret").chmod(0o600)
    assert "can be read by everybody" not in check(house, [row], "--offline")[2]
    (house / "secret").write_text("")
    code, out, err = check(house, [row], "--offline")
    assert code == 1 and re.search(r"agent\.yaml:18:\d+: error: .*secret: is empty", err), err
    (house / "secret").unlink()
    code, out, err = check(house, [row], "--offline")
    assert code == 1 and re.search(r"agent\.yaml:18:\d+: error: .*secret: No such file", err), err


def test_what_is_probably_not_meant(house):
    rows = ['{issuer: "https://a.example", jwks_file: good.json, profile: wlcg, allow_any_audience: yes}',
            '{issuer: "https://b.example", jwks_file: good.json, profile: egi-checkin}',
            '{issuer: "https://c.example", jwks_file: good.json, profile: umbrellaid, audience: ["two words"]}']
    code, out, err = check(house, rows, "--offline")
    assert code == 0, err
    for words in (":18:1: warning: issuer https://a.example: allow_any_audience",
                  "note: issuer https://b.example: access tokens of EGI Check-in hold no groups; `enrich: introspection`",
                  "note: issuer https://b.example: `entitlement_namespaces: [urn:mace:egi.eu]`",
                  "note: issuer https://c.example: no id_scope",
                  ":20:1: warning: issuer https://c.example: audience: holds a blank"):
        assert words in err, err


@pytest.mark.parametrize("rows,words", [
    (['{issuer: "https://a.example", profile: saml, jwks_file: good.json}'], r":18:\d+: error: .*profile"),
    (['{issuer: "http://a.example"}'], r":18:\d+: error: .*not https"),
    (['{issuer: "https://a.example", jwks_file: good.json, allow_any_audience: yes}'],
     r":18:1: error: issuer https://a\.example: allow_any_audience: its profile has no such value"),
    (['{issuer: "https://a.example", jwks_file: good.json}',
      '{issuer: "https://b.example", jwks_file: good.json, formerly: ["https://a.example"]}'],
     r":19:1: error: issuer https://b\.example: formerly: this is an issuer of today"),
])
def test_faults(house, rows, words):
    code, out, err = check(house, rows, "--offline")
    assert code == 1 and re.search(r"agent\.yaml" + words, err), err


def test_accounts(house):
    row = ['{issuer: "https://a.example", jwks_file: good.json}']
    (house / "accounts.yaml").write_text('accounts:\n  - {issuer: "https://a.example", value: x, user: y}\n')
    code, out, err = check(house, row, "-v", "--offline", more="accounts: accounts.yaml")
    assert code == 0 and "accounts: 1 rows" in out, err
    (house / "accounts.yaml").write_text('accounts:\n  - {issuer: "https://b.example", value: x, user: y}\n')
    code, out, err = check(house, row, "--offline", more="accounts: accounts.yaml")
    assert code == 0 and "accounts.yaml:2:5: warning: no issuer of this name" in err, err
    (house / "accounts.yaml").write_text('accounts:\n  - {issuer: "https://a.example", value: x}\n')
    code, out, err = check(house, row, "--offline", more="accounts: accounts.yaml")
    assert code == 1 and "accounts.yaml:2:5: error: a row needs a user or proposals" in err, err


def test_wrong_calls(house):
    for args in (("--no-such",), ("a", "b"), ("--config",)):
        assert run(BIN / "pan-agent", "check", *args).returncode == 2
