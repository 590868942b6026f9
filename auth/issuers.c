/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/issuers.h"

#include "agent/base/settings_issuer.h"

#include <stdlib.h>
#include <string.h>

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
	size_t n = own->n > 0 ? own->n : PROFILES_LIST;

	for (size_t k = 0; k < n && from[k] != NULL; k++) {
		if (strcmp(from[k], "absent") == 0)
			i->typ_absent = true;
		else
			add(l, &i->typ, "typ", bare_type(span_of(from[k])));
	}
}

static void
load_algs(struct loading *l, const struct profile *p, struct issuer *i)
{
	const struct settings_list *own = &l->from->algorithms;
	const char *const *from = own->n > 0 ? own->item : p->algorithms;
	size_t n = own->n > 0 ? own->n : PROFILES_LIST;

	for (size_t k = 0; k < n && from[k] != NULL; k++) {
		int alg = jws_alg_of(span_of(from[k]));
		if (alg < 0)
			complain(l, "algorithms: not one of RS256, ES256, PS256, ES384", from[k]);
		else
			i->algs |= 1U << alg;
	}
}

/* Could it stand in `aud` at all (RFC 7519 4.1.3: a StringOrURI)? */
static void
check_audience(struct loading *l, const char *text)
{
	struct span s = span_of(text);

	if (span_control(s) || span_has(s, ' '))
		warn(l, "audience: holds a blank or a control character; no token will have it");
}

/* AUD-1: the public origin in both spellings, unless the configuration names others. */
static void
load_audience(struct loading *l, const struct profile *p, struct span origin, struct issuer *i)
{
	add_all(l, &i->audience, "audience", &l->from->audience);
	add_all(l, &i->azp, "azp", &l->from->azp);
	for (size_t k = 0; k < l->from->audience.n; k++)
		check_audience(l, l->from->audience.item[k]);
	if (i->audience.n == 0 && origin.n > 1) {
		add(l, &i->audience, "audience", origin);
		add(l, &i->audience, "audience", span_first(origin, origin.n - 1));
	}
	if (i->audience.n == 0)
		complain(l, "audience: missing, and there is no public_url to take for it", NULL);
	if (i->azp.n > 0)
		warn(l, "azp: tokens without an audience are accepted from the clients of this "
			"list, for whatever service they were made");
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

/* Who somebody is: the unique id and its form, assurance, groups and who may assert them. */
static void
load_identity(struct loading *l, const struct profile *p, struct issuer *i)
{
	const struct settings_issuer *own = l->from;

	i->edu_id = p->edu_id && own->user_claim == NULL;
	i->id_scope = span_of(own->id_scope != NULL ? own->id_scope : p->id_scope);
	i->user = span_of(own->user_claim != NULL ? own->user_claim : p->user);
	i->user_else = span_of(own->user_claim != NULL ? NULL : p->user_else);
	i->assurance = span_of(p->assurance);
	if (own->id_scope != NULL && !i->edu_id)
		complain(l,
			"id_scope: the unique id of its profile has no scope (or user_claim "
			"names another)",
			p->name);
	add_all(l, &i->namespaces, "entitlement_namespaces", &own->entitlement_namespaces);
	if (own->entitlement_claim != NULL)
		add(l, &i->groups, "entitlement_claim", span_of(own->entitlement_claim));
	for (size_t k = 0; own->entitlement_claim == NULL && k < PROFILES_LIST && p->groups[k]; k++)
		add(l, &i->groups, "entitlement_claim", span_of(p->groups[k]));
	if (l->s->n_issuers > 1 && i->namespaces.n == 0 && i->groups.n > 0)
		warn(l, "no entitlement_namespaces: its tokens may carry any group, so groups "
			"count only in rules and teams that name the issuer too");
}

static void
load_rest(struct loading *l, const struct profile *p, struct issuer *i)
{
	const struct settings_issuer *own = l->from;

	i->several = l->s->n_issuers > 1;
	i->require_kid = flag(own->require_kid, p->require_kid);
	i->require_iat = flag(own->require_iat, p->require_iat);
	i->path_scopes = flag(own->path_scopes, p->path_scopes);
	i->read_word = span_of(p->read_word);
	i->write_words = p->write_words != NULL ? span_of(p->write_words)
						: SPAN("storage.create storage.modify");
	i->max_lifetime = own->max_lifetime;
	add_all(l, &i->required, "require_claims", &own->require_claims);
	i->leeway = own->clock_leeway > 0 ? own->clock_leeway : 30;
	if (i->leeway < 5 || i->leeway > 100)
		complain(l, "clock_leeway: expected 5 to 100 seconds", NULL);
	i->base_path = span_of(own->base_path != NULL ? own->base_path : "/");
	if (!span_starts(i->base_path, SPAN("/")))
		complain(l, "base_path: expected an absolute path", own->base_path);
	while (span_ends(i->base_path, SPAN("/")))
		i->base_path.n--;
}

/* What stands there but is not read, for want of another setting: somebody meant something by it.
 */
static void
warn_unread(struct loading *l)
{
	const struct settings_issuer *s = l->from;
	bool asks = s->token_kind != TOKEN_JWT || s->enrich == ENRICH_INTROSPECTION;
	bool fetched = settings_issuer_fetched(s);
	const struct {
		bool unread;
		const char *what;
	} rows[] = {
		{!asks && s->client_id != NULL,
			"client_id: not used without introspection (token_kind, enrich)"},
		{!asks && s->client_secret_file != NULL,
			"client_secret_file: not used without introspection (token_kind, enrich)"},
		{!asks && s->introspection_endpoint != NULL,
			"introspection_endpoint: not used without introspection (token_kind, "
			"enrich)"},
		{s->jwks_uri != NULL && s->jwks_file != NULL,
			"jwks_uri: not used, the keys come from jwks_file"},
		{s->discovery != NULL && !fetched,
			"discovery: not used, nothing is asked of this issuer (jwks_file)"},
		{s->ca_file != NULL && !fetched,
			"ca_file: not used, nothing is asked of this issuer (jwks_file)"},
		{s->web_scopes.n > 0 && s->web_client_id == NULL,
			"web_scopes: not used without web_client_id"},
		{s->formerly.n > 0 && l->s->accounts == NULL,
			"formerly: not used without the file `accounts`"},
	};

	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++)
		if (rows[k].unread)
			warn(l, rows[k].what);
}

static void
load_one(struct loading *l, struct span origin, struct issuer *i)
{
	const char *name = l->from->profile != NULL ? l->from->profile : "generic";
	const struct profile *p = profiles_find(name);

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
	i->preset = p;
	load_typ(l, p, i);
	load_algs(l, p, i);
	load_audience(l, p, origin, i);
	load_identity(l, p, i);
	load_rest(l, p, i);
	warn_unread(l);
}

/* An older name is for account links; it may not mean two issuers. */
static void
check_formerly(struct loading *l, const struct issuers *all, size_t at)
{
	const struct settings_list *own = &l->s->issuers[at].formerly;

	for (size_t k = 0; k < own->n; k++) {
		if (issuers_find(all, span_of(own->item[k])) != NULL)
			complain(l, "formerly: this is an issuer of today", own->item[k]);
		for (size_t m = 0; m < at; m++)
			for (size_t n = 0; n < l->s->issuers[m].formerly.n; n++)
				if (strcmp(l->s->issuers[m].formerly.item[n], own->item[k]) == 0)
					complain(l, "formerly: two issuers had this name",
						own->item[k]);
	}
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
	for (size_t k = 0; k < s->n_issuers; k++) {
		l.from = &s->issuers[k];
		check_formerly(&l, &all, k);
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

bool
issuers_claim(const struct issuers *all, const struct json *payload, const struct issuer **ret,
	struct err *e)
{
	const struct json *v = json_get(payload, "iss");
	struct span iss = SPAN_NONE;

	if (!json_str(v, &iss))
		return err_set(e, ERR_UNAUTH, "RFC 9068 2.2", "iss: is %s; expected a string",
			json_kind_name(json_kind(v)));
	const struct issuer *i = issuers_find(all, iss);
	if (i == NULL)
		return err_set(e, ERR_UNAUTH, "RFC 9068 4",
			"iss: %.*s is not trusted by this server (setting issuers)",
			SPAN_ARG(span_first(iss, 80)));
	*ret = i;
	return i->settings->token_kind != TOKEN_OPAQUE ||
	       err_set(e, ERR_UNAUTH, "RFC 7662",
		       "token: a JWT; of this issuer opaque tokens are taken (setting token_kind)");
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

static void
write_list(struct buf *out, const char *key, const struct settings_list *list)
{
	if (list->n == 0)
		return;
	buf_addf(out, "%s: ", key);
	for (size_t i = 0; i < list->n; i++)
		buf_addf(out, "%s%s", i > 0 ? ", " : "", list->item[i]);
	buf_addc(out, '\n');
}

static void
write_text(struct buf *out, const char *key, const char *value)
{
	if (value != NULL)
		buf_addf(out, "%s: %s\n", key, value);
}

static const char *
yes(bool b)
{
	return b ? "yes" : "no";
}

/* Which tokens are taken at all. */
static void
write_tokens(const struct issuer *i, struct buf *out)
{
	buf_addf(out, "issuer: %.*s\nprofile: %s\nalgorithms:", SPAN_ARG(i->iss), i->profile);
	for (unsigned a = 0; a < JWS_ALG_COUNT; a++)
		if ((i->algs >> a & 1U) != 0)
			buf_addf(out, " %s", jws_alg_names[a]);
	buf_addc(out, '\n');
	write_words(out, "typ", &i->typ);
	buf_addf(out, "typ absent: %s\n", yes(i->typ_absent));
	write_words(out, "audience", &i->audience);
	write_words(out, "azp (when aud is absent)", &i->azp);
	buf_addf(out, "require_kid: %s\nrequire_iat: %s\n", yes(i->require_kid),
		yes(i->require_iat));
	write_words(out, "require_claims", &i->required);
	buf_addf(out, "max_lifetime: %u%s\nclock_leeway: %u\n", i->max_lifetime,
		i->max_lifetime == 0 ? " (not limited)" : "", i->leeway);
}

/* Who somebody is, and what the token lets him do. */
static void
write_identity(const struct issuer *i, struct buf *out)
{
	buf_addf(out, "user_claim: %.*s\n", SPAN_ARG(i->user));
	if (i->user_else.p != NULL)
		buf_addf(out, "user_claim, else: %.*s\n", SPAN_ARG(i->user_else));
	if (i->edu_id)
		buf_addf(out, "form of the id: id@%.*s\n",
			SPAN_ARG(i->id_scope.p != NULL ? i->id_scope : SPAN("(any scope)")));
	write_words(out, "entitlement_claim", &i->groups);
	write_words(out, "entitlement_namespaces", &i->namespaces);
	buf_addf(out, "claim of assurance: %.*s\n", SPAN_ARG(i->assurance));
	buf_addf(out,
		"path_scopes: %s\nscope word: %.*s\nscope words to write: %.*s\nbase_path: %.*s/\n",
		yes(i->path_scopes), SPAN_ARG(i->read_word), SPAN_ARG(i->write_words),
		SPAN_ARG(i->base_path));
	write_list(out, "formerly", &i->settings->formerly);
}

/* What is asked of the issuer, and what clients are told of it. */
static void
write_contacts(const struct settings_issuer *s, struct buf *out)
{
	static const char *const kinds[] = {"jwt", "opaque", "both"};
	static const char *const enriches[] = {"no", "introspection", "userinfo"};
	static const char *const dpops[] = {"no", "optional", "required"};
	static const char *const audiences[] = {"resource", "audience", "none"};

	if (s->jwks_file != NULL)
		buf_addf(out, "jwks_file: %s\n", s->jwks_file);
	else
		buf_addf(out, "keys: fetched, every %u s, used for %u s at most\n", s->refresh,
			s->stale_max);
	write_text(out, "jwks_uri", s->jwks_uri);
	write_text(out, "discovery", s->discovery);
	write_text(out, "ca_file", s->ca_file);
	buf_addf(out, "token_kind: %s\nenrich: %s\ndpop: %s\n", kinds[s->token_kind],
		enriches[s->enrich], dpops[s->dpop]);
	write_text(out, "introspection_endpoint", s->introspection_endpoint);
	write_text(out, "client_id", s->client_id);
	write_text(out, "login_client_id", s->login_client_id);
	write_list(out, "login_scopes", &s->login_scopes);
	buf_addf(out, "login_audience: %s\n", audiences[s->login_audience]);
	write_text(out, "web_client_id", s->web_client_id);
}

void
issuers_write(const struct issuer *i, struct buf *out)
{
	write_tokens(i, out);
	write_identity(i, out);
	write_contacts(i->settings, out);
}
