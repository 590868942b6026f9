/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/ingest_bind.h"

#include "agent/catalog/dataset_row.h"
#include "agent/catalog/ingest_statement.h"
#include "policy/model.h"

#define BIND_PAGE  512U
#define BIND_ARENA ((size_t)BIND_PAGE * 1024U)

/* A dataset whose stored policy is another one from now on. */
struct change {
	int64_t id;
	struct ingest_binding to;
};

/* The policy that fits the row by what proposals.yaml and its dates say now. */
static struct span
fitting(const struct policy_set *policies, const struct catalog_dataset *d)
{
	struct object_facts f = d->facts;

	f.policy = d->policy;
	const struct policy *p = policy_bound(policies, &f);
	return p != NULL ? p->id : SPAN_NONE;
}

static size_t
statement(struct ingest *i, const struct ingest_bind *b)
{
	size_t q = !b->again ? IQ_UNBOUND : b->pid.p != NULL ? IQ_BOUND_ONE : IQ_BOUND_ALL;

	if (q == IQ_BOUND_ONE) {
		store_text(i->store, q, 1, b->pid);
		return q;
	}
	store_i64(i->store, q, 1, b->at);
	store_i64(i->store, q, 2, BIND_PAGE);
	return q;
}

static bool
same(struct span a, struct span b)
{
	return (a.p == NULL) == (b.p == NULL) && (a.p == NULL || span_eq(a, b));
}

/* Reads a page; what is to change is written when the rows have been left. */
static bool
read_page(struct ingest *i, struct ingest_bind *b, struct arena *a, struct change *list,
	size_t *ret_n, struct err *e)
{
	size_t q = statement(i, b);
	enum store_row r = STORE_END;
	uint64_t before = b->looked;
	size_t n = 0;

	while ((r = store_step(i->store, q, e)) == STORE_ROW) {
		struct catalog_dataset d;
		dataset_row_read(i->store, q, NULL, &d);
		b->looked++;
		b->at = d.id;
		struct span now = fitting(b->policies, &d);
		if (n == BIND_PAGE || same(now, d.bound))
			continue;
		list[n++] = (struct change){.id = d.id,
			.to = {arena_span(a, d.pid),
				d.bound.p != NULL ? arena_span(a, d.bound) : SPAN_NONE, now}};
	}
	b->done = b->pid.p != NULL || b->looked - before < BIND_PAGE;
	*ret_n = n;
	if (a->full)
		return err_set(e, ERR_LIMIT, NULL, "no memory for bindings");
	return r == STORE_END;
}

bool
ingest_bind(struct ingest *i, struct ingest_bind *b, struct err *e)
{
	AUTO_ARENA a = {0};
	struct change *list = NULL;
	size_t n = 0;

	if (arena_init(&a, BIND_ARENA))
		list = arena_array(&a, BIND_PAGE, sizeof(*list));
	if (list == NULL)
		return err_set(e, ERR_SYSTEM, NULL, "no memory for bindings");
	if (!read_page(i, b, &a, list, &n, e))
		return false;
	for (size_t k = 0; k < n; k++) {
		store_text(i->store, IQ_BIND, 1, list[k].to.now);
		store_i64(i->store, IQ_BIND, 2, list[k].id);
		if (!store_do(i->store, IQ_BIND, e))
			return false;
		b->changed++;
		if (b->tell != NULL)
			b->tell(b->ctx, &list[k].to);
	}
	return true;
}
