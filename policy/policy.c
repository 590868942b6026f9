/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy.h"

#include "agent/base/yaml.h"
#include "policy/calendar.h"
#include "policy/eval.h"
#include "policy/parse.h"
#include "policy/selftest.h"

#include <stdlib.h>

struct policy_set {
	size_t n;
	struct policy *policies[];
};

/* ---- load ---- */

/* Two files that would answer for the same data (6). */
static bool
overlap(const struct policy *a, const struct policy *b, struct buf *report)
{
	unsigned count = 0;

	if (span_eq(a->id, b->id)) {
		yaml_error(report, b->file, b->id_line, b->id_col, &count,
			"overlap: policy '%.*s' is also in %s", SPAN_ARG(b->id), a->file);
		return true;
	}
	if (a->bind_on != b->bind_on || (a->has_until && a->valid_until <= b->valid_from) ||
		(b->has_until && b->valid_until <= a->valid_from))
		return false;
	yaml_error(report, b->file, b->from_line, b->from_col, &count,
		"overlap: '%.*s' and '%.*s' (%s) are valid on the same days and bound by '%s'; "
		"give the "
		"older one a valid_until",
		SPAN_ARG(b->id), SPAN_ARG(a->id), a->file, milestone_names[b->bind_on]);
	return true;
}

static unsigned
overlaps(const struct policy_set *s, struct buf *report)
{
	unsigned found = 0;

	for (size_t j = 0; j < s->n; j++)
		for (size_t i = 0; i < j; i++)
			if (overlap(s->policies[i], s->policies[j], report))
				found++;
	return found;
}

static bool
load_one(struct policy_set *s, const struct policy_source *src, struct buf *report)
{
	unsigned number = 0;
	struct policy *p = parse_policy(src->name, src->text, report, NULL);

	if (p == NULL)
		return false;
	if (selftest_run(p, report, NULL, &number) > 0) {
		model_free(p);
		return false;
	}
	s->policies[s->n++] = p;
	return true;
}

struct policy_set *
policy_set_load(const struct policy_source *files, size_t n, struct buf *report, struct err *e)
{
	struct policy_set *s = calloc(1, sizeof(*s) + n * sizeof(struct policy *));
	unsigned bad = 0;

	if (s == NULL) {
		(void)err_set(e, ERR_LIMIT, NULL, "policy: no memory");
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		bad += !load_one(s, &files[i], report);
	if (bad == 0)
		bad = overlaps(s, report);
	if (bad == 0)
		return s;
	(void)err_set(e, ERR_SYNTAX, NULL, "%u of %zu policy files %s", bad, n,
		bad == 1 ? "has faults" : "have faults");
	policy_set_free(s);
	return NULL;
}

void
policy_set_free(struct policy_set *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++)
		model_free(s->policies[i]);
	free(s);
}

size_t
policy_set_count(const struct policy_set *s)
{
	return s->n;
}

struct span
policy_set_id(const struct policy_set *s, size_t i)
{
	return s->policies[i]->id;
}

unsigned
policy_set_version(const struct policy_set *s, size_t i)
{
	return s->policies[i]->version;
}

const uint8_t *
policy_set_sha256(const struct policy_set *s, size_t i)
{
	return s->policies[i]->sha256;
}

const struct policy *
policy_set_policy(const struct policy_set *s, size_t i)
{
	return s->policies[i];
}

/* A month is at most 31 days, so that of 1m and 31d either counts as the longer. */
static struct period
longer(struct period a, struct period b)
{
	return b.months * 31 + b.days > a.months * 31 + a.days ? b : a;
}

void
policy_set_audit(const struct policy_set *s, struct policy_audit *ret)
{
	*ret = (struct policy_audit){0};
	for (size_t i = 0; i < s->n; i++) {
		const struct policy *p = s->policies[i];
		ret->retention = longer(ret->retention, p->audit_retention);
		ret->pseudonymise_after =
			longer(ret->pseudonymise_after, p->audit_pseudonymise_after);
	}
}

size_t
policy_set_rules(const struct policy_set *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->policies[i]->n_rules;
	return n;
}

/* ---- binding (POL-12) ---- */

static bool
fits(const struct policy *p, const struct object_facts *o)
{
	const enum milestone order[] = {p->bind_on, MILESTONE_EXPERIMENT_END,
		MILESTONE_DATA_COLLECTED, MILESTONE_PROPOSAL_ACCEPTED};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		const struct when *w = &o->dates[order[i]];
		if (!w->given)
			continue;
		int32_t date = calendar_when_date(p->zone, w);
		return p->valid_from <= date && (!p->has_until || date < p->valid_until);
	}
	return false;
}

const struct policy *
policy_bound(const struct policy_set *s, const struct object_facts *o)
{
	const struct policy *found = NULL;

	for (size_t i = 0; i < s->n; i++) {
		const struct policy *p = s->policies[i];
		if (o->policy.p != NULL ? !span_eq(o->policy, p->id) : !fits(p, o))
			continue;
		if (found != NULL)
			return NULL; /* several fit: none does */
		found = p;
	}
	return found;
}

/* ---- deciding ---- */

void
policy_prepare(const struct policy_set *s, const struct facts *f, struct prepared *ret)
{
	ret->policy = NULL;
	ret->facts = f;
	ret->refusal = REFUSAL_INPUT;
	if (!eval_input_ok(f))
		return;
	ret->refusal = REFUSAL_NO_POLICY;
	const struct policy *p = policy_bound(s, &f->object);
	if (p != NULL)
		eval_prepare(p, f, ret);
}

void
policy_decide_prepared(const struct prepared *q, enum action action, struct decision *ret)
{
	if (q->policy != NULL && action < ACTION_COUNT)
		eval_decide_prepared(q, action, ret);
	else
		eval_refuse(q->policy != NULL ? REFUSAL_INPUT : q->refusal, ret);
}

void
policy_decide(const struct policy_set *s, const struct facts *f, struct decision *ret)
{
	struct prepared q;

	policy_prepare(s, f, &q);
	policy_decide_prepared(&q, f->action, ret);
}
