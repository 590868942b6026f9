/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/json.h"
#include "auth/introspect.h"
#include "tests/fuzz/hold.h"

#define NOW 1000000

static bool
is_one_of(const struct words *w, const struct json *v)
{
	struct span s;

	for (size_t k = 0; json_str(v, &s) && k < w->n; k++)
		if (span_eq(s, w->item[k]))
			return true;
	return false;
}

static bool
says_active(const struct json *body)
{
	bool yes = false;

	return json_truth(json_get(body, "active"), &yes) && yes;
}

/* The audience is the issuer's, or, where none is named, the client or the settings allow that. */
static bool
for_us(const struct issuer *i, const struct json *body)
{
	const struct json *aud = json_get(body, "aud");
	bool ok = is_one_of(&i->audience, aud);

	for (size_t k = 0; k < json_count(aud); k++)
		ok = ok || is_one_of(&i->audience, json_at(aud, k));
	if (aud != NULL)
		return ok;
	return i->settings->introspection_audience || is_one_of(&i->azp, json_get(body, "azp")) ||
	       is_one_of(&i->azp, json_get(body, "client_id"));
}

static void
person(const struct issuer *i, const struct subject *s)
{
	hold(s->authenticated && span_eq(s->iss, i->iss));
	hold(s->sub.n > 0 && s->sub.n <= CLAIMS_TEXT_MAX);
	for (size_t k = 0; k < s->sub.n; k++)
		hold((unsigned char)s->sub.p[k] >= 0x20 && s->sub.p[k] != 0x7f);
	hold(s->n_entitlements <= CLAIMS_ENTITLEMENTS_MAX);
}

/* Nothing is accepted that is not active, for us, alive, and about somebody. */
static void
opaque(const struct issuer *i, struct span text, struct arena *mem)
{
	AUTO_JSON body = json_parse(text, NULL, NULL);
	struct claims c;
	struct err e = {.code = ERR_NONE};
	struct span type;
	double exp = 0;

	if (!introspect_judge(i, text, NOW, mem, &c, &e)) {
		hold(e.code == ERR_UNAUTH || e.code == ERR_UPSTREAM || e.code == ERR_LIMIT);
		return;
	}
	hold(body != NULL && says_active(body) && for_us(i, body));
	hold(c.life.exp > NOW && claims_alive(&c.life, i->leeway, NOW, NULL));
	hold(json_f64(json_get(body, "exp"), &exp)
			? exp >= c.life.exp && exp <= c.life.exp
			: !i->settings->introspection_exp && c.life.exp <= NOW + INTROSPECT_LIFE);
	hold(json_get(body, "cnf") == NULL || c.binding.jkt.n > 0 || c.binding.x5t.n > 0);
	hold(json_get(body, "token_type") == NULL || c.binding.jkt.n > 0 ||
		(json_get_str(body, "token_type", &type) && span_eq_nocase(type, SPAN("bearer"))));
	person(i, &c.subject);
}

/* An answer neither lengthens a token nor makes another person of it. */
static void
enriched(const struct issuer *i, const struct introspect_texts *t, struct arena *mem)
{
	AUTO_JSON payload = json_parse(t->payload, NULL, NULL);
	AUTO_JSON body = json_parse(t->body, NULL, NULL);
	struct claims alone;
	struct claims c;
	struct span own;
	struct span given;

	if (!introspect_enrich(i, t, NOW, mem, &c, NULL))
		return;
	hold(payload != NULL && body != NULL && claims_check(i, payload, NOW, mem, &alone, NULL));
	hold(alone.subject.expires == c.subject.expires &&
		alone.subject.n_read_paths == c.subject.n_read_paths &&
		span_eq(alone.subject.jti, c.subject.jti));
	hold(json_get_str(payload, "sub", &own) && json_get_str(body, "sub", &given) &&
		span_eq(own, given));
	hold(i->settings->enrich != ENRICH_INTROSPECTION || says_active(body));
	person(i, &c.subject);
}

/* First byte: the issuer's settings.  Then an answer; or, with bit 16, a payload, a line end and
 * the answer about it. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ARENA mem = {0};

	if (size == 0 || !arena_init(&mem, 4U << 20))
		return 0;
	struct span rest = {(const char *)data + 1, size - 1};
	const struct settings_issuer settings = {.introspection_exp = (data[0] & 1) != 0,
		.introspection_audience = (data[0] & 2) != 0,
		.enrich = (data[0] & 4) != 0 ? ENRICH_USERINFO : ENRICH_INTROSPECTION};
	struct issuer i = {.iss = SPAN("https://a.test"),
		.settings = &settings,
		.audience = {.item = {SPAN("d")}, .n = 1},
		.azp = {.item = {SPAN("c")}, .n = (data[0] & 8) != 0},
		.groups = {.item = {SPAN("groups"), SPAN("a/b")}, .n = 2},
		.user = SPAN("uid"),
		.user_else = SPAN("sub"),
		.path_scopes = (data[0] & 32) != 0,
		.read_word = SPAN("storage.read"),
		.leeway = 30};

	if ((data[0] & 16) == 0) {
		opaque(&i, rest, &mem);
		return 0;
	}
	struct span payload = span_cut(&rest, '\n');
	enriched(&i, &(struct introspect_texts){payload, rest}, &mem);
	return 0;
}
