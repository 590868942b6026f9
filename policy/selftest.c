/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/selftest.h"

#include "agent/base/yaml.h"
#include "policy/eval.h"
#include "policy/scalar.h"

static bool
expects(const struct policy_test *t, enum expect_key key)
{
	return (t->expects >> key & 1U) != 0;
}

/* Begins one difference: "KEY: expected ". */
static void
differs(struct buf *out, const char *key)
{
	buf_addf(out, "%s%s: expected ", out->n > 0 ? "; " : "", key);
}

static void
add_texts(struct buf *out, const struct span *s, size_t n)
{
	buf_addc(out, '[');
	for (size_t i = 0; i < n; i++) {
		buf_adds(out, i > 0 ? ", " : "");
		buf_add(out, s[i]);
	}
	buf_addc(out, ']');
}

static void
add_fields(struct buf *out, uint32_t fields)
{
	const char *comma = "";

	buf_addc(out, '[');
	for (int i = 0; i < FIELD_COUNT; i++)
		if ((fields >> i & 1U) != 0) {
			buf_addf(out, "%s%s", comma, field_names[i]);
			comma = ", ";
		}
	buf_addc(out, ']');
}

static void
add_release(struct buf *out, bool has, int32_t date)
{
	if (has)
		scalar_write_date(out, date);
	else
		buf_adds(out, "none");
}

static void
compare_words(const char *key, struct span want, struct span got, struct buf *out)
{
	if (span_eq(want, got))
		return;
	differs(out, key);
	buf_addf(out, "%.*s, got %.*s", SPAN_ARG(want),
		SPAN_ARG(got.p != NULL ? got : SPAN("none")));
}

static void
compare_texts(const struct policy_test *t, const struct decision *d, struct buf *out)
{
	const char *const effect[] = {"deny", "permit"};

	compare_words("effect", span_of(effect[t->permit]), span_of(effect[d->permit]), out);
	if (expects(t, EXPECT_RULE))
		compare_words("rule", t->rule, d->rule, out);
	if (expects(t, EXPECT_REASON))
		compare_words("reason", t->reason, d->reason, out);
	if (expects(t, EXPECT_STATUS) && t->status != (unsigned)d->status) {
		differs(out, "status");
		buf_addf(out, "%u, got %d", t->status, d->status);
	}
	if (expects(t, EXPECT_STATE))
		compare_words("state", span_of(state_names[t->state]),
			span_of(state_names[d->state]), out);
}

static bool
same_texts(const struct span *a, size_t n, const struct span *b, size_t m)
{
	for (size_t i = 0; i < n && n == m; i++)
		if (!span_eq(a[i], b[i]))
			return false;
	return n == m;
}

static void
compare_rest(const struct policy_test *t, const struct decision *d, struct buf *out)
{
	if (expects(t, EXPECT_RELEASE) &&
		(t->has_release != d->has_release ||
			(d->has_release && t->release != d->release_date))) {
		differs(out, "release");
		add_release(out, t->has_release, t->release);
		buf_adds(out, ", got ");
		add_release(out, d->has_release, d->release_date);
	}
	if (expects(t, EXPECT_OBLIGATIONS) &&
		!same_texts(t->obligations, t->n_obligations, d->obligations, d->n_obligations)) {
		differs(out, "obligations");
		add_texts(out, t->obligations, t->n_obligations);
		buf_adds(out, ", got ");
		add_texts(out, d->obligations, d->n_obligations);
	}
	if (expects(t, EXPECT_FIELDS) && (!d->has_fields || t->fields != d->fields)) {
		differs(out, "fields");
		add_fields(out, t->fields);
		buf_adds(out, ", got ");
		if (d->has_fields)
			add_fields(out, d->fields);
		else
			buf_adds(out, "none");
	}
	if (expects(t, EXPECT_MAX_AGE) && t->max_age != d->max_age) {
		differs(out, "max_age");
		buf_addf(out, "%u, got %u", t->max_age, d->max_age);
	}
}

static void
add_context(struct buf *out, const struct decision *d)
{
	buf_addf(out, " (rule %.*s, line %u, state %s, release ", SPAN_ARG(d->rule), d->line,
		state_names[d->state]);
	add_release(out, d->has_release, d->release_date);
	buf_addc(out, ')');
}

/* A name in TAP: '#' would begin a directive. */
static void
add_tap(struct buf *tap, bool ok, unsigned number, struct span name)
{
	buf_addf(tap, "%sok %u - ", ok ? "" : "not ", number);
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];
		if (c == '#' || c == '\\')
			buf_addc(tap, '\\');
		buf_addc(tap, c < 0x20 || c == 0x7f ? '?' : name.p[i]);
	}
	buf_addc(tap, '\n');
}

unsigned
selftest_run(const struct policy *p, struct buf *report, struct buf *tap, unsigned *number)
{
	unsigned failed = 0;

	for (size_t i = 0; i < p->n_tests; i++) {
		const struct policy_test *t = &p->tests[i];
		AUTO_BUF diff = BUF_INIT(65536);
		struct decision d;
		eval_decide(p, &t->facts, &d);
		compare_texts(t, &d, &diff);
		compare_rest(t, &d, &diff);
		if (tap != NULL)
			add_tap(tap, diff.n == 0, ++*number, t->name);
		if (diff.n == 0)
			continue;
		add_context(&diff, &d);
		yaml_error(report, p->file, t->line, t->col, &failed, "test failed: '%.*s': %.*s",
			SPAN_ARG(t->name), SPAN_ARG(buf_span(&diff)));
	}
	return failed;
}
