/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/auth.h"

#include <string.h>

#include "agent/base/crypto.h"
#include "auth/claims.h"
#include "auth/credential.h"
#include "auth/inquire.h"
#include "auth/inside.h"
#include "auth/jws.h"
#include "auth/path_scope.h"
#include "auth/proof.h"

#define RETRY_LATE   5U /* seconds: an issuer that is slow now may be faster then */
#define RETRY_MEMORY 2U

_Static_assert(AUTH_WAITING_MAX == SEATS_ISSUER, "as many may wait as there are seats");

/* ---- refusals ---- */

/* RFC 6750 3: %x20-21 / %x23-5B / %x5D-7E; anything else becomes a question mark.  The clause stays
 * when the text is too long. */
static void
describe(char *out, size_t n, const struct err *e)
{
	AUTO_BUF text = BUF_INIT(512);
	size_t clause = e->ref != NULL ? strlen(e->ref) + 3 : 0;

	buf_add(&text, span_first(span_of(e->msg), n - 1 - clause));
	if (e->ref != NULL)
		buf_addf(&text, " (%s)", e->ref);
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] < 0x20 || text.p[i] > 0x7e || text.p[i] == '"' || text.p[i] == '\\')
			text.p[i] = '?';
	if (!span_cstr(buf_span(&text), out, n))
		out[0] = '\0';
}

/* The answer to a failure: its code says who has to do something (section 10). */
static enum auth_verdict
refuse(const struct check *c, const struct err *e, struct auth_refusal *why)
{
	*why = (struct auth_refusal){.status = 503};
	describe(why->description, sizeof(why->description), e);
	switch (e->code) {
	case ERR_SYNTAX:
	case ERR_RANGE:
		why->status = 400;
		why->error = "invalid_request";
		break;
	case ERR_UNAUTH:
	case ERR_ABSENT:
		why->status = 401;
		why->error = c->bad_proof ? "invalid_dpop_proof" : "invalid_token";
		break;
	case ERR_DENIED:
		why->status = 403;
		why->error = "insufficient_scope";
		break;
	case ERR_UPSTREAM:
		why->retry_after = c->retry_after > 0 ? c->retry_after : RETRY_LATE;
		break;
	case ERR_NONE:
	case ERR_LIMIT:
	case ERR_SYSTEM:
		why->retry_after = c->retry_after > 0 ? c->retry_after : RETRY_MEMORY;
		break;
	}
	why->dpop = why->status == 401 && c->prove;
	if (c->too_many)
		why->status = 429;
	refusals_count(c->a->refusals, c->issuer, span_of(why->description));
	return AUTH_NO;
}

/* ---- waiting ---- */

static struct span
issuer_name(const struct check *c)
{
	return span_first(c->a->issuers.item[c->issuer].iss, 80);
}

enum auth_verdict
check_park(struct check *c, enum waiting what, uint64_t id, struct err *e)
{
	unsigned seat = 0;

	if (c->late) {
		c->retry_after = RETRY_LATE;
		(void)err_set(e, ERR_UPSTREAM, "RFC 9110 15.6.4",
			"issuer %.*s: did not answer in time; try again later",
			SPAN_ARG(issuer_name(c)));
		return AUTH_NO;
	}
	if (!seats_take(c->a->seats, c->issuer, c->q->peer, &seat)) {
		c->retry_after = RETRY_MEMORY;
		(void)err_set(e, ERR_UPSTREAM, "RFC 9110 15.6.4",
			"issuer %.*s: too many requests wait for it; try again later",
			SPAN_ARG(issuer_name(c)));
		return AUTH_NO;
	}
	*c->wait = (struct auth_wait){.id = id,
		.issuer = (unsigned)c->issuer,
		.what = what,
		.seat = seat,
		.until_ms = c->wait->until_ms != 0 ? c->wait->until_ms : c->now_ms + AUTH_WAIT_MS};
	return AUTH_WAIT;
}

/* It waits no more; how long it may in all is still known. */
static void
unpark(struct auth *a, struct auth_wait *wait)
{
	if (wait->what == WAITING_EXCHANGE)
		exchange_forget(a->exchange, wait->id);
	else if (wait->what != WAITING_NOTHING)
		seats_leave(a->seats, wait->issuer, wait->seat);
	wait->what = WAITING_NOTHING;
}

bool
auth_ready(struct auth *a, const struct auth_wait *wait, int64_t now_ms)
{
	if (now_ms >= wait->until_ms)
		return true;
	switch ((enum waiting)wait->what) {
	case WAITING_KEYS:
		return keyring_ready(a->keys, wait->issuer, wait->id, now_ms);
	case WAITING_ANSWER:
		return answers_ready(a->answers, wait->id, now_ms);
	case WAITING_EXCHANGE:
		return exchange_ready(a->exchange, wait->id, now_ms);
	case WAITING_NOTHING:
		break;
	}
	return true;
}

void
auth_forget(struct auth *a, struct auth_wait *wait)
{
	unpark(a, wait);
	*wait = (struct auth_wait){0};
}

/* ---- checking ---- */

/* Known from here on, also where it takes no JWTs: refusals are counted by issuer. */
static bool
find_issuer(struct check *c, const struct jws *j, struct err *e)
{
	const struct issuer *i = NULL;
	bool ok = issuers_claim(&c->a->issuers, j->payload, &i, e);

	if (i != NULL)
		c->issuer = (size_t)(i - c->a->issuers.item);
	return ok;
}

static enum auth_verdict
check_signature(struct check *c, const struct jws *j, struct err *e)
{
	struct keyring_more more;

	switch (keyring_verify(c->a->keys, c->issuer, j, c->now_ms, &more, e)) {
	case KEYRING_GOOD:
		return AUTH_YES;
	case KEYRING_WAIT:
		return check_park(c, WAITING_KEYS, more.turn, e);
	case KEYRING_BAD:
		break;
	}
	c->retry_after = more.retry_after;
	return AUTH_NO;
}

/*
 * The claims are asked before the signature: both must hold, a refusal by them is cheaper, and what
 * would be refused anyway then costs no retrieval of keys.  Nothing is done with them before both
 * do.
 */
static enum auth_verdict
check_jwt(struct check *c, struct span token, struct err *e)
{
	AUTO_JWS j = {.token = SPAN_NONE};

	if (!jws_parse(token, c->mem, &j, e) || !find_issuer(c, &j, e))
		return AUTH_NO;
	const struct issuer *i = &c->a->issuers.item[c->issuer];
	if (!issuers_header(i, &j, e) ||
		!claims_check(i, j.payload, c->now_ms / 1000, c->mem, &c->got.claims, e))
		return AUTH_NO;
	accounts_find(c->a->accounts, i, j.payload, &c->got.claims.subject);
	c->got.issuer = c->issuer;
	c->got.generation = keyring_generation(c->a->keys, c->issuer);
	enum auth_verdict v = check_signature(c, &j, e);
	if (v != AUTH_YES || i->settings->enrich == ENRICH_NO)
		return v;
	/* Who it is may stand with the issuer alone: another claim's text is another person's. */
	c->somebody = claims_has_id(i, j.payload);
	return inquire_claims(c, token, j.payload_text, e);
}

/*
 * Only texts that passed every check are in the cache, so a hit needs none of the syntax checks;
 * the clock is asked again, and whether the issuer still has the same keys, and good ones.
 */
static bool
cached(struct check *c)
{
	return crypto_sha256(c->token, c->key) &&
	       token_cache_get(c->a->cache, c->key, c->mem, &c->got) &&
	       c->got.generation == keyring_generation(c->a->keys, c->got.issuer) &&
	       keyring_young(c->a->keys, c->got.issuer, c->now_ms) &&
	       (c->got.until_ms == 0 || answers_lives(c->got.until_ms, ANSWERS_YES_MS, c->now_ms));
}

static enum auth_verdict
check_cached(struct check *c, struct err *e)
{
	c->issuer = c->got.issuer;
	if (!claims_alive(
		    &c->got.claims.life, c->a->issuers.item[c->issuer].leeway, c->now_ms / 1000, e))
		return AUTH_NO;
	atomic_fetch_add_explicit(&c->a->hits, 1, memory_order_relaxed);
	return AUTH_YES;
}

static enum auth_verdict
check_new(struct check *c, struct err *e)
{
	c->got = (struct token_cached){.issuer = 0};
	enum auth_verdict v = check_jwt(c, c->token, e);
	if (v == AUTH_YES && !c->got.claims.subject.incomplete)
		token_cache_put(c->a->cache, c->key, &c->got);
	return v;
}

/* What the field says.  The commonest form needs no parser when its token is known. */
static enum auth_verdict
check_field(struct check *c, struct err *e)
{
	static const struct span prefix = SPAN_INIT("Bearer ");
	struct credential credential;

	if (span_starts(c->q->authorization, prefix)) {
		c->token = span_skip(c->q->authorization, prefix.n);
		if (cached(c))
			return check_cached(c, e);
		c->token = SPAN_NONE;
	}
	if (!credential_parse(c->q->authorization, &credential, e))
		return AUTH_NO;
	if (credential.kind == CREDENTIAL_NONE)
		return AUTH_YES;
	c->token = credential.token;
	c->dpop = credential.dpop;
	if (credential.kind == CREDENTIAL_OPAQUE)
		return inquire_opaque(c, c->token, e);
	return cached(c) ? check_cached(c, e) : check_new(c, e);
}

/* The last check: does the sender hold the key that the token is bound to? */
static enum auth_verdict
check_proof(struct check *c, struct err *e)
{
	const struct issuer *i = &c->a->issuers.item[c->issuer];
	const struct proof_case with = {.request = c->q,
		.token = c->token,
		.dpop = c->dpop,
		.origin = span_of(c->a->origin),
		.hosts = &c->a->settings->hosts,
		.mem = c->mem};

	switch (proof_check(c->a->replay, i, &c->got.claims.binding, &with, c->now_ms, e)) {
	case PROOF_GOOD:
		return AUTH_YES;
	case PROOF_BAD:
		c->bad_proof = true;
		c->prove = true;
		break;
	case PROOF_TOKEN:
		c->prove = i->settings->dpop != DPOP_NO;
		break;
	case PROOF_LATER:
		break;
	}
	return AUTH_NO;
}

/* What an issuer says of a token is good for a minute (INT-5), and so is what follows from it. */
static struct subject
who(const struct check *c)
{
	int64_t until = (c->got.until_ms + 999) / 1000;
	struct subject s = c->got.claims.subject;

	if (c->token.p == NULL)
		return (struct subject){.authenticated = false};
	if (until != 0 && until < s.expires)
		s.expires = until;
	return s;
}

enum auth_verdict
auth_check(struct auth *a, const struct auth_request *q, struct arena *mem, struct subject *ret,
	struct auth_refusal *why, struct auth_wait *wait)
{
	struct check c = {.a = a,
		.q = q,
		.now_ms = q->now_ms,
		.mem = mem,
		.wait = wait,
		.late = wait->until_ms != 0 && q->now_ms >= wait->until_ms,
		.issuer = REFUSALS_NOBODY};
	struct err e = {.code = ERR_NONE};

	unpark(a, wait);
	enum auth_verdict v = check_field(&c, &e);
	if (v == AUTH_YES && c.token.p != NULL)
		v = check_proof(&c, &e);
	if (v == AUTH_NO)
		return refuse(&c, &e, why);
	if (v == AUTH_YES)
		*ret = who(&c);
	return v;
}

static bool
covered(const struct span *list, size_t n, struct span path)
{
	for (size_t i = 0; i < n; i++)
		if (path_scope_covers(list[i], path))
			return true;
	return false;
}

/* The first of `words` with this path, as a client has to ask for it. */
static void
refuse_scope(struct auth *a, const struct issuer *i, struct span words, struct span path,
	struct arena *mem, struct auth_refusal *why)
{
	struct err e = {.code = ERR_NONE};
	struct span base = i != NULL ? i->base_path : SPAN("");
	struct span below = span_starts(path, base) ? span_skip(path, base.n) : path;
	AUTO_BUF need = BUF_INIT(4096);

	buf_add(&need, span_cut(&words, ' '));
	buf_addc(&need, ':');
	buf_add_url(&need, below.n > 0 ? below : SPAN("/"));
	(void)err_set(&e, ERR_DENIED, "RFC 6750 3.1",
		"scope: the token does not cover this path; ask for the scope named here");
	const struct check c = {
		.a = a, .issuer = i != NULL ? (size_t)(i - a->issuers.item) : REFUSALS_NOBODY};
	(void)refuse(&c, &e, why);
	if (buf_ok(&need))
		why->scope = arena_span(mem, buf_span(&need));
}

bool
auth_covers(struct auth *a, const struct subject *s, struct span path, struct arena *mem,
	struct auth_refusal *why)
{
	const struct issuer *i = NULL;

	if (!s->scoped || covered(s->read_paths, s->n_read_paths, path))
		return true;
	i = issuers_find(&a->issuers, s->iss);
	refuse_scope(a, i, i != NULL ? i->read_word : SPAN("storage.read"), path, mem, why);
	return false;
}

bool
auth_covers_write(struct auth *a, const struct subject *s, struct span path, struct arena *mem,
	struct auth_refusal *why)
{
	const struct issuer *i = NULL;

	if (!s->scoped || covered(s->write_paths, s->n_write_paths, path))
		return true;
	i = issuers_find(&a->issuers, s->iss);
	refuse_scope(a, i, i != NULL ? i->write_words : SPAN("storage.create"), path, mem, why);
	return false;
}
