/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The gate of gate_world.h under policies of a test's own. */
#include "tests/unit/gate_world.h"

#define HEAD                                                                                       \
	"policy: test\nversion: 1\ntimezone: Europe/Paris\nvalid_from: 2000-01-01\n"               \
	"licence: CC-BY-4.0\nembargo: {anchor: experiment_end, period: 3y}\n"                      \
	"metadata: {public_at: {experiment_end: [title]}}\n"                                       \
	"rates: {bulk: {streams: 2, mbit: 80, requests_per_min: 30}, slow: {streams: 1, mbit: 1, " \
	"requests_per_min: 1}}\n"
#define FINISH "streams: {on_deny: finish, max_age: 2h}\n"
#define RECORD "rules:\n  - {id: record, effect: permit, action: [meta.public], when: {}}\n"
#define OPEN(list)                                                                                 \
	"  - {id: open, effect: permit, action: [data.read, data.list], when: {state: open}, "     \
	"obligations: [" list "]}\n"
#define CLOSED                                                                                     \
	"  - {id: closed, effect: deny, action: [data.read], when: {}, reason: maintenance}\n"
#define TESTS                                                                                      \
	"tests:\n  - {name: closed, now: 2025-01-01, dates: {experiment_end: 2024-05-31}, "        \
	"action: data.read, expect: deny}\n"

/* Puts a policy in force for one test. */
static inline struct policy_set *
enforce(struct gate_place *p, const char *text)
{
	const struct policy_source source = {"policy.yaml", span_of(text)};
	struct err e = {0};
	AUTO_BUF report = BUF_INIT(8192);
	struct policy_set *set = policy_set_load(&source, 1, &report, &e);

	if (set == NULL)
		fail_msg("%.*s", SPAN_ARG(buf_span(&report)));
	p->gate.policies = set;
	return set;
}

static inline void
relax(struct gate_place *p, struct policy_set *set)
{
	p->gate.policies = p->policies;
	policy_set_free(set);
}
