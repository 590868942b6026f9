/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/oauth.h"

#include "agent/base/json.h"
#include "agent/cli/metadata.h"
#include "agent/cli/origin.h"
#include "auth/credential.h"

#define INTERVAL_DEFAULT 5U /* RFC 8628 3.2 */
#define INTERVAL_MAX     60U
#define CODE_MAX         4096U
#define USER_CODE_MAX    64U
#define DESCRIPTION_MAX  200U
#define LIFETIME_MAX     315360000 /* ten years */

static struct json *
read(struct span text, struct err *e)
{
	const struct json_limits limits = {.bytes = OAUTH_BYTES_MAX,
		.depth = 16,
		.members = 2000,
		.object = true,
		.no_nul = true};

	return json_parse(text, &limits, e);
}

static bool
broken(const char *ref, const char *member, const char *what, struct err *e)
{
	return err_set(e, ERR_UPSTREAM, ref, "%s: %s", member, what);
}

static bool
keep(struct arena *mem, struct span s, struct span *ret, struct err *e)
{
	*ret = arena_span(mem, s);
	return ret->p != NULL || err_set(e, ERR_LIMIT, NULL, "the issuer's answer is too long");
}

/* RFC 6749 A: VSCHAR, here without the blank. */
static bool
visible(struct span s, size_t max)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return s.n > 0 && s.n <= max;
}

/* ---- discovery ---- */

bool
oauth_discovery_url(struct span issuer, unsigned attempt, struct buf *out)
{
	struct origin o;

	if (attempt > 1 || !origin_parse(issuer, &o, NULL))
		return false;
	struct span path = o.rest;
	if (path.n > 0 && path.p[path.n - 1] == '/')
		path.n--;
	buf_adds(out, o.text);
	if (attempt == 0)
		buf_add(out, path);
	buf_adds(out, attempt == 0 ? "/.well-known/openid-configuration"
				   : "/.well-known/oauth-authorization-server");
	if (attempt == 1)
		buf_add(out, path);
	return buf_ok(out);
}

/* An endpoint may have a query (RFC 6749 3.2), and may be of another host than the issuer. */
static bool
take_endpoint(const struct json *doc, const char *member, bool loopback, struct arena *mem,
	struct span *ret, struct err *e)
{
	struct span s = SPAN_NONE;
	struct origin o;

	if (json_get(doc, member) == NULL)
		return true;
	if (!json_get_str(doc, member, &s) || !origin_parse(s, &o, NULL) ||
		(!loopback && !span_starts(span_of(o.text), SPAN("https:"))))
		return broken("RFC 8414 2", member, "expected an https URL", e);
	return keep(mem, s, ret, e);
}

static bool
take_supported(const struct json *doc, struct arena *mem, struct span *ret, struct err *e)
{
	const struct json *list = json_get(doc, "scopes_supported");
	AUTO_BUF joined = BUF_INIT(METADATA_TEXT_MAX);

	for (size_t i = 0; i < json_count(list); i++) {
		struct span word = SPAN_NONE;
		if (!json_str(json_at(list, i), &word) || !visible(word, METADATA_TEXT_MAX))
			continue;
		if (joined.n > 0)
			buf_addc(&joined, ' ');
		buf_add(&joined, word);
	}
	*ret = SPAN_NONE;
	return joined.n == 0 || !buf_ok(&joined) || keep(mem, buf_span(&joined), ret, e);
}

bool
oauth_server_parse(struct span text, struct span issuer, struct arena *mem,
	struct oauth_server *ret, struct err *e)
{
	AUTO_JSON doc = read(text, e);
	struct oauth_server s = {.token = SPAN_NONE};
	struct span name = SPAN_NONE;
	struct origin o;

	if (doc == NULL || !origin_parse(issuer, &o, e))
		return false;
	if (!json_get_str(doc, "issuer", &name) || !span_eq(name, issuer))
		return broken("RFC 8414 3.3", "issuer",
			"the document is another issuer's; the facility must correct its name", e);
	if (!take_endpoint(doc, "token_endpoint", o.loopback, mem, &s.token, e) ||
		!take_endpoint(
			doc, "device_authorization_endpoint", o.loopback, mem, &s.device, e) ||
		!take_endpoint(doc, "revocation_endpoint", o.loopback, mem, &s.revocation, e) ||
		!take_supported(doc, mem, &s.scopes_supported, e))
		return false;
	if (s.token.p == NULL)
		return broken("RFC 8414 2", "token_endpoint", "there is none", e);
	*ret = s;
	return true;
}

/* ---- device authorization ---- */

static bool
take_seconds(const struct json *doc, const char *member, unsigned max, unsigned *ret, struct err *e)
{
	int64_t v = 0;

	if (!json_get_i64(doc, member, &v) || v < 0)
		return broken("RFC 8628 3.2", member, "expected a number of seconds", e);
	*ret = v < 1 ? 1U : v > max ? max : (unsigned)v;
	return true;
}

static bool
take_uri(const struct json *doc, const char *member, bool needed, struct arena *mem,
	struct span *ret, struct err *e)
{
	struct span s = SPAN_NONE;
	struct origin o;

	if (!needed && json_get(doc, member) == NULL)
		return true;
	if (!json_get_str(doc, member, &s) || !origin_parse(s, &o, NULL))
		return broken("RFC 8628 3.2", member, "expected an https URL", e);
	return keep(mem, s, ret, e);
}

bool
oauth_code_parse(struct span text, struct arena *mem, struct oauth_code *ret, struct err *e)
{
	AUTO_JSON doc = read(text, e);
	struct oauth_code c = {.interval = INTERVAL_DEFAULT};
	struct span device = SPAN_NONE;
	struct span user = SPAN_NONE;

	if (doc == NULL)
		return false;
	if (!json_get_str(doc, "device_code", &device) || !visible(device, CODE_MAX))
		return broken("RFC 8628 3.2", "device_code", "expected visible ASCII", e);
	if (!json_get_str(doc, "user_code", &user) || user.n > USER_CODE_MAX ||
		!metadata_words(user))
		return broken("RFC 8628 3.2", "user_code", "expected a short code", e);
	if (!take_uri(doc, "verification_uri", true, mem, &c.uri, e) ||
		!take_uri(doc, "verification_uri_complete", false, mem, &c.complete, e) ||
		!take_seconds(doc, "expires_in", OAUTH_WAIT_MAX, &c.expires_in, e))
		return false;
	if (json_get(doc, "interval") != NULL &&
		!take_seconds(doc, "interval", INTERVAL_MAX, &c.interval, e))
		return false;
	if (!keep(mem, device, &c.device_code, e) || !keep(mem, user, &c.user_code, e))
		return false;
	*ret = c;
	return true;
}

/* ---- tokens ---- */

void
oauth_tokens_fini(struct oauth_tokens *t)
{
	secret_fini(&t->access);
	secret_fini(&t->refresh);
	*t = (struct oauth_tokens){.lifetime = 0};
}

/* expires_in, refresh_token, scope: each may be left out. */
static bool
take_rest(const struct json *doc, struct arena *mem, struct oauth_tokens *t, struct span *refresh,
	struct err *e)
{
	struct span scope = SPAN_NONE;

	if (json_get(doc, "expires_in") != NULL &&
		(!json_get_i64(doc, "expires_in", &t->lifetime) || t->lifetime < 1 ||
			t->lifetime > LIFETIME_MAX))
		return broken("RFC 6749 5.1", "expires_in", "expected a number of seconds", e);
	if (json_get(doc, "refresh_token") != NULL &&
		(!json_get_str(doc, "refresh_token", refresh) ||
			!visible(*refresh, CREDENTIAL_TOKEN_MAX)))
		return broken("RFC 6749 5.1", "refresh_token", "expected visible ASCII", e);
	if (json_get(doc, "scope") == NULL)
		return true;
	if (!json_get_str(doc, "scope", &scope) || (scope.n > 0 && !metadata_words(scope)))
		return broken("RFC 6749 5.1", "scope", "expected words divided by blanks", e);
	return scope.n == 0 || keep(mem, scope, &t->scope, e);
}

bool
oauth_tokens_parse(struct span text, struct arena *mem, struct oauth_tokens *ret, struct err *e)
{
	AUTO_JSON doc = read(text, e);
	struct oauth_tokens t = {.lifetime = 0};
	struct span access = SPAN_NONE;
	struct span refresh = SPAN_NONE;
	struct span type = SPAN_NONE;

	if (doc == NULL)
		return false;
	if (!json_get_str(doc, "token_type", &type) || !span_eq_nocase(type, SPAN("Bearer")))
		return broken("RFC 6749 7.1", "token_type",
			"only Bearer tokens are of use here; the issuer gives another kind", e);
	if (!json_get_str(doc, "access_token", &access) || access.n > CREDENTIAL_TOKEN_MAX ||
		!credential_b64token(access))
		return broken("RFC 6750 2.1", "access_token", "expected a b64token", e);
	if (!take_rest(doc, mem, &t, &refresh, e))
		return false;
	if (!secret_set(&t.access, access) || (refresh.n > 0 && !secret_set(&t.refresh, refresh))) {
		oauth_tokens_fini(&t);
		return err_set(e, ERR_LIMIT, NULL, "no memory");
	}
	*ret = t;
	return true;
}

/* ---- errors ---- */

/* RFC 6749 5.2: visible ASCII and blanks, without quotes and backslashes. */
static bool
shown_safely(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~' || s.p[i] == '"' || s.p[i] == '\\')
			return false;
	return s.n > 0;
}

void
oauth_error_parse(struct span text, struct arena *mem, struct oauth_error *ret)
{
	AUTO_JSON doc = read(text, NULL);
	struct span code = SPAN_NONE;
	struct span words = SPAN_NONE;

	*ret = (struct oauth_error){.code = SPAN_NONE};
	if (doc == NULL || !json_get_str(doc, "error", &code) || code.n > 64 || !shown_safely(code))
		return;
	ret->code = arena_span(mem, code);
	if (json_get_str(doc, "error_description", &words) && shown_safely(words))
		ret->description = arena_span(mem, span_first(words, DESCRIPTION_MAX));
}
