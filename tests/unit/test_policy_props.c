/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold of every policy and every question (policy_props.h), for random ones. */
#include "tests/unit/check.h"
#include "tests/unit/policy_props.h"

#include <glob.h>

enum { POLICIES = 400, QUESTIONS = 40, RULES = 24 };

static void
must(const char *broken, const struct buf *policy)
{
	if (broken != NULL)
		fail_msg("%s under\n%.*s", broken, SPAN_ARG(buf_span(policy)));
}

static void
any_question(void **state)
{
	struct choices c = {.seed = 7};

	(void)state;
	for (int i = 0; i < POLICIES; i++) {
		AUTO_BUF text = BUF_INIT(1 << 20);
		random_policy(&c, 1 + choose(&c, RULES), &text);
		struct policy *p = random_compile(&text);
		assert_non_null(p);
		for (int k = 0; k < QUESTIONS; k++) {
			struct random_facts r;
			random_facts(&c, &r);
			must(props_next_change(p, &r.facts, &c), &text);
			must(props_log_time(p, &r.facts), &text);
			must(props_stays_open(p, &r.facts, &c), &text);
		}
		model_free(p);
	}
}

static void
explained(void **state)
{
	struct choices c = {.seed = 8};

	(void)state;
	for (int i = 0; i < POLICIES / 2; i++) {
		AUTO_BUF text = BUF_INIT(1 << 20);
		AUTO_BUF report = BUF_INIT(1 << 16);
		random_policy(&c, 1 + choose(&c, RULES), &text);
		const struct policy_source file = {"random.yaml", buf_span(&text)};
		struct policy_set *s = policy_set_load(&file, 1, &report, NULL);
		check_span(buf_span(&report), "");
		for (int k = 0; k < QUESTIONS; k++) {
			struct random_facts r;
			random_facts(&c, &r);
			must(props_explained(s, &r.facts), &text);
		}
		policy_set_free(s);
	}
}

/* ---- rules as lines that are put together in another order ---- */

struct lines {
	struct buf head, rule[RULES + 1], tail;
	bool permit[RULES + 1];
	size_t n;
};

static void
lines_make(struct choices *c, struct lines *l)
{
	*l = (struct lines){.head = BUF_INIT(1 << 16), .tail = BUF_INIT(1 << 16)};
	random_head(c, &l->head);
	buf_adds(&l->head, "rules:\n");
	l->n = 2 + choose(c, RULES - 2);
	for (size_t i = 0; i <= l->n; i++) {
		l->rule[i].max = 1 << 16;
		l->permit[i] = i < l->n && choose(c, 3) != 0; /* the last one denies */
		random_rule(c, &l->rule[i], (unsigned)i, l->permit[i]);
	}
	buf_adds(&l->tail, "tests:\n  - {name: simulate, now: 2020-01-01, action: "
			   "policy.simulate, expect: deny}\n");
}

static void
lines_free(struct lines *l)
{
	buf_fini(&l->head);
	buf_fini(&l->tail);
	for (size_t i = 0; i <= l->n; i++)
		buf_fini(&l->rule[i]);
}

static struct policy *
lines_compile(const struct lines *l, const size_t *order, size_t n)
{
	AUTO_BUF text = BUF_INIT(1 << 20);

	buf_add(&text, buf_span(&l->head));
	for (size_t i = 0; i < n; i++)
		buf_add(&text, buf_span(&l->rule[order[i]]));
	buf_add(&text, buf_span(&l->tail));
	struct policy *p = random_compile(&text);
	assert_non_null(p);
	return p;
}

static void
one_more_deny(void **state)
{
	struct choices c = {.seed = 9};

	(void)state;
	for (int i = 0; i < POLICIES; i++) {
		struct lines l;
		size_t order[RULES + 1];
		lines_make(&c, &l);
		size_t at = choose(&c, (unsigned)l.n + 1);
		for (size_t k = 0; k <= l.n; k++)
			order[k] = k < at ? k : k == at ? l.n : k - 1;
		struct policy *with = lines_compile(&l, order, l.n + 1);
		for (size_t k = 0; k < l.n; k++)
			order[k] = k;
		struct policy *without = lines_compile(&l, order, l.n);
		for (int k = 0; k < QUESTIONS; k++) {
			struct random_facts r;
			random_facts(&c, &r);
			must(props_one_more_deny(without, with, &r.facts), &l.head);
		}
		model_free(with);
		model_free(without);
		lines_free(&l);
	}
}

/* Where permits stand among denies does not matter: all denies first, or last, is the same. */
static void
denies_anywhere(void **state)
{
	struct choices c = {.seed = 10};

	(void)state;
	for (int i = 0; i < POLICIES; i++) {
		struct lines l;
		struct policy *p[3];
		lines_make(&c, &l);
		for (int way = 0; way < 3; way++) {
			size_t order[RULES + 1];
			size_t n = 0;
			for (int pass = 0; pass < 2; pass++)
				for (size_t k = 0; k <= l.n; k++)
					if (way == 2 ? pass == 0 : l.permit[k] == (way == pass))
						order[n++] = k;
			p[way] = lines_compile(&l, order, n);
		}
		for (int k = 0; k < QUESTIONS; k++) {
			struct random_facts r;
			random_facts(&c, &r);
			assert_true(props_same_rule(p[2], p[0], &r.facts));
			assert_true(props_same_rule(p[2], p[1], &r.facts));
		}
		for (int way = 0; way < 3; way++)
			model_free(p[way]);
		lines_free(&l);
	}
}

/* Permits behind the one that decides may stand in any order. */
static void
later_permits(void **state)
{
	struct choices c = {.seed = 11};
	size_t decided = 0;

	(void)state;
	for (int i = 0; i < POLICIES; i++) {
		struct lines l;
		struct decision d;
		struct random_facts r;
		size_t order[RULES + 1];
		lines_make(&c, &l);
		for (size_t k = 0; k <= l.n; k++)
			order[k] = k;
		struct policy *p = lines_compile(&l, order, l.n + 1);
		random_facts(&c, &r);
		eval_decide(p, &r.facts, &d);
		size_t rule = 0;
		while (rule < p->n_rules && p->rules[rule].line != d.line)
			rule++;
		for (size_t k = l.n; rule < l.n && d.permit && k > rule + 1; k--) {
			size_t with = rule + 1 + choose(&c, (unsigned)(k - rule));
			size_t held = order[k];
			order[k] = order[with];
			order[with] = held;
		}
		struct policy *other = lines_compile(&l, order, l.n + 1);
		decided += d.permit;
		if (d.permit)
			assert_true(props_same_rule(p, other, &r.facts));
		model_free(p);
		model_free(other);
		lines_free(&l);
	}
	assert_true(decided > 20);
}

/* ---- the policies that we ship ---- */

/* From the release on, whoever may read the raw data goes on being allowed to. */
static void
ask_shipped(const struct policy *p, uint32_t roles)
{
	struct subject s = {.authenticated = true, .assurance = ASSURANCE_HIGH};
	struct facts f = {
		.subject = roles != 0 ? &s : NULL,
		.roles = roles,
		.action = ACTION_DATA_READ,
	};
	struct decision d;
	bool open = false;

	for (int m = 0; m < MILESTONE_COUNT; m++)
		f.object.dates[m] = (struct when){.given = true, .is_date = true, .date = 19782};
	f.now = (struct when){.given = true, .is_date = true, .date = 19790};
	eval_decide(p, &f, &d);
	assert_true(d.has_release && d.state == STATE_EMBARGOED);
	int64_t release = d.release_at;
	for (int64_t at = release; at < release + INT64_C(86400) * 9000; at += 86400 * 30) {
		struct facts g = props_at(&f, at);
		eval_decide(p, &g, &d);
		assert_int_equal(d.state, STATE_OPEN);
		assert_true(d.permit || !open);
		open = d.permit;
	}
}

static void
shipped(void **state)
{
	glob_t found = {0};
	size_t asked = 0;

	(void)state;
	assert_int_equal(glob("policy/examples/*.yaml", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		AUTO_BUF text = BUF_INIT(1 << 20);
		char block[4096];
		size_t n = 0;
		FILE *in = fopen(found.gl_pathv[i], "re");
		CHECK_ROW(found.gl_pathv[i]);
		assert_non_null(in);
		while ((n = fread(block, 1, sizeof(block), in)) > 0)
			buf_add(&text, (struct span){block, n});
		(void)fclose(in);
		struct policy *p = random_compile(&text);
		assert_non_null(p);
		for (int role = ROLE_ANONYMOUS; role < ROLE_COUNT; role++, asked++)
			ask_shipped(p, role == ROLE_ANONYMOUS ? 0 : 1U << role);
		model_free(p);
	}
	globfree(&found);
	assert_true(asked > 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_question),
		cmocka_unit_test(explained),
		cmocka_unit_test(one_more_deny),
		cmocka_unit_test(denies_anywhere),
		cmocka_unit_test(later_permits),
		cmocka_unit_test(shipped),
	};
	return cmocka_run_group_tests_name("policy_props", tests, NULL, NULL);
}
