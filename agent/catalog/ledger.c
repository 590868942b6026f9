/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/ledger.h"

#include "agent/catalog/ledger_statement.h"

#include <stdlib.h>
#include <unistd.h>

#define TEXT_OF(x)   #x
#define NUMBER_OF(x) TEXT_OF(x)

/* ---- open, hold ---- */

static bool
check(struct store *s, struct err *e)
{
	int64_t application = 0;
	int64_t version = 0;

	if (!store_number(s, "PRAGMA application_id", &application, e) ||
		!store_number(s, "PRAGMA user_version", &version, e))
		return false;
	if (application != LEDGER_APPLICATION)
		return err_set(e, ERR_SYNTAX, NULL,
			"the file is no ledger of pan-agent: name another in `ledger:`");
	if (version != LEDGER_VERSION)
		return err_set(e, ERR_SYNTAX, NULL,
			"ledger of version %lld, this program writes %d: install the version of "
			"pan-agent that wrote it",
			(long long)version, LEDGER_VERSION);
	return true;
}

static bool
create(struct store *s, struct err *e)
{
	int64_t tables = 0;

	/* An event that was answered must be on disk. */
	if (!store_run(s, "PRAGMA synchronous = FULL", e) || !store_begin(s, e))
		return false;
	bool ok = store_number(s, "SELECT count(*) FROM sqlite_schema", &tables, e);
	if (ok && tables == 0)
		ok = store_run(s, "PRAGMA application_id = " NUMBER_OF(LEDGER_APPLICATION), e) &&
		     store_run(s, "PRAGMA user_version = " NUMBER_OF(LEDGER_VERSION), e) &&
		     store_run(s, ledger_tables, e);
	ok = ok && check(s, e) && store_commit(s, e);
	if (!ok)
		store_rollback(s);
	return ok;
}

bool
ledger_open(const char *path, enum ledger_mode mode, struct ledger **ret, struct err *e)
{
	struct ledger *l = calloc(1, sizeof(*l));
	bool ok = true;

	if (l == NULL)
		return err_set(e, ERR_SYSTEM, NULL, "ledger");
	l->writer = mode == LEDGER_WRITE;
	if (!l->writer && access(path, F_OK) != 0) {
		*ret = l;
		return true;
	}
	ok = store_open(path, l->writer ? STORE_LEDGER_WRITE : STORE_LEDGER_READ, &l->store, e);
	ok = ok && (l->writer ? create(l->store, e) : check(l->store, e));
	ok = ok && store_prepare(l->store, ledger_statements, LQ_COUNT, e);
	if (!ok) {
		ledger_close(l);
		return false;
	}
	if (l->writer)
		store_patience(l->store, LEDGER_PATIENCE_MS);
	*ret = l;
	return true;
}

void
ledger_close(struct ledger *l)
{
	if (l == NULL)
		return;
	if (l->store != NULL)
		store_close(l->store);
	free(l);
}

void
ledger_hold(struct ledger *l, uint64_t epoch)
{
	if (l->store == NULL || l->writer || (epoch != 0 && epoch == l->epoch && !l->any))
		return;
	store_deadline(l->store, LEDGER_DEADLINE_MS);
	l->held = store_do(l->store, LQ_BEGIN, NULL);
	l->any = true;
	if (epoch == 0 || epoch == l->epoch || store_step(l->store, LQ_ANY, NULL) != STORE_ROW)
		return;
	l->any = store_col_i64(l->store, LQ_ANY, 0) != 0;
	l->epoch = epoch;
	store_reset(l->store, LQ_ANY);
}

void
ledger_release(struct ledger *l)
{
	if (l->held)
		(void)store_do(l->store, LQ_END, NULL);
	l->held = false;
}

bool
ledger_ask(struct ledger *l)
{
	if (l->store == NULL || (l->epoch != 0 && !l->any))
		return false;
	store_deadline(l->store, LEDGER_DEADLINE_MS);
	return true;
}

bool
ledger_begin(struct ledger *l, struct err *e)
{
	store_deadline(l->store, 0);
	return store_begin(l->store, e);
}

bool
ledger_flush(struct ledger *l, struct err *e)
{
	return store_flush(l->store, e);
}

bool
ledger_commit(struct ledger *l, struct err *e)
{
	return store_commit(l->store, e);
}

void
ledger_rollback(struct ledger *l)
{
	store_rollback(l->store);
}

struct span
ledger_text(struct ledger *l, size_t q, int col, struct arena *a)
{
	struct span s = store_col_text(l->store, q, col);

	return s.p != NULL ? arena_span(a, s) : SPAN_NONE;
}

/* ---- events ---- */

enum {
	C_SEQ = EVENT_TEXT_COUNT, /* those before it are the texts */
	C_SCOPE,
	C_TARGET,
	C_ISS,
	C_WHO
};

static void
read_event(struct ledger *l, size_t q, struct arena *a, struct ledger_event *ret)
{
	*ret = (struct ledger_event){
		.seq = store_col_i64(l->store, q, C_SEQ),
		.of_proposal = store_col_i64(l->store, q, C_SCOPE) == 1,
		.target = ledger_text(l, q, C_TARGET, a),
		.iss = ledger_text(l, q, C_ISS, a),
		.sub = ledger_text(l, q, C_WHO, a),
	};
	for (int i = 0; i < EVENT_TEXT_COUNT; i++)
		ret->text.value[i] = ledger_text(l, q, i, a);
}

/* All rows of a statement that is bound. */
static bool /* NOLINTNEXTLINE(readability-function-size): asked for in one call */
read_events(struct ledger *l, size_t q, size_t room, struct arena *a, struct ledger_event **ret,
	size_t *ret_n, struct err *e)
{
	enum store_row r = STORE_END;
	struct ledger_event *list = NULL;
	size_t n = 0;

	while ((r = store_step(l->store, q, e)) == STORE_ROW && n < room) {
		if (list == NULL)
			list = arena_array(a, room, sizeof(*list));
		if (list == NULL)
			break;
		read_event(l, q, a, &list[n++]);
	}
	if (r == STORE_ROW)
		store_reset(l->store, q);
	if (r == STORE_FAIL)
		return false;
	if (a->full || (r == STORE_ROW && list == NULL))
		return err_set(e, ERR_LIMIT, NULL, "no memory left for this request");
	*ret = list;
	*ret_n = n;
	return true;
}

bool /* NOLINTNEXTLINE(readability-function-size): asked for in one call */
ledger_events(struct ledger *l, struct span pid, struct span proposal, struct arena *a,
	struct ledger_event **ret, size_t *ret_n, struct err *e)
{
	*ret = NULL;
	*ret_n = 0;
	if (!ledger_ask(l))
		return true;
	store_text(l->store, LQ_EVENTS, 1, pid);
	store_text(l->store, LQ_EVENTS, 2, proposal);
	return read_events(l, LQ_EVENTS, (size_t)2 * LEDGER_EVENTS, a, ret, ret_n, e);
}

bool /* NOLINTNEXTLINE(readability-function-size): asked for in one call */
ledger_events_since(struct ledger *l, int64_t after, size_t limit, struct arena *a,
	struct ledger_event **ret, size_t *ret_n, struct err *e)
{
	*ret = NULL;
	*ret_n = 0;
	if (!ledger_ask(l))
		return true;
	store_i64(l->store, LQ_EVENTS_SINCE, 1, after);
	store_i64(l->store, LQ_EVENTS_SINCE, 2, (int64_t)limit);
	return read_events(l, LQ_EVENTS_SINCE, limit, a, ret, ret_n, e);
}

static bool
has_room(struct ledger *l, const struct ledger_event *ev, struct err *e)
{
	int64_t most = ev->iss.p != NULL ? LEDGER_EVENTS - LEDGER_SPARE : LEDGER_EVENTS;

	store_i64(l->store, LQ_EVENT_COUNT, 1, ev->of_proposal);
	store_text(l->store, LQ_EVENT_COUNT, 2, ev->target);
	if (store_step(l->store, LQ_EVENT_COUNT, e) != STORE_ROW)
		return false;
	int64_t n = store_col_i64(l->store, LQ_EVENT_COUNT, 0);
	store_reset(l->store, LQ_EVENT_COUNT);
	return n < most || err_set(e, ERR_LIMIT, NULL, "the log of %.*s holds %lld events already",
				   SPAN_ARG(ev->target), (long long)most);
}

/* Two that come at once are looked at before either stands here. */
static bool
is_fresh(struct ledger *l, const struct ledger_event *ev, struct err *e)
{
	struct span id = ev->text.value[EVENT_TEXT_ID];

	if (id.p == NULL)
		return true;
	store_i64(l->store, LQ_EVENT_SAME, 1, ev->of_proposal);
	store_text(l->store, LQ_EVENT_SAME, 2, ev->target);
	store_text(l->store, LQ_EVENT_SAME, 3, id);
	if (store_step(l->store, LQ_EVENT_SAME, e) != STORE_ROW)
		return false;
	int64_t n = store_col_i64(l->store, LQ_EVENT_SAME, 0);
	store_reset(l->store, LQ_EVENT_SAME);
	return n == 0 || err_set(e, ERR_RANGE, "policy 3.3",
				 "an event with the id \"%.*s\" stands in this log already",
				 SPAN_ARG(span_first(id, 80)));
}

bool
ledger_event_add(struct ledger *l, const struct ledger_event *ev, int64_t *ret_seq, struct err *e)
{
	int at = 1;

	if (!has_room(l, ev, e) || !is_fresh(l, ev, e))
		return false;
	for (int i = 0; i < EVENT_TEXT_COUNT; i++)
		store_text(l->store, LQ_EVENT_ADD, at++, ev->text.value[i]);
	store_i64(l->store, LQ_EVENT_ADD, at++, ev->of_proposal);
	store_text(l->store, LQ_EVENT_ADD, at++, ev->target);
	store_text(l->store, LQ_EVENT_ADD, at++, ev->iss);
	store_text(l->store, LQ_EVENT_ADD, at, ev->sub);
	if (!store_do(l->store, LQ_EVENT_ADD, e))
		return false;
	*ret_seq = store_last_id(l->store);
	return true;
}

/* ---- flags ---- */

bool
ledger_flag_add(struct ledger *l, const struct ledger_flag *f, struct err *e)
{
	store_i64(l->store, LQ_FLAG_ADD, 1, f->of_proposal);
	store_text(l->store, LQ_FLAG_ADD, 2, f->target);
	store_text(l->store, LQ_FLAG_ADD, 3, span_of(flag_names[f->flag]));
	store_text(l->store, LQ_FLAG_ADD, 4, f->at);
	store_text(l->store, LQ_FLAG_ADD, 5, f->note);
	return store_do(l->store, LQ_FLAG_ADD, e);
}

bool
ledger_flags(struct ledger *l, struct span pid, struct span proposal, uint32_t *ret, struct err *e)
{
	enum store_row r = STORE_END;
	uint32_t set = 0;

	*ret = 0;
	if (!ledger_ask(l))
		return true;
	store_text(l->store, LQ_FLAGS, 1, pid);
	store_text(l->store, LQ_FLAGS, 2, proposal);
	while ((r = store_step(l->store, LQ_FLAGS, e)) == STORE_ROW) {
		int flag =
			facts_name(store_col_text(l->store, LQ_FLAGS, 0), flag_names, FLAG_COUNT);
		if (flag >= 0)
			set |= 1U << flag;
	}
	*ret = set;
	return r == STORE_END;
}
