/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_problem.h"

#include "agent/base/civil.h"
#include "agent/base/jsonw.h"
#include "agent/gate_login.h"
#include "agent/gate_oblige.h"
#include "agent/gate_refusal.h"
#include "agent/http/respond.h"

#include <stdio.h>

#define PROBLEM_TYPE "urn:pan-agent:problem:"

/* The members that every problem has; the caller adds its own and calls finish(). */
static void
begin(struct gate_desk *d, const struct gate_case *c, struct jsonw *w, unsigned status,
	struct span name)
{
	AUTO_BUF type = BUF_INIT(256);

	buf_reset(&d->body);
	jsonw_init(w, &d->body);
	jsonw_obj(w, NULL);
	buf_adds(&type, PROBLEM_TYPE);
	buf_add(&type, name);
	jsonw_str(w, "type", buf_span(&type));
	jsonw_cstr(w, "title", respond_reason(status));
	jsonw_u64(w, "status", status);
	jsonw_hex(w, "trace", c->ask->trace, sizeof(c->ask->trace));
}

static void
finish(struct gate_desk *d, struct jsonw *w, unsigned status, struct http_answer *ret)
{
	jsonw_end(w, '}');
	buf_addc(&d->body, '\n');
	gate_field(d, "Content-Type", SPAN("application/problem+json"));
	gate_field(d, "Cache-Control", SPAN("private, no-store"));
	gate_field(d, "Vary", SPAN("Accept, Authorization"));
	ret->status = (uint16_t)status;
	ret->body = HTTP_INLINE;
	ret->text = buf_span(&d->body);
	ret->fields = buf_span(&d->fields);
	ret->keep = false;
}

void
gate_problem(struct gate_desk *d, const struct gate_case *c, unsigned status, const char *name,
	const char *detail, struct http_answer *ret)
{
	struct jsonw w;

	begin(d, c, &w, status, span_of(name));
	jsonw_cstr(&w, "detail", detail);
	finish(d, &w, status, ret);
}

/* Where somebody who sent no credentials gets some. */
static void
add_login(struct gate_desk *d, struct jsonw *w)
{
	AUTO_BUF text = BUF_INIT(2048);

	jsonw_obj(w, "login");
	buf_addf(&text, "pan-agent login %s", d->gate->settings->public_url);
	jsonw_str(w, "command", buf_span(&text));
	buf_reset(&text);
	buf_addf(&text, "%s/login", d->gate->settings->public_url);
	if (gate_login_offered(d))
		jsonw_str(w, "page", buf_span(&text));
	else
		jsonw_null(w, "page");
	jsonw_end(w, '}');
}

static void
add_retry_after(struct gate_desk *d, unsigned seconds)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%u", seconds > 0 ? seconds : 1);
	gate_field(d, "Retry-After", span_of(text));
}

void
gate_problem_later(struct gate_desk *d, const struct gate_case *c, const char *detail,
	unsigned seconds, struct http_answer *ret)
{
	add_retry_after(d, seconds);
	gate_problem(d, c, 503, "unavailable", detail, ret);
}

void
gate_problem_absent(struct gate_desk *d, const struct gate_case *c, struct http_answer *ret)
{
	const char *sentence = sentence_absent(c->subject.authenticated);

	if (gate_refusal_wanted(c))
		gate_refusal_absent(d, c, span_of(sentence), ret);
	else
		gate_problem(d, c, 404, "not-found", sentence, ret);
}

/* refusal NULL: no token was sent, so the challenge is bare (RFC 6750 3.1). */
static void
challenge(struct gate_desk *d, const struct auth_refusal *refusal)
{
	AUTO_BUF line = BUF_INIT(16384);
	AUTO_BUF url = BUF_INIT(2048);
	struct span realm = span_of(d->gate->settings->public_url);

	buf_add(&url, realm);
	buf_adds(&url, "/.well-known/oauth-protected-resource");
	realm = span_skip(realm, sizeof("https://") - 1);
	auth_write_challenge(&line, realm, buf_span(&url), refusal);
	if (buf_ok(&line))
		gate_field(d, "WWW-Authenticate", buf_span(&line));
}

static void
problem_login(struct gate_desk *d, const struct gate_case *c, const struct auth_refusal *why,
	struct http_answer *ret)
{
	struct jsonw w;

	begin(d, c, &w, (unsigned)why->status, SPAN("credential"));
	jsonw_cstr(&w, "detail", why->description);
	add_login(d, &w);
	finish(d, &w, (unsigned)why->status, ret);
}

void
gate_problem_credential(struct gate_desk *d, const struct gate_case *c,
	const struct auth_refusal *why, struct http_answer *ret)
{
	switch (why->status) {
	case 503:
		gate_problem_later(d, c, why->description, why->retry_after, ret);
		return;
	case 429:
		add_retry_after(d, why->retry_after);
		gate_problem(d, c, 429, "too-many-requests", why->description, ret);
		return;
	default: /* 400, 401, 403: RFC 6750 3 */
		challenge(d, why);
		if (why->error != NULL)
			gate_problem(
				d, c, (unsigned)why->status, why->error, why->description, ret);
		else
			problem_login(d, c, why, ret);
	}
}

void
gate_problem_signin(
	struct gate_desk *d, const struct gate_case *c, const char *detail, struct http_answer *ret)
{
	struct auth_refusal why = {.status = 401};

	(void)snprintf(why.description, sizeof(why.description), "%s", detail);
	gate_problem_credential(d, c, &why, ret);
}

void
gate_problem_incomplete(struct gate_desk *d, const struct gate_case *c, struct http_answer *ret)
{
	AUTO_BUF detail = BUF_INIT(4096);

	buf_addf(&detail,
		"The groups of this user cannot be asked for at %.*s now; try again in 10 s.  If "
		"it "
		"stays so, tell %s.",
		SPAN_ARG(c->subject.iss), d->gate->settings->contact);
	buf_addc(&detail, '\0');
	gate_problem_later(d, c,
		buf_ok(&detail) ? detail.p : "The groups of this user cannot be asked for now.", 10,
		ret);
}

static void
add_grantors(struct jsonw *w, const struct decision *n)
{
	jsonw_list(w, "grantors");
	if (n->grantors_self)
		jsonw_cstr(w, NULL, "self");
	for (size_t i = 0; i < n->n_grantors; i++)
		jsonw_cstr(w, NULL, role_names[n->grantor_order[i]]);
	jsonw_end(w, ']');
}

/* What somebody can do about it: whom the data are closed to may ask, and terms can be accepted. */
static void
add_next(struct gate_desk *d, const struct gate_case *c, struct jsonw *w)
{
	const struct decision *n = &c->decision;
	bool terms = n->terms.p != NULL;
	AUTO_BUF to = BUF_INIT(8192);

	if (!terms && n->n_grantors == 0)
		return;
	if (terms) {
		buf_addf(&to, "%s/terms/", d->gate->settings->public_url);
		buf_add_url(&to, n->terms);
	} else {
		gate_oblige_address(d, c, "/access-requests", &to);
	}
	jsonw_obj(w, terms ? "accept" : "ask");
	jsonw_cstr(w, "method", "POST");
	jsonw_str(w, "href", buf_span(&to));
	if (terms) {
		jsonw_str(w, "terms", n->terms);
		jsonw_str(w, "title", n->terms_title);
		jsonw_str(w, "text", n->terms_url);
	}
	jsonw_end(w, '}');
}

/* Which rule of which policy, and when the data open. */
static void
add_decision(struct jsonw *w, const struct decision *n)
{
	AUTO_BUF date = BUF_INIT(64);

	jsonw_str(w, "rule", n->rule);
	jsonw_str(w, "policy", n->policy);
	if (n->policy.p != NULL)
		jsonw_u64(w, "version", n->version);
	else
		jsonw_null(w, "version");
	if (n->has_release)
		civil_write_iso(&date, (int64_t)n->release_date * 86400);
	jsonw_str(w, "release_date", n->has_release ? span_first(buf_span(&date), 10) : SPAN_NONE);
	jsonw_iso(w, "release_at", n->has_release ? n->release_at : INT64_MIN);
}

void
gate_problem_denied(struct gate_desk *d, const struct gate_case *c, struct http_answer *ret)
{
	const struct decision *n = &c->decision;
	AUTO_BUF sentence = BUF_INIT(4096);
	struct jsonw w;

	if (n->status == 404) {
		gate_problem_absent(d, c, ret);
		return;
	}
	if (n->status == 401)
		challenge(d, NULL);
	decision_write_sentence(n, &c->facts, &sentence);
	if (gate_refusal_wanted(c)) {
		gate_refusal_denied(d, c, buf_span(&sentence), ret);
		return;
	}
	begin(d, c, &w, (unsigned)n->status, n->reason.p != NULL ? n->reason : SPAN("tombstone"));
	jsonw_str(&w, "detail", buf_span(&sentence));
	jsonw_str(&w, "reason", n->reason);
	add_decision(&w, n);
	add_grantors(&w, n);
	jsonw_str(&w, "contact",
		n->contact.p != NULL ? n->contact : span_of(d->gate->settings->contact));
	add_next(d, c, &w);
	if (n->status == 401)
		add_login(d, &w);
	finish(d, &w, (unsigned)n->status, ret);
}
