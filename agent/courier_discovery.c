/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/courier_discovery.h"

#include "agent/base/json.h"
#include "agent/base/settings_issuer.h"

#define DOCUMENT_MAX (64UL * 1024)

const char *const courier_endpoint_names[COURIER_ENDPOINTS] = {
	[COURIER_JWKS] = "jwks_uri",
	[COURIER_INTROSPECTION] = "introspection_endpoint",
	[COURIER_USERINFO] = "userinfo_endpoint",
	[COURIER_TOKEN] = "token_endpoint",
	[COURIER_AUTHORIZATION] = "authorization_endpoint",
	[COURIER_END_SESSION] = "end_session_endpoint",
};

bool
courier_discovery_url(struct span url, bool insecure)
{
	static const struct span https = SPAN_INIT("https://");
	char text[COURIER_URL_MAX + 1];

	for (size_t i = 0; i < url.n; i++)
		if (url.p[i] <= ' ' || url.p[i] > '~' || url.p[i] == '#' || url.p[i] == '\\')
			return false;
	if (!span_cstr(url, text, sizeof(text)))
		return false;
	if (!span_starts(url, https))
		return insecure && settings_issuer_loopback(text);
	struct span rest = span_skip(url, https.n);
	struct span authority = span_cut(&rest, '/');
	return authority.n > 0 && authority.p[0] != ':' && !span_has(authority, '@');
}

static bool
take_endpoint(const struct json *document, enum courier_endpoint what, bool insecure,
	struct courier_discovery *d, struct err *e)
{
	const struct json *value = json_get(document, courier_endpoint_names[what]);
	struct span url = SPAN_NONE;

	if (value == NULL)
		return true;
	if (json_str(value, &url) && courier_discovery_url(url, insecure) &&
		span_cstr(url, d->url[what], sizeof(d->url[what])))
		return true;
	if (what != COURIER_JWKS)
		return true; /* as if it were not there: nothing is ever sent to it */
	return err_set(e, ERR_UPSTREAM, "RFC 8414 2", "discovery: jwks_uri is not an https URL");
}

bool
courier_discovery_parse(struct span text, struct span issuer, bool insecure,
	struct courier_discovery *ret, struct err *e)
{
	static const struct json_limits limits = {.bytes = DOCUMENT_MAX,
		.depth = 16,
		.members = 2048,
		.object = true,
		.no_nul = true};
	struct err why = {.code = ERR_NONE};
	AUTO_JSON document = json_parse(text, &limits, &why);
	struct courier_discovery d = {.iss_parameter = false};
	struct span named = SPAN_NONE;

	if (document == NULL)
		return err_set(e, why.code, "RFC 8414 3.2", "discovery: %s", why.msg);
	if (!json_get_str(document, "issuer", &named))
		return err_set(e, ERR_UPSTREAM, "RFC 8414 3.3",
			"discovery: the document does not name its issuer");
	if (!span_eq(named, issuer))
		return err_set(e, ERR_UPSTREAM, "RFC 8414 3.3",
			"discovery: the document is of another issuer: '%.*s'",
			SPAN_ARG(span_first(named, 80)));
	for (unsigned i = 0; i < COURIER_ENDPOINTS; i++)
		if (!take_endpoint(document, (enum courier_endpoint)i, insecure, &d, e))
			return false;
	(void)json_truth(json_get(document, "authorization_response_iss_parameter_supported"),
		&d.iss_parameter);
	*ret = d;
	return true;
}

/* OpenID Connect Discovery 1.0, 4.1: a slash at the end goes first. */
static struct span
without_slash(struct span issuer)
{
	while (issuer.n > 0 && issuer.p[issuer.n - 1] == '/')
		issuer.n--;
	return issuer;
}

void
courier_discovery_place(struct span issuer, struct buf *out)
{
	buf_add(out, without_slash(issuer));
	buf_adds(out, "/.well-known/openid-configuration");
}

bool
courier_discovery_elsewhere(struct span issuer, struct buf *out)
{
	struct span rest = without_slash(issuer);
	struct span scheme = span_cut(&rest, ':');

	if (!span_starts(rest, SPAN("//")))
		return false;
	rest = span_skip(rest, 2);
	struct span authority = span_cut(&rest, '/');
	if (rest.n == 0)
		return false;
	buf_add(out, scheme);
	buf_adds(out, "://");
	buf_add(out, authority);
	buf_adds(out, "/.well-known/oauth-authorization-server/");
	buf_add(out, rest);
	return true;
}
