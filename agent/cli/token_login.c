/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/token_login.h"

#include "agent/base/json.h"
#include "agent/base/jsonw.h"
#include "agent/cli/metadata.h"
#include "agent/cli/origin.h"
#include "auth/credential.h"

#include <string.h>

#define VERSION     1
#define MEMORY      ((size_t)2 * TOKEN_LOGIN_BYTES_MAX)
#define INSTANT_MAX 253402300799 /* the year 9999 */

bool
token_login_init(struct token_login *l)
{
	*l = (struct token_login){.saved = 0};
	return arena_init(&l->mem, MEMORY);
}

void
token_login_fini(struct token_login *l)
{
	secret_fini(&l->access);
	secret_fini(&l->refresh);
	arena_fini(&l->mem);
	*l = (struct token_login){.saved = 0};
}

bool
token_login_text(struct token_login *l, struct span *member, struct span value, struct err *e)
{
	*member = SPAN_NONE;
	if (value.n == 0)
		return true;
	*member = arena_span(&l->mem, value);
	return member->p != NULL || err_set(e, ERR_LIMIT, NULL, "the login is too long to be kept");
}

/* ---- reading ---- */

static bool
is_url(struct span s)
{
	struct origin o;

	return origin_parse(s, &o, NULL);
}

static bool
is_origin(struct span s)
{
	struct origin o;

	return origin_parse(s, &o, NULL) && span_is(s, o.text);
}

static bool
is_ask(struct span s)
{
	for (size_t i = 0; i < sizeof(metadata_ask_names) / sizeof(metadata_ask_names[0]); i++)
		if (span_is(s, metadata_ask_names[i]))
			return true;
	return false;
}

static bool
is_word(struct span s)
{
	return metadata_words(s) && !span_has(s, ' ');
}

/* One row for each text of the file, in its order. */
struct row {
	const char *name;
	size_t at; /* of the span in struct token_login */
	bool (*good)(struct span s);
	bool needed;
};

static const struct row rows[] = {
	{"server", offsetof(struct token_login, server), is_origin, true},
	{"issuer", offsetof(struct token_login, issuer), is_url, true},
	{"client_id", offsetof(struct token_login, client_id), is_word, true},
	{"token_endpoint", offsetof(struct token_login, token_endpoint), is_url, true},
	{"revocation_endpoint", offsetof(struct token_login, revocation_endpoint), is_url, false},
	{"audience", offsetof(struct token_login, audience), is_word, false},
	{"ask", offsetof(struct token_login, ask), is_ask, true},
	{"scope", offsetof(struct token_login, scope), metadata_words, false},
};
#define ROWS    (sizeof(rows) / sizeof(rows[0]))
#define MEMBERS (ROWS + 5) /* version, expires, saved, and the two tokens */

static struct span *
place(struct token_login *l, const struct row *r)
{
	return (struct span *)(void *)((char *)l + r->at);
}

static bool
broken(const char *member, struct err *e)
{
	return err_set(
		e, ERR_SYNTAX, NULL, "its member %s is missing or not as it was written", member);
}

static bool
take_text(const struct json *j, const struct row *r, struct token_login *l, struct err *e)
{
	const struct json *at = json_get(j, r->name);
	struct span s = SPAN_NONE;

	if (!r->needed && json_kind(at) == JSON_KIND_NULL)
		return true;
	if (!json_str(at, &s) || !r->good(s))
		return broken(r->name, e);
	return token_login_text(l, place(l, r), s, e);
}

static bool
take_secret(const struct json *j, const char *name, bool needed, struct secret *to, struct err *e)
{
	const struct json *at = json_get(j, name);
	struct span s = SPAN_NONE;

	if (!needed && json_kind(at) == JSON_KIND_NULL)
		return true;
	if (!json_str(at, &s) || s.n == 0 || s.n > CREDENTIAL_TOKEN_MAX)
		return broken(name, e);
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return broken(name, e);
	return secret_set(to, s) || err_set(e, ERR_LIMIT, NULL, "no memory");
}

static bool
take_instant(const struct json *j, const char *name, int64_t *to, struct err *e)
{
	int64_t v = -1;

	if (!json_get_i64(j, name, &v) || v < 0 || v > INSTANT_MAX)
		return broken(name, e);
	*to = v;
	return true;
}

static bool
take_all(const struct json *j, struct token_login *l, struct err *e)
{
	int64_t version = 0;

	if (!json_get_i64(j, "version", &version) || version != VERSION)
		return err_set(e, ERR_SYNTAX, NULL, "it is of another version of pan-agent");
	if (json_count(j) != MEMBERS)
		return err_set(e, ERR_SYNTAX, NULL, "it has a member too many or too few");
	for (size_t i = 0; i < ROWS; i++)
		if (!take_text(j, &rows[i], l, e))
			return false;
	return take_secret(j, "access_token", true, &l->access, e) &&
	       take_secret(j, "refresh_token", false, &l->refresh, e) &&
	       take_instant(j, "expires", &l->expires, e) && take_instant(j, "saved", &l->saved, e);
}

bool
token_login_parse(struct span text, struct token_login *ret, struct err *e)
{
	const struct json_limits limits = {.bytes = TOKEN_LOGIN_BYTES_MAX,
		.depth = 1,
		.members = 64,
		.object = true,
		.no_nul = true};
	AUTO_JSON j = json_parse(text, &limits, e);
	struct token_login l;

	if (j == NULL)
		return false;
	if (!token_login_init(&l))
		return err_set(e, ERR_LIMIT, NULL, "no memory");
	if (!take_all(j, &l, e)) {
		token_login_fini(&l);
		return false;
	}
	*ret = l;
	return true;
}

/* ---- writing ---- */

void
token_login_write(const struct token_login *l, struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_obj(&w, NULL);
	jsonw_i64(&w, "version", VERSION);
	for (size_t i = 0; i < ROWS; i++)
		jsonw_str(&w, rows[i].name,
			*(const struct span *)(const void *)((const char *)l + rows[i].at));
	jsonw_str(&w, "access_token", secret_open(&l->access));
	jsonw_str(&w, "refresh_token", secret_open(&l->refresh));
	jsonw_i64(&w, "expires", l->expires);
	jsonw_i64(&w, "saved", l->saved);
	jsonw_end(&w, '}');
	buf_addc(out, '\n');
}
