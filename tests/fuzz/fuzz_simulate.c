/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/simulate_write.h"

#include "policy/audit_line.h"
#include "tests/fuzz/hold.h"

/*
 * Property: whatever the lines of a log say, each decision is changed, unchanged or undecided, the
 * changes that are told are the changed ones, and a line that is refused counts for nothing.  What
 * is written has no control characters but line ends.
 */
static const char policy[] =
	"policy: x\nversion: 1\ntimezone: UTC\nvalid_from: 2000-01-01\nlicence: CC0-1.0\n"
	"embargo: {anchor: experiment_end, period: 3y, early_release: [pi]}\nrules:\n"
	"  - {id: record, effect: permit, action: meta.public, when: {}}\n"
	"  - {id: team, effect: permit, action: data.read, when: {role: [pi, archivist]}}\n"
	"  - {id: open, effect: permit, action: data.read, when: {state: open},\n"
	"     obligations: [cite, x-own]}\n"
	"tests:\n  - {name: x, now: 2030-01-01, action: data.stage, expect: deny}\n";

static void
check(struct simulate *s, const struct simulate_counts *c)
{
	AUTO_BUF out = BUF_INIT(1U << 22);
	const struct simulate_change *k = NULL;
	size_t n = simulate_changes(s, &k);
	uint64_t told = 0;

	hold(c->decisions == c->changed + c->unchanged + c->undecided);
	for (size_t i = 0; i < n; i++) {
		hold(k[i].count > 0 && (i == 0 || k[i - 1].count >= k[i].count));
		told += k[i].count;
	}
	hold(told == c->changed || n == SIMULATE_CHANGES);
	simulate_write(s, &out);
	hold(buf_ok(&out));
	for (size_t i = 0; i < out.n; i++)
		hold(out.p[i] == '\n' || (out.p[i] >= 0x20 && out.p[i] < 0x7f));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct policy_set *set;
	const struct policy_source source = {"x", {policy, sizeof(policy) - 1}};
	struct span rest = {(const char *)data, n};

	if (set == NULL)
		set = policy_set_load(&source, 1, NULL, NULL);
	hold(set != NULL);
	const struct simulate_options o = {.against = set, .all = n % 2 == 1};
	struct simulate *s = simulate_new(&o);
	hold(s != NULL);
	while (rest.n > 0) {
		struct simulate_counts before;
		struct simulate_counts after;
		struct span line = span_cut(&rest, '\n');
		simulate_counts(s, &before);
		bool taken = simulate_line(s, line, NULL);
		simulate_counts(s, &after);
		hold(after.decisions == before.decisions ||
			(taken && after.decisions == before.decisions + 1));
	}
	struct simulate_counts c;
	simulate_counts(s, &c);
	check(s, &c);
	simulate_free(s);
	return 0;
}
