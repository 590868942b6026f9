/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/metadata.h"

#include "agent/base/buf.h"
#include "agent/base/json.h"
#include "agent/cli/origin.h"

#include <string.h>

const char *const metadata_ask_names[3] = {"resource", "audience", "none"};

#define CLAUSE "RFC 9728 2"

static bool
broken(const char *member, const char *what, struct err *e)
{
	return err_set(e, ERR_SYNTAX, CLAUSE, "%s: %s", member, what);
}

static bool
full(struct err *e)
{
	return err_set(e, ERR_LIMIT, CLAUSE, "more than this client takes");
}

/* Visible ASCII, at least one byte. */
static bool
visible(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return s.n > 0 && s.n <= METADATA_TEXT_MAX;
}

bool
metadata_words(struct span s)
{
	if (s.n == 0 || s.n > METADATA_TEXT_MAX)
		return false;
	while (s.p != NULL)
		if (!visible(span_cut(&s, ' ')))
			return false;
	return true;
}

/* Text for people: UTF-8 (json.h sees to it) without control characters. */
static bool
take_name(const struct json *at, const char *member, struct arena *mem, struct span *ret,
	struct err *e)
{
	const struct json *j = json_get(at, member);
	struct span s = SPAN_NONE;

	if (j == NULL || json_kind(j) == JSON_KIND_NULL)
		return true;
	if (!json_str(j, &s) || s.n > METADATA_TEXT_MAX || span_control(s))
		return broken(member, "expected a line of text", e);
	*ret = arena_span(mem, s);
	return ret->p != NULL || full(e);
}

/* A word that goes into a request; absent is allowed unless `needed`. */
static bool
take_word(const struct json *at, const char *member, bool needed, struct arena *mem,
	struct span *ret, struct err *e)
{
	const struct json *j = json_get(at, member);
	struct span s = SPAN_NONE;

	if (!needed && (j == NULL || json_kind(j) == JSON_KIND_NULL))
		return true;
	if (!json_str(j, &s) || !visible(s))
		return broken(member, "expected a string of visible ASCII", e);
	*ret = arena_span(mem, s);
	return ret->p != NULL || full(e);
}

static bool
take_scopes(const struct json *at, const char *member, struct arena *mem, struct span *ret,
	struct err *e)
{
	const struct json *list = json_get(at, member);
	AUTO_BUF joined = BUF_INIT(METADATA_TEXT_MAX);

	if (list == NULL)
		return true;
	if (json_kind(list) != JSON_KIND_LIST)
		return broken(member, "expected a list", e);
	for (size_t i = 0; i < json_count(list); i++) {
		struct span word = SPAN_NONE;
		if (!json_str(json_at(list, i), &word) || !visible(word))
			return broken(member, "expected words of visible ASCII", e);
		if (joined.n > 0)
			buf_addc(&joined, ' ');
		buf_add(&joined, word);
	}
	if (!buf_ok(&joined))
		return broken(member, "too long", e);
	*ret = joined.n > 0 ? arena_span(mem, buf_span(&joined)) : SPAN_NONE;
	return joined.n == 0 || ret->p != NULL || full(e);
}

/* RFC 8414 2: no query and no fragment; plain http for a loopback address alone. */
static bool
good_issuer(struct span s)
{
	struct origin o;

	return origin_parse(s, &o, NULL) && !span_has(s, '?');
}

static struct metadata_issuer *
find(struct metadata *p, struct span issuer)
{
	for (size_t i = 0; i < p->n; i++)
		if (span_eq(p->issuer[i].issuer, issuer))
			return &p->issuer[i];
	return NULL;
}

static bool
take_issuers(const struct json *doc, struct arena *mem, struct metadata *p, struct err *e)
{
	const struct json *list = json_get(doc, "authorization_servers");
	const char *member = "authorization_servers";

	if (json_kind(list) != JSON_KIND_LIST || json_count(list) == 0)
		return broken(member, "this server names nobody who gives tokens for it", e);
	if (json_count(list) > METADATA_ISSUERS_MAX)
		return broken(member, "too many", e);
	for (size_t i = 0; i < json_count(list); i++) {
		struct span s = SPAN_NONE;
		if (!json_str(json_at(list, i), &s) || !good_issuer(s))
			return broken(member,
				"expected https URLs (plain http for this machine alone)", e);
		if (find(p, s) != NULL)
			return broken(member, "an issuer stands twice", e);
		s = arena_span(mem, s);
		if (s.p == NULL)
			return full(e);
		p->issuer[p->n++] = (struct metadata_issuer){.issuer = s};
	}
	return true;
}

static bool
take_ask(const struct json *at, enum metadata_ask *ret, struct err *e)
{
	const struct json *j = json_get(at, "audience_parameter");
	struct span s = SPAN_NONE;

	if (j == NULL)
		return true;
	(void)json_str(j, &s);
	for (unsigned i = 0; i < sizeof(metadata_ask_names) / sizeof(metadata_ask_names[0]); i++)
		if (s.p != NULL && span_is(s, metadata_ask_names[i])) {
			*ret = (enum metadata_ask)i;
			return true;
		}
	return broken("pan_issuers: audience_parameter", "resource, audience or none", e);
}

static bool
take_pan(const struct json *at, struct arena *mem, struct metadata *p, struct err *e)
{
	struct span s = SPAN_NONE;

	if (!json_get_str(at, "issuer", &s))
		return broken("pan_issuers", "an entry without issuer", e);
	struct metadata_issuer *i = find(p, s);
	if (i == NULL)
		return broken("pan_issuers", "an issuer that is no authorization server", e);
	return take_name(at, "name", mem, &i->name, e) &&
	       take_word(at, "client_id", false, mem, &i->client_id, e) &&
	       take_word(at, "audience", false, mem, &i->audience, e) &&
	       take_scopes(at, "scopes", mem, &i->scopes, e) && take_ask(at, &i->ask, e);
}

static bool
take_pans(const struct json *doc, struct arena *mem, struct metadata *p, struct err *e)
{
	const struct json *list = json_get(doc, "pan_issuers");

	if (list == NULL)
		return true;
	if (json_kind(list) != JSON_KIND_LIST || json_count(list) > METADATA_ISSUERS_MAX)
		return broken("pan_issuers", "expected a list as long as the issuers", e);
	for (size_t i = 0; i < json_count(list); i++)
		if (!take_pan(json_at(list, i), mem, p, e))
			return false;
	return true;
}

/* We send a token in the header and nowhere else (RFC 6750 2.1). */
static bool
takes_header(const struct json *doc, struct err *e)
{
	const struct json *list = json_get(doc, "bearer_methods_supported");

	if (list == NULL)
		return true;
	for (size_t i = 0; i < json_count(list); i++) {
		struct span s = SPAN_NONE;
		if (json_str(json_at(list, i), &s) && span_is(s, "header"))
			return true;
	}
	return broken("bearer_methods_supported", "no header: this client cannot use it", e);
}

static bool
take_bound(const struct json *doc, bool *ret, struct err *e)
{
	const struct json *j = json_get(doc, "dpop_bound_access_tokens_required");

	return j == NULL || json_truth(j, ret) ||
	       broken("dpop_bound_access_tokens_required", "expected true or false", e);
}

bool
metadata_parse(struct span text, struct arena *mem, struct metadata *ret, struct err *e)
{
	const struct json_limits limits = {.bytes = METADATA_BYTES_MAX,
		.depth = 8,
		.members = 1000,
		.object = true,
		.no_nul = true};
	AUTO_JSON doc = json_parse(text, &limits, e);
	struct metadata p = {.n = 0};

	if (doc == NULL || !takes_header(doc, e) || !take_bound(doc, &p.bound, e) ||
		!take_word(doc, "resource", true, mem, &p.resource, e) ||
		!take_name(doc, "resource_name", mem, &p.name, e) ||
		!take_scopes(doc, "scopes_supported", mem, &p.scopes, e) ||
		!take_issuers(doc, mem, &p, e) || !take_pans(doc, mem, &p, e))
		return false;
	*ret = p;
	return true;
}
