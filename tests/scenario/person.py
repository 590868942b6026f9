# SPDX-License-Identifier: Apache-2.0
"""A person with `pan-agent` on a machine of their own: logins and tokens in a home of their own."""
import json
import os
import pathlib
import pty
import re
import select
import subprocess
import threading

import conftest
import op


class Person:
    def __init__(self, work, name, ca=None):
        self.name = name
        self.home = pathlib.Path(work) / name
        self.run_dir = self.home / "run"
        self.state = self.home / "state" / "pan-agent"
        self.run_dir.mkdir(parents=True)
        self.env = {**conftest.ENV, "HOME": str(self.home), "XDG_STATE_HOME": str(self.home / "state"),
                    "XDG_RUNTIME_DIR": str(self.run_dir), "PAN_AGENT_CONFIG": str(self.home / "none.yaml")}
        for name in ("BEARER_TOKEN", "BEARER_TOKEN_FILE"):
            self.env.pop(name, None)
        if ca:
            self.env["PAN_AGENT_CA_FILE"] = str(ca)

    def client(self, *args, env=None, **kw):
        """pan-agent ARGS..."""
        return subprocess.run([str(conftest.BIN / "pan-agent"), *map(str, args)], capture_output=True, timeout=120,
                              env={**self.env, **(env or {})}, **kw)

    def start(self, *args):
        """pan-agent ARGS..., under way."""
        return subprocess.Popen([str(conftest.BIN / "pan-agent"), *map(str, args)], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=self.env)

    def login(self, url, *options, approve=True):
        """pan-agent login, with the approval in a browser: (exit status, events, what it said)."""
        p = self.start("login", url, "--json", *options)
        said = []
        reader = threading.Thread(target=lambda: said.append(p.stderr.read()))
        reader.start()
        events = []
        for line in p.stdout:
            events.append(json.loads(line))
            if events[-1]["event"] == "approve" and approve:
                op.Browser(self.home).approve(events[-1]["verification_uri"], events[-1]["user_code"], self.name)
            elif events[-1]["event"] == "approve":
                break
        if not approve:
            p.terminate()
        code = p.wait(120)
        reader.join(10)
        return code, events, said[0].decode()

    def login_on_a_terminal(self, url, answers):
        """pan-agent login with a keyboard and a screen: ({pattern: line to type}); (exit status, what was on the screen)."""
        screen, terminal = pty.openpty()
        p = subprocess.Popen([str(conftest.BIN / "pan-agent"), "login", url], stdin=terminal, stdout=terminal,
                             stderr=terminal, env=self.env, start_new_session=True)
        os.close(terminal)
        answers, seen, code = dict(answers), "", None
        while select.select([screen], [], [], 30)[0]:
            try:
                seen += os.read(screen, 65536).decode(errors="replace")
            except OSError:  # the other end is closed
                break
            for pattern in [a for a in answers if re.search(a, seen)]:
                os.write(screen, answers.pop(pattern).encode() + b"\n")
            found = re.search(r"Open +(\S+)\s+enter +(\S+)", seen)
            if found and code is None and "waiting" in seen:
                code = found.group(2)
                op.Browser(self.home).approve(found.group(1), code, self.name)
        os.close(screen)
        if p.poll() is None:
            p.terminate()
        return p.wait(30), seen

    def kept(self):
        """The files of the kept logins; each must be this person's alone."""
        if not self.state.exists():
            return []
        assert self.state.stat().st_mode & 0o777 == 0o700
        files = sorted(self.state.iterdir())
        assert all(f.stat().st_mode & 0o777 == 0o600 and f.name.endswith(".json") for f in files), files
        return files

    def exported(self):
        return self.run_dir / ("bt_u%d" % os.geteuid())
