/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/ledger_people.h"

#include "agent/catalog/ledger_statement.h"

enum { DAY = 86400, FIRST_ROWS = 16 };

const char *const ledger_answer_states[ANSWER_COUNT] = {
	[ANSWER_NONE] = "open",
	[ANSWER_DECLINE] = "declined",
	[ANSWER_GRANT] = "granted",
	[ANSWER_WITHDRAW] = "withdrawn",
};

/* ---- rows ---- */

/* An array that grows in the arena; what it outgrew stays there until the request is over. */
struct rows {
	struct arena *a;
	size_t size; /* of one */
	char *p;
	size_t n, cap;
};

static void *
next_row(struct rows *r)
{
	if (r->n == r->cap) {
		size_t cap = r->cap == 0 ? FIRST_ROWS : r->cap * 2;
		char *p = arena_array(r->a, cap, r->size);
		if (p == NULL)
			return NULL;
		for (size_t i = 0; i < r->n * r->size; i++)
			p[i] = r->p[i];
		r->p = p;
		r->cap = cap;
	}
	return r->p + r->size * r->n++;
}

typedef void read_fn(struct ledger *l, size_t q, struct arena *a, void *into);

/* All rows of a statement that is bound. */
static bool
read_all(struct ledger *l, size_t q, read_fn *read, struct rows *r, struct err *e)
{
	enum store_row step = STORE_END;

	while ((step = store_step(l->store, q, e)) == STORE_ROW) {
		void *row = next_row(r);
		if (row == NULL)
			break;
		read(l, q, r->a, row);
	}
	if (step == STORE_ROW)
		store_reset(l->store, q);
	if (step == STORE_FAIL)
		return false;
	return !r->a->full || err_set(e, ERR_LIMIT, NULL, "no memory left for this request");
}

/* Its first row; ERR_ABSENT, without a message that names what was looked for. */
static bool
read_one(struct ledger *l, size_t q, read_fn *read, struct rows *r, struct err *e)
{
	if (!read_all(l, q, read, r, e))
		return false;
	return r->n > 0 || err_set(e, ERR_ABSENT, NULL, "no such entry in the ledger");
}

/* A number that the statement gives; 0 without a row. */
static bool
read_number(struct ledger *l, size_t q, int64_t *ret, struct err *e)
{
	enum store_row step = store_step(l->store, q, e);

	*ret = 0;
	if (step == STORE_ROW) {
		*ret = store_col_i64(l->store, q, 0);
		store_reset(l->store, q);
	}
	return step != STORE_FAIL;
}

static void
bind_person(struct ledger *l, size_t q, int at, const struct ledger_person *who)
{
	store_text(l->store, q, at, who->iss);
	store_text(l->store, q, at + 1, who->sub);
}

static struct ledger_person
read_person(struct ledger *l, size_t q, int col, struct arena *a)
{
	return (struct ledger_person){ledger_text(l, q, col, a), ledger_text(l, q, col + 1, a)};
}

/* ---- terms ---- */

static void
read_terms(struct ledger *l, size_t q, struct arena *a, void *into)
{
	*(struct ledger_terms *)into =
		(struct ledger_terms){ledger_text(l, q, 0, a), store_col_i64(l->store, q, 1)};
}

bool
ledger_terms_of(struct ledger *l, const struct ledger_person *who, struct arena *a,
	struct ledger_terms **ret, size_t *ret_n, struct err *e)
{
	struct rows r = {.a = a, .size = sizeof(struct ledger_terms)};

	*ret = NULL;
	*ret_n = 0;
	if (!ledger_ask(l))
		return true;
	bind_person(l, LQ_TERMS_OF, 1, who);
	if (!read_all(l, LQ_TERMS_OF, read_terms, &r, e))
		return false;
	*ret = (void *)r.p;
	*ret_n = r.n;
	return true;
}

/* Each change has all grants decided again: nobody shall do that all day. */
static bool
may_change(struct ledger *l, const struct ledger_terms_change *c, struct err *e)
{
	int64_t n = 0;

	bind_person(l, LQ_TERMS_RECENT, 1, &c->who);
	store_i64(l->store, LQ_TERMS_RECENT, 3, c->at - DAY);
	if (!read_number(l, LQ_TERMS_RECENT, &n, e))
		return false;
	return n < (int64_t)LEDGER_TERMS ||
	       err_set(e, ERR_RANGE, NULL,
		       "%u changes of accepted terms in a day are the most; try again tomorrow",
		       LEDGER_TERMS);
}

bool
ledger_terms_put(
	struct ledger *l, const struct ledger_terms_change *c, bool *ret_new, struct err *e)
{
	int64_t accepted = 0;

	bind_person(l, LQ_TERMS_STATE, 1, &c->who);
	store_text(l->store, LQ_TERMS_STATE, 3, c->terms);
	if (!read_number(l, LQ_TERMS_STATE, &accepted, e))
		return false;
	*ret_new = (accepted != 0) != c->accept;
	if (!*ret_new)
		return true;
	if (!may_change(l, c, e))
		return false;
	bind_person(l, LQ_TERMS_ADD, 1, &c->who);
	store_text(l->store, LQ_TERMS_ADD, 3, c->terms);
	store_i64(l->store, LQ_TERMS_ADD, 4, c->at);
	store_i64(l->store, LQ_TERMS_ADD, 5, c->accept);
	return store_do(l->store, LQ_TERMS_ADD, e);
}

/* ---- requests ---- */

static void
read_request(struct ledger *l, size_t q, struct arena *a, void *into)
{
	int64_t answer = store_col_i64(l->store, q, 7);

	*(struct ledger_request *)into = (struct ledger_request){
		.id = ledger_text(l, q, 0, a),
		.pid = ledger_text(l, q, 1, a),
		.who = read_person(l, q, 2, a),
		.action = ledger_text(l, q, 4, a),
		.text = ledger_text(l, q, 5, a),
		.at = store_col_i64(l->store, q, 6),
		.answer = answer > 0 && answer < ANSWER_COUNT ? (enum ledger_answer)answer
							      : ANSWER_NONE,
		.answered = store_col_i64(l->store, q, 8),
		.by = ledger_text(l, q, 9, a),
		.note = ledger_text(l, q, 10, a),
	};
}

static bool
list_requests(struct ledger *l, size_t q, struct arena *a, struct ledger_request **ret,
	size_t *ret_n, struct err *e)
{
	struct rows r = {.a = a, .size = sizeof(struct ledger_request)};

	if (!read_all(l, q, read_request, &r, e))
		return false;
	*ret = (void *)r.p;
	*ret_n = r.n;
	return true;
}

bool
ledger_requests_open(struct ledger *l, struct span pid, struct arena *a,
	struct ledger_request **ret, size_t *ret_n, struct err *e)
{
	size_t q = pid.p != NULL ? LQ_REQUESTS_OF : LQ_REQUESTS_OPEN;

	*ret = NULL;
	*ret_n = 0;
	if (!ledger_ask(l))
		return true;
	if (pid.p != NULL)
		store_text(l->store, q, 1, pid);
	return list_requests(l, q, a, ret, ret_n, e);
}

bool
ledger_requests_by(struct ledger *l, const struct ledger_person *who, struct arena *a,
	struct ledger_request **ret, size_t *ret_n, struct err *e)
{
	*ret = NULL;
	*ret_n = 0;
	if (!ledger_ask(l))
		return true;
	bind_person(l, LQ_REQUESTS_BY, 1, who);
	return list_requests(l, LQ_REQUESTS_BY, a, ret, ret_n, e);
}

bool
ledger_requests_count(struct ledger *l, uint64_t *ret_open, struct err *e)
{
	int64_t n = 0;

	*ret_open = 0;
	if (!ledger_ask(l))
		return true;
	if (!read_number(l, LQ_REQUESTS_COUNT, &n, e))
		return false;
	*ret_open = (uint64_t)n;
	return true;
}

bool
ledger_request_get(struct ledger *l, struct span id, struct arena *a, struct ledger_request *ret,
	struct err *e)
{
	struct rows r = {.a = a, .size = sizeof(*ret)};

	if (!ledger_ask(l))
		return err_set(e, ERR_ABSENT, NULL, "no such entry in the ledger");
	store_text(l->store, LQ_REQUEST, 1, id);
	if (!read_one(l, LQ_REQUEST, read_request, &r, e))
		return false;
	*ret = *(struct ledger_request *)(void *)r.p;
	return true;
}

static bool
may_ask(struct ledger *l, const struct ledger_request *r, unsigned most, struct err *e)
{
	int64_t n = 0;

	bind_person(l, LQ_REQUEST_SAME, 1, &r->who);
	store_text(l->store, LQ_REQUEST_SAME, 3, r->pid);
	if (!read_number(l, LQ_REQUEST_SAME, &n, e))
		return false;
	if (n > 0)
		return err_set(e, ERR_DENIED, NULL,
			"your request for this dataset waits for an answer already");
	bind_person(l, LQ_REQUEST_RECENT, 1, &r->who);
	store_i64(l->store, LQ_REQUEST_RECENT, 3, r->at - DAY);
	if (!read_number(l, LQ_REQUEST_RECENT, &n, e))
		return false;
	return n < (int64_t)most ||
	       err_set(e, ERR_RANGE, NULL, "%u requests in a day are the most; try again tomorrow",
		       most);
}

bool
ledger_request_add(struct ledger *l, const struct ledger_request *r, unsigned most, struct err *e)
{
	if (!may_ask(l, r, most, e))
		return false;
	store_text(l->store, LQ_REQUEST_ADD, 1, r->id);
	store_text(l->store, LQ_REQUEST_ADD, 2, r->pid);
	bind_person(l, LQ_REQUEST_ADD, 3, &r->who);
	store_text(l->store, LQ_REQUEST_ADD, 5, r->action);
	store_text(l->store, LQ_REQUEST_ADD, 6, r->text);
	store_i64(l->store, LQ_REQUEST_ADD, 7, r->at);
	return store_do(l->store, LQ_REQUEST_ADD, e);
}

bool
ledger_request_answer(struct ledger *l, const struct ledger_reply *r, struct err *e)
{
	int64_t n = 0;

	store_text(l->store, LQ_ANSWERED, 1, r->id);
	if (!read_number(l, LQ_ANSWERED, &n, e))
		return false;
	if (n > 0)
		return err_set(e, ERR_DENIED, NULL, "this request was answered before");
	store_text(l->store, LQ_ANSWER_ADD, 1, r->id);
	store_i64(l->store, LQ_ANSWER_ADD, 2, r->answer);
	bind_person(l, LQ_ANSWER_ADD, 3, &r->who);
	store_text(l->store, LQ_ANSWER_ADD, 5, r->by);
	store_text(l->store, LQ_ANSWER_ADD, 6, r->note);
	store_i64(l->store, LQ_ANSWER_ADD, 7, r->at);
	return store_do(l->store, LQ_ANSWER_ADD, e);
}

/* ---- links ---- */

static void
read_link(struct ledger *l, size_t q, struct arena *a, void *into)
{
	*(struct ledger_link *)into = (struct ledger_link){
		.id = ledger_text(l, q, 0, a),
		.pid = ledger_text(l, q, 1, a),
		.personal = store_col_null(l->store, q, 2),
		.who = read_person(l, q, 3, a),
		.by = ledger_text(l, q, 5, a),
		.maker = read_person(l, q, 6, a),
		.to = ledger_text(l, q, 8, a),
		.note = ledger_text(l, q, 9, a),
		.at = store_col_i64(l->store, q, 10),
		.until = store_col_i64(l->store, q, 11),
		.ended = store_col_i64(l->store, q, 12),
		.ended_by = ledger_text(l, q, 13, a),
		.last_day = store_col_null(l->store, q, 14) ? -1 : store_col_i64(l->store, q, 14),
		.days = (uint64_t)store_col_i64(l->store, q, 15),
	};
}

/* One link by the statement that is bound. */
static bool
one_link(struct ledger *l, size_t q, struct arena *a, struct ledger_link *ret, struct err *e)
{
	struct rows r = {.a = a, .size = sizeof(*ret)};

	if (!read_one(l, q, read_link, &r, e))
		return false;
	*ret = *(struct ledger_link *)(void *)r.p;
	return true;
}

static bool
list_links(struct ledger *l, size_t q, struct arena *a, struct ledger_link **ret, size_t *ret_n,
	struct err *e)
{
	struct rows r = {.a = a, .size = sizeof(struct ledger_link)};

	if (!read_all(l, q, read_link, &r, e))
		return false;
	*ret = (void *)r.p;
	*ret_n = r.n;
	return true;
}

bool
ledger_link_by_hash(struct ledger *l, const uint8_t hash[LEDGER_LINK_HASH], struct arena *a,
	struct ledger_link *ret, struct err *e)
{
	if (!ledger_ask(l))
		return err_set(e, ERR_ABSENT, NULL, "no such entry in the ledger");
	store_blob(l->store, LQ_LINK_HASH, 1, hash, LEDGER_LINK_HASH);
	return one_link(l, LQ_LINK_HASH, a, ret, e);
}

bool
ledger_link_get(
	struct ledger *l, struct span id, struct arena *a, struct ledger_link *ret, struct err *e)
{
	if (!ledger_ask(l))
		return err_set(e, ERR_ABSENT, NULL, "no such entry in the ledger");
	store_text(l->store, LQ_LINK, 1, id);
	return one_link(l, LQ_LINK, a, ret, e);
}

bool
ledger_links(struct ledger *l, struct span pid, struct arena *a, struct ledger_link **ret,
	size_t *ret_n, struct err *e)
{
	*ret = NULL;
	*ret_n = 0;
	if (!ledger_ask(l))
		return true;
	store_text(l->store, LQ_LINKS_OF, 1, pid);
	return list_links(l, LQ_LINKS_OF, a, ret, ret_n, e);
}

bool /* NOLINTNEXTLINE(readability-function-size): asked for in one call at each decision */
ledger_grants_of(struct ledger *l, const struct ledger_person *who, int64_t now, struct arena *a,
	struct ledger_link **ret, size_t *ret_n, struct err *e)
{
	*ret = NULL;
	*ret_n = 0;
	if (!ledger_ask(l))
		return true;
	bind_person(l, LQ_GRANTS_OF, 1, who);
	store_i64(l->store, LQ_GRANTS_OF, 3, now);
	return list_links(l, LQ_GRANTS_OF, a, ret, ret_n, e);
}

bool
ledger_link_add(struct ledger *l, const struct ledger_link *k, const uint8_t hash[LEDGER_LINK_HASH],
	struct err *e)
{
	int64_t n = 0;

	store_text(l->store, LQ_LINKS_COUNT, 1, k->pid);
	store_i64(l->store, LQ_LINKS_COUNT, 2, k->at);
	store_i64(l->store, LQ_LINKS_COUNT, 3, k->at - DAY);
	if (!read_number(l, LQ_LINKS_COUNT, &n, e))
		return false;
	if (n >= (int64_t)LEDGER_LINKS)
		return err_set(e, ERR_RANGE, NULL,
			"%u links to this dataset live or were made today: revoke some, or wait",
			LEDGER_LINKS);
	store_text(l->store, LQ_LINK_ADD, 1, k->id);
	store_text(l->store, LQ_LINK_ADD, 2, k->pid);
	store_blob(l->store, LQ_LINK_ADD, 3, hash, hash != NULL ? LEDGER_LINK_HASH : 0);
	bind_person(l, LQ_LINK_ADD, 4, &k->who);
	store_text(l->store, LQ_LINK_ADD, 6, k->by);
	bind_person(l, LQ_LINK_ADD, 7, &k->maker);
	store_text(l->store, LQ_LINK_ADD, 9, k->to);
	store_text(l->store, LQ_LINK_ADD, 10, k->note);
	store_i64(l->store, LQ_LINK_ADD, 11, k->at);
	store_i64(l->store, LQ_LINK_ADD, 12, k->until);
	return store_do(l->store, LQ_LINK_ADD, e);
}

bool
ledger_link_end(struct ledger *l, const struct ledger_link_end *x, struct err *e)
{
	int64_t n = 0;

	store_text(l->store, LQ_LINK_ENDED, 1, x->id);
	if (!read_number(l, LQ_LINK_ENDED, &n, e))
		return false;
	if (n > 0)
		return err_set(e, ERR_DENIED, NULL, "this link was revoked before");
	store_text(l->store, LQ_LINK_END, 1, x->id);
	bind_person(l, LQ_LINK_END, 2, &x->who);
	store_text(l->store, LQ_LINK_END, 4, x->by);
	store_i64(l->store, LQ_LINK_END, 5, x->at);
	return store_do(l->store, LQ_LINK_END, e);
}

bool
ledger_link_use(struct ledger *l, struct span id, int64_t day, struct err *e)
{
	store_text(l->store, LQ_LINK_USE, 1, id);
	store_i64(l->store, LQ_LINK_USE, 2, day);
	return store_do(l->store, LQ_LINK_USE, e);
}
