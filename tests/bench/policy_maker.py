#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write a policy file with many rules, or questions about it: what tests/bench/policy measures with.

  tests/bench/policy_maker.py --rules 1000 > big.yaml
  tests/bench/policy_maker.py --rules 1000 --requests 10000 > questions.jsonl

Eight rules are a facility's usual ones; the others are agreements about single proposals, datasets, beamlines and
collaborations, a fifth of them refusals, as they gather in a file over years.  The same seed gives the same bytes.
"""
import argparse
import json
import random

HEAD = """policy: bench
version: 1
timezone: Europe/Paris
valid_from: 2000-01-01
licence: CC-BY-4.0
embargo: {anchor: experiment_end, period: 3y, extend_by: [pi], approve: [director], early_release: [team]}
metadata: {public_at: {experiment_end: [title, team]}}
groups: {team: [pi, coproposer, delegate], staff: [local_contact, instrument_scientist]}
rules:
"""
FIRST = """{id: withdrawn, effect: deny, action: [meta.full, data.list, data.read, data.stage], when: {state: [withdrawn]}, reason: withdrawn, status: 410}
{id: tombstone, effect: permit, action: [meta.public], when: {state: [withdrawn]}, obligations: [tombstone]}
{id: record, effect: permit, action: [meta.public], when: {state: [proprietary, restricted, embargoed, open]}}
{id: team-data, effect: permit, action: [meta.full, data.list, data.read, data.stage], when: {state: [proprietary, embargoed, open], role: [team]}, obligations: ['audit:basic']}
{id: staff-support, effect: permit, action: [meta.full, data.list, data.read], when: {state: [embargoed], role: [staff], network: [facility], purpose: [support]}, obligations: ['audit:full']}
{id: human-data, effect: deny, action: [data.read, data.stage], when: {flag: [personal-data], not_role: [team]}, reason: personal-data}
""".splitlines()
LAST = """{id: open-list, effect: permit, action: [meta.full, data.list], when: {state: [open]}}
{id: open-data, effect: permit, action: [data.read, data.stage], when: {state: [open]}, obligations: [cite, licence-notice]}
""".splitlines()
TESTS = """tests:
  - {name: open, now: 2030-01-01, dates: {experiment_end: 2020-01-01}, action: data.read, expect: permit, rule: open-data}
  - {name: closed, now: 2022-01-01, dates: {experiment_end: 2020-01-01}, action: data.read, expect: deny, rule: default}
"""
ACTIONS = ["meta.full", "data.list", "data.read", "data.stage"]
STATES = ["restricted", "embargoed", "open"]


def proposal(rng):
    return f"HC-{rng.randint(1, 6000):04d}"


def beamline(rng):
    return f"bm{rng.randint(1, 44):02d}"


def dataset(rng):
    return f"10.5072/bench-{rng.randint(1, 90000):05d}"


def collaboration(rng):
    return f"urn:mace:bench.example:group:c{rng.randint(1, 400)}"


def where(rng):
    kind = rng.randint(1, 20)
    if kind <= 9:
        return f"proposal: [{', '.join(sorted({proposal(rng) for _ in range(rng.randint(1, 3))}))}]"
    if kind <= 14:
        return f"instrument: [{beamline(rng)}], kind: [{rng.choice(['log', 'report', 'processed'])}]"
    if kind <= 18:
        return f"pid: ['{dataset(rng)}']"
    return f"entitlement: ['{collaboration(rng)}']"


def agreement(rng, number):
    head = f"id: a{number:05d}, action: [{', '.join(rng.sample(ACTIONS, rng.randint(1, 3)))}]"
    when = f"state: [{', '.join(rng.sample(STATES, rng.randint(1, 2)))}], {where(rng)}"
    if rng.random() < 0.2:
        return f"{{{head}, effect: deny, when: {{{when}, not_role: [team]}}, reason: agreement}}"
    role = rng.choice(["registered", "authenticated", "staff", "user_office"])
    return f"{{{head}, effect: permit, when: {{{when}, role: [{role}]}}, obligations: ['audit:basic']}}"


def question(rng, number):
    end = f"{rng.randint(2018, 2025)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
    q = {"id": number, "action": rng.choice(ACTIONS), "now": "2026-06-01T12:00:00Z",
         "object": {"pid": dataset(rng), "proposal": proposal(rng), "instrument": beamline(rng),
                    "kind": rng.choice(["raw", "raw", "log", "processed"]),
                    "dates": {"experiment_start": end, "experiment_end": end}}}
    roles = rng.choice([None, [], ["registered"], ["registered", "pi"], ["registered", "local_contact"]])
    if roles is not None:
        q["subject"] = {"iss": "https://login.bench.example/", "sub": f"u{rng.randint(1, 999)}", "roles": roles,
                        "entitlements": [collaboration(rng) for _ in range(rng.randint(0, 2))]}
    return json.dumps(q, separators=(",", ":"))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--rules", type=int, default=1000, help="how many rules, 8 to 4096")
    ap.add_argument("--requests", type=int, default=0, help="write that many questions instead")
    ap.add_argument("--seed", type=int, default=20, help="of the random numbers")
    a = ap.parse_args()
    if not 8 <= a.rules <= 4096:
        ap.error("--rules: 8 to 4096")
    rng = random.Random(a.seed + (1 if a.requests else 0))
    if a.requests:
        for number in range(a.requests):
            print(question(rng, number))
        return
    rules = FIRST + [agreement(rng, n) for n in range(a.rules - 8)] + LAST
    print(HEAD + "".join(f"  - {r}\n" for r in rules) + TESTS, end="")


if __name__ == "__main__":
    main()
