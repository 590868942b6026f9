/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/id_token.h"

#include "agent/base/base64.h"
#include "agent/base/crypto.h"
#include "agent/base/jsonw.h"
#include "auth/claims.h"

#define CORE "OpenID Connect Core 1.0, 3.1.3.7"

static const struct json_limits limits = {
	.depth = JWS_DEPTH_MAX, .members = JWS_MEMBERS_MAX, .object = true, .no_nul = true};

/* ---- the ID token ---- */

static bool
check_header(const struct issuer *i, const struct jws *j, struct err *e)
{
	if ((i->algs >> j->alg & 1U) == 0)
		return err_set(e, ERR_UNAUTH, CORE,
			"ID token: alg %s is not one that this issuer may use (algorithms)",
			jws_alg_names[j->alg]);
	if (j->typ.p != NULL && !span_eq_nocase(j->typ, SPAN("JWT")) &&
		!span_eq_nocase(j->typ, SPAN("application/jwt")))
		return err_set(e, ERR_UNAUTH, "RFC 8725 3.11",
			"ID token: its typ is not JWT; this is another kind of token");
	if (j->kid.p == NULL && i->require_kid)
		return err_set(
			e, ERR_UNAUTH, "RFC 7515 4.1.4", "ID token: names no key (require_kid)");
	return true;
}

/* aud names our client; with more than one, azp must (3.1.3.7, 3 to 5). */
static bool
check_audience(const struct json *payload, struct span client, struct err *e)
{
	const struct json *aud = json_get(payload, "aud");
	size_t n = json_kind(aud) == JSON_KIND_LIST ? json_count(aud) : 1;
	struct span azp = SPAN_NONE;
	struct span s = SPAN_NONE;
	bool found = json_str(aud, &s) && span_eq(s, client);

	for (size_t k = 0; json_kind(aud) == JSON_KIND_LIST && k < n; k++) {
		if (!json_str(json_at(aud, k), &s))
			return err_set(e, ERR_UNAUTH, CORE, "ID token: aud is no list of strings");
		found = found || span_eq(s, client);
	}
	if (!found)
		return err_set(e, ERR_UNAUTH, CORE,
			"ID token: aud is not this agent's client %.*s (web_client_id)",
			SPAN_ARG(span_first(client, 80)));
	if (json_get(payload, "azp") == NULL)
		return n == 1 || err_set(e, ERR_UNAUTH, CORE,
					 "ID token: several audiences, and azp does not say whose");
	return (json_get_str(payload, "azp", &azp) && span_eq(azp, client)) ||
	       err_set(e, ERR_UNAUTH, CORE, "ID token: azp is another client");
}

static bool
check_claims(const struct id_token_answer *a, const struct json *payload, struct err *e)
{
	struct claims_life life;
	struct span iss = SPAN_NONE;
	struct span nonce = SPAN_NONE;
	struct span sub = SPAN_NONE;
	double iat = 0;

	if (!json_get_str(payload, "iss", &iss) || !span_eq(iss, a->issuer->iss))
		return err_set(e, ERR_UNAUTH, CORE, "ID token: iss is not %.*s",
			SPAN_ARG(span_first(a->issuer->iss, 100)));
	if (!check_audience(payload, a->client, e) ||
		!claims_life(a->issuer, payload, a->now, &life, e))
		return false;
	if (!json_f64(json_get(payload, "iat"), &iat))
		return err_set(e, ERR_UNAUTH, "OpenID Connect Core 1.0, 2", "ID token: no iat");
	if (!json_get_str(payload, "nonce", &nonce) || nonce.n != a->nonce.n ||
		!crypto_same(nonce.p, a->nonce.p, nonce.n))
		return err_set(e, ERR_UNAUTH, CORE,
			"ID token: nonce is not that of this login; it was made for another one");
	return (json_get_str(payload, "sub", &sub) && sub.n > 0) ||
	       err_set(e, ERR_UNAUTH, "OpenID Connect Core 1.0, 2", "ID token: no sub");
}

/* The left half of the access token's hash, where it is told (3.1.3.8). */
static bool
check_at_hash(const struct json *response, const struct jws *j, struct err *e)
{
	uint8_t hash[CRYPTO_DIGEST_MAX];
	size_t n = 0;
	struct span want = SPAN_NONE;
	struct span token = SPAN_NONE;
	struct crypto_digest *d = NULL;
	AUTO_BUF got = BUF_INIT(128);

	if (json_get(j->payload, "at_hash") == NULL ||
		!json_get_str(response, "access_token", &token))
		return true;
	if (!crypto_digest_new(
		    j->alg == JWS_ES384 ? CRYPTO_HASH_SHA384 : CRYPTO_HASH_SHA256, &d, e))
		return false;
	bool ok = crypto_digest_add(d, token.p, token.n) && crypto_digest_end(d, hash, &n);
	crypto_digest_free(d);
	if (ok)
		base64_url_encode(&got, hash, n / 2);
	ok = ok && json_get_str(j->payload, "at_hash", &want) && span_eq(want, buf_span(&got));
	return ok || err_set(e, ERR_UNAUTH, "OpenID Connect Core 1.0, 3.1.3.8",
			     "ID token: at_hash is not that of the access token beside it");
}

/* ---- what is kept ---- */

static bool
listed(struct span name, const char *const *list)
{
	for (; *list != NULL; list++)
		if (span_is(name, *list))
			return true;
	return false;
}

/* Of the login and the token, not of the person: never taken from userinfo. */
static bool
of_the_token(struct span name)
{
	static const char *const names[] = {"iss", "sub", "aud", "exp", "iat", "nbf", "nonce",
		"azp", "amr", "auth_time", "at_hash", "c_hash", "s_hash", "sid", "jti", "scope",
		"client_id", "cnf", NULL};

	return listed(name, names);
}

/* Of no use once the token was checked. */
static bool
spent(struct span name)
{
	static const char *const names[] = {"nonce", "at_hash", "c_hash", "s_hash", NULL};

	return listed(name, names);
}

static bool
from_userinfo(const struct json *claims, struct span name)
{
	char key[CLAIMS_TEXT_MAX];

	if (of_the_token(name) || !span_cstr(name, key, sizeof(key)))
		return false;
	/* The strength of the login is the ID token's, where it tells. */
	return !span_is(name, "acr") || json_get(claims, "acr") == NULL;
}

static void
write_member(struct jsonw *w, struct span name, const struct json *value)
{
	char key[CLAIMS_TEXT_MAX];
	AUTO_BUF text = BUF_INIT(ID_TOKEN_CLAIMS_MAX);

	if (!span_cstr(name, key, sizeof(key)))
		return;
	json_write(value, &text);
	w->out->bad = w->out->bad || !buf_ok(&text);
	jsonw_raw(w, key, buf_span(&text));
}

static void
write_claims(struct jsonw *w, const struct json *claims, const struct json *userinfo)
{
	const struct json *value = NULL;
	struct span name = SPAN_NONE;
	char key[CLAIMS_TEXT_MAX];

	jsonw_obj(w, "claims");
	for (void *at = NULL; json_each(claims, &at, &name, &value);) {
		bool other = from_userinfo(claims, name) && span_cstr(name, key, sizeof(key)) &&
			     json_get(userinfo, key) != NULL;
		if (!other && !spent(name))
			write_member(w, name, value);
	}
	for (void *at = NULL; json_each(userinfo, &at, &name, &value);)
		if (from_userinfo(claims, name))
			write_member(w, name, value);
	jsonw_end(w, '}');
}

static void
write_names(struct jsonw *w, const struct json *claims, const struct json *userinfo)
{
	const struct json *value = NULL;
	struct span name = SPAN_NONE;

	jsonw_list(w, "userinfo");
	for (void *at = NULL; json_each(userinfo, &at, &name, &value);)
		if (from_userinfo(claims, name))
			jsonw_str(w, NULL, name);
	jsonw_end(w, ']');
}

static bool
keep(const struct id_token_answer *a, const struct json *response, const struct json *claims,
	const struct json *userinfo, struct buf *kept, struct err *e)
{
	AUTO_BUF text = BUF_INIT(ID_TOKEN_CLAIMS_MAX);
	struct span scope = SPAN_NONE;
	struct jsonw w;

	jsonw_init(&w, &text);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "client", a->client);
	if (json_get_str(response, "scope", &scope))
		jsonw_str(&w, "scope", scope);
	jsonw_bool(&w, "asked", userinfo != NULL);
	write_names(&w, claims, userinfo);
	write_claims(&w, claims, userinfo);
	jsonw_end(&w, '}');
	if (!buf_ok(&text))
		return err_set(e, ERR_DENIED, NULL,
			"the issuer tells more of this person than a login can hold (%lu KiB); ask "
			"it for less (web_scopes)",
			ID_TOKEN_CLAIMS_MAX / 1024);
	buf_add(kept, buf_span(&text));
	return buf_ok(kept) || err_set(e, ERR_LIMIT, NULL, "login: no memory");
}

/* ---- userinfo ---- */

static bool
same_text(const struct json *a, const struct json *b, struct span claim)
{
	char key[CLAIMS_TEXT_MAX];

	if (!span_cstr(claim, key, sizeof(key)))
		return true;
	const struct json *one = json_get(a, key);
	const struct json *two = json_get(b, key);
	return one == NULL || two == NULL || json_same(one, two);
}

/* It must be the same person's: tokens can be swapped on the way (5.3.2). */
static bool
check_userinfo(const struct id_token_answer *a, const struct json *claims,
	const struct json *userinfo, struct err *e)
{
	struct span sub = SPAN_NONE;
	struct span other = SPAN_NONE;

	if (!json_get_str(claims, "sub", &sub) || !json_get_str(userinfo, "sub", &other) ||
		!span_eq(sub, other))
		return err_set(e, ERR_UNAUTH, "OpenID Connect Core 1.0, 5.3.2",
			"userinfo: its sub is not that of the ID token");
	if (!same_text(claims, userinfo, a->issuer->user))
		return err_set(e, ERR_UNAUTH, "OpenID Connect Core 1.0, 5.3.2",
			"userinfo: its %.*s is not that of the ID token",
			SPAN_ARG(span_first(a->issuer->user, 60)));
	return true;
}

/* ---- all of it ---- */

/* No answer of a token endpoint, whatever it is: nothing that the person did wrong. */
static bool
response_members(const struct json *response, struct span *id_token, struct err *e)
{
	struct span type = SPAN_NONE;

	if (!json_get_str(response, "token_type", &type) || !span_eq_nocase(type, SPAN("Bearer")))
		return err_set(e, ERR_UPSTREAM, "OpenID Connect Core 1.0, 3.1.3.3",
			"the issuer's answer to the code: token_type is not Bearer");
	return json_get_str(response, "id_token", id_token) ||
	       err_set(e, ERR_UPSTREAM, "OpenID Connect Core 1.0, 3.1.3.3",
		       "the issuer's answer to the code holds no ID token (is openid in "
		       "web_scopes?)");
}

static struct json *
object(struct span text, const char *what, struct err *e)
{
	struct err why = {.code = ERR_NONE};
	struct json *j = json_parse(text, &limits, &why);

	if (j == NULL)
		(void)err_set(e, ERR_UPSTREAM, why.ref, "%s: %s", what, why.msg);
	return j;
}

enum keyring_verdict
id_token_check(const struct id_token_answer *a, struct arena *mem, struct buf *kept, struct err *e)
{
	struct span token = SPAN_NONE;
	AUTO_JWS j = {.token = SPAN_NONE};
	AUTO_JSON response = object(a->body, "the issuer's answer to the code", e);

	if (response == NULL || !response_members(response, &token, e) ||
		!jws_parse(token, mem, &j, e) || !check_header(a->issuer, &j, e) ||
		!check_claims(a, j.payload, e) || !check_at_hash(response, &j, e))
		return KEYRING_BAD;
	AUTO_JSON userinfo = a->userinfo.p != NULL ? object(a->userinfo, "userinfo", e) : NULL;
	if (a->userinfo.p != NULL &&
		(userinfo == NULL || !check_userinfo(a, j.payload, userinfo, e)))
		return KEYRING_BAD;
	/* The signature last: what would be refused anyway costs no retrieval of keys. */
	enum keyring_verdict sign = a->sign(a->arg, a->index, &j, e);
	if (sign != KEYRING_GOOD)
		return sign;
	return keep(a, response, j.payload, userinfo, kept, e) ? KEYRING_GOOD : KEYRING_BAD;
}

/* Nobody under another claim's text, where the unique id is one that the issuer has not told. */
static bool
id_told(const struct issuer *i, const struct json *kept, struct err *e)
{
	bool asks = i->settings != NULL && i->settings->enrich != ENRICH_NO;
	bool asked = false;

	(void)json_truth(json_get(kept, "asked"), &asked);
	if (claims_has_id(i, json_get(kept, "claims")) ||
		(i->user_else.p != NULL && (!asks || asked)))
		return true;
	return err_set(e, ERR_UNAUTH, "OpenID Connect Core 1.0, 5.3",
		"%.*s: not told by the issuer, and here it is who somebody is; log in again later",
		SPAN_ARG(span_first(i->user, 60)));
}

bool
id_token_subject(const struct issuer *i, const struct accounts *accounts, const struct json *kept,
	struct arena *mem, struct subject *ret, struct err *e)
{
	const struct json *claims = json_get(kept, "claims");
	struct span client = SPAN_NONE;
	struct subject s;

	if (json_kind(claims) != JSON_KIND_OBJECT || !json_get_str(kept, "client", &client))
		return err_set(e, ERR_UNAUTH, NULL, "session: malformed; log in again");
	if (!id_told(i, kept, e) || !claims_subject(i, claims, mem, &s, e))
		return false;
	s.client = arena_span(mem, client);
	accounts_find(accounts, i, claims, &s);
	*ret = s;
	return true;
}
