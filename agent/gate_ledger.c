/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_ledger.h"

#include "agent/base/log.h"
#include "agent/base/proc.h"
#include "agent/catalog/ledger_people.h"

#include <pthread.h>
#include <stdlib.h>

#define AGAIN_MS 1000

struct gate_ledger {
	pthread_mutex_t lock;
	struct ledger *ledger;
	struct audit *audit;
	uint64_t *epoch;
	int64_t again; /* proc_now_ms; before it a write fails as the last one did */
	struct err why;
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
hold_off(struct gate_ledger *g, const struct err *why, struct err *e)
{
	g->why = *why;
	g->again = proc_now_ms() + AGAIN_MS;
	if (e != NULL)
		*e = *why;
	return false;
}

/*
 * Downloads wait behind the thread that writes, so that a ledger which somebody else holds may be
 * waited for now and then, not by each request in turn.
 */
static bool
begin(struct gate_ledger *g, struct err *e)
{
	struct err why = {0};

	if (proc_now_ms() < g->again) {
		if (e != NULL)
			*e = g->why;
		return false;
	}
	if (ledger_begin(g->ledger, &why))
		return true;
	return hold_off(g, &why, e);
}

static bool
commit(struct gate_ledger *g, const struct gate_entry *x, struct err *e)
{
	struct err why = {0};

	if (ledger_commit(g->ledger, &why))
		return true;
	if (!x->nothing)
		log_error("ledger",
			"the audit log holds a record of what could not be committed: it is not in "
			"force",
			LOG_STR("kind", x->kind), LOG_STR("why", why.msg));
	return hold_off(g, &why, e);
}

static bool
write_locked(struct gate_ledger *g, struct gate_entry *x, struct err *e)
{
	if (!begin(g, e))
		return false;
	/* A full disk shows before the audit log tells of what did not happen. */
	if (x->insert(g->ledger, x, e) && ledger_flush(g->ledger, e) && append(g, x, e) &&
		commit(g, x, e))
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
