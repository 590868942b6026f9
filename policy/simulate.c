/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/simulate.h"

#include "policy/simulate_read.h"

#include <stdlib.h>

enum { LINE_MEMORY = 64 * 1024 * 1024 };

struct simulate {
	struct simulate_options o;
	struct arena line; /* for one line */
	struct simulate_counts counts;
	struct simulate_change changes[SIMULATE_CHANGES];
	size_t n;
};

struct simulate *
simulate_new(const struct simulate_options *o)
{
	struct simulate *s = calloc(1, sizeof(*s));

	if (s == NULL || !arena_init(&s->line, LINE_MEMORY)) {
		free(s);
		return NULL;
	}
	s->o = *o;
	return s;
}

void
simulate_free(struct simulate *s)
{
	if (s == NULL)
		return;
	arena_fini(&s->line);
	free(s);
}

/* ---- one record ---- */

/* The entries that were used then: the log only grows, so they are its first ones. */
static bool
add_events(struct simulate *s, struct simulate_record *r)
{
	struct object_facts *o = &r->facts.object;
	size_t n = 0;

	if (r->events == 0)
		return true;
	if (s->o.events.get == NULL || o->pid.p == NULL ||
		!s->o.events.get(s->o.events.arg, o->pid, &s->line, &o->events, &n) ||
		n < r->events)
		return false;
	o->n_events = (size_t)r->events;
	return true;
}

static bool
same_obligations(const struct json *was, const struct decision *d)
{
	struct span s;

	if (json_count(was) != d->n_obligations)
		return false;
	for (size_t i = 0; i < d->n_obligations; i++)
		if (!json_str(json_at(was, i), &s) || !span_eq(s, d->obligations[i]))
			return false;
	return true;
}

static bool
differs(const struct simulate *s, const struct simulate_record *r, const struct decision *d)
{
	if (r->permit != d->permit)
		return true;
	return s->o.all && (!span_eq(r->rule, d->rule) || r->status != d->status ||
				   !same_obligations(r->obligations, d));
}

static bool
is_change(
	const struct simulate_change *c, const struct simulate_record *r, const struct decision *d)
{
	return c->from_permit == r->permit && c->to_permit == d->permit &&
	       span_is(r->rule, c->from_rule) && span_is(d->rule, c->to_rule);
}

static void
note_change(
	struct simulate *s, const struct simulate_record *r, const struct decision *d, uint64_t seq)
{
	size_t i = 0;

	while (i < s->n && !is_change(&s->changes[i], r, d))
		i++;
	if (i == SIMULATE_CHANGES)
		return;
	if (i < s->n) {
		s->changes[i].count++;
		return;
	}
	struct simulate_change *c = &s->changes[s->n];
	*c = (struct simulate_change){
		.from_permit = r->permit,
		.to_permit = d->permit,
		.from_line = r->line,
		.to_line = d->line,
		.count = 1,
		.known = r->facts.subject != NULL,
		.roles = r->facts.roles,
		.action = r->facts.action,
		.from_state = r->state,
		.to_state = d->state,
		.seq = seq,
	};
	if (span_cstr(r->rule, c->from_rule, sizeof(c->from_rule)) &&
		span_cstr(d->rule, c->to_rule, sizeof(c->to_rule)))
		s->n++;
}

static bool
decide(struct simulate *s, const struct json *j, const struct audit_line *l)
{
	struct simulate_record r;
	struct decision d;

	s->counts.decisions++;
	if (!simulate_read(j, l->ms, &s->line, &r) || !add_events(s, &r)) {
		s->counts.undecided++;
		return true;
	}
	policy_decide(s->o.against, &r.facts, &d);
	if (!differs(s, &r, &d)) {
		s->counts.unchanged++;
		return true;
	}
	s->counts.changed++;
	note_change(s, &r, &d, l->seq);
	return true;
}

bool
simulate_line(struct simulate *s, struct span line, struct err *e)
{
	struct audit_line l;

	if (!audit_line_head(line, &l, e))
		return false;
	if (!span_is(l.kind, "decision") || l.ms < s->o.since_ms ||
		(s->o.until_ms != 0 && l.ms >= s->o.until_ms))
		return true;
	if (!audit_line_parse(line, &l, e))
		return false;
	AUTO_JSON j = audit_line_json(line, e);
	if (j == NULL)
		return false;
	arena_reset(&s->line);
	return decide(s, j, &l);
}

/* ---- what came of it ---- */

void
simulate_counts(const struct simulate *s, struct simulate_counts *ret)
{
	*ret = s->counts;
}

static int
compare(const void *va, const void *vb)
{
	const struct simulate_change *a = va;
	const struct simulate_change *b = vb;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return a->seq < b->seq ? -1 : a->seq > b->seq;
}

size_t
simulate_changes(struct simulate *s, const struct simulate_change **ret)
{
	qsort(s->changes, s->n, sizeof(*s->changes), compare);
	*ret = s->changes;
	return s->n;
}
