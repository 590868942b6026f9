/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/auth_explain.h"

#include "auth/claims.h"
#include "auth/credential.h"
#include "auth/demands.h"
#include "auth/entitlement.h"
#include "auth/jws.h"
#include "auth/keys.h"
#include "auth/path_scope.h"
#include "auth/proof.h"
#include "auth/trace.h"

#define GROUPS_MAX 40U /* entitlements that are shown one by one */

const char *const auth_explain_result_names[4] = {"ok", "failed", "skipped", "note"};

struct tracing {
	const struct auth_explain_case *c;
	const struct issuer *i;
	const struct jws *j;
	struct trace trace;
};

static struct span
claim(struct tracing *t, const char *name)
{
	return trace_json(&t->trace, json_get(t->j->payload, name));
}

/* ---- the checks ---- */

/* Is it a JWT that can be read?  False: there is nothing to go on with. */
static bool
check_form(struct tracing *t, struct span token, struct jws *j)
{
	struct credential got;
	struct err e = {.code = ERR_NONE};
	struct span field = arena_printf(t->trace.mem, "Bearer %.*s", SPAN_ARG(token));

	if (!credential_parse(field, &got, &e)) {
		(void)trace_fail(&t->trace, "token", &e);
		return false;
	}
	struct auth_explain_step *s = trace_add(&t->trace, "token", AUTH_EXPLAIN_OK);
	s->value = arena_printf(t->trace.mem, "%zu bytes", got.token.n);
	s->expected = arena_printf(t->trace.mem, "at most %u, b64token", CREDENTIAL_TOKEN_MAX);
	s->clause = SPAN("RFC 6750 2.1");
	if (got.kind != CREDENTIAL_JWT)
		return false;
	if (!jws_parse(got.token, t->trace.mem, j, &e)) {
		(void)trace_fail(&t->trace, "form", &e);
		return false;
	}
	s = trace_add(&t->trace, "form", AUTH_EXPLAIN_OK);
	s->value = arena_printf(t->trace.mem, "signed JWT; signature of %zu bytes", j->n_sig);
	s->expected = SPAN("three parts, canonical base64url, strict JSON");
	s->clause = SPAN("RFC 7515 7.1");
	return true;
}

/* INT-2, INT-3: the one issuer that takes opaque tokens is the one that can tell. */
static void
explain_opaque(struct tracing *t, struct span token)
{
	const struct issuers *all = t->c->issuers;
	struct err e = {.code = ERR_NONE};
	size_t at = 0;

	while (at < all->n && all->item[at].settings->token_kind == TOKEN_JWT)
		at++;
	if (at == all->n)
		(void)err_set(&e, ERR_UNAUTH, "RFC 9068 4",
			"token: not a signed JWT; no issuer here takes opaque tokens");
	else if (token.n < 8 || token.n > 4096 || span_has(token, '.'))
		(void)err_set(&e, ERR_UNAUTH, "RFC 6749 1.4",
			"token: neither a signed JWT nor an opaque token of 8 to 4096 characters");
	if (e.code != ERR_NONE) {
		(void)trace_fail(&t->trace, "opaque", &e);
		return;
	}
	t->trace.x->issuer = &all->item[at];
	t->trace.x->status = 0;
	trace_note(&t->trace, "introspection", AUTH_EXPLAIN_SKIPPED,
		trace_clean(&t->trace, all->item[at].iss),
		"an opaque token: only its issuer knows what it means, and is asked by the agent "
		"alone (RFC 7662)");
}

static bool
check_issuer(struct tracing *t)
{
	AUTO_BUF known = BUF_INIT(4096);
	struct err e = {.code = ERR_NONE};
	struct auth_explain_step *s = NULL;

	for (size_t k = 0; k < t->c->issuers->n; k++)
		buf_addf(&known, "%s%.*s", k > 0 ? ", " : "", SPAN_ARG(t->c->issuers->item[k].iss));
	bool ok = issuers_claim(t->c->issuers, t->j->payload, &t->i, &e);
	if (ok)
		s = trace_add(&t->trace, "iss", AUTH_EXPLAIN_OK);
	else
		s = trace_fail(&t->trace, "iss", &e);
	s->value = claim(t, "iss");
	s->expected = trace_clean(&t->trace, buf_span(&known));
	if (ok)
		s->clause = SPAN("RFC 9068 4");
	t->trace.x->issuer = t->i;
	return t->i != NULL;
}

static void
check_header(struct tracing *t)
{
	AUTO_BUF algs = BUF_INIT(256);
	struct err e = {.code = ERR_NONE};

	for (unsigned a = 0; a < JWS_ALG_COUNT; a++)
		if ((t->i->algs >> a & 1U) != 0)
			buf_addf(&algs, "%s%s", algs.n > 0 ? ", " : "", jws_alg_names[a]);
	bool ok = issuers_header(t->i, t->j, &e);
	const struct trace_row rows[] = {
		{"alg", "alg", span_of(jws_alg_names[t->j->alg]),
			trace_clean(&t->trace, buf_span(&algs)), "RFC 8725 3.1"},
		{"typ", "typ", trace_json(&t->trace, json_get(t->j->header, "typ")),
			trace_words(
				&t->trace, "", &t->i->typ, t->i->typ_absent ? ", or absent" : ""),
			"RFC 8725 3.11"},
		{"kid", "kid", trace_json(&t->trace, json_get(t->j->header, "kid")),
			t->i->require_kid ? SPAN("the name of a key")
					  : SPAN("the name of a key, or absent"),
			"RFC 7515 4.1.4"},
	};
	trace_rows(&t->trace, rows, sizeof(rows) / sizeof(rows[0]), ok, &e);
}

static void
check_life(struct tracing *t)
{
	struct err e = {.code = ERR_NONE};
	struct claims_life life;
	bool ok = claims_life(t->i, t->j->payload, t->c->now, &life, &e);
	const struct trace_row rows[] = {
		{"exp", "exp", trace_date(&t->trace, json_get(t->j->payload, "exp")),
			SPAN("a time to come"), "RFC 9068 4"},
		{"nbf", "nbf", trace_date(&t->trace, json_get(t->j->payload, "nbf")),
			arena_printf(t->trace.mem, "absent, or at most %u s ahead", t->i->leeway),
			"RFC 7519 4.1.5"},
		{"iat", "iat", trace_date(&t->trace, json_get(t->j->payload, "iat")),
			arena_printf(t->trace.mem, "%sat most %u s ahead",
				t->i->require_iat ? "" : "absent, or ", t->i->leeway),
			"RFC 7519 4.1.6"},
	};

	trace_rows(&t->trace, rows, sizeof(rows) / sizeof(rows[0]), ok, &e);
}

/* One check that has one row. */
static void
single(struct tracing *t, const struct trace_row *r, bool ok, const struct err *e)
{
	trace_rows(&t->trace, r, 1, ok, e);
}

static void
check_audience(struct tracing *t)
{
	struct err e = {.code = ERR_NONE};
	bool ok = claims_audience(t->i, t->j->payload, &e);
	bool by_client = t->i->azp.n > 0 && json_get(t->j->payload, "aud") == NULL;
	const struct trace_row r =
		by_client ? (struct trace_row){"azp", "azp", claim(t, "azp"),
				    trace_words(&t->trace, "no aud, so one of: ", &t->i->azp, ""),
				    "OpenID Connect Core 1.0, 2"}
			  : (struct trace_row){"aud", "aud", claim(t, "aud"),
				    trace_words(&t->trace, "one of: ", &t->i->audience, ""),
				    "RFC 9068 4"};

	single(t, &r, ok, &e);
}

static void
check_demands(struct tracing *t)
{
	const struct profile *p = t->i->preset;
	struct err e = {.code = ERR_NONE};

	if (t->i->max_lifetime > 0) {
		const struct trace_row r = {"lifetime", "exp", SPAN_NONE,
			arena_printf(
				t->trace.mem, "at most %u s from iat to exp", t->i->max_lifetime),
			"RFC 9068 4"};
		single(t, &r, demands_lifetime(t->i, t->j->payload, &e), &e);
	}
	if (p != NULL && p->version_claim != NULL) {
		const struct trace_row r = {p->version_claim, p->version_claim,
			claim(t, p->version_claim),
			arena_printf(t->trace.mem, "absent, or %s%s", p->versions[0],
				p->version_major ? ".x" : ""),
			NULL};
		single(t, &r, demands_version(t->i, t->j->payload, &e), &e);
	}
	if (t->i->required.n > 0) {
		const struct trace_row r = {"claims", "claims", SPAN_NONE,
			trace_words(&t->trace, "", &t->i->required, ""), "RFC 9068 4"};
		single(t, &r, demands_claims(t->i, t->j->payload, &e), &e);
	}
}

static bool
check_subject(struct tracing *t, struct binding *bound)
{
	struct err e = {.code = ERR_NONE};
	const struct trace_row cnf = {"cnf", "cnf", claim(t, "cnf"),
		SPAN("absent, or the key that the sender proves to hold"), "RFC 7800 3.1"};
	struct subject *s = &t->trace.x->subject;

	single(t, &cnf, claims_binding(t->j->payload, t->trace.mem, bound, &e), &e);
	e = (struct err){.code = ERR_NONE};
	bool ok = claims_subject(t->i, t->j->payload, t->trace.mem, s, &e);
	const struct trace_row rows[] = {
		{"user", "sub", ok ? trace_clean(&t->trace, s->sub) : claim(t, "sub"),
			arena_printf(t->trace.mem, "%.*s%s", SPAN_ARG(t->i->user),
				t->i->user_else.p != NULL ? ", else sub" : ""),
			"RFC 9068 2.2"},
		{"scope", "scope", claim(t, "scope"),
			t->i->path_scopes ? arena_printf(t->trace.mem, "%.*s:/PATH",
						    SPAN_ARG(t->i->read_word))
					  : SPAN("not looked at for this issuer"),
			"RFC 9068 2.2.3"},
		{"groups", "groups", SPAN_NONE, trace_words(&t->trace, "", &t->i->groups, ""),
			"AARC-G069"},
	};
	/* A claim of the id that is not called sub: its message begins with its own name. */
	struct span msg = span_of(e.msg);
	struct span begins = span_cut(&msg, ':');
	bool other = !ok && !span_is(begins, "scope") && !span_is(begins, "groups");
	trace_rows(&t->trace, rows, other ? 1 : sizeof(rows) / sizeof(rows[0]), ok, &e);
	return ok;
}

/* ---- groups ---- */

static bool
counts(const struct subject *s, struct span text)
{
	for (size_t k = 0; k < s->n_entitlements; k++)
		if (span_eq(s->entitlements[k], text))
			return true;
	return false;
}

static void
show_group(struct tracing *t, const struct json *v)
{
	struct entitlement e;
	struct span text = SPAN_NONE;

	if (!json_str(v, &text) || text.n == 0) {
		trace_note(&t->trace, "group", AUTH_EXPLAIN_NOTE, trace_json(&t->trace, v),
			"not a text: left out");
		return;
	}
	if (!entitlement_parse(text, t->trace.mem, &e))
		return;
	if (counts(&t->trace.x->subject, e.text))
		trace_note(
			&t->trace, "group", AUTH_EXPLAIN_OK, trace_clean(&t->trace, e.text), NULL);
	else
		trace_note(&t->trace, "group", AUTH_EXPLAIN_NOTE, trace_clean(&t->trace, e.text),
			"does not count: its namespace is not in entitlement_namespaces of this "
			"issuer (ENT-5)");
}

static void
show_groups(struct tracing *t)
{
	unsigned shown = 0;

	for (size_t k = 0; k < t->i->groups.n; k++) {
		const struct json *v = claims_at(t->j->payload, t->i->groups.item[k]);
		bool list = json_kind(v) == JSON_KIND_LIST;
		size_t n = list ? json_count(v) : v != NULL;
		for (size_t m = 0; m < n && shown < GROUPS_MAX; m++, shown++)
			show_group(t, list ? json_at(v, m) : v);
	}
	if (t->trace.x->subject.n_entitlements > GROUPS_MAX)
		trace_note(&t->trace, "group", AUTH_EXPLAIN_NOTE,
			arena_printf(t->trace.mem, "%zu values count",
				t->trace.x->subject.n_entitlements),
			"only the first ones are shown");
}

/* ---- signature, and what comes behind it ---- */

static bool
no_keys(const struct tracing *t, struct err *e)
{
	return err_set(e, ERR_UPSTREAM, "RFC 7517", "issuer %.*s: its keys are not available",
		SPAN_ARG(span_first(t->i->iss, 80)));
}

/* SIG-1, SIG-3, SIG-4, as keyring.c has it. */
static bool
try_keys(const struct tracing *t, const struct keys *keys, struct err *e)
{
	const struct key *key = NULL;
	unsigned found = 0;
	unsigned tried = 0;
	size_t at = 0;

	while (tried < KEYS_TRIED_MAX && (key = keys_next(keys, t->j->kid, &at)) != NULL) {
		bool fits = (key->algs >> t->j->alg & 1U) != 0;
		found++;
		tried += fits;
		if (fits && keys_verify(key, t->j))
			return true;
	}
	return keys_refuse(t->j, t->i->iss, found, tried, e);
}

static void
check_signature(struct tracing *t)
{
	size_t at = (size_t)(t->i - t->c->issuers->item);
	struct span text = t->c->jwks != NULL ? t->c->jwks[at] : SPAN_NONE;
	struct keys *keys = NULL;
	struct err e = {.code = ERR_NONE};
	struct err why = {.code = ERR_NONE};
	bool loaded = text.p != NULL && keys_load(text, t->i->algs, NULL, &keys, &why);
	bool ok = loaded && keys_count(keys) > 0 ? try_keys(t, keys, &e) : no_keys(t, &e);
	const struct trace_row r = {"signature", "signature",
		arena_printf(t->trace.mem, "%s, %zu bytes", jws_alg_names[t->j->alg], t->j->n_sig),
		arena_printf(t->trace.mem, "by one of %zu usable keys of the issuer",
			loaded ? keys_count(keys) : 0),
		"RFC 7515 5.2"};

	single(t, &r, ok, &e);
	keys_free(keys);
}

/* A token sent as Bearer, without a proof or a certificate, by the rules of proof.c. */
static void
check_binding(struct tracing *t, const struct binding *b)
{
	const struct auth_request nothing = {.peer = NULL};
	const struct proof_case bearer = {.request = &nothing, .mem = t->trace.mem};
	bool closed = b->jkt.p != NULL && t->i->settings->dpop == DPOP_NO;
	struct err e = {.code = ERR_NONE};

	if (t->c->proven && closed)
		(void)err_set(&e, ERR_UNAUTH, "RFC 9449 7.1",
			"token: sent by DPoP, which is not accepted for this issuer (setting "
			"dpop)");
	else if (t->c->proven && (b->jkt.p != NULL || b->x5t.p != NULL))
		trace_note(&t->trace, "proof", AUTH_EXPLAIN_NOTE, SPAN_NONE,
			"taken as given; the agent checks it with each request");
	else
		(void)proof_check(NULL, t->i, b, &bearer, t->c->now * 1000, &e);
	if (e.code != ERR_NONE)
		(void)trace_fail(&t->trace, "proof", &e);
}

static void
show_account(struct tracing *t)
{
	struct subject *s = &t->trace.x->subject;

	if (t->i->settings->enrich != ENRICH_NO)
		trace_note(&t->trace, "enrich", AUTH_EXPLAIN_NOTE, SPAN_NONE,
			"the agent asks the issuer for more claims (setting enrich); what it "
			"answers is not known here");
	if (t->c->accounts == NULL)
		return;
	accounts_find(t->c->accounts, t->i, t->j->payload, s);
	if (s->local_user.n == 0 && s->n_proposals == 0)
		trace_note(&t->trace, "account", AUTH_EXPLAIN_NOTE, SPAN_NONE,
			"linked to no local account (setting accounts)");
	else
		trace_note(&t->trace, "account", AUTH_EXPLAIN_OK,
			arena_printf(t->trace.mem, "%.*s, %zu proposals",
				SPAN_ARG(s->local_user.n > 0 ? trace_clean(&t->trace, s->local_user)
							     : SPAN("no user")),
				s->n_proposals),
			NULL);
}

/* SCP-6: the trace says which of the two was used. */
static void
check_path(struct tracing *t)
{
	const struct subject *s = &t->trace.x->subject;
	struct span path = t->c->path;
	bool covered = false;
	struct err e = {.code = ERR_NONE};

	if (path.p == NULL)
		return;
	if (!s->scoped) {
		trace_note(&t->trace, "path", AUTH_EXPLAIN_NOTE, trace_clean(&t->trace, path),
			"this issuer needs no path scopes: policy decides by roles and groups");
		return;
	}
	for (size_t k = 0; k < s->n_read_paths && !covered; k++)
		covered = path_scope_covers(s->read_paths[k], path);
	(void)err_set(&e, ERR_DENIED, "RFC 6750 3.1",
		"scope: the token does not cover this path; policy is not even asked");
	const struct trace_row r = {"path", "scope", trace_clean(&t->trace, path),
		arena_printf(t->trace.mem, "below a path of %.*s", SPAN_ARG(t->i->read_word)),
		"RFC 6750 3.1"};
	single(t, &r, covered, &e);
	covered = false;
	for (size_t k = 0; k < s->n_write_paths && !covered; k++)
		covered = path_scope_covers(s->write_paths[k], path);
	trace_note(&t->trace, "adding", AUTH_EXPLAIN_NOTE, trace_clean(&t->trace, path),
		covered ? "the token covers adding data there, too; policy has to permit it"
			: "the token does not cover adding data there");
}

static void
explain_jwt(struct tracing *t)
{
	struct binding bound = {SPAN_NONE, SPAN_NONE};

	if (!check_issuer(t)) {
		trace_note(&t->trace, "others", AUTH_EXPLAIN_SKIPPED, SPAN_NONE,
			"not reached: the issuer's settings say what is expected");
		return;
	}
	check_header(t);
	check_life(t);
	check_audience(t);
	check_demands(t);
	bool known = check_subject(t, &bound);
	if (known)
		show_groups(t);
	check_signature(t);
	if (known)
		show_account(t);
	check_binding(t, &bound);
	if (known)
		check_path(t);
}

bool
auth_explain(const struct auth_explain_case *c, struct span token, struct arena *mem,
	struct auth_explain *ret, struct err *e)
{
	AUTO_JWS j = {.token = SPAN_NONE};
	struct tracing t = {.c = c, .j = &j, .trace = {ret, mem, c->now}};
	double exp = 0;

	*ret = (struct auth_explain){.status = 200};
	if (check_form(&t, token, &j)) {
		explain_jwt(&t);
		if (json_f64(json_get(j.payload, "exp"), &exp) && exp > 0 && exp < 1e15)
			ret->subject.expires = (int64_t)exp;
	} else if (ret->status == 200) {
		explain_opaque(&t, token);
	}
	if (ret->status == 200 || ret->status == 0)
		ret->decisive = ret->n;
	if (mem->full)
		return err_set(e, ERR_LIMIT, NULL, "the explanation needs more memory");
	if (ret->status != 200 && ret->status != 403)
		ret->subject = (struct subject){.authenticated = false};
	return true;
}
