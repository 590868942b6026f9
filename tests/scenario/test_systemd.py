# SPDX-License-Identifier: Apache-2.0
"""The tree that `cmake --install` makes, and what systemd says of its units.  No systemd needs to
run: systemd-analyze reads files."""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys

import pytest
from conftest import Agent, wait_for
from test_courier import ISSUER, Issuer

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / "build" / os.environ.get("PAN_BUILD", "dev")
UNITS = pathlib.Path("usr/lib/systemd/system")
SERVICE = UNITS / "pan-agentd.service"
SOCKET = UNITS / "pan-agentd.socket"

pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None,
                                reason="systemd-analyze is not installed")


def run(*args, **env):
    return subprocess.run([str(a) for a in args], capture_output=True, text=True, timeout=120,
                          env={**os.environ, **env})


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """An installed tree, as a package would hold it."""
    root = tmp_path_factory.mktemp("installed")
    done = run("cmake", "--install", BIN, DESTDIR=str(root))
    assert done.returncode == 0, done.stderr
    return root


def unit(path):
    """Sections of a unit file; a key that stands more than once gives a list."""
    sections, name = {}, None
    for line in path.read_text().splitlines():
        if line.startswith("["):
            name = line.strip("[]")
            sections[name] = {}
        elif "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            sections[name].setdefault(key, []).append(value)
    return sections


@pytest.mark.parametrize("path", [
    "usr/sbin/pan-agentd", "usr/bin/pan-agent", SERVICE, SOCKET, "usr/lib/sysusers.d/pan-agent.conf",
    "usr/lib/tmpfiles.d/pan-agent.conf", "etc/pan-agent/agent.yaml",
    "usr/share/doc/pan-agent/examples/agent.yaml", "usr/share/doc/pan-agent/examples/policies/sample.yaml"])
def test_installed(tree, path):
    assert (tree / path).is_file()


def test_nothing_elsewhere(tree):
    allowed = ("usr/bin", "usr/sbin", "usr/lib/systemd", "usr/lib/sysusers.d", "usr/lib/tmpfiles.d",
               "usr/share/doc/pan-agent", "usr/share/man", "etc/pan-agent")
    for path in tree.rglob("*"):
        if path.is_file():
            assert str(path.relative_to(tree)).startswith(allowed), path


def test_configuration_of_the_site_stays(tree):
    mine = tree / "etc/pan-agent/agent.yaml"
    before = mine.read_text()
    mine.write_text("# ours\n")
    assert run("cmake", "--install", BIN, DESTDIR=str(tree)).returncode == 0
    assert mine.read_text() == "# ours\n"
    mine.write_text(before)


def test_manuals(tree):
    if shutil.which("scdoc") is None:
        pytest.skip("scdoc is not installed")
    for page in (ROOT / "agent/man").glob("*.scd"):
        section = page.stem.rsplit(".", 1)[1]
        text = (tree / f"usr/share/man/man{section}" / page.stem).read_text()
        assert ".TH" in text and "\nNAME" in text.replace(".SH ", "\n")


def test_manual_names_each_log_event():
    text = (ROOT / "agent/man/pan-agentd.8.scd").read_text()
    call = re.compile(r'log_(?:(?:error|warn|info|debug)\(|err\(LOG_[A-Z]+,\s*)\s*"([^"]+)"')
    events = {e for path in (ROOT / "agent").rglob("*.c") for e in call.findall(path.read_text())}
    assert events and not {e for e in events if f"*{e}*" not in text}


def test_verify(tree, tmp_path):
    """systemd-analyze verify against the installed programs, beside the units of this machine."""
    root = tmp_path / "root"
    shutil.copytree(tree, root, symlinks=True)
    for path in pathlib.Path("/usr/lib/systemd/system").iterdir():
        to = root / UNITS / path.name
        if not to.exists() and not path.is_dir():
            shutil.copy2(path, to, follow_symlinks=False)
    for name in (SERVICE.name, SOCKET.name):
        done = run("systemd-analyze", "verify", "--man=no", f"--root={root}", name)
        assert done.returncode == 0, done.stderr
        assert "pan-agentd" not in done.stderr, done.stderr


def test_exposure(tree):
    """1.5 at most; without its sandbox block the unit stands at 9.2."""
    done = run("systemd-analyze", "security", "--offline=yes", "--threshold=15", "--no-pager",
               tree / SERVICE)
    assert done.returncode == 0, done.stdout.splitlines()[-1:]


def test_exposure_can_fail(tree, tmp_path):
    loose = tmp_path / "loose.service"
    loose.write_text("\n".join(line for line in (tree / SERVICE).read_text().splitlines()
                               if not line.startswith(("User=", "SystemCallFilter=",
                                                       "RestrictAddressFamilies="))))
    done = run("systemd-analyze", "security", "--offline=yes", "--threshold=15", "--no-pager", loose)
    assert done.returncode != 0


def test_service(tree):
    service = unit(tree / SERVICE)["Service"]
    assert service["Type"] == ["notify"]
    assert service["ExecStartPre"] == ["/usr/bin/pan-agent check --offline /etc/pan-agent/agent.yaml"]
    assert service["ExecStart"] == ["/usr/sbin/pan-agentd --config /etc/pan-agent/agent.yaml"]
    assert service["ExecReload"] == ["/usr/bin/pan-agent reload"]
    assert service["CapabilityBoundingSet"] == [""] and service["AmbientCapabilities"] == [""]
    # systemd 252 has these calls in no group: without them `sandbox: required` refuses to start.
    assert {"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self",
            "seccomp"} <= set(service["SystemCallFilter"][-1].split())
    # The courier goes out by both, to addresses that the unit cannot know.
    assert set(service["RestrictAddressFamilies"][0].split()) == {"AF_INET", "AF_INET6", "AF_UNIX"}
    assert "IPAddressDeny" not in service and "PrivateNetwork" not in service


def test_socket(tree):
    listen = unit(tree / SOCKET)["Socket"]
    assert listen["ListenStream"] == ["443"]
    assert listen["FileDescriptorName"] == ["https"]
    assert listen["Service"] == [SERVICE.name]


def test_system_user(tree, tmp_path):
    if shutil.which("systemd-sysusers") is None:
        pytest.skip("systemd-sysusers is not installed")
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    done = run("systemd-sysusers", f"--root={root}", tree / "usr/lib/sysusers.d/pan-agent.conf")
    assert done.returncode == 0, done.stderr
    row = [r for r in (root / "etc/passwd").read_text().splitlines() if r.startswith("pan-agent:")]
    assert len(row) == 1 and row[0].endswith(":/var/lib/pan-agent:/usr/sbin/nologin")


def test_folders(tree, tmp_path):
    if shutil.which("systemd-tmpfiles") is None or os.geteuid() != 0:
        pytest.skip("needs systemd-tmpfiles and root")
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/passwd").write_text("pan-agent:x:4242:4242::/:/bin/false\n")
    (root / "etc/group").write_text("pan-agent:x:4242:\n")
    done = run("systemd-tmpfiles", "--create", f"--root={root}",
               tree / "usr/lib/tmpfiles.d/pan-agent.conf")
    assert done.returncode == 0, done.stderr
    for folder in ("var/lib/pan-agent", "var/log/pan-agent"):
        st = (root / folder).stat()
        assert st.st_mode & 0o7777 == 0o750 and st.st_uid == 4242


# Takes on the filter that systemd would set, then becomes the program: argv is the calls, "--", the program.
CONFINED = """
import ctypes, os, seccomp, sys
for capability in range(64):  # CapabilityBoundingSet=
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)
at = sys.argv.index("--")
f = seccomp.SyscallFilter(defaction=seccomp.ERRNO(1))
for name in sys.argv[1:at]:
    try:
        number = seccomp.resolve_syscall(seccomp.Arch(), name)
        if number >= 0 and name != "socket":
            f.add_rule(seccomp.ALLOW, number)
    except (OSError, RuntimeError, ValueError):
        pass  # another architecture's call
for family in (1, 2, 10):  # RestrictAddressFamilies=
    f.add_rule(seccomp.ALLOW, "socket", seccomp.Arg(0, seccomp.EQ, family))
f.load()
os.execv(sys.argv[at + 1], sys.argv[at + 1:])
"""


def calls(words):
    """System calls of names and @groups."""
    found, todo = set(), list(words)
    while todo:
        word = todo.pop()
        if not word.startswith("@"):
            found.add(word)
            continue
        lines = run("systemd-analyze", "syscall-filter", "--no-pager", word).stdout.splitlines()
        todo += [line.strip() for line in lines[1:] if line.strip() and not line.strip().startswith("#")]
    return found


def allowed(filters):
    """What the SystemCallFilter= lines of the unit leave, in their order."""
    left = set()
    for line in filters:
        words = calls(line.lstrip("~").split())
        left = left - words if line.startswith("~") else left | words
    return left


def start_confined(agent, words, tmp_path):
    """The daemon of that stopped agent again, under the filter; what it tells the service manager."""
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(tmp_path / "notify"))
    manager.settimeout(20)
    daemon = subprocess.Popen(
        [sys.executable, "-c", CONFINED, *sorted(words), "--", str(BIN / "pan-agentd"), "--config", agent.config],
        stderr=open(tmp_path / "log", "wb"), stdin=subprocess.DEVNULL,
        env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")})
    return daemon, manager


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """An agent's folder and configuration, without the agent."""
    pytest.importorskip("seccomp", reason="python3-seccomp is not installed")
    agent = Agent("https", tmp_path_factory.mktemp("unit"))
    assert agent.stop() == 0
    text = pathlib.Path(agent.config).read_text()
    assert "best-effort" not in text and "sandbox_landlock: no" not in text
    return agent


def test_serves_under_the_filter_of_the_unit(tree, stopped, tmp_path):
    words = allowed(unit(tree / SERVICE)["Service"]["SystemCallFilter"])
    assert "mount" not in words and "setrlimit" not in words and "openat2" in words
    daemon, manager = start_confined(stopped, words, tmp_path)
    try:
        while "READY=1" not in manager.recv(65536).decode().split("\n"):
            pass
        assert stopped.get("/data/10.5072/open/open.bin").status == 200
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(30) == 0
        log = (tmp_path / "log").read_text()
        assert "sandbox.missing" not in log and "sandbox.partial" not in log, log
    finally:
        daemon.kill()
        daemon.wait()


def test_the_courier_goes_out_under_the_filter_of_the_unit(tree, stopped, tmp_path):
    issuer = Issuer(b'{"keys":[]}')
    words = allowed(unit(tree / SERVICE)["Service"]["SystemCallFilter"])
    config = pathlib.Path(stopped.config)
    text = config.read_text()
    config.write_text(text.rstrip("\n") + "\n" + ISSUER.replace("http://127.0.0.1:9/realm", issuer.name) % stopped.base)
    daemon, manager = start_confined(stopped, words, tmp_path)
    try:
        while "READY=1" not in manager.recv(65536).decode().split("\n"):
            pass
        assert wait_for(lambda: "/realm/keys" in issuer.asked, 15), (issuer.asked, (tmp_path / "log").read_text())
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(30) == 0
    finally:
        daemon.kill()
        daemon.wait()
        config.write_text(text)
        issuer.stop()


def test_refuses_without_the_third_line_of_the_filter(tree, stopped, tmp_path):
    """In systemd 252 no group holds the landlock calls: with the groups alone, the roles stay unconfined."""
    words = allowed(unit(tree / SERVICE)["Service"]["SystemCallFilter"][:2])
    daemon, _ = start_confined(stopped, words, tmp_path)
    try:
        assert daemon.wait(30) == 4, (tmp_path / "log").read_text()
    finally:
        daemon.kill()
        daemon.wait()


ACTIVATE = shutil.which("systemd-socket-activate")


def activate(agent, name, address, listen):
    """The daemon with an inherited socket at `address`; its configuration says `listen`, or nothing."""
    text = pathlib.Path(agent.config).read_text()
    config = pathlib.Path(agent.config).with_name("activated.yaml")
    config.write_text(re.sub(r"(?m)^listen:.*\n", listen and f'listen: ["{listen}"]\n' or "", text))
    return subprocess.Popen([ACTIVATE, "-l", address, f"--fdname={name}", BIN / "pan-agentd", "--config", config],
                            stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)


@pytest.mark.skipif(ACTIVATE is None, reason="systemd-socket-activate is not installed")
@pytest.mark.parametrize("listen", [None, "127.0.0.1:%d"])
def test_socket_activation(stopped, listen):
    daemon = activate(stopped, "https", "127.0.0.1:%d" % stopped.port, listen and listen % stopped.port)
    try:
        fetch = ["--retry", 5, "--retry-connrefused", "--retry-delay", 1]
        for _ in range(3):
            assert stopped.get("/data/10.5072/open/open.bin", *fetch).status == 200
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(30) == 0
    finally:
        daemon.kill()
        daemon.communicate()


@pytest.mark.skipif(ACTIVATE is None, reason="systemd-socket-activate is not installed")
@pytest.mark.parametrize("name,listen,words", [
    ("https", "127.0.0.1:1", ["127.0.0.1:1", "127.0.0.1:%d"]),
    ("ftp", None, ["ftp"])])
def test_sockets_that_do_not_fit(stopped, name, listen, words):
    """A socket elsewhere than `listen:` says, or of an unknown name, is an error that names both."""
    daemon = activate(stopped, name, "127.0.0.1:%d" % stopped.port, listen)
    try:
        stopped.get("/", "--retry", 5, "--retry-connrefused", "--retry-delay", 1)
        said = daemon.communicate(timeout=30)[1]
        assert daemon.returncode not in (0, -9)
        for word in words:
            assert (word % stopped.port if "%" in word else word) in said, said
    finally:
        daemon.kill()
        daemon.wait()
