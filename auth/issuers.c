/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/issuers.h"

#include <stdlib.h>
#include <string.h>

/* What a profile presets; each can be set singly in the configuration.  Reference: section 2. */
static const struct profile {
	const char *name;
	const char *alias;  /* an older spelling */
	const char *typ[4]; /* "absent" for a token without typ */
	const char *user, *user_else;
	const char *groups[4];
	const char *read_word;
	bool require_kid, path_scopes, edu_id;
	const char *id_scope; /* of edu_id; NULL: any */
	const char *any;      /* the audience that means "whoever": with allow_any_audience alone */
} profiles[] = {
	{.name = "generic",
		.alias = "rfc9068",
		.typ = {"at+jwt"},
		.user = "sub",
		.groups = {"groups", "entitlements", "roles"},
		.read_word = "storage.read"},
	{.name = "wlcg",
		.typ = {"at+jwt", "JWT", "absent"},
		.user = "sub",
		.groups = {"wlcg.groups"},
		.read_word = "storage.read",
		.require_kid = true,
		.path_scopes = true,
		.any = "https://wlcg.cern.ch/jwt/v1/any"},
	{.name = "scitokens",
		.typ = {"at+jwt", "JWT", "absent"},
		.user = "sub",
		.read_word = "read",
		.require_kid = true,
		.path_scopes = true,
		.any = "ANY"},
	{.name = "egi-checkin",
		.alias = "egi",
		.typ = {"JWT"},
		.user = "voperson_id",
		.user_else = "sub",
		.groups = {"eduperson_entitlement"},
		.read_word = "storage.read",
		.require_kid = true},
	{.name = "eduteams",
		.typ = {"JWT", "at+jwt", "absent"},
		.user = "sub",
		.groups = {"eduperson_entitlement"},
		.read_word = "storage.read",
		.edu_id = true,
		.id_scope = "eduteams.org"},
	{.name = "keycloak",
		.typ = {"JWT", "at+jwt"},
		.user = "sub",
		.groups = {"groups", "realm_access/roles"},
		.read_word = "storage.read",
		.require_kid = true},
	{.name = "umbrellaid",
		.alias = "umbrella",
		.typ = {"JWT", "at+jwt", "absent"},
		.user = "sub",
		.groups = {"eduperson_entitlement"},
		.read_word = "storage.read",
		.edu_id = true},
};
#define PROFILES (sizeof(profiles) / sizeof(profiles[0]))

struct loading {
	const struct settings *s;
	const struct settings_issuer *from;
	struct buf *report;
	bool bad;
};

static void
complain(struct loading *l, const char *what, const char *value)
{
	buf_addf(l->report, "%s:%u:1: error: issuer %s: %s%s%s\n",
		l->s->file != NULL ? l->s->file : "agent.yaml", l->from->line,
		l->from->issuer != NULL ? l->from->issuer : "?", what, value != NULL ? ": " : "",
		value != NULL ? value : "");
	l->bad = true;
}

static void
warn(struct loading *l, const char *what)
{
	buf_addf(l->report, "%s:%u:1: warning: issuer %s: %s\n",
		l->s->file != NULL ? l->s->file : "agent.yaml", l->from->line, l->from->issuer,
		what);
}

static void
add(struct loading *l, struct words *w, const char *key, struct span s)
{
	if (w->n == ISSUERS_WORDS) {
		complain(l, "too many values (at most 34)", key);
		return;
	}
	w->item[w->n++] = s;
}

static void
add_all(struct loading *l, struct words *w, const char *key, const struct settings_list *from)
{
	for (size_t i = 0; i < from->n; i++) {
		if (from->item[i][0] == '\0')
			complain(l, "an empty value", key);
		else
			add(l, w, key, span_of(from->item[i]));
	}
}

/* RFC 7515 4.1.9: "application/" may be left out of a media type without another slash. */
static struct span
bare_type(struct span typ)
{
	static const struct span prefix = SPAN_INIT("application/");

	if (typ.n > prefix.n && span_eq_nocase(span_first(typ, prefix.n), prefix) &&
		!span_has(span_skip(typ, prefix.n), '/'))
		return span_skip(typ, prefix.n);
	return typ;
}

static void
load_typ(struct loading *l, const struct profile *p, struct issuer *i)
{
	const struct settings_list *own = &l->from->typ;
	const char *const *from = own->n > 0 ? own->item : p->typ;
	size_t n = own->n > 0 ? own->n : sizeof(p->typ) / sizeof(p->typ[0]);

	for (size_t k = 0; k < n && from[k] != NULL; k++) {
		if (strcmp(from[k], "absent") == 0)
			i->typ_absent = true;
		else
			add(l, &i->typ, "typ", bare_type(span_of(from[k])));
	}
}

static void
load_algs(struct loading *l, struct issuer *i)
{
	const struct settings_list *own = &l->from->algorithms;

	if (own->n == 0)
		i->algs = 1U << JWS_RS256 | 1U << JWS_ES256;
	for (size_t k = 0; k < own->n; k++) {
		int alg = jws_alg_of(span_of(own->item[k]));
		if (alg < 0)
			complain(l, "algorithms: not one of RS256, ES256, PS256, ES384",
				own->item[k]);
		else
			i->algs |= 1U << alg;
	}
}

/* AUD-1: the public origin in both spellings, unless the configuration names others. */
static void
load_audience(struct loading *l, const struct profile *p, struct span origin, struct issuer *i)
{
	add_all(l, &i->audience, "audience", &l->from->audience);
	add_all(l, &i->azp, "azp", &l->from->azp);
	if (i->audience.n == 0 && origin.n > 1) {
		add(l, &i->audience, "audience", origin);
		add(l, &i->audience, "audience", span_first(origin, origin.n - 1));
	}
	if (l->from->allow_any_audience != 1)
		return;
	if (p->any == NULL) {
		complain(l, "allow_any_audience: its profile has no such value", p->name);
		return;
	}
	add(l, &i->audience, "audience", span_of(p->any));
	warn(l, "allow_any_audience: tokens that were made for any service are accepted");
}

static bool
flag(int own, bool preset)
{
	return own < 0 ? preset : own == 1;
}

static void
load_rest(struct loading *l, const struct profile *p, struct issuer *i)
{
	const struct settings_issuer *own = l->from;

	i->several = l->s->n_issuers > 1;
	i->require_kid = flag(own->require_kid, p->require_kid);
	i->require_iat = flag(own->require_iat, false);
	i->path_scopes = flag(own->path_scopes, p->path_scopes);
	i->read_word = span_of(p->read_word);
	i->edu_id = p->edu_id && own->user_claim == NULL;
	i->id_scope = span_of(own->id_scope != NULL ? own->id_scope : p->id_scope);
	i->user = span_of(own->user_claim != NULL ? own->user_claim : p->user);
	i->user_else = span_of(own->user_claim != NULL ? NULL : p->user_else);
	i->leeway = own->clock_leeway > 0 ? own->clock_leeway : 30;
	if (i->leeway < 5 || i->leeway > 100)
		complain(l, "clock_leeway: expected 5 to 100 seconds", NULL);
	add_all(l, &i->namespaces, "entitlement_namespaces", &own->entitlement_namespaces);
	if (own->entitlement_claim != NULL)
		add(l, &i->groups, "entitlement_claim", span_of(own->entitlement_claim));
	for (size_t k = 0; own->entitlement_claim == NULL && k < 4 && p->groups[k] != NULL; k++)
		add(l, &i->groups, "entitlement_claim", span_of(p->groups[k]));
	i->base_path = span_of(own->base_path != NULL ? own->base_path : "/");
	if (!span_starts(i->base_path, SPAN("/")))
		complain(l, "base_path: expected an absolute path", own->base_path);
	while (span_ends(i->base_path, SPAN("/")))
		i->base_path.n--;
	if (l->s->n_issuers > 1 && i->namespaces.n == 0 && i->groups.n > 0)
		warn(l, "no entitlement_namespaces: its tokens may carry any group, so groups "
			"count "
			"only in rules and teams that name the issuer too");
}

static void
load_one(struct loading *l, struct span origin, struct issuer *i)
{
	const char *name = l->from->profile != NULL ? l->from->profile : "generic";
	const struct profile *p = NULL;

	for (size_t k = 0; k < PROFILES; k++)
		if (strcmp(profiles[k].name, name) == 0 ||
			(profiles[k].alias != NULL && strcmp(profiles[k].alias, name) == 0))
			p = &profiles[k];
	if (p == NULL) {
		complain(l,
			"profile: not one of generic, wlcg, scitokens, egi-checkin, "
			"eduteams, keycloak, umbrellaid",
			name);
		return;
	}
	if (l->from->issuer == NULL || l->from->issuer[0] == '\0') {
		complain(l, "issuer: the text of `iss` is missing", NULL);
		return;
	}
	i->iss = span_of(l->from->issuer);
	i->settings = l->from;
	i->profile = p->name;
	load_typ(l, p, i);
	load_algs(l, i);
	load_audience(l, p, origin, i);
	load_rest(l, p, i);
}

bool
issuers_load(const struct settings *s, struct span origin, struct buf *report, struct issuers *ret,
	struct err *e)
{
	struct issuers all = {calloc(s->n_issuers + 1, sizeof(struct issuer)), s->n_issuers};
	struct loading l = {.s = s, .report = report};

	if (all.item == NULL)
		return err_set(e, ERR_SYSTEM, NULL, "issuers: no memory");
	for (size_t k = 0; k < s->n_issuers; k++) {
		l.from = &s->issuers[k];
		load_one(&l, origin, &all.item[k]);
		const struct issuers before = {all.item, k};
		if (issuers_find(&before, all.item[k].iss) != NULL)
			complain(&l, "the same issuer stands twice", NULL);
	}
	if (l.bad) {
		issuers_fini(&all);
		return err_set(e, ERR_SYNTAX, NULL, "issuers: the configuration has errors");
	}
	*ret = all;
	return true;
}

void
issuers_fini(struct issuers *i)
{
	free(i->item);
	*i = (struct issuers){NULL, 0};
}

const struct issuer *
issuers_find(const struct issuers *i, struct span iss)
{
	for (size_t k = 0; k < i->n; k++)
		if (iss.n > 0 && span_eq(i->item[k].iss, iss))
			return &i->item[k];
	return NULL;
}

static bool
known_typ(const struct issuer *i, struct span typ)
{
	if (typ.p == NULL)
		return i->typ_absent;
	for (size_t k = 0; k < i->typ.n; k++)
		if (span_eq_nocase(bare_type(typ), i->typ.item[k]))
			return true;
	return false;
}

bool
issuers_header(const struct issuer *i, const struct jws *j, struct err *e)
{
	if ((i->algs >> j->alg & 1U) == 0)
		return err_set(e, ERR_UNAUTH, "RFC 8725 3.1",
			"alg: %s is not one that this issuer may use (algorithms)",
			jws_alg_names[j->alg]);
	if (!known_typ(i, j->typ)) {
		struct span got = j->typ.p != NULL ? span_first(j->typ, 40) : SPAN("absent");
		struct span want = i->typ.n > 0 ? i->typ.item[0] : SPAN("no typ");
		return err_set(e, ERR_UNAUTH, "RFC 8725 3.11",
			"typ: %.*s; not an access token here, expected %.*s (setting typ)",
			SPAN_ARG(got), SPAN_ARG(want));
	}
	if (j->kid.p == NULL && i->require_kid)
		return err_set(e, ERR_UNAUTH, "RFC 7515 4.1.4",
			"kid: absent; this issuer's tokens name their key (require_kid)");
	return true;
}

static void
write_words(struct buf *out, const char *key, const struct words *w)
{
	buf_addf(out, "%s:", key);
	for (size_t i = 0; i < w->n; i++) {
		buf_adds(out, i > 0 ? ", " : " ");
		buf_add(out, w->item[i]);
	}
	buf_addc(out, '\n');
}

void
issuers_write(const struct issuer *i, struct buf *out)
{
	buf_addf(out, "issuer: %.*s\nprofile: %s\nalgorithms:", SPAN_ARG(i->iss), i->profile);
	for (unsigned a = 0; a < JWS_ALG_COUNT; a++)
		if ((i->algs >> a & 1U) != 0)
			buf_addf(out, " %s", jws_alg_names[a]);
	buf_addc(out, '\n');
	write_words(out, "typ", &i->typ);
	buf_addf(out, "typ absent: %s\n", i->typ_absent ? "yes" : "no");
	write_words(out, "audience", &i->audience);
	write_words(out, "azp (when aud is absent)", &i->azp);
	buf_addf(out, "user_claim: %.*s\n", SPAN_ARG(i->user));
	write_words(out, "entitlement_claim", &i->groups);
	write_words(out, "entitlement_namespaces", &i->namespaces);
	buf_addf(out, "require_kid: %s\nrequire_iat: %s\npath_scopes: %s\n",
		i->require_kid ? "yes" : "no", i->require_iat ? "yes" : "no",
		i->path_scopes ? "yes" : "no");
	buf_addf(out, "base_path: %.*s/\nclock_leeway: %u\n", SPAN_ARG(i->base_path), i->leeway);
}
