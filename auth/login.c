/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/login.h"

#include "agent/base/base64.h"
#include "agent/base/form.h"
#include "agent/base/json.h"
#include "agent/base/jsonw.h"
#include "agent/base/settings_issuer.h"

#include <string.h>

#define RANDOM_BYTES 32U
#define RANDOM_TEXT  43U /* of RANDOM_BYTES in base64url */
#define SEALED_MAX   (LOGIN_COOKIE_MAX / 4 * 3)
#define ERROR_MAX    120U /* bytes of the issuer's own words */
#define PAIRS_MAX    64U  /* parameters of a query */
#define CLOCK_BACK   60   /* seconds that the clock may have gone back since */

static const struct span context = SPAN_INIT("pan-agent login 1");

/* ---- texts ---- */

static bool
visible(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x21 || s.p[i] > 0x7e)
			return false;
	return s.n > 0;
}

/*
 * Browsers read "//host" and "/\host" as another server (WHATWG URL, 4.4), and drop tabs and line
 * ends on the way.
 */
bool
login_local(struct span path)
{
	return path.n <= LOGIN_RETURN_MAX && visible(path) && path.p[0] == '/' &&
	       (path.n == 1 || path.p[1] != '/') && !span_has(path, '\\');
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* application/x-www-form-urlencoded; false: a malformed escape, or no memory. */
static bool
decode(struct span s, struct arena *mem, struct span *ret)
{
	char *to = arena_alloc(mem, s.n + 1);
	size_t n = 0;

	if (to == NULL)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '%') {
			int high = i + 2 < s.n ? hex_value(s.p[i + 1]) : -1;
			int low = i + 2 < s.n ? hex_value(s.p[i + 2]) : -1;
			if (high < 0 || low < 0)
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '+') {
			c = ' ';
		}
		to[n++] = c;
	}
	*ret = (struct span){to, n};
	return true;
}

bool
login_value(struct span query, const char *name, size_t max, struct arena *mem, struct span *ret,
	struct err *e)
{
	static const char ref[] = "RFC 6749 3.1";
	struct span raw = SPAN_NONE;
	struct span value = SPAN_NONE;
	unsigned pairs = 0;

	while (query.p != NULL && pairs++ < PAIRS_MAX) {
		struct span pair = span_cut(&query, '&');
		if (!span_is(span_cut(&pair, '='), name))
			continue;
		if (raw.p != NULL)
			return err_set(e, ERR_SYNTAX, ref, "%s: stands twice", name);
		raw = pair.p != NULL ? pair : SPAN("");
	}
	if (query.p != NULL)
		return err_set(e, ERR_SYNTAX, ref, "more than %u parameters", PAIRS_MAX);
	if (raw.n == 0) /* RFC 6749 3.1: one without a value counts as omitted */
		return err_set(e, ERR_ABSENT, ref, "%s: absent", name);
	if (raw.n > 3 * max || !decode(raw, mem, &value) || value.n > max)
		return err_set(
			e, ERR_SYNTAX, ref, "%s: malformed, or longer than %zu bytes", name, max);
	*ret = value;
	return true;
}

/* ---- the way to the issuer ---- */

/* 32 random bytes as base64url: state, nonce and code_verifier alike (RFC 7636 7.1). */
static bool
random_text(struct arena *mem, struct span *ret, struct err *e)
{
	uint8_t bytes[RANDOM_BYTES];
	AUTO_BUF text = BUF_INIT(RANDOM_TEXT + 1);

	if (!crypto_random(bytes, sizeof(bytes), e))
		return false;
	base64_url_encode(&text, bytes, sizeof(bytes));
	explicit_bzero(bytes, sizeof(bytes));
	*ret = arena_span(mem, buf_span(&text));
	return ret->p != NULL || err_set(e, ERR_LIMIT, NULL, "login: no memory");
}

static void
add_scopes(struct buf *query, const struct settings_list *scopes)
{
	static const char *const usual[] = {"openid", "profile", "email"};
	AUTO_BUF text = BUF_INIT(4096);

	buf_adds(&text,
		"openid"); /* without it there is no ID token (OpenID Connect Core 3.1.2.1) */
	for (size_t i = 0; i < (scopes->n > 0 ? scopes->n : 3); i++) {
		const char *word = scopes->n > 0 ? scopes->item[i] : usual[i];
		if (strcmp(word, "openid") == 0)
			continue;
		buf_addc(&text, ' ');
		buf_adds(&text, word);
	}
	form_add(query, "scope", buf_span(&text));
}

static bool
write_location(const struct login_start *s, const struct login *l, struct buf *out, struct err *e)
{
	uint8_t hash[CRYPTO_SHA256_SIZE];
	AUTO_BUF challenge = BUF_INIT(64);
	AUTO_BUF query = BUF_INIT(16384);

	if (!crypto_sha256(l->verifier, hash))
		return err_set(e, ERR_SYSTEM, NULL, "login: hash");
	base64_url_encode(&challenge, hash, sizeof(hash));
	form_add(&query, "response_type", SPAN("code"));
	form_add(&query, "client_id", s->client);
	form_add(&query, "redirect_uri", s->redirect);
	add_scopes(&query, s->scopes);
	form_add(&query, "state", l->state);
	form_add(&query, "nonce", l->nonce);
	form_add(&query, "code_challenge", buf_span(&challenge));
	form_add(&query, "code_challenge_method", SPAN("S256"));
	buf_add(out, s->endpoint);
	/* Its own query is retained (RFC 6749 3.1). */
	buf_addc(out, span_has(s->endpoint, '?') ? '&' : '?');
	buf_add(out, buf_span(&query));
	return (buf_ok(&query) && buf_ok(out)) ||
	       err_set(e, ERR_LIMIT, NULL, "login: the issuer's URL is too long");
}

static bool
write_cookie(const struct login_start *s, const struct login *l, const uint8_t *key,
	struct buf *out, struct err *e)
{
	AUTO_BUF text = BUF_INIT(SEALED_MAX);
	AUTO_BUF sealed = BUF_INIT(SEALED_MAX);
	struct jsonw w;

	jsonw_init(&w, &text);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "iss", s->issuer);
	jsonw_bool(&w, "iss_parameter", s->iss_parameter);
	jsonw_str(&w, "state", l->state);
	jsonw_str(&w, "nonce", l->nonce);
	jsonw_str(&w, "verifier", l->verifier);
	jsonw_str(&w, "return", l->return_to);
	jsonw_i64(&w, "until", l->until);
	jsonw_end(&w, '}');
	bool ok = buf_ok(&text) && crypto_seal(key, context, buf_span(&text), &sealed, NULL);
	buf_wipe(&text);
	if (ok)
		base64_url_encode(out, sealed.p, sealed.n);
	return (ok && buf_ok(out) && out->n <= LOGIN_COOKIE_MAX) ||
	       err_set(e, ERR_LIMIT, NULL, "login: the issuer's name is too long for a cookie");
}

bool
login_begin(const struct login_start *s, const uint8_t key[CRYPTO_SEAL_KEY], int64_t now,
	struct buf *location, struct buf *cookie, struct err *e)
{
	struct login l = {.until = now + LOGIN_SECONDS};
	AUTO_ARENA mem = {0};
	char url[2048];

	if (!span_cstr(s->endpoint, url, sizeof(url)) || !visible(s->endpoint) ||
		span_has(s->endpoint, '#') ||
		(!span_starts(s->endpoint, SPAN("https://")) && !settings_issuer_loopback(url)))
		return err_set(e, ERR_UPSTREAM, "RFC 6749 3.1",
			"login: the issuer's authorization endpoint is no https URL without "
			"fragment");
	if (!arena_init(&mem, 4096))
		return err_set(e, ERR_LIMIT, NULL, "login: no memory");
	if (!random_text(&mem, &l.state, e) || !random_text(&mem, &l.nonce, e) ||
		!random_text(&mem, &l.verifier, e))
		return false;
	l.return_to = login_local(s->return_to) ? s->return_to : SPAN("/me");
	bool ok = write_location(s, &l, location, e) && write_cookie(s, &l, key, cookie, e);
	explicit_bzero(mem.base, mem.used);
	return ok;
}

/* ---- the way back ---- */

static bool
no_login(struct err *e)
{
	return err_set(e, ERR_UNAUTH, "RFC 6749 10.12",
		"no login is under way in this browser, or it took longer than %d minutes; begin "
		"again, with cookies allowed",
		LOGIN_SECONDS / 60);
}

static bool
random_member(const struct json *j, const char *name, struct arena *mem, struct span *ret)
{
	struct span v = SPAN_NONE;

	if (!json_get_str(j, name, &v) || v.n != RANDOM_TEXT)
		return false;
	*ret = arena_span(mem, v);
	return ret->p != NULL;
}

static bool
text_member(const struct json *j, const char *name, struct arena *mem, struct span *ret)
{
	struct span v = SPAN_NONE;

	if (!json_get_str(j, name, &v))
		return false;
	*ret = arena_span(mem, v);
	return ret->p != NULL;
}

/* Sealed by us, and still: what is read is checked again. */
static bool
read_cookie(const struct json *j, struct arena *mem, struct login *l, bool *iss_parameter)
{
	return text_member(j, "iss", mem, &l->issuer) &&
	       json_truth(json_get(j, "iss_parameter"), iss_parameter) &&
	       random_member(j, "state", mem, &l->state) &&
	       random_member(j, "nonce", mem, &l->nonce) &&
	       random_member(j, "verifier", mem, &l->verifier) &&
	       text_member(j, "return", mem, &l->return_to) && login_local(l->return_to) &&
	       json_get_i64(j, "until", &l->until);
}

static bool
open_cookie(struct span cookie, const uint8_t *key, struct arena *mem, struct login *l,
	bool *iss_parameter)
{
	static const struct json_limits limits = {.depth = 2, .members = 16, .object = true};
	uint8_t sealed[SEALED_MAX + 4];
	AUTO_BUF text = BUF_INIT(SEALED_MAX);
	size_t n = 0;

	if (cookie.n == 0 || cookie.n > LOGIN_COOKIE_MAX ||
		!base64_url_decode(cookie, sealed, sizeof(sealed), &n) ||
		!crypto_open(key, context, (struct span){(const char *)sealed, n}, &text, NULL))
		return false;
	AUTO_JSON j = json_parse(buf_span(&text), &limits, NULL);
	bool ok = j != NULL && read_cookie(j, mem, l, iss_parameter);
	buf_wipe(&text);
	return ok;
}

/* The issuer's own words, in RFC 6749's set (4.1.2.1), for a message. */
static struct span
words(struct span s, struct arena *mem)
{
	char *p = arena_str(mem, span_first(s, ERROR_MAX));

	for (size_t i = 0; p != NULL && i < s.n && i < ERROR_MAX; i++)
		if (p[i] < 0x20 || p[i] > 0x7e)
			p[i] = '?';
	return span_of(p);
}

/* RFC 9207 2.4: an answer of one issuer must not pass for one of another. */
static bool
check_iss(struct span query, struct span issuer, bool promised, struct arena *mem, struct err *e)
{
	struct err why = {.code = ERR_NONE};
	struct span iss = SPAN_NONE;

	if (!login_value(query, "iss", LOGIN_RETURN_MAX, mem, &iss, &why)) {
		if (why.code == ERR_ABSENT && !promised)
			return true;
		return err_set(e, ERR_UNAUTH, "RFC 9207 2.4", "iss: %s",
			why.code == ERR_ABSENT ? "absent, though this issuer always sends it"
					       : "malformed");
	}
	return span_eq(iss, issuer) || err_set(e, ERR_UNAUTH, "RFC 9207 2.4",
					       "iss: the answer is another issuer's; expected %.*s",
					       SPAN_ARG(span_first(issuer, 80)));
}

/* An error parameter, of an answer whose state is good; false: there is one. */
static bool
no_error(struct span query, struct arena *mem, struct err *e)
{
	struct err why = {.code = ERR_NONE};
	struct span code = SPAN_NONE;
	struct span text = SPAN_NONE;

	if (!login_value(query, "error", LOGIN_CODE_MAX, mem, &code, &why))
		return why.code == ERR_ABSENT || err_set(e, why.code, why.ref, "%s", why.msg);
	(void)login_value(query, "error_description", LOGIN_CODE_MAX, mem, &text, NULL);
	return err_set(e, ERR_DENIED, "RFC 6749 4.1.2.1", "the issuer refused: %.*s%s%.*s",
		SPAN_ARG(words(code, mem)), text.n > 0 ? ": " : "", SPAN_ARG(words(text, mem)));
}

/* login_value of what must be there. */
static bool
needed(struct span query, const char *name, size_t max, struct arena *mem, struct span *ret,
	struct err *e)
{
	struct err why = {.code = ERR_NONE};

	return login_value(query, name, max, mem, ret, &why) ||
	       err_set(e, ERR_SYNTAX, why.ref, "%s", why.msg);
}

bool
login_back(const struct login_answer *a, const uint8_t key[CRYPTO_SEAL_KEY], int64_t now,
	struct arena *mem, struct login *ret, struct err *e)
{
	struct login l = {.until = 0};
	struct span state = SPAN_NONE;
	bool promised = false;

	if (!open_cookie(a->cookie, key, mem, &l, &promised) || now >= l.until ||
		l.until - now > LOGIN_SECONDS + CLOCK_BACK)
		return no_login(e);
	if (a->query.n > LOGIN_QUERY_MAX)
		return err_set(e, ERR_SYNTAX, "RFC 6749 4.1.2",
			"the issuer's answer is longer than %lu bytes", LOGIN_QUERY_MAX);
	if (!needed(a->query, "state", RANDOM_TEXT, mem, &state, e))
		return false;
	if (state.n != l.state.n || !crypto_same(state.p, l.state.p, state.n))
		return no_login(e);
	if (!check_iss(a->query, l.issuer, promised, mem, e) || !no_error(a->query, mem, e) ||
		!needed(a->query, "code", LOGIN_CODE_MAX, mem, &l.code, e))
		return false;
	if (!visible(l.code))
		return err_set(e, ERR_SYNTAX, "RFC 6749 A.11", "code: holds blanks or controls");
	*ret = l;
	return true;
}
