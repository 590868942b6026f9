/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/introspect.h"

#include "agent/base/json.h"
#include "auth/demands.h"
#include "auth/jws.h"

static struct json *
read_object(struct span text, const char *what, struct err *e)
{
	static const struct json_limits limits = {
		.depth = JWS_DEPTH_MAX, .members = JWS_MEMBERS_MAX, .object = true, .no_nul = true};
	struct err why = {.code = ERR_NONE};
	struct json *j = json_parse(text, &limits, &why);

	if (j == NULL)
		(void)err_set(e, ERR_UPSTREAM, why.ref, "%s: %s", what, why.msg);
	return j;
}

/* RFC 7662 2.2: the one member that an answer must have. */
static bool
active(const struct json *answer, struct err *e)
{
	bool yes = false;

	if (json_truth(json_get(answer, "active"), &yes) && yes)
		return true;
	return err_set(e, ERR_UNAUTH, "RFC 7662 2.2",
		"token: the issuer says that it is not active; get a new one");
}

/* iss may be left out, since the answer came from the issuer; another one is somebody else's. */
static bool
same_issuer(const struct issuer *i, const struct json *answer, struct err *e)
{
	const struct json *v = json_get(answer, "iss");
	struct span iss = SPAN_NONE;

	if (v == NULL || (json_str(v, &iss) && span_eq(iss, i->iss)))
		return true;
	return err_set(e, ERR_UNAUTH, "RFC 7662 2.2", "iss: not the issuer %.*s that was asked",
		SPAN_ARG(span_first(i->iss, 80)));
}

/*
 * An access token, as plain Bearer or, where it is bound to such a key, by DPoP (RFC 9449 6.2); a
 * refresh token is for its issuer alone.
 */
static bool
token_type(const struct json *answer, const struct binding *bound, struct err *e)
{
	const struct json *v = json_get(answer, "token_type");
	struct span type = SPAN_NONE;

	if (v == NULL || (json_str(v, &type) && span_eq_nocase(type, SPAN("Bearer"))) ||
		(bound->jkt.p != NULL && span_eq_nocase(type, SPAN("DPoP"))))
		return true;
	return err_set(
		e, ERR_UNAUTH, "RFC 6750 1.2", "token_type: not Bearer; send the access token");
}

/* Is this client on the list of `azp`?  true where the answer does not name one by `claim`. */
static bool
client_listed(const struct issuer *i, const struct json *answer, const char *claim, bool *named)
{
	const struct json *v = json_get(answer, claim);
	struct span client = SPAN_NONE;

	if (v == NULL)
		return true;
	*named = true;
	for (size_t k = 0; json_str(v, &client) && k < i->azp.n; k++)
		if (span_eq(i->azp.item[k], client))
			return true;
	return false;
}

/*
 * AUD-5: as of a JWT; without aud, the client decides, which RFC 7662 2.2 calls client_id, or the
 * statement that this issuer tells of a token to its audience alone.
 */
static bool
audience(const struct issuer *i, const struct json *answer, struct err *e)
{
	bool named = false;

	if (json_get(answer, "aud") != NULL)
		return claims_audience(i, answer, e);
	if (i->settings != NULL && i->settings->introspection_audience)
		return true;
	if (i->azp.n == 0)
		return err_set(e, ERR_UNAUTH, "RFC 7662 4",
			"aud: absent; expected %.*s (settings audience, azp, "
			"introspection_audience)",
			SPAN_ARG(i->audience.n > 0 ? span_first(i->audience.item[0], 80)
						   : SPAN("none")));
	if (client_listed(i, answer, "client_id", &named) &&
		client_listed(i, answer, "azp", &named) && named)
		return true;
	return err_set(e, ERR_UNAUTH, "RFC 7662 4",
		"client_id: no aud, and this client is not on the list (setting azp)");
}

static bool
judge(const struct issuer *i, const struct json *answer, int64_t now, struct arena *mem,
	struct claims *ret, struct err *e)
{
	struct claims c = {.life = {0, 0}};
	bool optional = i->settings != NULL && !i->settings->introspection_exp;
	double otherwise = optional ? (double)now + INTROSPECT_LIFE : 0;

	if (!active(answer, e) || !claims_life_or(i, answer, otherwise, now, &c.life, e) ||
		!same_issuer(i, answer, e) || !audience(i, answer, e) ||
		!demands_check(i, answer, e) || !claims_binding(answer, mem, &c.binding, e) ||
		!token_type(answer, &c.binding, e) ||
		!claims_subject(i, answer, mem, &c.subject, e))
		return false;
	c.subject.expires = (int64_t)c.life.exp;
	*ret = c;
	return true;
}

bool
introspect_judge(const struct issuer *i, struct span body, int64_t now, struct arena *mem,
	struct claims *ret, struct err *e)
{
	AUTO_JSON answer = read_object(body, "introspection", e);

	return answer != NULL && judge(i, answer, now, mem, ret, e);
}

/* OpenID Connect Core 1.0, 5.3.2: an answer about another sub must not be used. */
static bool
same_sub(const struct json *payload, const struct json *answer, struct err *e)
{
	struct span own = SPAN_NONE;
	struct span given = SPAN_NONE;

	if (json_get_str(payload, "sub", &own) && json_get_str(answer, "sub", &given) &&
		span_eq(own, given))
		return true;
	return err_set(e, ERR_UNAUTH, "OpenID Connect Core 1.0, 5.3.2",
		"sub: the issuer's answer is not about the sub of the token");
}

/*
 * RFC 8705 3.2, RFC 9449 6.2: the issuer may tell of the key that the token is bound to in its
 * answer alone; a key that the token names itself stays.
 */
static bool
bound_too(const struct json *answer, struct arena *mem, struct binding *own, struct err *e)
{
	struct binding more = {SPAN_NONE, SPAN_NONE};

	if (!claims_binding(answer, mem, &more, e))
		return false;
	if ((own->jkt.p != NULL && more.jkt.p != NULL && !span_eq(own->jkt, more.jkt)) ||
		(own->x5t.p != NULL && more.x5t.p != NULL && !span_eq(own->x5t, more.x5t)))
		return err_set(e, ERR_UNAUTH, "RFC 7662 2.2",
			"cnf: the issuer's answer names another key than the token");
	own->jkt = more.jkt.p != NULL ? more.jkt : own->jkt;
	own->x5t = more.x5t.p != NULL ? more.x5t : own->x5t;
	return true;
}

bool
introspect_enrich(const struct issuer *i, const struct introspect_texts *t, int64_t now,
	struct arena *mem, struct claims *ret, struct err *e)
{
	bool introspection = i->settings != NULL && i->settings->enrich == ENRICH_INTROSPECTION;
	struct claims c = {.life = {0, 0}};
	AUTO_JSON payload = read_object(t->payload, "token", e);
	AUTO_JSON answer =
		payload != NULL
			? read_object(t->body, introspection ? "introspection" : "userinfo", e)
			: NULL;

	if (answer == NULL || !claims_check(i, payload, now, mem, &c, e) ||
		(introspection && (!active(answer, e) || !bound_too(answer, mem, &c.binding, e))) ||
		!same_issuer(i, answer, e) || !same_sub(payload, answer, e) ||
		!claims_complete(i, payload, answer, mem, &c.subject, e))
		return false;
	*ret = c;
	return true;
}
