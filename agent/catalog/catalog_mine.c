/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/catalog_mine.h"

#include "agent/catalog/catalog_part.h"
#include "agent/catalog/limits.h"
#include "agent/catalog/team.h"

#include <stdlib.h>
#include <string.h>

#define DEADLINE_MS 2000 /* for all of them; a matter of microseconds when all is well */

/* ---- one proposal ---- */

/* The roles of one team row towards its proposal; 0: it is about somebody else. */
static uint32_t
role_of_row(struct store *s, size_t q, const struct subject *who)
{
	const struct team_row row = {
		store_col_text(s, q, 1), store_col_text(s, q, 2), store_col_text(s, q, 3)};
	int role = facts_name(store_col_text(s, q, 0), role_names, ROLE_COUNT);

	return role > ROLE_REGISTERED && team_has(&row, who) ? 1U << role : 0;
}

/* Whom the user office linked to the proposal belongs to its team, as a coproposer. */
static enum store_row
linked(struct catalog *c, int64_t document, const struct subject *who, uint32_t *set, struct err *e)
{
	store_i64(c->store, CQ_PROPOSAL, 1, document);
	enum store_row r = store_step(c->store, CQ_PROPOSAL, e);

	if (r == STORE_ROW) {
		if (team_linked(store_col_text(c->store, CQ_PROPOSAL, 0), who))
			*set |= 1U << ROLE_COPROPOSER;
		store_reset(c->store, CQ_PROPOSAL);
	}
	return r;
}

bool
catalog_roles(
	struct catalog *c, int64_t document, const struct subject *s, uint32_t *ret, struct err *e)
{
	enum store_row r = STORE_END;
	uint32_t set = 0;

	if (document != 0 && s != NULL && s->authenticated) {
		store_deadline(c->store, DEADLINE_MS);
		store_i64(c->store, CQ_MEMBERS, 1, document);
		while ((r = store_step(c->store, CQ_MEMBERS, e)) == STORE_ROW)
			set |= role_of_row(c->store, CQ_MEMBERS, s);
		if (r != STORE_FAIL && s->n_proposals > 0)
			r = linked(c, document, s, &set, e);
	}
	if (r == STORE_FAIL)
		return false;
	*ret = set;
	return true;
}

/* ---- all of them ---- */

struct finding {
	struct catalog *c;
	const struct subject *who;
	struct arena *a;
	struct catalog_mine mine;
	size_t cap;
};

static bool
add(struct finding *f, int64_t document, uint32_t roles, struct err *e)
{
	if (roles == 0)
		return true;
	if (f->mine.n == f->cap) {
		size_t cap = f->cap > 0 ? f->cap * 2 : 64;
		struct catalog_mine_roles *more = arena_array(f->a, cap, sizeof(*more));
		if (more == NULL)
			return err_set(e, ERR_LIMIT, NULL, "no memory left for this request");
		if (f->mine.n > 0)
			memcpy(more, f->mine.item, f->mine.n * sizeof(*more));
		f->mine.item = more;
		f->cap = cap;
	}
	f->mine.item[f->mine.n++] = (struct catalog_mine_roles){document, roles};
	return true;
}

/* The rows of a statement about team rows that was bound. */
static bool
take_rows(struct finding *f, size_t q, struct err *e)
{
	struct store *s = f->c->store;
	enum store_row r = STORE_END;

	while ((r = store_step(s, q, e)) == STORE_ROW)
		if (!add(f, store_col_i64(s, q, 4), role_of_row(s, q, f->who), e)) {
			store_reset(s, q);
			return false;
		}
	return r == STORE_END;
}

static bool
by_name(struct finding *f, struct span issuer, struct span sub, struct err *e)
{
	if (sub.n == 0)
		return true;
	store_text(f->c->store, CQ_MINE_SUB, 1, sub);
	store_text(f->c->store, CQ_MINE_SUB, 2, issuer);
	return take_rows(f, CQ_MINE_SUB, e);
}

static bool
by_entitlement(struct finding *f, struct span given, struct err *e)
{
	AUTO_BUF texts = BUF_INIT(TEAM_WANTED_BYTES);
	struct span wanted[TEAM_WANTED];
	size_t n = team_wanted(given, &texts, wanted);

	for (size_t i = 0; i < n; i++) {
		store_text(f->c->store, CQ_MINE_ENTITLEMENT, 1, wanted[i]);
		if (!take_rows(f, CQ_MINE_ENTITLEMENT, e))
			return false;
	}
	return true;
}

static bool
by_link(struct finding *f, struct span proposal, struct err *e)
{
	struct store *s = f->c->store;

	if (proposal.n == 0)
		return true;
	store_text(s, CQ_MINE_PROPOSAL, 1, proposal);
	enum store_row r = store_step(s, CQ_MINE_PROPOSAL, e);
	if (r != STORE_ROW)
		return r == STORE_END;
	int64_t document = store_col_i64(s, CQ_MINE_PROPOSAL, 0);
	store_reset(s, CQ_MINE_PROPOSAL);
	return add(f, document, 1U << ROLE_COPROPOSER, e);
}

static int
by_document(const void *x, const void *y)
{
	const struct catalog_mine_roles *a = x;
	const struct catalog_mine_roles *b = y;

	return (a->document > b->document) - (a->document < b->document);
}

/* One entry for each document. */
static void
merge(struct catalog_mine *m)
{
	size_t n = 0;

	if (m->n > 1)
		qsort(m->item, m->n, sizeof(*m->item), by_document);
	for (size_t i = 0; i < m->n; i++)
		if (n > 0 && m->item[n - 1].document == m->item[i].document)
			m->item[n - 1].roles |= m->item[i].roles;
		else
			m->item[n++] = m->item[i];
	m->n = n;
}

bool
catalog_mine(struct catalog *c, const struct subject *s, struct arena *a, struct catalog_mine *ret,
	struct err *e)
{
	struct finding f = {.c = c, .who = s, .a = a};
	bool ok = true;

	if (s != NULL && s->authenticated) {
		store_deadline(c->store, DEADLINE_MS);
		ok = by_name(&f, s->iss, s->sub, e) && by_name(&f, TEAM_LOCAL, s->local_user, e);
		for (size_t i = 0; ok && i < s->n_entitlements; i++)
			ok = by_entitlement(&f, s->entitlements[i], e);
		for (size_t i = 0; ok && i < s->n_proposals; i++)
			ok = by_link(&f, s->proposals[i], e);
	}
	if (!ok)
		return false;
	merge(&f.mine);
	*ret = f.mine;
	return true;
}

uint32_t
catalog_mine_of(const struct catalog_mine *m, int64_t document)
{
	const struct catalog_mine_roles key = {.document = document};
	const struct catalog_mine_roles *found = NULL;

	if (m->n > 0)
		found = bsearch(&key, m->item, m->n, sizeof(key), by_document);
	return found != NULL ? found->roles : 0;
}
