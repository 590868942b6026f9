#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Write a small invented facility: NeXus files of four kinds in three proposals, and proposals.yaml.

  make_facility.py DIR [--issuer URL] [--today YYYY-MM-DD] [--seed N] [--reader SUB]

  DIR/data/sc5310/saxs-01        small-angle scattering scan (NXsas)        open: ended four years ago
  DIR/data/sc5310/simulation     fields of an undulator (openPMD-like)      open
  DIR/data/ma6021/tomo-01        tomography stack (NXtomo)                  under embargo: ended last year
  DIR/data/ind042/powder-01      powder pattern (NXmonopd)                  proprietary
  DIR/proposals.yaml             titles, routes, dates and teams of the three

Everybody and everything in it is invented.  The same arguments give the same bytes.
Needs python3-h5py; on Debian run it with /usr/bin/python3.
"""
import argparse
import datetime as dt
import os
import sys

try:
    import h5py
    import numpy as np
except ImportError:
    sys.exit("make_facility.py: apt-get install python3-h5py, and run it with /usr/bin/python3")

FACILITY = "Norrsund Light Source"


def group(parent, name, nx_class, /, **fields):
    """A NeXus group with its scalar fields; a field (value, units) gets a units attribute."""
    g = parent.create_group(name)
    g.attrs["NX_class"] = nx_class
    for key, value in fields.items():
        put(g, key, value)
    return g


def put(g, name, value, **attrs):
    units = None
    if isinstance(value, tuple):
        value, units = value
    if isinstance(value, np.ndarray) and value.size > 1000:
        d = g.create_dataset(name, data=value, compression="gzip", shuffle=True)
    else:
        d = g.create_dataset(name, data=value)
    if units:
        d.attrs["units"] = units
    for k, v in attrs.items():
        d.attrs[k] = v
    return d


def iso(t):
    return t.strftime("%Y-%m-%dT%H:%M:%S+01:00")


class Run:
    """What every file of a measurement has: root attributes, entry, source, users, times."""

    def __init__(self, path, proposal, definition, title, start, minutes, number):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.path, self.end = path, start + dt.timedelta(minutes=minutes)
        self.f = h5py.File(path, "w", libver=("earliest", "v110"))
        self.f.attrs["NX_class"] = "NXroot"
        self.f.attrs["default"] = "entry"
        self.f.attrs["file_name"] = os.path.basename(path)
        self.f.attrs["file_time"] = iso(self.end)
        self.f.attrs["creator"] = "make_facility.py"
        self.e = group(self.f, "entry", "NXentry", title=title, definition=definition,
                       start_time=iso(start), end_time=iso(self.end), entry_identifier=str(number),
                       experiment_identifier=proposal["id"].upper(), run_cycle=start.strftime("%Y-1"))
        self.e.attrs["default"] = "data"
        for i, name in enumerate(proposal["people"]):
            group(self.e, "user_%d" % (i + 1), "NXuser", name=name, role="principal_investigator" if i == 0 else "member")

    def instrument(self, name, wavelength):
        i = group(self.e, "instrument", "NXinstrument", name=name)
        group(i, "source", "NXsource", name=FACILITY, type="Synchrotron X-ray Source", probe="x-ray",
              energy=(3.0, "GeV"), current=(249.7, "mA"))
        group(i, "monochromator", "NXmonochromator", wavelength=(wavelength, "angstrom"),
              energy=(12.398419843 / wavelength, "keV"), wavelength_spread=1.3e-4)
        return i

    def close(self):
        self.f.close()
        stamp = int(self.end.timestamp())
        os.utime(self.path, (stamp, stamp))


def saxs(base, proposal, start, rng):
    """Eleven frames of a silica suspension while the sample is moved through the beam."""
    n, points = 160, 11
    y, x = np.mgrid[0:n, 0:n]
    q = np.hypot(x - 78.3, y - 81.6) * 172e-6 / 3.1 * 2 * np.pi / 1.033
    qr = np.maximum(q * 18.0e2, 1e-6)
    form = (3 * (np.sin(qr) - qr * np.cos(qr)) / qr**3) ** 2
    position = np.linspace(-1.0, 1.0, points)
    thickness = np.exp(-((position / 0.7) ** 2))
    frames = rng.poisson(2.0 + 9.0e3 * thickness[:, None, None] * form[None]).astype(np.uint32)
    frames[:, 77:87, :40] = 0  # shadow of the beam stop's holder
    r = Run(os.path.join(base, "sc5310_saxs_0001.nxs"), proposal, "NXsas", "Silica spheres in water, scan across the capillary",
            start, 14, 1)
    i = r.instrument("NLS B07 CoSAXS", 1.033)
    group(i, "collimator", "NXcollimator", divergence_x=(0.02, "mrad"))
    det = group(i, "detector", "NXdetector", data=(frames, "counts"), distance=(3.1, "m"), x_pixel_size=(172e-6, "m"),
                y_pixel_size=(172e-6, "m"), beam_center_x=(78.3, "pixel"), beam_center_y=(81.6, "pixel"),
                count_time=(np.full(points, 0.5), "s"), description="Pilatus3 (invented)")
    sample = group(r.e, "sample", "NXsample", name="silica R=18 nm, 1 vol%", chemical_formula="SiO2",
                   temperature=(298.15, "K"))
    put(sample, "x_translation", (position, "mm"))
    group(r.e, "control", "NXmonitor", mode="timer", preset=0.5, integral=rng.normal(1.0e6, 900.0, points))
    d = group(r.e, "data", "NXdata")
    d.attrs.update({"signal": "data", "axes": ["x_translation", ".", "."], "x_translation_indices": 0})
    d["data"], d["x_translation"] = det["data"], sample["x_translation"]
    r.close()
    with open(os.path.join(base, "README.txt"), "w", encoding="utf-8") as f:
        f.write("Scan across a capillary of silica spheres.\nFrame k belongs to /entry/sample/x_translation[k].\n")
    os.utime(f.name, (int(r.end.timestamp()),) * 2)


def simulation(base, proposal, start, rng):
    """Two iterations of a field on a mesh, as openPMD has them: no NXentry at all."""
    os.makedirs(base, exist_ok=True)
    path, end = os.path.join(base, "undulator_fields.h5"), start + dt.timedelta(days=20)
    z, y, x = np.meshgrid(np.linspace(0, 0.12, 48), np.linspace(-4e-3, 4e-3, 20), np.linspace(-4e-3, 4e-3, 20), indexing="ij")
    with h5py.File(path, "w", libver=("earliest", "v110")) as f:
        f.attrs.update({"openPMD": np.bytes_("1.1.0"), "openPMDextension": np.uint32(0), "basePath": np.bytes_("/data/%T/"),
                        "meshesPath": np.bytes_("meshes/"), "iterationEncoding": np.bytes_("groupBased"),
                        "iterationFormat": np.bytes_("/data/%T/"), "author": np.bytes_(proposal["people"][0]),
                        "software": np.bytes_("make_facility.py"), "date": np.bytes_(end.strftime("%Y-%m-%d %H:%M:%S +0100"))})
        for k in (0, 100):
            it = f.create_group("data/%d" % k)
            it.attrs.update({"time": 1e-12 * k, "dt": 1e-14, "timeUnitSI": 1.0})
            b = it.create_group("meshes/B")
            b.attrs.update({"geometry": np.bytes_("cartesian"), "dataOrder": np.bytes_("C"), "gridUnitSI": 1.0,
                            "axisLabels": [np.bytes_(c) for c in "zyx"], "gridSpacing": [0.12 / 47, 8e-3 / 19, 8e-3 / 19],
                            "gridGlobalOffset": [0.0, -4e-3, -4e-3], "unitDimension": [0.0, 1.0, -2.0, -1.0, 0.0, 0.0, 0.0],
                            "timeOffset": 0.0})
            ky = 2 * np.pi / 0.024
            values = {"x": np.zeros_like(z), "y": np.cosh(ky * y) * np.cos(ky * z + 1e-3 * k),
                      "z": -np.sinh(ky * y) * np.sin(ky * z + 1e-3 * k)}
            for name, v in values.items():
                d = b.create_dataset(name, data=(v + rng.normal(0, 1e-4, v.shape)).astype(np.float32), compression="gzip")
                d.attrs.update({"unitSI": 1.0, "position": [0.0, 0.0, 0.0]})
    os.utime(path, (int(end.timestamp()),) * 2)


def tomography(base, proposal, start, rng):
    """Projections of three grains in a matrix, with flats and darks among them."""
    n, views = 96, 60
    angles = np.concatenate([np.zeros(4), np.linspace(0, 180, views, endpoint=False), np.zeros(4)])
    key = np.array([2, 2, 1, 1] + [0] * views + [1, 1, 2, 2], dtype=np.int32)
    grains = [(0.35, 0.1, 0.0, 0.16), (-0.3, 0.25, 0.2, 0.12), (0.0, -0.4, -0.3, 0.2)]
    v, u = np.mgrid[-1:1:n * 1j, -1:1:n * 1j]
    stack = np.empty((len(key), n, n), dtype=np.uint16)
    for k, (a, kind) in enumerate(zip(np.deg2rad(angles), key)):
        path = 1.6 * np.sqrt(np.maximum(0.81 - u**2, 0))
        for gx, gy, gz, r in grains:
            path += 5 * np.sqrt(np.maximum(r**2 - (u - gx * np.cos(a) - gy * np.sin(a)) ** 2 - (v - gz) ** 2, 0))
        light = {0: 24000 * np.exp(-0.8 * path), 1: np.full((n, n), 24000.0), 2: np.full((n, n), 110.0)}[int(kind)]
        stack[k] = rng.poisson(light)
    r = Run(os.path.join(base, "ma6021_tomo_0001.nxs"), proposal, "NXtomo", "Pores in sandstone, dry", start, 47, 17)
    i = r.instrument("NLS B11 Tomo", 0.496)
    det = group(i, "detector", "NXdetector", data=(stack, "counts"), image_key=key, distance=(0.055, "m"),
                x_pixel_size=(1.6, "um"), y_pixel_size=(1.6, "um"), x_rotation_axis_pixel_position=n / 2)
    sample = group(r.e, "sample", "NXsample", name="sandstone plug 3", rotation_angle=(angles, "degree"),
                   temperature=(295.0, "K"))
    group(r.e, "control", "NXmonitor", data=rng.normal(2.2e6, 1.0e3, len(key)))
    d = group(r.e, "data", "NXdata", image_key=key)
    d.attrs.update({"signal": "data", "axes": ["rotation_angle", ".", "."], "rotation_angle_indices": 0})
    d["data"], d["rotation_angle"] = det["data"], sample["rotation_angle"]
    r.close()


def powder(base, proposal, start, rng):
    """A diffraction pattern of a cathode material."""
    angle = np.arange(5.0, 95.0, 0.01)
    counts = 180 + 400 * np.exp(-angle / 18)
    for at, height, width in ((18.7, 9500, .06), (36.6, 2600, .07), (37.9, 900, .07), (38.2, 700, .07), (44.4, 6800, .08),
                              (48.5, 800, .09), (58.6, 900, .1), (64.3, 1800, .11), (64.9, 1600, .11), (68.2, 700, .12)):
        counts += height * ((angle - at) ** 2 / width**2 + 1) ** -1.6
    r = Run(os.path.join(base, "ind042_powder_0001.nxs"), proposal, "NXmonopd", "NMC811 as delivered", start, 25, 203)
    i = r.instrument("NLS B03 HRPD", 1.5406)
    det = group(i, "detector", "NXdetector", polar_angle=(angle, "degree"), data=(rng.poisson(counts).astype(np.int64), "counts"))
    group(i, "crystal", "NXcrystal", wavelength=(1.5406, "angstrom"), type="Si 111")
    group(r.e, "sample", "NXsample", name="NMC811 lot 7", rotation_angle=(0.0, "degree"))
    group(r.e, "monitor", "NXmonitor", mode="timer", preset=1500.0, integral=3.1e9)
    d = group(r.e, "data", "NXdata")
    d.attrs.update({"signal": "data", "axes": "polar_angle"})
    d["data"], d["polar_angle"] = det["data"], det["polar_angle"]
    r.close()


PROPOSALS = [
    {"id": "sc5310", "title": "Structure factor of silica suspensions", "route": "academic", "years": 4,
     "team": [("pi", "alice"), ("coproposer", "bob")], "people": ["Alice Almqvist", "Bob Berg"],
     "sets": [("saxs-01", saxs), ("simulation", simulation)]},
    {"id": "ma6021", "title": "Pore networks in sandstone", "route": "academic", "years": 1,
     "team": [("pi", "alice"), ("coproposer", "carol")], "people": ["Alice Almqvist", "Carol Cederholm"],
     "sets": [("tomo-01", tomography)]},
    {"id": "ind042", "title": "Cathode materials, batch control", "route": "proprietary", "years": 2,
     "team": [("pi", "dave")], "people": ["Dave Dahl"], "sets": [("powder-01", powder)]},
]


def years_before(day, n):
    try:
        return day.replace(year=day.year - n)
    except ValueError:  # 29 February
        return day.replace(year=day.year - n, day=28)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("dir")
    ap.add_argument("--issuer", default="https://localhost:8443/demo-issuer", help="issuer of the team's tokens")
    ap.add_argument("--today", type=dt.date.fromisoformat, default=dt.datetime.now(dt.timezone.utc).date())
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--reader", help="one more member of every team")
    a = ap.parse_args()
    rng = np.random.default_rng(a.seed)
    lines = ["# Written by make_facility.py: an invented user office's list.", "proposals:"]
    for p in PROPOSALS:
        end = years_before(a.today, p["years"])
        start = end - dt.timedelta(days=3)
        lines += ['  - id: %s' % p["id"], '    title: "%s"' % p["title"], '    route: %s' % p["route"],
                  '    dates: {experiment_start: %s, experiment_end: %s}' % (start, end), '    team:']
        lines += ['      - {role: %s, issuer: "%s", sub: %s}' % (role, a.issuer, sub) for role, sub in p["team"] + ([("coproposer", a.reader)] if a.reader else [])]
        at = dt.datetime(start.year, start.month, start.day, 9, 12, 30, tzinfo=dt.timezone(dt.timedelta(hours=1)))
        for name, make in p["sets"]:
            make(os.path.join(a.dir, "data", p["id"], name), p, at, rng)
    with open(os.path.join(a.dir, "proposals.yaml"), "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
