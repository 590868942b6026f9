/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_me.h"

#include "agent/base/jsonw.h"
#include "agent/gate_grant.h"
#include "agent/gate_login.h"
#include "agent/gate_page.h"
#include "agent/gate_people.h"
#include "agent/gate_problem.h"
#include "agent/gate_requests.h"
#include "agent/gate_terms.h"
#include "agent/me_facts.h"
#include "auth/credential.h"
#include "auth/issuers.h"
#include "auth/jws.h"
#include "policy/facts.h"

#include <string.h>

struct me {
	struct gate_login_who who; /* by a session: session.created > 0 */
	struct jws token;          /* by a token that is a JWT */
	struct me_source source;
	struct me_facts facts;
	bool by_session;
};

static void
me_fini(struct me *m)
{
	json_free(m->who.kept);
	jws_fini(&m->token);
}
#define AUTO_ME __attribute__((cleanup(me_fini))) struct me

/* ---- who ---- */

/*
 * The token was judged already; this reads it once more, to show where things stood.  Where the
 * issuer was asked as well, what the token says is not all that counts, and is not shown.
 */
static void
read_token(struct gate_desk *d, const struct gate_case *c, struct me *m)
{
	struct credential got;

	m->source.issuer = issuers_find(auth_issuers(d->gate->auth), c->subject.iss);
	if (m->source.issuer == NULL || m->source.issuer->settings->enrich != ENRICH_NO ||
		!credential_parse(c->ask->authorization, &got, NULL) ||
		got.kind != CREDENTIAL_JWT || !jws_parse(got.token, &d->mem, &m->token, NULL))
		return;
	m->source.claims = m->token.payload;
}

/* False: nobody, and *e says whether that is certain (ERR_ABSENT, ERR_UNAUTH). */
static bool
find_who(struct gate_desk *d, struct gate_case *c, struct me *m, struct err *e)
{
	if (c->subject.authenticated) {
		read_token(d, c, m);
	} else {
		if (!gate_login_find(d, c, &m->who, e))
			return false;
		c->subject = m->who.subject;
		m->by_session = true;
		m->source.issuer = m->who.issuer;
		m->source.kept = m->who.kept;
		m->source.claims = json_get(m->who.kept, "claims");
	}
	m->source.subject = &c->subject;
	if (m->source.issuer == NULL)
		return err_set(e, ERR_ABSENT, NULL, "its issuer is not trusted any more");
	return me_facts(&m->source, &d->mem, &m->facts, e);
}

/* ---- JSON ---- */

static void
json_values(struct jsonw *w, const char *key, const struct me_value *list, size_t n)
{
	jsonw_list(w, key);
	for (size_t i = 0; i < n; i++) {
		jsonw_obj(w, NULL);
		jsonw_str(w, "value", list[i].value);
		jsonw_str(w, "claim", list[i].claim);
		jsonw_cstr(w, "from", list[i].from);
		jsonw_bool(w, "counts", list[i].counts);
		jsonw_str(w, "why", list[i].why);
		jsonw_end(w, '}');
	}
	jsonw_end(w, ']');
}

static void
json_identity(struct jsonw *w, const struct me *m)
{
	const struct subject *s = m->source.subject;
	const struct me_facts *f = &m->facts;

	jsonw_cstr(w, "by", m->by_session ? "session" : "token");
	jsonw_obj(w, "issuer");
	jsonw_str(w, "issuer", s->iss);
	jsonw_cstr(w, "name", m->source.issuer->settings->name);
	jsonw_cstr(w, "profile", m->source.issuer->profile);
	jsonw_end(w, '}');
	jsonw_obj(w, "id");
	jsonw_str(w, "value", s->sub);
	jsonw_str(w, "claim", f->id_claim);
	jsonw_cstr(w, "from", f->id_from);
	jsonw_end(w, '}');
	jsonw_str(w, "name", f->name);
	jsonw_str(w, "email", f->email);
	jsonw_bool(w, "email_verified", f->email_verified);
	jsonw_str(w, "client", s->client);
	jsonw_iso(w, "expires", s->expires);
}

static void
json_rights(struct jsonw *w, const struct me *m)
{
	const struct subject *s = m->source.subject;
	const struct me_facts *f = &m->facts;

	json_values(w, "groups", f->groups, f->n_groups);
	jsonw_obj(w, "assurance");
	jsonw_cstr(w, "level", assurance_names[s->assurance]);
	json_values(w, "values", f->assurance, f->n_assurance);
	jsonw_str(w, "acr", s->acr);
	jsonw_end(w, '}');
	jsonw_obj(w, "account");
	jsonw_str(w, "user", s->local_user);
	jsonw_strs(w, "proposals", s->proposals, s->n_proposals);
	jsonw_end(w, '}');
	jsonw_obj(w, "scopes");
	jsonw_strs(w, "words", f->scopes, f->n_scopes);
	jsonw_bool(w, "narrow", s->scoped && !m->by_session);
	jsonw_strs(w, "read_paths", s->read_paths, s->n_read_paths);
	jsonw_strs(w, "write_paths", s->write_paths, s->n_write_paths);
	jsonw_end(w, '}');
	jsonw_strs(w, "notes", f->notes, f->n_notes);
}

static void
answer_json(struct gate_desk *d, struct gate_case *c, const struct me *m, struct http_answer *ret)
{
	struct jsonw w;

	jsonw_init(&w, &d->body);
	jsonw_obj(&w, NULL);
	json_identity(&w, m);
	json_rights(&w, m);
	gate_terms_json(d, c, &w);
	gate_requests_json(d, c, &w);
	jsonw_end(&w, '}');
	buf_addc(&d->body, '\n');
	gate_field(d, "Content-Type", SPAN("application/json"));
	gate_field(d, "Cache-Control", SPAN("no-store"));
	gate_field(d, "Vary", SPAN("Accept, Authorization, Cookie"));
	gate_body(d, c, ret);
}

/* ---- the page ---- */

static struct span
joined(struct gate_desk *d, const struct span *list, size_t n)
{
	AUTO_BUF text = BUF_INIT(65536);

	for (size_t i = 0; i < n; i++) {
		buf_adds(&text, i > 0 ? ", " : "");
		buf_add(&text, list[i]);
	}
	return n > 0 ? arena_span(&d->mem, buf_span(&text)) : SPAN("none");
}

static struct span
or_none(struct span s)
{
	return s.n > 0 ? s : SPAN("not told");
}

static struct span
lifetime(struct gate_desk *d, const struct me *m)
{
	struct span end = gate_page_moment(d, m->source.subject->expires);

	if (!m->by_session)
		return end;
	return arena_printf(&d->mem, "%.*s, or when unused for %u minutes", SPAN_ARG(end),
		d->gate->settings->session_idle / 60);
}

static void
page_identity(struct gate_desk *d, const struct me *m)
{
	const struct subject *s = m->source.subject;
	const struct me_facts *f = &m->facts;

	buf_adds(&d->body, "<table><caption>You</caption><tbody>\n");
	gate_page_row(d, "Name", or_none(f->name));
	gate_page_row(d, "E-mail",
		f->email.n == 0
			? SPAN("not told")
			: arena_printf(&d->mem, "%.*s (%s)", SPAN_ARG(f->email),
				  f->email_verified ? "checked by the issuer" : "not checked"));
	gate_page_row(d, "Issuer",
		arena_printf(
			&d->mem, "%s (%.*s)", m->source.issuer->settings->name, SPAN_ARG(s->iss)));
	gate_page_row(d, "Unique id",
		arena_printf(&d->mem, "%.*s (from %.*s, %s)", SPAN_ARG(s->sub),
			SPAN_ARG(f->id_claim), f->id_from));
	gate_page_row(d, "Known by",
		m->by_session ? SPAN("a login in this browser") : SPAN("the token that was sent"));
	gate_page_row(d, "Client", or_none(s->client));
	gate_page_row(d, "Strength of the login (acr)", or_none(s->acr));
	gate_page_row(d, "Assurance", span_of(assurance_names[s->assurance]));
	gate_page_row(
		d, "Account here", s->local_user.n > 0 ? s->local_user : SPAN("none is linked"));
	gate_page_row(d, "Proposals of that link", joined(d, s->proposals, s->n_proposals));
	gate_page_row(d, "Ends", lifetime(d, m));
	buf_adds(&d->body, "</tbody></table>\n");
}

static void
page_values(struct gate_desk *d, const char *caption, const struct me_value *list, size_t n)
{
	if (n == 0)
		return;
	buf_addf(&d->body,
		"<table><caption>%s</caption>\n<thead><tr><th scope=\"col\">Value</th>"
		"<th scope=\"col\">Claim</th><th scope=\"col\">From</th>"
		"<th scope=\"col\">Counts</th><th scope=\"col\">Why</th></tr></thead>\n<tbody>\n",
		caption);
	for (size_t i = 0; i < n; i++) {
		buf_adds(&d->body, "<tr>");
		gate_page_cell(d, list[i].value);
		gate_page_cell(d, list[i].claim);
		gate_page_cell(d, span_of(list[i].from));
		gate_page_cell(d, list[i].counts ? SPAN("yes") : SPAN("no"));
		gate_page_cell(d, list[i].why);
		buf_adds(&d->body, "</tr>\n");
	}
	buf_adds(&d->body, "</tbody></table>\n");
}

static void
page_rights(struct gate_desk *d, const struct me *m)
{
	const struct subject *s = m->source.subject;
	const struct me_facts *f = &m->facts;

	buf_adds(&d->body, "<h2>What you were given, and why</h2>\n");
	page_values(d, "Groups and entitlements", f->groups, f->n_groups);
	page_values(d, "Assurance", f->assurance, f->n_assurance);
	buf_adds(&d->body, "<table><caption>Scopes</caption><tbody>\n");
	gate_page_row(d, "Granted", joined(d, f->scopes, f->n_scopes));
	if (!m->by_session)
		gate_page_row(d, "Do they narrow what you may read",
			s->scoped ? SPAN("yes, to these paths") : SPAN("no"));
	if (!m->by_session && s->scoped)
		gate_page_row(d, "Paths", joined(d, s->read_paths, s->n_read_paths));
	if (!m->by_session && s->scoped && s->n_write_paths > 0)
		gate_page_row(
			d, "Paths to add data to", joined(d, s->write_paths, s->n_write_paths));
	buf_adds(&d->body, "</tbody></table>\n");
	if (f->n_notes == 0)
		return;
	buf_adds(&d->body, "<h2>Worth knowing</h2>\n<ul>\n");
	for (size_t i = 0; i < f->n_notes; i++)
		gate_page_text(d, "li", f->notes[i]);
	buf_adds(&d->body, "</ul>\n");
}

static void
page_logout(struct gate_desk *d, const struct me *m)
{
	const struct gate_person p = {.by_session = m->by_session, .who = m->who};

	if (!m->by_session)
		return;
	gate_people_form(d, &p, SPAN("/logout"));
	buf_adds(&d->body, "<button type=\"submit\">Log out</button></form>\n");
}

/* What they have accepted and asked for, and what waits for them. */
static void
page_deeds(struct gate_desk *d, struct gate_case *c, const struct me *m)
{
	const struct gate_person p = {.by_session = m->by_session, .who = m->who};

	gate_terms_page(d, c, &p);
	gate_requests_page(d, c);
}

static void
answer_page(struct gate_desk *d, struct gate_case *c, const struct me *m, struct http_answer *ret)
{
	gate_page_begin(d, "Who you are");
	page_identity(d, m);
	page_logout(d, m);
	page_deeds(d, c, m);
	page_rights(d, m);
	buf_adds(&d->body, "<p>Something is wrong? Write to ");
	buf_add_html(&d->body, span_of(d->gate->settings->contact));
	buf_adds(&d->body, ".</p>\n");
	gate_page_end(d, c, 200, m->by_session, ret);
}

/* ---- nobody ---- */

static void
answer_nobody(struct gate_desk *d, const struct gate_case *c, struct http_answer *ret)
{
	static const struct auth_refusal bare = {.status = 401,
		.description = "nobody is known here; send a token, or log in with a browser"};

	if (!gate_page_wanted(c->ask->accept)) {
		gate_problem_credential(d, c, &bare, ret);
		return;
	}
	gate_page_begin(d, "Not logged in");
	if (gate_login_offered(d)) {
		buf_adds(&d->body, "<p>Nobody is logged in with this browser.</p>\n");
		gate_login_write_links(d, SPAN("/me"));
	} else {
		buf_adds(&d->body, "<p>Nobody can log in with a browser here. "
				   "<code>pan-agent login ");
		buf_add_html(&d->body, span_of(d->gate->settings->public_url));
		buf_adds(&d->body, "</code> gets a token.</p>\n");
	}
	gate_page_end(d, c, 200, false, ret);
}

void
gate_me_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	AUTO_ME m = {.by_session = false};
	struct err e = {.code = ERR_NONE};

	if (find_who(d, c, &m, &e)) {
		if (gate_page_wanted(c->ask->accept))
			answer_page(d, c, &m, ret);
		else
			answer_json(d, c, &m, ret);
		return;
	}
	if (e.code == ERR_LIMIT || e.code == ERR_SYSTEM)
		gate_problem_later(d, c, "The agent is short of memory or time.", 2, ret);
	else
		answer_nobody(d, c, ret);
}
