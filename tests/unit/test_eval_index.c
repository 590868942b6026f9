/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POL-21: the index decides what the linear scan decides, for thousands of random policies and
 * questions, down to the rule, the line and every other word of the answer.
 */
#include "policy/eval.h"
#include "tests/unit/check.h"
#include "tests/unit/random_policy.h"

enum { POLICIES = 1500, QUESTIONS = 12, RULES = 60 };

struct tally {
	size_t permits, by_rule, by_default, by_text, scanned;
};

static void
same(const struct decision *a, const struct decision *b, const struct buf *policy)
{
	if (memcmp(a, b, sizeof(*a)) != 0)
		fail_msg("rule %.*s (line %u) and rule %.*s (line %u) under\n%.*s",
			SPAN_ARG(a->rule), a->line, SPAN_ARG(b->rule), b->line,
			SPAN_ARG(buf_span(policy)));
}

static void
ask(const struct policy *p, const struct facts *f, const struct buf *text, struct tally *t)
{
	struct prepared q;

	eval_prepare(p, f, &q);
	t->scanned += q.way == BY_LIST;
	t->by_text += q.n_buckets > 0;
	for (int a = 0; a < ACTION_COUNT; a++) {
		struct prepared other = q;
		struct decision index;
		struct decision list;
		struct decision reference;
		eval_decide_prepared(&q, (enum action)a, &index);
		other.way = BY_LIST;
		eval_decide_prepared(&other, (enum action)a, &list);
		other.way = BY_REFERENCE;
		eval_decide_prepared(&other, (enum action)a, &reference);
		same(&index, &reference, text);
		same(&list, &reference, text);
		t->permits += index.permit;
		t->by_rule += index.line > 0;
		t->by_default += index.line == 0;
	}
}

static void
differential(void **state)
{
	struct choices c = {.seed = 4};
	struct tally t = {0};

	(void)state;
	for (int i = 0; i < POLICIES; i++) {
		AUTO_BUF text = BUF_INIT(1 << 20);
		random_policy(&c, 1 + choose(&c, RULES), &text);
		struct policy *p = random_compile(&text);
		assert_non_null(p);
		for (int k = 0; k < QUESTIONS; k++) {
			struct random_facts r;
			random_facts(&c, &r);
			ask(p, &r.facts, &text, &t);
		}
		model_free(p);
	}
	/* Each way of deciding was met often. */
	assert_true(t.permits > 10000 && t.by_rule > 20000 && t.by_default > 20000);
	print_message("    %zu by text, %zu by the list\n", t.by_text, t.scanned);
	assert_true(t.by_text > 5000 && t.scanned > 100);
}

/* ---- single facts ---- */

#define HEAD                                                                                       \
	"policy: one\nversion: 1\ntimezone: UTC\nvalid_from: 1970-01-01\nlicence: CC0-1.0\n"       \
	"embargo: {anchor: experiment_end, period: 0d}\nrules:\n"
#define TAIL "tests:\n  - {name: t, now: 2020-01-01, action: policy.simulate, expect: deny}\n"
#define RULE(id, effect, more)                                                                     \
	"  - {id: " id ", effect: " effect ", action: [data.read], " more "}\n"

static const struct {
	const char *name, *rules, *rule;
} rows[] = {
	{"a deny behind everything wins",
		RULE("a", "permit", "when: {pid: [p]}") RULE("b", "permit", "when: {}")
			RULE("c", "deny", "when: {pid: [p]}, reason: x"),
		"c"},
	{"of two denies the first, whichever list it is in",
		RULE("a", "deny", "when: {proposal: [q]}, reason: x")
			RULE("b", "deny", "when: {}, reason: x"),
		"a"},
	{"the other way round",
		RULE("a", "deny", "when: {}, reason: x")
			RULE("b", "deny", "when: {proposal: [q]}, reason: x"),
		"a"},
	{"of two permits the first, whichever list it is in",
		RULE("a", "permit", "when: {instrument: [i]}") RULE("b", "permit", "when: {}")
			RULE("c", "permit", "when: {pid: [p]}"),
		"a"},
	{"all of several texts must hold",
		RULE("a", "permit", "when: {pid: [p], instrument: [j]}")
			RULE("b", "permit", "when: {pid: [p], instrument: [j, i]}"),
		"b"},
	{"the same text under another key is another text",
		RULE("a", "permit", "when: {proposal: [p]}")
			RULE("b", "permit", "when: {pid: [q]}"),
		"default"},
	{"nobody anonymous is entitled",
		RULE("a", "permit", "when: {entitlement: ['urn:x']}")
			RULE("b", "permit", "when: {issuer: [x]}"),
		"default"},
};

static void
single(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF text = BUF_INIT(65536);
		struct decision d;
		struct facts f = {
			.action = ACTION_DATA_READ,
			.object = {.pid = SPAN("p"),
				.proposal = SPAN("q"),
				.instrument = SPAN("i")},
			.now = {.given = true, .is_date = true, .date = 19000},
		};
		CHECK_ROW(rows[i].name);
		buf_addf(&text, "%s%s%s", HEAD, rows[i].rules, TAIL);
		struct policy *p = random_compile(&text);
		assert_non_null(p);
		eval_decide(p, &f, &d);
		check_span(d.rule, rows[i].rule);
		model_free(p);
	}
}

/* An entitlement that any issuer may assert counts only beside a named issuer. */
static void
entitlements(void **state)
{
	AUTO_BUF text = BUF_INIT(65536);
	struct span held = SPAN("team-7");
	struct subject s = {.authenticated = true,
		.iss = SPAN("https://i.example/"),
		.entitlements = &held,
		.n_entitlements = 1};
	struct facts f = {
		.subject = &s,
		.action = ACTION_DATA_READ,
		.now = {.given = true, .is_date = true, .date = 19000},
	};
	struct decision d;

	(void)state;
	buf_addf(&text, "%s%s%s", HEAD,
		RULE("any", "permit", "when: {entitlement: [team-7]}") RULE("named", "permit",
			"when: {entitlement: [team-7], issuer: ['https://i.example/']}"),
		TAIL);
	struct policy *p = random_compile(&text);
	assert_non_null(p);
	eval_decide(p, &f, &d);
	check_span(d.rule, "any");
	s.several = true;
	eval_decide(p, &f, &d);
	check_span(d.rule, "named");
	model_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(differential),
		cmocka_unit_test(single),
		cmocka_unit_test(entitlements),
	};
	return cmocka_run_group_tests_name("eval_index", tests, NULL, NULL);
}
