/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/demands.h"

#include "auth/claims.h"

bool
demands_claims(const struct issuer *i, const struct json *payload, struct err *e)
{
	for (size_t k = 0; k < i->required.n; k++) {
		const struct json *v = claims_at(payload, i->required.item[k]);
		if (json_kind(v) == JSON_KIND_NONE || json_kind(v) == JSON_KIND_NULL)
			return err_set(e, ERR_UNAUTH, "RFC 9068 4",
				"%.*s: %s; this server demands it (setting require_claims)",
				SPAN_ARG(span_first(i->required.item[k], 60)),
				v == NULL ? "absent" : "is null");
	}
	return true;
}

bool
demands_lifetime(const struct issuer *i, const struct json *payload, struct err *e)
{
	double exp = 0;
	double iat = 0;

	if (i->max_lifetime == 0)
		return true;
	if (!json_f64(json_get(payload, "iat"), &iat))
		return err_set(e, ERR_UNAUTH, "RFC 9068 2.2",
			"iat: absent; without it nobody can tell the token's life (setting "
			"max_lifetime)");
	if (!json_f64(json_get(payload, "exp"), &exp))
		return err_set(e, ERR_UNAUTH, "RFC 9068 2.2",
			"exp: absent; without it nobody can tell the token's life (setting "
			"max_lifetime)");
	if (exp - iat > (double)i->max_lifetime)
		return err_set(e, ERR_UNAUTH, "RFC 9068 4",
			"exp: %.0f s after iat; expected at most %u (setting max_lifetime)",
			exp - iat, i->max_lifetime);
	return true;
}

/* One of the texts, or, where the major version alone counts, one of them before a dot. */
static bool
known_version(const struct profile *p, struct span v)
{
	struct span head = v;
	struct span major = p->version_major ? span_cut(&head, '.') : v;

	for (size_t k = 0; k < PROFILES_LIST && p->versions[k] != NULL; k++)
		if (span_is(major, p->versions[k]))
			return true;
	return false;
}

bool
demands_version(const struct issuer *i, const struct json *payload, struct err *e)
{
	const struct profile *p = i->preset;
	struct span text = SPAN_NONE;

	if (p == NULL || p->version_claim == NULL)
		return true;
	const struct json *v = json_get(payload, p->version_claim);
	if (v == NULL || (json_str(v, &text) && known_version(p, text)))
		return true;
	return err_set(e, ERR_UNAUTH, p->version_major ? "WLCG profile 1.3, 2.1" : "SciTokens 2.0",
		"%s: not a version of the token's form that is known here; expected %s%s",
		p->version_claim, p->versions[0], p->version_major ? ".x" : "");
}

bool
demands_check(const struct issuer *i, const struct json *payload, struct err *e)
{
	return demands_lifetime(i, payload, e) && demands_version(i, payload, e) &&
	       demands_claims(i, payload, e);
}
