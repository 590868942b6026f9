/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/buf.h"
#include "auth/claims.h"
#include "auth/entitlement.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW 1800000000

static const char *const clients[] = {"cli"};
static const char *const spaces[] = {"urn:x:y"};
static const char *const needed[] = {"jti"};

/* The first byte: the profile, and what is set beside it. */
static bool
make(uint8_t how, struct settings_issuer *s, struct issuers *ret)
{
	const struct profile *p = profiles_at(how % 7U);
	const struct settings settings = {.issuers = s, .n_issuers = 1};
	AUTO_BUF report = BUF_INIT(8192);

	*s = (struct settings_issuer){.issuer = "https://a.test",
		.profile = p->name,
		.require_kid = -1,
		.path_scopes = (how & 8) != 0 ? 1 : -1,
		.allow_any_audience = -1,
		.require_iat = (how & 16) != 0 ? 1 : -1,
		.max_lifetime = (how & 16) != 0 ? 3600 : 0};
	if ((how & 32) != 0)
		s->azp = (struct settings_list){clients, 1};
	if ((how & 64) != 0)
		s->entitlement_namespaces = (struct settings_list){spaces, 1};
	if ((how & 128) != 0)
		s->require_claims = (struct settings_list){needed, 1};
	return issuers_load(&settings, SPAN("https://d.test/"), &report, ret, NULL);
}

static void
is(bool fact)
{
	if (!fact)
		abort();
}

static bool
listed(const struct words *w, const struct json *v)
{
	struct span s = SPAN_NONE;

	for (size_t k = 0; json_str(v, &s) && k < w->n; k++)
		if (span_eq(w->item[k], s))
			return true;
	return false;
}

/* aud names us, or is absent and the client is on the list. */
static bool
for_us(const struct issuer *i, const struct json *j)
{
	const struct json *aud = json_get(j, "aud");
	bool found = listed(&i->audience, aud);

	for (size_t k = 0; json_kind(aud) == JSON_KIND_LIST && k < json_count(aud); k++)
		found = found || listed(&i->audience, json_at(aud, k));
	return aud != NULL ? found : listed(&i->azp, json_get(j, "azp"));
}

/* Every entitlement is its own normal form, and of a namespace that the issuer may give. */
static void
check_groups(const struct issuer *i, const struct subject *s, struct arena *mem)
{
	struct entitlement t;

	is(s->n_entitlements <= CLAIMS_ENTITLEMENTS_MAX);
	for (size_t k = 0; k < s->n_entitlements; k++) {
		size_t mark = mem->used;
		is(entitlement_parse(s->entitlements[k], mem, &t));
		is(span_eq(t.text, s->entitlements[k]) && t.text.n > 0);
		if (i->namespaces.n > 0 && span_eq_nocase(span_first(t.text, 4), SPAN("urn:")))
			is(span_eq_nocase(t.space, SPAN("urn:x:y")));
		arena_rewind(mem, mark);
	}
}

/*
 * What is accepted was not expired, was for us, and is somebody with a name; what it may read lies
 * below the base path; a refusal says which claim, in printable words.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct json_limits limits = {
		.bytes = 16384, .depth = 32, .members = 256, .object = true, .no_nul = true};
	struct settings_issuer s;
	struct issuers all;
	AUTO_ARENA mem = {0};
	struct claims c;
	struct err e = {.code = ERR_NONE};
	double exp = 0;

	if (size < 2 || !make(data[0], &s, &all))
		return 0;
	const struct issuer *i = &all.item[0];
	AUTO_JSON j = json_parse((struct span){(const char *)data + 1, size - 1}, &limits, NULL);
	bool room = arena_init(&mem, 1U << 20);
	if (j != NULL && room && claims_check(i, j, NOW, &mem, &c, &e)) {
		const struct subject *who = &c.subject;
		is(json_f64(json_get(j, "exp"), &exp) && exp > NOW && for_us(i, j));
		is(who->authenticated && who->sub.n > 0 && !span_control(who->sub));
		is(who->sub.n <= CLAIMS_TEXT_MAX && span_is(who->iss, "https://a.test"));
		is(who->scoped == i->path_scopes && who->n_scopes <= CLAIMS_SCOPES_MAX);
		for (size_t k = 0; k < who->n_read_paths; k++)
			is(span_starts(who->read_paths[k], SPAN("/")) &&
				!span_has(who->read_paths[k], '\n'));
		if (i->required.n > 0)
			is(json_get(j, "jti") != NULL);
		check_groups(i, who, &mem);
	} else if (j != NULL && room) {
		is(e.code == ERR_UNAUTH && span_has(span_of(e.msg), ':') && e.ref != NULL);
	}
	issuers_fini(&all);
	return 0;
}
