# SPDX-License-Identifier: Apache-2.0
"""A person's login in a browser at a real provider: curl for what a browser would never send, Chromium for the rest."""
import json
import os
import re
import shutil
import signal
import socket
import urllib.parse

import pytest

import conftest
import op
from conftest import BIN, run, wait_for

SESSION, LOGIN = "__Host-pan-session", "__Host-pan-login"
PAGE = ("-H", "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
JSON = ("-H", "Accept: application/json")
ISSUER = """  - issuer: %(issuer)s
    name: Facility <login>
    profile: generic
    insecure: yes
    refresh: 600
    audience: ["https://data.test/"]
    typ: [at+jwt, JWT]
    entitlement_claim: eduperson_entitlement
    entitlement_namespaces: ["urn:geant:umbrellaid.org"]
    web_client_id: web
    web_client_secret_file: %(secret)s
    web_scopes: [openid, profile, email, entitlements]
"""

# Of days before the sample's: no dataset is decided by it, but its terms can be accepted.
TERMS = """policy: old
version: 1
timezone: Europe/Paris
valid_from: 1990-01-01
valid_until: 2000-01-01
licence: CC0-1.0
embargo: {anchor: experiment_end, period: 3y}
terms: {samples: {version: 2, title: "Samples <of> people", url: "https://data.test/terms"}}
rules:
  - {id: record, effect: permit, action: [meta.public], when: {}}
  - {id: open, effect: permit, action: [data.read], when: {state: open}, obligations: ["accept-terms:samples@2"]}
tests:
  - {name: closed, now: 1995-01-01, dates: {experiment_end: 1994-05-31}, action: data.read, expect: deny}
"""


@pytest.fixture(scope="module")
def port():
    return conftest.free_port()


@pytest.fixture(scope="module")
def provider(tmp_path_factory, port):
    base = "https://127.0.0.1:%d" % port
    with socket.socket() as held:  # the agent's, so that the provider finds another one
        held.bind(("127.0.0.1", port))
        p = op.Provider(tmp_path_factory.mktemp("provider"), conftest.AUDIENCE, callback=base + "/login/callback",
                        after_logout=base + "/me")
    yield p
    p.stop()


@pytest.fixture(scope="module")
def agent(launch, provider, port, tmp_path_factory):
    files = tmp_path_factory.mktemp("config")
    (files / "web.secret").write_text("websecret\n")
    (files / "append.yaml").write_text(ISSUER % {"issuer": provider.issuer, "secret": files / "web.secret"})
    (files / "terms.yaml").write_text(TERMS)
    a = launch("policy", "--port", port, "--append", files / "append.yaml",
               "--policy", conftest.ROOT / "policy" / "examples" / "sample.yaml", "--policy", files / "terms.yaml")
    assert wait_for(lambda: a.get("/login").status == 303, 15), a.log()[-3000:]
    return a


class Person(op.Browser):
    """A browser of curl that can log in at the agent."""

    def __init__(self, agent, work, name="person"):
        super().__init__(work, name, agent.ca)
        self.agent = agent

    def get(self, path, *args):
        return self.ask(self.agent.base + path, *args)

    def to_callback(self, user, path="/login"):
        """Everything up to the URL that the issuer sends the browser back to, which is not opened yet."""
        end = self.sign_in(self.agent.base + path, user, self.agent.base + "/login/callback")
        return end.headers["location"]

    def log_in(self, user, path="/login"):
        return self.ask(self.to_callback(user, path))

    def me(self):
        return self.get("/me", *JSON)

    def form_token(self):
        found = re.search(rb'name="token" value="([^"]+)"', self.get("/me", *PAGE).body)
        return found.group(1).decode() if found else ""

    def log_out(self, *args, token=None):
        token = self.form_token() if token is None else token
        return self.get("/logout", "--data-urlencode", "token=" + token, *args)


def origin(agent):
    return ("-H", "Origin: " + agent.base)


def query(url):
    return {k: v[0] for k, v in urllib.parse.parse_qs(urllib.parse.urlsplit(url).query).items()}


def set_cookies(answer, browser):
    head = (browser.work / (browser.name + ".head")).read_text()
    return {line.split(":", 1)[1].split("=", 1)[0].strip(): line for line in head.splitlines()
            if line.lower().startswith("set-cookie:")}


def audit(agent, kind):
    lines = (agent.work / "logs" / "audit.jsonl").read_text().splitlines()
    return [r for r in map(json.loads, lines) if r["kind"] == kind]


def check_page(answer):
    """What every page of ours keeps, whatever is on it."""
    h = answer.headers
    assert h["content-type"] == "text/html; charset=utf-8", answer
    assert "default-src 'none'" in h["content-security-policy"] and "frame-ancestors 'none'" in h["content-security-policy"]
    assert h["cache-control"] == "no-store" and "Cookie" in h["vary"]
    assert h["referrer-policy"] in ("no-referrer", "same-origin")
    assert b"<html lang=" in answer.body and b"<title>" in answer.body and b"<script" not in answer.body
    assert b"Facility <login>" not in answer.body and b"<carol>" not in answer.body


def test_the_way_to_the_issuer(agent, provider, tmp_path):
    p = Person(agent, tmp_path)
    a = p.get("/login?return=/data/")
    asked = query(a.headers["location"])
    assert a.status == 303 and a.headers["location"].startswith(provider.issuer + "/auth?")
    assert asked["response_type"] == "code" and asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == agent.base + "/login/callback" and asked["client_id"] == "web"
    assert len(asked["state"]) == len(asked["nonce"]) == len(asked["code_challenge"]) == 43
    assert "entitlements" in asked["scope"]
    line = set_cookies(a, p)[LOGIN]
    for rule in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=600"):
        assert rule in line
    assert "Domain" not in line and a.headers["cache-control"] == "no-store"
    again = query(p.get("/login").headers["location"])
    assert again["state"] != asked["state"] and again["nonce"] != asked["nonce"]
    assert p.get("/login?issuer=https://evil.test", *PAGE).status == 404


def test_login_me_logout(agent, provider, tmp_path):
    p = Person(agent, tmp_path)
    before = len(audit(agent, "login"))
    end = p.log_in("alice", "/login?return=/me%3Fx%3D1")
    assert end.status == 303 and end.headers["location"] == "/me?x=1", (end, agent.log()[-3000:])
    line = set_cookies(end, p)[SESSION]
    for rule in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert rule in line
    assert "Max-Age" not in line and "Domain" not in line
    assert set(p.cookies()) >= {SESSION} and LOGIN not in p.cookies()
    me = p.me()
    assert me.status == 200 and me.headers["content-type"] == "application/json", me
    got = me.json
    assert got["by"] == "session" and got["issuer"]["issuer"] == provider.issuer
    assert got["id"] == {"value": "alice", "claim": "sub", "from": "ID token"}
    assert got["name"] == "Alice Almqvist" and got["email"] == "alice@facility.test" and got["email_verified"]
    assert [(g["value"].split(":")[2], g["counts"], g["from"]) for g in got["groups"]] == [
        ("umbrellaid.org", True, "userinfo"), ("umbrellaid.org", True, "userinfo"), ("elsewhere.test", False, "userinfo")]
    assert "urn:mace:elsewhere.test is not one that this issuer may give" in got["groups"][2]["why"]
    assert got["assurance"]["level"] == "medium" and got["client"] == "web"
    page = p.get("/me", *PAGE)
    assert page.status == 200 and b"<h1>Who you are</h1>" in page.body and b"Alice Almqvist" in page.body
    assert page.body.count(b"<caption>") >= 3
    check_page(page)
    out = p.log_out(*origin(agent))
    assert out.status == 200 and b"/session/end?client_id=web" in out.body
    check_page(out)
    assert SESSION not in p.cookies()
    assert p.me().status == 401
    entries = audit(agent, "login")[before:]
    assert len(entries) == 1 and entries[0]["subject"]["iss"] == provider.issuer
    assert re.fullmatch(r"\d{4}-\d\d:[0-9a-f]{32}", entries[0]["subject"]["id"])
    assert audit(agent, "logout")[-1]["subject"]["id"] == entries[0]["subject"]["id"]
    assert "alice" not in json.dumps(entries + audit(agent, "logout"))


def test_nobody(agent, tmp_path):
    p = Person(agent, tmp_path)
    bare = p.me()
    assert bare.status == 401 and bare.headers["content-type"] == "application/problem+json"
    assert bare.headers["www-authenticate"].startswith("Bearer realm=") and "error" not in bare.headers["www-authenticate"]
    assert bare.json["login"] == {"command": "pan-agent login " + agent.base, "page": agent.base + "/login"}, bare
    page = p.get("/me", *PAGE)
    assert page.status == 200 and b"/login?issuer=" in page.body and b"Facility &lt;login&gt;" in page.body
    check_page(page)
    assert p.get("/me", "-H", "Cookie: %s=%s" % (SESSION, "A" * 43), *JSON).status == 401


def test_a_token_tells_too(agent):
    got = agent.get("/me", *JSON, sub="alice").json
    assert got["by"] == "token" and got["id"]["value"] == "alice"
    assert b"the token that was sent" in agent.get("/me", *PAGE, sub="alice").body
    bad = agent.get("/me", *PAGE, token="a.b.c")
    assert bad.status == 401 and 'error="invalid_token"' in bad.headers["www-authenticate"]


def test_a_cookie_opens_no_data(agent, tmp_path):
    """HTTP-1: a cookie is never a credential for files."""
    p = Person(agent, tmp_path)
    assert p.log_in("alice").status == 303
    with_cookie = p.get(conftest.EMBARGOED)
    assert with_cookie.status == 401 and "error" not in with_cookie.headers["www-authenticate"]
    assert agent.get(conftest.EMBARGOED).status == 401


def test_an_answer_for_another_browser(agent, tmp_path):
    """Login CSRF: a link with the attacker's own good answer logs nobody else in."""
    attacker, victim = Person(agent, tmp_path, "attacker"), Person(agent, tmp_path, "victim")
    link = attacker.to_callback("bob")
    refused = victim.ask(link)
    assert refused.status == 403 and SESSION not in victim.cookies(), refused
    check_page(refused)
    # ... and not in the midst of the victim's own login, which goes on.
    own = victim.to_callback("alice")
    assert victim.ask(link).status == 403 and LOGIN in victim.cookies()
    assert victim.ask(own).status == 303 and victim.me().json["id"]["value"] == "alice"


def test_an_answer_twice(agent, tmp_path):
    p = Person(agent, tmp_path)
    link = p.to_callback("alice")
    old = p.cookies()[LOGIN]
    assert p.ask(link).status == 303
    first = p.cookies()[SESSION]
    assert p.ask(link).status == 403  # the cookie is gone
    # Somebody who copied cookie and answer comes too late: the state was spent, and the issuer's code as well.
    thief = Person(agent, tmp_path, "thief").ask(link, "-H", "Cookie: %s=%s" % (LOGIN, old))
    assert thief.status == 403 and b"finished before" in thief.body
    assert p.cookies()[SESSION] == first and p.me().status == 200


def test_a_new_login_is_a_new_session(agent, tmp_path):
    """Fixation: what was set before counts no more, and what was there before is ended."""
    p = Person(agent, tmp_path)
    fixed = "A" * 43
    p.to_callback("alice")
    with open(p.jar, "a") as jar:
        jar.write("#HttpOnly_127.0.0.1\tFALSE\t/\tTRUE\t0\t%s\t%s\n" % (SESSION, fixed))
    assert p.log_in("alice").status == 303
    first = p.cookies()[SESSION]
    assert first != fixed
    assert p.log_in("alice").status == 303
    assert p.cookies()[SESSION] != first
    stale = Person(agent, tmp_path, "stale")
    assert stale.get("/me", "-H", "Cookie: %s=%s" % (SESSION, first), *JSON).status == 401


@pytest.mark.parametrize("change, says", [
    (lambda u: u.replace("state=", "state=x"), b"state"),
    (lambda u: re.sub(r"state=[^&]*", "state=" + "A" * 43, u), b"no login is under way"),
    (lambda u: re.sub(r"&?state=[^&]*", "", u), b"state: absent"),
    (lambda u: re.sub(r"iss=[^&]*", "iss=https%3A%2F%2Fevil.test", u), b"RFC 9207"),
    (lambda u: re.sub(r"&?iss=[^&]*", "", u), b"RFC 9207"),
    (lambda u: u + "&code=again", b"code: stands twice"),
    (lambda u: re.sub(r"code=[^&]*", "code=" + "x" * 43, u), b"does not take the code"),
    (lambda u: re.sub(r"code=[^&]*", "error=access_denied&error_description=%3Cb%3Eno%3C/b%3E", u),
     b"access_denied: &lt;b&gt;no&lt;/b&gt;"),
], ids=["longer state", "state", "no state", "iss", "no iss", "two codes", "code", "error"])
def test_changed_answers(agent, tmp_path, change, says):
    p = Person(agent, tmp_path)
    refused = p.ask(change(p.to_callback("alice")))
    assert refused.status in (400, 403) and says in refused.body, refused
    check_page(refused)
    assert SESSION not in p.cookies() and p.me().status == 401


def test_somebody_who_says_no(agent, provider, tmp_path):
    """The provider's own page offers to cancel; the error comes back with our state."""
    p = Person(agent, tmp_path)
    at = p.get("/login")
    page = p.ask(at.headers["location"])
    page = p.ask(urllib.parse.urljoin(provider.issuer, page.headers["location"]))
    abort = re.search(rb'href="([^"]*/abort)"', page.body).group(1).decode()
    answer = p.ask(urllib.parse.urljoin(provider.issuer, abort))
    while not answer.headers["location"].startswith(agent.base):
        answer = p.ask(urllib.parse.urljoin(provider.issuer, answer.headers["location"]))
    refused = p.ask(answer.headers["location"])
    assert refused.status == 403 and b"access_denied" in refused.body and LOGIN not in p.cookies()


@pytest.mark.parametrize("path", ["//evil.test/", "/%5Cevil.test", "https://evil.test/", "/%09/evil.test", "/a%0d%0aX:%20y",
                                  "javascript:alert(1)"])
def test_no_open_redirect(agent, tmp_path, path):
    p = Person(agent, tmp_path)
    end = p.log_in("alice", "/login?return=" + path)
    assert end.status == 303 and end.headers["location"] == "/me", end


@pytest.mark.parametrize("args", [
    ("-H", "Origin: https://evil.test"), ("-H", "Origin: null"), (), ("-H", "Sec-Fetch-Site: cross-site"),
    ("-H", "Sec-Fetch-Site: same-site"), ("-H", "Origin: https://evil.test", "-H", "Sec-Fetch-Site: same-origin"),
], ids=["origin", "null", "none", "cross-site", "same-site", "both"])
def test_no_logout_by_others(agent, tmp_path, args):
    p = Person(agent, tmp_path)
    assert p.log_in("alice").status == 303
    token = p.form_token()
    assert p.log_out(*args, token=token).status == 403
    assert p.log_out(*origin(agent), token="x" * len(token)).status == 403
    assert p.log_out(*origin(agent), token="").status in (400, 404)
    assert p.get("/logout", *PAGE).status == 405
    assert p.me().status == 200
    assert p.log_out("-H", "Origin: null", "-H", "Sec-Fetch-Site: same-origin", token=token).status == 200
    assert p.me().status == 401
    assert p.log_out(*origin(agent), token=token).status == 303  # nobody: nothing to end
    without = Person(agent, tmp_path, "without")
    for answer in (without.log_out(*args, token=""), without.log_out("-H", "Sec-Fetch-Site: cross-site", token="")):
        # A cookie that SameSite held back must not be dropped by the answer.
        assert answer.status == 403 and "set-cookie" not in answer.headers


def test_names_are_text(agent, tmp_path):
    p = Person(agent, tmp_path)
    assert p.log_in("carol").status == 303
    page = p.get("/me", *PAGE)
    assert b"Carol Cederholm &lt;carol&gt;" in page.body
    check_page(page)
    assert any("told no groups" in n for n in p.me().json["notes"])


def test_logins_outlive_a_reload_and_a_gate(agent, tmp_path):
    p = Person(agent, tmp_path)
    assert p.log_in("bob").status == 303
    halfway = Person(agent, tmp_path, "halfway")
    link = halfway.to_callback("alice")
    r = run(BIN / "pan-agent", "reload", "--config", agent.config)
    assert r.returncode == 0, r.stderr.decode()
    assert p.me().json["id"]["value"] == "bob"
    assert wait_for(lambda: agent.get("/login").status == 303, 15)
    assert halfway.ask(link).status == 303
    gates = agent.children()["gate"]
    os.kill(gates[0], signal.SIGKILL)
    assert wait_for(lambda: agent.children().get("gate", gates) != gates, 10)
    assert wait_for(lambda: p.me().status == 200, 10) and p.me().json["id"]["value"] == "bob"
    assert halfway.me().json["id"]["value"] == "alice"


def test_new_keys_in_the_midst(agent, provider, tmp_path):
    """The issuer changes its keys: the login waits for the new ones and goes on."""
    provider.restart()
    p = Person(agent, tmp_path)
    assert p.log_in("alice").status == 303


def test_an_issuer_that_is_away(agent, provider, tmp_path):
    p = Person(agent, tmp_path)
    link = p.to_callback("alice")
    provider.process.send_signal(signal.SIGSTOP)
    try:
        late = p.ask(link)
        assert late.status in (502, 503) and "retry-after" in late.headers, late
        check_page(late)
        assert p.me().status == 401
        stopped = Person(agent, tmp_path, "other")
        assert stopped.get("/login").status == 303  # where it is, is still known
    finally:
        provider.process.send_signal(signal.SIGCONT)


def test_nothing_secret_is_logged(agent, tmp_path):
    p = Person(agent, tmp_path)
    link = p.to_callback("alice")
    login = p.cookies()[LOGIN]
    assert p.ask(link).status == 303
    p.log_out(*origin(agent))
    secrets = [query(link)["code"], query(link)["state"], login, "websecret"]
    texts = agent.log() + (agent.work / "logs" / "audit.jsonl").read_text()
    assert not [s for s in secrets if s in texts]


# ---- a browser that people have ----

@pytest.fixture
def chromium(agent, tmp_path):
    """Ends with the test, so that its connections are not taken for a leak."""
    webdriver = pytest.importorskip("selenium.webdriver")
    from selenium.webdriver.chrome.service import Service
    driver, browser = shutil.which("chromedriver"), shutil.which("chromium")
    if driver is None or browser is None:
        pytest.skip("chromium is not there")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server",
                 "--disable-background-networking", "--user-data-dir=" + str(tmp_path / "chromium")):
        options.add_argument(flag)
    options.accept_insecure_certs = True
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    b = webdriver.Chrome(options=options, service=Service(driver, env=conftest.ENV))
    b.set_page_load_timeout(30)
    yield b
    b.quit()


def click_through(b, user, agent):
    """The provider's pages, as a person sees them, until the agent's are back."""
    from selenium.webdriver.common.by import By
    for _ in range(6):
        if b.current_url.startswith(agent.base):
            return
        if b.find_elements(By.NAME, "login"):
            b.find_element(By.NAME, "login").send_keys(user)
            b.find_element(By.NAME, "password").send_keys("x")
        at = b.current_url
        b.find_element(By.CSS_SELECTOR, "button[type=submit]").click()
        wait_for(lambda: b.current_url != at, 10)
    raise AssertionError("still at " + b.current_url)


def test_in_chromium(agent, provider, chromium):
    from selenium.webdriver.common.by import By
    b = chromium
    b.get(agent.base + "/me")
    assert "Not logged in" in b.title
    b.find_element(By.PARTIAL_LINK_TEXT, "Log in at").click()
    click_through(b, "alice", agent)
    assert b.current_url == agent.base + "/me" and "Who you are" in b.title
    rows = {r.find_element(By.TAG_NAME, "th").text: r.find_element(By.TAG_NAME, "td").text
            for r in b.find_elements(By.CSS_SELECTOR, "table:first-of-type tr")}
    assert rows["Name"] == "Alice Almqvist" and rows["Unique id"].startswith("alice ")
    cookies = {c["name"]: c for c in b.get_cookies()}
    assert SESSION in cookies and LOGIN not in cookies
    assert cookies[SESSION]["httpOnly"] and cookies[SESSION]["secure"] and cookies[SESSION]["sameSite"] == "Lax"
    assert "pan-" not in b.execute_script("return document.cookie")
    # The style that the page's policy names is really used, and nothing was blocked.
    assert b.find_element(By.TAG_NAME, "table").value_of_css_property("border-collapse") == "collapse"
    assert [e for e in b.get_log("browser") if "Content Security Policy" in e["message"]] == []
    b.find_element(By.CSS_SELECTOR, "form button").click()
    wait_for(lambda: "Logged out" in b.title, 10)
    assert "Logged out" in b.title and SESSION not in {c["name"] for c in b.get_cookies()}
    b.get(agent.base + "/me")
    assert "Not logged in" in b.title


def test_another_site_cannot_log_out(agent, provider, chromium, tmp_path):
    """A page elsewhere posts our form: SameSite keeps the cookie back, and Origin would tell."""
    from selenium.webdriver.common.by import By
    b = chromium
    b.get(agent.base + "/login")
    click_through(b, "bob", agent)
    assert "Who you are" in b.title
    token = b.find_element(By.NAME, "token").get_attribute("value")
    page = tmp_path / "evil.html"
    page.write_text('<form method="post" action="%s/logout"><input name="token" value="%s"><button>x</button></form>'
                    % (agent.base, token))
    b.get(page.as_uri())
    b.find_element(By.TAG_NAME, "button").click()
    wait_for(lambda: b.current_url.startswith(agent.base), 10)
    b.get(agent.base + "/me")
    assert "Who you are" in b.title


def test_terms_and_requests_in_chromium(agent, provider, chromium, tmp_path):
    """A refused person reads the terms, logs in, accepts, asks the team, and takes both back."""
    from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
    from selenium.webdriver.common.by import By
    b = chromium

    def main():
        """Between two pages there is none."""
        try:
            return b.find_element(By.TAG_NAME, "main").text
        except (NoSuchElementException, StaleElementReferenceException):
            return ""

    def press(label):
        at = main()
        b.find_element(By.XPATH, "//button[text()='%s']" % label).click()
        return wait_for(lambda: main() not in ("", at) and main(), 10)

    b.get(agent.base + "/terms/samples@2")
    assert "Samples <of> people" in main()
    b.find_element(By.PARTIAL_LINK_TEXT, "Log in at").click()
    click_through(b, "bob", agent)
    assert b.current_url == agent.base + "/terms/samples@2" and wait_for(lambda: "not by you" in main(), 5)
    assert "You have accepted these terms" in press("I accept these terms")
    b.get(agent.base + "/datasets/10.5072/ma6021-tomo-01/access-requests")
    assert "who you are: bob at" in main()
    b.find_element(By.NAME, "text").send_keys("for my <thesis>\nplease")
    text = press("Ask for access")
    assert "waits for an answer" in text and "for my <thesis>" in text
    b.get(agent.base + "/me")
    assert "Terms that you have accepted" in main()
    assert "Your requests" in main()
    b.find_element(By.XPATH, "//table[caption='Your requests']//a").click()
    assert wait_for(lambda: "Access to a dataset" in main(), 5)
    assert "withdrawn by asker" in press("Take it back")
    # A page elsewhere posts the form that our page has.
    b.get(agent.base + "/terms/samples@2")
    token = b.find_element(By.NAME, "token").get_attribute("value")
    page = tmp_path / "evil.html"
    page.write_text('<form method="post" action="%s/terms/samples@2"><input name="token" value="%s">'
                    '<button name="do" value="withdraw">x</button></form>' % (agent.base, token))
    b.get(page.as_uri())
    b.find_element(By.TAG_NAME, "button").click()
    wait_for(lambda: b.current_url.startswith(agent.base), 10)
    b.get(agent.base + "/terms/samples@2")
    assert "You have accepted these terms" in main()
    assert "not by you" in press("Take it back")
    assert [e for e in b.get_log("browser") if "Content Security Policy" in e["message"]] == []
    assert "bob" not in (agent.work / "logs" / "audit.jsonl").read_text() + agent.log()
