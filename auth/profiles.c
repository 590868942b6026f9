/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/profiles.h"

#include <string.h>

static const struct profile profiles[] = {
	{.name = "generic",
		.alias = "rfc9068",
		.what = "any server of RFC 9068",
		.typ = {"at+jwt"},
		.algorithms = {"RS256", "ES256"},
		.user = "sub",
		.groups = {"groups", "entitlements", "roles"},
		.assurance = "eduperson_assurance",
		.read_word = "storage.read"},
	/* WLCG profile 1.3: groups, and storage scopes that carry a path. */
	{.name = "wlcg",
		.what = "WLCG IAM and the like (WLCG profile 1.3)",
		.typ = {"at+jwt", "JWT", "absent"},
		.algorithms = {"RS256", "ES256"},
		.user = "sub",
		.groups = {"wlcg.groups"},
		.assurance = "eduperson_assurance",
		.read_word = "storage.read",
		.require_kid = true,
		.require_iat = true,
		.path_scopes = true,
		.any = "https://wlcg.cern.ch/jwt/v1/any",
		.version_claim = "wlcg.ver",
		.versions = {"1"},
		.version_major = true},
	/* `scitokens:2.0` is not the text of the specification, but is seen. */
	{.name = "scitokens",
		.what = "SciTokens 2.0",
		.typ = {"at+jwt", "JWT", "absent"},
		.algorithms = {"RS256", "ES256"},
		.user = "sub",
		.assurance = "eduperson_assurance",
		.read_word = "read",
		.write_words = "write",
		.require_kid = true,
		.path_scopes = true,
		.any = "ANY",
		.version_claim = "ver",
		.versions = {"scitoken:2.0", "scitokens:2.0"}},
	/* Its access tokens have neither aud nor entitlements: AUD-4, section 9.2. */
	{.name = "egi-checkin",
		.alias = "egi",
		.what = "EGI Check-in",
		.typ = {"JWT"},
		.algorithms = {"RS256", "ES256"},
		.user = "voperson_id",
		.user_else = "sub",
		.groups = {"eduperson_entitlement"},
		.assurance = "eduperson_assurance",
		.read_word = "storage.read",
		.require_kid = true,
		.enrich = ENRICH_INTROSPECTION,
		.namespace = "urn:mace:egi.eu"},
	{.name = "eduteams",
		.what = "eduTEAMS",
		.typ = {"JWT", "at+jwt", "absent"},
		.algorithms = {"RS256", "ES256"},
		.user = "sub",
		.edu_id = true,
		.id_scope = "eduteams.org",
		.groups = {"eduperson_entitlement"},
		.assurance = "eduperson_assurance",
		.read_word = "storage.read",
		.enrich = ENRICH_USERINFO},
	{.name = "keycloak",
		.what = "a facility's Keycloak",
		.typ = {"JWT", "at+jwt"},
		.algorithms = {"RS256", "ES256"},
		.user = "sub",
		.groups = {"groups", "realm_access/roles"},
		.assurance = "eduperson_assurance",
		.read_word = "storage.read",
		.require_kid = true},
	/* No public document tells its issuer, its scopes or its claims: what is known is the form
	 * of the id (the proxy is of the AARC kind) and that groups are entitlements. */
	{.name = "umbrellaid",
		.alias = "umbrella",
		.what = "UmbrellaID through its proxy",
		.typ = {"JWT", "at+jwt", "absent"},
		.algorithms = {"RS256", "ES256"},
		.user = "sub",
		.edu_id = true,
		.groups = {"eduperson_entitlement"},
		.assurance = "eduperson_assurance",
		.read_word = "storage.read",
		.enrich = ENRICH_USERINFO},
};
#define PROFILES (sizeof(profiles) / sizeof(profiles[0]))

const struct profile *
profiles_find(const char *name)
{
	for (size_t k = 0; k < PROFILES; k++)
		if (strcmp(profiles[k].name, name) == 0 ||
			(profiles[k].alias != NULL && strcmp(profiles[k].alias, name) == 0))
			return &profiles[k];
	return NULL;
}

const struct profile *
profiles_at(size_t i)
{
	return i < PROFILES ? &profiles[i] : NULL;
}
