/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/proof.h"

#include "agent/base/base64.h"
#include "agent/base/crypto.h"
#include "agent/base/json.h"
#include "agent/base/jsonw.h"
#include "auth/jws.h"
#include "auth/keys.h"

#define NUMERIC_DATE_END 9007199254740992.0 /* 2^53: above, seconds are not exact any more */
#define JKT_ROOM         4096U              /* of the text that a thumbprint is made of */

/* ---- the certificate, and the scheme ---- */

static bool
digest_is(const uint8_t digest[CRYPTO_SHA256_SIZE], struct span text)
{
	AUTO_BUF b = BUF_INIT(64);

	base64_url_encode(&b, digest, CRYPTO_SHA256_SIZE);
	return buf_ok(&b) && span_eq(buf_span(&b), text);
}

static bool
certificate_fits(const struct binding *b, const struct auth_request *q, struct err *e)
{
	if (b->x5t.p == NULL)
		return true;
	if (q->certificate == NULL)
		return err_set(e, ERR_UNAUTH, "RFC 8705 3",
			"cnf: bound to a TLS client certificate, and none was shown (setting "
			"client_certificates)");
	return digest_is(q->certificate, b->x5t) ||
	       err_set(e, ERR_UNAUTH, "RFC 8705 3",
		       "cnf: bound to another TLS client certificate than the one that was shown");
}

static bool
scheme_fits(const struct issuer *i, const struct binding *b, bool dpop, struct err *e)
{
	static const char ref[] = "RFC 9449 7.1";

	if (!dpop && b->jkt.p != NULL)
		return err_set(e, ERR_UNAUTH, ref,
			"cnf: bound to a key (DPoP); send it with the DPoP scheme and a proof");
	if (!dpop && i->settings->dpop == DPOP_REQUIRED)
		return err_set(e, ERR_UNAUTH, ref,
			"token: a plain Bearer token; this issuer's must be bound by DPoP (setting "
			"dpop)");
	if (dpop && i->settings->dpop == DPOP_NO)
		return err_set(e, ERR_UNAUTH, ref,
			"token: sent by DPoP, which is not accepted for this issuer (setting "
			"dpop)");
	if (dpop && b->jkt.p == NULL)
		return err_set(e, ERR_UNAUTH, "RFC 9449 6.1",
			"cnf: no jkt; this token is not bound by DPoP, send it with the scheme "
			"Bearer");
	return true;
}

/* ---- the proof's header ---- */

/* RFC 7638 3: the members of the key's own type, in this order, without blanks. */
static bool
thumbprint(const struct json *jwk, uint8_t ret[CRYPTO_SHA256_SIZE])
{
	static const char *const ec[] = {"crv", "kty", "x", "y", NULL};
	static const char *const rsa[] = {"e", "kty", "n", NULL};
	AUTO_BUF text = BUF_INIT(JKT_ROOM);
	struct jsonw w;
	struct span s = SPAN_NONE;
	bool is_rsa = json_get_str(jwk, "kty", &s) && span_is(s, "RSA");

	jsonw_init(&w, &text);
	jsonw_obj(&w, NULL);
	for (const char *const *name = is_rsa ? rsa : ec; *name != NULL; name++) {
		if (!json_get_str(jwk, *name, &s))
			return false;
		jsonw_str(&w, *name, s);
	}
	jsonw_end(&w, '}');
	return buf_ok(&text) && crypto_sha256(buf_span(&text), ret);
}

/* typ, and the key: the one that the token is bound to, before anything is computed with it. */
static bool
header_fits(const struct jws *j, const struct binding *b, struct err *e)
{
	const struct json *jwk = json_get(j->header, "jwk");
	uint8_t digest[CRYPTO_SHA256_SIZE];

	if (!span_eq_nocase(j->typ, SPAN("dpop+jwt")))
		return err_set(e, ERR_UNAUTH, "RFC 9449 4.2", "typ: expected dpop+jwt");
	if (json_kind(jwk) != JSON_KIND_OBJECT)
		return err_set(e, ERR_UNAUTH, "RFC 9449 4.2", "jwk: is %s; expected the public key",
			json_kind_name(json_kind(jwk)));
	if (!thumbprint(jwk, digest))
		return err_set(e, ERR_UNAUTH, "RFC 7638 3.2",
			"jwk: not a public key of RSA, P-256 or P-384");
	return digest_is(digest, b->jkt) ||
	       err_set(e, ERR_UNAUTH, "RFC 9449 6.1",
		       "jwk: not the key that the token is bound to (cnf.jkt)");
}

/* ---- htu ---- */

struct place {
	struct span name;
	uint64_t port;
};

/* host[:port]; no port, or an empty one, is `otherwise` (RFC 3986 3.2.3, 6.2.3). */
static bool
split_port(struct span authority, uint64_t otherwise, struct place *ret)
{
	size_t n = authority.n;

	while (n > 0 && authority.p[n - 1] >= '0' && authority.p[n - 1] <= '9')
		n--;
	*ret = (struct place){authority, otherwise};
	if (n == 0 || authority.p[n - 1] != ':')
		return true;
	struct span digits = span_skip(authority, n);
	ret->name = span_first(authority, n - 1);
	return digits.n == 0 || (digits.n <= 5 && span_u64(digits, 65535, &ret->port));
}

/* Takes "scheme://authority" off *uri; the authority ends at the path, the query or the fragment.
 */
static bool
split_uri(struct span *uri, struct span *scheme, struct span *authority)
{
	struct span rest = *uri;

	*scheme = span_cut(&rest, ':');
	if (!span_starts(rest, SPAN("//")))
		return false;
	rest = span_skip(rest, 2);
	size_t n = 0;
	while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?' && rest.p[n] != '#')
		n++;
	*authority = span_first(rest, n);
	*uri = span_skip(rest, n);
	return n > 0;
}

static bool
same_place(const struct place *a, const struct place *b)
{
	return span_eq_nocase(a->name, b->name) && a->port == b->port;
}

static bool
ours(const struct proof_case *c, struct span scheme, struct span authority)
{
	struct span origin = c->origin;
	struct span my_scheme = SPAN_NONE;
	struct span my_authority = SPAN_NONE;
	struct place mine;
	struct place other;
	struct place at;

	if (!split_uri(&origin, &my_scheme, &my_authority) || !span_eq_nocase(scheme, my_scheme))
		return false;
	uint64_t standard = span_eq_nocase(scheme, SPAN("http")) ? 80 : 443;
	if (!split_port(my_authority, standard, &mine) || !split_port(authority, standard, &at))
		return false;
	if (same_place(&at, &mine))
		return true;
	for (size_t k = 0; c->hosts != NULL && k < c->hosts->n; k++)
		if (split_port(span_of(c->hosts->item[k]), mine.port, &other) &&
			same_place(&at, &other))
			return true;
	return false;
}

/*
 * Decoded once, is it this path?  An encoded slash is not a slash (RFC 3986 2.2), and a path of
 * ours has none.
 */
static bool
same_path(struct span raw, struct span path)
{
	size_t at = 0;

	for (size_t i = 0; i < raw.n; i++, at++) {
		uint64_t v = (unsigned char)raw.p[i];
		if (v <= 0x20 || v > 0x7e)
			return false; /* a URI is ASCII */
		if (v == '%') {
			struct span two = span_first(span_skip(raw, i + 1), 2);
			if (two.n != 2 || !span_hex_u64(two, 0xff, &v) || v == '/')
				return false;
			i += 2;
		}
		if (at >= path.n || (unsigned char)path.p[at] != v)
			return false;
	}
	return at == path.n;
}

static bool
htu_fits(struct span htu, const struct proof_case *c, struct err *e)
{
	static const char ref[] = "RFC 9449 4.3";
	struct span scheme = SPAN_NONE;
	struct span authority = SPAN_NONE;

	if (span_has(htu, '?') || span_has(htu, '#'))
		return err_set(e, ERR_UNAUTH, "RFC 9449 4.2",
			"htu: holds a query or a fragment; send the URI without");
	if (!split_uri(&htu, &scheme, &authority))
		return err_set(e, ERR_UNAUTH, ref, "htu: not an absolute URI");
	if (!ours(c, scheme, authority))
		return err_set(e, ERR_UNAUTH, ref, "htu: of another server than %.*s",
			SPAN_ARG(span_first(c->origin, 100)));
	if (!same_path(htu.n > 0 ? htu : SPAN("/"), c->request->path))
		return err_set(e, ERR_UNAUTH, ref, "htu: of another path than the request's");
	return true;
}

/* ---- the claims ---- */

static bool
text_claim(const struct jws *j, const char *name, struct span *ret, struct err *e)
{
	const struct json *v = json_get(j->payload, name);

	return json_str(v, ret) ||
	       err_set(e, ERR_UNAUTH, "RFC 9449 4.2", "%s: is %s; expected a string", name,
		       json_kind_name(json_kind(v)));
}

static bool
time_claim(const struct jws *j, const char *name, double *ret, struct err *e)
{
	const struct json *v = json_get(j->payload, name);

	if (!json_f64(v, ret))
		return err_set(e, ERR_UNAUTH, "RFC 9449 4.2", "%s: is %s; expected a number", name,
			json_kind_name(json_kind(v)));
	return (*ret > 0 && *ret < NUMERIC_DATE_END) ||
	       err_set(e, ERR_UNAUTH, "RFC 7519 2", "%s: not a time; expected seconds since 1970",
		       name);
}

/* exp and nbf are not asked for, and are obeyed where they stand (RFC 7519 4.1.4, 4.1.5). */
static bool
alive(const struct jws *j, double now, double leeway, struct err *e)
{
	double exp = now + 1;
	double nbf = now;

	if ((json_get(j->payload, "exp") != NULL && !time_claim(j, "exp", &exp, e)) ||
		(json_get(j->payload, "nbf") != NULL && !time_claim(j, "nbf", &nbf, e)))
		return false;
	if (now >= exp)
		return err_set(e, ERR_UNAUTH, "RFC 7519 4.1.4",
			"exp: expired %.0f s ago; make a new proof for each request", now - exp);
	return nbf <= now + leeway ||
	       err_set(e, ERR_UNAUTH, "RFC 7519 4.1.5",
		       "nbf: not valid for another %.0f s; check the clocks", nbf - now);
}

static bool
fresh(const struct jws *j, const struct issuer *i, int64_t now_s, struct err *e)
{
	static const char ref[] = "RFC 9449 4.3";
	double now = (double)now_s;
	double iat = 0;

	if (!time_claim(j, "iat", &iat, e))
		return false;
	if (iat < now - PROOF_AGE)
		return err_set(e, ERR_UNAUTH, ref,
			"iat: made %.0f s ago; make a new proof for each request", now - iat);
	if (iat > now + i->leeway)
		return err_set(e, ERR_UNAUTH, ref,
			"iat: made %.0f s in the future; check the clocks", iat - now);
	return alive(j, now, i->leeway, e);
}

static bool
claims_fit(const struct jws *j, const struct proof_case *c, struct err *e)
{
	static const char ref[] = "RFC 9449 4.3";
	uint8_t digest[CRYPTO_SHA256_SIZE];
	struct span s = SPAN_NONE;

	if (!text_claim(j, "htm", &s, e))
		return false;
	if (!span_eq(s, c->request->method))
		return err_set(e, ERR_UNAUTH, ref, "htm: of another method than %.*s",
			SPAN_ARG(span_first(c->request->method, 32)));
	if (!text_claim(j, "htu", &s, e) || !htu_fits(s, c, e))
		return false;
	if (!text_claim(j, "jti", &s, e))
		return false;
	if (s.n == 0 || s.n > PROOF_JTI)
		return err_set(
			e, ERR_UNAUTH, "RFC 9449 4.2", "jti: expected 1 to %u bytes", PROOF_JTI);
	if (!text_claim(j, "ath", &s, e))
		return false;
	if (!crypto_sha256(c->token, digest))
		return err_set(e, ERR_LIMIT, NULL, "no memory for this request");
	return digest_is(digest, s) ||
	       err_set(e, ERR_UNAUTH, ref,
		       "ath: not the hash of this token; a proof goes with one token");
}

/* ---- all of it ---- */

static bool
signed_by_its_key(const struct jws *j, struct err *e)
{
	struct keys *keys = NULL;

	if (!keys_one(json_get(j->header, "jwk"), &keys, e))
		return false;
	bool fits = (keys_at(keys, 0)->algs >> j->alg & 1U) != 0;
	bool ok = fits && keys_verify(keys_at(keys, 0), j);
	keys_free(keys);
	if (!fits)
		return err_set(e, ERR_UNAUTH, "RFC 9449 4.3", "alg: %s does not fit its key",
			jws_alg_names[j->alg]);
	return ok || err_set(e, ERR_UNAUTH, "RFC 9449 4.3",
			     "signature: not made by the key in its header");
}

static bool
proof_reads(const struct binding *b, const struct proof_case *c, struct jws *j, struct err *e)
{
	const struct auth_request *q = c->request;

	if (q->two_proofs)
		return err_set(e, ERR_UNAUTH, "RFC 9449 4.3", "more than one DPoP field");
	if (q->dpop.p == NULL)
		return err_set(e, ERR_UNAUTH, "RFC 9449 4.3",
			"no DPoP field; a proof must come with the token");
	if (q->dpop.n > PROOF_MAX)
		return err_set(e, ERR_UNAUTH, "RFC 9449 4.3",
			"a DPoP field of %zu bytes; at most %u are read", q->dpop.n, PROOF_MAX);
	return jws_parse(q->dpop, c->mem, j, e) && header_fits(j, b, e) && claims_fit(j, c, e);
}

/*
 * A table that is younger than the proof may be has not seen all of its uses (RFC 9449 11.1): iat
 * may lie the leeway in the future when a proof is used, so that much later a table knows it all.
 */
static enum proof_verdict
use_up(struct replay *seen, const struct issuer *i, const struct binding *b, const struct jws *j,
	int64_t now, struct err *e)
{
	int64_t knows = replay_born(seen) + i->leeway;
	struct span jti = SPAN_NONE;
	double iat = 0;

	(void)json_f64(json_get(j->payload, "iat"), &iat);
	(void)json_get_str(j->payload, "jti", &jti);
	if (iat < (double)knows) {
		bool soon = now < knows;
		(void)err_set(e, soon ? ERR_LIMIT : ERR_UNAUTH, "RFC 9449 11.1",
			"iat: this server has just started and may have seen it before; make a new "
			"proof%s",
			soon ? " in a minute" : "");
		return soon ? PROOF_LATER : PROOF_BAD;
	}
	switch (replay_add(seen, b->jkt, jti, (int64_t)iat + PROOF_AGE + PROOF_LATE, now)) {
	case REPLAY_NEW:
		return PROOF_GOOD;
	case REPLAY_SEEN:
		(void)err_set(e, ERR_UNAUTH, "RFC 9449 11.1",
			"jti: this proof was used already; make a new one for each request");
		return PROOF_BAD;
	case REPLAY_FULL:
		break;
	}
	(void)err_set(e, ERR_LIMIT, "RFC 9449 11.1",
		"too many proofs in the last minutes; send fewer requests");
	return PROOF_LATER;
}

static enum proof_verdict
refused(const struct err *why, struct err *e)
{
	(void)err_set(e, why->code, why->ref, "DPoP proof: %s", why->msg);
	return why->code == ERR_UNAUTH ? PROOF_BAD : PROOF_LATER;
}

enum proof_verdict
proof_check(struct replay *seen, const struct issuer *i, const struct binding *b,
	const struct proof_case *c, int64_t now_ms, struct err *e)
{
	AUTO_JWS j = {.token = SPAN_NONE};
	struct err why = {.code = ERR_NONE};
	int64_t now = now_ms / 1000;
	enum proof_verdict v = PROOF_GOOD;

	if (!scheme_fits(i, b, c->dpop, e) || !certificate_fits(b, c->request, e))
		return PROOF_TOKEN;
	if (b->jkt.p == NULL)
		return PROOF_GOOD;
	if (!proof_reads(b, c, &j, &why) || (!c->request->again && !fresh(&j, i, now, &why)) ||
		!signed_by_its_key(&j, &why))
		return refused(&why, e);
	if (!c->request->again)
		v = use_up(seen, i, b, &j, now, &why);
	return v == PROOF_GOOD ? v : refused(&why, e);
}
