# SPDX-License-Identifier: Apache-2.0
"""What WebDAV clients see, as raw PROPFIND and through the clients of Debian that are there."""
import shutil
import socket
import ssl
import xml.etree.ElementTree as ET

import pytest
from conftest import EMBARGOED, ENV, OPEN, run

D, OC = "{DAV:}", "{http://owncloud.org/ns}"
DATASET = OPEN.rsplit("/", 1)[0] + "/"
SUMS = '<d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop><oc:checksums/><d:displayname/></d:prop></d:propfind>'
MACAROON = b'{"caveats": ["activity:LIST,DOWNLOAD"], "validity": "PT180M"}'


def propfind(agent, path, depth, *args, **who):
    a = agent.get(path, "-X", "PROPFIND", "-H", "Depth: %s" % depth, *args, **who)
    assert a.status == 207 and a.headers["content-type"].startswith("application/xml"), a
    found = ET.fromstring(a.body).findall(D + "response")
    for r in found:
        assert sum("200" in s.find(D + "status").text for s in r.findall(D + "propstat")) == 1, a.body
    return {r.find(D + "href").text: r for r in found}


def test_from_the_root_down(agent):
    assert list(propfind(agent, "/data/", 1)) == ["/data/", "/data/10.5072/"]
    below = list(propfind(agent, "/data/10.5072", 1))
    assert below[0] == "/data/10.5072/" and DATASET in below, below
    assert not any("ind042" in p for p in below), "hidden datasets are in no collection"
    assert any("ind042" in p for p in propfind(agent, "/data/10.5072/", 1, sub="dave"))
    assert OPEN in propfind(agent, DATASET, 1)
    for gone in ("/data/10.5072/none/", "/data/10.50/", OPEN + "/"):
        assert agent.get(gone, "-X", "PROPFIND", "-H", "Depth: 0").status == 404, gone
    assert agent.get("/data").headers["location"] == "/data/"


def test_properties(agent):
    r = propfind(agent, OPEN, 0)[OPEN]
    assert r.find(".//%sgetcontentlength" % D).text == str(len(agent.file(OPEN).read_bytes()))
    assert r.find(".//%sgetetag" % D).text == agent.get(OPEN, "-I").headers["etag"]
    r = propfind(agent, OPEN, 0, "-d", SUMS)[OPEN]
    sums = r.find(".//%schecksum" % OC).text.split()
    assert [s.split(":")[0] for s in sums] == ["MD5", "ADLER32"], sums
    assert [s.find(D + "status").text.split()[1] for s in r.findall(D + "propstat")] == ["200", "404"]
    refused = agent.get(EMBARGOED, "-X", "PROPFIND", "-H", "Depth: 0")
    assert refused.status == 401 and b"getcontentlength" not in refused.body


def test_macaroon_keeps_the_connection(agent):
    """gfal2 asks each new URL; head and body in two segments, and the next request on the same connection."""
    context = ssl.create_default_context(cafile=agent.ca)
    head = ("POST %s HTTP/1.1\r\nHost: localhost:%d\r\nContent-Type: application/macaroon-request\r\n"
            "Content-Length: %d\r\n\r\n" % (OPEN, agent.port, len(MACAROON))).encode()
    with context.wrap_socket(socket.create_connection(("127.0.0.1", agent.port), 5), server_hostname="localhost") as s:
        for _ in range(3):
            s.sendall(head)
            answer = s.recv(65536)
            assert answer.startswith(b"HTTP/1.1 405 ") and b"\r\nAllow: " in answer, answer
            assert b"onnection: close" not in answer, answer
            s.sendall(MACAROON)
        s.sendall(("OPTIONS %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % OPEN).encode())
        answer = s.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200 ") and b"\r\nDAV: 1\r\n" in answer and b"PROPFIND" in answer, answer


@pytest.mark.parametrize("method", ["LOCK", "UNLOCK", "PROPPATCH", "MOVE", "DELETE", "PATCH"])
def test_what_is_not_there(agent, method):
    a = agent.get(OPEN, "-X", method)
    assert a.status == 405 and "PROPFIND" in a.headers["allow"], a


def client(*args, **env):
    if shutil.which(args[0]) is None:
        pytest.skip(args[0] + " is not installed")
    import conftest
    conftest.ENV, before = {**ENV, **env}, conftest.ENV
    try:
        r = run(*args, timeout=60)
    finally:
        conftest.ENV = before
    assert r.returncode == 0, r
    return r.stdout.decode()


def test_davix_walks(agent):
    assert client("davix-ls", "-k", agent.base + "/data/").split() == ["10.5072"]
    assert "sc5310-saxs-01" in client("davix-ls", "-k", "-l", agent.base + "/data/10.5072/")


def test_rclone_walks_and_reads_checksums(agent, tmp_path):
    config = tmp_path / "rclone.conf"
    config.write_text("[x]\ntype = webdav\nurl = %s/data\nvendor = owncloud\n" % agent.base)
    r = ("rclone", "--config", config, "--ca-cert", agent.ca)
    assert "10.5072" in client(*r, "lsd", "x:")
    assert OPEN.rsplit("/", 1)[1] in client(*r, "md5sum", "x:" + DATASET[len("/data/"):])
    client(*r, "copy", "x:" + DATASET[len("/data/"):], tmp_path / "copy")
    client(*r, "check", "x:" + DATASET[len("/data/"):], tmp_path / "copy")
