/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/settings_issuer.h"

#include "agent/base/settings_check.h"

#include <string.h>

#define REFRESH_MIN 60U /* seconds, for an issuer that is not a test's */

bool
settings_issuer_loopback(const char *url)
{
	struct span rest = span_of(url);
	static const struct span scheme = SPAN_INIT("http://");

	if (!span_starts(rest, scheme))
		return false;
	rest = span_skip(rest, scheme.n);
	struct span authority = span_cut(&rest, '/');
	struct span host = authority;
	if (span_starts(authority, SPAN("[")))
		return span_is(span_cut(&host, ']'), "[::1") && host.p != NULL &&
		       (host.n == 0 || host.p[0] == ':');
	host = span_cut(&authority, ':');
	return span_is(host, "127.0.0.1") || span_is(host, "localhost");
}

static bool
https(const char *url)
{
	return url == NULL || strncmp(url, "https://", 8) == 0;
}

bool
settings_issuer_fetched(const struct settings_issuer *i)
{
	return i->jwks_file == NULL || i->token_kind != TOKEN_JWT || i->enrich != ENRICH_NO ||
	       i->web_client_id != NULL;
}

static bool
rule_url(const struct settings_issuer *i, const char *name, const char *url, const char **key,
	struct err *e)
{
	*key = name;
	if (https(url) || (i->insecure && settings_issuer_loopback(url)))
		return true;
	return err_set(e, ERR_SYNTAX, "RFC 8414 2",
		"%s: '%s' is not https; plain http is for a loopback address with `insecure: yes`",
		name, url);
}

/*
 * An issuer with a key file and nothing else is never contacted: its name may be any text.  Of
 * another one the discovery document is found below its name, which so has neither query nor
 * fragment.
 */
static bool
rule_issuer(const struct settings_issuer *i, const char **key, struct err *e)
{
	struct span name = span_of(i->issuer);

	if (!settings_issuer_fetched(i))
		return true;
	if (!rule_url(i, "issuer", i->issuer, key, e))
		return false;
	if (settings_check_url(name, NULL) && !span_has(name, '?'))
		return true;
	return err_set(e, ERR_SYNTAX, "RFC 8414 2",
		"issuer: '%s' is not https://host/path, without blanks, query and fragment: write "
		"the `iss` of its tokens",
		i->issuer);
}

static bool
rule_insecure(const struct settings_issuer *i, const char **key, struct err *e)
{
	*key = "insecure";
	if (!i->insecure || settings_issuer_loopback(i->issuer))
		return true;
	return err_set(e, ERR_SYNTAX, NULL,
		"insecure: only for an issuer on a loopback address (http://127.0.0.1:PORT)");
}

static bool
rule_refresh(const struct settings_issuer *i, const char **key, struct err *e)
{
	*key = "refresh";
	if (i->refresh >= REFRESH_MIN || i->insecure)
		return true;
	return err_set(e, ERR_SYNTAX, NULL,
		"refresh: below %u seconds only for an issuer with `insecure: yes`", REFRESH_MIN);
}

static bool
rule_client(const struct settings_issuer *i, const char **key, struct err *e)
{
	*key = "client_id";
	bool asks = i->token_kind != TOKEN_JWT || i->enrich == ENRICH_INTROSPECTION;
	if (asks && (i->client_id == NULL || i->client_secret_file == NULL))
		return err_set(e, ERR_SYNTAX, "RFC 7662 2.1",
			"introspection needs client_id and client_secret_file: the issuer asks who "
			"asks");
	*key = "web_client_secret_file";
	if (i->web_client_secret_file != NULL && i->web_client_id == NULL)
		return err_set(e, ERR_SYNTAX, "RFC 6749 2.3.1",
			"web_client_secret_file: whose secret?  Write web_client_id, or take it "
			"away");
	return true;
}

static bool
rule_demo(const struct settings_issuer *i, const char **key, struct err *e)
{
	*key = "demo_key";
	return i->demo_key == NULL || i->demo ||
	       err_set(e, ERR_SYNTAX, NULL,
		       "demo_key: only an issuer marked `demo: yes` may have one");
}

/* INT-3: an opaque token goes to one issuer, and never to another one after it. */
static bool
rule_opaque(const struct settings *s, size_t at, const char **key, struct err *e)
{
	const struct settings_issuer *i = &s->issuers[at];

	*key = "token_kind";
	for (size_t k = 0; k < at && i->token_kind != TOKEN_JWT; k++)
		if (s->issuers[k].token_kind != TOKEN_JWT)
			return err_set(e, ERR_SYNTAX, "RFC 7662 4",
				"token_kind: opaque tokens go to one issuer, and %s takes them",
				s->issuers[k].issuer != NULL ? s->issuers[k].issuer : "another");
	return true;
}

static bool
rule_twice(const struct settings *s, size_t at, const char **key, struct err *e)
{
	const char *name = s->issuers[at].issuer;

	*key = "issuer";
	for (size_t k = 0; k < at && name != NULL; k++)
		if (s->issuers[k].issuer != NULL && strcmp(s->issuers[k].issuer, name) == 0)
			return err_set(e, ERR_SYNTAX, NULL, "issuer: '%s' stands twice", name);
	return true;
}

bool
settings_issuer_check(
	const struct settings *s, size_t at, unsigned rule, const char **key, struct err *e)
{
	const struct settings_issuer *i = &s->issuers[at];

	if (i->issuer == NULL) /* reported already */
		return true;
	switch (rule) {
	case 0:
		return rule_issuer(i, key, e);
	case 1:
		return rule_insecure(i, key, e);
	case 2:
		return rule_url(i, "jwks_uri", i->jwks_uri, key, e);
	case 3:
		return rule_url(i, "discovery", i->discovery, key, e);
	case 4:
		return rule_url(i, "introspection_endpoint", i->introspection_endpoint, key, e);
	case 5:
		return rule_refresh(i, key, e);
	case 6:
		return rule_client(i, key, e);
	case 7:
		return rule_demo(i, key, e);
	case 8:
		return rule_opaque(s, at, key, e);
	default:
		return rule_twice(s, at, key, e);
	}
}
