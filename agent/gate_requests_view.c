/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_requests_view.h"

#include "agent/base/jsonw.h"
#include "agent/gate_page.h"
#include "auth/issuers.h"

static void
json_request(struct gate_desk *d, struct jsonw *w, const struct ledger_request *r, bool of_others)
{
	const struct issuer *i = issuers_find(auth_issuers(d->gate->auth), r->who.iss);

	jsonw_obj(w, NULL);
	jsonw_str(w, "id", r->id);
	jsonw_str(w, "pid", r->pid);
	jsonw_str(w, "action", r->action);
	jsonw_str(w, "text", r->text);
	jsonw_iso(w, "at", r->at);
	jsonw_cstr(w, "state", ledger_answer_states[r->answer]);
	if (of_others) {
		jsonw_obj(w, "who");
		jsonw_str(w, "issuer", r->who.iss);
		jsonw_cstr(w, "issuer_name", i != NULL ? i->settings->name : NULL);
		jsonw_str(w, "sub", r->who.sub);
		jsonw_end(w, '}');
	}
	if (r->answer != ANSWER_NONE) {
		jsonw_iso(w, "answered", r->answered);
		jsonw_str(w, "by", r->by);
		jsonw_str(w, "note", r->note);
	}
	jsonw_end(w, '}');
}

void
gate_requests_list(struct gate_desk *d, struct jsonw *w, const char *key,
	const struct ledger_request *list, size_t n, bool of_others)
{
	jsonw_list(w, key);
	for (size_t i = 0; i < n; i++)
		json_request(d, w, &list[i], of_others);
	jsonw_end(w, ']');
}

static struct span
asker(struct gate_desk *d, const struct ledger_request *r)
{
	const struct issuer *i = issuers_find(auth_issuers(d->gate->auth), r->who.iss);

	return arena_printf(&d->mem, "%.*s at %.*s", SPAN_ARG(r->who.sub),
		SPAN_ARG(i != NULL ? span_of(i->settings->name) : r->who.iss));
}

static struct span
outcome(struct gate_desk *d, const struct ledger_request *r)
{
	if (r->answer == ANSWER_NONE)
		return SPAN("waits for an answer");
	return arena_printf(&d->mem, "%s by %.*s%s%.*s", ledger_answer_states[r->answer],
		SPAN_ARG(r->by), r->note.n > 0 ? ": " : "", SPAN_ARG(r->note));
}

/* Buttons of one request; p NULL: a link to the page that has them. */
static void
page_buttons(struct gate_desk *d, const struct gate_person *p, const struct ledger_request *r,
	bool of_others)
{
	AUTO_BUF to = BUF_INIT(16384);

	buf_adds(&d->body, "<td>");
	buf_add(&to, gate_people_path(d, r->pid, "access-requests"));
	if (p == NULL) {
		buf_adds(&d->body, "<a href=\"");
		buf_add_html(&d->body, buf_span(&to));
		buf_adds(&d->body, of_others ? "\">answer</a>" : "\">see</a>");
	} else if (p->by_session && r->answer == ANSWER_NONE) {
		buf_addc(&to, '/');
		buf_add_url(&to, r->id);
		gate_people_form(d, p, buf_span(&to));
		if (of_others) {
			buf_adds(&d->body, "<label>note <input name=\"note\" maxlength=\"1000\">"
					   "</label> <label>days <input name=\"days\" size=\"4\" "
					   "inputmode=\"numeric\"></label> ");
			gate_people_button(d, "decline", "Decline");
			gate_people_button(d, "grant", "Let this person read");
		} else {
			gate_people_button(d, "withdraw", "Take it back");
		}
		buf_adds(&d->body, "</form>");
	}
	buf_adds(&d->body, "</td>");
}

void
gate_requests_table(struct gate_desk *d, const struct gate_person *p,
	const struct ledger_request *list, size_t n, bool of_others)
{
	if (n == 0)
		return;
	buf_addf(&d->body,
		"<table><caption>%s</caption><thead><tr><th scope=\"col\">Dataset</th>"
		"<th scope=\"col\">Asked</th><th scope=\"col\">%s</th><th scope=\"col\">Text</th>"
		"<td></td></tr></thead><tbody>\n",
		of_others ? "Requests that wait for you" : "Your requests",
		of_others ? "By" : "State");
	for (size_t i = 0; i < n; i++) {
		buf_adds(&d->body, "<tr>");
		gate_page_cell(d, list[i].pid);
		gate_page_cell(d, gate_page_moment(d, list[i].at));
		gate_page_cell(d, of_others ? asker(d, &list[i]) : outcome(d, &list[i]));
		gate_page_cell(d, list[i].text);
		page_buttons(d, p, &list[i], of_others);
		buf_adds(&d->body, "</tr>\n");
	}
	buf_adds(&d->body, "</tbody></table>\n");
}
