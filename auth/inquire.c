/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/inquire.h"

#include "agent/base/json.h"
#include "auth/introspect.h"

#define JUDGE_MEMORY (1UL << 20) /* for one answer; untouched pages cost nothing */

static enum errand_kind
kind_of(const struct settings_issuer *s, bool opaque)
{
	return opaque || s->enrich == ENRICH_INTROSPECTION ? ERRAND_INTROSPECT : ERRAND_USERINFO;
}

static bool
send(struct check *c, struct span token, bool opaque, uint64_t id)
{
	const struct issuer *i = &c->a->issuers.item[c->issuer];
	const struct errand errand = {
		.kind = kind_of(i->settings, opaque), .id = id, .issuer = i->iss, .token = token};

	return c->a->send != NULL && c->a->send(c->a->send_arg, &errand);
}

static bool
not_asked(struct check *c, struct err *e)
{
	c->retry_after = 5;
	return err_set(e, ERR_UPSTREAM, "RFC 7662 2.1",
		"issuer %.*s: cannot be asked about a token now; try again later",
		SPAN_ARG(span_first(c->a->issuers.item[c->issuer].iss, 80)));
}

/* payload absent: an opaque token. */
static enum auth_verdict
ask(struct check *c, struct span token, struct span payload, struct err *e)
{
	const struct answers_question q = {.issuer = c->issuer,
		.token = token,
		.payload = payload,
		.peer = payload.p == NULL ? c->q->peer : NULL};
	struct answers_found found = {.state = ANSWERS_NEW};

	answers_ask(c->a->answers, &q, c->now_ms, c->mem, &found);
	c->retry_after = found.retry_after;
	switch (found.state) {
	case ANSWERS_NEW:
		if (!send(c, token, payload.p == NULL, found.id)) {
			answers_drop(c->a->answers, found.id);
			(void)not_asked(c, e);
			return AUTH_NO;
		}
		return check_park(c, WAITING_ANSWER, found.id, e);
	case ANSWERS_PENDING:
		return check_park(c, WAITING_ANSWER, found.id, e);
	case ANSWERS_YES:
		c->got.claims = found.claims;
		c->got.until_ms = found.until_ms;
		return AUTH_YES;
	case ANSWERS_TOO_MANY:
		c->too_many = true;
		break;
	case ANSWERS_NO:
	case ANSWERS_TROUBLE:
	case ANSWERS_FULL:
		break;
	}
	*e = found.why;
	return AUTH_NO;
}

enum auth_verdict
inquire_opaque(struct check *c, struct span token, struct err *e)
{
	const struct issuers *all = &c->a->issuers;
	size_t at = 0;

	while (at < all->n && all->item[at].settings->token_kind == TOKEN_JWT)
		at++;
	if (at == all->n) {
		(void)err_set(e, ERR_UNAUTH, "RFC 9068 4",
			"token: not a signed JWT; no issuer here takes opaque tokens");
		return AUTH_NO;
	}
	c->issuer = at;
	/* INT-2: what no issuer ever made is not asked about. */
	if (token.n < 8 || token.n > 4096 || span_has(token, '.')) {
		(void)err_set(e, ERR_UNAUTH, "RFC 6749 1.4",
			"token: neither a signed JWT nor an opaque token of 8 to 4096 characters");
		return AUTH_NO;
	}
	enum auth_verdict v = ask(c, token, SPAN_NONE, e);
	const struct claims *got = &c->got.claims;
	if (v == AUTH_YES && !claims_alive(&got->life, all->item[at].leeway, c->now_ms / 1000, e))
		return AUTH_NO;
	c->got.issuer = at;
	return v;
}

enum auth_verdict
inquire_claims(struct check *c, struct span token, struct span payload, struct err *e)
{
	enum auth_verdict v = ask(c, token, payload, e);

	if (v != AUTH_NO || e->code == ERR_UNAUTH || !c->somebody)
		return v;
	c->got.claims.subject.incomplete = true;
	*e = (struct err){.code = ERR_NONE};
	return AUTH_YES;
}

/* ---- answers ---- */

static void
link_account(struct auth *a, const struct issuer *i, struct span text, struct claims *claims)
{
	AUTO_JSON j = text.n > 0 && a->accounts != NULL ? json_parse(text, NULL, NULL) : NULL;

	if (j != NULL)
		accounts_find(a->accounts, i, j, &claims->subject);
}

static bool
judge(const struct issuer *i, const struct introspect_texts *t, int64_t now, struct arena *mem,
	struct claims *ret, struct err *e)
{
	return t->payload.p == NULL ? introspect_judge(i, t->body, now, mem, ret, e)
				    : introspect_enrich(i, t, now, mem, ret, e);
}

/* Why there is no answer to judge. */
static void
no_answer(const struct issuer *i, enum report_result result, struct err *e)
{
	struct span iss = span_first(i->iss, 80);

	switch (result) {
	case RESULT_REFUSED:
		(void)err_set(e, ERR_UNAUTH, "RFC 6750 3.1", "token: refused by its issuer %.*s",
			SPAN_ARG(iss));
		break;
	case RESULT_OURS:
		(void)err_set(e, ERR_UPSTREAM, "RFC 7662 2.3",
			"issuer %.*s: does not take this agent's own credentials (settings "
			"client_id, client_secret_file)",
			SPAN_ARG(iss));
		break;
	case RESULT_BUSY:
		(void)err_set(e, ERR_UPSTREAM, "RFC 9110 15.6.4",
			"issuer %.*s: too many questions wait for it; try again later",
			SPAN_ARG(iss));
		break;
	case RESULT_OK:
	case RESULT_FAILED:
		(void)err_set(e, ERR_UPSTREAM, "RFC 7662 2.2",
			"issuer %.*s: gives no usable answer; try again later", SPAN_ARG(iss));
		break;
	}
}

void
inquire_report(struct auth *a, const struct report *r, int64_t now_ms)
{
	AUTO_ARENA mem = {0};
	struct introspect_texts t = {.body = r->body};
	struct claims claims = {.life = {0, 0}};
	struct err e = {.code = ERR_NONE};
	size_t issuer = 0;

	if (!arena_init(&mem, JUDGE_MEMORY) ||
		!answers_asked(a->answers, r->id, &mem, &issuer, &t.payload)) {
		answers_drop(a->answers, r->id);
		return;
	}
	const struct issuer *i = &a->issuers.item[issuer];
	bool good = r->result == RESULT_OK && judge(i, &t, now_ms / 1000, &mem, &claims, &e);
	if (good) {
		/* Accounts are looked up by what both say: the token's own claims first. */
		link_account(a, i, t.payload, &claims);
		link_account(a, i, t.body, &claims);
		answers_put_yes(a->answers, r->id, &claims, now_ms);
		return;
	}
	struct err judged = e;
	if (e.code == ERR_NONE)
		no_answer(i, r->result, &e);
	else if (e.code != ERR_UNAUTH)
		(void)err_set(&e, e.code, judged.ref, "issuer %.*s: %.120s; try again later",
			SPAN_ARG(span_first(i->iss, 80)), judged.msg);
	answers_put_no(a->answers, r->id, &e, now_ms);
}
