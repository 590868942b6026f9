# SPDX-License-Identifier: Apache-2.0
"""Whole datasets as tar and zip: what the tools say, who gets them, ranges, resumption, and what ends one early."""
import hashlib
import http.client
import io
import json
import os
import signal
import ssl
import tarfile
import zipfile

import pytest

from conftest import BIN, run, wait_for

PID = "10.5072/data"
TOP = "10.5072_data"
TAR, ZIP = "/archive/%s.tar" % PID, "/archive/%s.zip" % PID
NAMES = {"a.bin": 300_000, "empty": 0, "sub/b.h5": 513, "sub/deep/c.txt": 1, "with space/ä€.txt": 9,
         "n" * 150 + ".txt": 4, "sub/" + "ö" * 60 + ".dat": 70_000, "z.bin": 30_000_000}
HUGE = 9 * 2 ** 30  # bytes of a sparse file


def content(name):
    seed = hashlib.sha256(name.encode()).digest()
    return (seed * (NAMES[name] // len(seed) + 1))[:NAMES[name]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    top = tmp_path_factory.mktemp("data")
    for name in NAMES:
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(name))
    return top


@pytest.fixture(scope="module")
def agent(launch, folder):
    return launch("https", "--data", folder)


def connect(agent):
    context = ssl.create_default_context(cafile=agent.ca)
    return http.client.HTTPSConnection("127.0.0.1", agent.port, context=context, timeout=60)


def ask(c, path, method="GET", **fields):
    c.request(method, path, headers={k.replace("_", "-"): v for k, v in fields.items()})
    r = c.getresponse()
    return r, r.read()


def fetch(agent, path, to, *args):
    r = agent.curl("--max-time", 120, "-o", to, "-w", "%{http_code}", *args, agent.base + path)
    return r.returncode, r.stdout.decode()


def same(tree, names=NAMES):
    for name in names:
        assert (tree / TOP / name).read_bytes() == content(name), name
    found = {str(p.relative_to(tree / TOP)) for p in (tree / TOP).rglob("*") if p.is_file()}
    assert found == {"MANIFEST.json", *names}


def test_tools(agent, tmp_path):
    """python, GNU tar, bsdtar and unzip read both, from a file and from a pipe."""
    for path, form in ((TAR, "tar"), (ZIP, "zip")):
        file = tmp_path / ("a." + form)
        head = agent.get(path, "-I")
        assert fetch(agent, path, file) == (0, "200")
        assert head.status == 200 and int(head.headers["content-length"]) == file.stat().st_size
        assert head.headers["content-disposition"] == 'attachment; filename="%s.%s"' % (TOP, form)
        commands = [["bsdtar", "-xf", file, "-C"], ["sh", "-c", 'bsdtar -xf - -C "$2" <"$1"', "-", file]]
        commands += [["tar", "-xf", file, "-C"]] if form == "tar" else [["unzip", "-q", file, "-d"]]
        for i, command in enumerate(commands):
            tree = tmp_path / (form + str(i))
            tree.mkdir()
            r = run(*command, tree)
            assert r.returncode == 0, (command, r.stderr)
            same(tree)
    assert run("unzip", "-tq", tmp_path / "a.zip").returncode == 0
    with zipfile.ZipFile(tmp_path / "a.zip") as z:
        assert z.testzip() is None
        names = [i.filename for i in z.infolist()]
        assert all(i.compress_type == zipfile.ZIP_STORED and i.flag_bits & 0x800 for i in z.infolist())
    with tarfile.open(tmp_path / "a.tar") as t:
        assert t.getnames() == names
    assert names == [TOP + "/MANIFEST.json"] + [TOP + "/" + n for n in sorted(NAMES, key=str.encode)]
    manifest = json.loads((tmp_path / "tar0" / TOP / "MANIFEST.json").read_text())
    assert manifest["complete"] and manifest["members"] == len(NAMES) and manifest["left_out"] == []


def test_ranges(agent):
    """At and around each boundary; the tag holds them together."""
    c = connect(agent)
    path = TAR + "?file=sub/&file=empty"
    r, whole = ask(c, path)
    tag = r.headers["etag"]
    assert r.status == 200 and r.headers["accept-ranges"] == "bytes"
    for at in {x + d for x in range(512, len(whole), 512 if len(whole) < 9000 else 2048) for d in (-1, 0, 1)}:
        r, part = ask(c, path, Range="bytes=%d-%d" % (at, at + 1200), If_Range=tag)
        assert r.status == 206 and part == whole[at:at + 1201] and r.headers["etag"] == tag, at
        assert r.headers["content-range"].startswith("bytes %d-" % at)
    r, part = ask(c, path, Range="bytes=-1024")
    assert r.status == 206 and part == bytes(1024)
    assert ask(c, path, Range="bytes=%d-" % len(whole))[0].status == 416
    assert ask(c, path, Range="bytes=1-2", If_Range='"another"')[1] == whole
    assert ask(c, path, Range="bytes=1-2,5-6")[1] == whole
    assert ask(c, path, If_None_Match=tag)[0].status == 304
    r, nothing = ask(c, path, "HEAD", Range="bytes=1-2")
    assert r.status == 200 and int(r.headers["content-length"]) == len(whole) and not nothing
    for query, status in (("?file=nope", 404), ("?file=sub", 404), ("?glob=*.cbf", 404), ("?x=1", 400), ("?file=%zz", 400)):
        assert ask(c, TAR + query)[0].status == status, query
    assert json.loads(ask(c, TAR + "?file=nope")[1])["detail"].find('"nope"') > 0
    with tarfile.open(fileobj=io.BytesIO(ask(c, TAR + "?glob=**/*.h5&file=with+space/")[1])) as t:
        assert t.getnames()[1:] == [TOP + "/sub/b.h5", TOP + "/with space/ä€.txt"]


def started(agent, to, *args):
    before = to.stat().st_size if to.exists() else 0
    p = agent.start("-o", to, "--limit-rate", "15M", *args, agent.base + TAR)
    assert wait_for(lambda: to.exists() and to.stat().st_size > before + 200_000, 20, 0.02)
    return p


def test_resume(agent, tmp_path):
    """The client is killed, then the front; each time -C - ends byte-exact.  A reload in between is not seen."""
    whole, part = tmp_path / "whole", tmp_path / "part"
    assert fetch(agent, TAR, whole) == (0, "200")
    p = started(agent, part)
    p.kill()
    p.wait()
    p = started(agent, part, "-C", "-")
    size = part.stat().st_size
    assert size < whole.stat().st_size
    os.kill(agent.children()["front"][0], signal.SIGKILL)
    assert p.wait(60) != 0
    wait_for(lambda: agent.get("/healthz").status == 200, 20)
    assert part.read_bytes() == whole.read_bytes()[:part.stat().st_size]
    code, status = fetch(agent, TAR, part, "-C", "-")
    assert (code, status) == (0, "206") and part.read_bytes() == whole.read_bytes()
    part.unlink()
    p = started(agent, part)
    agent.signal(signal.SIGHUP)
    assert p.wait(60) == 0 and part.read_bytes() == whole.read_bytes()
    agent.note()


def closings(agent):
    lines = (agent.work / "logs" / "audit.jsonl").read_text().splitlines()
    return [r for r in map(json.loads, lines) if r["kind"] == "close"]


def test_member_gone(agent, folder, tmp_path):
    """A member that is removed, and one that is changed, end the connection short; the audit log says why."""
    whole, part = tmp_path / "whole", tmp_path / "part"
    assert fetch(agent, TAR, whole) == (0, "200")
    last = folder / "z.bin"
    for change in ("removed", "changed"):
        part.unlink(missing_ok=True)
        last.rename(folder.parent / "aside")
        if change == "changed":
            last.write_bytes(content("z.bin")[::-1])
        assert fetch(agent, TAR, part)[0] in (18, 92), change
        assert part.read_bytes() == whole.read_bytes()[:part.stat().st_size]
        assert part.stat().st_size % 512 == 0 and part.stat().st_size > 300_000
        cut = wait_for(lambda: [c for c in closings(agent)[-3:] if c.get("why") == "changed"], 5)
        assert cut and cut[-1]["result"] == "error", closings(agent)[-3:]
        (folder.parent / "aside").rename(last)
    assert fetch(agent, TAR, part) == (0, "200")
    assert part.read_bytes() == whole.read_bytes()


def test_many_and_huge(launch, tmp_path):
    """More than 65,535 members in a zip, and a sparse file of 9 GiB in a tar: its ends by ranges."""
    top = tmp_path / "many"
    (top / "m").mkdir(parents=True)
    for i in range(66_000):
        if i % 30_000 == 0:  # so many links a file may have
            (top / "m" / str(i)).write_bytes(b"x")
        else:
            os.link(top / "m" / str(i - i % 30_000), top / "m" / str(i))
    agent = launch("https", "--data", top)
    file = tmp_path / "many.zip"
    assert fetch(agent, ZIP + "?file=m/", file) == (0, "200")
    with zipfile.ZipFile(file) as z:
        assert len(z.namelist()) == 66_001 and z.read(z.infolist()[-1]) == b"x"
    assert run("unzip", "-tq", file).returncode == 0
    with open(top / "huge.raw", "wb") as f:
        f.truncate(HUGE)
        f.seek(HUGE - 3)
        f.write(b"end")
    run(BIN / "pan-agent", "index", "--config", agent.config, "--no-digests")
    c = connect(agent)
    path = TAR + "?file=huge.raw"
    size = int(ask(c, path, "HEAD")[0].headers["content-length"])
    sparse = tmp_path / "huge.tar"
    with open(sparse, "wb") as f:
        f.truncate(size)
        for first, last in ((0, 65_535), (size - 70_000, size - 1)):
            r, part = ask(c, path, Range="bytes=%d-%d" % (first, last))
            assert r.status == 206
            f.seek(first)
            f.write(part)
    with tarfile.open(sparse) as t:
        member = t.getmembers()[1]
        assert (member.name, member.size) == (TOP + "/huge.raw", HUGE)
        data = t.extractfile(member)
        data.seek(HUGE - 5)
        assert data.read() == b"\0\0end"
    (top / "huge.raw").unlink()
    assert not agent.healthy()


def test_who(launch, tmp_path):
    """Anonymous, a stranger, the team; the page and the listing lead there where the data may be read."""
    agent = launch("policy")
    pid = "10.5072/ma6021-tomo-01"
    shut, page = "/archive/%s.zip" % pid, "/datasets/%s" % pid
    a = agent.get(shut)
    assert a.status == 401 and a.json["release_date"] and "bearer" in a.headers["www-authenticate"].lower()
    assert agent.get(shut, sub="bob").status == 403
    assert agent.get(shut, "-I").status == 401
    a = agent.get(shut, sub="alice")
    assert a.status == 200 and "no-store" in a.headers["cache-control"]
    with zipfile.ZipFile(io.BytesIO(a.body)) as z:
        folder = agent.file("/data/%s/x" % pid).parent
        files = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
        assert {n.split("/", 1)[1] for n in z.namelist()} == files | {"MANIFEST.json"} and z.testzip() is None
        for n in files:
            assert z.read("10.5072_ma6021-tomo-01/" + n) == (folder / n).read_bytes()
    assert shut not in agent.get(page, "-H", "Accept: text/html").body.decode()
    opened = "/archive/10.5072/sc5310-saxs-01"
    for path in ("/datasets/10.5072/sc5310-saxs-01", "/data/10.5072/sc5310-saxs-01/"):
        html = agent.get(path, "-H", "Accept: text/html").body.decode()
        assert opened + ".zip" in html and opened + ".tar" in html, html
        data = agent.get(path, "-H", "Accept: application/json").json
        links = data["archives"] if "archives" in data else data["links"]
        assert (links["zip"], links["tar"]) == (opened + ".zip", opened + ".tar"), data
    assert not agent.healthy()
