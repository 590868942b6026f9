/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_people.h"

#include "agent/base/jsonw.h"
#include "agent/gate_datasets.h"
#include "agent/gate_grant.h"
#include "agent/gate_page.h"
#include "agent/gate_problem.h"
#include "policy/granted.h"

#include <string.h>

enum { ID_BYTES = 5, RECORD_BYTES = 8192 };

/* ---- who ---- */

bool
gate_person_find(struct gate_desk *d, struct gate_case *c, struct gate_person *ret, struct err *e)
{
	*ret = (struct gate_person){.by_session = false};
	if (c->subject.authenticated)
		return true;
	if (!gate_login_find(d, c, &ret->who, e))
		return false;
	c->subject = ret->who.subject;
	ret->by_session = true;
	return true;
}

void
gate_person_fini(struct gate_person *p)
{
	json_free(p->who.kept);
	p->who.kept = NULL;
}

bool
gate_people_same_origin(const struct gate_desk *d, const struct http_ask *ask)
{
	/* "null" is what a browser says that was told to keep quiet. */
	if (ask->origin.p != NULL && !span_is(ask->origin, "null"))
		return span_is(ask->origin, d->gate->settings->public_url);
	return span_is(ask->fetch_site, "same-origin");
}

bool
gate_people_words(struct gate_desk *d, const struct gate_case *c, const struct gate_person *p,
	uint32_t allowed, struct gate_words *ret, struct err *e)
{
	AUTO_BUF want = BUF_INIT(128);

	if (!p->by_session)
		return gate_words_json(c->ask->body, allowed, &d->mem, ret, e);
	if (!gate_people_same_origin(d, c->ask))
		return err_set(e, ERR_DENIED, "RFC 6265 8.8.1",
			"this form comes from another site; nothing was done");
	if (!gate_words_form(c->ask->body, allowed | 1U << WORD_TOKEN, &d->mem, ret, e))
		return false;
	struct span got = ret->value[WORD_TOKEN];
	return (session_form_token(d->gate->sessions, &p->who.session, &want) && got.n == want.n &&
		       crypto_same(got.p, want.p, want.n)) ||
	       err_set(e, ERR_DENIED, "RFC 6265 8.8.1",
		       "this form is not of this login; open the page again");
}

void
gate_people_form(struct gate_desk *d, const struct gate_person *p, struct span action)
{
	AUTO_BUF token = BUF_INIT(128);

	(void)session_form_token(d->gate->sessions, &p->who.session, &token);
	buf_adds(&d->body, "<form method=\"post\" action=\"");
	buf_add_html(&d->body, action);
	buf_adds(&d->body, "\"><input type=\"hidden\" name=\"token\" value=\"");
	buf_add_html(&d->body, buf_span(&token));
	buf_adds(&d->body, "\">");
}

void
gate_people_button(struct gate_desk *d, const char *what, const char *label)
{
	buf_addf(&d->body, "<button type=\"submit\" name=\"do\" value=\"%s\">%s</button>", what,
		label);
}

/* ---- the dataset ---- */

void
gate_people_begin(struct gate_desk *d, struct gate_case *c)
{
	struct gate_visit *v = arena_alloc(&d->mem, sizeof(*v));
	struct span id = gate_datasets_more(c);

	c->own = v;
	if (v == NULL)
		return;
	v->id = id;
	v->known = gate_person_find(d, c, &v->person, NULL);
}

void
gate_people_end(struct gate_case *c)
{
	struct gate_visit *v = c->own;

	if (v != NULL)
		gate_person_fini(&v->person);
}

bool
gate_people_roles(struct gate_desk *d, struct gate_case *c, uint32_t *ret, struct err *e)
{
	uint32_t roles = 0;

	if (c->dataset.document != 0 &&
		!catalog_roles(d->catalog, c->dataset.document, &c->subject, &roles, e))
		return false;
	if (c->subject.local_user.p != NULL)
		roles |= 1U << ROLE_REGISTERED;
	*ret = roles;
	return true;
}

void
gate_people_suppose(struct gate_desk *d, const struct gate_case *c, const struct subject *s,
	uint32_t roles, enum action action, struct decision *ret)
{
	struct facts f = c->facts;

	f.subject = s;
	f.roles = roles;
	f.action = action;
	policy_decide(d->gate->policies, &f, ret);
}

struct span
gate_people_role(uint32_t set)
{
	for (unsigned r = ROLE_REGISTERED + 1; r < ROLE_COUNT; r++)
		if ((set >> r & 1U) != 0)
			return span_of(role_names[r]);
	return SPAN("");
}

/* ---- facts ---- */

bool
gate_people_asker(struct gate_desk *d, struct gate_case *c, struct err *e)
{
	const struct ledger_person who = gate_person_key(c);
	struct ledger_terms *terms = NULL;
	struct ledger_link *grants = NULL;
	size_t n = 0;
	size_t n_grants = 0;

	if (c->asked_ledger || !c->subject.authenticated || c->link.p != NULL || d->ledger == NULL)
		return true;
	if (!ledger_terms_of(d->ledger, &who, &d->mem, &terms, &n, e) ||
		!ledger_grants_of(d->ledger, &who, c->now, &d->mem, &grants, &n_grants, e))
		return false;
	struct span *list = n > 0 ? arena_array(&d->mem, n, sizeof(*list)) : NULL;
	if (n > 0 && list == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory left for this request");
	for (size_t i = 0; i < n; i++)
		list[i] = terms[i].terms;
	c->accepted = list;
	c->n_accepted = n;
	c->grants = grants;
	c->n_grants = n_grants;
	c->asked_ledger = true;
	return true;
}

void
gate_people_grants(struct gate_desk *d, struct gate_case *c)
{
	const uint32_t delegate = 1U << ROLE_DELEGATE;
	int64_t until = 0;

	for (size_t i = 0; i < c->n_grants; i++)
		if (span_eq(c->grants[i].pid, c->dataset.pid) && c->grants[i].until > until)
			until = c->grants[i].until;
	c->granted = c->link.p != NULL || until > 0
			     ? granted_roles(d->gate->policies, &c->facts, delegate)
			     : 0;
	until = c->wall + (until - c->now); /* a subject ends by the wall clock */
	if (c->granted != 0 && c->link.p == NULL && until < c->subject.expires)
		c->subject.expires = until;
}

/* ---- writing ---- */

static bool
write_subject(struct gate_desk *d, const struct gate_case *c, const struct gate_people_note *note,
	struct jsonw *w, struct err *e)
{
	char id[AUDIT_ID_LEN];

	if (!audit_subject_id(d->gate->audit, c->subject.iss, c->subject.sub, c->now, id, e))
		return false;
	jsonw_obj(w, "subject");
	jsonw_cstr(w, "id", id);
	jsonw_str(w, "iss", c->subject.iss);
	jsonw_list(w, "roles");
	for (int r = 0; r < ROLE_COUNT; r++)
		if ((note->roles >> r & 1U) != 0)
			jsonw_cstr(w, NULL, role_names[r]);
	jsonw_end(w, ']');
	jsonw_end(w, '}');
	return true;
}

static bool
write_record(struct gate_desk *d, const struct gate_case *c, const struct gate_people_note *note,
	struct buf *out, struct err *e)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_hex(&w, "trace", c->ask->trace, sizeof(c->ask->trace));
	if (!c->subject.authenticated) /* the administrator */
		jsonw_null(&w, "subject");
	else if (!write_subject(d, c, note, &w, e))
		return false;
	if (note->pid.p != NULL) {
		jsonw_obj(&w, "object");
		jsonw_str(&w, "pid", note->pid);
		jsonw_end(&w, '}');
	}
	jsonw_obj(&w, note->kind);
	jsonw_str(&w, "id", note->id);
	jsonw_cstr(&w, "what", note->what);
	if (note->until != 0)
		jsonw_iso(&w, "until", note->until);
	jsonw_end(&w, '}');
	return buf_ok(out) || err_set(e, ERR_LIMIT, NULL, "audit record too long");
}

bool
gate_people_write(struct gate_desk *d, const struct gate_case *c,
	const struct gate_people_note *note, gate_people_insert *insert, void *what, struct err *e)
{
	AUTO_BUF record = BUF_INIT(RECORD_BYTES);
	struct gate_entry x = {
		.kind = note->kind, .now_ms = c->now_ms, .insert = insert, .what = what};

	if (d->gate->ledger == NULL)
		return err_set(e, ERR_LIMIT, NULL, "this agent keeps no ledger");
	if (!write_record(d, c, note, &record, e))
		return false;
	x.record = buf_span(&record);
	return gate_ledger_write(d->gate->ledger, &x, e);
}

bool
gate_people_id(struct gate_desk *d, const char *prefix, struct span *ret, struct err *e)
{
	AUTO_BUF text = BUF_INIT(64);
	uint8_t bytes[ID_BYTES];

	if (!crypto_random(bytes, sizeof(bytes), e))
		return false;
	buf_adds(&text, prefix);
	buf_add_hex(&text, bytes, sizeof(bytes));
	*ret = arena_span(&d->mem, buf_span(&text));
	return ret->p != NULL || err_set(e, ERR_LIMIT, NULL, "no memory left for this request");
}

/* ---- answers ---- */

void
gate_people_refuse(struct gate_desk *d, struct gate_case *c, unsigned status, const char *name,
	struct span why, struct http_answer *ret)
{
	struct span text = arena_printf(&d->mem, "%.*s", SPAN_ARG(why));

	buf_reset(&d->fields);
	if (!gate_page_wanted(c->ask->accept)) {
		gate_problem(d, c, status, name, text.p != NULL ? text.p : "", ret);
		return;
	}
	gate_page_begin(d, "Not done");
	gate_page_text(d, "p", why);
	buf_adds(&d->body, "<p><a href=\"/me\">Go on from here</a></p>\n");
	gate_page_end(d, c, status, false, ret);
}

void
gate_people_failed(
	struct gate_desk *d, struct gate_case *c, const struct err *e, struct http_answer *ret)
{
	char text[400];

	switch (e->code) {
	case ERR_RANGE:
		gate_people_refuse(
			d, c, 409, "conflict", span_of(err_text(e, text, sizeof(text))), ret);
		return;
	case ERR_SYNTAX:
		gate_people_refuse(
			d, c, 400, "bad-request", span_of(err_text(e, text, sizeof(text))), ret);
		return;
	case ERR_UNAUTH:
	case ERR_DENIED:
		gate_people_refuse(
			d, c, 403, "not-allowed", span_of(err_text(e, text, sizeof(text))), ret);
		return;
	case ERR_ABSENT:
		gate_problem_absent(d, c, ret);
		return;
	case ERR_NONE:
	case ERR_UPSTREAM:
	case ERR_LIMIT:
	case ERR_SYSTEM:
		break;
	}
	buf_reset(&d->fields);
	gate_problem_later(d, c, "The agent cannot write this down now.", 10, ret);
}

void
gate_people_unknown(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	static const struct auth_refusal bare = {.status = 401,
		.description = "nobody is known here; send a token, or log in with a browser"};
	AUTO_BUF back = BUF_INIT(8192);

	if (!gate_page_wanted(c->ask->accept) || !gate_login_offered(d)) {
		gate_problem_credential(d, c, &bare, ret);
		return;
	}
	buf_add_url(&back, c->ask->path);
	gate_page_begin(d, "Log in first");
	buf_adds(&d->body, "<p>This is done in your own name, so the agent has to know you.</p>\n");
	gate_login_write_links(d, buf_ok(&back) ? buf_span(&back) : SPAN("/me"));
	gate_page_end(d, c, 401, false, ret);
}

struct gate_visit *
gate_people_visit(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	struct gate_visit *v = c->own;

	if (v == NULL)
		gate_problem_later(d, c, "The agent is short of memory.", 2, ret);
	else if (!v->known)
		gate_people_unknown(d, c, ret);
	return v != NULL && v->known ? v : NULL;
}

void
gate_people_json(
	struct gate_desk *d, const struct gate_case *c, unsigned status, struct http_answer *ret)
{
	buf_addc(&d->body, '\n');
	gate_field(d, "Content-Type", SPAN("application/json"));
	gate_field(d, "Cache-Control", SPAN("private, no-store"));
	gate_field(d, "Vary", SPAN("Accept, Authorization, Cookie"));
	ret->status = (uint16_t)status;
	gate_body(d, c, ret);
}

struct span
gate_people_path(struct gate_desk *d, struct span pid, const char *member)
{
	AUTO_BUF to = BUF_INIT(16384);

	buf_adds(&to, "/datasets/");
	buf_add_url(&to, pid);
	buf_addc(&to, '/');
	buf_adds(&to, member);
	return buf_ok(&to) ? arena_span(&d->mem, buf_span(&to)) : SPAN("/me");
}
