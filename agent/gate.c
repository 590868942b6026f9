/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate.h"

#include "agent/base/crypto.h"
#include "agent/base/jsonw.h"
#include "agent/base/log.h"
#include "agent/base/metric.h"
#include "agent/base/scope.h"
#include "agent/gate_archive.h"
#include "agent/gate_data.h"
#include "agent/gate_datasets.h"
#include "agent/gate_grant.h"
#include "agent/gate_indexer.h"
#include "agent/gate_login.h"
#include "agent/gate_logout.h"
#include "agent/gate_me.h"
#include "agent/gate_oblige.h"
#include "agent/gate_problem.h"
#include "agent/gate_record.h"
#include "agent/gate_review.h"
#include "agent/gate_stream.h"
#include "agent/gate_terms.h"
#include "agent/trusted_time.h"
#include "agent/wire.h"
#include "agent/wish.h"
#include "auth/keyring.h"
#include "auth/peer_rate.h"

#include <string.h>

/* What one turn may take: a limit, not a size (untouched pages cost nothing). */
#define GATE_MEMORY (64UL * 1024 * 1024)
#define GATE_FIELDS (24UL * 1024)
#define GATE_BODY   (32UL * 1024 * 1024)
#define GATE_FULL_S 2U /* Retry-After where too many wait, or one has waited too long */

int64_t
gate_time_ms(const struct gate *g, int64_t wall_ms)
{
	return g->time != NULL ? trusted_time_ms(g->time) : wall_ms;
}

bool
gate_desk_init(struct gate_desk *d, const struct gate *g, struct err *e)
{
	*d = (struct gate_desk){.gate = g, .metrics = g->metrics};
	d->fields.max = GATE_FIELDS;
	d->body.max = GATE_BODY;
	d->folder.name.max = GATE_FIELDS;
	d->record.max = GATE_TURN * AUDIT_LINE_MAX;
	d->logins = peer_rate_new(GATE_LOGINS_OF, GATE_LOGINS);
	if (d->logins == NULL || !arena_init(&d->mem, GATE_MEMORY))
		return err_set(e, ERR_LIMIT, NULL, "no memory for requests");
	if (!catalog_open(g->settings->catalogue, &d->catalog, e))
		return false;
	if (g->settings->ledger == NULL)
		return true;
	if (!ledger_open(g->settings->ledger, LEDGER_READ, &d->ledger, e))
		return false;
	catalog_use_ledger(d->catalog, d->ledger);
	return true;
}

void
gate_desk_fini(struct gate_desk *d)
{
	gate_grant_end(d);
	catalog_close(d->catalog);
	ledger_close(d->ledger);
	arena_fini(&d->mem);
	buf_fini(&d->fields);
	buf_fini(&d->body);
	buf_fini(&d->record);
	buf_fini(&d->folder.name);
	peer_rate_free(d->logins);
	*d = (struct gate_desk){0};
}

void
gate_field(struct gate_desk *d, const char *name, struct span value)
{
	/* Never from unchecked bytes, and still: nothing that could end the line. */
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] < 0x20 || value.p[i] == 0x7f)
			return;
	buf_adds(&d->fields, name);
	buf_adds(&d->fields, ": ");
	buf_add(&d->fields, value);
	buf_adds(&d->fields, "\r\n");
}

/* ---- the path of one question ---- */

/* RFC 6750 2.3 is never honoured: a token in a query ends in logs (tokens HTTP-2). */
static bool
token_in_query(struct span query)
{
	while (query.p != NULL) {
		struct span pair = span_cut(&query, '&');
		if (span_is(span_cut(&pair, '='), "access_token"))
			return true;
	}
	return false;
}

static struct span
method_name(enum http_method m)
{
	static const struct span names[] = {[HTTP_GET] = SPAN_INIT("GET"),
		[HTTP_HEAD] = SPAN_INIT("HEAD"),
		[HTTP_OPTIONS] = SPAN_INIT("OPTIONS"),
		[HTTP_PROPFIND] = SPAN_INIT("PROPFIND"),
		[HTTP_POST] = SPAN_INIT("POST"),
		[HTTP_PUT] = SPAN_INIT("PUT"),
		[HTTP_DELETE] = SPAN_INIT("DELETE"),
		[HTTP_COPY] = SPAN_INIT("COPY"),
		[HTTP_MKCOL] = SPAN_INIT("MKCOL"),
		[HTTP_OTHER] = SPAN_INIT("")};

	return names[m];
}

/* What a proof has to name: a member of an archive is asked for by the archive's own request. */
static struct span
asked_path(const struct http_ask *ask)
{
	return ask->again && gate_archive_holds(ask->within, ask->path) ? ask->within : ask->path;
}

static enum gate_found
check_token(struct gate_desk *d, struct gate_case *c)
{
	const struct http_ask *ask = c->ask;
	const struct auth_request q = {.authorization = ask->authorization,
		.dpop = ask->dpop,
		.two_proofs = ask->two_proofs,
		.method = method_name(ask->method),
		.path = asked_path(ask),
		.peer = ask->peer,
		.certificate = ask->has_certificate ? ask->certificate : NULL,
		.now_ms = c->wall_ms,
		.again = ask->again};
	enum auth_verdict v =
		auth_check(d->gate->auth, &q, &d->mem, &c->subject, &c->refusal, &c->wait.token);

	if (v == AUTH_WAIT)
		return GATE_WAITS;
	auth_forget(d->gate->auth, &c->wait.token); /* only what still waits counts */
	return v == AUTH_YES ? GATE_NOTHING : GATE_REFUSED;
}

/* Who is asking: GATE_NOTHING when that is known, GATE_REFUSED when the credential is not good. */
static enum gate_found
identify(struct gate_desk *d, struct gate_case *c)
{
	enum gate_found found = GATE_NOTHING;

	if (c->ask->two_credentials || token_in_query(c->ask->query)) {
		c->refusal = (struct auth_refusal){.status = 400,
			.error = "invalid_request",
			.description = "send one token, in the Authorization field (RFC 6750 2)"};
		return GATE_REFUSED;
	}
	if (c->ask->authorization.p != NULL)
		found = check_token(d, c);
	if (found == GATE_NOTHING && c->subject.authenticated)
		metric_add(d->metrics, METRIC_TOKENS_ACCEPTED, 1);
	return found;
}

static void
answer_home(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	const struct settings *s = d->gate->settings;

	buf_adds(&d->body, "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>");
	buf_add_html(&d->body, span_of(s->facility));
	buf_adds(&d->body, "</title>\n<h1>");
	buf_add_html(&d->body, span_of(s->facility));
	buf_adds(&d->body, "</h1>\n<p>Datasets: <a href=\"/data/\">/data/</a></p>\n");
	if (gate_login_offered(d))
		buf_adds(&d->body, "<p>Your login: <a href=\"/me\">/me</a></p>\n");
	buf_adds(&d->body, "<p>Contact: ");
	buf_add_html(&d->body, span_of(s->contact));
	buf_adds(&d->body, "</p></html>\n");
	gate_field(d, "Content-Type", SPAN("text/html; charset=utf-8"));
	gate_field(
		d, "Content-Security-Policy", SPAN("default-src 'none'; frame-ancestors 'none'"));
	gate_body(d, c, ret);
}

static void
answer_metadata(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	auth_write_metadata(d->gate->auth, &d->body);
	gate_field(d, "Content-Type", SPAN("application/json"));
	gate_field(d, "Cache-Control", SPAN("public, max-age=3600"));
	gate_body(d, c, ret);
}

static void
answer_health(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	struct jsonw w;
	bool stale = metric_get(d->metrics, METRIC_CONFIG_STALE) > 0;

	jsonw_init(&w, &d->body);
	jsonw_obj(&w, NULL);
	jsonw_cstr(&w, "status", "ok");
	jsonw_cstr(&w, "policy", stale ? "stale" : "current");
	jsonw_cstr(
		&w, "audit", metric_get(d->metrics, METRIC_AUDIT_FAILING) > 0 ? "failing" : "ok");
	jsonw_end(&w, '}');
	gate_field(d, "Content-Type", SPAN("application/json"));
	gate_field(d, "Cache-Control", SPAN("no-store"));
	gate_body(d, c, ret);
}

static const struct gate_row rows[] = {
	{SPAN_INIT("/data/"), false, true, gate_data_begin, gate_data_answer},
	{SPAN_INIT("/data"), true, true, gate_data_begin, gate_data_answer},
	{SPAN_INIT("/archive/"), false, true, gate_archive_begin, gate_archive_answer},
	{SPAN_INIT("/datasets/"), false, true, gate_datasets_begin, gate_datasets_answer},
	{SPAN_INIT("/review/"), false, false, gate_review_begin, gate_review_answer},
	{SPAN_INIT("/terms"), true, true, NULL, gate_terms_answer},
	{SPAN_INIT("/terms/"), false, true, NULL, gate_terms_answer},
	{SPAN_INIT("/.well-known/oauth-protected-resource"), true, false, NULL, answer_metadata},
	{SPAN_INIT("/login"), true, false, NULL, gate_login_answer},
	{SPAN_INIT("/login/callback"), true, false, gate_login_back_begin, gate_login_back_answer},
	{SPAN_INIT("/logout"), true, false, gate_logout_begin, gate_logout_answer},
	{SPAN_INIT("/me"), true, true, NULL, gate_me_answer},
	{SPAN_INIT("/healthz"), true, false, NULL, answer_health},
	{SPAN_INIT("/"), true, false, NULL, answer_home},
};

/* ---- turns ---- */

void
gate_start(struct gate_desk *d)
{
	arena_reset(&d->mem);
	buf_reset(&d->record);
	/* The epoch first: a change after this ends the grants of what is read now. */
	d->epoch = __atomic_load_n(d->gate->epoch, __ATOMIC_ACQUIRE);
	(void)catalog_hold(d->catalog, NULL); /* without it each question is a transaction */
	if (d->ledger != NULL)
		ledger_hold(d->ledger, d->epoch);
}

void
gate_end(struct gate_desk *d)
{
	gate_grant_end(d);
	catalog_release(d->catalog);
	if (d->ledger != NULL)
		ledger_release(d->ledger);
}

static const struct gate_row *
find_row(struct span path)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].whole ? span_eq(path, rows[i].prefix)
				  : span_starts(path, rows[i].prefix))
			return &rows[i];
	return NULL;
}

/* ---- waiting ---- */

/* A wait ends even where a clock jumps: its limit is past, or far away since the clock went back.
 */
static bool
over(int64_t until_ms, int64_t now_ms)
{
	return now_ms >= until_ms || until_ms - now_ms > GATE_WAIT_MS;
}

static bool
one_ready(struct gate_desk *d, const struct auth_wait *w, int64_t now_ms)
{
	return w->until_ms != 0 &&
	       (over(w->until_ms, now_ms) || auth_ready(d->gate->auth, w, now_ms));
}

/* A login: first its code is exchanged, then the keys may be missing that its token is signed with.
 */
static bool
login_ready(struct gate_desk *d, const struct gate_wait *w, int64_t now_ms)
{
	return one_ready(d, &w->login, now_ms) &&
	       (w->keys == 0 || over(w->login.until_ms, now_ms) ||
		       keyring_ready(
			       auth_keyring(d->gate->auth), w->login.issuer, w->keys - 1, now_ms));
}

static bool
wish_ready(struct gate_desk *d, const struct gate_wait *w, int64_t now_ms)
{
	return w->wish != 0 &&
	       (now_ms >= w->wish_until_ms || w->wish_until_ms - now_ms > GATE_WISH_MS ||
		       gate_indexer_over(d->gate->indexer, w->wish));
}

bool
gate_ready(struct gate_desk *d, const struct gate_wait *w, int64_t now_ms)
{
	return one_ready(d, &w->token, now_ms) || login_ready(d, w, now_ms) ||
	       wish_ready(d, w, now_ms);
}

int64_t
gate_until(const struct gate_wait *w)
{
	int64_t token = w->token.until_ms;
	int64_t login = w->login.until_ms;

	if (w->wish != 0)
		return w->wish_until_ms;
	return login == 0 || (token != 0 && token < login) ? token : login;
}

void
gate_forget(struct gate_desk *d, struct gate_wait *w)
{
	if (w->token.until_ms != 0)
		auth_forget(d->gate->auth, &w->token);
	if (w->login.until_ms != 0)
		auth_forget(d->gate->auth, &w->login);
	gate_indexer_forget(d->gate->indexer, w->wish);
	*w = (struct gate_wait){0};
}

bool
gate_wish(struct gate_desk *d, struct gate_case *c, const struct wish *w)
{
	if (c->wished)
		return false;
	c->wait.wish = gate_indexer_wish(d->gate->indexer, w);
	c->wait.wish_until_ms = c->wall_ms + GATE_WISH_MS;
	return c->wait.wish != 0;
}

/* What it wished is there, or never will be: it goes on without waiting again. */
static void
end_wish(struct gate_desk *d, struct gate_case *c)
{
	gate_indexer_forget(d->gate->indexer, c->wait.wish);
	c->wait.wish = 0;
	c->wait.wish_until_ms = 0;
	c->wished = true;
}

static void
give_up(struct gate_case *c)
{
	c->found = GATE_REFUSED;
	c->refusal = (struct auth_refusal){.status = 503,
		.retry_after = GATE_FULL_S,
		.description = "the issuer did not answer in time; try again"};
}

void
gate_begin(struct gate_desk *d, const struct http_ask *ask, int64_t wall_ms,
	const struct gate_wait *before, struct gate_case *ret)
{
	int64_t now_ms = gate_time_ms(d->gate, wall_ms);

	*ret = (struct gate_case){.ask = ask,
		.now = now_ms / 1000,
		.now_ms = now_ms,
		.wall = wall_ms / 1000,
		.wall_ms = wall_ms,
		.epoch = d->epoch,
		.row = find_row(ask->path)};
	if (before != NULL)
		ret->wait = *before;
	if (ret->wait.wish != 0)
		end_wish(d, ret);
	if (ret->row != NULL && ret->row->login)
		ret->found = identify(d, ret);
	if (ret->row != NULL && ret->row->begin != NULL && ret->found == GATE_NOTHING)
		ret->row->begin(d, ret);
	if (ret->found == GATE_WAITS && ret->wait.wish == 0 &&
		over(gate_until(&ret->wait), wall_ms))
		give_up(ret);
	if (ret->found == GATE_REFUSED || ret->found == GATE_OUTSIDE)
		gate_record_refused(d, ret);
	if (ret->found != GATE_WAITS)
		gate_forget(d, &ret->wait);
}

void
gate_tell(struct gate_desk *d, int64_t now_ms, const struct err *why)
{
	if (d->told_ms != 0 && now_ms - d->told_ms < GATE_TELL_MS)
		return;
	d->told_ms = now_ms;
	log_err(LOG_ERROR, "audit", why);
}

/* One write: all of the records stand, or none. */
void
gate_record(struct gate_desk *d, struct gate_case *cases, size_t n)
{
	struct gate_case *list[GATE_TURN];
	struct audit_item items[GATE_TURN];
	struct err e = {0};
	int64_t now_ms = 0;
	size_t k = 0;

	d->mark = d->mem.used;
	for (size_t i = 0; i < n && k < GATE_TURN; i++) {
		struct gate_case *c = &cases[i];
		if (c->record_n == 0)
			continue;
		items[k] = (struct audit_item){
			.kind = c->kind, .rest = {d->record.p + c->record_at, c->record_n}};
		now_ms = c->now_ms > now_ms ? c->now_ms : now_ms;
		list[k++] = c;
	}
	if (k == 0)
		return;
	bool ok = audit_append(d->gate->audit, items, k, now_ms, &e);
	if (!ok)
		gate_tell(d, now_ms, &e);
	metric_add(d->metrics, ok ? METRIC_AUDIT_RECORDS : METRIC_AUDIT_FAILED, (int64_t)k);
	for (size_t i = 0; i < k && ok; i++) {
		list[i]->recorded = true;
		list[i]->record = items[i].ret_seq;
	}
}

void
gate_finish(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	catalog_forget(d->catalog); /* an answer may look for a dataset, too */
	arena_rewind(&d->mem, d->mark);
	buf_reset(&d->fields);
	buf_reset(&d->body);
	*ret = (struct http_answer){.id = c->ask->id, .status = 200};
	if (c->row == NULL) {
		gate_problem_absent(d, c, ret);
	} else if (c->found == GATE_REFUSED) {
		gate_problem_credential(d, c, &c->refusal, ret);
	} else if (c->found == GATE_WAITS) {
		gate_forget(d, &c->wait);
		gate_problem_later(d, c, "Too many requests wait for the issuers of their tokens.",
			GATE_FULL_S, ret);
	} else {
		c->row->answer(d, c, ret);
	}
	gate_stream_finish(d, c, ret);
}

void
gate_answer(
	struct gate_desk *d, const struct http_ask *ask, int64_t now_ms, struct http_answer *ret)
{
	struct gate_case c;

	gate_start(d);
	gate_begin(d, ask, now_ms, NULL, &c);
	gate_record(d, &c, 1);
	gate_finish(d, &c, ret);
	gate_forget(d, &c.wait);
	gate_end(d);
}
