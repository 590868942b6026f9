/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/hold.h"
#include "tests/unit/policy_props.h"

/*
 * A policy and a question that the bytes choose, both well-formed (random_policy.h).  Properties
 * (policy_props.h): the index decides what the scan decides; nothing changes before next_change; a
 * clock that was set back reorders no log; open data do not close again; the explanation names the
 * rule.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct choices c = {.p = data, .n = n, .seed = n};
	AUTO_BUF text = BUF_INIT(1 << 20);
	AUTO_BUF report = BUF_INIT(1 << 16);
	struct random_facts r;

	/* The question first: its bytes then do not move when the rules change. */
	random_facts(&c, &r);
	random_policy(&c, 1 + choose(&c, 12), &text);
	const struct policy_source file = {"random.yaml", buf_span(&text)};
	struct policy_set *s = policy_set_load(&file, 1, &report, NULL);
	hold(s != NULL);
	const struct policy *p = policy_bound(s, &r.facts.object);
	hold(p != NULL);
	hold(props_ways(p, &r.facts) == NULL);
	hold(props_next_change(p, &r.facts, &c) == NULL);
	hold(props_log_time(p, &r.facts) == NULL);
	hold(props_stays_open(p, &r.facts, &c) == NULL);
	hold(props_explained(s, &r.facts) == NULL);
	policy_set_free(s);
	return 0;
}
