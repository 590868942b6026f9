/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/auth.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/crypto.h"
#include "auth/claims.h"
#include "auth/credential.h"
#include "auth/issuers.h"
#include "auth/jws.h"
#include "auth/keys.h"
#include "auth/oidc.h"
#include "auth/path_scope.h"
#include "auth/prm.h"
#include "auth/token_cache.h"

#define RETRY_KEYS   30U /* an issuer without keys stays so until the next reload */
#define RETRY_MEMORY 2U

struct key_set {
	struct keys *keys;                        /* NULL: none came */
	struct oidc_verifier *verifier[KEYS_MAX]; /* of keys_at(keys, i); unused with kept keys */
};

struct auth {
	const struct settings *settings;
	char *origin; /* with a slash at its end */
	struct issuers issuers;
	struct key_set *sets; /* one for each issuer */
	struct oidc *oidc;    /* NULL: signatures by the kept keys */
	struct token_cache *cache;
	atomic_uint_fast64_t hits;
};

/* ---- loading ---- */

static void
note(const struct auth *a, size_t i, const char *kind, struct span text, struct buf *report)
{
	const struct settings_issuer *s = &a->settings->issuers[i];

	buf_addf(report, "%s:%u:1: %s: issuer %s: %.*s\n",
		a->settings->file != NULL ? a->settings->file : "agent.yaml", s->line, kind,
		s->issuer, SPAN_ARG(text));
}

static bool
load_keys(struct auth *a, size_t i, struct span jwks, struct buf *report, struct err *e)
{
	struct key_set *set = &a->sets[i];
	AUTO_BUF dropped = BUF_INIT(65536);
	struct err why = {.code = ERR_NONE};
	char text[300];

	if (jwks.p == NULL) {
		note(a, i, "warning", SPAN("no keys; its tokens are answered with 503"), report);
		return true;
	}
	if (!keys_load(jwks, a->issuers.item[i].algs, &dropped, &set->keys, &why)) {
		note(a, i, "error", span_of(err_text(&why, text, sizeof(text))), report);
		return err_set(e, why.code, why.ref, "%s", why.msg);
	}
	for (struct span rest = buf_span(&dropped); rest.n > 0;)
		note(a, i, "warning", span_cut(&rest, '\n'), report);
	if (keys_count(set->keys) == 0)
		note(a, i, "warning", SPAN("no usable key; its tokens are answered with 503"),
			report);
	for (size_t k = 0; a->oidc != NULL && k < keys_count(set->keys); k++) {
		if (!oidc_verifier_new(
			    a->oidc, keys_at(set->keys, k)->jwk, &set->verifier[k], &why)) {
			note(a, i, "error", span_of(err_text(&why, text, sizeof(text))), report);
			return err_set(e, why.code, why.ref, "%s", why.msg);
		}
	}
	return true;
}

static bool
load_all(struct auth *a, const struct span *jwks, struct buf *report, struct err *e)
{
	const struct settings *s = a->settings;
	bool ok = true;

	if (!issuers_load(s, span_of(a->origin), report, &a->issuers, e))
		return false;
	a->sets = calloc(s->n_issuers + 1, sizeof(*a->sets));
	a->cache = token_cache_new();
	if (a->sets == NULL || a->cache == NULL)
		return err_set(e, ERR_SYSTEM, NULL, "issuers: no memory");
	if (!crypto_prepare(e) || (!s->kept_keys && !oidc_start(&a->oidc, e)))
		return false;
	for (size_t i = 0; i < s->n_issuers; i++)
		ok = load_keys(a, i, jwks[i], report, ok ? e : NULL) && ok;
	return ok;
}

bool
auth_load(const struct settings *s, const struct span *jwks, const char *public_url,
	struct buf *report, struct auth **ret, struct err *e)
{
	struct span url = span_of(public_url != NULL ? public_url : s->public_url);
	struct auth *a = calloc(1, sizeof(*a));

	while (span_ends(url, SPAN("/")))
		url.n--;
	if (a != NULL)
		a->origin = malloc(url.n + 2);
	if (a == NULL || a->origin == NULL) {
		auth_free(a);
		return err_set(e, ERR_SYSTEM, NULL, "issuers: no memory");
	}
	(void)snprintf(a->origin, url.n + 2, "%.*s/", SPAN_ARG(url));
	a->settings = s;
	if (!load_all(a, jwks, report, e)) {
		auth_free(a);
		return false;
	}
	*ret = a;
	return true;
}

void
auth_free(struct auth *a)
{
	if (a == NULL)
		return;
	for (size_t i = 0; a->sets != NULL && i < a->issuers.n; i++) {
		for (size_t k = 0; k < KEYS_MAX; k++)
			oidc_verifier_free(a->sets[i].verifier[k]);
		keys_free(a->sets[i].keys);
	}
	free(a->sets);
	issuers_fini(&a->issuers);
	oidc_stop(a->oidc);
	token_cache_free(a->cache);
	free(a->origin);
	free(a);
}

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
refuse(const struct err *e, struct auth_refusal *why)
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
		why->error = "invalid_token";
		break;
	case ERR_DENIED:
		why->status = 403;
		why->error = "insufficient_scope";
		break;
	case ERR_UPSTREAM:
		why->retry_after = RETRY_KEYS;
		break;
	case ERR_NONE:
	case ERR_LIMIT:
	case ERR_SYSTEM:
		why->retry_after = RETRY_MEMORY;
		break;
	}
	return AUTH_NO;
}

/* ---- checking ---- */

/* The issuer of the unverified iss: it picks the keys and the rules, nothing else. */
static const struct issuer *
find_issuer(const struct auth *a, const struct jws *j, struct err *e)
{
	const struct json *v = json_get(j->payload, "iss");
	struct span iss = SPAN_NONE;

	if (!json_str(v, &iss)) {
		err_set(e, ERR_UNAUTH, "RFC 9068 2.2", "iss: is %s; expected a string",
			json_kind_name(json_kind(v)));
		return NULL;
	}
	const struct issuer *i = issuers_find(&a->issuers, iss);
	if (i == NULL)
		err_set(e, ERR_UNAUTH, "RFC 9068 4",
			"iss: %.*s is not trusted by this server (setting issuers)",
			SPAN_ARG(span_first(iss, 80)));
	return i;
}

static bool
signed_by(const struct auth *a, const struct key_set *set, size_t index, const struct jws *j)
{
	if (a->oidc != NULL)
		return oidc_verify(set->verifier[index], j->token.p);
	return keys_verify(keys_at(set->keys, index), j);
}

/* Why no key of the issuer will do: none has the kid, none fits the alg, or none made it. */
static bool
no_key(const struct issuer *i, const struct jws *j, unsigned found, unsigned tried, struct err *e)
{
	struct span kid = j->kid.p != NULL ? span_first(j->kid, 40) : SPAN("(none)");

	if (found == 0)
		return err_set(e, ERR_UNAUTH, "RFC 7515 4.1.4",
			"kid: key %.*s is not published by %.*s", SPAN_ARG(kid),
			SPAN_ARG(span_first(i->iss, 80)));
	if (tried == 0)
		return err_set(e, ERR_UNAUTH, "RFC 8725 3.1", "alg: %s does not fit key %.*s",
			jws_alg_names[j->alg], SPAN_ARG(kid));
	return err_set(e, ERR_UNAUTH, "RFC 7515 5.2",
		"signature: not made by key %.*s of %.*s; the token was changed or forged",
		SPAN_ARG(kid), SPAN_ARG(span_first(i->iss, 60)));
}

/* The keys of the token's own issuer that carry its kid and fit its alg (SIG-1, SIG-3, SIG-4). */
static bool
check_signature(const struct auth *a, const struct issuer *i, const struct jws *j, struct err *e)
{
	const struct key_set *set = &a->sets[i - a->issuers.item];
	const struct key *key = NULL;
	size_t at = 0;
	unsigned found = 0;
	unsigned tried = 0;

	if (set->keys == NULL || keys_count(set->keys) == 0)
		return err_set(e, ERR_UPSTREAM, "RFC 7517",
			"issuer %.*s: its keys are not available",
			SPAN_ARG(span_first(i->iss, 80)));
	while (tried < KEYS_TRIED_MAX && (key = keys_next(set->keys, j->kid, &at)) != NULL) {
		bool fits = (key->algs >> j->alg & 1U) != 0;
		found++;
		tried += fits;
		if (fits && signed_by(a, set, at - 1, j))
			return true;
	}
	return no_key(i, j, found, tried, e);
}

static bool
check_token(const struct auth *a, struct span token, int64_t now, struct arena *mem,
	struct token_cached *ret, struct err *e)
{
	AUTO_JWS j = {.token = SPAN_NONE};
	struct token_cached got = {.issuer = 0};

	if (!jws_parse(token, mem, &j, e))
		return false;
	const struct issuer *i = find_issuer(a, &j, e);
	if (i == NULL || !issuers_header(i, &j, e) || !check_signature(a, i, &j, e) ||
		!claims_check(i, j.payload, now, mem, &got.claims, e))
		return false;
	got.issuer = (size_t)(i - a->issuers.item);
	*ret = got;
	return true;
}

/*
 * Only texts that passed every check are in the cache, so a hit needs none of the syntax checks;
 * the clock is asked again.
 */
static bool
cached(struct auth *a, struct span authorization, struct arena *mem, uint8_t key[32],
	struct token_cached *ret)
{
	static const struct span prefix = SPAN_INIT("Bearer ");

	return span_starts(authorization, prefix) &&
	       crypto_sha256(span_skip(authorization, prefix.n), key) &&
	       token_cache_get(a->cache, key, mem, ret);
}

enum auth_verdict
auth_check(struct auth *a, const struct auth_request *q, int64_t now_ms, struct arena *mem,
	struct subject *ret, struct auth_refusal *why, struct auth_wait *wait)
{
	struct credential c;
	struct token_cached got;
	struct err e = {.code = ERR_NONE};
	uint8_t key[CRYPTO_SHA256_SIZE];
	int64_t now = now_ms / 1000;

	(void)wait;
	if (cached(a, q->authorization, mem, key, &got)) {
		if (!claims_alive(&got.claims.life, a->issuers.item[got.issuer].leeway, now, &e))
			return refuse(&e, why);
		atomic_fetch_add_explicit(&a->hits, 1, memory_order_relaxed);
		*ret = got.claims.subject;
		return AUTH_YES;
	}
	if (!credential_parse(q->authorization, &c, &e))
		return refuse(&e, why);
	switch (c.kind) {
	case CREDENTIAL_NONE:
		*ret = (struct subject){.authenticated = false};
		return AUTH_YES;
	case CREDENTIAL_OPAQUE:
		(void)err_set(&e, ERR_UNAUTH, "RFC 9068 4",
			"token: not a signed JWT; no issuer here takes opaque tokens");
		return refuse(&e, why);
	case CREDENTIAL_JWT:
		break;
	}
	if (!check_token(a, c.token, now, mem, &got, &e))
		return refuse(&e, why);
	if (crypto_sha256(c.token, key))
		token_cache_put(a->cache, key, &got);
	*ret = got.claims.subject;
	return AUTH_YES;
}

bool
auth_covers(const struct auth *a, const struct subject *s, struct span path, struct arena *mem,
	struct auth_refusal *why)
{
	struct err e = {.code = ERR_NONE};

	if (!s->scoped)
		return true;
	for (size_t i = 0; i < s->n_read_paths; i++)
		if (path_scope_covers(s->read_paths[i], path))
			return true;
	const struct issuer *i = issuers_find(&a->issuers, s->iss);
	struct span word = i != NULL ? i->read_word : SPAN("storage.read");
	struct span base = i != NULL ? i->base_path : SPAN("");
	struct span below = span_starts(path, base) ? span_skip(path, base.n) : path;
	AUTO_BUF need = BUF_INIT(4096);
	buf_add(&need, word);
	buf_addc(&need, ':');
	buf_add_url(&need, below.n > 0 ? below : SPAN("/"));
	(void)err_set(&e, ERR_DENIED, "RFC 6750 3.1",
		"scope: the token does not cover this path; ask for the scope named here");
	(void)refuse(&e, why);
	if (buf_ok(&need))
		why->scope = arena_span(mem, buf_span(&need));
	return false;
}

uint64_t
auth_cache_hits(const struct auth *a)
{
	return atomic_load_explicit(&a->hits, memory_order_relaxed);
}

/* ---- writing ---- */

void
auth_write_challenge(struct buf *out, struct span realm, struct span metadata_url,
	const struct auth_refusal *refusal)
{
	prm_write_challenge(out, realm, metadata_url, refusal);
}

void
auth_courier(struct auth *a, errand_fn *send, void *arg)
{
	(void)a;
	(void)send;
	(void)arg;
}

void
auth_report(struct auth *a, const struct report *r, int64_t now_ms)
{
	(void)a;
	(void)r;
	(void)now_ms;
}

bool
auth_ready(struct auth *a, const struct auth_wait *wait, int64_t now_ms)
{
	(void)a;
	(void)wait;
	(void)now_ms;
	return true;
}

void
auth_forget(struct auth *a, struct auth_wait *wait)
{
	(void)a;
	*wait = (struct auth_wait){0};
}

void
auth_write_metadata(const struct auth *a, struct buf *out)
{
	prm_write_metadata(&a->issuers, span_of(a->origin), a->settings->facility, out);
}

void
auth_write_issuers(const struct auth *a, struct buf *out)
{
	for (size_t i = 0; i < a->issuers.n; i++) {
		const struct keys *keys = a->sets[i].keys;
		issuers_write(&a->issuers.item[i], out);
		buf_addf(
			out, "signature_backend: %s\n", a->oidc != NULL ? "liboauth2" : "kept-key");
		for (size_t k = 0; keys != NULL && k < keys_count(keys); k++) {
			const struct key *key = keys_at(keys, k);
			buf_addf(out, "key: %.*s, %u bits\n",
				SPAN_ARG(key->kid.p != NULL ? key->kid : SPAN("(no kid)")),
				key->bits);
		}
		buf_addc(out, '\n');
	}
}
