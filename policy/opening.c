/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/opening.h"

#include "policy/calendar.h"

/* Instants that are looked at for one dataset: its milestones and the windows of its releases. */
#define OPENING_STEPS 64U

const char *const opening_causes[OPENING_COUNT] = {
	"embargo", "earlier", "longer", "window", "agreement"};

/* The state at the first instant at which it is open; the last one that was looked at else. */
static struct state_view
ahead(const struct policy *p, const struct object_facts *o, struct state_view v, int64_t now)
{
	for (unsigned i = 0; i < OPENING_STEPS && v.state == STATE_EMBARGOED && v.has_next; i++) {
		if (v.next <= now)
			break;
		now = v.next;
		state_compute(p, o, now, &v);
	}
	return v;
}

/* The release instant that the dates give, without any event. */
static bool
plain(const struct policy *p, const struct object_facts *o, int64_t now, int64_t *ret)
{
	struct object_facts bare = *o;
	struct state_view v;

	bare.events = NULL;
	bare.n_events = 0;
	bare.flags = 0;
	state_compute(p, &bare, now, &v);
	*ret = v.release_at;
	return v.has_release;
}

static enum opening_cause
cause_of(const struct policy *p, const struct object_facts *o, const struct opening *n,
	int64_t planned, int64_t without)
{
	if (p->modes[o->route] == MODE_AGREEMENT)
		return OPENING_AGREEMENT;
	if (!n->has_plain || n->at == without)
		return OPENING_EMBARGO;
	if (n->at > without)
		return OPENING_LONGER;
	return n->at < planned ? OPENING_WINDOW : OPENING_EARLIER;
}

void
opening_find(const struct policy *p, const struct object_facts *o, int64_t now, struct opening *ret)
{
	struct state_view v;
	int64_t without = 0;

	state_compute(p, o, now, &v);
	struct opening n = {.state = v.state, .detail = v.detail};
	struct state_view then = ahead(p, o, v, now);
	n.opens = then.has_release && (then.state == STATE_OPEN || then.state == STATE_EMBARGOED);
	if (n.opens) {
		n.at = then.release_at;
		n.date = calendar_date(p->zone, n.at);
		n.has_plain =
			p->modes[o->route] == MODE_AFTER_EMBARGO && plain(p, o, now, &without);
		n.plain_date = n.has_plain ? calendar_date(p->zone, without) : 0;
		n.cause = cause_of(p, o, &n, v.release_at, without);
	}
	*ret = n;
}
