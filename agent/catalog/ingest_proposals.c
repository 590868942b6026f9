/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/ingest_statement.h"

#include "agent/base/buf.h"
#include "agent/catalog/team.h"

static bool
put_document(struct ingest *i, const struct proposals_item *p, int64_t *ret, struct err *e)
{
	struct store *s = i->store;
	AUTO_BUF flags = BUF_INIT(256);

	for (int f = 0; f < FLAG_COUNT; f++)
		if ((p->flags & 1U << f) != 0)
			buf_addf(&flags, "%s%s", flags.n > 0 ? " " : "", flag_names[f]);
	store_text(s, IQ_DOCUMENT_PUT, 1, p->id);
	store_text(s, IQ_DOCUMENT_PUT, 2, p->title);
	store_text(s, IQ_DOCUMENT_PUT, 3, p->policy);
	store_text(s, IQ_DOCUMENT_PUT, 4, span_of(route_names[p->route]));
	store_text(s, IQ_DOCUMENT_PUT, 5, flags.n > 0 ? buf_span(&flags) : SPAN(""));
	store_i64(s, IQ_DOCUMENT_PUT, 6, p->dates_from_files);
	for (int m = 0; m < MILESTONE_COUNT; m++)
		store_text(s, IQ_DOCUMENT_PUT, 7 + m, p->dates[m]);
	if (!store_do(s, IQ_DOCUMENT_PUT, e))
		return false;
	store_text(s, IQ_DOCUMENT_ID, 1, p->id);
	if (store_step(s, IQ_DOCUMENT_ID, e) != STORE_ROW)
		return false;
	*ret = store_col_i64(s, IQ_DOCUMENT_ID, 0);
	store_reset(s, IQ_DOCUMENT_ID);
	return true;
}

static bool
put_team(struct ingest *i, int64_t document, const struct proposals_item *p, struct err *e)
{
	for (size_t k = 0; k < p->n_team; k++) {
		const struct proposals_member *m = &p->team[k];
		store_i64(i->store, IQ_MEMBER_PUT, 1, document);
		store_i64(i->store, IQ_MEMBER_PUT, 2, (int64_t)k);
		store_text(i->store, IQ_MEMBER_PUT, 3, span_of(role_names[m->role]));
		bool local = m->user.p != NULL;
		store_text(i->store, IQ_MEMBER_PUT, 4, local ? TEAM_LOCAL : m->issuer);
		store_text(i->store, IQ_MEMBER_PUT, 5, local ? m->user : m->sub);
		store_text(i->store, IQ_MEMBER_PUT, 6, m->entitlement);
		if (!store_do(i->store, IQ_MEMBER_PUT, e))
			return false;
	}
	return true;
}

static bool
put_events(struct ingest *i, int64_t document, const struct proposals_item *p, struct err *e)
{
	for (size_t k = 0; k < p->n_events; k++) {
		store_i64(i->store, IQ_EVENT_PUT, 1, document);
		store_i64(i->store, IQ_EVENT_PUT, 2, (int64_t)k);
		for (int t = 0; t < EVENT_TEXT_COUNT; t++)
			store_text(i->store, IQ_EVENT_PUT, 3 + t, p->events[k].value[t]);
		if (!store_do(i->store, IQ_EVENT_PUT, e))
			return false;
	}
	return true;
}

bool
ingest_proposals(struct ingest *i, const struct proposals *all, struct err *e)
{
	static const size_t before[] = {IQ_DOCUMENTS_UNKNOWN, IQ_MEMBERS_CLEAR, IQ_EVENTS_CLEAR};
	int64_t id = 0;

	for (size_t k = 0; k < sizeof(before) / sizeof(before[0]); k++)
		if (!store_do(i->store, before[k], e))
			return false;
	for (size_t k = 0; all != NULL && k < all->n; k++) {
		const struct proposals_item *p = &all->item[k];
		if (!put_document(i, p, &id, e) || !put_team(i, id, p, e) ||
			!put_events(i, id, p, e))
			return false;
	}
	return store_do(i->store, IQ_DOCUMENTS_BLANK, e) &&
	       store_do(i->store, IQ_DOCUMENT_ORPHANS, e);
}
