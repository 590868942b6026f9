/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_ledger.h"

#include "agent/catalog/ledger_people.h"

#include <pthread.h>
#include <stdlib.h>

struct gate_ledger {
	pthread_mutex_t lock;
	struct ledger *ledger;
	struct audit *audit;
	uint64_t *epoch;
};

bool
gate_ledger_open(const char *path, struct audit *audit, uint64_t *epoch, struct gate_ledger **ret,
	struct err *e)
{
	struct gate_ledger *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory for the ledger");
	if (!ledger_open(path, LEDGER_WRITE, &g->ledger, e)) {
		free(g);
		return false;
	}
	(void)pthread_mutex_init(&g->lock, NULL);
	g->audit = audit;
	g->epoch = epoch;
	*ret = g;
	return true;
}

void
gate_ledger_close(struct gate_ledger *g)
{
	if (g == NULL)
		return;
	ledger_close(g->ledger);
	(void)pthread_mutex_destroy(&g->lock);
	free(g);
}

static bool
append(struct gate_ledger *g, const struct gate_entry *x, struct err *e)
{
	struct audit_item item = {.kind = x->kind, .rest = x->record};

	return x->nothing || audit_append(g->audit, &item, 1, x->now_ms, e);
}

static bool
write_locked(struct gate_ledger *g, struct gate_entry *x, struct err *e)
{
	if (!ledger_begin(g->ledger, e))
		return false;
	if (x->insert(g->ledger, x, e) && append(g, x, e) && ledger_commit(g->ledger, e))
		return true;
	ledger_rollback(g->ledger);
	return false;
}

bool
gate_ledger_write(struct gate_ledger *g, struct gate_entry *x, struct err *e)
{
	(void)pthread_mutex_lock(&g->lock);
	bool ok = write_locked(g, x, e);
	/* Before anybody is told, so that whoever was told finds it in force. */
	if (ok && !x->nothing)
		(void)__atomic_add_fetch(g->epoch, 1, __ATOMIC_SEQ_CST);
	(void)pthread_mutex_unlock(&g->lock);
	return ok;
}

bool
gate_ledger_waiting(struct gate_ledger *g, uint64_t *ret, struct err *e)
{
	(void)pthread_mutex_lock(&g->lock);
	bool ok = ledger_requests_count(g->ledger, ret, e);
	(void)pthread_mutex_unlock(&g->lock);
	return ok;
}
