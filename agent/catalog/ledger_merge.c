/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/ledger_merge.h"

static int64_t
instant(const struct policy_event *ev)
{
	return ev->at.is_date ? (int64_t)ev->at.date * 86400 : ev->at.instant;
}

bool /* NOLINTNEXTLINE(readability-function-size): asked for in one call */
ledger_merge(const struct policy_event *own, size_t n_own, const struct ledger_event *more,
	size_t n_more, struct arena *a, struct policy_event **ret, size_t *ret_n)
{
	struct policy_event *all = arena_array(a, n_own + n_more, sizeof(*all));
	int64_t own_time = INT64_MIN;
	size_t i = 0;
	size_t n = 0;

	if (all == NULL)
		return false;
	for (size_t k = 0; k < n_more; k++) {
		struct policy_event next;
		(void)event_read(&more[k].text, &next);
		/* What came earlier in the other log, whatever time it claims: t never falls (3.2).
		 */
		while (i < n_own && !next.malformed) {
			int64_t t = own[i].malformed ? own_time : instant(&own[i]);
			own_time = t > own_time ? t : own_time;
			if (own_time > instant(&next))
				break;
			all[n++] = own[i++];
		}
		all[n++] = next;
	}
	while (i < n_own)
		all[n++] = own[i++];
	*ret = all;
	*ret_n = n;
	return true;
}

bool
ledger_join(struct ledger *l, struct arena *a, struct object_facts *o, struct err *e)
{
	struct ledger_event *more = NULL;
	struct policy_event *all = NULL;
	uint32_t flags = 0;
	size_t n = 0;

	if (!ledger_flags(l, o->pid, o->proposal, &flags, e) ||
		!ledger_events(l, o->pid, o->proposal, a, &more, &n, e))
		return false;
	o->flags |= flags;
	if (n == 0)
		return true;
	if (!ledger_merge(o->events, o->n_events, more, n, a, &all, &n))
		return err_set(e, ERR_LIMIT, NULL, "no memory left for this request");
	o->events = all;
	o->n_events = n;
	return true;
}
