/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_refusal.h"

#include "agent/base/civil.h"
#include "agent/gate_oblige.h"
#include "agent/gate_page.h"

bool
gate_refusal_wanted(const struct gate_case *c)
{
	return (c->ask->method == HTTP_GET || c->ask->method == HTTP_HEAD) &&
	       gate_page_wanted(c->ask->accept);
}

static const char *
title_of(const struct gate_case *c)
{
	if (c->decision.status == 410)
		return "Withdrawn";
	if (c->decision.terms.p != NULL)
		return "Terms to accept first";
	return c->decision.state == STATE_EMBARGOED ? "Not open yet" : "Not open to you";
}

static void
facts(struct gate_desk *d, const struct decision *n)
{
	AUTO_BUF opens = BUF_INIT(256);
	AUTO_BUF roles = BUF_INIT(1024);
	AUTO_BUF rule = BUF_INIT(1024);

	if (n->state == STATE_EMBARGOED && n->has_release) {
		civil_write_iso(&opens, (int64_t)n->release_date * 86400);
		opens.n = opens.n > 10 ? 10 : opens.n; /* the day alone */
		buf_addf(&opens, ", 00:00 %.*s", SPAN_ARG(n->timezone));
		gate_page_row(d, "Opens", buf_span(&opens));
	}
	decision_write_roles(&roles, n->grantor_order, n->n_grantors, " or ");
	if (n->n_grantors > 0)
		gate_page_row(d, "Who can help", buf_span(&roles));
	gate_page_row(d, "Questions to",
		n->contact.p != NULL ? n->contact : span_of(d->gate->settings->contact));
	buf_addf(&rule, "%.*s, policy %.*s version %u", SPAN_ARG(n->rule), SPAN_ARG(n->policy),
		n->version);
	gate_page_row(d, "Rule", buf_span(&rule));
}

static void
link_to(struct gate_desk *d, struct span to, const char *label)
{
	buf_adds(&d->body, "<p><a href=\"");
	buf_add_html(&d->body, to);
	buf_addf(&d->body, "\">%s</a></p>\n", label);
}

/* What can be done about it: accept, ask, read the public record, send a token. */
static void
next_steps(struct gate_desk *d, const struct gate_case *c)
{
	const struct decision *n = &c->decision;
	AUTO_BUF to = BUF_INIT(8192);

	if (n->terms.p != NULL) {
		buf_adds(&to, "/terms/");
		buf_add_url(&to, n->terms);
		link_to(d, buf_span(&to), "Read and accept the terms");
	} else if (n->n_grantors > 0) {
		gate_oblige_address(d, c, "/access-requests", &to);
		link_to(d, buf_span(&to), "Ask for access");
	}
	buf_reset(&to);
	gate_oblige_address(d, c, "", &to);
	link_to(d, buf_span(&to), "About this dataset");
	if (c->subject.authenticated)
		return;
	buf_adds(&d->body, "<p>Who may read it already sends a token: <code>pan-agent login ");
	buf_add_html(&d->body, span_of(d->gate->settings->public_url));
	buf_adds(&d->body, "</code></p>\n");
}

void
gate_refusal_denied(struct gate_desk *d, const struct gate_case *c, struct span sentence,
	struct http_answer *ret)
{
	gate_page_begin(d, title_of(c));
	gate_page_text(d, "p", sentence);
	buf_adds(&d->body, "<table><tbody>\n");
	gate_page_row(d, "Dataset", c->dataset.pid);
	facts(d, &c->decision);
	buf_adds(&d->body, "</tbody></table>\n");
	next_steps(d, c);
	gate_page_end(d, c, (unsigned)c->decision.status, false, ret);
}

void
gate_refusal_absent(struct gate_desk *d, const struct gate_case *c, struct span sentence,
	struct http_answer *ret)
{
	gate_page_begin(d, "Not found");
	gate_page_text(d, "p", sentence);
	buf_adds(&d->body, "<p><a href=\"/data/\">Datasets that may be seen</a></p>\n");
	gate_page_end(d, c, 404, false, ret);
}
