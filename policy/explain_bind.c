/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/explain_bind.h"

#include "policy/calendar.h"
#include "policy/explain_log.h"
#include "policy/model.h"
#include "policy/scalar.h"

enum { OTHERS_TOLD = 20, CHANGES_TOLD = 6 };

/* Before each line but the first one. */
static void
label(struct buf *out, const char **name)
{
	buf_addf(out, "%-8s", *name);
	*name = "";
}

/* ---- the days of a policy ---- */

static void
say_days(const struct policy *p, struct buf *out)
{
	buf_adds(out, "valid from ");
	scalar_write_date(out, p->valid_from);
	if (p->has_until) {
		buf_adds(out, " until before ");
		scalar_write_date(out, p->valid_until);
	}
}

/* The date that a policy goes by (6): its own milestone's, else the next best one that is given. */
static bool
date_of(const struct policy *p, const struct object_facts *o, enum milestone *ret_m, int32_t *ret)
{
	const enum milestone order[] = {p->bind_on, MILESTONE_EXPERIMENT_END,
		MILESTONE_DATA_COLLECTED, MILESTONE_PROPOSAL_ACCEPTED};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (o->dates[order[i]].given) {
			*ret_m = order[i];
			*ret = calendar_when_date(p->zone, &o->dates[order[i]]);
			return true;
		}
	return false;
}

static bool
fits(const struct policy *p, const struct object_facts *o)
{
	enum milestone m = p->bind_on;
	int32_t date = 0;

	return date_of(p, o, &m, &date) && p->valid_from <= date &&
	       (!p->has_until || date < p->valid_until);
}

/* "experiment_start 2024-05-28 (bind_on is data_collected, which is not recorded)" */
static void
say_date(const struct policy *p, const struct object_facts *o, struct buf *out)
{
	enum milestone m = p->bind_on;
	int32_t date = 0;

	if (!date_of(p, o, &m, &date)) {
		buf_adds(out, "no date is recorded");
		return;
	}
	buf_addf(out, "%s ", milestone_names[m]);
	scalar_write_date(out, date);
	if (m != p->bind_on)
		buf_addf(out, " (%s is not recorded)", milestone_names[p->bind_on]);
}

/* ---- which one ---- */

/* By its dates it fits, or why it does not. */
static void
say_fit(const struct policy *p, const struct object_facts *o, struct buf *out)
{
	enum milestone m = p->bind_on;
	int32_t date = 0;

	say_date(p, o, out);
	if (date_of(p, o, &m, &date))
		buf_adds(out, fits(p, o) ? " fits" : " does not fit");
	buf_adds(out, ", ");
	say_days(p, out);
	buf_addc(out, '\n');
}

static void
say_named(const struct policy_set *s, const struct object_facts *o, enum explain_binding how,
	struct buf *out)
{
	static const char *const words[] = {
		[EXPLAIN_NAMED] = "the question names it",
		[EXPLAIN_STORED] = "stored when the dataset was first catalogued",
		[EXPLAIN_PROPOSALS] = "proposals.yaml says so",
	};
	const struct policy *p = policy_bound(s, o);

	buf_addf(out, "%.*s: %s%s\n", SPAN_ARG(o->policy), words[how],
		p == NULL ? ", but no such policy is loaded" : "");
	if (p != NULL) {
		buf_addf(out, "%-8sby its dates: ", "");
		say_fit(p, o, out);
	}
}

void
explain_bind_write(const struct policy_set *s, const struct object_facts *o,
	enum explain_binding how, struct buf *out)
{
	const struct policy *bound = policy_bound(s, o);
	const char *name = "bound";
	size_t told = 0;

	if (o->policy.p != NULL) {
		label(out, &name);
		say_named(s, o, how, out);
	} else if (bound != NULL) {
		label(out, &name);
		buf_addf(out, "%.*s: ", SPAN_ARG(bound->id));
		say_fit(bound, o, out);
	}
	for (size_t i = 0; i < policy_set_count(s) && told < OTHERS_TOLD; i++) {
		const struct policy *p = policy_set_policy(s, i);
		if (p == bound)
			continue;
		told++;
		label(out, &name);
		buf_addf(out, "%s%.*s: ", bound != NULL ? "not " : "", SPAN_ARG(p->id));
		say_fit(p, o, out);
	}
}

/* ---- what comes ---- */

static bool
same(const struct decision *a, const struct decision *b)
{
	return a->permit == b->permit && a->state == b->state && span_eq(a->rule, b->rule) &&
	       a->fields == b->fields && a->status == b->status;
}

static void
say_change(const struct policy *p, int64_t at, const struct decision *was, const struct decision *d,
	struct buf *out)
{
	explain_log_local(p, at, out);
	if (same(was, d)) {
		buf_adds(out, ": no difference to this question\n");
		return;
	}
	buf_addf(out, ": %s, %s by %.*s", state_names[d->state], d->permit ? "permit" : "deny",
		SPAN_ARG(d->rule));
	if (d->line > 0)
		buf_addf(out, " (line %u)", d->line);
	if (d->fields != was->fields && was->has_fields && d->has_fields)
		buf_addf(out, ", %d instead of %d fields", __builtin_popcount(d->fields),
			__builtin_popcount(was->fields));
	buf_addc(out, '\n');
}

void
explain_bind_next(const struct policy_set *s, const struct facts *f, const struct decision *d,
	struct buf *out)
{
	const struct policy *p = policy_bound(s, &f->object);
	const char *name = "next";
	struct facts later = *f;
	struct decision was = *d;
	struct decision now;

	if (p == NULL)
		return;
	for (int i = 0; i < CHANGES_TOLD && was.has_next_change; i++) {
		int64_t at = was.next_change;
		later.now = (struct when){.given = true, .instant = at};
		policy_decide(s, &later, &now);
		label(out, &name);
		say_change(p, at, &was, &now, out);
		was = now;
	}
	bool none = *name != '\0';
	label(out, &name);
	buf_adds(out, was.has_next_change ? "and more\n"
		      : none              ? "nothing changes by time alone\n"
					  : "then nothing changes by time alone\n");
}
