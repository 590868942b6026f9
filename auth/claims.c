/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/claims.h"

#include "agent/base/base64.h"
#include "agent/base/crypto.h"
#include "auth/demands.h"
#include "auth/entitlement.h"
#include "auth/path_scope.h"

#define NUMERIC_DATE_END 9007199254740992.0 /* 2^53: above, seconds are not exact any more */

/* A NumericDate; `exp` alone must lie after 1970 (RFC 7519 2 sets no lower end). */
static bool
date(const struct json *payload, const char *name, double *ret, struct err *e)
{
	const struct json *v = json_get(payload, name);

	if (!json_f64(v, ret))
		return err_set(e, ERR_UNAUTH, "RFC 7519 2", "%s: is %s; expected a number", name,
			json_kind_name(json_kind(v)));
	if (!(*ret > -NUMERIC_DATE_END) || !(*ret < NUMERIC_DATE_END))
		return err_set(e, ERR_UNAUTH, "RFC 7519 2",
			"%s: not a time; expected seconds since 1970", name);
	return true;
}

bool
claims_alive(const struct claims_life *life, unsigned leeway, int64_t now, struct err *e)
{
	if ((double)now >= life->exp)
		return err_set(e, ERR_UNAUTH, "RFC 9068 4",
			"exp: expired %.0f s ago; get a new token", (double)now - life->exp);
	if (life->nbf > (double)now + (double)leeway)
		return err_set(e, ERR_UNAUTH, "RFC 7519 4.1.5",
			"nbf: not valid for another %.0f s; check the clocks",
			life->nbf - (double)now);
	return true;
}

bool
claims_life(const struct issuer *i, const struct json *payload, int64_t now,
	struct claims_life *ret, struct err *e)
{
	return claims_life_or(i, payload, 0, now, ret, e);
}

bool
claims_life_or(const struct issuer *i, const struct json *payload, double otherwise, int64_t now,
	struct claims_life *ret, struct err *e)
{
	struct claims_life life = {otherwise, 0};
	double iat = 0;
	bool has_exp = json_get(payload, "exp") != NULL;
	bool has_iat = json_get(payload, "iat") != NULL;

	if (!has_exp && !(otherwise > 0))
		return err_set(e, ERR_UNAUTH, "RFC 9068 2.2",
			"exp: absent; a token that never expires is not accepted");
	if (has_exp && !date(payload, "exp", &life.exp, e))
		return false;
	if (!(life.exp > 0))
		return err_set(e, ERR_UNAUTH, "RFC 7519 4.1.4", "exp: not after 1970");
	if ((json_get(payload, "nbf") != NULL && !date(payload, "nbf", &life.nbf, e)) ||
		(has_iat && !date(payload, "iat", &iat, e)) ||
		!claims_alive(&life, i->leeway, now, e))
		return false;
	if (!has_iat && i->require_iat)
		return err_set(e, ERR_UNAUTH, "RFC 9068 2.2", "iat: absent (require_iat)");
	if (iat > (double)now + i->leeway)
		return err_set(e, ERR_UNAUTH, "RFC 7519 4.1.6",
			"iat: issued %.0f s in the future; check the clocks", iat - (double)now);
	*ret = life;
	return true;
}

static bool
listed(const struct words *w, const struct json *v)
{
	struct span s = SPAN_NONE;

	if (!json_str(v, &s) || s.n == 0)
		return false;
	for (size_t k = 0; k < w->n; k++)
		if (span_eq(w->item[k], s))
			return true;
	return false;
}

/* The first audience of the token, and whether there are more, for the message. */
static struct span
first_audience(const struct json *aud, const char **more)
{
	struct span s = SPAN_NONE;

	*more = json_kind(aud) == JSON_KIND_LIST && json_count(aud) > 1 ? " and others" : "";
	if (!json_str(aud, &s) && !json_str(json_at(aud, 0), &s))
		return SPAN("nothing readable");
	return s.n > 0 ? span_first(s, 60) : SPAN("an empty text");
}

static bool
wrong_audience(const struct issuer *i, const struct json *payload, struct err *e)
{
	struct span want = i->audience.n > 0 ? span_first(i->audience.item[0], 60) : SPAN("none");
	const char *more = NULL;
	struct span got = first_audience(json_get(payload, "aud"), &more);
	bool id_token = json_get(payload, "nonce") != NULL ||
			json_get(payload, "at_hash") != NULL || json_get(payload, "c_hash") != NULL;

	if (id_token)
		return err_set(e, ERR_UNAUTH, "RFC 8725 3.9",
			"aud: %.*s; this is an ID token for a client, send the access token",
			SPAN_ARG(got));
	return err_set(e, ERR_UNAUTH, "RFC 9068 4", "aud: %.*s%s; expected %.*s (setting audience)",
		SPAN_ARG(got), more, SPAN_ARG(want));
}

/* AUD-4: an issuer whose tokens have no aud may be taken by its clients instead. */
static bool
without_audience(const struct issuer *i, const struct json *payload, struct err *e)
{
	struct span want = i->audience.n > 0 ? span_first(i->audience.item[0], 80) : SPAN("none");
	struct span azp = SPAN("absent");

	if (i->azp.n == 0)
		return err_set(e, ERR_UNAUTH, "RFC 9068 2.2",
			"aud: absent; expected %.*s (settings audience, azp)", SPAN_ARG(want));
	if (listed(&i->azp, json_get(payload, "azp")))
		return true;
	(void)json_get_str(payload, "azp", &azp);
	return err_set(e, ERR_UNAUTH, "OpenID Connect Core 1.0, 2",
		"azp: %.*s; no aud, and this client is not on the list (setting azp)",
		SPAN_ARG(span_first(azp, 60)));
}

bool
claims_audience(const struct issuer *i, const struct json *payload, struct err *e)
{
	const struct json *aud = json_get(payload, "aud");
	bool ok = listed(&i->audience, aud);
	bool strings = true;

	if (aud == NULL)
		return without_audience(i, payload, e);
	for (size_t k = 0; json_kind(aud) == JSON_KIND_LIST && k < json_count(aud); k++) {
		strings = strings && json_kind(json_at(aud, k)) == JSON_KIND_STRING;
		ok = ok || listed(&i->audience, json_at(aud, k));
	}
	return (ok && strings) || wrong_audience(i, payload, e);
}

/* A name of somebody: non-empty, short, without control characters (U+0000 included). */
static bool
name_claim(const struct json *payload, struct span claim, struct span *ret, struct err *e)
{
	char key[CLAIMS_TEXT_MAX];
	const struct json *v = span_cstr(claim, key, sizeof(key)) ? json_get(payload, key) : NULL;
	struct span s = SPAN_NONE;

	if (!json_str(v, &s))
		return err_set(e, ERR_UNAUTH, "RFC 9068 2.2", "%.*s: is %s; expected a string",
			SPAN_ARG(claim), json_kind_name(json_kind(v)));
	if (s.n == 0 || s.n > CLAIMS_TEXT_MAX)
		return err_set(e, ERR_UNAUTH, "RFC 7519 4.1.2", "%.*s: expected 1 to %u bytes",
			SPAN_ARG(claim), CLAIMS_TEXT_MAX);
	if (span_control(s))
		return err_set(e, ERR_UNAUTH, "RFC 7519 4.1.2", "%.*s: holds a control character",
			SPAN_ARG(claim));
	*ret = s;
	return true;
}

static bool
is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/*
 * eduPersonUniqueId: 1 to 64 letters and digits, @, a scope; compared without regard to case, so it
 * is kept in lower case.  test@ is the proxy's own test account and never a person.
 */
static bool
edu_id(const struct issuer *rules, struct arena *mem, struct span *id, struct err *e)
{
	static const char ref[] = "eduPersonUniqueId";
	char *low = arena_str(mem, *id);
	struct span scope = {low, id->n};

	if (low == NULL)
		return err_set(e, ERR_LIMIT, NULL, "sub: no memory left for this request");
	for (size_t i = 0; i < id->n; i++)
		if (low[i] >= 'A' && low[i] <= 'Z')
			low[i] = (char)(low[i] - 'A' + 'a');
	struct span local = span_cut(&scope, '@');
	bool ok = local.n >= 1 && local.n <= 64 && scope.n > 0;
	for (size_t i = 0; i < local.n; i++)
		ok = ok && is_alnum(local.p[i]);
	for (size_t i = 0; i < scope.n; i++)
		ok = ok && (is_alnum(scope.p[i]) || scope.p[i] == '.' || scope.p[i] == '-');
	if (!ok)
		return err_set(e, ERR_UNAUTH, ref, "sub: not of the form id@scope");
	if (rules->id_scope.p != NULL && !span_eq_nocase(scope, rules->id_scope))
		return err_set(e, ERR_UNAUTH, ref,
			"sub: its scope is not that of this issuer; expected @%.*s (setting "
			"id_scope)",
			SPAN_ARG(span_first(rules->id_scope, 60)));
	if (span_is(local, "test"))
		return err_set(e, ERR_UNAUTH, ref, "sub: the proxy's test account has no rights");
	*id = (struct span){low, id->n};
	return true;
}

/*
 * Which claim has the unique id: the profile's, or its second choice where the first is absent.
 * While the issuer is still to be asked for what the token lacks, `sub` stands in for it.
 */
static struct span
id_claim(const struct issuer *i, const struct json *payload, const struct json *answer)
{
	char first[CLAIMS_TEXT_MAX];
	bool asks = i->settings != NULL && i->settings->enrich != ENRICH_NO && answer == NULL;

	if (!span_cstr(i->user, first, sizeof(first)) || json_get(payload, first) != NULL ||
		json_get(answer, first) != NULL)
		return i->user;
	if (i->user_else.p != NULL)
		return i->user_else;
	return asks ? SPAN("sub") : i->user;
}

bool
claims_has_id(const struct issuer *i, const struct json *payload)
{
	char first[CLAIMS_TEXT_MAX];

	return span_cstr(i->user, first, sizeof(first)) && json_get(payload, first) != NULL;
}

/* The id of the answer, which may complete the token's but not contradict it. */
static bool
id_value(const struct json *payload, const struct json *answer, struct span claim, struct span *ret,
	struct err *e)
{
	char name[CLAIMS_TEXT_MAX];
	const struct json *own = NULL;
	const struct json *given = NULL;

	if (span_cstr(claim, name, sizeof(name))) {
		own = json_get(payload, name);
		given = json_get(answer, name);
	}
	if (own != NULL && given != NULL && !json_same(own, given))
		return err_set(e, ERR_UNAUTH, "RFC 7662 2.2",
			"%.*s: the issuer's answer is about somebody else than the token",
			SPAN_ARG(claim));
	return name_claim(given != NULL ? answer : payload, claim, ret, e);
}

static bool
who(const struct issuer *i, const struct json *payload, const struct json *answer,
	struct arena *mem, struct subject *s, struct err *e)
{
	struct span id = SPAN_NONE;
	struct span sub = SPAN_NONE;

	if (!name_claim(payload, SPAN("sub"), &sub, e) ||
		!id_value(payload, answer, id_claim(i, payload, answer), &id, e))
		return false;
	if (i->edu_id && !edu_id(i, mem, &id, e))
		return false;
	s->iss = i->iss;
	s->sub = arena_span(mem, id);
	return true;
}

/* client_id, else azp; jti; acr: for the audit and for policy, never needed. */
static void
names(const struct json *payload, struct arena *mem, struct subject *s)
{
	static const char *const keys[] = {"client_id", "azp", "jti", "acr"};
	struct span *const to[] = {&s->client, &s->client, &s->jti, &s->acr};
	struct span v;

	for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
		if (to[k]->p == NULL && json_get_str(payload, keys[k], &v) && v.n > 0 &&
			v.n <= CLAIMS_TEXT_MAX && !span_control(v))
			*to[k] = arena_span(mem, v);
}

/*
 * The member whose name is the longest beginning of the path; *path is what follows it.  Longest,
 * because the name of a client in `resource_access/https://data.example.org/roles` may hold slashes
 * itself.
 */
static const struct json *
longest_member(const struct json *object, struct span *path)
{
	char key[CLAIMS_TEXT_MAX];
	const struct json *v = NULL;
	struct span all = *path;

	for (size_t n = all.n; v == NULL && n > 0; n--) {
		if ((n < all.n && all.p[n] != '/') ||
			!span_cstr(span_first(all, n), key, sizeof(key)))
			continue;
		v = json_get(object, key);
		*path = n < all.n ? span_skip(all, n + 1) : SPAN_NONE;
	}
	return v;
}

const struct json *
claims_at(const struct json *payload, struct span path)
{
	const struct json *v = path.p != NULL ? payload : NULL;

	while (v != NULL && path.p != NULL)
		v = longest_member(v, &path);
	return v;
}

/* ASR-1: IAP high over medium over low; espresso implies high, cappuccino medium. */
static void
assurance(const struct issuer *i, const struct json *payload, const struct json *answer,
	struct subject *s)
{
	static const struct {
		const char *value;
		enum assurance level;
	} rows[] = {
		{"https://refeds.org/assurance/IAP/low", ASSURANCE_LOW},
		{"https://refeds.org/assurance/IAP/medium", ASSURANCE_MEDIUM},
		{"https://refeds.org/assurance/IAP/high", ASSURANCE_HIGH},
		{"https://refeds.org/assurance/profile/cappuccino", ASSURANCE_MEDIUM},
		{"https://refeds.org/assurance/profile/espresso", ASSURANCE_HIGH},
	};
	struct span name = i->assurance.p != NULL ? i->assurance : SPAN("eduperson_assurance");
	const struct json *given = claims_at(answer, name);
	const struct json *v = given != NULL ? given : claims_at(payload, name);
	bool list = json_kind(v) == JSON_KIND_LIST;
	struct span text;

	for (size_t k = 0; k < (list ? json_count(v) : 1U); k++) {
		if (!json_str(list ? json_at(v, k) : v, &text))
			continue;
		for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++)
			if (span_is(text, rows[r].value) && rows[r].level > s->assurance)
				s->assurance = rows[r].level;
	}
}

/* The issuer's answer is younger than the token: what it says of a group claim counts. */
static const struct json *
group_claim(const struct json *payload, const struct json *answer, struct span path)
{
	const struct json *v = claims_at(answer, path);

	return v != NULL ? v : claims_at(payload, path);
}

/* ENT-5: a namespace counts only when the issuer may assert it; plain names have none. */
static bool
may_assert(const struct issuer *i, const struct entitlement *t)
{
	if (i->namespaces.n == 0)
		return true;
	if (t->opaque && t->space.p == NULL)
		return !span_eq_nocase(span_first(t->text, 4), SPAN("urn:"));
	for (size_t k = 0; k < i->namespaces.n; k++)
		if (span_eq_nocase(i->namespaces.item[k], t->space))
			return true;
	return false;
}

struct gathering {
	const struct issuer *i;
	struct arena *mem;
	struct span *to;
	size_t n, max;
};

static bool
gather(struct gathering *g, const struct json *v, struct err *e)
{
	struct entitlement t;
	struct span text;

	if (!json_str(v, &text) || text.n == 0)
		return true;
	if (text.n > ENTITLEMENT_MAX)
		return err_set(e, ERR_UNAUTH, "AARC-G069",
			"groups: a value is longer than %u bytes", ENTITLEMENT_MAX);
	if (!entitlement_parse(text, g->mem, &t))
		return err_set(e, ERR_LIMIT, NULL, "groups: no memory left for this request");
	if (may_assert(g->i, &t) && g->n < g->max)
		g->to[g->n++] = t.text;
	return true;
}

static bool
groups(const struct issuer *i, const struct json *payload, const struct json *answer,
	struct arena *mem, struct subject *s, struct err *e)
{
	size_t total = 0;

	for (size_t k = 0; k < i->groups.n; k++) {
		const struct json *v = group_claim(payload, answer, i->groups.item[k]);
		total += json_kind(v) == JSON_KIND_LIST ? json_count(v) : v != NULL;
	}
	if (total > CLAIMS_ENTITLEMENTS_MAX)
		return err_set(e, ERR_UNAUTH, "AARC-G069",
			"groups: %zu values; at most %u are read", total, CLAIMS_ENTITLEMENTS_MAX);
	struct gathering g = {i, mem, arena_array(mem, total + 1, sizeof(struct span)), 0, total};
	if (g.to == NULL)
		return err_set(e, ERR_LIMIT, NULL, "groups: no memory left for this request");
	for (size_t k = 0; k < i->groups.n; k++) {
		const struct json *v = group_claim(payload, answer, i->groups.item[k]);
		bool list = json_kind(v) == JSON_KIND_LIST;
		for (size_t m = 0; m < (list ? json_count(v) : 1U); m++)
			if (!gather(&g, list ? json_at(v, m) : v, e))
				return false;
	}
	s->entitlements = g.to;
	s->n_entitlements = g.n;
	s->several = i->several;
	s->unlisted = i->namespaces.n == 0;
	return true;
}

/* The first words of the scope, to explain decisions with; nothing rests on them. */
static bool
scope_words(struct span text, struct arena *mem, struct subject *s)
{
	struct span *word = arena_array(mem, CLAIMS_SCOPES_MAX, sizeof(*word));
	size_t n = 0;

	text = arena_span(mem, text);
	while (word != NULL && text.p != NULL && n < CLAIMS_SCOPES_MAX) {
		struct span one = span_cut(&text, ' ');
		if (one.n > 0)
			word[n++] = one;
	}
	s->scopes = word;
	s->n_scopes = n;
	return word != NULL;
}

static bool
scopes(const struct issuer *i, const struct json *payload, struct arena *mem, struct subject *s,
	struct err *e)
{
	const struct json *v = json_get(payload, "scope");
	struct path_scopes got = {NULL, 0};
	struct span text = SPAN_NONE;

	if (v != NULL && !json_str(v, &text))
		return err_set(e, ERR_UNAUTH, "RFC 9068 2.2.3",
			"scope: is %s; expected a string of words", json_kind_name(json_kind(v)));
	s->scoped = i->path_scopes;
	if (text.p == NULL)
		return true;
	if (!scope_words(text, mem, s))
		return err_set(e, ERR_LIMIT, NULL, "scope: no memory left for this request");
	if (!i->path_scopes)
		return true;
	if (!path_scope_read(text, i->read_word, i->base_path, mem, &got, e))
		return false;
	s->read_paths = got.path;
	s->n_read_paths = got.n;
	if (!path_scope_read(text, i->write_words, i->base_path, mem, &got, e))
		return false;
	s->write_paths = got.path;
	s->n_write_paths = got.n;
	return true;
}

bool
claims_subject(const struct issuer *i, const struct json *payload, struct arena *mem,
	struct subject *ret, struct err *e)
{
	struct subject s = {.authenticated = true};

	if (!who(i, payload, NULL, mem, &s, e) || !scopes(i, payload, mem, &s, e) ||
		!groups(i, payload, NULL, mem, &s, e))
		return false;
	names(payload, mem, &s);
	assurance(i, payload, NULL, &s);
	if (mem->full)
		return err_set(e, ERR_LIMIT, NULL, "token: no memory left for this request");
	*ret = s;
	return true;
}

/* base64url of a SHA-256, in its one form. */
static bool
digest_text(const struct json *v, struct arena *mem, struct span *ret)
{
	uint8_t bytes[CRYPTO_SHA256_SIZE];
	struct span s = SPAN_NONE;
	size_t n = 0;

	if (!json_str(v, &s) || s.n != CLAIMS_BINDING_MAX ||
		!base64_url_decode(s, bytes, sizeof(bytes), &n) || n != sizeof(bytes))
		return false;
	*ret = arena_span(mem, s);
	return true;
}

bool
claims_binding(const struct json *payload, struct arena *mem, struct binding *ret, struct err *e)
{
	static const char ref[] = "RFC 7800 3.1";
	const struct json *cnf = json_get(payload, "cnf");
	const struct json *value = NULL;
	struct binding b = {SPAN_NONE, SPAN_NONE};
	struct span name = SPAN_NONE;
	void *at = NULL;

	if (cnf != NULL && (json_kind(cnf) != JSON_KIND_OBJECT || json_count(cnf) == 0))
		return err_set(e, ERR_UNAUTH, ref,
			"cnf: no object, or an empty one; expected one with jkt or x5t#S256");
	while (cnf != NULL && json_each(cnf, &at, &name, &value)) {
		bool jkt = span_is(name, "jkt");
		if (!jkt && !span_is(name, "x5t#S256"))
			return err_set(e, ERR_UNAUTH, ref,
				"cnf: bound to a key in a way that is not understood here; "
				"expected jkt or x5t#S256");
		if (!digest_text(value, mem, jkt ? &b.jkt : &b.x5t))
			return err_set(e, ERR_UNAUTH, jkt ? "RFC 9449 6.1" : "RFC 8705 3.1",
				"cnf: %s is not the base64url of a SHA-256",
				jkt ? "jkt" : "x5t#S256");
	}
	if (mem->full)
		return err_set(e, ERR_LIMIT, NULL, "token: no memory left for this request");
	*ret = b;
	return true;
}

bool
claims_complete(const struct issuer *i, const struct json *payload, const struct json *answer,
	struct arena *mem, struct subject *s, struct err *e)
{
	struct subject more = *s;
	struct span acr;

	more.assurance = ASSURANCE_NONE;
	if (!who(i, payload, answer, mem, &more, e) || !groups(i, payload, answer, mem, &more, e))
		return false;
	assurance(i, payload, answer, &more);
	if (json_get_str(answer, "acr", &acr) && acr.n > 0 && acr.n <= CLAIMS_TEXT_MAX &&
		!span_control(acr))
		more.acr = arena_span(mem, acr);
	if (mem->full)
		return err_set(e, ERR_LIMIT, NULL, "token: no memory left for this request");
	*s = more;
	return true;
}

bool
claims_check(const struct issuer *i, const struct json *payload, int64_t now, struct arena *mem,
	struct claims *ret, struct err *e)
{
	struct claims c = {.life = {0, 0}};

	if (!claims_life(i, payload, now, &c.life, e) || !claims_audience(i, payload, e) ||
		!demands_check(i, payload, e) || !claims_binding(payload, mem, &c.binding, e) ||
		!claims_subject(i, payload, mem, &c.subject, e))
		return false;
	c.subject.expires = (int64_t)c.life.exp;
	*ret = c;
	return true;
}
