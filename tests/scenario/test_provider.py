# SPDX-License-Identifier: Apache-2.0
"""The provider of the scenarios does what they rely on: so that a red scenario is the agent's fault."""
import base64
import json
import urllib.parse

import pytest

import conftest
import op
from conftest import AUDIENCE

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    p = op.Provider(tmp_path_factory.mktemp("provider"), AUDIENCE, callback="https://127.0.0.1:9/login/callback")
    yield p
    p.stop()


def post(provider, path, *user, **fields):
    data = [a for k, v in fields.items() for a in ("--data-urlencode", "%s=%s" % (k, v))]
    r = conftest.run("curl", "-sS", *(("-u", user[0]) if user else ()), *data, provider.issuer + path)
    return json.loads(r.stdout)


def payload(token, part=1):
    text = token.split(".")[part]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def device(provider, work, user, resource):
    got = post(provider, "/device/auth", client_id="cli", scope="openid offline_access storage.read:/", resource=resource)
    first = post(provider, "/token", client_id="cli", grant_type=DEVICE, device_code=got["device_code"])
    assert first["error"] == "authorization_pending"
    op.Browser(work).approve(got["verification_uri"], got["user_code"], user)
    return post(provider, "/token", client_id="cli", grant_type=DEVICE, device_code=got["device_code"])


@pytest.mark.parametrize("resource, alg", [("", "RS256"), ("es", "ES256"), ("opaque", None)])
def test_device_flow(provider, tmp_path, resource, alg):
    answer = device(provider, tmp_path, "alice", AUDIENCE + resource)
    assert "refresh_token" in answer, answer
    token = answer["access_token"]
    if alg is None:
        assert token.count(".") < 2
        told = post(provider, "/token/introspection", "rs:rssecret", token=token)
        assert told["active"] and told["sub"] == "alice" and told["aud"] == AUDIENCE
    else:
        assert payload(token, 0)["alg"] == alg
        told = payload(token)
        assert told["aud"] == AUDIENCE and told["iss"] == provider.issuer
    assert len(told["eduperson_entitlement"]) == 3


def test_login_in_a_browser(provider, tmp_path):
    query = {"client_id": "web", "response_type": "code", "redirect_uri": "https://127.0.0.1:9/login/callback",
             "scope": "openid profile email entitlements", "state": "s1", "nonce": "n1", "code_challenge_method": "S256",
             "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}
    end = op.Browser(tmp_path).sign_in(provider.issuer + "/auth?" + urllib.parse.urlencode(query), "bob", "https://127.0.0.1:9/")
    back = urllib.parse.parse_qs(urllib.parse.urlsplit(end.headers["location"]).query)
    assert back["state"] == ["s1"] and back["iss"] == [provider.issuer]
    got = post(provider, "/token", "web:websecret", grant_type="authorization_code", code=back["code"][0],
               redirect_uri=query["redirect_uri"], code_verifier="dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    claims = payload(got["id_token"])
    assert claims["nonce"] == "n1" and claims["aud"] == "web" and claims["sub"] == "bob" and "name" not in claims
    r = conftest.run("curl", "-sS", "-H", "Authorization: Bearer " + got["access_token"], provider.issuer + "/me")
    assert json.loads(r.stdout)["name"] == "Bob Berg"


def test_new_keys_after_a_restart(provider):
    def kids():
        r = conftest.run("curl", "-sS", provider.issuer + "/jwks")
        return {k["kid"] for k in json.loads(r.stdout)["keys"]}

    before = kids()
    provider.restart()
    assert len(before) == 2 and not before & kids()
