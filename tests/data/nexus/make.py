#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the small files beside it (needs python3-h5py).  They are kept in the repository, since the
tests must not need h5py; what each is for stands in tests/unit/test_nexus_files.c."""
import os

import h5py
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


def new(name, **more):
    f = h5py.File(os.path.join(HERE, name), "w", libver="latest", **more)
    e = f.create_group("entry")
    e.attrs["NX_class"] = np.bytes_("NXentry")
    return f, e


def group(parent, name, nx_class):
    g = parent.create_group(name)
    g.attrs["NX_class"] = np.bytes_(nx_class)
    return g


f, e = new("other_secret.h5")
e["title"] = np.bytes_("SECRET")
f.close()

f, e = new("external_link.h5")
e["title"] = h5py.ExternalLink("other_secret.h5", "/entry/title")
f["entry2"] = h5py.ExternalLink("other_secret.h5", "/entry")
e["run_cycle"] = h5py.SoftLink("/entry2/title")
e["entry_identifier"] = h5py.ExternalLink("/(descriptor)", "/hidden")
f["hidden"] = np.bytes_("SECRET")
f.close()

f, e = new("external_storage.h5")
kind = h5py.h5t.C_S1.copy()
kind.set_size(6)
plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
plist.set_external(b"other_secret.raw", 0, 6)
h5py.h5d.create(e.id, b"title", kind, h5py.h5s.create_simple((1,)), plist)
f.close()
with open(os.path.join(HERE, "other_secret.raw"), "w") as raw:
    raw.write("SECRET")

f, e = new("virtual.h5")
e["inside"] = np.array([b"SECRET"])
layout = h5py.VirtualLayout((1,), dtype="S6")
layout[0:1] = h5py.VirtualSource(".", "/entry/inside", shape=(1,), dtype="S6")
e.create_virtual_dataset("title", layout)
f.close()

f, e = new("loops.h5")
e["title"] = h5py.SoftLink("/entry/title")
e["sub"] = h5py.SoftLink("/entry")
group(e, "instrument", "NXinstrument")["back"] = e
f["again"] = e
f.close()

f, e = new("sizes.h5")
e["title"] = "A" * 5000
e["definition"] = np.bytes_(b"B" * 4097)
e["run_cycle"] = "C" * 4096
e["entry_identifier"] = np.array([b"a", b"b"])
d = e.create_dataset("experiment_identifier", (1,), dtype="S3000", chunks=(400,), maxshape=(None,), compression="gzip")
d[0] = b"chunk of more than 1 MiB"
d = group(e, "sample", "NXsample").create_dataset("name", (1,), dtype="S40", chunks=(4,), maxshape=(None,), compression="gzip")
d[0] = b"compressed"
f.close()

f, e = new("types.h5")
e["title"] = np.array([[b"two dimensions"]])
e["entry_identifier"] = np.int64(33837)
e["run_cycle"] = 2.5
e["definition"] = np.zeros(1, dtype=[("a", "i4")])
e["start_time"] = "2021-06-01T10:00:00Z"
e["end_time"] = "2021-06-01T09:59:59Z"
i = group(e, "instrument", "NXinstrument")
i["name"] = b"\xb5-XRF at 5\xb0"
s = group(e, "sample", "NXsample")
s["temperature"] = np.nan
log = group(s, "pressure", "NXlog")
log["value"] = np.arange(5.0)
log["average_value"] = 2.0
log["average_value"].attrs["units"] = np.bytes_("Pa")
s["thickness"] = "1.5"
for k, name in enumerate(("Ada", "Ada", "unknown", "Grace")):
    group(e, "user%d" % k, "NXuser")["name"] = name
group(e, "user9", "NXuser")["email"] = "ada@example.org"
f.attrs["owner_email"] = "ada@example.org"
f.close()

f, e = new("user_block.h5", userblock_size=1024)
e["title"] = "behind a user block"
f.close()
with open(os.path.join(HERE, "user_block.h5"), "r+b") as raw:
    raw.write(b"\x89HMP XMP packet")

# Broken apart from what the NeXus rules name: the old format, which has no checksums.
def broken(name, old, new, **how):
    """A copy of one sound file with the bytes old(data set) replaced once."""
    path = os.path.join(HERE, name)
    f = h5py.File(path, "w", libver="earliest")
    e = group(f, "entry", "NXentry")
    e["title"] = np.bytes_("kept")
    e["gone"] = h5py.SoftLink("/nowhere")
    d = group(e, "other", "NXcollection").create_dataset("data", data=np.arange(10), **how)
    d.attrs["crooked"] = 1.5
    f.flush()
    was = old(d)
    f.close()
    with open(path, "r+b") as raw:
        data = raw.read()
        at = was if isinstance(was, int) else data.index(was)
        raw.seek(at)
        raw.write(new)


broken("bad_object.h5", lambda d: h5py.h5o.get_info(d.id).addr, b"\x63")
broken("bad_attribute.h5", lambda d: b"crooked\0\x11", b"crooked\0\xf1")
broken("bad_chunks.h5", lambda d: b"TREE\x01", b"TREX\x01", chunks=(5,))
broken("beyond_end.h5", lambda d: d.id.get_offset().to_bytes(8, "little"), (1 << 20).to_bytes(8, "little"))
broken("across_end.h5", lambda d: d.id.get_offset().to_bytes(8, "little"), (5952 - 8).to_bytes(8, "little"))
broken("absent_filter.h5", lambda d: b"\x01\x00\x08\x00\x01\x00\x01\x00deflate", b"\xff\x7f\x08\x00\x00\x00\x01\x00absents",
    chunks=(5,), compression="gzip")

f, e = new("sound.h5")
e["title"] = np.bytes_("sound")
e["soft"] = h5py.SoftLink("/nowhere")
e["external"] = h5py.ExternalLink("nowhere.h5", "/")
d = e.create_dataset("long", (1,), dtype=h5py.string_dtype())
d[0] = "A" * 70000
e["none"] = h5py.Empty("f8")
e.create_dataset("zero", (0,), maxshape=(None,), chunks=(4,))
e.create_dataset("unwritten", (10, 10), chunks=(4, 4), fillvalue=3)
e.create_dataset("unallocated", (1 << 40,))
e["kind"] = np.dtype("i4")
e["texts"] = ["a", "b"]
e.attrs["texts"] = ["a", "b"]
e["link"] = e["texts"]
e["ref"] = e["texts"].ref
f.close()

with open(os.path.join(HERE, "hdf4.hdf"), "wb") as raw:
    raw.write(b"\x0e\x03\x13\x01" + bytes(60))
with open(os.path.join(HERE, "truncated.h5"), "wb") as raw:
    raw.write(b"\x89HDF\r\n\x1a\n" + bytes(20))
